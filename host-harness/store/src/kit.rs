//! The store test kit: what every store must do, checked through the port alone.
//!
//! A check gets a new, empty store and panics where the store is wrong. `store_kit!` makes one test of each of them: a new
//! store passes when `store_kit!(open)` does, and no check can be left out.

#![allow(
    missing_docs,
    reason = "the name of a check is the sentence that it holds a store to"
)]

pub mod called_off;
pub mod delivery;
pub mod filters;
pub mod handover;
pub mod links;
pub mod manual;
pub mod organizers;
pub mod outbox;
pub mod pauses;
pub mod people;
pub mod plans;
pub mod requests;
pub mod retention;
pub mod running;
pub mod telling;
pub mod usage;

use std::io::Cursor;

use tempfile::SpooledData;

use super::{
    Change, Commit, CommitError, DeliveryResult, DeliveryTask, FileFacts, Finish, Leased, MailKind, NewMail, Row,
    Scope, Storage, Visible,
};
use crate::clock::Instant;
use crate::contract::{Content, DeliveryStatus, Outcome, Position, Recipients, RunEntry};
use crate::contract::{RunQuery, ScheduleState, schedule_store::RunStart};

/// One test for each check of the kit. `open` answers a new store and what has to live as long as it; none: what the store needs is
/// not on this machine, and `open` has said so.
#[doc(hidden)]
#[macro_export]
macro_rules! store_kit {
    ($open:ident) => {
        $crate::kit::store_kit! { $open;
            people:
                ids_go_up_and_none_is_given_twice,
                a_seeded_id_is_not_given_again,
                a_page_shows_its_own_scope_and_owner_only,
                pages_have_numbers_and_page_one_always_exists,
                a_size_is_clamped,
                a_page_tells_how_many_there_are_whatever_came_and_went,
                absent_next_runs_are_last_in_both_directions,
                ties_go_by_id_upwards_in_both_directions,
                a_cursor_is_not_moved_by_rows_that_come_and_go,
                pages_by_cursor_have_each_row_once_however_many_share_a_key,
                a_text_that_is_no_cursor_is_no_page,
                a_change_of_another_version_is_stale,
                a_change_out_of_sight_is_not_found,
                a_quota_counts_all_of_an_organizer,
                a_schedule_that_the_same_commit_deletes_leaves_its_place_to_a_later_one,
                due_times_that_a_change_gives_up_twice_are_stale,
                a_commit_is_all_or_nothing,
                every_change_is_audited,
                a_change_is_audited_with_what_it_changed,
                a_store_that_can_be_written_says_so_and_keeps_nothing_of_it;
            filters:
                a_list_has_the_schedules_of_the_owners_asked_for,
                a_filtered_list_has_its_own_scope_only,
                a_list_has_the_schedules_of_one_exporter,
                a_recipient_is_found_in_every_list_and_as_the_owner_whatever_the_case,
                a_list_has_one_state_and_a_pause_that_has_run_out_is_active,
                a_list_has_what_fails_or_what_does_not,
                a_list_has_what_is_due_before_an_instant_and_active,
                a_list_has_what_meets_every_condition,
                a_filtered_list_has_pages_by_number_and_by_cursor_in_every_order,
                a_cursor_of_a_filtered_list_outlives_the_rows_around_it,
                a_history_has_the_runs_that_meet_every_condition,
                a_filtered_history_has_pages;
            pauses:
                a_pause_cancels_the_run_that_is_open,
                a_pause_cancels_a_run_that_waits_for_its_retry,
                a_pause_takes_the_lease_of_a_run_that_has_not_started_and_records_nothing,
                a_pause_leaves_a_mail_that_was_submitted,
                a_change_that_keeps_a_pause_that_has_run_out_leaves_the_run_open,
                a_schedule_that_is_paused_until_an_instant_is_leased_at_its_next_run,
                failures_stop_a_schedule_whose_pause_has_run_out,
                a_run_that_is_settled_while_its_schedule_is_paused_leaves_the_pause,
                a_run_that_is_settled_while_its_schedule_is_paused_leaves_the_end_of_the_pause,
                a_plan_that_is_made_again_is_not_before_the_end_of_a_pause,
                a_paused_schedule_is_not_resumed_with_those_that_undelivered_mail_stopped;
            handover:
                a_schedule_taken_over_has_the_new_owner_and_the_next_version,
                a_take_over_is_audited_with_the_former_owner,
                a_take_over_of_another_version_is_stale_and_tells_nobody,
                a_take_over_out_of_sight_is_not_found,
                a_take_over_in_a_commit_that_fails_tells_nobody,
                a_run_in_progress_when_its_schedule_is_taken_over_goes_on_with_its_due_time,
                a_schedule_taken_over_before_its_run_started_follows_the_new_plan;
            telling:
                a_notice_to_an_owner_is_sent_a_quarter_of_an_hour_after_its_commit_and_not_before,
                what_an_owner_is_told_within_a_quarter_of_an_hour_is_one_mail,
                what_an_owner_is_told_after_a_quarter_of_an_hour_is_another_mail,
                each_user_of_each_organizer_has_a_mail_of_their_own,
                a_mail_that_a_host_has_begun_to_deliver_takes_no_more,
                what_has_no_room_in_a_mail_of_notices_begins_another_one,
                a_commit_that_fails_tells_nobody,
                who_tells_one_owner_at_the_same_time_tells_them_in_one_mail;
            running:
                a_schedule_is_leased_at_its_time_and_not_one_second_before,
                the_longest_due_is_leased_first,
                much_that_is_due_of_one_organizer_holds_up_no_other,
                batches_of_one_go_round_all_organizers,
                a_lease_is_taken_over_at_its_end_with_the_same_due_time,
                a_lease_that_ran_out_counts_until_somebody_takes_it,
                a_renewed_lease_ends_later,
                a_lease_handed_back_is_not_counted,
                a_change_takes_the_lease_away_and_keeps_the_due_time,
                a_change_before_the_start_follows_the_new_plan,
                a_retry_comes_at_its_time_or_with_the_next_due_time,
                due_times_that_nobody_ran_are_one_entry,
                missed_due_times_around_one_that_is_kept_are_an_entry_each,
                what_the_history_has_is_not_missed_again,
                a_plan_that_misses_a_due_time_twice_is_refused_with_the_latest_of_them,
                a_run_keeps_the_version_that_started_it,
                a_due_time_that_has_ended_does_not_start_again,
                a_finished_lease_is_spent,
                a_failure_is_counted_and_stops_a_schedule,
                a_deleted_schedule_cancels_its_run_and_keeps_its_history,
                history_has_pages,
                a_file_is_kept_until_its_run_ends;
            links:
                a_link_works_from_the_submission_until_it_expires,
                a_linked_file_is_kept_until_its_link_expires,
                a_linked_file_is_read_piece_by_piece_while_its_link_holds,
                a_later_file_takes_a_link_back,
                a_later_file_without_a_link_can_not_be_fetched,
                a_link_of_a_run_that_reaches_nobody_dies_with_its_file,
                a_link_of_a_run_that_is_not_submitted_leads_nowhere,
                a_link_is_for_the_holder_of_the_lease_and_a_run_with_a_file;
            manual:
                a_run_that_was_asked_for_is_in_progress_from_the_commit_on_and_leaves_its_schedule_as_it_is,
                nobody_sees_what_a_run_was_made_of,
                a_rerun_has_the_due_time_once_more_and_a_key_of_its_own,
                pages_of_the_history_have_each_run_once_where_they_share_a_due_time,
                a_test_is_of_who_asks_for_it_and_goes_to_nobody_else,
                a_run_that_was_asked_for_is_retried_and_taken_over_as_any_other,
                one_that_was_not_started_ends_as_it_should_and_not_by_a_finish,
                a_change_or_deletion_ends_what_was_asked_for_and_has_not_submitted,
                of_an_event_that_is_gone_nothing_runs_that_was_asked_for,
                so_many_runs_are_asked_for_in_an_hour_and_not_one_more,
                one_run_is_to_be_over_before_the_next_is_asked_for,
                a_run_of_what_is_out_of_sight_is_not_found,
                no_id_of_a_run_is_given_twice;
            organizers:
                an_organizer_switched_off_has_nothing_due,
                an_organizer_switched_on_sleeps_until_it_is_planned,
                an_organizer_nobody_switched_on_is_off,
                what_was_stopped_by_mail_that_nobody_accepted_is_resumed_from_now_and_nothing_else,
                schedules_of_an_event_that_is_gone_are_out_of_service_for_good_and_others_are_not,
                a_run_that_is_settled_after_its_event_is_gone_brings_nothing_back,
                nothing_of_an_event_that_is_gone_is_resumed_or_changed,
                an_event_that_is_gone_takes_no_schedule_of_the_organizer_with_it;
            outbox:
                each_address_gets_a_mail_once,
                much_mail_of_one_organizer_holds_up_no_other,
                very_much_mail_of_one_organizer_holds_up_no_other,
                a_due_time_has_one_mail_of_a_kind,
                the_text_of_a_mail_goes_with_its_last_recipient,
                the_text_of_a_notice_about_no_run_goes_with_its_last_recipient,
                a_run_is_settled_when_all_its_recipients_are_final,
                a_lease_to_settle_is_taken_over_at_its_end,
                a_settled_counter_yields_to_a_person,
                settling_and_executing_take_turns,
                whoever_takes_the_schedule_ends_the_lease_of_a_late_settler,
                mail_that_nobody_takes_fails_the_run_of_a_deleted_schedule,
                a_schedule_deleted_before_settling_ends_its_run,
                a_mail_with_a_file_is_not_kept_where_the_run_has_no_file,
                a_run_that_is_submitted_with_a_notice_alone_is_settled_at_once;
            called_off:
                mail_of_a_deleted_schedule_goes_to_nobody_who_has_not_got_it,
                a_run_whose_mail_reached_nobody_before_its_schedule_was_deleted_is_cancelled,
                what_is_being_tried_at_the_deletion_ends_as_its_server_says_and_is_tried_no_more,
                a_try_that_never_ended_is_found_called_off_by_who_takes_it_over,
                mail_and_links_of_an_organizer_that_was_off_stay_called_off_when_it_is_on_again,
                a_link_of_a_deleted_schedule_leads_nowhere_though_its_mail_was_delivered,
                notices_about_runs_are_called_off_with_their_schedule_and_those_about_changes_are_not,
                one_export_is_called_off_for_all_whom_nobody_is_trying,
                a_file_of_several_events_says_which_while_it_is_kept;
            delivery:
                a_delivery_is_leased_once,
                of_deliveries_an_organizer_gets_no_more_than_it_has_room_for,
                a_late_result_of_a_delivery_taken_over_is_lost,
                a_put_off_delivery_waits_for_its_time,
                a_renewed_lease_of_a_delivery_holds_longer,
                a_try_that_does_not_count_leaves_the_tries_as_they_were,
                a_mail_tells_whether_it_was_accepted_for_anybody,
                who_was_tried_and_waits_is_known_with_the_last_words,
                deliveries_are_in_the_history_in_their_order,
                words_that_hold_a_nul_are_kept_with_a_sign_in_its_place;
            requests:
                a_request_is_carried_out_once,
                an_answer_is_kept_for_a_day,
                a_request_that_ran_out_is_taken_over,
                a_forgotten_request_can_be_repeated,
                an_answer_is_kept_with_the_commit_or_not_at_all;
            usage:
                a_caller_changes_so_much_a_minute_and_not_once_more,
                a_caller_writes_so_many_bytes_a_day_and_still_deletes_after_that,
                a_schedule_that_ran_so_often_is_not_moved_to_another_time_of_the_next_day,
                an_organizers_mails_end_at_the_limit_of_the_day_and_its_run_says_so,
                an_organizers_recipients_of_a_day_are_counted_one_by_one,
                notices_past_the_limit_are_few_and_then_the_history_says_it_alone,
                an_owners_mails_end_at_their_share_and_leave_the_rest_to_other_owners,
                an_owners_recipients_end_at_their_share,
                who_takes_a_schedule_over_uses_up_their_own_share,
                a_stale_update_leaves_caller_usage_as_it_was,
                a_schedule_that_is_refused_for_the_quota_leaves_caller_usage_as_it_was,
                schedules_made_to_run_at_once_and_deleted_again_are_not_made_again_and_again,
                schedules_that_ran_as_planned_are_deleted_and_made_again,
                a_schedule_that_ran_once_is_not_moved_where_no_run_may_come_of_it;
            plans:
                a_plan_is_written_where_nothing_has_changed,
                a_plan_waits_while_its_schedule_is_leased,
                a_schedule_that_cannot_be_planned_is_asked_for_once,
                plans_of_one_scope_are_asked_for,
                a_host_plans_again_what_an_older_zone_database_planned_and_nothing_of_a_newer_one,
                a_lease_tells_the_zone_that_its_run_was_started_in,
                a_plan_to_be_made_again_comes_with_the_latest_due_time_of_the_history,
                what_waits_is_counted,
                the_next_wake_is_the_earliest_of_all;
            retention:
                a_run_is_forgotten_at_its_time_and_not_one_second_before,
                at_most_so_many_runs_are_forgotten_at_once,
                a_run_is_forgotten_with_its_mails_and_their_deliveries,
                a_run_that_is_not_over_is_not_forgotten,
                a_run_with_a_mail_still_to_be_handed_over_is_not_forgotten,
                a_run_whose_file_can_be_fetched_is_not_forgotten,
                a_notice_to_an_owner_is_forgotten_once_it_is_handed_over,
                the_oldest_notices_are_forgotten_first,
                history_of_a_deleted_schedule_is_forgotten_too,
                audit_has_a_time_of_its_own;
        }
    };
    ($open:ident; $($group:ident: $($check:ident),+;)+) => {
        $(mod $group {
            $(#[tokio::test]
            async fn $check() {
                let Some((store, _kept)) = super::$open().await else {
                    return;
                };
                $crate::kit::$group::$check(&store).await;
            })+
        })+
    };
}
pub use store_kit;

/// A moment to begin at: 2027-01-15T08:00:00Z.
pub const T0: Instant = 1_800_000_000;
/// Release of the zone database that the kit plans with.
pub const ZONES: &str = "2026b";
/// Zone that the kit starts runs in.
pub const ZONE: &str = "Europe/Berlin";
const HOUR: Instant = 3600;
const LEASE: Instant = 60;

/// The organizer `acme` as a whole.
fn acme() -> Scope {
    Scope {
        organizer: "acme".to_owned(),
        event: None,
    }
}

/// Everything of a scope.
fn all(scope: Scope) -> Visible {
    Visible {
        scope,
        only_owner: None,
    }
}

pub(crate) fn content(next_run: impl Into<Option<Instant>>) -> Content {
    Content {
        export_identifier: "orderlist".to_owned(),
        recipients: Recipients {
            to: vec!["ann@example.org".to_owned()],
            cc: Vec::new(),
            bcc: vec!["\"o'neill\"@example.org".to_owned()],
        },
        next_run: next_run.into(),
        state: ScheduleState::Active,
        error_counter: 0,
        document: "{\"locale\":\"de\"}".to_owned(),
    }
}

fn commit(by: Visible, changes: Vec<Change>) -> Commit {
    Commit {
        by,
        actor: "user:1".to_owned(),
        now: T0,
        zone_database: ZONES.to_owned(),
        quota: None,
        changes,
        details: Default::default(),
        completion: None,
        limits: None,
    }
}

/// Adds a schedule of user 1.
async fn add(store: &dyn Storage, scope: Scope, content: Content) -> u64 {
    let id = store.reserve_id().await.unwrap();
    let owner = "1".to_owned();
    store
        .commit(commit(all(scope), vec![Change::Insert { id, owner, content }]))
        .await
        .unwrap();
    id
}

/// Switches `acme` on and adds a schedule of it that is due at [`T0`].
pub(crate) async fn add_due(store: &dyn Storage) -> u64 {
    store.set_enabled("acme", true, "user:1", T0 - HOUR).await.unwrap();
    add(store, acme(), content(T0)).await
}

/// Switches an organizer on and adds schedules of it, the first due at `due` and each so many seconds after the one before.
async fn add_many(store: &dyn Storage, organizer: &str, count: u32, due: Instant, apart: Instant) -> Vec<u64> {
    store.set_enabled(organizer, true, "user:1", T0 - HOUR).await.unwrap();
    let (mut ids, mut changes) = (Vec::new(), Vec::new());
    for nth in 0..count {
        let id = store.reserve_id().await.unwrap();
        let (owner, content) = ("1".to_owned(), content(due + Instant::from(nth) * apart));
        changes.push(Change::Insert { id, owner, content });
        ids.push(id);
    }
    let scope = Scope {
        organizer: organizer.to_owned(),
        event: None,
    };
    store.commit(commit(all(scope), changes)).await.unwrap();
    ids
}

async fn stored(store: &dyn Storage, id: u64) -> Row {
    store
        .get(&all(acme()), id)
        .await
        .unwrap()
        .expect("the schedule is there")
}

/// A change of a person, to the version that is stored.
pub(crate) async fn change(store: &dyn Storage, id: u64, content: Content, now: Instant) -> Result<(), CommitError> {
    let version = stored(store, id).await.version;
    let change = Change::Update {
        id,
        version,
        content,
        missed: Vec::new(),
    };
    store
        .commit(Commit {
            now,
            ..commit(all(acme()), vec![change])
        })
        .await
}

async fn delete(store: &dyn Storage, id: u64) {
    let change = Change::Delete { id, version: None };
    store.commit(commit(all(acme()), vec![change])).await.unwrap();
}

/// What is due at `now`, leased for a minute.
async fn take(store: &dyn Storage, now: Instant) -> Vec<Leased> {
    store.take_due(now, now + LEASE, 10, None).await.unwrap()
}

/// Of two hosts on one store, with schedules 1 to 30 due at [`T0`], each leases full batches of what the other has left.
pub async fn batches_of_two_hosts_are_full(one: &dyn Storage, other: &dyn Storage) {
    for (store, limit, wanted) in [
        (one, 10, 1..=10),
        (other, 5, 11..=15),
        (one, 10, 16..=25),
        (other, 15, 26..=30),
    ] {
        let leased = store.take_due(T0, T0 + 60, limit, None).await.unwrap();
        let ids = leased.iter().map(|leased| leased.row.id);
        assert!(ids.eq(wanted.clone()), "{wanted:?}");
    }
    assert_eq!(one.take_due(T0, T0 + 60, 10, None).await.unwrap(), []);
}

async fn take_one(store: &dyn Storage, now: Instant) -> Leased {
    let mut leased = take(store, now).await;
    assert_eq!(leased.len(), 1, "one is due");
    leased.remove(0)
}

async fn settle_one(store: &dyn Storage, now: Instant) -> Leased {
    let mut leased = store.take_settled(now, now + LEASE, 10).await.unwrap();
    assert_eq!(leased.len(), 1, "one is to be settled");
    leased.remove(0)
}

fn plan(due: Instant, next_run: impl Into<Option<Instant>>) -> RunStart {
    RunStart {
        due,
        missed: Vec::new(),
        next_run: next_run.into(),
    }
}

/// Starts a run due at [`T0`]; the next is a day later.
async fn start(store: &dyn Storage, leased: &Leased) -> u64 {
    store
        .start(&leased.lease, &plan(T0, T0 + 24 * HOUR), ZONES, ZONE, T0)
        .await
        .unwrap()
}

/// A file that was small enough never to be one.
fn in_memory(bytes: &[u8]) -> SpooledData {
    SpooledData::InMemory(Cursor::new(bytes.to_vec()))
}

/// Keeps a small file with the run.
async fn keep_file(store: &dyn Storage, leased: &Leased, run: u64) {
    let facts = FileFacts {
        name: "orders.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size: 3,
        rows: None,
        events: None,
    };
    store
        .keep_file(&leased.lease, run, &facts, &in_memory(b"a,b"))
        .await
        .unwrap();
}

fn finish(outcome: Outcome) -> Finish {
    Finish {
        outcome,
        error_counter: 0,
        active: true,
        mail: None,
        now: T0 + 5,
        mail_limits: None,
    }
}

fn failed(code: &str) -> Outcome {
    Outcome::Failed((code.to_owned(), "why".to_owned()))
}

fn mail(kind: MailKind, to: &[&str]) -> NewMail {
    NewMail {
        kind,
        message_id: format!("{}@host.example", kind.as_str()),
        from: "exports@host.example".to_owned(),
        from_name: None,
        reply_to: None,
        to: to.iter().map(|&address| address.to_owned()).collect(),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "Orders".to_owned(),
        text: "Attached.".to_owned(),
        attach_file: false,
    }
}

/// Submits the run that is due at [`T0`] to these recipients, and answers it.
async fn submit(store: &dyn Storage, to: &[&str]) -> u64 {
    let leased = take_one(store, T0).await;
    let run = start(store, &leased).await;
    let submitted = Finish {
        error_counter: leased.row.content.error_counter,
        mail: Some(mail(MailKind::Export, to)),
        ..finish(Outcome::Submitted)
    };
    store.finish(&leased.lease, run, &submitted).await.unwrap();
    run
}

async fn take_deliveries(store: &dyn Storage, now: Instant) -> Vec<DeliveryTask> {
    store.take_deliveries(now, now + LEASE, 10, None).await.unwrap()
}

fn accepted() -> DeliveryResult {
    DeliveryResult {
        status: DeliveryStatus::Accepted,
        words: "250 ok".to_owned(),
        next_try: None,
        counts: true,
    }
}

fn rejected() -> DeliveryResult {
    DeliveryResult {
        status: DeliveryStatus::Rejected,
        words: "550 no such user".to_owned(),
        next_try: None,
        counts: true,
    }
}

/// Hands over everything that is due.
async fn deliver(store: &dyn Storage, now: Instant, result: &DeliveryResult) {
    for task in take_deliveries(store, now).await {
        store.record_delivery(&task, result, now).await.unwrap();
    }
}

/// The whole history of a schedule.
async fn entries(store: &dyn Storage, schedule: u64) -> Vec<RunEntry> {
    let page = store
        .runs(schedule, &RunQuery::page(Position::Number(1), 50))
        .await
        .unwrap();
    page.expect("page one exists").rows
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_check_is_one_of_the_tests_that_the_macro_makes() {
        let listed = include_str!("kit.rs");
        let groups = [
            include_str!("kit/called_off.rs"),
            include_str!("kit/usage.rs"),
            include_str!("kit/delivery.rs"),
            include_str!("kit/filters.rs"),
            include_str!("kit/pauses.rs"),
            include_str!("kit/handover.rs"),
            include_str!("kit/telling.rs"),
            include_str!("kit/links.rs"),
            include_str!("kit/manual.rs"),
            include_str!("kit/organizers.rs"),
            include_str!("kit/outbox.rs"),
            include_str!("kit/people.rs"),
            include_str!("kit/plans.rs"),
            include_str!("kit/requests.rs"),
            include_str!("kit/retention.rs"),
            include_str!("kit/running.rs"),
        ];
        for check in groups.iter().flat_map(|group| group.split("pub async fn ").skip(1)) {
            let name = check.split('(').next().unwrap();
            assert!(
                listed.contains(&format!(" {name},")) || listed.contains(&format!(" {name};")),
                "{name} is not in store_kit!"
            );
        }
    }
}
