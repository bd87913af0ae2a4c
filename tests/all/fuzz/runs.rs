//! `jobs`: stored schedules, reasons and deliveries of any kind, through `execute`, `abandon` and `settle`.

use std::cell::{Cell, RefCell};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use reference_platform::Principal;
use reference_server::service::Operation;
use scheduled_exports_host::contract::schedule_store::RunStart;
use scheduled_exports_host::contract::{Content, Delivery, DeliveryStatus, Outcome, Recipients};
use scheduled_exports_host::contract::{ScheduleState, exported::jobs::AbandonReason};
use scheduled_exports_store::{
    Change, Commit, DeliveryResult, Finish, Leased, MailKind, NewMail, Row, StorageError, Visible,
};
use scheduled_exports_testing::{Harness, at};
use serde_json::Value;

use super::{NOW, Target, documents, grant, start, stored_document, word};

/// What a schedule's row may hold: document, exporter, recipients, counter, how long it has been due, and whether of an event.
type Stored = (String, String, (Vec<String>, Vec<String>), u32, i64, bool);

fn stored(of: Value, late: impl Strategy<Value = i64>) -> impl Strategy<Value = Stored> {
    let identifiers = word(&["orderlist", "orderlist", "dailysales", "mailaddresses", "gone", ""]);
    let addresses = || {
        vec(
            word(&["john@example.com", "a@example.com", "a b", "\r\n", "ü@exämple.com"]),
            0..4,
        )
    };
    let counters = prop_oneof![0..6_u32, any::<u32>()];
    (
        documents(of),
        identifiers,
        (addresses(), addresses()),
        counters,
        late,
        any::<bool>(),
    )
}

/// Schedules of one host, one after the other: each is gone before the next one comes.
struct Schedules {
    host: Harness,
    next: Cell<u64>,
    /// The one that is there.
    there: RefCell<Option<Row>>,
}

impl Schedules {
    fn new() -> Self {
        Self {
            host: start(),
            next: Cell::new(1_000),
            there: RefCell::default(),
        }
    }

    /// Puts one straight into the store, in place of what a case that failed has left.
    async fn put(&self, (document, export_identifier, (to, bcc), error_counter, late, at_event): Stored) -> Row {
        if let Some(left) = self.there.take() {
            self.delete(&left).await;
        }
        let (id, now) = (self.next.get(), at(NOW));
        self.next.set(id + 1);
        let grant = grant(&self.host, at_event.then_some("sampleconf")).await;
        let Principal::User { id: owner, .. } = &grant.principal else {
            unreachable!()
        };
        let row = Row {
            id,
            scope: grant.scope.clone(),
            owner: owner.clone(),
            version: 1,
            content: Content {
                export_identifier,
                recipients: Recipients {
                    to,
                    cc: Vec::new(),
                    bcc,
                },
                next_run: Some(now.saturating_sub(late)),
                state: ScheduleState::Active,
                error_counter,
                document,
            },
        };
        self.host.storage().seed(&row, "2026a", now).await.expect("seeded");
        self.there.replace(Some(row.clone()));
        row
    }

    async fn lease(&self) -> Result<Leased, TestCaseError> {
        let mut leased = self
            .host
            .storage()
            .take_due(at(NOW), at(NOW) + 60, 1, None)
            .await
            .map_err(away)?;
        prop_assert_eq!(leased.len(), 1);
        Ok(leased.remove(0))
    }

    /// Codes of what has failed.
    async fn failures(&self, id: u64) -> Vec<String> {
        let history = self.host.history(id).await;
        history
            .into_iter()
            .filter_map(|row| match row.entry.outcome {
                Some(Outcome::Failed((code, _))) => Some(code),
                _ => None,
            })
            .collect()
    }

    /// It can still be shown, and goes.
    async fn remove(&self, row: &Row) -> Result<(), TestCaseError> {
        let event = row.scope.event.as_deref();
        let grant = grant(&self.host, event).await;
        let shown = self.host.service.call(&grant, Operation::Get(row.id), None).await;
        prop_assert!(shown.is_ok(), "{shown:?}");
        self.there.take();
        self.delete(row).await;
        Ok(())
    }

    async fn delete(&self, row: &Row) {
        let commit = Commit {
            by: Visible {
                scope: row.scope.clone(),
                only_owner: None,
            },
            actor: "host".into(),
            now: at(NOW),
            zone_database: "2026a".into(),
            quota: None,
            changes: vec![Change::Delete {
                id: row.id,
                version: None,
            }],
            details: Default::default(),
            completion: None,
            limits: None,
        };
        self.host.storage().commit(commit).await.expect("deleted");
        // Mail that it has left goes out before the next one comes.
        self.host.step().await;
        let _ = self.host.take_mails();
    }
}

fn away(error: StorageError) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

#[test]
fn any_stored_schedule_is_executed_to_an_end_of_its_own_making() {
    executions().test();
}

pub(super) fn executions() -> Target {
    let all = Schedules::new();
    let lately = prop_oneof![Just(0_i64), 0..4_000_000_i64, -1_000_000_000..0_i64];
    let inputs = stored(stored_document(&all.host), lately);
    Target::new("execute", inputs, async move |stored| {
        let late = stored.4;
        let row = all.put(stored).await;
        all.host.step().await;
        let history = all.host.history(row.id).await;
        for code in all.failures(row.id).await {
            let trapped = [
                "plugin-trapped",
                "deadline-exceeded",
                "memory-limit-exceeded",
                "plugin-incomplete",
                "plugin-failed",
                "attempts-exhausted",
            ];
            prop_assert!(!trapped.contains(&code.as_str()), "{code}: {history:?}");
        }
        prop_assert!(late < 0 || !history.is_empty());
        all.remove(&row).await?;
        Ok(!history.is_empty())
    })
}

/// Words of any length, as a trap or a mail server may have them.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(?s).{0,60}",
        2 => word(&["550 5.1.1 no such user", "451 later\r\n250 ok", "panic: at plugin/src/run.rs", ""]),
        1 => (1..20_000_usize).prop_map(|length| "ß\u{0}".repeat(length)),
    ]
}

#[test]
fn any_run_is_given_up_for_any_reason_by_the_component_itself() {
    abandonments().test();
}

pub(super) fn abandonments() -> Target {
    let all = Schedules::new();
    let reasons = prop_oneof![
        2 => words().prop_map(AbandonReason::Trapped),
        1 => Just(AbandonReason::DeadlineExceeded),
        1 => Just(AbandonReason::OutOfMemory),
        2 => Just(AbandonReason::Unfinished),
    ];
    let late = prop_oneof![Just(0_i64), 0..4_000_000_i64, 0..1_000_000_000_i64];
    // The version at which it was started, or not at all; which attempt, and how much later the next due time is.
    let facts = (
        proptest::option::of(0..3_u64),
        prop_oneof![1..8_u32, any::<u32>()],
        proptest::option::of(1..4_000_000_i64),
    );
    let inputs = (stored(stored_document(&all.host), late), reasons, facts);
    Target::new(
        "abandon",
        inputs,
        async move |(stored, reason, (started, attempt, next))| {
            let row = all.put(stored).await;
            let mut leased = all.lease().await?;
            let due = row.content.next_run.expect("planned");
            if started.is_some() {
                let plan = RunStart {
                    due,
                    missed: Vec::new(),
                    next_run: next.map(|next| at(NOW) + next),
                };
                let run = all
                    .host
                    .storage()
                    .start(&leased.lease, &plan, "2026a", "UTC", at(NOW))
                    .await;
                let run = run.map_err(|error| TestCaseError::fail(error.to_string()))?;
                (leased.due, leased.lease.run, leased.row.content.next_run) = (Some(due), Some(run), plan.next_run);
            }
            (leased.started_version, leased.attempt) = (started, attempt);
            let tried = all.host.service.try_once(leased, Some(reason)).await;
            let tried = tried.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(tried.outcome.is_ok() && tried.finished && !tried.lost, "{tried:?}");
            let failed = !all.failures(row.id).await.is_empty();
            all.remove(&row).await?;
            Ok(failed)
        },
    )
}

#[test]
fn any_deliveries_are_settled_by_the_component_itself() {
    settlements().test();
}

pub(super) fn settlements() -> Target {
    let all = Schedules::new();
    let statuses = [
        DeliveryStatus::Queued,
        DeliveryStatus::Accepted,
        DeliveryStatus::Retrying,
        DeliveryStatus::Rejected,
        DeliveryStatus::Cancelled,
    ];
    let addresses = prop_oneof![word(&["john@example.com", "a@example.com", ""]), "(?s).{0,40}"];
    let delivery =
        (addresses, proptest::sample::select(statuses.to_vec()), words()).prop_map(|(address, status, words)| {
            Delivery {
                address,
                status,
                response: words,
            }
        });
    let late = prop_oneof![Just(0_i64), 0..4_000_000_i64];
    let facts = (prop_oneof![1..8_u32, any::<u32>()], any::<bool>(), any::<bool>());
    let inputs = (stored(stored_document(&all.host), late), vec(delivery, 0..76), facts);
    Target::new(
        "settle",
        inputs,
        async move |(stored, deliveries, (attempt, taken, active))| {
            let row = all.put(stored).await;
            let mut leased = submitted_and_final(&all, &row, taken).await?;
            leased.deliveries = deliveries;
            leased.attempt = attempt;
            leased.row.content.state = match active {
                true => ScheduleState::Active,
                false => ScheduleState::Stopped,
            };
            let accepted = leased
                .deliveries
                .iter()
                .any(|delivery| delivery.status == DeliveryStatus::Accepted);
            let tried = all.host.service.try_once(leased, None).await;
            let tried = tried.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(tried.outcome.is_ok() && tried.finished && !tried.lost, "{tried:?}");
            let failures = all.failures(row.id).await;
            prop_assert_eq!(failures.is_empty(), accepted, "{:?}", failures);
            all.remove(&row).await?;
            Ok(accepted)
        },
    )
}

/// Leases a run to settle whose one recipient's server took the mail, or did not.
async fn submitted_and_final(all: &Schedules, row: &Row, taken: bool) -> Result<Leased, TestCaseError> {
    let (storage, now) = (all.host.storage(), at(NOW));
    let lost = |error: scheduled_exports_store::LeaseError| TestCaseError::fail(error.to_string());
    let leased = all.lease().await?;
    let plan = RunStart {
        due: row.content.next_run.expect("planned"),
        missed: Vec::new(),
        next_run: None,
    };
    let run = storage.start(&leased.lease, &plan, "2026a", "UTC", now).await;
    let run = run.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let submitted = Finish {
        outcome: Outcome::Submitted,
        error_counter: row.content.error_counter,
        active: true,
        mail: Some(NewMail {
            kind: MailKind::Export,
            message_id: format!("{}@fuzz.example", row.id),
            from: "exports@fuzz.example".into(),
            from_name: None,
            reply_to: None,
            to: vec!["john@example.com".into()],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: "Orders".into(),
            text: String::new(),
            attach_file: false,
        }),
        now,
        mail_limits: None,
    };
    storage.finish(&leased.lease, run, &submitted).await.map_err(lost)?;
    let result = DeliveryResult {
        status: if taken {
            DeliveryStatus::Accepted
        } else {
            DeliveryStatus::Rejected
        },
        words: String::new(),
        next_try: None,
        counts: true,
    };
    for task in storage.take_deliveries(now, now + 60, 10, None).await.map_err(away)? {
        storage.record_delivery(&task, &result, now).await.map_err(lost)?;
    }
    let mut leased = storage.take_settled(now, now + 60, 10).await.map_err(away)?;
    prop_assert_eq!(leased.len(), 1);
    Ok(leased.remove(0))
}
