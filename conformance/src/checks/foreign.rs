//! A hostile guest: every import that takes an id, from every caller and place, with ids that are not for him to know.

use serde_json::{Value, json};

use crate::script::{
    Check, Facts, HOUR, T0, call, check, clock, compare, executes, finish, get, history, insert, run, start, take,
};

/// Where the schedules of this check are: name, owner, place.
const STORED: [(&str, &str, &str); 6] = [
    ("a", "ada", "north"),
    ("b", "ada", "north/spring"),
    ("c", "ben", "north/spring"),
    ("d", "ada", "north/autumn"),
    ("e", "dan", "south"),
    ("f", "dan", "south/winter"),
];

/// Who asks from where, and which of them are visible there.
const ASKED: [(&str, &str, &[&str]); 14] = [
    ("ada", "north", &["a"]),
    ("ada", "north/spring", &["b", "c"]),
    ("ada", "north/autumn", &["d"]),
    ("ada-reading", "north/spring", &["b", "c"]),
    ("ben", "north/spring", &["c"]),
    ("cleo", "north", &["a"]),
    ("cleo", "north/spring", &["b", "c"]),
    ("token", "north", &["a"]),
    ("token", "north/autumn", &["d"]),
    ("dan", "south", &["e"]),
    ("dan", "south/winter", &["f"]),
    ("eve", "narrow", &[]),
    ("eve", "narrow/small", &[]),
    ("ada-reading", "north/autumn", &["d"]),
];

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let content = facts.content(T0 + HOUR, executes(json!([[start(), finish(json!("empty"))]])));
    let stored = STORED.map(|(name, owner, at)| call(owner, at, json!([insert(name, &content)])));
    let asked = ASKED.map(|(by, at, visible)| {
        let foreign = STORED.iter().filter(|(name, ..)| !visible.contains(name));
        let mut ids: Vec<Value> = foreign.map(|(name, ..)| json!(format!("${name}.id"))).collect();
        // As a text: a driver whose JSON has doubles only would pass on another number.
        ids.extend([json!(0), json!(u64::MAX.to_string())]);
        let seen = visible
            .iter()
            .map(|name| get(name, json!({"version": format!("${name}.version")})));
        let mut imports: Vec<Value> = seen.collect();
        imports.push(json!({"do": "reach", "ids": ids, "content": content, "exporter": facts.exporter}));
        call(by, at, json!(imports))
    });
    let untouched = STORED.map(|(name, owner, at)| {
        let as_it_was = json!({"version": format!("${name}.version"), "content": {"next-run": T0 + HOUR}});
        call(owner, at, json!([get(name, as_it_was)]))
    });
    let run_once = STORED.map(|(name, owner, at)| {
        call(
            owner,
            at,
            json!([history(name, json!([{"due": T0 + HOUR, "outcome": "empty"}]))]),
        )
    });
    let mut steps = stored.to_vec();
    // One id is one schedule, whoever's it is.
    let other = STORED[..4]
        .iter()
        .map(|(name, ..)| compare("$e.id", json!({"$not": format!("${name}.id")})));
    steps.push(call("dan", "south", other.collect()));
    steps.extend(asked);
    steps.extend(untouched);
    steps.extend([
        clock(T0 + HOUR),
        take("due", STORED.len() as u64),
        run("execute", "due"),
    ]);
    steps.extend(run_once);
    vec![check(
        "a-foreign-id-reads-as-one-that-nobody-has",
        "An id that does not exist and one that this caller cannot know look the same: another answer reveals that something \
         exists, and any effect is a vulnerability.",
        steps,
    )]
}
