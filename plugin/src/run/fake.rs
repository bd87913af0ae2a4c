//! A host in memory, for one run. It panics at calls that the contract rules out.

use std::cell::{Cell, RefCell};

use crate::contract::{
    Audience, Content, DownloadLink, ExportError, File, Instant, Mail, MailError, MailKind, Outage, Outcome,
    OwnerRight, Recipients, RunContext, RunKind, RunStart, Schedule, ScheduleState, Settings, StoreError, User,
};
use crate::host::Run;

/// 2026-10-26 06:30 in Berlin, the first day after the clocks went back: a due time of [`facts`].
pub(crate) const MONDAY: Instant = 1_792_992_600;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const OWNER: &str = "john@example.com";
/// A value that must not get into the log.
pub(crate) const SECRET: &str = "s3cret";

/// A daily schedule whose next run is [`MONDAY`], at that time.
pub(crate) fn facts() -> RunContext {
    RunContext {
        kind: RunKind::Scheduled,
        page_url: String::new(),
        requested_by: None,
        schedule: Schedule {
            id: 7,
            owner: Some(User {
                id: "1".into(),
                email: OWNER.into(),
                language: "en".into(),
                active: true,
            }),
            version: 1,
            content: Content {
                export_identifier: "orderlist".into(),
                recipients: Recipients::default(),
                next_run: Some(MONDAY),
                state: ScheduleState::Active,
                error_counter: 0,
                document: document("DTSTART:20230118T000000\nRRULE:FREQ=DAILY", "06:30:00"),
            },
        },
        event_level: false,
        owner_right: OwnerRight::Yes,
        due: None,
        started_version: None,
        newer_zone_database: None,
        attempt: 1,
        settings: Settings {
            now: MONDAY,
            zone: "Europe/Berlin".into(),
            languages: vec!["de".into(), "en".into()],
            recipient_domains: None,
            mail_bytes: 20_000_000,
            configuration_url: "https://tickets.example.com/control/exports/".into(),
            latest_event: 0,
        },
    }
}

pub(crate) fn document(rule: &str, time: &str) -> String {
    serde_json::json!({
        "export_form_data": {"_format": "xlsx", "date_range": "month_previous", "note": SECRET, "text": "month_previous"},
        "date_ranges": ["date_range"],
        "locale": "de-informal",
        "mail_subject": "Order list",
        "mail_template": "All events.",
        "schedule_rrule": rule,
        "schedule_rrule_time": time,
        "anchor": "2026-01-01",
    })
    .to_string()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FakeCall {
    Start(RunStart),
    Produce {
        form: String,
        language: String,
        zone: String,
        now: Instant,
    },
    Zip,
    Link,
    /// Stored or rejected.
    Stage(Mail),
    Finish(Outcome, u32, bool),
}

#[derive(Debug)]
pub(crate) struct Fake {
    pub facts: RunContext,
    pub produced: Result<File, ExportError>,
    pub zipped: Result<File, ExportError>,
    pub linked: Result<Option<DownloadLink>, ExportError>,
    /// Addresses whose domain is not allowed.
    pub barred: Vec<String>,
    /// Rejects every mail to the responsible users.
    pub no_responsible_user: bool,
    pub start_error: Option<StoreError>,
    pub finish_error: Option<StoreError>,
    calls: RefCell<Vec<FakeCall>>,
    lines: RefCell<Vec<String>>,
    /// Size of the file that is stored with the run.
    file_size: Cell<Option<u64>>,
    staged: RefCell<Option<Mail>>,
    opened: Cell<bool>,
    spent: Cell<bool>,
}

pub(crate) fn file(size: u64) -> File {
    File {
        name: "orders.csv".into(),
        content_type: "text/csv".into(),
        size,
        rows: Some(2),
    }
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self::with(facts())
    }
    pub(crate) fn with(facts: RunContext) -> Self {
        Self {
            opened: Cell::new(facts.due.is_some()),
            facts,
            produced: Ok(file(1_000)),
            zipped: Ok(file(500)),
            linked: Ok(None),
            barred: Vec::new(),
            no_responsible_user: false,
            start_error: None,
            finish_error: None,
            calls: RefCell::default(),
            lines: RefCell::default(),
            file_size: Cell::default(),
            staged: RefCell::default(),
            spent: Cell::default(),
        }
    }
    /// Facts changed by `change`.
    pub(crate) fn where_(change: impl FnOnce(&mut RunContext)) -> Self {
        let mut facts = facts();
        change(&mut facts);
        Self::with(facts)
    }
    pub(crate) fn calls(&self) -> Vec<FakeCall> {
        self.calls.borrow().clone()
    }
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
    pub(crate) fn plan(&self) -> Option<RunStart> {
        self.calls().into_iter().find_map(|call| {
            if let FakeCall::Start(plan) = call {
                Some(plan)
            } else {
                None
            }
        })
    }
    /// How it finished: outcome, counter, active.
    pub(crate) fn end(&self) -> Option<(Outcome, u32, bool)> {
        self.calls().into_iter().find_map(|call| match call {
            FakeCall::Finish(outcome, counter, active) => Some((outcome, counter, active)),
            _ => None,
        })
    }
    /// Code of the failure that it finished with.
    pub(crate) fn failure(&self) -> Option<String> {
        match self.end()?.0 {
            Outcome::Failed((code, _)) => Some(code),
            _ => None,
        }
    }
    /// The mail that went out with `finish`.
    pub(crate) fn sent(&self) -> Option<Mail> {
        self.spent.get().then(|| self.staged.borrow().clone())?
    }
    /// The form that the exporter got.
    pub(crate) fn form(&self) -> serde_json::Value {
        let form = self.calls().into_iter().find_map(|call| match call {
            FakeCall::Produce { form, .. } => Some(form),
            _ => None,
        });
        serde_json::from_str(&form.expect("a call of the exporter")).expect("a form is JSON")
    }
    fn note(&self, call: FakeCall) {
        assert!(!self.spent.get(), "the handle is spent: {call:?}");
        assert!(
            self.opened.get() || matches!(call, FakeCall::Start(_)),
            "the run is not open: {call:?}"
        );
        self.calls.borrow_mut().push(call);
    }
    fn store_file(&self, made: &Result<File, ExportError>) -> Result<File, ExportError> {
        if let Ok(file) = made {
            self.file_size.set(Some(file.size));
        }
        made.clone()
    }
}

impl Run for Fake {
    fn context(&self) -> RunContext {
        self.facts.clone()
    }
    fn start(&self, plan: &RunStart) -> Result<(), StoreError> {
        self.opened.set(true);
        self.note(FakeCall::Start(plan.clone()));
        assert!(
            plan.next_run.is_none_or(|next| next > plan.due),
            "the next run is not after this one: {plan:?}"
        );
        for missed in &plan.missed {
            assert!(
                missed.first <= missed.last && missed.last < plan.due && missed.count > 0,
                "{plan:?}"
            );
        }
        self.start_error.clone().map_or(Ok(()), Err)
    }
    fn finish(&self, outcome: &Outcome, error_counter: u32, active: bool) -> Result<(), StoreError> {
        self.note(FakeCall::Finish(outcome.clone(), error_counter, active));
        if let Some(error) = &self.finish_error {
            return Err(error.clone());
        }
        if *outcome == Outcome::Submitted {
            let staged = self.staged.borrow();
            let linked = self.calls.borrow().contains(&FakeCall::Link);
            assert!(
                staged
                    .as_ref()
                    .is_some_and(|mail| mail.kind == MailKind::Export && mail.attach_file != linked)
            );
        }
        self.spent.set(true);
        Ok(())
    }
    fn produce(&self, form: &str, language: &str, zone: &str, now: Instant) -> Result<File, ExportError> {
        self.note(FakeCall::Produce {
            form: form.into(),
            language: language.into(),
            zone: zone.into(),
            now,
        });
        self.store_file(&self.produced)
    }
    fn zip(&self) -> Result<File, ExportError> {
        self.note(FakeCall::Zip);
        assert!(self.file_size.get().is_some(), "there is no file to zip");
        self.store_file(&self.zipped)
    }
    fn link(&self) -> Result<Option<DownloadLink>, ExportError> {
        self.note(FakeCall::Link);
        assert!(self.file_size.get().is_some(), "there is no file to fetch");
        self.linked.clone()
    }
    fn stage(&self, mail: &Mail) -> Result<(), MailError> {
        self.note(FakeCall::Stage(mail.clone()));
        if mail.subject.trim().is_empty() || mail.subject.chars().count() > 250 || mail.subject.contains(['\r', '\n']) {
            return Err(MailError::BadSubject);
        }
        match &mail.audience {
            Audience::Responsible if self.no_responsible_user => return Err(MailError::NoRecipient),
            Audience::Responsible => {}
            Audience::People(people) => {
                let all = || people.to.iter().chain(&people.cc).chain(&people.bcc);
                let stored = &self.facts.schedule.content.recipients;
                let known = |address: &String| {
                    let owner = self.facts.schedule.owner.as_ref().map(|owner| &owner.email);
                    let mut known = stored.to.iter().chain(&stored.cc).chain(&stored.bcc).chain(owner);
                    known.any(|stored| stored == address)
                        && !self.barred.iter().any(|b| b.eq_ignore_ascii_case(address))
                };
                if all().next().is_none() {
                    return Err(MailError::NoRecipient);
                }
                let unknown: Vec<String> = all().filter(|address| !known(address)).cloned().collect();
                if !unknown.is_empty() {
                    return Err(MailError::RecipientNotAllowed(unknown));
                }
            }
        }
        if mail.attach_file {
            let size = self
                .file_size
                .get()
                .ok_or(MailError::NoFile)?
                .div_ceil(3)
                .saturating_mul(4);
            if size > self.facts.settings.mail_bytes {
                return Err(MailError::TooLarge(size));
            }
        }
        *self.staged.borrow_mut() = Some(mail.clone());
        Ok(())
    }
    fn log(&self, text: &str) {
        assert!(!text.contains('@') && !text.contains(SECRET), "not for the log: {text}");
        assert!(text.len() <= 4096 && !text.contains('\n'), "not a line: {text}");
        self.lines.borrow_mut().push(text.to_owned());
    }
}

/// What can work later, nobody knows when.
pub(crate) fn outage(reason: &str) -> Outage {
    Outage {
        reason: reason.to_owned(),
        retry_after: None,
    }
}
