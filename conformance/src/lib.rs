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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7493, 2.2.
    const LARGEST: u64 = (1 << 53) - 1;

    fn numbers(of: &Value) -> Vec<&serde_json::Number> {
        match of {
            Value::Number(number) => vec![number],
            Value::Array(values) => values.iter().flat_map(numbers).collect(),
            Value::Object(entries) => entries.values().flat_map(numbers).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_driver_whose_numbers_are_doubles_reads_the_plan_as_it_is() {
        let facts = json!({"exporter": "orders", "form": {}, "lease-seconds": 60});
        let plan = plan(&facts).expect("they are all there");
        let lossy = |number: &&serde_json::Number| number.as_i64().is_none_or(|it| it.unsigned_abs() > LARGEST);
        assert_eq!(
            numbers(&plan).into_iter().filter(lossy).collect::<Vec<_>>(),
            Vec::<&serde_json::Number>::new()
        );
    }
}
