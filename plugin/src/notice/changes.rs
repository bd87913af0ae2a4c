//! The notice to an owner when another user or a program changes, takes over or deletes their schedule. A host can combine
//! several of these in one mail, so none begins with a greeting.

mod fields;
#[cfg(test)]
mod tests;
mod value;

use self::fields::{Difference, differences, fields};
use super::{Notice, NoticeContext, Text, one_line, plain, zoned_time};
use crate::contract::{Content, Instant, ScheduleState};
use crate::document::Document;
use crate::language::Language;
use crate::text;

/// The caller who made the change.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// A user, by email address.
    User(&'a str),
    /// A program with its own API token.
    Token,
    Device,
}

/// The change, with the content that was stored.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    Updated(&'a Content),
    /// The same, and the actor is the owner now.
    TakenOver(&'a Content),
    Paused(&'a Content),
    Resumed(&'a Content),
    Deleted,
}

/// A change that the owner did not make themselves.
#[derive(Clone, Debug)]
pub struct ForeignChange<'a> {
    pub context: NoticeContext<'a>,
    pub actor: Actor<'a>,
    pub at: Instant,
    pub before: &'a Content,
    pub change: Change<'a>,
}

impl ForeignChange<'_> {
    /// The notice with every field that has a different value, or of a deleted schedule with every field.
    #[must_use]
    pub fn notice(&self) -> Notice {
        let language = self.context.language;
        let first_line = match self.change {
            Change::Updated(_) => text::changed,
            Change::TakenOver(_) => text::taken_over,
            Change::Paused(_) => text::paused,
            Change::Resumed(_) => text::resumed,
            Change::Deleted => text::deleted,
        };
        self.frame(first_line, |text| {
            text.gap();
            match self.change {
                Change::Updated(after) => {
                    text.differences(self.before, after, language);
                    text.gap();
                    self.context.add_next_run(text);
                    text.line(text::changed_undo(language));
                }
                Change::TakenOver(after) => {
                    text.line(&text::taken_over_now(language, &self.actor.name(language)));
                    if fields(self.before, language) != fields(after, language) {
                        text.gap();
                        text.differences(self.before, after, language);
                    }
                    text.gap();
                    self.context.add_next_run(text);
                }
                Change::Paused(after) => {
                    text.pause(after, self.context.zone, language);
                    if after.next_run.is_some() {
                        self.context.add_next_run(text);
                    }
                    text.gap();
                }
                Change::Resumed(_) => {
                    self.context.add_next_run(text);
                    text.gap();
                }
                Change::Deleted => {
                    text.line(text::deleted_was(language));
                    for field in fields(self.before, language) {
                        if !field.value.is_none() {
                            text.line(&format!("- {}: {}", field.label, field.value.whole(language)));
                        }
                    }
                    text.gap();
                }
            }
        })
    }

    /// The notice without values, for where the full one exceeds the organizer's maximum mail size. It names the fields that have
    /// a different value.
    #[must_use]
    pub fn brief_notice(&self) -> Notice {
        let language = self.context.language;
        self.frame(text::brief, |text| {
            if let Change::Updated(after) | Change::TakenOver(after) = self.change {
                text.labels(&differences(self.before, after, language), language);
            }
            text.gap();
        })
    }

    /// Who did what and when, the details, and where to manage schedules.
    fn frame(&self, first_line: fn(Language, &str, &str) -> String, details: impl FnOnce(&mut Text)) -> Notice {
        let language = self.context.language;
        let mut text = Text(String::new());
        text.line(&first_line(language, &self.context.name(), &self.actor.name(language)));
        let at = zoned_time(self.at, self.context.zone, language);
        text.line(&text::changed_when(language, &at));
        details(&mut text);
        let subject = match self.change {
            Change::Updated(_) => text::changed_subject(language),
            Change::TakenOver(_) => text::taken_over_subject(language),
            Change::Paused(_) => text::paused_subject(language),
            Change::Resumed(_) => text::resumed_subject(language),
            Change::Deleted => text::deleted_subject(language),
        };
        self.context.finish(subject, text)
    }
}

impl Actor<'_> {
    fn name(self, language: Language) -> String {
        match self {
            Self::User(email) => one_line(email, 320),
            Self::Token => text::who_token(language).to_owned(),
            Self::Device => text::who_device(language).to_owned(),
        }
    }
}

impl Text {
    /// A line for each difference, below one that names all fields, so that none is overlooked behind long values.
    fn differences(&mut self, before: &Content, after: &Content, language: Language) {
        let differences = differences(before, after, language);
        if differences.len() > 1 {
            self.labels(&differences, language);
        }
        for Difference { label, was, is } in &differences {
            self.line(&format!("- {label}: {}", was.to(is, language)));
        }
        if differences.is_empty() {
            self.line(text::changed_nothing(language));
        }
        if after.state == ScheduleState::Active && before.state == ScheduleState::Stopped {
            self.line(text::changed_resumed(language));
        }
    }

    /// Reason and end of a pause.
    fn pause(&mut self, after: &Content, zone: &str, language: Language) {
        let document = Document::read(&after.document).ok();
        if let Some(reason) = document.and_then(|document| document.paused?.reason) {
            let reason = text::quoted(language, &plain(&reason));
            self.line(&text::mail_reason(language, &reason));
        }
        match after.state {
            ScheduleState::Paused(Some(until)) => {
                self.line(&text::paused_until(language, &zoned_time(until, zone, language)));
            }
            _ => self.line(text::paused_open(language)),
        }
    }

    fn labels(&mut self, differences: &[Difference], language: Language) {
        let labels: Vec<&str> = differences.iter().map(|field| field.label.as_str()).collect();
        self.line(&text::changed_labels(language, &labels.join(", ")));
    }
}
