//! A rule in words. The phrases are in the catalogs; here is which of them say a rule, from the inside out.

use chrono::{Datelike as _, NaiveDate, NaiveTime};

use crate::language::Language;
use crate::notice::clock;
use crate::recurrence::{Frequency, NormalEnd, NormalRule};
use crate::text;

/// The whole sentence. Each part of the rule is in it, so that rules with other dates read differently; the start only if it is
/// later than `today` or decides about more than the first date.
pub(super) fn of(rule: &NormalRule, time: NaiveTime, today: NaiveDate, language: Language) -> String {
    let words = Words { rule, language };
    let days = match rule.frequency {
        Frequency::Daily | Frequency::Weekly => words.weeks(),
        Frequency::Monthly | Frequency::Yearly => words.months_and_years(),
    };
    let when = words.with_limits(text::when(language, &clock(time), &days));
    let date = |date: NaiveDate| {
        let month = text::month(language, date.month());
        text::when_date(language, &date.day().to_string(), month, &date.year().to_string())
    };
    // The first date says more than `DTSTART`, which need not be one of the dates, and decides the same.
    let from = || date(rule.first.unwrap_or(rule.start));
    let shows_from = rule.every > 1 || rule.start > today;
    match rule.end {
        NormalEnd::Count(count) => text::when_count(language, count, &from(), &when),
        NormalEnd::Until(until) if shows_from => text::when_from_until(language, &from(), &date(until), &when),
        NormalEnd::Until(until) => text::when_until(language, &date(until), &when),
        NormalEnd::Never if shows_from => text::when_from(language, &from(), &when),
        NormalEnd::Never => when,
    }
}

struct Words<'a> {
    rule: &'a NormalRule,
    language: Language,
}

impl Words<'_> {
    /// `DAILY` and `WEEKLY`.
    fn weeks(&self) -> String {
        let (rule, language) = (self.rule, self.language);
        let weekdays = || self.joined(self.weekday_names(), text::when_and);
        let days = match (rule.frequency, rule.every) {
            (Frequency::Daily, 1) => text::when_daily(language).to_owned(),
            (Frequency::Daily, every) => text::when_days(language, every),
            (_, 1) if rule.weekdays == NormalRule::WORKING_DAYS => text::when_working_days(language).to_owned(),
            (_, 1) => text::when_weekly(language, &weekdays()),
            (_, every) => text::when_weeks(language, every, &weekdays()),
        };
        match self.month_names() {
            Some(months) if rule.every == 1 => text::when_in(language, &days, &months),
            _ => days,
        }
    }

    /// Adds what an interval counts through, though there is no run on it.
    fn with_limits(&self, mut when: String) -> String {
        let (rule, language) = (self.rule, self.language);
        if rule.every == 1 || rule.frequency == Frequency::Yearly {
            return when;
        }
        if rule.frequency == Frequency::Daily && rule.weekdays != NormalRule::EVERY_DAY {
            when = text::when_on_only(language, &self.joined(self.weekday_names(), text::when_or), &when);
        }
        match self.month_names() {
            Some(months) => text::when_in_only(language, &months, &when),
            None => when,
        }
    }

    /// `MONTHLY` and `YEARLY`.
    fn months_and_years(&self) -> String {
        let (rule, language) = (self.rule, self.language);
        let days = self.days_within();
        let days = if rule.of_those.is_empty() {
            days
        } else {
            text::when_of_those(language, &days, &self.ordinals(&rule.of_those))
        };
        let limited = !rule.months.is_empty();
        match (rule.frequency, rule.every) {
            (Frequency::Monthly, 1) if !rule.of_those.is_empty() => text::when_monthly(language, &days),
            (Frequency::Monthly, 1) if !limited => days,
            (Frequency::Monthly, 1) => text::when_yearly(language, &days),
            (Frequency::Monthly, every) => text::when_months(language, &days, every),
            (_, 1) if rule.whole_year && rule.of_those.is_empty() => days,
            (_, 1) => text::when_yearly(language, &days),
            (_, every) => text::when_years(language, &days, every),
        }
    }

    /// The days, and the month or year that they are in.
    fn days_within(&self) -> String {
        let (rule, language) = (self.rule, self.language);
        let every_nth_month = rule.frequency == Frequency::Monthly && rule.every > 1;
        let dates = !rule.whole_year && rule.weekdays == NormalRule::EVERY_DAY && rule.nth.iter().all(|day| *day > 0);
        if let ([month], true, false) = (&rule.months[..], dates && !rule.nth.is_empty(), every_nth_month) {
            return text::when_dates_in(language, text::month(language, *month), &self.ordinals(&rule.nth));
        }
        let mut days = Vec::new();
        if rule.nth.is_empty() {
            if rule.weekdays != 0 {
                days.push(text::when_every(language, &self.weekday_phrase(text::when_and)));
            }
        } else if dates {
            days.push(text::when_dates(language, &self.ordinals(&rule.nth)));
        } else {
            let weekday = self.weekday_phrase(text::when_or);
            days.push(text::when_nth(language, &self.ordinals(&rule.nth), &weekday));
        }
        for (weekday, ordinals) in &rule.ordinals {
            let weekday = text::weekday(language, weekday + 1);
            days.push(text::when_nth(language, &self.ordinals(ordinals), weekday));
        }
        let days = self.joined(days, text::when_and);
        match self.month_names() {
            _ if rule.whole_year && rule.every == 1 => text::when_of_each_year(language, &days),
            _ if rule.whole_year => text::when_of_the_year(language, &days),
            _ if every_nth_month => text::when_of_the_month(language, &days),
            Some(months) => text::when_of_months(language, &days, &months, rule.months.len()),
            None => text::when_of_each_month(language, &days),
        }
    }

    /// The weekdays as one noun.
    fn weekday_phrase(&self, last: Joint) -> String {
        match self.rule.weekdays {
            NormalRule::EVERY_DAY => text::when_day(self.language).to_owned(),
            NormalRule::WORKING_DAYS => text::when_working_day(self.language).to_owned(),
            _ => self.joined(self.weekday_names(), last),
        }
    }

    fn weekday_names(&self) -> Vec<String> {
        let name = |weekday| text::weekday(self.language, weekday + 1).to_owned();
        self.rule.weekdays().map(name).collect()
    }

    /// `None` if the rule does not limit the months.
    fn month_names(&self) -> Option<String> {
        let name = |month: &u32| text::month(self.language, *month).to_owned();
        let names: Vec<String> = self.rule.months.iter().map(name).collect();
        (!names.is_empty()).then(|| self.joined(names, text::when_and))
    }

    fn ordinals(&self, positions: &[i16]) -> String {
        let ordinal = |position: &i16| {
            let number = u32::from(position.unsigned_abs());
            let last_digits = match number % 100 {
                teen @ 11..=13 => teen,
                other => other % 10,
            };
            let ordinal = text::when_ordinal(self.language, last_digits, &number.to_string());
            if *position > 0 {
                ordinal
            } else {
                text::when_ordinal_from_end(self.language, number, &ordinal)
            }
        };
        self.joined(positions.iter().map(ordinal).collect(), text::when_and)
    }

    /// A list with commas, and a word before the last.
    fn joined(&self, mut phrases: Vec<String>, last: Joint) -> String {
        match phrases.pop() {
            Some(phrase) if phrases.is_empty() => phrase,
            Some(phrase) => last(self.language, &phrase, &phrases.join(", ")),
            None => String::new(),
        }
    }
}

/// Puts a word before the last phrase of a list: language, last phrase, list of the others.
type Joint = fn(Language, &str, &str) -> String;
