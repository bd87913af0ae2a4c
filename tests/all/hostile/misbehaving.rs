//! `tests/guests/misbehaving`: one test for each of its misdeeds.

use std::time::{Duration, Instant};

use scheduled_exports_host::contract::{Content, Outcome};
use scheduled_exports_host::engine::Limits;
use scheduled_exports_store::{Scope, Visible};
use scheduled_exports_testing::{Answer, Harness, Mail, at};
use serde_json::{Value, json};
use tests::guests::MISBEHAVING;
use tests::{BIG, CONF, FEST, JOHN, MARY, SAM, SETTINGS_TOKEN, SMALL, with};

macro_rules! misdeeds {
    ($($name:ident: $what:literal,)*) => {
        $(
            #[expect(unused_imports, reason = "asks only that the test is there")]
            use self::$name as _;
        )*
    };
}
include!("../../guests/misbehaving/src/misdeeds.rs");

/// Schedules of an event of another organizer.
const JAZZ: &str = "/api/v1/organizers/smallgigs/events/jazznight/scheduled_exports/";

/// Small enough that nobody waits, large enough for a busy machine.
fn limits() -> Limits {
    Limits {
        memory: 64 << 20,
        call_compute: Duration::from_millis(400),
        call_deadline: Duration::from_secs(20),
        run_compute: Duration::from_millis(400),
        run_deadline: Duration::from_secs(20),
        abandon_deadline: Duration::from_secs(20),
        instances: 8,
        ..Limits::default()
    }
}

/// At noon; what is created now is due at one.
async fn host() -> Harness {
    let fixture = with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({"max_mail_bytes": 1_000_000});
    });
    Harness::builder()
        .plugin(MISBEHAVING)
        .limits(limits())
        .fixture(&fixture)
        .build()
        .await
}

const DUE: &str = "2026-10-22T13:00:00Z";

async fn outcomes(host: &Harness, schedule: u64) -> Vec<Option<Outcome>> {
    let history = host.history(schedule).await;
    history.into_iter().rev().map(|row| row.entry.outcome).collect()
}

/// What is stored, whoever asks.
async fn stored(host: &Harness, place: &str, id: u64) -> Option<Content> {
    let mut parts = place.trim_matches('/').split('/').skip(3);
    let organizer = parts.next().expect("an organizer").to_owned();
    let event = (parts.next() == Some("events")).then(|| parts.next().expect("an event").to_owned());
    let seen = Visible {
        scope: Scope { organizer, event },
        only_owner: None,
    };
    let row = host.storage().get(&seen, id).await.expect("the store answers");
    row.map(|row| row.content)
}

/// How one run of a misbehaving schedule went.
struct Went {
    outcomes: Vec<Option<Outcome>>,
    counter: u32,
    active: bool,
    /// What its owner was mailed.
    told: Vec<Mail>,
}

impl Went {
    fn failed(&self) -> (&str, &str) {
        match &self.outcomes[..] {
            [Some(Outcome::Failed((code, words)))] => (code, words),
            other => panic!("{other:?}"),
        }
    }
}

/// Executes a schedule with this document, beside a good one of another organizer that is due at the same time; afterwards the
/// good one has arrived, and the API answers.
async fn run(document: Value) -> Went {
    let host = host().await;
    let bad = host.create(CONF, JOHN, &document).await;
    let good = host.create(JAZZ, SAM, &json!({})).await;
    host.advance_to(DUE).await;
    assert_eq!(
        outcomes(&host, good).await,
        [Some(Outcome::Delivered)],
        "the neighbour of {document}"
    );
    let (sams, johns): (Vec<_>, Vec<_>) = host
        .mails()
        .into_iter()
        .partition(|mail| mail.recipient == "sam@example.net");
    assert_eq!(sams.len(), 1);
    assert!(sams[0].attachment.is_some());
    for (place, who) in [(CONF, JOHN), (JAZZ, SAM)] {
        assert_eq!(host.get(place, who).await.status, 200, "{place}");
    }
    let content = stored(&host, CONF, bad).await.expect("it is still there");
    Went {
        outcomes: outcomes(&host, bad).await,
        counter: content.error_counter,
        active: content.is_active(),
        told: johns,
    }
}

/// The run failed with this code, once; it is counted, and the owner was told, once.
async fn fails(document: Value, code: &str) -> Went {
    let went = run(document.clone()).await;
    assert_eq!(went.failed().0, code, "{document}");
    assert_eq!((went.counter, went.active), (1, true), "{document}");
    let told: Vec<&str> = went.told.iter().map(|mail| mail.recipient.as_str()).collect();
    assert_eq!(told, ["john@example.com"], "{document}");
    assert!(went.told[0].attachment.is_none(), "{document}");
    went
}

/// In `execute`, and then in `abandon` too.
async fn fails_in_both(misdeed: &str, code: &str) {
    fails(json!({"execute": misdeed}), code).await;
    let went = fails(json!({"execute": misdeed, "abandon": misdeed}), "plugin-failed").await;
    let said = format!("{} {}", went.failed().1, went.told[0].text);
    assert!(
        said.contains("https://tickets.example/control/bigevents/sampleconf/"),
        "{said}"
    );
    for internal in ["wasm", "trap", "unreachable", "secret-form-data", "Trapped", "0x"] {
        assert!(!said.contains(internal), "{said}");
    }
}

fn is_a_plain_500(answer: &Answer) {
    assert_eq!(answer.status, 500, "{}", answer.body);
    let text = answer.body.to_string();
    assert!(answer.body["detail"].is_string(), "{text}");
    for internal in ["wasm", "trap", "unreachable", "secret-form-data", "plugin"] {
        assert!(!text.contains(internal), "{text}");
    }
}

/// As a verb of the API: 500, nothing stored, and the next call is fine.
async fn costs_one_call(misdeed: &str, document: Value) {
    let host = host().await;
    let begun = Instant::now();
    is_a_plain_500(&host.post(&format!("{CONF}{misdeed}/"), JOHN, &document).await);
    assert!(begun.elapsed() < Duration::from_secs(20), "{misdeed} {document}");
    let left = host.get(CONF, JOHN).await;
    assert_eq!(
        (left.status, &left.body["count"]),
        (200, &json!(0)),
        "{misdeed} {document}"
    );
    host.create(CONF, JOHN, &json!({})).await;
}

/// Of a list that one schedule spoils: 500, and others' lists and other calls are fine.
async fn costs_one_list(misdeed: &str) {
    let host = host().await;
    let id = host.create(CONF, JOHN, &json!({"list": misdeed})).await;
    is_a_plain_500(&host.get(CONF, JOHN).await);
    assert_eq!(host.get(&format!("{CONF}{id}/"), JOHN).await.status, 200);
    assert_eq!(host.get(FEST, JOHN).await.status, 200);
    assert_eq!(host.delete(&format!("{CONF}{id}/"), JOHN).await.status, 204);
    assert_eq!(host.get(CONF, JOHN).await.status, 200);
}

#[tokio::test]
async fn traps() {
    fails_in_both("traps", "trapped").await;
    costs_one_call("traps", json!({})).await;
    costs_one_list("traps").await;
    // Nothing of a call that traps is stored.
    let host = host().await;
    is_a_plain_500(&host.post(CONF, JOHN, &json!({"create": "traps"})).await);
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);
}

#[tokio::test]
async fn a_mail_that_was_taken_is_delivered_even_if_the_component_traps_when_told() {
    // Among them what only a run that is executed may do: the file that was mailed stays as it is.
    for settle in [
        "traps",
        "counts_absurdly",
        "returns_without_finishing",
        "zips_again",
        "claims_to_be_delivered",
        "submits_nothing",
    ] {
        let went = run(json!({"settle": settle})).await;
        assert_eq!(
            (&went.outcomes[..], went.counter),
            (&[Some(Outcome::Delivered)][..], 0),
            "{settle}"
        );
        assert_eq!(went.told.len(), 1);
        assert!(went.told[0].attachment.is_some());
    }
}

#[tokio::test]
async fn a_mail_that_nobody_took_fails_even_if_the_component_traps_when_told() {
    let host = host().await;
    let words = "550 5.1.1 no such user";
    let refusal = scheduled_exports_mail::Refusal::Permanent(words.into());
    host.mail.refuse("john@example.com", Some(refusal));
    let id = host.create(CONF, JOHN, &json!({"settle": "traps"})).await;
    host.advance_to(DUE).await;
    let outcomes = outcomes(&host, id).await;
    assert!(
        matches!(&outcomes[..], [Some(Outcome::Failed((code, said)))] if code == "delivery-failed" && said.contains(words)),
        "{outcomes:?}"
    );
    assert_eq!(stored(&host, CONF, id).await.expect("stored").error_counter, 1);
}

#[tokio::test]
async fn the_fifth_failure_that_the_host_writes_itself_stops_the_schedule_and_says_so() {
    let host = host().await;
    let id = host
        .create(CONF, JOHN, &json!({"execute": "traps", "abandon": "traps"}))
        .await;
    host.advance_to("2026-10-30T13:00:00Z").await;
    assert_eq!(outcomes(&host, id).await.len(), 5);
    let content = stored(&host, CONF, id).await.expect("stored");
    assert_eq!((content.error_counter, content.is_active()), (5, false));
    let told = host.mails();
    assert_eq!(told.len(), 5);
    let stops = |mail: &Mail| mail.text.contains("paused. To resume it");
    assert!(stops(&told[4]) && !told[..4].iter().any(stops), "{}", told[4].text);
}

#[tokio::test]
async fn panics() {
    let went = fails(json!({"execute": "panics"}), "trapped").await;
    assert!(!went.failed().1.contains("secret-form-data"));
    fails_in_both("panics", "trapped").await;
    costs_one_call("panics", json!({})).await;
}

#[tokio::test]
async fn loops_for_ever() {
    fails_in_both("loops_for_ever", "deadline-exceeded").await;
    costs_one_call("loops_for_ever", json!({})).await;
    costs_one_list("loops_for_ever").await;
}

#[tokio::test]
async fn loops_through_imports() {
    fails(json!({"execute": "loops_through_imports"}), "deadline-exceeded").await;
    costs_one_call("loops_through_imports", json!({})).await;
}

#[tokio::test]
async fn eats_memory() {
    fails_in_both("eats_memory", "out-of-memory").await;
    costs_one_call("eats_memory", json!({})).await;
}

#[tokio::test]
async fn recurses() {
    fails_in_both("recurses", "trapped").await;
    costs_one_call("recurses", json!({})).await;
}

#[tokio::test]
async fn floods_the_log() {
    let went = run(json!({"execute": "floods_the_log"})).await;
    assert_eq!(went.outcomes, [Some(Outcome::Delivered)]);
}

#[tokio::test]
async fn says_too_much() {
    fails(json!({"execute": "says_too_much"}), "trapped").await;
    costs_one_call("says_too_much", json!({})).await;
    costs_one_list("says_too_much").await;
}

#[tokio::test]
async fn drops_its_handle() {
    fails(json!({"execute": "drops_its_handle"}), "trapped").await;
    costs_one_call("drops_its_handle", json!({})).await;
}

#[tokio::test]
async fn forges_a_handle() {
    fails(json!({"execute": "forges_a_handle"}), "trapped").await;
    costs_one_call("forges_a_handle", json!({})).await;
}

#[tokio::test]
async fn returns_without_finishing() {
    fails_in_both("returns_without_finishing", "unfinished").await;
}

#[tokio::test]
async fn finishes_twice() {
    let went = run(json!({"execute": "finishes_twice"})).await;
    assert_eq!((&went.outcomes[..], went.counter), (&[Some(Outcome::Delivered)][..], 0));
    assert_eq!(went.told.len(), 1);
}

#[tokio::test]
async fn finishes_then_traps() {
    let went = run(json!({"execute": "finishes_then_traps"})).await;
    assert_eq!((&went.outcomes[..], went.counter), (&[Some(Outcome::Delivered)][..], 0));
    assert_eq!(went.told.len(), 1);
}

#[tokio::test]
async fn writes_to_a_stranger() {
    let went = fails(json!({"execute": "writes_to_a_stranger"}), "refused").await;
    assert_eq!(went.failed().1, "4 of 4 were refused");
}

#[tokio::test]
async fn injects_a_header() {
    let went = fails(json!({"execute": "injects_a_header"}), "refused").await;
    assert_eq!(went.failed().1, "5 of 5 were refused");
}

#[tokio::test]
async fn starts_another_due_time() {
    let (before, after) = (at(DUE) - 1, at(DUE) + 1);
    for with in [i64::MIN, 0, before, after, i64::MAX] {
        let document = json!({"execute": "starts_another_due_time", "with": with.to_string()});
        fails(document, "trapped").await;
    }
}

#[tokio::test]
async fn plans_out_of_range() {
    for with in [i64::MIN, 0, at(DUE), 253_402_300_800, i64::MAX] {
        let document = json!({"execute": "plans_out_of_range", "with": with.to_string()});
        fails(document, "trapped").await;
    }
}

/// Ranges of missed due times that can't be, before `DUE`.
fn impossible() -> Vec<(i64, i64, i64)> {
    let due = at(DUE);
    vec![
        (due - 10, due - 20, 1),
        (due - 10, due - 10, 0),
        (due - 10, due - 9, 3),
        (due - 10, due - 9, -1),
        (i64::MIN, due - 1, 1),
        (due + 5, due + 10, 1),
        (due, i64::MAX, 1),
    ]
}

#[tokio::test]
async fn invents_missed_ones() {
    for (with, to, count) in impossible() {
        let document = json!({"execute": "invents_missed_ones", "with": with.to_string(), "to": to.to_string(),
                              "count": count.to_string()});
        fails(document, "trapped").await;
    }
}

#[tokio::test]
async fn misses_out_of_range() {
    for (with, to, count) in impossible() {
        let document = json!({"execute": "misses_out_of_range", "with": with.to_string(), "to": to.to_string(),
                              "count": count.to_string()});
        fails(document, "trapped").await;
    }
}

#[tokio::test]
async fn claims_to_be_delivered() {
    fails(json!({"execute": "claims_to_be_delivered"}), "trapped").await;
}

#[tokio::test]
async fn submits_nothing() {
    fails(json!({"execute": "submits_nothing"}), "trapped").await;
}

#[tokio::test]
async fn sends_and_fails() {
    fails(json!({"execute": "sends_and_fails"}), "trapped").await;
}

#[tokio::test]
async fn retries_out_of_range() {
    // At once, six times; then the host ends it.
    let document = json!({"execute": "retries_out_of_range", "with": i64::MIN.to_string()});
    fails(document, "attempts-exhausted").await;
    // Tomorrow at the latest, six times: no run stays open for ever.
    let host = host().await;
    let document = json!({"execute": "retries_out_of_range", "with": i64::MAX.to_string()});
    let id = host.create(CONF, JOHN, &document).await;
    host.advance_to("2026-10-22T23:00:00Z").await;
    assert_eq!(outcomes(&host, id).await, [None]);
    host.advance_to("2026-10-30T12:00:00Z").await;
    let first = outcomes(&host, id).await[0].clone();
    assert!(
        matches!(&first, Some(Outcome::Failed((code, _))) if code == "attempts-exhausted"),
        "{first:?}"
    );
}

#[tokio::test]
async fn counts_absurdly() {
    let went = run(json!({"execute": "counts_absurdly"})).await;
    assert_eq!((went.failed().0, went.counter, went.active), ("many", 5, false));
}

#[tokio::test]
async fn fails_at_length() {
    let went = run(json!({"execute": "fails_at_length"})).await;
    let (code, words) = went.failed();
    assert_eq!((code.len(), words.len(), went.counter), (64, 4096, 1));
}

#[tokio::test]
async fn mails_at_length() {
    let went = fails(json!({"execute": "mails_at_length"}), "refused").await;
    assert_eq!(went.failed().1, "true");
}

#[tokio::test]
async fn mails_in_copies() {
    let went = run(json!({"execute": "mails_in_copies"})).await;
    assert_eq!(went.outcomes, [Some(Outcome::Delivered)]);
    assert_eq!(went.told.len(), 1);
    assert_eq!(went.told[0].to.matches('@').count(), 1, "{}", went.told[0].to);
}

#[tokio::test]
async fn produces_nonsense() {
    let went = fails(json!({"execute": "produces_nonsense"}), "refused").await;
    assert_eq!(went.failed().1, "0 were taken");
}

#[tokio::test]
async fn zips_again() {
    let went = fails(json!({"execute": "zips_again"}), "zipped").await;
    assert_eq!(went.failed().1, "1 times");
}

#[tokio::test]
async fn stores_out_of_range() {
    for what in [
        "document",
        "exporter",
        "addresses",
        "address",
        "line",
        "earliest",
        "latest",
    ] {
        costs_one_call("stores_out_of_range", json!({"with": what})).await;
    }
    let host = host().await;
    let stored_at = format!("{CONF}stores_out_of_range/");
    assert_eq!(
        host.post(&stored_at, JOHN, &json!({"with": "counter"})).await.status,
        200
    );
    assert_eq!(host.get(CONF, JOHN).await.body["results"][0]["error_counter"], 5);
}

/// What writes by POST, asked by GET: the view answers, and the import has refused.
#[tokio::test]
async fn a_view_writes_nothing() {
    let (host, name) = (host().await, format!("{CONF}stores_out_of_range/"));
    let shown = host
        .get(&format!("{name}?document={{%22with%22:%22counter%22}}"), JOHN)
        .await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);
    assert_eq!(host.post(&name, JOHN, &json!({"with": "counter"})).await.status, 200);
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 1);
}

#[tokio::test]
async fn inserts_without_end() {
    costs_one_call("inserts_without_end", json!({})).await;
}

#[tokio::test]
async fn reaches_for_what_is_foreign() {
    let host = host().await;
    let mut all = Vec::new();
    for (place, who) in [(CONF, JOHN), (BIG, JOHN), (JAZZ, SAM)] {
        all.push((place, host.create(place, who, &json!({"kept": place})).await));
    }
    let marys = host.create(CONF, MARY, &json!({})).await;
    let mut before = Vec::new();
    for (place, id) in &all {
        before.push(stored(&host, place, *id).await.expect("stored"));
    }
    let big = json!(["sampleconf", "summerfest"]);
    for (place, who, visible) in [
        (FEST, JOHN, &big),
        (FEST, SETTINGS_TOKEN, &big),
        (SMALL, SAM, &json!(["jazznight"])),
    ] {
        let path = format!("{place}reaches_for_what_is_foreign/");
        let answer = host.post(&path, who, &json!({"with": "40"})).await;
        assert_eq!(answer.status, 200, "{place} {who}: {}", answer.body);
        assert_eq!(answer.body["reached"], json!([]), "{place} {who}");
        assert_eq!(&answer.body["visible"], visible, "{place} {who}");
        assert_eq!(answer.body["inserted"], false, "{place} {who}");
        for slug in answer.body["usable"].as_array().expect("a list") {
            assert!(
                visible.as_array().expect("a list").contains(slug),
                "{place} {who}: {slug}"
            );
        }
    }
    // Where one schedule is hers, she gets hold of that one and no other.
    let answer = host
        .post(
            &format!("{CONF}reaches_for_what_is_foreign/"),
            MARY,
            &json!({"with": "40"}),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let reached = answer.body["reached"].as_array().expect("a list");
    assert!(!reached.is_empty());
    let hers = format!(" {marys}");
    assert!(
        reached.iter().all(|one| one.as_str().expect("a text").ends_with(&hers)),
        "{reached:?}"
    );
    assert_eq!(answer.body["visible"], json!(["sampleconf"]));
    for ((place, id), before) in all.iter().zip(before) {
        assert_eq!(stored(&host, place, *id).await, Some(before), "{place}{id}");
    }
}

#[tokio::test]
async fn asks_for_runs() {
    for what in ["none", "future"] {
        costs_one_call("asks_for_runs", json!({"with": "1", "what": what})).await;
    }
    let host = host().await;
    let verb = format!("{CONF}asks_for_runs/");
    let johns = host.create(CONF, JOHN, &json!({})).await;
    let jazz = host.create(JAZZ, SAM, &json!({})).await;
    let ask = async |who: &str, id: u64, what: &str| {
        let answer = host
            .post(&verb, who, &json!({"with": id.to_string(), "what": what}))
            .await;
        assert_eq!(answer.status, 200, "{who} {what}: {}", answer.body);
        answer.body["answer"].as_str().expect("a text").to_owned()
    };
    for what in ["now", "rerun", "test"] {
        assert_eq!(ask(JOHN, jazz, what).await, "not-found", "another organizer's");
        assert_eq!(ask(MARY, johns, what).await, "not-found", "another user's");
    }
    assert_eq!(ask(SETTINGS_TOKEN, johns, "test").await, "forbidden");
    let view = format!("{verb}?document={{%22with%22:%22{johns}%22,%22what%22:%22now%22}}");
    assert_eq!(host.get(&view, JOHN).await.body["answer"], "forbidden");
    for id in [johns, jazz] {
        assert_eq!(host.history(id).await.len(), 0, "nothing was asked for");
    }
    let run = ask(JOHN, johns, "now").await;
    assert!(run.starts_with("run "), "{run}");
    assert_eq!(ask(JOHN, johns, "test").await, "too-many 10");
    let before = stored(&host, CONF, johns).await.expect("stored");
    host.advance_to("2026-10-22T12:01:00Z").await;
    assert_eq!(outcomes(&host, johns).await, [Some(Outcome::Delivered)]);
    assert_eq!(stored(&host, CONF, johns).await, Some(before), "the plan is as it was");
}

#[tokio::test]
async fn mails_a_test_to_others() {
    let host = host().await;
    let asked = host
        .post(&format!("{CONF}asks_for_runs/"), JOHN, &json!({"what": "content"}))
        .await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    host.advance_to("2026-10-22T12:01:00Z").await;
    let to: Vec<String> = host.mails().into_iter().map(|mail| mail.recipient).collect();
    assert_eq!(to, ["john@example.com"]);
    let history = host.storage().history(None, 10).await.expect("the store answers");
    let outcomes: Vec<_> = history.iter().map(|row| &row.entry.outcome).collect();
    assert_eq!(outcomes, [&Some(Outcome::Delivered)]);
    assert_eq!(host.get(CONF, JOHN).await.body["count"], 0);
}

#[tokio::test]
async fn answers_what_is_no_json() {
    costs_one_call("answers_what_is_no_json", json!({})).await;
    costs_one_list("answers_what_is_no_json").await;
}

#[tokio::test]
async fn answers_absurdly() {
    let host = host().await;
    host.create(CONF, JOHN, &json!({"list": "answers_absurdly"})).await;
    let answer = host.get(CONF, JOHN).await;
    assert_eq!(
        (answer.status, &answer.body["count"]),
        (200, &json!(u64::MAX)),
        "{}",
        answer.body
    );
}

/// Moves the event's zone, with a good schedule in the same batch that is planned again all the same.
async fn replanned(document: Value) {
    let host = host().await;
    let bad = host.create(CONF, JOHN, &document).await;
    let good = host.create(CONF, JOHN, &json!({})).await;
    let before = stored(&host, CONF, bad).await;
    host.service
        .move_event("bigevents", "sampleconf", "Asia/Tokyo")
        .await
        .expect("moved");
    host.step().await;
    assert_eq!(stored(&host, CONF, bad).await, before, "{document}");
    let next = stored(&host, CONF, good).await.expect("stored").next_run;
    // This component plans for a day after it is asked, and is asked from 12 hours before the old plan.
    assert_eq!(next, Some(at("2026-10-23T01:00:00Z")), "{document}");
    assert_eq!(
        host.storage()
            .replan_batch(10, &host.service.about().zone_database)
            .await
            .expect("answered")
            .len(),
        0,
        "{document}"
    );
}

#[tokio::test]
async fn replans_too_few() {
    replanned(json!({"replan": "replans_too_few"})).await;
    replanned(json!({"replan": "traps"})).await;
}

#[tokio::test]
async fn replans_out_of_range() {
    for with in [i64::MIN, -1, 253_402_300_800, i64::MAX] {
        replanned(json!({"replan": "replans_out_of_range", "with": with.to_string()})).await;
    }
}
