//! Tables of a file brought up to this version, by one process at a time.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::StorageError;
use crate::migrations::Migrations;

/// Carries out what has not been, in one transaction that has the write lock from its start, so that two processes can't meet in here.
///
/// # Errors
/// The tables are of a later version, or the file cannot be written.
pub fn run(on: &mut Connection, migrations: &Migrations) -> Result<(), StorageError> {
    let transaction = on.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let table = migrations.table;
    transaction.execute_batch(&format!(
        "create table if not exists {table} (
           version bigint primary key, description text not null, installed_on timestamp not null default current_timestamp,
           success boolean not null, checksum blob not null, execution_time bigint not null)"
    ))?;
    let done: Vec<(i64, Vec<u8>)> = {
        let mut done = transaction.prepare(&format!("select version, checksum from {table} order by version"))?;
        done.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?
    };
    for one in migrations.left(&done)? {
        transaction.execute_batch(one.sql)?;
        transaction.execute(
            &format!(
                "insert into {table} (version, description, success, checksum, execution_time) values (?1, ?2, true, ?3, 0)"
            ),
            params![one.version, one.description, one.checksum()],
        )?;
    }
    Ok(transaction.commit()?)
}
