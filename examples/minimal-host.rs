//! The smallest honest host: schedules in memory, one exporter, mails that are printed. `cargo run --example minimal-host`
//!
//! It keeps what the traits ask for: changes are staged and committed with compare-and-set, a lease has a fence, a due time is
//! pinned and has one entry in the history, a mail leaves with the commit of `finish`. To go on from here, put a database in
//! the place of `Tables` (each lock becomes a transaction), a mail server in that of `println!`. docs/host-author.md explains.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use host_harness::clock::{Clock, VirtualClock};
use host_harness::contract::auth_context::{AccessFacts, Caller, OwnerRight, RunFacts, Settings};
use host_harness::contract::exported::recurrence::Stored;
use host_harness::contract::exporters::{ExportError, Exporter, File, LookupError, Subject};
use host_harness::contract::mailer::{Audience, Mail, MailError};
use host_harness::contract::schedule_store::{Page, Plan, RunPage, StoreError};
use host_harness::contract::{Content, Delivery, DeliveryStatus, MissedRange, Outcome, PageQuery, Position};
use host_harness::contract::{Recipients, RunEntry, Schedule, User};
use host_harness::delivery::{render, size, staged};
use host_harness::engine::{Accepted, Cache, EMBEDDED, End, Engine, Limits, Worked};
use host_harness::imports::{Answer, AuthContext, Exporters, Log, Mailer, STOPS_AT, ScheduleStore, page, sort_key};
use host_harness::storage::{FileFacts, NewMail, OutboxMail, Scope};

/// A schedule, and what the host has to know to run it.
#[derive(Clone, PartialEq)]
struct Row {
    schedule: Schedule,
    /// Goes up with every lease, and with every change of a person: what is written under an older one is refused.
    fence: u64,
    /// The due time that a started run has pinned, and the schedule's version then: its retries have them too.
    pinned: Option<(i64, u64)>,
    /// Not leased before then: the end of a lease, or a retry.
    wait: i64,
    /// Leases of this due time.
    attempt: u32,
}

#[derive(Clone, Default, PartialEq)]
struct Tables {
    rows: BTreeMap<u64, Row>,
    /// By schedule and due time: so each due time has one entry.
    history: BTreeMap<(u64, i64), RunEntry>,
    /// By schedule, due time and kind: so there is one mail of each. With the bytes of its file.
    outbox: BTreeMap<(u64, i64, &'static str), (OutboxMail, Vec<u8>)>,
}

struct Host {
    tables: Mutex<Tables>,
    ids: AtomicU64,
    clock: VirtualClock,
}

/// One caller, the tables as his call has found them, and as it leaves them.
struct Access {
    facts: AccessFacts,
    found: Tables,
    tables: Tables,
}

/// One leased run.
struct Run {
    facts: RunFacts,
    fence: u64,
    due: Option<i64>,
    file: Option<(FileFacts, Vec<u8>)>,
    mail: Option<OutboxMail>,
}

impl AuthContext for Host {
    type Access = Access;
    type Run = Run;
    fn access_facts<'a>(&self, access: &'a Access) -> &'a AccessFacts {
        &access.facts
    }
    fn run_facts<'a>(&self, run: &'a Run) -> &'a RunFacts {
        &run.facts
    }
}

/// Left out: the component's lines go to `tracing`.
impl Log for Host {}

impl ScheduleStore for Host {
    async fn list(&self, by: &Access, query: PageQuery) -> Answer<Page, StoreError> {
        let rows = by.tables.rows.values().map(|row| (sort_key(query.order, &row.schedule), row.schedule.clone()));
        let (total, rows, next) = page(rows.collect(), query.descending, &query.at, query.size)?;
        Ok(Page { total, rows, next })
    }

    async fn get(&self, by: &Access, id: u64) -> Answer<Schedule, StoreError> {
        Ok(by.tables.rows.get(&id).map(|row| row.schedule.clone()).ok_or(StoreError::NotFound)?)
    }

    async fn insert(&self, by: &mut Access, content: Content) -> Answer<Schedule, StoreError> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let schedule = Schedule { id, owner: Some(mary()), version: 1, content };
        by.tables.rows.insert(id, Row { schedule: schedule.clone(), fence: 0, pinned: None, wait: 0, attempt: 0 });
        Ok(schedule)
    }

    async fn update(
        &self, by: &mut Access, id: u64, version: u64, content: Content, missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        let row = by.tables.rows.get_mut(&id).ok_or(StoreError::NotFound)?;
        if row.schedule.version != version {
            return Err(StoreError::Stale.into());
        }
        record(&mut by.tables.history, id, missed)?;
        (row.schedule.version, row.schedule.content) = (version + 1, content);
        (row.fence, row.wait, row.attempt) = (row.fence + 1, 0, 0);
        Ok(row.schedule.clone())
    }

    async fn take_over(
        &self, by: &mut Access, id: u64, version: u64, content: Content, missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        self.update(by, id, version, content, missed).await // all are Mary's already
    }

    async fn delete(&self, by: &mut Access, id: u64, version: Option<u64>) -> Answer<(), StoreError> {
        let row = by.tables.rows.get(&id).ok_or(StoreError::NotFound)?;
        if version.is_some_and(|version| version != row.schedule.version) {
            return Err(StoreError::Stale.into());
        }
        if let Some(run) = row.pinned.and_then(|(due, _)| by.tables.history.get_mut(&(id, due))) {
            run.outcome = Some(Outcome::Cancelled("The schedule was deleted.".into()));
        }
        by.tables.rows.remove(&id);
        Ok(())
    }

    async fn runs(&self, by: &Access, id: u64, at: Position, size: u32) -> Answer<RunPage, StoreError> {
        self.get(by, id).await?;
        let runs = by.tables.history.range((id, i64::MIN)..=(id, i64::MAX));
        let rows = runs.map(|(_, run)| ((false, format!("{:020}", run.due), id), run.clone()));
        let (total, rows, next) = page(rows.collect(), true, &at, size)?;
        Ok(RunPage { total, rows, next })
    }

    async fn start(&self, of: &mut Run, plan: Plan) -> Answer<(), StoreError> {
        let Tables { rows, history, .. } = &mut *self.tables();
        let id = of.facts.schedule.id;
        let row = rows.get_mut(&id).filter(|row| row.fence == of.fence).ok_or(StoreError::LeaseLost)?;
        if row.pinned.is_none() {
            if history.contains_key(&(id, plan.due)) {
                return Err(StoreError::LeaseLost.into()); // it has ended
            }
            record(history, id, plan.missed)?;
        }
        let entry = history.entry((id, plan.due)).or_insert_with(|| RunEntry::new(plan.due, None));
        (entry.started, entry.attempts) = (entry.started.or(Some(self.clock.now())), row.attempt);
        row.pinned = row.pinned.or(Some((plan.due, row.schedule.version)));
        (row.schedule.content.next_run, of.due) = (plan.next_run, Some(plan.due));
        Ok(())
    }

    async fn finish(&self, of: &mut Run, outcome: Outcome, error_counter: u32, active: bool) -> Answer<(), StoreError> {
        let Tables { rows, history, outbox, .. } = &mut *self.tables();
        let (id, due) = (of.facts.schedule.id, of.due.ok_or(StoreError::LeaseLost)?);
        let row = rows.get_mut(&id).filter(|row| row.fence == of.fence).ok_or(StoreError::LeaseLost)?;
        let entry = history.get_mut(&(id, due)).ok_or(StoreError::LeaseLost)?;
        (row.schedule.content.error_counter, row.schedule.content.active) = (error_counter, active);
        row.fence += 1;
        if let Some(mail) = of.mail.take() {
            let (file, bytes) = of.file.take().unzip();
            (entry.rows, entry.bytes) = file.map_or((None, None), |file| (file.rows, Some(file.size)));
            outbox.entry((id, due, mail.mail.kind.as_str())).or_insert((mail, bytes.unwrap_or_default()));
        }
        if let Outcome::Retry(at) = outcome {
            row.wait = at;
            return Ok(());
        }
        if row.pinned.is_some_and(|(pinned, _)| pinned == due) {
            (row.pinned, row.wait, row.attempt) = (None, 0, 0);
        }
        entry.ended = (outcome != Outcome::Submitted).then(|| self.clock.now());
        entry.outcome = Some(outcome);
        Ok(())
    }
}

impl Exporters for Host {
    async fn available(&self, by: &Access, whose: Subject, only: Option<String>) -> Answer<Vec<Exporter>, LookupError> {
        if matches!(whose, Subject::OwnerOf(id) if !by.tables.rows.contains_key(&id)) {
            return Err(LookupError::NotFound.into());
        }
        let (identifier, label) = ("visitors".to_owned(), "Visitors".to_owned());
        let visitors = Exporter { identifier, label, across_events: false, fields: Vec::new() };
        Ok(Vec::from_iter(only.is_none_or(|only| only == "visitors").then_some(visitors)))
    }

    async fn produce(
        &self, of: &mut Run, _form: String, _language: String, _zone: String, _now: i64,
    ) -> Answer<File, ExportError> {
        let csv = b"Name,City\r\nAda,London\r\nGrace,New York\r\n".to_vec();
        let (name, content_type) = ("visitors.csv".to_owned(), "text/csv".to_owned());
        let file = FileFacts { name, content_type, size: csv.len() as u64, rows: Some(2) };
        of.file = Some((file.clone(), csv));
        Ok(file.into())
    }
}

impl Mailer for Host {
    async fn stage(&self, of: &mut Run, mail: Mail) -> Answer<(), MailError> {
        let people = match &mail.audience {
            Audience::People(people) => people.clone(),
            Audience::Responsible => Recipients::only(mary().email),
        };
        let scope = Scope { organizer: "harbour".into(), event: Some("summer".into()) };
        let file = of.file.as_ref().map(|(file, _)| file.clone());
        let mail = staged(&of.facts, scope, of.due.unwrap_or(0), mail, people, "exports@harbour.example", file);
        let sent = size(&mail, mail.file.as_ref().map_or(0, |file| file.size));
        if sent > of.facts.settings.mail_bytes {
            return Err(MailError::TooLarge(sent).into());
        }
        of.mail = Some(mail);
        Ok(())
    }
}

impl Host {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("nobody panics while he holds this")
    }

    fn settings(&self) -> Settings {
        let (now, zone, languages) = (self.clock.now(), "Europe/Berlin".into(), vec!["en".into()]);
        let configuration_url = "https://harbour.example/exports".into();
        Settings { now, zone, languages, recipient_domains: None, mail_bytes: 20_000_000, configuration_url }
    }

    /// For one call of Mary's.
    fn access(&self) -> Access {
        let (caller, language, settings) = (Caller::User(mary()), "en".into(), self.settings());
        let (event_level, may_change_settings, may_write) = (true, true, true);
        let facts = AccessFacts { caller, language, event_level, may_change_settings, may_write, settings };
        let found = self.tables().clone();
        Access { facts, tables: found.clone(), found }
    }

    /// All that a call has changed, or nothing.
    fn commit(&self, access: Access) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if *tables != access.found {
            return Err(StoreError::Stale);
        }
        *tables = access.tables;
        Ok(())
    }

    /// Leases what is due, one at a time.
    fn lease(&self) -> Option<Run> {
        let (mut tables, now) = (self.tables(), self.clock.now());
        let row = tables.rows.values_mut().find(|row| {
            let due = row.pinned.map(|(due, _)| due).or(row.schedule.content.next_run);
            row.schedule.content.active && row.wait <= now && due.is_some_and(|due| due <= now)
        })?;
        (row.wait, row.attempt) = (now + 60, row.attempt + 1);
        Some(self.run(row, row.pinned))
    }

    /// The handle of a run, under a new fence.
    fn run(&self, row: &mut Row, pinned: Option<(i64, u64)>) -> Run {
        row.fence += 1;
        let ((due, started_version), attempt, event_level) = (pinned.unzip(), row.attempt, true);
        let (schedule, owner_right, settings) = (row.schedule.clone(), OwnerRight::Yes, self.settings());
        // One component plans here.
        let newer_zone_database = None;
        let facts = RunFacts {
            schedule,
            event_level,
            owner_right,
            due,
            started_version,
            newer_zone_database,
            attempt,
            settings,
        };
        Run { facts, fence: row.fence, due, file: None, mail: None }
    }

    /// Does all that is due now.
    async fn work(self: &Arc<Self>, engine: &Engine<Self>) -> Result<(), Box<dyn Error>> {
        while let Some(run) = self.lease() {
            let Worked { run, end, .. } = engine.execute(self, run).await;
            if let End::Unfinished(reason) = end {
                // In a fresh instance, which must see the pinned due time.
                let again = self.tables().rows.get_mut(&run.facts.schedule.id).map(|row| self.run(row, row.pinned));
                let Some(run) = again else { continue };
                let Worked { run, end, .. } = engine.abandon(self, run, &reason).await;
                if let End::Unfinished(_) = end {
                    self.fail(engine, run).await?;
                }
            }
        }
        let outbox = std::mem::take(&mut self.tables().outbox);
        for ((id, due, kind), (mail, file)) in outbox {
            let bytes = render(&mail, Some(&file))?;
            println!("-- mail to {}:\n{}", mail.mail.to.join(", "), String::from_utf8(bytes)?.replace('\r', ""));
            if let ("export", Some((run, deliveries))) = (kind, self.sent(id, due, &mail.mail)) {
                let Worked { mut run, end, .. } = engine.settle(self, run, &deliveries).await;
                if let End::Unfinished(_) = end {
                    self.finish(&mut run, Outcome::Delivered, 0, true).await?;
                }
            }
        }
        Ok(())
    }

    /// The run to settle, once every recipient's server (here, a terminal) has taken the mail.
    fn sent(&self, id: u64, due: i64, mail: &NewMail) -> Option<(Run, Vec<Delivery>)> {
        let (status, words) = (DeliveryStatus::Accepted, String::from("printed"));
        let to = [&mail.to, &mail.cc, &mail.bcc].into_iter().flatten().cloned();
        let deliveries: Vec<_> = to.map(|address| Delivery { address, status, words: words.clone() }).collect();
        let Tables { rows, history, .. } = &mut *self.tables();
        history.get_mut(&(id, due))?.deliveries.clone_from(&deliveries);
        let row = rows.get_mut(&id)?;
        Some((self.run(row, Some((due, row.schedule.version))), deliveries))
    }

    /// Ends a run that the component has not brought to an end, twice.
    async fn fail(self: &Arc<Self>, engine: &Engine<Self>, mut run: Run) -> Result<(), Box<dyn Error>> {
        let content = run.facts.schedule.content.clone();
        if let (None, Some(due)) = (run.due, content.next_run) {
            let stored = Stored { document: content.document, default_zone: run.facts.settings.zone.clone() };
            let next_run = engine.replan(self, &[stored], due).await?.remove(0)?;
            self.start(&mut run, Plan { due, missed: Vec::new(), next_run }).await?;
        }
        let (code, words) = ("component-failed".into(), "The plugin did not end the run.".into());
        let counter = content.error_counter + 1;
        run.mail = None;
        Ok(self.finish(&mut run, Outcome::Failed((code, words)), counter, counter < STOPS_AT).await?)
    }
}

fn mary() -> User {
    User { id: "1".into(), email: "mary@harbour.example".into(), language: "en".into(), active: true }
}

/// Writes missed due times down, unless one of them has an entry.
fn record(history: &mut BTreeMap<(u64, i64), RunEntry>, id: u64, missed: Vec<MissedRange>) -> Result<(), StoreError> {
    let recorded = |range: &MissedRange| history.range((id, range.first)..=(id, range.last)).next_back();
    if let Some((&(_, due), _)) = missed.iter().rev().find_map(recorded) {
        return Err(StoreError::Recorded(due));
    }
    history.extend(missed.into_iter().map(|of| ((id, of.last), RunEntry::new(of.last, Some(Outcome::Missed(of))))));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::load(EMBEDDED, Limits::default(), &Cache::of_user())?;
    let clock = VirtualClock::at(1_792_670_400); // 2026-10-22T12:00:00Z, a Thursday
    let host = Arc::new(Host { tables: Mutex::default(), ids: AtomicU64::new(0), clock });

    let document = r#"{"export_identifier": "visitors", "export_form_data": {},
        "mail_additional_recipients": "finance@harbour.example", "mail_subject": "Visitors", "mail_template": "As every Tuesday.",
        "schedule_rrule": "RRULE:FREQ=WEEKLY;BYDAY=TU", "schedule_rrule_time": "04:00:00"}"#;
    let Accepted { answer, access } = engine.schedules(&host, host.access()).create(document.into()).await?;
    host.commit(access)?;
    println!("-- created:\n{}", answer.document);

    let due = host.tables().rows.values().filter_map(|row| row.schedule.content.next_run).min();
    host.clock.set(due.ok_or("nothing is planned")?);
    host.work(&engine).await?;

    let first = Position::Number(1);
    let Accepted { answer, .. } = engine.schedules(&host, host.access()).runs(1, &first, 50).await?;
    println!("-- history:\n{}", answer.documents.join("\n"));
    Ok(())
}
