//! A component built for the contract as it was released: it must load and work in every later host of that line.

#[allow(missing_docs, clippy::all, reason = "generated; documented in wit/")]
mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "../../contract/0.1.0" });
}

include!("../../plain.rs");

fn subject(_run: &Run, _facts: &RunContext) -> String {
    "Orders".into()
}
