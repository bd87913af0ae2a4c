//! Checks of a host of the contract in `wit/`, as a component of the same world as a plugin.
//!
//! The component brings the checks along as scripts ([`plan`]): what the host has to set up, and for each check the steps to
//! go through. A driver in the host's language carries the steps out: it moves the clock, mints handles, calls exports, leases
//! what is due, delivers. The component does the rest: it calls the imports that a step names, and compares their answers
//! with the expected ones. `docs/conformance.md` says how a driver is written.

#[cfg(target_arch = "wasm32")]
mod calls;
pub mod checks;
#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(target_arch = "wasm32")]
mod deeds;
pub mod pattern;
pub mod script;
#[cfg(target_arch = "wasm32")]
mod words;
pub mod world;

use serde_json::{Value, json};

/// Everything that a driver needs, for a host of which these facts hold: the instant to begin at, the world to set up, and the
/// checks. Each check wants a host and a world of its own.
///
/// # Errors
/// If the facts are not those that are asked for; which.
pub fn plan(facts: &Value) -> Result<Value, String> {
    let facts = script::Facts::read(facts)?;
    let checks: Vec<Value> = checks::all(&facts)
        .into_iter()
        .map(|check| json!({"name": check.name, "about": check.about, "steps": check.steps}))
        .collect();
    Ok(json!({"clock": script::T0, "world": world::world(), "checks": checks}))
}
