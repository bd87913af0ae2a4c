//! The dates that an export covers.

use chrono::{Datelike as _, NaiveDate};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::language::Language;
use crate::named_range::{self, Range};
use crate::text;

/// A date range of a form, resolved for a due time.
#[derive(Debug, Serialize)]
pub(super) struct Window {
    /// Key in the form.
    field: String,
    /// First and last day, both included; null without a limit.
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    /// Both in words.
    words: String,
}

/// The windows of a run that is due on this local date, as the run resolves them.
pub(super) fn of(
    form: &Map<String, Value>,
    date_ranges: &[String],
    today: NaiveDate,
    language: Language,
) -> Vec<Window> {
    let window = |key: &String| {
        let range = named_range::resolve(form.get(key)?.as_str()?, today)?;
        Some(Window {
            field: key.clone(),
            from: range.0,
            to: range.1,
            words: words(range, language),
        })
    };
    date_ranges.iter().filter_map(window).collect()
}

/// `23–29 November 2026`: what both days have in common is said once.
fn words(range: Range, language: Language) -> String {
    let month = |day: NaiveDate| text::month(language, day.month());
    let number = |day: NaiveDate| day.day().to_string();
    let date = |day: NaiveDate| text::window_day(language, &number(day), month(day), &day.year().to_string());
    match range {
        (None, None) => text::window_all(language).to_owned(),
        (Some(from), None) => text::window_from(language, &date(from)),
        (None, Some(to)) => text::window_until(language, &date(to)),
        (Some(from), Some(to)) if from == to => date(from),
        (Some(from), Some(to)) => {
            let year = to.year().to_string();
            match (from.year() == to.year(), from.month() == to.month()) {
                (true, true) => text::window_days(language, &number(from), month(to), &number(to), &year),
                (true, false) => {
                    text::window_months(language, &number(from), month(from), &number(to), month(to), &year)
                }
                (false, _) => text::window_years(language, &date(from), &date(to)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_days_of_a_window_have_in_common_is_said_once() {
        for (range, english, german) in [
            ("2026-11-23/2026-11-29", "23–29 November 2026", "23.–29. November 2026"),
            (
                "2026-11-30/2026-12-06",
                "30 November – 6 December 2026",
                "30. November – 6. Dezember 2026",
            ),
            (
                "2026-12-28/2027-01-03",
                "28 December 2026 – 3 January 2027",
                "28. Dezember 2026 – 3. Januar 2027",
            ),
            ("2026-11-23/2026-11-23", "23 November 2026", "23. November 2026"),
            ("2026-11-23/", "from 23 November 2026", "ab 23. November 2026"),
            ("/2026-11-23", "until 23 November 2026", "bis 23. November 2026"),
            ("/", "all dates", "alle Tage"),
        ] {
            let range = named_range::fixed(range).expect("a range");
            assert_eq!(words(range, Language::English), english);
            assert_eq!(words(range, Language::German), german);
        }
    }
}
