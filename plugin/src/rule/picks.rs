//! What a form offers for "when": the ordinary rules, as values to pick.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::recurrence::{self, Frequency, NormalEnd, NormalRule, WEEKDAYS};

/// The largest interval and number of runs that can be picked.
pub(super) const LARGEST_NUMBER: u32 = 9_999;
/// The largest positions in a month: of its days, of its working days, of one weekday.
pub(super) const DAYS: u16 = 31;
pub(super) const WORKING_DAYS: u16 = 23;
pub(super) const WEEKS: u16 = 5;

/// A rule, as picked in a form. The time of day is a field of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picks {
    pub repeat: Repeat,
    /// From 1 to 9,999: every so many days, weeks, months or years.
    pub every: u32,
    /// No run is earlier. `None`: the rule has no start of its own.
    pub start: Option<NaiveDate>,
    pub end: End,
}

/// What is repeated. Months are from 1 for January, and no months mean each of them; positions in a month count from its end if
/// they are negative, -1 being the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// `daily`
    Daily,
    /// `weekly`: on these weekdays, 0 for Monday.
    Weekly { weekdays: Vec<u32> },
    /// `monthly-days`: on these days of the month, 1 to 31 or -1 to -31.
    MonthlyDays { days: Vec<i16>, months: Vec<u32> },
    /// `monthly-weekday`: on the nth of a weekday, 1 to 5 or -1 to -5.
    MonthlyWeekday {
        nth: Vec<i16>,
        weekday: u32,
        months: Vec<u32>,
    },
    /// `monthly-working-day`: on the nth day from Monday to Friday, 1 to 23 or -1 to -23.
    MonthlyWorkingDay { nth: Vec<i16>, months: Vec<u32> },
    /// `yearly`: on a day of a month, 1 to 31.
    Yearly { month: u32, day: u16 },
}

/// When a rule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Never,
    /// After so many runs, from 1 to 9,999.
    Count(u32),
    /// The last day on which it can run.
    Until(NaiveDate),
}

impl Picks {
    /// The picks that give the same rule; `None` if there are none.
    pub(super) fn of(rule: &NormalRule) -> Option<Self> {
        let picked = |number: u64| {
            let number = u32::try_from(number).ok()?;
            (1..=LARGEST_NUMBER).contains(&number).then_some(number)
        };
        Some(Self {
            repeat: Repeat::of(rule)?,
            every: picked(rule.every.into())?,
            start: rule.has_dtstart.then_some(rule.start),
            end: match rule.end {
                NormalEnd::Never => End::Never,
                NormalEnd::Count(count) => End::Count(picked(count)?),
                NormalEnd::Until(day) => End::Until(day),
            },
        })
    }

    /// The rule, in its normal form ([`super::normal_form`]).
    ///
    /// If no start is picked and the rule depends on one, as every second week does, it starts on `today`.
    #[must_use]
    pub fn rule(&self, today: NaiveDate) -> String {
        let mut text = String::new();
        if let Some(start) = self.start {
            text += &format!("DTSTART:{} ", start.format("%Y%m%d"));
        }
        let (frequency, months, weekdays, positions) = match &self.repeat {
            Repeat::Daily => ("DAILY", vec![], names(NormalRule::EVERY_DAY), vec![]),
            Repeat::Weekly { weekdays } => ("WEEKLY", vec![], names(set_of(weekdays)), vec![]),
            Repeat::MonthlyDays { days, months } => {
                ("MONTHLY", months.clone(), names(NormalRule::EVERY_DAY), days.clone())
            }
            Repeat::MonthlyWeekday { nth, weekday, months } => {
                ("MONTHLY", months.clone(), names(set_of(&[*weekday])), nth.clone())
            }
            Repeat::MonthlyWorkingDay { nth, months } => {
                ("MONTHLY", months.clone(), names(NormalRule::WORKING_DAYS), nth.clone())
            }
            Repeat::Yearly { month, day } => (
                "YEARLY",
                vec![*month],
                names(NormalRule::EVERY_DAY),
                vec![day.cast_signed()],
            ),
        };
        text += &format!(
            "RRULE:FREQ={frequency};INTERVAL={};BYDAY={}",
            self.every,
            weekdays.join(",")
        );
        if !months.is_empty() {
            let months: Vec<String> = months.iter().map(u32::to_string).collect();
            text += &format!(";BYMONTH={}", months.join(","));
        }
        if !positions.is_empty() {
            let positions: Vec<String> = positions.iter().map(i16::to_string).collect();
            text += &format!(";BYSETPOS={}", positions.join(","));
        }
        match self.end {
            End::Never => {}
            End::Count(count) => text += &format!(";COUNT={count}"),
            End::Until(day) => text += &format!(";UNTIL={}", day.format("%Y%m%d")),
        }
        recurrence::normal(&text, today).map_or(text, |rule| rule.text())
    }

    /// The JSON of these picks: `repeat` and `every`, then the members of its kind, then `start`, `until` and `count`.
    ///
    /// Weekdays are as in `BYDAY`; dates are `YYYY-MM-DD`; `months` is null if it is each month. `start` is null if the rule has
    /// no start, and at most one of `until` (the last day) and `count` (the number of runs) is not null.
    ///
    /// ```json
    /// {"repeat": "daily", "every": 3, "start": "2026-12-04", "until": null, "count": 10}
    /// {"repeat": "weekly", "every": 1, "weekdays": ["MO", "TH"], "start": null, "until": "2026-12-31", "count": null}
    /// {"repeat": "monthly-days", "every": 1, "days": [1, 15, -1], "months": null, "start": null, "until": null, "count": null}
    /// {"repeat": "monthly-weekday", "every": 1, "nth": [2], "weekday": "TU", "months": null, "start": null, …}
    /// {"repeat": "monthly-working-day", "every": 1, "nth": [-1], "months": [3, 6, 9, 12], "start": null, …}
    /// {"repeat": "yearly", "every": 1, "month": 3, "day": 15, "start": null, …}
    /// ```
    ///
    /// `"every": 1` and members that are null can be omitted when the picks are read.
    #[must_use]
    pub fn json(&self) -> Value {
        let months = |months: &[u32]| if months.is_empty() { Value::Null } else { json!(months) };
        let name = |weekday: u32| WEEKDAYS[weekday as usize % 7];
        let (repeat, members) = match &self.repeat {
            Repeat::Daily => ("daily", vec![]),
            Repeat::Weekly { weekdays } => ("weekly", vec![("weekdays", json!(names(set_of(weekdays))))]),
            Repeat::MonthlyDays { days, months: of } => {
                ("monthly-days", vec![("days", json!(days)), ("months", months(of))])
            }
            Repeat::MonthlyWeekday {
                nth,
                weekday,
                months: of,
            } => (
                "monthly-weekday",
                vec![
                    ("nth", json!(nth)),
                    ("weekday", json!(name(*weekday))),
                    ("months", months(of)),
                ],
            ),
            Repeat::MonthlyWorkingDay { nth, months: of } => {
                ("monthly-working-day", vec![("nth", json!(nth)), ("months", months(of))])
            }
            Repeat::Yearly { month, day } => ("yearly", vec![("month", json!(month)), ("day", json!(day))]),
        };
        let (until, count) = match self.end {
            End::Never => (Value::Null, Value::Null),
            End::Count(count) => (Value::Null, json!(count)),
            End::Until(day) => (json!(day), Value::Null),
        };
        let first = [("repeat", json!(repeat)), ("every", json!(self.every))];
        let last = [("start", json!(self.start)), ("until", until), ("count", count)];
        let members = first.into_iter().chain(members).chain(last);
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>()
            .into()
    }
}

impl Repeat {
    fn of(rule: &NormalRule) -> Option<Self> {
        let (nth, months) = (rule.nth.clone(), rule.months.clone());
        let is_daily = rule.frequency == Frequency::Daily && rule.weekdays == NormalRule::EVERY_DAY;
        if is_daily || rule.frequency == Frequency::Weekly {
            let weekdays = rule.weekdays().collect();
            let repeat = if is_daily {
                Self::Daily
            } else {
                Self::Weekly { weekdays }
            };
            return months.is_empty().then_some(repeat);
        }
        let picks_positions = rule.ordinals.is_empty() && rule.of_those.is_empty() && !nth.is_empty();
        let most = match rule.weekdays {
            NormalRule::EVERY_DAY => DAYS,
            NormalRule::WORKING_DAYS => WORKING_DAYS,
            one if one.is_power_of_two() => WEEKS,
            _ => return None,
        };
        if !picks_positions || nth.iter().any(|position| position.unsigned_abs() > most) {
            return None;
        }
        let every_year = rule.frequency == Frequency::Yearly || rule.every == 1;
        match (&nth[..], &months[..]) {
            (&[day], [month]) if every_year && day > 0 && most == DAYS => Some(Self::Yearly {
                month: *month,
                day: day.unsigned_abs(),
            }),
            _ if rule.frequency != Frequency::Monthly => None,
            _ if most == DAYS => Some(Self::MonthlyDays { days: nth, months }),
            _ if most == WORKING_DAYS => Some(Self::MonthlyWorkingDay { nth, months }),
            _ => Some(Self::MonthlyWeekday {
                nth,
                weekday: rule.weekdays.ilog2(),
                months,
            }),
        }
    }
}

/// Weekdays (0 for Monday) as a set; bit 0: Monday.
fn set_of(weekdays: &[u32]) -> u8 {
    weekdays.iter().fold(0, |set, weekday| set | 1 << (weekday % 7))
}

fn names(weekdays: u8) -> Vec<&'static str> {
    let is_in = |weekday: &usize| weekdays >> weekday & 1 == 1;
    (0..7).filter(is_in).map(|weekday| WEEKDAYS[weekday]).collect()
}
