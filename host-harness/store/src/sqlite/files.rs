//! Files of runs, kept in chunks beside them.

use std::io::{Read, Write as _};
use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use tempfile::SpooledData;

use super::SqliteStorage;
use super::columns::{file_facts, signed, unsigned};
use super::statement::{execute, optional};
use crate::clock::Instant;
use crate::private;
use crate::spooled::{Source, elsewhere, expect_size, unreadable};
use crate::values::events_text;
use crate::{FILE_CHUNK, FileFacts, Files, Lease, LeaseError, StorageError, Work};

/// Runs whose file the secret of the SHA-256 ?1 leads to at ?2.
macro_rules! linked {
    () => {
        "run r where r.link_hash = ?1 and r.link_expires > ?2 and r.file_kept = 1 and r.state in ('submitted', 'delivered')"
    };
}

/// Removes the file of a run that has ended, once no mail still has to be sent with it and no delivered link leads to it.
pub(super) fn drop_unneeded(on: &Connection, run: i64) -> Result<(), StorageError> {
    let dropped = execute(
        on,
        "update run set file_kept = 0, file_events = null
         where id = ?1 and file_kept = 1 and ended is not null and (link_hash is null or state <> 'delivered') and not exists (
           select 1 from mail m join delivery d on d.mail = m.id
           where m.run = ?1 and m.attach_file = 1 and d.status in ('queued', 'retrying'))",
        [run],
    )?;
    if dropped == 1 {
        remove_chunks(on, run)?;
    }
    Ok(())
}

fn remove_chunks(on: &Connection, run: i64) -> Result<(), StorageError> {
    execute(on, "delete from file_chunk where run = ?1", [run])?;
    Ok(())
}

/// Reads until the chunk is full or the file ends.
fn fill(from: &mut impl Read, chunk: &mut Vec<u8>) -> Result<(), StorageError> {
    chunk.clear();
    let read = from.take(FILE_CHUNK as u64).read_to_end(chunk);
    read.map_err(|error| unreadable(&error))?;
    Ok(())
}

/// The machine's own files are part of the store that can be away.
fn unwritable(path: &Path, error: &std::io::Error) -> StorageError {
    StorageError::Unavailable(format!("{}: {error}", path.display()))
}

#[async_trait]
impl Files for SqliteStorage {
    async fn keep_file(
        &self,
        lease: &Lease,
        run: u64,
        facts: &FileFacts,
        file: &SpooledData,
    ) -> Result<(), LeaseError> {
        let (lease, facts, mut file) = (lease.clone(), facts.clone(), elsewhere(file)?);
        self.write(move |on| store(on, &lease, run, &facts, &mut file)).await
    }

    async fn read_file(&self, run: u64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
        let (run, path) = (signed(run)?, path.to_owned());
        self.read_aside(move |on| fetch(on, run, &path)).await
    }

    async fn keep_link(&self, lease: &Lease, run: u64, hash: &[u8; 32], expires: Instant) -> Result<(), LeaseError> {
        if lease.work != Work::Execute {
            return Err(LeaseError::Lost);
        }
        let (lease, hash) = (lease.clone(), *hash);
        self.write(move |on| {
            let held = execute(
                on,
                "update run set link_hash = ?4, link_expires = ?5
                 where id = ?3 and file_kept = 1 and exists (select 1 from schedule s
                   where s.id = ?1 and s.fence = ?2 and s.lease_until is not null and s.open_run = ?3)",
                params![
                    signed(lease.schedule)?,
                    signed(lease.fence)?,
                    signed(run)?,
                    hash,
                    expires
                ],
            )?;
            match held {
                0 => Err(LeaseError::Lost),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn linked(&self, hash: &[u8; 32], now: Instant) -> Result<Option<u64>, StorageError> {
        self.reading.read(|on| {
            optional(on, concat!("select r.id from ", linked!()), params![hash, now], |row| {
                unsigned(row.get(0)?)
            })
        })
    }

    async fn file_facts(&self, run: u64) -> Result<Option<FileFacts>, StorageError> {
        let run = signed(run)?;
        self.reading.read(|on| facts(on, run))
    }

    async fn linked_piece(&self, hash: &[u8; 32], now: Instant, piece: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let (hash, piece) = (*hash, signed(piece)?);
        self.read_aside(move |on| {
            optional(
                on,
                concat!(
                    "select c.bytes from file_chunk c where c.seq = ?3 and c.run = (select r.id from ",
                    linked!(),
                    ")"
                ),
                params![hash, now, piece],
                |row| Ok(row.get(0)?),
            )
        })
        .await
    }
}

fn store(
    on: &Connection,
    lease: &Lease,
    run: u64,
    facts: &FileFacts,
    file: &mut impl Source,
) -> Result<(), LeaseError> {
    if lease.work != Work::Execute {
        return Err(LeaseError::Lost);
    }
    let run = signed(run)?;
    let held = execute(
        on,
        "update run set file_name = ?4, file_type = ?5, rows = ?6, bytes = ?7, file_events = ?8, file_kept = 1,
           link_hash = null, link_expires = null
         where id = ?3 and exists (select 1 from schedule s
           where s.id = ?1 and s.fence = ?2 and s.lease_until is not null and s.open_run = ?3)",
        params![
            signed(lease.schedule)?,
            signed(lease.fence)?,
            run,
            facts.name,
            facts.content_type,
            facts.rows.map(signed).transpose()?,
            signed(facts.size)?,
            events_text(facts.events.as_ref())
        ],
    )?;
    if held == 0 {
        return Err(LeaseError::Lost);
    }
    remove_chunks(on, run)?;
    file.rewind().map_err(|error| unreadable(&error))?;
    let (mut chunk, mut size) = (Vec::new(), 0);
    for seq in 0_i64.. {
        fill(file, &mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        execute(
            on,
            "insert into file_chunk (run, seq, bytes) values (?1, ?2, ?3)",
            params![run, seq, chunk],
        )?;
        size += chunk.len() as u64;
    }
    Ok(expect_size(size, facts.size)?)
}

fn facts(on: &Connection, run: i64) -> Result<Option<FileFacts>, StorageError> {
    optional(
        on,
        "select file_name, file_type, rows, bytes, file_events from run where id = ?1 and file_kept = 1",
        [run],
        file_facts,
    )
}

/// Writes the file of a run to a path.
fn fetch(on: &Connection, run: i64, path: &Path) -> Result<Option<FileFacts>, StorageError> {
    let snapshot = on.unchecked_transaction()?;
    let Some(facts) = facts(&snapshot, run)? else {
        return Ok(None);
    };
    let mut file = private::create(path).map_err(|error| unwritable(path, &error))?;
    let mut size = 0_u64;
    for seq in 0_i64.. {
        let chunk: Option<Vec<u8>> = optional(
            &snapshot,
            "select bytes from file_chunk where run = ?1 and seq = ?2",
            params![run, seq],
            |row| Ok(row.get(0)?),
        )?;
        let Some(chunk) = chunk else { break };
        file.write_all(&chunk).map_err(|error| unwritable(path, &error))?;
        size += chunk.len() as u64;
    }
    if size != facts.size {
        return Err(StorageError::Corrupt(format!(
            "file of run {run} is {size} bytes, expected {}",
            facts.size
        )));
    }
    Ok(Some(facts))
}

/// Takes back links whose time is over.
pub(super) fn end_links(on: &Connection, now: Instant) -> Result<(), StorageError> {
    execute(
        on,
        "update run set link_hash = null, link_expires = null where link_hash is not null and link_expires <= ?1",
        [now],
    )?;
    Ok(())
}
