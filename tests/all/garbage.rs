//! behaviour.md, section 6: any bytes in any field, query or header are a clear 4xx, never a 5xx, a trap or a hang; and the
//! schedules that were there are still there.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use scheduled_exports_testing::{Answer, Harness};
use serde_json::{Map, Value, json};
use tests::{BIG, CONF, JOHN, daily, without_schedules};
use tokio::runtime::Runtime;

const FIELDS: [&str; 11] = [
    "export_identifier",
    "export_form_data",
    "locale",
    "mail_additional_recipients",
    "mail_additional_recipients_cc",
    "mail_additional_recipients_bcc",
    "mail_subject",
    "mail_template",
    "schedule_rrule",
    "schedule_rrule_time",
    "timezone",
];

/// Texts that have broken something somewhere.
const NASTY: &[&str] = &[
    "",
    "\0",
    "a\0b",
    "\u{202e}fdp.exe",
    "\u{2066}\u{2069}\u{200b}\u{feff}",
    "Orders\r\nBcc: thief@example.com",
    "Orders\r\n\r\n<script>",
    "Orders\nX-Injected: 1",
    "Orders\u{2028}Bcc: thief@example.com",
    "Orders\u{85}Bcc: thief@example.com",
    "=?utf-8?B?QmNjOiB4QGV4YW1wbGUuY29t?=",
    "\"\r\nBcc: thief@example.com\"@example.com",
    "a@example.com\r\nBcc: thief@example.com",
    "a@example.com>\r\nRCPT TO:<thief@example.com",
    "'; DROP TABLE schedule; --",
    "\" OR 1=1 --",
    "%s%n%x%p{}{0}${jndi:ldap://x}",
    "{{7*7}}<%= 7*7 %>",
    "../../../../etc/passwd",
    "\u{10ffff}\u{fffe}\u{e000}",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦",
    "NaN",
    "1e999",
    "99999999999999999999999999999999",
    "-0",
    "RRULE:FREQ=DAILY;INTERVAL=99999999999999999999",
    "RRULE:FREQ=DAILY;UNTIL=99991231T235959",
    "DTSTART:00010101T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=5MO;INTERVAL=587",
    "RRULE:FREQ=YEARLY;BYDAY=-53MO,53SU;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12",
    "DTSTART:99991231T235959\nRRULE:FREQ=DAILY",
    "RRULE:FREQ=DAILY;FREQ=DAILY",
    "2026-01-01/9999-12-31",
    "/",
    "0000-00-00/",
    "Etc/GMT+14",
    "posixrules",
    "..",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(NASTY).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop_oneof![
            proptest::sample::select(vec![
                "_format",
                "date_range",
                "paid_only",
                "statuses",
                "events",
                "all_events"
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// One host for all cases of a test: what one leaves behind, the next has to bear.
struct World {
    runtime: Runtime,
    host: Harness,
    event: u64,
    organizer: u64,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (host, event, organizer) = runtime.block_on(async {
            let host = Harness::start(&without_schedules(), "2026-10-22T12:00:00Z").await;
            let (event, organizer) = (
                host.create(CONF, JOHN, &daily()).await,
                host.create(BIG, JOHN, &daily()).await,
            );
            (host, event, organizer)
        });
        Self {
            runtime,
            host,
            event,
            organizer,
        }
    }

    fn send(&self, method: &str, path: &str, headers: Headers<'_>, body: &[u8]) -> Option<Answer> {
        let answer = self.runtime.block_on(self.host.send(method, path, headers, body))?;
        let words = format!(
            "{method} {path} {headers:?} {:?}: {answer:?}",
            String::from_utf8_lossy(body)
        );
        assert!((200..500).contains(&answer.status), "{words}");
        assert_eq!(
            answer.header("vary"),
            "Accept, Accept-Language, Authorization",
            "{words}"
        );
        if answer.status >= 400 && method != "HEAD" {
            assert!(answer.body.as_object().is_some_and(|body| !body.is_empty()), "{words}");
        }
        Some(answer)
    }

    /// As John, with a JSON body.
    fn write(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let headers: [(&str, &[u8]); 2] = [
            ("authorization", JOHN.as_bytes()),
            ("content-type", b"application/json"),
        ];
        self.send(method, path, &headers, body).expect("a request")
    }

    fn lists_are_whole(&self) {
        for path in [CONF, BIG] {
            let list = self.write("GET", path, b"");
            assert_eq!(list.status, 200, "{}", list.body);
            assert!(list.body["count"].as_u64() >= Some(1));
        }
    }

    /// What was accepted is shown again, and taken again as it is shown.
    fn is_taken_again(&self, path: &str, answer: &Answer) {
        if !(200..300).contains(&answer.status) {
            return;
        }
        let one = format!("{path}{}/", answer.body["id"]);
        assert_eq!(self.write("GET", &one, b"").bytes, answer.bytes);
        let again = self.write("PUT", &one, &answer.bytes);
        assert_eq!((again.status, &again.bytes), (200, &answer.bytes), "{}", answer.body);
    }

    fn delete(&self, path: &str, answer: &Answer) {
        if answer.status == 201 {
            assert_eq!(
                self.write("DELETE", &format!("{path}{}/", answer.body["id"]), b"")
                    .status,
                204
            );
        }
    }
}

/// The same cases each time; `PROPTEST_CASES` in the environment has no say.
fn runner(cases: u32, seed: u64) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    })
}

fn paths(world: &World) -> [(&'static str, u64); 2] {
    [(CONF, world.event), (BIG, world.organizer)]
}

#[test]
fn any_json_in_any_writable_field_is_taken_or_told_and_the_lists_still_answer() {
    let world = World::new();
    let given = (
        proptest::sample::select(&FIELDS[..]),
        any_json(),
        any::<bool>(),
        any::<bool>(),
    );
    let ran = runner(400, 1).run(&given, |(field, value, organizer, patch)| {
        let (path, id) = paths(&world)[usize::from(organizer)];
        let answer = if patch {
            world.write(
                "PATCH",
                &format!("{path}{id}/"),
                json!({field: value}).to_string().as_bytes(),
            )
        } else {
            let mut body = daily();
            body[field] = value;
            world.write("POST", path, body.to_string().as_bytes())
        };
        if answer.status == 400 {
            prop_assert!(answer.body.get(field).is_some(), "{}", answer.body);
        }
        world.is_taken_again(path, &answer);
        world.delete(path, &answer);
        Ok(())
    });
    ran.expect("every case holds");
    world.lists_are_whole();
}

#[test]
fn any_bytes_as_a_body_are_told_and_the_lists_still_answer() {
    let world = World::new();
    let good = daily().to_string().into_bytes();
    let cut = (
        any::<proptest::sample::Index>(),
        proptest::collection::vec(any::<u8>(), 0..8),
    );
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        any::<String>().prop_map(String::into_bytes),
        any_json().prop_map(|value| value.to_string().into_bytes()),
        cut.prop_map(move |(at, bytes)| {
            let (mut body, at) = (good.clone(), at.index(good.len()));
            body.splice(at..(at + bytes.len()).min(good.len()), bytes);
            body
        }),
    ];
    let call = proptest::sample::select(vec![
        ("POST", ""),
        ("POST", "preview/"),
        ("PUT", "{id}/"),
        ("PATCH", "{id}/"),
        ("POST", "{id}/preview/"),
    ]);
    let ran = runner(250, 2).run(&(call, body, any::<bool>()), |((method, below), body, organizer)| {
        let (path, id) = paths(&world)[usize::from(organizer)];
        let below = below.replace("{id}", &id.to_string());
        let answer = world.write(method, &format!("{path}{below}"), &body);
        world.delete(path, &answer);
        Ok(())
    });
    ran.expect("every case holds");
    world.lists_are_whole();
}

#[test]
fn any_path_query_and_header_are_told_and_the_lists_still_answer() {
    let world = World::new();
    let segment = prop_oneof![
        2 => proptest::sample::select(vec!["scheduled_exports", "exporters", "events", "bigevents", "sampleconf", "1", "runs", "preview", "rule", "form", "orderlist"]).prop_map(str::to_owned),
        1 => "[!-~]{0,6}",
        1 => proptest::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| bytes.iter().map(|byte| format!("%{byte:02X}")).collect()),
    ];
    let root = proptest::sample::select(vec![
        "/",
        CONF,
        BIG,
        "/api/v1/organizers/",
        "/api/v1/organizers/bigevents/",
    ]);
    let query = prop_oneof![
        Just(String::new()),
        ("(page|page_size|ordering|x)", "[ -~]{0,12}").prop_map(|(name, value)| format!("?{name}={value}")),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| format!(
            "?page={}",
            bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>()
        )),
    ];
    let header = proptest::sample::select(vec![
        "accept",
        "accept-language",
        "authorization",
        "content-type",
        "content-encoding",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "x-idempotency-key",
        "host",
        "x-forwarded-proto",
        "x-request-id",
    ]);
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[ -~]{0,40}".prop_map(String::into_bytes),
        proptest::sample::select(NASTY).prop_map(|text| text.as_bytes().to_vec()),
        Just(vec![b'x'; 9_000]),
    ];
    let method = proptest::sample::select(vec![
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW",
    ]);
    let given = (
        method,
        (root, proptest::collection::vec(segment, 0..4), any::<bool>(), query),
        proptest::collection::vec((header, value), 0..3),
    );
    let sent = std::cell::Cell::new(0_u32);
    let ran = runner(500, 3).run(&given, |(method, (root, segments, slash, query), given)| {
        let slash = if slash && !segments.is_empty() { "/" } else { "" };
        let path = format!("{root}{}{slash}{query}", segments.join("/"));
        // What would delete the two schedules of this world is no garbage.
        if method == "DELETE" && given.iter().all(|(name, _)| *name != "if-match") {
            return Ok(());
        }
        let mut headers: Vec<(&str, &[u8])> = given.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        headers.push(("authorization", JOHN.as_bytes()));
        if world.send(method, &path, &headers, b"{}").is_some() {
            sent.set(sent.get() + 1);
        }
        Ok(())
    });
    ran.expect("every case holds");
    assert!(sent.get() > 150, "HTTP can carry most of them: {}", sent.get());
    world.lists_are_whole();
}

/// The nasty texts in every field, of a body and of a form: taken where they fit, and then also in a mail's head and in a file's.
#[test]
fn nasty_texts_are_taken_or_told_in_every_field() {
    let world = World::new();
    for field in FIELDS {
        for text in NASTY {
            for (path, id) in paths(&world) {
                let body = if field == "export_form_data" {
                    json!({field: {"_format": text, "date_range": text, "events": [text]}})
                } else {
                    json!({field: text})
                };
                let answer = world.write("PATCH", &format!("{path}{id}/"), body.to_string().as_bytes());
                assert!([200, 400].contains(&answer.status), "{field} {text:?}: {}", answer.body);
                let breaks = ["\0", "\r", "\n", "\u{2028}", "\u{85}"]
                    .iter()
                    .any(|b| text.contains(b));
                if field == "mail_subject" && (breaks || text.is_empty()) {
                    assert_eq!(answer.status, 400, "{text:?}");
                }
                if field.starts_with("mail_additional") && !text.is_empty() {
                    assert_eq!(answer.status, 400, "{text:?}");
                }
                world.is_taken_again(path, &answer);
            }
        }
    }
    world.lists_are_whole();
}

#[test]
fn no_field_reaches_the_head_of_a_mail() {
    let world = World::new();
    let one = format!("{CONF}{}/", world.event);
    for (field, text) in [
        (
            "mail_template",
            "Hello\r\n.\r\nBcc: thief@example.com\r\n\r\nMAIL FROM:<x>",
        ),
        (
            "mail_subject",
            "Bcc: thief@example.com \u{202e}=?utf-8?Q?=0D=0ABcc:thief?=",
        ),
    ] {
        let answer = world.write("PATCH", &one, json!({field: text}).to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    world.runtime.block_on(world.host.advance_to("2026-10-23T12:00:00Z"));
    let mails = world.host.mails();
    assert!(!mails.is_empty());
    for mail in mails {
        assert_eq!(mail.recipient, "john@example.com");
        let text = String::from_utf8_lossy(&mail.bytes).into_owned();
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        assert!(
            !head.to_lowercase().contains("\nbcc:") && !head.contains("MAIL FROM"),
            "{head}"
        );
    }
}

#[test]
fn bodies_are_read_up_to_64_kib_and_not_a_byte_further() {
    let world = World::new();
    let sized = |size: usize| {
        let mut body = daily();
        body["surprise"] = "".into();
        let missing = size - body.to_string().len();
        body["surprise"] = "x".repeat(missing).into();
        body.to_string()
    };
    for (size, status) in [(65_535, 201), (65_536, 201), (65_537, 413), (1_000_000, 413)] {
        let body = sized(size);
        assert_eq!(body.len(), size);
        let answer = world.write("POST", CONF, body.as_bytes());
        assert_eq!(answer.status, status, "{size}: {}", answer.body);
        world.delete(CONF, &answer);
    }
    let sized_template = |size: usize| json!({"mail_template": "x".repeat(size)}).to_string();
    let one = format!("{CONF}{}/", world.event);
    assert_eq!(
        world.write("PATCH", &one, sized_template(10_000).as_bytes()).status,
        200
    );
    assert_eq!(
        world.write("PATCH", &one, sized_template(10_001).as_bytes()).status,
        400
    );
    world.lists_are_whole();
}

#[test]
fn deep_wide_and_huge_documents_are_told() {
    let world = World::new();
    let one = format!("{BIG}{}/", world.organizer);
    let deep = |open: &str, close: &str, levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
    let addresses = |count: usize| (0..count).map(|n| format!("a{n}@b.cc")).collect::<Vec<_>>().join(",");
    let mut cases: Vec<(String, Option<u16>)> = Vec::new();
    for levels in [10, 127, 128, 1_000, 10_000, 30_000] {
        cases.push((deep("[", "]", levels), Some(400)));
        cases.push((
            format!("{{\"export_form_data\":{}}}", deep("[", "]", levels)),
            Some(400),
        ));
    }
    for levels in [10, 127, 128, 2_000] {
        cases.push((deep("{\"export_form_data\":", "}", levels), None));
        cases.push((format!("{{\"surprise\":{}}}", deep("{\"a\":", "}", levels)), None));
    }
    for number in [
        "1e400",
        "-1e400",
        "1e-400",
        "123456789012345678901234567890",
        "0.1e1",
        "-0",
        "00",
        "1.",
        "+1",
        "0x1",
    ] {
        cases.push((format!("{{\"mail_subject\":{number}}}"), Some(400)));
        cases.push((format!("{{\"surprise\":{number}}}"), None));
    }
    for lone in [
        "\\ud800",
        "\\udc00",
        "\\ud800\\ud800",
        "\\ud83d",
        "\\u12",
        "\\x41",
        "\\",
    ] {
        cases.push((format!("{{\"mail_subject\":\"{lone}\"}}"), Some(400)));
        cases.push((format!("{{\"surprise\":\"{lone}\"}}"), Some(400)));
    }
    cases.push(("{\"mail_subject\":\"\\u0000\"}".into(), Some(400)));
    cases.push(("{\"mail_subject\":\"\\r\\nBcc: x@example.com\"}".into(), Some(400)));
    cases.push(("{\"mail_subject\":\"\\ud83d\\ude00\"}".into(), Some(200)));
    cases.push(("{\"mail_subject\":\"a\",\"mail_subject\":\"b\"}".into(), Some(200)));
    cases.push((
        json!({"mail_additional_recipients": addresses(6_000)}).to_string(),
        Some(400),
    ));
    cases.push((
        json!({"mail_additional_recipients": addresses(10_000)}).to_string(),
        Some(413),
    ));
    cases.push((
        json!({"mail_additional_recipients": ",".repeat(60_000)}).to_string(),
        Some(400),
    ));
    cases.push((
        json!({"mail_additional_recipients": vec!["a@b.cc"; 25].join(",")}).to_string(),
        Some(200),
    ));
    let events: Vec<String> = (0..5_000).map(|n| format!("e{n}")).collect();
    cases.push((json!({"export_form_data": {"events": events}}).to_string(), Some(400)));
    let keys: Map<String, Value> = (0..4_000).map(|n| (format!("k{n}"), json!(n))).collect();
    cases.push((Value::Object(keys.clone()).to_string(), Some(200)));
    cases.push((json!({"export_form_data": keys}).to_string(), Some(200)));
    cases.push((
        json!({"schedule_rrule": format!("RRULE:FREQ=DAILY;BYMONTH={}", vec!["1"; 20_000].join(","))}).to_string(),
        Some(400),
    ));
    cases.push((json!({"schedule_rrule": "\n".repeat(1_900)}).to_string(), Some(400)));
    for (body, status) in cases {
        let started = std::time::Instant::now();
        let answer = world.write("PATCH", &one, body.as_bytes());
        let shown: String = body.chars().take(80).collect();
        match status {
            Some(status) => assert_eq!(answer.status, status, "{shown}: {}", answer.body),
            None => assert!([200, 400].contains(&answer.status), "{shown}: {}", answer.body),
        }
        assert!(
            answer.bytes.len() < 70_000,
            "{shown}: an answer of {} bytes",
            answer.bytes.len()
        );
        assert!(started.elapsed().as_secs() < 5, "{shown}: {:?}", started.elapsed());
    }
    world.lists_are_whole();
}

#[test]
fn headers_that_are_too_much_are_told() {
    let long = "de;q=0.1,".repeat(1_000);
    let world = World::new();
    let john = ("authorization", JOHN.as_bytes());
    let one = format!("{CONF}{}/", world.event);
    let answers: [(Headers<'_>, u16); 9] = [
        (&[john, ("accept-language", long.as_bytes())], 200),
        (&[john, john], 401),
        (&[("authorization", b"Bearer \xff\xfe")], 401),
        (&[("authorization", b"Bearer john-oauth\t")], 200),
        (&[john, ("accept", b"\xff")], 200),
        (&[john, ("host", b"evil\"host")], 200),
        (&[john, ("x-request-id", b"\xff")], 200),
        (&[john, ("x-forwarded-proto", b"javascript")], 200),
        (&[("authorization", &[b'B'; 10_000])], 401),
    ];
    for (headers, status) in answers {
        let answer = world.send("GET", &one, headers, b"").expect("a request");
        assert_eq!(answer.status, status, "{headers:?}");
    }
    for (name, value) in [
        ("idempotency-key", &b"\xff"[..]),
        ("idempotency-key", b" "),
        ("x-idempotency-key", &[b'k'; 300]),
    ] {
        let headers: [(&str, &[u8]); 3] = [john, ("content-type", b"application/json"), (name, value)];
        let answer = world.send("PATCH", &one, &headers, b"{}").expect("a request");
        assert_eq!(answer.status, 400, "{name}");
    }
    world.lists_are_whole();
}
