//! A component built for a made-up later contract, that calls what is new in it.

#[allow(
    missing_docs,
    clippy::all,
    reason = "generated; documented in tests/contract/made-up-0.1.1"
)]
mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "../../contract/made-up-0.1.1" });
}

include!("../../plain.rs");

fn subject(run: &Run, facts: &RunContext) -> String {
    let holiday = imports::holidays::is_holiday(run, facts.settings.now);
    let enabled = imports::log::enabled(imports::log::Level::Debug);
    format!("Orders, holiday: {holiday}, debug: {enabled}")
}
