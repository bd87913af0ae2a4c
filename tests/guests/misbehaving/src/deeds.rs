//! How each misdeed is done.

use std::hint::black_box;

use crate::imports::auth_context::{Access, Run, RunContext};
use crate::imports::exporters::{self, RightsOf};
use crate::imports::log::{self, Level};
use crate::imports::mailer::{self, Audience, Mail};
use crate::imports::manual_runs::{self, RequestError, RunRequest};
use crate::imports::schedule_store::{self as store, MissedRange, RunStart};
use crate::imports::types::{MissedReason, Outcome, Position, Problem, Recipients, RunQuery};
use crate::{DAY, FORM, Misdeed, content, export, exports, fail, is_user, number, plan, submit, value};

/// Misdeeds that need no handle. Others do nothing here.
pub(super) fn anywhere(misdeed: Misdeed) {
    match misdeed {
        Misdeed::traps => core::arch::wasm32::unreachable(),
        Misdeed::panics => {
            let words = "panic: at secret-form-data of buyer@example.com";
            log::write(Level::Error, words);
            panic!("{words}");
        }
        Misdeed::loops_for_ever => loop {
            black_box(0);
        },
        Misdeed::loops_through_imports => loop {
            log::write(Level::Debug, "again");
        },
        Misdeed::eats_memory => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            loop {
                eaten.push(black_box(vec![1; 1 << 20]));
            }
        }
        Misdeed::recurses => {
            black_box(recurse(black_box(1)));
        }
        Misdeed::floods_the_log => {
            for line in 0..10_000 {
                log::write(Level::Info, &format!("line {line} {}", "x".repeat(8_000)));
            }
        }
        Misdeed::says_too_much => log::write(Level::Info, &"x".repeat(12 << 20)),
        _ => {}
    }
}

#[allow(unconditional_recursion, reason = "that is the misdeed")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[(depth % 64) as usize]
}

/// Misdeeds of a call for a person; a report where there is one to make.
pub(super) fn in_call(misdeed: Misdeed, by: &Access, document: &str) -> String {
    anywhere(misdeed);
    match misdeed {
        Misdeed::drops_its_handle => drop(unsafe { std::ptr::read(by) }),
        Misdeed::forges_a_handle => {
            unsafe { Access::from_handle(77) }.context();
        }
        Misdeed::says_too_much => {
            let _ = store::insert(by, &content("x".repeat(12 << 20), 0));
        }
        Misdeed::stores_out_of_range => stores_out_of_range(by, value(document, "with").unwrap_or_default()),
        Misdeed::inserts_without_end => {
            let next_run = by.context().settings.now + DAY;
            let document = format!("\"{}\"", "x".repeat(60_000));
            loop {
                if store::insert(by, &content(document.clone(), next_run)).is_err() {
                    break;
                }
            }
        }
        Misdeed::reaches_for_what_is_foreign => return reaches_for_what_is_foreign(by, number(document, "with")),
        Misdeed::asks_for_runs => return asks_for_runs(by, document),
        Misdeed::answers_what_is_no_json => return "}{".into(),
        _ => {}
    }
    "{}".into()
}

/// What `list` answers after its misdeed.
pub(super) fn list(misdeed: Misdeed) -> Result<exports::schedules::Page, Problem> {
    let page = |total, document: String| exports::schedules::Page {
        total,
        documents: vec![document],
        next: None,
    };
    Ok(match misdeed {
        Misdeed::says_too_much => page(1, format!("\"{}\"", "x".repeat(12 << 20))),
        Misdeed::answers_what_is_no_json => page(1, "}{".into()),
        Misdeed::answers_absurdly => page(u64::MAX, "{}".into()),
        _ => page(1, "{}".into()),
    })
}

fn stores_out_of_range(by: &Access, what: &str) {
    let now = by.context().settings.now;
    let mut stored = content("{}".into(), now + DAY);
    match what {
        "document" => stored.document = format!("\"{}\"", "x".repeat(64 << 10)),
        "no-json" => stored.document = "}{".into(),
        "exporter" => stored.export_identifier = "x".repeat(256),
        "addresses" => stored.recipients.bcc = vec!["a@example.com".into(); 26],
        "address" => stored.recipients.cc = vec![format!("{}@example.com", "x".repeat(320))],
        "line" => stored.recipients.to = vec!["a@example.com\r\nBcc: b@example.com".into()],
        "earliest" => stored.next_run = Some(i64::MIN),
        "latest" => stored.next_run = Some(i64::MAX),
        _ => {
            // Not a trap: the number is brought down to the largest that means something.
            stored.error_counter = u32::MAX;
        }
    }
    let _ = store::insert(by, &stored);
}

/// Asks for each id in every way there is; what does not read as not there is listed, as are writes that were taken.
fn reaches_for_what_is_foreign(by: &Access, most: i64) -> String {
    let mut reached = Vec::new();
    let ids = (0..=most.unsigned_abs()).chain([u64::from(u32::MAX), i64::MAX as u64, 1 << 63, u64::MAX]);
    for id in ids {
        let mut note = |what: &str, absent: bool| {
            if !absent {
                reached.push(format!("\"{what} {id}\""));
            }
        };
        note("get", matches!(store::get(by, id), Err(store::StoreError::NotFound)));
        note(
            "runs",
            matches!(store::runs(by, id, &first()), Err(store::StoreError::NotFound)),
        );
        let foreign = content("{\"execute\":\"traps\"}".into(), by.context().settings.now);
        for version in [1, 2, u64::MAX] {
            let answer = store::update(by, id, version, &foreign, &[]);
            note(
                "update",
                matches!(answer, Err(store::StoreError::NotFound | store::StoreError::Forbidden)),
            );
        }
        for version in [None, Some(1), Some(2)] {
            let answer = store::delete(by, id, version);
            note(
                "delete",
                matches!(answer, Err(store::StoreError::NotFound | store::StoreError::Forbidden)),
            );
        }
        let available = exporters::available(by, RightsOf::OwnerOf(id), None);
        note("available", matches!(available, Err(exporters::LookupError::NotFound)));
        let usable = exporters::usable_events(by, RightsOf::OwnerOf(id), "orderlist", None);
        note("usable-events", matches!(usable, Err(exporters::LookupError::NotFound)));
    }
    let slugs: Vec<String> = [
        "sampleconf",
        "summerfest",
        "jazznight",
        "bigevents",
        "smallgigs",
        "",
        "../jazznight",
    ]
    .map(Into::into)
    .into();
    let quoted = |events: Vec<String>| {
        let events: Vec<String> = events.iter().map(|event| format!("\"{event}\"")).collect();
        events.join(",")
    };
    let visible = exporters::visible_events(by, &slugs).unwrap_or_default();
    let usable = match exporters::usable_events(by, RightsOf::Caller, "orderlist", Some(&slugs)) {
        Ok(exporters::Reach::Events(usable)) => usable,
        // With a list there is never more than the list.
        Ok(exporters::Reach::AllEvents) => vec!["all events".into()],
        Err(_) => Vec::new(),
    };
    let inserted = !is_user(by) && store::insert(by, &content("{}".into(), DAY)).is_ok();
    format!(
        r#"{{"reached":[{}],"visible":[{}],"usable":[{}],"inserted":{inserted}}}"#,
        reached.join(","),
        quoted(visible),
        quoted(usable)
    )
}

/// Asks for one run, and tells what came of it.
fn asks_for_runs(by: &Access, document: &str) -> String {
    let now = by.context().settings.now;
    let id = Some(number(document, "with").unsigned_abs());
    let answer = match value(document, "what").unwrap_or_default() {
        "now" => manual_runs::request(by, id, &RunRequest::Now),
        "none" => manual_runs::request(by, None, &RunRequest::Now),
        "rerun" => manual_runs::request(by, id, &RunRequest::Rerun(now - DAY)),
        "future" => manual_runs::request(by, id, &RunRequest::Rerun(now + 1)),
        "test" => manual_runs::request(by, id, &RunRequest::Test(None)),
        _ => {
            let mut tested = content("{\"execute\":\"mails_a_test_to_others\"}".into(), now);
            tested.recipients.to = vec!["mary@example.com".into()];
            manual_runs::request(by, None, &RunRequest::Test(Some(tested)))
        }
    };
    let answer = match answer {
        Ok(run) => format!("run {run}"),
        Err(RequestError::NotFound) => "not-found".into(),
        Err(RequestError::Forbidden) => "forbidden".into(),
        Err(RequestError::TooMany(seconds)) => format!("too-many {seconds}"),
        Err(RequestError::Unavailable(words)) => words,
    };
    format!(r#"{{"answer":"{answer}"}}"#)
}

/// Misdeeds of a run.
pub(super) fn in_run(misdeed: Misdeed, run: &Run, facts: &RunContext, document: &str) {
    let with = number(document, "with");
    let range = MissedRange {
        reason: MissedReason::Unavailable,
        first: with,
        last: number(document, "to"),
        count: number(document, "count") as u64,
    };
    let counter = facts.schedule.content.error_counter;
    let plan = plan(facts);
    let mail = export(facts);
    // Does all that comes before the misdeed as it should.
    let started = || store::start(run, &plan);
    let produced = || {
        let _ = started();
        let _ = exporters::produce(run, FORM, "en", "UTC", plan.due);
    };
    match misdeed {
        Misdeed::mails_a_test_to_others => {
            produced();
            let owner = facts.schedule.owner.as_ref().map(|owner| owner.email.clone());
            let everybody = ["mary@example.com", "sam@example.net", "stranger@example.com"].map(String::from);
            let people = |to: Vec<String>| Audience::People(Recipients {
                to,
                cc: Vec::new(),
                bcc: Vec::new(),
            });
            let together = everybody.iter().cloned().chain(owner).collect();
            let alone = everybody.iter().map(|address| vec![address.clone()]);
            for to in alone.chain([together]) {
                let audience = people(to);
                if mailer::stage(run, &Mail { audience, ..export(facts) }).is_ok() {
                    return fail(run, facts, "accepted", "a test is mailed to others");
                }
            }
            let _ = mailer::stage(run, &mail);
            let _ = store::finish(run, &Outcome::Submitted, counter, true);
        }
        Misdeed::floods_the_log => {
            anywhere(misdeed);
            submit(run, facts);
        }
        Misdeed::drops_its_handle => drop(unsafe { std::ptr::read(run) }),
        Misdeed::forges_a_handle => {
            unsafe { Run::from_handle(77) }.context();
        }
        Misdeed::returns_without_finishing => {
            let _ = started();
        }
        Misdeed::finishes_twice => {
            submit(run, facts);
            fail(run, facts, "second", "The second time.");
            let _ = started();
            let _ = exporters::produce(run, FORM, "en", "UTC", plan.due);
        }
        Misdeed::finishes_then_traps => {
            submit(run, facts);
            core::arch::wasm32::unreachable();
        }
        Misdeed::writes_to_a_stranger => {
            produced();
            let mut refused = 0;
            for stranger in [
                "stranger@example.net",
                "john@example.com.evil.test",
                "sam@example.net",
                "",
            ] {
                let to = vec![stranger.to_owned()];
                let people = Audience::People(Recipients {
                    to,
                    cc: Vec::new(),
                    bcc: Vec::new(),
                });
                let answer = mailer::stage(
                    run,
                    &Mail {
                        audience: people,
                        ..export(facts)
                    },
                );
                refused += u32::from(matches!(answer, Err(mailer::MailError::RecipientNotAllowed(_))));
            }
            fail(run, facts, "refused", &format!("{refused} of 4 were refused"));
        }
        Misdeed::injects_a_header => {
            produced();
            let mut refused = 0;
            for subject in ["a\r\nBcc: b@example.com", "a\nb", "a\0b", " ", &"x".repeat(251)] {
                let answer = mailer::stage(
                    run,
                    &Mail {
                        subject: subject.to_owned(),
                        ..export(facts)
                    },
                );
                refused += u32::from(matches!(answer, Err(mailer::MailError::BadSubject)));
            }
            fail(run, facts, "refused", &format!("{refused} of 5 were refused"));
        }
        Misdeed::starts_another_due_time => {
            let _ = store::start(
                run,
                &RunStart {
                    due: with,
                    ..plan.clone()
                },
            );
            submit(run, facts);
        }
        Misdeed::plans_out_of_range => {
            let _ = store::start(
                run,
                &RunStart {
                    next_run: Some(with),
                    ..plan.clone()
                },
            );
            submit(run, facts);
        }
        Misdeed::invents_missed_ones => {
            let _ = store::start(
                run,
                &RunStart {
                    missed: vec![range],
                    ..plan.clone()
                },
            );
            submit(run, facts);
        }
        Misdeed::misses_out_of_range => {
            let _ = started();
            let _ = store::finish(run, &Outcome::Missed(range), counter, true);
        }
        Misdeed::claims_to_be_delivered => {
            produced();
            let _ = mailer::stage(run, &mail);
            let _ = store::finish(run, &Outcome::Delivered, 0, true);
        }
        Misdeed::submits_nothing => {
            produced();
            let _ = store::finish(run, &Outcome::Submitted, counter, true);
        }
        Misdeed::sends_and_fails => {
            produced();
            let _ = mailer::stage(run, &mail);
            let _ = store::finish(
                run,
                &Outcome::Failed(("lied".into(), "It was sent.".into())),
                counter + 1,
                true,
            );
        }
        Misdeed::retries_out_of_range => {
            let _ = started();
            let _ = store::finish(run, &Outcome::Retry(with), counter, true);
        }
        Misdeed::counts_absurdly => {
            let _ = started();
            let _ = store::finish(
                run,
                &Outcome::Failed(("many".into(), "Too often.".into())),
                u32::MAX,
                true,
            );
        }
        Misdeed::fails_at_length => {
            let _ = started();
            let (code, words) = ("x".repeat(1 << 20), "€\n".repeat(1 << 18));
            let _ = store::finish(run, &Outcome::Failed((code, words)), counter + 1, true);
        }
        Misdeed::mails_at_length => {
            produced();
            let answer = mailer::stage(
                run,
                &Mail {
                    text: "x".repeat(4 << 20),
                    ..mail
                },
            );
            let refused = matches!(answer, Err(mailer::MailError::TooLarge(_)));
            fail(run, facts, "refused", &format!("{refused}"));
        }
        Misdeed::mails_in_copies => {
            produced();
            let owner = facts
                .schedule
                .owner
                .as_ref()
                .map(|owner| owner.email.clone())
                .unwrap_or_default();
            let people = Recipients {
                to: vec![owner; 100_000],
                cc: Vec::new(),
                bcc: Vec::new(),
            };
            let _ = mailer::stage(
                run,
                &Mail {
                    audience: Audience::People(people),
                    ..mail
                },
            );
            let _ = store::finish(run, &Outcome::Submitted, counter, true);
        }
        Misdeed::produces_nonsense => {
            let _ = started();
            let mut wrong = Vec::new();
            let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
            let long = format!("{{\"_format\":\"default\",\"x\":\"{}\"}}", "x".repeat(64 << 10));
            for (form, zone, now) in [
                ("}{", "UTC", plan.due),
                ("null", "UTC", plan.due),
                (deep.as_str(), "UTC", plan.due),
                (long.as_str(), "UTC", plan.due),
                (FORM, "../../etc/passwd", plan.due),
                (FORM, "", plan.due),
            ] {
                if exporters::produce(run, form, "en", zone, now).is_ok() {
                    wrong.push(form.len());
                }
            }
            // A file of the year -292277022657 is none, or one; the host goes on either way.
            for now in [i64::MIN, i64::MAX] {
                let _ = exporters::produce(run, FORM, &"en".repeat(100_000), "UTC", now);
            }
            fail(run, facts, "refused", &format!("{} were taken", wrong.len()));
        }
        Misdeed::zips_again => {
            produced();
            let made = (0..1_000).filter(|_| exporters::zip(run).is_ok()).count();
            fail(run, facts, "zipped", &format!("{made} times"));
        }
        _ => {
            anywhere(misdeed);
        }
    }
}

/// The first page of a history.
fn first() -> RunQuery {
    RunQuery {
        at: Position::Number(1),
        size: 50,
        id: None,
        state: None,
        since: None,
        until: None,
    }
}
