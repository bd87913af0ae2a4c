//! The outbox: mails kept with the commit of `finish`.

use rusqlite::{Connection, params};

use super::columns::{file_facts, json_list, scope, unsigned};
use super::statement::{all, execute, optional};
use crate::clock::Instant;
use crate::values::{addressed, mail_kind};
use crate::{NewMail, OutboxMail, Scope, StorageError};

/// Keeps a mail and its recipients, each address once; nothing where the run's due time has a mail of this kind.
pub(super) fn insert(
    on: &Connection,
    run: Option<i64>,
    (scope, schedule): (&Scope, i64),
    due: Instant,
    mail: &NewMail,
    now: Instant,
) -> Result<(), StorageError> {
    execute(
        on,
        "insert into mail
           (run, schedule, due, kind, message_id, sender, subject, body, attach_file, created, organizer, event, sender_name,
            reply_to)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) on conflict do nothing",
        params![
            run,
            schedule,
            due,
            mail.kind.as_str(),
            &mail.message_id,
            &mail.from,
            &mail.subject,
            &mail.text,
            mail.attach_file,
            now,
            &scope.organizer,
            &scope.event,
            &mail.from_name,
            &mail.reply_to
        ],
    )?;
    // A mail that was there before has its recipients.
    execute(
        on,
        "insert into delivery (mail, position, organizer, role, address, status, next_try)
         select m.id, once.key, m.organizer, once.value ->> 0, once.value ->> 1, 'queued', ?2
         from mail m cross join json_each(?3) once
         where m.message_id = ?1 and not exists (select 1 from delivery d where d.mail = m.id)",
        params![&mail.message_id, now, json_list(&addressed(mail))],
    )?;
    Ok(())
}

/// A submitted run can be settled when all recipients of its export mail are final.
pub(super) fn settle_if_final(on: &Connection, run: i64, now: Instant) -> Result<(), StorageError> {
    execute(
        on,
        "update run set settle_wake = ?2
         where id = ?1 and state = 'submitted' and settle_wake is null and not exists (
           select 1 from mail m join delivery d on d.mail = m.id
           where m.run = ?1 and m.kind = 'export' and d.status in ('queued', 'retrying'))",
        params![run, now],
    )?;
    Ok(())
}

/// Removes the text of those of these mails whose recipients are all final: they are not sent again, and a link in one is to lie nowhere.
pub(super) fn forget_text_if_final(on: &Connection, mails: &[i64]) -> Result<(), StorageError> {
    execute(
        on,
        "update mail set body = null
         where id in (select value from json_each(?1)) and not exists (
           select 1 from delivery d where d.mail = mail.id and d.status in ('queued', 'retrying'))",
        [json_list(mails)],
    )?;
    Ok(())
}

/// A mail of the outbox, in a snapshot of its own.
pub(super) fn mail(on: &Connection, id: i64) -> Result<Option<OutboxMail>, StorageError> {
    let snapshot = on.unchecked_transaction()?;
    let found = optional(
        &snapshot,
        "select m.run, m.schedule, m.due, m.kind, m.message_id, m.sender, m.sender_name, m.reply_to, m.subject, m.body,
           m.attach_file, m.created, m.organizer, m.event, r.file_name, r.file_type, r.rows, r.bytes, r.file_events,
           r.file_kept
         from mail m left join run r on r.id = m.run where m.id = ?1 and m.body is not null",
        [id],
        |found| {
            let attach_file = found.get("attach_file")?;
            let file = if attach_file && found.get("file_kept")? {
                Some(file_facts(found)?)
            } else {
                None
            };
            Ok(OutboxMail {
                id: unsigned(id)?,
                run: found.get::<_, Option<i64>>("run")?.map(unsigned).transpose()?,
                schedule: unsigned(found.get("schedule")?)?,
                scope: scope(found)?,
                due: found.get("due")?,
                created: found.get("created")?,
                mail: NewMail {
                    kind: mail_kind(&found.get::<_, String>("kind")?)?,
                    message_id: found.get("message_id")?,
                    from: found.get("sender")?,
                    from_name: found.get("sender_name")?,
                    reply_to: found.get("reply_to")?,
                    to: Vec::new(),
                    cc: Vec::new(),
                    bcc: Vec::new(),
                    subject: found.get("subject")?,
                    text: found.get("body")?,
                    attach_file,
                },
                file,
            })
        },
    )?;
    let Some(mut found) = found else {
        return Ok(None);
    };
    let recipients: Vec<(String, String)> = all(
        &snapshot,
        "select role, address from delivery where mail = ?1 order by position",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (role, address) in recipients {
        match role.as_str() {
            "to" => found.mail.to.push(address),
            "cc" => found.mail.cc.push(address),
            _ => found.mail.bcc.push(address),
        }
    }
    Ok(Some(found))
}
