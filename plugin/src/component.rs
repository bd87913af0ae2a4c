//! The component: the contract's exports on the domain here, the domain's host traits on the contract's imports below.

mod imported;

use bindings::exports::ticketing::scheduled_exports as exports;
use bindings::ticketing::scheduled_exports as imports;
use imports::auth_context::{Access, Run};

use crate::contract::{
    AbandonReason, Acted, Delivery, DocumentPage, FieldError, Instant, PageQuery, Problem, RunQuery, ScheduleId,
    Stored, Versioned, bindings,
};
use crate::language::Language;
use crate::{recurrence, run, schedules};

struct Plugin;
#[allow(unsafe_code, clippy::mem_forget, reason = "generated")]
mod exported {
    use super::{Plugin, bindings};

    bindings::export!(Plugin with_types_in bindings);
}

// On this target a panic is a trap without a message: the hook logs it first.
fn log_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            imports::log::write(imports::log::Level::Error, &format!("panic: {panic}"));
        }));
    });
}

impl exports::about::Guest for Plugin {
    fn describe() -> exports::about::Description {
        exports::about::Description {
            name: "Scheduled exports".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            zone_database: recurrence::ZONE_DATABASE.into(),
        }
    }
}

impl exports::schedules::Guest for Plugin {
    fn list(by: &Access, query: PageQuery) -> Result<DocumentPage, Problem> {
        log_panics();
        schedules::list(by, &query)
    }

    fn get(by: &Access, id: ScheduleId) -> Result<Versioned, Problem> {
        log_panics();
        schedules::get(by, id)
    }

    fn create(by: &Access, document: String) -> Result<Versioned, Problem> {
        log_panics();
        schedules::create(by, &document)
    }

    fn replace(by: &Access, id: ScheduleId, document: String, if_version: Option<u64>) -> Result<Versioned, Problem> {
        log_panics();
        schedules::replace(by, id, &document, if_version)
    }

    fn patch(by: &Access, id: ScheduleId, document: String, if_version: Option<u64>) -> Result<Versioned, Problem> {
        log_panics();
        schedules::patch(by, id, &document, if_version)
    }

    fn delete(by: &Access, id: ScheduleId, if_version: Option<u64>) -> Result<(), Problem> {
        log_panics();
        schedules::delete(by, id, if_version)
    }

    fn runs(by: &Access, id: ScheduleId, query: RunQuery) -> Result<DocumentPage, Problem> {
        log_panics();
        schedules::runs(by, id, &query)
    }

    fn exporters(by: &Access, only: Option<String>) -> Result<Vec<String>, Problem> {
        log_panics();
        schedules::exporters(by, only.as_deref())
    }

    fn view(
        by: &Access,
        id: Option<ScheduleId>,
        name: String,
        params: Vec<(String, String)>,
    ) -> Result<String, Problem> {
        log_panics();
        schedules::view(by, id, &name, &params)
    }

    fn act(by: &Access, id: Option<ScheduleId>, verb: String, document: String) -> Result<Acted, Problem> {
        log_panics();
        schedules::act(by, id, &verb, &document)
    }
}

impl exports::recurrence::Guest for Plugin {
    fn next_run(rule: exports::recurrence::Rule, after: Instant) -> Result<Option<Instant>, Vec<FieldError>> {
        log_panics();
        Ok(recurrence(&rule, after)?.next_after(after).map(|next| next.at))
    }

    fn preview(
        rule: exports::recurrence::Rule,
        after: Instant,
        limit: u32,
    ) -> Result<Vec<exports::recurrence::Occurrence>, Vec<FieldError>> {
        log_panics();
        let limit = limit.min(MAX_PREVIEW_RUNS) as usize;
        Ok(recurrence(&rule, after)?
            .occurrences(after)
            .take(limit)
            .map(|run| exports::recurrence::Occurrence {
                at: run.at,
                utc_offset_seconds: run.utc_offset_seconds,
                note: run.note,
            })
            .collect())
    }

    fn replan(rows: Vec<Stored>, after: Instant) -> Vec<Result<Option<Instant>, String>> {
        log_panics();
        schedules::replan(&rows, after)
    }
}

impl exports::jobs::Guest for Plugin {
    fn execute(handle: &Run) {
        log_panics();
        run::execute(handle);
    }

    fn abandon(handle: &Run, reason: AbandonReason) {
        log_panics();
        run::abandon(handle, reason);
    }

    fn settle(handle: &Run, deliveries: Vec<Delivery>) {
        log_panics();
        run::settle(handle, &deliveries);
    }
}

/// Maximum number of occurrences that `preview` returns.
const MAX_PREVIEW_RUNS: u32 = 1_000;

fn recurrence(rule: &exports::recurrence::Rule, after: Instant) -> Result<recurrence::Recurrence, Vec<FieldError>> {
    let anchor = match &rule.anchor {
        Some(day) => day.parse().map_err(|_| {
            vec![FieldError {
                path: vec!["anchor".into()],
                code: "invalid-date".into(),
                params: Vec::new(),
                message: "The anchor is not a valid date. Use YYYY-MM-DD.".into(),
            }]
        })?,
        None => recurrence::zone(&rule.zone).map_or(chrono::NaiveDate::MIN, |zone| recurrence::local_date(after, zone)),
    };
    recurrence::Recurrence::parse(&rule.text, &rule.time, &rule.zone, anchor).map_err(|errors| {
        errors
            .iter()
            .map(|error| FieldError {
                path: vec![
                    match error.field() {
                        recurrence::RecurrenceField::Rule => "text",
                        recurrence::RecurrenceField::Time => "time",
                        recurrence::RecurrenceField::Zone => "zone",
                    }
                    .into(),
                ],
                code: error.code().into(),
                params: Vec::new(),
                message: error.message(Language::English),
            })
            .collect()
    })
}
