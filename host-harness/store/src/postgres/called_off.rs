//! Exports that are called off after they were made: what is left of their mails, and their links.

use super::audit::Entries;
use super::client::{self, Connection};
use super::columns::{event_of, text};
use super::files;
use super::outbox::forget_text_if_final;
use super::runs::{self, Cancelled};
use crate::clock::Instant;

/// What is called off.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    /// All mails about runs that were not handed over yet.
    All(Cancelled<'a>),
    /// The export of one run.
    Run(i64),
}

/// Mails that are called off, with their runs: of a schedule $1, an organizer $2 or its event $3, or a run $1.
pub(super) const MAILS_OF_SCHEDULE: &str = "select distinct m.id, m.run from mail m join delivery d on d.mail = m.id
     where m.schedule = $1 and $2::text is null and $3::text is null and m.run is not null and d.status in ('queued', 'retrying') order by m.run";
pub(super) const MAILS_OF_ORGANIZER: &str = "select distinct m.id, m.run from delivery d join mail m on m.id = d.mail
     where $1::bigint is null and d.organizer = $2 and d.wake_at is not null and m.run is not null
     and ($3::text is null or m.event = $3) order by m.run";
pub(super) const MAILS_OF_RUN: &str = "select distinct m.id, m.run from mail m join delivery d on d.mail = m.id
     where m.run = $1 and $2::text is null and $3::text is null and m.kind = 'export' and d.status in ('queued', 'retrying') order by m.run";

/// Takes back links, and answers whose they were.
pub(super) const LINKS_OF_SCHEDULE: &str = "update run set link_hash = null, link_expires = null
     where schedule = $1 and $2::text is null and $3::text is null and link_hash is not null returning id";
pub(super) const LINKS_OF_ORGANIZER: &str = "update run set link_hash = null, link_expires = null
     where $1::bigint is null and organizer = $2 and ($3::text is null or event = $3) and link_hash is not null returning id";
pub(super) const LINKS_OF_RUN: &str = "update run set link_hash = null, link_expires = null
     where id = $1 and $2::text is null and $3::text is null and link_hash is not null returning id";

/// Calls off what has not left: deliveries that nobody tries at this moment, and links. Who is trying one finds it called off
/// afterwards, if the server did not take it. Runs that have nobody left to wait for end.
///
/// The rows of the schedules are locked where all of theirs is called off, so that no mail comes in meanwhile.
pub(super) async fn call_off(
    on: &Connection,
    which: Which<'_>,
    words: &str,
    now: Instant,
    said: &mut Entries,
) -> client::Result<()> {
    let (id, slug, event, mails, links) = match which {
        Which::All(Cancelled::Schedule(id) | Cancelled::Changed(id)) => {
            (Some(id), None, None, MAILS_OF_SCHEDULE, LINKS_OF_SCHEDULE)
        }
        Which::All(Cancelled::Organizer(slug)) => {
            (None, Some(text(slug)), None, MAILS_OF_ORGANIZER, LINKS_OF_ORGANIZER)
        }
        Which::All(Cancelled::Event(scope)) => {
            let (slug, event) = (Some(text(&scope.organizer)), Some(event_of(scope)));
            (None, slug, event, MAILS_OF_ORGANIZER, LINKS_OF_ORGANIZER)
        }
        Which::Run(run) => (Some(run), None, None, MAILS_OF_RUN, LINKS_OF_RUN),
    };
    let found: Vec<(i64, i64)> = on.fetch_all(mails, &[&id, &slug.as_deref(), &event.as_deref()]).await?;
    let (mails, mut runs): (Vec<i64>, Vec<i64>) = found.into_iter().unzip();
    runs.dedup();
    if !runs.is_empty() {
        // Of a recipient that becomes final and this, the later must see the earlier.
        on.execute(
            "select id from run where id = any($1) order by id for no key update",
            &[&runs],
        )
        .await?;
        on.execute(
            "update mail set called_off = $2 where id = any($1) and called_off is null",
            &[&mails, &text(words)],
        )
        .await?;
        on.execute(
            "update delivery set status = 'cancelled', words = $2
             where mail = any($1) and status in ('queued', 'retrying') and lease_until is null",
            &[&mails, &text(words)],
        )
        .await?;
        on.execute(forget_text_if_final!(), &[&mails]).await?;
    }
    let links: Vec<i64> = on.fetch_all(links, &[&id, &slug.as_deref(), &event.as_deref()]).await?;
    runs::conclude(on, &runs, now, said).await?;
    files::drop_unneeded(on, &links).await
}
