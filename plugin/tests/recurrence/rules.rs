//! Random rules of the grammar, as parts (for the oracles) and as text (for the plugin).

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use plugin::recurrence::Recurrence;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Never,
    Count(u32),
    Until(NaiveDateTime),
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub start: NaiveDateTime,
    pub frequency: Frequency,
    pub interval: u32,
    pub end: End,
    /// The ordinal is 0 for a weekday without one.
    pub by_day: Vec<(i16, Weekday)>,
    pub by_month: Vec<u32>,
    /// `None` if it is empty.
    pub by_set_positions: Vec<i32>,
}

pub const WEEKDAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

pub const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

impl Rule {
    pub fn text(&self) -> String {
        let frequency = format!("{:?}", self.frequency).to_uppercase();
        let mut text = format!("DTSTART:{}\nRRULE:FREQ={frequency}", self.start.format("%Y%m%dT%H%M%S"));
        if self.interval != 1 {
            text += &format!(";INTERVAL={}", self.interval);
        }
        if !self.by_day.is_empty() {
            let day = |(ordinal, weekday): &(i16, Weekday)| {
                let name = NAMES[weekday.num_days_from_monday() as usize];
                if *ordinal == 0 {
                    name.to_owned()
                } else {
                    format!("{ordinal}{name}")
                }
            };
            text += &format!(";BYDAY={}", self.by_day.iter().map(day).collect::<Vec<_>>().join(","));
        }
        if !self.by_month.is_empty() {
            let months: Vec<_> = self.by_month.iter().map(u32::to_string).collect();
            text += &format!(";BYMONTH={}", months.join(","));
        }
        if !self.by_set_positions.is_empty() {
            let positions: Vec<_> = self.by_set_positions.iter().map(i32::to_string).collect();
            text += &format!(";BYSETPOS={}", positions.join(","));
        }
        match self.end {
            End::Never => {}
            End::Count(count) => text += &format!(";COUNT={count}"),
            End::Until(until) => text += &format!(";UNTIL={}", until.format("%Y%m%dT%H%M%S")),
        }
        text
    }

    pub fn recurrence(&self, time: NaiveTime, zone: &str) -> Recurrence {
        let time = time.format("%H:%M:%S").to_string();
        Recurrence::parse(&self.text(), &time, zone, NaiveDate::MIN)
            .unwrap_or_else(|error| panic!("{error:?}: {self:?}"))
    }

    /// The first dates that the plugin returns, at most `limit` of them.
    pub fn dates(&self, limit: usize) -> Vec<NaiveDate> {
        self.recurrence(NaiveTime::MIN, "UTC")
            .occurrences(i64::MIN)
            .take(limit)
            .map(|run| run.local_date)
            .collect()
    }
}

/// Any rule with a start in these years, possibly with `BYSETPOS`.
pub fn rule(years: std::ops::Range<i32>) -> impl Strategy<Value = Rule> {
    let frequency = select(
        &[
            Frequency::Daily,
            Frequency::Weekly,
            Frequency::Monthly,
            Frequency::Yearly,
        ][..],
    );
    (frequency, start(years)).prop_flat_map(|(frequency, start)| {
        let intervals: std::ops::RangeInclusive<u32> = match frequency {
            Frequency::Daily => 1..=400,
            Frequency::Weekly => 1..=60,
            Frequency::Monthly => 1..=30,
            Frequency::Yearly => 1..=12,
        };
        let interval = prop_oneof![3 => Just(1), 2 => 2..=4_u32, 2 => intervals];
        let end = prop_oneof![
            2 => Just(End::Never),
            1 => (1..60_u32).prop_map(End::Count),
            1 => (0..4000_u64, 0..3_u32).prop_map(move |(days, nudge)| {
                let second = i64::from(nudge) - 1; // just before, at and just after the time of day of DTSTART
                let until = start.checked_add_days(Days::new(days)).unwrap() + chrono::TimeDelta::seconds(second);
                End::Until(until)
            }),
        ];
        let by_month = prop_oneof![2 => Just(vec![]), 1 => subsequence((1..=12).collect::<Vec<u32>>(), 1..6)];
        let expands = matches!(frequency, Frequency::Monthly | Frequency::Yearly);
        let by_day = by_day(frequency);
        (
            Just((frequency, start)),
            interval,
            end,
            by_day,
            by_month,
            set_positions(frequency),
        )
            .prop_map(
                move |((frequency, start), interval, end, by_day, by_month, positions)| {
                    let takes_positions = expands && !(by_day.is_empty() && by_month.is_empty());
                    let by_set_positions = if takes_positions { positions } else { vec![] };
                    Rule {
                        start,
                        frequency,
                        interval,
                        end,
                        by_day,
                        by_month,
                        by_set_positions,
                    }
                },
            )
    })
}

/// The text of a rule of few values, with and without a start: of many of them, some differ in one part only.
pub fn similar_rule() -> impl Strategy<Value = String> {
    let start = select(
        &[
            "",
            "DTSTART:20240229\n",
            "DTSTART:20260131\n",
            "DTSTART:20261130\n",
            "DTSTART:20261204\n",
            "DTSTART:20261204T120000\n",
            "DTSTART:20270115\n",
        ][..],
    );
    let days = &[
        "",
        ";BYDAY=MO",
        ";BYDAY=MO,TU,WE,TH,FR",
        ";BYDAY=SA,SU",
        ";BYDAY=MO,TU,WE,TH,FR,SA,SU",
    ];
    let ordinals = &[
        ";BYDAY=1MO",
        ";BYDAY=2TU,-1TU",
        ";BYDAY=1MO,1FR",
        ";BYDAY=TU,1MO",
        ";BYDAY=-1SA,-1SU",
        ";BYDAY=20MO",
    ];
    let positions = &[
        "",
        "",
        ";BYSETPOS=1",
        ";BYSETPOS=-1",
        ";BYSETPOS=2",
        ";BYSETPOS=1,-1",
        ";BYSETPOS=15",
    ];
    let parts = select(&["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][..]).prop_flat_map(move |frequency| {
        let in_calendar = matches!(frequency, "MONTHLY" | "YEARLY");
        let ordinals = if in_calendar { &ordinals[..] } else { &[] };
        let positions = if in_calendar { &positions[..] } else { &[""] };
        (
            Just(frequency),
            select([&days[..], ordinals].concat()),
            select(positions),
        )
    });
    let interval = select(&["", "", ";INTERVAL=2", ";INTERVAL=12"][..]);
    let months = select(
        &[
            "",
            "",
            ";BYMONTH=1",
            ";BYMONTH=3,6",
            ";BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12",
        ][..],
    );
    let end = select(
        &[
            "",
            "",
            ";COUNT=0",
            ";COUNT=1",
            ";COUNT=20",
            ";UNTIL=20270115",
            ";UNTIL=20270115T120000",
        ][..],
    );
    (start, parts, interval, months, end).prop_map(|(start, (frequency, days, positions), interval, months, end)| {
        format!("{start}RRULE:FREQ={frequency}{interval}{months}{days}{positions}{end}")
    })
}

/// Mostly none or one; sometimes more, repeated or selecting the same day from both ends.
pub fn set_positions(frequency: Frequency) -> BoxedStrategy<Vec<i32>> {
    let most = if frequency == Frequency::Monthly { 31 } else { 366 };
    let position = prop_oneof![
        3 => 1..=5,
        3 => -5..=-1,
        1 => 1..=most,
        1 => -most..=-1,
        1 => select(&[366, -366][..])
    ];
    prop_oneof![
        6 => Just(vec![]),
        2 => position.clone().prop_map(|position| vec![position]),
        2 => prop::collection::vec(position, 1..6),
    ]
    .boxed()
}

/// Times of day cluster where an `UNTIL` can end a rule, dates at the ends of months.
fn start(years: std::ops::Range<i32>) -> impl Strategy<Value = NaiveDateTime> {
    let day = prop_oneof![3 => 1..=28_u32, 2 => 29..=31_u32];
    let time = prop_oneof![2 => Just((0, 0, 0)), 1 => (0..24_u32, 0..60_u32, 0..60_u32)];
    (years, 1..=12_u32, day, time).prop_filter_map("no such date", |(year, month, day, (hour, minute, second))| {
        NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)
    })
}

fn by_day(frequency: Frequency) -> BoxedStrategy<Vec<(i16, Weekday)>> {
    let plain =
        subsequence(WEEKDAYS.to_vec(), 1..=7).prop_map(|days| days.into_iter().map(|day| (0, day)).collect::<Vec<_>>());
    let ordinal = match frequency {
        Frequency::Daily | Frequency::Weekly => return prop_oneof![Just(vec![]), plain].boxed(),
        Frequency::Monthly => prop_oneof![1..=5_i16, -5..=-1_i16].boxed(),
        Frequency::Yearly => prop_oneof![3 => 1..=5_i16, 3 => -5..=-1_i16, 1 => 1..=53_i16, 1 => -53..=-1_i16].boxed(),
    };
    let ordinals = prop::collection::vec((ordinal.clone(), select(&WEEKDAYS[..])), 1..4);
    let mixed = prop::collection::vec((prop_oneof![Just(0).boxed(), ordinal], select(&WEEKDAYS[..])), 1..4);
    prop_oneof![2 => Just(vec![]), 2 => plain, 2 => ordinals, 1 => mixed].boxed()
}

/// Variants of the same rule. `WKST` matters only in rules of every n-th week.
pub fn spellings(rule: &Rule) -> Vec<String> {
    let text = rule.text();
    let (start, recurrence) = text.split_once('\n').expect("two lines");
    let (_, moment) = start.split_once(':').expect("a property");
    let (_, parts) = recurrence.split_once(':').expect("a property");
    let mut spellings = vec![
        format!("{text};"),
        text.to_lowercase(),
        format!("{recurrence} {start}"),
        format!("{start}\r\n{parts}"),
        format!("\t{parts};\n{start} "),
        format!("DTSTART;VALUE=DATE-TIME:{moment}\n{recurrence}"),
    ];
    if let Some(day) = moment.strip_suffix("T000000") {
        spellings.push(format!("DTSTART:{day}\n{recurrence}"));
        spellings.push(format!("dtstart;value=date:{day}\n{parts}"));
    }
    if rule.frequency != Frequency::Weekly || rule.interval == 1 {
        spellings.extend(NAMES.map(|day| format!("{text};WKST={day}")));
    }
    spellings
}
