//! A set of days within one month or year.

use super::rule::SetPositions;

const WORDS: usize = 6; // 384 bits: a leap year has 366 days

/// Days of a span of at most 366 days, as offsets (0-based) from its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DaySet([u64; WORDS]);

impl DaySet {
    pub(super) const EMPTY: Self = Self([0; WORDS]);

    /// The days of a span of `length` days that fall on one of `weekdays` (bit 0: Monday), if its first falls on
    /// `first_weekday` (0: Monday).
    pub(super) fn weekly(weekdays: u8, first_weekday: u32, length: u32) -> Self {
        let mut words = [0; WORDS];
        for (index, word) in (0..).zip(&mut words) {
            if index * 64 >= length {
                break;
            }
            // 64 is 9 weeks and a day, so each word begins one weekday later.
            *word = repeated_weekly(weekdays, (first_weekday + index) % 7) & low_bits(length - index * 64);
        }
        Self(words)
    }

    pub(super) fn insert(&mut self, offset: u32) {
        self.0[(offset / 64) as usize] |= 1 << (offset % 64);
    }

    /// Adds the days of a month that begins at `offset`.
    pub(super) fn insert_month(&mut self, offset: u32, month: &Self) {
        let (word, shift) = ((offset / 64) as usize, offset % 64);
        let days = month.0[0];
        self.0[word] |= days << shift;
        if shift > 0 && word + 1 < WORDS {
            self.0[word + 1] |= days >> (64 - shift);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The set without the days before `offset`.
    pub(super) fn from(mut self, offset: u32) -> Self {
        for (index, word) in (0..).zip(&mut self.0) {
            *word &= !low_bits(offset.saturating_sub(index * 64));
        }
        self
    }

    /// The set without the days after `offset`.
    pub(super) fn through(mut self, offset: u32) -> Self {
        for (index, word) in (0..).zip(&mut self.0) {
            *word &= low_bits((offset + 1).saturating_sub(index * 64));
        }
        self
    }

    pub(super) fn first(&self) -> Option<u32> {
        (0..)
            .zip(&self.0)
            .find(|(_, word)| **word != 0)
            .map(|(index, word)| index * 64 + word.trailing_zeros())
    }

    pub(super) fn last(&self) -> Option<u32> {
        let (index, word) = (0..6).rev().zip(self.0.iter().rev()).find(|(_, word)| **word != 0)?;
        Some(index * 64 + 63 - word.leading_zeros())
    }

    /// The days at these positions, each once. The cost depends on the length of the span, not on the number of positions.
    pub(super) fn at_positions(&self, positions: &SetPositions) -> Self {
        let count = self.count();
        let mut expected = positions.from_start;
        for offset in positions.from_end.offsets().take_while(|offset| *offset < count) {
            expected.insert(count - 1 - offset);
        }
        let mut picked = Self::EMPTY;
        let mut passed = 0;
        for (word, picked) in self.0.into_iter().zip(&mut picked.0) {
            let here = word.count_ones();
            *picked = spread(expected.word_from(passed) & low_bits(here), word);
            passed += here;
        }
        picked
    }

    pub(super) fn offsets(&self) -> impl Iterator<Item = u32> {
        (0..)
            .zip(self.0)
            .flat_map(|(index, word)| bits(word).map(move |bit| index * 64 + bit))
    }

    /// The 64 bits that begin at `offset`.
    fn word_from(&self, offset: u32) -> u64 {
        let (index, shift) = ((offset / 64) as usize, offset % 64);
        let word = |index: usize| self.0.get(index).copied().unwrap_or(0);
        match shift {
            0 => word(index),
            _ => word(index) >> shift | word(index + 1) << (64 - shift),
        }
    }

    /// The day at `position`, 0 being the first.
    pub(super) fn nth(&self, mut position: u32) -> Option<u32> {
        for (index, word) in (0..).zip(self.0) {
            if position < word.count_ones() {
                let mut rest = word;
                for _ in 0..position {
                    rest &= rest - 1;
                }
                return Some(index * 64 + rest.trailing_zeros());
            }
            position -= word.count_ones();
        }
        None
    }
}

/// The positions of the bits that are set in a word, lowest first.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(lowest)
    })
}

/// Deposits the lowest bits of `bits` at the positions of the bits that are set in `mask`.
fn spread(mut bits: u64, mut mask: u64) -> u64 {
    let mut spread = 0;
    while bits != 0 && mask != 0 {
        if bits & 1 == 1 {
            spread |= mask & mask.wrapping_neg();
        }
        mask &= mask - 1;
        bits >>= 1;
    }
    spread
}

/// The lowest `count` bits; all bits for 64 and more.
fn low_bits(count: u32) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// `weekdays` repeated through the word, beginning with `first_weekday`.
fn repeated_weekly(weekdays: u8, first_weekday: u32) -> u64 {
    const EVERY_SEVENTH: u64 = 0x8102_0408_1020_4081;
    let week = u64::from(weekdays);
    let week = ((week >> first_weekday) | (week << (7 - first_weekday))) & 0x7f;
    week.wrapping_mul(EVERY_SEVENTH)
}
