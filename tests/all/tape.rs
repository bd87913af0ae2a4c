//! Calls on tape, and a component that goes through them again.

use std::time::Duration;

use scheduled_exports_host::engine::Limits;
use scheduled_exports_host::tape::{Called, Came, Job, Reply, Tape};
use scheduled_exports_testing::Harness;
use serde_json::json;
use tests::guests::MISBEHAVING;
use tests::{CONF, JOHN, daily, without_schedules};

const DUE: &str = "2026-10-23T02:00:00Z";

/// A host with one schedule whose run is over, and the tape of its `execute`.
async fn executed() -> (Harness, Tape) {
    let harness = Harness::builder().fixture(&without_schedules()).record().build().await;
    harness.create(CONF, JOHN, &daily()).await;
    harness.advance_to(DUE).await;
    let tape = the_attempt(&harness);
    (harness, tape)
}

fn the_attempt(harness: &Harness) -> Tape {
    let attempt = |tape: &Tape| tape.head.called == Called::Jobs(Job::Execute);
    harness.tapes().into_iter().find(attempt).expect("a run was recorded")
}

#[tokio::test]
async fn every_call_of_a_schedules_life_goes_through_its_tape_to_the_same_outcome() {
    let (harness, attempt) = executed().await;
    harness.get(&format!("{CONF}9/"), JOHN).await; // which is refused
    let asked: Vec<&str> = attempt.calls.iter().map(|call| call.import.as_str()).collect();
    for import in [
        "schedule-store.start",
        "exporters.produce",
        "mailer.stage",
        "schedule-store.finish",
    ] {
        assert!(asked.contains(&import), "{asked:?}");
    }
    let tapes = harness.tapes();
    assert_eq!(tapes.len(), 4, "create, execute, settle, get");
    for tape in tapes {
        let made = harness.replay(&tape).await;
        assert_eq!((made.difference, made.end), (None, tape.end.clone()));
        assert_eq!(Tape::from_text(&tape.to_text()), Ok(tape));
    }
}

#[tokio::test]
async fn a_trap_and_an_endless_loop_end_on_tape_as_they_did() {
    let limits = Limits {
        run_compute: Duration::from_millis(400),
        ..Limits::default()
    };
    for misdeed in ["panics", "loops_for_ever"] {
        let harness = Harness::builder()
            .plugin(MISBEHAVING)
            .limits(limits.clone())
            .fixture(&without_schedules())
            .record()
            .build()
            .await;
        harness.create(CONF, JOHN, &json!({"execute": misdeed})).await;
        harness.advance_to("2026-10-22T13:00:00Z").await;
        let tape = the_attempt(&harness);
        match (misdeed, &tape.end.came) {
            ("panics", Came::Trapped(words)) => assert!(!words.is_empty()),
            ("loops_for_ever", Came::DeadlineExceeded) => {}
            other => panic!("{other:?}"),
        }
        let made = harness.replay(&tape).await;
        assert_eq!((made.difference, made.end), (None, tape.end));
    }
}

#[tokio::test]
async fn what_the_component_asks_otherwise_is_named_with_both_sides() {
    let (harness, mut tape) = executed().await;
    let place = tape.calls.iter().position(|call| call.import == "exporters.produce");
    let place = place.expect("a file was made");
    tape.calls[place].with["language"] = json!("tlh");
    let said = harness.replay(&tape).await.difference.expect("a difference");
    let begins = format!("call {} differs: the recording has exporters.produce {{", place + 1);
    assert!(said.starts_with(&begins), "{said}");
    assert!(
        said.contains("tlh") && said.contains("but the plugin called exporters.produce {"),
        "{said}"
    );
}

#[tokio::test]
async fn another_answer_leads_the_component_elsewhere_and_that_is_told() {
    let (harness, mut tape) = executed().await;
    let start = tape.calls.iter_mut().find(|call| call.import == "schedule-store.start");
    start.expect("it was started").answer = Some(Reply::Refused(json!("LeaseLost")));
    let made = harness.replay(&tape).await;
    assert!(made.difference.is_some());
    assert_eq!(made.end.finished, None);
}

#[tokio::test]
async fn a_torn_tape_is_told_in_one_sentence() {
    let (_harness, tape) = executed().await;
    let text = tape.to_text();
    let lines = text.lines().count();
    let torn = Tape::from_text(&text[..text.len() - 10]).expect_err("it is torn");
    assert!(
        torn.starts_with(&format!("line {lines} is truncated or not a recording entry: ")),
        "{torn}"
    );
    let cut = text.trim_end().rsplit_once('\n').expect("two lines").0;
    let missing = Tape::from_text(cut).expect_err("its end is missing");
    assert_eq!(missing, "incomplete recording: the last line is missing");
}
