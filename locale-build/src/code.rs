//! Writes the functions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Language;
use super::catalog::{Catalog, Key, Kind, Message, Part};

/// Words that can't be names, up to edition 2024.
const RESERVED: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The Rust name of a message or variable.
pub fn name(of: &str) -> String {
    let mut name = of.replace('-', "_").to_lowercase();
    if RESERVED.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// One function for each message. The catalogs have the same messages with the same variables.
pub fn functions(catalogs: &[Catalog], path: &str) -> String {
    let mut code = String::new();
    let Some(first) = catalogs.first() else {
        return code;
    };
    for message in &first.messages {
        let each: Vec<(&Language, &Message)> = catalogs
            .iter()
            .filter_map(|catalog| Some((catalog.language, catalog.message(&message.name)?)))
            .collect();
        if !code.is_empty() {
            code.push('\n');
        }
        function(&mut code, &each, path).expect("a string takes all");
    }
    code
}

fn function(code: &mut String, each: &[(&Language, &Message)], path: &str) -> std::fmt::Result {
    let Some((_, first)) = each.first() else {
        return Ok(());
    };
    // In one language a number may be selected on, and just be inserted in another.
    let mut variables: BTreeMap<&str, Kind> = BTreeMap::new();
    for (variable, kind) in each.iter().flat_map(|(_, message)| &message.variables) {
        let noted = variables.entry(variable).or_insert(*kind);
        *noted = (*kind).max(*noted);
    }
    let inserts = each.iter().any(|(_, message)| inserts(&message.parts));
    let kind = if variables.is_empty() { "const fn" } else { "fn" };
    write!(
        code,
        "pub(crate) {kind} {}(language: {path}::Language",
        name(&first.name)
    )?;
    for (variable, kind) in &variables {
        match kind {
            Kind::Text => write!(code, ", {}: &str", name(variable))?,
            Kind::Number => write!(code, ", {}: impl {path}::Number", name(variable))?,
        }
    }
    let returned = if inserts { "String" } else { "&'static str" };
    writeln!(code, ") -> {returned} {{\n    match language {{")?;
    for (language, message) in each {
        let text = expression(&message.parts, inserts, language, path);
        writeln!(code, "        {path}::Language::{} => {text},", language.name)?;
    }
    writeln!(code, "    }}\n}}")
}

fn inserts(parts: &[Part]) -> bool {
    parts.iter().any(|part| match part {
        Part::Text(_) => false,
        Part::Variable(_) => true,
        Part::Select(_, arms) => arms.iter().any(|(_, parts)| inserts(parts)),
    })
}

/// The text as an expression: `owned` or static.
fn expression(parts: &[Part], owned: bool, language: &Language, path: &str) -> String {
    let selected = parts.iter().enumerate().find_map(|(at, part)| match part {
        Part::Select(number, arms) => Some((at, number, arms)),
        _ => None,
    });
    let Some((at, number, arms)) = selected else {
        return text(parts, owned);
    };
    let mut code = format!("match {path}::Number::magnitude({}) {{ ", name(number));
    for (index, (key, arm)) in arms.iter().enumerate() {
        let whole: Vec<Part> = parts[..at].iter().chain(arm).chain(&parts[at + 1..]).cloned().collect();
        let text = expression(&whole, owned, language, path);
        let pattern = match key {
            _ if index + 1 == arms.len() => "_".to_owned(),
            Key::Exactly(number) => number.to_string(),
            Key::Category(category) => {
                let plural = language.plurals.iter().find(|(name, _)| name == category);
                plural.map_or("_", |(_, pattern)| pattern).to_owned()
            }
        };
        write!(code, "{pattern} => {text}, ").expect("a string takes all");
    }
    code.push('}');
    code
}

fn text(parts: &[Part], owned: bool) -> String {
    let mut text = String::new();
    let inserts = inserts(parts);
    for part in parts {
        match part {
            Part::Text(piece) if inserts => text.push_str(&piece.replace('{', "{{").replace('}', "}}")),
            Part::Text(piece) => text.push_str(piece),
            Part::Variable(variable) => write!(text, "{{{}}}", name(variable)).expect("a string takes all"),
            Part::Select(..) => {}
        }
    }
    match (inserts, owned) {
        (true, _) => format!("format!({text:?})"),
        (false, true) => format!("{text:?}.to_owned()"),
        (false, false) => format!("{text:?}"),
    }
}
