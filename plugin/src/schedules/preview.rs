//! The verb and view `preview`: the next runs of a rule that is not stored.

use chrono::DateTime;
use serde::Serialize;

use crate::contract::{AccessContext, Instant, Problem};
use crate::language::Language;
use crate::message::Warning;
use crate::recurrence::{ClockNote, Occurrence, Recurrence};

use super::request_body::RequestBody;
use super::timestamp::UtcTimestamp;
use super::{permissions, timing};

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

#[derive(Serialize)]
struct Preview {
    runs: Vec<PreviewRun>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct PreviewRun {
    at: Option<UtcTimestamp>,
    /// The local time with its offset.
    local: String,
    note: &'static str,
}

pub(super) fn of_document(facts: &AccessContext, json: &str) -> Result<String, Problem> {
    permissions::check_preview(facts)?;
    preview(facts, RequestBody::read(json, Language::of_tag(&facts.language))?)
}

pub(super) fn of_params(facts: &AccessContext, params: &[(String, String)]) -> Result<String, Problem> {
    permissions::check_preview(facts)?;
    preview(
        facts,
        RequestBody::of_params(params, &["limit"], Language::of_tag(&facts.language))?,
    )
}

fn preview(facts: &AccessContext, mut body: RequestBody) -> Result<String, Problem> {
    let language = body.language;
    let limit = body.integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT);
    let timing = timing::read(&mut body, None, None, facts);
    let (Some(limit), Some(timing), true) = (limit, timing, body.errors.is_empty()) else {
        return Err(Problem::Invalid(body.errors));
    };
    let limit = usize::try_from(limit).unwrap_or_default();
    let now = facts.settings.now;
    let runs: Vec<Occurrence> = timing.recurrence.occurrences(now).take(limit).collect();
    let preview = Preview {
        warnings: warnings(&timing.recurrence, &runs, now, language),
        runs: runs.iter().map(run).collect(),
    };
    Ok(serde_json::to_string(&preview).expect("a preview has string keys only"))
}

fn run(occurrence: &Occurrence) -> PreviewRun {
    PreviewRun {
        at: UtcTimestamp::of(occurrence.at),
        local: local_time_with_offset(occurrence.at, occurrence.utc_offset_seconds),
        note: match occurrence.note {
            ClockNote::Plain => "plain",
            ClockNote::SkippedHour => "skipped-hour",
            ClockNote::RepeatedHour => "repeated-hour",
        },
    }
}

fn warnings(recurrence: &Recurrence, runs: &[Occurrence], now: i64, language: Language) -> Vec<String> {
    if let Some(warning) = no_run(recurrence, now) {
        return vec![warning.message(language)];
    }
    let affected = runs.iter().filter_map(|run| match run.note {
        ClockNote::Plain => None,
        ClockNote::SkippedHour => Some(Warning::SkippedHour { local: local_time(run) }),
        ClockNote::RepeatedHour => Some(Warning::RepeatedHour { local: local_time(run) }),
    });
    affected.map(|warning| warning.message(language)).collect()
}

/// The warning that there is no run after `now`; `None` if there is one.
pub(super) fn no_run(recurrence: &Recurrence, now: i64) -> Option<Warning> {
    if recurrence.next_after(now).is_some() {
        return None;
    }
    Some(match recurrence.latest_until(now) {
        None => Warning::NeverMatches,
        Some(last) => Warning::NoneLeft {
            last: local_time_with_offset(last.at, last.utc_offset_seconds),
        },
    })
}

/// The local time of an occurrence as `YYYY-MM-DDTHH:MM:SS`.
fn local_time(occurrence: &Occurrence) -> String {
    local(occurrence.at, occurrence.utc_offset_seconds)
}

fn local(at: Instant, offset: i32) -> String {
    DateTime::from_timestamp(at + i64::from(offset), 0)
        .map(|wall| wall.naive_utc().format("%Y-%m-%dT%H:%M:%S").to_string())
        .unwrap_or_default()
}

/// The local time with its offset (RFC 3339).
pub(super) fn local_time_with_offset(at: Instant, offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.unsigned_abs() / 3600, offset.unsigned_abs() / 60 % 60);
    format!("{}{sign}{hours:02}:{minutes:02}", local(at, offset))
}
