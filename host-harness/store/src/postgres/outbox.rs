//! The outbox: mails kept with the commit of `finish`.

use super::client::{self, Connection};
use super::columns::{event_of, text};
use crate::clock::Instant;
use crate::values::addressed;
use crate::{NewMail, Scope};

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
