//! Idempotency records: a request under a key is carried out once.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStorage;
use super::columns::{signed, unsigned};
use super::statement::{execute, optional, value};
use crate::clock::Instant;
use crate::{Completion, KeptAnswer, RequestKey, RequestState, Requests, StorageError};

/// How long an answer is kept, in seconds.
const KEPT: Instant = 24 * 60 * 60;

/// Completes the record in the transaction of the write; false: the ticket is not the latest any more.
pub(super) fn complete(on: &Connection, completion: &Completion, now: Instant) -> Result<bool, StorageError> {
    let Completion { key, ticket, answer } = completion;
    let Ok(ticket) = i64::try_from(*ticket) else {
        return Ok(false);
    };
    let done = execute(
        on,
        "update request set status = ?4, etag = ?5, body = ?6, expires_at = ?7
         where caller = ?1 and key = ?2 and ticket = ?3 and status is null",
        params![
            &key.caller,
            &key.key,
            ticket,
            answer.status,
            &answer.etag,
            &answer.body,
            now.saturating_add(KEPT)
        ],
    )?;
    Ok(done == 1)
}

/// What is known of a request under its key.
fn known(
    on: &Connection,
    key: &RequestKey,
    fingerprint: &[u8; 32],
    now: Instant,
) -> Result<Option<RequestState>, StorageError> {
    let known = optional(
        on,
        "select fingerprint, lease_until, status, etag, body from request
         where caller = ?1 and key = ?2 and expires_at > ?3",
        params![&key.caller, &key.key, now],
        |known| {
            let status: Option<u16> = known.get("status")?;
            // One that ran out unanswered has written nothing and never will: it is as if it had not been.
            if status.is_none() && known.get::<_, Instant>("lease_until")? <= now {
                return Ok(None);
            }
            Ok(Some(if known.get::<_, Vec<u8>>("fingerprint")? != fingerprint {
                RequestState::OtherRequest
            } else if let Some(status) = status {
                RequestState::Answered(KeptAnswer {
                    status,
                    etag: known.get("etag")?,
                    body: known.get("body")?,
                })
            } else {
                RequestState::Running
            }))
        },
    )?;
    Ok(known.flatten())
}

#[async_trait]
impl Requests for SqliteStorage {
    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, StorageError> {
        let (key, fingerprint) = (key.clone(), *fingerprint);
        self.write(move |on| {
            if let Some(known) = known(on, &key, &fingerprint, now)? {
                return Ok(known);
            }
            let ticket: i64 = value(
                on,
                "update sequence set next = next + 1 where name = 'ticket' returning next - 1",
                [],
            )?;
            execute(
                on,
                "insert into request (caller, key, fingerprint, ticket, lease_until, expires_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6)
                 on conflict (caller, key) do update set fingerprint = excluded.fingerprint, ticket = excluded.ticket,
                   lease_until = excluded.lease_until, expires_at = excluded.expires_at, status = null, etag = null,
                   body = null",
                params![
                    &key.caller,
                    &key.key,
                    fingerprint,
                    ticket,
                    lease_until,
                    now.saturating_add(KEPT)
                ],
            )?;
            Ok(RequestState::Begun {
                ticket: unsigned(ticket)?,
            })
        })
        .await
    }

    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), StorageError> {
        let (key, ticket) = (key.clone(), signed(ticket)?);
        self.write(move |on| {
            execute(
                on,
                "delete from request where caller = ?1 and key = ?2 and ticket = ?3 and status is null",
                params![&key.caller, &key.key, ticket],
            )?;
            Ok(())
        })
        .await
    }
}
