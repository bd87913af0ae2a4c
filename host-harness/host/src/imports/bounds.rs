//! Validates the guest's texts and numbers before they reach any host. Values are clamped where that is harmless; otherwise it is
//! a contract violation, which traps and so ends the call.

use super::GuestMistake;
use super::call::Work;
use crate::clock::Instant;
use crate::contract::schedule_store::RunStart;
use crate::contract::{Content, ExportError, MissedRange, Outcome};
use crate::contract::{RunKind, ScheduleState, mailer::MailKind};

/// Consecutive failures after which a schedule is paused.
pub const STOPS_AT: u32 = 5;

/// Maximum size of a document in bytes, as in `types.json`.
pub(super) const MOST_DOCUMENT: usize = 64 << 10;
/// Maximum number of addresses in each list of recipients, as in `types.recipients`.
const MOST_ADDRESSES: usize = 25;
/// Maximum length of an address in bytes (RFC 5321, 4.5.3.1: 64 and 255 around the `@`).
const LONGEST_ADDRESS: usize = 320;
/// Maximum length of an exporter's identifier, in bytes.
const LONGEST_IDENTIFIER: usize = 255;
/// Maximum length of a failure's code, in bytes.
const LONGEST_CODE: usize = 64;
/// Maximum length of an outcome's text, in bytes.
const LONGEST_WORDS: usize = 4 << 10;
/// Maximum number of ranges of missed due times per call.
const MOST_RANGES: usize = 16;
/// Maximum number of staged changes per call.
const MOST_CHANGES: usize = 100;
/// Maximum number of event slugs in one lookup: more than a document holds.
const MOST_SLUGS: usize = 1 << 14;
/// Maximum number of rows of a page.
const MOST_ROWS: u32 = 50;
/// Maximum postponement of a run, in seconds.
const LONGEST_RETRY: i64 = 86_400;
/// 9999-12-31T23:59:59Z: the last instant whose year has four digits.
const LAST: Instant = 253_402_300_799;

fn mistake(words: impl Into<String>) -> GuestMistake {
    GuestMistake(words.into())
}

/// The text on one line, cut to at most `most` bytes at a character boundary.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

/// Clamps the number of rows of a page.
pub(super) fn page_size(size: u32) -> u32 {
    size.clamp(1, MOST_ROWS)
}

/// Form data of an export.
pub(super) fn form(form: &str) -> Result<(), ExportError> {
    match form.len() > MOST_DOCUMENT {
        true => Err(ExportError::InvalidFormData("form data too large".into())),
        false => Ok(()),
    }
}

/// Slugs in one question.
pub(super) fn slugs(slugs: &[String]) -> Result<(), GuestMistake> {
    if slugs.len() > MOST_SLUGS {
        return Err(mistake(format!("too many event slugs in one call: {}", slugs.len())));
    }
    Ok(())
}

/// Schedules in one question.
pub(super) fn ids(ids: &[u64]) -> Result<(), GuestMistake> {
    if ids.len() > MOST_ROWS as usize {
        return Err(mistake(format!("too many schedules in one call: {}", ids.len())));
    }
    Ok(())
}

/// Checks that the call can stage one more change after `staged` ones.
pub(super) fn one_more(staged: usize) -> Result<(), GuestMistake> {
    if staged >= MOST_CHANGES {
        return Err(mistake("too many staged changes in one call"));
    }
    Ok(())
}

/// Checks the instant of a next run.
pub(crate) fn instant(at: Instant) -> Result<Instant, String> {
    if (0..=LAST).contains(&at) {
        Ok(at)
    } else {
        Err(format!("next-run {at} is out of range"))
    }
}

/// Checks the content of a schedule, and clamps its error counter.
pub(super) fn content(mut content: Content) -> Result<Content, GuestMistake> {
    if content.document.len() > MOST_DOCUMENT {
        let bytes = content.document.len();
        return Err(mistake(format!("document too large: {bytes} bytes")));
    }
    if content.export_identifier.len() > LONGEST_IDENTIFIER {
        return Err(mistake("exporter identifier too long"));
    }
    let recipients = &content.recipients;
    for list in [&recipients.to, &recipients.cc, &recipients.bcc] {
        if list.len() > MOST_ADDRESSES {
            return Err(mistake(format!("too many addresses in one list: {}", list.len())));
        }
        if list
            .iter()
            .any(|one| one.len() > LONGEST_ADDRESS || one.chars().any(char::is_control))
        {
            return Err(mistake("invalid recipient address"));
        }
    }
    if let Some(next_run) = content.next_run {
        instant(next_run).map_err(mistake)?;
    }
    if let ScheduleState::Paused(Some(until)) = content.state {
        instant(until).map_err(mistake)?;
        if content.next_run.is_some_and(|next_run| next_run < until) {
            return Err(mistake("next-run is before the end of the pause"));
        }
    }
    content.error_counter = content.error_counter.min(STOPS_AT);
    Ok(content)
}

/// Checks the due times that a change drops: all are past at `now`, and none is the next run.
pub(super) fn given_up(missed: &[MissedRange], next_run: Option<Instant>, now: Instant) -> Result<(), GuestMistake> {
    if missed.iter().any(|range| range.last > now) {
        return Err(mistake("missed range contains future due times"));
    }
    let planned = |range: &MissedRange| next_run.is_some_and(|next| (range.first..=range.last).contains(&next));
    if missed.iter().any(planned) {
        return Err(mistake("missed range contains the new next-run"));
    }
    ranges(missed)
}

fn ranges(missed: &[MissedRange]) -> Result<(), GuestMistake> {
    if missed.len() > MOST_RANGES {
        return Err(mistake(format!("too many missed ranges: {}", missed.len())));
    }
    if missed.windows(2).any(|pair| pair[0].last >= pair[1].first) {
        return Err(mistake("missed ranges overlap or are out of order"));
    }
    missed.iter().try_for_each(range)
}

fn range(missed: &MissedRange) -> Result<(), GuestMistake> {
    let seconds = missed
        .last
        .checked_sub(missed.first)
        .and_then(|long| u64::try_from(long).ok());
    let possible = seconds.is_some_and(|seconds| (1..=seconds.saturating_add(1)).contains(&missed.count));
    if missed.first < 0 || !possible {
        let MissedRange { first, last, count, .. } = missed;
        return Err(mistake(format!(
            "invalid missed range: {count} due times from {first} to {last}"
        )));
    }
    Ok(())
}

/// Checks how a run starts: `planned` is the schedule's next run, `pinned` the due time of an earlier attempt.
pub(super) fn plan(
    plan: &RunStart,
    planned: Option<Instant>,
    pinned: Option<Instant>,
    kind: RunKind,
    now: Instant,
) -> Result<(), GuestMistake> {
    if kind != RunKind::Scheduled && (plan.next_run.is_some() || !plan.missed.is_empty()) {
        return Err(mistake("a run that a person asked for cannot change the plan"));
    }
    // If the clock has moved back since the lease, the planned due time can still be in the future.
    let due =
        pinned.is_some() || planned == Some(plan.due) || planned.is_some_and(|from| (from..=now).contains(&plan.due));
    if !due {
        return Err(mistake(format!("start with due time {}, which is not due", plan.due)));
    }
    if let Some(next) = plan.next_run {
        instant(next).map_err(mistake)?;
        // When a run starts for the first time, the next one must be in the future: otherwise a schedule could be due forever.
        if next <= plan.due || pinned.is_none() && next <= now {
            return Err(mistake(format!("next-run {next} is in the past")));
        }
    }
    if plan.missed.iter().any(|range| range.last >= plan.due) {
        return Err(mistake("missed range is not before the run's due time"));
    }
    ranges(&plan.missed)
}

/// Checks that the outcome is valid for the call that ends the run and for the staged mail.
pub(super) fn outcome(
    outcome: Outcome,
    work: Work,
    due: Instant,
    staged: Option<MailKind>,
    now: Instant,
) -> Result<Outcome, GuestMistake> {
    let fits = match (&outcome, work) {
        (Outcome::Delivered, Work::Settle { taken }) => taken,
        (Outcome::Failed(_), Work::Settle { taken }) => !taken,
        (Outcome::Delivered, Work::Execute) | (_, Work::Settle { .. }) => false,
        (_, Work::Execute) => true,
    };
    if !fits {
        return Err(mistake("outcome not allowed for this call"));
    }
    if (staged == Some(MailKind::Export)) != (outcome == Outcome::Submitted) {
        return Err(mistake(
            "outcome `submitted` requires a staged export mail, and no other outcome allows one",
        ));
    }
    Ok(match outcome {
        Outcome::Failed((code, words)) => Outcome::Failed((cut(&code, LONGEST_CODE), cut(&words, LONGEST_WORDS))),
        Outcome::Cancelled(words) => Outcome::Cancelled(cut(&words, LONGEST_WORDS)),
        Outcome::Retry(at) => {
            let latest = now.saturating_add(LONGEST_RETRY);
            Outcome::Retry(at.clamp(now, due.max(latest)))
        }
        Outcome::Missed(missed) => {
            range(&missed)?;
            if due != missed.last {
                return Err(mistake("outcome `missed` must end with the run's own due time"));
            }
            Outcome::Missed(missed)
        }
        Outcome::Submitted | Outcome::Delivered | Outcome::Empty => outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{MissedReason, Recipients};

    const NOW: Instant = 1_800_000_000;

    fn stored() -> Content {
        Content {
            export_identifier: "orderlist".into(),
            recipients: Recipients {
                to: vec!["a@example.com".into(); MOST_ADDRESSES],
                cc: Vec::new(),
                bcc: Vec::new(),
            },
            next_run: Some(LAST),
            state: ScheduleState::Active,
            error_counter: 0,
            document: "x".repeat(MOST_DOCUMENT),
        }
    }

    const SETTLE: Work = Work::Settle { taken: true };

    fn missed(first: Instant, last: Instant, count: u64) -> MissedRange {
        MissedRange {
            reason: MissedReason::Unavailable,
            first,
            last,
            count,
        }
    }

    #[test]
    fn content_is_held_to_its_limits_and_not_below_them() {
        assert_eq!(content(stored()).expect("all at their limits"), stored());
        type Change = fn(&mut Content);
        let past: [Change; 7] = [
            |one| one.document.push('x'),
            |one| one.export_identifier = "x".repeat(LONGEST_IDENTIFIER + 1),
            |one| one.recipients.to.push("a@example.com".into()),
            |one| one.recipients.cc.push("x".repeat(LONGEST_ADDRESS + 1)),
            |one| one.recipients.bcc.push("a@example.com\r\nX: y".into()),
            |one| one.next_run = Some(LAST + 1),
            |one| one.next_run = Some(-1),
        ];
        for (place, change) in past.iter().enumerate() {
            let mut one = stored();
            change(&mut one);
            assert!(content(one).is_err(), "{place}");
        }
    }

    #[test]
    fn an_absurd_error_counter_is_brought_down_to_the_one_that_stops() {
        for (given, kept) in [(4, 4), (5, 5), (6, 5), (u32::MAX, 5)] {
            let one = Content {
                error_counter: given,
                ..stored()
            };
            assert_eq!(content(one).expect("clamped").error_counter, kept);
        }
    }

    #[test]
    fn a_run_opens_with_what_was_due_and_goes_on_later() {
        let opened = |due, next_run, pinned| {
            let opening = RunStart {
                due,
                missed: Vec::new(),
                next_run,
            };
            plan(&opening, Some(NOW - 100), pinned, RunKind::Scheduled, NOW).is_ok()
        };
        assert!(opened(NOW - 100, Some(NOW + 1), None) && opened(NOW, None, None));
        assert!(!opened(NOW - 101, None, None) && !opened(NOW + 1, None, None));
        assert!(!opened(i64::MIN, None, None) && !opened(i64::MAX, None, None));
        assert!(!opened(NOW, Some(NOW), None) && !opened(NOW - 100, Some(NOW), None));
        assert!(!opened(NOW, Some(i64::MIN), None) && !opened(NOW, Some(i64::MAX), None));
        // A later attempt: the next one may have passed meanwhile.
        assert!(opened(NOW - 200, Some(NOW - 100), Some(NOW - 200)));
        assert!(!opened(NOW - 200, Some(NOW - 200), Some(NOW - 200)));
        // A clock that went back.
        let early = RunStart {
            due: NOW + 500,
            missed: Vec::new(),
            next_run: Some(NOW + 600),
        };
        assert!(plan(&early, Some(NOW + 500), None, RunKind::Scheduled, NOW).is_ok());
    }

    #[test]
    fn missed_due_times_are_at_least_one_and_at_most_one_a_second() {
        for (one, possible) in [
            (missed(10, 10, 1), true),
            (missed(10, 19, 10), true),
            (missed(10, 19, 11), false),
            (missed(10, 10, 0), false),
            (missed(11, 10, 1), false),
            (missed(i64::MIN, i64::MAX, 1), false),
            (missed(0, i64::MAX, u64::MAX), false),
        ] {
            assert_eq!(range(&one).is_ok(), possible, "{one:?}");
        }
        assert!(given_up(&[missed(10, NOW, 1)], None, NOW).is_ok());
        assert!(given_up(&[missed(10, NOW + 1, 1)], None, NOW).is_err());
        let opening = |last| RunStart {
            due: NOW,
            missed: vec![missed(10, last, 1)],
            next_run: None,
        };
        assert!(plan(&opening(NOW - 1), Some(NOW), None, RunKind::Scheduled, NOW).is_ok());
        assert!(plan(&opening(NOW), Some(NOW), None, RunKind::Scheduled, NOW).is_err());
    }

    #[test]
    fn ranges_of_missed_due_times_are_few_in_order_and_apart() {
        let many = |count: i64| (0..count).map(|at| missed(at, at, 1)).collect::<Vec<_>>();
        let most = i64::try_from(MOST_RANGES).expect("few");
        assert!(given_up(&many(most), None, NOW).is_ok());
        assert!(given_up(&many(most + 1), None, NOW).is_err());
        assert!(given_up(&[missed(10, 20, 2), missed(21, 30, 2)], None, NOW).is_ok());
        assert!(given_up(&[missed(10, 20, 2), missed(20, 30, 2)], None, NOW).is_err());
        assert!(given_up(&[missed(21, 30, 2), missed(10, 20, 2)], None, NOW).is_err());
        // What is kept lies between them.
        let around = [missed(10, 20, 2), missed(22, 30, 2)];
        assert!(given_up(&around, Some(21), NOW).is_ok());
        assert!(given_up(&around, Some(20), NOW).is_err() && given_up(&around, Some(22), NOW).is_err());
        let opening = RunStart {
            due: NOW,
            missed: vec![missed(21, 30, 2), missed(10, 20, 2)],
            next_run: None,
        };
        assert!(plan(&opening, Some(NOW), None, RunKind::Scheduled, NOW).is_err());
    }

    #[test]
    fn an_outcome_fits_the_call_and_the_mail() {
        let failed = || Outcome::Failed(("code".into(), "words".into()));
        let ends = |given, work, staged| outcome(given, work, NOW, staged, NOW).is_ok();
        assert!(ends(Outcome::Submitted, Work::Execute, Some(MailKind::Export)));
        assert!(!ends(Outcome::Submitted, Work::Execute, None));
        assert!(!ends(Outcome::Submitted, Work::Execute, Some(MailKind::Failure)));
        assert!(!ends(failed(), Work::Execute, Some(MailKind::Export)));
        assert!(ends(failed(), Work::Execute, Some(MailKind::Failure)) && !ends(failed(), SETTLE, None));
        assert!(ends(Outcome::Delivered, SETTLE, None) && !ends(Outcome::Delivered, Work::Execute, None));
        let refused = Work::Settle { taken: false };
        assert!(ends(failed(), refused, None) && !ends(Outcome::Delivered, refused, None));
        for given in [Outcome::Empty, Outcome::Retry(NOW), Outcome::Cancelled(String::new())] {
            assert!(ends(given.clone(), Work::Execute, None) && !ends(given, SETTLE, None));
        }
        assert!(ends(Outcome::Missed(missed(10, NOW, 2)), Work::Execute, None));
        assert!(!ends(Outcome::Missed(missed(10, NOW - 1, 2)), Work::Execute, None));
    }

    #[test]
    fn a_postponement_is_between_now_and_tomorrow_or_the_due_time() {
        let retried = |at, due| outcome(Outcome::Retry(at), Work::Execute, due, None, NOW).expect("clamped");
        assert_eq!(retried(i64::MIN, NOW), Outcome::Retry(NOW));
        assert_eq!(retried(NOW - 1, NOW), Outcome::Retry(NOW));
        assert_eq!(retried(NOW + 1, NOW), Outcome::Retry(NOW + 1));
        assert_eq!(retried(i64::MAX, NOW), Outcome::Retry(NOW + LONGEST_RETRY));
        assert_eq!(retried(i64::MAX, NOW + 1_000_000), Outcome::Retry(NOW + 1_000_000));
    }

    #[test]
    fn words_are_cut_at_a_character() {
        let long = Outcome::Failed(("x".repeat(1 << 20), "€\n".repeat(1 << 18)));
        let Ok(Outcome::Failed((code, words))) = outcome(long, Work::Execute, NOW, None, NOW) else {
            panic!("it is cut");
        };
        assert_eq!((code.len(), words.len()), (LONGEST_CODE, LONGEST_WORDS));
        assert!(!words.contains('\n'));
    }
}
