//! Calls that change nothing.

use axum::http::StatusCode;
use axum::http::header::ETAG;
use plugin::language::Language;
use scheduled_exports_host::contract::{Position, RunQuery};
use serde_json::json;

use super::backend::Backend;
use super::links::Here;
use super::pages::Wanted;
use super::problems::Refusal;
use super::reply::Reply;
use super::routes::Read;
use super::table::ROOT;
use super::{etag, filters};
use crate::service::{Answer, Grant, LeftOver, Operation};

/// Asks the component, and passes its documents on as they are.
pub(super) async fn read(backend: &dyn Backend, grant: &Grant, read: Read, here: &Here<'_>) -> Result<Reply, Refusal> {
    let wanted = || Wanted::read(here.query).ok_or(Refusal::NoSuchPage);
    let language = Language::of_tag(&grant.language);
    let body = match read {
        Read::One(id) => {
            let (document, version) = versioned(backend, grant, id).await?;
            return Ok(Reply::new(StatusCode::OK, document.into_bytes()).with(ETAG, etag::of(version)));
        }
        Read::List => {
            let wanted = wanted()?;
            let filter = filters::list(here.query, language)?;
            match backend.call(grant, Operation::List(wanted.query(filter)), None).await {
                Ok(Answer::Page { total, documents, .. }) => wanted.body(here, total, &documents),
                Ok(_) => return Err(unexpected()),
                // All that a list can lack is the page.
                Err(error) => match error.into() {
                    Refusal::NotFound => return Err(Refusal::NoSuchPage),
                    refusal => return Err(refusal),
                },
            }
        }
        Read::Runs(id) => {
            let wanted = wanted()?;
            let query = filters::runs(here.query, language, wanted.position(), wanted.size)?;
            match backend.call(grant, Operation::Runs { id, query }, None).await? {
                Answer::Page { total, documents, .. } => wanted.body(here, total, &documents),
                _ => return Err(unexpected()),
            }
        }
        Read::Run { id, run } => {
            let query = RunQuery {
                id: Some(run),
                ..RunQuery::page(Position::Number(1), 1)
            };
            match backend.call(grant, Operation::Runs { id, query }, None).await? {
                Answer::Page { documents, .. } => documents.into_iter().next().ok_or(Refusal::NotFound)?.into_bytes(),
                _ => return Err(unexpected()),
            }
        }
        Read::Exporters => {
            let wanted = wanted()?;
            let exporters = exporters(backend, grant, None).await?;
            let part = wanted.part(&exporters).ok_or(Refusal::NoSuchPage)?;
            wanted.body(here, exporters.len() as u64, part)
        }
        Read::DeletedEvents => {
            if !grant.reaches_deleted_events {
                return Err(Refusal::NoAccess);
            }
            let wanted = wanted()?;
            let organizer = &grant.scope.organizer;
            let left: Vec<String> = backend
                .left_over(organizer)
                .await?
                .iter()
                .map(|left| shown(organizer, left))
                .collect();
            let part = wanted.part(&left).ok_or(Refusal::NoSuchPage)?;
            wanted.body(here, left.len() as u64, part)
        }
        Read::View { id, name } => {
            let params = form_urlencoded::parse(here.query.unwrap_or_default().as_bytes()).into_owned();
            let operation = Operation::View {
                id,
                name,
                params: params.collect(),
            };
            match backend.call(grant, operation, None).await? {
                Answer::Viewed(document) => document.into_bytes(),
                _ => return Err(unexpected()),
            }
        }
        Read::Exporter(identifier) => {
            let found = exporters(backend, grant, Some(identifier)).await?;
            found.into_iter().next().ok_or(Refusal::NotFound)?.into_bytes()
        }
    };
    Ok(Reply::new(StatusCode::OK, body))
}

/// One schedule as the component shows it, and its version.
pub(super) async fn versioned(backend: &dyn Backend, grant: &Grant, id: u64) -> Result<(String, u64), Refusal> {
    match backend.call(grant, Operation::Get(id), None).await? {
        Answer::Document { document, version } => Ok((document, version)),
        _ => Err(unexpected()),
    }
}

/// The component, or what stands for it, answered another question.
pub(super) fn unexpected() -> Refusal {
    Refusal::Broken("unexpected response type from the plugin".to_owned())
}

async fn exporters(backend: &dyn Backend, grant: &Grant, only: Option<String>) -> Result<Vec<String>, Refusal> {
    match backend.call(grant, Operation::Exporters(only), None).await? {
        Answer::Exporters(documents) => Ok(documents),
        _ => Err(unexpected()),
    }
}

/// What is left of a deleted event, and where.
fn shown(organizer: &str, left: &LeftOver) -> String {
    let LeftOver { event, schedules } = left;
    let path = format!("{ROOT}{organizer}/events/{}/scheduled_exports/", event.address());
    json!({"event": event.slug, "name": event.name, "schedules": schedules, "path": path}).to_string()
}
