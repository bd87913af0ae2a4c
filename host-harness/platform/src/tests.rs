//! The platform as a whole: loading, credentials and rights of the fixture's people, and changes of them.

mod admission;
mod reach;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::database::within;
pub(super) use super::fixture::tests::BIGEVENTS;
use scheduled_exports_host::contract::auth_context::OwnerRight;
use scheduled_exports_host::contract::exporters::Reach;
use scheduled_exports_store::Scope;
use scheduled_exports_store::postgres::PostgresOptions;
use scheduled_exports_store::sqlite::SqliteStorage;
use scheduled_exports_test_servers::postgres::PostgresServer;

use super::*;

/// Each of these checks on SQLite and on PostgreSQL; where there is no server to start, that is said on stderr.
macro_rules! on_both {
    ($($check:ident,)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $check() {
                super::$check($crate::tests::On::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $check() {
                if let Some(server) = scheduled_exports_test_servers::postgres::PostgresServer::shared() {
                    super::$check($crate::tests::On::Postgres(server)).await;
                }
            })+
        }
    };
}
pub(super) use on_both;

on_both! {
    a_fixture_is_loaded_into_an_empty_platform_and_into_no_other,
    settings_of_an_organizer_are_kept,
    rights_are_those_of_the_teams_and_end_at_the_organizer,
    credentials_that_are_wrong_expired_revoked_or_of_an_inactive_user_are_nobodys,
    exporters_are_open_to_those_who_may_view_orders,
    labels_are_in_the_language_asked_for,
    a_set_of_slugs_is_looked_up_whatever_is_in_it,
    an_owners_right_ends_with_the_account_the_team_and_the_event,
    responsible_are_active_users_who_may_change_settings_there,
    a_change_of_what_is_not_there_or_does_not_fit_is_refused,
    openings_at_once_make_the_tables_once,
    two_processes_that_load_at_once_load_one_fixture,
    a_schedule_of_what_is_gone_still_has_a_place,
    what_the_tables_do_not_answer_is_counted,
}

/// 2026-10-27T03:00:00Z.
pub(super) const NOW: scheduled_exports_host::clock::Instant = 1_793_070_000;

/// The database that a check is made on.
#[derive(Clone, Copy, Debug)]
pub(super) enum On {
    Sqlite,
    Postgres(&'static PostgresServer),
}

/// A new database.
pub(super) enum Place {
    File(PathBuf),
    Url(String),
}

impl Place {
    fn new(on: On, folder: &Path) -> Self {
        match on {
            On::Sqlite => Self::File(folder.join("world.db")),
            On::Postgres(server) => Self::Url(server.new_database()),
        }
    }

    pub(super) async fn open(&self) -> Platform {
        match self {
            Self::File(path) => {
                SqliteStorage::open(path).await.expect("the store opens");
                Platform::open(path).await
            }
            Self::Url(url) => {
                let options = PostgresOptions {
                    connections: 4,
                    notify: false,
                    // As on a database that lacks these settings.
                    planner: false,
                };
                let store = PostgresStorage::connect_with(url, &options)
                    .await
                    .expect("the store opens");
                Platform::beside(&store).await
            }
        }
        .expect("opens")
    }
}

/// A platform in a folder or database that goes away with it.
pub(super) struct World {
    pub platform: Platform,
    pub folder: TempDir,
    pub place: Place,
}

impl World {
    /// A platform loaded with a fixture.
    pub(super) async fn of(on: On, fixture: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let temporary = folder.path().join("exports");
        std::fs::create_dir(&temporary).expect("a folder in it");
        let place = Place::new(on, folder.path());
        let platform = place.open().await.exporting_in(temporary);
        let fixture = Fixture::from_json(fixture).expect("a fixture without faults");
        platform.load(&fixture).await.expect("loads");
        Self {
            platform,
            folder,
            place,
        }
    }

    async fn admission(&self, credentials: Credentials, at: &str) -> Admission {
        let at = scope(at);
        let asked = self.platform.admission(&credentials, Some(&at), NOW).await;
        asked.expect("answers")
    }

    /// Who somebody with access to `bigevents` is.
    async fn principal(&self, credentials: Credentials) -> Option<Principal> {
        match self.admission(credentials, "bigevents").await {
            Admission::Admitted(admitted) => Some(admitted.principal),
            Admission::Nobody => None,
            Admission::NoAccess => panic!("somebody of another organizer"),
        }
    }

    async fn bearer(&self, token: &str) -> Principal {
        let found = self.principal(Credentials::Bearer(token.to_owned())).await;
        found.expect("a token of the fixture")
    }
}

pub(super) fn scope(text: &str) -> Scope {
    let (organizer, event) = match text.split_once('/') {
        None => (text, None),
        Some((organizer, event)) => (organizer, Some(event.to_owned())),
    };
    Scope {
        organizer: organizer.to_owned(),
        event,
    }
}

async fn a_fixture_is_loaded_into_an_empty_platform_and_into_no_other(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let again = world.place.open().await;
    assert!(!again.is_empty().await.expect("answers"));
    let refused = again.load(&Fixture::from_json(BIGEVENTS).expect("fits")).await;
    assert!(matches!(refused, Err(PlatformError::NotEmpty)));
    let organizers = again.organizers().await.expect("answers");
    assert_eq!(organizers.len(), 2);
    assert_eq!(organizers[0].slug, "bigevents");
    assert_eq!(organizers[0].timezone, "Europe/Berlin");
    assert_eq!(organizers[0].settings, Settings::default());
    assert!(organizers[0].enabled);
    let event = again
        .event("bigevents", "summerfest")
        .await
        .expect("answers")
        .expect("is there");
    assert_eq!(
        (event.currency.as_str(), event.timezone.as_str()),
        ("USD", "America/New_York")
    );
    assert_eq!(again.event("smallgigs", "summerfest").await.expect("answers"), None);
    let mary = again
        .user_by_email("MARY@example.org")
        .await
        .expect("answers")
        .expect("is there");
    assert_eq!(
        (mary.id.as_str(), mary.language.as_str(), mary.active),
        ("u2", "de", true)
    );
    let both = again
        .users(&["u9".into(), "u2".into(), "u1".into()])
        .await
        .expect("answers");
    assert_eq!(
        both.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(),
        ["u1", "u2"]
    );
}

async fn settings_of_an_organizer_are_kept(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["organizers"][0]["enabled"] = json!(false);
    fixture["organizers"][0]["settings"] =
        json!({"max_schedules": 3, "recipient_domains": ["Example.ORG"], "max_mail_bytes": 50_000});
    let world = World::of(on, &fixture.to_string()).await;
    let organizer = world
        .platform
        .organizer("bigevents")
        .await
        .expect("answers")
        .expect("is there");
    assert!(!organizer.enabled);
    let expected = Settings {
        max_schedules: Some(3),
        recipient_domains: Some(vec!["example.org".into()]),
        max_mail_bytes: 50_000,
    };
    assert_eq!(organizer.settings, expected);
}

/// What each credential may at each scope: `-` nothing to do with it, `s` settings, `o` orders, `.` seen but neither.
async fn rights_are_those_of_the_teams_and_end_at_the_organizer(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let scopes = [
        "bigevents",
        "bigevents/sampleconf",
        "bigevents/summerfest",
        "bigevents/nothing",
        "smallgigs",
        "smallgigs/jazznight",
        "nobody",
    ];
    let table = [
        (
            Credentials::Bearer("john-oauth".into()),
            ["so", "so", "so", "-", "-", "-", "-"],
        ),
        (
            Credentials::Bearer("john-oauth-readonly".into()),
            ["so", "so", "so", "-", "-", "-", "-"],
        ),
        (
            Credentials::Bearer("mary-oauth".into()),
            ["o", "o", "-", "-", "-", "-", "-"],
        ),
        (
            Credentials::Bearer("vera-oauth".into()),
            ["s", "s", "s", "-", "-", "-", "-"],
        ),
        (
            Credentials::Bearer("sam-oauth".into()),
            ["-", "-", "-", "-", "so", "so", "-"],
        ),
        (
            Credentials::Token("bigevents-settings-token".into()),
            ["so", "so", "so", "-", "-", "-", "-"],
        ),
        (
            Credentials::Token("bigevents-orders-token".into()),
            ["o", "o", "-", "-", "-", "-", "-"],
        ),
        (
            Credentials::Device("gate-1-device".into()),
            [".", ".", ".", "-", "-", "-", "-"],
        ),
    ];
    for (credentials, expected) in table {
        for (at, expected) in scopes.iter().zip(expected) {
            let shown = match world.admission(credentials.clone(), at).await {
                Admission::Nobody => panic!("{credentials:?} are of the fixture"),
                Admission::NoAccess => "-",
                Admission::Admitted(admitted) => {
                    match (admitted.rights.may_change_settings, admitted.rights.view_orders) {
                        (true, true) => "so",
                        (true, false) => "s",
                        (false, true) => "o",
                        (false, false) => ".",
                    }
                }
            };
            assert_eq!(shown, expected, "{credentials:?} at {at}");
        }
    }
    let reader = world.admission(Credentials::Bearer("john-oauth-readonly".into()), "bigevents");
    let Admission::Admitted(reader) = reader.await else {
        panic!("he may read");
    };
    assert_eq!((reader.rights.may_read, reader.rights.may_write), (true, false));
}

async fn credentials_that_are_wrong_expired_revoked_or_of_an_inactive_user_are_nobodys(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["oauth_tokens"][0]["expires"] = json!("2026-10-27T03:00:01Z");
    fixture["oauth_tokens"][1]["expires"] = json!("2026-10-27T03:00:00Z");
    fixture["teams"][0]["api_tokens"] = json!(["good", {"token": "gone", "active": false}]);
    let world = World::of(on, &fixture.to_string()).await;
    let bearer = |token: &str| Credentials::Bearer(token.to_owned());
    assert!(
        world.principal(bearer("john-oauth")).await.is_some(),
        "ends in a second"
    );
    assert!(
        world.principal(bearer("john-oauth-readonly")).await.is_none(),
        "ends now"
    );
    assert!(world.principal(bearer("good")).await.is_none(), "the scheme counts");
    assert!(world.principal(Credentials::Token("good".into())).await.is_some());
    assert!(world.principal(Credentials::Token("gone".into())).await.is_none());
    assert!(world.principal(Credentials::Token(String::new())).await.is_none());
    world.platform.set_user_active("u2", false).await.expect("is there");
    assert!(world.principal(bearer("mary-oauth")).await.is_none());
    world.platform.revoke(&bearer("vera-oauth")).await.expect("is there");
    assert!(world.principal(bearer("vera-oauth")).await.is_none());
    let names = [
        world.bearer("john-oauth").await.audit_name(),
        world
            .principal(Credentials::Token("good".into()))
            .await
            .expect("good")
            .audit_name(),
        world
            .principal(Credentials::Device("gate-1-device".into()))
            .await
            .expect("good")
            .audit_name(),
    ];
    assert_eq!(names, ["user:u1", "token:1", "device:1"]);
}

async fn exporters_are_open_to_those_who_may_view_orders(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let platform = &world.platform;
    let shown = |who: Subject, at: &'static str, only: Option<&'static str>| async move {
        let found = platform.available(&who, &scope(at), only, "en").await.expect("answers");
        found
            .into_iter()
            .map(|exporter| exporter.identifier)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let john = Subject::Caller(world.bearer("john-oauth").await);
    let device = world
        .principal(Credentials::Device("gate-1-device".into()))
        .await
        .expect("known");
    let event_level = "orderlist orderpositions mailaddresses checkinlist dailysales";
    let across = "orderlist orderpositions mailaddresses dailysales";
    assert_eq!(shown(john.clone(), "bigevents/sampleconf", None).await, event_level);
    assert_eq!(shown(john.clone(), "bigevents", None).await, across);
    assert_eq!(shown(john.clone(), "bigevents", Some("orderlist")).await, "orderlist");
    assert_eq!(shown(john.clone(), "bigevents", Some("checkinlist")).await, "");
    assert_eq!(shown(john.clone(), "smallgigs", None).await, "");
    assert_eq!(shown(Subject::Owner("u2".into()), "bigevents", None).await, across);
    assert_eq!(
        shown(Subject::Owner("u2".into()), "bigevents/summerfest", None).await,
        ""
    );
    assert_eq!(
        shown(Subject::Owner("u3".into()), "bigevents", None).await,
        "",
        "settings, no orders"
    );
    assert_eq!(shown(Subject::Caller(device), "bigevents/sampleconf", None).await, "");

    let all = ["sampleconf".to_owned(), "summerfest".to_owned(), "jazznight".to_owned()];
    let usable = |who: Subject, only: Option<Vec<String>>| async move {
        platform
            .usable_events(&who, "bigevents", "orderlist", only.as_deref())
            .await
            .expect("answers")
    };
    let events = |slugs: &[&str]| Reach::Events(slugs.iter().map(|&slug| slug.to_owned()).collect());
    assert_eq!(usable(john.clone(), None).await, Reach::AllEvents);
    assert_eq!(
        usable(john.clone(), Some(all[1..].to_vec())).await,
        events(&["summerfest"])
    );
    assert_eq!(usable(Subject::Owner("u2".into()), None).await, events(&["sampleconf"]));
    assert_eq!(
        usable(Subject::Owner("u3".into()), None).await,
        events(&[]),
        "all events, no orders"
    );
    let of_nothing = platform.usable_events(&john, "bigevents", "nothing", None).await;
    assert_eq!(of_nothing.expect("answers"), events(&[]));
    let elsewhere = platform.usable_events(&john, "smallgigs", "orderlist", None).await;
    assert_eq!(elsewhere.expect("answers"), events(&[]));

    let vera = world.bearer("vera-oauth").await;
    let mary = world.bearer("mary-oauth").await;
    assert_eq!(
        platform
            .visible_events(&vera, "bigevents", &all)
            .await
            .expect("answers"),
        all[..2]
    );
    assert_eq!(
        platform
            .visible_events(&mary, "bigevents", &all)
            .await
            .expect("answers"),
        all[..1]
    );
    assert!(
        platform
            .visible_events(&mary, "smallgigs", &all)
            .await
            .expect("answers")
            .is_empty()
    );
}

async fn labels_are_in_the_language_asked_for(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let who = Subject::Owner("u1".into());
    let german = world
        .platform
        .available(&who, &scope("bigevents"), Some("orderlist"), "de-AT")
        .await
        .expect("answers");
    assert_eq!(german[0].label, "Bestellliste");
    let labels: Vec<_> = german[0]
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.label.as_str()))
        .collect();
    assert_eq!(
        labels,
        [
            ("_format", "Dateiformat"),
            ("date_range", "Bestelldatum"),
            ("paid_only", "Nur bezahlte Bestellungen")
        ]
    );
    assert_eq!(german[0].fields[0].default.as_deref(), Some("\"xlsx\""));
    let french = world
        .platform
        .available(&who, &scope("bigevents"), Some("orderlist"), "fr")
        .await
        .expect("answers");
    assert_eq!(french[0].label, "Order list");
}

async fn an_owners_right_ends_with_the_account_the_team_and_the_event(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let platform = &world.platform;
    let right = |owner: &'static str, at: &'static str, exporter: &'static str| async move {
        let asked = platform.ownership(owner, &scope(at), exporter).await.expect("answers");
        assert_eq!(asked.owner, platform.user(owner).await.expect("answers"));
        asked.right
    };
    assert_eq!(right("u1", "bigevents", "orderlist").await, OwnerRight::Yes);
    assert_eq!(right("u1", "bigevents", "checkinlist").await, OwnerRight::NotAllowed);
    assert_eq!(
        right("u1", "bigevents/sampleconf", "checkinlist").await,
        OwnerRight::Yes
    );
    assert_eq!(
        right("u1", "bigevents/sampleconf", "no-such").await,
        OwnerRight::NotAllowed
    );
    assert_eq!(
        right("u1", "smallgigs/jazznight", "orderlist").await,
        OwnerRight::NotAllowed
    );
    assert_eq!(right("u3", "bigevents", "orderlist").await, OwnerRight::NotAllowed);
    assert_eq!(right("u99", "bigevents", "orderlist").await, OwnerRight::Gone);

    platform.set_user_active("u1", false).await.expect("is there");
    assert_eq!(right("u1", "bigevents", "orderlist").await, OwnerRight::Inactive);
    platform.set_user_active("u1", true).await.expect("is there");
    platform
        .delete_event("bigevents", "sampleconf")
        .await
        .expect("is there");
    assert_eq!(
        right("u1", "bigevents/sampleconf", "orderlist").await,
        OwnerRight::NotAllowed
    );
    assert_eq!(
        right("u2", "bigevents", "orderlist").await,
        OwnerRight::NotAllowed,
        "her only event is gone"
    );
    assert_eq!(right("u1", "bigevents", "orderlist").await, OwnerRight::Yes);
    platform
        .remove_team_member("bigevents", "Management", "u1")
        .await
        .expect("is in it");
    assert_eq!(right("u1", "bigevents", "orderlist").await, OwnerRight::NotAllowed);
    platform.remove_user("u1").await.expect("is there");
    assert_eq!(right("u1", "bigevents", "orderlist").await, OwnerRight::Gone);
    assert_eq!(platform.user("u1").await.expect("answers"), None);
}

async fn responsible_are_active_users_who_may_change_settings_there(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let platform = &world.platform;
    let ids = |at: &'static str, limit: usize| async move {
        let found = platform.responsible(&scope(at), limit).await.expect("answers");
        found.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("bigevents", 10).await, ["u1", "u3"]);
    assert_eq!(ids("bigevents/summerfest", 10).await, ["u1", "u3"]);
    assert_eq!(ids("bigevents/summerfest", 1).await, ["u1"]);
    assert_eq!(ids("bigevents/nothing", 10).await, [""; 0]);
    platform.set_user_active("u1", false).await.expect("is there");
    assert_eq!(ids("bigevents", 10).await, ["u3"]);
}

async fn a_change_of_what_is_not_there_or_does_not_fit_is_refused(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let platform = &world.platform;
    let none = platform.set_event_timezone("bigevents", "nothing", "Asia/Tokyo").await;
    assert!(matches!(none, Err(PlatformError::NoSuch(_))));
    let unfit = platform.set_organizer_timezone("bigevents", "Mars/Olympus").await;
    assert!(matches!(unfit, Err(PlatformError::Unfit(_))));
    let taken = platform.set_user_email("u1", "MARY@example.org").await;
    assert!(matches!(taken, Err(PlatformError::Unfit(_))));
    platform
        .set_user_email("u1", "JOHN@example.com")
        .await
        .expect("his own");
    platform
        .set_event_timezone("bigevents", "sampleconf", "Asia/Tokyo")
        .await
        .expect("fits");
    let event = platform
        .event("bigevents", "sampleconf")
        .await
        .expect("answers")
        .expect("is there");
    assert_eq!(event.timezone, "Asia/Tokyo");
}

async fn openings_at_once_make_the_tables_once(on: On) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::new(on, folder.path());
    let (one, other, third) = tokio::join!(place.open(), place.open(), place.open());
    for platform in [one, other, third] {
        assert!(platform.is_empty().await.expect("answers"));
    }
}

async fn two_processes_that_load_at_once_load_one_fixture(on: On) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::new(on, folder.path());
    let (one, other) = (place.open().await, place.open().await);
    let fixture = Fixture::from_json(BIGEVENTS).expect("fits");
    let loaded = tokio::join!(one.load(&fixture), other.load(&fixture));
    let refused = match loaded {
        (Ok(()), refused) | (refused, Ok(())) => refused,
        both => panic!("{both:?}"),
    };
    assert!(matches!(refused, Err(PlatformError::NotEmpty)), "{refused:?}");
    assert_eq!(one.organizers().await.expect("answers").len(), 2);
}

async fn a_schedule_of_what_is_gone_still_has_a_place(on: On) {
    let mut fixture: Value = serde_json::from_str(BIGEVENTS).expect("JSON");
    fixture["organizers"][0]["settings"] = json!({"max_schedules": 3});
    let world = World::of(on, &fixture.to_string()).await;
    for (at, zone, quota) in [
        ("bigevents", "Europe/Berlin", Some(3)),
        ("bigevents/summerfest", "America/New_York", Some(3)),
        ("bigevents/gone", "Europe/Berlin", Some(3)),
        ("gone/gone", "UTC", None),
    ] {
        let place = world.platform.place(&scope(at)).await.expect("answers");
        assert_eq!(
            (place.timezone.as_str(), place.settings.max_schedules),
            (zone, quota),
            "{at}"
        );
        let same = world
            .platform
            .ownership("u1", &scope(at), "orderlist")
            .await
            .expect("answers");
        assert_eq!(same.place, place, "{at}");
        if let Admission::Admitted(admitted) = world.admission(Credentials::Bearer("john-oauth".into()), at).await {
            assert_eq!(admitted.place, place, "{at}");
        }
    }
}

async fn what_the_tables_do_not_answer_is_counted(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let at = scope("bigevents/sampleconf");
    let place = || world.platform.place(&at);
    place().await.expect("answers");
    assert_eq!(world.platform.errors().get(), 0);
    let mut change = world.platform.write().await.expect("a transaction");
    within!(&mut change, execute: "ALTER TABLE platform_events RENAME TO elsewhere").expect("renamed");
    change.commit().await.expect("committed");
    place().await.expect_err("there is no such table");
    assert_eq!(world.platform.clone().errors().get(), 1);
}

async fn a_set_of_slugs_is_looked_up_whatever_is_in_it(on: On) {
    let world = World::of(on, BIGEVENTS).await;
    let (platform, vera) = (&world.platform, world.bearer("vera-oauth").await);
    let device = Credentials::Device("gate-1-device".to_owned());
    let device = world.principal(device).await.expect("a device");
    let mut slugs: Vec<String> = (0..20_000).map(|nth| format!("gone-{nth}")).collect();
    let odd = ["nul\0", "quote'\"", "{}", "", "\u{10ffff}", "back\\slash"].map(str::to_owned);
    slugs.extend(odd.iter().cloned());
    slugs.insert(7, "summerfest".to_owned());
    slugs.push("sampleconf".to_owned());
    let visible = platform.visible_events(&vera, "bigevents", &slugs).await;
    assert_eq!(
        visible.expect("answers"),
        ["summerfest", "sampleconf"],
        "in the order given"
    );
    let visible = platform
        .visible_events(&device, "bigevents", &slugs)
        .await
        .expect("answers");
    assert!(visible.len() < 3, "{visible:?}");
    let mut missing = platform
        .missing_events("bigevents", slugs.clone())
        .await
        .expect("answers");
    assert_eq!(missing.len(), slugs.len() - 2);
    missing.retain(|slug| !slug.starts_with("gone-"));
    assert_eq!(missing, odd);
}
