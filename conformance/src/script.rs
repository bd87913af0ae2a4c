//! What checks are written in: steps for the driver, and within a call or a run the imports to call with their answers.

use serde_json::{Value, json};

/// The instant at which every check begins: 2030-03-17T17:46:40Z.
pub const T0: i64 = 1_900_000_000;
/// In seconds.
pub const HOUR: i64 = 3_600;
/// In seconds.
pub const DAY: i64 = 86_400;

/// What a driver tells of its host.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Identifier of an exporter that makes a file of at least one row for whoever may export, at event and organizer level.
    pub exporter: String,
    /// The form that it does so for.
    pub form: Value,
    /// How long a run is leased for, in seconds.
    pub lease: i64,
}

impl Facts {
    /// From a driver's JSON.
    ///
    /// # Errors
    /// Which of them is not there.
    pub fn read(facts: &Value) -> Result<Self, String> {
        let missing = |what: &str| format!("a driver tells `{what}` of its host");
        Ok(Self {
            exporter: facts["exporter"]
                .as_str()
                .ok_or_else(|| missing("exporter"))?
                .to_owned(),
            form: facts.get("form").cloned().ok_or_else(|| missing("form"))?,
            lease: facts["lease-seconds"]
                .as_i64()
                .filter(|length| (1..HOUR).contains(length))
                .ok_or_else(|| missing("lease-seconds"))?,
        })
    }

    /// Content of a schedule for the owner alone, due then; runs do what its document says.
    #[must_use]
    pub fn content(&self, due: impl Into<Value>, document: Value) -> Value {
        json!({
            "export-identifier": self.exporter,
            "recipients": {"to": [], "cc": [], "bcc": []},
            "next-run": due.into(),
            "state": "active",
            "error-counter": 0,
            "document": document,
        })
    }

    /// Makes the file.
    #[must_use]
    pub fn produce(&self) -> Value {
        json!({"do": "produce", "form": self.form, "answers": {"ok": {"size": {"$above": 0}}}})
    }
}

/// One thing that a host has to do right.
#[derive(Clone, Debug)]
pub struct Check {
    /// In kebab-case: what is right.
    pub name: &'static str,
    /// Why, and what a host that fails has got wrong.
    pub about: &'static str,
    /// For the driver, in order.
    pub steps: Vec<Value>,
}

/// A check.
#[must_use]
pub fn check(name: &'static str, about: &'static str, steps: Vec<Value>) -> Check {
    Check { name, about, steps }
}

// ---- steps ----

/// The clock is set.
#[must_use]
pub fn clock(at: i64) -> Value {
    json!({"clock": at})
}

fn exported(by: &str, at: &str, call: Value) -> Value {
    let (organizer, event) = match at.split_once('/') {
        Some((organizer, event)) => (organizer, Some(event)),
        None => (at, None),
    };
    json!({"call": call, "by": by, "organizer": organizer, "event": event, "ends": ["ok"]})
}

/// A caller has these imports called at `organizer` or `organizer/event`, in one call.
#[must_use]
pub fn call(by: &str, at: &str, imports: Value) -> Value {
    exported(
        by,
        at,
        json!({"export": "act", "verb": "do", "document": {"do": imports}}),
    )
}

/// The same in a view, which only reads.
#[must_use]
pub fn view(by: &str, at: &str, imports: Value) -> Value {
    exported(
        by,
        at,
        json!({"export": "view", "verb": "do", "document": {"do": imports}}),
    )
}

/// The same through another export that takes a document, about the schedule kept under `id`.
#[must_use]
pub fn call_of(export: &str, by: &str, at: &str, id: &str, imports: Value) -> Value {
    exported(by, at, json!({"export": export, "id": id, "document": {"do": imports}}))
}

/// An export without a document, about the schedule kept under `id`.
#[must_use]
pub fn plain(export: &str, by: &str, at: &str, id: &str) -> Value {
    exported(by, at, json!({"export": export, "id": id}))
}

/// A step that has to end otherwise: in `trap`, or in that problem.
#[must_use]
pub fn ends(mut step: Value, with: &[&str]) -> Value {
    step["ends"] = json!(with);
    step
}

/// What is due is leased, by one worker; it has to be so many. They are kept under `name`.
#[must_use]
pub fn take(name: &str, count: u64) -> Value {
    json!({"take": name, "workers": 1, "count": count})
}

/// What was leased is given to the component.
#[must_use]
pub fn run(job: &str, name: &str) -> Value {
    json!({"run": name, "job": job, "ends": ["ok"]})
}

/// The outbox is handed over, but for these addresses, whose server refuses. The mails handed over are kept under `mails`.
#[must_use]
pub fn deliver(refused: &[&str]) -> Value {
    json!({"deliver": {"refused": refused}})
}

/// A user's account is switched off.
#[must_use]
pub fn switch_off(user: &str) -> Value {
    json!({"user": user, "change": "inactive"})
}

/// A user loses all rights.
#[must_use]
pub fn take_rights(user: &str) -> Value {
    json!({"user": user, "change": "without-rights"})
}

/// A user is removed.
#[must_use]
pub fn remove(user: &str) -> Value {
    json!({"user": user, "change": "gone"})
}

// ---- imports ----

/// An import's arguments, its expected answer among them.
#[must_use]
pub fn with(mut import: Value, more: Value) -> Value {
    if let (Some(import), Value::Object(more)) = (import.as_object_mut(), more) {
        import.extend(more);
    }
    import
}

/// Adds a schedule, kept under `name`.
#[must_use]
pub fn insert(name: &str, content: &Value) -> Value {
    json!({"do": "insert", "content": content, "keep": name})
}

/// Replaces the content of the schedule kept under `name`, at the version that was kept; what is stored then is kept instead.
#[must_use]
pub fn update(name: &str, content: &Value) -> Value {
    json!({"do": "update", "id": format!("${name}.id"), "version": format!("${name}.version"), "content": content, "keep": name})
}

/// Reads the schedule kept under `name`; it has to be like this.
#[must_use]
pub fn get(name: &str, like: Value) -> Value {
    json!({"do": "get", "id": format!("${name}.id"), "answers": {"ok": like}})
}

/// No such schedule here.
#[must_use]
pub fn gone(name: &str) -> Value {
    json!({"do": "get", "id": format!("${name}.id"), "answers": "not-found"})
}

/// The run history of the schedule kept under `name`, latest first.
#[must_use]
pub fn history(name: &str, rows: Value) -> Value {
    json!({"do": "runs", "id": format!("${name}.id"), "answers": {"ok": {"rows": rows}}})
}

/// What was kept, compared.
#[must_use]
pub fn compare(this: &str, pattern: Value) -> Value {
    json!({"do": "compare", "this": this, "answers": {"ok": pattern}})
}

/// The call answers an error.
#[must_use]
pub fn refuse() -> Value {
    json!({"do": "refuse"})
}

/// The call traps.
#[must_use]
pub fn trap() -> Value {
    json!({"do": "trap"})
}

/// Opens the run: the pinned due time, else the planned one; the next a day after both that and now.
#[must_use]
pub fn start() -> Value {
    json!({"do": "start"})
}

/// Ends the run.
#[must_use]
pub fn finish(outcome: Value) -> Value {
    json!({"do": "finish", "outcome": outcome})
}

/// Ends the run; the handle is not good for it any more.
#[must_use]
pub fn finish_too_late(outcome: Value) -> Value {
    with(finish(outcome), json!({"answers": "lease-lost"}))
}

/// Stages the export for the owner, without the file.
#[must_use]
pub fn stage_export() -> Value {
    json!({"do": "stage", "kind": "export", "to": ["$owner"], "subject": "the export"})
}

/// A document of a schedule: what `execute` calls at each attempt, the last list at all later ones.
#[must_use]
pub fn executes(attempts: Value) -> Value {
    json!({"execute": attempts})
}

/// Also what `abandon` calls.
#[must_use]
pub fn abandons(document: Value, imports: Value) -> Value {
    with(document, json!({"abandon": imports}))
}

/// Also what `settle` calls.
#[must_use]
pub fn settles(document: Value, imports: Value) -> Value {
    with(document, json!({"settle": imports}))
}

/// A failure of the guest's own.
#[must_use]
pub fn failed(code: &str) -> Value {
    json!({"failed": [code, "as the check wants it"]})
}
