//! Rows on their way from the database to the writer of a file.

use chrono::{NaiveDate, NaiveDateTime};
use tokio::sync::mpsc;

use super::Stop;

/// Rows that go to the writer together: handing over one by one would cost more than writing them.
const ROWS_TOGETHER: usize = 256;
/// Handings-over that wait for the writer before the reader waits too.
const QUEUED: usize = 2;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Empty,
    /// Anything that people typed, or a word of the platform's own.
    Text(String),
    Count(i64),
    /// Minor units of a currency, and how many digits that has.
    Amount(i64, u32),
    /// What the event's clock shows, and how many seconds it is ahead of UTC.
    Moment(NaiveDateTime, i64),
    Day(NaiveDate),
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text.to_owned())
        }
    }

    /// How far the clock that a moment was read from is ahead of UTC: `UTC+02:00`.
    pub(super) fn utc_offset(&self) -> Self {
        let Self::Moment(_, offset) = self else {
            return Self::Empty;
        };
        let sign = if *offset < 0 { '-' } else { '+' };
        let (hours, rest) = (offset.abs() / 3600, offset.abs() % 3600);
        let (minutes, seconds) = (rest / 60, rest % 60);
        let mut text = format!("UTC{sign}{hours:02}:{minutes:02}");
        if seconds != 0 {
            text.push_str(&format!(":{seconds:02}"));
        }
        Self::Text(text)
    }
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub heading: String,
    /// Its cells are [`Cell::Moment`].
    pub moments: bool,
}

impl Column {
    pub(super) fn new(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            moments: false,
        }
    }

    /// For [`Cell::Moment`].
    pub(super) fn moment(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            moments: true,
        }
    }
}

/// What the writer is handed.
pub(super) enum Batch {
    Rows(Vec<Vec<Cell>>),
    /// Those were all. A channel that closes without it was abandoned.
    End,
}

/// The reader's end.
pub(crate) struct RowSender {
    to: mpsc::Sender<Batch>,
    waiting: Vec<Vec<Cell>>,
}

/// A queue that holds few rows: whoever sends waits for the writer.
pub(super) fn channel() -> (RowSender, mpsc::Receiver<Batch>) {
    let (to, from) = mpsc::channel(QUEUED);
    let waiting = Vec::with_capacity(ROWS_TOGETHER);
    (RowSender { to, waiting }, from)
}

impl RowSender {
    /// Sends a row; waits while the writer is behind.
    pub(super) async fn push(&mut self, row: Vec<Cell>) -> Result<(), Stop> {
        self.waiting.push(row);
        if self.waiting.len() < ROWS_TOGETHER {
            return Ok(());
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        let rows = std::mem::replace(&mut self.waiting, Vec::with_capacity(ROWS_TOGETHER));
        self.to.send(Batch::Rows(rows)).await.map_err(|_| Stop::Closed)
    }

    /// Says that those were all rows. A writer that has given up has its own reasons to tell.
    pub(super) async fn finish(mut self) {
        if self.flush().await.is_ok() {
            let _ = self.to.send(Batch::End).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_reader_stops_when_a_writer_that_does_nothing_is_three_handings_over_behind() {
        let (mut rows, batches) = channel();
        let mut sent = 0;
        while rows.push(vec![Cell::Count(sent)]).now_or_never().is_some() {
            sent += 1;
        }
        assert_eq!(usize::try_from(sent), Ok(ROWS_TOGETHER * (QUEUED + 1) - 1));
        drop(batches);
    }

    #[test]
    fn a_reader_hears_that_the_writer_is_gone() {
        let (mut rows, batches) = channel();
        drop(batches);
        let mut last = Ok(());
        for _ in 0..ROWS_TOGETHER {
            last = rows.push(Vec::new()).now_or_never().expect("nothing to wait for");
        }
        assert!(matches!(last, Err(Stop::Closed)));
    }
}
