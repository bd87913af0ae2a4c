//! behaviour.md, section 6: whatever comes in, every export of the built component answers: no trap, no hang, no empty hands.
//!
//! `FUZZ_CASES=100000 cargo test -p tests --test all fuzz` tries more of each; a failure prints the smallest input that shows it,
//! and the seed that `FUZZ_SEED` takes to see it again. `FUZZ_SECONDS=3600 cargo test -p tests --test all every_target --
//! --nocapture` goes round all of them with new seeds until the time is over, and says how many cases each had.

mod round;
mod runs;

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use reference_platform::Principal;
use reference_server::service::{CallError, Grant, Operation};
use scheduled_exports_host::contract::exported::recurrence::{Rule, Stored};
use scheduled_exports_host::contract::{Filter, RunQuery, auth_context::Caller};
use scheduled_exports_host::contract::{PageQuery, Position, SortKey};
use scheduled_exports_store::{Scope, Visible};
use scheduled_exports_testing::Harness;
use serde_json::{Value, json};
use tests::{CONF, JOHN, daily, without_schedules};
use tokio::runtime::Runtime;

const NOW: &str = "2026-10-22T12:00:00Z";
/// Cases of each target where everything is tested.
const CASES: u32 = 48;

/// An export of the component with random input.
struct Target {
    name: &'static str,
    /// Tries so many cases that follow from a seed; what fails is told in words.
    run: Box<dyn FnMut(u32, u64) -> Result<(), String>>,
    /// What must have come up among all of them: cases that got anywhere.
    reached: Box<dyn Fn() -> usize>,
}

impl Target {
    /// Asks with each input. A case is one input; the answer says whether it got beyond a refusal.
    fn new<S>(
        name: &'static str,
        inputs: S,
        ask: impl AsyncFn(S::Value) -> Result<bool, TestCaseError> + 'static,
    ) -> Self
    where
        S: Strategy + 'static,
        S::Value: Debug,
    {
        let runtime = Runtime::new().expect("a runtime");
        let reached = std::rc::Rc::new(Cell::new(0_usize));
        let counted = std::rc::Rc::clone(&reached);
        let run = move |cases, seed| {
            let config = Config {
                cases,
                failure_persistence: None,
                max_shrink_time: 60_000,
                rng_seed: RngSeed::Fixed(seed),
                ..Config::default()
            };
            let ended = TestRunner::new(config).run(&inputs, |input| {
                counted.set(counted.get() + usize::from(runtime.block_on(ask(input))?));
                Ok(())
            });
            ended.map_err(|error| format!("FUZZ_SEED={seed}, {name}: {error}"))
        };
        Self {
            name,
            run: Box::new(run),
            reached: Box::new(move || reached.get()),
        }
    }

    /// As a test of its own: `FUZZ_CASES` cases of `FUZZ_SEED`, or of a seed that nobody has chosen.
    fn test(mut self) {
        let cases = number("FUZZ_CASES").map_or(CASES, |cases| u32::try_from(cases).expect("FUZZ_CASES is too large"));
        let seed = number("FUZZ_SEED").unwrap_or_else(any_seed);
        (self.run)(cases, seed).unwrap_or_else(|words| panic!("{words}"));
        let reached = (self.reached)();
        println!("{}: {cases} cases, {reached} got beyond a refusal", self.name);
        assert!(reached > 0, "FUZZ_SEED={seed}: nothing was tried");
    }
}

/// A number from the environment; none: it is not set.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")),
    )
}

fn any_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

/// Where what goes before the cases is done: connections to the store go on in the runtime that opened them.
static BEFORE: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn start() -> Harness {
    BEFORE.block_on(Harness::start(&without_schedules(), NOW))
}

fn instants() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        -70_000_000_000..260_000_000_000_i64,
        1_500_000_000..2_500_000_000_i64,
    ]
}

/// A word of one of these, or of none.
fn word(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        12 => proptest::sample::select(of).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "-?[0-9]{1,25}",
    ]
}

fn rule_texts() -> impl Strategy<Value = String> {
    let part = (
        word(&[
            "FREQ",
            "FREQ",
            "INTERVAL",
            "COUNT",
            "UNTIL",
            "BYDAY",
            "BYMONTH",
            "BYMONTHDAY",
            "BYSETPOS",
            "BYYEARDAY",
            "BYWEEKNO",
            "BYHOUR",
            "BYEASTER",
            "WKST",
            "RSCALE",
            "SKIP",
        ]),
        word(&[
            "DAILY",
            "WEEKLY",
            "MONTHLY",
            "YEARLY",
            "HOURLY",
            "1",
            "2",
            "-1",
            "31",
            "366",
            "0",
            "999999999999",
            "MO",
            "TU,WE",
            "-1FR",
            "5MO",
            "+53SU",
            "1,2,3",
            "29",
            "-31",
            "20300101T000000Z",
            "20300101",
            "SU",
        ]),
    )
        .prop_map(|(name, value)| format!("{name}={value}"));
    let line = vec(part, 0..7).prop_map(|parts| format!("RRULE:{}", parts.join(";")));
    let begin = word(&[
        "DTSTART:20260101T000000\n",
        "",
        "DTSTART:20240229T000000\r\n",
        "DTSTART;TZID=Europe/Berlin:20260329T023000\n",
        "DTSTART:99991231T000000\n",
        "DTSTART:00010101T000000\n",
        "EXDATE:20260101T000000\n",
        "DTSTART:20260101\n",
    ]);
    let plausible = (
        proptest::sample::select(&["", "DTSTART:20260101T000000\n", "DTSTART:19000131T000000\n"][..]),
        proptest::sample::select(&["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][..]),
        prop_oneof![
            Just(String::new()),
            (1..400_u32).prop_map(|every| format!(";INTERVAL={every}"))
        ],
        prop_oneof![
            Just(String::new()),
            (1..2_000_u32).prop_map(|count| format!(";COUNT={count}")),
            (1950..2100_u32).prop_map(|year| format!(";UNTIL={year}0630T000000Z")),
        ],
        proptest::sample::select(
            &[
                "",
                ";BYDAY=MO",
                ";BYDAY=1MO,-1FR",
                ";BYMONTHDAY=29,31,-1",
                ";BYMONTH=2;BYMONTHDAY=29",
                ";BYSETPOS=-1;BYDAY=MO,TU",
            ][..],
        ),
    )
        .prop_map(|(begin, often, every, end, by)| format!("{begin}RRULE:FREQ={often}{every}{end}{by}"));
    prop_oneof![
        30 => plausible,
        6 => (begin, line).prop_map(|(begin, line)| begin + &line),
        1 => "(?s).{0,80}",
        1 => "[A-Z0-9:;=,\\r\\n-]{0,200}",
        1 => (1..40_000_usize).prop_map(|times| format!("RRULE:FREQ=DAILY;BYMONTHDAY={}1", "1,".repeat(times))),
    ]
}

fn zones() -> impl Strategy<Value = String> {
    word(&[
        "Europe/Berlin",
        "UTC",
        "America/New_York",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Africa/Casablanca",
        "Antarctica/Troll",
        "Australia/Lord_Howe",
        "",
        "europe/berlin",
        "Etc/GMT+12",
    ])
}

fn times() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..24_u32, 0..60_u32).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}:00")),
        1 => word(&["24:00:00", "00:00", "4:00", "00:00:60", "12:00:00Z", ""]),
    ]
}

#[test]
fn any_rule_is_answered() {
    rules().test();
}

fn rules() -> Target {
    let host = start();
    let anchors = proptest::option::weighted(
        0.3,
        word(&[
            "2026-01-01",
            "2024-02-29",
            "0001-01-01",
            "9999-12-31",
            "-262143-01-01",
            "",
        ]),
    );
    let inputs = (rule_texts(), times(), zones(), anchors, instants(), any::<u32>());
    Target::new(
        "next-run and preview",
        inputs,
        async move |(text, time, zone, anchor, after, limit)| {
            let rule = Rule {
                text,
                time,
                zone,
                anchor,
            };
            let next = host.service.next_run(&rule, after).await;
            let next = next.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let preview = host.service.preview(&rule, after, limit).await;
            let preview = preview.map_err(|error| TestCaseError::fail(error.to_string()))?;
            match (next, preview) {
                (Ok(next), Ok(preview)) => {
                    prop_assert!(next.is_none_or(|next| next > after));
                    prop_assert!(preview.len() <= limit.min(1_000) as usize);
                    prop_assert!(preview.is_sorted_by(|one, other| one.at < other.at));
                    if limit > 0 {
                        prop_assert_eq!(preview.first().map(|first| first.at), next);
                    }
                    Ok(true)
                }
                (Err(errors), Err(_)) => {
                    prop_assert!(!errors.is_empty());
                    prop_assert!(
                        errors
                            .iter()
                            .all(|error| !error.message.is_empty() && error.message.len() < 2_000)
                    );
                    Ok(false)
                }
                answers => Err(TestCaseError::fail(format!("{answers:?}"))),
            }
        },
    )
}

/// JSON of any shape.
fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,30}".prop_map(Value::from),
        rule_texts().prop_map(Value::from),
        word(&[
            "orderlist",
            "xlsx",
            "days_last7",
            "2026-01-01/2026-12-31",
            "a@example.com,b@example.com",
            "04:00:00",
            "de"
        ])
        .prop_map(Value::from),
        (1..70_000_usize).prop_map(|length| "x".repeat(length).into()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec(("\\PC{0,12}", inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A valid document with some of its values replaced, or some other text.
fn documents(of: Value) -> impl Strategy<Value = String> {
    let keys: Vec<String> = of.as_object().expect("an object").keys().cloned().collect();
    let more = [
        "mail_additional_recipients",
        "mail_additional_recipients_cc",
        "locale",
        "timezone",
        "id",
        "\u{0}",
    ];
    let keys: Vec<String> = keys.into_iter().chain(more.map(str::to_owned)).collect();
    let changed = vec((proptest::sample::select(keys), json_values()), 0..4).prop_map(move |changes| {
        let mut document = of.clone();
        for (key, value) in changes {
            document[key] = value;
        }
        document.to_string()
    });
    prop_oneof![
        8 => changed,
        1 => json_values().prop_map(|value| value.to_string()),
        1 => "(?s).{0,60}",
        1 => (1..100_000_usize).prop_map(|depth| "[".repeat(depth)),
    ]
}

fn operations() -> impl Strategy<Value = Operation> {
    let positions = || {
        prop_oneof![
            any::<u32>().prop_map(Position::Number),
            (0..3_u32).prop_map(Position::Number),
            "(?s).{0,40}".prop_map(Position::After),
            "1[iench][ud]\\.-?[0-9]{1,20}\\.([0-9a-f]{0,20}|-?[0-9]{1,20})".prop_map(Position::After),
        ]
    };
    let orders = proptest::sample::select(&[SortKey::Id, SortKey::ExportIdentifier, SortKey::NextRun][..]);
    let ids = || prop_oneof![4 => 0..40_u64, 1 => any::<u64>()];
    let versions = || proptest::option::of(prop_oneof![0..4_u64, any::<u64>()]);
    let preview = json!({"schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "04:00:00", "timezone": "UTC"});
    prop_oneof![
        (orders, any::<bool>(), positions(), any::<u32>()).prop_map(|(order, descending, at, size)| Operation::List(
            PageQuery {
                filter: Filter::default(),
                order,
                descending,
                at,
                size
            }
        )),
        ids().prop_map(Operation::Get),
        documents(daily()).prop_map(Operation::Create),
        (ids(), documents(daily()), versions()).prop_map(|(id, document, if_version)| Operation::Replace {
            id,
            document,
            if_version
        }),
        (ids(), documents(daily()), versions()).prop_map(|(id, document, if_version)| Operation::Patch {
            id,
            document,
            if_version
        }),
        (ids(), versions()).prop_map(|(id, if_version)| Operation::Delete { id, if_version }),
        (ids(), positions(), any::<u32>()).prop_map(|(id, at, size)| Operation::Runs {
            id,
            query: RunQuery::page(at, size)
        }),
        proptest::option::of(word(&["orderlist", "checkinlist"])).prop_map(Operation::Exporters),
        (
            proptest::option::of(ids()),
            word(&["preview", "run"]),
            documents(preview)
        )
            .prop_map(|(id, verb, document)| Operation::Act {
                id,
                verb,
                document,
                if_version: None,
            }),
    ]
}

async fn grant(host: &Harness, event: Option<&str>) -> Grant {
    let john = host.platform().user_by_email("john@example.com").await;
    let john = john.expect("asked").expect("john");
    let place = host.platform().place(&scope(event)).await.expect("asked");
    Grant {
        event_deleted: false,
        reaches_deleted_events: false,
        scope: scope(event),
        principal: Principal::User {
            id: john.id.clone(),
            may_read: true,
            may_write: true,
            organizers: vec!["bigevents".into()],
        },
        caller: Caller::User(john),
        language: "en".into(),
        may_change_settings: true,
        may_write: true,
        place,
    }
}

fn scope(event: Option<&str>) -> Scope {
    Scope {
        organizer: "bigevents".into(),
        event: event.map(str::to_owned),
    }
}

#[test]
fn any_call_of_a_person_is_answered() {
    calls().test();
}

fn calls() -> Target {
    let host = start();
    let inputs = (operations(), any::<bool>());
    Target::new("schedules.*", inputs, async move |(operation, at_event)| {
        let grant = grant(&host, at_event.then_some("sampleconf")).await;
        match host.service.call(&grant, operation, None).await {
            Ok(_) => Ok(true),
            Err(CallError::Problem(_)) => Ok(false),
            Err(error) => Err(TestCaseError::fail(error.to_string())),
        }
    })
}

/// What the plugin has stored for a plain schedule.
fn stored_document(host: &Harness) -> Value {
    let content = BEFORE.block_on(async {
        let id = host.create(CONF, JOHN, &daily()).await;
        let seen = Visible {
            scope: scope(Some("sampleconf")),
            only_owner: None,
        };
        let row = host
            .storage()
            .get(&seen, id)
            .await
            .expect("the store answers")
            .expect("stored");
        assert_eq!(host.delete(&format!("{CONF}{id}/"), JOHN).await.status, 204);
        row.content
    });
    serde_json::from_str(&content.document).expect("the plugin stores JSON")
}

#[test]
fn any_stored_documents_are_planned_again() {
    plans().test();
}

fn plans() -> Target {
    let host = start();
    let row = (documents(stored_document(&host)), zones());
    let inputs = (vec(row, 0..8), instants());
    Target::new("replan", inputs, async move |(rows, after)| {
        let stored: Vec<Stored> = rows
            .into_iter()
            .map(|(document, default_zone)| Stored {
                not_before: None,
                document,
                default_zone,
            })
            .collect();
        let failed = |error: String| TestCaseError::fail(error);
        let instance = host.service.instance("fuzz", Duration::from_secs(5)).await;
        let mut instance = instance.map_err(|error| failed(error.to_string()))?;
        let recurrence = instance.plugin.ticketing_scheduled_exports_recurrence();
        let plans = recurrence.call_replan(&mut instance.store, &stored, after).await;
        let plans = plans.map_err(|error| failed(format!("{error:#}")))?;
        prop_assert_eq!(plans.len(), stored.len());
        let planned = plans.iter().any(Result::is_ok);
        for next in plans.into_iter().flatten().flatten() {
            prop_assert!(next > after);
        }
        Ok(planned)
    })
}
