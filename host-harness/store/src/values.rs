//! Values of the contract as every store keeps them, and back.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub(super) use crate::cancelled::{
    EVENT_DELETED, ORGANIZER_DISABLED as SWITCHED_OFF, SCHEDULE_CHANGED as CHANGED, SCHEDULE_DELETED as DELETED,
    SCHEDULE_PAUSED as PAUSED,
};

use super::state::RunState;
use super::{MailKind, MailStanding, NewMail, OutgoingExport, StorageError};
use crate::clock::Instant;
use crate::contract::{DeliveryStatus, MissedRange, MissedReason, Outcome, Recipients, RunKind, ScheduleState};

/// Most rows of a page.
const PAGE: u32 = 50;

/// Words as every store keeps them: a server's may have a NUL in them, which PostgreSQL refuses.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// A number of ours as databases keep it: ids, fences and versions are counted up from 1 and never get near the limit.
pub(super) fn signed(value: u64) -> Result<i64, StorageError> {
    i64::try_from(value).map_err(|_| StorageError::Corrupt(format!("value out of range: {value}")))
}

/// A stored number that cannot be negative.
pub(super) fn unsigned(value: i64) -> Result<u64, StorageError> {
    u64::try_from(value).map_err(|_| StorageError::Corrupt(format!("unexpected negative value: {value}")))
}

/// Rows before a page; none: there is no page 0.
pub(super) fn offset(page: u32, size: u32) -> Option<i64> {
    Some(i64::from(page.checked_sub(1)?) * i64::from(size))
}

/// Rows of a page, as people may ask for them.
pub(super) fn clamped(size: u32) -> u32 {
    size.clamp(1, PAGE)
}

#[derive(Serialize, Deserialize)]
struct RecipientLists {
    to: Vec<String>,
    cc: Vec<String>,
    bcc: Vec<String>,
}

/// A schedule's recipients as JSON.
pub(super) fn recipients_text(recipients: &Recipients) -> String {
    let lists = RecipientLists {
        to: recipients.to.clone(),
        cc: recipients.cc.clone(),
        bcc: recipients.bcc.clone(),
    };
    serde_json::to_string(&lists).expect("lists of strings are JSON")
}

/// Reads [`recipients_text`] back.
pub(super) fn recipients(text: &str) -> Result<Recipients, StorageError> {
    let RecipientLists { to, cc, bcc } =
        serde_json::from_str(text).map_err(|error| StorageError::Corrupt(format!("stored recipients: {error}")))?;
    Ok(Recipients { to, cc, bcc })
}

/// An address as it is compared with others: without regard to case.
pub(super) fn recipient_key(address: &str) -> String {
    address.to_lowercase()
}

/// A mail's recipients with their roles, each address once, in the order To, Cc, Bcc.
pub(super) fn addressed(mail: &NewMail) -> Vec<(&'static str, &String)> {
    let mut seen = HashSet::new();
    let mut once = Vec::new();
    for (role, addresses) in [("to", &mail.to), ("cc", &mail.cc), ("bcc", &mail.bcc)] {
        for address in addresses {
            if seen.insert(recipient_key(address)) {
                once.push((role, address));
            }
        }
    }
    once
}

/// How many recipients a mail has.
pub(super) fn addresses(mail: &NewMail) -> i64 {
    i64::try_from(addressed(mail).len()).unwrap_or(i64::MAX)
}

/// How a delivery stands, as stored.
pub(super) fn status_text(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Accepted => "accepted",
        DeliveryStatus::Retrying => "retrying",
        DeliveryStatus::Rejected => "rejected",
        DeliveryStatus::Cancelled => "cancelled",
    }
}

/// Reads [`status_text`] back.
pub(super) fn status(text: &str) -> Result<DeliveryStatus, StorageError> {
    Ok(match text {
        "queued" => DeliveryStatus::Queued,
        "accepted" => DeliveryStatus::Accepted,
        "retrying" => DeliveryStatus::Retrying,
        "rejected" => DeliveryStatus::Rejected,
        "cancelled" => DeliveryStatus::Cancelled,
        other => {
            return Err(StorageError::Corrupt(format!(
                "unknown stored delivery status `{other}`"
            )));
        }
    })
}

/// Reads [`MailKind::as_str`] back.
pub(super) fn mail_kind(text: &str) -> Result<MailKind, StorageError> {
    [
        MailKind::Export,
        MailKind::NothingToExport,
        MailKind::Failure,
        MailKind::Undelivered,
        MailKind::Change,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == text)
    .ok_or_else(|| StorageError::Corrupt(format!("unknown stored mail kind `{text}`")))
}

/// How a mail of this kind stands; `export` is the one that its run has made, where the schedule is there.
pub(super) fn standing(kind: &str, called_off: Option<String>, export: Option<OutgoingExport>) -> MailStanding {
    match (called_off, export) {
        (Some(words), _) => MailStanding::CalledOff(words),
        (None, _) if kind != MailKind::Export.as_str() => MailStanding::Notice,
        (None, Some(export)) => MailStanding::Export(export),
        (None, None) => MailStanding::CalledOff(DELETED.to_owned()),
    }
}

/// The events of a file as a column keeps them.
pub(super) fn events_text(events: Option<&Vec<String>>) -> Option<String> {
    events.map(|events| serde_json::to_string(events).expect("a list of strings is JSON"))
}

/// Reads [`events_text`] back.
pub(super) fn events_of(text: Option<String>) -> Result<Option<Vec<String>>, StorageError> {
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|error| StorageError::Corrupt(format!("stored events: {error}")))
    };
    text.map(read).transpose()
}

/// What a submitted run that nobody settles has come to, once all recipients are final.
pub(super) fn concluded(accepted: bool, cancelled: bool, called_off: Option<String>) -> Outcome {
    if accepted {
        Outcome::Delivered
    } else if cancelled {
        Outcome::Cancelled(called_off.unwrap_or_else(|| DELETED.to_owned()))
    } else {
        Outcome::Failed((
            "not-delivered".to_owned(),
            "no recipient's server took the mail".to_owned(),
        ))
    }
}

/// What is stored in `paused_until` of a schedule that is paused without an end.
pub(super) const NO_END: Instant = Instant::MAX;

/// The columns `active` and `paused_until` of a state.
pub(super) const fn state_columns(state: ScheduleState) -> (bool, Option<Instant>) {
    match state {
        ScheduleState::Active => (true, None),
        ScheduleState::Stopped => (false, None),
        ScheduleState::Paused(None) => (false, Some(NO_END)),
        ScheduleState::Paused(until) => (true, until),
    }
}

/// The state of the columns `active` and `paused_until`.
pub(super) const fn state_of(active: bool, paused_until: Option<Instant>) -> ScheduleState {
    match (active, paused_until) {
        (true, None) => ScheduleState::Active,
        (false, None) => ScheduleState::Stopped,
        (true, until) => ScheduleState::Paused(until),
        (false, Some(_)) => ScheduleState::Paused(None),
    }
}

/// The column `kind` of a run; none: it was due.
pub(super) const fn kind_text(kind: RunKind) -> Option<&'static str> {
    match kind {
        RunKind::Scheduled => None,
        RunKind::Now => Some("now"),
        RunKind::Rerun => Some("rerun"),
        RunKind::Test => Some("test"),
    }
}

/// Reads [`kind_text`] back.
pub(super) fn kind_of(text: Option<&str>) -> Result<RunKind, StorageError> {
    match text {
        None => Ok(RunKind::Scheduled),
        Some("now") => Ok(RunKind::Now),
        Some("rerun") => Ok(RunKind::Rerun),
        Some("test") => Ok(RunKind::Test),
        Some(other) => Err(StorageError::Corrupt(format!("unknown stored run kind `{other}`"))),
    }
}

/// The column `missed_reason` of due times.
pub(super) const fn missed_reason(range: &MissedRange) -> Option<&'static str> {
    match range.reason {
        MissedReason::Unavailable => None,
        MissedReason::Paused => Some("paused"),
    }
}

/// A run's state, and what belongs to it.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    pub(super) state: RunState,
    pub(super) code: Option<&'a str>,
    pub(super) words: Option<&'a str>,
    pub(super) missed_first: Option<Instant>,
    pub(super) missed_count: Option<i64>,
    pub(super) missed_reason: Option<&'static str>,
}

impl<'a> State<'a> {
    /// A state that has nothing beside its name.
    pub(super) fn plain(state: RunState) -> Self {
        Self {
            state,
            code: None,
            words: None,
            missed_first: None,
            missed_count: None,
            missed_reason: None,
        }
    }

    /// What a run becomes with this outcome.
    pub(super) fn of(outcome: &'a Outcome) -> Result<Self, StorageError> {
        let plain = Self::plain(RunState::after(outcome));
        Ok(match outcome {
            Outcome::Retry(_) | Outcome::Submitted | Outcome::Delivered | Outcome::Empty => plain,
            Outcome::Failed((code, words)) => Self {
                code: Some(code),
                words: Some(words),
                ..plain
            },
            Outcome::Cancelled(words) => Self {
                words: Some(words),
                ..plain
            },
            Outcome::Missed(range) => Self::missed(range)?,
        })
    }

    /// Passed while nobody could run.
    pub(super) fn missed(range: &MissedRange) -> Result<Self, StorageError> {
        Ok(Self {
            missed_first: Some(range.first),
            missed_count: Some(signed(range.count)?),
            missed_reason: missed_reason(range),
            ..Self::plain(RunState::Missed)
        })
    }
}

/// A run's outcome as it was stored.
pub(super) struct StoredOutcome {
    pub(super) state: String,
    pub(super) code: Option<String>,
    pub(super) words: Option<String>,
    pub(super) missed_first: Option<Instant>,
    pub(super) missed_count: Option<i64>,
    pub(super) missed_reason: Option<String>,
    pub(super) due: Instant,
}

impl StoredOutcome {
    /// None: the run is open.
    pub(super) fn read(self) -> Result<Option<Outcome>, StorageError> {
        let damaged = |what: &str| StorageError::Corrupt(format!("invalid stored run: {what}"));
        let words = self.words.ok_or_else(|| damaged("missing reason"));
        Ok(Some(match self.state.as_str() {
            "open" => return Ok(None),
            "submitted" => Outcome::Submitted,
            "delivered" => Outcome::Delivered,
            "empty" => Outcome::Empty,
            "failed" => Outcome::Failed((self.code.ok_or_else(|| damaged("missing reason code"))?, words?)),
            "cancelled" => Outcome::Cancelled(words?),
            "missed" => Outcome::Missed(MissedRange {
                first: self
                    .missed_first
                    .ok_or_else(|| damaged("missing start of missed range"))?,
                last: self.due,
                count: unsigned(self.missed_count.unwrap_or_default())?,
                reason: match self.missed_reason {
                    None => MissedReason::Unavailable,
                    Some(_) => MissedReason::Paused,
                },
            }),
            other => return Err(damaged(&format!("as `{other}`"))),
        }))
    }
}

/// What the audit log says of a run's outcome.
pub(super) fn told(due: Instant, outcome: &Outcome) -> String {
    format!("due {}: {}", written(due), how(outcome))
}

/// What it says of the outcome itself.
pub(super) fn how(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Submitted => "submitted".to_owned(),
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Empty => "empty".to_owned(),
        Outcome::Failed((code, words)) => format!("failed: {code}: {words}"),
        Outcome::Retry(again) => format!("retry at {}", written(*again)),
        Outcome::Cancelled(words) => format!("cancelled: {words}"),
        Outcome::Missed(range) => {
            let reason = missed_reason(range)
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            format!("missed{reason}: {} since {}", range.count, written(range.first))
        }
    }
}

/// RFC 3339, or the bare number where no calendar reaches.
pub(super) fn written(at: Instant) -> String {
    chrono::DateTime::from_timestamp(at, 0).map_or_else(
        || at.to_string(),
        |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    )
}
