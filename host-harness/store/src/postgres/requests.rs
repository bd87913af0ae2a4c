//! Idempotency records: a request under a key is carried out once.

use async_trait::async_trait;

use super::client::{self, Connection, Found};
use super::columns::text;
use super::{PostgresStorage, settled};
use crate::clock::Instant;
use crate::values::{signed, unsigned};
use crate::{Completion, KeptAnswer, RequestKey, RequestState, Requests, StorageError};

/// How long an answer is kept, in seconds.
const KEPT: Instant = 24 * 60 * 60;

/// Completes the record in the transaction of the write; false: the ticket is not the latest any more.
pub(super) async fn complete(on: &Connection, completion: &Completion, now: Instant) -> client::Result<bool> {
    let Completion { key, ticket, answer } = completion;
    let Ok(ticket) = i64::try_from(*ticket) else {
        return Ok(false);
    };
    let done = on
        .execute(
            "update request set status = $4, etag = $5, body = $6, expires_at = $7
             where caller = $1 and key = $2 and ticket = $3 and status is null",
            &[
                &text(&key.caller),
                &text(&key.key),
                &ticket,
                &i64::from(answer.status),
                &answer.etag.as_deref().map(text),
                &answer.body,
                &now.saturating_add(KEPT),
            ],
        )
        .await?;
    Ok(done == 1)
}

/// A number that no other request has had. Counting them up would have all requests wait for each other.
fn new_ticket() -> Result<i64, StorageError> {
    let mut drawn = [0; 8];
    getrandom::fill(&mut drawn)
        .map_err(|error| StorageError::Unavailable(format!("could not get random bytes: {error}")))?;
    Ok(i64::from_le_bytes(drawn) & i64::MAX)
}

#[async_trait]
impl Requests for PostgresStorage {
    async fn begin_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, StorageError> {
        loop {
            // One that ran out unanswered has written nothing and never will: it is as if it had not been.
            let begun: Option<i64> = settled!(
                self.pool.fetch_optional(
                    "insert into request (caller, key, fingerprint, ticket, lease_until, expires_at)
                     values ($1, $2, $3, $4, $5, $6)
                     on conflict (caller, key) do update set fingerprint = excluded.fingerprint, ticket = excluded.ticket,
                       lease_until = excluded.lease_until, expires_at = excluded.expires_at, status = null, etag = null,
                       body = null
                     where request.expires_at <= $7 or (request.status is null and request.lease_until <= $7)
                     returning ticket",
                    &[
                        &text(&key.caller),
                        &text(&key.key),
                        &fingerprint.as_slice(),
                        &new_ticket()?,
                        &lease_until,
                        &now.saturating_add(KEPT),
                        &now,
                    ],
                )
            )?;
            if let Some(ticket) = begun {
                return Ok(RequestState::Begun {
                    ticket: unsigned(ticket)?,
                });
            }
            let known = settled!(self.pool.fetch_optional::<Found>(
                "select fingerprint, status, etag, body from request where caller = $1 and key = $2",
                &[&text(&key.caller), &text(&key.key)]
            ))?;
            // Forgotten in between: it can begin.
            let Some(known) = known else { continue };
            if known.try_get::<&[u8]>("fingerprint")? != fingerprint {
                return Ok(RequestState::OtherRequest);
            }
            let Some(status) = known.try_get::<Option<i64>>("status")? else {
                return Ok(RequestState::Running);
            };
            return Ok(RequestState::Answered(KeptAnswer {
                status: u16::try_from(status)
                    .map_err(|_| StorageError::Corrupt(format!("invalid stored response status {status}")))?,
                etag: known.try_get("etag")?,
                body: known.try_get("body")?,
            }));
        }
    }

    async fn end_request(&self, key: &RequestKey, ticket: u64) -> Result<(), StorageError> {
        let ticket = signed(ticket)?;
        settled!(self.pool.execute(
            "delete from request where caller = $1 and key = $2 and ticket = $3 and status is null",
            &[&text(&key.caller), &text(&key.key), &ticket]
        ))?;
        Ok(())
    }
}
