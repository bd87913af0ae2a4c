//! Files of runs, kept in chunks beside them.

use std::path::Path;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tempfile::SpooledData;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::client::{self, Connection, Found, Transaction};
use super::columns::{file_facts, text};
use super::{PostgresStorage, read, settled};
use crate::clock::Instant;
use crate::private;
use crate::spooled::{begun, expect_size, unreadable};
use crate::values::{events_text, signed, unsigned};
use crate::{FILE_CHUNK, FileFacts, Files, Lease, LeaseError, StorageError, Work};

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
pub(super) async fn drop_unneeded(on: &Connection, runs: &[i64]) -> client::Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let dropped: Vec<i64> = on
        .fetch_all(
            "update run r set file_kept = false, file_events = null
             where r.id = any($1) and r.file_kept and r.ended is not null
               and (r.link_hash is null or r.state <> 'delivered') and not exists (
                 select 1 from mail m join delivery d on d.mail = m.id
                 where m.run = r.id and m.attach_file and d.status in ('queued', 'retrying'))
             returning r.id",
            &[&runs],
        )
        .await?;
    if dropped.is_empty() {
        return Ok(());
    }
    remove_chunks(on, &dropped).await
}

async fn remove_chunks(on: &Connection, runs: &[i64]) -> client::Result<()> {
    on.execute("delete from file_chunk where run = any($1)", &[&runs])
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

#[async_trait]
impl Files for PostgresStorage {
    async fn keep_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> Result<(), LeaseError> {
        if lease.work == Work::Execute && settled!(self.try_keep_file(lease, run, facts, file))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn read_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
        let run = signed(run)?;
        Ok(read!(self.try_read_file(run, path))?)
    }

    async fn keep_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> Result<(), LeaseError> {
        if lease.work == Work::Execute && settled!(self.try_keep_link(lease, run, hash, expires))? {
            Ok(())
        } else {
            Err(LeaseError::Lost)
        }
    }

    async fn linked(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError> {
        let run: Option<i64> = read!(
            self.pool
                .fetch_optional(concat!("select r.id from ", linked!()), &[&hash.as_slice(), &now])
        )?;
        run.map(unsigned).transpose()
    }

    async fn file_facts(&self, run: u64) -> Result<Option<FileFacts>, StorageError> {
        let run = signed(run)?;
        Ok(read!(async {
            let connection = self.pool.acquire().await?;
            facts(&connection, run).await
        })?)
    }

    async fn linked_piece(&self, hash: &[u8; 32], now: Instant, piece: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let piece = signed(piece)?;
        Ok(read!(self.pool.fetch_optional(
            concat!(
                "select c.bytes from file_chunk c where c.seq = $3 and c.run = (select r.id from ",
                linked!(),
                ")"
            ),
            &[&hash.as_slice(), &now, &piece]
        ))?)
    }
}

impl PostgresStorage {
    async fn try_keep_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> client::Result<bool> {
        let run = signed(run)?;
        if facts.size <= (FILE_CHUNK * SENT) as u64 && self.keep_at_once(lease, run, facts, file).await? {
            return Ok(true);
        }
        let mut file = begun(file).await?;
        let Some(transaction) = self.holding(lease, run).await? else {
            return Ok(false);
        };
        transaction
            .execute(
                "update run set file_name = $2, file_type = $3, rows = $4, bytes = $5, file_events = $6, file_kept = true,
                   link_hash = null, link_expires = null
                 where id = $1",
                &[
                    &run,
                    &text(&facts.name),
                    &text(&facts.content_type),
                    &facts.rows.map(signed).transpose()?,
                    &signed(facts.size)?,
                    &events_text(facts.events.as_ref()),
                ],
            )
            .await?;
        remove_chunks(&transaction, &[run]).await?;
        let (mut seq, mut size) = (0_i64, 0_u64);
        loop {
            let chunks = next_chunks(&mut file).await.map_err(|error| unreadable(&error))?;
            if chunks.is_empty() {
                break;
            }
            let (sent, length) = (chunks.len() as i64, chunks.iter().map(Vec::len).sum::<usize>());
            transaction
                .execute(
                    "insert into file_chunk (run, seq, bytes)
                     select $1, $2 + nth - 1, bytes from unnest($3::bytea[]) with ordinality as chunk (bytes, nth)",
                    &[&run, &seq, &chunks],
                )
                .await?;
            seq += sent;
            size += length as u64;
        }
        expect_size(size, facts.size)?;
        transaction.commit().await?;
        Ok(true)
    }

    /// A transaction that has locked the schedule, if the lease holds and is about this run.
    async fn holding(&self, lease: &Lease, run: i64) -> client::Result<Option<Transaction>> {
        let lock = "select id from schedule
             where id = $1 and fence = $2 and lease_until is not null and open_run = $3 for no key update";
        let parameters = (signed(lease.schedule)?, signed(lease.fence)?);
        let (transaction, held) = self
            .begin_reading::<Found>(lock, &[&parameters.0, &parameters.1, &run])
            .await?;
        Ok((!held.is_empty()).then_some(transaction))
    }

    /// In one statement, and so one way to the server and back. False: nothing was written, and it is to be seen why.
    async fn keep_at_once(
        &self,
        lease: &Lease,
        run: i64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> client::Result<bool> {
        let chunks = next_chunks(&mut begun(file).await?)
            .await
            .map_err(|error| unreadable(&error))?;
        expect_size(chunks.iter().map(|chunk| chunk.len() as u64).sum(), facts.size)?;
        let kept: i64 = read!(self.pool.fetch_one(
            KEEP,
            &[
                &signed(lease.schedule)?,
                &signed(lease.fence)?,
                &run,
                &text(&facts.name),
                &text(&facts.content_type),
                &facts.rows.map(signed).transpose()?,
                &signed(facts.size)?,
                &chunks,
                &events_text(facts.events.as_ref())
            ]
        ))?;
        Ok(kept == 1)
    }

    async fn try_read_file(&self, run: i64, path: &Path) -> client::Result<Option<FileFacts>> {
        // Facts and chunks of one snapshot: a later file may come in meanwhile.
        let snapshot = self
            .pool
            .begin_with("begin isolation level repeatable read, read only")
            .await?;
        let Some(facts) = facts(&snapshot, run).await? else {
            return Ok(None);
        };
        let file = private::create(path).map_err(|error| unwritable(path, &error))?;
        let mut file = File::from_std(file);
        let mut size = 0_u64;
        let mut chunks = snapshot
            .stream("select bytes from file_chunk where run = $1 order by seq", &[&run])
            .await?;
        while let Some(chunk) = chunks.try_next().await? {
            let chunk: &[u8] = chunk.try_get(0)?;
            file.write_all(chunk).await.map_err(|error| unwritable(path, &error))?;
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

    async fn try_keep_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> client::Result<bool> {
        let run = signed(run)?;
        let Some(transaction) = self.holding(lease, run).await? else {
            return Ok(false);
        };
        let kept = transaction
            .execute(
                "update run set link_hash = $2, link_expires = $3 where id = $1 and file_kept",
                &[&run, &hash.as_slice(), &expires],
            )
            .await?;
        if kept == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}

async fn facts(on: &Connection, run: i64) -> client::Result<Option<FileFacts>> {
    let found = on
        .fetch_optional::<Found>(
            "select file_name, file_type, rows, bytes, file_events from run where id = $1 and file_kept",
            &[&run],
        )
        .await?;
    found.as_ref().map(file_facts).transpose()
}

/// Takes back links whose time is over.
pub(super) async fn end_links(on: &Connection, now: Instant) -> client::Result<()> {
    on.execute(
        "update run set link_hash = null, link_expires = null where link_expires <= $1",
        &[&now],
    )
    .await?;
    Ok(())
}
