//! What the headers of mails say, and in which language the host speaks.

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_testing::{Harness, at};
use serde_json::json;
use tests::{BIG, CONF, JOHN, but, daily, with, without_schedules};

use super::{DUE, EVE, once};

/// The value of a header of a mail, without its line breaks.
fn header(bytes: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n ", " ");
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let line = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.map(str::to_owned)
}

#[tokio::test]
async fn answers_to_an_export_go_to_its_owner_and_a_notice_to_the_owner_has_no_such_header() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let empty = but(
        once(),
        json!({"export_form_data": {"date_range": "2020-01-01/2020-01-02"}}),
    );
    host.create(CONF, JOHN, &once()).await;
    host.create(CONF, JOHN, &empty).await;
    host.advance_to(DUE).await;
    let mails = host.mails();
    let exports: Vec<_> = mails.iter().filter(|mail| mail.attachment.is_some()).collect();
    let notices: Vec<_> = mails.iter().filter(|mail| mail.attachment.is_none()).collect();
    assert!(!exports.is_empty() && notices.len() == 1);
    for mail in exports {
        assert_eq!(header(&mail.bytes, "Reply-To").as_deref(), Some("john@example.com"));
    }
    assert_eq!(header(&notices[0].bytes, "Reply-To"), None);
}

#[tokio::test]
async fn an_attached_file_is_named_plainly_in_both_headers_of_its_part() {
    let host = Harness::start(&without_schedules(), EVE).await;
    host.create(CONF, JOHN, &once()).await;
    host.advance_to(DUE).await;
    let mail = host.mails().remove(0);
    let name = "bigevents_sampleconf_orderlist_2026-10-23.xlsx";
    assert_eq!(mail.attachment.as_ref().map(|(name, _)| name.as_str()), Some(name));
    let text = String::from_utf8_lossy(&mail.bytes).replace("\r\n ", " ");
    assert!(text.contains(&format!("\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n")));
    assert!(text.contains(&format!("sheet; name=\"{name}\"\r\n")));
}

#[tokio::test]
async fn two_stores_with_one_sender_never_use_the_same_message_id_and_a_store_keeps_its_part_of_it() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let mut host = Harness::start(&without_schedules(), EVE).await;
        host.create(CONF, JOHN, &daily()).await;
        let id = host.storage().store_id().await.expect("the store answers");
        for due in [DUE, "2026-10-24T02:00:00Z"] {
            host.advance_to(due).await;
            let mails = host.take_mails();
            assert!(!mails.is_empty());
            for mail in mails {
                assert!(
                    mail.message_id.ends_with(&format!("@{id}.tickets.invalid>")),
                    "{}",
                    mail.message_id
                );
                all.push(mail.message_id);
            }
            host = host.restart().await;
        }
    }
    // Two due times in each of two stores; the recipients of one mail share its id.
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "{all:#?}");
}

#[tokio::test]
async fn a_run_that_the_host_ends_itself_is_told_in_the_language_of_its_owner() {
    for (language, reason, subject) in [
        (
            "de",
            "Die Ausführung wurde nach sechs nicht beendeten Versuchen abgebrochen.",
            "Geplanter Export fehlgeschlagen: orderlist",
        ),
        (
            "en",
            "The run was abandoned after six attempts that did not finish.",
            "Scheduled export failed: orderlist",
        ),
    ] {
        let platform = with(|platform| {
            platform["schedules"] = json!([]);
            let users = platform["users"].as_array_mut().expect("users");
            let john = users.iter_mut().find(|user| user["email"] == "john@example.com");
            john.expect("john")["locale"] = json!(language);
        });
        let host = Harness::start(&platform, EVE).await;
        let id = host
            .create(BIG, JOHN, &but(once(), json!({"timezone": "Europe/Berlin"})))
            .await;
        for lease in 0..6 {
            let now = at(DUE) + lease * 60;
            let leased = host.storage().take_due(now, now + 60, 9, None).await.expect("leased");
            assert_eq!(leased.len(), 1);
        }
        host.jump_to("2026-10-23T12:00:00Z");
        host.step().await;
        let outcome = host.history(id).await.remove(0).entry.outcome;
        assert_eq!(
            outcome,
            Some(Outcome::Failed(("attempts-exhausted".to_owned(), reason.to_owned())))
        );
        let told = host.mails();
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].recipient.as_str(), told[0].subject.as_str()),
            ("john@example.com", subject)
        );
        assert!(told[0].text.contains(reason), "{}", told[0].text);
        // Its due time is that of a clock in its zone, and nothing is left of the other language.
        assert!(told[0].text.contains("04:00"), "{}", told[0].text);
        assert_eq!(told[0].text.starts_with("Hallo,"), language == "de", "{}", told[0].text);
    }
}
