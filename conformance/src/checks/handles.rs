//! The two handles: what they say, and how long they are good for.

use serde_json::json;

use crate::script::{
    Check, DAY, Facts, HOUR, T0, abandons, call, check, clock, ends, executes, finish, finish_too_late, insert, run,
    start, take, trap, with,
};
use crate::world::{NARROW_MAIL, address};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let says = |like| with(json!({"do": "facts"}), json!({"answers": {"ok": like}}));
    let user = |name: &str| json!({"user": {"email": address(name), "active": true}});
    let access = |by: &str, at: &str, like: serde_json::Value| call(by, at, json!([says(like.clone()), says(like)]));
    let due = T0 + HOUR;
    let runs = |imports: serde_json::Value| facts.content(due, executes(json!([imports])));
    vec![
        check(
            "an-access-says-who-calls-and-where",
            "`access.facts` is what a plugin decides by: caller, level, permissions, rules and time of this call.",
            vec![
                access(
                    "ada",
                    "north",
                    json!({"caller": user("ada"), "event-level": false, "may-change-settings": true, "may-write": true,
                        "settings": {"now": T0, "zone": "Europe/Berlin", "recipient-domains": null, "mail-bytes": 20_000_000}}),
                ),
                access(
                    "ada",
                    "north/autumn",
                    json!({"event-level": true, "settings": {"zone": "America/New_York"}}),
                ),
                access(
                    "ada-reading",
                    "north",
                    json!({"caller": user("ada"), "may-write": false}),
                ),
                access(
                    "ben",
                    "north/spring",
                    json!({"caller": user("ben"), "may-change-settings": false, "may-write": true}),
                ),
                access(
                    "cleo",
                    "north",
                    json!({"caller": user("cleo"), "may-change-settings": true}),
                ),
                access(
                    "token",
                    "north",
                    json!({"caller": "token", "may-change-settings": true}),
                ),
                access(
                    "gate",
                    "north/spring",
                    json!({"caller": "device", "may-change-settings": false}),
                ),
                clock(T0 + 5),
                access(
                    "eve",
                    "narrow",
                    json!({"settings": {"now": T0 + 5, "recipient-domains": ["example.com"], "mail-bytes": NARROW_MAIL}}),
                ),
            ],
        ),
        check(
            "a-run-says-what-was-leased",
            "`run.facts` is what a run works from: the schedule as leased, its owner, and no due time before `start` has \
             pinned one.",
            vec![
                call(
                    "ben",
                    "north/spring",
                    json!([insert(
                        "a",
                        &runs(json!([
                            says(
                                json!({"event-level": true, "owner-right": "yes", "due": null, "attempt": 1,
                                "schedule": {"owner": {"email": address("ben")}, "content": {"next-run": due}},
                                "settings": {"now": due + 7, "zone": "Europe/Berlin"}})
                            ),
                            start(),
                            with(
                                says(json!({"due": null, "attempt": 1})),
                                json!({"says": "the same answer during the whole call"})
                            ),
                            finish(json!("empty")),
                        ]))
                    )]),
                ),
                call(
                    "cleo",
                    "north",
                    json!([insert(
                        "b",
                        &runs(json!([
                            says(json!({"event-level": false, "owner-right": "not-allowed",
                                "schedule": {"owner": {"email": address("cleo")}}})),
                            start(),
                            finish(json!("empty")),
                        ]))
                    )]),
                ),
                clock(due + 7),
                take("due", 2),
                run("execute", "due"),
            ],
        ),
        check(
            "a-run-that-has-ended-takes-nothing-more",
            "After `finish` has returned ok the handle is spent: a guest that goes on must not write to the run again.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([insert(
                        "a",
                        &runs(json!([
                            start(),
                            facts.produce(),
                            finish(json!("empty")),
                            finish_too_late(json!({"failed": ["twice", "a second end"]})),
                            with(facts.produce(), json!({"answers": "lease-lost"})),
                            {"do": "zip", "answers": "lease-lost"},
                            {"do": "link", "answers": "lease-lost"},
                            with(start(), json!({"answers": "lease-lost"})),
                        ]))
                    )]),
                ),
                clock(due),
                take("due", 1),
                run("execute", "due"),
                call(
                    "ada",
                    "north",
                    json!([crate::script::history(
                        "a",
                        json!([{"due": due, "outcome": "empty", "attempts": 1}])
                    )]),
                ),
            ],
        ),
        check(
            "handles-are-closed-when-the-call-is-over",
            "A handle exists for one call. One that stays open afterwards leaks, whether the guest returned ok, an error or \
             trapped.",
            vec![
                call("ada", "north", json!([{"do": "facts"}])),
                json!({"open-handles": 0}),
                ends(
                    call("ada", "north", json!([{"do": "facts"}, {"do": "refuse"}])),
                    &["refused"],
                ),
                ends(call("ada", "north", json!([{"do": "facts"}, trap()])), &["trap"]),
                json!({"open-handles": 0}),
                call(
                    "ada",
                    "north",
                    json!([insert(
                        "a",
                        &facts.content(
                            due,
                            abandons(executes(json!([[start(), trap()]])), json!([finish(json!("empty"))]))
                        )
                    )]),
                ),
                clock(due + DAY / 2),
                take("due", 1),
                ends(run("execute", "due"), &["trap"]),
                json!({"open-handles": 0}),
                run("abandon", "due"),
                json!({"open-handles": 0}),
            ],
        ),
    ]
}
