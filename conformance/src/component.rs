//! The component: the exports of a plugin, which do what scripts say.

#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::mem_forget,
    reason = "generated; documented in wit/"
)]
mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "../wit" });
}

use serde_json::{Value, json};

use bindings::exports::ticketing::scheduled_exports as exports;
pub(crate) use bindings::ticketing::scheduled_exports as imports;
use imports::auth_context::{Access, Run};
use imports::log::{self, Level};
use imports::schedule_store::{self as store, StoreError};
use imports::types::{Delivery, FieldError, PageQuery, Problem, RunQuery};

use crate::deeds::Wrong;
use crate::{calls, deeds, words};

struct Guest;
#[allow(unsafe_code, clippy::mem_forget, reason = "generated")]
mod exported {
    use super::{Guest, bindings};

    bindings::export!(Guest with_types_in bindings);
}

/// The script in a document, called for a caller: `{"do": [imports], "kept": {name: value}}`. The answer is
/// `{"wrong": [words], "kept": {name: value}}`.
fn perform(by: &Access, document: &str) -> Result<String, Problem> {
    let document: Value = serde_json::from_str(document).map_err(|error| Problem::Malformed(error.to_string()))?;
    let script = document["do"].as_array().cloned().unwrap_or_default();
    let mut kept = document["kept"].as_object().cloned().unwrap_or_default();
    let went = calls::perform(by, &script, &mut kept);
    if went.refuses {
        return Err(match went.wrong.is_empty() {
            true => Problem::Other(("refused".into(), "as the check wants it".into())),
            false => Problem::Other(("wrong".into(), went.wrong.join("; "))),
        });
    }
    Ok(json!({"wrong": went.wrong, "kept": kept}).to_string())
}

fn performed(by: &Access, document: &str) -> Result<exports::schedules::Versioned, Problem> {
    Ok(exports::schedules::Versioned {
        document: perform(by, document)?,
        version: 1,
    })
}

fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::NotFound,
        StoreError::Stale => Problem::Stale,
        StoreError::Forbidden => Problem::Forbidden("the handle".into()),
        StoreError::Quota(quota) => Problem::Other(("quota".into(), quota.to_string())),
        StoreError::LeaseLost => Problem::Other(("lease-lost".into(), String::new())),
        StoreError::AlreadyRecorded(until) => Problem::Other(("already-recorded".into(), until.to_string())),
        StoreError::Unavailable(words) => Problem::Unavailable(words),
    }
}

impl exports::schedules::Guest for Guest {
    fn list(by: &Access, query: PageQuery) -> Result<exports::schedules::Page, Problem> {
        let page = store::list(by, &query).map_err(problem)?;
        Ok(exports::schedules::Page {
            total: page.total,
            documents: page.rows.iter().map(|row| words::schedule(row).to_string()).collect(),
            next: page.next,
        })
    }

    fn get(by: &Access, id: u64) -> Result<exports::schedules::Versioned, Problem> {
        let found = store::get(by, id).map_err(problem)?;
        Ok(exports::schedules::Versioned {
            document: words::schedule(&found).to_string(),
            version: found.version,
        })
    }

    fn create(by: &Access, document: String) -> Result<exports::schedules::Versioned, Problem> {
        performed(by, &document)
    }

    fn replace(
        by: &Access,
        _id: u64,
        document: String,
        _if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, Problem> {
        performed(by, &document)
    }

    fn patch(
        by: &Access,
        _id: u64,
        document: String,
        _if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, Problem> {
        performed(by, &document)
    }

    fn delete(by: &Access, id: u64, if_version: Option<u64>) -> Result<(), Problem> {
        store::delete(by, id, if_version).map_err(problem)
    }

    fn runs(by: &Access, id: u64, query: RunQuery) -> Result<exports::schedules::Page, Problem> {
        let page = store::runs(by, id, &query).map_err(problem)?;
        Ok(exports::schedules::Page {
            total: page.total,
            documents: page.rows.iter().map(|row| words::run_entry(row).to_string()).collect(),
            next: page.next,
        })
    }

    fn exporters(by: &Access, only: Option<String>) -> Result<Vec<String>, Problem> {
        let whose = imports::exporters::RightsOf::Caller;
        match imports::exporters::available(by, whose, only.as_deref()) {
            Ok(all) => Ok(all.iter().map(|one| words::exporter(one).to_string()).collect()),
            Err(error) => Err(Problem::Unavailable(words::lookup_error(error).to_string())),
        }
    }

    fn view(by: &Access, _id: Option<u64>, name: String, params: Vec<(String, String)>) -> Result<String, Problem> {
        let document = params.first().map_or("", |(_, value)| value.as_str());
        match name.as_str() {
            "do" => perform(by, document),
            _ => Err(Problem::NotFound),
        }
    }

    fn act(
        by: &Access,
        _id: Option<u64>,
        verb: String,
        document: String,
    ) -> Result<exports::schedules::Acted, Problem> {
        match verb.as_str() {
            "do" => perform(by, &document).map(|document| exports::schedules::Acted { document, run: None }),
            _ => Err(Problem::NotFound),
        }
    }
}

impl exports::recurrence::Guest for Guest {
    fn next_run(_rule: exports::recurrence::Rule, _after: i64) -> Result<Option<i64>, Vec<FieldError>> {
        Ok(None)
    }

    fn preview(
        _rule: exports::recurrence::Rule,
        _after: i64,
        _limit: u32,
    ) -> Result<Vec<exports::recurrence::Occurrence>, Vec<FieldError>> {
        Ok(Vec::new())
    }

    /// The one export that takes a text, answers one, and needs no handle: with a driver's facts for a document, the plan. A
    /// schedule's own document has no facts, and keeps its next run.
    fn replan(rows: Vec<exports::recurrence::Stored>, _after: i64) -> Vec<Result<Option<i64>, String>> {
        let plan = |document: &str| {
            let facts: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
            crate::plan(&facts).map(|plan| plan.to_string())
        };
        rows.iter()
            .map(|row| Err(plan(&row.document).unwrap_or_else(|words| words)))
            .collect()
    }
}

/// The part of a run's document that is for this export; with several attempts, for this one.
fn script(run: &Run, export: &str) -> Vec<Value> {
    let facts = run.context();
    let document: Value = serde_json::from_str(&facts.schedule.content.document).unwrap_or_default();
    let lists = document[export].as_array().cloned().unwrap_or_default();
    if export != "execute" {
        return lists;
    }
    let nth = (facts.attempt.max(1) as usize - 1).min(lists.len().saturating_sub(1));
    let attempt = lists.get(nth).and_then(Value::as_array);
    attempt.cloned().unwrap_or_default()
}

fn work(run: &Run, export: &str, deliveries: &[Delivery]) {
    match deeds::perform(run, &script(run, export), deliveries) {
        Ok(()) => {}
        Err(Wrong::CameBack(words)) => log::write(Level::Error, &words),
        Err(Wrong::Answered(words)) => {
            // A host that keeps the words of a panic shows them.
            log::write(Level::Error, &format!("panic: {words}"));
            core::arch::wasm32::unreachable();
        }
    }
}

impl exports::jobs::Guest for Guest {
    fn execute(run: &Run) {
        work(run, "execute", &[]);
    }

    fn abandon(run: &Run, _reason: exports::jobs::AbandonReason) {
        work(run, "abandon", &[]);
    }

    fn settle(run: &Run, deliveries: Vec<Delivery>) {
        work(run, "settle", &deliveries);
    }
}

impl exports::about::Guest for Guest {
    fn describe() -> exports::about::Description {
        exports::about::Description {
            name: "conformance".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            zone_database: "none".into(),
        }
    }
}
