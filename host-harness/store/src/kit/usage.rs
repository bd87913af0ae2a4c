//! What callers and organizers can use: each limit on both of its sides.

use super::{HOUR, T0, acme, add, add_due, all, commit, content, entries, failed, finish, mail, stored, take_one};
use crate::clock::Instant;
use crate::contract::{Content, Outcome};
use crate::usage::{
    CHANGE_BYTES, DAY, Exceeded, MailLimits, MailUser, MostMails, Otherwise, RESERVED_NOTICES, UsageLimit, WriteLimits,
};
use crate::{Change, Commit, CommitError, Finish, MailKind, Scope, Storage, Written};

fn by(caller: &str, now: Instant, limits: &WriteLimits, change: Change) -> Commit {
    Commit {
        actor: caller.to_owned(),
        now,
        limits: Some(limits.clone()),
        ..commit(all(acme()), vec![change])
    }
}

async fn create(store: &dyn Storage, caller: &str, now: Instant, limits: &WriteLimits) -> Result<u64, CommitError> {
    create_with(store, caller, now, limits, content(None)).await
}

async fn create_with(
    store: &dyn Storage,
    caller: &str,
    now: Instant,
    limits: &WriteLimits,
    content: Content,
) -> Result<u64, CommitError> {
    let id = store.reserve_id().await.unwrap();
    let owner = "1".to_owned();
    let change = Change::Insert { id, owner, content };
    store.commit(by(caller, now, limits, change)).await.map(|()| id)
}

async fn update(
    store: &dyn Storage,
    id: u64,
    now: Instant,
    limits: &WriteLimits,
    content: Content,
) -> Result<(), CommitError> {
    let version = stored(store, id).await.version;
    let change = Change::Update {
        id,
        version,
        content,
        missed: Vec::new(),
    };
    store.commit(by("user:1", now, limits, change)).await
}

fn exceeded(result: Result<impl std::fmt::Debug, CommitError>) -> (UsageLimit, u32) {
    match result {
        Err(CommitError::Exceeded(Exceeded { limit, retry_after })) => (limit, retry_after),
        other => panic!("not refused for a limit: {other:?}"),
    }
}

pub async fn a_caller_changes_so_much_a_minute_and_not_once_more(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0).await.unwrap();
    let limits = WriteLimits {
        per_minute: Some(3),
        ..WriteLimits::default()
    };
    // T0 is the first second of its minute.
    let first = create(store, "user:1", T0, &limits).await.unwrap();
    update(store, first, T0 + 20, &limits, content(None)).await.unwrap();
    let change = Change::Delete {
        id: first,
        version: None,
    };
    store.commit(by("user:1", T0 + 30, &limits, change)).await.unwrap();
    let refused = create(store, "user:1", T0 + 40, &limits).await;
    assert_eq!(exceeded(refused), (UsageLimit::WritesPerMinute(3), 20));
    assert_eq!(store.count("acme").await.unwrap(), 0);
    // Others have their own, and so has the next minute.
    let other = create(store, "user:2", T0 + 59, &limits).await.unwrap();
    let refused = update(store, other, T0 + 59, &limits, content(None)).await;
    assert_eq!(exceeded(refused), (UsageLimit::WritesPerMinute(3), 1));
    assert_eq!(stored(store, other).await.version, 1);
    update(store, other, T0 + 60, &limits, content(None)).await.unwrap();
    // What the host does itself has no limit.
    add(store, acme(), content(None)).await;
}

pub async fn a_caller_writes_so_many_bytes_a_day_and_still_deletes_after_that(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0).await.unwrap();
    let large = Content {
        document: "x".repeat(1000),
        ..content(None)
    };
    let addresses = large.recipients.to.iter().chain(&large.recipients.bcc);
    let each = CHANGE_BYTES + 1000 + addresses.map(|one| one.len() as u64 + 4).sum::<u64>();
    let limits = |bytes| WriteLimits {
        bytes_per_day: Some(bytes),
        ..WriteLimits::default()
    };
    let (enough, short) = (limits(2 * each), limits(2 * each - 1));
    let first = create_with(store, "user:1", T0, &short, large.clone()).await.unwrap();
    let left = DAY - T0.rem_euclid(DAY);
    let refused = create_with(store, "user:1", T0 + 1, &short, large.clone()).await;
    let wait = u32::try_from(left - 1).unwrap();
    assert_eq!(exceeded(refused), (UsageLimit::WriteBytesPerDay(2 * each - 1), wait));
    create_with(store, "user:1", T0 + 1, &enough, large.clone())
        .await
        .unwrap();
    let refused = update(store, first, T0 + 2, &enough, large.clone()).await;
    assert!(matches!(exceeded(refused).0, UsageLimit::WriteBytesPerDay(_)));
    let change = Change::Delete {
        id: first,
        version: None,
    };
    store.commit(by("user:1", T0 + 3, &enough, change)).await.unwrap();
    // At midnight, UTC.
    assert!(
        create_with(store, "user:1", T0 + left - 1, &enough, large.clone())
            .await
            .is_err()
    );
    create_with(store, "user:1", T0 + left, &enough, large).await.unwrap();
}

pub async fn a_schedule_that_ran_so_often_is_not_moved_to_another_time_of_the_next_day(store: &dyn Storage) {
    let limits = WriteLimits {
        moved_runs_per_day: Some(2),
        ..WriteLimits::default()
    };
    let id = add_due(store).await;
    let mut due = T0;
    for _ in 0..2 {
        let leased = store.take_due(due, due + 60, 10, None).await.unwrap().remove(0);
        let plan = super::plan(due, T0 + 30 * DAY);
        let run = store
            .start(&leased.lease, &plan, super::ZONES, super::ZONE, due)
            .await
            .unwrap();
        store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
        if due == T0 {
            due += HOUR;
            update(store, id, due - 1, &limits, content(due)).await.unwrap();
        }
    }
    let now = due + 1;
    let refused = update(store, id, now, &limits, content(now + 2)).await;
    let wait = u32::try_from(T0 + DAY - now).unwrap();
    assert_eq!(exceeded(refused), (UsageLimit::MovedRunsPerDay(2), wait));
    // With its time as it is, with one that is far away, or with none it is changed as ever.
    for next_run in [Some(T0 + 30 * DAY), Some(now + DAY + 1), None] {
        update(store, id, now, &limits, content(next_run)).await.unwrap();
    }
    let last = T0 + DAY - 1;
    assert!(update(store, id, last, &limits, content(last + 2)).await.is_err());
    update(store, id, last + 1, &limits, content(last + 2)).await.unwrap();
}

/// So many mails and recipients of an organizer, of which each of its owners gets as much.
fn limited(mails: u32, recipients: u32) -> MailLimits {
    shared((mails, recipients), (mails, recipients))
}

/// So many mails and recipients of an organizer, and of one owner.
fn shared(organizer: (u32, u32), owner: (u32, u32)) -> MailLimits {
    let most = |(mails, recipients)| MostMails {
        mails: Some(mails),
        recipients: Some(recipients),
    };
    let limits = MailLimits {
        organizer: most(organizer),
        owner: most(owner),
        otherwise: None,
    };
    let ends = |code: &str| Finish {
        mail: Some(mail(MailKind::Failure, &["owner@example.org"])),
        mail_limits: Some(limits.clone()),
        ..finish(failed(code))
    };
    let otherwise = Some(Box::new(Otherwise {
        organizer: ends("mail-limit"),
        owner: ends("owners-mail-limit"),
    }));
    MailLimits { otherwise, ..limits }
}

/// One more export of a schedule of this organizer and user 1, with its mail to so many.
async fn export(store: &dyn Storage, organizer: &str, now: Instant, to: usize, limits: &MailLimits) -> (u64, Written) {
    export_of(store, (organizer, "1"), now, to, limits).await
}

/// The same of this user.
async fn export_of(
    store: &dyn Storage,
    (organizer, owner): (&str, &str),
    now: Instant,
    to: usize,
    limits: &MailLimits,
) -> (u64, Written) {
    store.set_enabled(organizer, true, "user:1", T0 - HOUR).await.unwrap();
    let id = store.reserve_id().await.unwrap();
    let scope = Scope {
        organizer: organizer.to_owned(),
        event: None,
    };
    let (owner, content) = (owner.to_owned(), content(now));
    let insert = Change::Insert { id, owner, content };
    store.commit(commit(all(scope), vec![insert])).await.unwrap();
    let leased = store.take_due(now, now + 60, 10, None).await.unwrap();
    let leased = leased
        .into_iter()
        .find(|leased| leased.row.id == id)
        .expect("it is due");
    let plan = super::plan(now, None);
    let run = store
        .start(&leased.lease, &plan, super::ZONES, super::ZONE, now)
        .await
        .unwrap();
    let to: Vec<String> = (0..to).map(|nth| format!("{nth}@example.org")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut otherwise = limits.clone();
    let mut export = mail(MailKind::Export, &to);
    export.message_id = format!("{id}@host.example");
    if let Some(otherwise) = &mut otherwise.otherwise {
        for notice in [&mut otherwise.organizer.mail, &mut otherwise.owner.mail]
            .into_iter()
            .flatten()
        {
            notice.message_id = format!("notice-{id}@host.example");
        }
    }
    let submitted = Finish {
        mail: Some(export),
        now,
        mail_limits: Some(otherwise),
        ..finish(Outcome::Submitted)
    };
    let written = store.finish(&leased.lease, run, &submitted).await.unwrap();
    (id, written)
}

async fn queued(store: &dyn Storage, now: Instant) -> usize {
    store.take_deliveries(now, now + 1, 1000, None).await.unwrap().len()
}

pub async fn an_organizers_mails_end_at_the_limit_of_the_day_and_its_run_says_so(store: &dyn Storage) {
    let limits = limited(2, 1000);
    for _ in 0..2 {
        let (id, written) = export(store, "acme", T0, 1, &limits).await;
        assert_eq!(written, Written::AsGiven);
        assert_eq!(entries(store, id).await[0].outcome, Some(Outcome::Submitted));
    }
    assert_eq!(queued(store, T0).await, 2);
    let (id, written) = export(store, "acme", T0 + 9, 1, &limits).await;
    assert_eq!(written, Written::PastMailLimit(MailUser::Organizer));
    assert_eq!(entries(store, id).await[0].outcome, Some(failed("mail-limit")));
    assert_eq!(queued(store, T0 + 9).await, 3, "the owner is told");
    let seen = store.get(&all(acme()), id).await.unwrap().expect("the schedule");
    assert_eq!((seen.content.error_counter, seen.content.is_active()), (0, true));
    // Another organizer has its own, and the next day is a new one.
    assert_eq!(export(store, "globex", T0 + 9, 1, &limits).await.1, Written::AsGiven);
    let midnight = T0 + DAY - T0.rem_euclid(DAY);
    assert_eq!(
        export(store, "acme", midnight - 1, 1, &limits).await.1,
        Written::PastMailLimit(MailUser::Organizer)
    );
    assert_eq!(export(store, "acme", midnight, 1, &limits).await.1, Written::AsGiven);
}

pub async fn an_organizers_recipients_of_a_day_are_counted_one_by_one(store: &dyn Storage) {
    let limits = limited(1000, 5);
    assert_eq!(
        export(store, "acme", T0, 6, &limits).await.1,
        Written::PastMailLimit(MailUser::Organizer)
    );
    assert_eq!(export(store, "acme", T0 + 1, 4, &limits).await.1, Written::AsGiven);
    // The notice of the first was one.
    assert_eq!(
        export(store, "acme", T0 + 2, 1, &limits).await.1,
        Written::PastMailLimit(MailUser::Organizer)
    );
    assert_eq!(export(store, "globex", T0 + 3, 5, &limits).await.1, Written::AsGiven);
}

pub async fn notices_past_the_limit_are_few_and_then_the_history_says_it_alone(store: &dyn Storage) {
    let limits = limited(1, 1000);
    export(store, "acme", T0, 1, &limits).await;
    for nth in 0..RESERVED_NOTICES + 2 {
        let now = T0 + 1 + Instant::from(nth);
        let (id, written) = export(store, "acme", now, 1, &limits).await;
        assert_eq!(written, Written::PastMailLimit(MailUser::Organizer));
        assert_eq!(entries(store, id).await[0].outcome, Some(failed("mail-limit")));
    }
    assert_eq!(queued(store, T0 + HOUR).await, 1 + RESERVED_NOTICES as usize);
}

pub async fn an_owners_mails_end_at_their_share_and_leave_the_rest_to_other_owners(store: &dyn Storage) {
    let limits = shared((4, 1000), (2, 1000));
    for nth in 0..2 {
        assert_eq!(export(store, "acme", T0 + nth, 1, &limits).await.1, Written::AsGiven);
    }
    let (id, written) = export(store, "acme", T0 + 3, 1, &limits).await;
    assert_eq!(written, Written::PastMailLimit(MailUser::Owner));
    assert_eq!(entries(store, id).await[0].outcome, Some(failed("owners-mail-limit")));
    let seen = store.get(&all(acme()), id).await.unwrap().expect("the schedule");
    assert_eq!((seen.content.error_counter, seen.content.is_active()), (0, true));
    assert_eq!(queued(store, T0 + 10).await, 3, "the owner is told");
    // The notice was the organizer's third mail: one is left, for another owner, and then it is the organizer's limit.
    assert_eq!(
        export_of(store, ("acme", "2"), T0 + 4, 1, &limits).await.1,
        Written::AsGiven
    );
    assert_eq!(
        export_of(store, ("acme", "2"), T0 + 5, 1, &limits).await.1,
        Written::PastMailLimit(MailUser::Organizer)
    );
    // The same owner has a share of each organizer, and of each day.
    assert_eq!(export(store, "globex", T0 + 6, 1, &limits).await.1, Written::AsGiven);
    let midnight = T0 + DAY - T0.rem_euclid(DAY);
    assert_eq!(export(store, "acme", midnight, 1, &limits).await.1, Written::AsGiven);
}

pub async fn an_owners_recipients_end_at_their_share(store: &dyn Storage) {
    let limits = shared((1000, 9), (1000, 5));
    let past = Written::PastMailLimit(MailUser::Owner);
    assert_eq!(export(store, "acme", T0, 6, &limits).await.1, past);
    // The notice was one.
    assert_eq!(export(store, "acme", T0 + 1, 4, &limits).await.1, Written::AsGiven);
    assert_eq!(export(store, "acme", T0 + 2, 1, &limits).await.1, past);
    // With that notice there were six, and three are left.
    assert_eq!(
        export_of(store, ("acme", "2"), T0 + 3, 3, &limits).await.1,
        Written::AsGiven
    );
}

pub async fn who_takes_a_schedule_over_uses_up_their_own_share(store: &dyn Storage) {
    let limits = shared((10, 1000), (1, 1000));
    let (id, _) = export(store, "acme", T0, 1, &limits).await;
    let content = content(T0 + HOUR);
    let version = stored(store, id).await.version;
    let (owner, former) = ("2".to_owned(), "1".to_owned());
    let take_over = Change::TakeOver {
        id,
        version,
        owner,
        former,
        content,
        missed: Vec::new(),
    };
    store.commit(commit(all(acme()), vec![take_over])).await.unwrap();
    let leased = take_one(store, T0 + HOUR).await;
    let plan = super::plan(T0 + HOUR, None);
    let started = store.start(&leased.lease, &plan, super::ZONES, super::ZONE, T0 + HOUR);
    let run = started.await.unwrap();
    let mut export = mail(MailKind::Export, &["ann@example.org"]);
    export.message_id = "later@host.example".to_owned();
    let submitted = Finish {
        mail: Some(export),
        mail_limits: Some(limits),
        ..finish(Outcome::Submitted)
    };
    assert_eq!(
        store.finish(&leased.lease, run, &submitted).await.unwrap(),
        Written::AsGiven
    );
}

pub async fn a_stale_update_leaves_caller_usage_as_it_was(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0).await.unwrap();
    let limits = WriteLimits {
        per_minute: Some(2),
        bytes_per_day: Some(1_000_000),
        moved_runs_per_day: Some(10),
        ..WriteLimits::default()
    };
    let id = create(store, "user:1", T0, &limits).await.unwrap();
    let version = stored(store, id).await.version;
    let update_of = |id, version| Change::Update {
        id,
        version,
        content: content(None),
        missed: Vec::new(),
    };
    for nth in 0..5 {
        let stale = store
            .commit(by("user:1", T0 + nth, &limits, update_of(id, version + 1)))
            .await;
        assert!(matches!(stale, Err(CommitError::Stale)), "{stale:?}");
        let missing = store
            .commit(by("user:1", T0 + nth, &limits, update_of(id + 1000, version)))
            .await;
        assert!(matches!(missing, Err(CommitError::NotFound)), "{missing:?}");
    }
    store
        .commit(by("user:1", T0 + 9, &limits, update_of(id, version)))
        .await
        .unwrap();
    let refused = store
        .commit(by("user:1", T0 + 9, &limits, update_of(id, version + 1)))
        .await;
    assert_eq!(exceeded(refused).0, UsageLimit::WritesPerMinute(2));
}

pub async fn a_schedule_that_is_refused_for_the_quota_leaves_caller_usage_as_it_was(store: &dyn Storage) {
    let limits = WriteLimits {
        per_minute: Some(2),
        ..WriteLimits::default()
    };
    // The organizer is new to the store.
    create(store, "user:1", T0, &limits).await.unwrap();
    for _ in 0..5 {
        let id = store.reserve_id().await.unwrap();
        let (owner, content) = ("1".to_owned(), content(None));
        let insert = Change::Insert { id, owner, content };
        let refused = store
            .commit(Commit {
                quota: Some(1),
                ..by("user:1", T0 + 1, &limits, insert)
            })
            .await;
        assert!(matches!(refused, Err(CommitError::Quota(1))), "{refused:?}");
    }
    create(store, "user:1", T0 + 2, &limits).await.unwrap();
    assert!(create(store, "user:1", T0 + 3, &limits).await.is_err());
}

/// Executes what is due then.
async fn run_at(store: &dyn Storage, due: Instant) {
    let leased = take_one(store, due).await;
    let plan = super::plan(due, T0 + 30 * DAY);
    let started = store.start(&leased.lease, &plan, super::ZONES, super::ZONE, due);
    let run = started.await.unwrap();
    store.finish(&leased.lease, run, &finish(Outcome::Empty)).await.unwrap();
}

pub async fn schedules_made_to_run_at_once_and_deleted_again_are_not_made_again_and_again(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let limits = WriteLimits {
        moved_runs_per_day: Some(2),
        ..WriteLimits::default()
    };
    let delete = |id, now| by("user:1", now, &limits, Change::Delete { id, version: None });
    for nth in 0..2 {
        let now = T0 + nth * 10;
        let id = create_with(store, "user:1", now, &limits, content(now + 2))
            .await
            .unwrap();
        run_at(store, now + 2).await;
        store.commit(delete(id, now + 3)).await.unwrap();
    }
    let now = T0 + HOUR;
    let refused = create_with(store, "user:1", now, &limits, content(now + 2)).await;
    let wait = u32::try_from(T0 + 2 + DAY - now).unwrap();
    assert_eq!(exceeded(refused), (UsageLimit::MovedRunsPerDay(2), wait));
    // What is made for a later time is not moved to an earlier one either.
    let later = create_with(store, "user:1", now, &limits, content(now + DAY + 1))
        .await
        .unwrap();
    let refused = update(store, later, now, &limits, content(now + 2)).await;
    assert_eq!(exceeded(refused), (UsageLimit::MovedRunsPerDay(2), wait));
    // Another owner has nothing to do with it, nor has another organizer.
    let id = store.reserve_id().await.unwrap();
    let (owner, content_2) = ("2".to_owned(), content(now + 2));
    let insert = Change::Insert {
        id,
        owner,
        content: content_2,
    };
    store.commit(by("user:2", now, &limits, insert)).await.unwrap();
    // A day later it is forgotten.
    let now = T0 + 2 + DAY;
    create_with(store, "user:1", now, &limits, content(now + 2))
        .await
        .unwrap();
}

pub async fn schedules_that_ran_as_planned_are_deleted_and_made_again(store: &dyn Storage) {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    let limits = WriteLimits {
        moved_runs_per_day: Some(2),
        ..WriteLimits::default()
    };
    // Each was made more than a day before it ran, or is there still.
    for nth in 0..3 {
        let due = T0 + DAY + 1 + nth;
        let id = create_with(store, "user:1", T0 - 1 + nth, &limits, content(due))
            .await
            .unwrap();
        run_at(store, due).await;
        let change = Change::Delete { id, version: None };
        store.commit(by("user:1", due + 1, &limits, change)).await.unwrap();
    }
    for nth in 0..3 {
        let now = T0 + DAY + HOUR + nth * 10;
        create_with(store, "user:1", now, &limits, content(now + 2))
            .await
            .unwrap();
        run_at(store, now + 2).await;
    }
    let now = T0 + DAY + 2 * HOUR;
    create_with(store, "user:1", now, &limits, content(now + 2))
        .await
        .unwrap();
}

pub async fn a_schedule_that_ran_once_is_not_moved_where_no_run_may_come_of_it(store: &dyn Storage) {
    let limits = WriteLimits {
        moved_runs_per_day: Some(0),
        ..WriteLimits::default()
    };
    let id = add_due(store).await;
    update(store, id, T0 - 5, &limits, content(T0)).await.unwrap();
    run_at(store, T0).await;
    let refused = update(store, id, T0 + 5, &limits, content(T0 + 10)).await;
    assert_eq!(exceeded(refused).0, UsageLimit::MovedRunsPerDay(0));
}
