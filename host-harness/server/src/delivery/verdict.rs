//! What a try means for its delivery: final, tried again, or held until the operator has repaired something.

use scheduled_exports_host::clock::Instant;
use scheduled_exports_host::contract::DeliveryStatus;
use scheduled_exports_mail::{Refusal, Trouble, TroubleKind, backoff, words};
use scheduled_exports_store::{DeliveryResult, DeliveryTask, Outbox, StorageError};

use super::MailHealth;
use super::health::{Suspicion, are_many};

/// How a try ended: the server's reply, or why it did not succeed.
pub(super) type Tried = Result<String, Refusal>;

/// After so many tries, of 3 minutes where the host always runs, a plain no is the recipient's if nobody else got one.
const PLAIN_TRIES: u32 = 3;

/// So many recipients that wait are looked at.
const MOST_WAITING: u32 = 1_000;

/// What was tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    pub(super) task: &'a DeliveryTask,
    pub(super) about: About,
    /// [`MailHealth::pauses`] when it began.
    pub(super) begun: u64,
    /// For so many seconds the last word about a recipient waits, since others are under way that can show whose fault it is.
    pub(super) others_take: i64,
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
    (health, storage): (&MailHealth, &dyn Outbox),
    now: Instant,
) -> Result<DeliveryResult, StorageError> {
    let Try { task, about, begun, .. } = of;
    let (key, tries) = ((task.mail, task.position), task.tries.saturating_add(1));
    let next_try = backoff::next_try(tries, now);
    health.tried_schedule(about.schedule);
    if !about.is_notice {
        health.tried_recipient(&task.address);
    }
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
            let one = Suspicion {
                key,
                organizer: &task.organizer,
                schedule: about.schedule,
                address: &task.address,
                tries,
                is_notice: about.is_notice,
            };
            // What this process does not know, since it has just begun, the store does.
            let last_try = last_try(&unclear, tries, now);
            let waiting = match last_try && !the_recipients && !one.is_notice && health.has_none_accepted() {
                true => storage.waiting_recipients(MOST_WAITING).await?,
                false => Vec::new(),
            };
            health.unclear(key, now);
            let said = unclear.to_string();
            let same = waiting.iter().filter(|(_, words)| is_same_code(words, &said));
            let same = same.map(|(address, _)| address.as_str()).chain([one.address]);
            let others_wait = !waiting.is_empty() && are_many(same);
            of_unclear(unclear, (of, one, the_recipients), others_wait, health, now)
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

/// Is there no other try after so many?
fn last_try(refusal: &Refusal, tries: u32, now: Instant) -> bool {
    backoff::next_try(tries, now).is_none() || (matches!(refusal, Refusal::Plain(_)) && tries >= PLAIN_TRIES)
}

/// Do both begin with the same three digits?
fn is_same_code(words: &str, said: &str) -> bool {
    let code = |text: &str| text.get(..3).map(str::to_owned);
    code(words) == code(said)
}

/// What becomes of a delivery whose try can be its recipient's fault or the operator's.
fn of_unclear(
    refusal: Refusal,
    (of, one, the_recipients): (Try<'_>, Suspicion<'_>, bool),
    others_wait: bool,
    health: &MailHealth,
    now: Instant,
) -> Recorded {
    let is_plain = matches!(refusal, Refusal::Plain(_));
    let is_last = last_try(&refusal, one.tries, now);
    let was_last = one.tries > 1 && last_try(&refusal, one.tries - 1, now);
    let (reply, is_final, kind) = match refusal {
        Refusal::Unclear { reply, is_final, kind } => (reply, is_final, kind),
        other => (other.to_string(), true, TroubleKind::Relay),
    };
    if matches!(kind, TroubleKind::Sender | TroubleKind::Relay) {
        // Said by a server that has let this host in.
        health.answered(now);
    }
    let next_try = backoff::next_try(one.tries, now).filter(|_| !is_last);
    let trouble = Trouble { kind, reply };
    let held = match (the_recipients, is_final) {
        (true, true) => return Recorded::Final(DeliveryStatus::Rejected, trouble.reply),
        (true, false) if kind != TroubleKind::Busy => None,
        (false, true) => health.hold_rejected(one, &trouble, (of.begun, is_plain), now),
        (_, false) => health.hold_put_off(one, &trouble, of.begun, now),
    };
    match (held, next_try) {
        (Some(until), _) => Recorded::Held(until, trouble.reply),
        (None, Some(at)) => Recorded::Counted(at, trouble.reply),
        (None, None) if !the_recipients && (others_wait || health.is_many()) => {
            health.show(&trouble, now);
            Recorded::Held(now.saturating_add(backoff::LONGEST_WAIT), trouble.reply)
        }
        // A process that has just begun knows of nobody else: what else is due is tried before it is the last word. That counts, so that it
        // comes once wherever each pass is a process of its own.
        (None, None) if !the_recipients && !was_last => {
            Recorded::Counted(now.saturating_add(of.others_take), trouble.reply)
        }
        (None, None) if is_plain => Recorded::Final(DeliveryStatus::Rejected, trouble.reply),
        (None, None) => gave_up(&trouble.reply),
    }
}
