//! `manual-runs`: runs that users ask for.

use super::store::found;
use super::{Access, Asked, Memory, RunRow, State, Stored};
use crate::clock::Instant;
use crate::contract::auth_context::Caller;
use crate::contract::manual_runs::{RequestError, RunRequest};
use crate::contract::{Content, Outcome, Recipients, RunEntry, RunKind, ScheduleState};
use crate::imports::{Answer, ManualRuns};

/// When a caller is told to ask again, in seconds.
const AGAIN: u32 = 10;

impl State {
    /// Ends the runs that users asked for of a schedule and whose mail has not been submitted.
    pub(super) fn cancel_asked(&mut self, schedule: u64, why: &str, now: Instant) {
        let Self { schedules, runs, .. } = self;
        schedules.retain(|_, stored| {
            let of_it = stored
                .asked
                .as_ref()
                .is_some_and(|asked| asked.schedule == Some(schedule));
            let open = stored.open.filter(|_| of_it);
            if let Some(open) = open {
                runs[open].entry.end(Outcome::Cancelled(why.into()), now);
            }
            open.is_none()
        });
    }
}

impl ManualRuns for Memory {
    async fn request(&self, by: &mut Access, id: Option<u64>, what: RunRequest) -> Answer<u64, RequestError> {
        let schedule = id.map(|id| found(by, id, None)).transpose();
        let schedule = schedule.map_err(|_| RequestError::NotFound)?;
        let under_way = by.draft.schedules.values().any(|stored| {
            let same = |asked: &Asked| asked.schedule == id && (id.is_some() || asked.by == by.user);
            stored.open.is_some() && stored.asked.as_ref().is_some_and(same)
        });
        if under_way {
            return Err(RequestError::TooMany(AGAIN).into());
        }
        let now = self.now();
        let (kind, due, content) = match what {
            RunRequest::Now => (RunKind::Now, now, None),
            RunRequest::Rerun(due) => (RunKind::Rerun, due, None),
            RunRequest::Test(content) => (RunKind::Test, now, content),
        };
        let content = content.or_else(|| schedule.as_ref().map(|stored| stored.content.clone()));
        let content = content.ok_or(RequestError::NotFound)?;
        let (owner, recipients) = match kind {
            RunKind::Test => (
                by.user.clone(),
                Recipients {
                    to: Vec::new(),
                    cc: Vec::new(),
                    bcc: Vec::new(),
                },
            ),
            _ => (
                schedule.as_ref().map(|stored| stored.owner.clone()),
                content.recipients.clone(),
            ),
        };
        let (made_of, place) = (self.new_id(), by.draft.runs.len());
        let mut entry = RunEntry::new(place as u64 + 1, due, None);
        entry.kind = kind;
        if let Caller::User(user) = &by.facts.caller {
            entry.requested_by = Some(user.email.clone());
        }
        let run = entry.id;
        by.draft.runs.push(RunRow {
            schedule: made_of,
            history_of: id.unwrap_or(made_of),
            entry,
            version: 0,
            settle_fence: 0,
            settle_until: None,
        });
        let stored = Stored {
            scope: by.scope.clone(),
            owner: owner.ok_or(RequestError::Forbidden)?,
            version: schedule.map_or(1, |stored| stored.version),
            content: Content {
                recipients,
                next_run: None,
                state: ScheduleState::Active,
                ..content
            },
            fence: 0,
            lease_until: None,
            retry_at: Some(now),
            open: Some(place),
            attempt: 0,
            asked: Some(Asked {
                kind,
                schedule: id,
                by: by.user.clone(),
            }),
        };
        by.draft.schedules.insert(made_of, stored);
        Ok(run)
    }
}
