//! The outbox: mails kept with the commit of `finish`.

use sqlx::{Row as _, SqliteConnection};

use super::SqliteStorage;
use super::columns::{json_list, scope, unsigned};
use crate::clock::Instant;
use crate::storage::values::{addressed, mail_kind};
use crate::storage::{FileFacts, NewMail, OutboxMail, Scope, StorageError};

/// Keeps a mail and its recipients, each address once; nothing where the run's due time has a mail of this kind.
pub(super) async fn insert(
    on: &mut SqliteConnection,
    run: Option<i64>,
    (scope, schedule): (&Scope, i64),
    due: Instant,
    mail: &NewMail,
    now: Instant,
) -> Result<(), StorageError> {
    // Both statements in one go. A mail that was there before has its recipients.
    sqlx::query(
        "insert into mail (run, schedule, due, kind, message_id, sender, subject, body, attach_file, created, organizer, event)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing;
         insert into delivery (mail, position, role, address, status, next_try)
         select m.id, once.key, once.value ->> 0, once.value ->> 1, 'queued', $10
         from mail m cross join json_each($13) once
         where m.message_id = $5 and not exists (select 1 from delivery d where d.mail = m.id)",
    )
    .bind(run)
    .bind(schedule)
    .bind(due)
    .bind(mail.kind.as_str())
    .bind(&mail.message_id)
    .bind(&mail.from)
    .bind(&mail.subject)
    .bind(&mail.text)
    .bind(mail.attach_file)
    .bind(now)
    .bind(&scope.organizer)
    .bind(&scope.event)
    .bind(json_list(&addressed(mail)))
    .execute(on)
    .await?;
    Ok(())
}

/// A submitted run can be settled when all recipients of its export mail are final.
pub(super) async fn settle_if_final(on: &mut SqliteConnection, run: i64, now: Instant) -> Result<(), StorageError> {
    sqlx::query(
        "update run set settle_wake = $2
         where id = $1 and state = 'submitted' and settle_wake is null and not exists (
           select 1 from mail m join delivery d on d.mail = m.id
           where m.run = $1 and m.kind = 'export' and d.status in ('queued', 'retrying'))",
    )
    .bind(run)
    .bind(now)
    .execute(on)
    .await?;
    Ok(())
}

impl SqliteStorage {
    pub(super) async fn outbox_mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError> {
        let Ok(id) = i64::try_from(id) else {
            return Ok(None);
        };
        let mut snapshot = self.readers.begin().await?;
        let Some(found) = sqlx::query(
            "select m.run, m.schedule, m.due, m.kind, m.message_id, m.sender, m.subject, m.body, m.attach_file, m.created,
               m.organizer, m.event, r.file_name, r.file_type, r.rows, r.bytes, r.file_kept
             from mail m left join run r on r.id = m.run where m.id = $1",
        )
        .bind(id)
        .fetch_optional(&mut *snapshot)
        .await?
        else {
            return Ok(None);
        };
        let recipients: Vec<(String, String)> =
            sqlx::query_as("select role, address from delivery where mail = $1 order by position")
                .bind(id)
                .fetch_all(&mut *snapshot)
                .await?;
        snapshot.rollback().await?;
        let (mut to, mut cc, mut bcc) = (Vec::new(), Vec::new(), Vec::new());
        for (role, address) in recipients {
            match role.as_str() {
                "to" => to.push(address),
                "cc" => cc.push(address),
                _ => bcc.push(address),
            }
        }
        let attach_file = found.try_get("attach_file")?;
        let file = if attach_file && found.try_get("file_kept")? {
            Some(FileFacts {
                name: found.try_get("file_name")?,
                content_type: found.try_get("file_type")?,
                size: unsigned(found.try_get("bytes")?)?,
                rows: found.try_get::<Option<i64>, _>("rows")?.map(unsigned).transpose()?,
            })
        } else {
            None
        };
        Ok(Some(OutboxMail {
            id: unsigned(id)?,
            run: found.try_get::<Option<i64>, _>("run")?.map(unsigned).transpose()?,
            schedule: unsigned(found.try_get("schedule")?)?,
            scope: scope(&found)?,
            due: found.try_get("due")?,
            created: found.try_get("created")?,
            mail: NewMail {
                kind: mail_kind(found.try_get("kind")?)?,
                message_id: found.try_get("message_id")?,
                from: found.try_get("sender")?,
                to,
                cc,
                bcc,
                subject: found.try_get("subject")?,
                text: found.try_get("body")?,
                attach_file,
            },
            file,
        }))
    }
}
