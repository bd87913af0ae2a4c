//! How a run's lease is used up: submitted, ended or postponed, in one transaction.

use sqlx::Row as _;

use super::columns::{State, scope, signed};
use super::{SqliteStorage, audit, files, leases, outbox, runs};
use crate::contract::Outcome;
use crate::storage::state::RunState;
use crate::storage::{Finish, Lease, LeaseError, Work};

impl SqliteStorage {
    pub(super) async fn write_finish(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<(), LeaseError> {
        if lease.run.is_some_and(|leased| leased != run) {
            return Err(LeaseError::Lost);
        }
        match (lease.work, &finish.outcome) {
            (Work::Execute, Outcome::Delivered) => Err(LeaseError::Lost),
            (Work::Execute, _) => self.finish_executed(lease, run, finish).await,
            (Work::Settle, Outcome::Delivered | Outcome::Failed(_)) => self.finish_settled(lease, run, finish).await,
            (Work::Settle, _) => Err(LeaseError::Lost),
        }
    }

    /// The schedule's fence is unchanged, so no person has changed it since the lease: counter and `active` are written.
    async fn finish_executed(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<(), LeaseError> {
        let (schedule, run) = (signed(lease.schedule)?, signed(run)?);
        let mut transaction = self.write().await?;
        let held = sqlx::query(
            "select s.organizer, s.event, s.attempt, r.due from schedule s join run r on r.id = s.open_run
             where s.id = $1 and s.fence = $2 and s.lease_until is not null and s.open_run = $3",
        )
        .bind(schedule)
        .bind(signed(lease.fence)?)
        .bind(run)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(LeaseError::Lost)?;
        let (scope, due) = (scope(&held)?, held.try_get("due")?);
        let (attempts, state) = (held.try_get("attempt")?, State::of(&finish.outcome)?);
        runs::write_state(
            &mut transaction,
            run,
            (RunState::Open, Some(attempts)),
            &state,
            finish.now,
        )
        .await?;
        let again = match finish.outcome {
            Outcome::Retry(at) => Some(at),
            _ => None,
        };
        sqlx::query(
            "update schedule set lease_until = null, retry_at = $2, error_counter = $3, active = $4,
               open_run = case when $2 is null then null else open_run end,
               attempt = case when $2 is null then 0 else attempt end
             where id = $1",
        )
        .bind(schedule)
        .bind(again)
        .bind(finish.error_counter)
        .bind(finish.active)
        .execute(&mut *transaction)
        .await?;
        if let Some(mail) = &finish.mail {
            outbox::insert(&mut transaction, Some(run), (&scope, schedule), due, mail, finish.now).await?;
        }
        if finish.outcome == Outcome::Submitted {
            outbox::settle_if_final(&mut transaction, run, finish.now).await?;
        } else {
            files::drop_unneeded(&mut transaction, run).await?;
        }
        audit::write_run(&mut transaction, finish.now, &scope, schedule, due, &finish.outcome).await?;
        Ok(transaction.commit().await?)
    }

    async fn finish_settled(&self, lease: &Lease, run: u64, finish: &Finish) -> Result<(), LeaseError> {
        let (schedule, run) = (signed(lease.schedule)?, signed(run)?);
        let mut transaction = self.write().await?;
        let held = sqlx::query(
            "select organizer, event, due, settle_version from run
             where id = $1 and schedule = $2 and settle_fence = $3 and settle_version is not null and state = 'submitted'",
        )
        .bind(run)
        .bind(schedule)
        .bind(signed(lease.fence)?)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(LeaseError::Lost)?;
        let (scope, due) = (scope(&held)?, held.try_get("due")?);
        let version: i64 = held.try_get("settle_version")?;
        let state = State::of(&finish.outcome)?;
        runs::write_state(&mut transaction, run, (RunState::Submitted, None), &state, finish.now).await?;
        leases::hold(&mut transaction, schedule, None).await?;
        // A person who changed the schedule meanwhile has reset the counter, and that stands.
        sqlx::query("update schedule set error_counter = $3, active = $4 where id = $1 and version = $2")
            .bind(schedule)
            .bind(version)
            .bind(finish.error_counter)
            .bind(finish.active)
            .execute(&mut *transaction)
            .await?;
        if let Some(mail) = &finish.mail {
            outbox::insert(&mut transaction, Some(run), (&scope, schedule), due, mail, finish.now).await?;
        }
        files::drop_unneeded(&mut transaction, run).await?;
        audit::write_run(&mut transaction, finish.now, &scope, schedule, due, &finish.outcome).await?;
        Ok(transaction.commit().await?)
    }
}
