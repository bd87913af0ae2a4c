//! Mails that tell an owner what others have changed: those to one user of one organizer that come close together are one.

use rusqlite::{Connection, params};

use super::columns::signed;
use super::outbox;
use super::statement::{execute, optional, value};
use crate::clock::Instant;
use crate::notice::NOTICE_WINDOW;
use crate::{Notice, Scope, StorageError};

/// Adds the notice to the mail to this user that still waits and has room for it, or keeps one that waits from now on.
pub(super) fn tell(on: &Connection, scope: &Scope, notice: &Notice, now: Instant) -> Result<(), StorageError> {
    // A mail that a host has begun to deliver is the same bytes at each try, so nothing is added to it.
    let waiting = optional(
        on,
        "select n.mail, m.body from open_notice n
         join mail m on m.id = n.mail join delivery d on d.mail = m.id and d.position = 0
         where n.organizer = ?1 and n.told = ?2 and n.until > ?3 and d.fence = 0",
        params![&scope.organizer, &notice.user, now],
        |found| Ok((found.get::<_, i64>(0)?, found.get::<_, String>(1)?)),
    )?;
    let joined = waiting.and_then(|(mail, body)| Some((mail, notice.joined_to(&body)?)));
    if let Some((mail, text)) = joined {
        execute(
            on,
            "update mail set subject = ?2, body = ?3 where id = ?1",
            params![mail, &notice.several, text],
        )?;
        return Ok(());
    }
    outbox::insert(on, None, (scope, signed(notice.schedule)?), now, &notice.mail, now)?;
    let mail: i64 = value(
        on,
        "select id from mail where message_id = ?1",
        [&notice.mail.message_id],
    )?;
    let until = now.saturating_add(NOTICE_WINDOW);
    execute(on, "update delivery set next_try = ?2 where mail = ?1", [mail, until])?;
    execute(
        on,
        "insert into open_notice (organizer, told, mail, until) values (?1, ?2, ?3, ?4)
         on conflict (organizer, told) do update set mail = excluded.mail, until = excluded.until",
        params![&scope.organizer, &notice.user, mail, until],
    )?;
    Ok(())
}
