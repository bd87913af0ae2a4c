//! `jobs`: one leased run through the component, to an end that is written down.

use std::time::{Duration, Instant as Stopwatch};

use reference_platform::Ownership;
use scheduled_exports_host::contract::auth_context::{OwnerRight, RunFacts};
use scheduled_exports_host::contract::exported::jobs::AbandonReason;
use scheduled_exports_host::contract::schedule_store::Plan;
use scheduled_exports_host::contract::{Delivery, DeliveryStatus, Outcome, Schedule};
use scheduled_exports_host::engine::{End, GuestFault, Worked};
use scheduled_exports_host::imports::{AuthContext as _, STOPS_AT};
use scheduled_exports_host::tape::Job;
use scheduled_exports_host::wording::{HostReason, NoticeText, RunFacts as SaidOfRun, language_of};
use scheduled_exports_store::{Finish, LeaseError, Leased, MailKind, NewMail, Row, StartError, Work};
use tracing::Instrument as _;

use super::plans::Rechecked;
use super::{CallError, Service};
use crate::metrics::Called;
use crate::ports::Run;

/// How the handling of one leased run ended. What became of the due time is in the run history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `finish` was committed: by the component, or by its `abandon`, or by the host in its place.
    Finished,
    /// The lease was lost on the way: somebody changed the schedule, or another host has it. Nothing was written.
    LeaseLost,
    /// By this component's zone database its time is still to come: planned again, and the lease given back unused.
    StillToCome,
    /// Nothing could be written; the lease runs out, and the run is taken again.
    LeftToItsLease(String),
}

/// What one call of the component for a leased run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub outcome: Result<(), GuestFault>,
    /// `finish` was committed.
    pub finished: bool,
    /// The lease was lost.
    pub lost: bool,
}

/// Most leases of one due time: a run that kills its host must end.
pub const MOST_ATTEMPTS: u32 = 6;

impl Service {
    /// Works on a leased run until it has been finished, renewing its lease meanwhile: `lease` long, renewed at a third of it.
    ///
    /// All that is logged meanwhile, by host and component, is about one lease, and says which run it is as soon as that is
    /// started.
    pub async fn work(&self, leased: Leased, lease: Duration) -> Ended {
        let (schedule, fence) = (leased.row.id, leased.lease.fence);
        // Of the highest level, so that it is there whatever the log leaves out.
        let span = tracing::error_span!("run", run = leased.lease.run, schedule, fence);
        let work = async {
            let ended = self.work_on(leased, lease).await;
            report(&ended);
            ended
        };
        work.instrument(span).await
    }

    /// Has the component work on a leased run once, in a fresh instance, or with a reason give it up. Where it fails nothing
    /// more is done, and the lease is not renewed: [`Service::work`] is what a host wants.
    ///
    /// # Errors
    /// If the platform is away.
    pub async fn try_once(&self, mut leased: Leased, abandon: Option<AbandonReason>) -> Result<Tried, CallError> {
        let Worked { outcome, end, .. } = self.job(&mut leased, abandon).await?;
        Ok(Tried {
            outcome,
            finished: end == End::Finished,
            lost: end == End::LeaseLost,
        })
    }

    async fn work_on(&self, leased: Leased, lease: Duration) -> Ended {
        let leased = match self.rechecked(leased).await {
            Ok(Rechecked::Due(leased)) => *leased,
            Ok(Rechecked::StillToCome) => return Ended::StillToCome,
            Err(LeaseError::Lost) => return Ended::LeaseLost,
            Err(LeaseError::Storage(error)) => return Ended::LeftToItsLease(error.to_string()),
        };
        if leased.attempt > MOST_ATTEMPTS {
            return match leased.lease.work {
                Work::Execute => self.fail_in_its_place(leased, HostReason::NeverFinished).await,
                Work::Settle => self.settle_in_its_place(leased).await,
            };
        }
        let work = leased.lease.clone();
        tokio::select! {
            ended = self.through_the_component(leased) => ended,
            // The handles and whatever an import was doing are dropped with the other branch.
            ended = self.renew(work, lease) => ended,
        }
    }

    async fn renew(&self, lease: scheduled_exports_store::Lease, length: Duration) -> Ended {
        loop {
            tokio::time::sleep(length / 3).await;
            let until = self.services.clock.now() + i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
            match self.services.storage.renew(&lease, until).await {
                Ok(()) => {}
                Err(LeaseError::Lost) => return Ended::LeaseLost,
                Err(LeaseError::Storage(error)) => {
                    tracing::warn!(%error, "could not renew lease; will retry");
                }
            }
        }
    }

    async fn through_the_component(&self, mut leased: Leased) -> Ended {
        let ownership = match self.ownership(&leased.row).await {
            Ok(ownership) => ownership,
            Err(error) => return Ended::LeftToItsLease(error.to_string()),
        };
        if leased.lease.work == Work::Execute && ownership.event_deleted {
            return self.retire(&leased.row.scope).await;
        }
        let run = self.run_of(leased.clone(), ownership);
        let job = match leased.lease.work {
            Work::Execute => Job::Execute,
            Work::Settle => Job::Settle(leased.deliveries.clone()),
        };
        let Worked { run, end, .. } = self.export(run, job).await;
        let reason = match end {
            End::Finished => return Ended::Finished,
            End::LeaseLost => return Ended::LeaseLost,
            End::HostFault(words) => return Ended::LeftToItsLease(words),
            End::Unfinished(reason) => reason,
        };
        tracing::error!(?reason, "plugin did not finish the run");
        if leased.lease.work == Work::Settle {
            // The mail has left: what became of it is known here, and nothing that the component does changes it.
            return self.settle_in_its_place(leased).await;
        }
        // It may have been started: the fresh instance must see the pinned due time.
        leased.due = run.due;
        leased.started_version = run.leased.started_version;
        leased.started_zone.clone_from(&run.leased.started_zone);
        leased.lease = run.leased.lease;
        let run = match self.mint_run(leased.clone()).await {
            Ok(run) => run,
            Err(error) => return Ended::LeftToItsLease(error.to_string()),
        };
        let Worked { run, end, .. } = self.export(run, Job::Abandon(reason)).await;
        match end {
            End::Finished => Ended::Finished,
            End::LeaseLost => Ended::LeaseLost,
            End::HostFault(words) => Ended::LeftToItsLease(words),
            End::Unfinished(ended) => {
                tracing::error!(
                    schedule = leased.row.id,
                    ?ended,
                    "plugin did not finish the abandoned run"
                );
                leased.due = run.due;
                leased.lease = run.leased.lease;
                // What a trap says may hold data: it is logged, nobody is mailed it.
                self.fail_in_its_place(leased, HostReason::PluginFailed).await
            }
        }
    }

    /// One exported call for a leased run, and nothing after it: for whoever goes through a run step by step. What it has pinned
    /// is noted in `leased`.
    ///
    /// # Errors
    /// If the handle can't be minted, since the platform is away.
    pub async fn job(&self, leased: &mut Leased, abandon: Option<AbandonReason>) -> Result<Worked<Run>, CallError> {
        let run = self.mint_run(leased.clone()).await?;
        let job = match (abandon, leased.lease.work) {
            (Some(reason), _) => Job::Abandon(reason),
            (None, Work::Execute) => Job::Execute,
            (None, Work::Settle) => Job::Settle(leased.deliveries.clone()),
        };
        let worked = self.export(run, job).await;
        leased.due = worked.run.due;
        leased.started_version = worked.run.leased.started_version;
        leased.started_zone.clone_from(&worked.run.leased.started_zone);
        leased.lease = worked.run.leased.lease.clone();
        Ok(worked)
    }

    /// The export that this work is done by, counted.
    async fn export(&self, run: Run, job: Job) -> Worked<Run> {
        let began = Stopwatch::now();
        let export = match job {
            Job::Execute => "execute",
            Job::Abandon(_) => "abandon",
            Job::Settle(_) => "settle",
        };
        let worked = self.make(run, job).await;
        let how = match &worked.outcome {
            Ok(()) => Called::Answered,
            Err(GuestFault::Host(_)) => Called::Away,
            Err(GuestFault::Trapped(_) | GuestFault::OutOfTime | GuestFault::OutOfMemory) => Called::Failed,
        };
        self.metrics.called(export, how, began.elapsed());
        worked
    }

    async fn mint_run(&self, leased: Leased) -> Result<Run, CallError> {
        let ownership = self.ownership(&leased.row).await?;
        Ok(self.run_of(leased, ownership))
    }

    async fn ownership(&self, row: &Row) -> Result<Ownership, CallError> {
        let ownership = self
            .platform()
            .ownership(&row.owner, &row.scope, &row.content.export_identifier);
        Ok(ownership.await?)
    }

    fn run_of(&self, leased: Leased, ownership: Ownership) -> Run {
        let row = &leased.row;
        let owner_right = match leased.lease.work {
            Work::Execute => ownership.right,
            // What is left to do needs no right.
            Work::Settle => OwnerRight::Yes,
        };
        let mut settings = self.settings(&row.scope, ownership.place);
        // Its window stays what it was when it was started. What a person has changed since is read where things are now.
        if let Some(zone) = &leased.started_zone
            && leased.started_version == Some(row.version)
        {
            settings.zone.clone_from(zone);
        }
        let due = leased.due;
        let facts = RunFacts {
            schedule: Schedule {
                id: row.id,
                owner: ownership.owner,
                version: row.version,
                content: row.content.clone(),
            },
            event_level: row.scope.event.is_some(),
            owner_right,
            due,
            started_version: leased.started_version,
            newer_zone_database: Some(&leased.zone_database)
                .filter(|release| **release > self.services.zone_database)
                .cloned(),
            attempt: leased.attempt,
            settings,
        };
        Run {
            leased,
            facts,
            due,
            file: None,
            staged: None,
        }
    }

    /// Writes `failed` where the component can't: counted, and the owner told in the host's own words.
    async fn fail_in_its_place(&self, mut leased: Leased, reason: HostReason) -> Ended {
        let now = self.services.clock.now();
        let content = &leased.row.content;
        let due = leased.due.or(content.next_run).unwrap_or(now);
        let storage = &self.services.storage;
        let run = match leased.lease.run {
            Some(run) => run,
            None => {
                // From the due time on: those that have passed beside it are the next lease's, and must not be forgotten.
                let next_run = match self.plan_after(&leased.row, due).await {
                    Ok(next_run) => next_run,
                    Err(error) => return Ended::LeftToItsLease(error.to_string()),
                };
                let plan = Plan {
                    due,
                    missed: Vec::new(),
                    next_run,
                };
                let zone = match self.platform().place(&leased.row.scope).await {
                    Ok(place) => place.timezone,
                    Err(error) => return Ended::LeftToItsLease(error.to_string()),
                };
                match storage
                    .start(&leased.lease, &plan, &self.services.zone_database, &zone, now)
                    .await
                {
                    Ok(run) => {
                        tracing::Span::current().record("run", run);
                        run
                    }
                    Err(StartError::Lost) => return Ended::LeaseLost,
                    Err(error) => return Ended::LeftToItsLease(error.to_string()),
                }
            }
        };
        leased.lease.run = Some(run);
        let finish = self.failed(&leased, due, &reason).await;
        self.written(&leased, run, &finish).await
    }

    /// Ends a submitted run by what became of its mail, where the component can't.
    async fn settle_in_its_place(&self, leased: Leased) -> Ended {
        let now = self.services.clock.now();
        let Some(run) = leased.lease.run else {
            return Ended::LeaseLost;
        };
        let due = leased.due.unwrap_or(now);
        let refused: Vec<&Delivery> = leased
            .deliveries
            .iter()
            .filter(|delivery| delivery.status != DeliveryStatus::Accepted)
            .collect();
        let list = refused.iter().fold(String::new(), |list, delivery| {
            list + &format!("\n{}: {}", delivery.address, delivery.words)
        });
        let finish = if refused.len() == leased.deliveries.len() {
            self.failed(&leased, due, &HostReason::Undelivered(list)).await
        } else {
            let content = &leased.row.content;
            Finish {
                outcome: Outcome::Delivered,
                error_counter: if content.active { 0 } else { content.error_counter },
                active: content.active,
                mail: match refused.is_empty() {
                    true => None,
                    false => {
                        let say = |run: &SaidOfRun<'_>| run.partly_delivered(&list);
                        self.plain_mail(&leased, due, MailKind::Undelivered, say).await
                    }
                },
                now,
                mail_limits: self.services.facts.limits.mails(None),
            }
        };
        self.written(&leased, run, &finish).await
    }

    async fn written(&self, leased: &Leased, run: u64, finish: &Finish) -> Ended {
        match self.services.storage.finish(&leased.lease, run, finish).await {
            Ok(_) => Ended::Finished,
            Err(LeaseError::Lost) => Ended::LeaseLost,
            Err(LeaseError::Storage(error)) => Ended::LeftToItsLease(error.to_string()),
        }
    }

    /// A failure in the host's own words: counted, and the owner told.
    async fn failed(&self, leased: &Leased, due: i64, reason: &HostReason) -> Finish {
        let content = &leased.row.content;
        let counter = content.error_counter.saturating_add(1).min(STOPS_AT);
        let stopped = counter >= STOPS_AT;
        let owner = self.platform().user(&leased.row.owner).await.ok().flatten();
        let language = language_of(owner.as_ref(), &self.services.facts.languages);
        let say = |run: &SaidOfRun<'_>| run.failure(reason, stopped);
        Finish {
            outcome: Outcome::Failed((reason.code().into(), reason.sentence(language))),
            error_counter: counter,
            active: content.active && !stopped,
            mail: self.plain_mail(leased, due, MailKind::Failure, say).await,
            now: self.services.clock.now(),
            mail_limits: self.services.facts.limits.mails(None),
        }
    }

    /// A mail in the host's own words, in the owner's language; `None` if it would go to no one.
    async fn plain_mail(
        &self,
        leased: &Leased,
        due: i64,
        kind: MailKind,
        say: impl Fn(&SaidOfRun<'_>) -> NoticeText,
    ) -> Option<NewMail> {
        let row = &leased.row;
        let identifier = &row.content.export_identifier;
        let ownership = self.platform().ownership(&row.owner, &row.scope, identifier).await;
        let ownership = ownership.ok()?;
        let owner = ownership.owner.as_ref();
        let to = self.services.responsible(owner, &row.scope).await.ok()?;
        if to.is_empty() {
            return None;
        }
        let settings = self.settings(&row.scope, ownership.place);
        let language = language_of(owner, &settings.languages);
        let said = say(&SaidOfRun {
            language,
            exporter: identifier,
            schedule: row.id,
            due: self.services.moment(due, &settings.zone, language.tag()),
            url: &settings.configuration_url,
        });
        let origin = &self.services.origin;
        Some(NewMail {
            kind,
            message_id: scheduled_exports_mail::message_id(row.id, due, kind, &origin.host),
            from: origin.sender.address().to_owned(),
            from_name: origin.sender.name().map(str::to_owned),
            reply_to: None,
            to,
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: said.subject,
            text: said.text,
            attach_file: false,
        })
    }
}

fn report(ended: &Ended) {
    match ended {
        Ended::Finished => tracing::info!("run attempt finished"),
        Ended::StillToCome => tracing::info!("due time moved later by newer time zone data; rescheduled"),
        Ended::LeaseLost => tracing::info!("lease lost; attempt discarded"),
        Ended::LeftToItsLease(reason) => {
            tracing::warn!(
                reason,
                "could not finish run; it will be retried when its lease expires"
            );
        }
    }
}
