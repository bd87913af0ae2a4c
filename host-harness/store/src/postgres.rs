//! The store in one PostgreSQL database: for any number of hosts, none of which keeps anything.
//!
//! Transactions are READ COMMITTED. What a write depends on is locked before it is read, always in the same order: organizer,
//! schedule, run, mail and delivery. A lock is a statement of its own: what follows then sees all that was committed before the
//! lock was had. A conflict that the database reports all the same (a deadlock, or a serialization failure of a database that
//! only has stricter transactions) is tried again, a few times.
//!
//! Advisory locks are not used, `LISTEN` only where [`PostgresOptions::notify`] is left on, and settings of the planner only with
//! [`PostgresOptions::planner`], so that a database which speaks the protocol and lacks these can stand in.

mod audit;
mod called_off;
mod change_notices;
pub mod client;
mod clock;
mod columns;
mod commit;
mod delivery;
mod due;
mod fault;
mod files;
mod finish;
mod leases;
mod lists;
mod migrate;
mod notices;
mod organizers;
mod outbox;
mod plans;
mod requests;
mod retention;
mod runs;
#[cfg(test)]
mod tests;
mod usage;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use self::client::{Address, Error, FromRow, Parameter, Pool, Transaction};
use super::migrations::{Migrations, migrations};
use super::reserve::Reserved;
use super::turns::Turns;
use super::{Storage, StorageError};
pub use clock::DatabaseClock;

/// Of the name that it had when `sqlx` made it: programs of before and after that can be on one database.
static MIGRATIONS: Migrations = migrations!("_sqlx_migrations",
    1 "store" "postgres/migrations/0001_store.sql",
    2 "states" "postgres/migrations/0002_states.sql",
);

/// How long a caller waits for its turn at a connection, or for the server to take connections again.
const TURN: Duration = Duration::from_secs(10);
/// Settings of every connection, where its URL does not say otherwise: how long it may wait for a lock, and how long a transaction
/// may be left alone by a host that hangs.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")];
/// How long a statement of the store may take, where the URL does not say otherwise.
const LOOK_UP: (&str, &str) = ("statement_timeout", "30s");
/// That of an export, whatever the URL says: it has a deadline of its own, the run's.
const EXPORT: (&str, &str) = ("statement_timeout", "0");
/// Where [`PostgresOptions::planner`] is left on. Each statement of the store reads few rows by an index that was made for it, in the
/// order that they are wanted in. With young figures, or as organizer and event go together and the planner takes them for
/// independent, it expects fewer rows than there are, and would rather read and sort a whole scope. And statements are planned once,
/// not for the parameters of each call, which can take ten times as long as what they ask.
const PLANNER: [(&str, &str); 7] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("enable_sort", "off"),
];
/// How often a statement or transaction is tried that the database refuses because of another.
const TRIES: u32 = 6;
/// How many connections may turn out to be gone, one after the other: after a restart of the server, all of them are.
#[doc(hidden)]
pub const LOST: u32 = 16;

/// How the store uses its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Most connections of this process, one for notices not counted.
    pub connections: u32,
    /// Tell other hosts of new work, and listen to theirs, with `NOTIFY` and `LISTEN`. Without, each finds it when it looks
    /// next, half a second later at most.
    pub notify: bool,
    /// Tell the planner what the store's statements are like, by settings that another database which speaks the protocol may not have.
    pub planner: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            notify: true,
            planner: true,
        }
    }
}

/// A store in one database.
pub struct PostgresStorage {
    pool: Pool,
    /// How exports connect.
    exports: Address,
    reserved: Mutex<Reserved>,
    schedules: Turns<i64>,
    /// By mail and position.
    deliveries: Turns<(i64, i64)>,
    notices: Option<notices::Notices>,
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the connection: it has the password.
        f.debug_struct("PostgresStorage").finish_non_exhaustive()
    }
}

/// Does it again while the database refuses it because of another transaction.
macro_rules! settled {
    ($once:expr) => {{
        let mut tries = 0;
        loop {
            match $once.await {
                Err(error) if $crate::postgres::once_more(&error, &mut tries).await => {}
                done => break done,
            }
        }
    }};
}
pub(in crate::postgres) use settled;

/// Asks again where the connection turns out to be gone, or as with [`settled`]: for look-ups, and for writes that come to the same
/// if the first was carried out after all.
#[doc(hidden)]
#[macro_export]
macro_rules! read {
    ($once:expr) => {{
        let (mut tries, mut lost) = (0, 0);
        loop {
            match $once.await {
                Err(error) if lost < $crate::postgres::LOST && error.is_gone() => lost += 1,
                Err(error) if $crate::postgres::once_more(&error, &mut tries).await => {}
                done => break done,
            }
        }
    }};
}
pub use read;

/// Is this a conflict that another try may not meet? Then waits a little, longer each time.
#[doc(hidden)]
pub async fn once_more(error: &Error, tries: &mut u32) -> bool {
    let conflict = matches!(error.sql_state(), Some("40001" | "40P01"));
    *tries += 1;
    if !conflict || *tries >= TRIES {
        return false;
    }
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..5 << *tries))).await;
    true
}

impl PostgresStorage {
    /// Opens a database by its URL (`postgres://USER:PASSWORD@HOST/DATABASE`), and brings its tables up to this version. Any
    /// number of processes may do so at a time.
    ///
    /// # Errors
    /// `Unavailable` where the server can't be reached or refuses; `Corrupt` where the URL is none, or the database is of a
    /// later version. No error has the password in it.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        Self::connect_with(url, &PostgresOptions::default()).await
    }

    /// [`PostgresStorage::connect`] with options.
    ///
    /// # Errors
    /// As there.
    pub async fn connect_with(url: &str, options: &PostgresOptions) -> Result<Self, StorageError> {
        let pool = Self::pool_of(url, options)?;
        let store = Self {
            reserved: Mutex::default(),
            schedules: Turns::default(),
            deliveries: Turns::default(),
            notices: None,
            exports: connecting(url, &[])?.with(EXPORT),
            pool,
        };
        store.migrate(&MIGRATIONS).await?;
        let notices = options.notify.then(|| notices::Notices::of(store.pool.clone()));
        Ok(Self { notices, ..store })
    }

    fn pool_of(url: &str, options: &PostgresOptions) -> Result<Pool, StorageError> {
        let mut settings = vec![LOOK_UP];
        if options.planner {
            settings.extend(PLANNER);
        }
        Ok(Pool::new(connecting(url, &settings)?, options.connections.max(1), TURN))
    }

    /// Connections that exports read with, made as they are needed: at most so many, and each waits at most so long for its turn.
    #[must_use]
    pub fn for_exports(&self, connections: u32, turn: Duration) -> Pool {
        Pool::new(self.exports.clone(), connections, turn)
    }

    /// The connections, for tables of other modules in the same database.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Brings tables of another module in the same database up to its version. Each module needs a table of its own for what
    /// has been done.
    ///
    /// # Errors
    /// `Unavailable` where the database can't be reached; `Corrupt` where it holds a later version.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), StorageError> {
        migrate::run(&self.pool, migrations).await
    }

    /// A clock that goes as the database's does, for hosts whose own may differ from each other's.
    ///
    /// # Errors
    /// `Unavailable` where the database can't be asked.
    pub async fn clock(&self) -> Result<DatabaseClock, StorageError> {
        DatabaseClock::of(self.pool.clone()).await
    }

    /// A transaction; dropped without `commit`, it leaves everything as it was. A connection that turns out to be gone at its
    /// first word is replaced.
    async fn begin(&self) -> client::Result<Transaction> {
        read!(self.pool.begin())
    }

    /// The same, with the rows of its first statement, which locks or reads.
    async fn begin_reading<R: FromRow>(
        &self,
        sql: &str,
        parameters: &[&dyn Parameter],
    ) -> client::Result<(Transaction, Vec<R>)> {
        read!(self.pool.begin_reading(sql, parameters))
    }

    async fn try_check_writable(&self) -> client::Result<()> {
        let transaction = self.begin().await?;
        let statements = "insert into probe (bytes) values ('written'); delete from probe";
        transaction.run(statements).await?;
        transaction.commit().await
    }

    /// Tells other hosts that there is something to do at once.
    fn tell(&self) {
        if let Some(notices) = &self.notices {
            notices.tell();
        }
    }

    fn reserved(&self) -> std::sync::MutexGuard<'_, Reserved> {
        // A range of numbers is whole at every moment.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a URL says, with the settings that all connections have and these.
fn connecting(url: &str, more: &[(&'static str, &'static str)]) -> Result<Address, StorageError> {
    let address =
        Address::parse(url).map_err(|error| StorageError::Corrupt(format!("invalid PostgreSQL URL: {error}")))?;
    Ok(address.with_defaults(SETTINGS.iter().chain(more)))
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn store_id(&self) -> Result<String, StorageError> {
        Ok(read!(self.pool.fetch_one("select id from identity", &[]))?)
    }

    async fn ping(&self) -> Result<(), StorageError> {
        Ok(read!(self.pool.run("select 1"))?)
    }

    async fn check_writable(&self) -> Result<(), StorageError> {
        Ok(settled!(self.try_check_writable())?)
    }

    /// Closes all connections.
    async fn close(&self) {
        self.pool.close().await;
    }

    async fn changed(&self) {
        match &self.notices {
            Some(notices) => notices.heard().await,
            None => std::future::pending().await,
        }
    }
}
