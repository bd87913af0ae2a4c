//! Section 2: the HTTP API.

mod admission;
mod lists;
mod once;
mod protocol;
mod writing;

use std::fmt::Write as _;

use serde_json::{Value, json};
use tests::{CONF, JOHN, JOHN_READING, MARY, SETTINGS_TOKEN, VERA, daily};

use super::{host, put_straight};

const EXPORTERS: &str = "/api/v1/organizers/bigevents/exporters/";
const CONF_EXPORTERS: &str = "/api/v1/organizers/bigevents/events/sampleconf/exporters/";

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
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
async fn section_6_a_stored_schedule_that_no_longer_fits_is_shown_as_it_is_and_never_spoils_a_list() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let scope = scheduled_exports_store::Scope {
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
            (200, Some(16))
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
