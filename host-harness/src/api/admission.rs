//! Who asks, and may that be asked here: everything that is settled before the component is.

use axum::http::HeaderMap;

use super::backend::Backend;
use super::credentials;
use super::negotiation::Language;
use super::problems::Refusal;
use crate::contract::auth_context::Caller;
use crate::platform::Principal;
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
    let principal = backend.principal(&credentials).await?.ok_or(Refusal::Unauthorized)?;
    let scope = scope.ok_or(Refusal::NoAccess)?;
    // One look-up for "not there" and "not yours", so that the two take equally long too.
    let rights = backend.rights(&principal, &scope).await?.ok_or(Refusal::NoAccess)?;
    if !backend.enabled(&scope.organizer).await? {
        return Err(Refusal::Disabled);
    }
    match writes {
        false if !rights.may_read => return Err(Refusal::NoReadScope),
        true if !rights.may_write => return Err(Refusal::NoWriteScope),
        _ => {}
    }
    let caller = match &principal {
        Principal::User { id, .. } => {
            // Gone or switched off since the look-up above.
            let user = backend.user(id).await?.filter(|user| user.active);
            Caller::User(user.ok_or(Refusal::Unauthorized)?)
        }
        Principal::Token { .. } => Caller::Token,
        Principal::Device { .. } => Caller::Device,
    };
    Ok(Grant {
        scope,
        principal,
        caller,
        language: language.tag().to_owned(),
        may_change_settings: rights.may_change_settings,
        may_write: rights.may_write,
    })
}
