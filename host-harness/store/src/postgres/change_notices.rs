//! Mails that tell an owner what others have changed: those to one user of one organizer that come close together are one.

use super::client::{self, Connection};
use super::columns::text;
use super::outbox;
use crate::clock::Instant;
use crate::notice::NOTICE_WINDOW;
use crate::values::signed;
use crate::{Notice, Scope};

/// Locks what is known of the mail that the organizer $1 sends the user $2 next, if any.
pub(super) const LOCK: &str = "insert into open_notice (organizer, told, until) values ($1, $2, 0)
     on conflict (organizer, told) do update set until = open_notice.until";

/// That mail, if it still waits at $3. A mail that a host has begun to deliver is the same bytes at each try, so nothing is added to
/// it. The lock keeps it from being begun: who looks for what is due passes over it until this is committed.
pub(super) const WAITING: &str = "select n.mail, m.body from open_notice n
     join mail m on m.id = n.mail join delivery d on d.mail = m.id and d.position = 0
     where n.organizer = $1 and n.told = $2 and n.until > $3 and d.fence = 0 for no key update of m, d";

/// Has the mail $3, which has just been kept, wait until $4.
pub(super) const KEEP: &str = "with kept as (
       update delivery d set next_try = $4 from mail m where m.message_id = $3 and d.mail = m.id returning d.mail)
     update open_notice n set mail = kept.mail, until = $4 from kept where n.organizer = $1 and n.told = $2";

/// Adds the notice to the mail to this user that still waits and has room for it, or keeps one that waits from now on.
pub(super) async fn tell(on: &Connection, scope: &Scope, notice: &Notice, now: Instant) -> client::Result<()> {
    let (organizer, told) = (text(&scope.organizer), text(&notice.user));
    // Locked before the mail is looked for, so that of two who tell one user at a time the later sees what the earlier has kept.
    on.execute(LOCK, &[&organizer, &told]).await?;
    let waiting: Option<(i64, String)> = on.fetch_optional(WAITING, &[&organizer, &told, &now]).await?;
    let joined = waiting.and_then(|(mail, body)| Some((mail, notice.joined_to(&body)?)));
    if let Some((mail, joined)) = joined {
        on.execute(
            "update mail set subject = $2, body = $3 where id = $1",
            &[&mail, &text(&notice.several), &text(&joined)],
        )
        .await?;
        return Ok(());
    }
    let whose = (scope, signed(notice.schedule)?);
    outbox::insert(on, None, whose, now, &notice.mail, now).await?;
    let until = now.saturating_add(NOTICE_WINDOW);
    on.execute(KEEP, &[&organizer, &told, &text(&notice.mail.message_id), &until])
        .await?;
    Ok(())
}
