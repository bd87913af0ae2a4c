//! Picks as JSON, read and checked.

use chrono::{Datelike as _, NaiveDate};
use serde_json::{Map, Value};

use crate::contract::FieldError;
use crate::date_range;
use crate::language::Language;
use crate::message::{Expected, ValidationError};
use crate::recurrence::{RecurrenceError, RecurrenceErrorKind, WEEKDAYS};

use super::picks::{DAYS, End, LARGEST_NUMBER, Picks, Repeat, WEEKS, WORKING_DAYS};

/// The values of `repeat`.
const REPEATS: [&str; 6] = [
    "daily",
    "weekly",
    "monthly-days",
    "monthly-weekday",
    "monthly-working-day",
    "yearly",
];

const JANUARY_TO_DECEMBER: (i64, i64) = (1, 12);

impl Picks {
    /// Reads picks in the shape of [`Picks::json`]. `field` is the name of the field that they are the value of.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, each with the path of the member.
    ///
    /// ```
    /// use chrono::{Datelike as _, NaiveDate};
    /// use plugin::language::Language;
    /// use plugin::rule::Picks;
    /// use serde_json::json;
    ///
    /// let today = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
    /// let picks = json!({"repeat": "monthly-weekday", "nth": [2], "weekday": "TU"});
    /// let picks = Picks::read(&picks, "picks", Language::English).unwrap();
    /// assert_eq!(picks.rule(today), "RRULE:FREQ=MONTHLY;BYDAY=2TU");
    ///
    /// let errors = Picks::read(&json!({"repeat": "weekly"}), "picks", Language::English).unwrap_err();
    /// assert_eq!(errors[0].path, ["picks", "weekdays"]);
    /// ```
    pub fn read(picks: &Value, field: &str, language: Language) -> Result<Self, Vec<FieldError>> {
        let Value::Object(members) = picks else {
            return Err(vec![
                ValidationError::wrong_type(picks, Expected::Picks).at(&[field], language),
            ]);
        };
        let mut reader = Reader {
            members,
            field,
            language,
            errors: Vec::new(),
        };
        let repeat = reader.repeat();
        let every = reader.number("every", (1, LARGEST_NUMBER.into()), Some(1));
        let start = reader.date("start");
        let end = reader.end();
        match (repeat, every, reader.errors.is_empty()) {
            (Some(repeat), Some(every), true) => Ok(Self {
                repeat,
                every,
                start,
                end,
            }),
            _ => Err(reader.errors),
        }
    }
}

/// The members of the picks; what is wrong with them is collected.
struct Reader<'a> {
    members: &'a Map<String, Value>,
    field: &'a str,
    language: Language,
    errors: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn wrong(&mut self, name: &str, error: &ValidationError) {
        self.errors.push(error.at(&[self.field, name], self.language));
    }

    /// A member that is neither omitted nor null.
    fn given(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn repeat(&mut self) -> Option<Repeat> {
        match self.choice("repeat", &REPEATS)? {
            0 => Some(Repeat::Daily),
            1 => {
                let weekdays = self.list("weekdays", Expected::Texts, |value| position_in(value, &WEEKDAYS))?;
                Some(Repeat::Weekly { weekdays })
            }
            2 => {
                let (days, months) = (self.positions("days", DAYS), self.months());
                Some(Repeat::MonthlyDays {
                    days: days?,
                    months: months?,
                })
            }
            3 => {
                let (nth, months) = (self.positions("nth", WEEKS), self.months());
                let weekday = self.choice("weekday", &WEEKDAYS);
                Some(Repeat::MonthlyWeekday {
                    nth: nth?,
                    weekday: weekday?,
                    months: months?,
                })
            }
            4 => {
                let (nth, months) = (self.positions("nth", WORKING_DAYS), self.months());
                Some(Repeat::MonthlyWorkingDay {
                    nth: nth?,
                    months: months?,
                })
            }
            _ => {
                let month = self.number("month", JANUARY_TO_DECEMBER, None);
                let day = self.number("day", (1, DAYS.into()), None);
                Some(Repeat::Yearly {
                    month: month?,
                    day: day?,
                })
            }
        }
    }

    fn end(&mut self) -> End {
        let until = self.date("until");
        let count = self
            .given("count")
            .and_then(|_| self.number("count", (1, LARGEST_NUMBER.into()), None));
        match (until, count) {
            (Some(until), Some(_)) => {
                let error = RecurrenceError::new(RecurrenceErrorKind::CountAndUntil, &until.to_string());
                self.errors.push(FieldError {
                    params: Vec::new(),
                    path: vec![self.field.to_owned(), "count".to_owned()],
                    code: error.code().to_owned(),
                    message: error.message(self.language),
                });
                End::Never
            }
            (Some(until), None) => End::Until(until),
            (None, Some(count)) => End::Count(count),
            (None, None) => End::Never,
        }
    }

    /// A text that must be one of `choices`: which of them it is.
    fn choice(&mut self, name: &str, choices: &[&str]) -> Option<u32> {
        let chosen = match self.given(name) {
            None => Err(ValidationError::Required(Expected::Text)),
            Some(value) => position_in(value, choices),
        };
        chosen.map_err(|error| self.wrong(name, &error)).ok()
    }

    /// A number; `omitted` stands for it if it is omitted, and it is required if that is `None`.
    fn number<T: TryFrom<i64>>(
        &mut self,
        name: &str,
        (smallest, largest): (i64, i64),
        omitted: Option<T>,
    ) -> Option<T> {
        let number = match (self.given(name), omitted) {
            (None, Some(omitted)) => return Some(omitted),
            (None, None) => Err(ValidationError::Required(Expected::Integer { smallest, largest })),
            (Some(value), _) => integer(value, smallest, largest),
        };
        number.map_err(|error| self.wrong(name, &error)).ok()
    }

    fn date(&mut self, name: &str) -> Option<NaiveDate> {
        let date = match self.given(name)? {
            // A rule has no date in the year 0.
            Value::String(text) => date_range::day(text)
                .filter(|day| day.year() > 0)
                .ok_or_else(|| ValidationError::InvalidDate(text.clone())),
            other => Err(ValidationError::wrong_type(other, Expected::Date)),
        };
        date.map_err(|error| self.wrong(name, &error)).ok()
    }

    /// Months, none of them if the member is omitted.
    fn months(&mut self) -> Option<Vec<u32>> {
        if self.given("months").is_none() {
            return Some(Vec::new());
        }
        let (smallest, largest) = JANUARY_TO_DECEMBER;
        self.list("months", Expected::Integers, |value| integer(value, smallest, largest))
    }

    /// Positions from 1 to `most` and from -1 to -`most`.
    fn positions(&mut self, name: &str, most: u16) -> Option<Vec<i16>> {
        let most = i64::from(most);
        self.list(name, Expected::Integers, |value| match value.as_i64() {
            Some(0) => Err(ValidationError::OutOfRange {
                smallest: 1,
                largest: most,
            }),
            _ => integer(value, -most, most),
        })
    }

    /// A required list of at least one entry, each of them once.
    fn list<T: PartialEq>(
        &mut self,
        name: &str,
        expected: Expected,
        entry: impl Fn(&Value) -> Result<T, ValidationError>,
    ) -> Option<Vec<T>> {
        let list = match self.given(name) {
            None => Err(ValidationError::Required(expected)),
            Some(Value::Array(entries)) if entries.is_empty() => Err(ValidationError::EmptyList),
            Some(Value::Array(entries)) => entries.iter().try_fold(Vec::new(), |mut list, value| {
                let entry = entry(value)?;
                if list.contains(&entry) {
                    let duplicate = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    return Err(ValidationError::Duplicate(duplicate));
                }
                list.push(entry);
                Ok(list)
            }),
            Some(other) => Err(ValidationError::wrong_type(other, expected)),
        };
        list.map_err(|error| self.wrong(name, &error)).ok()
    }
}

fn integer<T: TryFrom<i64>>(value: &Value, smallest: i64, largest: i64) -> Result<T, ValidationError> {
    let Value::Number(number) = value else {
        return Err(ValidationError::wrong_type(
            value,
            Expected::Integer { smallest, largest },
        ));
    };
    let within = number.as_i64().filter(|number| (smallest..=largest).contains(number));
    within
        .and_then(|number| T::try_from(number).ok())
        .ok_or(ValidationError::OutOfRange { smallest, largest })
}

fn position_in(value: &Value, choices: &[&str]) -> Result<u32, ValidationError> {
    let Value::String(given) = value else {
        return Err(ValidationError::wrong_type(value, Expected::Text));
    };
    let found = (0..).zip(choices).find(|(_, choice)| *choice == given);
    found
        .map(|(position, _)| position)
        .ok_or_else(|| ValidationError::InvalidChoice {
            given: given.clone(),
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
        })
}
