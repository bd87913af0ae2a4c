//! Date ranges: named ranges relative to a day, such as `month_previous`, and fixed dates.

use chrono::{Datelike, Days, Months, NaiveDate};

/// First and last day, both included; `None` if the range has no limit on that side.
pub type Range = (Option<NaiveDate>, Option<NaiveDate>);

/// Every named range, in display order.
pub const NAMED_RANGES: [&str; 25] = [
    "days_today",
    "days_yesterday",
    "days_last7",
    "days_last14",
    "days_tomorrow",
    "days_next7",
    "days_next14",
    "week_this",
    "week_to_date",
    "week_previous",
    "week_next",
    "month_this",
    "month_to_date",
    "month_previous",
    "month_next",
    "quarter_this",
    "quarter_to_date",
    "quarter_previous",
    "quarter_next",
    "year_this",
    "year_to_date",
    "year_previous",
    "year_next",
    "past",
    "future",
];

/// Resolves a named range on `today`, the local date of a run's due time, or fixed dates.
///
/// `None` if the text is neither one of [`NAMED_RANGES`] nor fixed dates, or if a day is outside the years 0 to 9999, which
/// `YYYY-MM-DD` cannot express.
#[must_use]
pub fn resolve(name: &str, today: NaiveDate) -> Option<Range> {
    let (first, last) = fixed(name).or_else(|| relative(name, today))?;
    let written = |day: Option<NaiveDate>| day.is_none_or(|day| (0..=9999).contains(&day.year()));
    (written(first) && written(last)).then_some((first, last))
}

/// Parses `YYYY-MM-DD/YYYY-MM-DD` with either side optional.
///
/// `None` for another syntax, a day that does not exist, or a first day after the last.
#[must_use]
pub fn fixed(text: &str) -> Option<Range> {
    let (first, last) = text.split_once('/')?;
    let side = |text: &str| {
        if text.is_empty() {
            Some(None)
        } else {
            day(text).map(Some)
        }
    };
    let range = (side(first)?, side(last)?);
    match range {
        (Some(first), Some(last)) if first > last => None,
        range => Some(range),
    }
}

/// Formats a range for exporters as `YYYY-MM-DD/YYYY-MM-DD`, with an empty side where it has no limit.
#[must_use]
pub fn text((first, last): Range) -> String {
    let side = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    format!("{}/{}", side(first), side(last))
}

/// Parses `YYYY-MM-DD`: ten ASCII characters, without signs and blanks.
fn day(text: &str) -> Option<NaiveDate> {
    let number = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse::<u32>().ok())?
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?)
}

fn relative(name: &str, today: NaiveDate) -> Option<Range> {
    let back = |days| today.checked_sub_days(Days::new(days));
    let on = |days| today.checked_add_days(Days::new(days));
    let (first, last) = match name {
        "past" => return Some((None, Some(today))),
        "future" => return Some((Some(today), None)),
        "days_today" => (today, today),
        "days_yesterday" => (back(1)?, back(1)?),
        "days_last7" => (back(6)?, today),
        "days_last14" => (back(13)?, today),
        "days_tomorrow" => (on(1)?, on(1)?),
        "days_next7" => (on(1)?, on(7)?),
        "days_next14" => (on(1)?, on(14)?),
        other => {
            let (unit, which) = other.split_once('_')?;
            let unit = Unit::named(unit)?;
            let first = unit.first_day(today)?;
            match which {
                "this" => (first, unit.last_day(first)?),
                "to_date" => (first, today),
                "previous" => (unit.before(first)?, first.pred_opt()?),
                "next" => (unit.after(first)?, unit.last_day(unit.after(first)?)?),
                _ => return None,
            }
        }
    };
    Some((Some(first), Some(last)))
}

/// A stretch of the calendar that frames are made of.
#[derive(Clone, Copy)]
enum Unit {
    /// Monday to Sunday.
    Week,
    /// So many months, counted from January.
    Months(u32),
}

impl Unit {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "week" => Self::Week,
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return None,
        })
    }

    /// First day of the one that has `day`.
    fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Self::Months(length) => NaiveDate::from_ymd_opt(day.year(), day.month0() / length * length + 1, 1),
        }
    }

    /// First day of the one before the one that begins on `first`.
    fn before(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => first.checked_sub_days(Days::new(7)),
            Self::Months(length) => first.checked_sub_months(Months::new(length)),
        }
    }

    /// First day of the one after the one that begins on `first`.
    fn after(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Months(length) => first.checked_add_months(Months::new(length)),
        }
    }

    /// Last day of the one that begins on `first`.
    fn last_day(self, first: NaiveDate) -> Option<NaiveDate> {
        self.after(first)?.pred_opt()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `name today = first/last`, determined by hand on a calendar.
    const BY_HAND: &str = "
        days_today       2026-10-26 = 2026-10-26/2026-10-26
        days_yesterday   2026-01-01 = 2025-12-31/2025-12-31
        days_yesterday   2028-03-01 = 2028-02-29/2028-02-29
        days_yesterday   2100-03-01 = 2100-02-28/2100-02-28
        days_last7       2026-10-26 = 2026-10-20/2026-10-26
        days_last7       2028-03-01 = 2028-02-24/2028-03-01
        days_last14      2026-01-05 = 2025-12-23/2026-01-05
        days_tomorrow    2027-12-31 = 2028-01-01/2028-01-01
        days_tomorrow    2028-02-28 = 2028-02-29/2028-02-29
        days_next7       2026-10-26 = 2026-10-27/2026-11-02
        days_next14      2026-12-31 = 2027-01-01/2027-01-14
        week_this        2026-10-26 = 2026-10-26/2026-11-01
        week_this        2026-11-01 = 2026-10-26/2026-11-01
        week_this        2026-12-31 = 2026-12-28/2027-01-03
        week_this        2027-01-01 = 2026-12-28/2027-01-03
        week_to_date     2027-01-01 = 2026-12-28/2027-01-01
        week_to_date     2026-10-26 = 2026-10-26/2026-10-26
        week_previous    2027-01-04 = 2026-12-28/2027-01-03
        week_previous    2027-01-03 = 2026-12-21/2026-12-27
        week_next        2026-12-27 = 2026-12-28/2027-01-03
        month_this       2028-02-10 = 2028-02-01/2028-02-29
        month_this       2026-02-10 = 2026-02-01/2026-02-28
        month_this       2000-02-10 = 2000-02-01/2000-02-29
        month_to_date    2026-10-31 = 2026-10-01/2026-10-31
        month_previous   2028-03-31 = 2028-02-01/2028-02-29
        month_previous   2026-01-31 = 2025-12-01/2025-12-31
        month_next       2026-12-31 = 2027-01-01/2027-01-31
        month_next       2027-01-31 = 2027-02-01/2027-02-28
        quarter_this     2026-03-31 = 2026-01-01/2026-03-31
        quarter_this     2026-04-01 = 2026-04-01/2026-06-30
        quarter_this     2026-09-30 = 2026-07-01/2026-09-30
        quarter_this     2026-12-31 = 2026-10-01/2026-12-31
        quarter_to_date  2026-05-15 = 2026-04-01/2026-05-15
        quarter_previous 2026-02-28 = 2025-10-01/2025-12-31
        quarter_previous 2028-06-30 = 2028-01-01/2028-03-31
        quarter_next     2026-11-30 = 2027-01-01/2027-03-31
        quarter_next     2026-01-31 = 2026-04-01/2026-06-30
        year_this        2026-10-26 = 2026-01-01/2026-12-31
        year_to_date     2028-12-31 = 2028-01-01/2028-12-31
        year_previous    2028-02-29 = 2027-01-01/2027-12-31
        year_next        2027-02-28 = 2028-01-01/2028-12-31
        past             2026-10-26 = /2026-10-26
        future           2026-10-26 = 2026-10-26/
        2026-02-01/2026-02-28 2026-10-26 = 2026-02-01/2026-02-28
        /2026-02-28      2026-10-26 = /2026-02-28
        2026-02-01/      2026-10-26 = 2026-02-01/
        /                2026-10-26 = /
    ";

    fn date(text: &str) -> NaiveDate {
        day(text).expect("a date")
    }

    #[test]
    fn frames_are_the_days_that_a_calendar_shows() {
        let rows = BY_HAND.lines().map(str::trim).filter(|row| !row.is_empty());
        for row in rows.clone() {
            let (given, want) = row.split_once(" = ").expect("an answer");
            let (frame, today) = given.rsplit_once(' ').expect("a day");
            assert_eq!(
                resolve(frame.trim(), date(today)).map(text).as_deref(),
                Some(want),
                "{row}"
            );
        }
        for frame in NAMED_RANGES {
            assert!(
                rows.clone().any(|row| row.starts_with(&format!("{frame} "))),
                "no row for {frame}"
            );
        }
    }

    #[test]
    fn what_is_neither_a_frame_nor_fixed_dates_is_refused() {
        for frame in [
            "",
            "days",
            "days_this",
            "days_to_date",
            "week",
            "week_",
            "week_last",
            "century_this",
            "past_",
            "Days_today",
            " days_today",
            "days_last07",
            "2026-10-26",
            "2026-10-26/2026-10-25",
            "2026-02-29/",
            "2026-13-01/",
            "2026-1-1/",
            "+2026-01-01/",
            "2026-01-01/2026-01-02/",
            "2026-01-01 /",
            "-026-01-01/",
            "2026-01-01-/",
            "٢٠٢٦-01-01/",
            "10000-01-01/",
        ] {
            assert_eq!(resolve(frame, date("2026-10-26")), None, "{frame}");
        }
    }

    #[test]
    fn a_range_of_one_day_is_in_order() {
        assert!(fixed("2026-10-26/2026-10-26").is_some());
    }

    #[test]
    fn days_without_a_written_form_are_in_no_window() {
        for today in [NaiveDate::MIN, NaiveDate::MAX] {
            for frame in NAMED_RANGES {
                assert_eq!(resolve(frame, today), None);
            }
        }
        assert_eq!(
            resolve("year_this", date("9999-12-31")).map(text).as_deref(),
            Some("9999-01-01/9999-12-31")
        );
        assert_eq!(resolve("days_tomorrow", date("9999-12-31")), None);
        assert_eq!(
            resolve("year_this", date("0000-01-01")).map(text).as_deref(),
            Some("0000-01-01/0000-12-31")
        );
        assert_eq!(resolve("days_yesterday", date("0000-01-01")), None);
    }

    /// Any day whose ranges can be formatted.
    fn any_day() -> impl Strategy<Value = NaiveDate> {
        (1_000_i32..3_000_000).prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days).expect("in the calendar"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_unit_follows_the_one_before_without_gap_or_overlap(today in any_day()) {
            for (unit, lengths) in [("week", 7..=7), ("month", 28..=31), ("quarter", 90..=92), ("year", 365..=366)] {
                let of = |which: &str, today| {
                    let (first, last) = resolve(&format!("{unit}_{which}"), today).expect("a range");
                    (first.expect("a first day"), last.expect("a last day"))
                };
                let (previous, this, next) = (of("previous", today), of("this", today), of("next", today));
                prop_assert_eq!(previous.1.succ_opt(), Some(this.0));
                prop_assert_eq!(this.1.succ_opt(), Some(next.0));
                prop_assert!(this.0 <= today && today <= this.1);
                prop_assert_eq!(of("to_date", today), (this.0, today));
                for (first, last) in [previous, this, next] {
                    prop_assert!(lengths.contains(&((last - first).num_days() + 1)));
                }
                // The same from any day of the neighbours.
                prop_assert_eq!((of("this", previous.1), of("this", next.0)), (previous, next));
                prop_assert_eq!((of("next", previous.0), of("previous", next.1)), (this, this));
            }
        }

        #[test]
        fn frames_of_days_have_their_length_and_touch_today(today in any_day()) {
            for (frame, length) in [("days_last7", 7), ("days_last14", 14), ("days_next7", 7), ("days_next14", 14)] {
                let (first, last) = resolve(frame, today).expect("a range");
                let (first, last) = (first.expect("a first day"), last.expect("a last day"));
                prop_assert_eq!((last - first).num_days() + 1, length);
                prop_assert!(last == today || first.pred_opt() == Some(today));
            }
        }

        #[test]
        fn what_is_written_is_read_again(today in any_day(), frame in prop::sample::select(NAMED_RANGES.as_slice())) {
            let range = resolve(frame, today).expect("a range");
            prop_assert_eq!(fixed(&text(range)), Some(range));
        }

        #[test]
        fn no_text_and_no_day_is_too_much(
            text in "(.{0,30}|[0-9/-]{0,25})",
            days in any::<i32>(),
            frame in prop::sample::select(NAMED_RANGES.as_slice()),
        ) {
            if let Some(today) = NaiveDate::from_num_days_from_ce_opt(days) {
                let _ = resolve(frame, today);
                let _ = resolve(&text, today);
            }
            let near_the_end = NaiveDate::MAX - Days::new(u64::from(days.unsigned_abs() % 1_000));
            prop_assert_eq!(resolve(frame, near_the_end), None);
        }
    }
}
