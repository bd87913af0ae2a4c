//! What people write: staged during the call, kept or dropped after it.

use serde_json::{Value, json};

use crate::script::{
    Check, DAY, Facts, HOUR, T0, call, call_of, check, clock, compare, ends, executes, finish, get, gone, insert,
    plain, refuse, run, start, take, trap, update, with,
};
use crate::world::NARROW_QUOTA;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let one = facts.content(T0 + HOUR, json!({"n": 1}));
    let two = facts.content(T0 + 2 * HOUR, json!({"n": 2}));
    let delete = |name: &str| json!({"do": "delete", "id": format!("${name}.id"), "version": null});
    let now_two = json!({"content": {"next-run": T0 + 2 * HOUR, "document": "{\"n\":2}"}});
    let still_one = json!({"version": "$a.version", "content": {"next-run": T0 + HOUR, "document": "{\"n\":1}"}});
    let none_listed = json!({"do": "list", "answers": {"ok": {"total": 0, "ids": []}}});
    // A call that changes everything it can, and then ends badly.
    let undone = |last: Value| {
        json!([
            insert("b", &one),
            update("a", &two),
            with(delete("c"), json!({"says": "staged"})),
            last,
        ])
    };
    let after = call(
        "ada",
        "north",
        json!([get("a", still_one.clone()), get("c", json!({})), {"do": "list", "answers": {"ok": {"total": 2}}}]),
    );
    let first = call("ada", "north", json!([insert("a", &one), insert("c", &one)]));
    vec![
        check(
            "what-a-call-staged-is-committed-when-it-answers-ok",
            "Writes are staged, and committed as one transaction when the exported call returns ok, whichever export it is.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                call(
                    "ada",
                    "north",
                    json!([get("a", json!({"id": "$a.id"})), update("a", &two)]),
                ),
                call("ada", "north", json!([get("a", now_two.clone()), delete("a")])),
                call("ada", "north", json!([gone("a"), none_listed.clone()])),
                call_of("create", "ada", "north", "", json!([insert("b", &one)])),
                call_of("replace", "ada", "north", "b", json!([update("b", &two)])),
                call("ada", "north", json!([get("b", now_two.clone())])),
                call_of("patch", "ada", "north", "b", json!([update("b", &one)])),
                call(
                    "ada",
                    "north",
                    json!([get("b", json!({"content": {"next-run": T0 + HOUR}}))]),
                ),
                plain("get", "ada", "north", "b"),
                plain("list", "ada", "north", "b"),
                plain("runs", "ada", "north", "b"),
                plain("exporters", "ada", "north", "b"),
                plain("delete", "ada", "north", "b"),
                call("ada", "north", json!([gone("b")])),
                ends(plain("get", "ada", "north", "b"), &["not-found"]),
            ],
        ),
        check(
            "what-a-call-staged-is-dropped-when-it-answers-an-error",
            "A plugin that returns an error has changed nothing, whatever it wrote before.",
            vec![
                first.clone(),
                ends(call("ada", "north", undone(refuse())), &["refused"]),
                after.clone(),
            ],
        ),
        check(
            "what-a-call-staged-is-dropped-when-it-traps",
            "A trap ends the call in the middle: half of its changes must not be stored.",
            vec![first, ends(call("ada", "north", undone(trap())), &["trap"]), after],
        ),
        check(
            "a-call-sees-what-it-has-staged",
            "A `get` after a write in the same call returns what was written.",
            vec![call(
                "ada",
                "north",
                json!([
                    insert("a", &one),
                    get(
                        "a",
                        json!({"version": "$a.version", "content": {"document": "{\"n\":1}"}})
                    ),
                    update("a", &two),
                    get(
                        "a",
                        json!({"version": "$a.version", "content": {"document": "{\"n\":2}"}})
                    ),
                    delete("a"),
                    gone("a"),
                ]),
            )],
        ),
        check(
            "content-is-kept-as-given",
            "A host stores what the plugin wrote: recipients in their order, texts to the last character.",
            {
                let full = json!({
                    "export-identifier": "an exporter of yesterday",
                    "recipients": {
                        "to": ["z@example.com", "a@example.com", "Mixed.Case@Example.com"],
                        "cc": ["ben@example.org"],
                        "bcc": ["hidden@example.com"],
                    },
                    "next-run": null,
                    "state": {"paused": null},
                    "error-counter": 4,
                    "document": "{ \"text\" : \"\\u00e9 é 😀 'quoted' \\\\ \\\"\" ,\n \"n\":1.0}",
                });
                vec![
                    call("ada", "north", json!([insert("a", &full)])),
                    call("ada", "north", json!([get("a", json!({"content": full}))])),
                ]
            },
        ),
        check(
            "an-id-is-never-used-again",
            "IDs are in links and in mails: one that is used twice leads to another schedule.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                call("ada", "north", json!([delete("a")])),
                call(
                    "ada",
                    "north",
                    json!([
                        insert("b", &one),
                        insert("c", &one),
                        compare("$b.id", json!({"$not": "$a.id"})),
                        compare("$c.id", json!({"$not": "$a.id"})),
                        compare("$c.id", json!({"$not": "$b.id"})),
                        compare("$b.id", json!({"$above": 0})),
                    ]),
                ),
                ends(call("ada", "north", json!([insert("d", &one), refuse()])), &["refused"]),
                call(
                    "ada",
                    "north",
                    json!([insert("d", &one), compare("$d.id", json!({"$not": "$c.id"}))]),
                ),
            ],
        ),
        check(
            "a-version-goes-up-with-changes-and-not-with-runs",
            "A user's change is compared with the version; a run in between must not invalidate it.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([insert(
                        "a",
                        &facts.content(T0 + HOUR, executes(json!([[start(), finish(json!("empty"))]])))
                    )]),
                ),
                clock(T0 + HOUR),
                take("due", 1),
                run("execute", "due"),
                call(
                    "ada",
                    "north",
                    json!([
                        get("a", json!({"version": "$a.version", "content": {"next-run": T0 + HOUR + DAY}})),
                        {"do": "update", "id": "$a.id", "version": "$a.version", "content": two,
                         "answers": {"ok": {"version": {"$above": "$a.version"}}}},
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([get("a", json!({"version": {"$above": "$a.version"}}))]),
                ),
            ],
        ),
        check(
            "a-stale-version-is-refused",
            "Two users read, both write: the second must get an error, or the first one's change is lost silently.",
            {
                let stale = |import: Value| with(import, json!({"answers": "stale"}));
                let of = |name: &str, version: Value| json!({"do": name, "id": "$a.id", "version": version, "content": one.clone()});
                vec![
                    call("ada", "north", json!([insert("a", &one)])),
                    call(
                        "ada",
                        "north",
                        json!([{"do": "update", "id": "$a.id", "version": "$a.version", "content": two, "keep": "b"}]),
                    ),
                    call("ada", "north", json!([stale(of("update", json!("$a.version")))])),
                    call("ada", "north", json!([stale(of("delete", json!("$a.version")))])),
                    call(
                        "ada",
                        "north",
                        json!([get("a", with(now_two.clone(), json!({"version": "$b.version"})))]),
                    ),
                    call(
                        "ada",
                        "north",
                        json!([
                            {"do": "update", "id": "$a.id", "version": "$b.version", "content": one},
                            with(stale(of("update", json!("$b.version"))), json!({"says": "changed in this very call"})),
                        ]),
                    ),
                ]
            },
        ),
        check(
            "the-quota-is-kept",
            "The quota is the organizer's, over all its events and within one call too.",
            {
                let over = with(
                    insert("d", &one),
                    json!({"answers": {"error": "quota", "with": NARROW_QUOTA}}),
                );
                vec![
                    call("eve", "narrow", json!([insert("a", &one)])),
                    call("eve", "narrow/small", json!([insert("b", &one), over.clone()])),
                    call("eve", "narrow", json!([over.clone()])),
                    call(
                        "eve",
                        "narrow",
                        json!([{"do": "list", "answers": {"ok": {"total": 1}}}, delete("a")]),
                    ),
                    call("eve", "narrow", json!([insert("c", &one), over])),
                ]
            },
        ),
    ]
}
