//! behaviour.md, section 5: what a run does. A test for each row that the straight path has.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_mail::Refusal;
use scheduled_exports_testing::{Harness, Mail, at};
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, MARY, but, daily, with, without_schedules};

async fn outcomes(host: &Harness, schedule: u64) -> Vec<Option<Outcome>> {
    let mut history = host.history(schedule).await;
    history.reverse();
    history.into_iter().map(|row| row.entry.outcome).collect()
}

async fn counter(host: &Harness, schedule: u64) -> Value {
    host.get(&format!("{CONF}{schedule}/"), JOHN).await.body["error_counter"].clone()
}

/// Rows of the first sheet, as text.
fn sheet(mail: &Mail) -> Vec<Vec<String>> {
    let (name, bytes) = mail.attachment.clone().expect("a file");
    assert!(name.ends_with(".xlsx"), "{name}");
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("a workbook that another reader opens");
    let range = book.worksheet_range_at(0).expect("a sheet").expect("a readable sheet");
    range
        .rows()
        .map(|row| row.iter().map(Data::to_string).collect())
        .collect()
}

/// Fixture without generated orders, with these: (code, placed, status).
fn orders(of: &[(&str, &str, &str)]) -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["orders_generated"] = json!([]);
        fixture["orders"] = of
            .iter()
            .map(|(code, placed, status)| {
                json!({
                    "organizer": "bigevents", "event": "sampleconf", "code": code, "email": "buyer@example.com",
                    "name": "=HYPERLINK(\"x\")", "status": status, "placed": placed, "total": "12.50",
                    "positions": [{"product": "Ticket", "price": "12.50", "attendee_name": "Ann",
                                   "attendee_email": "ann@example.com", "checked_in": null}],
                })
            })
            .collect();
    })
}

#[tokio::test]
async fn a_run_mails_the_right_rows_of_the_right_window_in_a_file_that_opens() {
    let host = Harness::start(
        &orders(&[
            ("AAAAA", "2026-10-21T21:59:59Z", "paid"), // 23:59:59 of the 21st in Berlin
            ("BBBBB", "2026-10-21T22:00:00Z", "paid"), // 00:00 of the 22nd
            ("CCCCC", "2026-10-22T21:59:59Z", "pending"),
            ("DDDDD", "2026-10-22T22:00:00Z", "paid"), // 00:00 of the 23rd
        ]),
        "2026-10-22T12:00:00Z",
    )
    .await;
    let id = host
        .create(
            CONF,
            JOHN,
            &but(daily(), json!({"mail_additional_recipients": "finance@example.com"})),
        )
        .await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(outcomes(&host, id).await, [Some(Outcome::Delivered)]);
    let mails = host.mails();
    let recipients: Vec<&str> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    assert_eq!(recipients, ["finance@example.com", "john@example.com"]);
    let rows = sheet(&mails[0]);
    let text = format!("{rows:?}");
    assert!(text.contains("BBBBB") && text.contains("CCCCC"), "{text}");
    assert!(!text.contains("AAAAA") && !text.contains("DDDDD"), "{text}");
    let entry = &host.history(id).await[0].entry;
    assert_eq!((entry.rows, entry.attempts), (Some(2), 1));
    assert_eq!(
        entry.bytes,
        mails[0].attachment.as_ref().map(|(_, bytes)| bytes.len() as u64)
    );
}

#[tokio::test]
async fn the_mail_is_as_given_with_explicit_recipients_in_to_and_the_owner_in_cc_and_bcc_nowhere() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let document = but(
        daily(),
        json!({
            "mail_additional_recipients": "finance@example.com, board@example.com",
            "mail_additional_recipients_cc": "mary@example.org, FINANCE@example.com",
            "mail_additional_recipients_bcc": "archive@example.com",
            "mail_subject": "Bestellungen für Müller", "mail_template": "Grüße\n.\nJohn",
        }),
    );
    host.create(CONF, JOHN, &document).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mails = host.mails();
    assert_eq!(mails.len(), 5, "{mails:?}");
    let mail = &mails[0];
    assert_eq!(
        mail.to.replace(['<', '>'], ""),
        "finance@example.com, board@example.com"
    );
    assert!(
        mail.cc.contains("john@example.com") && mail.cc.contains("mary@example.org"),
        "{}",
        mail.cc
    );
    assert!(!mail.cc.to_lowercase().contains("finance"), "{}", mail.cc);
    assert_eq!(mail.subject, "Bestellungen für Müller");
    assert_eq!(mail.text.replace("\r\n", "\n").trim_end(), "Grüße\n.\nJohn");
    assert!(mails.iter().any(|mail| mail.recipient == "archive@example.com"));
    for mail in &mails {
        let text = String::from_utf8_lossy(&mail.bytes);
        assert!(!text.contains("archive@example.com"));
        assert!(text.contains("Auto-Submitted: auto-generated\r\n"), "{text}");
        assert_eq!(mail.bytes, mails[0].bytes);
    }
}

#[tokio::test]
async fn without_explicit_recipients_the_owner_is_in_to() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    host.create(CONF, MARY, &daily()).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mails = host.mails();
    assert_eq!(
        (mails.len(), mails[0].recipient.as_str(), mails[0].cc.as_str()),
        (1, "mary@example.org", "")
    );
    assert!(mails[0].to.contains("mary@example.org"));
}

#[tokio::test]
async fn an_exporter_that_finds_nothing_ends_the_run_empty_and_the_owner_is_told_without_a_file() {
    let host = Harness::start(
        &orders(&[("AAAAA", "2026-09-01T12:00:00Z", "paid")]),
        "2026-10-22T12:00:00Z",
    )
    .await;
    let id = host
        .create(
            CONF,
            JOHN,
            &but(daily(), json!({"mail_additional_recipients": "finance@example.com"})),
        )
        .await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(outcomes(&host, id).await, [Some(Outcome::Empty)]);
    let mails = host.mails();
    assert_eq!((mails.len(), mails[0].recipient.as_str()), (1, "john@example.com"));
    assert!(mails[0].attachment.is_none());
    assert_eq!(counter(&host, id).await, 0);
}

#[tokio::test]
async fn one_bad_address_costs_nobody_else_theirs_and_the_owner_learns_which_and_why() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    host.mail.refuse(
        "gone@example.com",
        Some(Refusal::Permanent("550 5.1.1 no such user".into())),
    );
    let to = json!({"mail_additional_recipients": "gone@example.com,finance@example.com"});
    let id = host.create(CONF, JOHN, &but(daily(), to)).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(outcomes(&host, id).await, [Some(Outcome::Delivered)]);
    assert_eq!(counter(&host, id).await, 0);
    let mails = host.take_mails();
    let recipients: Vec<&str> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    assert_eq!(
        recipients,
        ["finance@example.com", "john@example.com", "john@example.com"]
    );
    let notice = &mails[2];
    assert!(notice.attachment.is_none());
    assert!(
        notice.text.contains("gone@example.com") && notice.text.contains("550 5.1.1 no such user"),
        "{}",
        notice.text
    );
}

#[tokio::test]
async fn a_recipient_put_off_gets_the_same_bytes_later_and_the_others_get_nothing_twice() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    host.mail
        .refuse("slow@example.com", Some(Refusal::Transient("451 4.7.1 later".into())));
    let to = json!({"mail_additional_recipients": "slow@example.com"});
    let id = host.create(CONF, JOHN, &but(daily(), to)).await;
    host.advance_to("2026-10-23T02:30:00Z").await;
    assert_eq!(outcomes(&host, id).await, [Some(Outcome::Submitted)]);
    let first = host.take_mails();
    assert_eq!(first.len(), 1);
    host.mail.refuse("slow@example.com", None);
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(outcomes(&host, id).await, [Some(Outcome::Delivered)]);
    let second = host.take_mails();
    assert_eq!((second.len(), second[0].recipient.as_str()), (1, "slow@example.com"));
    assert_eq!(second[0].bytes, first[0].bytes);
}

#[tokio::test]
async fn every_recipient_refused_is_a_failure_that_counts_and_the_owner_is_told_why() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    host.mail.refuse(
        "john@example.com",
        Some(Refusal::Permanent("550 5.2.2 mailbox full".into())),
    );
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let outcomes = outcomes(&host, id).await;
    assert!(matches!(&outcomes[..], [Some(Outcome::Failed(_))]), "{outcomes:?}");
    assert_eq!(counter(&host, id).await, 1);
}

#[tokio::test]
async fn a_delivered_run_sets_the_counter_back() {
    let fixture = with(|fixture| {
        let mut schedule = but(
            daily(),
            json!({"organizer": "bigevents", "event": "sampleconf", "owner": "john@example.com"}),
        );
        schedule["error_counter"] = json!(3);
        schedule["id"] = json!(70);
        fixture["schedules"] = json!([schedule]);
    });
    let host = Harness::start(&fixture, "2026-10-22T12:00:00Z").await;
    assert_eq!(counter(&host, 70).await, 3);
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(counter(&host, 70).await, 0);
}

#[tokio::test]
async fn an_owner_who_lost_the_right_fails_the_run_and_those_who_may_change_settings_are_told() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, MARY, &daily()).await;
    let mary = host
        .platform()
        .user_by_email("mary@example.org")
        .await
        .expect("asked")
        .expect("mary");
    host.platform()
        .set_user_active(&mary.id, false)
        .await
        .expect("deactivated");
    host.advance_to("2026-10-23T12:00:00Z").await;
    let outcomes = outcomes(&host, id).await;
    assert!(
        matches!(&outcomes[..], [Some(Outcome::Failed((code, _)))] if code == "owner-inactive"),
        "{outcomes:?}"
    );
    let mut told: Vec<String> = host.mails().into_iter().map(|mail| mail.recipient).collect();
    told.sort();
    assert_eq!(told, ["john@example.com", "vera@example.org"]);
    assert!(host.mails().iter().all(|mail| mail.attachment.is_none()));
}

#[tokio::test]
async fn the_fifth_failure_in_a_row_stops_the_schedule_and_its_mail_says_so_and_how_to_start_it_again() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let id = host.create(CONF, MARY, &daily()).await;
    let mary = host
        .platform()
        .user_by_email("mary@example.org")
        .await
        .expect("asked")
        .expect("mary");
    host.platform()
        .remove_team_member("bigevents", "Box office", &mary.id)
        .await
        .expect("removed");
    host.advance_to("2026-10-26T12:00:00Z").await;
    assert_eq!(counter(&host, id).await, 4);
    let _ = host.take_mails();
    host.advance_to("2026-10-27T12:00:00Z").await;
    let stopped = host.get(&format!("{CONF}{id}/"), JOHN).await.body;
    assert_eq!(
        (&stopped["error_counter"], &stopped["schedule_next_run"]),
        (&json!(5), &json!(null))
    );
    let mails = host.take_mails();
    assert_eq!((mails.len(), mails[0].recipient.as_str()), (1, "mary@example.org"));
    // She reads German.
    for said in [
        "Der Export ist 5-mal in Folge fehlgeschlagen und wurde angehalten.",
        "So setzen Sie ihn fort: Ursache beheben, den geplanten Export unter dem Link unten öffnen und speichern.",
        "https://tickets.example/",
    ] {
        assert!(mails[0].text.contains(said), "{said}: {}", mails[0].text);
    }
    host.advance_to("2026-11-05T12:00:00Z").await;
    assert_eq!(outcomes(&host, id).await.len(), 5, "nothing runs any more");
    assert_eq!(host.take_mails().len(), 0);
}

#[tokio::test]
async fn a_submitted_mail_does_not_hold_up_the_next_due_time() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    host.mail
        .refuse("john@example.com", Some(Refusal::Transient("451 later".into())));
    let id = host.create(CONF, JOHN, &daily()).await;
    host.advance_to("2026-10-24T02:00:30Z").await;
    let history = host.history(id).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].entry.due, at("2026-10-24T02:00:00Z"));
    host.mail.refuse("john@example.com", None);
    host.advance_to("2026-10-24T12:00:00Z").await;
    let outcomes = outcomes(&host, id).await;
    // The older one's 24 hours had run out, or its last try came through: either way it has ended, and so has the newer.
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Some(Outcome::Delivered | Outcome::Failed(_)))),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[1], Some(Outcome::Delivered));
}

#[tokio::test]
async fn headings_are_in_the_schedules_locale_and_formulas_stay_text() {
    let host = Harness::start(
        &orders(&[("AAAAA", "2026-10-22T12:00:00Z", "paid")]),
        "2026-10-22T12:00:00Z",
    )
    .await;
    for (locale, format) in [("en", "default"), ("de", "default"), ("en", "xlsx")] {
        let form = json!({"_format": format, "date_range": "days_yesterday"});
        host.create(
            CONF,
            JOHN,
            &but(daily(), json!({"locale": locale, "export_form_data": form})),
        )
        .await;
    }
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mut files: Vec<(String, Vec<u8>)> = host.mails().into_iter().filter_map(|mail| mail.attachment).collect();
    files.sort_by_key(|(name, _)| name.clone());
    let csv: Vec<String> = files
        .iter()
        .filter(|(name, _)| name.ends_with(".csv"))
        .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        .collect();
    assert_eq!(csv.len(), 2);
    assert_ne!(csv[0].lines().next(), csv[1].lines().next());
    for text in &csv {
        assert!(text.contains("'=HYPERLINK"), "{text}");
    }
    let xlsx = host.mails().into_iter().find(|mail| {
        mail.attachment
            .as_ref()
            .is_some_and(|(name, _)| name.ends_with(".xlsx"))
    });
    let rows = sheet(&xlsx.expect("a workbook"));
    assert!(rows[1].iter().any(|cell| cell == "=HYPERLINK(\"x\")"), "{rows:?}");
}

#[tokio::test]
async fn across_events_an_export_holds_what_the_owner_may_read_at_that_moment() {
    let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
    let form = json!({"_format": "xlsx", "date_range": "days_last14"});
    let id = host
        .create(BIG, JOHN, &but(daily(), json!({"export_form_data": form})))
        .await;
    host.advance_to("2026-10-23T12:00:00Z").await;
    let both = host.history(id).await[0].entry.rows.expect("rows");
    host.platform()
        .delete_event("bigevents", "summerfest")
        .await
        .expect("deleted");
    host.advance_to("2026-10-24T12:00:00Z").await;
    let one = host.history(id).await[0].entry.rows.expect("rows");
    assert!(one < both && one > 0, "{one} of {both}");
    let text = format!("{:?}", sheet(host.mails().last().expect("a mail")));
    assert!(!text.contains("summerfest") && !text.contains("Summer Fest"), "{text}");
}
