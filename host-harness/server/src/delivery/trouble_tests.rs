//! Trouble that the operator has to repair, and what it costs whom.

use super::*;

/// Everything that is due at that time and later, to the end of that day, as a host that sleeps in between does it.
async fn for_days(host: &Host, days: i64) -> u32 {
    let (mut now, mut passes) = (T0, 0);
    while now < T0 + days * TRY_FOR {
        host.pass_at(now).await;
        passes += 1;
        now = host.health.paused_until(now).unwrap_or(now + 60);
    }
    passes
}

#[tokio::test]
async fn what_the_operator_has_to_repair_is_final_for_nobody_and_goes_out_when_it_is_repaired() {
    for (stage, said) in [
        (Stage::Connect, "554 5.7.1 no service"),
        (Stage::Hello, "550 who are you"),
        (Stage::Mail, "553 5.7.1 sender not owned"),
        (Stage::Mail, "530 5.7.0 log in first"),
        (Stage::Recipient, "554 5.7.1 Relay access denied"),
        (Stage::Recipient, "504 5.5.2 Helo rejected"),
        (Stage::Recipient, "550 5.7.1 blocked"),
        (Stage::Taken, "550 5.7.60 cannot send as this sender"),
        // A no that names nothing.
        (Stage::Recipient, "550 Access denied"),
        (Stage::Recipient, "550 Please log in first"),
        (Stage::Recipient, "500 unrecognized"),
        (Stage::Recipient, "521 5.2.1 host does not accept mail"),
        (Stage::Taken, "550 5.7.1 SPF check failed"),
        (Stage::Taken, "554 [PH01] policy"),
    ] {
        let host = Host::new().await;
        host.server.when(stage).reply(said);
        host.outbox.put(1, T0, &["a@example.com", "b@example.org"], b"x");
        host.outbox.put(2, T0, &["c@example.com", "d@example.org"], b"x");
        let passes = for_days(&host, 2).await;
        assert!(passes > 500, "it is tried every few minutes");
        // Two when it begins, then one after each pause: nobody is flooded.
        assert!(host.server.commands().len() < 12 * passes as usize);
        for (mail, position) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
            let held = host.outbox.of(mail, position);
            assert!(
                matches!(held.status, DeliveryStatus::Retrying | DeliveryStatus::Queued),
                "{said}: {held:?}"
            );
            assert!(
                !held.counts && (held.words.is_empty() || held.words.ends_with(said)),
                "{held:?}"
            );
        }
        let trouble = host.health.trouble().expect("shown");
        assert!(trouble.since < T0 + 60 && trouble.reply.ends_with(said), "{trouble:?}");
        host.server.forget_rules();
        let repaired = T0 + 2 * TRY_FOR;
        let accepted = host
            .pass_at(repaired + crate::delivery::health::MAX_PAUSE)
            .await
            .accepted;
        assert_eq!((accepted, host.health.trouble()), (4, None), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_puts_everybody_off_is_the_operators_to_repair_and_nobody_is_given_up() {
    type Fault = fn(&SmtpServer);
    let faults: [(TroubleKind, Fault); 6] = [
        (TroubleKind::Deferred, |server| {
            server.when(Stage::Mail).reply("452 4.3.1 Insufficient system storage");
        }),
        (TroubleKind::Deferred, |server| {
            server
                .when(Stage::Recipient)
                .reply("451 4.3.0 Temporary lookup failure");
        }),
        (TroubleKind::Relay, |server| {
            server.when(Stage::Recipient).reply("454 4.7.1 Relay access denied");
        }),
        (TroubleKind::Deferred, |server| {
            server.when(Stage::Data).reply("451 4.3.0 later")
        }),
        (TroubleKind::Deferred, |server| {
            server.when(Stage::Taken).reply("451 4.3.0 the content filter is down");
        }),
        (TroubleKind::Deferred, |server| server.when(Stage::Midway).close()),
    ];
    for (kind, fault) in faults {
        let host = Host::new().await;
        fault(&host.server);
        host.outbox.put(1, T0, &["a@example.com", "b@example.org"], b"x");
        host.outbox.put(2, T0, &["c@example.com"], b"x");
        for_days(&host, 2).await;
        for (mail, position) in [(1, 0), (1, 1), (2, 0)] {
            let held = host.outbox.of(mail, position);
            assert!(
                held.status == DeliveryStatus::Retrying && !held.counts,
                "{kind}: {held:?}"
            );
        }
        let trouble = host.health.trouble().expect("shown");
        assert_eq!((trouble.kind, trouble.since), (kind, T0), "{trouble:?}");
        host.server.forget_rules();
        let repaired = T0 + 2 * TRY_FOR + crate::delivery::health::MAX_PAUSE;
        assert_eq!(
            (host.pass_at(repaired).await.accepted, host.health.trouble()),
            (3, None)
        );
    }
}

/// Passes at the times that the first delivery waits for, until it is final; answers when that was.
async fn until_final(host: &Host) -> Instant {
    let mut now = T0;
    loop {
        host.pass_at(now).await;
        assert_eq!(host.health.trouble(), None);
        let first = host.outbox.of(1, 0);
        match first.next_try {
            Some(at) if first.status == DeliveryStatus::Retrying => now = at,
            _ => return now,
        }
    }
}

#[tokio::test]
async fn a_rejection_of_one_address_of_several_is_no_trouble_and_final_after_24_hours_of_tries() {
    let host = Host::new().await;
    host.health.tried_recipient("other@example.com");
    let said = "550 5.7.1 rejected by policy";
    host.server.when(Stage::Recipient).reply(said);
    for mail in 1..=3 {
        host.outbox.put(mail, T0, &["bad@example.com"], b"x");
    }
    let ended = until_final(&host).await;
    assert!((TRY_FOR..TRY_FOR + 60).contains(&(ended - T0)), "{}", ended - T0);
    let words = host.outbox.of(1, 0).words;
    assert_eq!(words, format!("gave up after 24 hours; last reply: {said}"));
}

#[tokio::test]
async fn a_plain_no_to_one_address_is_final_after_three_tries_or_once_another_is_accepted() {
    let host = Host::new().await;
    host.server
        .when(Stage::Recipient)
        .to("bad@example.com")
        .reply("550 no such user");
    host.outbox.put(1, T0, &["bad@example.com"], b"x");
    assert_eq!(until_final(&host).await, T0 + 60 + 120);
    assert_eq!(host.outbox.of(1, 0).words, "550 no such user");
    host.outbox.put(2, T0, &["bad@example.com"], b"x");
    assert_eq!(host.pass_at(T0 + 200).await, ended(0, 1, 0));
    host.outbox.put(3, T0, &["a@example.com"], b"x");
    assert_eq!(host.pass_at(T0 + 200).await, ended(1, 0, 0));
    assert_eq!(host.pass_at(T0 + 260).await, ended(0, 0, 1));
}

#[tokio::test]
async fn a_dead_mailbox_is_given_up_also_where_each_pass_is_a_process_of_its_own() {
    for (stage, said, most) in [
        (
            Stage::Taken,
            "554 delivery error: this user has no example.com account",
            4,
        ),
        (Stage::Taken, "554 5.7.1 sender rejected by recipient", 20),
        (Stage::Recipient, "554 5.7.1 Relay access denied", 20),
        (Stage::Recipient, "451 4.3.0 lookup failed", 20),
    ] {
        let mut host = Host::new().await;
        host.server.when(stage).reply(said);
        host.outbox.put(1, T0, &["dead@example.com"], b"x");
        let mut hours = 0;
        while host.outbox.of(1, 0).status != DeliveryStatus::Rejected {
            assert!(hours < 36, "{said}");
            host.health = MailHealth::default();
            // Each pass has another mail to somebody else.
            host.health.tried_recipient("other@example.com");
            host.pass_at(T0 + hours * 3_600).await;
            assert_eq!(host.health.trouble(), None, "{said}");
            hours += 1;
        }
        let commands = host.server.commands();
        let tries = commands.iter().filter(|line| line.starts_with("RCPT")).count();
        assert!(tries <= most, "{said}: {tries}");
    }
}

#[tokio::test]
async fn where_each_pass_is_a_process_of_its_own_what_everybody_is_rejected_with_is_final_for_nobody() {
    for said in [
        "550 Access denied",
        "554 5.7.1 Relay access denied",
        "451 4.3.0 lookup failed",
    ] {
        let mut host = Host::new().await;
        host.server.when(Stage::Recipient).reply(said);
        host.outbox.put(1, T0, &["a@example.com", "b@example.org"], b"x");
        host.outbox.put(2, T0, &["c@example.com", "d@example.org"], b"x");
        let mut shown = 0;
        for hours in 0..4 * 24 {
            host.health = MailHealth::default();
            assert_eq!(host.pass_at(T0 + hours * 3_600).await.rejected, 0, "{said}");
            shown += u32::from(host.health.trouble().is_some());
        }
        assert!(shown >= 5, "{said}: {shown}");
    }
}

#[tokio::test]
async fn what_one_organizer_mails_to_holds_up_no_mail_of_another() {
    for said in [
        "554 5.7.1 Relay access denied",
        "550 5.1.8 sender domain not found",
        "550 no",
        "421 4.7.0 slow down",
    ] {
        let host = Host::new().await;
        let blocked: Vec<String> = (0..25).map(|n| format!("r{n}@blocked{}.example", n % 3)).collect();
        for recipient in &blocked {
            host.server.when(Stage::Recipient).to(recipient).reply(said);
        }
        let blocked: Vec<&str> = blocked.iter().map(String::as_str).collect();
        for minute in 0..10 {
            let (now, mail) = (T0 + minute * 60, 2 * u64::try_from(minute).unwrap());
            host.outbox.put_of("b", mail + 2, now, &blocked, b"x");
            host.outbox.put_of("a", mail + 3, now, &["ann@example.com"], b"x");
            host.pass_at(now).await;
            let taken = host.outbox.of(mail + 3, 0);
            assert_eq!(
                taken.status,
                DeliveryStatus::Accepted,
                "{said}, minute {minute}: {taken:?}"
            );
        }
    }
}

#[tokio::test]
async fn whether_all_are_still_rejected_is_shown_by_the_mail_of_somebody_else() {
    let host = Host::new().await;
    let bad = ["r1@x.example", "r2@y.example", "r3@z.example"];
    for recipient in bad {
        host.server
            .when(Stage::Recipient)
            .to(recipient)
            .reply("554 5.7.1 Relay access denied");
    }
    host.outbox.put_of("b", 1, T0, &bad[..2], b"x");
    host.outbox.put_of("c", 2, T0, &bad[2..], b"x");
    host.pass_at(T0).await;
    assert_eq!(host.health.paused_until(T0), Some(T0 + 60));
    host.outbox.put_of("a", 3, T0 + 60, &["ann@example.com"], b"x");
    host.pass_at(T0 + 60).await;
    assert_eq!(host.outbox.of(3, 0).status, DeliveryStatus::Accepted);
    assert_eq!(host.health.trouble(), None);
}

#[tokio::test]
async fn what_never_reached_the_server_does_not_end_trouble_with_it() {
    let host = Host::new().await;
    host.server.when(Stage::Mail).reply("530 5.7.0 log in first");
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    host.pass_at(T0).await;
    assert!(host.health.trouble().is_some());
    // A mail whose file is gone, an address that cannot be written, and a try that the host has ended.
    host.outbox.put(2, T0 - 1, &["b@example.com"], b"x");
    host.outbox.change(|mails| mails.get_mut(&2).unwrap().file = None);
    host.outbox.put(3, T0 - 1, &["no address"], b"x");
    let pause_over = T0 + 60;
    assert_eq!(host.pass_at(pause_over).await, ended(0, 1, 2));
    assert!(host.health.trouble().is_some());
    host.server.forget_rules();
    host.server.when(Stage::Recipient).hang();
    host.outbox.put(4, T0 - 1, &["c@example.com"], b"x");
    let short = DeliveryLimits {
        task_timeout: Duration::from_millis(50),
        concurrency: 1,
        ..limits()
    };
    host.clock.set(T0 + 60 + 120);
    deliver_due(&host.outbox, &host.transport, &host.clock, &short, &host.health)
        .await
        .unwrap();
    assert!(host.health.trouble().is_some());
    host.server.forget_rules();
    host.pass_at(T0 + 400).await;
    assert_eq!(host.health.trouble(), None);
}

#[tokio::test]
async fn a_sender_that_is_repaired_by_another_one_is_that_of_the_mails_that_wait() {
    let mut host = Host::new().await;
    host.server.when(Stage::Mail).reply("553 5.7.1 sender not owned");
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    assert_eq!(host.pass_at(T0).await, ended(0, 1, 0));
    host.server.forget_rules();
    host.health = MailHealth::sending_as("repaired@tickets.example".parse().unwrap());
    assert_eq!(host.pass_at(T0 + 60).await, ended(1, 0, 0));
    let mail = host.server.mails().remove(0);
    assert_eq!(mail.from, "repaired@tickets.example");
    assert_eq!(mail.header("From").as_deref(), Some("repaired@tickets.example"));
}

#[tokio::test]
async fn after_trouble_a_recipient_has_24_hours_of_tries_of_its_own() {
    let host = Host::new().await;
    host.server.when(Stage::Connect).close();
    host.outbox.put(1, T0, &["slow@example.com"], b"x");
    for_days(&host, 2).await;
    host.server.forget_rules();
    host.server
        .when(Stage::Recipient)
        .times(1)
        .reply("451 4.7.1 greylisted");
    let now = T0 + 2 * TRY_FOR + 300;
    assert_eq!(host.pass_at(now).await, ended(0, 1, 0));
    assert_eq!(host.outbox.of(1, 0).next_try, Some(now + 60));
    assert_eq!(host.pass_at(now + 60).await, ended(1, 0, 0));
}

#[tokio::test]
async fn a_recipient_that_alone_is_rejected_by_a_rule_is_rejected_and_holds_up_nobody() {
    for said in [
        "554 5.7.1 Relay access denied",
        "504 5.5.2 need a name",
        "550 5.7.1 blocked",
    ] {
        let host = Host::new().await;
        host.server.when(Stage::Recipient).to("bad@example.com").reply(said);
        host.outbox.put(1, T0, &["bad@example.com", "a@example.com"], b"x");
        host.pass_at(T0).await;
        assert_eq!(host.outbox.of(1, 1).status, DeliveryStatus::Accepted);
        host.pass_at(T0 + 60).await;
        let rejected = host.outbox.of(1, 0);
        assert_eq!(
            (rejected.status, rejected.words.as_str()),
            (DeliveryStatus::Rejected, said)
        );
        assert_eq!(host.health.trouble(), None);
        // Also where another mail shows it.
        host.outbox.put(2, T0 + 60, &["bad@example.com"], b"x");
        assert_eq!(host.pass_at(T0 + 60).await, ended(0, 1, 0));
        host.outbox.put(3, T0 + 60, &["b@example.com"], b"x");
        assert_eq!(host.pass_at(T0 + 60).await, ended(1, 0, 0));
        assert_eq!(host.pass_at(T0 + 120).await, ended(0, 0, 1), "{said}");
    }
}

#[tokio::test]
async fn a_recipient_that_alone_loses_connections_is_given_up_after_24_hours_of_tries() {
    let host = Host::new().await;
    host.server.when(Stage::Recipient).close();
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    assert_eq!(until_final(&host).await, T0 + TRY_FOR);
    let given_up = host.outbox.of(1, 0);
    assert!(
        given_up.words.starts_with("gave up after 24 hours; last reply: "),
        "{given_up:?}"
    );
}

#[tokio::test]
async fn a_server_with_too_few_connections_gets_no_more_than_it_takes_and_all_mail_in_the_end() {
    let host = Host::new().await;
    host.server.allow_connections(2);
    let many: Vec<_> = (0..40).map(|i| format!("r{i}@example.com")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    host.outbox.put(1, T0, &many, b"x");
    let (mut now, mut passes) = (T0, 0);
    while host.server.mails().len() < 40 {
        host.pass_at(now).await;
        passes += 1;
        now = host.health.paused_until(now).unwrap_or(now + 1);
    }
    assert!(
        now < T0 + 5 * 60 && passes < 20,
        "{passes} passes, {} seconds",
        now - T0
    );
    // Eight at first, six of them too many; half as many after each pause.
    assert!(host.server.turned_away() <= 6 + 2, "{}", host.server.turned_away());
    for position in 0..40 {
        assert_eq!(host.outbox.of(1, position).status, DeliveryStatus::Accepted);
    }
}

#[tokio::test]
async fn a_421_to_one_recipient_counts_for_that_one_alone_and_holds_up_nobody() {
    let host = Host::new().await;
    host.server
        .when(Stage::Recipient)
        .to("a@example.com")
        .times(1)
        .reply_and_close("421 4.7.0 slow down");
    host.outbox.put(1, T0, &["a@example.com"], b"x");
    assert_eq!(host.pass_at(T0).await, ended(0, 1, 0));
    host.outbox.put(2, T0, &["b@example.com"], b"x");
    assert_eq!(host.pass_at(T0 + 1).await, ended(1, 0, 0));
    let deferred = host.outbox.of(1, 0);
    assert_eq!((deferred.next_try, deferred.counts), (Some(T0 + 60), true));
    assert_eq!(host.pass_at(T0 + 60).await, ended(1, 0, 0));
}
