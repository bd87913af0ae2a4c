//! A catalog as it is read, and what is wrong with several of them together.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Resource, VariantKey};
use fluent_syntax::parser;
use fluent_syntax::unicode::unescape_unicode_to_string;

use super::Language;

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Text,
    Number,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Variable(String),
    /// By a number, with its arms; the last is the default.
    Select(String, Vec<(Key, Vec<Part>)>),
}

/// What an arm is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Exactly(u64),
    Category(String),
}

/// One message in one language.
#[derive(Debug)]
pub struct Message {
    pub name: String,
    pub parts: Vec<Part>,
    pub variables: BTreeMap<String, Kind>,
}

/// All messages of one language, in their order.
#[derive(Debug)]
pub struct Catalog<'l> {
    pub language: &'l Language,
    pub messages: Vec<Message>,
}

impl<'l> Catalog<'l> {
    /// # Errors
    /// A line for each problem, with the place where it is.
    pub fn read(language: &'l Language, source: &str) -> Result<Self, Vec<String>> {
        let file = format!("{}.ftl", language.tag);
        let resource: Resource<&str> = parser::parse(source).map_err(|(_, errors)| {
            let line = |at: usize| source.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            let told = errors
                .iter()
                .map(|error| format!("{file}:{}: {error}", line(error.pos.start)));
            told.collect::<Vec<_>>()
        })?;
        let mut messages: Vec<Message> = Vec::new();
        let mut problems = Vec::new();
        for entry in resource.body {
            match entry {
                Entry::Message(message) => {
                    let name = message.id.name;
                    let wrong = |why: String| format!("{file}: {name}: {why}");
                    if messages.iter().any(|other| other.name == name) {
                        problems.push(format!("{file}: {name} is defined twice"));
                    }
                    if !message.attributes.is_empty() {
                        problems.push(wrong("attributes are not supported".to_owned()));
                    }
                    let mut reader = Reader {
                        language,
                        variables: BTreeMap::new(),
                    };
                    let read = match &message.value {
                        Some(pattern) => reader.parts(pattern),
                        None => Err("there is no text".to_owned()),
                    };
                    match read {
                        Ok(parts) => messages.push(Message {
                            name: name.to_owned(),
                            parts,
                            variables: reader.variables,
                        }),
                        Err(why) => problems.push(wrong(why)),
                    }
                }
                Entry::Term(term) => problems.push(format!("{file}: -{}: terms are not supported", term.id.name)),
                _ => {}
            }
        }
        if problems.is_empty() {
            Ok(Self { language, messages })
        } else {
            Err(problems)
        }
    }

    /// The message of this name.
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }
}

/// Reads the text of one message, and collects its variables.
struct Reader<'l> {
    language: &'l Language,
    variables: BTreeMap<String, Kind>,
}

impl Reader<'_> {
    fn parts(&mut self, pattern: &Pattern<&str>) -> Result<Vec<Part>, String> {
        pattern.elements.iter().map(|element| self.part(element)).collect()
    }

    fn part(&mut self, element: &PatternElement<&str>) -> Result<Part, String> {
        let expression = match element {
            PatternElement::TextElement { value } => return Ok(Part::Text((*value).to_owned())),
            PatternElement::Placeable { expression } => expression,
        };
        match expression {
            Expression::Inline(InlineExpression::StringLiteral { value }) => {
                Ok(Part::Text(unescape_unicode_to_string(value).into_owned()))
            }
            Expression::Inline(inline) => {
                let (name, kind) =
                    variable(inline).ok_or("only variables, NUMBER($variable) and strings can stand in braces")?;
                self.note(name, kind)?;
                Ok(Part::Variable(name.to_owned()))
            }
            Expression::Select { selector, variants } => {
                let (name, _) = variable(selector).ok_or("only a variable can be selected on")?;
                self.note(name, Kind::Number)?;
                let mut arms = Vec::new();
                let mut default = None;
                for variant in variants {
                    let key = match variant.key {
                        VariantKey::NumberLiteral { value } => {
                            Key::Exactly(value.parse().map_err(|_| format!("[{value}] is not a whole number"))?)
                        }
                        VariantKey::Identifier { name } => Key::Category(name.to_owned()),
                    };
                    let arm = (key, self.parts(&variant.value)?);
                    if variant.default {
                        default = Some(arm);
                    } else {
                        arms.push(arm);
                    }
                }
                arms.extend(default);
                self.check_categories(name, &arms)?;
                Ok(Part::Select(name.to_owned(), arms))
            }
        }
    }

    fn note(&mut self, name: &str, kind: Kind) -> Result<(), String> {
        if matches!(name, "language" | "n") {
            return Err("the names $language and $n are taken by the generated code".to_owned());
        }
        let noted = self.variables.entry(name.to_owned()).or_insert(kind);
        *noted = kind.max(*noted);
        Ok(())
    }

    /// A list of numbers has no categories; a plural has all of its language, and `other` for the rest.
    fn check_categories(&self, name: &str, arms: &[(Key, Vec<Part>)]) -> Result<(), String> {
        let given: BTreeSet<&str> = arms
            .iter()
            .filter_map(|(key, _)| match key {
                Key::Exactly(_) => None,
                Key::Category(category) => Some(category.as_str()),
            })
            .collect();
        let mut all: Vec<&str> = self.language.plurals.iter().map(|(category, _)| *category).collect();
        all.push("other");
        let last_is_other = matches!(arms.last(), Some((Key::Category(category), _)) if category == "other");
        if given.is_empty() || (last_is_other && given == all.iter().copied().collect()) {
            return Ok(());
        }
        Err(format!("${name} needs the plural categories {}", all.join(", ")))
    }
}

/// The variable of `$name` or `NUMBER($name)`.
fn variable<'s>(inline: &InlineExpression<&'s str>) -> Option<(&'s str, Kind)> {
    match inline {
        InlineExpression::VariableReference { id } => Some((id.name, Kind::Text)),
        InlineExpression::FunctionReference { id, arguments } if id.name == "NUMBER" && arguments.named.is_empty() => {
            match arguments.positional.as_slice() {
                [InlineExpression::VariableReference { id }] => Some((id.name, Kind::Number)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What keeps catalogs from being the same messages in several languages, a line each.
pub fn problems(catalogs: &[Catalog]) -> Vec<String> {
    let mut problems = Vec::new();
    let Some((first, others)) = catalogs.split_first() else {
        return problems;
    };
    let home = first.language.tag;
    let mut functions: BTreeMap<String, &str> = BTreeMap::new();
    for message in &first.messages {
        let function = super::code::name(&message.name);
        if let Some(other) = functions.insert(function.clone(), &message.name) {
            problems.push(format!(
                "{home}.ftl: {} and {other} have the same function {function}",
                message.name
            ));
        }
    }
    for catalog in others {
        let tag = catalog.language.tag;
        for message in &first.messages {
            let Some(other) = catalog.message(&message.name) else {
                problems.push(format!("{tag}.ftl lacks the message {}", message.name));
                continue;
            };
            if !other.variables.keys().eq(message.variables.keys()) {
                problems.push(format!(
                    "{tag}.ftl: {} has the variables {}, and in {home}.ftl {}",
                    message.name,
                    listed(other),
                    listed(message)
                ));
            }
        }
        for message in &catalog.messages {
            if first.message(&message.name).is_none() {
                problems.push(format!("{tag}.ftl: {} is not a message of {home}.ftl", message.name));
            }
        }
    }
    problems
}

fn listed(message: &Message) -> String {
    let names: Vec<String> = message.variables.keys().map(|name| format!("${name}")).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
