//! An owner is told by mail of what others do to a schedule: what, and who. What comes within 15 minutes is one mail.

use scheduled_exports_store::usage::UsageLimits;
use scheduled_exports_testing::{Harness, Mail, Method};
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, MARY, SETTINGS_TOKEN, VERA, daily, with, without_schedules};

const NOON: &str = "2026-10-22T12:00:00Z";
/// A quarter of an hour later, and a second before that.
const QUARTER: &str = "2026-10-22T12:15:00Z";
const JUST_BEFORE: &str = "2026-10-22T12:14:59Z";

async fn host_with_marys_schedule() -> (Harness, String) {
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host.create(CONF, MARY, &daily()).await;
    (host, format!("{CONF}{id}/"))
}

/// The one mail that went out, which is Mary's.
fn marys(mails: &[Mail]) -> &Mail {
    let [mail] = mails else {
        let all: Vec<_> = mails.iter().map(|mail| (&mail.recipient, &mail.subject)).collect();
        panic!("{all:?}")
    };
    assert_eq!(mail.recipient, "mary@example.org");
    assert!(mail.attachment.is_none());
    mail
}

async fn changed(host: &Harness, path: &str, who: &str, fields: Value) {
    let answer = host.patch(path, who, &fields).await;
    assert_eq!(answer.status, 200, "{fields}: {}", answer.body);
}

#[tokio::test]
async fn an_owner_learns_in_their_language_that_another_user_added_a_hidden_recipient() {
    let (host, path) = host_with_marys_schedule().await;
    let hidden = json!({"mail_additional_recipients_bcc": "eve@example.org"});
    changed(&host, &path, JOHN, hidden).await;
    host.advance_to(JUST_BEFORE).await;
    assert_eq!(host.mails().len(), 0, "others may follow");
    host.advance_to(QUARTER).await;
    let mails = host.take_mails();
    let mail = marys(&mails);
    assert_eq!(mail.subject, "Geplanter Export geändert: Orders");
    for part in [
        "john@example.com hat Ihren geplanten Export „Orders“ (orderlist) geändert.",
        "Wann: Donnerstag, 22. Oktober 2026, 14:00 Uhr (Europe/Berlin, UTC+02:00)",
        "- Empfänger (Bcc): (leer) → eve@example.org",
    ] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    host.advance_to("2026-10-22T18:00:00Z").await;
    assert_eq!(host.mails().len(), 0, "once");
}

#[tokio::test]
async fn an_owner_is_told_of_all_that_others_do_within_a_quarter_of_an_hour_in_one_mail() {
    let (host, path) = host_with_marys_schedule().await;
    let other = format!("{BIG}{}/", host.create(BIG, MARY, &daily()).await);
    changed(&host, &path, JOHN, json!({"mail_subject": "Mine"})).await;
    host.advance_to("2026-10-22T12:05:00Z").await;
    changed(&host, &path, SETTINGS_TOKEN, json!({"schedule_rrule_time": "05:00"})).await;
    let taken = host
        .request(Method::POST, &format!("{other}take_over/"), JOHN, &[], None)
        .await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    host.advance_to(JUST_BEFORE).await;
    // Who may change settings may delete, without a right to the orders.
    assert_eq!(host.delete(&path, VERA).await.status, 204);
    host.advance_to(QUARTER).await;
    let mails = host.take_mails();
    let mail = marys(&mails);
    assert_eq!(mail.subject, "Mehrere Änderungen an Ihren geplanten Exporten");
    let parts = [
        "- Betreff der E-Mail: „Orders“ → „Mine“",
        "Ein Programm mit API-Token hat Ihren geplanten Export „Mine“",
        "- Uhrzeit: 04:00:00 → 05:00:00",
        "john@example.com hat Ihren geplanten Export „Orders“ (orderlist) übernommen",
        "vera@example.org hat Ihren geplanten Export „Mine“ (orderlist) gelöscht.",
    ];
    let places: Vec<_> = parts.iter().map(|part| mail.text.find(part)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?}: {}",
        mail.text
    );
}

#[tokio::test]
async fn an_editor_who_changes_a_schedule_again_and_again_sends_its_owner_four_mails_an_hour() {
    let (host, path) = host_with_marys_schedule().await;
    for minute in 0..60 {
        host.advance_to(&format!("2026-10-22T12:{minute:02}:30Z")).await;
        for number in 0..3 {
            let subject = json!({"mail_subject": format!("{minute} {number}")});
            changed(&host, &path, JOHN, subject).await;
        }
    }
    host.advance_to("2026-10-22T14:00:00Z").await;
    let mails = host.mails();
    assert_eq!(mails.len(), 4);
    let text: String = mails.iter().map(|mail| mail.text.as_str()).collect();
    assert_eq!(text.matches("john@example.com hat Ihren geplanten Export").count(), 180);
}

#[tokio::test]
async fn a_change_that_is_too_much_for_a_mail_of_the_organizer_is_told_in_brief() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({"max_mail_bytes": 2_000});
    });
    let host = Harness::start(&fixture, NOON).await;
    let id = host.create(CONF, MARY, &daily()).await;
    let many: Vec<String> = (10..35).map(|n| format!("{}{n}@example.org", "x".repeat(60))).collect();
    let hidden = json!({"mail_additional_recipients_bcc": many.join(",")});
    changed(&host, &format!("{CONF}{id}/"), JOHN, hidden).await;
    host.advance_to(QUARTER).await;
    let mails = host.take_mails();
    let text = &marys(&mails).text;
    assert!(
        text.contains("john@example.com") && text.contains("Empfänger (Bcc)"),
        "{text}"
    );
    assert!(!text.contains(&many[0]) && mails[0].bytes.len() <= 2_000, "{text}");
}

#[tokio::test]
async fn a_notice_that_waits_is_sent_by_the_host_that_is_started_next() {
    let (host, path) = host_with_marys_schedule().await;
    changed(&host, &path, JOHN, json!({"mail_subject": "Mine"})).await;
    let host = host.restart().await;
    changed(&host, &path, JOHN, json!({"mail_subject": "Still mine"})).await;
    host.advance_to(QUARTER).await;
    let mails = host.take_mails();
    let mail = marys(&mails);
    assert!(
        mail.text.contains("„Orders“ → „Mine“") && mail.text.contains("„Mine“ → „Still mine“"),
        "{}",
        mail.text
    );
}

#[tokio::test]
async fn an_owner_is_not_told_of_their_own_changes_nor_one_who_is_inactive_or_gone() {
    for state in ["own", "inactive", "gone"] {
        let (host, path) = host_with_marys_schedule().await;
        let mary = host.platform().user_by_email("mary@example.org").await;
        let mary = mary.expect("the platform answers").expect("Mary").id;
        let done = match state {
            "inactive" => host.platform().set_user_active(&mary, false).await,
            "gone" => host.platform().remove_user(&mary).await,
            _ => Ok(()),
        };
        done.expect("the platform answers");
        let who = if state == "own" { MARY } else { JOHN };
        changed(&host, &path, who, json!({"mail_subject": "Other"})).await;
        assert_eq!(host.delete(&path, who).await.status, 204);
        host.advance_to("2026-10-22T18:00:00Z").await;
        assert_eq!(host.mails().len(), 0, "{state}");
    }
}

#[tokio::test]
async fn nobody_is_told_of_a_change_that_was_refused_or_of_a_repetition_of_one() {
    let (host, path) = host_with_marys_schedule().await;
    assert_eq!(
        host.patch(&path, VERA, &json!({"mail_subject": "Mine"})).await.status,
        403
    );
    assert_eq!(host.patch(&path, JOHN, &json!({"mail_subject": ""})).await.status, 400);
    let stale = [("if-match", "\"v7\"")];
    let subject = json!({"mail_subject": "Mine"});
    let body = subject.to_string();
    let refused = host.request(Method::PATCH, &path, JOHN, &stale, Some(&body)).await;
    assert_eq!(refused.status, 412);
    host.advance_to(QUARTER).await;
    assert_eq!(host.mails().len(), 0);
    for _ in 0..2 {
        let key = [("idempotency-key", "once")];
        let answer = host.request(Method::PATCH, &path, JOHN, &key, Some(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    host.advance_to("2026-10-22T12:30:00Z").await;
    assert_eq!(marys(&host.mails()).text.matches("Betreff der E-Mail").count(), 1);
}

#[tokio::test]
async fn a_change_does_not_hide_behind_a_flood_of_long_ones_but_is_told_in_another_mail() {
    let (host, path) = host_with_marys_schedule().await;
    let long = |letter: &str| {
        let many: Vec<String> = (0..25)
            .map(|at| format!("{}{at}@{}.example.org", letter.repeat(55), "d".repeat(60)))
            .collect();
        json!({"mail_additional_recipients": many.join(","), "mail_additional_recipients_cc": many.join(",")})
    };
    // Each is told with some 14,000 bytes.
    for number in 0..60 {
        host.jump_to(&format!("2026-10-22T12:{:02}:{:02}Z", number / 5, number % 5 * 10));
        changed(&host, &path, JOHN, long(if number % 2 == 0 { "a" } else { "b" })).await;
    }
    let hidden = json!({"mail_additional_recipients_bcc": "eve@example.org"});
    changed(&host, &path, JOHN, hidden).await;
    host.advance_to("2026-10-22T13:00:00Z").await;
    let mails = host.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail.text.len() <= 512 << 10));
    let text: String = mails.iter().map(|mail| mail.text.as_str()).collect();
    assert_eq!(text.matches("john@example.com hat Ihren geplanten Export").count(), 61);
    assert!(mails[1].text.contains("- Empfänger (Bcc): (leer) → eve@example.org"));
}

#[tokio::test]
async fn what_a_caller_has_others_told_in_a_day_is_bounded_by_what_he_may_write_and_never_by_leaving_it_out() {
    let limits = UsageLimits {
        write_bytes_per_day: Some(64 << 10),
        ..UsageLimits::none()
    };
    let builder = Harness::builder().fixture(&without_schedules()).at(NOON);
    let host = builder.usage(limits).build().await;
    let path = format!("{CONF}{}/", host.create(CONF, MARY, &daily()).await);
    let rename = async |who: &'static str, nth: usize| {
        let subject = json!({"mail_subject": format!("Orders {nth}")});
        host.patch(&path, who, &subject).await.status
    };
    let mut told = 0;
    while rename(JOHN, told).await == 200 {
        told += 1;
    }
    assert_eq!(told, 5, "8 KiB each, and what the change itself takes");
    assert_eq!(rename(JOHN, told).await, 429);
    // It is his own limit alone, and keeps nobody from deleting.
    assert_eq!(rename(SETTINGS_TOKEN, 99).await, 200);
    assert_eq!(host.delete(&path, JOHN).await.status, 204);
    host.advance_to(QUARTER).await;
    let mails = host.mails();
    let text = &marys(&mails).text;
    assert_eq!(text.matches("hat Ihren geplanten Export").count(), told + 2, "{text}");
}
