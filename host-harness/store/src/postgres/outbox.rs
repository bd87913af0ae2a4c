//! The outbox: mails kept with the commit of `finish`.

use super::client::{self, Connection, Found};
use super::columns::{event_of, scope, text};
use super::{PostgresStorage, read};
use crate::clock::Instant;
use crate::values::{addressed, events_of, mail_kind, unsigned};
use crate::{FileFacts, NewMail, OutboxMail, Scope, StorageError};

/// Keeps a mail and its recipients, each address once; nothing where the run's due time has a mail of this kind.
pub(super) async fn insert(
    on: &Connection,
    run: Option<i64>,
    (scope, schedule): (&Scope, i64),
    due: Instant,
    mail: &NewMail,
    now: Instant,
) -> client::Result<()> {
    let (roles, addresses) = recipients(mail);
    on.execute(
        "with kept as (
           insert into mail (run, schedule, due, kind, message_id, sender, subject, body, attach_file, created, organizer, event,
             sender_name, reply_to)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $15, $16) on conflict do nothing returning id, organizer)
         insert into delivery (mail, organizer, position, role, address, status, next_try)
         select kept.id, kept.organizer, recipient.nth - 1, recipient.role, recipient.address, 'queued', $10
         from kept cross join unnest($13::text[], $14::text[]) with ordinality as recipient (role, address, nth)",
        &[
            &run,
            &schedule,
            &due,
            &mail.kind.as_str(),
            &text(&mail.message_id),
            &text(&mail.from),
            &text(&mail.subject),
            &text(&mail.text),
            &mail.attach_file,
            &now,
            &text(&scope.organizer),
            &event_of(scope),
            &roles,
            &addresses,
            &mail.from_name.as_deref().map(text),
            &mail.reply_to.as_deref().map(text),
        ],
    )
    .await?;
    Ok(())
}

/// Removes the text of those of the mails $1 whose recipients are all final: they are not sent again, and a link in one is to lie nowhere.
macro_rules! forget_text_if_final {
    () => {
        "update mail m set body = null
         where m.id = any($1) and not exists (
           select 1 from delivery d where d.mail = m.id and d.status in ('queued', 'retrying'))"
    };
}
pub(super) use forget_text_if_final;

/// Roles and addresses, each address once.
pub(super) fn recipients(mail: &NewMail) -> (Vec<&'static str>, Vec<String>) {
    let recipients = addressed(mail).into_iter();
    recipients
        .map(|(role, address)| (role, text(address).into_owned()))
        .unzip()
}

impl PostgresStorage {
    pub(super) async fn outbox_mail(&self, id: u64) -> Result<Option<OutboxMail>, StorageError> {
        let Ok(id) = i64::try_from(id) else {
            return Ok(None);
        };
        let found = read!(
            self.pool.fetch_optional::<Found>(
                "select m.id, m.run, m.schedule, m.due, m.kind, m.message_id, m.sender, m.sender_name, m.reply_to, m.subject, m.body,
                   m.attach_file, m.created, m.organizer, m.event, r.file_name, r.file_type, r.rows, r.bytes, r.file_events,
                   m.attach_file and coalesce(r.file_kept, false) as has_file, d.roles, d.addresses
                 from mail m left join run r on r.id = m.run
                 cross join lateral (
                   select coalesce(array_agg(role order by position), '{}') as roles,
                     coalesce(array_agg(address order by position), '{}') as addresses
                   from delivery where mail = m.id) d
                 where m.id = $1 and m.body is not null",
                &[&id],
            )
        )?;
        let Some(found) = found else {
            return Ok(None);
        };
        let (mut to, mut cc, mut bcc) = (Vec::new(), Vec::new(), Vec::new());
        let roles: Vec<String> = found.try_get("roles")?;
        for (role, address) in roles.iter().zip(found.try_get::<Vec<String>>("addresses")?) {
            match role.as_str() {
                "to" => to.push(address),
                "cc" => cc.push(address),
                _ => bcc.push(address),
            }
        }
        let file = if found.try_get("has_file")? {
            Some(FileFacts {
                name: found.try_get("file_name")?,
                content_type: found.try_get("file_type")?,
                size: unsigned(found.try_get("bytes")?)?,
                rows: found.try_get::<Option<i64>>("rows")?.map(unsigned).transpose()?,
                events: events_of(found.try_get("file_events")?)?,
            })
        } else {
            None
        };
        Ok(Some(OutboxMail {
            id: unsigned(id)?,
            run: found.try_get::<Option<i64>>("run")?.map(unsigned).transpose()?,
            schedule: unsigned(found.try_get("schedule")?)?,
            scope: scope(&found)?,
            due: found.try_get("due")?,
            created: found.try_get("created")?,
            mail: NewMail {
                kind: mail_kind(found.try_get("kind")?)?,
                message_id: found.try_get("message_id")?,
                from: found.try_get("sender")?,
                from_name: found.try_get("sender_name")?,
                reply_to: found.try_get("reply_to")?,
                to,
                cc,
                bcc,
                subject: found.try_get("subject")?,
                text: found.try_get("body")?,
                attach_file: found.try_get("attach_file")?,
            },
            file,
        }))
    }
}
