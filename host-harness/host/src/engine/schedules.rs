//! `schedules`: asked on behalf of one caller. What the call has staged comes back with its answer, to be committed.

use std::sync::Arc;

use serde::de::IgnoredAny;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wasmtime::component::Resource;

use super::{Engine, GuestFault, Instance, conclude};
use crate::contract::exported::schedules::{Page, Versioned};
use crate::contract::{self, PageQuery, Position, Problem};
use crate::imports::{Call, Imports};

/// The component has accepted: `answer` is for the caller, once the host has committed what is staged on `access`, as one
/// transaction with whatever it keeps beside it (audit, idempotency record).
#[derive(Debug)]
#[must_use = "staged writes are not committed until you commit them"]
pub struct Accepted<T, A> {
    /// What it answers. Documents are JSON.
    pub answer: T,
    /// The handle that was lent, with what the call has staged on it.
    pub access: A,
}

/// Why there is nothing to commit. The access is gone, and what was staged on it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unaccepted {
    /// The component's own refusal, for the caller.
    #[error("refused")]
    Problem(Problem),
    /// It gave no answer. For the log.
    #[error(transparent)]
    Fault(#[from] GuestFault),
}

/// What comes of a call: see [`Accepted`] and [`Unaccepted`].
type Called<T, H> = Result<Accepted<T, <H as crate::imports::AuthContext>::Access>, Unaccepted>;

/// The functions of `schedules`, for one call with one access. Each runs in a fresh instance, within
/// [`Limits::call_compute`](super::Limits::call_compute) and [`Limits::call_deadline`](super::Limits::call_deadline).
#[must_use = "does nothing until one of its methods is called"]
pub struct Schedules<'a, H: Imports> {
    engine: &'a Engine<H>,
    host: &'a Arc<H>,
    access: H::Access,
}

impl<H: Imports> Engine<H> {
    /// To ask for what this access allows.
    pub fn schedules<'a>(&'a self, host: &'a Arc<H>, access: H::Access) -> Schedules<'a, H> {
        Schedules {
            engine: self,
            host,
            access,
        }
    }
}

/// The handle, lent for a call.
fn lent() -> Resource<contract::Access> {
    Resource::new_borrow(0)
}

impl<'a, H: Imports> Schedules<'a, H> {
    /// A page of the schedules that the caller may see here.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn list(self, query: &PageQuery) -> Called<Page, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("list").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(deadline, schedules.call_list(&mut instance.store, lent(), query)).await;
        close(instance, asked)
    }

    /// One of them, with the version that `if_version` is compared with.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn get(self, id: u64) -> Called<Versioned, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("get").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(deadline, schedules.call_get(&mut instance.store, lent(), id)).await;
        close(instance, asked)
    }

    /// A new one, owned by the caller.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn create(self, document: String) -> Called<Versioned, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("create").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(deadline, schedules.call_create(&mut instance.store, lent(), &document)).await;
        close(instance, asked)
    }

    /// All fields; left-out ones go back to their defaults.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn replace(self, id: u64, document: String, if_version: Option<u64>) -> Called<Versioned, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("replace").await?;
        let (schedules, store) = (
            instance.plugin.ticketing_scheduled_exports_schedules(),
            &mut instance.store,
        );
        let asked = timeout(
            deadline,
            schedules.call_replace(store, lent(), id, &document, if_version),
        )
        .await;
        close(instance, asked)
    }

    /// Only what is given.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn patch(self, id: u64, document: String, if_version: Option<u64>) -> Called<Versioned, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("patch").await?;
        let (schedules, store) = (
            instance.plugin.ticketing_scheduled_exports_schedules(),
            &mut instance.store,
        );
        let asked = timeout(deadline, schedules.call_patch(store, lent(), id, &document, if_version)).await;
        close(instance, asked)
    }

    /// Removes it.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn delete(self, id: u64, if_version: Option<u64>) -> Called<(), H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("delete").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(
            deadline,
            schedules.call_delete(&mut instance.store, lent(), id, if_version),
        )
        .await;
        close(instance, asked)
    }

    /// Run history, latest due time first.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn runs(self, id: u64, at: &Position, size: u32) -> Called<Page, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("runs").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(deadline, schedules.call_runs(&mut instance.store, lent(), id, at, size)).await;
        close(instance, asked)
    }

    /// Exporters open to the caller, with their fields; with `only`, that one or `not-found`.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn exporters(self, only: Option<&str>) -> Called<Vec<String>, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("exporters").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(deadline, schedules.call_exporters(&mut instance.store, lent(), only)).await;
        close(instance, asked)
    }

    /// A view that the component has, with or without the id of a schedule; `params` are those of the query, decoded.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn view(self, id: Option<u64>, name: &str, params: &[(String, String)]) -> Called<String, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("view").await?;
        let (schedules, store) = (
            instance.plugin.ticketing_scheduled_exports_schedules(),
            &mut instance.store,
        );
        let asked = timeout(deadline, schedules.call_view(store, lent(), id, name, params)).await;
        close(instance, asked)
    }

    /// Any other verb that the component has, with or without the id of a schedule.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn act(self, id: Option<u64>, verb: &str, document: String) -> Called<String, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("act").await?;
        let (schedules, store) = (
            instance.plugin.ticketing_scheduled_exports_schedules(),
            &mut instance.store,
        );
        let asked = timeout(deadline, schedules.call_act(store, lent(), id, verb, &document)).await;
        close(instance, asked)
    }

    /// The instance, with the access in it.
    async fn open(self, function: &'static str) -> Result<Instance<'a, H>, GuestFault> {
        let limits = &self.engine.limits;
        let mut call = Call::new(self.host, function, limits.memory, &self.engine.handles);
        call.lend_access(self.access);
        let instance = self
            .engine
            .instance_for(call, limits.call_compute, &self.engine.call_places)
            .await;
        instance.map_err(|(fault, _)| fault)
    }
}

/// What came of it, with the access back where there is something to commit.
fn close<T: Documents, H: Imports>(
    mut instance: Instance<'_, H>,
    asked: Result<wasmtime::Result<Result<T, Problem>>, Elapsed>,
) -> Called<T, H> {
    let answer = conclude(asked, instance.store.data())?.map_err(Unaccepted::Problem)?;
    // What was built with this host writes documents with the same JSON library that would read them here: on a page of 50
    // that reading is a tenth of the whole call.
    if !instance.own && !answer.are_json() {
        let words = "the plugin returned a document that is not valid JSON";
        return Err(GuestFault::Trapped(words.into()).into());
    }
    let access = instance.store.data_mut().take_access();
    Ok(Accepted {
        answer,
        access: access.expect("it was lent, and the guest can't keep it"),
    })
}

/// An answer with documents in it. They are passed on as they are: one that is no JSON would spoil what is around it.
trait Documents {
    fn are_json(&self) -> bool;
}

fn is_json(document: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(document).is_ok()
}

impl Documents for Page {
    fn are_json(&self) -> bool {
        self.documents.are_json()
    }
}

impl Documents for Vec<String> {
    fn are_json(&self) -> bool {
        self.iter().all(|document| is_json(document))
    }
}

impl Documents for Versioned {
    fn are_json(&self) -> bool {
        is_json(&self.document)
    }
}

impl Documents for String {
    fn are_json(&self) -> bool {
        is_json(self)
    }
}

impl Documents for () {
    fn are_json(&self) -> bool {
        true
    }
}
