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

/// A recipient of this mail was rejected in a way that can be this host's fault.
fn rejected(health: &MailHealth, mail: u64, recipient: &str, now: Instant) -> Instant {
    health.unclear((mail, 0), now);
    let relay = trouble(TroubleKind::Relay);
    health.hold_unclear(((mail, 0), recipient), &relay, health.pauses(), now)
}

/// … was put off.
fn put_off(health: &MailHealth, mail: u64, recipient: &str, now: Instant) -> Option<Instant> {
    health.unclear((mail, 0), now);
    let deferred = trouble(TroubleKind::Deferred);
    health.hold_put_off(((mail, 0), recipient), &deferred, health.pauses(), now)
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
fn one_rejection_is_no_trouble_of_the_hosts_and_the_third_in_a_row_of_the_same_delivery_is() {
    let health = MailHealth::default();
    for (now, until, shown) in [(0, 60, false), (60, 180, false), (180, 420, true), (420, 720, true)] {
        assert_eq!(rejected(&health, 1, "a@example.com", now), until);
        assert_eq!(all_places(&health, now), 8, "it holds up nobody else");
        assert_eq!(health.trouble().is_some(), shown, "at {now}");
    }
    let shown = health.trouble().unwrap();
    assert_eq!((shown.kind, shown.since), (TroubleKind::Relay, 0), "since it began");
    // With somebody accepted it is over, and it was that one's alone.
    health.accepted((2, 0), 800);
    assert_eq!(health.trouble(), None);
}

#[test]
fn three_recipients_rejected_in_a_row_hold_everybody_and_three_mails_to_one_do_not() {
    let health = MailHealth::default();
    for mail in 1..=9 {
        assert_eq!(rejected(&health, mail, "A@example.com", 0), 60);
        assert_eq!(rejected(&health, 100 + mail, "a@example.com", 0), 60);
    }
    assert_eq!(rejected(&health, 10, "b@example.com", 0), 60);
    assert_eq!((all_places(&health, 0), health.trouble()), (8, None));
    assert_eq!(rejected(&health, 11, "c@example.com", 30), 90);
    assert_eq!(
        (all_places(&health, 30), kind_of(&health)),
        (0, Some(TroubleKind::Relay))
    );
    assert_eq!(health.trouble().map(|trouble| trouble.since), Some(0));
    // The one that is tried after the pause is one of them, or not: nothing has changed.
    assert_eq!(rejected(&health, 12, "d@example.com", 90), 90 + 120);
    health.accepted((4, 0), 210);
    assert_eq!((all_places(&health, 210), health.trouble()), (8, None));
    rejected(&health, 13, "e@example.com", 210);
    assert_eq!(all_places(&health, 210), 8, "counted from the start");
}

#[test]
fn who_is_put_off_for_some_minutes_is_on_his_own_and_everybody_for_longer_is_the_hosts() {
    let health = MailHealth::default();
    let everybody = [(1, "a@example.com"), (2, "b@example.com"), (3, "c@example.com")];
    for now in [0, 60, 180] {
        for (mail, recipient) in everybody {
            assert_eq!(put_off(&health, mail, recipient, now), None);
        }
    }
    assert_eq!((all_places(&health, 180), health.trouble()), (8, None));
    assert_eq!(put_off(&health, 1, "a@example.com", 420), None);
    assert_eq!(put_off(&health, 2, "b@example.com", 420), None);
    assert_eq!(put_off(&health, 3, "c@example.com", 420), Some(480));
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
fn one_that_alone_is_put_off_for_an_hour_is_shown_and_holds_up_nobody() {
    let health = MailHealth::default();
    for (nth, now) in [0, 60, 180, 420, 900, 1_860, 3_780].into_iter().enumerate() {
        assert_eq!(health.trouble(), None, "before {now}");
        assert_eq!(put_off(&health, 1, "a@example.com", now), None, "{nth}");
    }
    assert_eq!(
        (all_places(&health, 3_780), kind_of(&health)),
        (8, Some(TroubleKind::Deferred))
    );
    // Nobody tries it any more, and nothing else is known to be wrong.
    health.forget((1, 0));
    assert_eq!(health.trouble(), None);
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
