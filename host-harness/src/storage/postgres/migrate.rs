//! Tables brought up to this version, by one process at a time.

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::{Connection as _, PgConnection, PgPool};

use super::{TRIES, once_more, sql_state};
use crate::storage::StorageError;

/// One row that whoever migrates has locked. An advisory lock would do the same, where there are any.
const LOCK_TABLE: &str = "create table if not exists migration_lock (id bigint primary key)";

/// What two processes meet that make the same table at a time: one of them finds that it is there, in the midst of it.
const MADE_MEANWHILE: [&str; 4] = ["23505", "42P07", "42710", "XX000"];

/// Runs those that have not been run, in one transaction.
pub(super) async fn run(pool: &PgPool, migrations: &Migrator) -> Result<(), StorageError> {
    let mut connection = pool.acquire().await?;
    if is_done(&mut connection, migrations).await {
        return Ok(());
    }
    lock_table(&mut connection).await?;
    let mut tries = 0;
    loop {
        match attempt(&mut connection, migrations).await {
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
                if once_more(&error, &mut tries).await => {}
            done => return done.map_err(said),
        }
    }
}

/// Are the tables of just this version there? Then, at nearly every start, nobody need be kept out. Where that can't be read, it is to
/// be seen why.
async fn is_done(on: &mut PgConnection, migrations: &Migrator) -> bool {
    let Ok(done) = on.list_applied_migrations(&migrations.table_name).await else {
        return false;
    };
    let wanted = migrations.iter().map(|one| (one.version, &*one.checksum));
    done.iter().map(|one| (one.version, &*one.checksum)).eq(wanted)
}

async fn lock_table(on: &mut PgConnection) -> Result<(), StorageError> {
    let mut tries = 0;
    loop {
        let made = sqlx::raw_sql(LOCK_TABLE).execute(&mut *on).await;
        match made {
            Err(error) if tries < TRIES && sql_state(&error).is_some_and(|state| MADE_MEANWHILE.contains(&state)) => {
                tries += 1;
            }
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

async fn attempt(on: &mut PgConnection, migrations: &Migrator) -> Result<(), MigrateError> {
    let mut transaction = on.begin().await?;
    // Making an index on a large table may take longer than a statement of the host may, and so may waiting for it.
    for statement in [
        "set local statement_timeout = 0",
        "set local lock_timeout = 0",
        "insert into migration_lock (id) values (1) on conflict do nothing",
        "select id from migration_lock where id = 1 for update",
    ] {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    let ours = Migrator {
        migrations: migrations.migrations.clone(),
        table_name: migrations.table_name.clone(),
        create_schemas: migrations.create_schemas.clone(),
        locking: false,
        ..*migrations
    };
    ours.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

fn said(error: MigrateError) -> StorageError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(version) => StorageError::Corrupt(format!(
            "database schema version {version} is newer than this program supports"
        )),
        other => StorageError::Corrupt(other.to_string()),
    }
}
