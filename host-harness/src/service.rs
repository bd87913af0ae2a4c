//! The component as the rest of the host sees it: one function to ask it something on behalf of a caller.

use std::sync::Arc;

use crate::clock::Clock;
use crate::contract::auth_context::Caller;
use crate::contract::{PageQuery, Position, Problem};
use crate::platform::{Platform, Principal};
use crate::storage::{KeptAnswer, RequestKey, Scope, Storage};

/// What a caller may do here, as the HTTP API has found out: what an `access` handle is minted from.
#[derive(Clone, Debug)]
pub struct Grant {
    pub scope: Scope,
    pub principal: Principal,
    pub caller: Caller,
    /// Of messages: a BCP 47 tag.
    pub language: String,
    pub may_change_settings: bool,
    pub may_write: bool,
}

/// An exported function of `schedules`, with its arguments.
#[derive(Clone, Debug)]
pub enum Operation {
    List(PageQuery),
    Get(u64),
    Create(String),
    Replace { id: u64, document: String, if_version: Option<u64> },
    Patch { id: u64, document: String, if_version: Option<u64> },
    Delete { id: u64, if_version: Option<u64> },
    Runs { id: u64, at: Position, size: u32 },
    Exporters(Option<String>),
    Act { id: Option<u64>, verb: String, document: String },
}

/// What it answered. Documents are JSON texts, to be passed on as they are.
#[derive(Clone, Debug)]
pub enum Answer {
    Page { total: u64, documents: Vec<String>, next: Option<String> },
    Document { document: String, version: u64 },
    Deleted,
    Exporters(Vec<String>),
    Acted(String),
}

/// The idempotency record that is written in the transaction of the change.
pub struct Keep<'a> {
    pub key: RequestKey,
    pub ticket: u64,
    /// What the API will answer, given what the component answered.
    pub answer: &'a (dyn Fn(&Answer) -> KeptAnswer + Send + Sync),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The component's own refusal.
    #[error("refused")]
    Problem(Problem),
    /// Store or platform are away; the same call can work later. For the log.
    #[error("away: {0}")]
    Unavailable(String),
    /// The idempotency key was taken over by another request meanwhile.
    #[error("the idempotency key was taken over")]
    Superseded,
    /// The component trapped or ran past a limit. For the log; nothing was changed.
    #[error("the component failed: {0}")]
    Trapped(String),
}

/// The component, and what it is given.
pub struct Service {
    storage: Arc<dyn Storage>,
    platform: Platform,
    clock: Arc<dyn Clock>,
}

impl Service {
    /// Asks the component, in a fresh instance. Changes are committed, with audit and `keep`, only if it answers `Ok`.
    ///
    /// # Errors
    /// See [`CallError`]; nothing was changed in any case.
    pub async fn call(&self, _grant: &Grant, _operation: Operation, _keep: Option<Keep<'_>>) -> Result<Answer, CallError> {
        unimplemented!()
    }

    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}
