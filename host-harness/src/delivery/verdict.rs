//! What a try means for its delivery: final, tried again, or held until the operator has repaired something.

use super::{MailHealth, Refusal, Trouble, TroubleKind, backoff, words};
use crate::clock::Instant;
use crate::contract::DeliveryStatus;
use crate::storage::{DeliveryResult, DeliveryTask, Storage, StorageError};

/// How a try ended: the server's reply, or why it did not succeed.
pub(super) type Tried = Result<String, Refusal>;

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

/// What to record about a try that ended at `now`. `begun`: [`MailHealth::pauses`] when it began.
///
/// # Errors
/// The store is away, which is asked only where it is unclear whose fault it is. Nothing has changed then, and it can be asked again.
pub(super) async fn of(
    tried: &Tried,
    (task, begun): (&DeliveryTask, u64),
    (health, storage): (&MailHealth, &dyn Storage),
    now: Instant,
) -> Result<DeliveryResult, StorageError> {
    let (key, tries) = ((task.mail, task.position), task.tries.saturating_add(1));
    let next_try = backoff::next_try(tries, now);
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
        Err(Refusal::Unclear { reply, is_final, kind }) => {
            // While nobody is accepted, what was accepted before says nothing.
            let the_recipients =
                health.is_the_recipients(key) || (!health.is_paused() && storage.mail_was_accepted(task.mail).await?);
            let (trouble, one) = (Trouble { kind, reply }, (key, task.address.as_str()));
            health.unclear(key, now);
            if matches!(kind, TroubleKind::Sender | TroubleKind::Relay) {
                // Said by a server that has let this host in.
                health.answered(now);
            }
            if kind == TroubleKind::Busy {
                let until = health.hold(&trouble, begun, now);
                match next_try {
                    Some(_) | None if health.is_trouble(kind) => Recorded::Held(until, trouble.reply),
                    Some(at) => Recorded::Counted(at, trouble.reply),
                    None if the_recipients => gave_up(&trouble.reply),
                    None => Recorded::Held(now.saturating_add(backoff::LONGEST_WAIT), trouble.reply),
                }
            } else if is_final {
                if the_recipients {
                    Recorded::Final(DeliveryStatus::Rejected, trouble.reply)
                } else {
                    Recorded::Held(health.hold_unclear(one, &trouble, begun, now), trouble.reply)
                }
            } else if the_recipients {
                match next_try {
                    Some(at) => Recorded::Counted(at, trouble.reply),
                    None => gave_up(&trouble.reply),
                }
            } else {
                match (health.hold_put_off(one, &trouble, begun, now), next_try) {
                    (Some(until), _) => Recorded::Held(until, trouble.reply),
                    (None, Some(at)) => Recorded::Counted(at, trouble.reply),
                    (None, None) => Recorded::Held(now.saturating_add(backoff::LONGEST_WAIT), trouble.reply),
                }
            }
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
