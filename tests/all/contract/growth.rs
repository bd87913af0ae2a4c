//! What may change between two versions of the contract that link to each other (0.1.x and 0.1.y).
//!
//! Tried with real builds: a plugin loads in a host that *offers* more than it was built for, and in no host in which anything
//! else differs. So imports may gain functions and interfaces, with types of their own; all else is frozen.

use std::collections::BTreeMap;

use super::shape::{Interface, Item, Shape};

/// How `new` breaks plugins or hosts built for `old`, one sentence each; nothing, if it does not.
pub(super) fn breaks(old: &Shape, new: &Shape) -> Vec<String> {
    let mut found = Vec::new();
    if line(&old.version) != line(&new.version) {
        // The version says that they do not fit, which is what a step is for.
        return found;
    }
    for (name, was) in &old.imports {
        match new.imports.get(name) {
            None => found.push(format!("the import {name} of {} is gone", old.version)),
            Some(is) => kept(name, was, is, &mut found),
        }
    }
    for (name, was) in &old.exports {
        match new.exports.get(name) {
            None => found.push(format!("the export {name} of {} is gone", old.version)),
            Some(is) => {
                kept(name, was, is, &mut found);
                for (kind, more) in [
                    ("function", added(&was.functions, &is.functions)),
                    ("type", added(&was.types, &is.types)),
                ] {
                    found.extend(more.map(|(item, _)| {
                        format!(
                            "{name} is exported and has gained the {kind} {item}: plugins of {} lack it",
                            old.version
                        )
                    }));
                }
            }
        }
    }
    found.extend(
        added(&old.exports, &new.exports)
            .map(|(name, _)| format!("the export {name} is new: plugins of {} lack it", old.version)),
    );
    found.extend(undated(old, new));
    found
}

/// Versions of one line link to each other: `0.1`, or from 1.0.0 on `1`.
fn line(version: &str) -> &str {
    match version.strip_prefix("0.") {
        Some(rest) => &version[..2 + rest.find('.').unwrap_or(rest.len())],
        None => version.split('.').next().unwrap_or(version),
    }
}

/// All that was there must be there as it was.
fn kept(name: &str, was: &Interface, is: &Interface, found: &mut Vec<String>) {
    let kinds = [
        ("function", &was.functions, &is.functions),
        ("type", &was.types, &is.types),
    ];
    for (kind, was, is) in kinds {
        for (item, old) in was {
            match is.get(item) {
                None => found.push(format!("the {kind} {item} of {name} is gone")),
                Some(new) if new.text != old.text => found.push(format!(
                    "the {kind} {item} of {name} was `{}` and is `{}`",
                    old.text, new.text
                )),
                Some(_) => {}
            }
        }
    }
}

fn added<'a, T>(
    was: &'a BTreeMap<String, T>,
    is: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a String, &'a T)> {
    is.iter().filter(|(name, _)| !was.contains_key(*name))
}

/// What came after a release says since when.
fn undated(old: &Shape, new: &Shape) -> Vec<String> {
    let mut found = Vec::new();
    let none = Interface::default();
    for (name, is) in &new.imports {
        let was = old.imports.get(name).unwrap_or(&none);
        let items: Vec<(&String, &Item)> = added(&was.functions, &is.functions)
            .chain(added(&was.types, &is.types))
            .collect();
        for (item, added) in items {
            match added.since.as_deref() {
                Some(since) if since != old.version && line(since) == line(&new.version) => {}
                _ => found.push(format!(
                    "{item} of {name} came after {}: write `@since(version = {})` before it",
                    old.version, new.version
                )),
            }
        }
    }
    if !found.is_empty() && old.version == new.version {
        found.push(format!(
            "the package is still {}: give it the next version",
            old.version
        ));
    }
    found
}
