//! Who asks, and may that be asked here: everything that is settled before the component is.

use axum::http::HeaderMap;
use plugin::language::Language;
use reference_platform::Admission;
use scheduled_exports_store::Scope;

use super::backend::Backend;
use super::credentials::{self, Shown};
use super::problems::Refusal;
use super::routes::TokenScope;
use crate::service::Grant;

/// Checks credentials, organizer and event, the switch of the organizer, and the scope of the token, in this order.
pub(super) async fn admit(
    backend: &dyn Backend,
    headers: &HeaderMap,
    scope: Option<Scope>,
    needs: TokenScope,
    language: Language,
) -> Result<Grant, Refusal> {
    let credentials = credentials::shown(headers).ok_or(Refusal::Unauthorized(Shown::Nothing))?;
    // One look-up for everything: for "not there" and "not yours", so that the two take equally long too.
    let admitted = match backend.admission(&credentials, scope.as_ref()).await? {
        Admission::Nobody => return Err(Refusal::Unauthorized(Shown::of(&credentials))),
        Admission::NoAccess => return Err(Refusal::NoAccess),
        Admission::Admitted(admitted) => *admitted,
    };
    let scope = Scope {
        organizer: scope.ok_or(Refusal::NoAccess)?.organizer,
        // The path has the slug, which an earlier event may have had as well.
        event: admitted.event,
    };
    if !admitted.enabled {
        return Err(Refusal::Disabled);
    }
    let rights = admitted.rights;
    match needs {
        TokenScope::Read if !rights.may_read => return Err(Refusal::NoReadScope),
        TokenScope::Write if !rights.may_write => return Err(Refusal::NoWriteScope),
        // The grant goes on without the right to write, which the store's imports look at.
        TokenScope::Either if !rights.may_read && !rights.may_write => return Err(Refusal::NoReadScope),
        TokenScope::Read | TokenScope::Write | TokenScope::Either => {}
    }
    Ok(Grant {
        scope,
        principal: admitted.principal,
        caller: admitted.caller,
        language: language.tag().to_owned(),
        may_change_settings: rights.may_change_settings,
        may_write: rights.may_write,
        place: admitted.place,
        event_deleted: admitted.event_deleted,
        reaches_deleted_events: admitted.reaches_deleted_events,
    })
}
