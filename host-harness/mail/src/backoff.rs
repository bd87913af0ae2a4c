//! How long a deferred delivery waits, and when it is given up.

use scheduled_exports_host::clock::Instant;

/// The waits between the tries of one delivery are this long together.
pub const TRY_FOR: i64 = 24 * 60 * 60;

/// The longest wait between two tries.
pub const LONGEST_WAIT: i64 = 2 * 60 * 60;

/// When to try again after `tries` tries that count, the last one just failed at `now`: 1, 2, 4, … minutes later, at most
/// [`LONGEST_WAIT`]. The waits are [`TRY_FOR`] together; none: that was the last try. What does not count, as while the mail server
/// is down or this host is, makes no try the last one.
#[must_use]
pub fn next_try(tries: u32, now: Instant) -> Option<Instant> {
    let wait = waited(tries) - waited(tries.saturating_sub(1));
    (wait > 0).then(|| now.saturating_add(wait))
}

/// The first `tries` waits together.
fn waited(tries: u32) -> i64 {
    // 2^7 minutes are more than the longest wait.
    let doubling = tries.min(7);
    let minutes = (1_i64 << doubling) - 1;
    let rest = i64::from(tries - doubling);
    minutes
        .saturating_mul(60)
        .saturating_add(rest.saturating_mul(LONGEST_WAIT))
        .min(TRY_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_hours_and_are_24_hours_together() {
        let waits: Vec<_> = (1..=18).map(|tries| next_try(tries, 0).unwrap() / 60).collect();
        assert_eq!(waits[..10], [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        assert_eq!(waits.iter().sum::<i64>() * 60, TRY_FOR);
        for tries in [19, 20, 64, u32::MAX] {
            assert_eq!(next_try(tries, 0), None, "{tries}");
        }
    }

    #[test]
    fn a_clock_at_either_end_gives_a_wait_and_no_overflow() {
        assert_eq!(next_try(1, i64::MIN), Some(i64::MIN + 60));
        assert_eq!(next_try(1, i64::MAX), Some(i64::MAX));
        assert_eq!(next_try(0, 0), None, "nothing was tried");
    }
}
