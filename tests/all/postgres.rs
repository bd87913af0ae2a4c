//! What a store could change, once more on PostgreSQL: this program runs modules of itself with [`STORE_VARIABLE`] set.
//!
//! `HARNESS_TEST_STORE=postgres cargo test -p tests` does so with all of them.

use std::process::Command;

use scheduled_exports_test_servers::postgres::PostgresServer;
use scheduled_exports_testing::STORE_VARIABLE;

fn passes_on_postgresql(module: &str) {
    // Said on stderr where there is none.
    if PostgresServer::shared().is_none() {
        return;
    }
    let this = std::env::current_exe().expect("this program");
    let run = Command::new(this)
        .arg(format!("{module}::"))
        .env(STORE_VARIABLE, "postgres")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&run.stdout);
    let words = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{words}");
    assert!(!said.contains("running 0 tests"), "there is no module {module}");
}

macro_rules! once_more {
    ($($module:ident),+) => {
        $(#[test]
        fn $module() {
            passes_on_postgresql(stringify!($module));
        })+
    };
}

once_more!(
    audit, crud, events, fairness, faults, history, lease, limits, mail, model, owners, reach, requested, revocation,
    rows, runs, told, when, zones
);
