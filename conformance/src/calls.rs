//! What a script has called for a caller: store, exporters, and the notice to an owner.

use serde_json::{Map, Value, json};

use crate::component::imports;
use crate::pattern;
use crate::words;
use imports::auth_context::Access;
use imports::exporters::{self, Reach, RightsOf};
use imports::schedule_store as store;
use imports::types::{PageQuery, Position, RunQuery, SortKey};
use imports::{log, mailer, manual_runs};

/// An id that no schedule has.
const NOBODYS: u64 = (1 << 53) - 1;
/// More pages than any list of a check has.
const MOST_PAGES: usize = 100;

/// What became of a script.
pub(crate) struct Went {
    /// What the host got wrong, in words; empty: nothing.
    pub(crate) wrong: Vec<String>,
    /// The script has the call answer an error.
    pub(crate) refuses: bool,
}

/// Calls the imports of a script one after the other, up to the first wrong answer.
pub(crate) fn perform(by: &Access, script: &[Value], kept: &mut Map<String, Value>) -> Went {
    let mut went = Went {
        wrong: Vec::new(),
        refuses: false,
    };
    for import in script {
        let times = import["times"].as_u64().unwrap_or(1);
        let import = match pattern::resolved(import, kept) {
            Ok(import) => import,
            Err(words) => {
                went.wrong.push(words);
                return went;
            }
        };
        match import["do"].as_str().unwrap_or_default() {
            "refuse" => went.refuses = true,
            "trap" => core::arch::wasm32::unreachable(),
            "reach" => went.wrong.extend(reach(by, &import)),
            name => {
                for _ in 0..times {
                    let answer = answer(by, name, &import, kept);
                    if let Some(key) = import["keep"].as_str()
                        && let Some(value) = answer.get("ok")
                    {
                        kept.insert(key.to_owned(), value.clone());
                    }
                    if !pattern::answers(&import["answers"], &answer) {
                        went.wrong.push(unlike(name, &import, &answer));
                        break;
                    }
                }
            }
        }
        if !went.wrong.is_empty() {
            return went;
        }
    }
    went
}

/// In words, how an answer is not what it should be.
pub(crate) fn unlike(name: &str, import: &Value, answer: &Value) -> String {
    let expected = match &import["answers"] {
        Value::Null => "an answer without an error".to_owned(),
        Value::String(word) => format!("`{word}`"),
        other => other.to_string(),
    };
    let mut says = import["says"]
        .as_str()
        .map(|says| format!(" ({says})"))
        .unwrap_or_default();
    says.truncate(400);
    let mut answer = answer.to_string();
    if answer.len() > 1_500 {
        let mut end = 1_500;
        while !answer.is_char_boundary(end) {
            end -= 1;
        }
        answer.truncate(end);
        answer.push('…');
    }
    format!("`{name}`: expected {expected}{says}, the host answered {answer}")
}

fn answer(by: &Access, name: &str, import: &Value, kept: &Map<String, Value>) -> Value {
    let id = words::id(&import["id"]);
    match name {
        "facts" => words::ok(words::access_context(&by.context())),
        "compare" => words::ok(import["this"].clone()),
        "list" => list(by, &query(import)),
        "walk" => walk(by, import),
        "get" => match store::get(by, id) {
            Ok(found) => words::ok(words::schedule(&found)),
            Err(error) => words::store_error(error),
        },
        "insert" => match store::insert(by, &words::content_of(&import["content"])) {
            Ok(stored) => words::ok(words::schedule(&stored)),
            Err(error) => words::store_error(error),
        },
        "update" | "take-over" => {
            let change = if name == "update" {
                store::update
            } else {
                store::take_over
            };
            let content = words::content_of(&import["content"]);
            let version = words::id(&import["version"]);
            match change(by, id, version, &content, &words::missed_of(&import["missed"])) {
                Ok(stored) => words::ok(words::schedule(&stored)),
                Err(error) => words::store_error(error),
            }
        }
        "delete" => match store::delete(by, id, import["version"].as_u64()) {
            Ok(()) => words::ok(Value::Null),
            Err(error) => words::store_error(error),
        },
        "runs" => match store::runs(by, id, &run_query(import)) {
            Ok(page) => words::ok(json!({
                "total": page.total,
                "rows": page.rows.iter().map(words::run_entry).collect::<Vec<_>>(),
                "next": page.next,
            })),
            Err(error) => words::store_error(error),
        },
        "request" => {
            let schedule = (!import["id"].is_null()).then_some(id);
            match manual_runs::request(by, schedule, &words::request_of(&import["what"])) {
                Ok(run) => words::ok(run),
                Err(error) => words::request_error(error),
            }
        }
        "available" => match exporters::available(by, rights_of(import), import["only"].as_str()) {
            Ok(all) => words::ok(all.iter().map(words::exporter).collect::<Vec<_>>()),
            Err(error) => words::lookup_error(error),
        },
        "usable-events" => {
            let only = import["only"].is_array().then(|| words::texts(&import["only"]));
            match exporters::usable_events(
                by,
                rights_of(import),
                &words::text(&import["exporter"]),
                only.as_deref(),
            ) {
                Ok(Reach::AllEvents) => words::ok("all-events"),
                Ok(Reach::Events(mut slugs)) => {
                    slugs.sort();
                    words::ok(slugs)
                }
                Err(error) => words::lookup_error(error),
            }
        }
        "visible-events" => match exporters::visible_events(by, &words::texts(&import["slugs"])) {
            Ok(mut slugs) => {
                slugs.sort();
                words::ok(slugs)
            }
            Err(error) => words::lookup_error(error),
        },
        "missing-events" => match exporters::missing_events(by, &words::texts(&import["slugs"])) {
            Ok(mut slugs) => {
                slugs.sort();
                words::ok(slugs)
            }
            Err(error) => words::lookup_error(error),
        },
        "notify-owner" => match mailer::notify_owner(by, id, &words::text(&import["subject"]), "It is yours.") {
            Ok(()) => words::ok(Value::Null),
            Err(error) => words::mail_error(error),
        },
        "log" => {
            log::write(log::Level::Debug, &"x".repeat(words::id(&import["bytes"]) as usize));
            words::ok(Value::Null)
        }
        // A script only says what is in here; kept answers are shown so that a driver's mistake is seen.
        other => json!({"error": format!("no such import: {other}"), "with": kept}),
    }
}

fn position(import: &Value) -> Position {
    match import["after"].as_str() {
        Some(next) => Position::After(next.to_owned()),
        None => Position::Number(import["number"].as_u64().map_or(1, |number| number as u32)),
    }
}

fn run_query(import: &Value) -> RunQuery {
    RunQuery {
        at: position(import),
        size: import["size"].as_u64().map_or(50, |size| size as u32),
        id: (!import["run"].is_null()).then(|| words::id(&import["run"])),
        state: words::run_state_of(&import["state"]),
        since: import["since"].as_i64(),
        until: import["until"].as_i64(),
    }
}

fn query(import: &Value) -> PageQuery {
    PageQuery {
        filter: words::filter_of(&import["filter"]),
        order: match import["order"].as_str() {
            Some("export-identifier") => SortKey::ExportIdentifier,
            Some("next-run") => SortKey::NextRun,
            _ => SortKey::Id,
        },
        descending: import["descending"].as_bool().unwrap_or_default(),
        at: position(import),
        size: import["size"].as_u64().map_or(50, |size| size as u32),
    }
}

/// A page, its rows by their ids.
fn list(by: &Access, query: &PageQuery) -> Value {
    match store::list(by, query) {
        Ok(page) => words::ok(json!({
            "total": page.total,
            "ids": page.rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            "next": page.next,
        })),
        Err(error) => words::store_error(error),
    }
}

/// All pages from here on, each after the one before it.
fn walk(by: &Access, import: &Value) -> Value {
    let mut query = query(import);
    let mut ids = Vec::new();
    for _ in 0..MOST_PAGES {
        match store::list(by, &query) {
            Ok(page) => {
                ids.extend(page.rows.iter().map(|row| row.id));
                match page.next {
                    Some(next) => query.at = Position::After(next),
                    None => return words::ok(json!({"ids": ids})),
                }
            }
            Err(error) => return words::store_error(error),
        }
    }
    json!({"error": "the pages have no end", "with": ids})
}

fn rights_of(import: &Value) -> RightsOf {
    match &import["owner-of"] {
        Value::Null => RightsOf::Caller,
        id => RightsOf::OwnerOf(words::id(id)),
    }
}

/// Imports that take the id of a schedule. Each is tried with an id that the caller must not know of.
const WITH_AN_ID: [&str; 9] = [
    "get",
    "runs",
    "available",
    "usable-events",
    "update",
    "take-over",
    "delete",
    "delete",
    "notify-owner",
];

/// Tries each import with each of the ids, as a hostile guest would: each has to answer as for an id that nobody has.
fn reach(by: &Access, import: &Value) -> Vec<String> {
    let ids = import["ids"].as_array().cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for (nth, name) in WITH_AN_ID.iter().enumerate() {
        let arguments = |id: &Value| {
            let mut import = import.clone();
            import["id"] = id.clone();
            import["owner-of"] = id.clone();
            // Deleted once at any version, once at the one that a new schedule has.
            import["version"] = if nth == 6 { Value::Null } else { json!(1) };
            import["subject"] = json!("It is yours");
            import
        };
        let ask = |id: &Value| answer(by, name, &arguments(id), &Map::new());
        let of_nobodys = ask(&json!(NOBODYS));
        let expected: Value = match *name {
            "get" | "runs" | "available" | "usable-events" => json!("not-found"),
            "notify-owner" => json!("no-recipient"),
            // A handle that allows no change may say so first, whatever the id.
            _ => json!(["not-found", "forbidden"]),
        };
        let says = "an id that nobody has";
        if !pattern::answers(&expected, &of_nobodys) {
            let import = json!({"answers": expected, "says": says});
            wrong.push(unlike(name, &import, &of_nobodys));
            continue;
        }
        for id in &ids {
            let of_foreign = ask(id);
            if of_foreign != of_nobodys {
                let says = format!("id {id} is not for this caller to know: as for {says}");
                let import = json!({"answers": of_nobodys, "says": says});
                wrong.push(unlike(name, &import, &of_foreign));
            }
        }
    }
    wrong
}
