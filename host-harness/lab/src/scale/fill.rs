//! Many schedules at once: copies of one that the component has made, put into the store by its own SQL.

use std::path::PathBuf;

use scheduled_exports_store::StorageError;
use scheduled_exports_store::postgres::PostgresStorage;
use scheduled_exports_store::sqlite::SqliteStorage;

use host_harness::command::Failure;

/// Copies made in one transaction.
const BATCH: i64 = 10_000;

/// The store that is filled, past its port.
pub enum Raw {
    Sqlite(Box<SqliteStorage>, PathBuf),
    Postgres(Box<PostgresStorage>),
}

/// Copies of schedule 1 with these ids.
pub struct Copies {
    pub first: i64,
    pub last: i64,
    /// Whose they are; none: of so many organizers `o0`, `o1`, … of uneven size.
    pub organizer: Result<&'static str, u32>,
    /// The earliest next run, and over how many seconds they are spread.
    pub next_run: i64,
    pub spread: i64,
}

impl Raw {
    pub async fn fill(&self, copies: &Copies) -> Result<(), Failure> {
        let organizer = match copies.organizer {
            Ok(slug) => format!("'{slug}'"),
            Err(count) => format!("'o' || cast((n.id * 7919 % {count}) * (n.id * 7919 % {count}) / {count} as text)"),
        };
        let insert = format!(
            "with recursive n (id) as (select $1 union all select id + 1 from n where id < $2)
             insert into schedule (id, organizer, event, owner, version, exporter, recipients, next_run, active, error_counter,
               document, zone_database, created_at, changed_at)
             select n.id, {organizer}, s.event, s.owner, s.version, s.exporter, s.recipients, $3 + n.id % $4, s.active, 0,
               s.document, s.zone_database, s.created_at, s.changed_at
             from n cross join schedule s where s.id = 1"
        );
        let mut first = copies.first;
        while first <= copies.last {
            let last = copies.last.min(first + BATCH - 1);
            match self {
                Self::Sqlite(store, _) => {
                    // To SQLite, `$1` is a name: they are numbered as they first come, and that is in this order.
                    let (insert, numbers) = (insert.clone(), [first, last, copies.next_run, copies.spread]);
                    let put = store.write(move |on| Ok::<_, StorageError>(on.execute(&insert, numbers)?));
                    put.await?;
                }
                Self::Postgres(store) => {
                    let transaction = store.pool().begin().await?;
                    // So many rows take longer than a statement of the host may.
                    transaction.run("set local statement_timeout = 0").await?;
                    let numbers = [first, last, copies.next_run, copies.spread];
                    transaction
                        .execute(&insert, &numbers.each_ref().map(|number| number as _))
                        .await?;
                    transaction.commit().await?;
                }
            }
            first = last + 1;
        }
        Ok(())
    }

    /// What comes of filling and not of the work that is measured after it: what is not yet on the disk; and on a server sizes of the
    /// scopes, which the host writes with each schedule, and what it does by itself after a while, figures for the planner and space
    /// of what is over.
    pub async fn rest(&self) -> Result<(), Failure> {
        let store = match self {
            Self::Sqlite(_, path) => {
                let connection = rusqlite::Connection::open(path).map_err(StorageError::from)?;
                connection
                    .pragma_query(None, "wal_checkpoint", |_| Ok(()))
                    .map_err(StorageError::from)?;
                return Ok(());
            }
            Self::Postgres(store) => store,
        };
        let connection = store.pool().acquire().await?;
        for statement in [
            "set statement_timeout = 0",
            "delete from scope_size",
            "insert into scope_size (organizer, event, part, schedules)
               select organizer, event, id % 16, count(*) from schedule group by 1, 2, 3",
            // Not what is empty: the server would not come to it, and to know it is so spoils the plans of what comes into it.
            "vacuum analyze schedule, scope_size, audit, platform_organizers, platform_events, platform_teams, platform_team_members,
               platform_users, platform_orders, platform_positions",
            "checkpoint",
            "set statement_timeout = '30s'",
        ] {
            connection.run(statement).await?;
        }
        Ok(())
    }

    /// Bytes of the store on the disk.
    pub async fn bytes(&self) -> Result<u64, Failure> {
        let bytes: i64 = match self {
            Self::Sqlite(store, _) => {
                let pages = "select page_count * page_size from pragma_page_count, pragma_page_size";
                let size = store.write(|on| Ok::<_, StorageError>(on.query_row(pages, [], |row| row.get(0))?));
                size.await?
            }
            Self::Postgres(store) => {
                let size = "select pg_database_size(current_database())";
                store.pool().fetch_one(size, &[]).await?
            }
        };
        Ok(bytes.unsigned_abs())
    }
}
