//! `harness event`.

use super::process::{harness, seeded};

#[test]
fn an_event_is_deleted_with_its_schedules_out_of_service_and_made_again_without_them() {
    let folder = seeded("2026-10-22T12:00:00Z");
    let data = folder.path().display().to_string();
    let of = |what: &'static str| ["event", what, "--data", &data];
    let at = ["bigevents", "sampleconf"];
    let deleted = harness(
        of("delete")
            .into_iter()
            .chain(["--now", "2026-10-22T13:00:00Z"])
            .chain(at),
    )
    .well();
    assert_eq!(deleted, "bigevents/sampleconf: deleted, 1 schedules out of service\n");
    let again = harness(of("delete").into_iter().chain(at));
    assert!(
        again
            .sentence()
            .contains("event `sampleconf` of `bigevents` does not exist"),
        "{again:?}"
    );
    let described = [
        "--name",
        "Another Conf",
        "--zone",
        "Europe/Berlin",
        "--starts",
        "2027-11-02T09:00:00+01:00",
        "--ends",
        "2027-11-04T18:00:00+01:00",
    ];
    harness(of("create").into_iter().chain(described).chain(at)).well();
    let twice = harness(of("create").into_iter().chain(described).chain(at));
    assert!(twice.sentence().contains("has an event `sampleconf`"), "{twice:?}");
    let listed = harness(of("list").into_iter().chain(["bigevents"])).well();
    assert!(
        listed.contains("sampleconf  Europe/Berlin  2027-11-02T08:00:00Z  Another Conf"),
        "{listed}"
    );
    // The fixture's schedule of Sample Conf was due on Tuesdays to Thursdays.
    harness(["tick", "--data", &data, "--now", "2026-10-30T12:00:00Z"]).well();
    let history = harness(["history", "--data", &data, "--schedule", "1"]).well();
    assert!(!history.contains("delivered"), "{history}");
}
