//! Submitted runs whose recipients are all final.

use crate::contract::{Audience, Delivery, DeliveryStatus, MailKind, Outcome, ScheduleState};
use crate::run::fake::{DAY, Fake, MONDAY, OWNER};
use crate::run::settle;

fn submitted(counter: u32) -> Fake {
    Fake::where_(|facts| {
        facts.due = Some(MONDAY);
        facts.schedule.content.next_run = Some(MONDAY + DAY);
        facts.schedule.content.error_counter = counter;
        facts.settings.now = MONDAY + 600;
    })
}
fn accepted(address: &str) -> Delivery {
    Delivery {
        address: address.into(),
        status: DeliveryStatus::Accepted,
        response: "250 OK".into(),
    }
}
fn rejected(address: &str, words: &str) -> Delivery {
    Delivery {
        address: address.into(),
        status: DeliveryStatus::Rejected,
        response: words.into(),
    }
}

#[test]
fn a_mail_that_all_servers_took_is_delivered_and_the_counter_starts_again() {
    let run = submitted(4);
    settle(&run, &[accepted(OWNER), accepted("mary@example.org")]);
    assert_eq!(run.end(), Some((Outcome::Delivered, 0, true)));
    assert_eq!(run.sent(), None);
}

#[test]
fn a_late_delivery_does_not_start_a_stopped_schedule_again() {
    let mut run = submitted(5);
    run.facts.schedule.content.state = ScheduleState::Stopped;
    settle(&run, &[accepted(OWNER)]);
    assert_eq!(run.end(), Some((Outcome::Delivered, 5, false)));
}

#[test]
fn one_server_that_took_it_is_enough_and_the_owner_learns_which_did_not_and_why() {
    for refused in ["mary@example.org", OWNER] {
        let run = submitted(4);
        settle(
            &run,
            &[
                rejected(refused, "550 5.1.1 no such\r\nuser"),
                accepted("ann@example.org"),
            ],
        );
        assert_eq!(run.end(), Some((Outcome::Delivered, 0, true)));
        let mail = run.sent().expect("a mail");
        assert_eq!(
            (mail.kind, &mail.audience),
            (MailKind::Undelivered, &Audience::Responsible)
        );
        assert!(
            mail.text.contains(&format!("- {refused}: 550 5.1.1 no such user\n")),
            "{}",
            mail.text
        );
        assert!(!mail.text.contains("ann@example.org"));
    }
}

#[test]
fn a_mail_that_no_server_took_is_a_failure_and_the_owner_learns_each_ones_words() {
    let run = submitted(1);
    settle(
        &run,
        &[rejected("a@example.org", "550 no"), rejected("b@example.org", "")],
    );
    assert_eq!(run.failure().as_deref(), Some("delivery-failed"));
    assert!(matches!(run.end(), Some((Outcome::Failed((_, words)), 2, true)) if !words.contains('@')));
    let mail = run.sent().expect("a mail");
    assert_eq!(mail.kind, MailKind::Failure);
    assert!(
        mail.text.contains("- a@example.org: 550 no\n- b@example.org\n"),
        "{}",
        mail.text
    );
}

#[test]
fn the_fifth_mail_in_a_row_that_no_server_took_stops_the_schedule() {
    let run = submitted(4);
    settle(&run, &[rejected(OWNER, "550 no")]);
    assert!(matches!(run.end(), Some((Outcome::Failed(_), 5, false))));
    assert!(
        run.sent()
            .expect("a mail")
            .subject
            .starts_with("Scheduled export stopped")
    );
}

#[test]
fn no_recipients_at_all_is_no_delivery() {
    let run = submitted(0);
    settle(&run, &[]);
    assert_eq!(run.failure().as_deref(), Some("delivery-failed"));
}

#[test]
fn a_document_that_has_become_unreadable_is_no_hindrance() {
    let mut run = submitted(0);
    run.facts.schedule.content.document = "[]".into();
    settle(&run, &[accepted(OWNER), rejected("a@example.org", "550 no")]);
    assert_eq!(run.end(), Some((Outcome::Delivered, 0, true)));
    assert!(run.sent().expect("a mail").subject.contains("orderlist"));
}

#[test]
fn very_long_replies_are_cut() {
    let run = submitted(0);
    settle(&run, &[rejected(OWNER, &"x".repeat(1_000_000))]);
    assert!(run.sent().expect("a mail").text.len() < 2_000);
}
