//! `harness-lab scale` at a small size: that the work it counts is done, and in which order. How long it takes is not tested.

mod process;

use scheduled_exports_test_servers::postgres::PostgresServer;
use serde_json::Value;

use process::lab;

fn scale(arguments: &[&str]) -> Value {
    let small = [
        "scale",
        "--schedules",
        "5000",
        "--burst",
        "200",
        "--organizers",
        "20",
        "--json",
    ];
    // A slow machine is told of on standard error: a statement that took a second, say.
    let ended = lab(small.into_iter().chain(arguments.iter().copied()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures: Value = serde_json::from_str(&ended.out).expect("JSON");
    // It ends early where not exactly the 1,000 due ones are leased, of few and of all.
    assert_eq!(figures["burst, runs"], 1_200.0, "{figures}");
    assert_eq!(figures["schedules"], 5_000.0, "{figures}");
    let deep = &figures["list of the largest scope, number of a deep page"];
    assert!(deep.as_f64().is_some_and(|page| page >= 2.0), "{figures}");
    figures
}

#[test]
fn what_is_due_is_leased_and_run_among_many_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    scale(&["--folder", folder.path().to_str().expect("text")]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn one_due_beside_many_of_another_organizer_is_in_the_first_batches_on_postgresql() {
    // Said on stderr where there is none.
    if PostgresServer::shared().is_none() {
        return;
    }
    let figures = scale(&["--database", "temporary"]);
    let place = figures["fairness, queue position of a single schedule"].as_f64();
    // Those of a tick before it are due as well. Whom the first batch has no room for is first in the second.
    assert!(place.is_some_and(|place| place <= 128.0), "{figures}");
}
