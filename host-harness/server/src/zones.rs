//! The time zone database, which is the plugin crate's: host and built-in component have one release.

use chrono::NaiveDate;
use plugin::recurrence::{ZONE_DATABASE, ZONE_DATABASE_PUBLISHED};

use scheduled_exports_host::clock::Instant;

const DAY: i64 = 86_400;

/// How many whole days ago this release of the tz database was published; 0 before that day. `None` if it is not the release that
/// this host was built with: releases do not carry their date.
#[must_use]
pub fn age_in_days(release: &str, now: Instant) -> Option<u64> {
    if release != ZONE_DATABASE {
        return None;
    }
    let published: NaiveDate = ZONE_DATABASE_PUBLISHED.parse().ok()?;
    let published = published.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    Some(u64::try_from(now.saturating_sub(published) / DAY).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_the_built_in_release_is_in_whole_days_and_that_of_another_is_not_known() {
        let published = chrono::DateTime::parse_from_rfc3339(&format!("{ZONE_DATABASE_PUBLISHED}T00:00:00Z"));
        let published = published.expect("a day").timestamp();
        for (now, days) in [
            (published - 1, 0),
            (published, 0),
            (published + DAY - 1, 0),
            (published + DAY, 1),
            (published + 365 * DAY, 365),
        ] {
            assert_eq!(age_in_days(ZONE_DATABASE, now), Some(days), "{now}");
        }
        assert_eq!(age_in_days("2025b", published), None);
        assert_eq!(age_in_days("", published), None);
    }
}
