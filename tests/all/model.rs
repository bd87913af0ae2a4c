//! A host against a simple model: random schedules, changes, refusals, faults and clocks, compared after every step.
//!
//! The model knows rules as sets of local days, and keeps for each schedule the due times that must be in the history (`must`)
//! and those that may be (`may`: passed unrun, after the first of them, when the schedule was called off). Failing cases are
//! kept by proptest and run first the next time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, Duration, LocalResult, NaiveDate, NaiveTime, TimeZone as _};
use proptest::prelude::*;
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_host::contract::exporters::ExportError;
use scheduled_exports_mail::Refusal;
use scheduled_exports_testing::{Harness, at};
use serde_json::{Value, json};
use tests::{CONF, JOHN, but, daily, with};

const HOUR: i64 = 3_600;

/// Daily, or on one day of the week; at a full hour of Berlin, the skipped and the repeated ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    weekday: Option<u32>,
    hour: u32,
}

impl Rule {
    fn document(self) -> Value {
        let day = self.weekday.map_or(String::new(), |day| {
            format!(";BYDAY={}", ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][day as usize])
        });
        let frequency = if self.weekday.is_some() { "WEEKLY" } else { "DAILY" };
        json!({
            "schedule_rrule": format!("DTSTART:20260101T000000\nRRULE:FREQ={frequency}{day}"),
            "schedule_rrule_time": format!("{:02}:30:00", self.hour),
        })
    }

    /// Due times after `after` up to `until`.
    fn between(self, after: i64, until: i64) -> BTreeSet<i64> {
        let day = |at: i64| DateTime::from_timestamp(at, 0).expect("a time").date_naive();
        let (mut date, last) = (day(after) - Duration::days(2), day(until) + Duration::days(2));
        let mut found = BTreeSet::new();
        while date <= last {
            if self
                .weekday
                .is_none_or(|weekday| date.weekday().num_days_from_monday() == weekday)
            {
                found.insert(self.on(date));
            }
            date += Duration::days(1);
        }
        found.retain(|due| *due > after && *due <= until);
        found
    }

    /// Berlin as anybody can reckon it: summer time from the last Sunday of March to that of October, 01:00 UTC.
    fn on(self, date: NaiveDate) -> i64 {
        let local = date.and_time(NaiveTime::from_hms_opt(self.hour, 30, 0).expect("a time"));
        let offset = |hours: i32| chrono::FixedOffset::east_opt(hours * 3_600).expect("an offset");
        let at = |hours| match offset(hours).from_local_datetime(&local) {
            LocalResult::Single(at) => at.timestamp(),
            _ => unreachable!("a fixed offset has each local time once"),
        };
        let change = |month| {
            let last = NaiveDate::from_ymd_opt(date.year(), month, 31).expect("both have 31 days");
            let sunday = last - Duration::days(i64::from(last.weekday().num_days_from_sunday()));
            sunday.and_hms_opt(1, 0, 0).expect("a time").and_utc().timestamp()
        };
        let (summer, winter) = (at(2), at(1));
        let is_summer = |at: i64| at >= change(3) && at < change(10);
        // Twice: the first. Skipped: the offset before, so winter's.
        if is_summer(summer) { summer } else { winter }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Create(Rule),
    Change(usize, Rule),
    Rename(usize),
    Delete(usize),
    SwitchOffFor(i64),
    /// The host works all the while.
    Pass(i64),
    /// The host is down all the while, and does what is due then unless people come first.
    Down(i64, bool),
    /// As `Pass`, with a store that fails by this seed.
    PassFailing(u64, i64),
    ClockBack(i64),
    Restart,
    /// 0: all taken, 1: put off, 2: refused.
    Recipients(u8),
    /// 0: works, 1: away, 2: broken.
    Exporter(u8),
}

fn rule() -> impl Strategy<Value = Rule> {
    (prop_oneof![2 => Just(None), 1 => (0..7_u32).prop_map(Some)], 0..5_u32)
        .prop_map(|(weekday, hour)| Rule { weekday, hour })
}

fn op() -> impl Strategy<Value = Op> {
    let hours = prop_oneof![Just(1), Just(7), Just(24), Just(25), Just(24 * 9)];
    prop_oneof![
        2 => rule().prop_map(Op::Create),
        3 => (0..4_usize, rule()).prop_map(|(which, rule)| Op::Change(which, rule)),
        1 => (0..4_usize).prop_map(Op::Rename),
        1 => (0..4_usize).prop_map(Op::Delete),
        1 => hours.clone().prop_map(Op::SwitchOffFor),
        3 => hours.clone().prop_map(Op::Pass),
        4 => (prop_oneof![Just(1), Just(24), Just(24 * 40), Just(24 * 365)], any::<bool>())
            .prop_map(|(hours, people)| Op::Down(hours, people)),
        2 => (any::<u64>(), prop_oneof![Just(7), Just(24)]).prop_map(|(seed, hours)| Op::PassFailing(seed, hours)),
        1 => (1..20_i64).prop_map(Op::ClockBack),
        1 => Just(Op::Restart),
        2 => (0..3_u8).prop_map(Op::Recipients),
        2 => (0..3_u8).prop_map(Op::Exporter),
    ]
}

#[derive(Debug)]
struct Known {
    rule: Rule,
    /// Due times up to here are in `must` already, or never were.
    since: i64,
    /// Kept by a change since the host last did anything: passed, and not run.
    pending: Option<i64>,
    must: BTreeSet<i64>,
    may: BTreeSet<i64>,
    /// After five failures: what passes then is nobody's, until a person starts it again.
    stopped: bool,
    deleted: bool,
}

impl Known {
    /// A person has changed it.
    fn start_again(&mut self, now: i64) {
        if std::mem::take(&mut self.stopped) {
            self.since = now;
        }
    }
}

struct World {
    host: Harness,
    known: BTreeMap<u64, Known>,
    /// The latest that the clock has shown.
    high: i64,
}

impl World {
    async fn new(now: &str) -> Self {
        let fixture = with(|fixture| {
            fixture["schedules"] = json!([]);
            fixture["orders_generated"] = json!([{"organizer": "bigevents", "event": "sampleconf", "count": 3,
                "from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z", "seed": 1}]);
        });
        Self {
            host: Harness::start(&fixture, now).await,
            known: BTreeMap::new(),
            high: at(now),
        }
    }

    fn now(&self) -> i64 {
        scheduled_exports_host::clock::Clock::now(self.host.clock.as_ref())
    }

    fn text(at: i64) -> String {
        DateTime::from_timestamp(at, 0).expect("a time").to_rfc3339()
    }

    async fn pass_to(&mut self, until: i64) {
        self.host.advance_to(&Self::text(until)).await;
        self.high = self.high.max(until);
    }

    /// What people plan anew is planned from now: where the clock was set back, it first gets to where it was.
    async fn catch_up(&mut self) {
        if self.now() < self.high {
            self.pass_to(self.high).await;
        }
    }

    fn which(&self, place: usize) -> Option<u64> {
        let alive: Vec<u64> = self
            .known
            .iter()
            .filter(|(_, known)| !known.deleted)
            .map(|(id, _)| *id)
            .collect();
        alive.get(place % alive.len().max(1)).copied()
    }

    /// Due times of the present rules that have passed are to be found in the history from now on.
    fn settle(&mut self) {
        let now = self.now();
        for known in self.known.values_mut().filter(|known| !known.deleted) {
            let passed = known.rule.between(known.since, now);
            known.must.extend(passed);
            known.since = known.since.max(now);
            known.pending = None;
        }
    }

    /// Called off, by a delete or a switch: only the first of those that passed unrun was planned.
    fn call_off(&mut self, only: Option<u64>) {
        let now = self.now();
        for (id, known) in &mut self.known {
            if known.deleted || only.is_some_and(|only| only != *id) {
                continue;
            }
            if known.stopped {
                known.since = now;
                continue;
            }
            let mut passed = known.rule.between(known.since, now);
            if known.pending.take().is_none() {
                known.must.extend(passed.pop_first());
            }
            known.may.extend(passed);
            known.since = now;
        }
    }

    async fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(rule) if self.known.len() < 4 => {
                self.catch_up().await;
                let form = json!({"export_form_data": {"_format": "default", "date_range": "past"}});
                let document = but(but(daily(), form), rule.document());
                let id = self.host.create(CONF, JOHN, &document).await;
                let known = Known {
                    rule: *rule,
                    since: self.now(),
                    pending: None,
                    must: BTreeSet::new(),
                    may: BTreeSet::new(),
                    stopped: false,
                    deleted: false,
                };
                self.known.insert(id, known);
            }
            Op::Change(place, rule) => {
                self.catch_up().await;
                if let Some(id) = self.which(*place) {
                    self.patch(id, &rule.document()).await;
                    let now = self.now();
                    let known = self.known.get_mut(&id).expect("known");
                    known.start_again(now);
                    let mut unrun = known.rule.between(known.since, now);
                    known.must.extend(&unrun);
                    unrun.extend(known.pending);
                    known.pending = unrun.into_iter().rfind(|due| rule.between(due - 1, *due).contains(due));
                    (known.rule, known.since) = (*rule, now);
                }
            }
            Op::Rename(place) => {
                self.catch_up().await;
                if let Some(id) = self.which(*place) {
                    self.patch(id, &json!({"mail_subject": "Renamed"})).await;
                    let now = self.now();
                    self.known.get_mut(&id).expect("known").start_again(now);
                }
            }
            Op::Delete(place) => {
                self.catch_up().await;
                if let Some(id) = self.which(*place) {
                    let deleted = self.host.delete(&format!("{CONF}{id}/"), JOHN).await;
                    assert_eq!(deleted.status, 204);
                    self.call_off(Some(id));
                    self.known.get_mut(&id).expect("known").deleted = true;
                }
            }
            Op::SwitchOffFor(hours) => {
                self.catch_up().await;
                self.switch(false).await;
                self.call_off(None);
                self.pass_to(self.now() + hours * HOUR).await;
                self.switch(true).await;
                let now = self.now();
                for known in self.known.values_mut() {
                    known.since = known.since.max(now);
                }
            }
            Op::Pass(hours) => self.pass_to(self.now() + hours * HOUR).await,
            Op::Down(hours, _) => {
                self.host.clock.set(self.now() + hours * HOUR);
                self.high = self.high.max(self.now());
            }
            Op::PassFailing(seed, hours) => {
                self.host.store.fail_by_seed(*seed, 12);
                for _ in 0..hours * 2 {
                    self.host.clock.set(self.now() + HOUR / 2);
                    // Whatever comes of it: the store fails as it likes.
                    let _ = self.host.try_step().await;
                }
                self.host.store.works();
                self.high = self.high.max(self.now());
                // Leases of what was cut off run out.
                self.pass_to(self.now() + HOUR / 4).await;
            }
            Op::ClockBack(hours) => self.host.clock.set(self.now() - hours * HOUR),
            Op::Recipients(how) => {
                let refusal = match how {
                    0 => None,
                    1 => Some(Refusal::Transient("451 later".into())),
                    _ => Some(Refusal::Permanent("550 no".into())),
                };
                self.host.mail.refuse("john@example.com", refusal);
            }
            Op::Exporter(how) => self.host.exports.always(match how {
                0 => None,
                1 => Some(ExportError::Unavailable("away".into())),
                _ => Some(ExportError::Failed("broken".into())),
            }),
            Op::Create(_) | Op::Restart => {}
        }
    }

    async fn patch(&self, id: u64, changes: &Value) {
        let changed = self.host.patch(&format!("{CONF}{id}/"), JOHN, changes).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    }

    async fn switch(&self, on: bool) {
        let switched = self
            .host
            .storage()
            .set_enabled("bigevents", on, "host", self.now())
            .await;
        switched.expect("the store answers");
    }

    async fn compare(&mut self) {
        self.host.step().await;
        self.settle();
        let now = self.now();
        let mut stopped_runs = BTreeSet::new();
        for (id, known) in &mut self.known {
            let history = self.host.history(*id).await;
            let shown = self.host.get(&format!("{CONF}{id}/"), JOHN).await;
            assert_eq!(shown.status, if known.deleted { 404 } else { 200 });
            let counter = shown.body["error_counter"].as_u64().unwrap_or_default();
            assert!(counter <= 5);
            let mut accounted = BTreeSet::new();
            for row in &history {
                let entry = &row.entry;
                if let Some(Outcome::Missed(range)) = entry.outcome {
                    assert_eq!(range.last, entry.due);
                    let every: BTreeSet<i64> = known
                        .must
                        .union(&known.may)
                        .copied()
                        .filter(|due| (range.first..=range.last).contains(due))
                        .collect();
                    assert!(
                        every.contains(&range.first) && every.contains(&range.last),
                        "{id}: {range:?} of {known:?}"
                    );
                    let sure = known.must.range(range.first..=range.last).count() as u64;
                    assert!(
                        sure <= range.count || known.deleted,
                        "{id}: {range:?}, and {sure} must be in it"
                    );
                    assert!(range.count <= every.len() as u64, "{id}: {range:?} of {every:?}");
                    for due in every.into_iter().filter(|due| known.must.contains(due)) {
                        assert!(accounted.insert(due), "{id}: {due} twice");
                    }
                } else {
                    assert!(accounted.insert(entry.due), "{id}: {} twice", entry.due);
                }
                assert!(entry.attempts <= 7, "{id}: {} leases", entry.attempts);
            }
            known.stopped = counter == 5;
            if known.stopped {
                assert_eq!(shown.body["schedule_next_run"], Value::Null);
                known.must.retain(|due| accounted.contains(due));
                stopped_runs.insert(*id);
            }
            let lost: Vec<_> = known.must.difference(&accounted).collect();
            assert_eq!(lost, Vec::<&i64>::new(), "{id} has lost due times; {history:?}");
            let extra: Vec<_> = accounted
                .iter()
                .filter(|due| !known.must.contains(due) && !known.may.contains(due))
                .collect();
            assert_eq!(
                extra,
                Vec::<&i64>::new(),
                "{id} has due times that never were; {history:?}"
            );
            if !known.deleted && counter < 5 && now >= self.high {
                let next = shown.body["schedule_next_run"].as_str().map(at);
                let wanted = known.rule.between(now, now + 9 * 24 * HOUR).first().copied();
                assert_eq!(next, wanted, "{id}: next run of {known:?}");
            }
            let audit = self
                .host
                .storage()
                .audit("bigevents", 10_000)
                .await
                .expect("the store answers");
            let mut counted = 0_u64;
            for line in audit.iter().rev().filter(|line| line.schedule == Some(*id)) {
                match line.action.as_str() {
                    "changed" => counted = 0,
                    "run" if line.detail.contains(": failed: ") => counted = (counted + 1).min(5),
                    "run" if line.detail.ends_with(": delivered") && counted < 5 => counted = 0,
                    _ => {}
                }
            }
            assert!(
                known.deleted || counted == counter,
                "{id}: counter {counter}, by the audit log {counted}"
            );
        }
        let mut texts = BTreeMap::new();
        for mail in self
            .host
            .mails()
            .into_iter()
            .filter(|mail| mail.message_id.contains("-export@"))
        {
            let first = texts
                .entry(mail.message_id.clone())
                .or_insert_with(|| mail.bytes.clone());
            assert_eq!(*first, mail.bytes, "{} has two texts", mail.message_id);
        }
    }

    /// Everything works again: each due time gets to its end.
    async fn end(&mut self) {
        self.host.exports.always(None);
        self.host.mail.refuse("john@example.com", None);
        self.catch_up().await;
        self.pass_to(self.now() + 26 * HOUR).await;
        self.compare().await;
        let recent = self.now() - HOUR;
        for id in self.known.keys() {
            for row in self.host.history(*id).await {
                let entry = row.entry;
                assert!(
                    entry.ended.is_some() || entry.due > recent,
                    "{id}: {entry:?} has not ended"
                );
            }
        }
    }
}

/// `MODEL_CASES` of them by hand; few where everything is tested.
fn cases() -> u32 {
    std::env::var("MODEL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_host_does_what_the_model_says(
        start in prop_oneof![Just("2026-03-27T12:00:00Z"), Just("2026-10-23T12:00:00Z"), Just("2028-02-27T12:00:00Z")],
        ops in prop::collection::vec(op(), 4..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new(start).await;
            world.apply(&Op::Create(Rule { weekday: None, hour: 2 })).await;
            for op in &ops {
                world.apply(op).await;
                if matches!(op, Op::Restart) {
                    world.host = world.host.restart().await;
                }
                // People who come before a host that was down has done anything meet what it left.
                if !matches!(op, Op::Down(_, true)) {
                    world.compare().await;
                }
            }
            world.end().await;
        });
    }
}
