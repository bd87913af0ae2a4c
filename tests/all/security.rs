//! docs/security.md: what a person can write into a schedule does no harm where it comes out, and secrets stay in.
//!
//! A plugin that reaches for what is not its own is in `hostile/misbehaving.rs`, limits of bodies, headers and connections are
//! in `host-harness/server/src/api/tests/`.

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use axum::http::Method;
use calamine::{Data, Reader, Xlsx};
use scheduled_exports_host::contract::Outcome;
use scheduled_exports_testing::Harness;
use serde_json::{Value, json};
use tests::{BIG, CALLERS, CONF, DEVICE, FEST, JOHN, MARY, SAM, SETTINGS_TOKEN, but, daily, with, without_schedules};

const NOON: &str = "2026-10-22T12:00:00Z";
/// After the daily order list's next due time.
const NEXT_DAY: &str = "2026-10-23T12:00:00Z";

/// Ends of lines, as mail software might read them, each before a header.
const BREAKS: [&str; 9] = [
    "\r\n", "\n", "\r", "\n\r", "\0\r\n", "\u{b}", "\u{c}", "\u{85}", "\u{2028}",
];
const INJECTED: &str = "X-Injected: yes";

/// Names of the headers of a mail, its parts' too, unfolded, in lower case.
fn header_names(bytes: &[u8]) -> Vec<String> {
    fn of(part: &mailparse::ParsedMail<'_>, names: &mut Vec<String>) {
        names.extend(part.headers.iter().map(|header| header.get_key().to_lowercase()));
        for part in &part.subparts {
            of(part, names);
        }
    }
    let mut names = Vec::new();
    of(&mailparse::parse_mail(bytes).expect("a mail"), &mut names);
    names
}

#[tokio::test]
async fn no_field_injects_a_header_into_a_mail() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let mut taken = 0;
    for field in [
        "mail_subject",
        "mail_template",
        "mail_additional_recipients",
        "mail_additional_recipients_cc",
        "mail_additional_recipients_bcc",
        "export_identifier",
        "locale",
        "schedule_rrule",
        "schedule_rrule_time",
        "timezone",
    ] {
        for line_break in BREAKS {
            let address = field.starts_with("mail_additional");
            let start = if address { "a@example.com" } else { "Orders" };
            let document = but(
                daily(),
                json!({field: format!("{start}{line_break}{INJECTED}{line_break}Bcc: thief@example.net")}),
            );
            let answer = host
                .post(if field == "timezone" { BIG } else { CONF }, JOHN, &document)
                .await;
            assert!(
                matches!(answer.status, 201 | 400),
                "{field} {line_break:?}: {}",
                answer.body
            );
            taken += u32::from(answer.status == 201);
            if address || line_break.contains(['\r', '\n', '\0']) && field != "mail_template" {
                assert_eq!(answer.status, 400, "{field} {line_break:?}: {}", answer.body);
            }
        }
    }
    assert!(taken > 0, "a template may have lines");
    host.advance_to(NEXT_DAY).await;
    let mails = host.mails();
    assert_eq!(mails.len(), taken as usize);
    for mail in mails {
        assert_eq!(mail.recipient, "john@example.com");
        let names = header_names(&mail.bytes);
        assert!(
            !names.iter().any(|name| name == "x-injected" || name == "bcc"),
            "{names:?}"
        );
        let (head, _) = mail.text.split_once("thief").unwrap_or((&mail.text, ""));
        assert!(mail.subject.lines().count() <= 1, "{head}");
    }
}

#[tokio::test]
async fn names_of_the_platform_inject_nothing_either() {
    // Anything of one line: the fixture takes nothing else.
    let evil = "evil\"; X-Injected=\"yes";
    for name in [evil, "../../etc/passwd", "=cmd()"] {
        let fixture = with(|fixture| {
            fixture["schedules"] = json!([]);
            fixture["events"][0]["name"] = json!(name);
            fixture["organizers"][0]["name"] = json!(name);
        });
        let host = Harness::start(&fixture, NOON).await;
        host.create(CONF, JOHN, &daily()).await;
        host.advance_to(NEXT_DAY).await;
        let mails = host.mails();
        assert_eq!(mails.len(), 1);
        let (file, _) = mails[0].attachment.as_ref().expect("a file");
        assert!(
            file.chars()
                .all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
                && !file.starts_with('.'),
            "{file}"
        );
        assert!(!header_names(&mails[0].bytes).iter().any(|name| name == "x-injected"));
    }
}

/// Fixture with one order, whose every text of a buyer is `text`.
fn ordered(text: &str) -> String {
    with(|fixture| {
        fixture["schedules"] = json!([]);
        fixture["orders_generated"] = json!([]);
        fixture["orders"] = json!([{
            "organizer": "bigevents", "event": "sampleconf", "code": "AAAAA", "email": "buyer@example.com", "name": text,
            "status": "paid", "placed": "2026-10-22T10:00:00Z", "total": "12.50",
            "positions": [{"product": text, "price": "12.50", "attendee_name": text,
                           "attendee_email": "ann@example.com", "checked_in": null}],
        }]);
    })
}

#[tokio::test]
async fn what_buyers_write_is_no_formula_in_any_file() {
    // With what is in a CSV file of it, whichever separator it has.
    for (text, marked) in [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("=HYPERLINK(\"http://evil.test\",\"x\")", "'=HYPERLINK("),
        ("Anna;=1+1;", "Anna;'=1+1;"),
        ("Anna,=1+1,", "Anna,'=1+1,"),
        ("Anna; \u{ff1d}1+1", "Anna;' \u{ff1d}1+1"),
    ] {
        let host = Harness::start(&ordered(text), NOON).await;
        for exporter in ["orderlist", "orderpositions"] {
            for format in ["default", "semicolon", "xlsx"] {
                let form = json!({"_format": format, "date_range": "days_yesterday"});
                let changes = json!({"export_identifier": exporter, "export_form_data": form});
                let answer = host.post(CONF, JOHN, &but(daily(), changes)).await;
                assert!(answer.status == 201 || format == "semicolon", "{}", answer.body);
            }
        }
        host.advance_to(NEXT_DAY).await;
        let files: Vec<_> = host.mails().into_iter().filter_map(|mail| mail.attachment).collect();
        assert!(files.len() >= 4, "{}", files.len());
        let mut seen = 0;
        for (name, bytes) in files {
            if name.ends_with(".xlsx") {
                let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
                let formulas = book.worksheet_formula(&book.sheet_names()[0].clone()).expect("a sheet");
                assert_eq!(formulas.used_cells().count(), 0, "{name}");
                let cells = book.worksheet_range_at(0).expect("a sheet").expect("readable");
                seen += cells
                    .used_cells()
                    .filter(|(_, _, cell)| **cell == Data::String(text.into()))
                    .count();
            } else {
                let file = String::from_utf8(bytes).expect("UTF-8");
                let cells = file.lines().skip(1).flat_map(|line| line.split([',', ';']));
                for cell in cells.map(|cell| cell.trim_start_matches(['"', ' '])) {
                    let number = cell
                        .trim_end_matches('"')
                        .parse::<f64>()
                        .is_ok_and(|_| text != "+1" && text != "-1");
                    assert!(
                        number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}']),
                        "{name}: {file}"
                    );
                }
                assert!(file.contains(marked), "{name}: {file}");
            }
        }
        assert!(seen >= 2, "{text}: the workbooks hold it as it is");
    }
}

/// What was logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    #[expect(clippy::mem_forget, reason = "it is there for as long as the tests are")]
    fn at(level: tracing::Level) -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        // With a single subscriber, `tracing` asks only the thread that reaches a line first, which may be another test's.
        std::mem::forget(tracing::Dispatch::new(tracing_subscriber::registry()));
        let guard = tracing::subscriber::set_default(subscriber);
        tracing::callsite::rebuild_interest_cache();
        (log, guard)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("unpoisoned")).into_owned()
    }
}

/// Requests of everybody, in every way, good ones and bad ones; then their runs, one of which fails.
async fn a_day(host: &Harness) {
    let document = but(
        daily(),
        json!({"mail_additional_recipients": "finance@example.com", "mail_subject": "Subject-of-mine",
               "mail_template": "Template-of-mine"}),
    );
    for (_, credentials) in CALLERS
        .into_iter()
        .chain([("nobody", "Bearer nobody-oauth"), ("garbled", "Beer john-oauth")])
    {
        for place in [CONF, FEST, BIG] {
            host.get(place, credentials).await;
            host.post(place, credentials, &document).await;
            host.patch(&format!("{place}1/"), credentials, &json!({"mail_subject": 3}))
                .await;
            let headers = [("idempotency-key", "key-of-mine")];
            host.request(
                Method::PUT,
                &format!("{place}1/"),
                credentials,
                &headers,
                Some("{\"not json"),
            )
            .await;
        }
    }
    host.mail.refuse(
        "finance@example.com",
        Some(scheduled_exports_mail::Refusal::Permanent("550 no".into())),
    );
    host.advance_to(NEXT_DAY).await;
}

#[tokio::test]
async fn no_token_gets_into_the_log_at_any_level_and_no_address_at_the_levels_that_operators_keep() {
    for level in [tracing::Level::INFO, tracing::Level::TRACE] {
        let host = Harness::start(&without_schedules(), NOON).await;
        let (log, _guard) = Log::at(level);
        tracing::info!("the log is read");
        a_day(&host).await;
        let text = log.text();
        assert!(
            text.contains("the log is read") && text.contains("path=/api/v1/"),
            "{text}"
        );
        for (_, credentials) in CALLERS {
            let (_, token) = credentials.split_once(' ').expect("a scheme and a token");
            assert!(!text.contains(token), "{level}: {token}");
        }
        assert!(
            !text.contains("nobody-oauth") && !text.contains("key-of-mine"),
            "{level}"
        );
        if level == tracing::Level::INFO {
            for private in ["@example", "Subject-of-mine", "Template-of-mine"] {
                let line = text.lines().find(|line| line.contains(private));
                assert_eq!(line, None, "{private}");
            }
        }
    }
}

#[tokio::test]
async fn the_store_holds_no_token_but_its_hash() {
    let host = Harness::start(&without_schedules(), NOON).await;
    a_day(&host).await;
    let mut files = 0;
    for entry in std::fs::read_dir(host.folder()).expect("the host's folder") {
        let path = entry.expect("an entry").path();
        if !path.is_file() {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).expect("a file");
        for (_, credentials) in CALLERS {
            let (_, token) = credentials.split_once(' ').expect("a scheme and a token");
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            assert!(!found, "{} holds {token}", path.display());
        }
    }
    assert!(files > 0);
    // And they are looked up by it: nobody gets in with what the store does hold.
    for hash in [
        "Bearer 0000000000000000000000000000000000000000000000000000000000000000",
        "Bearer ",
        "Bearer %",
        "Bearer john-oauth' OR '1'='1",
        "Bearer JOHN-OAUTH",
        "Token john-oauth",
        "Device john-oauth",
    ] {
        assert_eq!(host.get(CONF, hash).await.status, 401, "{hash}");
    }
}

#[tokio::test]
async fn an_address_in_a_schedule_is_never_fetched_but_kept_as_text() {
    // A listener that nobody may come to.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("asked without waiting");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let host = Harness::start(&without_schedules(), NOON).await;
    let id = host
        .create(
            CONF,
            JOHN,
            &but(
                daily(),
                json!({"mail_subject": url, "mail_template": format!("{url} file:///etc/passwd")}),
            ),
        )
        .await;
    for (field, value) in [
        ("export_identifier", json!(url)),
        ("locale", json!(url)),
        ("schedule_rrule", json!(url)),
        ("export_form_data", json!({"_format": url, "date_range": url})),
    ] {
        let answer = host.post(CONF, JOHN, &but(daily(), json!({field: value}))).await;
        assert_eq!(answer.status, 400, "{field}: {}", answer.body);
    }
    host.advance_to(NEXT_DAY).await;
    assert_eq!(host.history(id).await[0].entry.outcome, Some(Outcome::Delivered));
    assert_eq!(host.mails()[0].subject, url);
    let came = listener.accept().map(|(_, from)| from);
    assert!(came.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn nobody_gets_anything_of_another_organizer_by_any_id() {
    let host = Harness::start(&without_schedules(), NOON).await;
    let johns = host.create(CONF, JOHN, &daily()).await;
    let jazz = "/api/v1/organizers/smallgigs/events/jazznight/scheduled_exports/";
    let sams = host.create(jazz, SAM, &daily()).await;
    for id in 0..=sams + 5 {
        // Sam's path, John's ids; and the other way round.
        if id != sams {
            let path = format!("{jazz}{id}/");
            for answer in [
                host.get(&path, SAM).await,
                host.patch(&path, SAM, &json!({"mail_subject": "mine"})).await,
                host.put(&path, SAM, &daily()).await,
                host.delete(&path, SAM).await,
            ] {
                assert_eq!(answer.status, 404, "{path}");
            }
        }
        for (place, who) in [
            (jazz, JOHN),
            (jazz, MARY),
            (jazz, SETTINGS_TOKEN),
            (jazz, DEVICE),
            (CONF, SAM),
            (BIG, SAM),
        ] {
            let path = format!("{place}{id}/");
            let foreign = host.get(&path, who).await;
            let unknown = host
                .get(
                    &path.replace("jazznight", "nothing").replace("sampleconf", "nothing"),
                    who,
                )
                .await;
            assert_eq!(foreign.status, 403, "{path}");
            assert_eq!(foreign.body, unknown.body, "{path}");
        }
    }
    let kept: Value = host.get(&format!("{CONF}{johns}/"), JOHN).await.body;
    assert_eq!(kept["mail_subject"], "Orders");
}
