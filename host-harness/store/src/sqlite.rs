//! The store in one SQLite file: for one machine, and for any number of processes on it.
//!
//! Every writing transaction begins IMMEDIATE: a deferred one that reads and then writes can be refused with
//! `SQLITE_BUSY_SNAPSHOT`, however long it would wait. Nothing is assumed of a process that another could change: what a
//! write depends on is read in its own transaction.

mod audit;
mod backup;
mod called_off;
mod change_notices;
mod columns;
mod commit;
mod delivery;
mod due;
mod fault;
mod files;
mod finish;
mod history;
mod leases;
mod lists;
pub mod migrate;
mod organizers;
mod outbox;
mod plans;
pub mod reading;
mod requests;
mod retention;
mod runs;
pub mod statement;
#[cfg(test)]
mod tests;
mod usage;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

pub use self::backup::{BackupError, backup};
use self::reading::Reading;
use self::statement::{execute, value};
use self::writer::Writer;
use super::migrations::{Migrations, migrations};
use super::reserve::Reserved;
use super::turns::Turns;
use super::{Storage, StorageError};
use crate::clock::Instant;
use crate::private;

/// Of the name that it had when `sqlx` made it: programs of before and after that can be on one file.
static MIGRATIONS: Migrations = migrations!("_sqlx_migrations",
    1 "store" "sqlite/migrations/0001_store.sql",
    2 "states" "sqlite/migrations/0002_states.sql",
);

/// How long a statement waits for another process's write transaction.
const BUSY: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;

/// KiB of pages that the connection which writes keeps: a batch of as many organizers touches a page of each, and SQLite's own 2 MiB
/// do not hold them until the next.
const CACHE: i32 = 8 * 1024;

/// Reads at a time that may take long: each has a connection, and that has pages in memory.
const ASIDE: usize = 8;

/// A store in one file.
#[derive(Debug)]
pub struct SqliteStorage {
    path: PathBuf,
    writer: Writer,
    reading: Arc<Reading>,
    /// Turns at [`SqliteStorage::read_aside`].
    aside: Semaphore,
    reserved: Mutex<Reserved>,
    schedules: Turns<i64>,
    deliveries: Turns<i64>,
}

impl SqliteStorage {
    /// Opens the file, creates it where there is none, and brings its tables up to this version. Any number of processes may
    /// do so at a time.
    ///
    /// # Errors
    /// `Unavailable` where the file can't be opened or stays locked; `Corrupt` where it is no such file, or one of a later
    /// version.
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        Self::open_within(path, None).await
    }

    /// The same with a file of at most so many pages of 4 KiB, as on a small disk: what needs another one is answered as on a
    /// full disk.
    ///
    /// # Errors
    /// As those of [`SqliteStorage::open`].
    pub async fn open_within(path: &Path, pages: Option<u32>) -> Result<Self, StorageError> {
        let path = path.to_owned();
        let writer = {
            let path = path.clone();
            aside(move || {
                let mut first = opened(&path)?;
                migrate::run(&mut first, &MIGRATIONS)?;
                first.pragma_update(None, "cache_size", -CACHE)?;
                if let Some(pages) = pages {
                    first.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
                }
                Ok(first)
            })
        };
        let writer = Writer::of(writer.await?)?;
        Ok(Self {
            writer,
            reading: Arc::new(Reading::of(&path)),
            path,
            aside: Semaphore::new(ASIDE),
            reserved: Mutex::default(),
            schedules: Turns::default(),
            deliveries: Turns::default(),
        })
    }

    /// Carries `work` out in a transaction, and answers once that is durable. Where `work` answers an error, everything is as it
    /// was. Those that wait for their turn together share a transaction; where that comes to nothing, each is carried out again by
    /// itself. Nothing slow belongs into it: other writers wait.
    ///
    /// # Errors
    /// Those of `work`; `Unavailable` where another process keeps the file locked.
    pub async fn write<T, E>(&self, work: impl FnMut(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Lets `work` read on a thread where it may take long.
    ///
    /// # Errors
    /// Those of `work`, or the file can't be opened.
    async fn read_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let _turn = self.aside.acquire().await;
        let reading = Arc::clone(&self.reading);
        aside(move || reading.read(work)).await
    }

    /// Is anything there at `now`? Asked on the thread of the call.
    fn any(&self, sql: &str, now: Instant) -> Result<bool, StorageError> {
        self.reading.read(|on| value(on, sql, [now]))
    }

    /// Brings tables of another module in the same file up to its version. Each module needs a table of its own for what has
    /// been done.
    ///
    /// # Errors
    /// `Corrupt` where the file holds a later version.
    pub async fn migrate(&self, migrations: &'static Migrations) -> Result<(), StorageError> {
        let path = self.path.clone();
        aside(move || migrate::run(&mut opened(&path)?, migrations)).await
    }

    fn reserved(&self) -> std::sync::MutexGuard<'_, Reserved> {
        // A range of numbers is whole at every moment.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn store_id(&self) -> Result<String, StorageError> {
        self.reading.read(|on| value(on, "select id from identity", []))
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.reading.read(|on| value::<i64>(on, "select 1", []).map(drop))
    }

    async fn check_writable(&self) -> Result<(), StorageError> {
        // More than a page, so that it needs room of its own.
        self.write(|on| execute(on, "insert into probe (bytes) values (zeroblob(8192))", []))
            .await?;
        self.write(|on| execute(on, "delete from probe", [])).await?;
        Ok(())
    }

    /// Closes all connections. The log beside the file is emptied into it, also where another process goes on: what was deleted is to
    /// lie nowhere.
    async fn close(&self) {
        self.reading.close();
        self.writer.close().await;
    }
}

/// A connection to a file that is there, used by one thread at a time.
fn connected(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite plans a statement with a bound LIMIT again each time that is bound, which costs more than most of them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Makes the file, empty, where there is none, and takes it from other users where they can read it. SQLite gives the files beside it
/// the mode of this one.
fn private_file(path: &Path) -> Result<(), StorageError> {
    let unusable = |error: std::io::Error| StorageError::Unavailable(format!("{}: {error}", path.display()));
    match private::options().write(true).create_new(true).open(path) {
        Ok(_) => return Ok(()),
        // Not opened: closing it would take SQLite's locks on it from this process.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unusable(error)),
    }
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        private::tighten(Path::new(&name)).map_err(unusable)?;
    }
    Ok(())
}

/// A connection that writes, to a file that is made where there is none.
///
/// # Errors
/// As those of [`SqliteStorage::open`].
pub fn opened(path: &Path) -> Result<Connection, StorageError> {
    private_file(path)?;
    let connection = connected(path)?;
    // Turning on WAL needs the file alone, and SQLite does not wait for that: with several openers, all but one try again.
    let began = Stopwatch::now();
    loop {
        let turned_on = connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()));
        match turned_on.map_err(StorageError::from) {
            Err(StorageError::Unavailable(words)) if words.contains("locked") && began.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => break done?,
        }
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // What is deleted was an export, a mail or a link: it is overwritten, not only let go of.
    connection.pragma_update(None, "secure_delete", true)?;
    // The pages that a savepoint can restore are kept in memory: in a temporary file, they would be copies that nothing overwrites, and a
    // file to create and remove for each large batch.
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Does what can take long on a thread that may wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string())))
}
