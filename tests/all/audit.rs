//! The audit log says of each change who made it, which fields it changed, and what they were before.

use scheduled_exports_store::AuditEntry;
use scheduled_exports_testing::Harness;
use serde_json::json;
use tests::{CONF, JOHN, MARY, SETTINGS_TOKEN, VERA, but, daily, without_schedules};

/// The latest entry about this schedule.
async fn latest(host: &Harness, id: u64) -> AuditEntry {
    let entries = host.storage().audit("bigevents", 50).await.expect("the store answers");
    let found = entries.into_iter().find(|entry| entry.schedule == Some(id));
    found.expect("an entry")
}

/// A user as the audit log names them.
async fn user(host: &Harness, email: &str) -> String {
    let found = host
        .platform()
        .user_by_email(email)
        .await
        .expect("the platform answers");
    format!("user:{}", found.expect("a user of the fixture").id)
}

#[tokio::test]
async fn a_bcc_address_that_is_added_is_in_the_audit_log_with_who_added_it() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{id}/");
    let created = latest(&host, id).await;
    assert_eq!((created.action.as_str(), created.detail.as_str()), ("created", ""));

    let bcc = json!({"mail_additional_recipients_bcc": "archive@example.com"});
    assert_eq!(host.patch(&one, JOHN, &bcc).await.status, 200);
    let changed = latest(&host, id).await;
    let john = user(&host, "john@example.com").await;
    assert_eq!((changed.actor, changed.action.as_str()), (john, "changed"));
    assert_eq!(changed.detail, "bcc: none → archive@example.com");

    let bcc = json!({"mail_additional_recipients_bcc": ""});
    assert_eq!(host.patch(&one, SETTINGS_TOKEN, &bcc).await.status, 200);
    let changed = latest(&host, id).await;
    assert!(changed.actor.starts_with("token:"), "{}", changed.actor);
    assert_eq!(changed.detail, "bcc: archive@example.com → none");
}

#[tokio::test]
async fn each_field_of_a_change_is_told_with_its_old_and_its_new_value() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{id}/");
    let changes = json!({
        "export_form_data": {"_format": "default", "date_range": "past"}, "mail_subject": "All orders",
        "mail_additional_recipients": "finance@example.com",
    });
    assert_eq!(host.put(&one, JOHN, &but(daily(), changes)).await.status, 200);
    let told = latest(&host, id).await.detail;
    for part in [
        "to: none → finance@example.com",
        "export_form_data._format: \"xlsx\" → \"default\"",
        "export_form_data.date_range: \"days_yesterday\" → \"past\"",
        "mail_subject: \"Orders\" → \"All orders\"",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(
        !told.contains("mail_template") && !told.contains("schedule_rrule"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_deleted_is_told_as_it_was() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let bcc = json!({"mail_additional_recipients_bcc": "archive@example.com"});
    let id = host.create(CONF, MARY, &but(daily(), bcc)).await;
    assert_eq!(host.delete(&format!("{CONF}{id}/"), VERA).await.status, 204);
    let deleted = latest(&host, id).await;
    let vera = user(&host, "vera@example.org").await;
    assert_eq!((deleted.actor, deleted.action.as_str()), (vera, "deleted"));
    for part in [
        "bcc: archive@example.com → none",
        "mail_subject: \"Orders\" → none",
        "schedule_rrule: ",
    ] {
        assert!(deleted.detail.contains(part), "{part} is not in {}", deleted.detail);
    }
}

#[tokio::test]
async fn who_takes_a_schedule_over_is_told_with_what_changed_on_the_way() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let bcc = json!({"mail_additional_recipients_bcc": "archive@example.com"});
    let id = host.create(CONF, MARY, &but(daily(), bcc)).await;
    let taken = host.post(&format!("{CONF}{id}/take_over/"), JOHN, &json!({})).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    let told = latest(&host, id).await;
    assert_eq!(told.action, "taken-over");
    let (john, mary) = (
        user(&host, "john@example.com").await,
        user(&host, "mary@example.org").await,
    );
    assert!(
        told.detail.starts_with(&format!("by {john} from {mary}")),
        "{}",
        told.detail
    );
}

#[tokio::test]
async fn an_entry_is_bounded_whatever_is_changed() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let address = |nth: usize| format!("{}-{nth}@{}.example.com", "r".repeat(60), "d".repeat(60));
    let many = |from: usize| (from..from + 25).map(address).collect::<Vec<_>>().join(",");
    let changes = json!({
        "mail_additional_recipients": many(0), "mail_additional_recipients_cc": many(100), "mail_additional_recipients_bcc": many(200),
        "mail_template": "x".repeat(10_000),
    });
    let answer = host.patch(&format!("{CONF}{id}/"), JOHN, &changes).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = latest(&host, id).await.detail;
    assert!((10_000..=16_000).contains(&told.len()), "{} bytes", told.len());
    assert!(told.starts_with("bcc: added "), "{told}");
    let all = [0, 100, 200].into_iter().flat_map(|from| from..from + 25);
    assert!(all.map(address).all(|address| told.contains(&address)), "{told}");
}
