//! Who may do what, and whose rights count.

use serde_json::{Value, json};

use crate::script::{
    Check, Facts, HOUR, T0, call, check, clock, executes, finish, get, insert, remove, run, start, switch_off, take,
    take_rights, update, view, with,
};
use crate::world::address;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = T0 + HOUR;
    let one = facts.content(due, json!({"n": 1}));
    let two = facts.content(2 * HOUR + T0, json!({"n": 2}));
    let answers = |import: Value, word: &str| with(import, json!({"answers": word}));
    let take_over = |content: &Value| json!({"do": "take-over", "id": "$a.id", "version": "$a.version", "content": content, "keep": "a"});
    let delete = json!({"do": "delete", "id": "$a.id", "version": null});
    let available = |more: Value, identifiers: Value| {
        let mut import = with(json!({"do": "available"}), more);
        import["answers"] = json!({"ok": identifiers});
        import
    };
    let this_one = json!({"$has": [{"identifier": facts.exporter}]});
    let only = json!({"only": facts.exporter});
    let usable = |more: Value, slugs: Value| {
        let mut import = with(json!({"do": "usable-events", "exporter": facts.exporter}), more);
        import["answers"] = json!({"ok": slugs});
        import
    };
    let produces = |word: &str| {
        facts.content(
            due,
            executes(json!([[
                start(),
                answers(facts.produce(), word),
                finish(json!("empty"))
            ]])),
        )
    };
    vec![
        check(
            "reading-credentials-write-nothing",
            "Read-only credentials get `forbidden` for every write, even if their user has write permission.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                call(
                    "ada-reading",
                    "north",
                    json!([
                        get("a", json!({"id": "$a.id"})),
                        answers(insert("b", &one), "forbidden"),
                        answers(update("a", &two), "forbidden"),
                        answers(take_over(&two), "forbidden"),
                        answers(delete.clone(), "forbidden"),
                    ]),
                ),
                call("ada", "north", json!([get("a", json!({"version": "$a.version"}))])),
            ],
        ),
        check(
            "a-view-writes-nothing",
            "`view` is for GET: a caller who can write gets `forbidden` for every write during it, and what it reads is what is stored.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                view(
                    "ada",
                    "north",
                    json!([
                        get("a", json!({"id": "$a.id"})),
                        answers(insert("b", &one), "forbidden"),
                        answers(update("a", &two), "forbidden"),
                        answers(take_over(&two), "forbidden"),
                        answers(delete.clone(), "forbidden"),
                    ]),
                ),
                call("ada", "north", json!([get("a", json!({"version": "$a.version"}))])),
            ],
        ),
        check(
            "only-a-user-inserts-and-takes-over",
            "A schedule is owned by a user, whose permissions its runs have: a token or device cannot own one.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                call(
                    "token",
                    "north",
                    json!([
                        answers(insert("b", &one), "forbidden"),
                        answers(take_over(&two), "forbidden"),
                        update("a", &two),
                    ]),
                ),
                call("gate", "north", json!([answers(insert("b", &one), "forbidden")])),
                call(
                    "ada",
                    "north",
                    json!([get(
                        "a",
                        json!({"version": "$a.version", "owner": {"email": address("ada")}})
                    )]),
                ),
            ],
        ),
        check(
            "an-owner-is-who-inserted-it-and-stays-so-when-others-change-it",
            "The owner's permissions count at each run; a change by another user must not make that user the owner.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                call("cleo", "north", json!([update("a", &two)])),
                call("token", "north", json!([update("a", &one)])),
                call(
                    "ada",
                    "north",
                    json!([get("a", json!({"owner": {"email": address("ada")}}))]),
                ),
                remove("ada"),
                call("cleo", "north", json!([get("a", json!({"owner": null}))])),
            ],
        ),
        check(
            "a-take-over-makes-the-caller-the-owner",
            "`take-over` names no user: the caller becomes the owner, and the content is replaced at the stored version.",
            vec![
                call("ada", "north", json!([insert("a", &one)])),
                call(
                    "cleo",
                    "north",
                    json!([with(take_over(&two), json!({"version": 0, "answers": "stale"}))]),
                ),
                call(
                    "cleo",
                    "north",
                    json!([
                        with(
                            take_over(&two),
                            json!({"answers": {"ok": {"owner": {"email": address("cleo")},
                            "version": {"$above": "$a.version"}}}})
                        ),
                        get(
                            "a",
                            json!({"owner": {"email": address("cleo")}, "version": "$a.version"})
                        ),
                    ]),
                ),
                call(
                    "ada",
                    "north",
                    json!([get(
                        "a",
                        json!({"owner": {"email": address("cleo")}, "version": "$a.version",
                        "content": {"document": "{\"n\":2}"}})
                    )]),
                ),
            ],
        ),
        check(
            "exporters-are-those-of-the-subject",
            "`caller` means the caller's permissions, `owner-of` those of the owner: if they are confused, users mail \
             themselves data that they cannot see, or cannot change their own schedules.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([insert("a", &one), available(json!({}), this_one.clone())]),
                ),
                call(
                    "ben",
                    "north/spring",
                    json!([insert("b", &one), available(only.clone(), this_one.clone())]),
                ),
                call(
                    "cleo",
                    "north/spring",
                    json!([insert("c", &one), available(json!({}), json!([]))]),
                ),
                call("gate", "north", json!([available(json!({}), json!([]))])),
                call(
                    "cleo",
                    "north",
                    json!([available(
                        with(only.clone(), json!({"owner-of": "$a.id"})),
                        this_one.clone()
                    )]),
                ),
                call(
                    "ada",
                    "north/spring",
                    json!([
                        available(json!({"owner-of": "$b.id"}), this_one.clone()),
                        available(json!({"owner-of": "$c.id"}), json!([])),
                        available(json!({"only": "there is no such exporter"}), json!([])),
                    ]),
                ),
                switch_off("ben"),
                call(
                    "ada",
                    "north/spring",
                    json!([with(
                        available(json!({"owner-of": "$b.id"}), this_one.clone()),
                        json!({"says": "an inactive owner counts with the rights that he will have again"})
                    )]),
                ),
                remove("ben"),
                call(
                    "ada",
                    "north/spring",
                    json!([available(json!({"owner-of": "$b.id"}), json!([]))]),
                ),
            ],
        ),
        check(
            "events-are-those-of-the-subject",
            "Events that a user cannot export, or cannot know of, are not in the result; nor are those of another organizer.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([
                        insert("a", &one),
                        usable(json!({}), json!("all-events")),
                        usable(json!({"only": ["autumn", "winter", "no-such-event"]}), json!(["autumn"])),
                        {"do": "visible-events", "slugs": ["spring", "winter", "no-such-event"], "answers": {"ok": ["spring"]}},
                    {"do": "missing-events", "slugs": ["spring", "winter", "no-such-event"],
                     "answers": {"ok": ["no-such-event", "winter"]}},
                    ]),
                ),
                call(
                    "ben",
                    "north/spring",
                    json!([
                        usable(json!({}), json!(["spring"])),
                        {"do": "visible-events", "slugs": ["autumn", "spring"], "answers": {"ok": ["spring"]}},
                    {"do": "missing-events", "slugs": ["autumn", "spring"], "answers": {"ok": []}},
                    ]),
                ),
                call(
                    "cleo",
                    "north",
                    json!([
                        usable(json!({}), json!([])),
                        usable(json!({"owner-of": "$a.id"}), json!("all-events")),
                        {"do": "visible-events", "slugs": ["autumn", "spring"], "answers": {"ok": ["autumn", "spring"]}},
                    ]),
                ),
                take_rights("ada"),
                call(
                    "cleo",
                    "north",
                    json!([usable(json!({"owner-of": "$a.id"}), json!([]))]),
                ),
            ],
        ),
        check(
            "a-reach-of-all-events-includes-those-to-come",
            "Permission for all events includes future ones; a list of each event that exists today does not. An editor with \
             such a list must not change a schedule of all events, or gets the next event by mail.",
            vec![
                call(
                    "fay",
                    "north/spring",
                    json!([insert("f", &one), usable(json!({}), json!(["autumn", "spring"]))]),
                ),
                call(
                    "ada",
                    "north/spring",
                    json!([
                        insert("a", &one),
                        usable(json!({}), json!("all-events")),
                        usable(json!({"owner-of": "$f.id"}), json!(["autumn", "spring"])),
                        with(
                            usable(
                                json!({"only": ["autumn", "no-such-event", "spring"]}),
                                json!(["autumn", "spring"])
                            ),
                            json!({"says": "asked about some events, a host answers which of these"})
                        ),
                    ]),
                ),
                call("token", "north/spring", json!([usable(json!({}), json!("all-events"))])),
                switch_off("ada"),
                call(
                    "cleo",
                    "north/spring",
                    json!([usable(json!({"owner-of": "$a.id"}), json!("all-events"))]),
                ),
                remove("ada"),
                call(
                    "cleo",
                    "north/spring",
                    json!([usable(json!({"owner-of": "$a.id"}), json!([]))]),
                ),
            ],
        ),
        check(
            "a-file-is-made-with-its-owners-rights",
            "The owner's permissions count, not those of the user who changed the schedule last, even if they are wider.",
            vec![
                call("ada", "north/spring", json!([insert("a", &produces("ok"))])),
                call("cleo", "north/spring", json!([insert("b", &produces("not-allowed"))])),
                call("cleo", "north/spring", json!([update("a", &produces("ok"))])),
                call("ada", "north/spring", json!([update("b", &produces("not-allowed"))])),
                clock(due),
                take("due", 2),
                run("execute", "due"),
            ],
        ),
        check(
            "a-file-is-made-with-the-rights-of-that-moment",
            "Permissions from the time when the schedule was saved or the run was leased may be revoked when the file is made.",
            vec![
                call("ben", "north/spring", json!([insert("a", &produces("not-allowed"))])),
                call("ada", "north/spring", json!([insert("b", &produces("not-allowed"))])),
                clock(due),
                take("due", 2),
                take_rights("ben"),
                switch_off("ada"),
                run("execute", "due"),
            ],
        ),
        check(
            "a-run-says-whether-its-owner-may-still",
            "An owner who is inactive, deleted or without permission is told apart: the mail about it goes to other users.",
            {
                let right = |word: &str| {
                    facts.content(
                        due,
                        executes(json!([[
                            {"do": "facts", "answers": {"ok": {"owner-right": word}}},
                            start(),
                            finish(json!("empty")),
                        ]])),
                    )
                };
                vec![
                    call("ben", "north/spring", json!([insert("a", &right("not-allowed"))])),
                    call("cleo", "north", json!([insert("b", &right("gone"))])),
                    call("dan", "south", json!([insert("c", &right("inactive"))])),
                    call("eve", "narrow", json!([insert("d", &right("yes"))])),
                    take_rights("ben"),
                    remove("cleo"),
                    switch_off("dan"),
                    clock(due),
                    take("due", 4),
                    run("execute", "due"),
                ]
            },
        ),
    ]
}
