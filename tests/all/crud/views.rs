//! The views `rule`, `form` and `preview`, through the component.

use serde_json::{Value, json};
use tests::{CONF, DEVICE, JOHN, JOHN_READING, MARY, VERA, but, daily};

use super::{bad, host, wrong};

const RULE: &str = "schedule_rrule=RRULE%3AFREQ%3DMONTHLY%3BBYDAY%3D2TU&schedule_rrule_time=04%3A00";
/// `{"repeat":"monthly-weekday","nth":[2],"weekday":"TU"}`
const PICKS: &str = "picks=%7B%22repeat%22%3A%22monthly-weekday%22%2C%22nth%22%3A%5B2%5D%2C%22weekday%22%3A%22TU%22%7D&schedule_rrule_time=04%3A00";

#[tokio::test]
async fn a_rule_its_picks_and_its_next_runs_agree_and_a_read_only_token_may_ask() {
    let host = host().await;
    let described = host.get(&format!("{CONF}rule/?{RULE}"), JOHN_READING).await;
    assert_eq!(described.status, 200, "{}", described.body);
    assert_eq!(
        described.body,
        json!({
            "schedule_rrule": "RRULE:FREQ=MONTHLY;BYDAY=2TU",
            "schedule_rrule_time": "04:00:00",
            "custom": false,
            "picks": {
                "repeat": "monthly-weekday", "every": 1, "nth": [2], "weekday": "TU", "months": null,
                "start": null, "until": null, "count": null,
            },
            "words": "on the 2nd Tuesday of each month at 04:00",
        })
    );
    let picked = host.get(&format!("{CONF}rule/?{PICKS}"), JOHN_READING).await;
    assert_eq!((picked.status, &picked.body), (200, &described.body));

    let shown = host.get(&format!("{CONF}preview/?{RULE}"), JOHN_READING).await;
    let posted = host.post(&format!("{CONF}preview/"), JOHN_READING, &picked.body).await;
    assert_eq!((posted.status, &shown.body), (200, &posted.body));
    assert_eq!(shown.body["runs"][0]["local"], "2026-11-10T04:00:00+01:00");

    let id = host.create(CONF, JOHN, &but(daily(), picked.body.clone())).await;
    let stored = host.get(&format!("{CONF}{id}/rule/"), JOHN_READING).await;
    assert_eq!((stored.status, &stored.body), (200, &described.body));

    let german = [("accept-language", "de")];
    let path = format!("{CONF}rule/?{RULE}");
    let answer = host
        .request("GET".parse().expect("a method"), &path, JOHN, &german, None)
        .await;
    assert_eq!(answer.body["words"], "am 2. Dienstag jedes Monats um 04:00 Uhr");

    assert_eq!(host.get(&path, DEVICE).await.status, 403);
    let without = host.get(&format!("{CONF}rule/"), JOHN).await;
    assert_eq!(wrong(&without), bad(&["schedule_rrule", "schedule_rrule_time"]));
    let member = host
        .get(&format!("{CONF}rule/?picks=%7B%7D&schedule_rrule_time=04%3A00"), JOHN)
        .await;
    assert_eq!(wrong(&member), bad(&["picks"]));
    assert!(member.body["picks"]["repeat"].is_array(), "{}", member.body);
}

#[tokio::test]
async fn a_form_has_the_schema_the_values_and_why_they_cannot_be_changed() {
    let host = host().await;
    let id = host.create(CONF, JOHN, &daily()).await;
    let of_exporter = format!("{CONF}form/?export_identifier=orderlist");
    let schema = host.get(&of_exporter, JOHN_READING).await;
    assert_eq!(schema.status, 200, "{}", schema.body);
    assert_eq!(schema.body["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema.body["properties"]["export_identifier"]["const"], "orderlist");

    let form = format!("{CONF}{id}/form/");
    let values = host.get(&format!("{CONF}{id}/"), JOHN).await.body;
    let johns = host.get(&form, JOHN).await;
    assert_eq!(
        johns.body,
        json!({"schema": schema.body, "values": values, "locked": null})
    );
    let reading = host.get(&form, JOHN_READING).await;
    assert_eq!(reading.status, 200);
    assert!(reading.body["locked"].is_string(), "{}", reading.body["locked"]);
    // Vera can change settings, and is not permitted to run the exporter.
    let veras = host.get(&form, VERA).await;
    let refused = host.patch(&format!("{CONF}{id}/"), VERA, &json!({})).await;
    assert_eq!((refused.status, &veras.body["locked"]), (403, &refused.body["detail"]));
    assert_eq!(veras.body["schema"], Value::Null);

    assert_eq!(host.get(&form, MARY).await.status, 404);
    assert_eq!(
        host.get(&format!("{CONF}form/?export_identifier=nosuch"), JOHN)
            .await
            .status,
        404
    );
    let without = host.get(&format!("{CONF}form/"), JOHN).await;
    assert_eq!(wrong(&without), bad(&["export_identifier"]));
}
