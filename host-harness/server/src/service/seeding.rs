//! Schedules that a fixture brings along: made by the component, like any other.

use reference_platform::{FixtureSchedule, PlatformError, Principal};
use scheduled_exports_host::contract::auth_context::Caller;
use scheduled_exports_host::contract::{Problem, ScheduleState};
use scheduled_exports_host::imports::STOPS_AT;
use scheduled_exports_store::{Change, CommitError, Row, Scope};
use serde_json::Value;

use super::{CallError, Grant, Operation, Service};

/// Why a fixture's schedule was not put in.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// An address that nobody there has.
    #[error("owner {0} is not a user in the fixture")]
    NoOwner(String),
    /// The component's words.
    #[error("{0}")]
    Refused(String),
    /// The component came to no answer.
    #[error(transparent)]
    Call(CallError),
    /// Its answer could not be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<CallError> for SeedError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Problem(Problem::Invalid(errors)) => {
                let errors: Vec<String> = errors
                    .iter()
                    .map(|error| format!("{}: {}", error.path.join("/"), error.message))
                    .collect();
                Self::Refused(errors.join("; "))
            }
            CallError::Problem(Problem::Forbidden(words) | Problem::Malformed(words)) => Self::Refused(words),
            other => Self::Call(other),
        }
    }
}

impl Service {
    /// Has the component make a fixture's schedule as its owner, and stores it with the id and counter that the fixture gives.
    ///
    /// # Errors
    /// What the component says against it.
    pub async fn seed(&self, schedule: &FixtureSchedule) -> Result<u64, SeedError> {
        let away = |error: PlatformError| SeedError::Call(error.into());
        let owner = self
            .platform()
            .user_by_email(&schedule.owner)
            .await
            .map_err(away)?
            .ok_or_else(|| SeedError::NoOwner(schedule.owner.clone()))?;
        let scope = Scope {
            organizer: schedule.organizer.clone(),
            event: schedule.event.clone(),
        };
        let place = self.platform().place(&scope).await.map_err(away)?;
        let grant = Grant {
            principal: Principal::User {
                id: owner.id.clone(),
                may_read: true,
                may_write: true,
                organizers: vec![scope.organizer.clone()],
            },
            scope: scope.clone(),
            language: self.services.facts.languages[0].clone(),
            caller: Caller::User(owner),
            may_change_settings: true,
            may_write: true,
            place,
            event_deleted: false,
            reaches_deleted_events: false,
        };
        let access = self.mint_access(&grant);
        let document = Value::Object(schedule.document.clone()).to_string();
        let (_, access) = self.ask(access, Operation::Create(document)).await?;
        let Some(Change::Insert { id, owner, mut content }) = access.staged.into_iter().next() else {
            return Err(SeedError::Refused("the plugin did not store the schedule".into()));
        };
        if let Some(counter) = schedule.error_counter {
            content.error_counter = counter;
            content.state = match counter < STOPS_AT {
                true => ScheduleState::Active,
                false => ScheduleState::Stopped,
            };
        }
        let id = schedule.id.unwrap_or(id);
        let row = Row {
            id,
            scope,
            owner,
            version: 1,
            content,
        };
        self.storage()
            .seed(&row, &self.services.zone_database, self.clock().now())
            .await?;
        Ok(id)
    }
}
