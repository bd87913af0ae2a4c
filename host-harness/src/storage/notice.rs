//! Mails that tell an owner what others have changed. Those to one user of one organizer that come close together are one mail.

use super::NewMail;
use crate::clock::Instant;

/// How long such a mail waits for further notices to the same user of the same organizer, in seconds from the first.
pub const NOTICE_WINDOW: Instant = 15 * 60;

/// Between two notices of one mail.
const BETWEEN: &str = "\n----------------------------------------\n\n";

/// What an owner is told of one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Which schedule it is about. The mail is kept under that of its first notice.
    pub schedule: u64,
    /// Id of the user whom it tells.
    pub user: String,
    /// What it is sent as, if no other joins it.
    pub mail: NewMail,
    /// Subject of a mail of several.
    pub several: String,
    /// What a mail says in place of notices that have no room in it.
    pub no_room: String,
    /// Most bytes that the texts of one mail have together.
    pub longest: usize,
}

/// Texts put together.
pub(super) struct Joined {
    pub(super) text: String,
    /// Nothing is added any more.
    pub(super) is_full: bool,
}

impl Notice {
    /// The text of a mail that waits, and this.
    pub(super) fn joined_to(&self, body: &str) -> Joined {
        let is_full = body.len() + BETWEEN.len() + self.mail.text.len() > self.longest;
        let more = if is_full { &self.no_room } else { &self.mail.text };
        Joined {
            text: [body, BETWEEN, more].concat(),
            is_full,
        }
    }
}
