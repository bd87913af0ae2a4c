//! The value of a field as a notice shows it, alone or with the one that replaced it.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::language::Language;
use crate::notice::plain;
use crate::text;

/// Maximum number of characters of a text that is shown in full. Of a longer one, the part that differs is shown.
const SHORT_TEXT: usize = 200;
/// Maximum number of characters of the part that differs. Of a longer one, its beginning and its end are shown.
const MAX_DIFFERENCE_LEN: usize = 1_000;
/// Number of characters of a long text that are shown before and after the part that differs.
const DIFFERENCE_CONTEXT: usize = 40;
/// Maximum number of characters of a list that is shown in full before and after. Of a longer one, added and removed names are shown.
const SHORT_LIST: usize = 200;

/// A complete value, so that no difference is overlooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    None,
    /// Shown without quotation marks.
    Word(String),
    /// Written by a user; shown in quotation marks.
    Text(String),
    /// Names. They are never cut: the owner might have to see any one of them.
    List(Vec<String>),
}

impl Value {
    pub(super) fn word(text: &str) -> Self {
        Self::unless_empty(text, Self::Word)
    }

    pub(super) fn text(text: &str) -> Self {
        Self::unless_empty(text, Self::Text)
    }

    fn unless_empty(text: &str, value: fn(String) -> Self) -> Self {
        if text.is_empty() {
            Self::None
        } else {
            value(text.to_owned())
        }
    }

    pub(super) fn list(names: &[String]) -> Self {
        if names.is_empty() {
            Self::None
        } else {
            Self::List(names.to_vec())
        }
    }

    /// The value of a form field. Lists of names, such as those of events, are lists here too.
    pub(super) fn json(value: &Json) -> Self {
        let names = value.as_array().map(|items| items.iter().map(|item| item.as_str()));
        match names.and_then(|names| names.collect::<Option<Vec<_>>>()) {
            Some(names) if !names.is_empty() => Self::List(names.into_iter().map(str::to_owned).collect()),
            _ => Self::Word(value.to_string()),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The value alone.
    pub(super) fn whole(&self, language: Language) -> String {
        self.shown(0, 0, language)
    }

    /// This value and the one that replaced it.
    pub(super) fn to(&self, other: &Self, language: Language) -> String {
        let (mut start, mut end) = (0, 0);
        match (self, other) {
            (Self::List(_), Self::List(_) | Self::None) | (Self::None, Self::List(_)) => {
                let (was, is) = (self.names(), other.names());
                let is_long = |names: &[String]| joined(names).chars().count() > SHORT_LIST;
                if is_long(was) || is_long(is) {
                    return added_and_removed(was, is, language);
                }
            }
            (Self::Word(was), Self::Word(is)) | (Self::Text(was), Self::Text(is)) => {
                (start, end) = common_ends(was, is);
            }
            _ => {}
        }
        let (was, is) = (self.shown(start, end, language), other.shown(start, end, language));
        if was == is {
            text::changed_same_look(language, &is, &was)
        } else {
            format!("{was} → {is}")
        }
    }

    /// On one line; of a long text, what is between its first `start` and its last `end` characters.
    fn shown(&self, start: usize, end: usize, language: Language) -> String {
        match self {
            Self::None => text::changed_none(language).to_owned(),
            Self::Word(text) => shortened(text, start, end, language),
            Self::Text(text) => text::quoted(language, &shortened(text, start, end, language)),
            Self::List(names) => joined(names),
        }
    }

    fn names(&self) -> &[String] {
        match self {
            Self::List(names) => names,
            Self::None | Self::Word(_) | Self::Text(_) => &[],
        }
    }
}

fn joined(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    names.join(", ")
}

/// The names that only one of the lists has.
fn added_and_removed(was: &[String], is: &[String], language: Language) -> String {
    let only = |these: &[String], others: &[String]| {
        let others: HashSet<&String> = others.iter().collect();
        let names: Vec<String> = these.iter().filter(|name| !others.contains(name)).cloned().collect();
        (names.len(), joined(&names))
    };
    let mut parts = Vec::new();
    let (added, names) = only(is, was);
    if added > 0 {
        parts.push(text::changed_added(language, &names, added));
    }
    let (removed, names) = only(was, is);
    if removed > 0 {
        parts.push(text::changed_removed(language, &names, removed));
    }
    if parts.is_empty() {
        return text::changed_order(language).to_owned();
    }
    let (before, after) = (was.len(), is.len());
    format!("{before} → {after}: {}", parts.join("; "))
}

/// How many characters two texts have in common at their beginnings, and how many of the rest at their ends.
fn common_ends(one: &str, other: &str) -> (usize, usize) {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let common = |pair: &(&char, &char)| pair.0 == pair.1;
    let start = one.iter().zip(&other).take_while(common).count();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(common).count();
    (start, end)
}

/// A text on one line. Of a long one, the part between its first `start` and its last `end` characters, with some context. If that
/// part is long as well, its beginning and its end, with the number of characters between them that are not shown.
fn shortened(text: &str, start: usize, end: usize, language: Language) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= SHORT_TEXT {
        return plain(text);
    }
    let part = |from: usize, to: usize| plain(&characters[from..to].iter().collect::<String>());
    let from = start.saturating_sub(DIFFERENCE_CONTEXT);
    let to = (characters.len() - end)
        .saturating_add(DIFFERENCE_CONTEXT)
        .min(characters.len());
    let dots = |cut: bool| if cut { "…" } else { "" };
    let shown = match to - from {
        length if length > MAX_DIFFERENCE_LEN => {
            let half = MAX_DIFFERENCE_LEN / 2;
            let not_shown = text::changed_not_shown(language, length - 2 * half);
            format!("{}… {not_shown} …{}", part(from, from + half), part(to - half, to))
        }
        _ => part(from, to),
    };
    format!("{}{shown}{}", dots(from > 0), dots(to < characters.len()))
}
