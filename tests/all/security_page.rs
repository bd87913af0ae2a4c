//! docs/security.md lists the limits of the code with their defaults: each number there is the one that the code has, and no limit is
//! missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A name before `::` on the page, and the file that has the constants of that module or the defaults of that type.
const FILES: [(&str, &str); 43] = [
    ("ApiLimits", "host-harness/server/src/api.rs"),
    ("DeliveryLimits", "host-harness/server/src/delivery/worker/limits.rs"),
    ("Limits", "host-harness/host/src/engine.rs"),
    ("SchedulerOptions", "host-harness/server/src/scheduler.rs"),
    ("SmtpTimeouts", "host-harness/mail/src/smtp/timeouts.rs"),
    ("UsageLimits", "host-harness/store/src/usage.rs"),
    ("backoff", "host-harness/mail/src/backoff.rs"),
    ("blocks", "host-harness/mail/src/smtp/blocks.rs"),
    ("bounds", "host-harness/host/src/imports/bounds.rs"),
    ("cli::mail", "host-harness/src/cli/mail.rs"),
    ("cli::serve", "host-harness/src/cli/serve.rs"),
    ("command::host", "host-harness/src/command/host.rs"),
    ("credentials", "host-harness/server/src/api/credentials.rs"),
    ("database", "host-harness/platform/src/database.rs"),
    ("delivery", "host-harness/mail/src/lib.rs"),
    ("descriptors", "host-harness/server/src/descriptors.rs"),
    ("difference", "host-harness/store/src/difference.rs"),
    ("directory", "host-harness/platform/src/directory.rs"),
    ("download", "host-harness/server/src/download.rs"),
    ("engine", "host-harness/host/src/engine.rs"),
    ("exporters::file", "host-harness/platform/src/exporters/file.rs"),
    ("health", "host-harness/server/src/delivery/health.rs"),
    ("idempotency", "host-harness/server/src/api/idempotency.rs"),
    ("imports::mailer", "host-harness/host/src/imports/mailer.rs"),
    ("engine::work", "host-harness/host/src/engine/work.rs"),
    ("log", "host-harness/host/src/imports/log.rs"),
    ("notice", "host-harness/store/src/notice.rs"),
    ("peer", "host-harness/server/src/api/peer.rs"),
    ("platform", "host-harness/platform/src/lib.rs"),
    ("ports::mailer", "host-harness/server/src/ports/mailer.rs"),
    ("readiness", "host-harness/server/src/service/readiness.rs"),
    ("recorded", "host-harness/host/src/tape/recorded.rs"),
    ("reply", "host-harness/mail/src/smtp/reply.rs"),
    ("requests", "host-harness/store/src/sqlite/requests.rs"),
    ("requests (PostgreSQL)", "host-harness/store/src/postgres/requests.rs"),
    ("routes", "host-harness/server/src/api/routes.rs"),
    ("scheduler", "host-harness/server/src/scheduler.rs"),
    ("schedules::change", "plugin/src/schedules/change.rs"),
    ("schedules::preview", "plugin/src/schedules/preview.rs"),
    ("schedules::timing", "plugin/src/schedules/timing.rs"),
    ("sender", "host-harness/mail/src/sender.rs"),
    ("storage", "host-harness/store/src/lib.rs"),
    ("usage", "host-harness/store/src/usage.rs"),
];

/// Those of which the page lists everything that has a number.
const COMPLETE: [&str; 12] = [
    "ApiLimits",
    "DeliveryLimits",
    "Limits",
    "SchedulerOptions",
    "SmtpTimeouts",
    "UsageLimits",
    "backoff",
    "bounds",
    "descriptors",
    "log",
    "readiness",
    "usage",
];

/// What is no limit, or is no number: the page says it in words where it says it.
const NOT_LISTED: [&str; 8] = [
    "DeliveryLimits::organizer_share", // that of `UsageLimits`
    "DeliveryLimits::temp_files",
    "Limits::imports",
    "SchedulerOptions::delivery",
    "SchedulerOptions::workers", // by the number of processors
    "usage::DAY",
    "usage::HOUR",
    "usage::MINUTE",
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Constants of a module, or fields of a type's defaults, with their expressions.
fn limits_of(name: &str) -> Vec<(String, String)> {
    let (_, path) = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("{name} is in no file that this test knows"));
    let text = read(path);
    let text = text.split("#[cfg(test)]\nmod tests {").next().expect("a first part");
    let starts_upper = name.starts_with(|first: char| first.is_ascii_uppercase());
    if starts_upper {
        let body = text
            .split_once(&format!("impl Default for {name} {{"))
            .unwrap_or_else(|| panic!("{path} has no defaults of {name}"))
            .1;
        let body = body.split("\n}\n").next().expect("a first part");
        let fields = body.lines().filter_map(|line| line.strip_prefix("            "));
        let fields = fields.filter_map(|line| line.strip_suffix(',')?.split_once(": "));
        return fields
            .map(|(field, value)| (field.to_owned(), value.to_owned()))
            .collect();
    }
    let constants = text.lines().filter_map(|line| {
        let (visibility, rest) = line.split_once("const ")?;
        let is_item = visibility.is_empty() || visibility.starts_with("pub");
        let (name, rest) = rest.split_once(": ")?;
        let (kind, value) = rest.strip_suffix(';')?.split_once(" = ")?;
        let is_number = ["u32", "u64", "usize", "i64", "Instant", "Duration"].contains(&kind);
        (is_item && is_number).then(|| (name.to_owned(), value.to_owned()))
    });
    constants.collect()
}

/// The value of an expression of the code, in thousandths; durations are in seconds. None: it is none of a number.
fn value(expression: &str) -> Option<u64> {
    let expression = expression.trim();
    if let Some((function, inner)) = expression.split_once('(') {
        let inner = value(inner.strip_suffix(')')?)?;
        return match function {
            "Some" | "Duration::from_secs" => Some(inner),
            "Duration::from_millis" => Some(inner / 1000),
            "minutes" => Some(inner * 60),
            _ => None,
        };
    }
    if let Some((left, right)) = expression.split_once(" << ") {
        return Some(value(left)? << (value(right)? / 1000));
    }
    let factors = expression
        .split(" * ")
        .map(|number| number.replace('_', "").parse::<u64>().ok());
    Some(factors.product::<Option<u64>>()? * 1000)
}

/// The number that a cell of the page begins with, in thousandths; with its unit, in bytes and seconds.
fn written(cell: &str) -> Option<u64> {
    let mut words = cell.split([' ', ';']);
    let number: u64 = words.next()?.replace(',', "").parse().ok()?;
    let unit = match words.next().unwrap_or_default() {
        "ms" => 1,
        "" | "s" | "bytes" | "characters" | "%" => 1000,
        "KiB" => 1000 << 10,
        "MiB" => 1000 << 20,
        "min" => 1000 * 60,
        "h" => 1000 * 60 * 60,
        "days" => 1000 * 24 * 60 * 60,
        _ => return None,
    };
    Some(number * unit)
}

/// The rows of the page that name a limit of the code in their last column: that name, and the second column.
fn rows(page: &str) -> Vec<(String, String)> {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let name = cells.last()?.strip_prefix('`')?.strip_suffix('`')?;
        let (_, number) = (name.split_once("::")?, cells.get(1)?);
        Some((name.to_owned(), (*number).to_owned()))
    });
    rows.collect()
}

#[test]
fn each_limit_of_the_threat_model_has_the_default_of_the_code() {
    let mut wrong = Vec::new();
    let rows = rows(&read("docs/security.md"));
    assert!(
        rows.len() > 100,
        "only {} limits were found: is the search right?",
        rows.len()
    );
    for (name, shown) in rows {
        let (module, limit) = name.rsplit_once("::").expect("a module");
        let known = limits_of(module);
        let code = known.iter().find(|(known, _)| known == limit);
        let code = code.map(|(_, expression)| (value(expression), expression));
        match code {
            Some((Some(code), _)) if written(&shown) == Some(code) => {}
            Some((_, expression)) => wrong.push(format!("{name} is {expression}, the page says {shown}")),
            None => wrong.push(format!("{name} is not in the code")),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn each_limit_of_the_code_is_in_the_threat_model() {
    let listed: BTreeSet<String> = rows(&read("docs/security.md"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let mut missing = Vec::new();
    for module in COMPLETE {
        let limits = limits_of(module);
        assert!(!limits.is_empty(), "{module} has no limits: is the search right?");
        for (limit, _) in limits {
            let name = format!("{module}::{limit}");
            if !listed.contains(&name) && !NOT_LISTED.contains(&name.as_str()) {
                missing.push(name);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn both_stores_keep_idempotency_records_for_the_time_that_the_page_names() {
    assert_eq!(limits_of("requests"), limits_of("requests (PostgreSQL)"));
}
