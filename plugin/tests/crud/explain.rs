//! The view `explain`.

use plugin::contract::{
    Caller, Delivery, DeliveryStatus, MissedRange, MissedReason, Outcome, Problem, RunKind, ScheduleState, User,
};
use plugin::host::Access;
use plugin::schedules;
use serde_json::{Value, json};

use crate::host::{Host, at, run, user};
use crate::views::view;
use crate::{create, errors, forbidden, patch, shown, with, with_form};

/// With a schedule of each day at 06:00 in Berlin, since the 1st; it is 14 October 2026, 10:00.
fn host() -> Host {
    let host = Host::organizer();
    let rule = "DTSTART:20261001T000000\nRRULE:FREQ=DAILY";
    shown(create(&host.owner(), &with(json!({ "schedule_rrule": rule }))));
    host
}

fn explain(by: &impl Access) -> Value {
    view(by, Some(1), "explain", &[]).expect("an explanation")
}

/// What became of a due time: its outcome and the sentence.
fn due(by: &impl Access, due: &str) -> (String, String) {
    let explained = view(by, Some(1), "explain", &[("due", due)]).expect("an explanation");
    let text = |name: &str| explained["due"][name].as_str().expect("a text").to_owned();
    (text("outcome"), text("sentence"))
}

const FAILED: fn() -> Option<Outcome> = || {
    Some(Outcome::Failed((
        "mail-too-large".to_owned(),
        "The email is too large.".to_owned(),
    )))
};

#[test]
fn each_state_has_its_sentence_since_when_and_the_verb_that_helps() {
    type Set = fn(&Host);
    let rows: &[(Set, &str, Value, &str, Value)] = &[
        (
            |_| {},
            "waiting",
            json!(null),
            "The next run is on Thursday, 15 October 2026, 06:00 (Europe/Berlin, UTC+02:00).",
            json!(null),
        ),
        (
            |host| host.edit(1, |row| row.content.next_run = Some(at("2026-10-14T06:00:00+02:00"))),
            "waiting",
            json!(null),
            "The run on Wednesday, 14 October 2026, 06:00 (Europe/Berlin, UTC+02:00) is due; it starts as soon as possible.",
            json!(null),
        ),
        (
            |host| host.runs.borrow_mut().push(run("2026-10-14T06:00:00+02:00", None)),
            "running",
            json!("2026-10-14T04:00:01Z"),
            "The run for Wednesday, 14 October 2026, 06:00 (Europe/Berlin, UTC+02:00) has been in progress since \
             Wednesday, 14 October 2026, 06:00:01 (Europe/Berlin, UTC+02:00).",
            json!(null),
        ),
        (
            |host| {
                let retry = Outcome::Retry(at("2026-10-14T10:02:00+02:00"));
                host.runs
                    .borrow_mut()
                    .push(run("2026-10-14T06:00:00+02:00", Some(retry)));
            },
            "retrying",
            json!("2026-10-14T04:00:01Z"),
            "The run for Wednesday, 14 October 2026, 06:00 (Europe/Berlin, UTC+02:00) could not be completed; it is retried on \
             Wednesday, 14 October 2026, 10:02 (Europe/Berlin, UTC+02:00).",
            json!(null),
        ),
        (
            |host| {
                let body = r#"{"reason": "Break", "until": "2026-10-20"}"#;
                schedules::act(&host.owner(), Some(1), "pause", body).expect("paused");
            },
            "paused",
            json!("2026-10-14T08:00:00Z"),
            "Paused until Tuesday, 20 October 2026, 00:00 (Europe/Berlin, UTC+02:00) (by owner@example.org, \
             Wednesday, 14 October 2026, 10:00 (Europe/Berlin, UTC+02:00)). Reason: “Break”",
            json!("resume"),
        ),
        (
            |host| {
                schedules::act(&host.seat(Caller::Token, true), Some(1), "pause", "{}").expect("paused");
            },
            "paused",
            json!("2026-10-14T08:00:00Z"),
            "Paused until a user resumes it (by a program with an API token, \
             Wednesday, 14 October 2026, 10:00 (Europe/Berlin, UTC+02:00)).",
            json!("resume"),
        ),
        (
            |host| host.edit(1, |row| row.content.state = ScheduleState::Paused(None)),
            "paused",
            json!(null),
            "It does not run until a user resumes it.",
            json!("resume"),
        ),
        (
            |host| {
                host.edit(1, |row| {
                    (row.content.state, row.content.error_counter) = (ScheduleState::Stopped, 5)
                });
                host.runs.borrow_mut().push(run("2026-10-14T06:00:00+02:00", FAILED()));
            },
            "stopped",
            json!("2026-10-14T04:00:09Z"),
            "Stopped after 5 consecutive failures, until a user resumes it. Reason: The email is too large.",
            json!("resume"),
        ),
        (
            |host| {
                let over = json!({"schedule_rrule": "DTSTART:20261001T000000\nRRULE:FREQ=DAILY;COUNT=3"});
                shown(patch(&host.owner(), 1, &over));
            },
            "finished",
            json!("2026-10-03T04:00:00Z"),
            "Finished: the recurrence rule has no further runs; the last one was on \
             Saturday, 3 October 2026, 06:00 (Europe/Berlin, UTC+02:00).",
            json!("change"),
        ),
        (
            |host| {
                _ = shown(patch(
                    &host.owner(),
                    1,
                    &json!({"schedule_rrule": "FREQ=DAILY;COUNT=0"}),
                ))
            },
            "never",
            json!(null),
            "This rule never matches any date, so the export never runs.",
            json!("change"),
        ),
        (
            |host| host.edit(1, |row| row.owner = None),
            "owner-lost",
            json!(null),
            "The owner's account no longer exists. Its runs fail until a user who can export this data takes it over.",
            json!("take_over"),
        ),
        (
            |host| {
                host.edit(1, |row| {
                    row.owner = Some(User {
                        active: false,
                        ..user("owner")
                    });
                });
            },
            "owner-lost",
            json!(null),
            "The owner's account is deactivated. Its runs fail until a user who can export this data takes it over.",
            json!("take_over"),
        ),
        (
            |host| host.forbid("owner", "orders"),
            "owner-lost",
            json!(null),
            "The owner is no longer allowed to export this data, or the exporter no longer exists. \
             Its runs fail until a user who can export this data takes it over.",
            json!("take_over"),
        ),
        (
            |host| {
                host.forbid("owner", "orders");
                host.forbid("editor", "orders");
            },
            "exporter-gone",
            json!(null),
            "The exporter “orders” no longer exists here. Its runs fail until another one is chosen.",
            json!("change"),
        ),
    ];
    for (set, state, since, sentence, help) in rows {
        let host = host();
        set(&host);
        let explained = explain(&host.editor());
        assert_eq!(explained["state"], *state, "{explained}");
        assert_eq!(explained["sentence"], *sentence);
        assert_eq!((&explained["since"], &explained["help"]), (since, help), "{sentence}");
        assert_eq!(explained["codes"][0], *state);
        let german = explain(&host.editor().in_german());
        assert_ne!(german["sentence"], explained["sentence"]);
        assert_eq!(german["codes"], explained["codes"]);
    }
}

#[test]
fn the_codes_are_all_that_is_known_and_the_last_run_has_its_sentence() {
    let host = host();
    host.edit(1, |row| {
        (row.content.state, row.content.error_counter) = (ScheduleState::Stopped, 5)
    });
    host.edit(1, |row| row.owner = None);
    host.runs.borrow_mut().push(run("2026-10-14T06:00:00+02:00", FAILED()));
    let explained = explain(&host.editor());
    assert_eq!(
        explained["codes"],
        json!(["owner-lost", "stopped", "owner-gone", "mail-too-large"])
    );
    assert_eq!(explained["last_run"]["sentence"], "It failed: The email is too large.");
    assert_eq!(explained["last_run"]["id"], 812);
    assert_eq!((&explained["next_run"], explained.get("due")), (&json!(null), None));
    host.edit(1, |row| row.content.document = "?".to_owned());
    assert_eq!(explain(&host.editor())["codes"][4], "schedule-unreadable");
}

#[test]
fn a_due_time_is_explained_from_the_history_with_each_recipients_reply() {
    let host = host();
    let delivery = |address: &str, status, response: &str| Delivery {
        address: address.to_owned(),
        status,
        response: response.to_owned(),
    };
    let mut delivered = run("2026-10-13T06:00:00+02:00", Some(Outcome::Delivered));
    delivered.deliveries = vec![
        delivery("a@x.org", DeliveryStatus::Accepted, "250 ok"),
        delivery("b@x.org", DeliveryStatus::Rejected, "550 no such user"),
        delivery("c@x.org", DeliveryStatus::Queued, ""),
    ];
    let range = |first: &str, last: &str, count, reason| {
        let range = MissedRange {
            first: at(first),
            last: at(last),
            count,
            reason,
        };
        run(last, Some(Outcome::Missed(range)))
    };
    let mut again = run("2026-10-13T06:00:00+02:00", Some(Outcome::Empty));
    again.kind = RunKind::Rerun;
    *host.runs.borrow_mut() = vec![
        again,
        delivered,
        range(
            "2026-10-09T06:00:00+02:00",
            "2026-10-11T06:00:00+02:00",
            3,
            MissedReason::Unavailable,
        ),
        range(
            "2026-10-07T06:00:00+02:00",
            "2026-10-07T06:00:00+02:00",
            1,
            MissedReason::Paused,
        ),
    ];
    let explained = view(&host.owner(), Some(1), "explain", &[("due", "2026-10-13T04:00:00Z")]).expect("one");
    let due_time = &explained["due"];
    assert_eq!(
        (&due_time["outcome"], &due_time["sentence"]),
        (
            &json!("delivered"),
            &json!("The email was accepted by the mail servers of 1 of 3 recipients.")
        )
    );
    let sentences: Vec<_> = due_time["runs"][1]["recipients"]
        .as_array()
        .expect("recipients")
        .iter()
        .map(|recipient| recipient["sentence"].as_str().expect("a sentence"))
        .collect();
    assert_eq!(
        sentences,
        [
            "The recipient's mail server accepted the email: “250 ok”",
            "The recipient's mail server rejected the email: “550 no such user”",
            "The email has not been sent to this recipient yet.",
        ]
    );
    assert_eq!(due_time["runs"][0]["kind"], "rerun");

    let of = |given: &str| due(&host.owner(), given);
    let (outcome, sentence) = of("2026-10-10T04:00:00Z");
    assert_eq!(outcome, "missed");
    assert!(
        sentence.starts_with("It was missed: the system could not run it in time. This applies to 3 runs, from"),
        "{sentence}"
    );
    assert_eq!(
        of("2026-10-07T04:00:00Z"),
        (
            "missed".to_owned(),
            "It was missed: the scheduled export was paused.".to_owned()
        )
    );
    for (given, outcome) in [
        ("2026-10-08T04:00:00Z", "not-recorded"),
        ("2026-10-12T04:00:00Z", "not-recorded"),
        ("2026-10-12T04:00:01Z", "never-due"),
        ("2026-09-12T04:00:00Z", "never-due"),
        ("2026-10-15T04:00:00Z", "planned"),
        ("2026-10-16T04:00:00Z", "planned"),
    ] {
        assert_eq!(of(given).0, outcome, "{given}");
    }
}

#[test]
fn a_due_time_within_a_pause_or_of_a_stopped_schedule_is_explained_by_it() {
    let host = host();
    schedules::act(&host.owner(), Some(1), "pause", r#"{"until": "2026-10-20"}"#).expect("paused");
    let then = || host.owner().at("2026-10-16T10:00:00+02:00");
    for (given, outcome) in [
        ("2026-10-14T04:00:00Z", "not-recorded"),
        ("2026-10-15T04:00:00Z", "paused"),
        ("2026-10-17T04:00:00Z", "paused"),
        ("2026-10-20T04:00:00Z", "planned"),
    ] {
        assert_eq!(due(&then(), given).0, outcome, "{given}");
    }
    assert_ne!(
        due(&then(), "2026-10-15T04:00:00Z").1,
        due(&then(), "2026-10-17T04:00:00Z").1
    );
    host.edit(1, |row| row.content.state = ScheduleState::Stopped);
    assert_eq!(due(&then(), "2026-10-17T04:00:00Z").0, "not-planned");
    let wrong = view(&host.owner(), Some(1), "explain", &[("due", "2026-10-17")]);
    assert_eq!(errors(wrong), ["due: invalid-date-time"]);
}

/// What a caller is told that they can do, and the reason against it.
fn allowed(by: &impl Access) -> Vec<(String, Option<String>)> {
    let explained = explain(by);
    let actions = explained["actions"].as_array().expect("actions").iter();
    let why = |action: &Value| action["why"].as_str().map(str::to_owned);
    actions
        .inspect(|action| assert_eq!(action["allowed"], json!(why(action).is_none())))
        .map(|action| (action["verb"].as_str().expect("a verb").to_owned(), why(action)))
        .collect()
}

/// The reason that the verb itself answers.
fn refused(by: &impl Access, verb: &str) -> Option<String> {
    let acted = match verb {
        "change" => schedules::patch(by, 1, "{}", None).map(|_| ()),
        "delete" => schedules::delete(by, 1, None),
        verb => schedules::act(by, Some(1), verb, "{}").map(|_| ()),
    };
    match acted {
        Ok(()) => None,
        Err(Problem::Forbidden(why)) => Some(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_is_allowed_is_what_the_verbs_allow_with_the_same_reason() {
    for selection in [json!({"all_events": true}), json!({"events": ["conf"]})] {
        for permitted in [Some(&["conf"][..]), Some(&["fest"]), Some(&["*"]), None] {
            let host = || {
                let host = Host::organizer();
                shown(create(&host.owner(), &with_form(selection.clone())));
                for who in ["editor", "token"] {
                    match permitted {
                        Some(&["*"]) => host.allow_all(who, "orders"),
                        Some(events) => host.allow(who, "orders", events),
                        None => host.forbid(who, "orders"),
                    }
                }
                host
            };
            let seats: [fn(&Host) -> crate::host::Seat<'_>; 6] = [
                |host| host.owner(),
                |host| host.owner().reading_only(),
                |host| host.editor(),
                |host| host.editor().in_german(),
                |host| host.editor().reading_only(),
                |host| host.seat(Caller::Token, true),
            ];
            for seat in seats {
                let told = allowed(&seat(&host()));
                assert_eq!(told.len(), 7);
                for (verb, why) in told {
                    let host = host();
                    let by = seat(&host);
                    let states = [
                        "It is neither paused nor stopped.",
                        "You already own it.",
                        "Er ist weder pausiert noch angehalten.",
                    ];
                    if why.as_deref().is_some_and(|why| states.contains(&why)) {
                        assert_eq!(refused(&by, &verb), None, "{verb} changes nothing");
                        assert_eq!(host.row(1).version, 1);
                    } else {
                        assert_eq!(refused(&by, &verb), why, "{verb} {selection} {permitted:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn whoever_sees_a_schedule_may_ask_why_it_does_what_it_does() {
    let host = host();
    assert!(view(&host.owner().reading_only(), Some(1), "explain", &[]).is_ok());
    assert!(view(&host.seat(Caller::Device, true), Some(1), "explain", &[]).is_ok());
    assert!(forbidden(view(
        &host.seat(Caller::Token, false),
        Some(1),
        "explain",
        &[]
    )));
    assert_eq!(
        view(&host.user("stranger"), Some(1), "explain", &[]),
        Err(Problem::NotFound)
    );
    assert_eq!(view(&host.owner(), None, "explain", &[]), Err(Problem::NotFound));
}
