//! The platform's tables in a SQLite file: changes of them, and what exports read. Look-ups: [`reading`](super::reading).
//!
//! A statement of a change is carried out on the thread of the call, as a look-up is; to wait for another process's lock, and for the
//! disk, is left to a thread that may. An export reads for as long as its file takes to be made: on a thread of its own, which sends
//! what it has read in pieces.

use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql};
use scheduled_exports_store::sqlite::reading::Reading;
use scheduled_exports_store::sqlite::{migrate, opened};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, mpsc, oneshot};

use super::database::{EXPORT_TURN, TABLES_IN_A_FILE};
use super::reading::{Asked, Found};
use super::{EXPORTS_AT_ONCE, PlatformError};

/// Rows that an export is sent at a time: its reader and its writer wake each other for as many.
const ROWS: usize = 256;
/// So many pieces are read ahead.
const AHEAD: usize = 2;

/// Connections to a file.
#[derive(Debug)]
pub(super) struct File {
    pub look_ups: Arc<Reading>,
    /// None: closed.
    changes: Arc<Mutex<Option<Connection>>>,
    exports: Arc<Semaphore>,
}

impl File {
    pub(super) async fn open(path: &Path) -> Result<Self, PlatformError> {
        let look_ups = Arc::new(Reading::of(path));
        let path = path.to_owned();
        let changes = aside(move || {
            let mut connection = opened(&path)?;
            migrate::run(&mut connection, &TABLES_IN_A_FILE)?;
            Ok(connection)
        });
        Ok(Self {
            look_ups,
            changes: Arc::new(Mutex::new(Some(changes.await?))),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE as usize)),
        })
    }

    /// A transaction that has the write lock from its start, so that it never fails halfway for want of it.
    pub(super) async fn write(&self) -> Result<Change, PlatformError> {
        let connection = Arc::clone(&self.changes).lock_owned().await;
        let change = Change(connection);
        aside(move || {
            change.on()?.execute_batch("BEGIN IMMEDIATE")?;
            Ok(change)
        })
        .await
    }

    /// Reads everything as of one moment, however long that takes.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, PlatformError> {
        let turn = Arc::clone(&self.exports).acquire_owned();
        let turn = tokio::time::timeout(EXPORT_TURN, turn).await;
        let Ok(Ok(turn)) = turn else {
            return Err(PlatformError::Unavailable("no turn for an export".to_owned()));
        };
        let (jobs, mut asked) = mpsc::unbounded_channel::<Job>();
        let (ready, is_ready) = oneshot::channel();
        let reading = Arc::clone(&self.look_ups);
        let thread = aside(move || {
            // Given back when the connection is.
            let _turn = turn;
            reading.read(|on| {
                let snapshot = on.unchecked_transaction()?;
                // Whoever does not wait any more sends no job.
                let _ = ready.send(());
                while let Some(job) = asked.blocking_recv() {
                    job(&snapshot);
                }
                Ok(())
            })
        });
        let thread = tokio::spawn(thread);
        if is_ready.await.is_err() {
            return Err(match thread.await {
                Ok(Err(error)) => error,
                _ => gone(),
            });
        }
        Ok(Snapshot { jobs })
    }

    /// Closes all connections once what they do has ended.
    pub(super) async fn close(&self) {
        self.changes.lock().await.take();
        // No export comes after this, and those that read have ended.
        if let Ok(turns) = self.exports.acquire_many(EXPORTS_AT_ONCE).await {
            turns.forget();
        }
        self.exports.close();
        self.look_ups.close();
    }
}

/// Does what can take long on a thread that may wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlatformError> + Send + 'static,
) -> Result<T, PlatformError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(PlatformError::Unavailable(error.to_string())))
}

/// A transaction that writes; dropped without a commit, it leaves everything as it was.
#[derive(Debug)]
pub(super) struct Change(OwnedMutexGuard<Option<Connection>>);

impl Change {
    fn on(&self) -> Result<&Connection, PlatformError> {
        let closed = || PlatformError::Unavailable("the platform is closed".to_owned());
        self.0.as_ref().ok_or_else(closed)
    }

    /// Carries a statement out; how many rows it has touched.
    pub(super) fn execute(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<u64, PlatformError> {
        Asked { sql, parameters }.execute(self.on()?)
    }

    pub(super) fn fetch_all<T: Found>(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<T>, PlatformError> {
        Asked { sql, parameters }.all(self.on()?)
    }

    pub(super) fn fetch_one<T: Found>(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<T, PlatformError> {
        let found = Asked { sql, parameters }.first(self.on()?)?;
        found.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    pub(super) async fn commit(self) -> Result<(), PlatformError> {
        aside(move || Ok(self.on()?.execute_batch("COMMIT")?)).await
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if let Some(connection) = self.0.as_ref()
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a change of the platform could not be taken back");
        }
    }
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// What an export reads with.
pub(super) struct Snapshot {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Snapshot {
    /// Rows of a statement as they come.
    pub(super) fn stream<T: Found + Send + 'static>(
        &self,
        sql: &'static str,
        parameters: &[&dyn ToSql],
    ) -> BoxStream<'static, Result<T, PlatformError>> {
        let (piece, pieces) = mpsc::channel(AHEAD);
        let sent = owned(parameters).map(|parameters| {
            let job = move |on: &Connection| {
                if let Err(error) = send_rows(on, sql, &parameters, &piece) {
                    let _ = piece.blocking_send(Err(error));
                }
            };
            // Where the thread has ended there is nobody to send a piece.
            self.jobs.send(Box::new(job)).map_err(|_| gone())
        });
        if let Err(error) | Ok(Err(error)) = sent {
            return stream::iter([Err(error)]).boxed();
        }
        let pieces = stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
        pieces
            .flat_map(|piece| match piece {
                Ok(rows) => stream::iter(rows).map(Ok).left_stream(),
                Err(error) => stream::iter([Err(error)]).right_stream(),
            })
            .boxed()
    }
}

fn gone() -> PlatformError {
    PlatformError::Unavailable("the file is not read any more".to_owned())
}

/// Parameters that another thread can have.
fn owned(parameters: &[&dyn ToSql]) -> Result<Vec<Value>, PlatformError> {
    let owned = parameters.iter().map(|parameter| match parameter.to_sql()? {
        ToSqlOutput::Borrowed(value) => {
            Value::try_from(value).map_err(|error| PlatformError::Corrupt(error.to_string()))
        }
        ToSqlOutput::Owned(value) => Ok(value),
        other => Err(PlatformError::Corrupt(format!("{other:?} is no parameter"))),
    });
    owned.collect()
}

/// Sends what a statement answers, until nobody takes it any more.
fn send_rows<T: Found>(
    on: &Connection,
    sql: &str,
    parameters: &[Value],
    pieces: &mpsc::Sender<Result<Vec<T>, PlatformError>>,
) -> Result<(), PlatformError> {
    let parameters: Vec<&dyn ToSql> = parameters.iter().map(|value| value as &dyn ToSql).collect();
    let asked = Asked {
        sql,
        parameters: &parameters,
    };
    let mut piece = Vec::with_capacity(ROWS);
    let is_wanted = asked.each(on, |row: T| {
        piece.push(row);
        piece.len() < ROWS || pieces.blocking_send(Ok(std::mem::take(&mut piece))).is_ok()
    })?;
    if is_wanted && !piece.is_empty() {
        let _ = pieces.blocking_send(Ok(piece));
    }
    Ok(())
}
