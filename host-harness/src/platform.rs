//! A small real ticketing platform: organizers, events, users, teams, orders and exporters, in the same database.

use std::path::Path;
use crate::clock::Instant;
use crate::contract::User;
use crate::storage::Scope;

// A sketch of what a colleague builds on branch `platform`: replaced at the merge.
#[derive(Clone, Debug)]
pub enum Credentials { Bearer(String), Token(String), Device(String) }
#[derive(Clone, Debug)]
pub enum Principal { User { id: String, may_read: bool, may_write: bool, organizers: Vec<String> }, Token { id: String, organizer: String }, Device { id: String, organizer: String } }
impl Principal { pub fn audit_name(&self) -> String { unimplemented!() } }
#[derive(Clone, Debug)]
pub struct Rights { pub may_change_settings: bool }
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PlatformError(String);
#[derive(Clone)]
pub struct Platform {}
impl Platform {
    pub async fn open(_path: &Path) -> Result<Self, PlatformError> { unimplemented!() }
    pub async fn principal(&self, _credentials: &Credentials, _now: Instant) -> Result<Option<Principal>, PlatformError> { unimplemented!() }
    pub async fn rights(&self, _principal: &Principal, _scope: &Scope) -> Result<Option<Rights>, PlatformError> { unimplemented!() }
    pub async fn user(&self, _id: &str) -> Result<Option<User>, PlatformError> { unimplemented!() }
}
