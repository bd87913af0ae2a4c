//! The view `explain`: what a schedule does, why, and what can be done about it.

use serde::Serialize;

use crate::contract::{
    AccessContext, Instant, Outcome, Position, Problem, RightsOf, RunEntry, RunKind, RunQuery, RunState, Schedule,
    ScheduleId, ScheduleState, StateKind,
};
use crate::host::Access;
use crate::language::Language;
use crate::message::ValidationError;
use crate::notice::{Reason, one_line, plain, zoned_time};
use crate::text;

use super::actions::{self, Action, DataPermissions};
use super::change::ExistingSchedule;
use super::history::{self, HistoryItem};
use super::manual::{self, DUE};
use super::request_body::RequestBody;
use super::status::{Lost, Status};
use super::timestamp::{self, UtcTimestamp};
use super::{permissions, problem, resource};

/// Maximum number of characters of a failure's reason.
const MAX_REASON_LEN: usize = 500;

#[derive(Serialize)]
struct Explanation<'a> {
    state: &'static str,
    /// When that began; null if it is not recorded.
    since: Option<UtcTimestamp>,
    sentence: String,
    /// All that is to be known, for programs: the state, and why runs fail or the last one did.
    codes: Vec<&'a str>,
    /// The latest run that was due; null if there was none.
    last_run: Option<HistoryItem<'a>>,
    next_run: Option<UtcTimestamp>,
    /// In words, in the zone of the schedule.
    next_run_local: Option<String>,
    /// The verb that helps; null if nothing has to be done.
    help: Option<&'static str>,
    actions: Vec<Action>,
    /// Only if it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueTime<'a>>,
}

/// What became of a due time.
#[derive(Serialize)]
struct DueTime<'a> {
    due: Option<UtcTimestamp>,
    outcome: &'static str,
    sentence: String,
    /// The run at that due time, and those that users requested for it.
    runs: Vec<HistoryItem<'a>>,
}

/// # Errors
/// As for [`super::get`]; `Invalid` if `due` is not a date-time.
pub(super) fn explain(by: &impl Access, id: ScheduleId, params: &[(String, String)]) -> Result<String, Problem> {
    let facts = by.context();
    let language = Language::of_tag(&facts.language);
    permissions::check_read(&facts)?;
    let schedule = by.get(id).map_err(|error| problem(error, language))?;
    let mut body = RequestBody::of_params(params, &[], language)?;
    let due = body.optional_text(DUE, None).flatten().and_then(|given| {
        let due = timestamp::read(&given);
        if due.is_none() {
            body.add_error(DUE, &ValidationError::InvalidDateTime(given));
        }
        due
    });
    if !body.errors.is_empty() {
        return Err(Problem::Invalid(body.errors));
    }
    let stored = ExistingSchedule::new(schedule, &facts);
    let latest = by.latest_runs(&[id]).map_err(|error| problem(error, language))?;
    let latest = latest.into_iter().next().flatten();
    let exporters = actions::exporters(by, Some(&stored.schedule.content.export_identifier))?;
    let rows = [(&stored.schedule, &stored.selection)];
    let data = DataPermissions::of(by, &facts, exporters, rows.into_iter())?;
    let lost = lost(by, &stored.schedule, &data)?;
    let runs = due.map(|due| runs_at(by, id, due, language)).transpose()?;
    let explainer = Explainer {
        stored: &stored,
        latest: latest.as_ref(),
        zone: stored.zone(&facts),
        now: facts.settings.now,
        language,
    };
    let recurrence = stored.previous_recurrence().recurrence;
    let status = Status::of(
        &stored.schedule,
        latest.as_ref(),
        lost,
        || Some(recurrence?.latest_until(facts.settings.now)?.at),
        facts.settings.now,
    );
    let next_run = resource::next_run(&stored.schedule.content);
    let explanation = Explanation {
        state: status.name(),
        since: explainer.since(status).and_then(UtcTimestamp::of),
        sentence: explainer.sentence(status),
        codes: explainer.codes(status, lost),
        last_run: latest
            .as_ref()
            .map(|run| history::explained(run, explainer.zone, language)),
        next_run: next_run.and_then(UtcTimestamp::of),
        next_run_local: next_run.map(|next| zoned_time(next, explainer.zone, language)),
        help: status.help(),
        actions: actions::actions(&facts, &stored.schedule, &stored.selection, &data),
        due: due.zip(runs.as_deref()).map(|(due, runs)| explainer.due(due, runs)),
    };
    Ok(serde_json::to_string(&explanation).expect("an explanation has string keys only"))
}

/// Why the runs fail. An exporter that neither owner nor caller can run counts as gone.
fn lost(by: &impl Access, schedule: &Schedule, data: &DataPermissions) -> Result<Option<Lost>, Problem> {
    if let Some(lost) = Lost::of_owner(schedule) {
        return Ok(Some(lost));
    }
    let identifier = &schedule.content.export_identifier;
    let permitted = permissions::exporter(by, RightsOf::OwnerOf(schedule.id), identifier)?;
    Ok(match (permitted, data.exporter(identifier)) {
        (Some(_), _) => None,
        (None, Some(_)) => Some(Lost::OwnerNotPermitted),
        (None, None) => Some(Lost::ExporterGone),
    })
}

/// The runs at a due time. If none was due then: the entry of the missed range that has it.
fn runs_at(by: &impl Access, id: ScheduleId, due: Instant, language: Language) -> Result<Vec<RunEntry>, Problem> {
    let runs = |query: &RunQuery| by.runs(id, query).map_err(|error| problem(error, language));
    let mut rows = runs(&manual::at(due))?.rows;
    if rows.iter().all(|run| run.kind != RunKind::Scheduled) {
        // A range stands at its last due time: the one to look at is the earliest of those that end later.
        let missed = |page| RunQuery {
            since: Some(due),
            state: Some(RunState::Missed),
            ..RunQuery::page(Position::Number(page), 1)
        };
        let total = u32::try_from(runs(&missed(1))?.total).unwrap_or(u32::MAX);
        if total > 0 {
            let earliest = runs(&missed(total))?.rows;
            let has_it = |run: &RunEntry| matches!(&run.outcome, Some(Outcome::Missed(range)) if range.first <= due);
            rows.extend(earliest.into_iter().filter(has_it));
        }
    }
    Ok(rows)
}

struct Explainer<'a> {
    stored: &'a ExistingSchedule,
    latest: Option<&'a RunEntry>,
    zone: &'a str,
    now: Instant,
    language: Language,
}

impl<'a> Explainer<'a> {
    fn time(&self, at: Instant) -> String {
        zoned_time(at, self.zone, self.language)
    }

    fn since(&self, status: Status) -> Option<Instant> {
        match status {
            Status::Running { started, .. } => Some(started),
            Status::Retrying { .. } => self.latest.and_then(|run| run.started),
            Status::Paused => self.stored.pause().map(|pause| pause.since),
            Status::Finished(last) => Some(last),
            Status::Stopped | Status::Waiting(_) => self.latest.and_then(|run| run.ended),
            Status::Lost(_) | Status::Never => None,
        }
    }

    fn sentence(&self, status: Status) -> String {
        let language = self.language;
        match status {
            Status::Running { due, started } => text::explain_running(language, &self.time(due), &self.time(started)),
            Status::Retrying { due, at } => text::explain_retrying(language, &self.time(due), &self.time(at)),
            Status::Paused => self.paused(),
            Status::Lost(Lost::ExporterGone) => {
                let identifier = one_line(&self.stored.schedule.content.export_identifier, 100);
                text::explain_exporter_gone(language, &text::quoted(language, &identifier))
            }
            Status::Lost(lost) => {
                let reason = match lost {
                    Lost::OwnerGone => Reason::OwnerGone,
                    Lost::OwnerInactive => Reason::OwnerInactive,
                    Lost::OwnerNotPermitted | Lost::ExporterGone => Reason::OwnerNotAllowed,
                };
                text::explain_owner_lost(language, &reason.message(language))
            }
            Status::Stopped => {
                let stopped = text::explain_stopped(language, self.stored.schedule.content.error_counter);
                self.because(
                    stopped,
                    self.last_failure().map(|(_, reason)| one_line(reason, MAX_REASON_LEN)),
                )
            }
            Status::Finished(last) => text::explain_finished(language, &self.time(last)),
            Status::Never if self.stored.previous_recurrence().recurrence.is_none() => {
                Reason::Unreadable.message(language)
            }
            Status::Never => text::warning_never_matches(language).to_owned(),
            Status::Waiting(next) if next <= self.now => text::explain_due(language, &self.time(next)),
            Status::Waiting(next) => text::explain_waiting(language, &self.time(next)),
        }
    }

    fn because(&self, sentence: String, reason: Option<String>) -> String {
        match reason {
            Some(reason) => format!("{sentence} {}", text::mail_reason(self.language, &reason)),
            None => sentence,
        }
    }

    fn paused(&self) -> String {
        let language = self.language;
        let until = match self.stored.schedule.content.state {
            ScheduleState::Paused(until) => until.map(|until| self.time(until)),
            ScheduleState::Active | ScheduleState::Stopped => None,
        };
        let Some(pause) = self.stored.pause() else {
            return match until {
                Some(until) => text::paused_until(language, &until),
                None => text::paused_open(language).to_owned(),
            };
        };
        let who = match &pause.by {
            Some(address) => one_line(address, 320),
            None => text::explain_program(language).to_owned(),
        };
        let since = self.time(pause.since);
        let sentence = match until {
            Some(until) => text::explain_paused_until(language, &since, &until, &who),
            None => text::explain_paused_open(language, &since, &who),
        };
        let reason = pause.reason.as_ref();
        self.because(sentence, reason.map(|reason| text::quoted(language, &plain(reason))))
    }

    /// Code and reason of the latest run, if it failed.
    fn last_failure(&self) -> Option<(&'a str, &'a str)> {
        match &self.latest?.outcome {
            Some(Outcome::Failed((code, reason))) => Some((code, reason)),
            _ => None,
        }
    }

    fn codes(&self, status: Status, lost: Option<Lost>) -> Vec<&'a str> {
        let state = self.stored.schedule.content.state.at(self.now);
        let mut codes = vec![status.name()];
        codes.extend((state != StateKind::Active).then(|| resource::state_name(state)));
        codes.extend(lost.map(Lost::code));
        codes.extend(self.last_failure().map(|(code, _)| code));
        if self.stored.previous_recurrence().recurrence.is_none() {
            codes.push(Reason::Unreadable.code());
        }
        let mut seen = Vec::new();
        codes.retain(|code| {
            let new = !seen.contains(code);
            seen.push(code);
            new
        });
        codes
    }

    fn due(&self, due: Instant, runs: &'a [RunEntry]) -> DueTime<'a> {
        let language = self.language;
        let time = self.time(due);
        let items: Vec<HistoryItem<'a>> = runs
            .iter()
            .map(|run| history::explained(run, self.zone, language))
            .collect();
        let main = runs.iter().zip(&items).find(|(run, _)| run.kind == RunKind::Scheduled);
        let (outcome, sentence) = match main {
            Some((_, item)) => (item.outcome, item.sentence.clone().unwrap_or_default()),
            None => self.without_run(due, &time),
        };
        DueTime {
            due: UtcTimestamp::of(due),
            outcome,
            sentence,
            runs: items,
        }
    }

    /// Why there is no run in the history at this due time.
    fn without_run(&self, due: Instant, time: &str) -> (&'static str, String) {
        let language = self.language;
        let content = &self.stored.schedule.content;
        let planned = resource::next_run(content);
        if planned == Some(due) {
            return match due <= self.now {
                true => ("due", text::due_passed(language, time)),
                false => ("planned", text::due_planned(language, time)),
            };
        }
        let recurrence = self.stored.previous_recurrence().recurrence;
        if !recurrence.is_some_and(|recurrence| recurrence.contains(due)) {
            return ("never-due", text::due_never(language, time));
        }
        if due <= self.now {
            let paused = content.state.at(self.now) == StateKind::Paused;
            let since = self.stored.pause().map(|pause| pause.recorded);
            return match paused && since.is_some_and(|since| due > since) {
                true => ("paused", text::due_paused(language, time)),
                false => ("not-recorded", text::due_not_recorded(language, time)),
            };
        }
        match content.state {
            ScheduleState::Paused(until) if until.is_none_or(|until| due < until) => {
                ("paused", text::due_paused_then(language, time))
            }
            _ if planned.is_some_and(|planned| due > planned) => ("planned", text::due_planned(language, time)),
            _ => ("not-planned", text::due_not_planned(language, time)),
        }
    }
}

impl ExistingSchedule {
    /// IANA name of the schedule's zone.
    pub(super) fn zone<'a>(&'a self, facts: &'a AccessContext) -> &'a str {
        let default = facts.settings.zone.as_str();
        self.document
            .as_ref()
            .map_or(default, |document| document.zone(default))
    }
}
