//! Who asks, and may that be asked here: everything that is settled before the component is.

use axum::http::HeaderMap;

use super::backend::Backend;
use super::credentials;
use super::negotiation::Language;
use super::problems::Refusal;
use crate::platform::Admission;
use crate::service::Grant;
use crate::storage::Scope;

/// Checks credentials, organizer and event, the switch of the organizer, and the scope of the token, in this order.
pub(super) async fn admit(
    backend: &dyn Backend,
    headers: &HeaderMap,
    scope: Option<Scope>,
    writes: bool,
    language: Language,
) -> Result<Grant, Refusal> {
    let credentials = credentials::shown(headers).ok_or(Refusal::Unauthorized)?;
    // One look-up for everything: for "not there" and "not yours", so that the two take equally long too.
    let admitted = match backend.admission(&credentials, scope.as_ref()).await? {
        Admission::Nobody => return Err(Refusal::Unauthorized),
        Admission::NoAccess => return Err(Refusal::NoAccess),
        Admission::Admitted(admitted) => *admitted,
    };
    let scope = scope.ok_or(Refusal::NoAccess)?;
    if !admitted.enabled {
        return Err(Refusal::Disabled);
    }
    let rights = admitted.rights;
    match writes {
        false if !rights.may_read => return Err(Refusal::NoReadScope),
        true if !rights.may_write => return Err(Refusal::NoWriteScope),
        _ => {}
    }
    Ok(Grant {
        scope,
        principal: admitted.principal,
        caller: admitted.caller,
        language: language.tag().to_owned(),
        may_change_settings: rights.may_change_settings,
        may_write: rights.may_write,
        place: admitted.place,
    })
}
