//! Files of runs, kept in chunks beside them.

use std::path::Path;

use sqlx::{Row as _, SqliteConnection};
use tempfile::SpooledData;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::SqliteStorage;
use super::columns::{signed, unsigned};
use crate::clock::Instant;
use crate::storage::spooled::{begun, expect_size, unreadable};
use crate::storage::{FileFacts, Lease, LeaseError, StorageError, Work};

/// Largest chunk in bytes: what one row and one read of it costs.
const CHUNK: usize = 256 * 1024;

/// Removes the file of a run that has ended, once no mail still has to be sent with it and no delivered link leads to it.
pub(super) async fn drop_unneeded(on: &mut SqliteConnection, run: i64) -> Result<(), StorageError> {
    let dropped = sqlx::query(
        "update run set file_kept = 0
         where id = $1 and file_kept = 1 and ended is not null and (link_hash is null or state <> 'delivered') and not exists (
           select 1 from mail m join delivery d on d.mail = m.id
           where m.run = $1 and m.attach_file = 1 and d.status in ('queued', 'retrying'))",
    )
    .bind(run)
    .execute(&mut *on)
    .await?;
    if dropped.rows_affected() == 1 {
        remove_chunks(on, run).await?;
    }
    Ok(())
}

async fn remove_chunks(on: &mut SqliteConnection, run: i64) -> Result<(), StorageError> {
    sqlx::query("delete from file_chunk where run = $1")
        .bind(run)
        .execute(on)
        .await?;
    Ok(())
}

/// Reads until the chunk is full or the file ends.
async fn fill(from: &mut (impl AsyncRead + Unpin), chunk: &mut Vec<u8>) -> Result<(), StorageError> {
    chunk.clear();
    let read = from.take(CHUNK as u64).read_to_end(chunk).await;
    read.map_err(|error| unreadable(&error))?;
    Ok(())
}

/// The machine's own files are part of the store that can be away.
fn unwritable(path: &Path, error: &std::io::Error) -> StorageError {
    StorageError::Unavailable(format!("{}: {error}", path.display()))
}

impl SqliteStorage {
    pub(super) async fn store_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> Result<(), LeaseError> {
        if lease.work != Work::Execute {
            return Err(LeaseError::Lost);
        }
        let run = signed(run)?;
        // The first chunk, and that is mostly the whole file, is read before others have to wait for this write.
        let (mut file, mut chunk) = (begun(file).await?, Vec::new());
        fill(&mut file, &mut chunk).await?;
        let mut transaction = self.write().await?;
        // All three in one go; without the lease, what the others did is taken back.
        let held = sqlx::query(
            "update run set file_name = $4, file_type = $5, rows = $6, bytes = $7, file_kept = 1,
               link_hash = null, link_expires = null
             where id = $3 and exists (select 1 from schedule s
               where s.id = $1 and s.fence = $2 and s.lease_until is not null and s.open_run = $3)
             returning id;
             delete from file_chunk where run = $3;
             insert into file_chunk (run, seq, bytes)
             select $3, 0, $8 where length($8) > 0 and exists (select 1 from run where id = $3)",
        )
        .bind(signed(lease.schedule)?)
        .bind(signed(lease.fence)?)
        .bind(run)
        .bind(&facts.name)
        .bind(&facts.content_type)
        .bind(facts.rows.map(signed).transpose()?)
        .bind(signed(facts.size)?)
        .bind(chunk.as_slice())
        .fetch_all(&mut *transaction)
        .await?;
        if held.is_empty() {
            return Err(LeaseError::Lost);
        }
        let (mut seq, mut size) = (1_i64, chunk.len() as u64);
        while chunk.len() == CHUNK {
            fill(&mut file, &mut chunk).await?;
            if chunk.is_empty() {
                break;
            }
            sqlx::query("insert into file_chunk (run, seq, bytes) values ($1, $2, $3)")
                .bind(run)
                .bind(seq)
                .bind(chunk.as_slice())
                .execute(&mut *transaction)
                .await?;
            seq += 1;
            size += chunk.len() as u64;
        }
        expect_size(size, facts.size)?;
        Ok(transaction.commit().await?)
    }

    pub(super) async fn fetch_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
        let run = signed(run)?;
        let mut snapshot = self.readers.begin().await?;
        let Some(facts) =
            sqlx::query("select file_name, file_type, rows, bytes from run where id = $1 and file_kept = 1")
                .bind(run)
                .fetch_optional(&mut *snapshot)
                .await?
        else {
            return Ok(None);
        };
        let facts = FileFacts {
            name: facts.try_get("file_name")?,
            content_type: facts.try_get("file_type")?,
            size: unsigned(facts.try_get("bytes")?)?,
            rows: facts.try_get::<Option<i64>, _>("rows")?.map(unsigned).transpose()?,
        };
        let mut file = File::create(path).await.map_err(|error| unwritable(path, &error))?;
        let (mut seq, mut size) = (0_i64, 0_u64);
        loop {
            let chunk: Option<Vec<u8>> = sqlx::query_scalar("select bytes from file_chunk where run = $1 and seq = $2")
                .bind(run)
                .bind(seq)
                .fetch_optional(&mut *snapshot)
                .await?;
            let Some(chunk) = chunk else { break };
            file.write_all(&chunk).await.map_err(|error| unwritable(path, &error))?;
            seq += 1;
            size += chunk.len() as u64;
        }
        file.flush().await.map_err(|error| unwritable(path, &error))?;
        if size != facts.size {
            return Err(StorageError::Corrupt(format!(
                "the file of run {run} has {size} bytes in its chunks, and should have {}",
                facts.size
            )));
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
        if lease.work != Work::Execute {
            return Err(LeaseError::Lost);
        }
        let mut transaction = self.write().await?;
        let held = sqlx::query(
            "update run set link_hash = $4, link_expires = $5
             where id = $3 and file_kept = 1 and exists (select 1 from schedule s
               where s.id = $1 and s.fence = $2 and s.lease_until is not null and s.open_run = $3)",
        )
        .bind(signed(lease.schedule)?)
        .bind(signed(lease.fence)?)
        .bind(signed(run)?)
        .bind(hash.as_slice())
        .bind(expires)
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Err(LeaseError::Lost);
        }
        Ok(transaction.commit().await?)
    }

    pub(super) async fn run_of_link(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError> {
        let run: Option<i64> = sqlx::query_scalar(
            "select id from run where link_hash = $1 and link_expires > $2 and file_kept = 1
               and state in ('submitted', 'delivered')",
        )
        .bind(hash.as_slice())
        .bind(now)
        .fetch_optional(&self.readers)
        .await?;
        run.map(unsigned).transpose()
    }
}

/// Takes back links whose time is over.
pub(super) async fn end_links(on: &mut SqliteConnection, now: Instant) -> Result<(), StorageError> {
    sqlx::query(
        "update run set link_hash = null, link_expires = null where link_hash is not null and link_expires <= $1",
    )
    .bind(now)
    .execute(on)
    .await?;
    Ok(())
}
