//! When a run is leased, and what it leaves behind.

use serde_json::{Value, json};

use crate::script::{
    Check, DAY, Facts, HOUR, T0, abandons, call, check, clock, compare, ends, executes, failed, finish, get, history,
    insert, run, start, take, update, with,
};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = T0 + HOUR;
    let empty = || executes(json!([[start(), finish(json!("empty"))]]));
    let runs = |attempts: Value| facts.content(due, executes(attempts));
    let insert_one = |content: &Value| call("ada", "north", json!([insert("a", content)]));
    let shows = |imports: Value| call("ada", "north", imports);
    vec![
        check(
            "a-schedule-is-leased-at-its-time-and-not-one-second-before",
            "Nothing runs early.",
            vec![
                insert_one(&facts.content(due, empty())),
                clock(due - 1),
                take("early", 0),
                clock(due),
                take("due", 1),
                run("execute", "due"),
                take("again", 0),
                clock(due + DAY - 1),
                take("early", 0),
                clock(due + DAY),
                take("next", 1),
                run("execute", "next"),
                shows(json!([history(
                    "a",
                    json!([
                        {"due": due + DAY, "outcome": "empty", "attempts": 1, "started": due + DAY, "ended": due + DAY},
                        {"due": due, "outcome": "empty", "attempts": 1, "started": due, "ended": due},
                    ])
                )])),
            ],
        ),
        check(
            "only-what-is-active-is-leased",
            "A schedule that is paused, or has no next run, is not executed, whatever its other fields say.",
            {
                let mut stopped = facts.content(due, empty());
                stopped["state"] = json!("stopped");
                vec![
                    call(
                        "ada",
                        "north",
                        json!([insert("a", &stopped), insert("b", &facts.content(Value::Null, empty()))]),
                    ),
                    clock(due + DAY),
                    take("due", 0),
                    call("ada", "north", json!([update("a", &facts.content(due, empty()))])),
                    take("due", 1),
                    run("execute", "due"),
                ]
            },
        ),
        check(
            "a-run-is-leased-to-one-worker-at-a-time",
            "Two workers that look at the same time never get the same run; a leased run is not given to another worker.",
            {
                let content = facts.content(due, empty());
                vec![
                    call(
                        "ada",
                        "north",
                        json!([{"do": "insert", "content": content, "times": 20}]),
                    ),
                    clock(due),
                    json!({"take": "due", "workers": 4, "count": 20}),
                    take("held", 0),
                    run("execute", "due"),
                    take("done", 0),
                ]
            },
        ),
        check(
            "a-lease-is-taken-over-at-its-end-and-not-before",
            "The run of a dead worker is leased again when its lease expires, and counts as another attempt.",
            vec![
                insert_one(&runs(json!([
                    [start()],
                    [{"do": "facts", "answers": {"ok": {"attempt": 2, "due": due}}}, start(), finish(json!("empty"))],
                ]))),
                clock(due),
                take("dead", 1),
                run("execute", "dead"),
                clock(due + facts.lease - 1),
                take("early", 0),
                clock(due + facts.lease),
                take("heir", 1),
                run("execute", "heir"),
                shows(json!([history(
                    "a",
                    json!([{"due": due, "outcome": "empty", "attempts": 2, "started": due}])
                )])),
            ],
        ),
        check(
            "start-pins-the-due-time-and-stores-the-next",
            "Every later attempt has the same due time, so the same data; the schedule shows the due time after it as next.",
            vec![
                insert_one(&runs(json!([
                    [with(start(), json!({"next-run": due + 3 * DAY}))],
                    [
                        {"do": "facts", "answers": {"ok": {"due": due, "schedule": {"content": {"next-run": due + 3 * DAY}}}}},
                        with(start(), json!({"due": due, "next-run": due + 3 * DAY})),
                        finish(json!("empty")),
                    ],
                ]))),
                clock(due),
                take("dead", 1),
                run("execute", "dead"),
                shows(json!([
                    get("a", json!({"content": {"next-run": due + 3 * DAY}})),
                    history(
                        "a",
                        json!([{"due": due, "outcome": null, "ended": null, "attempts": 1}])
                    ),
                ])),
                clock(due + 2 * HOUR),
                take("heir", 1),
                run("execute", "heir"),
                shows(json!([history("a", json!([{"due": due, "outcome": "empty"}]))])),
                clock(due + 3 * DAY - 1),
                take("early", 0),
            ],
        ),
        check(
            "a-pinned-due-time-is-not-replaced",
            "A second `start` with another due time than the pinned one opens nothing.",
            vec![
                insert_one(&runs(json!([
                    [start()],
                    [with(
                        start(),
                        json!({"due": due + DAY, "next-run": due + 5 * DAY, "answers": "lease-lost"})
                    )],
                ]))),
                clock(due),
                take("dead", 1),
                run("execute", "dead"),
                clock(due + DAY),
                take("heir", 1),
                ends(run("execute", "heir"), &["ok", "trap"]),
                shows(json!([
                    history("a", json!([{"due": due, "outcome": null}])),
                    get("a", json!({"content": {"next-run": due + DAY}})),
                ])),
            ],
        ),
        check(
            "a-due-time-that-has-ended-does-not-start-again",
            "A change that was read before the run and saved after it brings a due time back, which has already ended.",
            vec![
                insert_one(&facts.content(due, empty())),
                clock(due),
                take("due", 1),
                run("execute", "due"),
                call(
                    "ada",
                    "north",
                    json!([update(
                        "a",
                        &runs(json!([[with(start(), json!({"due": due, "answers": "lease-lost"}))]]))
                    )]),
                ),
                take("again", 1),
                run("execute", "again"),
                shows(json!([history(
                    "a",
                    json!([{"due": due, "outcome": "empty", "attempts": 1}])
                )])),
            ],
        ),
        check(
            "due-times-that-nobody-ran-are-one-entry",
            "After downtime there is one run, for the latest due time, and one entry for those before it.",
            vec![
                insert_one(&runs(json!([[
                    with(
                        start(),
                        json!({"due": due + 3 * DAY, "missed": [{"first": due, "last": due + 2 * DAY, "count": 3}]})
                    ),
                    finish(json!("empty")),
                ]]))),
                clock(due + 3 * DAY + 5),
                take("due", 1),
                run("execute", "due"),
                shows(json!([history(
                    "a",
                    json!([
                        {"due": due + 3 * DAY, "outcome": "empty", "started": due + 3 * DAY + 5},
                        {"due": due + 2 * DAY, "outcome": {"missed": {"first": due, "last": due + 2 * DAY, "count": 3}},
                         "attempts": 0, "started": null, "deliveries": []},
                    ])
                )])),
            ],
        ),
        check(
            "a-retry-comes-at-its-time-with-the-same-due-time",
            "`retry` postpones the run and does not end it: the same due time, one attempt more.",
            vec![
                insert_one(&runs(json!([
                    [start(), {"do": "finish", "outcome": {"retry": due + 120}, "error-counter": 2}],
                    [
                        {"do": "facts", "answers": {"ok": {"attempt": 2, "due": due, "schedule": {"content": {"error-counter": 2}}}}},
                        start(),
                        {"do": "finish", "outcome": {"retry": due + 10 * DAY}},
                    ],
                    [start(), finish(json!("empty"))],
                ]))),
                clock(due),
                take("due", 1),
                run("execute", "due"),
                shows(json!([
                    history("a", json!([{"due": due, "outcome": null, "ended": null}])),
                    get("a", json!({"version": "$a.version", "content": {"error-counter": 2}})),
                ])),
                clock(due + 119),
                take("early", 0),
                clock(due + 120),
                take("again", 1),
                run("execute", "again"),
                // Brought within a day.
                clock(due + 120 + DAY),
                take("third", 1),
                run("execute", "third"),
                shows(json!([history(
                    "a",
                    json!([{"due": due, "outcome": "empty", "attempts": 3}])
                )])),
            ],
        ),
        check(
            "a-finish-writes-counter-and-active",
            "A failed run counts, and the fifth consecutive failure pauses the schedule; a counter above 5 is clamped.",
            vec![
                insert_one(&runs(json!([[
                    start(),
                    {"do": "finish", "outcome": failed("too-bad"), "error-counter": 99, "active": false},
                ]]))),
                clock(due),
                take("due", 1),
                run("execute", "due"),
                shows(json!([
                    get(
                        "a",
                        json!({"version": "$a.version", "content": {"error-counter": 5, "state": "stopped"}})
                    ),
                    history(
                        "a",
                        json!([{"due": due, "outcome": {"failed": ["too-bad", "as the check wants it"]}}])
                    ),
                ])),
                clock(due + 2 * DAY),
                take("stopped", 0),
            ],
        ),
        check(
            "words-of-an-outcome-are-cut",
            "The text of a failure is cut at 4 KiB.",
            vec![
                insert_one(&runs(json!([[
                    start(),
                    finish(json!({"failed": ["code", "é".repeat(8_000)]})),
                ]]))),
                clock(due),
                take("due", 1),
                run("execute", "due"),
                shows(json!([history(
                    "a",
                    json!([{"outcome": {"failed": ["code", {"$longest": 4_096}]}}])
                )])),
            ],
        ),
        check(
            "a-file-is-kept-with-its-run",
            "Size and rows of the file are in the history; `zip` replaces the file; without a file there is nothing to zip or \
             offer.",
            vec![
                insert_one(&runs(json!([[
                    start(),
                    {"do": "zip", "answers": "failed"},
                    {"do": "link", "answers": "failed"},
                    facts.produce(),
                    {"do": "zip", "answers": {"ok": {"size": {"$above": 0}}}},
                    {"do": "link"},
                    finish(json!("empty")),
                ]]))),
                call(
                    "ada",
                    "north/spring",
                    json!([insert(
                        "b",
                        &runs(json!([[
                            with(facts.produce(), json!({"answers": ["lease-lost", "failed"], "says": "before it is started"})),
                            start(),
                            {"do": "produce", "form": "no form", "answers": "invalid-form-data"},
                            finish(json!("empty")),
                        ]]))
                    )]),
                ),
                clock(due),
                take("due", 2),
                run("execute", "due"),
                shows(json!([history(
                    "a",
                    json!([{"outcome": "empty", "bytes": {"$above": 0}}])
                )])),
                call(
                    "ada",
                    "north/spring",
                    json!([history("b", json!([{"outcome": "empty", "bytes": null}]))]),
                ),
            ],
        ),
        check(
            "a-run-that-was-not-finished-is-abandoned-in-its-place",
            "`abandon` gets the run as it is: what `start` pinned, and the same attempt.",
            vec![
                insert_one(&facts.content(
                    due,
                    abandons(
                        executes(json!([[start(), {"do": "trap"}]])),
                        json!([
                            {"do": "facts", "answers": {"ok": {"due": due, "attempt": 1}}},
                            finish(failed("abandoned")),
                        ]),
                    ),
                )),
                clock(due),
                take("due", 1),
                ends(run("execute", "due"), &["trap"]),
                run("abandon", "due"),
                shows(json!([
                    history(
                        "a",
                        json!([{"due": due, "outcome": {"failed": ["abandoned", {"$any": true}]}, "attempts": 1}])
                    ),
                    compare("$due", json!([{"schedule": "$a.id"}])),
                ])),
            ],
        ),
    ]
}
