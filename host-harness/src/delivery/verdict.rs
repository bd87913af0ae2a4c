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
    Recorded::Final(DeliveryStatus::Rejected, format!("gave up after 24 hours: {reply}"))
}

/// What to record about a try that ended at `now`.
///
/// # Errors
/// The store is away, which is asked only where it is unclear whose fault it is.
pub(super) async fn of(
    tried: Tried,
    task: &DeliveryTask,
    (health, storage): (&MailHealth, &dyn Storage),
    now: Instant,
) -> Result<DeliveryResult, StorageError> {
    let (key, tries) = ((task.mail, task.position), task.tries.saturating_add(1));
    let next_try = backoff::next_try(tries, now);
    let ended = match tried {
        Ok(reply) => {
            health.accepted(key, now);
            Recorded::Final(DeliveryStatus::Accepted, reply)
        }
        Err(Refusal::Permanent(reply)) => {
            health.answered(now);
            Recorded::Final(DeliveryStatus::Rejected, reply)
        }
        Err(Refusal::Transient(reply)) => match next_try {
            Some(at) => {
                health.answered(now);
                Recorded::Counted(at, reply)
            }
            None => gave_up(&reply),
        },
        Err(Refusal::Trouble(trouble)) => Recorded::Held(health.hold(&trouble, now), trouble.reply),
        Err(Refusal::Unclear { reply, is_final, kind }) => {
            let trouble = Trouble { kind, reply };
            if kind == TroubleKind::Busy {
                health.hold(&trouble, now);
            }
            let the_recipients = health.is_the_recipients(key) || storage.mail_was_accepted(task.mail).await?;
            health.unclear(key);
            match (is_final, next_try) {
                (true, _) if the_recipients => {
                    health.answered(now);
                    Recorded::Final(DeliveryStatus::Rejected, trouble.reply)
                }
                (true, _) => Recorded::Held(health.hold_unclear(key, &trouble, now), trouble.reply),
                (false, Some(at)) => Recorded::Counted(at, trouble.reply),
                (false, None) if the_recipients => gave_up(&trouble.reply),
                (false, None) => {
                    health.hold_unclear(key, &trouble, now);
                    Recorded::Held(now.saturating_add(backoff::LONGEST_WAIT), trouble.reply)
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
