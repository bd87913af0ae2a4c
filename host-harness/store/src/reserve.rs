//! Ids that a process holds in reserve, so that not every new schedule costs a write of its own.

use std::ops::Range;

/// Most ids that a process holds in reserve: they are lost when it ends.
const BLOCK: u64 = 256;

/// Ids that this process has taken from the store and not given out.
#[derive(Debug)]
pub(super) struct Reserved {
    ids: Range<u64>,
    /// Ids to take next time: few for a command that makes one schedule, more for a server.
    block: u64,
}

impl Default for Reserved {
    fn default() -> Self {
        Self { ids: 0..0, block: 1 }
    }
}

impl Reserved {
    /// The next id; with `Err`, so many are to be taken from the store first.
    pub(super) fn next(&mut self) -> Result<u64, u64> {
        self.ids.next().ok_or_else(|| {
            let block = self.block;
            self.block = (block * 2).min(BLOCK);
            block
        })
    }

    /// Takes in a block that ends before `end`, and answers its first id.
    pub(super) fn take_in(&mut self, block: u64, end: u64) -> u64 {
        // Two callers can have come here at a time: the higher block is kept, so that ids go on upwards.
        if self.ids.is_empty() || self.ids.end < end {
            self.ids = end - block + 1..end;
        }
        end - block
    }

    /// Gives the rest up: what is reserved from now on is higher than what the store held.
    pub(super) fn give_up(&mut self) {
        *self = Self::default();
    }
}
