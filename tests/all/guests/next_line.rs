//! A line that does not link with this one: as if nothing but the version of the contract had changed in 0.2.0.

use reference_server::ports::Services;
use scheduled_exports_host::contract::{auth_context, exporters, mailer, schedule_store, types};
use scheduled_exports_host::engine::{Cache, Engine, Limits};
use tests::guests::SINCE_0_1_0;
use wasmtime::component::{Component, HasSelf, Linker};

use super::later_host::{LaterHost, bindings};

/// A component of 0.1.0, with that version in its names.
fn of_the_next_line() -> Vec<u8> {
    let (old, new) = (b"@0.1.0", b"@0.2.0");
    let mut bytes = SINCE_0_1_0.to_vec();
    for at in 0..bytes.len() - old.len() {
        if bytes[at..].starts_with(old) {
            bytes[at..at + new.len()].copy_from_slice(new);
        }
    }
    bytes
}

#[test]
fn a_host_of_this_line_names_both_versions_in_one_sentence() {
    let loaded = Engine::<Services>::load(&of_the_next_line(), Limits::default(), &Cache::of_user());
    assert_eq!(
        loaded.err().map(|error| error.to_string()).as_deref(),
        Some("the plugin uses contract version 0.2.0, but this host supports 0.1.0")
    );
}

#[test]
fn a_host_of_both_lines_implements_once_what_did_not_change_and_links_it_under_both_names() -> wasmtime::Result<()> {
    let engine = wasmtime::Engine::default();
    let component = Component::new(&engine, of_the_next_line())?;
    let mut linker: Linker<LaterHost> = Linker::new(&engine);
    // What `with:` shares has the name of the line that it was generated from, and that is not the component's.
    bindings::Plugin::add_to_linker::<_, HasSelf<LaterHost>>(&mut linker, |host| host)?;
    assert!(linker.instantiate_pre(&component).is_err());

    macro_rules! link {
        ($($interface:path => $name:literal),+) => {$({
            use $interface as interface;
            let mut names = linker.instance(concat!("ticketing:scheduled-exports/", $name, "@0.2.0"))?;
            interface::add_to_linker_instance::<_, HasSelf<LaterHost>>(&mut names, |host| host)?;
        })+};
    }
    link!(
        types => "types", auth_context => "auth-context", schedule_store => "schedule-store", exporters => "exporters",
        mailer => "mailer", bindings::ticketing::scheduled_exports::log => "log"
    );
    linker.instantiate_pre(&component).map(drop)
}
