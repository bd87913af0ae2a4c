//! What a script has called for a run.

use serde_json::{Map, Value, json};

use crate::calls::unlike;
use crate::component::imports;
use crate::pattern;
use crate::words;
use imports::auth_context::{Run, RunContext};
use imports::exporters;
use imports::mailer::{self, Audience, Mail, MailKind};
use imports::schedule_store::{self as store, RunStart};
use imports::types::{Delivery, RunKind};

const DAY: i64 = 86_400;

/// How a script about a run ends that the host got wrong.
pub(crate) enum Wrong {
    /// The guest traps: the step of the driver expected that it came back.
    Answered(String),
    /// The guest comes back: the step of the driver expected a trap.
    CameBack(String),
}

/// Calls the imports of a script, up to the first wrong answer.
pub(crate) fn perform(run: &Run, script: &[Value], deliveries: &[Delivery]) -> Result<(), Wrong> {
    let facts = run.context();
    let kept = known(&facts, deliveries);
    for import in script {
        let import = pattern::resolved(import, &kept).map_err(Wrong::Answered)?;
        let name = import["do"].as_str().unwrap_or_default();
        if name == "trap" {
            core::arch::wasm32::unreachable();
        }
        let answer = answer(run, &facts, name, &import);
        if import["answers"] == "trap" {
            return Err(Wrong::CameBack(unlike(name, &import, &answer)));
        }
        if !pattern::answers(&import["answers"], &answer) {
            return Err(Wrong::Answered(unlike(name, &import, &answer)));
        }
    }
    Ok(())
}

/// What a script may name.
fn known(facts: &RunContext, deliveries: &[Delivery]) -> Map<String, Value> {
    let mut kept = Map::new();
    let owner = facts.schedule.owner.as_ref().map(|owner| owner.email.clone());
    kept.insert("run".into(), words::run_context(facts));
    kept.insert("owner".into(), json!(owner));
    kept.insert("now".into(), json!(facts.settings.now));
    kept.insert(
        "deliveries".into(),
        deliveries.iter().map(words::delivery).collect::<Vec<_>>().into(),
    );
    kept
}

fn answer(run: &Run, facts: &RunContext, name: &str, import: &Value) -> Value {
    let planned = facts
        .due
        .or(facts.schedule.content.next_run)
        .unwrap_or(facts.settings.now);
    match name {
        "facts" => words::ok(words::run_context(&run.context())),
        "compare" => words::ok(import["this"].clone()),
        "start" => {
            let due = import["due"].as_i64().unwrap_or(planned);
            let next_run = match import.get("next-run") {
                Some(next) => next.as_i64(),
                // What a person asked for leaves the plan as it is.
                None if facts.kind != RunKind::Scheduled => None,
                None => Some(due.max(facts.settings.now) + DAY),
            };
            let plan = RunStart {
                due,
                missed: words::missed_of(&import["missed"]),
                next_run,
            };
            match store::start(run, &plan) {
                Ok(()) => words::ok(Value::Null),
                Err(error) => words::store_error(error),
            }
        }
        "finish" => {
            let outcome = words::outcome_of(&import["outcome"]);
            let counter = import["error-counter"]
                .as_u64()
                .map_or(facts.schedule.content.error_counter, |count| count as u32);
            let active = import["active"].as_bool().unwrap_or(true);
            match store::finish(run, &outcome, counter, active) {
                Ok(()) => words::ok(Value::Null),
                Err(error) => words::store_error(error),
            }
        }
        "produce" => {
            let made = exporters::produce(run, &import["form"].to_string(), "en", &facts.settings.zone, planned);
            match made {
                Ok(file) => words::ok(words::file(&file)),
                Err(error) => words::export_error(error),
            }
        }
        "zip" => match exporters::zip(run) {
            Ok(file) => words::ok(words::file(&file)),
            Err(error) => words::export_error(error),
        },
        "link" => match exporters::link(run) {
            Ok(link) => words::ok(json!(link.map(|link| json!({"expires": link.expires})))),
            Err(error) => words::export_error(error),
        },
        "stage" => match mailer::stage(run, &mail(import)) {
            Ok(()) => words::ok(Value::Null),
            Err(error) => words::mail_error(error),
        },
        other => json!({"error": format!("no such import: {other}")}),
    }
}

fn mail(import: &Value) -> Mail {
    Mail {
        kind: match import["kind"].as_str() {
            Some("export") => MailKind::Export,
            Some("nothing-to-export") => MailKind::NothingToExport,
            Some("undelivered") => MailKind::Undelivered,
            _ => MailKind::Failure,
        },
        audience: match import["responsible"].as_bool() {
            Some(true) => Audience::Responsible,
            _ => Audience::People(words::recipients_of(import)),
        },
        subject: words::text(&import["subject"]),
        text: "x".repeat(import["bytes"].as_u64().unwrap_or(20) as usize),
        attach_file: import["attach"].as_bool().unwrap_or_default(),
    }
}
