use super::*;

fn trouble(kind: TroubleKind) -> Trouble {
    let reply = "no".to_owned();
    Trouble { kind, reply }
}

/// Holds all for trouble of an attempt that began after the last pause.
fn hold(health: &MailHealth, kind: TroubleKind, now: Instant) -> Instant {
    health.hold(&trouble(kind), health.pauses(), now)
}

/// So many places, with none in use.
fn all_places(health: &MailHealth, now: Instant) -> u32 {
    health.places(8, &[], now)
}

fn kind_of(health: &MailHealth) -> Option<TroubleKind> {
    health.trouble().map(|trouble| trouble.kind)
}

/// A mail of this organizer to this recipient, tried for the `nth` time: mails and schedules have the same numbers.
fn one<'a>(health: &MailHealth, organizer: &'a str, mail: u64, address: &'a str, tries: u32) -> Suspicion<'a> {
    health.tries_organizer(organizer);
    health.tried_schedule(mail);
    health.tried_recipient(address);
    Suspicion {
        key: (mail, 0),
        organizer,
        schedule: mail,
        address,
        tries,
        is_notice: false,
    }
}

/// It was rejected in a way that can be this host's fault.
fn rejected_of(health: &MailHealth, organizer: &str, mail: u64, recipient: &str, now: Instant) -> Option<Instant> {
    health.unclear((mail, 0), now);
    let one = one(health, organizer, mail, recipient, 1);
    health.hold_rejected(one, &trouble(TroubleKind::Relay), (health.pauses(), false), now)
}

/// … of the only organizer.
fn rejected(health: &MailHealth, mail: u64, recipient: &str, now: Instant) -> Option<Instant> {
    rejected_of(health, "demo", mail, recipient, now)
}

/// … was put off.
fn put_off(health: &MailHealth, mail: u64, recipient: &str, now: Instant) -> Option<Instant> {
    health.unclear((mail, 0), now);
    let one = one(health, "demo", mail, recipient, 1);
    health.hold_put_off(one, &trouble(TroubleKind::Deferred), health.pauses(), now)
}

#[test]
fn trouble_holds_all_and_one_attempt_after_each_pause_shows_whether_it_is_over() {
    let health = MailHealth::default();
    assert_eq!(health.places(8, &[0, 0, 0], 0), 5);
    let mut now = 0;
    for pause in [60, 120, 240, 300, 300] {
        let begun = health.pauses();
        assert_eq!(hold(&health, TroubleKind::Login, now), now + pause);
        // The others that were under way make it no longer.
        let other = health.hold(&trouble(TroubleKind::Login), begun, now + 1);
        assert_eq!(other, now + pause);
        assert_eq!(all_places(&health, now + pause - 1), 0);
        assert_eq!(health.paused_until(now), Some(now + pause));
        now += pause;
        assert_eq!(all_places(&health, now), 1);
        assert_eq!(health.places(8, &[health.pauses()], now), 0);
        assert_eq!(health.paused_until(now), None);
    }
    let known = health.trouble().unwrap();
    assert_eq!(
        (known.kind, known.since, known.reply.as_str()),
        (TroubleKind::Login, 0, "no")
    );
    health.accepted((1, 0), now);
    assert_eq!((all_places(&health, now), health.trouble()), (8, None));
    assert_eq!(hold(&health, TroubleKind::Login, now), now + 60, "from the start again");
}

#[test]
fn a_slow_attempt_that_began_before_a_pause_takes_no_place_from_the_one_that_shows_whether_it_is_over() {
    let health = MailHealth::default();
    let before = health.pauses();
    hold(&health, TroubleKind::Unreachable, 0);
    assert_eq!(health.places(8, &[before, before], 60), 1);
    assert_eq!(
        health.places(8, &[before, health.pauses(), before], 60),
        0,
        "one is enough"
    );
    assert_eq!(
        health.places(2, &[before, before], 60),
        0,
        "there are no more connections"
    );
}

#[test]
fn a_slow_attempt_that_began_before_a_pause_makes_the_next_one_no_longer() {
    let health = MailHealth::default();
    let before = health.pauses();
    hold(&health, TroubleKind::Unreachable, 0);
    let slow = health.hold(&trouble(TroubleKind::Unreachable), before, 70);
    assert_eq!((slow, health.paused_until(70)), (70, None));
    assert_eq!(
        hold(&health, TroubleKind::Unreachable, 70),
        70 + 120,
        "the second in a row"
    );
}

#[test]
fn what_was_accepted_before_a_pause_does_not_end_it() {
    let health = MailHealth::default();
    hold(&health, TroubleKind::Unreachable, 0);
    health.accepted((1, 0), 59);
    assert!(all_places(&health, 59) == 0 && health.trouble().is_some());
    health.accepted((1, 1), 60);
    assert!(all_places(&health, 60) == 8 && health.trouble().is_none());
}

#[test]
fn a_reply_about_something_else_shows_the_way_to_the_server_and_only_a_mail_that_goes_out_shows_the_rest() {
    // One that has too much to do gets fewer connections besides.
    for kind in TroubleKind::ALL.into_iter().filter(|kind| *kind != TroubleKind::Busy) {
        let health = MailHealth::default();
        hold(&health, kind, 0);
        health.answered(60);
        let waits_for_a_mail = matches!(kind, TroubleKind::Sender | TroubleKind::Relay | TroubleKind::Deferred);
        assert_eq!(all_places(&health, 60), if waits_for_a_mail { 1 } else { 8 }, "{kind}");
        assert_eq!(health.trouble().is_some(), waits_for_a_mail, "{kind}");
        health.accepted((1, 0), 60);
        assert_eq!((all_places(&health, 60), health.trouble()), (8, None), "{kind}");
    }
}

#[test]
fn a_clock_set_back_does_not_hold_mail() {
    let health = MailHealth::default();
    hold(&health, TroubleKind::Unreachable, 1_000_000);
    assert_eq!(all_places(&health, 1_000), 1);
    assert_eq!(health.paused_until(1_000), None);
}

#[test]
fn a_server_with_too_much_to_do_gets_half_the_connections_and_more_again_with_mails() {
    let health = MailHealth::default();
    assert_eq!(all_places(&health, 0), 8);
    let begun = health.pauses();
    for nth in 0..8 {
        assert_eq!(health.hold(&trouble(TroubleKind::Busy), begun, nth), 10);
    }
    health.accepted((1, 0), 10);
    assert_eq!(all_places(&health, 10), 4);
    assert_eq!(health.trouble(), None, "no trouble yet");
    for _ in 1..MAILS_PER_CONNECTION {
        assert_eq!(all_places(&health, 10), 4);
        health.accepted((1, 0), 10);
    }
    assert_eq!(all_places(&health, 10), 5);
    for _ in 0..3 * MAILS_PER_CONNECTION {
        health.accepted((1, 0), 10);
    }
    assert_eq!(all_places(&health, 10), 8);
    for (now, until) in [(10, 20), (20, 40), (40, 80)] {
        assert_eq!(health.trouble(), None);
        assert_eq!(hold(&health, TroubleKind::Busy, now), until);
    }
    assert_eq!(kind_of(&health), Some(TroubleKind::Busy));
}

#[test]
fn connections_come_back_with_time_where_few_mails_are_sent() {
    let health = MailHealth::default();
    assert_eq!(all_places(&health, 0), 8);
    hold(&health, TroubleKind::Busy, 0);
    health.accepted((1, 0), 10);
    for (now, places) in [(10, 4), (299, 4), (300, 5), (599, 5), (600, 6), (1_200, 8)] {
        assert_eq!(all_places(&health, now), places, "after {now} seconds");
    }
    // Not while it has too much to do.
    hold(&health, TroubleKind::Busy, 1_200);
    hold(&health, TroubleKind::Busy, 1_400);
    health.accepted((1, 0), 1_500);
    assert_eq!((all_places(&health, 1_699), all_places(&health, 1_700)), (4, 5));
    // A clock set back costs no more than its own wait.
    assert_eq!((all_places(&health, 100), all_places(&health, 400)), (5, 6));
}

#[test]
fn a_rejection_is_the_recipients_only_once_somebody_else_was_accepted_after_it() {
    let health = MailHealth::default();
    health.accepted((1, 0), 0);
    assert!(!health.is_the_recipients((2, 0)), "never rejected");
    health.unclear((2, 0), 0);
    assert!(!health.is_the_recipients((2, 0)));
    health.accepted((3, 0), 1);
    assert!(health.is_the_recipients((2, 0)));
    health.unclear((2, 0), 2);
    assert!(health.is_the_recipients((2, 0)), "since the first time");
    health.forget((2, 0));
    assert!(!health.is_the_recipients((2, 0)));
}

#[test]
fn one_address_of_several_is_no_trouble_of_the_hosts_however_often_it_is_rejected_or_put_off() {
    let health = MailHealth::default();
    health.tried_recipient("other@example.org");
    for nth in 0..30 {
        let now = nth * 3_600;
        for mail in 1..=4 {
            assert_eq!(rejected(&health, mail, "A@example.com", now), None);
            assert_eq!(rejected(&health, 10 + mail, "a@example.com", now), None);
            assert_eq!(put_off(&health, 20 + mail, "a@example.com", now), None);
        }
        assert_eq!((all_places(&health, now), health.trouble()), (8, None));
    }
}

#[test]
fn one_address_that_is_everybody_is_held_and_shown_once_it_was_rejected_three_times() {
    let health = MailHealth::default();
    assert_eq!(rejected(&health, 1, "a@example.com", 0), Some(60));
    assert_eq!(rejected(&health, 1, "a@example.com", 60), Some(60 + 120));
    assert_eq!((all_places(&health, 60), health.trouble()), (8, None));
    assert_eq!(rejected(&health, 1, "a@example.com", 180), Some(180 + 240));
    assert_eq!(health.trouble().map(|trouble| trouble.since), Some(0));
    assert_eq!(all_places(&health, 180), 8, "it holds up nobody else");
    health.accepted((1, 0), 420);
    assert_eq!(health.trouble(), None);
    assert_eq!(
        rejected(&health, 2, "a@example.com", 500),
        None,
        "it was accepted before"
    );
}

#[test]
fn recipients_of_two_domains_rejected_in_a_row_hold_everybody_and_any_number_of_one_domain_does_not() {
    let health = MailHealth::default();
    health.tried_recipient("other@example.net");
    for mail in 1..=20 {
        assert_eq!(rejected(&health, mail, &format!("r{mail}@example.com"), 0), None);
    }
    assert_eq!((all_places(&health, 0), health.trouble()), (8, None));
    assert_eq!(rejected(&health, 21, "c@example.org", 30), Some(90));
    assert_eq!(
        (all_places(&health, 30), kind_of(&health)),
        (0, Some(TroubleKind::Relay))
    );
    assert_eq!(health.trouble().map(|trouble| trouble.since), Some(0));
    // The one that is tried after the pause is one of them, or not: nothing has changed.
    assert_eq!(rejected(&health, 22, "d@example.com", 90), Some(90 + 120));
    health.accepted((4, 0), 210);
    assert_eq!((all_places(&health, 210), health.trouble()), (8, None));
    assert_eq!(
        rejected(&health, 23, "e@example.org", 210),
        None,
        "counted from the start"
    );
}

#[test]
fn where_there_are_several_organizers_all_is_held_only_if_several_of_them_are_rejected() {
    let health = MailHealth::default();
    health.tries_organizer("a");
    for mail in 1..=20 {
        rejected_of(&health, "b", mail, &format!("r{mail}@d{mail}.example"), 0);
    }
    // It is shown, and holds up nobody else.
    assert_eq!(
        (all_places(&health, 0), kind_of(&health)),
        (8, Some(TroubleKind::Relay))
    );
    assert_eq!(rejected_of(&health, "a", 21, "x@example.org", 0), Some(60));
    assert_eq!(all_places(&health, 0), 0);
    assert_eq!(health.suspects().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    // One that is accepted ends it, also if it began before.
    health.accepted((22, 0), 1);
    assert_eq!((all_places(&health, 1), health.trouble()), (8, None));
}

#[test]
fn where_there_is_one_organizer_all_is_held_only_if_several_of_its_schedules_are_rejected() {
    let health = MailHealth::default();
    health.tried_schedule(7);
    for mail in 1..=20 {
        let recipient = format!("r{mail}@d{mail}.example");
        let one = Suspicion {
            schedule: 8,
            ..one(&health, "demo", 8, &recipient, 1)
        };
        health.unclear(one.key, 0);
        health.hold_rejected(one, &trouble(TroubleKind::Relay), (health.pauses(), false), 0);
    }
    assert_eq!(all_places(&health, 0), 8);
    assert_eq!(rejected(&health, 7, "x@example.org", 0), Some(60));
    assert_eq!(all_places(&health, 0), 0);
}

#[test]
fn rejections_of_notices_raise_nothing() {
    let health = MailHealth::default();
    for mail in 1..=20 {
        let recipient = format!("owner@d{mail}.example");
        let one = Suspicion {
            is_notice: true,
            ..one(&health, "demo", mail, &recipient, 1)
        };
        health.unclear(one.key, 0);
        let held = health.hold_rejected(one, &trouble(TroubleKind::Relay), (health.pauses(), false), 0);
        assert_eq!((held, health.trouble()), (None, None));
    }
}

#[test]
fn trouble_of_deliveries_that_are_over_is_over() {
    let health = MailHealth::default();
    health.tries_organizer("a");
    for mail in 1..=3 {
        rejected_of(&health, "b", mail, &format!("r@d{mail}.example"), 0);
    }
    assert_eq!(kind_of(&health), Some(TroubleKind::Relay));
    health.forget((1, 0));
    assert_eq!(health.trouble(), None);
}

#[test]
fn who_is_put_off_for_some_minutes_is_on_his_own_and_everybody_for_longer_is_the_hosts() {
    let health = MailHealth::default();
    let everybody = [(1, "a@example.com"), (2, "b@example.com"), (3, "c@example.org")];
    for now in [0, 60, 180] {
        for (mail, recipient) in everybody {
            assert_eq!(put_off(&health, mail, recipient, now), None);
        }
    }
    assert_eq!((all_places(&health, 180), health.trouble()), (8, None));
    assert_eq!(put_off(&health, 1, "a@example.com", 420), None);
    assert_eq!(put_off(&health, 2, "b@example.com", 420), None);
    assert_eq!(put_off(&health, 3, "c@example.org", 420), Some(480));
    assert_eq!(
        (all_places(&health, 420), kind_of(&health)),
        (0, Some(TroubleKind::Deferred))
    );
    assert_eq!(health.trouble().map(|trouble| trouble.since), Some(0));
    // Whoever is tried after the pause, also for the first time, shows that it goes on.
    assert_eq!(put_off(&health, 4, "d@example.com", 480), Some(600));
    health.accepted((5, 0), 600);
    assert_eq!((all_places(&health, 600), health.trouble()), (8, None));
}

#[test]
fn trouble_that_changes_its_kind_is_logged_once_for_each() {
    let health = MailHealth::default();
    let mut now = 0;
    for kind in [TroubleKind::Login, TroubleKind::Tls].repeat(3) {
        now = hold(&health, kind, now);
        assert_eq!(kind_of(&health), Some(kind));
    }
    assert_eq!(health.state().told, [TroubleKind::Login, TroubleKind::Tls]);
    health.accepted((1, 0), now);
    assert!(health.state().told.is_empty());
}
