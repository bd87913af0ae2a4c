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
use tempfile::SpooledData;
use tokio::sync::Semaphore;

pub use self::backup::{BackupError, backup};
use self::reading::Reading;
use self::statement::{execute, prepared, value};
use self::writer::Writer;
use super::migrations::{Migrations, migrations};
use super::reserve::Reserved;
use super::turns::Turns;
use super::{
    AuditEntry, Backlog, Commit, CommitError, DeliveryResult, DeliveryTask, FileFacts, Finish, HistoryRow, Kept, Lease,
    LeaseError, Leased, MailStanding, OutboxMail, OutgoingExport, ReplanRow, RequestKey, RequestState, Rooms, Row,
    Rows, Scope, StartError, Storage, StorageError, Visible, Wakes, Written,
};
use crate::clock::Instant;
use crate::contract::schedule_store::Plan;
use crate::contract::{MissedRange, PageQuery, Position, RunEntry};
use crate::private;

/// Of the name that it had when `sqlx` made it: programs of before and after that can be on one file.
static MIGRATIONS: Migrations = migrations!("_sqlx_migrations", 1 "store" "sqlite/migrations/0001_store.sql");

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

    /// Closes all connections. The log beside the file is emptied into it, also where another process goes on: what was deleted is to
    /// lie nowhere.
    pub async fn close(&self) {
        self.reading.close();
        self.writer.close().await;
    }

    fn reserved(&self) -> std::sync::MutexGuard<'_, Reserved> {
        // A range of numbers is whole at every moment.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn list(&self, seen: &Visible, query: &PageQuery) -> Result<Option<Rows<Row>>, StorageError> {
        self.page(seen, query).await
    }

    async fn get(&self, seen: &Visible, id: u64) -> Result<Option<Row>, StorageError> {
        self.one(seen, id).await
    }

    async fn runs(&self, schedule: u64, at: &Position, size: u32) -> Result<Option<Rows<RunEntry>>, StorageError> {
        self.history_of(schedule, at, size).await
    }

    async fn count(&self, organizer: &str) -> Result<u64, StorageError> {
        self.count_of(organizer).await
    }

    async fn reserve_id(&self) -> Result<u64, StorageError> {
        self.next_id().await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.write_commit(commit).await
    }

    async fn seed(&self, row: &Row, zone_database: &str, now: Instant) -> Result<(), CommitError> {
        self.put_in(row, zone_database, now).await
    }

    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, StorageError> {
        self.mark_request(key, fingerprint, now, lease_until).await
    }

    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), StorageError> {
        self.forget_request(key, ticket).await
    }

    async fn enabled(&self, organizer: &str) -> Result<bool, StorageError> {
        self.is_enabled(organizer).await
    }

    async fn set_enabled(&self, organizer: &str, enabled: bool, actor: &str, now: Instant) -> Result<(), StorageError> {
        self.switch(organizer, enabled, actor, now).await
    }

    async fn retire(&self, event: &Scope, now: Instant) -> Result<(), StorageError> {
        self.retire_event(event, now).await
    }

    async fn scopes(&self, organizer: &str) -> Result<Vec<(Option<String>, u64)>, StorageError> {
        self.scopes_of(organizer).await
    }

    async fn organizers(&self) -> Result<Vec<(String, bool)>, StorageError> {
        self.all_switched().await
    }

    async fn take_due(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError> {
        self.lease_due(now, lease_until, limit, &Rooms::default()).await
    }

    async fn take_due_within(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: &Rooms,
    ) -> Result<Vec<Leased>, StorageError> {
        self.lease_due(now, lease_until, limit, rooms).await
    }

    async fn take_settled(&self, now: Instant, lease_until: Instant, limit: u32) -> Result<Vec<Leased>, StorageError> {
        self.lease_settled(now, lease_until, limit).await
    }

    async fn renew(&self, lease: &Lease, until: Instant) -> Result<(), LeaseError> {
        self.prolong(lease, until).await
    }

    async fn hand_back(&self, lease: &Lease, now: Instant) -> Result<(), LeaseError> {
        self.give_back(lease, now).await
    }

    async fn start(
        &self,
        lease: &Lease,
        plan: &Plan,
        zone_database: &str,
        zone: &str,
        now: Instant,
    ) -> Result<u64, StartError> {
        self.open_run(lease, plan, (zone_database, zone), now).await
    }

    async fn recorded(&self, schedule: u64, range: &MissedRange) -> Result<Option<Instant>, StorageError> {
        self.recorded_of(schedule, range).await
    }

    async fn keep_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> Result<(), LeaseError> {
        self.store_file(lease, run, facts, file).await
    }

    async fn read_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
        self.fetch_file(run, path).await
    }

    async fn file_facts(&self, run: u64) -> Result<Option<FileFacts>, StorageError> {
        self.facts_of_file(run)
    }

    async fn linked_piece(&self, hash: &[u8; 32], now: Instant, piece: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.piece_of_link(hash, now, piece).await
    }

    async fn keep_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> Result<(), LeaseError> {
        self.store_link(lease, run, hash, expires).await
    }

    async fn linked(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError> {
        self.run_of_link(hash, now).await
    }

    async fn finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<Written, LeaseError> {
        self.write_finish(lease, run, finish).await
    }

    async fn take_deliveries(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        self.lease_deliveries(now, lease_until, limit, &Rooms::default()).await
    }

    async fn take_deliveries_within(
        &self,
        now: Instant,
        lease_until: Instant,
        limit: u32,
        rooms: &Rooms,
    ) -> Result<Vec<DeliveryTask>, StorageError> {
        self.lease_deliveries(now, lease_until, limit, rooms).await
    }

    async fn mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError> {
        self.outbox_mail(id).await
    }

    async fn standing(&self, mails: &[u64]) -> Result<Vec<(u64, MailStanding)>, StorageError> {
        self.standing_of(mails).await
    }

    async fn export(&self, run: u64) -> Result<Option<OutgoingExport>, StorageError> {
        self.export_of(run).await
    }

    async fn call_off(&self, run: u64, words: &str, now: Instant) -> Result<(), StorageError> {
        self.call_off_export(run, words, now).await
    }

    async fn renew_deliveries(&self, tasks: &[DeliveryTask], until: Instant) -> Result<Vec<(u64, u32)>, StorageError> {
        self.extend_deliveries(tasks, until).await
    }

    async fn mail_was_accepted(&self, mail: u64) -> Result<bool, StorageError> {
        self.accepted_for_one(mail).await
    }

    async fn waiting_recipients(&self, most: u32) -> Result<Vec<(String, String)>, StorageError> {
        self.tried_and_waiting(most).await
    }

    async fn record_delivery(
        &self,
        task: &DeliveryTask,
        result: &DeliveryResult,
        now: Instant,
    ) -> Result<(), LeaseError> {
        self.write_delivery(task, result, now).await
    }

    async fn resume_undelivered(
        &self,
        organizer: Option<&str>,
        schedule: Option<u64>,
        actor: &str,
        now: Instant,
    ) -> Result<Vec<u64>, StorageError> {
        self.start_undelivered(organizer, schedule, actor, now).await
    }

    async fn request_replan(&self, moved: &Scope) -> Result<u64, StorageError> {
        self.mark_replan(moved).await
    }

    async fn replan_batch(&self, limit: u32, zone_database: &str) -> Result<Vec<ReplanRow>, StorageError> {
        self.to_replan(limit, zone_database).await
    }

    async fn write_plan(
        &self,
        row: &ReplanRow,
        plan: Option<Option<Instant>>,
        zone_database: &str,
    ) -> Result<(), StorageError> {
        self.replace_plans(&[(row.clone(), plan)], zone_database).await
    }

    async fn write_plans(
        &self,
        plans: &[(ReplanRow, Option<Option<Instant>>)],
        zone_database: &str,
    ) -> Result<(), StorageError> {
        self.replace_plans(plans, zone_database).await
    }

    async fn next_wakes(&self) -> Result<Wakes, StorageError> {
        self.earliest_wakes().await
    }

    async fn backlog(&self, now: Instant) -> Result<Backlog, StorageError> {
        self.what_waits(now).await
    }

    async fn collect(&self, now: Instant) -> Result<(), StorageError> {
        self.remove_outlived(now).await
    }

    async fn forget(&self, before: Kept, most: u32) -> Result<u64, StorageError> {
        self.remove_history(before, most).await
    }

    async fn history(&self, schedule: Option<u64>, limit: u32) -> Result<Vec<HistoryRow>, StorageError> {
        self.latest_runs(schedule, limit).await
    }

    async fn audit(&self, organizer: &str, limit: u32) -> Result<Vec<AuditEntry>, StorageError> {
        self.latest_audit(organizer, limit).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn store_id(&self) -> Result<String, StorageError> {
        self.reading
            .read(|on| Ok(prepared(on, "select id from identity")?.query_row([], |row| row.get(0))?))
    }

    async fn check_writable(&self) -> Result<(), StorageError> {
        // More than a page, so that it needs room of its own.
        self.write(|on| execute(on, "insert into probe (bytes) values (zeroblob(8192))", []))
            .await?;
        self.write(|on| execute(on, "delete from probe", [])).await?;
        Ok(())
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.reading.read(|on| {
            prepared(on, "select 1")?.query_row([], |_| Ok(()))?;
            Ok(())
        })
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
    Ok(connection)
}

/// Does what can take long on a thread that may wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string())))
}
