//! How much one organizer and one caller can use of a host: every limit has its default here, and [`UsageLimits::disk_per_day`]
//! adds up what they leave room for.

use crate::Finish;
use crate::clock::Instant;

/// Seconds of a minute and of a day. Both begin where UTC's do, so that all hosts of a store count alike.
pub const MINUTE: Instant = 60;
/// See [`MINUTE`].
pub const DAY: Instant = 24 * 60 * 60;

/// In seconds: how far back runs that people ask for are counted.
pub const HOUR: Instant = 60 * 60;
/// In seconds: when somebody is told to ask again where a run that was asked for is under way.
const UNDER_WAY_AGAIN: Instant = 10;

/// Bytes on disk that a change counts for beside its document, its addresses and its idempotency record: the rows of schedule, audit log
/// and of a run that it can cause, with their indexes.
pub const CHANGE_BYTES: u64 = 2 << 10;
/// Bytes that a change counts for, beside the text, when it has another user told of it: what keeps the mails bounded that one caller
/// causes. A change past the limit is refused, and not made untold.
pub const NOTICE_BYTES: u64 = 8 << 10;
/// Bytes on disk of a run that comes from no change of the day, without its mail.
const RUN_BYTES: u64 = 1 << 10;
/// Bytes on disk of a mail: a text of 10,000 characters, as the component takes them, and what the host adds.
const MAIL_BYTES: u64 = 46 << 10;
/// Bytes on disk of one recipient of a mail, with the address and the server's reply.
const RECIPIENT_BYTES: u64 = 1 << 10;
/// Mails of an organizer and day, beyond its limit, that tell owners why an export was not sent.
pub const RESERVED_NOTICES: u32 = 10;

/// What one organizer, and one caller, can use at most. `None`: no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLimits {
    /// Percentage of workers, of export slots, of the instances for API calls and of the connections to the mail server that one
    /// organizer gets at a time.
    pub organizer_share: u32,
    /// Changes that one caller makes in a minute.
    pub writes_per_minute: Option<u32>,
    /// Bytes that the changes of one caller take on disk in a day: see [`CHANGE_BYTES`].
    pub write_bytes_per_day: Option<u64>,
    /// Schedules of an organizer that has no limit of its own.
    pub schedules: Option<u32>,
    /// Runs within 24 hours of a schedule that is moved again and again: after those it is not moved to yet another time within the next
    /// 24 hours. Runs of schedules of the same owner that were deleted since count as well, if they were due within 24 hours of a
    /// change, and no new schedule is made for that time either.
    pub moved_runs_per_day: Option<u32>,
    /// Runs of a schedule that people ask for in an hour, beside those that are due; of contents that are not stored, by user. One that has
    /// not submitted its mail is to be over before the next.
    pub manual_runs_per_schedule: Option<u32>,
    /// Runs that people ask for in an hour, of an organizer with all its events.
    pub manual_runs_per_organizer: Option<u32>,
    /// Mails of an organizer in a day.
    pub mails_per_day: Option<u32>,
    /// Recipients of these mails, each counted as often as there is a mail to them.
    pub recipients_per_day: Option<u32>,
    /// Percentage of an organizer's mails and recipients of a day that the schedules of one owner get.
    pub owner_share: u32,
}

impl Default for UsageLimits {
    fn default() -> Self {
        Self {
            organizer_share: 50,
            writes_per_minute: Some(120),
            write_bytes_per_day: Some(24 << 20),
            schedules: Some(2000),
            moved_runs_per_day: Some(10),
            manual_runs_per_schedule: Some(10),
            manual_runs_per_organizer: Some(60),
            mails_per_day: Some(1000),
            recipients_per_day: Some(5000),
            owner_share: 50,
        }
    }
}

impl UsageLimits {
    /// Shares as usual, and no limit on anything else: for measurements, and for tests of something else.
    #[must_use]
    pub fn none() -> Self {
        Self {
            organizer_share: Self::default().organizer_share,
            writes_per_minute: None,
            write_bytes_per_day: None,
            schedules: None,
            moved_runs_per_day: None,
            manual_runs_per_schedule: None,
            manual_runs_per_organizer: None,
            mails_per_day: None,
            recipients_per_day: None,
            owner_share: Self::default().owner_share,
        }
    }

    /// Bytes on disk that one caller can fill at an organizer in a day, at most; `None`: something has no limit. Files are not among
    /// them: they are removed once their mail is final.
    #[must_use]
    pub fn disk_per_day(&self) -> Option<u64> {
        let mails = self.mails_per_day?.saturating_add(RESERVED_NOTICES);
        let recipients = self.recipients_per_day?.saturating_add(RESERVED_NOTICES);
        let parts = [
            self.write_bytes_per_day?,
            u64::from(self.schedules?) * RUN_BYTES,
            u64::from(mails) * MAIL_BYTES,
            u64::from(recipients) * RECIPIENT_BYTES,
        ];
        Some(parts.iter().sum())
    }

    /// What a commit of a caller is held to; `None`: to nothing.
    #[must_use]
    pub fn writes(&self) -> Option<WriteLimits> {
        let limits = WriteLimits {
            per_minute: self.writes_per_minute,
            bytes_per_day: self.write_bytes_per_day,
            moved_runs_per_day: self.moved_runs_per_day,
            manual_runs_per_schedule: self.manual_runs_per_schedule,
            manual_runs_per_organizer: self.manual_runs_per_organizer,
        };
        (limits != WriteLimits::default()).then_some(limits)
    }

    /// What the mail of a run is held to; `None`: to nothing. `otherwise` is written in the place of an export past a limit.
    #[must_use]
    pub fn mails(&self, otherwise: Option<Otherwise>) -> Option<MailLimits> {
        let organizer = self.most_mails(MailUser::Organizer);
        (organizer != MostMails::default()).then(|| MailLimits {
            organizer,
            owner: self.most_mails(MailUser::Owner),
            otherwise: otherwise.map(Box::new),
        })
    }

    /// How much mail there is for an organizer, or for the schedules of one of its owners.
    #[must_use]
    pub fn most_mails(&self, user: MailUser) -> MostMails {
        let share = match user {
            MailUser::Organizer => 100,
            MailUser::Owner => self.owner_share,
        };
        let of = |most: Option<u32>| {
            most.map(|most| {
                let part = u64::from(most) * u64::from(share.min(100)) / 100;
                u32::try_from(part).unwrap_or(most).max(1)
            })
        };
        MostMails {
            mails: of(self.mails_per_day),
            recipients: of(self.recipients_per_day),
        }
    }
}

/// What the changes of one caller are held to, counted in the transaction that writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteLimits {
    /// See [`UsageLimits::writes_per_minute`].
    pub per_minute: Option<u32>,
    /// See [`UsageLimits::write_bytes_per_day`].
    pub bytes_per_day: Option<u64>,
    /// See [`UsageLimits::moved_runs_per_day`].
    pub moved_runs_per_day: Option<u32>,
    /// See [`UsageLimits::manual_runs_per_schedule`].
    pub manual_runs_per_schedule: Option<u32>,
    /// See [`UsageLimits::manual_runs_per_organizer`].
    pub manual_runs_per_organizer: Option<u32>,
}

impl WriteLimits {
    /// Changes a minute, as the stores compare them.
    pub(crate) fn most_writes(&self) -> i64 {
        self.per_minute.map_or(i64::MAX, i64::from)
    }

    /// Bytes a day, as the stores compare them.
    pub(crate) fn most_bytes(&self) -> i64 {
        let most = self.bytes_per_day.unwrap_or(u64::MAX);
        i64::try_from(most).unwrap_or(i64::MAX)
    }
}

/// Who uses mails up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailUser {
    /// An organizer, with all its owners.
    Organizer,
    /// One owner, by the schedules of that organizer.
    Owner,
}

/// Mails and recipients of a day; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MostMails {
    /// See [`UsageLimits::mails_per_day`].
    pub mails: Option<u32>,
    /// See [`UsageLimits::recipients_per_day`].
    pub recipients: Option<u32>,
}

/// What a run's mail is held to, counted in the transaction that puts it into the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct MailLimits {
    /// All mail of the organizer.
    pub organizer: MostMails,
    /// That of the schedules of one owner.
    pub owner: MostMails,
    /// Written in place of a `finish` whose export mail is past a limit.
    pub otherwise: Option<Box<Otherwise>>,
}

/// How a run ends whose export is not sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Otherwise {
    /// Where the organizer has used up its mails.
    pub organizer: Finish,
    /// Where the owner of the schedule has used up their part of them.
    pub owner: Finish,
}

impl Otherwise {
    /// The one for whoever has used up their mails.
    #[must_use]
    pub fn of(&self, user: MailUser) -> &Finish {
        match user {
            MailUser::Organizer => &self.organizer,
            MailUser::Owner => &self.owner,
        }
    }
}

/// A limit that a change would pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageLimit {
    /// So many changes a minute.
    WritesPerMinute(u32),
    /// So many bytes a day.
    WriteBytesPerDay(u64),
    /// So many runs within 24 hours of this schedule, and of deleted ones of its owner.
    MovedRunsPerDay(u32),
    /// A run of this schedule that was asked for has not submitted its mail yet; or the user's test of a content that is not stored.
    ManualRunUnderWay,
    /// So many runs of this schedule that were asked for in an hour; or tests, of this user, of contents that are not stored.
    ManualRunsPerSchedule(u32),
    /// So many runs of this organizer that were asked for in an hour.
    ManualRunsPerOrganizer(u32),
}

/// Why a change was not made, and when it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit:?} is reached; again in {retry_after} s")]
pub struct Exceeded {
    /// The one that is reached.
    pub limit: UsageLimit,
    /// In seconds, at least one.
    pub retry_after: u32,
}

impl Exceeded {
    pub(crate) fn new(limit: UsageLimit, seconds: Instant) -> Self {
        Self {
            limit,
            retry_after: u32::try_from(seconds.max(1)).unwrap_or(u32::MAX),
        }
    }

    /// The limit on writes that is reached, by what its caller has used in this minute.
    pub(crate) fn by_writes(limits: &WriteLimits, writes: i64, now: Instant) -> Self {
        match limits.per_minute {
            Some(most) if writes >= i64::from(most) => {
                Self::new(UsageLimit::WritesPerMinute(most), MINUTE - now.rem_euclid(MINUTE))
            }
            _ => {
                let most = limits.bytes_per_day.unwrap_or_default();
                Self::new(UsageLimit::WriteBytesPerDay(most), DAY - now.rem_euclid(DAY))
            }
        }
    }

    /// A schedule that ran so often is not moved yet: `first` is the due time of the earliest of those runs.
    pub(crate) fn by_runs(most: u32, first: Instant, now: Instant) -> Self {
        Self::new(UsageLimit::MovedRunsPerDay(most), first + DAY - now)
    }
}

/// Whose limits a run that somebody asks for is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedOf<'a> {
    /// Its organizer.
    pub organizer: &'a str,
    /// What it is of; none: a test of a content that is not stored.
    pub schedule: Option<u64>,
    /// Id of the user who asks; none: a program.
    pub by: Option<&'a str>,
}

/// What has been asked for already, latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunsAsked {
    /// One of the same schedule, or test of the same user, that has not submitted its mail: when it goes on, if it waits.
    pub(crate) under_way: Option<Option<Instant>>,
    /// When those of this hour were asked for, and whether they count for the same schedule or user.
    pub(crate) this_hour: Vec<(Instant, bool)>,
}

impl RunsAsked {
    /// Why one more is refused; none: it is not.
    pub(crate) fn refuses(&self, limits: &WriteLimits, now: Instant) -> Option<Exceeded> {
        if let Some(again) = self.under_way {
            let wait = again.map_or(UNDER_WAY_AGAIN, |again| (again - now).max(UNDER_WAY_AGAIN));
            return Some(Exceeded::new(UsageLimit::ManualRunUnderWay, wait));
        }
        let reached = |most: Option<u32>, same: bool| {
            let most = most?;
            let mut counted = self.this_hour.iter().filter(|(_, is_same)| *is_same || !same);
            match most.checked_sub(1) {
                // As soon as the one that is too many is an hour old.
                Some(earlier) => counted
                    .nth(earlier as usize)
                    .map(|(first, _)| (most, first + HOUR - now)),
                None => Some((most, HOUR)),
            }
        };
        let of_schedule = reached(limits.manual_runs_per_schedule, true)
            .map(|(most, seconds)| Exceeded::new(UsageLimit::ManualRunsPerSchedule(most), seconds));
        of_schedule.or_else(|| {
            reached(limits.manual_runs_per_organizer, false)
                .map(|(most, seconds)| Exceeded::new(UsageLimit::ManualRunsPerOrganizer(most), seconds))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_fills_less_than_100_mb_of_disk_a_day_by_the_default_limits() {
        let limits = UsageLimits::default();
        let most = limits.disk_per_day().expect("everything has a limit");
        assert!(most < 100_000_000, "{most}");
        assert!(most <= 80_000_000, "docs/security.md says 80 MB: {most}");
        // Each limit counts: with twice as much of any it would be more.
        for twice in [
            UsageLimits {
                write_bytes_per_day: limits.write_bytes_per_day.map(|n| n * 2),
                ..limits.clone()
            },
            UsageLimits {
                schedules: limits.schedules.map(|n| n * 2),
                ..limits.clone()
            },
            UsageLimits {
                mails_per_day: limits.mails_per_day.map(|n| n * 2),
                ..limits.clone()
            },
            UsageLimits {
                recipients_per_day: limits.recipients_per_day.map(|n| n * 2),
                ..limits.clone()
            },
        ] {
            assert!(twice.disk_per_day() > Some(most));
        }
        assert_eq!(UsageLimits::none().disk_per_day(), None);
    }

    #[test]
    fn an_owner_gets_a_share_of_the_organizers_mails_and_at_least_one_where_there_is_a_limit() {
        let most = |mails, recipients, owner_share| {
            let limits = UsageLimits {
                mails_per_day: mails,
                recipients_per_day: recipients,
                owner_share,
                ..UsageLimits::default()
            };
            let MostMails { mails, recipients } = limits.most_mails(MailUser::Owner);
            (mails, recipients)
        };
        assert_eq!(most(Some(1000), Some(5000), 50), (Some(500), Some(2500)));
        assert_eq!(most(Some(1000), None, 100), (Some(1000), None));
        assert_eq!(most(Some(1), Some(u32::MAX), 1), (Some(1), Some(u32::MAX / 100)));
        let limits = UsageLimits::default();
        let MostMails { mails, recipients } = limits.most_mails(MailUser::Organizer);
        assert_eq!((mails, recipients), (limits.mails_per_day, limits.recipients_per_day));
    }

    #[test]
    fn a_run_is_asked_for_once_the_one_under_way_is_submitted_and_the_hour_has_room() {
        let limits = WriteLimits {
            manual_runs_per_schedule: Some(2),
            manual_runs_per_organizer: Some(3),
            ..WriteLimits::default()
        };
        let asked = |under_way, this_hour: &[(Instant, bool)]| {
            let this_hour = this_hour.to_vec();
            let exceeded = RunsAsked { under_way, this_hour }.refuses(&limits, 5000);
            exceeded.map(|exceeded| (exceeded.limit, exceeded.retry_after))
        };
        assert_eq!(asked(None, &[(4000, true), (3000, false)]), None);
        let under_way = UsageLimit::ManualRunUnderWay;
        assert_eq!(asked(Some(None), &[]), Some((under_way, 10)));
        assert_eq!(asked(Some(Some(5600)), &[]), Some((under_way, 600)));
        let full = UsageLimit::ManualRunsPerSchedule(2);
        assert_eq!(
            asked(None, &[(4000, true), (3500, false), (3000, true)]),
            Some((full, 1600))
        );
        let full = UsageLimit::ManualRunsPerOrganizer(3);
        let others = [(4000, false), (3500, true), (2000, false), (1900, false)];
        assert_eq!(asked(None, &others), Some((full, 600)));
        let none = WriteLimits {
            manual_runs_per_schedule: Some(0),
            ..WriteLimits::default()
        };
        let refused = RunsAsked::default()
            .refuses(&none, 5000)
            .map(|refused| refused.retry_after);
        assert_eq!(refused, Some(3600));
        assert_eq!(RunsAsked::default().refuses(&WriteLimits::default(), 5000), None);
    }

    #[test]
    fn who_is_refused_learns_when_the_minute_or_day_ends() {
        let limits = UsageLimits::default().writes().expect("limits");
        let at = |writes, now| Exceeded::by_writes(&limits, writes, now);
        assert_eq!(
            at(120, 59),
            Exceeded {
                limit: UsageLimit::WritesPerMinute(120),
                retry_after: 1
            }
        );
        assert_eq!(at(120, 60).retry_after, 60);
        assert_eq!(
            at(119, DAY - 1),
            Exceeded {
                limit: UsageLimit::WriteBytesPerDay(24 << 20),
                retry_after: 1
            }
        );
        assert_eq!(Exceeded::by_runs(10, 1000, 1000 + DAY).retry_after, 1);
        assert_eq!(Exceeded::by_runs(10, 1000, 1500).retry_after, 85_900);
    }
}
