//! The verb and view `preview`: what a rule, a whole document, or a stored schedule with changes would do. Nothing is stored.

mod window;

use serde::Serialize;

use crate::contract::{AccessContext, Caller, Instant, Problem, Recipients, ScheduleId, ScheduleState};
use crate::form::{self, ALL_EVENTS, EVENTS};
use crate::host::Access;
use crate::language::Language;
use crate::message::Warning;
use crate::recurrence::{self, ClockNote, Occurrence, Recurrence};
use crate::rule;
use crate::run;

use self::window::Window;
use super::change::{self, ExistingSchedule, OmittedFields, OtherFields};
use super::export_data::{self, ExportData};
use super::request_body::RequestBody;
use super::reschedule::Reschedule;
use super::timestamp::UtcTimestamp;
use super::timing::{self, Timing};
use super::{permissions, problem};

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

/// The field with the maximum number of runs.
const LIMIT: &str = "limit";
/// Fields of a whole document: with one of them, all are checked.
const WHOLE: [&str; 8] = [
    export_data::EXPORTER,
    form::NAME,
    "locale",
    "mail_additional_recipients",
    "mail_additional_recipients_cc",
    "mail_additional_recipients_bcc",
    "mail_subject",
    "mail_template",
];
/// Fields of a schedule that clients send back and that are not written.
const READ_ONLY: [&str; 8] = [
    "id",
    "owner",
    "schedule_next_run",
    "timezone",
    "error_counter",
    "state",
    "paused",
    "warnings",
];

#[derive(Serialize)]
struct Preview {
    runs: Vec<PreviewRun>,
    warnings: Vec<String>,
    /// Of each warning, in that order.
    warning_codes: Vec<&'static str>,
    /// The rule in words.
    rule: String,
    /// Only of a whole document.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<PreviewRecipients>,
    /// Address of the user whose permissions the export has, null if there is none; only of a whole document.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_as: Option<Option<String>>,
}

/// To whom the mail goes, each address once.
#[derive(Serialize)]
struct PreviewRecipients {
    to: Vec<String>,
    cc: Vec<String>,
    bcc: Vec<String>,
}

#[derive(Serialize)]
struct PreviewRun {
    at: Option<UtcTimestamp>,
    /// The local time with its offset.
    local: String,
    note: &'static str,
    /// The dates that the export covers, for each date range of the form; only of a whole document.
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Vec<Window>>,
}

pub(super) fn of_document(by: &impl Access, json: &str) -> Result<String, Problem> {
    let facts = by.context();
    permissions::check_preview(&facts)?;
    let body = RequestBody::read(json, Language::of_tag(&facts.language))?;
    preview(by, &facts, body)
}

pub(super) fn of_params(by: &impl Access, params: &[(String, String)]) -> Result<String, Problem> {
    let facts = by.context();
    permissions::check_preview(&facts)?;
    preview(by, &facts, from_params(params, &facts)?)
}

pub(super) fn of_document_and_schedule(by: &impl Access, id: ScheduleId, json: &str) -> Result<String, Problem> {
    let facts = by.context();
    preview_of_schedule(by, &facts, id, super::pause::body(json, &facts))
}

pub(super) fn of_params_and_schedule(
    by: &impl Access,
    id: ScheduleId,
    params: &[(String, String)],
) -> Result<String, Problem> {
    let facts = by.context();
    preview_of_schedule(by, &facts, id, from_params(params, &facts))
}

fn from_params(params: &[(String, String)], facts: &AccessContext) -> Result<RequestBody, Problem> {
    RequestBody::of_params(params, &[LIMIT, form::NAME], Language::of_tag(&facts.language))
}

/// A new document, or only a rule.
fn preview(by: &impl Access, facts: &AccessContext, mut body: RequestBody) -> Result<String, Problem> {
    let limit = limit(&mut body);
    if !WHOLE.iter().any(|name| body.has(name)) {
        let timing = timing::read(&mut body, None, None, facts);
        let (Some(limit), Some(timing), true) = (limit, timing, body.errors.is_empty()) else {
            return Err(Problem::Invalid(body.errors));
        };
        let plan = Reschedule::from(facts.settings.now, &timing.recurrence);
        return Ok(shown(facts, &timing, &plan, limit, Vec::new(), None));
    }
    let given = body.form_names();
    let (data, fields) = change::new_fields(by, facts, &mut body)?;
    let unknown = unknown_fields(&body, given, &data);
    let plan = Reschedule::from(facts.settings.now, &fields.timing.recurrence);
    let owner = match &facts.caller {
        Caller::User(user) => Some(user.email.as_str()),
        Caller::Token | Caller::Device => None,
    };
    let whole = Whole { data, fields, owner };
    Ok(whole.shown(facts, &plan, limit.unwrap_or_default(), unknown))
}

/// A stored schedule with the given changes.
fn preview_of_schedule(
    by: &impl Access,
    facts: &AccessContext,
    id: ScheduleId,
    body: Result<RequestBody, Problem>,
) -> Result<String, Problem> {
    permissions::check_read(facts)?;
    permissions::check_preview(facts)?;
    let schedule = by
        .get(id)
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    let stored = ExistingSchedule::new(schedule, facts);
    let mut body = body?;
    let limit = limit(&mut body);
    let given = body.form_names();
    let (data, fields) = change::changed_fields(by, facts, &stored, &mut body, OmittedFields::Unchanged)?;
    let unknown = unknown_fields(&body, given, &data);
    let plan = fields.plan(&stored, facts);
    let owner = stored.schedule.owner.as_ref().map(|owner| owner.email.as_str());
    let whole = Whole { data, fields, owner };
    Ok(whole.shown(facts, &plan, limit.unwrap_or_default(), unknown))
}

/// Takes the limit out; `None` if it is invalid.
fn limit(body: &mut RequestBody) -> Option<usize> {
    let limit = body.integer(LIMIT, DEFAULT_LIMIT, 1, MAX_LIMIT)?;
    usize::try_from(limit).ok()
}

/// The fields of the body that are left, and the entries of the form that are not stored.
fn unknown_fields(body: &RequestBody, form_names: Vec<String>, data: &ExportData) -> Vec<Warning> {
    let ignored = body.names().filter(|name| !READ_ONLY.contains(name)).map(str::to_owned);
    let dropped = form_names
        .into_iter()
        .filter(|name| ![ALL_EVENTS, EVENTS].contains(&name.as_str()) && !data.form.contains_key(name))
        .map(|name| format!("{}.{name}", form::NAME));
    ignored.chain(dropped).map(Warning::UnknownField).collect()
}

/// A valid document.
struct Whole<'a> {
    data: ExportData,
    fields: OtherFields,
    /// Address.
    owner: Option<&'a str>,
}

impl Whole<'_> {
    fn recipients(&self) -> PreviewRecipients {
        let owner = self.owner.unwrap_or_default();
        let Recipients { to, cc, bcc } = run::recipients(&self.fields.recipients, owner, &[]);
        PreviewRecipients { to, cc, bcc }
    }

    fn shown(&self, facts: &AccessContext, plan: &Reschedule, limit: usize, unknown: Vec<Warning>) -> String {
        shown(facts, &self.fields.timing, plan, limit, unknown, Some(self))
    }
}

fn shown(
    facts: &AccessContext,
    timing: &Timing,
    plan: &Reschedule,
    limit: usize,
    unknown: Vec<Warning>,
    whole: Option<&Whole<'_>>,
) -> String {
    let language = Language::of_tag(&facts.language);
    let now = facts.settings.now;
    let zone = timing.timezone.as_deref().unwrap_or(&facts.settings.zone);
    let runs: Vec<Occurrence> = planned(timing, plan, now).take(limit).collect();
    let mut warnings = warnings(timing, &runs, now);
    warnings.extend((plan.state == ScheduleState::Paused(None)).then_some(Warning::Paused));
    warnings.extend(unknown);
    let windows = |run: &Occurrence| {
        let data = &whole?.data;
        let today = recurrence::local_date(run.at, recurrence::zone(zone)?);
        Some(window::of(&data.form, &data.date_ranges, today, language))
    };
    let preview = Preview {
        warnings: warnings.iter().map(|warning| warning.message(language)).collect(),
        warning_codes: warnings.iter().map(Warning::code).collect(),
        rule: rule::in_words(
            &timing.rule,
            &timing.time,
            timing.anchor,
            timing::today(zone, facts),
            language,
        )
        .unwrap_or_default(),
        runs: runs
            .iter()
            .map(|run| PreviewRun {
                windows: windows(run),
                ..shown_run(run)
            })
            .collect(),
        recipients: whole.map(Whole::recipients),
        runs_as: whole.map(|whole| whole.owner.map(str::to_owned)),
    };
    serde_json::to_string(&preview).expect("a preview has string keys only")
}

/// The next runs, from the one that the plan keeps, or else after `now` and a pause.
fn planned<'a>(timing: &'a Timing, plan: &Reschedule, now: Instant) -> impl Iterator<Item = Occurrence> + use<'a> {
    let kept = plan.next_run.filter(|_| plan.kept);
    let kept = kept.and_then(|kept| timing.recurrence.latest_until(kept));
    let after = match plan.state {
        // The first second of the end of a pause may be a due time.
        ScheduleState::Paused(Some(until)) => now.max(until.saturating_sub(1)),
        ScheduleState::Active | ScheduleState::Paused(None) | ScheduleState::Stopped => now,
    };
    kept.into_iter().chain(timing.recurrence.occurrences(after))
}

fn shown_run(occurrence: &Occurrence) -> PreviewRun {
    PreviewRun {
        at: UtcTimestamp::of(occurrence.at),
        local: local_time_with_offset(occurrence.at, occurrence.utc_offset_seconds),
        note: match occurrence.note {
            ClockNote::Plain => "plain",
            ClockNote::SkippedHour => "skipped-hour",
            ClockNote::RepeatedHour => "repeated-hour",
        },
        windows: None,
    }
}

fn warnings(timing: &Timing, runs: &[Occurrence], now: Instant) -> Vec<Warning> {
    if let Some(warning) = no_run(&timing.recurrence, now) {
        return vec![warning];
    }
    let affected = runs.iter().filter_map(|run| match run.note {
        ClockNote::Plain => None,
        ClockNote::SkippedHour => Some(Warning::SkippedHour { local: local_time(run) }),
        ClockNote::RepeatedHour => Some(Warning::RepeatedHour { local: local_time(run) }),
    });
    let until = recurrence::day_cut_by_until(&timing.rule, timing.anchor).map(|day| Warning::UntilEndsEarly { day });
    let lacking = recurrence::day_that_months_lack(&timing.rule, timing.anchor).map(|day| Warning::SkipsMonths { day });
    affected.chain(until).chain(lacking).collect()
}

/// The warning that there is no run after `now`; `None` if there is one.
pub(super) fn no_run(recurrence: &Recurrence, now: Instant) -> Option<Warning> {
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
    let wall = UtcTimestamp::of(at.saturating_add(offset.into()));
    wall.map(|wall| wall.as_str().trim_end_matches('Z').to_owned())
        .unwrap_or_default()
}

/// The local time with its offset (RFC 3339).
pub(super) fn local_time_with_offset(at: Instant, offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.unsigned_abs() / 3600, offset.unsigned_abs() / 60 % 60);
    format!("{}{sign}{hours:02}:{minutes:02}", local(at, offset))
}
