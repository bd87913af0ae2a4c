//! Runs that a person asks for.

use serde_json::{Value, json};

use crate::script::{
    Check, Facts, HOUR, T0, call, check, clock, compare, deliver, ends, executes, failed, finish, get, history, insert,
    refuse, run, settles, stage_export, start, take, trap, update, view, with,
};
use crate::world::address;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let at = "north/spring";
    let (due, asked) = (T0 + 2 * HOUR, T0 + HOUR);
    let request = |what: Value| json!({"do": "request", "id": "$a.id", "what": what, "keep": "asked"});
    let submitted = finish(json!("submitted"));
    let is = |this: &str, value: Value| compare(this, value);
    // As it was before.
    let untouched = get(
        "a",
        json!({"version": "$a.version", "content": {"next-run": due, "state": "active", "error-counter": 2}}),
    );
    let stored = |document: Value| with(facts.content(due, document), json!({"error-counter": 2}));
    let fails = executes(json!([[
        start(),
        with(finish(failed("asked")), json!({"error-counter": 5, "active": false})),
    ]]));
    vec![
        check(
            "a-requested-run-has-a-key-and-mails-of-its-own",
            "It is in the history from the commit on, under the id that was answered, and the schedule still runs when it is due.",
            {
                let document = settles(
                    executes(json!([[start(), stage_export(), submitted]])),
                    json!([finish(json!("delivered"))]),
                );
                let mut steps = vec![
                    call("ada", at, json!([insert("a", &stored(document))])),
                    clock(asked),
                    call("ada", at, json!([request(json!("now"))])),
                    call(
                        "ada",
                        at,
                        json!([history(
                            "a",
                            json!([{"id": "$asked", "kind": "now", "requested-by": address("ada"), "due": asked,
                                    "started": null, "outcome": null}]),
                        )]),
                    ),
                    take("leased", 1),
                    run("execute", "leased"),
                    deliver(&[]),
                    call(
                        "ada",
                        at,
                        json!([
                            compare("$mails", json!([{"to": address("ada"), "subject": "the export"}])),
                            with(
                                compare("$mails.0.message-id", json!("$mails.0.message-id")),
                                json!({"keep": "first"})
                            ),
                            untouched.clone(),
                        ]),
                    ),
                ];
                steps.extend([
                    take("settled", 1),
                    run("settle", "settled"),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                    deliver(&[]),
                    call(
                        "ada",
                        at,
                        json!([
                            compare("$mails", json!([{"to": address("ada")}])),
                            compare("$mails.0.message-id", json!({"$not": "$first"})),
                            history(
                                "a",
                                json!([{"kind": "scheduled", "due": due}, {"id": "$asked", "kind": "now"}])
                            ),
                        ]),
                    ),
                ]);
                steps
            },
        ),
        check(
            "a-requested-run-says-what-it-is",
            "The plugin is told why it runs, for whom, and of which schedule; its due time is the next run until it is started.",
            {
                let told = |kind: &str, due: i64| {
                    json!([
                        is("$run.kind", json!(kind)),
                        is("$run.requested-by.email", json!(address("ada"))),
                        is("$run.schedule.owner.email", json!(address("ada"))),
                        is("$run.schedule.content.next-run", json!(due)),
                        is("$run.due", Value::Null),
                        is("$run.page-url", json!({"$not": ""})),
                        start(),
                        finish(json!("empty")),
                    ])
                };
                let of = |due: i64, kind: &str| stored(executes(json!([told(kind, due)])));
                let rerun = json!({"rerun": T0});
                vec![
                    call("ada", at, json!([insert("a", &of(asked, "now"))])),
                    clock(asked),
                    call("ada", at, json!([request(json!("now"))])),
                    take("leased", 1),
                    run("execute", "leased"),
                    call("ada", at, json!([insert("a", &of(T0, "rerun"))])),
                    call("ada", at, json!([request(rerun)])),
                    take("again", 1),
                    run("execute", "again"),
                    call(
                        "ada",
                        at,
                        json!([history(
                            "a",
                            json!([{"id": "$asked", "kind": "rerun", "due": T0, "outcome": "empty"}])
                        )]),
                    ),
                ]
            },
        ),
        check(
            "a-requested-run-moves-neither-plan-nor-counter",
            "It is not one of the schedule's: next run, state and counter stay as they are, whatever becomes of it.",
            vec![
                call("ada", at, json!([insert("a", &stored(fails))])),
                clock(asked),
                call("ada", at, json!([request(json!({"rerun": T0}))])),
                call("ada", at, json!([untouched.clone()])),
                take("leased", 1),
                run("execute", "leased"),
                call(
                    "ada",
                    at,
                    json!([
                        untouched.clone(),
                        history("a", json!([{"kind": "rerun", "due": T0, "outcome": {"failed": {"$any": true}}}])),
                        {"do": "list", "answers": {"ok": {"total": 1, "ids": ["$a.id"]}}},
                    ]),
                ),
            ],
        ),
        check(
            "a-request-is-dropped-with-its-call",
            "A request is staged like a write: a call that answers an error or traps has asked for nothing.",
            {
                let none = || call("ada", at, json!([history("a", json!([]))]));
                vec![
                    call(
                        "ada",
                        at,
                        json!([insert(
                            "a",
                            &stored(executes(json!([[start(), finish(json!("empty"))]])))
                        )]),
                    ),
                    clock(asked),
                    ends(call("ada", at, json!([request(json!("now")), refuse()])), &["refused"]),
                    none(),
                    ends(call("ada", at, json!([request(json!("now")), trap()])), &["trap"]),
                    none(),
                    take("none", 0),
                ]
            },
        ),
        check(
            "a-test-goes-to-who-asked-for-it-alone",
            "It runs with the caller's permissions, and no address of the schedule, its owner's included, is a recipient.",
            {
                let to = |address: &str, answers: Value| {
                    with(
                        json!({"do": "stage", "kind": "export", "to": [address], "subject": "the export"}),
                        json!({"answers": answers}),
                    )
                };
                let refused = json!("recipient-not-allowed");
                let document = executes(json!([[
                    is("$run.kind", json!("test")),
                    is("$run.schedule.owner.email", json!(address("ada"))),
                    is(
                        "$run.schedule.content.recipients",
                        json!({"to": [], "cc": [], "bcc": []})
                    ),
                    start(),
                    to("x@example.com", refused.clone()),
                    to(&address("ben"), refused),
                    stage_export(),
                    submitted,
                ]]));
                let mut content = stored(document);
                content["recipients"]["to"] = json!(["x@example.com"]);
                vec![
                    call("ben", at, json!([insert("a", &content)])),
                    clock(asked),
                    call("ada", at, json!([request(json!({"test": null}))])),
                    take("leased", 1),
                    run("execute", "leased"),
                    deliver(&[]),
                    call(
                        "ada",
                        at,
                        json!([
                            compare("$mails", json!([{"to": address("ada")}])),
                            history("a", json!([{"id": "$asked", "kind": "test"}])),
                        ]),
                    ),
                ]
            },
        ),
        check(
            "a-content-is-tested-without-a-schedule",
            "A test of what is not stored has a run, and nothing of it is in a list.",
            {
                let document = executes(json!([[start(), stage_export(), submitted]]));
                let test = json!({"do": "request", "id": null, "what": {"test": facts.content(null(), document)}});
                vec![
                    call("ada", at, json!([test])),
                    call(
                        "ada",
                        at,
                        json!([{"do": "list", "answers": {"ok": {"total": 0, "ids": []}}}]),
                    ),
                    take("leased", 1),
                    run("execute", "leased"),
                    deliver(&[]),
                    call("ada", at, json!([compare("$mails", json!([{"to": address("ada")}]))])),
                ]
            },
        ),
        check(
            "a-change-ends-a-requested-run",
            "What was asked for is no longer what is stored: a run that has not submitted its mail is cancelled with the change.",
            vec![
                call("ada", at, json!([insert("a", &stored(json!({"n": 1})))])),
                clock(asked),
                call("ada", at, json!([request(json!("now"))])),
                call("ada", at, json!([update("a", &stored(json!({"n": 2})))])),
                call(
                    "ada",
                    at,
                    json!([history(
                        "a",
                        json!([{"id": "$asked", "outcome": {"cancelled": {"$any": true}}}])
                    )]),
                ),
                take("none", 0),
            ],
        ),
        check(
            "who-may-not-write-requests-nothing",
            "A request is a write: `forbidden` in a view and for read-only credentials, a test for whoever is no user; `not-found` for a \
             schedule that is not visible.",
            {
                let answers = |import: Value, word: &str| with(import, json!({"answers": word}));
                let test = json!({"test": null});
                vec![
                    call("ada", at, json!([insert("a", &stored(json!({"n": 1})))])),
                    view("ada", at, json!([answers(request(json!("now")), "forbidden")])),
                    call("ada-reading", at, json!([answers(request(json!("now")), "forbidden")])),
                    call("token", at, json!([answers(request(test), "forbidden")])),
                    call("dan", "south", json!([answers(request(json!("now")), "not-found")])),
                    call("ben", at, json!([answers(request(json!("now")), "not-found")])),
                    ends(
                        call("ada", at, json!([{"do": "request", "id": null, "what": "now"}])),
                        &["trap"],
                    ),
                    ends(call("ada", at, json!([request(json!({"rerun": due}))])), &["trap"]),
                    take("none", 0),
                ]
            },
        ),
    ]
}

fn null() -> Value {
    Value::Null
}
