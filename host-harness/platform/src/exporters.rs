//! Exporters of the reference platform, and how one of them is run: rows stream from one snapshot of the database through a
//! short queue to a thread that writes the file, so that memory does not grow with the export.

mod checkinlist;
mod dailysales;
mod file;
mod form;
mod formula;
mod mailaddresses;
mod orderlist;
mod orderpositions;
mod sheet;
mod table;

use std::collections::HashMap;

use async_trait::async_trait;
use plugin::language::Language;
use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::exporters::{self as contract, ExportError, Field};
use scheduled_exports_store::{FileFacts, Scope};
use serde_json::Value;
use tempfile::SpooledData;
use tokio::task::spawn_blocking;

use self::file::{FileKind, Plan, WriteError};
use self::form::Form;
use self::table::{Cell, Column, RowSender};
use super::database::EXPORT_TURN;
use super::orders::{LocalEvent, Orders, local};
use super::rights::{Subject, open};
use super::{Event, Platform, PlatformError};
use crate::text;

/// A maker of files.
#[async_trait]
pub(super) trait Exporter: Send + Sync {
    /// Key by which schedules name it, and part of the file's name.
    fn identifier(&self) -> &'static str;
    /// For people; at most 31 characters, as it names the sheet too.
    fn label(&self, language: Language) -> &'static str;
    /// It can read several events at once.
    fn across_events(&self) -> bool;
    /// What its form takes. One of them is `_format`.
    fn fields(&self, language: Language) -> Vec<Field>;
    /// Headings, without that of the event's column.
    fn columns(&self, language: Language) -> Vec<Column>;
    /// Each row says which event it is about, where there can be several.
    fn by_event(&self) -> bool {
        true
    }
    /// Sends all rows.
    async fn rows(&self, orders: &mut Orders, request: &Request<'_>, rows: &mut RowSender) -> Result<(), Stop>;
}

/// What an exporter is asked for.
pub(super) struct Request<'a> {
    /// The events to read, all of one organizer; at least one.
    events: Vec<LocalEvent>,
    /// Of the organizer as a whole, however many events that comes to.
    across: bool,
    form: Form<'a>,
    /// The exporter's own, as [`Exporter::columns`] has them.
    columns: Vec<Column>,
    language: Language,
}

impl Request<'_> {
    /// A row about this event, begun with the event's column where there is one. Events of an organizer can be in many zones, so
    /// that each moment there is followed by its offset.
    fn row(&self, event: &LocalEvent, cells: impl IntoIterator<Item = Cell>) -> Vec<Cell> {
        if !self.across {
            return cells.into_iter().collect();
        }
        let mut row = Vec::with_capacity(2 * self.columns.len());
        row.push(Cell::Text(event.event.name.clone()));
        for (cell, column) in cells.into_iter().zip(&self.columns) {
            let offset = column.moments.then(|| cell.utc_offset());
            row.push(cell);
            row.extend(offset);
        }
        row
    }

    /// Headings of what [`Request::row`] makes.
    fn headings(&self, by_event: bool) -> Vec<Column> {
        if !self.across || !by_event {
            return self.columns.clone();
        }
        let mut headings = vec![Column::new(text::column_event(self.language))];
        for column in &self.columns {
            headings.push(column.clone());
            if column.moments {
                headings.push(Column::new(text::column_utc_offset(self.language, &column.heading)));
            }
        }
        headings
    }
}

/// A moment as the clock of the event shows it.
fn moment(event: &LocalEvent, at: Instant) -> Cell {
    Cell::Moment(event.local(at), event.offset(at))
}

/// Why rows stopped coming.
#[derive(Debug)]
pub(super) enum Stop {
    /// The form does not fit; why, for people.
    Unfit(String),
    /// The writer takes no more; it says why.
    Closed,
    Database(PlatformError),
}

impl From<PlatformError> for Stop {
    fn from(error: PlatformError) -> Self {
        Self::Database(error)
    }
}

/// All exporters, in the order to show them.
pub(super) fn all() -> impl Iterator<Item = &'static dyn Exporter> {
    const ALL: [&dyn Exporter; 5] = [
        &orderlist::OrderList,
        &orderpositions::OrderPositions,
        &mailaddresses::MailAddresses,
        &checkinlist::CheckInList,
        &dailysales::DailySales,
    ];
    ALL.into_iter()
}

pub(super) fn of_identifier(identifier: &str) -> Option<&'static dyn Exporter> {
    all().find(|exporter| exporter.identifier() == identifier)
}

/// The exporter as the contract describes it.
pub(super) fn described(exporter: &dyn Exporter, language: Language) -> contract::Exporter {
    contract::Exporter {
        identifier: exporter.identifier().to_owned(),
        label: exporter.label(language).to_owned(),
        across_events: exporter.across_events(),
        fields: exporter.fields(language),
    }
}

/// One export to make.
#[derive(Clone, Debug)]
pub struct ExportJob {
    /// Id of the user whose rights count.
    pub owner: String,
    /// The organizer or event that is exported.
    pub scope: Scope,
    /// Its identifier.
    pub exporter: String,
    /// A JSON object; date ranges are resolved to dates.
    pub form: Value,
    /// Language of headings: a BCP 47 tag.
    pub language: String,
    /// The schedule's zone: an IANA name. The day in the file's name is that of its clock.
    pub zone: String,
    /// The due time.
    pub now: Instant,
}

/// Asked before each export, which has its slot by then, and free to wait or to answer in the exporter's place: how tests make an exporter slow, away or
/// broken (`ScriptedExports`).
#[async_trait]
pub trait ExportGate: std::fmt::Debug + Send + Sync {
    /// `Ok` lets the exporter go on.
    async fn before(&self, job: &ExportJob) -> Result<(), ExportError>;
}

/// A finished file: in memory where it is small, else on the disk without a name, so that it goes when this is dropped.
#[derive(Debug)]
pub struct Produced {
    /// To be read from its beginning.
    pub file: SpooledData,
    /// Its name, type and size.
    pub facts: FileFacts,
}

impl Platform {
    /// Runs an exporter with its owner's rights of this moment. Dropping the future stops the export and removes its file.
    ///
    /// # Errors
    /// Why there is no file. Never [`ExportError::LeaseLost`]: leases are not known here.
    pub async fn produce(&self, job: &ExportJob) -> Result<Produced, ExportError> {
        let slot = self.slots.acquire(&job.scope.organizer, EXPORT_TURN).await;
        let Some(_slot) = slot else {
            let waited = EXPORT_TURN.as_secs();
            return Err(ExportError::Unavailable(
                format!("no export slot became free within {waited} seconds").into(),
            ));
        };
        if let Some(gate) = &self.gate {
            gate.before(job).await?;
        }
        let exporter = of_identifier(&job.exporter).ok_or(ExportError::NotAllowed)?;
        let language = Language::of_tag(&job.language);
        let fields = exporter.fields(language);
        let form = Form::new(&job.form, &fields, language).map_err(ExportError::InvalidFormData)?;
        let events = self.chosen_events(job, exporter, &form).await?;
        let zone = plugin::recurrence::zone(&job.zone)
            .ok_or_else(|| ExportError::Failed(format!("unknown time zone `{}`", job.zone)))?;
        let day = local(zone, job.now).date();
        let kind = form.choice("_format").map_err(|stop| told(stop, language))?;
        let kind = FileKind::of_word(&kind).ok_or_else(|| ExportError::InvalidFormData(kind.clone()))?;
        let across = job.scope.event.is_none();
        let of = match &events[..] {
            [event, ..] if !across => event.slug.clone(),
            _ => "all".to_owned(),
        };
        let read = across.then(|| events.iter().map(|event| event.key.clone()).collect());
        let events = events.into_iter().map(LocalEvent::of).collect::<Result<Vec<_>, _>>();
        let request = Request {
            events: events.map_err(ExportError::Failed)?,
            across,
            form,
            columns: exporter.columns(language),
            language,
        };

        let plan = Plan {
            kind,
            title: exporter.label(language),
            columns: request.headings(exporter.by_event()),
            decimal_comma: language == Language::German,
            made: job.now,
            most_rows: file::MOST_XLSX_ROWS,
            folder: self.folder.clone(),
        };
        let orders = self.counted(Orders::of(&self.database, request.events.len()).await);
        let mut orders = orders.map_err(|error| told(error.into(), language))?;
        let (mut rows, batches) = table::channel();
        let writer = spawn_blocking(move || file::write(&plan, batches));
        match exporter.rows(&mut orders, &request, &mut rows).await {
            Ok(()) => rows.finish().await,
            // The writer's own answer says why it stopped.
            Err(Stop::Closed) => {}
            Err(stop) => {
                if matches!(stop, Stop::Database(_)) {
                    self.errors.inc();
                }
                return Err(told(stop, language));
            }
        }
        drop(orders);
        let written = writer.await.map_err(|error| ExportError::Failed(error.to_string()))?;
        let written = written.map_err(|error| match error {
            WriteError::TooManyRows(most) => ExportError::Failed(text::export_too_many_rows(language, most)),
            WriteError::Abandoned => ExportError::Unavailable("the export was aborted".into()),
            WriteError::Io(error) => away(&error),
            WriteError::Other(words) => ExportError::Failed(words),
        })?;
        let written = written.ok_or(ExportError::NothingToExport)?;
        Ok(Produced {
            file: written.file,
            facts: FileFacts {
                name: file_name(
                    &[&job.scope.organizer, &of, &job.exporter, &day.to_string()],
                    kind.extension(),
                ),
                content_type: kind.content_type().to_owned(),
                size: written.size,
                rows: Some(written.rows),
                events: read,
            },
        })
    }

    /// The events that this export reads: those that the owner may read now, of those that the form names.
    async fn chosen_events(
        &self,
        job: &ExportJob,
        exporter: &dyn Exporter,
        form: &Form<'_>,
    ) -> Result<Vec<Event>, ExportError> {
        let who = Subject::Owner(job.owner.clone());
        let mut readable = self
            .readable_events(&who, &job.scope.organizer, job.scope.event.as_deref())
            .await
            .map_err(|error| match error {
                PlatformError::Unavailable(why) => ExportError::Unavailable(why.into()),
                error => ExportError::Failed(error.to_string()),
            })?;
        if !open(exporter, &job.scope, !readable.is_empty()) {
            return Err(ExportError::NotAllowed);
        }
        if job.scope.event.is_none()
            && let Some(listed) = form.listed_events().map_err(ExportError::InvalidFormData)?
        {
            let places: HashMap<&String, usize> = listed.iter().zip(0..).collect();
            readable.retain(|event| {
                let place = places.get(&event.slug);
                // A later event of the same slug is not the one that was listed.
                place.is_some_and(|place| form.event_number(*place).is_none_or(|latest| event.number <= latest))
            });
        }
        if readable.is_empty() {
            return Err(ExportError::NotAllowed);
        }
        Ok(readable)
    }
}

fn told(stop: Stop, language: Language) -> ExportError {
    match stop {
        Stop::Unfit(why) => ExportError::InvalidFormData(why),
        Stop::Closed => ExportError::Unavailable("the export was aborted".into()),
        Stop::Database(error) => match error {
            PlatformError::Unavailable(why) => ExportError::Unavailable(why.into()),
            _ => ExportError::Failed(text::export_orders(language).to_owned()),
        },
    }
}

fn away(error: &std::io::Error) -> ExportError {
    ExportError::Unavailable(format!("could not write the export file: {error}").into())
}

/// Parts joined to a name that every file system and mail program takes.
fn file_name(parts: &[&str], extension: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            c
        } else {
            '-'
        }
    };
    let parts: Vec<String> = parts.iter().map(|part| part.chars().map(safe).collect()).collect();
    format!("{}.{extension}", parts.join("_"))
}

#[cfg(test)]
mod tests;
