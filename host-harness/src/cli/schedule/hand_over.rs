//! `harness schedule hand-over`.

use std::sync::Arc;

use axum::http::Method;
use clap::Args;
use host_harness::command::table::table;
use reference_platform::{Platform, slug_of};
use reference_server::ports::HostFacts;
use reference_server::service::Service;
use scheduled_exports_host::clock::{Clock, VirtualClock};
use scheduled_exports_host::contract::{Position, SortKey};
use scheduled_exports_store::usage::UsageLimits;
use scheduled_exports_store::{ListFilter, ListQuery, Row, Scope, Storage, Visible};
use serde_json::json;

use super::api::{Api, Transport};
use super::store::{Caller, Store};
use super::target::{Notices, Purpose, active_user};
use crate::cli::{Data, Failure, Output, PluginFile, host, instant, say};

/// Rows that are read at a time.
const PAGE: u32 = 50;

/// Give all schedules of a user to another one, each only if the new owner has permission for everything that it can export. For
/// operators: it works on the store.
#[derive(Args)]
#[command(
    after_help = "Example:\n  harness schedule hand-over --data ./data --from john@example.com --to mary@example.org --dry-run"
)]
pub struct HandOver {
    #[command(flatten)]
    data: Data,
    /// Address of the present owner, or the ID of one who was deleted
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// Address of the new owner
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// Hand over only schedules of this organizer
    #[arg(long, value_name = "SLUG")]
    organizer: Option<String>,
    /// Report what would be handed over, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Time of the call, from which schedules are rescheduled [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    #[command(flatten)]
    notices: Notices,
    #[command(flatten)]
    plugin: PluginFile,
    #[command(flatten)]
    output: Output,
}

/// The result for one schedule: the reason if it stays.
struct Moved {
    row: Row,
    kept_because: Option<String>,
}

impl HandOver {
    pub async fn run(&self) -> Result<(), Failure> {
        let purpose = if self.dry_run { Purpose::Reads } else { Purpose::Changes };
        let facts = HostFacts {
            // The limits are for callers of the API, and a user can own more schedules than one changes in a minute.
            limits: UsageLimits::none(),
            ..self.notices.facts(&self.data, purpose)?
        };
        let base_url = facts.base_url.clone();
        let clock = self.now.map(|now| Arc::new(VirtualClock::at(now)) as Arc<dyn Clock>);
        let service = host::open(&self.data, false, &self.plugin, clock, facts).await?;
        let to = active_user(service.platform(), "--to", &self.to).await?;
        let from = match service.platform().user_by_email(&self.from).await? {
            Some(user) => user.id,
            None => self.from.clone(),
        };
        if from == to.id {
            return Err(Failure::Usage("--from and --to are the same user".to_owned()));
        }
        let rows = self.owned(&service, &from).await?;
        if rows.is_empty() && service.platform().user(&from).await?.is_none() {
            return Err(Failure::Sentence(format!(
                "--from: no user in this store has the address {}, and no schedule belongs to a deleted user of this ID",
                self.from
            )));
        }
        let mut moved = Vec::new();
        for row in rows {
            let kept_because = match address(service.platform(), &row.scope).await? {
                Err(reason) => Some(reason),
                Ok(event) => {
                    let caller = Caller {
                        user: to.id.clone(),
                        // The new owner need not have been permitted to see the schedule before: the operator decides on that.
                        sees_all: true,
                        rehearses: self.dry_run,
                    };
                    let store = Store::new(Arc::clone(&service), caller, &base_url);
                    let api = Api::of(Transport::Store(store), &row.scope.organizer, event);
                    let reply = api
                        .send(Method::POST, &format!("{}/take_over/", row.id), Some(&json!({})))
                        .await?;
                    (!reply.is_success()).then(|| reply.reason())
                }
            };
            moved.push(Moved { row, kept_because });
        }
        service.close().await;
        self.report(&moved)
    }

    /// All schedules of the user. They are read before the first is moved, because moving changes the pages.
    async fn owned(&self, service: &Service, owner: &str) -> Result<Vec<Row>, Failure> {
        let platform = service.platform();
        let organizers = match &self.organizer {
            Some(slug) if platform.organizer(slug).await?.is_none() => {
                return Err(Failure::Sentence(format!(
                    "organizer `{slug}` does not exist in this store"
                )));
            }
            Some(slug) => vec![slug.clone()],
            None => platform.organizers().await?.into_iter().map(|one| one.slug).collect(),
        };
        let mut rows = Vec::new();
        for organizer in organizers {
            for (event, _) in service.storage().scopes(&organizer).await? {
                let scope = Scope {
                    organizer: organizer.clone(),
                    event,
                };
                let seen = Visible {
                    scope,
                    only_owner: Some(owner.to_owned()),
                };
                collect(&**service.storage(), &seen, &mut rows).await?;
            }
        }
        Ok(rows)
    }

    fn report(&self, moved: &[Moved]) -> Result<(), Failure> {
        let kept = moved.iter().filter(|one| one.kept_because.is_some()).count();
        let (done, dry) = (moved.len() - kept, self.dry_run);
        if self.output.json {
            for Moved { row, kept_because } in moved {
                say(json!({
                    "schedule": row.id, "organizer": row.scope.organizer, "event": row.scope.event,
                    "export_identifier": row.content.export_identifier, "dry_run": dry,
                    "handed_over": kept_because.is_none(), "reason": kept_because,
                }))?;
            }
        } else {
            let rows: Vec<Vec<String>> = moved.iter().map(|one| self.cells(one)).collect();
            if !rows.is_empty() {
                say(table(&["schedule", "place", "exporter", "result"], &rows).trim_end())?;
            }
            let doing = if dry { "can be handed over" } else { "handed over" };
            say(format_args!(
                "{done} of {} schedules {doing} to {}",
                moved.len(),
                self.to
            ))?;
        }
        match kept {
            0 => Ok(()),
            kept => Err(Failure::Sentence(format!(
                "{kept} of {} schedules stay with {}",
                moved.len(),
                self.from
            ))),
        }
    }

    fn cells(&self, Moved { row, kept_because }: &Moved) -> Vec<String> {
        let place = match &row.scope.event {
            Some(event) => format!("{}/{event}", row.scope.organizer),
            None => row.scope.organizer.clone(),
        };
        let result = match kept_because {
            Some(reason) => format!("stays: {reason}"),
            None if self.dry_run => "can be handed over".to_owned(),
            None => "handed over".to_owned(),
        };
        vec![row.id.to_string(), place, row.content.export_identifier.clone(), result]
    }
}

async fn collect(storage: &dyn Storage, seen: &Visible, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let mut at = Position::Number(1);
    loop {
        let query = ListQuery {
            filter: ListFilter::default(),
            order: SortKey::Id,
            descending: false,
            at,
            size: PAGE,
        };
        let Some(page) = storage.list(seen, &query).await? else {
            return Ok(());
        };
        rows.extend(page.rows);
        match page.next {
            Some(next) => at = Position::After(next),
            None => return Ok(()),
        }
    }
}

/// The slug by which paths name the event of a scope now, or why none does.
async fn address<'a>(platform: &Platform, scope: &'a Scope) -> Result<Result<Option<&'a str>, String>, Failure> {
    let Some(key) = &scope.event else {
        return Ok(Ok(None));
    };
    let slug = slug_of(key);
    // An event that is there now can have the slug of a deleted one.
    Ok(match platform.event(&scope.organizer, slug).await? {
        Some(event) if event.key == *key => Ok(Some(slug)),
        _ => Err("its event was deleted, so it can only be read or deleted".to_owned()),
    })
}
