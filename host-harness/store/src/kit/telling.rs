//! Mails that tell an owner what others have changed.

use super::{HOUR, T0, accepted, acme, add, all, commit, content, entries, mail, take_deliveries};
use crate::{Change, Commit, CommitError, MailKind, NOTICE_WINDOW, NewMail, Notice, OutboxMail, Scope, Storage};

/// What this user is told of the schedule in a mail with this Message-ID, which is its text as well.
pub(super) fn tell(schedule: u64, user: &str, message_id: &str) -> Change {
    Change::Tell(Box::new(Notice {
        schedule,
        user: user.to_owned(),
        mail: NewMail {
            message_id: message_id.to_owned(),
            subject: "One change".to_owned(),
            text: format!("{message_id}\n"),
            ..mail(MailKind::Change, &["ann@example.org"])
        },
        several: "Several changes".to_owned(),
        longest: 10_000,
    }))
}

async fn told(store: &dyn Storage, changes: Vec<Change>, now: i64) {
    let commit = Commit {
        now,
        ..commit(all(acme()), changes)
    };
    store.commit(commit).await.unwrap();
}

/// Mails that leave at `now`, in the order in which they were kept.
async fn leaving(store: &dyn Storage, now: i64) -> Vec<OutboxMail> {
    let mut mails = Vec::new();
    for task in take_deliveries(store, now).await {
        mails.push(store.mail(task.mail).await.unwrap().unwrap());
    }
    mails.sort_by_key(|mail| mail.id);
    mails
}

fn texts(mails: &[OutboxMail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.mail.text.as_str()).collect()
}

pub async fn a_notice_to_an_owner_is_sent_a_quarter_of_an_hour_after_its_commit_and_not_before(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    told(store, vec![tell(id, "1", "one@host.example")], T0 + 1).await;
    assert_eq!(take_deliveries(store, T0 + NOTICE_WINDOW).await, []);
    assert_eq!(store.next_wake().await.unwrap(), Some(T0 + 1 + NOTICE_WINDOW));
    let tasks = take_deliveries(store, T0 + 1 + NOTICE_WINDOW).await;
    let [task] = &tasks[..] else { panic!("{tasks:?}") };
    assert_eq!((task.address.as_str(), task.created), ("ann@example.org", T0 + 1));
    let kept = store.mail(task.mail).await.unwrap().unwrap();
    assert_eq!((kept.run, kept.schedule, kept.scope), (None, id, acme()));
    assert_eq!((kept.due, kept.created, kept.file), (T0 + 1, T0 + 1, None));
    assert_eq!(
        (
            kept.mail.kind,
            kept.mail.message_id.as_str(),
            kept.mail.subject.as_str()
        ),
        (MailKind::Change, "one@host.example", "One change")
    );
    assert_eq!(kept.mail.text, "one@host.example\n");
    store.record_delivery(task, &accepted(), T0 + HOUR).await.unwrap();
    assert_eq!(take_deliveries(store, T0 + 2 * HOUR).await, []);
    assert_eq!(entries(store, id).await, [], "it is about no run");
    assert_eq!(store.take_settled(T0 + HOUR, T0 + 2 * HOUR, 10).await.unwrap(), []);
}

pub async fn what_an_owner_is_told_within_a_quarter_of_an_hour_is_one_mail(store: &dyn Storage) {
    let [first, second] = [
        add(store, acme(), content(T0)).await,
        add(store, acme(), content(T0)).await,
    ];
    told(store, vec![tell(first, "1", "one@host.example")], T0).await;
    told(store, vec![tell(second, "1", "two@host.example")], T0 + 1).await;
    // At one of its events, and in the last second.
    let of_event = Scope {
        event: Some("fest".to_owned()),
        ..acme()
    };
    let third = Commit {
        now: T0 + NOTICE_WINDOW - 1,
        ..commit(all(of_event), vec![tell(first, "1", "three@host.example")])
    };
    store.commit(third).await.unwrap();
    let mails = leaving(store, T0 + NOTICE_WINDOW).await;
    let [one] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(
        (one.mail.message_id.as_str(), one.mail.subject.as_str(), one.created),
        ("one@host.example", "Several changes", T0)
    );
    let lines: Vec<&str> = one.mail.text.lines().filter(|line| line.contains('@')).collect();
    assert_eq!(lines, ["one@host.example", "two@host.example", "three@host.example"]);
    assert_eq!(one.mail.to, ["ann@example.org"]);
    assert_eq!(
        leaving(store, T0 + HOUR).await.len(),
        1,
        "its lease has run out, and nothing else is there"
    );
}

pub async fn what_an_owner_is_told_after_a_quarter_of_an_hour_is_another_mail(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    told(store, vec![tell(id, "1", "one@host.example")], T0).await;
    // Nobody has looked for what is due yet.
    told(store, vec![tell(id, "1", "two@host.example")], T0 + NOTICE_WINDOW).await;
    told(store, vec![tell(id, "1", "three@host.example")], T0 + NOTICE_WINDOW + 1).await;
    assert_eq!(
        texts(&leaving(store, T0 + 2 * NOTICE_WINDOW - 1).await),
        ["one@host.example\n"]
    );
    let mails = leaving(store, T0 + 2 * NOTICE_WINDOW).await;
    let second = mails.last().unwrap();
    assert!(second.mail.text.starts_with("two@host.example\n"), "{mails:?}");
    assert!(second.mail.text.ends_with("three@host.example\n"), "{mails:?}");
}

pub async fn each_user_of_each_organizer_has_a_mail_of_their_own(store: &dyn Storage) {
    let other = Scope {
        organizer: "other".to_owned(),
        ..acme()
    };
    let [ours, theirs] = [
        add(store, acme(), content(T0)).await,
        add(store, other.clone(), content(T0)).await,
    ];
    told(
        store,
        vec![tell(ours, "1", "one@host.example"), tell(ours, "2", "two@host.example")],
        T0,
    )
    .await;
    let of_other = commit(all(other), vec![tell(theirs, "1", "three@host.example")]);
    store.commit(of_other).await.unwrap();
    told(store, vec![tell(ours, "2", "four@host.example")], T0).await;
    let mails = leaving(store, T0 + NOTICE_WINDOW).await;
    assert_eq!(mails.len(), 3, "{mails:?}");
    let with = |message_id: &str| {
        let found = mails.iter().find(|mail| mail.mail.message_id == message_id);
        found.unwrap_or_else(|| panic!("{message_id}: {mails:?}"))
    };
    assert_eq!(with("one@host.example").mail.text, "one@host.example\n");
    assert!(with("two@host.example").mail.text.ends_with("four@host.example\n"));
    let third = with("three@host.example");
    assert_eq!(
        (third.mail.text.as_str(), third.scope.organizer.as_str()),
        ("three@host.example\n", "other")
    );
}

pub async fn a_mail_that_a_host_has_begun_to_deliver_takes_no_more(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    told(store, vec![tell(id, "1", "one@host.example")], T0).await;
    let begun = leaving(store, T0 + NOTICE_WINDOW).await;
    // By a host whose clock is behind.
    told(store, vec![tell(id, "1", "two@host.example")], T0 + NOTICE_WINDOW - 1).await;
    assert_eq!(store.mail(begun[0].id).await.unwrap().as_ref(), Some(&begun[0]));
    let later = leaving(store, T0 + 3 * NOTICE_WINDOW).await;
    assert_eq!(texts(&later), ["one@host.example\n", "two@host.example\n"]);
}

pub async fn what_has_no_room_in_a_mail_of_notices_begins_another_one(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let with_room = |longest: usize, user: &str, name: &str| match tell(id, user, &format!("{name}@{user}.example")) {
        Change::Tell(notice) => Change::Tell(Box::new(Notice { longest, ..*notice })),
        other => other,
    };
    let ample = vec![with_room(10_000, "1", "one"), with_room(10_000, "1", "two")];
    told(store, ample, T0).await;
    let both = leaving(store, T0 + NOTICE_WINDOW).await[0].mail.text.len();
    for (longest, user) in [(both, "2"), (both - 1, "3")] {
        for (at, name) in (0..).zip(["one", "two", "six"]) {
            told(store, vec![with_room(longest, user, name)], T0 + HOUR + at).await;
        }
    }
    let mails = leaving(store, T0 + HOUR + NOTICE_WINDOW + 2).await;
    let of = |user: &str| -> Vec<Vec<&str>> {
        let host = format!("@{user}.example");
        let lines = |mail| -> Vec<&str> {
            let mail: &OutboxMail = mail;
            mail.mail.text.lines().filter(|line| line.contains(&host)).collect()
        };
        mails.iter().map(lines).filter(|lines| !lines.is_empty()).collect()
    };
    assert_eq!(of("2"), [vec!["one@2.example", "two@2.example"], vec!["six@2.example"]]);
    assert_eq!(of("3"), [["one@3.example"], ["two@3.example"], ["six@3.example"]]);
}

pub async fn a_commit_that_fails_tells_nobody(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let absent = Change::Delete {
        id: id + 1,
        version: None,
    };
    let refused = store
        .commit(commit(all(acme()), vec![tell(id, "1", "one@host.example"), absent]))
        .await;
    assert!(matches!(refused, Err(CommitError::NotFound)), "{refused:?}");
    assert_eq!(take_deliveries(store, T0 + HOUR).await, []);
}

pub async fn who_tells_one_owner_at_the_same_time_tells_them_in_one_mail(store: &dyn Storage) {
    let id = add(store, acme(), content(T0)).await;
    let ids: Vec<String> = (0..8).map(|at| format!("{at}@host.example")).collect();
    let tellings = ids
        .iter()
        .map(|message_id| told(store, vec![tell(id, "1", message_id)], T0));
    futures_util::future::join_all(tellings).await;
    let mails = leaving(store, T0 + NOTICE_WINDOW).await;
    let [one] = &mails[..] else { panic!("{mails:?}") };
    let mut lines: Vec<&str> = one.mail.text.lines().filter(|line| line.contains('@')).collect();
    lines.sort_unstable();
    assert_eq!(lines, ids);
}
