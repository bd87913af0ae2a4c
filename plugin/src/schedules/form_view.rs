//! The view `form`: the JSON Schema of the document that clients write, and the stored values.

use serde_json::Value;

use crate::contract::{Exporter, Problem, RightsOf, ScheduleId};
use crate::host::Access;
use crate::language::Language;
use crate::schema;

use super::change::ExistingSchedule;
use super::request_body::RequestBody;
use super::{MAX_DOCUMENT_SIZE, export_data, permissions, problem, resource};

/// Returns the schema of a new schedule of the exporter in the parameters.
///
/// # Errors
/// `NotFound` if there is no such exporter for this caller.
pub(super) fn of_exporter(by: &impl Access, params: &[(String, String)]) -> Result<String, Problem> {
    let facts = by.context();
    permissions::check_read(&facts)?;
    let mut body = RequestBody::of_params(params, &[], Language::of_tag(&facts.language))?;
    let Some(identifier) = body.text(export_data::EXPORTER, None, Ok) else {
        return Err(Problem::Invalid(body.errors));
    };
    let exporter = permissions::exporter(by, RightsOf::Caller, &identifier)?.ok_or(Problem::NotFound)?;
    Ok(schema::document(&exporter, &facts).to_string())
}

/// Returns an object of three members for a stored schedule:
///
/// - `schema`: as for a new schedule of its exporter; null if the caller is not permitted to run it.
/// - `values`: the schedule as [`super::get`] returns it; null if the object would be larger than a document of the contract.
/// - `locked`: the reason in one sentence why this caller cannot change the schedule; null if they can.
///
/// # Errors
/// As for [`super::get`].
pub(super) fn of_schedule(by: &impl Access, id: ScheduleId) -> Result<String, Problem> {
    let facts = by.context();
    permissions::check_read(&facts)?;
    let schedule = by
        .get(id)
        .map_err(|error| problem(error, Language::of_tag(&facts.language)))?;
    let values = resource::versioned(by, &facts, schedule.clone())?.document;
    let stored = ExistingSchedule::new(schedule, &facts);
    let identifier = &stored.schedule.content.export_identifier;
    let exporter = permissions::exporter(by, RightsOf::Caller, identifier)?;
    let locked = reason(permissions::check_change(by, &facts, &stored))?;
    let schema = exporter.map_or(Value::Null, |exporter: Exporter| schema::document(&exporter, &facts));
    let object = |values: &str| format!(r#"{{"schema":{schema},"values":{values},"locked":{locked}}}"#);
    let complete = object(&values);
    if complete.len() > MAX_DOCUMENT_SIZE {
        return Ok(object("null"));
    }
    Ok(complete)
}

/// The sentence of `Forbidden`, or null.
fn reason(permitted: Result<(), Problem>) -> Result<Value, Problem> {
    match permitted {
        Ok(()) => Ok(Value::Null),
        Err(Problem::Forbidden(reason)) => Ok(reason.into()),
        Err(problem) => Err(problem),
    }
}
