// The smallest plugin that does its work: what it is given as a document is kept, due an hour later and every day after that.
// Included by one guest for each version of the contract; `subject` is all in which they differ.

use bindings::exports::ticketing::scheduled_exports as exports;
use bindings::ticketing::scheduled_exports as imports;
use imports::auth_context::{Access, Run, RunContext};
use imports::mailer::{Audience, Mail, MailKind};
use imports::schedule_store::{RunStart, StoreError};
use imports::types::{
    Content, Delivery, DeliveryStatus, FieldError, Outcome, PageQuery, Problem, Recipients, RunQuery, ScheduleState,
};
use imports::{exporters, mailer, schedule_store as store};

const DAY: i64 = 86_400;
const FORM: &str = r#"{"_format":"default","date_range":"2026-01-01/2026-12-31"}"#;

struct Guest;
bindings::export!(Guest with_types_in bindings);

fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::NotFound,
        StoreError::Stale => Problem::Stale,
        StoreError::Quota(_) | StoreError::Forbidden => Problem::Forbidden("no".into()),
        StoreError::LeaseLost | StoreError::AlreadyRecorded(_) => Problem::Unavailable("another has it".into()),
        StoreError::Unavailable(words) => Problem::Unavailable(words),
    }
}

fn versioned(of: imports::types::Schedule) -> exports::schedules::Versioned {
    exports::schedules::Versioned {
        document: format!(r#"{{"id":{},"document":{}}}"#, of.id, of.content.document),
        version: of.version,
    }
}

impl exports::schedules::Guest for Guest {
    fn list(by: &Access, query: PageQuery) -> Result<exports::schedules::Page, Problem> {
        let page = store::list(by, &query).map_err(problem)?;
        Ok(exports::schedules::Page {
            total: page.total,
            documents: page.rows.into_iter().map(|row| versioned(row).document).collect(),
            next: page.next,
        })
    }

    fn get(by: &Access, id: u64) -> Result<exports::schedules::Versioned, Problem> {
        store::get(by, id).map(versioned).map_err(problem)
    }

    fn create(by: &Access, document: String) -> Result<exports::schedules::Versioned, Problem> {
        let content = Content {
            export_identifier: "orderlist".into(),
            recipients: Recipients {
                to: Vec::new(),
                cc: Vec::new(),
                bcc: Vec::new(),
            },
            next_run: Some(by.context().settings.now + 3_600),
            state: ScheduleState::Active,
            error_counter: 0,
            document,
        };
        store::insert(by, &content).map(versioned).map_err(problem)
    }

    fn replace(_by: &Access, _id: u64, _: String, _: Option<u64>) -> Result<exports::schedules::Versioned, Problem> {
        Err(Problem::NotFound)
    }

    fn patch(_by: &Access, _id: u64, _: String, _: Option<u64>) -> Result<exports::schedules::Versioned, Problem> {
        Err(Problem::NotFound)
    }

    fn delete(by: &Access, id: u64, if_version: Option<u64>) -> Result<(), Problem> {
        store::delete(by, id, if_version).map_err(problem)
    }

    fn runs(_by: &Access, _id: u64, _query: RunQuery) -> Result<exports::schedules::Page, Problem> {
        Err(Problem::NotFound)
    }

    fn exporters(_by: &Access, _only: Option<String>) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    fn view(_by: &Access, _id: Option<u64>, _name: String, _: Vec<(String, String)>) -> Result<String, Problem> {
        Err(Problem::NotFound)
    }

    fn act(
        _by: &Access,
        _id: Option<u64>,
        _verb: String,
        _document: String,
    ) -> Result<exports::schedules::Acted, Problem> {
        Err(Problem::NotFound)
    }
}

impl exports::recurrence::Guest for Guest {
    fn next_run(_rule: exports::recurrence::Rule, after: i64) -> Result<Option<i64>, Vec<FieldError>> {
        Ok(Some(after + DAY))
    }

    fn preview(
        _rule: exports::recurrence::Rule,
        _after: i64,
        _limit: u32,
    ) -> Result<Vec<exports::recurrence::Occurrence>, Vec<FieldError>> {
        Ok(Vec::new())
    }

    fn replan(rows: Vec<exports::recurrence::Stored>, after: i64) -> Vec<Result<Option<i64>, String>> {
        rows.iter().map(|_| Ok(Some(after + DAY))).collect()
    }
}

fn mail(run: &Run, facts: &RunContext) -> Mail {
    let owner = facts.schedule.owner.as_ref().map(|owner| owner.email.clone());
    Mail {
        kind: MailKind::Export,
        audience: Audience::People(Recipients {
            to: owner.into_iter().collect(),
            cc: Vec::new(),
            bcc: Vec::new(),
        }),
        subject: subject(run, facts),
        text: "Here they are.".into(),
        attach_file: true,
    }
}

impl exports::jobs::Guest for Guest {
    fn execute(run: &Run) {
        let facts = run.context();
        let content = &facts.schedule.content;
        let due = facts.due.or(content.next_run).unwrap_or(facts.settings.now);
        let plan = RunStart {
            due,
            missed: Vec::new(),
            next_run: Some(due.max(facts.settings.now) + DAY),
        };
        store::start(run, &plan).expect("the lease is new");
        exporters::produce(run, FORM, "en", "UTC", due).expect("there are orders");
        mailer::stage(run, &mail(run, &facts)).expect("the owner is a recipient");
        store::finish(run, &Outcome::Submitted, content.error_counter, true).expect("the lease is new");
    }

    fn abandon(_run: &Run, _reason: exports::jobs::AbandonReason) {}

    fn settle(run: &Run, deliveries: Vec<Delivery>) {
        let taken = deliveries
            .iter()
            .any(|delivery| delivery.status == DeliveryStatus::Accepted);
        let content = run.context().schedule.content;
        let outcome = match taken {
            true => Outcome::Delivered,
            false => Outcome::Failed(("undelivered".into(), "nobody took it".into())),
        };
        let _ = store::finish(run, &outcome, content.error_counter, true);
    }
}

impl exports::about::Guest for Guest {
    fn describe() -> exports::about::Description {
        exports::about::Description {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            zone_database: "2026a".into(),
        }
    }
}
