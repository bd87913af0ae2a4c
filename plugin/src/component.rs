//! The component: the contract's exports on the domain, here; the domain's host traits on the contract's imports, and the
//! records of one in those of the other, below.
//!
//! Only these files know the generated bindings.

mod imported;
mod records;

#[allow(unsafe_code, clippy::mem_forget, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "../wit" });
}

use bindings::exports::ticketing::scheduled_exports as exports;
use bindings::ticketing::scheduled_exports as imports;
use imports::types as wire;

use crate::{host, language::Language, recurrence, run, schedules};

struct Plugin;
#[allow(unsafe_code, clippy::mem_forget, reason = "generated")]
mod exported {
    use super::{Plugin, bindings};

    bindings::export!(Plugin with_types_in bindings);
}

// A panic on this target is a bare trap: the hook keeps its reason.
fn keep_panics() {
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
    fn list(
        by: &imports::auth_context::Access,
        query: wire::PageQuery,
    ) -> Result<exports::schedules::Page, wire::Problem> {
        keep_panics();
        schedules::list(by, &query.into()).map(Into::into).map_err(Into::into)
    }

    fn get(by: &imports::auth_context::Access, id: u64) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::get(by, id).map(Into::into).map_err(Into::into)
    }

    fn create(
        by: &imports::auth_context::Access,
        document: String,
    ) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::create(by, &document).map(Into::into).map_err(Into::into)
    }

    fn replace(
        by: &imports::auth_context::Access,
        id: u64,
        document: String,
        if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::replace(by, id, &document, if_version)
            .map(Into::into)
            .map_err(Into::into)
    }

    fn patch(
        by: &imports::auth_context::Access,
        id: u64,
        document: String,
        if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, wire::Problem> {
        keep_panics();
        schedules::patch(by, id, &document, if_version)
            .map(Into::into)
            .map_err(Into::into)
    }

    fn delete(by: &imports::auth_context::Access, id: u64, if_version: Option<u64>) -> Result<(), wire::Problem> {
        keep_panics();
        schedules::delete(by, id, if_version).map_err(Into::into)
    }

    fn runs(
        by: &imports::auth_context::Access,
        id: u64,
        at: wire::Position,
        size: u32,
    ) -> Result<exports::schedules::Page, wire::Problem> {
        keep_panics();
        schedules::runs(by, id, &at.into(), size)
            .map(Into::into)
            .map_err(Into::into)
    }

    fn exporters(by: &imports::auth_context::Access, only: Option<String>) -> Result<Vec<String>, wire::Problem> {
        keep_panics();
        schedules::exporters(by, only.as_deref()).map_err(Into::into)
    }

    fn view(
        by: &imports::auth_context::Access,
        id: Option<u64>,
        name: String,
        params: Vec<(String, String)>,
    ) -> Result<String, wire::Problem> {
        keep_panics();
        schedules::view(by, id, &name, &params).map_err(Into::into)
    }

    fn act(
        by: &imports::auth_context::Access,
        id: Option<u64>,
        verb: String,
        document: String,
    ) -> Result<String, wire::Problem> {
        keep_panics();
        schedules::act(by, id, &verb, &document).map_err(Into::into)
    }
}

impl exports::recurrence::Guest for Plugin {
    fn next_run(rule: exports::recurrence::Rule, after: i64) -> Result<Option<i64>, Vec<wire::FieldError>> {
        keep_panics();
        Ok(timetable(&rule, after)?.next_after(after).map(|next| next.at))
    }

    fn preview(
        rule: exports::recurrence::Rule,
        after: i64,
        limit: u32,
    ) -> Result<Vec<exports::recurrence::Occurrence>, Vec<wire::FieldError>> {
        keep_panics();
        let limit = limit.min(MOST_PREVIEWED) as usize;
        Ok(timetable(&rule, after)?
            .occurrences(after)
            .take(limit)
            .map(Into::into)
            .collect())
    }

    fn replan(rows: Vec<exports::recurrence::Stored>, after: i64) -> Vec<Result<Option<i64>, String>> {
        keep_panics();
        let rows: Vec<_> = rows.into_iter().map(|row| (row.document, row.default_zone)).collect();
        schedules::replan(&rows, after)
    }
}

impl exports::jobs::Guest for Plugin {
    fn execute(handle: &imports::auth_context::Run) {
        keep_panics();
        run::execute(handle);
    }

    fn abandon(handle: &imports::auth_context::Run, reason: exports::jobs::AbandonReason) {
        use exports::jobs::AbandonReason as Wire;
        keep_panics();
        let reason = match reason {
            Wire::Trapped(words) => host::AbandonReason::Trapped(words),
            Wire::OutOfTime => host::AbandonReason::OutOfTime,
            Wire::OutOfMemory => host::AbandonReason::OutOfMemory,
            Wire::Unfinished => host::AbandonReason::Unfinished,
        };
        run::abandon(handle, reason);
    }

    fn settle(handle: &imports::auth_context::Run, deliveries: Vec<wire::Delivery>) {
        keep_panics();
        let deliveries: Vec<_> = deliveries.into_iter().map(Into::into).collect();
        run::settle(handle, &deliveries);
    }
}

/// Most occurrences that `preview` answers.
const MOST_PREVIEWED: u32 = 1_000;

fn timetable(rule: &exports::recurrence::Rule, after: i64) -> Result<recurrence::Timetable, Vec<wire::FieldError>> {
    let anchor = match &rule.anchor {
        Some(day) => day.parse().map_err(|_| {
            vec![wire::FieldError {
                path: vec!["anchor".into()],
                code: "invalid-date".into(),
                message: "The anchor is not a valid date. Use YYYY-MM-DD.".into(),
            }]
        })?,
        None => recurrence::zone(&rule.zone).map_or(chrono::NaiveDate::MIN, |zone| recurrence::local_date(after, zone)),
    };
    recurrence::Timetable::parse(&rule.text, &rule.time, &rule.zone, anchor).map_err(|errors| {
        errors
            .iter()
            .map(|error| wire::FieldError {
                path: vec![
                    match error.part() {
                        recurrence::Part::Rule => "text",
                        recurrence::Part::Time => "time",
                        recurrence::Part::Zone => "zone",
                    }
                    .into(),
                ],
                code: error.code().into(),
                message: error.message(Language::English),
            })
            .collect()
    })
}
