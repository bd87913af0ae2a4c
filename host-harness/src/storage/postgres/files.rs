//! Files of runs, kept in chunks beside them.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::{PgConnection, PgExecutor, Row as _};
use tempfile::SpooledData;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::columns::text;
use super::{PostgresStorage, read, settled};
use crate::clock::Instant;
use crate::private;
use crate::storage::spooled::{begun, expect_size, unreadable};
use crate::storage::values::{events_of, events_text, signed, unsigned};
use crate::storage::{FILE_CHUNK, FileFacts, Lease, LeaseError, StorageError, Work};

/// Runs whose file the secret of the SHA-256 $1 leads to at $2.
macro_rules! linked {
    () => {
        "run r where r.link_hash = $1 and r.link_expires > $2 and r.file_kept and r.state in ('submitted', 'delivered')"
    };
}

/// Chunks sent in one statement: what a file costs in memory.
const SENT: usize = 4;

/// Keeps a small file with a run that has none: $1 schedule, $2 fence, $3 run, $4 to $7 name, type, rows and bytes, $8 its chunks, $9 its
/// events.
/// Answers how many runs got one.
///
/// The commit is not waited for. Nobody is told of the file before the run is submitted, whose commit is, and what is written before
/// it is on the disk when that is. A server that dies in between has lost both or the file alone; without it nothing is submitted.
pub(super) const KEEP: &str = "with held as (
       select r.id, set_config('synchronous_commit', 'off', true) from schedule s join run r on r.id = s.open_run
       where s.id = $1 and s.fence = $2 and s.lease_until is not null and s.open_run = $3 and not r.file_kept
       for no key update of s),
     kept as (
       insert into file_chunk (run, seq, bytes)
       select held.id, nth - 1, bytes from held cross join unnest($8::bytea[]) with ordinality as chunk (bytes, nth)),
     told as (
       update run set file_name = $4, file_type = $5, rows = $6, bytes = $7, file_events = $9, file_kept = true, link_hash = null,
         link_expires = null
       where id = (select id from held))
     select count(*) from held";

/// Removes files of runs that have ended, once no mail still has to be sent with them and no delivered link leads to them.
pub(super) async fn drop_unneeded(on: &mut PgConnection, runs: &[i64]) -> sqlx::Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let dropped: Vec<i64> = sqlx::query_scalar(
        "update run r set file_kept = false, file_events = null
         where r.id = any($1) and r.file_kept and r.ended is not null
           and (r.link_hash is null or r.state <> 'delivered') and not exists (
             select 1 from mail m join delivery d on d.mail = m.id
             where m.run = r.id and m.attach_file and d.status in ('queued', 'retrying'))
         returning r.id",
    )
    .bind(runs)
    .fetch_all(&mut *on)
    .await?;
    if dropped.is_empty() {
        return Ok(());
    }
    remove_chunks(on, &dropped).await
}

async fn remove_chunks(on: &mut PgConnection, runs: &[i64]) -> sqlx::Result<()> {
    sqlx::query("delete from file_chunk where run = any($1)")
        .bind(runs)
        .execute(on)
        .await?;
    Ok(())
}

/// The next chunks of a file, fewer or none at its end.
async fn next_chunks(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<Vec<u8>>> {
    let mut chunks = Vec::with_capacity(SENT);
    while chunks.len() < SENT {
        let mut chunk = Vec::with_capacity(FILE_CHUNK);
        from.take(FILE_CHUNK as u64).read_to_end(&mut chunk).await?;
        if chunk.is_empty() {
            break;
        }
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// The machine's own files are part of the store that can be away.
fn unwritable(path: &Path, error: &std::io::Error) -> StorageError {
    StorageError::Unavailable(format!("{}: {error}", path.display()))
}

impl PostgresStorage {
    pub(super) async fn store_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> Result<(), LeaseError> {
        if lease.work == Work::Execute && settled!(self.try_store_file(lease, run, facts, file))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn try_store_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> sqlx::Result<bool> {
        let run = signed(run)?;
        if facts.size <= (FILE_CHUNK * SENT) as u64 && self.keep_at_once(lease, run, facts, file).await? {
            return Ok(true);
        }
        let mut file = begun(file).await?;
        let mut transaction = self.begin().await?;
        if !held(&mut transaction, lease, run).await? {
            return Ok(false);
        }
        sqlx::query(
            "update run set file_name = $2, file_type = $3, rows = $4, bytes = $5, file_events = $6, file_kept = true,
               link_hash = null, link_expires = null
             where id = $1",
        )
        .bind(run)
        .bind(text(&facts.name))
        .bind(text(&facts.content_type))
        .bind(facts.rows.map(signed).transpose()?)
        .bind(signed(facts.size)?)
        .bind(events_text(facts.events.as_ref()))
        .execute(&mut *transaction)
        .await?;
        remove_chunks(&mut transaction, &[run]).await?;
        let (mut seq, mut size) = (0_i64, 0_u64);
        loop {
            let chunks = next_chunks(&mut file).await.map_err(|error| unreadable(&error))?;
            if chunks.is_empty() {
                break;
            }
            let (sent, length) = (chunks.len() as i64, chunks.iter().map(Vec::len).sum::<usize>());
            sqlx::query(
                "insert into file_chunk (run, seq, bytes)
                 select $1, $2 + nth - 1, bytes from unnest($3::bytea[]) with ordinality as chunk (bytes, nth)",
            )
            .bind(run)
            .bind(seq)
            .bind(chunks)
            .execute(&mut *transaction)
            .await?;
            seq += sent;
            size += length as u64;
        }
        expect_size(size, facts.size)?;
        transaction.commit().await?;
        Ok(true)
    }

    /// In one statement, and so one way to the server and back. False: nothing was written, and it is to be seen why.
    async fn keep_at_once(&self, lease: &Lease, run: i64, facts: &FileFacts, file: &SpooledData) -> sqlx::Result<bool> {
        let chunks = next_chunks(&mut begun(file).await?)
            .await
            .map_err(|error| unreadable(&error))?;
        expect_size(chunks.iter().map(|chunk| chunk.len() as u64).sum(), facts.size)?;
        let kept: i64 = read!(
            sqlx::query_scalar(KEEP)
                .bind(signed(lease.schedule)?)
                .bind(signed(lease.fence)?)
                .bind(run)
                .bind(text(&facts.name))
                .bind(text(&facts.content_type))
                .bind(facts.rows.map(signed).transpose()?)
                .bind(signed(facts.size)?)
                .bind(&chunks)
                .bind(events_text(facts.events.as_ref()))
                .fetch_one(&self.pool)
        )?;
        Ok(kept == 1)
    }

    pub(super) async fn fetch_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
        let run = signed(run)?;
        Ok(read!(self.try_fetch_file(run, path))?)
    }

    async fn try_fetch_file(&self, run: i64, path: &Path) -> sqlx::Result<Option<FileFacts>> {
        // Facts and chunks of one snapshot: a later file may come in meanwhile.
        let mut snapshot = self
            .pool
            .begin_with("begin isolation level repeatable read, read only")
            .await?;
        let Some(facts) = facts(&mut *snapshot, run).await? else {
            return Ok(None);
        };
        let file = private::create(path).map_err(|error| unwritable(path, &error))?;
        let mut file = File::from_std(file);
        let mut size = 0_u64;
        let mut chunks = sqlx::query_scalar("select bytes from file_chunk where run = $1 order by seq")
            .bind(run)
            .fetch(&mut *snapshot);
        while let Some(chunk) = chunks.try_next().await? {
            let chunk: Vec<u8> = chunk;
            file.write_all(&chunk).await.map_err(|error| unwritable(path, &error))?;
            size += chunk.len() as u64;
        }
        drop(chunks);
        file.flush().await.map_err(|error| unwritable(path, &error))?;
        snapshot.rollback().await?;
        if size != facts.size {
            return Err(
                StorageError::Corrupt(format!("file of run {run} is {size} bytes, expected {}", facts.size)).into(),
            );
        }
        Ok(Some(facts))
    }

    pub(super) async fn store_link(
        &self,
        lease: &Lease,
        run: u64,
        hash: &[u8; 32],
        expires: Instant,
    ) -> Result<(), LeaseError> {
        if lease.work == Work::Execute && settled!(self.try_store_link(lease, run, hash, expires))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn try_store_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> sqlx::Result<bool> {
        let run = signed(run)?;
        let mut transaction = self.begin().await?;
        if !held(&mut transaction, lease, run).await? {
            return Ok(false);
        }
        let kept = sqlx::query("update run set link_hash = $2, link_expires = $3 where id = $1 and file_kept")
            .bind(run)
            .bind(hash.as_slice())
            .bind(expires)
            .execute(&mut *transaction)
            .await?;
        if kept.rows_affected() == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    pub(super) async fn run_of_link(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError> {
        let run: Option<i64> = read!(
            sqlx::query_scalar(concat!("select r.id from ", linked!()))
                .bind(hash.as_slice())
                .bind(now)
                .fetch_optional(&self.pool)
        )?;
        run.map(unsigned).transpose()
    }

    pub(super) async fn facts_of_file(&self, run: u64) -> Result<Option<FileFacts>, StorageError> {
        let run = signed(run)?;
        Ok(read!(facts(&self.pool, run))?)
    }

    pub(super) async fn piece_of_link(
        &self,
        hash: &[u8; 32],
        now: Instant,
        piece: u64,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let piece = signed(piece)?;
        Ok(read!(
            sqlx::query_scalar(concat!(
                "select c.bytes from file_chunk c where c.seq = $3 and c.run = (select r.id from ",
                linked!(),
                ")"
            ))
            .bind(hash.as_slice())
            .bind(now)
            .bind(piece)
            .fetch_optional(&self.pool)
        )?)
    }
}

async fn facts(on: impl PgExecutor<'_>, run: i64) -> sqlx::Result<Option<FileFacts>> {
    let found =
        sqlx::query("select file_name, file_type, rows, bytes, file_events from run where id = $1 and file_kept")
            .bind(run)
            .fetch_optional(on)
            .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    Ok(Some(FileFacts {
        name: found.try_get("file_name")?,
        content_type: found.try_get("file_type")?,
        size: unsigned(found.try_get("bytes")?)?,
        rows: found.try_get::<Option<i64>, _>("rows")?.map(unsigned).transpose()?,
        events: events_of(found.try_get("file_events")?)?,
    }))
}

/// Locks the schedule, if the lease holds and is about this run.
async fn held(on: &mut PgConnection, lease: &Lease, run: i64) -> sqlx::Result<bool> {
    let held = sqlx::query(
        "select id from schedule where id = $1 and fence = $2 and lease_until is not null and open_run = $3
         for no key update",
    )
    .bind(signed(lease.schedule)?)
    .bind(signed(lease.fence)?)
    .bind(run)
    .fetch_optional(on)
    .await?;
    Ok(held.is_some())
}

/// Takes back links whose time is over.
pub(super) async fn end_links(on: &mut PgConnection, now: Instant) -> sqlx::Result<()> {
    sqlx::query("update run set link_hash = null, link_expires = null where link_expires <= $1")
        .bind(now)
        .execute(on)
        .await?;
    Ok(())
}
