//! How long a put-off delivery waits, and when it is given up.

use crate::clock::Instant;

/// A mail is tried for this long after it came into the outbox.
pub const TRY_FOR: i64 = 24 * 60 * 60;

/// The longest wait between two tries.
pub const LONGEST_WAIT: i64 = 2 * 60 * 60;

/// When to try again after `tries` tries, the last one just failed at `now`: 1, 2, 4, … minutes later, at most
/// [`LONGEST_WAIT`]. The last try is exactly [`TRY_FOR`] after `created`; none: that one has been.
#[must_use]
pub fn next_try(created: Instant, tries: u32, now: Instant) -> Option<Instant> {
    let end = created.saturating_add(TRY_FOR);
    if now >= end {
        return None;
    }
    let minutes = 1_i64.checked_shl(tries.saturating_sub(1)).filter(|m| *m > 0);
    let wait = minutes.map_or(LONGEST_WAIT, |m| m.saturating_mul(60).min(LONGEST_WAIT));
    Some(now.saturating_add(wait).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_hours() {
        let waits: Vec<_> = (1..=10).map(|tries| (next_try(0, tries, 0).unwrap()) / 60).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        for tries in [63, 64, 65, u32::MAX] {
            assert_eq!(next_try(0, tries, 0), Some(LONGEST_WAIT));
        }
    }

    #[test]
    fn the_last_try_is_24_hours_after_the_mail_was_made_and_no_later() {
        assert_eq!(next_try(1000, 1, 1000 + TRY_FOR - 61), Some(1000 + TRY_FOR - 1));
        assert_eq!(next_try(1000, 9, 1000 + TRY_FOR - 1), Some(1000 + TRY_FOR));
        assert_eq!(next_try(1000, 9, 1000 + TRY_FOR), None);
        assert_eq!(next_try(1000, 1, i64::MAX), None);
    }

    #[test]
    fn a_clock_that_jumps_back_gives_a_wait_and_no_overflow() {
        assert_eq!(next_try(1_000_000, 1, i64::MIN), Some(i64::MIN + 60));
        assert_eq!(next_try(i64::MAX, 3, 0), Some(240));
    }
}
