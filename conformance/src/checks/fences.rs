//! Who may still write about a run: whoever holds its lease, and nobody who held it before.

use serde_json::{Value, json};

use crate::script::{
    Check, DAY, Facts, HOUR, T0, abandons, call, check, clock, compare, deliver, executes, failed, finish,
    finish_too_late, get, history, insert, run, stage_export, start, take, update, with,
};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = T0 + HOUR;
    let insert_one = |document: Value| call("ada", "north", json!([insert("a", &facts.content(due, document))]));
    let shows = |imports: Value| call("ada", "north", imports);
    let lost = |import: Value| with(import, json!({"answers": "lease-lost"}));
    // A worker is slow; its lease runs out; another one takes the run over and works on it.
    let taken_over = [clock(due + facts.lease), take("heir", 1)];
    let by_the_heir = json!([{"due": due, "outcome": "empty", "attempts": 2}]);
    // What the slow one does when it comes back.
    let late = |imports: Value| {
        let document = abandons(executes(json!([[start()], [start(), finish(json!("empty"))]])), imports);
        let mut steps = vec![
            insert_one(document),
            clock(due),
            take("slow", 1),
            run("execute", "slow"),
        ];
        steps.extend(taken_over.clone());
        steps.extend([
            run("abandon", "slow"),
            shows(json!([history(
                "a",
                json!([{"due": due, "outcome": null, "rows": null, "bytes": null}])
            )])),
            run("execute", "heir"),
            run("abandon", "slow"),
            shows(json!([history("a", by_the_heir.clone())])),
            deliver(&[]),
            shows(json!([compare("$mails", json!([]))])),
        ]);
        steps
    };
    // The slow one has only leased, and the run is changed by a person meanwhile.
    let changed = |by: &str, meanwhile: Value, then: Vec<Value>| {
        let document = abandons(
            executes(json!([[start()], [start(), finish(json!("empty"))]])),
            json!([lost(facts.produce()), finish_too_late(failed("late"))]),
        );
        let mut steps = vec![
            insert_one(document),
            clock(due),
            take("slow", 1),
            run("execute", "slow"),
        ];
        steps.push(call(by, "north", meanwhile));
        steps.push(run("abandon", "slow"));
        steps.extend(then);
        steps
    };
    let new = facts.content(
        due + DAY,
        executes(json!([[
            {"do": "facts", "answers": {"ok": {"due": due}}, "says": "leased again with the same due time"},
            {"do": "compare", "this": "$run.schedule.version", "answers": {"ok": {"$above": "$run.started-version"}},
             "says": "a person has changed it since it was started"},
            start(),
            finish(json!({"cancelled": "the new rule does not have it"})),
        ]])),
    );
    vec![
        check(
            "start-is-fenced",
            "A worker whose lease was taken over before it began must not open the run next to the other worker.",
            {
                let document = executes(json!([
                    [lost(start()), lost(facts.produce()), finish_too_late(failed("late"))],
                    [start(), finish(json!("empty"))],
                ]));
                let mut steps = vec![insert_one(document), clock(due), take("slow", 1)];
                steps.extend(taken_over.clone());
                steps.extend([
                    run("execute", "slow"),
                    shows(json!([history("a", json!([]))])),
                    run("execute", "heir"),
                    shows(json!([history("a", by_the_heir.clone())])),
                ]);
                steps
            },
        ),
        check(
            "finish-is-fenced",
            "A slow worker must not end a run that another one has taken over: the due time would end twice.",
            late(json!([finish_too_late(failed("late"))])),
        ),
        check(
            "submitting-is-fenced",
            "A slow worker must not send the mail that another one is about to send.",
            late(json!([stage_export(), finish_too_late(json!("submitted"))])),
        ),
        check(
            "a-file-is-fenced",
            "A slow worker must not replace the file of another one.",
            late(json!([lost(facts.produce()), lost(json!({"do": "zip"}))])),
        ),
        check(
            "a-change-takes-the-run-away-and-keeps-its-due-time",
            "A saved change counts at once: the worker loses the run in progress, which is leased again with the new content.",
            changed(
                "ada",
                json!([update("a", &new)]),
                vec![
                    shows(json!([history("a", json!([{"due": due, "outcome": null}]))])),
                    take("again", 1),
                    run("execute", "again"),
                    shows(json!([history(
                        "a",
                        json!([{"due": due, "outcome": {"cancelled": {"$any": true}}}])
                    ),])),
                ],
            ),
        ),
        check(
            "a-pause-cancels-the-run",
            "A user who pauses a schedule stops its run too, unless the mail has been submitted: it is not leased again.",
            changed(
                "ada",
                json!([update(
                    "a",
                    &with(facts.content(due + DAY, json!({})), json!({"state": {"paused": null}}))
                )]),
                vec![
                    shows(json!([history(
                        "a",
                        json!([{"due": due, "outcome": {"cancelled": {"$any": true}}}])
                    )])),
                    clock(due + 2 * DAY),
                    take("again", 0),
                ],
            ),
        ),
        check(
            "a-take-over-takes-the-run-away",
            "A new owner has other permissions: a run made with those of the old owner must no longer be sent.",
            changed(
                "cleo",
                json!([with(update("a", &new), json!({"do": "take-over"}))]),
                vec![
                    take("again", 1),
                    run("execute", "again"),
                    shows(json!([history(
                        "a",
                        json!([{"due": due, "outcome": {"cancelled": {"$any": true}}}])
                    )])),
                ],
            ),
        ),
        check(
            "a-deleted-schedule-takes-its-run-with-it",
            "Deleting cancels the run: its worker can no longer write, and no worker leases it again.",
            changed(
                "ada",
                json!([{"do": "delete", "id": "$a.id", "version": null}]),
                vec![
                    clock(due + 2 * DAY),
                    take("again", 0),
                    shows(json!([crate::script::gone("a")])),
                ],
            ),
        ),
        check(
            "due-times-given-up-by-a-change-are-recorded",
            "A change that drops due times which have passed leaves one entry about them in the history.",
            vec![
                insert_one(executes(json!([[start(), finish(json!("empty"))]]))),
                clock(due + 2 * DAY),
                call(
                    "ada",
                    "north",
                    json!([with(
                        update("a", &facts.content(due + 3 * DAY, json!({}))),
                        json!({"missed": [{"first": due, "last": due + DAY, "count": 2}]})
                    )]),
                ),
                shows(json!([
                    history(
                        "a",
                        json!([{"due": due + DAY, "attempts": 0, "started": null,
                        "outcome": {"missed": {"first": due, "last": due + DAY, "count": 2}}}])
                    ),
                    get("a", json!({"content": {"next-run": due + 3 * DAY}})),
                ])),
                take("due", 0),
                // As after a clock that was set back: they have their line already.
                call(
                    "ada",
                    "north",
                    json!([with(
                        update("a", &facts.content(due + 4 * DAY, json!({}))),
                        json!({"missed": [{"first": due, "last": due + 2 * DAY, "count": 3}],
                            "answers": {"error": "already-recorded", "with": due + DAY}})
                    )]),
                ),
                shows(json!([history("a", json!([{"due": due + DAY}]))])),
            ],
        ),
    ]
}
