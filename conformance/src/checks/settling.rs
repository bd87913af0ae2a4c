//! What becomes of a run when its mail has gone.

use serde_json::{Value, json};

use crate::script::{
    Check, DAY, Facts, HOUR, T0, call, check, clock, compare, deliver, ends, executes, failed, finish, finish_too_late,
    get, history, insert, run, settles, stage_export, start, take, update, with,
};
use crate::world::address;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = T0 + HOUR;
    let submits = || executes(json!([[start(), stage_export(), finish(json!("submitted"))]]));
    let one = |document: Value| {
        vec![
            call("ada", "north", json!([insert("a", &facts.content(due, document))])),
            clock(due),
            take("due", 1),
            run("execute", "due"),
        ]
    };
    let shows = |imports: Value| call("ada", "north", imports);
    let mine = address("ada");
    vec![
        check(
            "a-run-is-settled-when-its-recipients-are-final",
            "`settle` gets the reply of each recipient's server, in the order To, Cc, Bcc, and ends the run once.",
            {
                let said = |address: &str, status: &str| json!({"address": address, "status": status});
                let final_ones = json!([
                    said("x@example.com", "accepted"),
                    said(&mine, "rejected"),
                    said("z@example.com", "accepted"),
                ]);
                let mut document = executes(json!([[
                    start(),
                    facts.produce(),
                    {"do": "stage", "kind": "export", "subject": "the export", "attach": true,
                     "to": ["x@example.com"], "cc": ["$owner"], "bcc": ["z@example.com"]},
                    finish(json!("submitted")),
                ]]));
                document = settles(
                    document,
                    json!([
                        compare("$deliveries", final_ones.clone()),
                        {"do": "finish", "outcome": "delivered", "error-counter": 0},
                        finish_too_late(json!("delivered")),
                    ]),
                );
                let mut content = facts.content(due, document);
                content["recipients"] = json!({"to": ["x@example.com"], "cc": [], "bcc": ["z@example.com"]});
                content["error-counter"] = json!(3);
                vec![
                    call("ada", "north", json!([insert("a", &content)])),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                    take("early", 0),
                    shows(json!([get("a", json!({"content": {"error-counter": 3}}))])),
                    deliver(&[&mine]),
                    take("final", 1),
                    take("held", 0),
                    run("settle", "final"),
                    shows(json!([
                        history(
                            "a",
                            json!([{"due": due, "outcome": "delivered", "deliveries": final_ones,
                            "bytes": {"$above": 0}}])
                        ),
                        get("a", json!({"version": "$a.version", "content": {"error-counter": 0}})),
                    ])),
                    take("again", 0),
                ]
            },
        ),
        check(
            "nothing-is-delivered-that-no-server-took",
            "`delivered` although every recipient was rejected traps: the history would promise a mail that no recipient has.",
            {
                let document = settles(
                    submits(),
                    json!([with(finish(json!("delivered")), json!({"answers": "trap"}))]),
                );
                let mut steps = one(document);
                steps.extend([
                    deliver(&[&mine]),
                    take("final", 1),
                    ends(run("settle", "final"), &["trap"]),
                ]);
                steps.push(shows(json!([history(
                    "a",
                    json!([{"due": due, "outcome": "submitted"}])
                )])));
                steps
            },
        ),
        check(
            "nothing-has-failed-that-a-server-took",
            "`failed` although a recipient's server accepted the mail traps: the owner would send it again.",
            {
                let document = settles(
                    submits(),
                    json!([with(finish(failed("no")), json!({"answers": "trap"}))]),
                );
                let mut steps = one(document);
                steps.extend([deliver(&[]), take("final", 1), ends(run("settle", "final"), &["trap"])]);
                steps.push(shows(json!([history(
                    "a",
                    json!([{"due": due, "outcome": "submitted"}])
                )])));
                steps
            },
        ),
        check(
            "a-run-that-reached-nobody-fails-and-counts",
            "If every recipient was rejected, `settle` ends the run as failed, and can notify the owner.",
            {
                let document = settles(
                    submits(),
                    json!([
                        compare("$deliveries", json!([{"address": mine, "status": "rejected"}])),
                        {"do": "stage", "kind": "undelivered", "responsible": true, "subject": "it reached nobody"},
                        {"do": "finish", "outcome": failed("undelivered"), "error-counter": 1},
                    ]),
                );
                let mut steps = one(document);
                steps.extend([deliver(&[&mine]), take("final", 1), run("settle", "final")]);
                steps.push(shows(json!([
                    history(
                        "a",
                        json!([{"due": due, "outcome": {"failed": ["undelivered", {"$any": true}]}}])
                    ),
                    get("a", json!({"content": {"error-counter": 1, "state": "active"}})),
                ])));
                steps.extend([
                    deliver(&[]),
                    shows(json!([compare(
                        "$mails",
                        json!([{"to": mine, "subject": "it reached nobody"}])
                    )])),
                ]);
                steps
            },
        ),
        check(
            "settling-is-fenced",
            "A worker that settles slowly must not overwrite the result of the one that replaced it.",
            {
                let document = settles(
                    submits(),
                    json!([{"do": "finish", "outcome": "delivered", "error-counter": 0, "answers": ["ok", "lease-lost"]}]),
                );
                let mut steps = one(document);
                steps.extend([
                    deliver(&[]),
                    take("slow", 1),
                    clock(due + facts.lease - 1),
                    take("early", 0),
                    clock(due + facts.lease),
                    take("heir", 1),
                    run("settle", "slow"),
                    shows(json!([history("a", json!([{"due": due, "outcome": "submitted"}]))])),
                    run("settle", "heir"),
                    shows(json!([history("a", json!([{"due": due, "outcome": "delivered"}]))])),
                ]);
                steps
            },
        ),
        check(
            "a-counter-yields-to-a-person",
            "A save resets the schedule's failures; a run that is settled afterwards must not count them again.",
            {
                let stops =
                    json!([{"do": "finish", "outcome": failed("undelivered"), "error-counter": 5, "active": false}]);
                let document = settles(submits(), stops.clone());
                let mut steps = one(document.clone());
                steps.extend([
                    deliver(&[&mine]),
                    take("final", 1),
                    call(
                        "ada",
                        "north",
                        json!([update("a", &facts.content(due + DAY, document))]),
                    ),
                    run("settle", "final"),
                    shows(json!([
                        history(
                            "a",
                            json!([{"due": due, "outcome": {"failed": ["undelivered", {"$any": true}]}}])
                        ),
                        get("a", json!({"content": {"error-counter": 0, "state": "active"}})),
                    ])),
                ]);
                steps
            },
        ),
        check(
            "a-submitted-run-holds-nothing-up",
            "Delivery can take a day: the next due time runs in the meantime.",
            {
                let document = settles(submits(), json!([finish(json!("delivered"))]));
                let mut steps = one(document);
                steps.extend([
                    clock(due + DAY),
                    take("next", 1),
                    run("execute", "next"),
                    shows(json!([history(
                        "a",
                        json!([
                            {"due": due + DAY, "outcome": "submitted"}, {"due": due, "outcome": "submitted"},
                        ])
                    )])),
                    deliver(&[]),
                    shows(json!([
                        compare("$mails", json!({"$length": 2})),
                        compare("$mails.0.message-id", json!({"$not": "$mails.1.message-id"}))
                    ])),
                ]);
                steps
            },
        ),
    ]
}
