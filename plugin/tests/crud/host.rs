//! A host in memory with the guarantees of `wit/` for `access`: versions, visibility, quota, permissions of caller and owner.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use plugin::contract::{FormError, RequestError, RunEntry, RunId, RunQuery, RunRequest, *};
use plugin::host::Access;

/// Maximum number of event slugs in one call.
pub const MAX_SLUGS: usize = 1 << 14;

/// A Wednesday.
pub const NOW: &str = "2026-10-14T10:00:00+02:00";

pub fn at(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
}

pub fn user(name: &str) -> User {
    User {
        id: name.to_owned(),
        email: format!("{name}@example.org"),
        language: "en".to_owned(),
        active: true,
    }
}

/// A scheduled run without details.
pub fn run(due: &str, outcome: Option<Outcome>) -> RunEntry {
    RunEntry {
        id: 812,
        kind: RunKind::Scheduled,
        requested_by: None,
        due: at(due),
        started: Some(at(due) + 1),
        ended: outcome.is_some().then(|| at(due) + 9),
        attempts: 1,
        outcome,
        rows: None,
        bytes: None,
        deliveries: Vec::new(),
    }
}

/// One organizer (or one of its events) with its schedules.
pub struct Host {
    pub exporters: Vec<Exporter>,
    /// The events that a caller is permitted to export, by caller and exporter. Tokens are named `token`, devices `device`.
    pub rights: RefCell<BTreeMap<(String, String), BTreeSet<String>>>,
    /// The callers who are permitted to export all events with an exporter, including future ones; `rights` has the current ones.
    pub all_events: RefCell<BTreeSet<(String, String)>>,
    /// The events that a caller can see.
    pub known: RefCell<BTreeMap<String, BTreeSet<String>>>,
    pub rows: RefCell<BTreeMap<ScheduleId, Schedule>>,
    pub runs: RefCell<Vec<RunEntry>>,
    /// Pages that were asked for.
    pub queries: RefCell<Vec<PageQuery>>,
    /// Runs that were asked for.
    pub requests: RefCell<Vec<(Option<ScheduleId>, RunRequest)>>,
    /// The answer to each form; `None`: it is stored as it came.
    pub form_answer: RefCell<Option<Result<String, FormError>>>,
    /// The error of the next such request.
    pub request_error: Cell<Option<RequestError>>,
    pub missed: RefCell<Vec<MissedRange>>,
    /// Notices to owners: address, subject, text.
    pub notices: RefCell<Vec<(String, String, String)>>,
    /// The owners before the last change, takeover or deletion.
    owners: RefCell<BTreeMap<ScheduleId, User>>,
    /// Maximum size of the text of a notice, in bytes.
    pub max_notice_size: Cell<usize>,
    pub quota: Cell<Option<u32>>,
    /// Number of updates that fail because another caller has changed the row.
    pub rivals: Cell<u32>,
    pub registry_unavailable: Cell<bool>,
    /// Whether the host returns all events for a query about some, which the contract rules out.
    pub overstates: Cell<bool>,
    pub store_unavailable: Cell<bool>,
    /// Names of the functions that were called.
    pub calls: RefCell<Vec<&'static str>>,
    pub settings: Settings,
    pub event_level: bool,
}

impl Host {
    pub fn organizer() -> Self {
        let host = Self {
            exporters: exporters(),
            rights: RefCell::default(),
            all_events: RefCell::default(),
            known: RefCell::default(),
            rows: RefCell::default(),
            runs: RefCell::default(),
            queries: RefCell::default(),
            requests: RefCell::default(),
            form_answer: RefCell::default(),
            request_error: Cell::new(None),
            missed: RefCell::default(),
            notices: RefCell::default(),
            owners: RefCell::default(),
            max_notice_size: Cell::new(usize::MAX),
            quota: Cell::new(None),
            rivals: Cell::new(0),
            registry_unavailable: Cell::new(false),
            overstates: Cell::new(false),
            store_unavailable: Cell::new(false),
            calls: RefCell::default(),
            settings: Settings {
                now: at(NOW),
                zone: "Europe/Berlin".to_owned(),
                languages: vec!["en".to_owned(), "de".to_owned()],
                recipient_domains: None,
                mail_bytes: 20_000_000,
                configuration_url: "https://tickets.example/exports".to_owned(),
                latest_event: 7,
            },
            event_level: false,
        };
        for exporter in ["orders", "checkins"] {
            host.allow("owner", exporter, &["conf", "fest"]);
            host.allow_all("editor", exporter);
        }
        host.allow("owner", "badges", &[]);
        host
    }

    pub fn event() -> Self {
        Self {
            event_level: true,
            ..Self::organizer()
        }
    }

    pub fn allow(&self, who: &str, exporter: &str, events: &[&str]) {
        let events: BTreeSet<String> = events.iter().map(|&slug| slug.to_owned()).collect();
        let mut known = self.known.borrow_mut();
        known.entry(who.to_owned()).or_default().extend(events.iter().cloned());
        let right = (who.to_owned(), exporter.to_owned());
        self.all_events.borrow_mut().remove(&right);
        self.rights.borrow_mut().insert(right, events);
    }

    /// Permits all events, current and future ones.
    pub fn allow_all(&self, who: &str, exporter: &str) {
        self.allow(who, exporter, &["conf", "fest", "gala"]);
        let right = (who.to_owned(), exporter.to_owned());
        self.all_events.borrow_mut().insert(right);
    }

    pub fn forbid(&self, who: &str, exporter: &str) {
        let right = (who.to_owned(), exporter.to_owned());
        self.all_events.borrow_mut().remove(&right);
        self.rights.borrow_mut().remove(&right);
    }

    /// A user who sees only their own schedules.
    pub fn user<'a>(&'a self, name: &str) -> Seat<'a> {
        self.seat(Caller::User(user(name)), false)
    }

    /// A user with permission to change settings.
    pub fn editor(&self) -> Seat<'_> {
        self.seat(Caller::User(user("editor")), true)
    }

    pub fn owner(&self) -> Seat<'_> {
        self.user("owner")
    }

    pub fn seat(&self, caller: Caller, may_change_settings: bool) -> Seat<'_> {
        Seat {
            host: self,
            facts: AccessContext {
                caller,
                language: "en".to_owned(),
                event_level: self.event_level,
                may_change_settings,
                may_write: true,
                settings: self.settings.clone(),
            },
        }
    }

    pub fn row(&self, id: ScheduleId) -> Schedule {
        self.rows.borrow()[&id].clone()
    }

    pub fn edit(&self, id: ScheduleId, edit: impl FnOnce(&mut Schedule)) {
        edit(self.rows.borrow_mut().get_mut(&id).expect("a row"));
    }

    fn keep_owner(&self, row: &Schedule) {
        let mut owners = self.owners.borrow_mut();
        match &row.owner {
            Some(owner) => owners.insert(row.id, owner.clone()),
            None => owners.remove(&row.id),
        };
    }

    fn usable(&self, who: &str, exporter: &str) -> Option<BTreeSet<String>> {
        let offered = self.exporters.iter().find(|known| known.identifier == exporter)?;
        let right = (who.to_owned(), exporter.to_owned());
        let usable = self.rights.borrow().get(&right).cloned()?;
        (self.event_level || offered.across_events).then_some(usable)
    }
}

/// One caller at a host.
pub struct Seat<'a> {
    host: &'a Host,
    pub facts: AccessContext,
}

impl Seat<'_> {
    pub fn reading_only(mut self) -> Self {
        self.facts.may_write = false;
        self
    }

    pub fn in_german(mut self) -> Self {
        self.facts.language = "de-AT".to_owned();
        self
    }

    pub fn at(mut self, now: &str) -> Self {
        self.facts.settings.now = at(now);
        self
    }

    fn name(&self) -> &str {
        match &self.facts.caller {
            Caller::User(user) => &user.id,
            Caller::Token => "token",
            Caller::Device => "device",
        }
    }

    fn sees(&self, row: &Schedule) -> bool {
        let own = row.owner.as_ref().is_some_and(|owner| owner.id == self.name());
        self.facts.may_change_settings || own
    }

    fn subject(&self, whose: RightsOf) -> Result<Option<String>, LookupError> {
        if self.host.registry_unavailable.get() {
            return Err(LookupError::Unavailable("registry".to_owned()));
        }
        match whose {
            RightsOf::Caller => Ok(Some(self.name().to_owned())),
            RightsOf::OwnerOf(id) => {
                let row = Access::get(self, id).map_err(|_| LookupError::NotFound)?;
                Ok(row.owner.map(|owner| owner.id))
            }
        }
    }

    fn record(&self, call: &'static str) {
        self.host.calls.borrow_mut().push(call);
    }

    fn store(&self) -> Result<(), StoreError> {
        if self.host.store_unavailable.get() {
            return Err(StoreError::Unavailable("disk".to_owned()));
        }
        Ok(())
    }

    fn writes(&self) -> Result<(), StoreError> {
        self.store()?;
        if self.facts.may_write {
            Ok(())
        } else {
            Err(StoreError::Forbidden)
        }
    }
}

impl Access for Seat<'_> {
    fn context(&self) -> AccessContext {
        self.facts.clone()
    }

    fn list(&self, query: &PageQuery) -> Result<Page, StoreError> {
        self.store()?;
        self.host.queries.borrow_mut().push(query.clone());
        let rows: Vec<_> = self
            .host
            .rows
            .borrow()
            .values()
            .filter(|row| self.sees(row))
            .cloned()
            .collect();
        match query.at {
            Position::Number(1) => Ok(Page {
                total: rows.len() as u64,
                rows,
                next: None,
            }),
            _ => Err(StoreError::NotFound),
        }
    }

    fn get(&self, id: ScheduleId) -> Result<Schedule, StoreError> {
        self.store()?;
        let rows = self.host.rows.borrow();
        rows.get(&id)
            .filter(|row| self.sees(row))
            .cloned()
            .ok_or(StoreError::NotFound)
    }

    fn insert(&self, content: &Content) -> Result<Schedule, StoreError> {
        self.writes()?;
        let Caller::User(owner) = &self.facts.caller else {
            return Err(StoreError::Forbidden);
        };
        let mut rows = self.host.rows.borrow_mut();
        if let Some(quota) = self.host.quota.get().filter(|quota| rows.len() >= *quota as usize) {
            return Err(StoreError::Quota(quota));
        }
        let row = Schedule {
            id: rows.len() as u64 + 1,
            owner: Some(owner.clone()),
            version: 1,
            content: content.clone(),
        };
        rows.insert(row.id, row.clone());
        Ok(row)
    }

    fn update(
        &self,
        id: ScheduleId,
        version: u64,
        content: &Content,
        missed: &[MissedRange],
    ) -> Result<Schedule, StoreError> {
        self.writes()?;
        self.get(id)?;
        let mut rows = self.host.rows.borrow_mut();
        let row = rows.get_mut(&id).ok_or(StoreError::NotFound)?;
        if let Some(left) = self.host.rivals.get().checked_sub(1) {
            self.host.rivals.set(left);
            row.version += 1;
        }
        if row.version != version {
            return Err(StoreError::Stale);
        }
        self.host.keep_owner(row);
        row.version += 1;
        row.content = content.clone();
        self.host.missed.borrow_mut().extend_from_slice(missed);
        Ok(row.clone())
    }

    fn take_over(
        &self,
        id: ScheduleId,
        version: u64,
        content: &Content,
        missed: &[MissedRange],
    ) -> Result<Schedule, StoreError> {
        let Caller::User(owner) = &self.facts.caller else {
            return Err(StoreError::Forbidden);
        };
        self.update(id, version, content, missed)?;
        self.host.edit(id, |row| row.owner = Some(owner.clone()));
        Ok(self.host.row(id))
    }

    fn delete(&self, id: ScheduleId, version: Option<u64>) -> Result<(), StoreError> {
        self.writes()?;
        let row = self.get(id)?;
        if version.is_some_and(|version| version != row.version) {
            return Err(StoreError::Stale);
        }
        self.host.keep_owner(&row);
        self.host.rows.borrow_mut().remove(&id);
        Ok(())
    }

    fn runs(&self, id: ScheduleId, query: &RunQuery) -> Result<RunPage, StoreError> {
        self.get(id)?;
        let rows: Vec<_> = self
            .host
            .runs
            .borrow()
            .iter()
            .filter(|run| query.id.is_none_or(|id| run.id == id))
            .filter(|run| query.since.is_none_or(|since| run.due >= since))
            .filter(|run| query.until.is_none_or(|until| run.due <= until))
            .filter(|run| query.state != Some(RunState::Missed) || matches!(run.outcome, Some(Outcome::Missed(_))))
            .cloned()
            .collect();
        let Position::Number(page) = query.at else {
            return Err(StoreError::NotFound);
        };
        let total = rows.len() as u64;
        let size = query.size as usize;
        let rows: Vec<_> = rows.into_iter().skip((page as usize - 1) * size).take(size).collect();
        if page > 1 && rows.is_empty() {
            return Err(StoreError::NotFound);
        }
        Ok(RunPage {
            total,
            rows,
            next: Some("more".to_owned()),
        })
    }

    fn latest_runs(&self, ids: &[ScheduleId]) -> Result<Vec<Option<RunEntry>>, StoreError> {
        self.record("latest_runs");
        let latest = self.host.runs.borrow().first().cloned();
        Ok(ids.iter().map(|id| self.get(*id).ok().and(latest.clone())).collect())
    }

    fn request_run(&self, id: Option<ScheduleId>, what: &RunRequest) -> Result<RunId, RequestError> {
        if let Some(error) = self.host.request_error.take() {
            return Err(error);
        }
        let mut requests = self.host.requests.borrow_mut();
        requests.push((id, what.clone()));
        Ok(requests.len() as RunId)
    }

    fn check_form(&self, whose: RightsOf, _: &str, form: &str) -> Result<String, FormError> {
        self.record("check_form");
        assert_eq!(whose, RightsOf::Caller);
        self.host.form_answer.borrow().clone().unwrap_or(Ok(form.to_owned()))
    }

    fn available(&self, whose: RightsOf, only: Option<&str>) -> Result<Vec<Exporter>, LookupError> {
        self.record("available");
        let Some(who) = self.subject(whose)? else {
            return Ok(Vec::new());
        };
        let open = |exporter: &&Exporter| {
            only.is_none_or(|only| only == exporter.identifier)
                && self.host.usable(&who, &exporter.identifier).is_some()
        };
        Ok(self.host.exporters.iter().filter(open).cloned().collect())
    }

    fn usable_events(&self, whose: RightsOf, exporter: &str, only: Option<&[String]>) -> Result<Reach, LookupError> {
        self.record("usable_events");
        let named = only.unwrap_or_default().len();
        assert!(named <= MAX_SLUGS, "{named} slugs in one call");
        let Some(who) = self.subject(whose)? else {
            return Ok(Reach::Events(Vec::new()));
        };
        let usable = self.host.usable(&who, exporter).unwrap_or_default();
        let right = (who, exporter.to_owned());
        let asked_about_all = only.is_none() || self.host.overstates.get();
        if asked_about_all && self.host.all_events.borrow().contains(&right) {
            return Ok(Reach::AllEvents);
        }
        let asked = |slug: &String| only.is_none_or(|only| only.contains(slug));
        Ok(Reach::Events(usable.into_iter().filter(asked).rev().collect()))
    }

    fn visible_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError> {
        self.record("visible_events");
        assert!(slugs.len() <= MAX_SLUGS, "{} slugs in one call", slugs.len());
        self.subject(RightsOf::Caller)?;
        let known = self.host.known.borrow();
        let known = known.get(self.name()).cloned().unwrap_or_default();
        Ok(slugs
            .iter()
            .filter(|slug| known.contains(*slug))
            .rev()
            .cloned()
            .collect())
    }

    fn missing_events(&self, slugs: &[String]) -> Result<Vec<String>, LookupError> {
        self.record("missing_events");
        assert!(slugs.len() <= MAX_SLUGS, "{} slugs in one call", slugs.len());
        self.subject(RightsOf::Caller)?;
        let known = self.host.known.borrow();
        let there = |slug: &&String| known.values().all(|known| !known.contains(*slug));
        Ok(slugs.iter().filter(there).cloned().collect())
    }

    fn notify_owner(&self, id: ScheduleId, subject: &str, text: &str) -> Result<(), MailError> {
        self.record("notify_owner");
        let owner = self.host.owners.borrow().get(&id).cloned();
        let owner = owner.filter(|owner| owner.active && owner.id != self.name());
        let owner = owner.ok_or(MailError::NoRecipient)?;
        if text.len() > self.host.max_notice_size.get() {
            return Err(MailError::TooLarge(text.len() as u64));
        }
        let notice = (owner.email, subject.to_owned(), text.to_owned());
        self.host.notices.borrow_mut().push(notice);
        Ok(())
    }
}

fn exporters() -> Vec<Exporter> {
    let choice = |value: &str| Choice {
        value: serde_json::Value::from(value).to_string(),
        label: value.to_uppercase(),
    };
    let field = |name: &str, kind: FieldKind| Field {
        help: None,
        suggestion: None,
        name: name.to_owned(),
        label: format!("The {name}"),
        kind,
        required: false,
        default: None,
    };
    let format = Field {
        required: true,
        default: Some("\"xlsx\"".to_owned()),
        ..field("_format", FieldKind::Choice(vec![choice("xlsx"), choice("csv")]))
    };
    let status = FieldKind::MultipleChoice(vec![choice("paid"), choice("pending")]);
    let day = Field {
        required: true,
        ..field("day", FieldKind::Date)
    };
    let exporter = |identifier: &str, across_events: bool, fields: Vec<Field>| Exporter {
        identifier: identifier.to_owned(),
        label: format!("All {identifier}"),
        across_events,
        fields,
    };
    let range = field("date_range", FieldKind::DateRange);
    let few = FieldKind::Integer((1, 9));
    vec![
        exporter(
            "orders",
            true,
            vec![format, range, field("status", status), field("few", few)],
        ),
        exporter("checkins", true, vec![day]),
        exporter("badges", false, vec![field("note", FieldKind::Text(5))]),
    ]
}
