//! Section 2: the HTTP API.

use std::fmt::Write as _;

use host_harness::testing::Harness;
use serde_json::{Value, json};
use tests::{BIG, CONF, FEST, JOHN, JOHN_READING, MARY, SAM, SETTINGS_TOKEN, SMALL, VERA, but, daily, with};

use super::{NOW, bad, host, put_straight, wrong};

const VARY: &str = "Accept, Accept-Language, Authorization";
const EXPORTERS: &str = "/api/v1/organizers/bigevents/exporters/";
const CONF_EXPORTERS: &str = "/api/v1/organizers/bigevents/events/sampleconf/exporters/";

async fn ids(host: &Harness, query: &str) -> Vec<u64> {
    let list = host.get(&format!("{CONF}{query}"), JOHN).await;
    assert_eq!(list.status, 200, "{query}: {}", list.body);
    let rows = list.body["results"].as_array().expect("results").clone();
    rows.iter().filter_map(|row| row["id"].as_u64()).collect()
}

#[tokio::test]
async fn section_2_lists_have_fifty_a_page_and_links_that_keep_the_query_and_another_page_is_404() {
    let host = host().await;
    for _ in 0..51 {
        host.create(CONF, JOHN, &daily()).await;
    }
    let first = host.get(&format!("{CONF}?ordering=-id&colour=red"), JOHN).await.body;
    assert_eq!(
        first.as_object().expect("an object").keys().collect::<Vec<_>>(),
        ["count", "next", "previous", "results"]
    );
    assert_eq!((&first["count"], &first["previous"]), (&json!(51), &Value::Null));
    assert_eq!(first["results"].as_array().map(Vec::len), Some(50));
    let next = first["next"].as_str().expect("a link");
    assert_eq!(next, format!("{CONF}?ordering=-id&colour=red&page=2"));
    let second = host.get(next, JOHN).await.body;
    assert_eq!(
        (second["results"].as_array().map(Vec::len), &second["next"]),
        (Some(1), &Value::Null)
    );
    let previous = second["previous"].as_str().expect("a link");
    assert_eq!(host.get(previous, JOHN).await.body, first);

    assert_eq!(ids(&host, "?page_size=2&page=2").await.len(), 2);
    assert_eq!(ids(&host, "?page_size=1&page=51").await.len(), 1);
    for ignored in ["0", "51", "-1", "many", "", "1.5", "99999999999999999999", "٣"] {
        assert_eq!(
            ids(&host, &format!("?page_size={}", encoded(ignored))).await.len(),
            50,
            "{ignored}"
        );
    }
    for page in [
        "3",
        "0",
        "-1",
        "last",
        "",
        "1.0",
        "4294967295",
        "4294967296",
        "99999999999999999999",
    ] {
        let answer = host.get(&format!("{CONF}?page={page}"), JOHN).await;
        assert_eq!(answer.status, 404, "{page}");
        assert!(answer.body["detail"].is_string());
    }
    let absolute = host.request(
        "GET".parse().expect("a method"),
        CONF,
        JOHN,
        &[("host", "tickets.example")],
        None,
    );
    assert_eq!(
        absolute.await.body["next"],
        format!("http://tickets.example{CONF}?page=2")
    );
    let empty = host.get(FEST, JOHN).await.body;
    assert_eq!(
        empty,
        json!({"count": 0, "next": null, "previous": null, "results": []})
    );
    assert_eq!(host.get(&format!("{FEST}?page=2"), JOHN).await.status, 404);
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

#[tokio::test]
async fn section_2_lists_are_ordered_with_ties_by_id_and_nulls_last_either_way() {
    let host = host().await;
    let over = json!({"schedule_rrule": "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=1"});
    let other = json!({"export_identifier": "dailysales", "schedule_rrule_time": "05:00"});
    let never_a = host.create(CONF, JOHN, &but(daily(), over.clone())).await;
    let late = host.create(CONF, JOHN, &but(daily(), other)).await;
    let early_a = host.create(CONF, JOHN, &daily()).await;
    let never_b = host.create(CONF, JOHN, &but(daily(), over)).await;
    let early_b = host.create(CONF, JOHN, &daily()).await;
    let scope = host_harness::storage::Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    // Stopped: shown as null, so sorted as null, though the due time is kept.
    let mut row = super::stored(&host, scope, early_b).await;
    row.id = 900;
    (row.content.active, row.content.error_counter) = (false, 5);
    let zones = &host.service.about().zone_database;
    let put = host.storage().seed(&row, zones, host_harness::testing::at(NOW)).await;
    put.expect("the store takes it");
    let by_id = vec![never_a, late, early_a, never_b, early_b, 900];
    let mut reversed = by_id.clone();
    reversed.reverse();
    for (query, want) in [
        ("", by_id.clone()),
        ("?ordering=id", by_id.clone()),
        ("?ordering=-id", reversed),
        (
            "?ordering=schedule_next_run",
            vec![early_a, early_b, late, never_a, never_b, 900],
        ),
        (
            "?ordering=-schedule_next_run",
            vec![late, early_a, early_b, never_a, never_b, 900],
        ),
        (
            "?ordering=export_identifier",
            vec![late, never_a, early_a, never_b, early_b, 900],
        ),
        (
            "?ordering=-export_identifier",
            vec![never_a, early_a, never_b, early_b, 900, late],
        ),
        ("?ordering=mail_subject", by_id.clone()),
        ("?ordering=--id", by_id.clone()),
        ("?ordering=ID", by_id.clone()),
        ("?ordering=", by_id),
    ] {
        assert_eq!(ids(&host, query).await, want, "{query}");
        let paged = if query.is_empty() {
            "?".to_owned()
        } else {
            format!("{query}&")
        };
        let mut pages = Vec::new();
        for page in 1..=3 {
            pages.extend(ids(&host, &format!("{paged}page_size=2&page={page}")).await);
        }
        assert_eq!(pages, want, "{query}, page by page");
    }
}

#[tokio::test]
async fn section_2_an_organizers_list_holds_its_own_level_only_and_so_does_each_events() {
    let host = host().await;
    let of = [BIG, CONF, FEST].map(|path| (path, daily()));
    let mut made = Vec::new();
    for (path, body) in of {
        made.push((path, host.create(path, JOHN, &body).await));
    }
    for (path, id) in &made {
        let list = host.get(path, JOHN).await.body;
        assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &json!(id)));
        for (elsewhere, other) in &made {
            let status = if path == elsewhere { 200 } else { 404 };
            assert_eq!(
                host.get(&format!("{path}{other}/"), JOHN).await.status,
                status,
                "{path}{other} {elsewhere}"
            );
        }
    }
}

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
async fn section_2_exporters_are_those_open_to_the_caller_with_their_fields() {
    let host = host().await;
    let names = |path: &'static str, caller: &'static str| {
        let host = &host;
        async move {
            let list = host.get(path, caller).await;
            assert_eq!(list.status, 200, "{caller}");
            let rows = list.body["results"].as_array().expect("results").clone();
            let names = rows
                .iter()
                .map(|row| row["identifier"].as_str().expect("a name").to_owned());
            names.collect::<Vec<_>>()
        }
    };
    let event = [
        "orderlist",
        "orderpositions",
        "mailaddresses",
        "checkinlist",
        "dailysales",
    ];
    let organizer = ["orderlist", "orderpositions", "mailaddresses", "dailysales"];
    for caller in [JOHN, JOHN_READING, MARY, SETTINGS_TOKEN] {
        assert_eq!(names(CONF_EXPORTERS, caller).await, event);
        assert_eq!(names(EXPORTERS, caller).await, organizer);
    }
    assert_eq!(names(CONF_EXPORTERS, VERA).await, [""; 0]);
    for (path, offered) in [(CONF_EXPORTERS, &event[..]), (EXPORTERS, &organizer[..])] {
        let list = host.get(path, JOHN).await.body;
        for (place, name) in offered.iter().enumerate() {
            let one = host.get(&format!("{path}{name}/"), JOHN).await;
            assert_eq!((one.status, &one.body), (200, &list["results"][place]));
            let fields = one.body["input_parameters"].as_array().expect("fields").clone();
            let across = fields.iter().any(|field| field["name"] == "all_events");
            assert_eq!(across, path == EXPORTERS, "{name}");
        }
        for nothing in ["nothing", "ORDERLIST", "%00", "..", "order%2Flist"] {
            assert_eq!(
                host.get(&format!("{path}{nothing}/"), JOHN).await.status,
                404,
                "{nothing}"
            );
        }
    }
    let (closed, missing) = (
        host.get(&format!("{CONF_EXPORTERS}orderlist/"), VERA).await,
        host.get(&format!("{CONF_EXPORTERS}nothing/"), VERA).await,
    );
    assert_eq!((closed.status, closed.bytes), (404, missing.bytes));
    assert_eq!(host.get(&format!("{EXPORTERS}checkinlist/"), JOHN).await.status, 404);
}

#[tokio::test]
async fn section_2_every_wrong_field_is_told_at_once_and_form_errors_are_nested() {
    let host = host().await;
    let everything = json!({
        "export_identifier": "orderlist", "export_form_data": {"_format": "pdf", "date_range": "soon", "events": []},
        "locale": "xx", "mail_additional_recipients": "x", "mail_additional_recipients_cc": 1,
        "mail_additional_recipients_bcc": null, "mail_subject": "", "mail_template": " ", "schedule_rrule": "often",
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
        "\u{feff}{}",
    ] {
        let answer = host.request(post(), CONF, JOHN, &[], Some(text)).await;
        assert_eq!(wrong(&answer), bad(&["detail"]), "{text}: {}", answer.body);
        assert!(answer.body["detail"].is_string());
    }
}

#[tokio::test]
async fn section_2_no_unknown_or_unreadable_credentials_are_401_and_the_scheme_is_taken_in_any_case() {
    let fixture = with(|fixture| {
        let more = json!({"token": "john-expired", "user": "john@example.com", "scopes": ["read", "write"],
                          "organizers": ["bigevents"], "expires": NOW});
        fixture["oauth_tokens"].as_array_mut().expect("a list").push(more);
    });
    let host = Harness::start(&fixture, "2026-10-22T11:59:59Z").await;
    assert_eq!(host.get(CONF, "Bearer john-expired").await.status, 200);
    host.jump_to(NOW);
    for credentials in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic am9objpvYXV0aA==",
        "john-oauth",
        "Token john-oauth",
        "Device john-oauth",
        "Bearer bigevents-settings-token",
        "Bearer john-oauth extra",
        "Bearer JOHN-OAUTH",
        "Bearer john-expired",
    ] {
        for path in [
            CONF,
            "/api/v1/organizers/nowhere/scheduled_exports/",
            &format!("{CONF}1/"),
        ] {
            let answer = host.get(path, credentials).await;
            assert_eq!(answer.status, 401, "{credentials}");
            assert!(answer.body["detail"].is_string());
            for scheme in ["Bearer", "Token", "Device"] {
                assert!(answer.header("www-authenticate").contains(scheme));
            }
        }
        assert_eq!(host.post(CONF, credentials, &daily()).await.status, 401);
    }
    for credentials in [
        "bearer john-oauth",
        "BEARER john-oauth",
        "tOKEN bigevents-settings-token",
    ] {
        assert_eq!(host.get(CONF, credentials).await.status, 200, "{credentials}");
    }
    assert_eq!(host.get(CONF, "DEVICE gate-1-device").await.status, 403);
}

#[tokio::test]
async fn section_2_no_right_and_no_such_organizer_or_event_look_the_same() {
    let host = host().await;
    let theirs = host.get(SMALL, JOHN).await;
    assert_eq!((theirs.status, theirs.body["detail"].is_string()), (403, true));
    for path in [
        "/api/v1/organizers/nowhere/scheduled_exports/",
        "/api/v1/organizers/nowhere/events/sampleconf/scheduled_exports/",
        "/api/v1/organizers/bigevents/events/nowhere/scheduled_exports/",
        "/api/v1/organizers/bigevents/events/jazznight/scheduled_exports/",
        "/api/v1/organizers/smallgigs/events/jazznight/scheduled_exports/",
        "/api/v1/organizers/smallgigs/exporters/",
        "/api/v1/organizers/%00/scheduled_exports/",
    ] {
        let answer = host.get(path, JOHN).await;
        assert_eq!((answer.status, &answer.bytes), (403, &theirs.bytes), "{path}");
    }
    assert_eq!(host.get(FEST, MARY).await.bytes, theirs.bytes);
    assert_eq!(host.get(CONF, SAM).await.bytes, theirs.bytes);
}

#[tokio::test]
async fn section_2_missing_and_invisible_schedules_and_ids_that_are_no_number_are_404_and_look_the_same() {
    let host = host().await;
    let johns = host.create(CONF, JOHN, &daily()).await;
    let missing = host.get(&format!("{CONF}999/"), MARY).await;
    assert_eq!((missing.status, missing.body["detail"].is_string()), (404, true));
    for id in [
        &johns.to_string(),
        "abc",
        "-1",
        "1.0",
        "0x1",
        "9223372036854775808",
        "99999999999999999999999",
        "%31%00",
        "١",
    ] {
        for (method, body) in [("GET", ""), ("DELETE", ""), ("PATCH", "{}"), ("PUT", "{}")] {
            let headers = [
                ("authorization", MARY.as_bytes()),
                ("content-type", b"application/json".as_slice()),
            ];
            let path = format!("{CONF}{}/", if id.is_ascii() { (*id).to_owned() } else { encoded(id) });
            let answer = host
                .send(method, &path, &headers, body.as_bytes())
                .await
                .expect("a request");
            assert_eq!((answer.status, &answer.bytes), (404, &missing.bytes), "{method} {id}");
        }
    }
    assert_eq!(
        host.get(&format!("{CONF}0{johns}/"), JOHN).await.status,
        200,
        "still that number"
    );
}

#[tokio::test]
async fn section_2_paths_without_the_slash_are_301_for_readers_and_a_404_that_helps_for_writers() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let runs = format!("{one}runs/");
    for right in [CONF, &one, &runs, BIG, EXPORTERS, CONF_EXPORTERS] {
        let path = right.trim_end_matches('/');
        for method in ["GET", "HEAD"] {
            let credentials = [("authorization", JOHN.as_bytes())];
            let answer = host
                .send(method, &format!("{path}?page=1&x=%20"), &credentials, b"")
                .await
                .expect("a request");
            assert_eq!(
                (answer.status, answer.header("location")),
                (301, &*format!("{right}?page=1&x=%20"))
            );
            let answer = host.send(method, path, &credentials, b"").await.expect("a request");
            assert_eq!(
                (answer.status, answer.header("location"), answer.header("vary")),
                (301, right, VARY)
            );
        }
    }
    for (method, right) in [("POST", CONF), ("PUT", &one), ("PATCH", &one), ("DELETE", &one)] {
        let headers = [
            ("authorization", JOHN.as_bytes()),
            ("content-type", b"application/json".as_slice()),
        ];
        let path = right.trim_end_matches('/');
        let answer = host
            .send(method, path, &headers, daily().to_string().as_bytes())
            .await
            .expect("a request");
        assert_eq!(answer.status, 404);
        let detail = answer.body["detail"].as_str().expect("words");
        assert!(detail.contains(right), "{detail}");
    }
    assert_eq!(host.get(&one, JOHN).await.status, 200, "nothing was changed");
}

#[tokio::test]
async fn section_2_other_methods_are_405_with_allow_and_options_answers_allow() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let (runs, exporter) = (format!("{one}runs/"), format!("{EXPORTERS}orderlist/"));
    for (path, allow) in [
        (CONF, "GET, HEAD, POST, OPTIONS"),
        (BIG, "GET, HEAD, POST, OPTIONS"),
        (&one, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (&runs, "GET, HEAD, OPTIONS"),
        (EXPORTERS, "GET, HEAD, OPTIONS"),
        (&exporter, "GET, HEAD, OPTIONS"),
    ] {
        let headers = [("authorization", JOHN.as_bytes())];
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get",
        ] {
            let answer = host.send(method, path, &headers, b"").await;
            // Not every method goes with every target.
            let Some(answer) = answer else { continue };
            let allowed = allow.split(", ").any(|known| known == method);
            assert_eq!(answer.status == 405, !allowed, "{method} {path}: {}", answer.body);
            if !allowed {
                assert_eq!(answer.header("allow"), allow);
                assert!(answer.body["detail"].is_string());
            }
            if method == "DELETE" && allowed {
                break;
            }
        }
        let options = host.send("OPTIONS", path, &[], b"").await.expect("a request");
        assert_eq!(
            (options.status, options.header("allow"), options.bytes.len()),
            (204, allow, 0)
        );
        assert_eq!(options.header("vary"), VARY);
    }
}

#[tokio::test]
async fn section_2_other_types_are_406_and_415_and_every_answer_varies() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{id}/");
    let body = daily().to_string();
    for (accept, status) in [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*;q=0.1", 200),
        ("text/html, */*;q=0.5", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/xml, text/*", 406),
    ] {
        for path in [CONF, &one, EXPORTERS] {
            let answer = host
                .request(
                    "GET".parse().expect("a method"),
                    path,
                    JOHN,
                    &[("accept", accept)],
                    None,
                )
                .await;
            assert_eq!((answer.status, answer.header("vary")), (status, VARY), "{accept}");
            assert!(status == 200 || answer.body["detail"].is_string());
        }
    }
    for (content_type, status) in [
        ("application/json", 201),
        ("Application/JSON; charset=UTF-8", 201),
        ("application/merge-patch+json", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=latin1", 415),
        ("", 415),
    ] {
        let headers = [("content-type", content_type)];
        let answer = host
            .request("POST".parse().expect("a method"), CONF, JOHN, &headers, Some(&body))
            .await;
        assert_eq!((answer.status, answer.header("vary")), (status, VARY), "{content_type}");
        assert!(status == 201 || answer.body["detail"].is_string());
    }
    let gzip = [("content-encoding", "gzip")];
    let answer = host
        .request("POST".parse().expect("a method"), CONF, JOHN, &gzip, Some(&body))
        .await;
    assert_eq!(answer.status, 415);
    for path in ["/", "/healthz", "/nothing", "/api/v1/", "//", CONF] {
        for credentials in ["", JOHN] {
            assert_eq!(host.get(path, credentials).await.header("vary"), VARY, "{path}");
        }
    }
    assert_eq!(host.delete(&one, JOHN).await.header("vary"), VARY);
}

#[tokio::test]
async fn section_2_checks_come_in_the_order_given() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let nowhere = "/api/v1/organizers/nowhere/scheduled_exports/1/";
    let nonsense = json!({"mail_subject": 1, "export_identifier": "nothing"});
    // credentials, organizer and event, scope of the token, visibility, validity, right to the exporter
    assert_eq!(host.patch(nowhere, "Bearer no", &nonsense).await.status, 401);
    assert_eq!(
        host.patch(nowhere, JOHN_READING, &nonsense).await.bytes,
        host.get(nowhere, JOHN).await.bytes
    );
    let scope = host.patch(&one, JOHN_READING, &nonsense).await;
    let of_missing = host.patch(&format!("{CONF}999/"), JOHN_READING, &nonsense).await;
    assert_eq!((scope.status, scope.bytes), (403, of_missing.bytes));
    assert_eq!(host.patch(&one, MARY, &nonsense).await.status, 404);
    assert_eq!(wrong(&host.patch(&one, VERA, &nonsense).await), bad(&["mail_subject"]));
    assert_eq!(
        host.patch(&one, VERA, &json!({"export_identifier": "nothing"}))
            .await
            .status,
        403
    );
    assert_eq!(
        wrong(&host.patch(&one, JOHN, &nonsense).await),
        bad(&["export_identifier", "mail_subject"])
    );
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
async fn section_2_messages_are_in_the_language_of_accept_language() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let empty = json!({"mail_subject": "", "export_form_data": {"_format": "x"}}).to_string();
    let nowhere = "/api/v1/organizers/nowhere/scheduled_exports/";
    for (method, path, caller, body) in [
        ("GET", CONF, "", None),
        ("GET", nowhere, JOHN, None),
        (
            "GET",
            "/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/999/",
            JOHN,
            None,
        ),
        ("POST", CONF, SETTINGS_TOKEN, Some("{}")),
        ("POST", CONF, JOHN, Some("{}")),
        ("POST", CONF, JOHN, Some("[]")),
        ("POST", CONF, JOHN, Some("{")),
        ("PATCH", &one, JOHN, Some(&*empty)),
        ("PATCH", &one, VERA, Some("{}")),
        ("GET", CONF_EXPORTERS, JOHN, None),
    ] {
        let asked = |language: &'static str| {
            let host = &host;
            async move {
                let headers = [("accept-language", language)];
                host.request(method.parse().expect("a method"), path, caller, &headers, body)
                    .await
            }
        };
        let (english, german) = (asked("en").await, asked("de").await);
        assert_eq!(english.status, german.status);
        assert_ne!(english.bytes, german.bytes, "{method} {path}: {}", english.body);
        assert_eq!(asked("de-AT, en;q=0.5").await.bytes, german.bytes);
        assert_eq!(asked("fr, *;q=0.1").await.bytes, english.bytes);
    }
    let headers = [("accept-language", "de")];
    let answer = host
        .request("PATCH".parse().expect("a method"), &one, JOHN, &headers, Some(&empty))
        .await;
    assert_eq!(
        answer.body["mail_subject"],
        json!(["Das ist leer. Richtig ist ein Text."])
    );
}

#[tokio::test]
async fn section_2_a_repeated_write_with_the_same_key_answers_as_the_first_and_is_kept_across_a_restart() {
    let mut host = host().await;
    let body = daily().to_string();
    let post = || "POST".parse().expect("a method");
    let mut first = Vec::new();
    for (name, key) in [("Idempotency-Key", "one"), ("X-Idempotency-Key", "two")] {
        let answer = host.request(post(), CONF, JOHN, &[(name, key)], Some(&body)).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
        first.push((name, key, answer));
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 2);
    for restarted in [false, true] {
        if restarted {
            host = host.restart().await;
        }
        for (name, key, first) in &first {
            let again = host.request(post(), CONF, JOHN, &[(name, key)], Some(&body)).await;
            assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
            assert_eq!(
                (again.bytes, again.headers.get("etag"), again.headers.get("location")),
                (
                    first.bytes.clone(),
                    first.headers.get("etag"),
                    first.headers.get("location")
                )
            );
        }
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 2);
    // Another caller's key is another key.
    let marys = host
        .request(post(), CONF, MARY, &[("Idempotency-Key", "one")], Some(&body))
        .await;
    assert_eq!((marys.status, &marys.body["owner"]), (201, &json!("mary@example.org")));
    host.jump_to("2026-10-23T12:00:01Z");
    let later = host
        .request(post(), CONF, JOHN, &[("Idempotency-Key", "one")], Some(&body))
        .await;
    assert_eq!(
        (later.status, later.header("idempotency-replayed")),
        (201, ""),
        "after 24 hours it is new"
    );
}

#[tokio::test]
async fn section_2_the_same_key_with_another_request_is_422_and_refusals_are_kept_too() {
    let host = host().await;
    let key = [("idempotency-key", "once")];
    let send = |method: &'static str, path: String, body: String| {
        let host = &host;
        async move {
            host.request(method.parse().expect("a method"), &path, JOHN, &key, Some(&body))
                .await
        }
    };
    let wrong_body = but(daily(), json!({"mail_subject": "", })).to_string();
    let first = send("POST", CONF.into(), wrong_body.clone()).await;
    assert_eq!(first.status, 400);
    let again = send("POST", CONF.into(), wrong_body.clone()).await;
    assert_eq!(
        (again.status, &again.bytes, again.header("idempotency-replayed")),
        (400, &first.bytes, "true")
    );
    for (method, path, body) in [
        ("POST", CONF.to_owned(), daily().to_string()),
        ("POST", FEST.to_owned(), wrong_body.clone()),
        ("POST", format!("{CONF}?x=1"), wrong_body.clone()),
        ("PATCH", format!("{CONF}1/"), wrong_body.clone()),
        ("DELETE", format!("{CONF}1/"), String::new()),
    ] {
        let answer = send(method, path, body).await;
        assert_eq!(
            (answer.status, answer.body["detail"].is_string()),
            (422, true),
            "{method}"
        );
    }
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);

    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    let key = [("idempotency-key", "away")];
    for replayed in ["", "true"] {
        let gone = host
            .request("DELETE".parse().expect("a method"), &one, JOHN, &key, None)
            .await;
        assert_eq!((gone.status, gone.header("idempotency-replayed")), (204, replayed));
    }
    for bad_key in ["", "two words", &"x".repeat(256)] {
        let key = [("idempotency-key", bad_key)];
        let answer = host
            .request("DELETE".parse().expect("a method"), &one, JOHN, &key, None)
            .await;
        assert_eq!(answer.status, 400, "{bad_key:?}");
    }
}

#[tokio::test]
async fn section_2_if_match_is_412_on_a_stale_tag_which_changes_with_people_and_not_with_runs() {
    let host = host().await;
    let made = host.post(CONF, JOHN, &daily()).await;
    let one = format!("{CONF}{}/", made.body["id"]);
    let first = made.header("etag").to_owned();
    assert!(first.starts_with('"'), "{first}");
    host.advance_to("2026-10-23T12:00:00Z").await;
    let moved = host
        .platform()
        .set_event_timezone("bigevents", "sampleconf", "Asia/Tokyo")
        .await;
    moved.expect("the platform answers");
    host.advance_to("2026-10-24T12:00:00Z").await;
    let after_runs = host.get(&one, JOHN).await;
    assert_eq!(
        after_runs.header("etag"),
        first,
        "runs, and new plans, are no change of people's"
    );
    assert_ne!(after_runs.body["schedule_next_run"], made.body["schedule_next_run"]);
    let known = host
        .request(
            "GET".parse().expect("a method"),
            &one,
            JOHN,
            &[("if-none-match", &first)],
            None,
        )
        .await;
    assert_eq!(
        (known.status, known.bytes),
        (200, after_runs.bytes),
        "so there is no 304"
    );

    let send = |method: &'static str, tag: String, body: Value| {
        let (host, one) = (&host, &one);
        async move {
            let headers = [("if-match", tag.as_str())];
            host.request(
                method.parse().expect("a method"),
                one,
                JOHN,
                &headers,
                Some(&body.to_string()),
            )
            .await
        }
    };
    let patched = send("PATCH", first.clone(), json!({"locale": "de"})).await;
    let second = patched.header("etag").to_owned();
    assert_eq!(patched.status, 200);
    assert_ne!(second, first);
    for tag in [
        first.clone(),
        format!("W/{second}"),
        "\"other\"".into(),
        "nonsense".into(),
        String::new(),
    ] {
        for (method, body) in [
            ("PATCH", json!({"locale": "en"})),
            ("PUT", daily()),
            ("DELETE", json!({})),
        ] {
            let stale = send(method, tag.clone(), body).await;
            assert_eq!(
                (stale.status, stale.body["detail"].is_string()),
                (412, true),
                "{method} {tag}"
            );
        }
    }
    let shown = host.get(&one, JOHN).await;
    assert_eq!((shown.header("etag"), &shown.body["locale"]), (&*second, &json!("de")));
    let put = send("PUT", format!("{first}, {second}"), daily()).await;
    assert_eq!(put.status, 200);
    assert_eq!(send("PATCH", "*".into(), json!({})).await.status, 200);
    let last = host.get(&one, JOHN).await.header("etag").to_owned();
    assert_eq!(send("DELETE", last, json!({})).await.status, 204);
    assert_eq!(
        send("DELETE", first, json!({})).await.status,
        404,
        "visibility comes first"
    );
}

#[tokio::test]
async fn section_2_head_is_get_without_the_body_and_a_disabled_organizer_answers_403_with_a_reason() {
    let host = host().await;
    let one = format!("{CONF}{}/", host.create(CONF, JOHN, &daily()).await);
    for path in [CONF, &one, EXPORTERS] {
        let got = host.get(path, JOHN).await;
        let head = host
            .send("HEAD", path, &[("authorization", JOHN.as_bytes())], b"")
            .await
            .expect("a request");
        assert_eq!((head.status, head.bytes.len()), (200, 0));
        assert_eq!(head.header("content-length"), got.bytes.len().to_string());
        assert_eq!(head.headers.get("etag"), got.headers.get("etag"));
    }
    let now = host_harness::testing::at(NOW);
    let off = host.storage().set_enabled("bigevents", false, "test", now).await;
    off.expect("the store answers");
    for path in [CONF, &one, BIG, EXPORTERS] {
        let refused = host.get(path, JOHN).await;
        assert_eq!(refused.status, 403);
        assert!(refused.body["detail"].as_str().expect("words").contains("switched off"));
    }
    assert_eq!(host.delete(&one, JOHN).await.status, 403);
    let on = host.storage().set_enabled("bigevents", true, "test", now).await;
    on.expect("the store answers");
    assert_eq!(host.get(&one, JOHN).await.status, 200);
}

#[tokio::test]
async fn section_6_a_stored_schedule_that_no_longer_fits_is_shown_as_it_is_and_never_spoils_a_list() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let scope = host_harness::storage::Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    let document = super::stored(&host, scope, id).await.content.document;
    let unfit: Vec<(&str, String)> = vec![
        ("gone", document.clone()),
        ("orderlist", document.replace("xlsx", "papyrus")),
        ("orderlist", document.replace("\"en\"", "\"tlh\"")),
        ("orderlist", document.replace("FREQ=DAILY", "FREQ=SOMETIMES")),
        ("orderlist", "{}".into()),
        ("orderlist", "[]".into()),
        ("orderlist", "null".into()),
        ("orderlist", "not JSON".into()),
        ("orderlist", String::new()),
        ("orderlist", "[".repeat(10_000)),
        ("", document.replace("Orders", "\\u0000")),
    ];
    for (place, (exporter, document)) in unfit.iter().enumerate() {
        put_straight(&host, 900 + place as u64, exporter, document).await;
    }
    for ordering in ["id", "export_identifier", "-schedule_next_run"] {
        let list = host.get(&format!("{CONF}?ordering={ordering}"), JOHN).await;
        assert_eq!((list.status, &list.body["count"]), (200, &json!(unfit.len() + 1)));
    }
    for place in 0..unfit.len() {
        let one = format!("{CONF}{}/", 900 + place);
        let shown = host.get(&one, JOHN).await;
        assert_eq!(
            (shown.status, shown.body.as_object().map(serde_json::Map::len)),
            (200, Some(14))
        );
        assert_eq!(shown.body["owner"], "john@example.com");
    }
    let shown = |place: u64| {
        let host = &host;
        async move { host.get(&format!("{CONF}{}/", 900 + place), JOHN).await.body }
    };
    assert_eq!(shown(0).await["export_identifier"], "gone");
    assert_eq!(shown(1).await["export_form_data"]["_format"], "papyrus");
    assert_eq!(shown(2).await["locale"], "tlh");
    assert_eq!(shown(7).await["mail_subject"], Value::Null);
    // They run into failures, and the owner is told: none is silent, and none stops the others.
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(host.history(id).await.len(), 1);
    for place in 0..unfit.len() as u64 {
        assert_eq!(host.history(900 + place).await.len(), 1, "{place}");
        let one = format!("{CONF}{}/", 900 + place);
        assert_eq!(host.get(&one, JOHN).await.status, 200);
        if place % 2 == 0 {
            assert_eq!(host.put(&one, JOHN, &daily()).await.status, 200, "{place}: mended");
        } else {
            assert_eq!(host.delete(&one, JOHN).await.status, 204);
        }
    }
}
