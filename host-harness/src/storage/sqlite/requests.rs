//! Idempotency records: a request under a key is carried out once.

use sqlx::{Row as _, SqliteConnection};

use super::SqliteStorage;
use super::columns::{signed, unsigned};
use crate::clock::Instant;
use crate::storage::{Completion, KeptAnswer, RequestKey, RequestState, StorageError};

/// How long an answer is kept, in seconds.
const KEPT: Instant = 24 * 60 * 60;

/// Completes the record in the transaction of the write; false: the ticket is not the latest any more.
pub(super) async fn complete(
    on: &mut SqliteConnection,
    completion: &Completion,
    now: Instant,
) -> Result<bool, StorageError> {
    let Completion { key, ticket, answer } = completion;
    let Ok(ticket) = i64::try_from(*ticket) else {
        return Ok(false);
    };
    let done = sqlx::query(
        "update request set status = $4, etag = $5, body = $6, expires_at = $7
         where caller = $1 and key = $2 and ticket = $3 and status is null",
    )
    .bind(&key.caller)
    .bind(&key.key)
    .bind(ticket)
    .bind(answer.status)
    .bind(&answer.etag)
    .bind(&answer.body)
    .bind(now.saturating_add(KEPT))
    .execute(on)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl SqliteStorage {
    pub(super) async fn mark_request(
        &self,
        key: &RequestKey,
        fingerprint: &[u8; 32],
        now: Instant,
        lease_until: Instant,
    ) -> Result<RequestState, StorageError> {
        let mut transaction = self.write().await?;
        let known = sqlx::query(
            "select fingerprint, lease_until, status, etag, body from request
             where caller = $1 and key = $2 and expires_at > $3",
        )
        .bind(&key.caller)
        .bind(&key.key)
        .bind(now)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(known) = known {
            let status: Option<u16> = known.try_get("status")?;
            // One that ran out unanswered has written nothing and never will: it is as if it had not been.
            if status.is_some() || known.try_get::<Instant, _>("lease_until")? > now {
                let state = if known.try_get::<&[u8], _>("fingerprint")? != fingerprint {
                    RequestState::OtherRequest
                } else if let Some(status) = status {
                    RequestState::Answered(KeptAnswer {
                        status,
                        etag: known.try_get("etag")?,
                        body: known.try_get("body")?,
                    })
                } else {
                    RequestState::Running
                };
                // The answer may be of another write of the same transaction: it is not repeated before it is durable.
                transaction.commit().await?;
                return Ok(state);
            }
        }
        let ticket: i64 =
            sqlx::query_scalar("update sequence set next = next + 1 where name = 'ticket' returning next - 1")
                .fetch_one(&mut *transaction)
                .await?;
        sqlx::query(
            "insert into request (caller, key, fingerprint, ticket, lease_until, expires_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (caller, key) do update set fingerprint = excluded.fingerprint, ticket = excluded.ticket,
               lease_until = excluded.lease_until, expires_at = excluded.expires_at, status = null, etag = null, body = null",
        )
        .bind(&key.caller)
        .bind(&key.key)
        .bind(fingerprint.as_slice())
        .bind(ticket)
        .bind(lease_until)
        .bind(now.saturating_add(KEPT))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(RequestState::Begun {
            ticket: unsigned(ticket)?,
        })
    }

    pub(super) async fn answer_request(
        &self,
        key: &RequestKey,
        ticket: u64,
        answer: Option<KeptAnswer>,
    ) -> Result<(), StorageError> {
        let ticket = signed(ticket)?;
        let mut transaction = self.write().await?;
        match answer {
            Some(answer) => {
                sqlx::query(
                    "update request set status = $4, etag = $5, body = $6
                     where caller = $1 and key = $2 and ticket = $3 and status is null",
                )
                .bind(&key.caller)
                .bind(&key.key)
                .bind(ticket)
                .bind(answer.status)
                .bind(answer.etag)
                .bind(answer.body)
                .execute(&mut *transaction)
                .await?
            }
            None => {
                sqlx::query("delete from request where caller = $1 and key = $2 and ticket = $3 and status is null")
                    .bind(&key.caller)
                    .bind(&key.key)
                    .bind(ticket)
                    .execute(&mut *transaction)
                    .await?
            }
        };
        transaction.commit().await
    }
}
