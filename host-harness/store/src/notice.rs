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
    /// Most bytes that the texts of one mail have together. What has no room in it begins another mail, so that nobody hides a change
    /// behind many others.
    pub longest: usize,
}

impl Notice {
    /// The text of a mail that waits, and this; none: it has no room there.
    pub(super) fn joined_to(&self, body: &str) -> Option<String> {
        let length = body.len() + BETWEEN.len() + self.mail.text.len();
        (length <= self.longest).then(|| [body, BETWEEN, &self.mail.text].concat())
    }
}
