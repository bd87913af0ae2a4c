//! Lists: pages, order, and what is on them.

use scheduled_exports_host::contract::ScheduleState;
use scheduled_exports_store::{Scope, Visible};
use scheduled_exports_testing::{Harness, at};
use serde_json::{Value, json};
use tests::{BIG, CONF, FEST, JOHN, but, daily};

use super::encoded;
use crate::crud::{NOW, host};

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
    let scope = scheduled_exports_store::Scope {
        organizer: "bigevents".into(),
        event: Some("sampleconf".into()),
    };
    // Stopped: shown as null, so sorted as null, though the due time is kept.
    let mut row = crate::crud::stored(&host, scope, early_b).await;
    row.id = 900;
    (row.content.state, row.content.error_counter) = (ScheduleState::Stopped, 5);
    let zones = &host.service.about().zone_database;
    let put = host
        .storage()
        .seed(&row, zones, scheduled_exports_testing::at(NOW))
        .await;
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

/// More event slugs than one call of the host takes, on one page: forms keep events that are deleted since.
#[tokio::test]
async fn a_page_is_answered_however_many_events_its_forms_name() {
    let host = host().await;
    let form = json!({"_format": "xlsx", "events": ["sampleconf"]});
    let id = host
        .create(BIG, JOHN, &but(daily(), json!({"export_form_data": form})))
        .await;
    let everything = Visible {
        scope: Scope {
            organizer: "bigevents".into(),
            event: None,
        },
        only_owner: None,
    };
    let first = host.storage().get(&everything, id).await.expect("the store answers");
    let first = first.expect("the schedule");
    for nth in 1..50 {
        let mut row = first.clone();
        row.id = id + nth;
        let mut slugs: Vec<String> = (0..6000).map(|event| format!("{nth}-{event}")).collect();
        slugs.push("sampleconf".into());
        let named = serde_json::to_string(&slugs).expect("JSON");
        row.content.document = row.content.document.replace(r#"["sampleconf"]"#, &named);
        let seeded = host.storage().seed(&row, "2026a", at(crate::crud::NOW)).await;
        seeded.expect("a new row");
    }
    let page = host.get(BIG, JOHN).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let rows = page.body["results"].as_array().expect("results");
    assert_eq!(rows.len(), 50);
    for row in rows {
        assert_eq!(row["export_form_data"]["events"], json!(["sampleconf"]));
    }
}
