//! The notice to the owner when another user or a program changes, takes over or deletes their schedule.

use crate::contract::{AccessContext, Caller, MailError, Schedule};
use crate::host::Access;
use crate::language::Language;
use crate::notice::{Actor, Change, ForeignChange, Notice, NoticeContext};

use super::{permissions, read_stored};

/// Has the host notify the owner of a write that this call has just staged. `before` is the schedule as it was, with that owner.
/// The write stands even if the owner cannot be notified because they are inactive or deleted.
pub(super) fn notify_owner(by: &impl Access, facts: &AccessContext, before: &Schedule, change: Change) {
    let Some(owner) = before.owner.as_ref().filter(|owner| owner.active) else {
        return;
    };
    if permissions::is_owner(facts, before) {
        return;
    }
    let document = read_stored(&before.content.document);
    let zone = &facts.settings.zone;
    let change = ForeignChange {
        context: NoticeContext {
            language: Language::of_tag(&owner.language),
            title: document.as_ref().map(|document| document.subject.as_str()),
            exporter: &before.content.export_identifier,
            zone: document.as_ref().map_or(zone, |document| document.zone(zone)),
            due: None,
            next_run: match change {
                Change::Updated(after) | Change::TakenOver(after) | Change::Paused(after) | Change::Resumed(after) => {
                    after.next_run
                }
                Change::Deleted => None,
            },
            requested: None,
            configuration_url: &facts.settings.configuration_url,
        },
        actor: match &facts.caller {
            Caller::User(user) => Actor::User(&user.email),
            Caller::Token => Actor::Token,
            Caller::Device => Actor::Device,
        },
        at: facts.settings.now,
        before: &before.content,
        change,
    };
    let send = |notice: Notice| by.notify_owner(before.id, &notice.subject, &notice.text);
    if let Err(MailError::TooLarge(_)) = send(change.notice()) {
        // A change with long values must not go unnoticed.
        let _ = send(change.brief_notice());
    }
}
