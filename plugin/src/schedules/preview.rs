//! The next runs of a rule that is not stored, for people who are choosing one.

use chrono::DateTime;
use serde::Serialize;

use crate::contract::{AccessFacts, Problem};
use crate::language::Language;
use crate::message::Warning;
use crate::recurrence::{ClockNote, Occurrence, Timetable};

use super::body::Body;
use super::instant::Utc;
use super::{rights, when};

const LIMIT: i64 = 10;
const HIGHEST_LIMIT: i64 = 100;

#[derive(Serialize)]
struct Preview {
    runs: Vec<Run>,
    /// For people.
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Run {
    at: Option<Utc>,
    /// The wall clock, with the offset it is read with.
    local: String,
    note: &'static str,
}

pub(super) fn of_document(facts: &AccessFacts, json: &str) -> Result<String, Problem> {
    rights::previews(facts)?;
    answer(facts, Body::read(json, Language::of_tag(&facts.language))?)
}

pub(super) fn of_params(facts: &AccessFacts, params: &[(String, String)]) -> Result<String, Problem> {
    rights::previews(facts)?;
    answer(
        facts,
        Body::of_params(params, &["limit"], Language::of_tag(&facts.language))?,
    )
}

fn answer(facts: &AccessFacts, mut body: Body) -> Result<String, Problem> {
    let language = body.language;
    let limit = body.integer("limit", LIMIT, 1, HIGHEST_LIMIT);
    let when = when::read(&mut body, None, None, facts);
    let (Some(limit), Some(when), true) = (limit, when, body.errors.is_empty()) else {
        return Err(Problem::Invalid(body.errors));
    };
    let limit = usize::try_from(limit).unwrap_or_default();
    let now = facts.settings.now;
    let runs: Vec<Occurrence> = when.timetable.occurrences(now).take(limit).collect();
    let preview = Preview {
        warnings: warnings(&when.timetable, &runs, now, language),
        runs: runs.iter().map(run).collect(),
    };
    Ok(serde_json::to_string(&preview).expect("a preview has string keys only"))
}

fn run(occurrence: &Occurrence) -> Run {
    Run {
        at: Utc::of(occurrence.at),
        local: local(occurrence),
        note: match occurrence.note {
            ClockNote::Plain => "plain",
            ClockNote::SkippedHour => "skipped-hour",
            ClockNote::RepeatedHour => "repeated-hour",
        },
    }
}

fn warnings(timetable: &Timetable, runs: &[Occurrence], now: i64, language: Language) -> Vec<String> {
    if let Some(warning) = no_run(timetable, now) {
        return vec![warning.message(language)];
    }
    let affected = runs.iter().filter_map(|run| match run.note {
        ClockNote::Plain => None,
        ClockNote::SkippedHour => Some(Warning::SkippedHour { local: wall(run) }),
        ClockNote::RepeatedHour => Some(Warning::RepeatedHour { local: wall(run) }),
    });
    affected.map(|warning| warning.message(language)).collect()
}

/// Why there is no run after `now`; none: there is one.
pub(super) fn no_run(timetable: &Timetable, now: i64) -> Option<Warning> {
    if timetable.next_after(now).is_some() {
        return None;
    }
    Some(match timetable.latest_until(now) {
        None => Warning::NeverMatches,
        Some(last) => Warning::NoneLeft { last: local(&last) },
    })
}

/// `YYYY-MM-DDTHH:MM:SS` on the wall clock.
fn wall(occurrence: &Occurrence) -> String {
    DateTime::from_timestamp(occurrence.at + i64::from(occurrence.utc_offset_seconds), 0)
        .map(|wall| wall.naive_utc().format("%Y-%m-%dT%H:%M:%S").to_string())
        .unwrap_or_default()
}

/// The wall clock with its offset, RFC 3339.
fn local(occurrence: &Occurrence) -> String {
    let offset = occurrence.utc_offset_seconds;
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.unsigned_abs() / 3600, offset.unsigned_abs() / 60 % 60);
    format!("{}{sign}{hours:02}:{minutes:02}", wall(occurrence))
}
