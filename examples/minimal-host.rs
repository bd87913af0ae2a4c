//! The smallest honest host: schedules in memory, one exporter, mails that are printed. `cargo run --example minimal-host`
//!
//! It keeps what the traits ask for: changes are staged and compared, leases are fenced, each due time has one entry in the
//! history, mail leaves with `finish`. docs/host-author.md says how to go on: each lock on `Tables` becomes a transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use scheduled_exports_host::clock::{Clock, VirtualClock};
use scheduled_exports_host::contract::*;
use scheduled_exports_host::engine::{Accepted, Cache, EMBEDDED, Engine, Limits};
use scheduled_exports_host::imports::*;

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
    attempt: u32,
}
/// A mail with its file, as it leaves. Another one of that schedule, due time and kind is the same mail again.
#[derive(Clone, PartialEq)]
pub struct Letter {
    pub key: (u64, i64, &'static str),
    pub people: Recipients,
    pub mail: Mail,
    pub file: Option<(File, Vec<u8>)>,
}
#[derive(Clone, Default, PartialEq)]
struct Tables {
    last_id: u64,
    rows: BTreeMap<u64, Row>,
    history: BTreeMap<(u64, i64), RunEntry>, // one entry per schedule and due time
    outbox: BTreeMap<(u64, i64, &'static str), Outgoing>,
}
type Outgoing = (Option<Letter>, u64, i64); // until it has gone; fence and end of the lease to settle it
/// The host of one person, whose all schedules are.
pub struct Host {
    tables: Mutex<Tables>,
    pub clock: VirtualClock,
    person: User,
}
/// One call: the tables as it has found them, and as it leaves them.
pub struct Access {
    facts: AccessContext,
    found: Tables,
    tables: Tables,
}
/// One leased run: its facts as they were then, and what its call has made and staged.
#[derive(Clone)]
pub struct Run {
    facts: RunContext,
    fence: u64,
    /// The mail has gone: the fence is that of the mail.
    settles: bool,
    file: Option<(File, Vec<u8>)>,
    mail: Option<Letter>,
}

impl AuthContext for Host {
    type Access = Access;
    type Run = Run;
    fn access_context<'a>(&self, access: &'a Access) -> &'a AccessContext {
        &access.facts
    }
    fn run_context<'a>(&self, run: &'a Run) -> &'a RunContext {
        &run.facts
    }
}
impl Log for Host {} // all left out: the component's lines go to `tracing`
impl ManualRuns for Host {} // left out: nobody can ask for a run that is not due

impl ScheduleStore for Host {
    async fn list(&self, by: &Access, query: PageQuery) -> Answer<Page, StoreError> {
        Ok(schedules_page(by.tables.rows.values().map(|row| &row.schedule), &query, by.facts.settings.now)?)
    }
    async fn get(&self, by: &Access, id: u64) -> Answer<Schedule, StoreError> {
        Ok(by.tables.rows.get(&id).map(|row| row.schedule.clone()).ok_or(StoreError::NotFound)?)
    }
    async fn insert(&self, by: &mut Access, content: Content) -> Answer<Schedule, StoreError> {
        by.tables.last_id += 1;
        let id = by.tables.last_id;
        let schedule = Schedule { id, owner: Some(self.person.clone()), version: 1, content };
        by.tables.rows.insert(id, Row { schedule: schedule.clone(), fence: 0, pinned: None, wait: 0, attempt: 0 });
        Ok(schedule)
    }
    async fn update(
        &self, by: &mut Access, id: u64, version: u64, content: Content, missed: Vec<MissedRange>,
    ) -> Answer<Schedule, StoreError> {
        let paused = content.state.at(by.facts.settings.now) == StateKind::Paused;
        by.tables.at(id, Some(version))?;
        record(&mut by.tables.history, id, missed)?;
        let row = by.tables.at(id, Some(version))?;
        (row.schedule.version, row.schedule.content) = (version + 1, content);
        (row.fence, row.wait, row.attempt) = (row.fence + 1, 0, 0);
        let (schedule, cancelled) = (row.schedule.clone(), row.pinned.take_if(|_| paused));
        by.tables.cancel(id, cancelled, "The schedule was paused.");
        Ok(schedule)
    }
    async fn delete(&self, by: &mut Access, id: u64, version: Option<u64>) -> Answer<(), StoreError> {
        let pinned = by.tables.at(id, version)?.pinned;
        by.tables.cancel(id, pinned, "The schedule was deleted.");
        by.tables.rows.remove(&id);
        Ok(())
    }
    async fn runs(&self, by: &Access, id: u64, query: RunQuery) -> Answer<RunPage, StoreError> {
        self.get(by, id).await?;
        Ok(runs_page(by.tables.history.range((id, i64::MIN)..=(id, i64::MAX)).map(|(_, run)| run), &query)?)
    }
    async fn start(&self, of: &mut Run, plan: RunStart) -> Answer<(), StoreError> {
        let Tables { rows, history, .. } = &mut *self.tables();
        let id = of.facts.schedule.id;
        let row = rows.get_mut(&id).filter(|row| row.fence == of.fence).ok_or(StoreError::LeaseLost)?;
        match row.pinned {
            None if !history.contains_key(&(id, plan.due)) => record(history, id, plan.missed)?,
            Some((due, _)) if due == plan.due => {}
            _ => return Err(StoreError::LeaseLost.into()), // it has ended, or is not the pinned one
        }
        let opened = RunEntry::new(history.len() as u64 + 1, plan.due, None);
        let entry = history.entry((id, plan.due)).or_insert(opened);
        (entry.started, entry.attempts) = (entry.started.or(Some(self.clock.now())), row.attempt);
        let pinned = *row.pinned.get_or_insert((plan.due, row.schedule.version));
        row.schedule.content.next_run = plan.next_run;
        (of.facts.due, of.facts.started_version) = Some(pinned).unzip();
        Ok(())
    }
    async fn finish(&self, of: &mut Run, outcome: Outcome, error_counter: u32, active: bool) -> Answer<(), StoreError> {
        let tables = &mut *self.tables();
        let (row, entry) = tables.held(of).ok_or(StoreError::LeaseLost)?;
        if row.schedule.version == of.facts.schedule.version {
            row.schedule.content.count(error_counter, active, self.clock.now());
        }
        match outcome {
            _ if of.settles => {}
            Outcome::Retry(at) => (row.fence, row.wait) = (row.fence + 1, at),
            _ => (row.fence, row.pinned, row.wait, row.attempt) = (row.fence + 1, None, 0, 0),
        }
        if let (Outcome::Submitted, Some(letter)) = (&outcome, &of.mail) {
            entry.deliveries = letter.people.queued();
        }
        entry.end(outcome, self.clock.now());
        if let Some(letter) = of.mail.take() {
            tables.outbox.entry(letter.key).or_insert((Some(letter), 0, 0));
        }
        Ok(())
    }
}

impl Exporters for Host {
    async fn available(&self, by: &Access, of: RightsOf, only: Option<String>) -> Answer<Vec<Exporter>, LookupError> {
        let unknown = matches!(of, RightsOf::OwnerOf(id) if !by.tables.rows.contains_key(&id));
        (!unknown).then_some(()).ok_or(LookupError::NotFound)?;
        let visitors = Exporter::new("visitors", "Visitors");
        Ok(Vec::from_iter(only.is_none_or(|only| only == "visitors").then_some(visitors)))
    }
    async fn produce(&self, of: &mut Run, _: String, _: String, _: String, _: i64) -> Answer<File, ExportError> {
        let csv = b"Name,City\r\nAda,London\r\nGrace,New York\r\n".to_vec();
        let (name, content_type) = ("visitors.csv".into(), "text/csv".into());
        let file = File { name, content_type, size: csv.len() as u64, rows: Some(2) };
        let tables = &mut *self.tables();
        let (_, entry) = tables.held(of).ok_or(ExportError::LeaseLost)?;
        (entry.rows, entry.bytes) = (file.rows, Some(file.size));
        of.file = Some((file.clone(), csv));
        Ok(file)
    }
}

impl Mailer for Host {
    async fn stage(&self, of: &mut Run, mail: Mail) -> Answer<(), MailError> {
        let owner = Recipients::only(&*self.person.email);
        let people = if let Audience::People(people) = &mail.audience { people.clone() } else { owner };
        let key = (of.facts.schedule.id, of.facts.due.unwrap_or(0), mail.kind.as_str());
        let file = of.file.clone().filter(|_| mail.attach_file);
        let bytes = 1_000 + mail.text.len() as u64 + file.as_ref().map_or(0, |(file, _)| file.size * 4 / 3); // in base64
        (bytes <= of.facts.settings.mail_bytes).then_some(()).ok_or(MailError::TooLarge(bytes))?;
        of.mail = Some(Letter { key, people, mail, file });
        Ok(())
    }
}

impl Tables {
    /// The row, if it is at this version.
    fn at(&mut self, id: u64, version: Option<u64>) -> Result<&mut Row, StoreError> {
        let row = self.rows.get_mut(&id).ok_or(StoreError::NotFound)?;
        version.is_none_or(|version| version == row.schedule.version).then_some(row).ok_or(StoreError::Stale)
    }
    /// Ends the run of a schedule that was started with this due time.
    fn cancel(&mut self, id: u64, pinned: Option<(i64, u64)>, why: &str) {
        if let Some(run) = pinned.and_then(|(due, _)| self.history.get_mut(&(id, due))) {
            run.outcome = Some(Outcome::Cancelled(why.into()));
        }
    }
    /// Row and entry of a started run, if its lease still holds.
    fn held(&mut self, run: &Run) -> Option<(&mut Row, &mut RunEntry)> {
        let (id, due) = (run.facts.schedule.id, run.facts.due?);
        let (row, entry) = (self.rows.get_mut(&id)?, self.history.get_mut(&(id, due))?);
        let fence = if run.settles { self.outbox.get(&(id, due, "export"))?.1 } else { row.fence };
        (fence == run.fence).then_some((row, entry))
    }
}

impl Host {
    pub fn new(person: User, now: i64) -> Self {
        Self { tables: Mutex::default(), clock: VirtualClock::at(now), person }
    }
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("nobody panics while he holds this")
    }
    fn settings(&self) -> Settings {
        Settings::new(self.clock.now(), "Europe/Berlin", "https://harbour.example/exports")
    }
    /// For one call of the person's, with credentials for writing or not.
    pub fn access(&self, may_write: bool) -> Access {
        let facts = AccessContext { may_write, ..AccessContext::new(self.person.clone(), self.settings()) };
        let found = self.tables().clone();
        Access { facts, tables: found.clone(), found }
    }
    /// All that a call has changed, or nothing.
    pub fn commit(&self, access: Access) -> Result<(), StoreError> {
        let mut tables = self.tables();
        (*tables == access.found).then(|| *tables = access.tables).ok_or(StoreError::Stale)
    }
    /// Leases what is due, one at a time: a run whose mail has gone, with what the servers said, or one to be made.
    pub fn lease(&self) -> Option<(Run, Option<Vec<Delivery>>)> {
        let (Tables { rows, history, outbox, .. }, now) = (&mut *self.tables(), self.clock.now());
        for (&(id, due, _), (mail, fence, wait)) in outbox {
            let (None, Some(row), Some(entry)) = (mail, rows.get(&id), history.get(&(id, due))) else { continue };
            if *wait <= now && entry.outcome == Some(Outcome::Submitted) {
                (*fence, *wait) = (*fence + 1, now + 60);
                let facts = self.facts(row, Some((due, row.schedule.version)));
                let run = Run { facts, fence: *fence, settles: true, file: None, mail: None };
                return Some((run, Some(entry.deliveries.clone())));
            }
        }
        let row = rows.values_mut().find(|row| {
            let due = row.pinned.map(|(due, _)| due).or(row.schedule.content.next_run);
            row.schedule.content.state.wakes() && row.wait <= now && due.is_some_and(|due| due <= now)
        })?;
        (row.wait, row.fence, row.attempt) = (now + 60, row.fence + 1, row.attempt + 1);
        let run = Run { facts: self.facts(row, row.pinned), fence: row.fence, settles: false, file: None, mail: None };
        Some((run, None))
    }
    fn facts(&self, row: &Row, pinned: Option<(i64, u64)>) -> RunContext {
        let (due, started_version) = pinned.unzip();
        let first = RunContext::new(row.schedule.clone(), self.settings());
        RunContext { due, started_version, attempt: row.attempt, ..first }
    }
    /// Empties the outbox. `hand_over` answers what the recipients' servers say, once they are all final.
    pub fn deliver(&self, hand_over: &mut dyn FnMut(&Letter) -> Vec<Delivery>) {
        let Tables { history, outbox, .. } = &mut *self.tables();
        for (&(id, due, kind), posted) in outbox {
            let said = posted.0.take().map(|letter| hand_over(&letter));
            if let (Some(said), Some(entry), "export") = (said, history.get_mut(&(id, due)), kind) {
                entry.deliveries = said;
            }
        }
    }
}

/// The run without what a call that has come to nothing has made of it.
pub async fn afresh(run: Run) -> Result<Run, HostFault> {
    Ok(Run { file: None, mail: None, ..run })
}

#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::load(EMBEDDED, Limits::default(), &Cache::of_user())?;
    let mary = User { id: "1".into(), email: "mary@harbour.example".into(), language: "en".into(), active: true };
    let host = Arc::new(Host::new(mary, 1_792_670_400)); // 2026-10-22T12:00:00Z, a Thursday
    let document = r#"{"export_identifier": "visitors", "export_form_data": {}, "mail_subject": "Visitors",
        "mail_template": "As every Tuesday.", "mail_additional_recipients": "finance@harbour.example",
        "schedule_rrule": "RRULE:FREQ=WEEKLY;BYDAY=TU", "schedule_rrule_time": "04:00:00"}"#;
    let Accepted { answer, access } = engine.schedules(&host, host.access(true)).create(document.into()).await?;
    host.commit(access)?;
    println!("-- created:\n{}", answer.document);
    host.clock.set(1_793_070_000); // 2026-10-27T03:00:00Z, when it is due
    let mut print = |Letter { key: (id, due, kind), people, mail, file }: &Letter| {
        println!("-- mail to {}:", people.all().cloned().collect::<Vec<_>>().join(", "));
        println!("Message-ID: <{id}.{due}.{kind}@harbour.example>\nSubject: {}\n\n{}", mail.subject, mail.text);
        if let Some((File { name, content_type, .. }, bytes)) = file {
            print!("-- with {name} ({content_type}):\n{}", String::from_utf8_lossy(bytes).replace('\r', ""));
        }
        let taken = |one| Delivery { status: DeliveryStatus::Accepted, response: "printed".into(), ..one };
        people.queued().into_iter().map(taken).collect()
    };
    while let Some((run, said)) = host.lease() {
        engine.work(&host, run, said.as_deref(), afresh).await?;
        host.deliver(&mut print);
    }
    let whole = RunQuery::page(Position::Number(1), 50);
    let Accepted { answer, .. } = engine.schedules(&host, host.access(false)).runs(1, &whole).await?;
    println!("-- history:\n{}", answer.documents.join("\n"));
    Ok(())
}
