//! What cannot be right, and how much is too much.

use serde_json::{Value, json};

use crate::script::{
    Check, Facts, HOUR, T0, abandons, call, check, clock, compare, ends, executes, failed, finish, history, insert,
    run, stage_export, start, take, update, with,
};

/// 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = T0 + HOUR;
    let one = facts.content(due, json!({}));
    let but = |change: &dyn Fn(&mut Value)| {
        let mut content = one.clone();
        change(&mut content);
        content
    };
    // Each in a call of its own, which traps and leaves nothing behind.
    let traps = |content: Value| ends(call("ada", "north", json!([insert("x", &content)])), &["trap"]);
    let long = |bytes: usize| json!(format!("\"{}\"", "x".repeat(bytes - 2)));
    let gives_up = |missed: Value| {
        ends(
            call(
                "ada",
                "north",
                json!([with(update("a", &one), json!({"missed": missed}))]),
            ),
            &["trap"],
        )
    };
    // A run whose last import traps; `abandon` then ends it.
    let run_traps = |imports: Value| {
        let document = abandons(executes(json!([imports])), json!([start(), finish(failed("trapped"))]));
        vec![
            call("ada", "north", json!([insert("a", &facts.content(due, document))])),
            clock(due),
            take("due", 1),
            ends(run("execute", "due"), &["trap"]),
            run("abandon", "due"),
            call(
                "ada",
                "north",
                json!([history(
                    "a",
                    json!([{"due": due, "outcome": {"failed": ["trapped", {"$any": true}]}, "deliveries": []}])
                )]),
            ),
            crate::script::deliver(&[]),
            call("ada", "north", json!([compare("$mails", json!([]))])),
        ]
    };
    let trap = |import: Value| with(import, json!({"answers": "trap"}));
    let mut starts = Vec::new();
    for (name, plan) in [
        ("a", json!({"due": due + 1})),
        ("b", json!({"due": due, "next-run": due})),
        ("c", json!({"due": due, "next-run": LAST + 1})),
        ("d", json!({"missed": [{"first": due - 60, "last": due, "count": 2}]})),
        (
            "e",
            json!({"missed": [{"first": due - 60, "last": due - 50, "count": 12}]}),
        ),
    ] {
        let document = executes(json!([[trap(with(start(), plan))]]));
        starts.push(call(
            "ada",
            "north",
            json!([insert(name, &facts.content(due, document))]),
        ));
    }
    starts.extend([clock(due), take("due", 5), ends(run("execute", "due"), &["trap"])]);
    let nothing = ["a", "b", "c", "d", "e"].map(|name| history(name, json!([])));
    starts.push(call("ada", "north", json!(nothing)));
    vec![
        check(
            "content-over-its-limits-traps",
            "A document of 64 KiB and 25 addresses per list are stored; one more of either, or an instant beyond the calendar, \
             traps.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        insert("a", &but(&|content| content["document"] = long(64 << 10))),
                        insert(
                            "b",
                            &but(&|content| content["recipients"]["to"] = json!(vec!["a@example.com"; 25]))
                        ),
                        insert("c", &but(&|content| content["next-run"] = json!(LAST))),
                        insert("d", &but(&|content| content["next-run"] = json!(0))),
                    ]),
                ),
                traps(but(&|content| content["document"] = long((64 << 10) + 1))),
                traps(but(&|content| {
                    content["recipients"]["to"] = json!(vec!["a@example.com"; 26])
                })),
                traps(but(&|content| {
                    content["recipients"]["bcc"] = json!(vec!["a@example.com"; 26])
                })),
                traps(but(&|content| content["next-run"] = json!(LAST + 1))),
                traps(but(&|content| content["next-run"] = json!(-1))),
                call("ada", "north", json!([{"do": "list", "answers": {"ok": {"total": 4}}}])),
            ],
        ),
        check(
            "more-than-a-hundred-writes-in-a-call-trap",
            "A call that writes without end must not fill the host: a hundred writes are committed, one more traps.",
            vec![
                call("ada", "north", json!([{"do": "insert", "content": one, "times": 100}])),
                ends(
                    call("ada", "north", json!([{"do": "insert", "content": one, "times": 101}])),
                    &["trap"],
                ),
                call(
                    "ada",
                    "north",
                    json!([{"do": "list", "answers": {"ok": {"total": 100}}}]),
                ),
            ],
        ),
        check(
            "due-times-that-cannot-have-been-missed-trap",
            "Due times dropped by a change have passed, a range has at most one due time per second, and ranges are in order.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                clock(due + 10),
                gives_up(json!([{"first": due, "last": due + 11, "count": 2}])),
                gives_up(json!([{"first": due, "last": due + 5, "count": 7}])),
                gives_up(json!([{"first": due, "last": due, "count": 0}])),
                gives_up(json!([{"first": due, "last": due - 1, "count": 1}])),
                gives_up(
                    json!([{"first": due, "last": due + 5, "count": 2}, {"first": due + 5, "last": due + 6, "count": 2}]),
                ),
                gives_up(
                    json!([{"first": due + 5, "last": due + 6, "count": 2}, {"first": due, "last": due + 1, "count": 2}]),
                ),
                call(
                    "ada",
                    "north",
                    json!([{"do": "get", "id": "$a.id", "answers": {"ok": {"version": "$a.version"}}},
                    history("a", json!([]))]),
                ),
            ],
        ),
        check(
            "a-plan-that-cannot-be-traps",
            "A run starts a due time that is due and plans a future one: otherwise a schedule is due forever, or runs early.",
            starts,
        ),
        check(
            "submitting-without-an-export-mail-traps",
            "`submitted` means that the mail is in the outbox.",
            run_traps(json!([start(), trap(finish(json!("submitted")))])),
        ),
        check(
            "failing-with-an-export-mail-traps",
            "A failed run must not send the file: history and recipients would disagree.",
            run_traps(json!([start(), stage_export(), trap(finish(failed("no")))])),
        ),
        check(
            "only-settling-delivers",
            "Whether a recipient's server accepts the mail is not known before it was sent.",
            run_traps(json!([start(), trap(finish(json!("delivered")))])),
        ),
        check(
            "a-log-line-is-cut-and-lines-are-counted",
            "A guest can log as much as it likes: the host drops what exceeds the limits, and the call goes on.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        {"do": "log", "bytes": 100_000, "times": 3},
                        {"do": "log", "bytes": 10, "times": 500},
                        insert("a", &one),
                    ]),
                ),
                call("ada", "north", json!([{"do": "list", "answers": {"ok": {"total": 1}}}])),
            ],
        ),
    ]
}
