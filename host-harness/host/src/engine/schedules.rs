//! `schedules`: calls on behalf of one caller. A successful call returns its staged writes, to be committed.

use std::sync::Arc;

use serde::de::IgnoredAny;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wasmtime::component::Resource;

use super::{Engine, GuestFault, Instance, conclude};
use crate::contract::{self, PageQuery, Problem};
use crate::contract::{
    Acted, RunQuery,
    exported::schedules::{Page, Versioned},
};
use crate::imports::{Call, Imports};

/// The result of a successful call. Return `answer` to the caller after you have committed the writes that are staged on
/// `access`, as one transaction with everything that you store with them (audit entry, idempotency record).
#[derive(Debug)]
#[must_use = "staged writes are not committed until you commit them"]
pub struct Accepted<T, A> {
    /// The result. Documents are JSON.
    pub answer: T,
    /// The handle that the call borrowed, with its staged writes.
    pub access: A,
}

/// Why there is nothing to commit. The access and its staged writes are dropped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unaccepted {
    /// The component's own error, for the caller.
    #[error("refused")]
    Problem(Problem),
    /// The call did not return. The text is for the log.
    #[error(transparent)]
    Fault(#[from] GuestFault),
}

/// The result of a call: see [`Accepted`] and [`Unaccepted`].
type Called<T, H> = Result<Accepted<T, <H as crate::imports::AuthContext>::Access>, Unaccepted>;

/// The functions of `schedules`, for one call with one access. Each runs in a new instance, within
/// [`Limits::call_compute`](super::Limits::call_compute) and [`Limits::call_deadline`](super::Limits::call_deadline).
#[must_use = "does nothing until one of its methods is called"]
pub struct Schedules<'a, H: Imports> {
    engine: &'a Engine<H>,
    host: &'a Arc<H>,
    access: H::Access,
}

impl<H: Imports> Engine<H> {
    /// Prepares one call of `schedules` with this access.
    pub fn schedules<'a>(&'a self, host: &'a Arc<H>, access: H::Access) -> Schedules<'a, H> {
        Schedules {
            engine: self,
            host,
            access,
        }
    }
}

/// The handle that the call borrows.
fn lent() -> Resource<contract::Access> {
    Resource::new_borrow(0)
}

impl<'a, H: Imports> Schedules<'a, H> {
    /// Returns a page of the schedules that the caller can see here.
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

    /// Returns one schedule, with the version to compare `if_version` with.
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

    /// Creates a schedule that the caller owns.
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

    /// Replaces all fields; omitted ones return to their defaults.
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

    /// Changes only the given fields.
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

    /// Deletes the schedule.
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

    /// Returns the run history, latest due time first.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn runs(self, id: u64, query: &RunQuery) -> Called<Page, H> {
        let deadline = self.engine.limits.call_deadline;
        let mut instance = self.open("runs").await?;
        let schedules = instance.plugin.ticketing_scheduled_exports_schedules();
        let asked = timeout(deadline, schedules.call_runs(&mut instance.store, lent(), id, query)).await;
        close(instance, asked)
    }

    /// Returns the exporters that the caller can use, with their fields; with `only`, that one or `not-found`.
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
    pub async fn act(self, id: Option<u64>, verb: &str, document: String) -> Called<Acted, H> {
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

/// The result of a call, with the access if there is something to commit.
fn close<T: Documents, H: Imports>(
    mut instance: Instance<'_, H>,
    asked: Result<wasmtime::Result<Result<T, Problem>>, Elapsed>,
) -> Called<T, H> {
    let answer = conclude(asked, instance.store.data())?.map_err(Unaccepted::Problem)?;
    // The component that was built with this host writes documents with the same JSON library that would read them here. On a
    // page of 50, reading them takes a tenth of the whole call.
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

/// A result with documents in it. They are passed on unchanged: one that is not JSON would corrupt the response around it.
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

impl Documents for Acted {
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
