//! A component that was built for a made-up later version of the contract, and calls what is new in it.

use reference_server::ports::Services;
use scheduled_exports_host::engine::{Cache, Engine, Limits, LoadError};
use tests::guests::MADE_UP_0_1_1;

use super::later_host::executed;

#[test]
fn a_host_of_an_earlier_version_names_what_it_does_not_have_in_one_sentence() {
    let loaded = Engine::<Services>::load(MADE_UP_0_1_1, Limits::default(), &Cache::of_user());
    let Err(error) = loaded else {
        panic!("it asks for what this host does not have");
    };
    assert!(matches!(error, LoadError::LaterVersion { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the plugin uses contract version 0.1.1 and imports `log.enabled`, which this host's version 0.1.0 does not provide"
    );
}

#[tokio::test]
async fn a_host_of_its_own_version_gives_it_what_is_new() {
    let asked = executed(MADE_UP_0_1_1).await;
    assert!(
        asked.contains(&"stage Orders, holiday: true, debug: false".to_owned()),
        "{asked:?}"
    );
}
