//! Who may be written to, and what is sent when.

use serde_json::{Value, json};

use crate::script::{
    Check, Facts, HOUR, T0, abandons, call, check, clock, compare, deliver, executes, failed, finish, history, insert,
    run, stage_export, start, switch_off, take, with,
};
use crate::world::{NARROW_MAIL, address};

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let due = T0 + HOUR;
    let stage = |more: Value| with(json!({"do": "stage", "kind": "export", "subject": "the export"}), more);
    let refused = |addresses: Value| json!({"answers": {"error": "recipient-not-allowed", "with": addresses}});
    let to = |addresses: Value, document: Value| {
        let mut content = facts.content(due, document);
        content["recipients"]["to"] = addresses;
        content
    };
    let sent = |by: &str, at: &str, mails: Value| [deliver(&[]), call(by, at, json!([compare("$mails", mails)]))];
    let submitted = finish(json!("submitted"));
    vec![
        check(
            "mail-goes-to-owner-and-stored-recipients-only",
            "A plugin with a bug must reach no address that was not chosen: others are rejected by name, and nothing is staged \
             for them.",
            {
                let document = executes(json!([[
                    start(),
                    with(
                        stage(json!({"to": ["stranger@example.com", "$owner"]})),
                        refused(json!(["stranger@example.com"]))
                    ),
                    with(stage(json!({"cc": [address("ben")]})), refused(json!([address("ben")]))),
                    with(
                        stage(json!({"bcc": ["stored@example.com.evil.example"]})),
                        refused(json!(["stored@example.com.evil.example"]))
                    ),
                    with(stage(json!({"to": []})), json!({"answers": "no-recipient"})),
                    stage(json!({"to": ["stored@example.com"], "cc": ["$owner"]})),
                    submitted,
                ]]));
                let mut steps = vec![
                    call(
                        "ada",
                        "north",
                        json!([insert("a", &to(json!(["stored@example.com"]), document))]),
                    ),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                ];
                steps.extend(sent("ada", "north", json!({"$length": 2})));
                steps.push(call(
                    "ada",
                    "north",
                    json!([compare(
                        "$mails",
                        json!({"$has": [
                            {"to": "stored@example.com"}, {"to": address("ada")},
                        ]})
                    )]),
                ));
                steps
            },
        ),
        check(
            "mail-keeps-to-the-organizers-rules",
            "Domains and size are the organizer's, and enforced when the mail is staged, whatever was stored before.",
            {
                let document = executes(json!([[
                    start(),
                    with(
                        stage(json!({"to": ["x@elsewhere.example"]})),
                        refused(json!(["x@elsewhere.example"]))
                    ),
                    with(
                        stage(json!({"to": ["$owner"], "bytes": NARROW_MAIL})),
                        json!({"answers": {"error": "too-large", "with": {"$above": NARROW_MAIL}}})
                    ),
                    with(
                        stage(json!({"to": ["$owner"], "attach": true})),
                        json!({"answers": "no-file"})
                    ),
                    with(
                        stage(json!({"to": ["$owner"], "subject": "two\nlines"})),
                        json!({"answers": "bad-subject"})
                    ),
                    with(
                        stage(json!({"to": ["$owner"], "subject": " "})),
                        json!({"answers": "bad-subject"})
                    ),
                    with(
                        stage(json!({"to": ["$owner"], "subject": "x".repeat(251)})),
                        json!({"answers": "bad-subject"})
                    ),
                    stage(json!({"to": ["$owner"], "subject": "x".repeat(250)})),
                    stage(json!({"to": ["y@example.com"], "subject": "the last one staged"})),
                    submitted,
                ]]));
                let mut steps = vec![
                    call(
                        "eve",
                        "narrow",
                        json!([insert(
                            "a",
                            &to(json!(["x@elsewhere.example", "y@example.com"]), document)
                        )]),
                    ),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                ];
                steps.extend(sent(
                    "eve",
                    "narrow",
                    json!([{"to": "y@example.com", "subject": "the last one staged"}]),
                ));
                steps
            },
        ),
        check(
            "each-address-gets-one-message",
            "An address gets the mail once, in whatever lists and case it is written; and once it is final, not again.",
            {
                let document = executes(json!([[
                    start(),
                    facts.produce(),
                    stage(
                        json!({"to": ["x@example.com", "y@example.com"], "cc": ["X@example.com"],
                        "bcc": ["y@example.com", "$owner"], "attach": true})
                    ),
                    submitted,
                ]]));
                let mut content = to(json!(["x@example.com"]), document);
                content["recipients"]["bcc"] = json!(["y@example.com"]);
                let mut steps = vec![
                    call("ada", "north", json!([insert("a", &content)])),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                ];
                steps.extend(sent("ada", "north", json!({"$length": 3})));
                steps.push(call("ada", "north", json!([
                    compare("$mails", json!({"$has": [
                        {"to": "x@example.com", "attached": true}, {"to": "y@example.com"}, {"to": address("ada")},
                    ]})),
                    compare("$mails.1.message-id", json!("$mails.0.message-id")),
                    compare("$mails.2.message-id", json!("$mails.0.message-id")),
                ])));
                steps.extend(sent("ada", "north", json!([])));
                steps
            },
        ),
        check(
            "a-mail-leaves-with-the-finish-that-submits-it",
            "A staged mail is dropped with a run that did not submit it, and leaves after the commit that did, not before.",
            {
                let document = abandons(
                    executes(json!([[start(), stage_export()]])),
                    json!([finish(failed("abandoned"))]),
                );
                let mut steps = vec![
                    call("ada", "north", json!([insert("a", &facts.content(due, document))])),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                ];
                steps.extend(sent("ada", "north", json!([])));
                steps.push(run("abandon", "due"));
                steps.extend(sent("ada", "north", json!([])));
                let document = executes(json!([[start(), stage_export(), submitted]]));
                steps.push(call(
                    "ada",
                    "north",
                    json!([insert("b", &facts.content(due, document))]),
                ));
                steps.extend([take("next", 1), run("execute", "next")]);
                steps.push(call(
                    "ada",
                    "north",
                    json!([history(
                        "b",
                        json!([
                            {"due": due, "outcome": "submitted", "ended": null,
                             "deliveries": [{"address": address("ada"), "status": "queued"}]},
                        ])
                    )]),
                ));
                steps.extend(sent(
                    "ada",
                    "north",
                    json!([{"to": address("ada"), "subject": "the export"}]),
                ));
                steps
            },
        ),
        check(
            "a-due-time-has-one-mail-of-a-kind",
            "Attempts at one due time stage the same mail again: users receive it once.",
            {
                let failure = json!({"do": "stage", "kind": "failure", "responsible": true, "subject": "it failed"});
                let document = executes(json!([
                    [start(), failure, {"do": "finish", "outcome": {"retry": due + 120}}],
                    [start(), failure, finish(failed("again"))],
                ]));
                let mut steps = vec![
                    call("ada", "north", json!([insert("a", &facts.content(due, document))])),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                ];
                steps.extend(sent(
                    "ada",
                    "north",
                    json!([{"to": address("ada"), "subject": "it failed"}]),
                ));
                steps.extend([clock(due + 120), take("again", 1), run("execute", "again")]);
                steps.extend(sent("ada", "north", json!([])));
                steps
            },
        ),
        check(
            "without-an-active-owner-others-are-responsible",
            "Mail about a run whose owner is deactivated goes to active users who can change settings there, and not to the \
             owner.",
            {
                let failure = json!({"do": "stage", "kind": "failure", "responsible": true, "subject": "it failed"});
                let document = executes(json!([[start(), failure, finish(failed("owner"))]]));
                let mut steps = vec![
                    call("ada", "north", json!([insert("a", &facts.content(due, document))])),
                    switch_off("ada"),
                    clock(due),
                    take("due", 1),
                    run("execute", "due"),
                ];
                steps.extend(sent(
                    "cleo",
                    "north",
                    json!([{"to": address("cleo"), "subject": "it failed"}]),
                ));
                steps
            },
        ),
    ]
}
