//! Verbs of a schedule, and the view that explains its state.

use axum::http::{Method, StatusCode};
use clap::Args;
use serde_json::{Value, json};

use super::api::{Api, Reply, encoded};
use super::documents::schema_for;
use super::fields::Fields;
use super::{At, Shown, shown};
use crate::cli::Failure;

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule explain 2 --data ./data --as john@example.com --organizer bigevents"
)]
pub struct Explain {
    /// Schedule ID
    id: u64,
    /// Explain this due time instead of the present state
    #[arg(long, value_name = "INSTANT")]
    due: Option<String>,
    #[command(flatten)]
    pub at: At,
}

impl Explain {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let query = self
            .due
            .as_ref()
            .map(|due| format!("?due={}", encoded(due)))
            .unwrap_or_default();
        let document = api.verb(Method::GET, self.id, "explain", &query, None).await?.body;
        Ok(Shown {
            text: shown::explanation(&document),
            document,
        })
    }
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule pause 2 --data ./data --as john@example.com --organizer bigevents --reason 'Summer break'"
)]
pub struct Pause {
    /// Schedule ID
    id: u64,
    /// Reason, for all who can see the schedule
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Time at which the schedule resumes by itself
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[command(flatten)]
    pub at: At,
}

impl Pause {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let body = members([("reason", &self.reason), ("until", &self.until)]);
        act(api, self.id, "pause", &body, "paused").await
    }
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule resume 2 --data ./data --as john@example.com --organizer bigevents"
)]
pub struct Resume {
    /// Schedule ID
    id: u64,
    #[command(flatten)]
    pub at: At,
}

impl Resume {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        act(api, self.id, "resume", &json!({}), "resumed").await
    }
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness schedule run 2 --data ./data --as john@example.com --organizer bigevents")]
pub struct Run {
    /// Schedule ID
    id: u64,
    /// Run this past due time once more, with its date ranges, instead of running now
    #[arg(long, value_name = "INSTANT")]
    due: Option<String>,
    #[command(flatten)]
    pub at: At,
}

impl Run {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let body = members([("due", &self.due)]);
        let reply = api.verb(Method::POST, self.id, "run", "", Some(&body)).await?;
        Ok(ordered("run", reply))
    }
}

#[derive(Args)]
#[command(after_help = "Example:\n  harness schedule test 2 --data ./data --as john@example.com --organizer bigevents")]
pub struct Test {
    /// Schedule ID; without it, fields that are not saved
    #[arg(required_unless_present_any = ["set", "file"], conflicts_with_all = ["set", "unset", "file"])]
    id: Option<u64>,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    pub at: At,
}

impl Test {
    pub async fn ask(&self, api: &Api) -> Result<Shown, Failure> {
        let reply = match self.id {
            Some(id) => api.verb(Method::POST, id, "test", "", Some(&json!({}))).await?,
            None => {
                let mut document = self.fields.document()?;
                let schema = schema_for(api, &self.fields, &document).await?;
                self.fields.apply(&mut document, &schema)?;
                let reply = api.send(Method::POST, "test/", Some(&document.into())).await?;
                match reply.status {
                    StatusCode::NOT_FOUND => {
                        return Err(
                            reply.rejected("this plugin has no `test` for fields that are not saved".to_owned())
                        );
                    }
                    _ => reply.accepted()?,
                }
            }
        };
        Ok(ordered("test", reply))
    }
}

/// The JSON object of those options that are given.
fn members<const N: usize>(options: [(&str, &Option<String>); N]) -> Value {
    let given = options
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into())));
    Value::Object(given.collect())
}

/// Sends a verb that returns a document, or nothing.
async fn act(api: &Api, id: u64, verb: &str, body: &Value, done: &str) -> Result<Shown, Failure> {
    let document = api.verb(Method::POST, id, verb, "", Some(body)).await?.body;
    let text = match document.is_null() {
        true => String::new(),
        false => shown::document(&document),
    };
    Ok(Shown {
        text: format!("schedule {id} {done}\n{text}"),
        document,
    })
}

/// A run that a host has accepted and has not begun.
fn ordered(kind: &str, reply: Reply) -> Shown {
    let id = reply.created().map(str::to_owned);
    let text = match (&id, &reply.body) {
        (Some(id), Value::Null) => format!("{kind} {id} ordered"),
        (None, Value::Null) => format!("{kind} ordered"),
        (Some(id), body) => format!("{kind} {id} ordered\n{}", shown::document(body)),
        (None, body) => format!("{kind} ordered\n{}", shown::document(body)),
    };
    let document = match reply.body {
        Value::Null => json!({"run": id}),
        body => body,
    };
    Shown { text, document }
}
