//! `manual-runs`: runs that a person asks for.

use super::{GuestMistake, bounds, interface};
use crate::contract::manual_runs::{RequestError, RunRequest};

interface! {
    /// Runs that a person asks for, beside those that are due.
    ///
    /// A request is staged like a write of [`ScheduleStore`](super::ScheduleStore), and counts as one. Checked before it gets here: the
    /// caller's right to write at all, and for a test that the caller is a user; that a content is what the contract allows; that a
    /// due time to be run again has passed; that what takes a stored schedule has one.
    pub trait ManualRuns in manual_runs {
        /// Stages a request; answers the id that the run will have. `unavailable` if left out: this host runs schedules only when
        /// they are due.
        ///
        /// # Errors
        /// All that [`RequestError`] says.
        fn request(&self, by: &mut Access, id: Option<u64>, what: RunRequest) -> Answer<u64, RequestError> {
            check |facts, access| {
                match &mut what {
                    RunRequest::Now | RunRequest::Test(None) if id.is_none() => {
                        return Err(GuestMistake("a run of no schedule was requested".into()).into());
                    }
                    RunRequest::Rerun(due) if id.is_none() || *due > facts.settings.now || *due < 0 => {
                        return Err(GuestMistake("a rerun of a due time that has not passed was requested".into()).into());
                    }
                    RunRequest::Test(Some(content)) => *content = bounds::content(content.clone())?,
                    RunRequest::Now | RunRequest::Rerun(_) | RunRequest::Test(None) => {}
                }
                let as_user = matches!(what, RunRequest::Test(_));
                access.may_write(facts, as_user).map_err(|_| RequestError::Forbidden)?;
                bounds::one_more(access.writes)?;
            }
            done |access, ()| { access.writes += 1; }
            default { Err(RequestError::Unavailable("this host has no manual runs".into()).into()) }
        }
    }
}
