//! Telling the owner: what another user, or a program, has done to their schedule, and who it was.

use crate::contract::{AccessFacts, Caller, Content, MailError, Schedule};
use crate::document::Document;
use crate::host::Access;
use crate::language::Language;
use crate::notice::{Notice, Occasion, Seen, Who, changed, deleted, in_brief, taken_over};

use super::{read_stored, rights};

/// What somebody else than the owner has done.
#[derive(Clone, Copy)]
pub(super) enum Deed<'a> {
    /// Now it is like this.
    Changed(&'a Schedule),
    /// The same, and it is the caller's.
    TakenOver(&'a Schedule),
    Deleted,
}

/// Has the host tell the owner, as stored before this call, of what it has just staged. The deed stands also where the owner can't
/// be told: inactive, gone. `before` is the schedule as it was.
pub(super) fn tell(by: &impl Access, facts: &AccessFacts, before: &Schedule, deed: Deed<'_>) {
    let Some(owner) = before.owner.as_ref().filter(|owner| owner.active) else {
        return;
    };
    if rights::owns(facts, before) {
        return;
    }
    let old = &before.content;
    let old_document = read_stored(&old.document);
    let after = match deed {
        Deed::Changed(after) | Deed::TakenOver(after) => Some(&after.content),
        Deed::Deleted => None,
    };
    let occasion = occasion(
        facts,
        Language::of_tag(&owner.language),
        old,
        old_document.as_ref(),
        after,
    );
    let who = match &facts.caller {
        Caller::User(user) => Who::User(&user.email),
        Caller::Token => Who::Token,
        Caller::Device => Who::Device,
    };
    let was = Seen {
        content: old,
        document: old_document.as_ref(),
    };
    let now = facts.settings.now;
    let document = after.and_then(|after| read_stored(&after.document));
    let is = |content| Seen {
        content,
        document: document.as_ref(),
    };
    let notice = match deed {
        Deed::Changed(after) => changed(&occasion, who, now, was, is(&after.content)),
        Deed::TakenOver(after) => taken_over(&occasion, who, now, was, is(&after.content)),
        Deed::Deleted => deleted(&occasion, who, now, was),
    };
    let send = |notice: &Notice| by.notify_owner(before.id, &notice.subject, &notice.text);
    if let Err(MailError::TooLarge(_)) = send(&notice) {
        // Less is told then, but nobody changes a schedule unseen by writing much.
        let after = after.map(is);
        let _ = send(&in_brief(&occasion, who, now, was, after, notice));
    }
}

fn occasion<'a>(
    facts: &'a AccessFacts,
    language: Language,
    old: &'a Content,
    document: Option<&'a Document>,
    after: Option<&Content>,
) -> Occasion<'a> {
    let zone = &facts.settings.zone;
    Occasion {
        language,
        title: document.map(|document| document.subject.as_str()),
        exporter: &old.export_identifier,
        zone: document.map_or(zone, |document| document.zone(zone)),
        due: None,
        next_run: after.and_then(|after| after.next_run),
        configuration_url: &facts.settings.configuration_url,
    }
}
