//! What a try means for its delivery: final, tried again, or held until the operator has repaired something.

use super::health::Suspicion;
use super::{MailHealth, Refusal, Trouble, TroubleKind, backoff, words};
use crate::clock::Instant;
use crate::contract::DeliveryStatus;
use crate::storage::{DeliveryResult, DeliveryTask, Storage, StorageError};

/// How a try ended: the server's reply, or why it did not succeed.
pub(super) type Tried = Result<String, Refusal>;

/// After so many tries, of 3 minutes where the host always runs, a plain no is the recipient's if nobody else got one.
const PLAIN_TRIES: u32 = 3;

/// While others are under way that can show whose fault it is, the last word about a recipient waits for so many seconds.
const WAIT_FOR_OTHERS: i64 = 10;

/// What was tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    pub(super) task: &'a DeliveryTask,
    pub(super) about: About,
    /// [`MailHealth::pauses`] when it began.
    pub(super) begun: u64,
    /// Nothing else is under way.
    pub(super) is_alone: bool,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About {
    pub(super) schedule: u64,
    /// It is no export.
    pub(super) is_notice: bool,
}

/// What becomes of a delivery after a try.
enum Recorded {
    Final(DeliveryStatus, String),
    /// Tried again then; the try counts.
    Counted(Instant, String),
    /// Tried again then; the try does not count.
    Held(Instant, String),
}

fn gave_up(reply: &str) -> Recorded {
    Recorded::Final(
        DeliveryStatus::Rejected,
        format!("gave up after 24 hours; last reply: {reply}"),
    )
}

/// What to record about a try that ended at `now`.
///
/// # Errors
/// The store is away, which is asked only where it is unclear whose fault it is. Nothing has changed then, and it can be asked again.
pub(super) async fn of(
    tried: &Tried,
    of: Try<'_>,
    (health, storage): (&MailHealth, &dyn Storage),
    now: Instant,
) -> Result<DeliveryResult, StorageError> {
    let Try { task, about, begun, .. } = of;
    let (key, tries) = ((task.mail, task.position), task.tries.saturating_add(1));
    let next_try = backoff::next_try(tries, now);
    health.tried_schedule(about.schedule);
    let ended = match tried.clone() {
        Ok(reply) => {
            health.accepted(key, now);
            Recorded::Final(DeliveryStatus::Accepted, reply)
        }
        Err(Refusal::Permanent(reply)) => {
            health.answered(now);
            Recorded::Final(DeliveryStatus::Rejected, reply)
        }
        // Nothing was heard of the server.
        Err(Refusal::Unsendable(why)) => Recorded::Final(DeliveryStatus::Rejected, why),
        Err(Refusal::Transient(reply)) => {
            health.answered(now);
            match next_try {
                Some(at) => Recorded::Counted(at, reply),
                None => gave_up(&reply),
            }
        }
        Err(Refusal::Trouble(trouble)) => Recorded::Held(health.hold(&trouble, begun, now), trouble.reply),
        Err(unclear @ (Refusal::Plain(_) | Refusal::Unclear { .. })) => {
            // While nobody is accepted, what was accepted before says nothing.
            let the_recipients =
                health.is_the_recipients(key) || (!health.is_paused() && storage.mail_was_accepted(task.mail).await?);
            health.unclear(key, now);
            let one = Suspicion {
                key,
                organizer: &task.organizer,
                schedule: about.schedule,
                address: &task.address,
                tries,
                is_notice: about.is_notice,
            };
            of_unclear(unclear, (of, one, the_recipients), health, now)
        }
    };
    Ok(match ended {
        Recorded::Final(status, reply) => {
            health.forget(key);
            DeliveryResult {
                status,
                words: words(&reply),
                next_try: None,
                counts: true,
            }
        }
        Recorded::Counted(at, reply) => DeliveryResult {
            status: DeliveryStatus::Retrying,
            words: words(&reply),
            next_try: Some(at),
            counts: true,
        },
        Recorded::Held(until, reply) => DeliveryResult {
            status: DeliveryStatus::Retrying,
            words: words(&reply),
            next_try: Some(until),
            counts: false,
        },
    })
}

/// What becomes of a delivery whose try can be its recipient's fault or the operator's.
fn of_unclear(
    refusal: Refusal,
    (of, one, the_recipients): (Try<'_>, Suspicion<'_>, bool),
    health: &MailHealth,
    now: Instant,
) -> Recorded {
    let is_plain = matches!(refusal, Refusal::Plain(_));
    let (reply, is_final, kind) = match refusal {
        Refusal::Unclear { reply, is_final, kind } => (reply, is_final, kind),
        other => (other.to_string(), true, TroubleKind::Relay),
    };
    if matches!(kind, TroubleKind::Sender | TroubleKind::Relay) {
        // Said by a server that has let this host in.
        health.answered(now);
    }
    let next_try = backoff::next_try(one.tries, now).filter(|_| !is_plain || one.tries < PLAIN_TRIES);
    let trouble = Trouble { kind, reply };
    let held = match (the_recipients, is_final) {
        (true, true) => return Recorded::Final(DeliveryStatus::Rejected, trouble.reply),
        (true, false) if kind != TroubleKind::Busy => None,
        (false, true) => health.hold_rejected(one, &trouble, of.begun, now),
        (_, false) => health.hold_put_off(one, &trouble, of.begun, now),
    };
    match (held, next_try) {
        (Some(until), _) => Recorded::Held(until, trouble.reply),
        (None, Some(at)) => Recorded::Counted(at, trouble.reply),
        (None, None) if !the_recipients && health.is_many() => {
            Recorded::Held(now.saturating_add(backoff::LONGEST_WAIT), trouble.reply)
        }
        // A process that has just begun knows of nobody else: what else is due is tried before it is the last word.
        (None, None) if !the_recipients && !of.is_alone => {
            Recorded::Held(now.saturating_add(WAIT_FOR_OTHERS), trouble.reply)
        }
        (None, None) if !the_recipients && health.is_first_time(one.key) => Recorded::Held(now, trouble.reply),
        (None, None) if is_plain => Recorded::Final(DeliveryStatus::Rejected, trouble.reply),
        (None, None) => gave_up(&trouble.reply),
    }
}
