//! What was measured of one thing.

use serde::{Deserialize, Serialize};

/// How often something was done, how long that took, and how long each took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    pub done: u64,
    /// From the first to the last, with all that ran side by side.
    pub seconds: f64,
    /// Time of all processors in the measured process, user and system; none: not known on this system.
    pub cpu_seconds: Option<f64>,
    /// Of each, in microseconds; empty: only all together were timed.
    pub micros: Vec<f64>,
}

impl Sample {
    /// Adds a later round.
    pub fn add(&mut self, round: Self) {
        self.cpu_seconds = match self.done {
            0 => round.cpu_seconds,
            _ => self
                .cpu_seconds
                .zip(round.cpu_seconds)
                .map(|(before, more)| before + more),
        };
        self.done += round.done;
        self.seconds += round.seconds;
        self.micros.extend(round.micros);
    }

    pub fn per_second(&self) -> f64 {
        divided(count(self.done), self.seconds)
    }

    /// Microseconds from one to the next.
    pub fn each(&self) -> f64 {
        divided(self.seconds * 1e6, count(self.done))
    }

    /// Microseconds of processor time for one.
    pub fn cpu(&self) -> Option<f64> {
        self.cpu_seconds.map(|seconds| divided(seconds * 1e6, count(self.done)))
    }

    /// The time that `share` of them took at most, in microseconds.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in the list"
        )]
        let place = (count(last as u64) * share).round() as usize;
        Some(sorted[place.min(last)])
    }
}

fn divided(by: f64, what: f64) -> f64 {
    if what > 0.0 { by / what } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "nothing is measured 2^53 times")]
fn count(of: u64) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_add_up_and_the_slowest_is_the_last_quantile() {
        let mut all = Sample::default();
        for micros in [3.0, 1.0, 2.0] {
            all.add(Sample {
                done: 1,
                seconds: 0.5,
                cpu_seconds: Some(0.25),
                micros: vec![micros],
            });
        }
        assert_eq!((all.done, all.per_second(), all.each()), (3, 2.0, 500_000.0));
        assert_eq!(all.cpu(), Some(250_000.0));
        assert_eq!(
            [0.0, 0.5, 1.0].map(|share| all.quantile(share)),
            [1.0, 2.0, 3.0].map(Some)
        );
    }

    #[test]
    fn what_one_round_does_not_know_the_sum_does_not_know() {
        let known = Sample {
            done: 1,
            cpu_seconds: Some(1.0),
            ..Sample::default()
        };
        let unknown = Sample {
            done: 1,
            ..Sample::default()
        };
        let mut all = known.clone();
        all.add(unknown);
        all.add(known);
        assert_eq!((all.cpu(), all.quantile(0.5)), (None, None));
    }
}
