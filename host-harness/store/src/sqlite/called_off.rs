//! Exports that are called off after they were made: what is left of their mails, and their links.

use rusqlite::{Connection, params};

use super::columns::json_list;
use super::runs::{self, Cancelled};
use super::statement::{execute, values};
use super::{files, outbox};
use crate::StorageError;
use crate::clock::Instant;

/// What is called off.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    /// All mails about runs that were not handed over yet.
    All(Cancelled<'a>),
    /// The export of one run.
    Run(i64),
}

/// Calls off what has not left: deliveries that nobody tries at this moment, and links. Who is trying one finds it called off
/// afterwards, if the server did not take it. Runs that have nobody left to wait for end.
pub(super) fn call_off(on: &Connection, which: Which<'_>, words: &str, now: Instant) -> Result<(), StorageError> {
    let (mails, links) = match which {
        Which::All(Cancelled::Schedule(id) | Cancelled::Changed(id)) => (
            values(
                on,
                "select distinct m.id from mail m join delivery d on d.mail = m.id
                 where m.schedule = ?1 and m.run is not null and d.status in ('queued', 'retrying')",
                [id],
            )?,
            values(
                on,
                "update run set link_hash = null, link_expires = null where schedule = ?1 and link_hash is not null
                 returning id",
                [id],
            )?,
        ),
        Which::All(Cancelled::Organizer(slug)) => (
            values(
                on,
                "select distinct m.id from delivery d join mail m on m.id = d.mail
                 where d.organizer = ?1 and d.wake_at is not null and m.run is not null",
                [slug],
            )?,
            values(
                on,
                "update run set link_hash = null, link_expires = null where organizer = ?1 and link_hash is not null
                 returning id",
                [slug],
            )?,
        ),
        Which::All(Cancelled::Event(scope)) => (
            values(
                on,
                "select distinct m.id from delivery d join mail m on m.id = d.mail
                 where d.organizer = ?1 and d.wake_at is not null and m.run is not null and m.event = ?2",
                params![&scope.organizer, &scope.event],
            )?,
            values(
                on,
                "update run set link_hash = null, link_expires = null
                 where organizer = ?1 and event = ?2 and link_hash is not null returning id",
                params![&scope.organizer, &scope.event],
            )?,
        ),
        Which::Run(run) => (
            values(
                on,
                "select distinct m.id from mail m join delivery d on d.mail = m.id
                 where m.run = ?1 and m.kind = 'export' and d.status in ('queued', 'retrying')",
                [run],
            )?,
            values(
                on,
                "update run set link_hash = null, link_expires = null where id = ?1 and link_hash is not null returning id",
                [run],
            )?,
        ),
    };
    let (mails, links): (Vec<i64>, Vec<i64>) = (mails, links);
    if !mails.is_empty() {
        let ids = &mails;
        let mails = &json_list(ids);
        execute(
            on,
            "update mail set called_off = ?2 where id in (select value from json_each(?1)) and called_off is null",
            params![mails, words],
        )?;
        execute(
            on,
            "update delivery set status = 'cancelled', words = ?2
             where mail in (select value from json_each(?1)) and status in ('queued', 'retrying') and lease_until is null",
            params![mails, words],
        )?;
        outbox::forget_text_if_final(on, ids)?;
        let runs: Vec<i64> = values(
            on,
            "select distinct run from mail where id in (select value from json_each(?1))",
            [mails],
        )?;
        for run in runs {
            runs::conclude(on, run, now)?;
        }
    }
    links.into_iter().try_for_each(|run| files::drop_unneeded(on, run))
}
