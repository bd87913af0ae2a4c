//! The audit log: who changed what, and how runs ended.

use super::client::{self, Connection, Found, Parameter, Transaction};
use super::columns::{event_of, scope, text};
use crate::Scope;
use crate::clock::Instant;
use crate::contract::Outcome;
use crate::values::told;

/// Actor of what the host does by itself.
const HOST: &str = "host";

/// Puts entries in, each a place in the lists.
const WRITE: &str = "insert into audit (at, organizer, event, schedule, actor, action, detail)
     select $1, * from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])";

/// What a transaction has to say in the end.
#[derive(Default)]
pub(super) struct Entries {
    organizers: Vec<String>,
    events: Vec<String>,
    schedules: Vec<Option<i64>>,
    actors: Vec<String>,
    actions: Vec<String>,
    details: Vec<String>,
}

impl Entries {
    /// Adds that this was done.
    pub(super) fn add(&mut self, scope: &Scope, schedule: Option<i64>, actor: &str, (action, detail): (&str, &str)) {
        self.organizers.push(text(&scope.organizer).into_owned());
        self.events.push(event_of(scope).into_owned());
        self.schedules.push(schedule);
        self.actors.push(text(actor).into_owned());
        self.actions.push(action.to_owned());
        self.details.push(text(detail).into_owned());
    }

    /// Adds a run's outcome.
    pub(super) fn add_run(&mut self, scope: &Scope, schedule: i64, due: Instant, outcome: &Outcome) {
        self.add(scope, Some(schedule), HOST, ("run", &told(due, outcome)));
    }

    /// Adds that these runs have ended: rows of `history_of`, `organizer`, `event` and `due`.
    pub(super) fn add_runs(&mut self, ended: &[Found], outcome: &Outcome) -> client::Result<()> {
        for run in ended {
            self.add_run(&scope(run)?, run.try_get("history_of")?, run.try_get("due")?, outcome);
        }
        Ok(())
    }

    /// Writes them, in the transaction of what they tell of.
    pub(super) async fn write(self, on: &Connection, at: Instant) -> client::Result<()> {
        if !self.organizers.is_empty() {
            on.execute(WRITE, &self.parameters(&at)).await?;
        }
        Ok(())
    }

    /// Writes them at the end of the transaction of what they tell of, on one way to the server with its commit.
    pub(super) async fn commit(self, transaction: Transaction, at: Instant) -> client::Result<()> {
        match self.organizers.is_empty() {
            true => transaction.commit().await,
            false => transaction.commit_after(WRITE, &self.parameters(&at)).await,
        }
    }

    fn parameters<'e>(&'e self, at: &'e Instant) -> [&'e dyn Parameter; 7] {
        [
            at,
            &self.organizers,
            &self.events,
            &self.schedules,
            &self.actors,
            &self.actions,
            &self.details,
        ]
    }
}
