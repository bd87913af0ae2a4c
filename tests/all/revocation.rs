//! What was allowed is allowed until the last byte and no longer: credentials while a request comes in, and what is on its way
//! to recipients.

use std::sync::Arc;

use axum::http::Method;
use reference_platform::Credentials;
use reference_server::service::Service;
use scheduled_exports_host::contract::{DeliveryStatus, Outcome};
use scheduled_exports_mail::Refusal;
use scheduled_exports_testing::{Harness, HarnessBuilder, Mail, Moment, TestStore, at};
use serde_json::{Value, json};
use tests::{BIG, CONF, JOHN, VERA, but, daily, with, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";
const DUE: &str = "2026-10-23T02:00:00Z";
/// When all tries of what is due at [`DUE`] are over.
const LATER: &str = "2026-10-25T00:00:00Z";

/// How somebody's access ends.
#[derive(Clone, Copy, Debug)]
enum Ends {
    TokenRevoked,
    UserDeactivated,
    OutOfTheTeam,
    OrganizerOff,
}

async fn john(service: &Service) -> String {
    let john = service.platform().user_by_email("john@example.com").await;
    john.expect("the platform answers").expect("a user of the fixture").id
}

async fn end(service: &Service, how: Ends) {
    let (platform, john) = (service.platform(), john(service).await);
    match how {
        Ends::TokenRevoked => platform.revoke(&Credentials::Bearer("john-oauth".into())).await,
        Ends::UserDeactivated => platform.set_user_active(&john, false).await,
        Ends::OutOfTheTeam => platform.remove_team_member("bigevents", "Management", &john).await,
        Ends::OrganizerOff => {
            let off = service.storage().set_enabled("bigevents", false, "host", at(EVE)).await;
            off.expect("the store answers");
            Ok(())
        }
    }
    .expect("the platform answers");
}

#[tokio::test]
async fn access_that_ends_while_the_body_comes_in_writes_nothing() {
    let document = daily().to_string();
    let halves = document.split_at(document.len() / 2);
    for (how, status) in [
        (Ends::TokenRevoked, 401),
        (Ends::UserDeactivated, 401),
        (Ends::OutOfTheTeam, 403),
        (Ends::OrganizerOff, 403),
    ] {
        // A client that waits to be asked for its body is let in before it sends any.
        for headers in [
            &[("authorization", JOHN)][..],
            &[("authorization", JOHN), ("expect", "100-continue")],
            &[
                ("authorization", JOHN),
                ("expect", "100-continue"),
                ("idempotency-key", "k"),
            ],
        ] {
            let host = Harness::start(&without_schedules(), EVE).await;
            let whole = host.post(CONF, JOHN, &daily()).await;
            assert_eq!(whole.status, 201, "{}", whole.body);
            let service = Arc::clone(&host.service);
            let ends = async move { end(&service, how).await };
            let answer = host
                .client()
                .send_in_two(Method::POST, CONF, headers, halves, ends)
                .await;
            assert_eq!(answer.status, status, "{how:?} {headers:?}: {}", answer.body);
            let written = host.storage().count("bigevents").await.expect("the store answers");
            assert_eq!(written, 1, "{how:?} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_right_that_comes_while_the_body_comes_in_counts_as_one_that_was_there() {
    let host = Harness::start(&without_schedules(), EVE).await;
    let document = but(daily(), json!({"mail_subject": "Late"})).to_string();
    let halves = document.split_at(document.len() / 2);
    let headers = [("authorization", JOHN), ("expect", "100-continue")];
    let answer = host
        .client()
        .send_in_two(Method::POST, CONF, &headers, halves, std::future::ready(()))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(host.get(CONF, VERA).await.body["count"], 1);
}

/// Due once, at [`DUE`], for john and for somebody whose server puts it off.
fn once() -> Value {
    but(
        daily(),
        json!({
            "mail_additional_recipients": "slow@example.org",
            "schedule_rrule": "DTSTART:20261023T000000\nRRULE:FREQ=DAILY;COUNT=1",
        }),
    )
}

async fn outcome(host: &Harness, id: u64) -> (Option<Outcome>, Vec<(DeliveryStatus, String)>) {
    let entry = host.history(id).await.remove(0).entry;
    let said = entry.deliveries.into_iter().map(|one| (one.status, one.response));
    (entry.outcome, said.collect())
}

/// What takes an export back that has been made.
#[derive(Clone, Copy, Debug)]
enum TakenBack {
    Deleted,
    Owner(Ends),
    OwnerRemoved,
}

const TAKEN_BACK: [TakenBack; 5] = [
    TakenBack::Deleted,
    TakenBack::Owner(Ends::OrganizerOff),
    TakenBack::Owner(Ends::UserDeactivated),
    TakenBack::Owner(Ends::OutOfTheTeam),
    TakenBack::OwnerRemoved,
];

/// The mails with a file: an owner is also told of what another user has deleted.
fn exports(host: &Harness) -> Vec<Mail> {
    let mut mails = host.mails();
    mails.retain(|mail| mail.attachment.is_some());
    mails
}

async fn take_back(host: &Harness, how: TakenBack, path: &str) {
    match how {
        TakenBack::Deleted => assert_eq!(host.delete(path, VERA).await.status, 204),
        TakenBack::Owner(ends) => end(&host.service, ends).await,
        TakenBack::OwnerRemoved => {
            let john = john(&host.service).await;
            host.platform().remove_user(&john).await.expect("the platform answers");
        }
    }
}

/// Makes it so again, where that is possible.
async fn give_back(host: &Harness, how: TakenBack) {
    match how {
        TakenBack::Owner(Ends::OrganizerOff) => {
            let on = host.storage().set_enabled("bigevents", true, "host", at(DUE)).await;
            on.expect("the store answers");
        }
        TakenBack::Owner(Ends::UserDeactivated) => {
            let john = john(&host.service).await;
            let active = host.platform().set_user_active(&john, true).await;
            active.expect("the platform answers");
        }
        _ => {}
    }
}

#[tokio::test]
async fn what_is_put_off_when_the_export_is_taken_back_is_cancelled_and_reaches_nobody_more() {
    for how in TAKEN_BACK {
        let host = Harness::start(&without_schedules(), EVE).await;
        let later = Refusal::Transient("421 later".into());
        for address in ["slow@example.org", "john@example.com"] {
            host.mail.refuse(address, Some(later.clone()));
        }
        let id = host.create(CONF, JOHN, &once()).await;
        host.advance_to(DUE).await;
        assert_eq!(outcome(&host, id).await.0, Some(Outcome::Submitted), "{how:?}");
        host.mail.refuse("slow@example.org", None);
        host.mail.refuse("john@example.com", None);
        take_back(&host, how, &format!("{CONF}{id}/")).await;
        host.advance_to("2026-10-23T02:05:00Z").await;
        give_back(&host, how).await;
        host.advance_to(LATER).await;
        let (ended, said) = outcome(&host, id).await;
        assert!(matches!(ended, Some(Outcome::Cancelled(_))), "{how:?}: {ended:?}");
        assert_eq!(said.len(), 2, "{how:?}");
        for (status, words) in &said {
            assert_eq!(*status, DeliveryStatus::Cancelled, "{how:?}: {said:?}");
            assert!(
                words.contains("owner") || words.contains("schedule"),
                "{how:?}: {words}"
            );
        }
        assert_eq!(exports(&host).len(), 0, "{how:?}");
        assert_eq!(
            host.storage().next_wake().await.expect("the store answers"),
            None,
            "{how:?}"
        );
    }
}

#[tokio::test]
async fn who_has_got_the_mail_keeps_it_and_the_run_is_delivered_with_the_others_cancelled() {
    for how in TAKEN_BACK {
        let host = Harness::start(&without_schedules(), EVE).await;
        host.mail
            .refuse("slow@example.org", Some(Refusal::Transient("421 later".into())));
        let id = host.create(CONF, JOHN, &once()).await;
        host.advance_to(DUE).await;
        take_back(&host, how, &format!("{CONF}{id}/")).await;
        host.mail.refuse("slow@example.org", None);
        host.advance_to(LATER).await;
        let (ended, mut said) = outcome(&host, id).await;
        assert_eq!(ended, Some(Outcome::Delivered), "{how:?}");
        said.sort_by_key(|(status, _)| *status == DeliveryStatus::Cancelled);
        assert_eq!(said[0].0, DeliveryStatus::Accepted, "{how:?}: {said:?}");
        assert_eq!(said[1].0, DeliveryStatus::Cancelled, "{how:?}: {said:?}");
        let got: Vec<String> = exports(&host).into_iter().map(|mail| mail.recipient).collect();
        assert_eq!(got, ["john@example.com"], "{how:?}");
    }
}

#[tokio::test]
async fn what_is_taken_back_after_a_delivery_was_leased_does_not_leave() {
    for how in [Ends::OrganizerOff, Ends::UserDeactivated, Ends::OutOfTheTeam] {
        let host = Harness::start(&without_schedules(), EVE).await;
        let id = host.create(CONF, JOHN, &once()).await;
        let service = Arc::clone(&host.service);
        // The mail is leased, read and about to be made into its bytes.
        host.store
            .once(Moment::Before("read_file"), async move { end(&service, how).await });
        host.jump_to(DUE);
        host.step().await;
        host.advance_to(LATER).await;
        let (ended, said) = outcome(&host, id).await;
        assert_eq!(
            host.mails().iter().filter(|mail| mail.attachment.is_some()).count(),
            0,
            "{how:?}"
        );
        assert!(
            matches!(&ended, Some(Outcome::Cancelled(_)))
                && said.iter().all(|(status, _)| *status == DeliveryStatus::Cancelled),
            "{how:?}: {ended:?} {said:?}"
        );
    }
}

#[tokio::test]
async fn a_file_of_several_events_is_called_off_when_its_owner_may_not_read_one_of_them_any_more() {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["teams"].as_array_mut().expect("a list").push(json!({
            "organizer": "bigevents", "name": "Fest", "members": ["mary@example.org"], "events": ["summerfest"],
            "permissions": ["view_orders"], "api_tokens": []
        }));
    });
    let document = but(once(), json!({"export_form_data": {"_format": "xlsx"}}));
    for (loses, arrives) in [(true, 0), (false, 2)] {
        let host = Harness::start(&fixture, EVE).await;
        let later = Refusal::Transient("421 later".into());
        for address in ["slow@example.org", "mary@example.org"] {
            host.mail.refuse(address, Some(later.clone()));
        }
        let id = host.create(BIG, tests::MARY, &document).await;
        host.advance_to(DUE).await;
        host.mail.refuse("slow@example.org", None);
        host.mail.refuse("mary@example.org", None);
        if loses {
            let mary = host.platform().user_by_email("mary@example.org").await;
            let mary = mary.expect("the platform answers").expect("a user").id;
            let out = host.platform().remove_team_member("bigevents", "Fest", &mary).await;
            out.expect("the platform answers");
        }
        host.advance_to(LATER).await;
        let (ended, said) = outcome(&host, id).await;
        assert_eq!(host.mails().len(), arrives, "{ended:?} {said:?}");
        assert_eq!(
            matches!(ended, Some(Outcome::Cancelled(_))),
            loses,
            "{ended:?} {said:?}"
        );
    }
}

/// A host that has mailed a link, with the schedule and the path of the link.
async fn with_a_link() -> (Harness, u64, String) {
    with_a_link_by(Harness::builder()).await
}

async fn with_a_link_by(builder: HarnessBuilder) -> (Harness, u64, String) {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({"max_mail_bytes": 3_000});
    });
    let document = but(
        once(),
        json!({"export_form_data": {"_format": "default", "date_range": "past"}, "mail_additional_recipients": ""}),
    );
    let host = builder.downloads().fixture(&fixture).at(EVE).build().await;
    let id = host.create(CONF, JOHN, &document).await;
    host.advance_to(DUE).await;
    let text = host.mails().remove(0).text;
    let line = text.lines().find(|line| line.starts_with("https://")).expect("a link");
    let path = line.trim().strip_prefix("https://tickets.example");
    (host, id, path.expect("the host's address").to_owned())
}

#[tokio::test]
async fn a_link_lies_in_the_store_as_a_hash_alone_once_its_mail_has_gone() {
    // Of a database's files, this process knows nothing.
    let (host, _, path) = with_a_link_by(Harness::builder().store(TestStore::Sqlite)).await;
    let secret = path.strip_prefix("/download/").expect("a secret");
    let digits = |at: usize| u8::from_str_radix(&secret[at..at + 2], 16).expect("hexadecimal");
    let raw: Vec<u8> = (0..secret.len()).step_by(2).map(digits).collect();
    // What was written on the way is gone from the log beside the file as well.
    host.service.close().await;
    let mut files = 0;
    for entry in std::fs::read_dir(host.folder()).expect("the host's folder") {
        let path = entry.expect("an entry").path();
        if !path.is_file() {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).expect("a file");
        for form in [secret.as_bytes(), &raw] {
            let found = bytes.windows(form.len()).any(|window| window == form);
            assert!(!found, "{} holds the link", path.display());
        }
    }
    assert!(files > 0);
}

#[tokio::test]
async fn a_download_under_way_ends_with_the_piece_before_its_export_is_taken_back() {
    for how in TAKEN_BACK {
        let (host, id, path) = with_a_link().await;
        let secret = path.strip_prefix("/download/").expect("a secret");
        let open = host.service.download(secret).await.expect("the store answers");
        let link = open.expect("a file").link;
        let piece = || host.service.download_piece(&link, 0);
        assert!(piece().await.expect("the store answers").is_some(), "{how:?}");
        take_back(&host, how, &format!("{CONF}{id}/")).await;
        assert_eq!(piece().await.expect("the store answers"), None, "{how:?}");
    }
}

#[tokio::test]
async fn a_link_leads_nowhere_from_the_moment_its_export_is_taken_back_and_for_good() {
    for how in TAKEN_BACK {
        let (host, id, path) = with_a_link().await;
        let path = path.as_str();
        assert_eq!(host.fetch(Method::GET, path).await.0, 200, "{how:?}");
        take_back(&host, how, &format!("{CONF}{id}/")).await;
        let gone = host.fetch(Method::GET, path).await;
        let unknown = host.fetch(Method::GET, &format!("/download/{}", "0".repeat(64))).await;
        assert_eq!((gone.0, &gone.2), (404, &unknown.2), "{how:?}");
        give_back(&host, how).await;
        assert_eq!(host.fetch(Method::GET, path).await.0, 404, "{how:?}: for good");
        let target = host.folder().join("fetched");
        let file = host.storage().read_file(1, &target).await.expect("the store answers");
        assert_eq!(file, None, "{how:?}: the file is gone");
        assert_eq!(outcome(&host, id).await.0, Some(Outcome::Delivered), "{how:?}");
    }
}
