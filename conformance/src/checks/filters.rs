//! Lists and histories of what meets conditions.

use serde_json::{Value, json};

use crate::script::{
    Check, DAY, Facts, HOUR, T0, call, check, clock, executes, finish, insert, run, start, take, with,
};
use crate::world::address;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let content = |more: Value| with(facts.content(T0 + HOUR, json!({})), more);
    let list = |filter: Value, ids: Value| {
        let total = ids.as_array().map_or(0, Vec::len);
        json!({"do": "list", "filter": filter, "answers": {"ok": {"total": total, "ids": ids}}})
    };
    let mailed = |to: &str, bcc: &str| {
        let list = |address: &str| match address {
            "" => json!([]),
            address => json!([address]),
        };
        content(json!({"recipients": {"to": list(to), "cc": [], "bcc": list(bcc)}}))
    };
    let upper = |user: &str| address(user).to_uppercase();
    vec![
        check(
            "a-list-has-the-states-asked-for",
            "The state is that at the time of the call: a pause that has run out counts as active, although it is stored.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        insert("active", &content(json!({}))),
                        insert("ending", &content(json!({"state": {"paused": T0 + HOUR}}))),
                        insert("paused", &content(json!({"state": {"paused": null}}))),
                        insert("stopped", &content(json!({"state": "stopped"}))),
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"state": "active"}), json!(["$active.id"])),
                        list(json!({"state": "paused"}), json!(["$ending.id", "$paused.id"])),
                        list(json!({"state": "stopped"}), json!(["$stopped.id"])),
                    ]),
                ),
                clock(T0 + HOUR),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"state": "active"}), json!(["$active.id", "$ending.id"])),
                        list(json!({"state": "paused"}), json!(["$paused.id"])),
                    ]),
                ),
            ],
        ),
        check(
            "a-list-has-what-fails-or-what-does-not",
            "`failing` selects by the error counter; a page, its `total` and the pages after it are those of the filter.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        insert("a", &content(json!({"error-counter": 1}))),
                        insert("b", &content(json!({}))),
                        insert("c", &content(json!({"error-counter": 4}))),
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"failing": true}), json!(["$a.id", "$c.id"])),
                        list(json!({"failing": false}), json!(["$b.id"])),
                        {"do": "list", "filter": {"failing": true}, "size": 1, "keep": "page",
                         "answers": {"ok": {"total": 2, "ids": ["$a.id"]}}},
                        {"do": "list", "filter": {"failing": true}, "size": 1, "after": "$page.next",
                         "answers": {"ok": {"total": 2, "ids": ["$c.id"], "next": null}}},
                    ]),
                ),
            ],
        ),
        check(
            "a-list-has-what-is-due-before-an-instant",
            "What is stopped or paused is not due, whatever its next run; nor is what has none.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        insert("a", &content(json!({}))),
                        insert("b", &content(json!({"next-run": T0 + 2 * HOUR}))),
                        insert("c", &content(json!({"next-run": null}))),
                        insert("d", &content(json!({"state": "stopped"}))),
                        insert("e", &content(json!({"state": {"paused": T0 + HOUR}}))),
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"due-before": T0 + HOUR + 1}), json!(["$a.id"])),
                        list(json!({"due-before": T0 + HOUR}), json!([])),
                    ]),
                ),
            ],
        ),
        check(
            "a-list-has-the-schedules-of-an-owner",
            "An owner is found by address, in any case; an address that no user has owns nothing.",
            vec![
                call("ada", "north", json!([insert("a", &content(json!({})))])),
                call("cleo", "north", json!([insert("c", &content(json!({})))])),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"owner": address("cleo")}), json!(["$c.id"])),
                        list(json!({"owner": upper("ada")}), json!(["$a.id"])),
                        list(json!({"owner": "nobody@example.com"}), json!([])),
                    ]),
                ),
            ],
        ),
        check(
            "a-list-has-what-is-mailed-to-an-address",
            "An export is mailed to its owner and to its recipients: each of them finds it, in any case.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        insert("a", &mailed("Guest@example.com", "")),
                        insert("b", &mailed("", "guest@example.com"))
                    ]),
                ),
                call("cleo", "north", json!([insert("c", &mailed("other@example.com", ""))])),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"recipient": "guest@example.com"}), json!(["$a.id", "$b.id"])),
                        list(json!({"recipient": upper("cleo")}), json!(["$c.id"])),
                        list(json!({"recipient": "uest@example.com"}), json!([])),
                        list(
                            json!({"recipient": address("ada"), "export-identifier": "no-such-exporter"}),
                            json!([])
                        ),
                    ]),
                ),
            ],
        ),
        check(
            "a-history-has-the-runs-asked-for",
            "One run is found by its id, and others by state and due time; `total` counts what meets the conditions.",
            {
                let document = executes(json!([[start(), finish(json!("empty"))]]));
                let mut steps = vec![call(
                    "ada",
                    "north",
                    json!([insert("a", &facts.content(T0 + HOUR, document))]),
                )];
                for nth in 0..2 {
                    steps.extend([clock(T0 + HOUR + nth * DAY), take("due", 1), run("execute", "due")]);
                }
                let due = |nth: i64| T0 + HOUR + nth * DAY;
                let runs = |conditions: Value, rows: Value| {
                    let total = rows.as_array().map_or(0, Vec::len);
                    let import =
                        json!({"do": "runs", "id": "$a.id", "answers": {"ok": {"total": total, "rows": rows}}});
                    with(import, conditions)
                };
                let mut whole = runs(json!({}), json!([{"due": due(1)}, {"due": due(0)}]));
                whole["keep"] = json!("page");
                steps.push(call(
                    "ada",
                    "north",
                    json!([
                        whole,
                        runs(json!({"run": "$page.rows.1.id"}), json!([{"due": due(0)}])),
                        runs(json!({"state": "failed"}), json!([])),
                        runs(json!({"state": "empty"}), json!([{"due": due(1)}, {"due": due(0)}])),
                        runs(json!({"since": due(0) + 1}), json!([{"due": due(1)}])),
                        runs(json!({"until": due(0)}), json!([{"due": due(0)}])),
                    ]),
                ));
                steps
            },
        ),
    ]
}
