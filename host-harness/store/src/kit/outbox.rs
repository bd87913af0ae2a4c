//! Mails of runs, and the settling of what was submitted.

use super::{
    HOUR, LEASE, T0, ZONE, ZONES, accepted, acme, add, add_due, add_many, all, change, commit, content, deliver,
    entries, failed, finish, in_memory, mail, plan, rejected, settle_one, start, stored, submit, take, take_deliveries,
    take_one, telling,
};
use crate::contract::{DeliveryStatus, Outcome};
use crate::{
    Change, DeliveryResult, DeliveryTask, FileFacts, Finish, LeaseError, MailKind, NOTICE_WINDOW, NewMail, Storage,
    Work,
};

const DAY: i64 = 24 * HOUR;

pub async fn each_address_gets_a_mail_once(store: &dyn Storage) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let facts = FileFacts {
        name: "orders.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size: 3,
        rows: None,
        events: None,
    };
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    store
        .keep_file(&leased.lease, run, &facts, &in_memory(b"a,b"))
        .await
        .unwrap();
    let export = NewMail {
        cc: vec!["ANN@example.org".to_owned(), "cy@example.org".to_owned()],
        bcc: vec!["bob@EXAMPLE.org".to_owned(), "dee@example.org".to_owned()],
        attach_file: true,
        from_name: Some("Big Events".to_owned()),
        reply_to: Some("john@example.com".to_owned()),
        ..mail(MailKind::Export, &["ann@example.org", "bob@example.org"])
    };
    let submitted = Finish {
        mail: Some(export.clone()),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    let said = store.audit("acme", 1).await.unwrap().remove(0);
    assert_eq!(
        (said.schedule, said.actor.as_str(), said.action.as_str(), said.detail),
        (
            Some(id),
            "host",
            "run",
            "due 2027-01-15T08:00:00Z: submitted".to_owned()
        )
    );

    let tasks = take_deliveries(store, T0 + 5).await;
    let addresses: Vec<_> = tasks
        .iter()
        .map(|task| (task.position, task.address.as_str()))
        .collect();
    assert_eq!(
        addresses,
        [
            (0, "ann@example.org"),
            (1, "bob@example.org"),
            (2, "cy@example.org"),
            (3, "dee@example.org")
        ]
    );
    let kept = store.mail(tasks[0].mail).await.unwrap().unwrap();
    assert_eq!(
        (kept.run, kept.schedule, kept.due, kept.created),
        (Some(run), id, T0, T0 + 5)
    );
    assert_eq!((kept.scope, kept.file.as_ref()), (acme(), Some(&facts)));
    let once = NewMail {
        cc: vec!["cy@example.org".to_owned()],
        bcc: vec!["dee@example.org".to_owned()],
        ..export
    };
    assert_eq!(kept.mail, once);
    assert_eq!(store.mail(tasks[0].mail + 1).await.unwrap(), None);

    for task in &tasks {
        let read = store.read_file(run, &file).await.unwrap();
        assert_eq!(read, Some(facts.clone()), "there while it is to be sent");
        store.record_delivery(task, &accepted(), T0 + 6).await.unwrap();
    }
    let settle = settle_one(store, T0 + 6).await;
    store
        .finish(&settle.lease, run, &finish(Outcome::Delivered))
        .await
        .unwrap();
    assert_eq!(store.read_file(run, &file).await.unwrap(), None);
}

pub async fn much_mail_of_one_organizer_holds_up_no_other(store: &dyn Storage) {
    mail_of_two(store, 300).await;
}

pub async fn very_much_mail_of_one_organizer_holds_up_no_other(store: &dyn Storage) {
    mail_of_two(store, 2_100).await;
}

/// Of two organizers, one mails to so many, and the other to one.
async fn mail_of_two(store: &dyn Storage, recipients: u32) {
    for organizer in ["many", "single"] {
        add_many(store, organizer, 1, T0, 0).await;
    }
    for leased in take(store, T0).await {
        let run = start(store, &leased).await;
        let organizer = &leased.row.scope.organizer;
        let recipients = if organizer == "many" { recipients } else { 1 };
        let to: Vec<String> = (0..recipients)
            .map(|nth| format!("{organizer}+{nth}@example.org"))
            .collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let submitted = Finish {
            mail: Some(NewMail {
                message_id: format!("{organizer}@host.example"),
                ..mail(MailKind::Export, &to)
            }),
            ..finish(Outcome::Submitted)
        };
        store.finish(&leased.lease, run, &submitted).await.unwrap();
    }
    let tasks = take_deliveries(store, T0 + 5).await;
    assert_eq!(tasks.len(), 10, "a full batch");
    let single = |task: &DeliveryTask| task.address == "single+0@example.org";
    assert!(tasks.iter().any(single), "{tasks:?}");
}

/// Both recipients of the mail become final, one after the other; its text is there until the second has.
async fn text_goes_with_the_second(store: &dyn Storage, tasks: &[DeliveryTask]) {
    let [first, second] = tasks else {
        panic!("two recipients: {tasks:?}");
    };
    let put_off = DeliveryResult {
        status: DeliveryStatus::Retrying,
        words: "later".to_owned(),
        next_try: Some(T0 + HOUR),
        counts: true,
    };
    store.record_delivery(first, &accepted(), T0 + 6).await.unwrap();
    store.record_delivery(second, &put_off, T0 + 6).await.unwrap();
    let kept = store
        .mail(first.mail)
        .await
        .unwrap()
        .expect("the text waits for the second");
    assert!(!kept.mail.text.is_empty());
    let again = take_deliveries(store, T0 + HOUR).await;
    assert_eq!(again.len(), 1);
    store.record_delivery(&again[0], &rejected(), T0 + HOUR).await.unwrap();
    assert_eq!(store.mail(first.mail).await.unwrap(), None, "it is not sent again");
}

pub async fn the_text_of_a_mail_goes_with_its_last_recipient(store: &dyn Storage) {
    add_due(store).await;
    submit(store, &["ann@example.org", "bob@example.org"]).await;
    let tasks = take_deliveries(store, T0 + 5).await;
    text_goes_with_the_second(store, &tasks).await;
}

pub async fn the_text_of_a_notice_about_no_run_goes_with_its_last_recipient(store: &dyn Storage) {
    let id = add(store, acme(), content(T0 + DAY)).await;
    let Change::Tell(mut notice) = telling::tell(id, "1", "one@host.example") else {
        unreachable!("it tells");
    };
    notice.mail.to.push("bob@example.org".to_owned());
    store
        .commit(commit(all(acme()), vec![Change::Tell(notice)]))
        .await
        .unwrap();
    let tasks = take_deliveries(store, T0 + NOTICE_WINDOW).await;
    text_goes_with_the_second(store, &tasks).await;
}

pub async fn a_due_time_has_one_mail_of_a_kind(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let note = Finish {
        mail: Some(mail(MailKind::Failure, &["ann@example.org"])),
        ..finish(Outcome::Retry(T0 + 120))
    };
    store.finish(&leased.lease, run, &note).await.unwrap();
    let leased = take_one(store, T0 + 120).await;
    let other = Finish {
        mail: Some(NewMail {
            message_id: "another@host.example".to_owned(),
            ..mail(MailKind::Failure, &["bob@example.org"])
        }),
        ..finish(failed("retries"))
    };
    store.finish(&leased.lease, run, &other).await.unwrap();
    let tasks = take_deliveries(store, T0 + 120).await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].address, "ann@example.org");
    store.record_delivery(&tasks[0], &accepted(), T0 + 121).await.unwrap();
    assert_eq!(store.take_settled(T0 + HOUR, T0 + 2 * HOUR, 10).await.unwrap(), []);
}

pub async fn a_run_is_settled_when_all_its_recipients_are_final(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org", "bob@example.org"]).await;
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Submitted));
    assert_eq!(entries(store, id).await[0].ended, None);
    let tasks = take_deliveries(store, T0 + 5).await;
    store.record_delivery(&tasks[0], &accepted(), T0 + 6).await.unwrap();
    assert_eq!(store.take_settled(T0 + 6, T0 + HOUR, 10).await.unwrap(), []);
    store.record_delivery(&tasks[1], &rejected(), T0 + 7).await.unwrap();
    let settle = settle_one(store, T0 + 7).await;
    assert_eq!((settle.lease.work, settle.lease.run), (Work::Settle, Some(run)));
    assert_eq!((settle.due, settle.attempt, settle.row.id), (Some(T0), 1, id));
    let seen: Vec<_> = settle
        .deliveries
        .iter()
        .map(|one| (&*one.address, one.status, &*one.response))
        .collect();
    assert_eq!(
        seen,
        [
            ("ann@example.org", DeliveryStatus::Accepted, "250 ok"),
            ("bob@example.org", DeliveryStatus::Rejected, "550 no such user")
        ]
    );
    let retried = store.finish(&settle.lease, run, &finish(Outcome::Retry(T0))).await;
    assert!(matches!(retried, Err(LeaseError::Lost)), "settling has no retry");
    let done = Finish {
        error_counter: 3,
        mail: Some(mail(MailKind::Undelivered, &["owner@example.org"])),
        ..finish(Outcome::Delivered)
    };
    store.finish(&settle.lease, run, &done).await.unwrap();
    let lost = store.finish(&settle.lease, run, &done).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Delivered));
    assert_eq!(stored(store, id).await.content.error_counter, 3);
    let notice = take_deliveries(store, T0 + 8).await;
    assert_eq!(notice[0].address, "owner@example.org");
}

pub async fn a_lease_to_settle_is_taken_over_at_its_end(store: &dyn Storage) {
    add_due(store).await;
    let run = submit(store, &["ann@example.org"]).await;
    deliver(store, T0 + 5, &accepted()).await;
    let back = settle_one(store, T0 + 5).await;
    store.hand_back(&back.lease, T0 + 6).await.unwrap();
    let dead = settle_one(store, T0 + 6).await;
    assert_eq!(dead.attempt, 1, "the one handed back is not counted");
    store.renew(&dead.lease, T0 + HOUR).await.unwrap();
    let early = store.take_settled(T0 + HOUR - 1, T0 + 2 * HOUR, 10).await.unwrap();
    assert_eq!(early, []);
    let heir = settle_one(store, T0 + HOUR).await;
    assert_eq!(heir.attempt, 2);
    let done = finish(Outcome::Delivered);
    for lost in [
        store.finish(&back.lease, run, &done).await.map(drop),
        store.finish(&dead.lease, run, &done).await.map(drop),
        store.renew(&dead.lease, T0 + 2 * HOUR).await,
        store.hand_back(&dead.lease, T0).await,
    ] {
        assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    }
    store.finish(&heir.lease, run, &done).await.unwrap();
}

pub async fn a_settled_counter_yields_to_a_person(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org"]).await;
    deliver(store, T0 + 5, &rejected()).await;
    let settle = settle_one(store, T0 + 5).await;
    change(store, id, content(T0 + HOUR), T0 + 6).await.unwrap();
    let stopped = Finish {
        error_counter: 5,
        active: false,
        ..finish(failed("not-delivered"))
    };
    store.finish(&settle.lease, run, &stopped).await.unwrap();
    assert_eq!(entries(store, id).await[0].outcome, Some(failed("not-delivered")));
    assert_eq!(stored(store, id).await.content, content(T0 + HOUR));
}

pub async fn settling_and_executing_take_turns(store: &dyn Storage) {
    let id = add_due(store).await;
    let first = submit(store, &["ann@example.org"]).await;
    deliver(store, T0 + 5, &rejected()).await;
    // The next due time is leased first: settling waits for its end.
    let next = T0 + 24 * HOUR;
    let leased = take_one(store, next).await;
    assert_eq!(store.take_settled(next, next + LEASE, 10).await.unwrap(), []);
    assert_eq!(store.next_wake().await.unwrap(), Some(next + LEASE));
    let second = store
        .start(&leased.lease, &plan(next, next + HOUR), ZONES, ZONE, next)
        .await
        .unwrap();
    store
        .finish(&leased.lease, second, &finish(Outcome::Empty))
        .await
        .unwrap();
    // And the other way round.
    let settle = settle_one(store, next + HOUR).await;
    assert_eq!(settle.lease.run, Some(first));
    assert_eq!(take(store, next + HOUR).await, []);
    assert_eq!(store.next_wake().await.unwrap(), Some(next + HOUR + LEASE));
    let failed_once = Finish {
        error_counter: 1,
        ..finish(failed("not-delivered"))
    };
    store.finish(&settle.lease, first, &failed_once).await.unwrap();
    assert_eq!(stored(store, id).await.content.error_counter, 1);
    let leased = take_one(store, next + HOUR).await;
    assert_eq!(leased.row.content.error_counter, 1, "it reads what settling wrote");
}

pub async fn whoever_takes_the_schedule_ends_the_lease_of_a_late_settler(store: &dyn Storage) {
    let id = add_due(store).await;
    let first = submit(store, &["ann@example.org"]).await;
    let noon = T0 + DAY;
    let leased = take_one(store, noon).await;
    let second = store
        .start(&leased.lease, &plan(noon, noon + 100), ZONES, ZONE, noon)
        .await
        .unwrap();
    let submitted = Finish {
        mail: Some(NewMail {
            message_id: "second@host.example".to_owned(),
            ..mail(MailKind::Export, &["bob@example.org"])
        }),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, second, &submitted).await.unwrap();
    let tasks = take_deliveries(store, noon + 1).await;
    let [ann, bob] = &tasks[..] else { panic!("{tasks:?}") };
    store.record_delivery(ann, &rejected(), noon + 2).await.unwrap();
    let late = settle_one(store, noon + 2).await;
    assert_eq!(late.lease.run, Some(first));
    store.record_delivery(bob, &rejected(), noon + 10).await.unwrap();

    // The lease of the first is over, and the second has waited longer.
    let settle = settle_one(store, noon + 2 + LEASE).await;
    assert_eq!(settle.lease.run, Some(second));
    let counted = |error_counter| Finish {
        error_counter,
        ..finish(failed("not-delivered"))
    };
    for lost in [
        store.finish(&late.lease, first, &counted(1)).await.map(drop),
        store.renew(&late.lease, noon + HOUR).await,
        store.hand_back(&late.lease, noon).await,
    ] {
        assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    }
    assert_eq!(take(store, noon + 110).await, [], "the second is still being settled");
    store.finish(&settle.lease, second, &counted(1)).await.unwrap();
    let late = settle_one(store, noon + 80).await;
    assert_eq!((late.lease.run, late.row.content.error_counter), (Some(first), 1));

    // An execution takes the schedule as well.
    assert_eq!(take(store, noon + 80 + LEASE - 1).await, []);
    let leased = take_one(store, noon + 80 + LEASE).await;
    let lost = store.finish(&late.lease, first, &counted(2)).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    store.hand_back(&leased.lease, noon + 81 + LEASE).await.unwrap();
    let settle = settle_one(store, noon + 81 + LEASE).await;
    store.finish(&settle.lease, first, &counted(2)).await.unwrap();
    assert_eq!(stored(store, id).await.content.error_counter, 2);
}

pub async fn mail_that_nobody_takes_fails_the_run_of_a_deleted_schedule(store: &dyn Storage) {
    let id = add_due(store).await;
    submit(store, &["ann@example.org"]).await;
    let task = take_deliveries(store, T0 + 5).await.remove(0);
    super::delete(store, id).await;
    store.record_delivery(&task, &rejected(), T0 + 6).await.unwrap();
    let entry = &entries(store, id).await[0];
    assert!(matches!(entry.outcome, Some(Outcome::Failed(_))), "{entry:?}");
}

pub async fn a_schedule_deleted_before_settling_ends_its_run(store: &dyn Storage) {
    let id = add_due(store).await;
    let run = submit(store, &["ann@example.org"]).await;
    deliver(store, T0 + 5, &accepted()).await;
    let settle = settle_one(store, T0 + 5).await;
    super::delete(store, id).await;
    assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Delivered));
    let lost = store.finish(&settle.lease, run, &finish(Outcome::Delivered)).await;
    assert!(matches!(lost, Err(LeaseError::Lost)), "{lost:?}");
    store.collect(T0 + HOUR).await.unwrap();
    assert_eq!(entries(store, id).await.len(), 1);
}

pub async fn a_mail_with_a_file_is_not_kept_where_the_run_has_no_file(store: &dyn Storage) {
    let id = add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let with_file = |attach_file| Finish {
        mail: Some(NewMail {
            attach_file,
            ..mail(MailKind::Export, &["ann@example.org"])
        }),
        ..finish(Outcome::Submitted)
    };
    let refused = store.finish(&leased.lease, run, &with_file(true)).await;
    assert!(matches!(refused, Err(LeaseError::Lost)), "{refused:?}");
    assert_eq!(take_deliveries(store, T0 + HOUR).await, []);
    assert_eq!(entries(store, id).await[0].outcome, None, "it is open");
    super::keep_file(store, &leased, run).await;
    store.finish(&leased.lease, run, &with_file(true)).await.unwrap();
    assert_eq!(take_deliveries(store, T0 + HOUR).await.len(), 1);
}

pub async fn a_run_that_is_submitted_with_a_notice_alone_is_settled_at_once(store: &dyn Storage) {
    add_due(store).await;
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let submitted = Finish {
        mail: Some(mail(MailKind::Failure, &["ann@example.org"])),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    assert_eq!(settle_one(store, T0 + 5).await.lease.run, Some(run));
}
