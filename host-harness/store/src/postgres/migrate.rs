//! Tables brought up to this version, by one process at a time.

use super::client::{Connection, Pool, Result};
use super::{TRIES, once_more};
use crate::StorageError;
use crate::migrations::{Migration, Migrations};

/// One row that whoever migrates has locked. An advisory lock would do the same, where there are any.
const LOCK_TABLE: &str = "create table if not exists migration_lock (id bigint primary key)";

/// What two processes meet that make the same table at a time: one of them finds that it is there, in the midst of it.
const MADE_MEANWHILE: [&str; 4] = ["23505", "42P07", "42710", "XX000"];

/// Runs those that have not been run, in one transaction.
pub(super) async fn run(pool: &Pool, migrations: &Migrations) -> std::result::Result<(), StorageError> {
    let connection = pool.acquire().await?;
    if is_done(&connection, migrations).await {
        return Ok(());
    }
    lock_table(&connection).await?;
    drop(connection);
    let mut tries = 0;
    loop {
        match attempt(pool, migrations).await {
            Err(error) if once_more(&error, &mut tries).await => {}
            done => return Ok(done?),
        }
    }
}

/// Are the tables of just this version there? Then, at nearly every start, nobody need be kept out. Where that can't be read, it is to
/// be seen why.
async fn is_done(on: &Connection, migrations: &Migrations) -> bool {
    let done = done(on, migrations).await;
    done.is_ok_and(|done| migrations.left(&done).is_ok_and(|left| left.is_empty()))
}

/// What has been carried out, by version.
async fn done(on: &Connection, migrations: &Migrations) -> Result<Vec<(i64, Vec<u8>)>> {
    let done = format!("select version, checksum from {} order by version", migrations.table);
    on.fetch_all(&done, &[]).await
}

async fn lock_table(on: &Connection) -> Result<()> {
    let mut tries = 0;
    loop {
        match on.run(LOCK_TABLE).await {
            Err(error) if tries < TRIES && error.sql_state().is_some_and(|state| MADE_MEANWHILE.contains(&state)) => {
                tries += 1;
            }
            made => return made,
        }
    }
}

async fn attempt(pool: &Pool, migrations: &Migrations) -> Result<()> {
    let transaction = pool.begin().await?;
    // Making an index on a large table may take longer than a statement of the host may, and so may waiting for it.
    transaction
        .run(
            "set local statement_timeout = 0;
             set local lock_timeout = 0;
             insert into migration_lock (id) values (1) on conflict do nothing",
        )
        .await?;
    // A statement of its own: what follows sees what whoever had the lock has made.
    transaction
        .run(&format!(
            "select id from migration_lock where id = 1 for update;
             create table if not exists {} (
               version bigint primary key, description text not null, installed_on timestamptz not null default now(),
               success boolean not null, checksum bytea not null, execution_time bigint not null)",
            migrations.table
        ))
        .await?;
    let done = done(&transaction, migrations).await?;
    for one in migrations.left(&done)? {
        carry_out(&transaction, one, migrations.table).await?;
    }
    transaction.commit().await
}

async fn carry_out(on: &Connection, migration: &Migration, table: &str) -> Result<()> {
    on.run(migration.sql).await?;
    let keep = format!(
        "insert into {table} (version, description, success, checksum, execution_time) values ($1, $2, true, $3, 0)"
    );
    let parameters = (migration.version, migration.description, migration.checksum());
    on.execute(&keep, &[&parameters.0, &parameters.1, &parameters.2])
        .await?;
    Ok(())
}
