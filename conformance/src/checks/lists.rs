//! Lists and their pages.

use serde_json::{Value, json};

use crate::script::{Check, DAY, Facts, HOUR, T0, call, check, clock, executes, finish, insert, run, start, take};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = |after: i64| facts.content(T0 + after, json!({}));
    let named = |exporter: &str| {
        let mut content = facts.content(T0 + HOUR, json!({}));
        content["export-identifier"] = json!(exporter);
        content
    };
    let delete = |name: &str| json!({"do": "delete", "id": format!("${name}.id"), "version": null});
    let list = |query: Value, answers: Value| {
        let mut import = query;
        import["do"] = json!("list");
        import["answers"] = answers;
        import
    };
    let shows = |ids: Value| json!({"ok": {"ids": ids}});
    let order =
        |by: &str, descending: bool, ids: Value| list(json!({"order": by, "descending": descending}), shows(ids));
    let walk = |by: &str, descending: bool, size: u32, ids: Value| json!({"do": "walk", "order": by, "descending": descending, "size": size, "answers": {"ok": {"ids": ids}}});
    let five = call(
        "ada",
        "north",
        json!([
            insert("a", &due(HOUR)),
            insert("b", &due(HOUR)),
            insert("c", &due(2 * HOUR)),
            insert("d", &facts.content(Value::Null, json!({}))),
            insert("e", &due(HOUR)),
        ]),
    );
    vec![
        check(
            "a-list-shows-what-the-caller-may-see",
            "`total` and rows are those visible through the handle: this level, and without permission to change settings only \
             the caller's own.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([insert("a", &due(HOUR)), insert("b", &due(HOUR))]),
                ),
                call("ada", "north/spring", json!([insert("c", &due(HOUR))])),
                call("ben", "north/spring", json!([insert("d", &due(HOUR))])),
                call("dan", "south", json!([insert("e", &due(HOUR))])),
                call(
                    "ada",
                    "north",
                    json!([list(json!({}), json!({"ok": {"total": 2, "ids": ["$a.id", "$b.id"]}}))]),
                ),
                call(
                    "cleo",
                    "north/spring",
                    json!([list(json!({}), json!({"ok": {"total": 2, "ids": ["$c.id", "$d.id"]}}))]),
                ),
                call(
                    "token",
                    "north/spring",
                    json!([list(json!({}), json!({"ok": {"total": 2, "ids": ["$c.id", "$d.id"]}}))]),
                ),
                call(
                    "ben",
                    "north/spring",
                    json!([list(
                        json!({"size": 1}),
                        json!({"ok": {"total": 1, "ids": ["$d.id"], "next": null}})
                    )]),
                ),
                call(
                    "ada",
                    "north/autumn",
                    json!([list(json!({}), json!({"ok": {"total": 0, "ids": []}}))]),
                ),
                call(
                    "dan",
                    "south",
                    json!([list(json!({}), json!({"ok": {"total": 1, "ids": ["$e.id"]}}))]),
                ),
                call(
                    "dan",
                    "south/winter",
                    json!([list(json!({}), json!({"ok": {"total": 0, "ids": [], "next": null}}))]),
                ),
            ],
        ),
        check(
            "pages-have-numbers-and-the-first-always-exists",
            "Page 1 exists even where there are no rows; a page past the last is `not-found`; a size is clamped to 1 to 50.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([list(json!({"number": 1}), json!({"ok": {"total": 0, "next": null}}))]),
                ),
                call("ada", "north", json!([list(json!({"number": 2}), json!("not-found"))])),
                five.clone(),
                call(
                    "ada",
                    "north",
                    json!([
                        list(json!({"number": 1, "size": 2}), json!({"ok": {"total": 5, "ids": ["$a.id", "$b.id"]}})),
                        list(json!({"number": 3, "size": 2}), json!({"ok": {"total": 5, "ids": ["$e.id"], "next": null}})),
                        list(json!({"number": 4, "size": 2}), json!("not-found")),
                        list(json!({"number": 0, "size": 2}), json!("not-found")),
                        list(json!({"number": 1, "size": 0}), json!({"ok": {"total": 5, "ids": ["$a.id"]}})),
                        {"do": "insert", "content": due(HOUR), "times": 46},
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([list(
                        json!({"number": 1, "size": 4_000_000_000u32}),
                        json!({"ok": {"total": 51, "ids": {"$length": 50}}})
                    )]),
                ),
            ],
        ),
        check(
            "a-list-is-sorted-as-asked",
            "Ties go by ascending id and absent values come last, in either direction: otherwise pages repeat or omit rows.",
            vec![
                five.clone(),
                call(
                    "ada",
                    "north",
                    json!([
                        order("id", false, json!(["$a.id", "$b.id", "$c.id", "$d.id", "$e.id"])),
                        order("id", true, json!(["$e.id", "$d.id", "$c.id", "$b.id", "$a.id"])),
                        order("next-run", false, json!(["$a.id", "$b.id", "$e.id", "$c.id", "$d.id"])),
                        order("next-run", true, json!(["$c.id", "$a.id", "$b.id", "$e.id", "$d.id"])),
                    ]),
                ),
                call("ada", "north", json!(["a", "b", "c", "d", "e"].map(delete))),
                call(
                    "ada",
                    "north",
                    json!([
                        insert("f", &named("b")),
                        insert("g", &named("a")),
                        insert("h", &named("b"))
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([
                        order("export-identifier", false, json!(["$g.id", "$f.id", "$h.id"])),
                        order("export-identifier", true, json!(["$f.id", "$h.id", "$g.id"])),
                    ]),
                ),
            ],
        ),
        check(
            "a-cursor-shows-each-row-once",
            "Page after page by `next`, in every order, a list is shown completely and no row twice.",
            vec![
                five.clone(),
                call(
                    "ada",
                    "north",
                    json!([
                        walk("id", false, 2, json!(["$a.id", "$b.id", "$c.id", "$d.id", "$e.id"])),
                        walk("id", true, 1, json!(["$e.id", "$d.id", "$c.id", "$b.id", "$a.id"])),
                        walk(
                            "next-run",
                            false,
                            1,
                            json!(["$a.id", "$b.id", "$e.id", "$c.id", "$d.id"])
                        ),
                        walk(
                            "next-run",
                            true,
                            2,
                            json!(["$c.id", "$a.id", "$b.id", "$e.id", "$d.id"])
                        ),
                        walk(
                            "export-identifier",
                            false,
                            3,
                            json!(["$a.id", "$b.id", "$c.id", "$d.id", "$e.id"])
                        ),
                        walk(
                            "export-identifier",
                            true,
                            1,
                            json!(["$a.id", "$b.id", "$c.id", "$d.id", "$e.id"])
                        ),
                    ]),
                ),
            ],
        ),
        check(
            "a-cursor-is-not-moved-by-changes",
            "Rows that are added or deleted between two pages shift nothing: a row that existed all the time is shown exactly \
             once.",
            vec![
                five.clone(),
                call(
                    "ada",
                    "north",
                    json!([{"do": "list", "order": "next-run", "size": 2, "keep": "page",
                    "answers": shows(json!(["$a.id", "$b.id"]))}]),
                ),
                // The rows of the page go. (One that came as well would make up for one that went.)
                call(
                    "ada",
                    "north",
                    json!([
                        {"do": "delete", "id": "$a.id", "version": null},
                        {"do": "delete", "id": "$b.id", "version": null},
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([{"do": "list", "order": "next-run", "size": 1, "after": "$page.next", "keep": "page",
                    "answers": shows(json!(["$e.id"]))}]),
                ),
                // One comes before them.
                call("ada", "north", json!([insert("f", &due(60))])),
                call(
                    "ada",
                    "north",
                    json!([{"do": "walk", "order": "next-run", "size": 2, "after": "$page.next",
                    "answers": {"ok": {"ids": ["$c.id", "$d.id"]}}}]),
                ),
            ],
        ),
        check(
            "a-text-that-is-no-cursor-is-no-page",
            "A text that is no `next` of this order means a page that does not exist; it is never a host error.",
            vec![
                five,
                call(
                    "ada",
                    "north",
                    json!([
                        {"do": "list", "order": "id", "size": 2, "keep": "page"},
                        list(json!({"after": ""}), json!("not-found")),
                        list(json!({"after": "2"}), json!("not-found")),
                        list(json!({"after": "'; drop table schedules; --"}), json!("not-found")),
                        list(json!({"after": "\u{0}"}), json!("not-found")),
                        list(json!({"after": "$page.next", "order": "next-run"}), json!("not-found")),
                        list(json!({"after": "$page.next", "order": "id", "descending": true}), json!("not-found")),
                        {"do": "runs", "id": "$a.id", "after": "nonsense", "answers": "not-found"},
                    ]),
                ),
            ],
        ),
        check(
            "history-has-pages",
            "The run history is paged as lists are, latest due time first.",
            {
                let content = facts.content(T0 + HOUR, executes(json!([[start(), finish(json!("empty"))]])));
                let mut steps = vec![call("ada", "north", json!([insert("a", &content)]))];
                for nth in 0..3 {
                    steps.extend([clock(T0 + HOUR + nth * DAY), take("due", 1), run("execute", "due")]);
                }
                let runs = |at: Value, answers: Value| {
                    let mut import = at;
                    import["do"] = json!("runs");
                    import["id"] = json!("$a.id");
                    import["size"] = json!(2);
                    import["answers"] = answers;
                    import
                };
                let due = |nth: i64| json!({"due": T0 + HOUR + nth * DAY});
                let mut first = runs(
                    json!({"number": 1}),
                    json!({"ok": {"total": 3, "rows": [due(2), due(1)]}}),
                );
                first["keep"] = json!("page");
                steps.push(call(
                    "ada",
                    "north",
                    json!([
                        first,
                        runs(
                            json!({"after": "$page.next"}),
                            json!({"ok": {"total": 3, "rows": [due(0)], "next": null}})
                        ),
                        runs(json!({"number": 2}), json!({"ok": {"total": 3, "rows": [due(0)]}})),
                        runs(json!({"number": 3}), json!("not-found")),
                    ]),
                ));
                steps.push(call("ada", "north", json!([insert("b", &content),])));
                steps.push(call(
                    "ada",
                    "north",
                    json!([{"do": "runs", "id": "$b.id", "answers": {"ok": {"total": 0, "rows": []}}}]),
                ));
                steps
            },
        ),
    ]
}
