//! A component that was built for 0.1.0 as it was released.

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::engine::inspect;
use scheduled_exports_testing::Harness;
use serde_json::json;
use tests::guests::SINCE_0_1_0;

use super::later_host::executed;
use tests::{CONF, JOHN, without_schedules};

#[test]
fn it_was_built_for_0_1_0_and_nothing_is_amiss() {
    let found = inspect(SINCE_0_1_0).expect("a component");
    assert!(found.misfit.is_none(), "{:?}", found.misfit);
    assert!(
        found.imports.iter().all(|name| name.ends_with("@0.1.0")),
        "{:?}",
        found.imports
    );
}

#[tokio::test]
async fn it_does_its_work_in_the_host_of_today() {
    let host = Harness::builder()
        .plugin(SINCE_0_1_0)
        .fixture(&without_schedules())
        .build()
        .await;
    let id = host.create(CONF, JOHN, &json!({"kept": "as it is"})).await;
    let shown = host.get(&format!("{CONF}{id}/"), JOHN).await.body;
    assert_eq!(shown["document"], json!({"kept": "as it is"}));
    host.advance_to("2026-10-22T13:00:00Z").await;
    let mails = host.mails();
    assert_eq!((mails.len(), mails[0].subject.as_str()), (1, "Orders"));
    assert!(mails[0].attachment.is_some());
    let history = host.history(id).await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].entry.outcome, Some(Outcome::Delivered));
}

#[tokio::test]
async fn it_does_its_work_in_a_host_of_a_later_version() {
    let asked = executed(SINCE_0_1_0).await;
    assert_eq!(
        asked,
        [
            "start 1800000000",
            "produce",
            "stage Orders",
            "finish Outcome::Submitted"
        ]
    );
}
