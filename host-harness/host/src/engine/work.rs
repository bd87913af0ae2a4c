//! Runs a leased run to completion, whatever the component does.

use std::future::Future;
use std::sync::Arc;

use super::{End, Engine, GuestFault, Job, Worked};
use crate::contract::{
    Audience, Delivery, DeliveryStatus, Mail, MailKind, Outcome, RunKind, RunStart, StoreError, Stored,
};
use crate::contract::{ScheduleState, exported::jobs::AbandonReason};
use crate::imports::{Answer, HostFault, ImportError, Imports, STOPS_AT};
use crate::wording::{HostReason, NoticeText, RunContext, language_of};

/// Leases of one due time, or of one mail to be settled. At the next one the host ends the run without calling the component: a run
/// that kills its host must end.
pub const MAX_ATTEMPTS: u32 = 6;

/// In seconds. Due times of a schedule lie a day apart at least, to the hour that clocks are put forward. So what another zone
/// or time zone database makes of one is nearer to it than this, and what it makes of any other is farther away.
pub const SAME_DUE_TIME: i64 = 12 * 60 * 60;

/// How the work on a leased run ended. The outcome of its due time is in the run history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkResult {
    /// `finish` was committed: by the component, or by the host in its place.
    Finished,
    /// The lease was lost: a user changed the schedule, or another host has it.
    LeaseLost,
}

impl<H: Imports> Engine<H> {
    /// Runs a leased run to completion: executes it, or settles it with `deliveries`, those of its export mail, which are all
    /// final.
    ///
    /// `execute` or `settle` comes first, each within its limits. A run that `execute` has not finished is given to `abandon` in
    /// a fresh instance, and one that `abandon` has not finished either ends as failed: counted, the responsible told. One that
    /// `settle` has not finished ends by its deliveries, and the owner is told of recipients that did not get its mail. `again` mints the run that it is given once more, from what is stored by
    /// then, so that what was pinned is seen.
    ///
    /// A run past [`MAX_ATTEMPTS`] is ended like this without a call of the component.
    ///
    /// It is over when this answers, or its lease is lost. The host renews the lease meanwhile; it may drop the future at any
    /// time, and leaves the run to its lease by that.
    ///
    /// # Errors
    /// A part of the host was unavailable: the run is leased again after its lease expires.
    pub async fn work<F: Future<Output = Result<H::Run, HostFault>>>(
        &self,
        host: &Arc<H>,
        run: H::Run,
        deliveries: Option<&[Delivery]>,
        again: impl Fn(H::Run) -> F,
    ) -> Result<WorkResult, HostFault> {
        let call = |run, job| async move { self.job(host, run, &job).await };
        self.work_by(host, run, deliveries, call, again).await
    }

    /// [`work`](Self::work) for a host that records or counts the calls of the component: each is made by `call`, which passes it on
    /// to [`job`](Self::job).
    ///
    /// # Errors
    /// As [`work`](Self::work).
    pub async fn work_by<C, F>(
        &self,
        host: &Arc<H>,
        run: H::Run,
        deliveries: Option<&[Delivery]>,
        call: impl Fn(H::Run, Job) -> C,
        again: impl Fn(H::Run) -> F,
    ) -> Result<WorkResult, HostFault>
    where
        C: Future<Output = Worked<H::Run>>,
        F: Future<Output = Result<H::Run, HostFault>>,
    {
        if host.run_context(&run).attempt > MAX_ATTEMPTS {
            return over(self.end(host, run, deliveries, HostReason::NeverFinished).await);
        }
        let job = deliveries.map_or(Job::Execute, |deliveries| Job::Settle(deliveries.to_vec()));
        let worked = call(run, job).await;
        let reason = match progress(worked.end)? {
            Progress::Over(result) => return Ok(result),
            Progress::Unfinished(reason) => reason,
        };
        tracing::error!(?reason, "plugin did not finish the run");
        let run = again(worked.run).await?;
        if deliveries.is_some() {
            return over(self.end(host, run, deliveries, HostReason::PluginFailed).await);
        }
        let worked = call(run, Job::Abandon(reason)).await;
        let reason = match progress(worked.end)? {
            Progress::Over(result) => return Ok(result),
            Progress::Unfinished(reason) => reason,
        };
        tracing::error!(?reason, "plugin did not finish the abandoned run");
        let run = again(worked.run).await?;
        over(self.end(host, run, None, HostReason::PluginFailed).await)
    }

    /// Ends a run in the component's place: by its deliveries, where it has some; otherwise as failed, for this reason.
    async fn end(
        &self,
        host: &Arc<H>,
        mut run: H::Run,
        deliveries: Option<&[Delivery]>,
        reason: HostReason,
    ) -> Answer<(), StoreError> {
        let Some(deliveries) = deliveries else {
            self.start(host, &mut run).await?;
            return fail::<H>(host, run, &reason).await;
        };
        let refused = deliveries
            .iter()
            .filter(|delivery| delivery.status != DeliveryStatus::Accepted);
        let replies = refused.fold(String::new(), |list, delivery| {
            list + &format!("\n{}: {}", delivery.address, delivery.response)
        });
        if deliveries
            .iter()
            .all(|delivery| delivery.status != DeliveryStatus::Accepted)
        {
            return fail::<H>(host, run, &HostReason::Undelivered(replies)).await;
        }
        if !replies.is_empty() {
            let say = |facts: &RunContext<'_>| facts.partly_delivered(&replies);
            tell::<H>(host, &mut run, MailKind::Undelivered, say).await?;
        }
        let facts = host.run_context(&run);
        let content = &facts.schedule.content;
        let (active, counter) = (content.state != ScheduleState::Stopped, content.error_counter);
        let counts = active && facts.kind == RunKind::Scheduled;
        let counter = if counts { 0 } else { counter };
        host.finish(&mut run, Outcome::Delivered, counter, active).await
    }

    /// Starts a run that nobody has started, with what comes after its due time.
    async fn start(&self, host: &Arc<H>, run: &mut H::Run) -> Answer<(), StoreError> {
        let facts = host.run_context(run);
        let content = &facts.schedule.content;
        let (None, Some(due)) = (facts.due, content.next_run) else {
            return Ok(());
        };
        // What a person asked for leaves the plan as it is.
        if facts.kind != RunKind::Scheduled {
            let plan = RunStart {
                due,
                missed: Vec::new(),
                next_run: None,
            };
            return host.start(run, plan).await;
        }
        let row = Stored {
            document: content.document.clone(),
            default_zone: facts.settings.zone.clone(),
            not_before: None,
        };
        // Later due times that have passed too are the next lease's: they are found from here on.
        let plans = self.replan(host, &[row], due.saturating_add(SAME_DUE_TIME)).await;
        let planned = match plans {
            Ok(mut plans) => plans.pop().unwrap_or(Ok(None)),
            Err(GuestFault::Host(words)) => return Err(HostFault(words).into()),
            Err(fault) => Err(fault.to_string()),
        };
        let next_run = planned.unwrap_or_else(|reason| {
            tracing::error!(reason, "could not compute the next run; schedule has none");
            None
        });
        let plan = RunStart {
            due,
            missed: Vec::new(),
            next_run,
        };
        host.start(run, plan).await
    }
}

/// Ends a run as failed: counted, and the responsible told.
async fn fail<H: Imports>(host: &H, mut run: H::Run, reason: &HostReason) -> Answer<(), StoreError> {
    let facts = host.run_context(&run);
    let content = &facts.schedule.content;
    // What a person asked for counts for nothing.
    let counts = facts.kind == RunKind::Scheduled;
    let counter = content.error_counter.saturating_add(u32::from(counts)).min(STOPS_AT);
    let stopped = counts && counter >= STOPS_AT;
    let active = content.state != ScheduleState::Stopped && !stopped;
    let sentence = reason.sentence(language_of(facts.schedule.owner.as_ref(), &facts.settings.languages));
    let say = |facts: &RunContext<'_>| facts.failure(reason, stopped);
    tell(host, &mut run, MailKind::Failure, say).await?;
    let outcome = Outcome::Failed((reason.code().into(), sentence));
    host.finish(&mut run, outcome, counter, active).await
}

/// Stages a mail in the host's own words. Where nobody can be told, the history says it.
async fn tell<H: Imports>(
    host: &H,
    run: &mut H::Run,
    kind: MailKind,
    say: impl Fn(&RunContext<'_>) -> NoticeText,
) -> Result<(), HostFault> {
    let facts = host.run_context(run);
    let (schedule, settings) = (&facts.schedule, &facts.settings);
    let language = language_of(schedule.owner.as_ref(), &settings.languages);
    let due = facts.due.or(schedule.content.next_run).unwrap_or(settings.now);
    let said = say(&RunContext {
        language,
        exporter: &schedule.content.export_identifier,
        schedule: schedule.id,
        due: host.moment(due, &settings.zone, language.tag()),
        url: &settings.configuration_url,
    });
    let mail = Mail {
        kind,
        audience: Audience::Responsible,
        subject: said.subject,
        text: said.text,
        attach_file: false,
    };
    match host.stage(run, mail).await {
        Err(ImportError::Fault(fault)) => Err(fault),
        Ok(()) | Err(ImportError::Refused(_) | ImportError::Mistake(_)) => Ok(()),
    }
}

/// How far a call has brought its run.
enum Progress {
    Over(WorkResult),
    Unfinished(AbandonReason),
}

fn progress(end: End) -> Result<Progress, HostFault> {
    match end {
        End::Finished => Ok(Progress::Over(WorkResult::Finished)),
        End::LeaseLost => Ok(Progress::Over(WorkResult::LeaseLost)),
        End::Unfinished(reason) => Ok(Progress::Unfinished(reason)),
        End::HostFault(words) => Err(HostFault(words)),
    }
}

fn over(answer: Answer<(), StoreError>) -> Result<WorkResult, HostFault> {
    match answer {
        Ok(()) => Ok(WorkResult::Finished),
        Err(ImportError::Refused(StoreError::LeaseLost)) => Ok(WorkResult::LeaseLost),
        Err(ImportError::Fault(fault)) => Err(fault),
        Err(other) => Err(HostFault(other.to_string())),
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Scope;
    use crate::contract::{Position, RunQuery};
    use crate::engine::{Accepted, Cache, EMBEDDED, Limits};
    use crate::imports::ScheduleStore as _;
    use crate::memory::{LEASE, Memory, ROWS, Run, World};

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    /// 2026-10-27T03:00:00Z, 04:00 in Berlin.
    const DUE: i64 = 1_793_070_000;
    const MARY: &str = "mary@harbour.example";
    const JOHN: &str = "john@harbour.example";

    /// A host with a schedule of every day at 04:00, which is due.
    async fn due() -> (Engine<Memory>, Arc<Memory>, u64) {
        let engine = Engine::load(EMBEDDED, Limits::default(), &Cache::of_user()).expect("the component loads");
        let host = Arc::new(Memory::new(World::of_one(MARY), DUE - HOUR));
        let access = host.access("mary", &Scope::organizer("harbour")).expect("a caller");
        let document = json!({
            "export_identifier": ROWS, "export_form_data": {}, "mail_subject": "Rows", "mail_template": "As ever.",
            "mail_additional_recipients": JOHN, "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00",
        });
        let created = engine.schedules(&host, access).create(document.to_string()).await;
        let Accepted { access, .. } = created.expect("it is created");
        host.commit(access).expect("nobody else is there");
        host.clock().set(DUE);
        let id = *host.state().schedules.keys().next().expect("a schedule");
        (engine, host, id)
    }

    async fn afresh(run: Run) -> Result<Run, HostFault> {
        Ok(run.afresh())
    }

    /// A component that never finishes.
    async fn unfinished(run: Run, _: Job) -> Worked<Run> {
        let (end, outcome) = (End::Unfinished(AbandonReason::Unfinished), Ok(()));
        Worked { run, end, outcome }
    }

    /// Has the host end what is due, and answers the latest outcome and the counter of failures.
    async fn ended_by_the_host(engine: &Engine<Memory>, host: &Arc<Memory>, id: u64) -> (Outcome, u32) {
        for lease in host.lease() {
            let deliveries = host.deliveries(&lease);
            let settles = lease.fence.is_none().then_some(&*deliveries);
            let worked = engine
                .work_by(host, host.run(&lease), settles, unfinished, afresh)
                .await;
            assert_eq!(worked.expect("the host is there"), WorkResult::Finished);
        }
        let access = host.access("mary", &Scope::organizer("harbour")).expect("a caller");
        let history = host
            .runs(&access, id, RunQuery::page(Position::Number(1), 1))
            .await
            .expect("a page");
        let outcome = history.rows[0].outcome.clone().expect("it has ended");
        (outcome, host.state().schedules[&id].content.error_counter)
    }

    /// The code and the reason.
    fn failed(outcome: Outcome) -> (String, String) {
        match outcome {
            Outcome::Failed(failed) => failed,
            other => panic!("it did not fail: {other:?}"),
        }
    }

    /// Subjects of the mails that are handed over, with their recipients.
    fn mails(host: &Memory, refused: &[&str]) -> Vec<(String, String)> {
        let refused: Vec<String> = refused.iter().map(|address| (*address).to_owned()).collect();
        let mails = host.hand_over(&refused).into_iter();
        mails.map(|mail| (mail.subject, mail.to)).collect()
    }

    fn mail(subject: &str, to: &str) -> (String, String) {
        (subject.to_owned(), to.to_owned())
    }

    /// Submits the run that is due, and has its mail refused by some.
    async fn submitted(engine: &Engine<Memory>, host: &Arc<Memory>, refused: &[&str]) {
        for lease in host.lease() {
            let worked = engine.work(host, host.run(&lease), None, afresh).await;
            assert_eq!(worked.expect("the host is there"), WorkResult::Finished);
        }
        mails(host, refused);
    }

    #[tokio::test]
    async fn a_run_that_the_host_ends_is_not_planned_again_for_the_same_day_by_other_zone_rules() {
        let (engine, host, id) = due().await;
        // Planned by zone rules that had it an hour earlier.
        host.state()
            .schedules
            .get_mut(&id)
            .expect("the schedule")
            .content
            .next_run = Some(DUE - HOUR);
        let (outcome, counter) = ended_by_the_host(&engine, &host, id).await;
        assert_eq!((failed(outcome).0.as_str(), counter), ("plugin-failed", 1));
        assert_eq!(host.state().schedules[&id].content.next_run, Some(DUE + DAY));
        assert_eq!(mails(&host, &[]), [mail("Scheduled export failed: rows", MARY)]);
    }

    #[tokio::test]
    async fn the_owner_is_told_who_did_not_get_a_mail_that_the_host_settles() {
        let (engine, host, id) = due().await;
        submitted(&engine, &host, &[JOHN]).await;
        assert_eq!(ended_by_the_host(&engine, &host, id).await, (Outcome::Delivered, 0));
        assert_eq!(mails(&host, &[]), [mail("Not delivered to all recipients: rows", MARY)]);
    }

    #[tokio::test]
    async fn a_mail_that_everybody_got_is_settled_by_the_host_without_another() {
        let (engine, host, id) = due().await;
        submitted(&engine, &host, &[]).await;
        assert_eq!(ended_by_the_host(&engine, &host, id).await, (Outcome::Delivered, 0));
        assert_eq!(mails(&host, &[]), []);
    }

    #[tokio::test]
    async fn the_owner_is_told_that_nobody_got_a_mail_that_the_host_settles() {
        let (engine, host, id) = due().await;
        submitted(&engine, &host, &[MARY, JOHN]).await;
        let (outcome, counter) = ended_by_the_host(&engine, &host, id).await;
        let (code, reason) = failed(outcome);
        assert_eq!((code.as_str(), counter), ("delivery-failed", 1));
        assert!(reason.contains(MARY) && reason.contains(JOHN), "{reason}");
        assert_eq!(mails(&host, &[]), [mail("Scheduled export failed: rows", MARY)]);
    }

    #[tokio::test]
    async fn a_due_time_that_was_leased_six_times_ends_without_a_call_of_the_component() {
        let (engine, host, id) = due().await;
        for attempt in 1..=i64::from(MAX_ATTEMPTS) {
            assert_eq!(host.lease().len(), 1);
            host.clock().set(DUE + attempt * LEASE);
        }
        let leases = host.lease();
        let call = |_: Run, job: Job| async move { panic!("{job:?} of a run that never ends") };
        let worked = engine.work_by(&host, host.run(&leases[0]), None, call, afresh).await;
        assert_eq!(worked.expect("the host is there"), WorkResult::Finished);
        let (outcome, counter) = ended_by_the_host(&engine, &host, id).await;
        assert_eq!((failed(outcome).0.as_str(), counter), ("attempts-exhausted", 1));
        assert_eq!(host.state().schedules[&id].content.next_run, Some(DUE + DAY));
    }
}
