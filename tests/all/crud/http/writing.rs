//! What each way of writing takes and changes, and how what is wrong with it is told.

use scheduled_exports_testing::Harness;
use serde_json::json;
use tests::{BIG, CONF, FEST, JOHN, SAM, SMALL, but, daily, with};

use crate::crud::{NOW, bad, host, wrong};

#[tokio::test]
async fn section_2_put_takes_all_fields_and_left_out_ones_go_back_to_their_defaults_or_are_missed() {
    let host = host().await;
    let full = json!({
        "locale": "de", "mail_additional_recipients": "a@example.com", "mail_additional_recipients_cc": "b@example.com",
        "mail_additional_recipients_bcc": "c@example.com", "timezone": "Asia/Tokyo",
    });
    let made = host.post(BIG, JOHN, &but(daily(), full)).await.body;
    let one = format!("{BIG}{}/", made["id"]);
    let put = host.put(&one, JOHN, &daily()).await;
    assert_eq!(put.status, 200);
    for (field, default) in [
        ("locale", "en"),
        ("mail_additional_recipients", ""),
        ("mail_additional_recipients_cc", ""),
        ("mail_additional_recipients_bcc", ""),
        ("timezone", "Europe/Berlin"),
    ] {
        assert_ne!(made[field], default);
        assert_eq!(put.body[field], default, "{field}");
    }
    for field in [
        "export_identifier",
        "export_form_data",
        "mail_subject",
        "mail_template",
        "schedule_rrule",
        "schedule_rrule_time",
    ] {
        let answer = host.put(&one, JOHN, &but(daily(), json!({field: null}))).await;
        assert_eq!(wrong(&answer), bad(&[field]), "{}", answer.body);
    }
    assert_eq!(host.get(&one, JOHN).await.body, put.body);
}

#[tokio::test]
async fn section_2_patch_changes_only_what_is_given_and_replaces_the_form_whole() {
    let host = host().await;
    let made = host.post(BIG, JOHN, &daily()).await.body;
    let one = format!("{BIG}{}/", made["id"]);
    let mut now = made.clone();
    for (field, value) in [
        ("locale", json!("de")),
        ("mail_additional_recipients", json!("a@example.com")),
        ("mail_additional_recipients_cc", json!("b@example.com")),
        ("mail_additional_recipients_bcc", json!("c@example.com")),
        ("mail_subject", json!("New")),
        ("mail_template", json!("Text")),
        ("export_form_data", json!({"paid_only": true})),
        ("export_identifier", json!("orderpositions")),
    ] {
        let answer = host.patch(&one, JOHN, &json!({field: value})).await;
        now[field] = value;
        assert_eq!((answer.status, &answer.body), (200, &now), "{field}");
    }
    assert_eq!(host.patch(&one, JOHN, &json!({})).await.body, now);
    assert_eq!(host.get(&one, JOHN).await.body, now);
}

#[tokio::test]
async fn section_2_delete_answers_204_without_a_body_and_then_all_is_404() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let gone = host.delete(&one, JOHN).await;
    assert_eq!((gone.status, gone.bytes.len()), (204, 0));
    assert_eq!(host.delete(&one, JOHN).await.status, 404);
    assert_eq!(host.get(&one, JOHN).await.status, 404);
    assert_eq!(host.patch(&one, JOHN, &json!({})).await.status, 404);
    assert_eq!(host.put(&one, JOHN, &daily()).await.status, 404);
    assert_eq!(host.get(&format!("{one}runs/"), JOHN).await.status, 404);
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);
    let next = host.create(CONF, JOHN, &daily()).await;
    assert_ne!(one, format!("{CONF}{next}/"), "no id is used twice");
}

#[tokio::test]
async fn section_2_every_wrong_field_is_told_at_once_and_form_errors_are_nested() {
    let host = host().await;
    let everything = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "pdf", "date_range": "soon", "events": []},
        "locale": "xx", "mail_additional_recipients": "x", "mail_additional_recipients_cc": 1,
        "mail_additional_recipients_bcc": false, "mail_subject": "", "mail_template": " ", "schedule_rrule": "often",
        "schedule_rrule_time": "4", "timezone": "Mars",
    });
    let one = format!("{BIG}{}/", host.create(BIG, JOHN, &daily()).await);
    for answer in [
        host.post(BIG, JOHN, &everything).await,
        host.put(&one, JOHN, &everything).await,
        host.patch(&one, JOHN, &everything).await,
    ] {
        let mut fields = wrong(&answer);
        fields.1.sort();
        let mut all: Vec<&str> = everything
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        all.retain(|field| *field != "export_identifier");
        all.sort_unstable();
        assert_eq!(fields, bad(&all));
        for (field, words) in answer.body.as_object().expect("an object") {
            if field == "export_form_data" {
                let nested = words.as_object().expect("nested");
                assert_eq!(nested.len(), 3, "{words}");
                assert!(nested.values().all(|words| words[0].is_string()));
            } else {
                assert!(words[0].is_string(), "{field}");
            }
        }
    }
}

#[tokio::test]
async fn section_2_json_that_is_no_object_is_non_field_errors_and_what_is_no_json_is_detail() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let post = || "POST".parse().expect("a method");
    for text in ["[]", "1", "null", "\"x\"", "true", " [ ] "] {
        let answer = host.request(post(), CONF, JOHN, &[], Some(text)).await;
        assert_eq!(wrong(&answer), bad(&["non_field_errors"]), "{text}");
        let answer = host
            .request("PATCH".parse().expect("a method"), &one, JOHN, &[], Some(text))
            .await;
        assert_eq!(wrong(&answer), bad(&["non_field_errors"]), "{text}");
    }
    for text in [
        "",
        " ",
        "{",
        "{}}",
        "{'a': 1}",
        "{\"a\": 1,}",
        "NaN",
        "{\"a\": \"\\ud800\"}",
        "\u{feff}",
        "\u{feff}\u{feff}{}",
        "{}\u{feff}",
    ] {
        let answer = host.request(post(), CONF, JOHN, &[], Some(text)).await;
        assert_eq!(wrong(&answer), bad(&["detail"]), "{text}: {}", answer.body);
        assert!(answer.body["detail"].is_string());
    }
}

#[tokio::test]
async fn section_2_over_the_organizers_quota_is_400_non_field_errors_on_both_levels_together() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({"max_schedules": 2});
    });
    let host = Harness::start(&fixture, NOW).await;
    let first = host.create(CONF, JOHN, &daily()).await;
    host.create(BIG, JOHN, &daily()).await;
    for path in [CONF, BIG, FEST] {
        let answer = host.post(path, JOHN, &daily()).await;
        assert_eq!(wrong(&answer), bad(&["non_field_errors"]));
        assert!(
            answer.body["non_field_errors"][0]
                .as_str()
                .expect("words")
                .contains('2')
        );
    }
    assert_eq!(host.post(SMALL, SAM, &daily()).await.status, 201, "another organizer's");
    assert_eq!(
        host.patch(&format!("{CONF}{first}/"), JOHN, &json!({})).await.status,
        200
    );
    assert_eq!(host.delete(&format!("{CONF}{first}/"), JOHN).await.status, 204);
    assert_eq!(host.post(FEST, JOHN, &daily()).await.status, 201);
}

#[tokio::test]
async fn section_2_a_recipient_outside_the_allowed_domains_is_400_on_that_field() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({"recipient_domains": ["example.com"]});
    });
    let host = Harness::start(&fixture, NOW).await;
    for field in [
        "mail_additional_recipients",
        "mail_additional_recipients_cc",
        "mail_additional_recipients_bcc",
    ] {
        for (address, fits) in [
            ("a@example.com", true),
            ("a@EXAMPLE.COM", true),
            ("a@example.org", false),
            ("a@sub.example.com", false),
            ("a@notexample.com", false),
            ("a@example.com, b@evil.example", false),
        ] {
            let answer = host.post(CONF, JOHN, &but(daily(), json!({field: address}))).await;
            if fits {
                assert_eq!(answer.status, 201, "{address}");
            } else {
                assert_eq!(wrong(&answer), bad(&[field]), "{address}");
            }
        }
    }
}

#[tokio::test]
async fn section_2_an_allowed_domain_is_the_same_however_it_is_written_and_what_looks_like_it_is_another() {
    for allowed in [
        "exämple.org",
        "EXÄMPLE.org",
        "xn--exmple-cua.org",
        "xn--exmple-cua.org.",
    ] {
        let fixture = with(|fixture| {
            fixture["schedules"] = json!([]);
            fixture["organizers"][0]["settings"] = json!({"recipient_domains": [allowed]});
        });
        let host = Harness::start(&fixture, NOW).await;
        let field = "mail_additional_recipients";
        for (address, fits) in [
            ("a@exämple.org", true),
            ("a@EXÄMPLE.ORG", true),
            ("a@xn--exmple-cua.org", true),
            ("a@XN--EXMPLE-CUA.org", true),
            ("a@example.org", false),
            ("a@exa\u{308}mple.org", false),
            ("a@ｅxämple.org", false),
            ("a@еxämple.org", false), // its first letter is Cyrillic
            ("a@exämple.org.", false),
            ("a@exämple。org", true),
            ("a@exämple.org.evil.example", false),
            ("a@evil.example@exämple.org", false),
        ] {
            let answer = host.post(CONF, JOHN, &but(daily(), json!({field: address}))).await;
            let want = if fits { 201 } else { 400 };
            assert_eq!(answer.status, want, "{address} at {allowed}: {}", answer.body);
        }
        // The host holds the mail to the same domains.
        host.advance_to("2026-10-23T12:00:00Z").await;
        let mails = host.mails();
        let to = |domain: &str| {
            mails
                .iter()
                .filter(|mail| mail.recipient.to_lowercase().ends_with(domain))
                .count()
        };
        assert_eq!(to("@xn--exmple-cua.org"), 5, "{allowed}");
    }
}
