//! Arbitrary facts: nothing panics, and a run that was opened ends.

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::contract::{
    AbandonReason, Delivery, DeliveryStatus, ExportError, Instant, Outcome, OwnerRight, Recipients, RunContext,
    ScheduleState,
};
use crate::document::Document;
use crate::run::fake::{DAY, Fake, MONDAY, facts, file, outage};
use crate::run::{abandon, execute, settle};

fn instant() -> impl Strategy<Value = Instant> {
    prop_oneof![
        4 => MONDAY - 400 * DAY..MONDAY + 400 * DAY,
        2 => (-300_i64..300).prop_map(|days| MONDAY + days * DAY),
        1 => any::<i64>(),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0)],
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // No `@`: the fake would mistake it for an address in the log.
        "[^@]{0,20}".prop_map(Value::from),
        prop::sample::select(crate::named_range::NAMED_RANGES.as_slice()).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn document() -> impl Strategy<Value = String> {
    let rules = prop_oneof![
        Just("DTSTART:20230118T000000\nRRULE:FREQ=DAILY".to_owned()),
        Just("RRULE:FREQ=DAILY;COUNT=3".to_owned()),
        Just("RRULE:FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=7".to_owned()),
        ".{0,20}",
    ];
    let form = prop::collection::btree_map("[a-d]", json(), 0..5);
    let keys = prop::collection::vec("[a-e]", 0..4);
    let valid = (
        form,
        keys,
        rules,
        ".{0,300}",
        prop::option::of("(Europe/Berlin|Pacific/Apia|Nowhere)"),
    )
        .prop_map(|(form, date_ranges, rule, subject, timezone)| {
            let mut document = Document::read(&facts().schedule.content.document).expect("readable");
            document.form = form.into_iter().collect::<Map<String, Value>>();
            (document.date_ranges, document.rule, document.subject) = (date_ranges, rule, subject);
            document.timezone = timezone;
            document.to_text()
        });
    prop_oneof![6 => valid, 1 => ".{0,40}", 1 => json().prop_map(|json| json.to_string())]
}

fn any_facts() -> impl Strategy<Value = RunContext> {
    let right = prop::sample::select(vec![
        OwnerRight::Yes,
        OwnerRight::Yes,
        OwnerRight::Inactive,
        OwnerRight::Gone,
        OwnerRight::NotAllowed,
    ]);
    let addresses = || prop::collection::vec("[abA]@[xy]", 0..4);
    let people = (addresses(), addresses(), addresses()).prop_map(|(to, cc, bcc)| Recipients { to, cc, bcc });
    let times = (
        instant(),
        prop::option::of(instant()),
        prop::option::of(instant()),
        any::<bool>(),
    );
    (
        times,
        document(),
        right,
        people,
        (0_u32..9, any::<u32>(), prop::bool::weighted(0.9), any::<bool>()),
    )
        .prop_map(
            |((now, due, next_run, shared), document, right, people, (attempt, counter, active, owner))| {
                let mut facts = facts();
                facts.settings.now = now;
                facts.due = due;
                facts.attempt = attempt;
                facts.owner_right = right;
                let content = &mut facts.schedule.content;
                content.next_run = if shared { Some(now) } else { next_run };
                (content.document, content.recipients) = (document, people);
                content.error_counter = counter;
                content.state = state_of(active);
                if !owner {
                    facts.schedule.owner = None;
                }
                facts
            },
        )
}

fn export() -> impl Strategy<Value = Result<u64, ExportError>> {
    prop_oneof![
        4 => prop_oneof![0_u64..100_000_000, any::<u64>()].prop_map(Ok),
        1 => Just(Err(ExportError::NothingToExport)),
        1 => Just(Err(ExportError::NotAllowed)),
        1 => "[^@]*".prop_map(|why| Err(ExportError::InvalidFormData(why))),
        1 => "[^@]*".prop_map(|why| Err(ExportError::Failed(why))),
        1 => "[^@]*".prop_map(|why| Err(ExportError::Unavailable(outage(&why)))),
        1 => Just(Err(ExportError::LeaseLost)),
    ]
}

fn status() -> impl Strategy<Value = DeliveryStatus> {
    use DeliveryStatus::{Accepted, Cancelled, Queued, Rejected, Retrying};
    prop::sample::select(vec![Accepted, Queued, Rejected, Retrying, Cancelled])
}

fn fake() -> impl Strategy<Value = Fake> {
    (
        any_facts(),
        export(),
        export(),
        prop::collection::vec("[abA]@[xy]", 0..3),
    )
        .prop_map(|(facts, produced, zipped, barred)| {
            let mut run = Fake::with(facts);
            run.produced = produced.map(file);
            run.zipped = zipped.map(file);
            run.barred = barred;
            run
        })
}

/// A failed run increments the counter, up to five, and pauses the schedule there. Other runs leave counter and state unchanged,
/// except for a delivered one of an active schedule.
fn counts(run: &Fake) -> Result<(), TestCaseError> {
    let content = &run.facts.schedule.content;
    match run.end() {
        Some((Outcome::Failed(_), counter, active)) => {
            prop_assert_eq!(counter, content.error_counter.saturating_add(1).min(5));
            prop_assert_eq!(active, content.state == ScheduleState::Active && counter < 5);
        }
        Some((Outcome::Delivered, counter, active)) if content.state == ScheduleState::Active => {
            prop_assert_eq!((counter, active), (0, true))
        }
        Some((_, counter, active)) => prop_assert_eq!(
            (counter, active),
            (content.error_counter, content.state == ScheduleState::Active)
        ),
        None => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn an_executed_run_that_was_opened_ends_unless_its_lease_is_lost(run in fake()) {
        execute(&run);
        let lost = [&run.produced, &run.zipped].iter().any(|made| matches!(made, Err(ExportError::LeaseLost)));
        let due = run.facts.due.or(run.facts.schedule.content.next_run);
        prop_assert_eq!(run.plan().is_some(), due.is_some());
        if !lost {
            prop_assert_eq!(run.end().is_some(), due.is_some());
        }
        counts(&run)?;
    }

    #[test]
    fn an_abandoned_run_ends(run in fake(), reason in 0..4, words in ".*") {
        abandon(&run, match reason {
            0 => AbandonReason::Trapped(words),
            1 => AbandonReason::DeadlineExceeded,
            2 => AbandonReason::OutOfMemory,
            _ => AbandonReason::Unfinished,
        });
        prop_assert_eq!(run.end().is_some(), run.facts.due.or(run.facts.schedule.content.next_run).is_some());
        counts(&run)?;
    }

    #[test]
    fn a_submitted_run_ends(run in fake(), words in prop::collection::vec((status(), ".*"), 0..5)) {
        let deliveries: Vec<Delivery> = words
            .into_iter()
            .map(|(status, words)| Delivery { address: "a@x".into(), status, response: words })
            .collect();
        if run.facts.due.is_none() {
            return Ok(()); // nothing was submitted
        }
        settle(&run, &deliveries);
        prop_assert!(run.end().is_some());
        counts(&run)?;
    }
}

fn state_of(active: bool) -> ScheduleState {
    if active {
        ScheduleState::Active
    } else {
        ScheduleState::Stopped
    }
}
