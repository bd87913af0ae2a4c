//! Schedules as documents: listed, shown, created, changed, previewed, deleted.

use axum::http::{Method, StatusCode};
use clap::Args;
use serde_json::{Map, Value, json};

use super::api::{Api, Reply, encoded};
use super::fields::{EXPORTER, Fields, timing_schema};
use super::{At, Shown, shown};
use crate::cli::Failure;

/// Schedules on a page of a list, the most that the API has.
const PAGE: usize = 50;

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule list --data ./data --as john@example.com --organizer bigevents --event sampleconf"
)]
pub struct List {
    /// Sort by id, export_identifier or schedule_next_run; with a leading `-`, in descending order
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    ordering: Option<String>,
    #[command(flatten)]
    pub at: At,
}

impl List {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let ordering = self.ordering.as_deref().unwrap_or("id");
        let mut schedules = Vec::new();
        for page in 1.. {
            let query = format!("?ordering={}&page={page}&page_size={PAGE}", encoded(ordering));
            let mut found = api.get(&query).await?;
            if let Value::Array(results) = found["results"].take() {
                schedules.extend(results);
            }
            if found["next"].is_null() {
                break;
            }
        }
        let text = match schedules.as_slice() {
            [] => "no schedules".to_owned(),
            schedules => shown::list(schedules),
        };
        Ok(Shown {
            text,
            document: schedules.into(),
        })
    }
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness schedule show 2 --data ./data --as john@example.com --organizer bigevents")]
pub struct Show {
    /// Schedule ID
    id: u64,
    #[command(flatten)]
    pub at: At,
}

impl Show {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let document = api.send_to(Method::GET, self.id, "", None).await?.body;
        let mut members = document.as_object().cloned().unwrap_or_default();
        let rule = api.send(Method::GET, &format!("{}/rule/", self.id), None).await?;
        // A plugin without the view, or a stored rule that no view can read: the schedule is shown without it.
        if rule.is_success() && rule.body["words"].is_string() {
            members.insert("rule in words".to_owned(), rule.body["words"].clone());
        }
        Ok(Shown {
            text: shown::object(&members),
            document,
        })
    }
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule create --data ./data --as john@example.com --organizer bigevents --event sampleconf \\\n    --set export_identifier=orderlist --set form._format=xlsx --set form.date_range=week_previous \\\n    --set schedule_rrule='RRULE:FREQ=WEEKLY;BYDAY=MO' --set schedule_rrule_time=06:30 \\\n    --set mail_subject='Orders of last week' --set mail_template='Every Monday.'"
)]
pub struct Create {
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    pub at: At,
}

impl Create {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let mut document = self.fields.document()?;
        let schema = schema_for(api, &self.fields, &document).await?;
        self.fields.apply(&mut document, &schema)?;
        let created = api.send(Method::POST, "", Some(&document.into())).await?.accepted()?;
        Ok(saved("created", created))
    }
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule edit 2 --data ./data --as john@example.com --organizer bigevents --set schedule_rrule_time=07:00"
)]
pub struct Edit {
    /// Schedule ID
    id: u64,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    pub at: At,
}

impl Edit {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        if self.fields.is_empty() {
            return Err(Failure::Usage(
                "nothing to change: expected --set, --unset or --file".to_owned(),
            ));
        }
        let read = api.send_to(Method::GET, self.id, "", None).await?;
        let form = api.get(&format!("{}/form/", self.id)).await?;
        if let Some(reason) = form["locked"].as_str() {
            return Err(Failure::Sentence(format!(
                "this schedule is locked: {}",
                reason.trim_end_matches('.')
            )));
        }
        let mut changes = self.fields.document()?;
        // The form is replaced as a whole, so that a change of one member begins with the others.
        if self.fields.changes_form() && !changes.contains_key("export_form_data") {
            changes.insert("export_form_data".to_owned(), read.body["export_form_data"].clone());
        }
        let schema = match self.fields.text(EXPORTER).is_some() || form["schema"].is_null() {
            true => schema_for(api, &self.fields, &with_stored_exporter(&changes, &read.body)).await?,
            false => form["schema"].clone(),
        };
        self.fields.apply(&mut changes, &schema)?;
        let changed = api.patch(self.id, &changes.into(), &read.headers).await?.accepted()?;
        Ok(saved("changed", changed))
    }
}

fn with_stored_exporter(changes: &Map<String, Value>, stored: &Value) -> Map<String, Value> {
    let mut document = changes.clone();
    document.entry(EXPORTER).or_insert_with(|| stored[EXPORTER].clone());
    document
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule preview --data ./data --as john@example.com --organizer bigevents \\\n    --set schedule_rrule='RRULE:FREQ=MONTHLY;BYDAY=1MO' --set schedule_rrule_time=06:30"
)]
pub struct Preview {
    /// Schedule ID; without it, fields that are not saved
    id: Option<u64>,
    /// Maximum number of runs, 1 to 100
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    pub at: At,
}

impl Preview {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let document = match self.id {
            Some(id) if self.fields.is_empty() => {
                let query = format!("?limit={}", self.limit);
                api.verb(Method::GET, id, "preview", &query, None).await?.body
            }
            Some(id) => {
                let mut changes = self.fields.document()?;
                let form = api.send_to(Method::GET, id, "form/", None).await?.body;
                self.fields.apply(&mut changes, &form["schema"])?;
                changes.insert("limit".to_owned(), self.limit.into());
                api.verb(Method::POST, id, "preview", "", Some(&changes.into()))
                    .await?
                    .body
            }
            None => {
                let mut document = self.fields.document()?;
                let has_exporter = self.fields.text(EXPORTER).is_some() || document.contains_key(EXPORTER);
                let schema = match has_exporter {
                    true => schema_for(api, &self.fields, &document).await?,
                    // The rule alone has a preview, too.
                    false => timing_schema(),
                };
                self.fields.apply(&mut document, &schema)?;
                document.insert("limit".to_owned(), self.limit.into());
                let preview = api.send(Method::POST, "preview/", Some(&document.into())).await?;
                preview.accepted()?.body
            }
        };
        Ok(Shown {
            text: shown::preview(&document),
            document,
        })
    }
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule delete 2 --data ./data --as john@example.com --organizer bigevents"
)]
pub struct Delete {
    /// Schedule ID
    id: u64,
    #[command(flatten)]
    pub at: At,
}

impl Delete {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        api.send_to(Method::DELETE, self.id, "", None).await?;
        Ok(Shown {
            text: format!("schedule {} deleted", self.id),
            document: json!({"id": self.id, "deleted": true}),
        })
    }
}

/// A schedule as it was saved.
fn saved(done: &str, Reply { body, .. }: Reply) -> Shown {
    Shown {
        text: format!("schedule {} {done}\n{}", body["id"], shown::document(&body)),
        document: body,
    }
}

/// The schema for the exporter that the options or else the document name.
pub async fn schema_for(api: &Api, fields: &Fields, document: &Map<String, Value>) -> Result<Value, Failure> {
    let exporter = fields.text(EXPORTER).or_else(|| document.get(EXPORTER)?.as_str());
    let Some(exporter) = exporter else {
        let known = api.exporters().await?.join(", ");
        return Err(Failure::Usage(format!(
            "no exporter given: expected --set {EXPORTER}= one of {known}"
        )));
    };
    let form = api
        .send(
            Method::GET,
            &format!("form/?export_identifier={}", encoded(exporter)),
            None,
        )
        .await?;
    if form.status == StatusCode::NOT_FOUND {
        let known = api.exporters().await?.join(", ");
        return Err(form.rejected(format!("unknown exporter `{exporter}`: expected one of {known}")));
    }
    Ok(form.accepted()?.body)
}
