//! `Prefer: handling=strict` (RFC 7240): a name that is not known is an error, instead of being ignored.

use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use plugin::language::Language;
use scheduled_exports_host::contract::FieldError;
use serde_json::{Map, Value};

use super::backend::Backend;
use super::negotiation::items;
use super::problems::Refusal;
use super::routes::Write;
use super::row::Row;
use super::schemas;
use crate::service::{Answer, Grant, Operation};
use crate::text;

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Names the preferences that were applied.
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The value of [`PREFERENCE_APPLIED`], and the preference itself.
pub(super) const STRICT: &str = "handling=strict";
/// Maximum number of names that one response reports.
const MAX_REPORTED: usize = 50;
/// The field whose fields depend on the exporter.
const FORM: &str = "export_form_data";
const EXPORTER: &str = "export_identifier";

/// Whether the client prefers strict handling. Of a preference that is given several times, the first one counts.
pub(super) fn is_preferred(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(PREFER).iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    let mut preferences = lines.iter().flat_map(|line| items(line, ','));
    let handling = preferences.find_map(|preference| {
        let first = items(preference, ';').next()?;
        let (name, value) = first.split_once('=').unwrap_or((first, ""));
        let is_handling = name.trim_end().eq_ignore_ascii_case("handling");
        is_handling.then(|| value.trim().trim_matches('"'))
    });
    handling.is_some_and(|handling| handling.eq_ignore_ascii_case("strict"))
}

/// Reports each parameter of the query that the row does not have.
pub(super) fn check_query(row: &Row, query: Option<&str>, language: Language) -> Result<(), Refusal> {
    let known: Vec<&str> = row.query.iter().map(|parameter| parameter.name).collect();
    let given = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let unknown = given
        .map(|(name, _)| name.into_owned())
        .filter(|name| !known.contains(&&**name));
    let message = match known.as_slice() {
        [] => text::api_no_parameters(language).to_owned(),
        known => text::api_unknown_parameter(language, &known.join(", ")),
    };
    report(unknown.map(|name| vec![name]), "unknown-parameter", &message)
}

/// Reports each field of the body that the row's schema does not have, and each field of the form that its exporter does not have.
/// A body that is not an object is for the component to reject.
pub(super) async fn check_body(
    backend: &dyn Backend,
    grant: &Grant,
    (row, write): (&Row, &Write),
    document: &str,
    language: Language,
) -> Result<(), Refusal> {
    let Some((schema, _)) = row.body else { return Ok(()) };
    let text = document.strip_prefix('\u{feff}').unwrap_or(document);
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Ok(());
    };
    let known = schemas::fields(schema);
    let unknown = fields.keys().filter(|name| !known.contains(name));
    let message = match known.as_slice() {
        [] => text::api_no_fields(language).to_owned(),
        known => text::api_unknown_field(language, &known.join(", ")),
    };
    report(unknown.map(|name| vec![name.clone()]), "unknown-field", &message)?;
    let Some(Value::Object(form)) = fields.get(FORM).filter(|_| known.iter().any(|name| name == FORM)) else {
        return Ok(());
    };
    let Some(known) = form_fields(backend, grant, write, fields.get(EXPORTER)).await else {
        return Ok(());
    };
    let unknown = form.keys().filter(|name| !known.contains_key(*name));
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    let message = text::api_unknown_field(language, &names.join(", "));
    let unknown = unknown.map(|name| vec![FORM.to_owned(), name.clone()]);
    report(unknown, "unknown-field", &message)
}

/// The fields of the form, by the component's schema. `None` if there is none for this caller: the write itself is then rejected.
async fn form_fields(
    backend: &dyn Backend,
    grant: &Grant,
    write: &Write,
    exporter: Option<&Value>,
) -> Option<Map<String, Value>> {
    let id = match *write {
        Write::Replace(id) | Write::Patch(id) => Some(id),
        _ => None,
    };
    let (id, params) = match exporter {
        Some(exporter) => (None, vec![(EXPORTER.to_owned(), exporter.as_str()?.to_owned())]),
        None => (Some(id?), Vec::new()),
    };
    let form = Operation::View {
        id,
        name: "form".to_owned(),
        params,
    };
    let Ok(Answer::Viewed(form)) = backend.call(grant, form, None).await else {
        return None;
    };
    let mut form: Value = serde_json::from_str(&form).ok()?;
    let schema = if id.is_some() { &mut form["schema"] } else { &mut form };
    match schema["properties"][FORM]["properties"].take() {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

fn report(unknown: impl Iterator<Item = Vec<String>>, code: &str, message: &str) -> Result<(), Refusal> {
    let error = |path| FieldError {
        params: Vec::new(),
        path,
        code: code.to_owned(),
        message: message.to_owned(),
    };
    let errors: Vec<FieldError> = unknown.take(MAX_REPORTED).map(error).collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Invalid(errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn strict_handling_is_a_preference_of_any_case_and_line_and_the_first_of_its_name_counts() {
        let preferred = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (PREFER, HeaderValue::from_static(line)));
            is_preferred(&lines.collect())
        };
        for lines in [
            &["handling=strict"][..],
            &["Handling=STRICT"],
            &["handling = \"strict\""],
            &["respond-async, handling=strict; why=\"a, b\""],
            &["respond-async", "handling=strict"],
            &["handling=strict, handling=lenient"],
        ] {
            assert!(preferred(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[""],
            &["handling"],
            &["handling=lenient"],
            &["handling=stricter"],
            &["strict"],
            &["x=\"a, handling=strict\""],
            &["x; handling=strict"],
            &["handling=lenient, handling=strict"],
        ] {
            assert!(!preferred(lines), "{lines:?}");
        }
    }
}
