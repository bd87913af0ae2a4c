//! What an owner is told when another user or a program changes, takes over or deletes their schedule. A host may put several of
//! these into one mail, so none begins with a greeting.

use serde_json::{Map, Value};

use super::{Notice, Occasion, Text, moment, one_line};
use crate::document::Document;
use crate::form;
use crate::host::{Content, Instant, Recipients};
use crate::language::Language;

/// Most characters of a value that are shown.
const LONGEST_VALUE: usize = 1_000;
/// Characters of a long value that are shown before the first that is another.
const BEFORE_A_DIFFERENCE: usize = 40;

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
    text.line(&language.pick(
        format!("{who} changed your scheduled export {name}."),
        format!("{who} hat Ihren geplanten Export {name} geändert."),
    ));
    occasion.say_when(&mut text, at);
    text.gap();
    text.differences(before, after, language);
    text.gap();
    occasion.say_next(&mut text);
    occasion.say_how_to_undo(&mut text);
    Notice {
        subject: occasion.subject(language.pick("Scheduled export changed", "Geplanter Export geändert")),
        text: text.0,
    }
}

/// To the former owner: that the schedule is somebody else's now.
#[must_use]
pub fn taken_over(occasion: &Occasion, who: Who, at: Instant, before: Seen, after: Seen) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&language.pick(
        format!("{who} took over the scheduled export {name}, which was yours."),
        format!("{who} hat den geplanten Export {name} übernommen, der bisher Ihnen gehörte."),
    ));
    occasion.say_when(&mut text, at);
    text.gap();
    text.line(language.pick(
        "From now on it runs with the permissions of its new owner, who also gets its mails. You get them no longer, unless your address is among its recipients.",
        "Ab jetzt läuft er mit den Rechten der neuen Besitzerin oder des neuen Besitzers, an die auch seine E-Mails gehen. Sie bekommen sie nur noch, wenn Ihre Adresse unter den Empfängern steht.",
    ));
    if before.fields(language) != after.fields(language) {
        text.gap();
        text.differences(before, after, language);
    }
    text.gap();
    occasion.say_next(&mut text);
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(language.pick("Scheduled export taken over", "Geplanter Export übernommen")),
        text: text.0,
    }
}

/// That somebody else has deleted the schedule, and what it was.
#[must_use]
pub fn deleted(occasion: &Occasion, who: Who, at: Instant, before: Seen) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&language.pick(
        format!("{who} deleted your scheduled export {name}. It does not run any more."),
        format!("{who} hat Ihren geplanten Export {name} gelöscht. Er läuft nicht mehr."),
    ));
    occasion.say_when(&mut text, at);
    text.gap();
    text.line(language.pick(
        "This is what it was, should you want it again:",
        "So war er eingestellt, falls Sie ihn wieder anlegen wollen:",
    ));
    for field in before.fields(language).iter().filter(|field| !field.value.is_empty()) {
        text.line(&format!("- {}: {}", field.label, field.shown_from(0, language)));
    }
    text.gap();
    occasion.say_where(&mut text);
    Notice {
        subject: occasion.subject(language.pick("Scheduled export deleted", "Geplanter Export gelöscht")),
        text: text.0,
    }
}

/// In place of a notice that is too large for this organizer's mails: the same without its details.
#[must_use]
pub fn in_brief(occasion: &Occasion, who: Who, at: Instant, notice: Notice) -> Notice {
    let language = occasion.language;
    let (name, who) = (occasion.name(), who.words(language));
    let mut text = Text(String::new());
    text.line(&language.pick(
        format!("{who} changed, took over or deleted your scheduled export {name}. The details are too long for a mail."),
        format!("{who} hat Ihren geplanten Export {name} geändert, übernommen oder gelöscht. Die Einzelheiten sind zu lang für eine E-Mail."),
    ));
    occasion.say_when(&mut text, at);
    text.gap();
    occasion.say_where(&mut text);
    Notice { text: text.0, ..notice }
}

impl Who<'_> {
    fn words(self, language: Language) -> String {
        match self {
            Self::User(email) => one_line(email, 320),
            Self::Token => language
                .pick("A program with an API token", "Ein Programm mit API-Token")
                .to_owned(),
            Self::Device => language.pick("A device", "Ein Gerät").to_owned(),
        }
    }
}

impl Occasion<'_> {
    fn say_when(&self, text: &mut Text, at: Instant) {
        let at = moment(at, self.zone, self.language);
        text.line(&format!("{} {at}", self.language.pick("When:", "Wann:")));
    }

    fn say_how_to_undo(&self, text: &mut Text) {
        text.line(self.language.pick(
            "If this is not what you want, open it at the address below, and change or delete it.",
            "Falls Sie das nicht wollen: unter der Adresse unten öffnen und ändern oder löschen.",
        ));
        self.say_where(text);
    }
}

impl Text {
    /// A line for each field that has another value.
    fn differences(&mut self, before: Seen, after: Seen, language: Language) {
        let (mut old, mut new) = (before.fields(language), after.fields(language));
        // A setting, or the whole document, may be on one side only.
        let (without_old, without_new) = (lacking(&old, &new), lacking(&new, &old));
        old.extend(without_old);
        new.extend(without_new);
        let mut same = true;
        for is in &new {
            let Some(was) = old.iter().find(|was| was.label == is.label && was.value != is.value) else {
                continue;
            };
            same = false;
            let from = first_difference(&was.value, &is.value);
            let (was, now) = (was.shown_from(from, language), is.shown_from(from, language));
            self.line(&format!("- {}: {was} → {now}", is.label));
        }
        if same {
            self.line(language.pick(
                "No field has another value: it was saved again, which plans its next run anew.",
                "Kein Feld hat einen anderen Wert: Er wurde noch einmal gespeichert, womit sein nächster Lauf neu geplant ist.",
            ));
        }
        if after.content.active && !before.content.active {
            self.line(language.pick(
                "It had been stopped, and runs again.",
                "Er war angehalten und läuft wieder.",
            ));
        }
    }
}

/// One field, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    label: String,
    /// Whole, so that no difference is overlooked; empty: there is none.
    value: String,
    /// Most characters of it that are shown.
    longest: usize,
    quotes: bool,
}

impl Field {
    /// The value on one line; where it is too long, from a little before the `from`th character on.
    fn shown_from(&self, from: usize, language: Language) -> String {
        if self.value.is_empty() {
            return language.pick("(none)", "(nichts)").to_owned();
        }
        let skipped = match self.value.chars().count() > self.longest {
            true => from.saturating_sub(BEFORE_A_DIFFERENCE),
            false => 0,
        };
        let rest: String = self.value.chars().skip(skipped).collect();
        let cut = one_line(&rest, self.longest);
        let dots = if skipped > 0 { "…" } else { "" };
        match self.quotes {
            true => language.pick(format!("“{dots}{cut}”"), format!("„{dots}{cut}“")),
            false => format!("{dots}{cut}"),
        }
    }
}

/// Empty ones for the fields that are only among the others.
fn lacking(these: &[Field], others: &[Field]) -> Vec<Field> {
    let only_there = |field: &&Field| these.iter().all(|known| known.label != field.label);
    let emptied = |field: &Field| Field {
        value: String::new(),
        ..field.clone()
    };
    others.iter().filter(only_there).map(emptied).collect()
}

/// How many characters two texts have in common at their beginnings.
fn first_difference(one: &str, other: &str) -> usize {
    one.chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count()
}

impl Seen<'_> {
    /// All fields, in the order of the API.
    fn fields(&self, language: Language) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut field = |label: &str, value: String, longest: usize, quotes: bool| {
            let label = label.to_owned();
            fields.push(Field {
                label,
                value,
                longest,
                quotes,
            });
        };
        let Recipients { to, cc, bcc } = &self.content.recipients;
        let exporter = self.content.export_identifier.clone();
        field(language.pick("Exporter", "Exportart"), exporter, LONGEST_VALUE, false);
        for (label, addresses) in [
            (language.pick("Recipients (To)", "Empfänger (An)"), to),
            (language.pick("Recipients (Cc)", "Empfänger (Cc)"), cc),
            (language.pick("Recipients (Bcc)", "Empfänger (Bcc)"), bcc),
        ] {
            // Never cut: any one of them may be what the owner has to see.
            field(label, addresses.join(", "), usize::MAX, false);
        }
        let Some(document) = self.document else {
            let words = language.pick("cannot be read", "nicht lesbar").to_owned();
            field(language.pick("All else", "Alles andere"), words, LONGEST_VALUE, false);
            return fields;
        };
        for (label, value, quotes) in [
            (
                language.pick("Subject of the mail", "Betreff der E-Mail"),
                &document.subject,
                true,
            ),
            (
                language.pick("Text of the mail", "Text der E-Mail"),
                &document.template,
                true,
            ),
            (language.pick("Language", "Sprache"), &document.locale, false),
            (language.pick("Rule", "Regel"), &document.rule, false),
            (language.pick("Time", "Uhrzeit"), &document.time, false),
        ] {
            field(label, value.clone(), LONGEST_VALUE, quotes);
        }
        let zone = document.timezone.clone().unwrap_or_default();
        field(language.pick("Time zone", "Zeitzone"), zone, LONGEST_VALUE, false);
        for (key, value) in entries(&document.form) {
            let key = one_line(key, 100);
            let label = language.pick(format!("Setting “{key}”"), format!("Einstellung „{key}“"));
            field(&label, value.to_string(), LONGEST_VALUE, false);
        }
        fields
    }
}

/// Entries of a form, those that say which events come first.
fn entries(form: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let of_events = |(key, _): &(&String, &Value)| [form::ALL_EVENTS, form::EVENTS].contains(&key.as_str());
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

    fn told(language: Language, change: impl FnOnce(&mut Content, &mut Document)) -> String {
        let (old, was) = (content(&["a@example.org"]), document());
        let (mut new, mut is) = (old.clone(), was.clone());
        change(&mut new, &mut is);
        let before = Seen {
            content: &old,
            document: Some(&was),
        };
        let after = Seen {
            content: &new,
            document: Some(&is),
        };
        changed(&occasion(language), Who::User("eve@example.org"), AT, before, after).text
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
             - Recipients (Bcc): a@example.org → a@example.org, eve@example.org\n\
             - Subject of the mail: “Orders” → “Orders, all”\n\
             - Time zone: (none) → Asia/Tokyo\n\
             - Setting “few”: (none) → 3\n\
             - Setting “_format”: \"csv\" → (none)\n\n\
             No further run is planned.\n\
             If this is not what you want, open it at the address below, and change or delete it.\n\
             Scheduled exports: https://tickets.example.com/exports/\n"
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
        assert!(
            text.contains(&format!("Empfänger (Bcc): a@example.org → {}", many.join(", "))),
            "{text}"
        );
    }

    #[test]
    fn what_is_saved_again_without_a_difference_is_told_too() {
        assert!(told(Language::English, |_, _| {}).contains("No field has another value"));
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
        assert!(text.contains("Er war angehalten und läuft wieder."), "{text}");
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
        assert!(text.contains("All else: cannot be read → (none)"), "{text}");
        assert!(text.contains("Rule: (none) → RRULE:FREQ=DAILY"), "{text}");
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
            "Regel: RRULE:FREQ=DAILY",
            "Einstellung „events“: [\"conf\"]",
        ] {
            assert!(notice.text.contains(part), "{part}: {}", notice.text);
        }
        assert!(!notice.text.contains("(nichts)"), "{}", notice.text);
    }
}
