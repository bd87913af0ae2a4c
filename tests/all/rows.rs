//! behaviour.md, section 5, the rows beside the straight path: away, changed, called off, given up. What a trap or a limit does
//! and what becomes of the owner's rights have files of their own.

use std::sync::Arc;

use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::contract::exporters::ExportError;
use scheduled_exports_mail::Refusal;
use scheduled_exports_testing::{Harness, Moment, at};
use serde_json::{Value, json};
use tests::{CONF, JOHN, but, daily, with, without_schedules};

const EVE: &str = "2026-10-22T12:00:00Z";
const DUE: &str = "2026-10-23T02:00:00Z";
/// Before the mail is submitted: every boundary between two steps of a run.
const STEPS: [Moment; 6] = [
    Moment::After("take_due"),
    Moment::Before("start"),
    Moment::After("start"),
    Moment::Before("keep_file"),
    Moment::After("keep_file"),
    Moment::Before("finish"),
];

async fn daily_at(now: &str) -> (Harness, u64) {
    let host = Harness::start(&without_schedules(), now).await;
    let id = host.create(CONF, JOHN, &daily()).await;
    (host, id)
}

/// Due times and outcomes, earliest first.
async fn ran(host: &Harness, schedule: u64) -> Vec<(i64, Option<Outcome>)> {
    let mut history = host.history(schedule).await;
    history.reverse();
    history
        .into_iter()
        .map(|row| (row.entry.due, row.entry.outcome))
        .collect()
}

async fn shown(host: &Harness, schedule: u64) -> Value {
    host.get(&format!("{CONF}{schedule}/"), JOHN).await.body
}

fn away() -> ExportError {
    ExportError::Unavailable("the warehouse is closed".into())
}

#[tokio::test]
async fn an_exporter_that_is_away_is_asked_again_after_2_4_8_16_and_32_minutes_and_not_a_second_sooner() {
    let (host, id) = daily_at(EVE).await;
    host.exports.always(Some(away()));
    host.advance_to(DUE).await;
    for (asked, again) in [
        (1, "02:02:00"),
        (2, "02:06:00"),
        (3, "02:14:00"),
        (4, "02:30:00"),
        (5, "03:02:00"),
    ] {
        assert_eq!(
            (host.exports.asked(), ran(&host, id).await),
            (asked, vec![(at(DUE), None)])
        );
        let again = at(&format!("2026-10-23T{again}Z"));
        host.clock.set(again - 1);
        host.step().await;
        assert_eq!(host.exports.asked(), asked);
        host.clock.set(again);
        host.step().await;
    }
    assert_eq!(host.exports.asked(), 6);
    let ran = ran(&host, id).await;
    assert!(
        matches!(&ran[..], [(due, Some(Outcome::Failed(_)))] if *due == at(DUE)),
        "{ran:?}"
    );
    assert_eq!(shown(&host, id).await["error_counter"], 1);
    let mails = host.take_mails();
    assert_eq!((mails.len(), mails[0].recipient.as_str()), (1, "john@example.com"));
    assert!(mails[0].text.contains("https://tickets.example/"), "{}", mails[0].text);
}

#[tokio::test]
async fn an_exporter_that_comes_back_serves_the_same_due_time_and_nothing_is_counted() {
    let (host, id) = daily_at(EVE).await;
    host.exports.fail(3, &away());
    host.advance_to("2026-10-23T12:00:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);
    assert_eq!(host.history(id).await[0].entry.attempts, 4);
    assert_eq!(
        (host.mails().len(), &shown(&host, id).await["error_counter"]),
        (1, &json!(0))
    );
}

/// So large that its mail goes out zipped.
fn zipped(limit: u64) -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["organizers"][0]["settings"] = json!({ "max_mail_bytes": limit });
    })
}

/// All orders as CSV: a file that a zip makes smaller.
fn all_orders() -> Value {
    but(
        daily(),
        json!({"export_form_data": {"_format": "default", "date_range": "past"}}),
    )
}

#[tokio::test]
async fn a_mailer_that_is_away_is_asked_again_after_2_4_8_16_and_32_minutes_for_the_same_due_time_and_then_the_run_fails()
 {
    let plain = Harness::start(&without_schedules(), EVE).await;
    plain.create(CONF, JOHN, &all_orders()).await;
    plain.advance_to(DUE).await;
    let limit = plain.mails()[0].bytes.len() as u64 - 1;
    // The file can't be zipped, or the outbox takes no mail: in each case the file is there, and its mail is not.
    for call in ["read_file", "finish"] {
        for comes_back in [false, true] {
            let host = Harness::start(&zipped(limit), EVE).await;
            let id = host.create(CONF, JOHN, &all_orders()).await;
            host.jump_to(DUE);
            let mut waits = ["02:02:00", "02:06:00", "02:14:00", "02:30:00", "03:02:00"].iter();
            let mut attempts = 0;
            loop {
                // Once in each attempt.
                host.store.fail(call, usize::from(!comes_back || attempts < 3));
                host.step().await;
                attempts += 1;
                let ran = ran(&host, id).await;
                assert_eq!((ran.len(), ran[0].0), (1, at(DUE)), "{call}");
                let Some(wait) = waits.next().filter(|_| ran[0].1.is_none()) else {
                    break;
                };
                let again = at(&format!("2026-10-23T{wait}Z"));
                host.clock.set(again - 1);
                host.step().await;
                assert_eq!(host.exports.asked(), attempts, "{call}: a second before {wait}");
                host.clock.set(again);
            }
            let (ended, counter) = (
                ran(&host, id).await.remove(0).1,
                shown(&host, id).await["error_counter"].clone(),
            );
            let mails: Vec<String> = host.mails().into_iter().map(|mail| mail.message_id).collect();
            assert_eq!(
                (mails.len(), host.history(id).await[0].entry.attempts as usize),
                (1, attempts)
            );
            if comes_back {
                assert_eq!(
                    (attempts, &counter, ended),
                    (4, &json!(0), Some(Outcome::Delivered)),
                    "{call}"
                );
                assert!(mails[0].contains("-export@"), "{call}: {mails:?}");
            } else {
                assert_eq!((attempts, &counter), (6, &json!(1)), "{call}");
                assert!(matches!(ended, Some(Outcome::Failed(_))), "{call}: {ended:?}");
                assert!(mails[0].contains("-failure@"), "{call}: {mails:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_is_put_off_ends_missed_when_the_next_due_time_passes() {
    let (host, id) = daily_at(EVE).await;
    host.exports.fail(1, &away());
    host.advance_to(DUE).await;
    host.jump_to("2026-10-24T02:00:00Z");
    host.step().await;
    let ran = ran(&host, id).await;
    assert!(
        matches!(ran[0].1, Some(Outcome::Missed(range)) if range.count == 1),
        "{ran:?}"
    );
    assert_eq!(ran[1], (at("2026-10-24T02:00:00Z"), Some(Outcome::Delivered)));
    assert_eq!((ran.len(), host.mails().len()), (2, 1));
}

#[tokio::test]
async fn a_broken_exporter_and_a_form_that_no_longer_fits_fail_at_once_and_the_owner_is_told_why() {
    for error in [
        ExportError::Failed("no such column".into()),
        ExportError::InvalidFormData("no such column".into()),
    ] {
        let (host, id) = daily_at(EVE).await;
        host.exports.always(Some(error));
        host.advance_to("2026-10-23T12:00:00Z").await;
        assert!(matches!(ran(&host, id).await[..], [(_, Some(Outcome::Failed(_)))]));
        assert_eq!(
            (host.exports.asked(), &shown(&host, id).await["error_counter"]),
            (1, &json!(1))
        );
        let mails = host.mails();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].text.contains("no such column"), "{}", mails[0].text);
    }
}

#[tokio::test]
async fn a_mail_that_nobody_takes_for_24_hours_fails_its_run() {
    let (host, id) = daily_at(EVE).await;
    host.mail
        .refuse("john@example.com", Some(Refusal::Transient("451 4.7.1 later".into())));
    host.advance_to("2026-10-24T01:59:59Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Submitted))]);
    host.exports.always(Some(ExportError::NothingToExport));
    host.advance_to("2026-10-24T02:00:00Z").await;
    let ran = ran(&host, id).await;
    assert!(matches!(&ran[0].1, Some(Outcome::Failed(_))), "{ran:?}");
    assert_eq!(shown(&host, id).await["error_counter"], 1);
}

#[tokio::test]
async fn a_change_at_any_step_before_the_mail_is_submitted_has_the_due_time_executed_again_with_what_it_says() {
    for step in STEPS {
        let (host, id) = daily_at(EVE).await;
        let (client, path) = (host.client(), format!("{CONF}{id}/"));
        host.jump_to(DUE);
        host.store.once(step, async move {
            let changed = client.patch(&path, JOHN, &json!({"mail_subject": "Changed"})).await;
            assert_eq!(changed.status, 200, "{}", changed.body);
        });
        host.advance_to("2026-10-23T12:00:00Z").await;
        assert_eq!(host.store.left(), 0, "{step:?}");
        assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))], "{step:?}");
        let subjects: Vec<String> = host.mails().into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects, ["Changed"], "{step:?}");
        assert_eq!(
            shown(&host, id).await["schedule_next_run"],
            "2026-10-24T02:00:00Z",
            "{step:?}"
        );
    }
}

#[tokio::test]
async fn a_change_at_any_step_that_takes_the_due_time_away_ends_it_without_a_mail() {
    for step in STEPS {
        let (host, id) = daily_at(EVE).await;
        let (client, path) = (host.client(), format!("{CONF}{id}/"));
        host.jump_to(DUE);
        host.store.once(step, async move {
            let changed = client
                .patch(&path, JOHN, &json!({"schedule_rrule_time": "05:00:00"}))
                .await;
            assert_eq!(changed.status, 200, "{}", changed.body);
        });
        host.advance_to("2026-10-23T02:59:59Z").await;
        let before = ran(&host, id).await;
        assert!(
            matches!(&before[..], [(due, Some(Outcome::Cancelled(_) | Outcome::Missed(_)))] if *due == at(DUE)),
            "{step:?}: {before:?}"
        );
        assert_eq!(host.mails().len(), 0, "{step:?}");
        host.advance_to("2026-10-23T12:00:00Z").await;
        assert_eq!(
            ran(&host, id).await[1],
            (at("2026-10-23T03:00:00Z"), Some(Outcome::Delivered)),
            "{step:?}"
        );
    }
}

#[tokio::test]
async fn a_zone_that_moves_while_a_run_is_put_off_takes_nothing_from_it_but_a_person_who_moves_it_does() {
    for (change, outcome) in [
        (json!({}), Outcome::Delivered),
        (json!({"mail_subject": "Renamed"}), Outcome::Delivered),
        (
            json!({"schedule_rrule_time": "05:00"}),
            Outcome::Cancelled(String::new()),
        ),
    ] {
        let (host, id) = daily_at(EVE).await;
        host.exports.fail(1, &away());
        host.advance_to(DUE).await;
        let moved = host.service.move_event("bigevents", "sampleconf", "Asia/Tokyo").await;
        moved.expect("moved");
        host.step().await;
        let next = &shown(&host, id).await["schedule_next_run"];
        assert_eq!(*next, "2026-10-23T19:00:00Z", "04:00 in Tokyo");
        if change != json!({}) {
            let changed = host.patch(&format!("{CONF}{id}/"), JOHN, &change).await;
            assert_eq!(changed.status, 200, "{}", changed.body);
        }
        host.advance_to("2026-10-23T12:00:00Z").await;
        let ran = ran(&host, id).await;
        let [(due, Some(ended))] = &ran[..] else {
            panic!("{change}: {ran:?}")
        };
        assert_eq!(*due, at(DUE));
        assert_eq!(
            std::mem::discriminant(ended),
            std::mem::discriminant(&outcome),
            "{change}: {ended:?}"
        );
        assert_eq!(
            host.mails().len(),
            usize::from(outcome == Outcome::Delivered),
            "{change}"
        );
    }
}

#[tokio::test]
async fn a_schedule_deleted_at_any_step_before_the_mail_is_submitted_ends_its_due_time_cancelled() {
    for step in STEPS {
        let (host, id) = daily_at(EVE).await;
        let (client, path) = (host.client(), format!("{CONF}{id}/"));
        host.jump_to(DUE);
        host.store.once(step, async move {
            assert_eq!(client.delete(&path, JOHN).await.status, 204);
        });
        host.advance_to("2026-10-25T12:00:00Z").await;
        let ran = ran(&host, id).await;
        assert!(
            matches!(&ran[..], [(due, Some(Outcome::Cancelled(_)))] if *due == at(DUE)),
            "{step:?}: {ran:?}"
        );
        assert_eq!(host.mails().len(), 0, "{step:?}");
    }
}

#[tokio::test]
async fn an_organizer_switched_off_at_any_step_before_the_mail_is_submitted_ends_the_due_time_cancelled() {
    for step in STEPS {
        let (host, id) = daily_at(EVE).await;
        let storage = Arc::clone(host.service.storage());
        host.jump_to(DUE);
        host.store.once(step, async move {
            let off = storage.set_enabled("bigevents", false, "host", at(DUE)).await;
            off.expect("switched off");
        });
        host.advance_to("2026-10-25T12:00:00Z").await;
        let ran = ran(&host, id).await;
        assert!(
            matches!(&ran[..], [(due, Some(Outcome::Cancelled(_)))] if *due == at(DUE)),
            "{step:?}: {ran:?}"
        );
        assert_eq!(host.mails().len(), 0, "{step:?}");
    }
}

#[tokio::test]
async fn what_is_changed_once_the_mail_is_submitted_still_arrives_and_what_is_deleted_or_switched_off_does_not() {
    let after = Moment::After("finish");
    let (host, id) = daily_at(EVE).await;
    let (client, path) = (host.client(), format!("{CONF}{id}/"));
    host.jump_to(DUE);
    host.store.once(after, async move {
        assert_eq!(client.delete(&path, JOHN).await.status, 204);
    });
    host.advance_to("2026-10-23T12:00:00Z").await;
    let cancelled = ran(&host, id).await;
    assert!(
        matches!(&cancelled[..], [(due, Some(Outcome::Cancelled(_)))] if *due == at(DUE)),
        "{cancelled:?}"
    );
    assert_eq!(host.mails().len(), 0);

    let (host, id) = daily_at(EVE).await;
    let (client, path) = (host.client(), format!("{CONF}{id}/"));
    host.jump_to(DUE);
    host.store.once(after, async move {
        let changed = client
            .patch(&path, JOHN, &json!({"schedule_rrule_time": "05:00:00"}))
            .await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    });
    host.advance_to("2026-10-23T02:30:00Z").await;
    assert_eq!(ran(&host, id).await, [(at(DUE), Some(Outcome::Delivered))]);

    let (host, id) = daily_at(EVE).await;
    let storage = Arc::clone(host.service.storage());
    host.jump_to(DUE);
    host.store.once(after, async move {
        let off = storage.set_enabled("bigevents", false, "host", at(DUE)).await;
        off.expect("switched off");
    });
    host.advance_to("2026-10-23T12:00:00Z").await;
    let cancelled = ran(&host, id).await;
    assert!(
        matches!(&cancelled[..], [(due, Some(Outcome::Cancelled(_)))] if *due == at(DUE)),
        "{cancelled:?}"
    );
    assert_eq!(host.mails().len(), 0);
}

#[tokio::test]
async fn a_due_time_whose_six_leases_all_ran_out_fails_and_the_ones_after_it_are_not_forgotten() {
    let (host, id) = daily_at(EVE).await;
    let (first, minute) = (at(DUE), 60);
    for lease in 0..6 {
        let now = first + lease * minute;
        let early = host
            .storage()
            .take_due(now - 1, now + minute, 9, None)
            .await
            .expect("asked");
        assert_eq!(early.len(), 0, "one second before");
        let leased = host
            .storage()
            .take_due(now, now + minute, 9, None)
            .await
            .expect("leased");
        assert_eq!(
            (leased.len(), leased[0].attempt),
            (1, u32::try_from(lease).expect("small") + 1)
        );
    }
    // Nobody was there for three days more: two due times have passed beside the first.
    host.jump_to("2026-10-25T12:00:00Z");
    host.step().await;
    let ran = ran(&host, id).await;
    assert!(
        matches!(&ran[0], (due, Some(Outcome::Failed((code, _)))) if *due == first && code == "attempts-exhausted"),
        "{ran:?}"
    );
    assert!(
        matches!(ran[1], (due, Some(Outcome::Missed(range))) if due == at("2026-10-24T02:00:00Z") && range.count == 1)
    );
    assert_eq!(ran[2], (at("2026-10-25T03:00:00Z"), Some(Outcome::Delivered)));
    assert_eq!(ran.len(), 3);
    assert!(host.mails().iter().any(|mail| mail.subject.contains("failed")));
}
