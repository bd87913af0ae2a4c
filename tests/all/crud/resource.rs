//! Section 1: the resource.

mod form;

use scheduled_exports_host::contract::ScheduleState;
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, MARY, but, daily};

use super::{bad, host, user, wrong};

const WRITABLE: [&str; 11] = [
    "export_identifier",
    "export_form_data",
    "locale",
    "mail_additional_recipients",
    "mail_additional_recipients_cc",
    "mail_additional_recipients_bcc",
    "mail_subject",
    "mail_template",
    "schedule_rrule",
    "schedule_rrule_time",
    "timezone",
];

#[tokio::test]
async fn section_1_fields_come_in_this_order_with_these_defaults_and_an_event_has_no_timezone() {
    let host = host().await;
    let made = host.post(BIG, JOHN, &daily()).await;
    let want = json!({
        "id": made.body["id"], "owner": "john@example.com", "export_identifier": "orderlist",
        "export_form_data": {"_format": "xlsx", "date_range": "days_yesterday"}, "locale": "en",
        "mail_additional_recipients": "", "mail_additional_recipients_cc": "", "mail_additional_recipients_bcc": "",
        "mail_subject": "Orders", "mail_template": "Yesterday's orders.",
        "schedule_rrule": "DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00",
        "schedule_next_run": "2026-10-23T02:00:00Z", "timezone": "Europe/Berlin", "error_counter": 0,
        "state": "active", "paused": null,
    });
    assert!(made.body["id"].is_u64());
    assert_eq!(made.bytes, want.to_string().into_bytes());

    let made = host.post(CONF, JOHN, &daily()).await;
    let mut want = but(want, json!({"id": made.body["id"], "timezone": null}));
    // Taking a field out may have moved the last one.
    let last = want.as_object_mut().expect("an object").shift_remove("paused");
    want["paused"] = last.expect("it was there");
    let keys = |of: &Value| of.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!((&made.body, keys(&made.body).last()), (&want, keys(&want).last()));
    assert_eq!(keys(&made.body).len(), 16);

    let shown = host.get(&format!("{CONF}{}/", made.body["id"]), JOHN).await;
    let listed = host.get(CONF, JOHN).await;
    assert_eq!(
        (shown.bytes, &listed.body["results"][0]),
        (made.bytes.clone(), &made.body)
    );
}

#[tokio::test]
async fn section_1_owner_is_the_address_of_the_user_at_this_moment_and_null_once_the_user_is_gone() {
    let host = host().await;
    let id = host.create(CONF, MARY, &daily()).await;
    let path = format!("{CONF}{id}/");
    let mary = user(&host, "mary@example.org").await;
    let moved = host.platform().set_user_email(&mary, "mary@new.example").await;
    moved.expect("the platform answers");
    assert_eq!(host.get(&path, MARY).await.body["owner"], "mary@new.example");
    assert_eq!(
        host.get(CONF, JOHN).await.body["results"][0]["owner"],
        "mary@new.example"
    );
    host.platform().remove_user(&mary).await.expect("the platform answers");
    let shown = host.get(&path, JOHN).await;
    assert_eq!((shown.status, &shown.body["owner"]), (200, &Value::Null));
}

#[tokio::test]
async fn section_1_read_only_and_unknown_fields_of_a_body_are_ignored() {
    let host = host().await;
    let more = json!({
        "id": 4711, "owner": "sam@example.net", "schedule_next_run": "2030-01-01T00:00:00Z", "error_counter": 5,
        "surprise": {"deep": [1]}, "timezone": "Mars/Olympus",
    });
    let plain = host.post(CONF, JOHN, &daily()).await;
    let made = host.post(CONF, JOHN, &but(daily(), more.clone())).await;
    assert_eq!(made.status, 201, "at an event `timezone` is unknown too: {}", made.body);
    let same = |of: &Value| but(of.clone(), json!({"id": null}));
    assert_eq!(same(&made.body), same(&plain.body));
    assert_ne!(made.body["id"], 4711);
    let patched = host.patch(&format!("{CONF}{}/", made.body["id"]), JOHN, &more).await;
    assert_eq!((patched.status, patched.body), (200, made.body));
}

/// The fields that can be left out for good, with what they are then.
const OPTIONAL: [(&str, &str); 5] = [
    ("locale", "en"),
    ("mail_additional_recipients", ""),
    ("mail_additional_recipients_cc", ""),
    ("mail_additional_recipients_bcc", ""),
    ("timezone", "Europe/Berlin"),
];

#[tokio::test]
async fn section_1_null_in_an_optional_field_means_that_it_is_not_set() {
    let host = host().await;
    let full = json!({
        "locale": "de", "mail_additional_recipients": "a@example.com", "mail_additional_recipients_cc": "b@example.com",
        "mail_additional_recipients_bcc": "c@exämple.com", "timezone": "Asia/Tokyo",
    });
    let whole = but(daily(), full.clone());
    for (field, default) in OPTIONAL {
        let mut unset = whole.clone();
        unset[field] = Value::Null;
        let made = host.post(BIG, JOHN, &unset).await;
        assert_eq!(made.status, 201, "{field}: {}", made.body);
        let one = format!("{BIG}{}/", made.body["id"]);
        let put = host.put(&one, JOHN, &unset).await;
        // What is left out of a PATCH stays; what is null there does not.
        assert_eq!(host.patch(&one, JOHN, &full).await.body[field], full[field]);
        let patched = host.patch(&one, JOHN, &json!({field: null})).await;
        for answer in [made, put, patched, host.get(&one, JOHN).await] {
            for (name, _) in OPTIONAL {
                let expected = if name == field {
                    json!(default)
                } else {
                    full[name].clone()
                };
                assert_eq!(answer.body[name], expected, "{field}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn section_1_what_a_get_answers_at_an_event_or_organizer_can_be_posted_at_the_other() {
    let host = host().await;
    for (from, to) in [(CONF, BIG), (BIG, CONF)] {
        let read = host.post(from, JOHN, &daily()).await.body;
        let posted = host.post(to, JOHN, &read).await;
        assert_eq!(posted.status, 201, "{from}: {}", posted.body);
        assert_eq!(posted.body["schedule_next_run"], read["schedule_next_run"]);
    }
    // As other servers of this API write a schedule without a zone and recipients.
    let mut theirs = daily();
    for field in [
        "locale",
        "mail_additional_recipients",
        "mail_additional_recipients_cc",
        "mail_additional_recipients_bcc",
        "timezone",
        "schedule_next_run",
    ] {
        theirs[field] = Value::Null;
    }
    let posted = host.post(BIG, JOHN, &theirs).await;
    assert_eq!(
        (posted.status, &posted.body["timezone"]),
        (201, &json!("Europe/Berlin"))
    );
}

#[tokio::test]
async fn section_1_values_of_another_type_are_errors_in_every_writable_field_and_null_is_one_in_required_ones() {
    let host = host().await;
    let id = host.create(BIG, JOHN, &daily()).await;
    for field in WRITABLE {
        for value in [
            json!(null),
            json!(7),
            json!(true),
            json!("text"),
            json!(["x"]),
            json!({"x": 1}),
        ] {
            let takes_it = if field == "export_form_data" {
                value.is_object()
            } else {
                value.is_string() || (value.is_null() && OPTIONAL.iter().any(|(optional, _)| *optional == field))
            };
            if takes_it {
                continue;
            }
            let mut body = daily();
            body[field] = value.clone();
            let posted = host.post(BIG, JOHN, &body).await;
            assert_eq!(wrong(&posted), bad(&[field]), "{value}: {}", posted.body);
            assert!(posted.body[field].as_array().is_some_and(|words| !words.is_empty()));
            let patched = host.patch(&format!("{BIG}{id}/"), JOHN, &json!({field: value})).await;
            assert_eq!(wrong(&patched), bad(&[field]), "{value}: {}", patched.body);
        }
    }
}

#[tokio::test]
async fn section_1_required_fields_are_required_and_the_others_have_defaults() {
    let host = host().await;
    let none = host.post(BIG, JOHN, &json!({})).await;
    let mut fields = wrong(&none);
    fields.1.sort();
    assert_eq!(
        fields,
        bad(&[
            "export_form_data",
            "export_identifier",
            "mail_subject",
            "mail_template",
            "schedule_rrule",
            "schedule_rrule_time"
        ])
    );
}

#[tokio::test]
async fn section_1_text_fields_take_what_the_table_says_and_nothing_else() {
    let host = host().await;
    let addresses = |count: usize| {
        (0..count)
            .map(|n| format!("a{n}@example.com"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut cases: Vec<(&str, String, Option<String>)> = Vec::new();
    let mut fine = |field, given: &str, shown: &str| cases.push((field, given.into(), Some(shown.into())));
    fine("locale", "de", "de");
    fine("mail_subject", &"ä".repeat(250), &"ä".repeat(250));
    fine("mail_template", "one\r\ntwo\n", "one\ntwo\n");
    fine("schedule_rrule_time", "04:05", "04:05:00");
    fine("schedule_rrule_time", "23:59:59", "23:59:59");
    fine("timezone", "Asia/Kathmandu", "Asia/Kathmandu");
    for field in [
        "mail_additional_recipients",
        "mail_additional_recipients_cc",
        "mail_additional_recipients_bcc",
    ] {
        fine(field, "", "");
        fine(field, "  a@example.com ,b@example.com  ", "a@example.com,b@example.com");
        fine(
            field,
            "a@example.com,\n\tb@example.com\r\n",
            "a@example.com,b@example.com",
        );
        fine(field, " \t\n", "");
        fine(field, "A@Exämple.org, b@example.com", "A@Exämple.org,b@example.com");
        fine(field, "a@xn--exmple-cua.org", "a@xn--exmple-cua.org");
        fine(field, &addresses(25), &addresses(25).replace(' ', ""));
    }
    let mut bad_value = |field, given: &str| cases.push((field, given.into(), None));
    for given in ["", "fr", "EN", "en-GB"] {
        bad_value("locale", given);
    }
    for field in [
        "mail_additional_recipients",
        "mail_additional_recipients_cc",
        "mail_additional_recipients_bcc",
    ] {
        bad_value(field, &addresses(26));
        for given in [
            "nobody",
            "a@b",
            "a@example.com,",
            ",a@example.com",
            "a@example.com,,b@example.com",
            "a@example.com;b@example.com",
            "A <a@example.com>",
            "a@example.com\r\nBcc: b@example.com",
            "ä@example.com",
            "a@exa\u{308}mple.org",
            "a@ｅxample.org",
            "a b@example.com",
        ] {
            bad_value(field, given);
        }
    }
    for given in [
        "",
        "  ",
        "\t",
        "two\nlines",
        "two\rlines",
        "a\0b",
        "a\u{2028}b",
        &"x".repeat(251),
    ] {
        bad_value("mail_subject", given);
    }
    for given in ["", " \n ", "a\0b"] {
        bad_value("mail_template", given);
    }
    for given in [
        "",
        "4:00",
        "24:00",
        "23:60",
        "23:59:60",
        "04:00:00Z",
        "04:00:00.5",
        "04:00+01:00",
        "0400",
        " 04:00",
        "04:00 ",
        "٠٤:٠٠",
    ] {
        bad_value("schedule_rrule_time", given);
    }
    for given in ["", "Mars/Olympus", "europe/berlin ", "+02:00", "CEST"] {
        bad_value("timezone", given);
    }
    for given in [
        "",
        "FREQ=HOURLY",
        "RRULE:FREQ=DAILY;COUNT=-1",
        "every day",
        "RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY",
        "DTSTART:20260230T000000\nRRULE:FREQ=DAILY",
    ] {
        bad_value("schedule_rrule", given);
    }
    for given in ["", "nothing", "ORDERLIST", "checkinlist"] {
        bad_value("export_identifier", given);
    }
    for (field, given, shown) in cases {
        let mut body = daily();
        body[field] = given.clone().into();
        let answer = host.post(BIG, JOHN, &body).await;
        match shown {
            Some(shown) => assert_eq!(
                (answer.status, &answer.body[field]),
                (201, &json!(shown)),
                "{field} {given:?}"
            ),
            None => assert_eq!(wrong(&answer), bad(&[field]), "{field} {given:?} {}", answer.body),
        }
    }
}

#[tokio::test]
async fn section_1_addresses_with_a_semicolon_between_them_are_refused_in_words_that_name_the_comma() {
    let host = host().await;
    let field = "mail_additional_recipients";
    let answer = host
        .post(BIG, JOHN, &but(daily(), json!({field: "a@x.org; b@x.org"})))
        .await;
    let words = "“a@x.org; b@x.org” is not one email address. Separate addresses with commas.";
    assert_eq!((answer.status, &answer.body), (400, &json!({field: [words]})));
}

#[tokio::test]
async fn section_1_a_recipient_whose_domain_is_beyond_ascii_is_shown_as_typed_and_written_to_as_xn() {
    let host = host().await;
    let field = "mail_additional_recipients";
    let made = host
        .post(CONF, JOHN, &but(daily(), json!({field: "a@exämple.org"})))
        .await;
    assert_eq!((made.status, &made.body[field]), (201, &json!("a@exämple.org")));
    let path = format!("{CONF}{}/", made.body["id"]);
    let shown = host.patch(&path, JOHN, &json!({"mail_subject": "Others"})).await;
    assert_eq!(shown.body[field], "a@exämple.org");
    assert_eq!(host.get(CONF, JOHN).await.body["results"][0][field], "a@exämple.org");
    host.advance_to("2026-10-23T12:00:00Z").await;
    let mails = host.mails();
    let mut recipients: Vec<_> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    recipients.sort_unstable();
    assert_eq!(recipients, ["a@xn--exmple-cua.org", "john@example.com"]);
    assert!(mails.iter().all(|mail| mail.to.contains("a@xn--exmple-cua.org")));
}

#[tokio::test]
async fn section_1_a_byte_order_mark_before_the_body_is_ignored() {
    let host = host().await;
    let headers: [(&str, &[u8]); 2] = [
        ("Authorization", JOHN.as_bytes()),
        ("Content-Type", b"application/json; charset=utf-8"),
    ];
    let body = format!("\u{feff}{}", daily());
    let made = host
        .send("POST", BIG, &headers, body.as_bytes())
        .await
        .expect("an answer");
    assert_eq!((made.status, &made.body["mail_subject"]), (201, &json!("Orders")));
}

#[tokio::test]
async fn section_1_the_default_zone_is_the_organizers_and_follows_it() {
    let host = host().await;
    let id = host.create(BIG, JOHN, &daily()).await;
    let path = format!("{BIG}{id}/");
    let moved = host.platform().set_organizer_timezone("bigevents", "Asia/Tokyo").await;
    moved.expect("the platform answers");
    assert_eq!(host.get(&path, JOHN).await.body["timezone"], "Asia/Tokyo");
    let kept = host.patch(&path, JOHN, &json!({"timezone": "Europe/Berlin"})).await;
    assert_eq!(kept.body["timezone"], "Europe/Berlin");
    assert_eq!(kept.body["schedule_next_run"], "2026-10-23T02:00:00Z");
    let default = host.put(&path, JOHN, &daily()).await;
    assert_eq!(default.body["timezone"], "Asia/Tokyo");
    assert_eq!(default.body["schedule_next_run"], "2026-10-22T19:00:00Z");
}

#[tokio::test]
async fn section_1_the_next_run_is_null_for_what_never_runs_again_and_for_what_was_stopped() {
    let host = host().await;
    let over = but(
        daily(),
        json!({"schedule_rrule": "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=2"}),
    );
    let never = host.create(CONF, JOHN, &over).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let scope = scheduled_exports_store::Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    let mut row = super::stored(&host, scope, id).await;
    row.id += 1_000;
    (row.content.state, row.content.error_counter) = (ScheduleState::Stopped, 5);
    let zones = &host.service.about().zone_database;
    let put = host
        .storage()
        .seed(&row, zones, scheduled_exports_testing::at(super::NOW))
        .await;
    put.expect("the store takes it");
    for (id, counter) in [(never, 0), (row.id, 5)] {
        let shown = host.get(&format!("{CONF}{id}/"), JOHN).await.body;
        assert_eq!(
            (&shown["schedule_next_run"], &shown["error_counter"]),
            (&Value::Null, &json!(counter))
        );
    }
    host.advance_to("2026-10-24T12:00:00Z").await;
    assert_eq!(host.history(row.id).await.len(), 0, "stopped is no longer executed");
    assert_eq!(host.mails().len(), 2);
}
