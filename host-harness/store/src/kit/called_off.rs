//! Exports that are called off after they were made.

use super::telling::tell;
use super::{
    HOUR, LEASE, T0, accepted, acme, add_due, all, commit, deliver, entries, finish, keep_file, mail, rejected, start,
    stored, submit, take_deliveries, take_one,
};
use crate::contract::{Delivery, DeliveryStatus, Outcome};
use crate::{
    DeliveryResult, Finish, LeaseError, MailKind, MailStanding, NOTICE_WINDOW, NewMail, OutgoingExport, Storage,
};

const DELETED: &str = "the scheduled export was deleted";
const OFF: &str = "scheduled exports were disabled for the organizer";
const DAY: i64 = 24 * HOUR;
const HASH: [u8; 32] = [7; 32];

fn put_off() -> DeliveryResult {
    DeliveryResult {
        status: DeliveryStatus::Retrying,
        words: "421 later".to_owned(),
        next_try: Some(T0 + HOUR),
        counts: true,
    }
}

/// Each recipient's status and words.
fn said(deliveries: &[Delivery]) -> Vec<(DeliveryStatus, &str)> {
    deliveries
        .iter()
        .map(|one| (one.status, one.response.as_str()))
        .collect()
}

fn cancelled(words: &str) -> Option<Outcome> {
    Some(Outcome::Cancelled(words.to_owned()))
}

pub async fn mail_of_a_deleted_schedule_goes_to_nobody_who_has_not_got_it(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org", "cy@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    store.record_delivery(&tasks[0], &accepted(), T0 + 6).await.unwrap();
    store.record_delivery(&tasks[1], &put_off(), T0 + 6).await.unwrap();
    store.record_delivery(&tasks[2], &rejected(), T0 + 6).await.unwrap();
    super::delete(store, id).await;
    let entry = &entries(store, id).await[0];
    // Commits of the kit are at T0.
    assert_eq!((&entry.outcome, entry.ended), (&Some(Outcome::Delivered), Some(T0)));
    assert_eq!(
        said(&entry.deliveries),
        [
            (DeliveryStatus::Accepted, "250 ok"),
            (DeliveryStatus::Cancelled, DELETED),
            (DeliveryStatus::Rejected, "550 no such user")
        ]
    );
    assert_eq!(take_deliveries(store, T0 + 2 * DAY).await, []);
    assert_eq!(store.next_wake().await.unwrap(), None);
    assert_eq!(store.take_settled(T0 + DAY, T0 + 2 * DAY, 10).await.unwrap(), []);
}

pub async fn a_run_whose_mail_reached_nobody_before_its_schedule_was_deleted_is_cancelled(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org"]).await;
    super::delete(store, id).await;
    let entry = &entries(store, id).await[0];
    assert_eq!(entry.outcome, cancelled(DELETED));
    assert_eq!(said(&entry.deliveries), [(DeliveryStatus::Cancelled, DELETED); 2]);
    assert_eq!(take_deliveries(store, T0 + DAY).await, []);
    let last = store.audit("acme", 1).await.unwrap().remove(0);
    assert_eq!(last.action, "deleted");
    let told = store.audit("acme", 10).await.unwrap();
    let run = told.iter().find(|entry| entry.detail.contains("cancelled")).unwrap();
    assert_eq!((run.schedule, run.action.as_str()), (Some(id), "run"));
}

pub async fn what_is_being_tried_at_the_deletion_ends_as_its_server_says_and_is_tried_no_more(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    super::delete(store, id).await;
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Submitted));
    store.record_delivery(&tasks[0], &put_off(), T0 + 6).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Submitted));
    store.record_delivery(&tasks[1], &accepted(), T0 + 7).await.unwrap();
    let entry = &entries(store, id).await[0];
    assert_eq!((&entry.outcome, entry.ended), (&Some(Outcome::Delivered), Some(T0 + 7)));
    assert_eq!(
        said(&entry.deliveries),
        [
            (DeliveryStatus::Cancelled, DELETED),
            (DeliveryStatus::Accepted, "250 ok")
        ]
    );
    assert_eq!(store.next_wake().await.unwrap(), None);
}

pub async fn a_try_that_never_ended_is_found_called_off_by_who_takes_it_over(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org"]).await;
    let dead = take_deliveries(store, T0 + 5).await.remove(0);
    super::delete(store, id).await;
    let heir = take_deliveries(store, T0 + 5 + LEASE).await.remove(0);
    let standing = store.standing(&[heir.mail, heir.mail + 1]).await.unwrap();
    assert_eq!(standing, [(heir.mail, MailStanding::CalledOff(DELETED.to_owned()))]);
    let result = DeliveryResult {
        status: DeliveryStatus::Cancelled,
        words: DELETED.to_owned(),
        next_try: None,
        counts: true,
    };
    store.record_delivery(&heir, &result, T0 + 66).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, cancelled(DELETED));
    let lost = store.record_delivery(&dead, &accepted(), T0 + 67).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert_eq!(store.export(run).await.unwrap(), None);
}

pub async fn mail_and_links_of_an_organizer_that_was_off_stay_called_off_when_it_is_on_again(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    keep_file(store, &leased, run).await;
    store.keep_link(&leased.lease, run, &HASH, T0 + 7 * DAY).await.unwrap();
    let submitted = Finish {
        error_counter: 3,
        mail: Some(mail(MailKind::Export, &["ann@example.org", "bob@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    let tasks = take_deliveries(store, T0 + 5).await;
    store.record_delivery(&tasks[0], &put_off(), T0 + 6).await.unwrap();
    assert_eq!(store.linked(&HASH, T0 + 6).await.unwrap(), Some(run));
    store.set_enabled("acme", false, "user:9", T0 + 7).await.unwrap();
    assert_eq!(store.linked(&HASH, T0 + 7).await.unwrap(), None);
    store.set_enabled("acme", true, "user:9", T0 + 8).await.unwrap();
    assert_eq!(store.linked(&HASH, T0 + 8).await.unwrap(), None);
    // It was being tried when the organizer was switched off.
    store.record_delivery(&tasks[1], &put_off(), T0 + 9).await.unwrap();
    let entry = &entries(store, id).await[0];
    assert_eq!(entry.outcome, cancelled(OFF));
    assert_eq!(said(&entry.deliveries), [(DeliveryStatus::Cancelled, OFF); 2]);
    assert_eq!(take_deliveries(store, T0 + 2 * DAY).await, []);
    let folder = tempfile::tempdir().unwrap();
    let read = store.read_file(run, &folder.path().join("read")).await.unwrap();
    assert_eq!(read, None, "the file is gone");
    assert_eq!(stored(store, id).await.content.error_counter, 3, "nothing is counted");
}

pub async fn a_link_of_a_deleted_schedule_leads_nowhere_though_its_mail_was_delivered(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    keep_file(store, &leased, run).await;
    store.keep_link(&leased.lease, run, &HASH, T0 + 7 * DAY).await.unwrap();
    let submitted = Finish {
        mail: Some(mail(MailKind::Export, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    deliver(store, T0 + 5, &accepted()).await;
    super::delete(store, id).await;
    assert_eq!(store.linked(&HASH, T0 + 6).await.unwrap(), None);
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Delivered));
    let folder = tempfile::tempdir().unwrap();
    let read = store.read_file(run, &folder.path().join("read")).await.unwrap();
    assert_eq!(read, None, "the file is gone");
}

pub async fn notices_about_runs_are_called_off_with_their_schedule_and_those_about_changes_are_not(
    store: &dyn Storage,
) {
    let id = add_due(store).await;
    let told = tell(id, "1", "change@host.example");
    store.commit(commit(all(acme()), vec![told])).await.unwrap();
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let failure = Finish {
        mail: Some(mail(MailKind::Failure, &["bob@example.org"])),
        ..finish(super::failed("too-large"))
    };
    store.finish(&leased.lease, run, &failure).await.unwrap();
    super::delete(store, id).await;
    let tasks = take_deliveries(store, T0 + NOTICE_WINDOW).await;
    let addresses: Vec<_> = tasks.iter().map(|task| task.address.as_str()).collect();
    assert_eq!(addresses, ["ann@example.org"]);
    let standing = store.standing(&[tasks[0].mail]).await.unwrap();
    assert_eq!(standing, [(tasks[0].mail, MailStanding::Notice)]);
    assert!(matches!(entries(store, id).await[0].outcome, Some(Outcome::Failed(_))));
}

pub async fn one_export_is_called_off_for_all_whom_nobody_is_trying(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org", "bob@example.org"]).await;
    let task = store.take_deliveries(T0 + 5, T0 + 65, 1, None).await.unwrap().remove(0);
    let export = OutgoingExport {
        run,
        owner: "1".to_owned(),
        scope: acme(),
        exporter: "orderlist".to_owned(),
        events: None,
    };
    assert_eq!(store.export(run).await.unwrap().as_ref(), Some(&export));
    let standing = store.standing(&[task.mail]).await.unwrap();
    assert_eq!(standing, [(task.mail, MailStanding::Export(export))]);
    store.call_off(run, "the owner is gone", T0 + 6).await.unwrap();
    assert_eq!(take_deliveries(store, T0 + 6).await, [], "nobody else is tried");
    store.record_delivery(&task, &put_off(), T0 + 7).await.unwrap();
    let entry = &entries(store, id).await[0];
    assert_eq!(entry.outcome, cancelled("the owner is gone"));
    assert_eq!(
        said(&entry.deliveries),
        [(DeliveryStatus::Cancelled, "the owner is gone"); 2]
    );
    assert_eq!(store.take_settled(T0 + DAY, T0 + 2 * DAY, 10).await.unwrap(), []);
}

pub async fn a_file_of_several_events_says_which_while_it_is_kept(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let events = Some(vec!["conf".to_owned(), "f\"est".to_owned()]);
    let facts = crate::FileFacts {
        name: "orders.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size: 3,
        rows: None,
        events: events.clone(),
    };
    let file = super::in_memory(b"a,b");
    store.keep_file(&leased.lease, run, &facts, &file).await.unwrap();
    let export = store.export(run).await.unwrap().unwrap();
    assert_eq!(export.events, events);
    let submitted = Finish {
        mail: Some(NewMail {
            attach_file: true,
            ..mail(MailKind::Export, &["ann@example.org"])
        }),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    let task = take_deliveries(store, T0 + 5).await.remove(0);
    let kept = store.mail(task.mail).await.unwrap().unwrap();
    assert_eq!(kept.file, Some(facts));
}
