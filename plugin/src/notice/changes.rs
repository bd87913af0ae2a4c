//! What an owner is told when another user or a program changes, takes over or deletes their schedule. A host may put several of
//! these into one mail, so none begins with a greeting.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::{Notice, Occasion, Text, moment, one_line, plain};
use crate::contract::{Content, Instant, Recipients};
use crate::document::Document;
use crate::form;
use crate::language::Language;
use crate::text;

/// Most characters of a text that is shown whole; of a longer one, what is different.
const SHORT_TEXT: usize = 200;
/// Most characters of what is different in a text; of more, the beginning and the end.
const LONGEST_DIFFERENCE: usize = 1_000;
/// Characters of a long text that are shown before and after what is different.
const AROUND_A_DIFFERENCE: usize = 40;
/// Most characters of a list that is shown whole before and after; of a longer one, what came and what went.
const SHORT_LIST: usize = 200;

/// Who did it.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A user, by address.
    User(&'a str),
    /// A program with a token of its own.
    Token,
    Device,
}

/// A schedule as people see it, before or after a change.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub content: &'a Content,
    /// None: it can't be read.
    pub document: Option<&'a Document>,
}

/// That somebody else has changed the schedule: each field that has another value, with both.
#[must_use]
pub fn changed(occasion: &Occasion, who: Who, at: Instant, before: Seen, after: Seen) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&text::changed(language, &name, &who));
    occasion.say_when(&mut text, at);
    text.gap();
    text.differences(before, after, language);
    text.gap();
    occasion.say_next(&mut text);
    occasion.say_how_to_undo(&mut text);
    Notice {
        subject: occasion.subject(text::changed_subject(language)),
        text: text.0,
    }
}

/// To the former owner: that the schedule is somebody else's now.
#[must_use]
pub fn taken_over(occasion: &Occasion, who: Who, at: Instant, before: Seen, after: Seen) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&text::taken_over(language, &name, &who));
    occasion.say_when(&mut text, at);
    text.gap();
    text.line(&text::taken_over_now(language, &who));
    if before.fields(language) != after.fields(language) {
        text.gap();
        text.differences(before, after, language);
    }
    text.gap();
    occasion.say_next(&mut text);
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(text::taken_over_subject(language)),
        text: text.0,
    }
}

/// That somebody else has deleted the schedule, and what it was.
#[must_use]
pub fn deleted(occasion: &Occasion, who: Who, at: Instant, before: Seen) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&text::deleted(language, &name, &who));
    occasion.say_when(&mut text, at);
    text.gap();
    text.line(text::deleted_was(language));
    for field in before.fields(language).iter().filter(|field| !field.value.is_none()) {
        text.line(&format!("- {}: {}", field.label, field.value.whole(language)));
    }
    text.gap();
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(text::deleted_subject(language)),
        text: text.0,
    }
}

/// In place of a notice that is too large for this organizer's mails: the same without its details, but for the names of the
/// fields that have another value.
#[must_use]
pub fn in_brief(
    occasion: &Occasion,
    who: Who,
    at: Instant,
    before: Seen,
    after: Option<Seen>,
    notice: Notice,
) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&text::brief(language, &name, &who));
    occasion.say_when(&mut text, at);
    if let Some(after) = after {
        text.labels(&differences(before, after, language), language);
    }
    text.gap();
    occasion.say_where(&mut text);
    Notice { text: text.0, ..notice }
}

impl Who<'_> {
    fn words(self, language: Language) -> String {
        match self {
            Self::User(email) => one_line(email, 320),
            Self::Token => text::who_token(language).to_owned(),
            Self::Device => text::who_device(language).to_owned(),
        }
    }
}

impl Occasion<'_> {
    fn say_when(&self, text: &mut Text, at: Instant) {
        let at = moment(at, self.zone, self.language);
        text.line(&text::changed_when(self.language, &at));
    }

    fn say_how_to_undo(&self, text: &mut Text) {
        text.line(text::changed_undo(self.language));
        self.say_where(text);
    }
}

impl Text {
    /// A line for each field that has another value, below one that names them all: so none is overlooked behind long ones.
    fn differences(&mut self, before: Seen, after: Seen, language: Language) {
        let differences = differences(before, after, language);
        if differences.len() > 1 {
            self.labels(&differences, language);
        }
        for (is, was) in &differences {
            self.line(&format!("- {}: {}", is.label, was.to(&is.value, language)));
        }
        if differences.is_empty() {
            self.line(text::changed_nothing(language));
        }
        if after.content.active && !before.content.active {
            self.line(text::changed_resumed(language));
        }
    }

    /// The names of fields.
    fn labels(&mut self, differences: &[(Field, Value)], language: Language) {
        let labels: Vec<&str> = differences.iter().map(|(field, _)| field.label.as_str()).collect();
        self.line(&text::changed_labels(language, &labels.join(", ")));
    }
}

/// Each field that has another value after than before, with the one before.
fn differences(before: Seen, after: Seen, language: Language) -> Vec<(Field, Value)> {
    let (old, mut new) = (before.fields(language), after.fields(language));
    // A setting, or the whole document, may be on one side only.
    let gone = old.iter().filter(|was| new.iter().all(|is| is.name != was.name));
    let gone: Vec<Field> = gone.map(Field::without_value).collect();
    new.extend(gone);
    let with_old = |is: Field| {
        let was = old.iter().find(|was| was.name == is.name);
        let was = was.map_or(Value::None, |was| was.value.clone());
        (was != is.value).then_some((is, was))
    };
    new.into_iter().filter_map(with_old).collect()
}

/// One field, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    /// What tells it apart from all others.
    name: String,
    label: String,
    value: Value,
}

impl Field {
    fn without_value(&self) -> Self {
        Self {
            value: Value::None,
            ..self.clone()
        }
    }
}

/// A value, whole, so that no difference is overlooked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    None,
    /// What is shown without quotes.
    Word(String),
    /// What people wrote.
    Text(String),
    /// Of names that are never cut: any one of them may be what the owner has to see.
    List(Vec<String>),
}

impl Value {
    fn word(text: impl Into<String>) -> Self {
        Some(text.into())
            .filter(|text| !text.is_empty())
            .map_or(Self::None, Self::Word)
    }

    fn text(text: &str) -> Self {
        match text {
            "" => Self::None,
            text => Self::Text(text.to_owned()),
        }
    }

    fn list(names: &[String]) -> Self {
        match names {
            [] => Self::None,
            names => Self::List(names.to_vec()),
        }
    }

    /// Of a form. Lists of names, such as those of events, are lists here too.
    fn setting(value: &Json) -> Self {
        let names = value.as_array().map(|items| items.iter().map(|item| item.as_str()));
        match names.and_then(|names| names.collect::<Option<Vec<_>>>()) {
            Some(names) if !names.is_empty() => Self::List(names.into_iter().map(str::to_owned).collect()),
            _ => Self::Word(value.to_string()),
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// By itself.
    fn whole(&self, language: Language) -> String {
        match self {
            Self::None => text::changed_none(language).to_owned(),
            Self::Word(text) => shortened(text, 0, 0, language),
            Self::Text(text) => quoted(&shortened(text, 0, 0, language), language),
            Self::List(names) => joined(names),
        }
    }

    /// From this value to another one.
    fn to(&self, other: &Self, language: Language) -> String {
        let (was, is) = match (self, other) {
            (Self::List(_), Self::List(_) | Self::None) | (Self::None, Self::List(_)) => {
                let (was, is) = (self.names(), other.names());
                let characters = |names: &[String]| joined(names).chars().count();
                if characters(was) > SHORT_LIST || characters(is) > SHORT_LIST {
                    return came_and_went(was, is, language);
                }
                (self.whole(language), other.whole(language))
            }
            (Self::Word(was), Self::Word(is)) => {
                let (start, end) = common_ends(was, is);
                (
                    shortened(was, start, end, language),
                    shortened(is, start, end, language),
                )
            }
            (Self::Text(was), Self::Text(is)) => {
                let (start, end) = common_ends(was, is);
                let shown = |text| quoted(&shortened(text, start, end, language), language);
                (shown(was), shown(is))
            }
            _ => (self.whole(language), other.whole(language)),
        };
        match was == is {
            true => text::changed_same_look(language, &is, &was),
            false => format!("{was} → {is}"),
        }
    }

    fn names(&self) -> &[String] {
        match self {
            Self::List(names) => names,
            Self::None | Self::Word(_) | Self::Text(_) => &[],
        }
    }
}

fn quoted(text: &str, language: Language) -> String {
    text::quoted(language, text)
}

fn joined(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    names.join(", ")
}

/// What is in one list and not in the other.
fn came_and_went(was: &[String], is: &[String], language: Language) -> String {
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

/// How many characters two texts have in common at their beginnings, and of the rest at their ends.
fn common_ends(one: &str, other: &str) -> (usize, usize) {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let common = |pair: &(&char, &char)| pair.0 == pair.1;
    let start = one.iter().zip(&other).take_while(common).count();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(common).count();
    (start, end)
}

/// A text on one line. Of a long one, what is between the first `start` and the last `end` characters, with a little around it; where
/// that is long as well, its beginning and its end, and how much is left out between them.
fn shortened(text: &str, start: usize, end: usize, language: Language) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= SHORT_TEXT {
        return plain(text);
    }
    let part = |from: usize, to: usize| plain(&characters[from..to].iter().collect::<String>());
    let from = start.saturating_sub(AROUND_A_DIFFERENCE);
    let to = (characters.len() - end)
        .saturating_add(AROUND_A_DIFFERENCE)
        .min(characters.len());
    let dots = |cut: bool| if cut { "…" } else { "" };
    let shown = match to - from {
        length if length > LONGEST_DIFFERENCE => {
            let half = LONGEST_DIFFERENCE / 2;
            let left_out = length - 2 * half;
            let words = text::changed_not_shown(language, left_out);
            format!("{}… {words} …{}", part(from, from + half), part(to - half, to))
        }
        _ => part(from, to),
    };
    format!("{}{shown}{}", dots(from > 0), dots(to < characters.len()))
}

impl Seen<'_> {
    /// All fields. Who gets the data comes first, whom nobody else sees before all others.
    fn fields(&self, language: Language) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut field = |name: &str, label: &str, value: Value| {
            fields.push(Field {
                name: name.to_owned(),
                label: label.to_owned(),
                value,
            });
        };
        let Recipients { to, cc, bcc } = &self.content.recipients;
        for (name, label, addresses) in [
            ("bcc", text::label_bcc(language), bcc),
            ("cc", text::label_cc(language), cc),
            ("to", text::label_to(language), to),
        ] {
            field(name, label, Value::list(addresses));
        }
        let exporter = Value::word(self.content.export_identifier.as_str());
        field("exporter", text::label_exporter(language), exporter);
        let Some(document) = self.document else {
            let words = Value::word(text::label_unreadable(language));
            field("all", text::label_others(language), words);
            return fields;
        };
        for (key, value) in entries(&document.form) {
            let shown = one_line(key, 100);
            let label = text::label_form_field(language, &shown);
            // No other name has a dot in it.
            field(&format!("form.{key}"), &label, Value::setting(value));
        }
        for (name, label, value) in [
            ("rule", text::label_rule(language), &document.rule),
            ("time", text::label_time(language), &document.time),
            ("locale", text::label_language(language), &document.locale),
        ] {
            field(name, label, Value::word(value.as_str()));
        }
        let zone = Value::word(document.timezone.clone().unwrap_or_default());
        field("zone", text::label_zone(language), zone);
        for (name, label, value) in [
            ("subject", text::label_subject(language), &document.subject),
            ("template", text::label_text(language), &document.template),
        ] {
            field(name, label, Value::text(value));
        }
        fields
    }
}

/// Entries of a form, those that say which events come first.
fn entries(form: &Map<String, Json>) -> impl Iterator<Item = (&String, &Json)> {
    let of_events = |(key, _): &(&String, &Json)| [form::ALL_EVENTS, form::EVENTS].contains(&key.as_str());
    form.iter()
        .filter(of_events)
        .chain(form.iter().filter(move |entry| !of_events(entry)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Document {
        Document::read(
            &json!({
                "export_form_data": {"_format": "csv", "events": ["conf"]}, "locale": "en", "mail_subject": "Orders",
                "mail_template": "All orders.", "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "06:00:00",
                "anchor": "2026-01-01",
            })
            .to_string(),
        )
        .expect("a document")
    }

    fn content(bcc: &[&str]) -> Content {
        Content {
            export_identifier: "orders".to_owned(),
            recipients: Recipients {
                bcc: bcc.iter().map(|&address| address.to_owned()).collect(),
                ..Recipients::default()
            },
            next_run: None,
            active: true,
            error_counter: 0,
            document: String::new(),
        }
    }

    fn occasion(language: Language) -> Occasion<'static> {
        Occasion {
            language,
            title: Some("Orders"),
            exporter: "orders",
            zone: "Europe/Berlin",
            due: None,
            next_run: None,
            configuration_url: "https://tickets.example.com/exports/",
        }
    }

    const AT: Instant = 1_792_992_600; // 2026-10-26T05:30:00Z

    fn changed_from(old: &Content, was: &Document, new: &Content, is: &Document, language: Language) -> String {
        let before = Seen {
            content: old,
            document: Some(was),
        };
        let after = Seen {
            content: new,
            document: Some(is),
        };
        changed(&occasion(language), Who::User("eve@example.org"), AT, before, after).text
    }

    fn told(language: Language, change: impl FnOnce(&mut Content, &mut Document)) -> String {
        let (old, was) = (content(&["a@example.org"]), document());
        let (mut new, mut is) = (old.clone(), was.clone());
        change(&mut new, &mut is);
        changed_from(&old, &was, &new, &is, language)
    }

    #[test]
    fn an_owner_is_told_who_changed_which_field_from_what_to_what() {
        let text = told(Language::English, |content, document| {
            content.recipients.bcc.push("eve@example.org".to_owned());
            document.subject = "Orders, all".to_owned();
            document.timezone = Some("Asia/Tokyo".to_owned());
            document.form.remove("_format");
            document.form.insert("few".to_owned(), json!(3));
        });
        assert_eq!(
            text,
            "eve@example.org changed your scheduled export “Orders” (orders).\n\
             When: Monday, 26 October 2026, 06:30 (Europe/Berlin, UTC+01:00)\n\n\
             Changed: Recipients (Bcc), Form field “few”, Time zone, Email subject, Form field “_format”\n\
             - Recipients (Bcc): a@example.org → a@example.org, eve@example.org\n\
             - Form field “few”: (none) → 3\n\
             - Time zone: (none) → Asia/Tokyo\n\
             - Email subject: “Orders” → “Orders, all”\n\
             - Form field “_format”: \"csv\" → (none)\n\n\
             No further runs are scheduled.\n\
             If you did not want this, open the scheduled export at the link below and change or delete it.\n\
             Manage scheduled exports: https://tickets.example.com/exports/\n"
        );
    }

    #[test]
    fn a_difference_after_the_length_that_is_shown_is_shown() {
        let long = "Always the same. ".repeat(500);
        let text = told(Language::English, |_, document| document.template = long.clone());
        assert!(text.contains("“All orders.” → “Always the same."), "{text}");
        let (old, mut was) = (content(&[]), document());
        was.template.clone_from(&long);
        let mut is = was.clone();
        is.template.push_str("Call eve@example.org.");
        let (before, after) = (
            Seen {
                content: &old,
                document: Some(&was),
            },
            Seen {
                content: &old,
                document: Some(&is),
            },
        );
        let text = changed(&occasion(Language::English), Who::Token, AT, before, after).text;
        assert!(text.contains("Call eve@example.org."), "{text}");
        assert!(text.len() < 2_000, "{text}");
    }

    #[test]
    fn the_last_of_as_many_addresses_as_there_can_be_is_shown() {
        let many: Vec<String> = (0..25)
            .map(|at| format!("{}{at}@example.org", "a".repeat(60)))
            .collect();
        let text = told(Language::German, |content, _| content.recipients.bcc.clone_from(&many));
        let added = format!(
            "Empfänger (Bcc): 1 → 25: 25 neu ({}); 1 entfernt (a@example.org)\n",
            many.join(", ")
        );
        assert!(text.contains(&added), "{text}");
    }

    #[test]
    fn a_second_difference_in_a_long_text_is_shown_as_well_as_the_first() {
        let text = |first: &str, last: &str| format!("{first}{}{last}", "Always the same. ".repeat(500));
        let (old, mut was) = (content(&[]), document());
        was.template = text("Dear all", "Yours");
        let mut is = was.clone();
        is.template = text("Dear you", "http://evil.example/");
        let told = changed_from(&old, &was, &old, &is, Language::English);
        for part in [
            "“Dear all",
            "“Dear you",
            "Yours”",
            "http://evil.example/”",
            " characters are not shown)",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(told.chars().count() < 3_000, "{told}");
        // What is the same at both ends is left out.
        is.template = was.template.replacen("the same. Always", "another. Always", 1);
        let told = changed_from(&old, &was, &old, &is, Language::German);
        assert!(
            told.contains("„Dear allAlways the same. Always the same. Always the same. Alwa…“"),
            "{told}"
        );
        assert!(told.contains(" → „Dear allAlways another. Always"), "{told}");
        assert!(told.chars().count() < 700, "{told}");
    }

    #[test]
    fn an_address_does_not_hide_among_long_ones_nor_behind_other_fields() {
        let many: Vec<String> = (0..24)
            .map(|at| format!("{}{at}@{}.example.org", "a".repeat(60), "b".repeat(60)))
            .collect();
        let (mut old, was) = (content(&[]), document());
        old.recipients.bcc.clone_from(&many);
        old.recipients.to.clone_from(&many);
        let (mut new, mut is) = (old.clone(), was.clone());
        new.recipients.bcc.insert(11, "eve@example.net".to_owned());
        new.recipients.to.reverse();
        is.template = "x".repeat(10_000);
        is.form.insert(
            "events".to_owned(),
            json!((0..1_000).map(|at| format!("event-{at}")).collect::<Vec<_>>()),
        );
        let told = changed_from(&old, &was, &new, &is, Language::English);
        let lines: Vec<&str> = told.lines().skip(3).take(5).collect();
        assert_eq!(
            lines[..3],
            [
                "Changed: Recipients (Bcc), Recipients (To), Form field “events”, Email text",
                "- Recipients (Bcc): 24 → 25: 1 added (eve@example.net)",
                "- Recipients (To): the same in a different order or number",
            ]
        );
        assert!(
            lines[3].starts_with("- Form field “events”: 1 → 1000: 1000 added (event-0, event-1, "),
            "{told}"
        );
        assert!(lines[3].ends_with(", event-999); 1 removed (conf)"), "{told}");
    }

    #[test]
    fn no_value_makes_a_line_of_its_own_or_hides_what_is_in_it() {
        let told = told(Language::English, |_, document| {
            document.subject = "Orders\u{202e}\u{2028}- Recipients (Bcc): (none)".to_owned();
            document.template = format!("All orders.\n{}\n\n\n\n\t\u{2800}.", " ".repeat(500));
            document
                .form
                .insert("few".to_owned(), json!("\u{3164}\u{ad}\n- Rule: none"));
        });
        for line in [
            r#"- Form field “few”: (none) → "⟨U+3164⟩⟨U+00AD⟩\n- Rule: none""#,
            "- Email subject: “Orders” → “Orders⟨U+202E⟩⟨U+2028⟩- Recipients (Bcc): (none)”",
            "- Email text: “All orders.” → “All orders.⏎⟨U+0020 × 500⟩⟨U+000A × 4⟩⟨U+0009⟩⟨U+2800⟩.”",
        ] {
            assert!(told.lines().any(|told| told == line), "{line}: {told}");
        }
        assert_eq!(told.lines().filter(|line| line.starts_with("- ")).count(), 3, "{told}");
    }

    #[test]
    fn a_value_that_only_looks_the_same_is_told_as_another_one() {
        let (old, mut was) = (content(&[]), document());
        was.subject = "Orders⟨U+202E⟩".to_owned();
        let mut is = was.clone();
        is.subject = "Orders\u{202e}".to_owned();
        let told = changed_from(&old, &was, &old, &is, Language::English);
        assert!(
            told.contains("“Orders⟨U+202E⟩” (another value that looks the same)"),
            "{told}"
        );
    }

    #[test]
    fn two_settings_whose_names_begin_alike_are_told_apart() {
        let key = |end: &str| format!("{}{end}", "k".repeat(200));
        let (old, mut was) = (content(&[]), document());
        was.form = [(key("a"), json!(1)), (key("b"), json!(2))].into_iter().collect();
        let mut is = was.clone();
        is.form.insert(key("b"), json!(3));
        let told = changed_from(&old, &was, &old, &is, Language::English);
        assert!(told.contains(": 2 → 3\n") && !told.contains("1 →"), "{told}");
    }

    #[test]
    fn a_notice_in_brief_names_the_fields() {
        let (old, was) = (content(&["a@example.org"]), document());
        let (new, mut is) = (content(&["eve@example.org"]), was.clone());
        is.time = "07:00:00".to_owned();
        let (before, after) = (
            Seen {
                content: &old,
                document: Some(&was),
            },
            Seen {
                content: &new,
                document: Some(&is),
            },
        );
        let occasion = occasion(Language::German);
        let notice = changed(&occasion, Who::Token, AT, before, after);
        let brief = in_brief(&occasion, Who::Token, AT, before, Some(after), notice);
        assert!(
            brief.text.contains("\nGeändert: Empfänger (Bcc), Uhrzeit\n"),
            "{}",
            brief.text
        );
        assert!(!brief.text.contains("eve@"), "{}", brief.text);
    }

    #[test]
    fn what_is_saved_again_without_a_difference_is_told_too() {
        assert!(told(Language::English, |_, _| {}).contains("No values were changed."));
        let (mut old, was) = (content(&[]), document());
        old.active = false;
        let new = content(&[]);
        let (before, after) = (
            Seen {
                content: &old,
                document: Some(&was),
            },
            Seen {
                content: &new,
                document: Some(&was),
            },
        );
        let text = changed(&occasion(Language::German), Who::Device, AT, before, after).text;
        assert!(text.contains("Er war pausiert und wurde fortgesetzt."), "{text}");
    }

    #[test]
    fn a_document_that_cannot_be_read_is_told_as_such() {
        let (old, is) = (content(&[]), document());
        let (before, after) = (
            Seen {
                content: &old,
                document: None,
            },
            Seen {
                content: &old,
                document: Some(&is),
            },
        );
        let text = changed(&occasion(Language::English), Who::Token, AT, before, after).text;
        assert!(text.contains("A program with an API token changed"), "{text}");
        assert!(text.contains("All other settings: cannot be read → (none)"), "{text}");
        assert!(text.contains("Recurrence rule: (none) → RRULE:FREQ=DAILY"), "{text}");
    }

    #[test]
    fn an_owner_of_a_deleted_schedule_is_told_what_it_was() {
        let (old, was) = (content(&["a@example.org"]), document());
        let before = Seen {
            content: &old,
            document: Some(&was),
        };
        let notice = deleted(&occasion(Language::German), Who::User("eve@example.org"), AT, before);
        assert_eq!(notice.subject, "Geplanter Export gelöscht: Orders");
        for part in [
            "eve@example.org hat Ihren geplanten Export „Orders“ (orders) gelöscht.",
            "Empfänger (Bcc): a@example.org",
            "Wiederholungsregel: RRULE:FREQ=DAILY",
            "Einstellung „events“: conf",
        ] {
            assert!(notice.text.contains(part), "{part}: {}", notice.text);
        }
        assert!(!notice.text.contains("(leer)"), "{}", notice.text);
    }
}
