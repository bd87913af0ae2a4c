//! An owner is told of what others do to a schedule.

use serde_json::{Value, json};

use crate::script::{
    Check, Facts, HOUR, T0, call, check, clock, compare, deliver, ends, insert, refuse, remove, switch_off, update,
    with,
};
use crate::world::address;

/// Within so many seconds a notice is sent.
const QUARTER: i64 = 15 * 60;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let one = facts.content(T0 + 12 * HOUR, json!({"n": 1}));
    let two = facts.content(T0 + 13 * HOUR, json!({"n": 2}));
    let answers = |import: Value, word: &str| with(import, json!({"answers": word}));
    let notice =
        |name: &str, subject: &str| json!({"do": "notify-owner", "id": format!("${name}.id"), "subject": subject});
    let take_over = json!({"do": "take-over", "id": "$a.id", "version": "$a.version", "content": one, "keep": "a"});
    let delete = json!({"do": "delete", "id": "$a.id", "version": null});
    let sent = |mails: Value| call("cleo", "north", json!([compare("$mails", mails)]));
    vec![
        check(
            "an-owner-is-told-when-others-change-a-schedule",
            "The notice goes to the user who owned the schedule before the call, with the commit of the call that changed it, \
             took it over or deleted it. No user is notified of their own changes, nor of a change that was not made.",
            vec![
                call(
                    "ada",
                    "north",
                    json!([insert("a", &one), answers(notice("a", "It is her own"), "no-recipient")]),
                ),
                call(
                    "ada",
                    "north",
                    json!([update("a", &two), answers(notice("a", "It is her own"), "no-recipient")]),
                ),
                call(
                    "cleo",
                    "north",
                    json!([answers(notice("a", "Nothing was changed"), "no-recipient")]),
                ),
                ends(
                    call(
                        "cleo",
                        "north",
                        json!([update("a", &one), notice("a", "Dropped with its call"), refuse()]),
                    ),
                    &["refused"],
                ),
                // Read again: what was kept of it by the call before was never stored.
                call("ada", "north", json!([{"do": "get", "id": "$a.id", "keep": "a"}])),
                clock(T0 + QUARTER),
                deliver(&[]),
                sent(json!([])),
                call(
                    "cleo",
                    "north",
                    json!([
                        update("a", &one),
                        answers(notice("a", "Two\nlines"), "bad-subject"),
                        answers(notice("a", "  "), "bad-subject"),
                        notice("a", "The first"),
                        notice("a", "The second takes its place"),
                    ]),
                ),
                clock(T0 + 2 * QUARTER),
                deliver(&[]),
                sent(json!([{"to": address("ada"), "subject": "The second takes its place"}])),
                call(
                    "token",
                    "north",
                    json!([update("a", &two), notice("a", "By a program")]),
                ),
                clock(T0 + 3 * QUARTER),
                deliver(&[]),
                sent(json!([{"to": address("ada"), "subject": "By a program"}])),
                call("cleo", "north", json!([take_over, notice("a", "Taken over")])),
                call(
                    "cleo",
                    "north",
                    json!([update("a", &two), answers(notice("a", "Hers by now"), "no-recipient")]),
                ),
                clock(T0 + 4 * QUARTER),
                deliver(&[]),
                sent(json!([{"to": address("ada"), "subject": "Taken over"}])),
                call("ada", "north", json!([delete, notice("a", "Deleted")])),
                clock(T0 + 5 * QUARTER),
                deliver(&[]),
                sent(json!([{"to": address("cleo"), "subject": "Deleted"}])),
                deliver(&[]),
                sent(json!([])),
            ],
        ),
        check(
            "what-an-owner-is-told-within-a-quarter-of-an-hour-is-one-mail",
            "An editor with many changes must not flood an owner: at most one mail about other users' changes in 15 minutes.",
            vec![
                call("ada", "north", json!([insert("a", &one), insert("b", &one)])),
                call("cleo", "north", json!([update("a", &two), notice("a", "One")])),
                clock(T0 + QUARTER / 2),
                call("cleo", "north", json!([update("b", &two), notice("b", "Two")])),
                call("token", "north", json!([update("a", &one), notice("a", "Three")])),
                clock(T0 + QUARTER),
                deliver(&[]),
                sent(json!([{"to": address("ada")}])),
                clock(T0 + 2 * QUARTER),
                deliver(&[]),
                sent(json!([])),
                call("cleo", "north", json!([update("b", &one), notice("b", "Four")])),
                clock(T0 + 3 * QUARTER),
                deliver(&[]),
                sent(json!([{"to": address("ada"), "subject": "Four"}])),
            ],
        ),
        check(
            "an-owner-who-is-inactive-or-gone-is-not-told",
            "A deactivated account gets no mail, and neither does the address of a deleted user.",
            vec![
                call("ada", "north/spring", json!([insert("a", &one)])),
                call("ben", "north/spring", json!([insert("b", &one)])),
                switch_off("ada"),
                remove("ben"),
                call(
                    "cleo",
                    "north/spring",
                    json!([
                        update("a", &two),
                        answers(notice("a", "Changed"), "no-recipient"),
                        update("b", &two),
                        answers(notice("b", "Changed"), "no-recipient"),
                    ]),
                ),
                clock(T0 + QUARTER),
                deliver(&[]),
                sent(json!([])),
            ],
        ),
    ]
}
