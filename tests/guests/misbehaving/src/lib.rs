//! A component that does what its stored documents tell it to: everything a plugin must not do.
//!
//! A document is a JSON object whose keys are exports (`execute`, `abandon`, `settle`, `list`, `create`, `replan`) and whose
//! values are misdeeds; `with`, `to` and `count` are what a misdeed needs besides. An export without a misdeed does what it should,
//! once an hour after its creation and every day after that. `act` takes the misdeed for a verb.

#[allow(missing_docs, clippy::all, reason = "generated; documented in wit/")]
mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "../../../wit" });
}

mod deeds;

use bindings::exports::ticketing::scheduled_exports as exports;
use bindings::ticketing::scheduled_exports as imports;
use imports::auth_context::{Access, Caller, Run, RunContext};
use imports::mailer::{Audience, Mail, MailKind};
use imports::schedule_store::{RunStart, StoreError};
use imports::types::{
    Content, Delivery, FieldError, Outcome, PageQuery, Problem, Recipients, RunKind, RunQuery, Schedule, ScheduleState,
};
use imports::{exporters, mailer, schedule_store as store};

const DAY: i64 = 86_400;
const FORM: &str = r#"{"_format":"default","date_range":"2026-01-01/2026-12-31"}"#;

macro_rules! misdeeds {
    ($($name:ident: $what:literal,)*) => {
        #[allow(non_camel_case_types, reason = "named as the tests are")]
        #[derive(Clone, Copy)]
        enum Misdeed { $(#[doc = $what] $name,)* }

        impl Misdeed {
            fn of(word: &str) -> Option<Self> {
                match word {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}
include!("misdeeds.rs");

/// The string value of a key in a document.
fn value<'a>(document: &'a str, key: &str) -> Option<&'a str> {
    let from = document.find(&format!("\"{key}\":\""))? + key.len() + 4;
    document[from..].split('"').next()
}

fn number(document: &str, key: &str) -> i64 {
    value(document, key).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn misdeed(document: &str, export: &str) -> Option<Misdeed> {
    Misdeed::of(value(document, export)?)
}

struct Guest;
bindings::export!(Guest with_types_in bindings);

fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::NotFound,
        StoreError::Stale => Problem::Stale,
        StoreError::Quota(_) | StoreError::Forbidden => Problem::Forbidden("no".into()),
        StoreError::LeaseLost => Problem::Unavailable("lease lost".into()),
        StoreError::AlreadyRecorded(_) => Problem::Unavailable("recorded".into()),
        StoreError::Unavailable(words) => Problem::Unavailable(words),
    }
}

fn document(of: &Schedule) -> String {
    format!(
        r#"{{"id":{},"error_counter":{},"active":{},"document":{}}}"#,
        of.id,
        of.content.error_counter,
        matches!(of.content.state, ScheduleState::Active),
        of.content.document
    )
}

fn versioned(of: &Schedule) -> exports::schedules::Versioned {
    exports::schedules::Versioned {
        document: document(of),
        version: of.version,
    }
}

fn content(document: String, next_run: i64) -> Content {
    Content {
        export_identifier: "orderlist".into(),
        recipients: Recipients {
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
        },
        next_run: Some(next_run),
        state: ScheduleState::Active,
        error_counter: 0,
        document,
    }
}

impl exports::schedules::Guest for Guest {
    fn list(by: &Access, query: PageQuery) -> Result<exports::schedules::Page, Problem> {
        let page = store::list(by, &query).map_err(problem)?;
        for row in &page.rows {
            if let Some(misdeed) = misdeed(&row.content.document, "list") {
                deeds::in_call(misdeed, by, &row.content.document);
                return deeds::list(misdeed);
            }
        }
        Ok(exports::schedules::Page {
            total: page.total,
            documents: page.rows.iter().map(document).collect(),
            next: page.next,
        })
    }

    fn get(by: &Access, id: u64) -> Result<exports::schedules::Versioned, Problem> {
        store::get(by, id).map(|row| versioned(&row)).map_err(problem)
    }

    fn create(by: &Access, document: String) -> Result<exports::schedules::Versioned, Problem> {
        let now = by.context().settings.now;
        if let Some(misdeed) = misdeed(&document, "create") {
            deeds::in_call(misdeed, by, &document);
        }
        store::insert(by, &content(document, now + 3_600))
            .map(|row| versioned(&row))
            .map_err(problem)
    }

    fn replace(
        by: &Access,
        id: u64,
        document: String,
        if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, Problem> {
        let row = store::get(by, id).map_err(problem)?;
        let content = Content {
            document,
            error_counter: 0,
            state: ScheduleState::Active,
            ..row.content
        };
        store::update(by, id, if_version.unwrap_or(row.version), &content, &[])
            .map(|row| versioned(&row))
            .map_err(problem)
    }

    fn patch(
        by: &Access,
        id: u64,
        document: String,
        if_version: Option<u64>,
    ) -> Result<exports::schedules::Versioned, Problem> {
        Self::replace(by, id, document, if_version)
    }

    fn delete(by: &Access, id: u64, if_version: Option<u64>) -> Result<(), Problem> {
        store::delete(by, id, if_version).map_err(problem)
    }

    fn runs(by: &Access, id: u64, query: RunQuery) -> Result<exports::schedules::Page, Problem> {
        let page = store::runs(by, id, &query).map_err(problem)?;
        let documents = page
            .rows
            .iter()
            .map(|row| format!(r#"{{"due":{}}}"#, row.due))
            .collect();
        Ok(exports::schedules::Page {
            total: page.total,
            documents,
            next: page.next,
        })
    }

    fn exporters(_by: &Access, _only: Option<String>) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    fn view(by: &Access, _id: Option<u64>, name: String, params: Vec<(String, String)>) -> Result<String, Problem> {
        let misdeed = Misdeed::of(&name).ok_or(Problem::NotFound)?;
        let document = params.first().map_or("", |(_, value)| value.as_str());
        Ok(deeds::in_call(misdeed, by, document))
    }

    fn act(
        by: &Access,
        _id: Option<u64>,
        verb: String,
        document: String,
    ) -> Result<exports::schedules::Acted, Problem> {
        let misdeed = Misdeed::of(&verb).ok_or(Problem::NotFound)?;
        let document = deeds::in_call(misdeed, by, &document);
        Ok(exports::schedules::Acted { document, run: None })
    }
}

impl exports::recurrence::Guest for Guest {
    fn next_run(_rule: exports::recurrence::Rule, after: i64) -> Result<Option<i64>, Vec<FieldError>> {
        Ok(Some(after.saturating_add(DAY)))
    }

    fn preview(
        _rule: exports::recurrence::Rule,
        _after: i64,
        _limit: u32,
    ) -> Result<Vec<exports::recurrence::Occurrence>, Vec<FieldError>> {
        Ok(Vec::new())
    }

    fn replan(rows: Vec<exports::recurrence::Stored>, after: i64) -> Vec<Result<Option<i64>, String>> {
        let mut plans = Vec::new();
        for row in rows {
            match misdeed(&row.document, "replan") {
                Some(Misdeed::replans_too_few) => {}
                Some(Misdeed::replans_out_of_range) => plans.push(Ok(Some(number(&row.document, "with")))),
                Some(misdeed) => {
                    deeds::anywhere(misdeed);
                    plans.push(Err("came back".into()));
                }
                None => plans.push(Ok(Some(after.saturating_add(DAY)))),
            }
        }
        plans
    }
}

impl exports::jobs::Guest for Guest {
    fn execute(run: &Run) {
        let facts = run.context();
        let document = facts.schedule.content.document.clone();
        match misdeed(&document, "execute") {
            Some(misdeed) => deeds::in_run(misdeed, run, &facts, &document),
            None => submit(run, &facts),
        }
    }

    fn abandon(run: &Run, reason: exports::jobs::AbandonReason) {
        use exports::jobs::AbandonReason as Reason;
        let facts = run.context();
        let document = facts.schedule.content.document.clone();
        if let Some(misdeed) = misdeed(&document, "abandon") {
            return deeds::in_run(misdeed, run, &facts, &document);
        }
        if facts.due.is_none() && store::start(run, &plan(&facts)).is_err() {
            return;
        }
        let code = match reason {
            Reason::Trapped(_) => "trapped",
            Reason::DeadlineExceeded => "deadline-exceeded",
            Reason::OutOfMemory => "out-of-memory",
            Reason::Unfinished => "unfinished",
        };
        fail(run, &facts, code, code);
    }

    fn settle(run: &Run, _deliveries: Vec<Delivery>) {
        let facts = run.context();
        let document = facts.schedule.content.document.clone();
        match misdeed(&document, "settle") {
            Some(misdeed) => deeds::in_run(misdeed, run, &facts, &document),
            None => {
                let _ = store::finish(run, &Outcome::Delivered, 0, true);
            }
        }
    }
}

impl exports::about::Guest for Guest {
    fn describe() -> exports::about::Description {
        exports::about::Description {
            name: "Misbehaving".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            zone_database: "2000a".into(),
        }
    }
}

/// This run's due time, and the next one a day later, where it was due.
fn plan(facts: &RunContext) -> RunStart {
    let due = facts
        .due
        .or(facts.schedule.content.next_run)
        .unwrap_or(facts.settings.now);
    let is_scheduled = matches!(facts.kind, RunKind::Scheduled);
    let next_run = is_scheduled.then_some(due.max(facts.settings.now) + DAY);
    RunStart {
        due,
        missed: Vec::new(),
        next_run,
    }
}

/// The export, to the owner.
fn export(facts: &RunContext) -> Mail {
    let owner = facts.schedule.owner.as_ref().map(|owner| owner.email.clone());
    Mail {
        kind: MailKind::Export,
        audience: Audience::People(Recipients {
            to: owner.into_iter().collect(),
            cc: Vec::new(),
            bcc: Vec::new(),
        }),
        subject: "Orders".into(),
        text: "Here they are.".into(),
        attach_file: true,
    }
}

/// What a plugin should do.
fn submit(run: &Run, facts: &RunContext) {
    let plan = plan(facts);
    let _ = store::start(run, &plan);
    let _ = exporters::produce(run, FORM, "en", "UTC", plan.due);
    let _ = mailer::stage(run, &export(facts));
    let _ = store::finish(run, &Outcome::Submitted, facts.schedule.content.error_counter, true);
}

/// Ends a started run as failed, and has the owner told.
fn fail(run: &Run, facts: &RunContext, code: &str, words: &str) {
    let counter = facts.schedule.content.error_counter.saturating_add(1).min(5);
    let _ = mailer::stage(
        run,
        &Mail {
            kind: MailKind::Failure,
            audience: Audience::Responsible,
            subject: "It failed".into(),
            text: format!("Why: {code}"),
            attach_file: false,
        },
    );
    let _ = store::finish(run, &Outcome::Failed((code.into(), words.into())), counter, counter < 5);
}

/// Is the caller a person? Only then can it insert.
fn is_user(by: &Access) -> bool {
    matches!(by.context().caller, Caller::User(_))
}
