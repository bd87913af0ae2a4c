//! `harness demo`: ten days of a sample platform in a few seconds.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use reference_platform::Fixture;
use reference_server::api::{self, ApiLimits};
use reference_server::ports::HostFacts;
use reference_server::service::Service;
use scheduled_exports_host::clock::{Clock, VirtualClock};
use scheduled_exports_host::contract::DeliveryStatus;
use scheduled_exports_host::private::{self, Entry};
use scheduled_exports_store::HistoryRow;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::history::{document, reason, word};
use super::table;
use super::{Data, Failure, Output, PluginFile, failed, host, local, say};

/// The platform of the demo.
const FIXTURE: &str = include_str!("../../../tests/data/bigevents.json");
/// 2026-10-22T12:00:00Z: daylight saving time ends in Berlin on October 25, and in New York on November 1.
const FROM: i64 = 1_792_670_400;
const DAYS: i64 = 10;

/// Simulate ten days of scheduled exports with a sample platform, real files and real mails.
#[derive(Args, Default)]
#[command(after_help = "Example:\n  harness demo --data ./demo")]
pub struct Demo {
    /// Output directory; files of an earlier demo are replaced [default: ./demo]
    #[arg(long = "data", value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    plugin: PluginFile,
    #[command(flatten)]
    output: Output,
}

/// Schedules that the demo creates: token, path below the organizers, document.
fn wanted() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "john-oauth",
            "bigevents/events/sampleconf",
            json!({
                "export_identifier": "orderlist", "export_form_data": {"_format": "xlsx", "date_range": "days_yesterday"},
                "mail_additional_recipients": "finance@example.com", "mail_subject": "Orders of yesterday",
                "mail_template": "Yesterday's orders of Sample Conf.",
                "schedule_rrule": "RRULE:FREQ=DAILY", "schedule_rrule_time": "02:30:00",
            }),
        ),
        (
            "mary-oauth",
            "bigevents/events/sampleconf",
            json!({
                "export_identifier": "orderpositions", "export_form_data": {"_format": "excel", "date_range": "week_to_date"},
                "locale": "de", "mail_subject": "Positionen dieser Woche", "mail_template": "Alle Positionen seit Montag.",
                "schedule_rrule": "RRULE:FREQ=WEEKLY;BYDAY=MO,FR", "schedule_rrule_time": "06:00",
            }),
        ),
        (
            "john-oauth",
            "bigevents",
            json!({
                "export_identifier": "dailysales", "export_form_data": {"_format": "xlsx", "date_range": "days_last7"},
                "mail_additional_recipients": "board@example.com", "mail_additional_recipients_bcc": "archive@example.com",
                "mail_subject": "Sales of the last seven days", "mail_template": "All events, by day and product.",
                "schedule_rrule": "RRULE:FREQ=WEEKLY;BYDAY=SU", "schedule_rrule_time": "20:00:00",
                "timezone": "America/New_York",
            }),
        ),
        (
            "sam-oauth",
            "smallgigs/events/jazznight",
            json!({
                "export_identifier": "orderlist", "export_form_data": {"_format": "default", "date_range": "days_today", "paid_only": true},
                "mail_subject": "Tonight's orders so far", "mail_template": "Paid orders of today.",
                "schedule_rrule": "RRULE:FREQ=DAILY;BYDAY=SA,SU", "schedule_rrule_time": "01:30:00",
            }),
        ),
    ]
}

impl Demo {
    pub async fn run(self) -> Result<(), Failure> {
        let folder = self.folder.clone().unwrap_or_else(|| PathBuf::from("demo"));
        let cleared = clear(&folder)
            .map_err(|reason| failed(format!("could not clear directory {}", folder.display()))(&reason))?;
        if !cleared {
            return Err(Failure::Sentence(format!(
                "directory {} contains files that were not created by a demo; choose another with --data",
                folder.display()
            )));
        }
        let clock = Arc::new(VirtualClock::at(FROM));
        let seen: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let data = Data::of_folder(&folder);
        let service = host::open(&data, true, &self.plugin, Some(seen), HostFacts::default()).await?;
        let fixture = Fixture::from_json(FIXTURE)?;
        host::seed(&service, &data, &fixture).await?;
        let named = create(&service).await?;

        let (transport, mail) = host::transport(&data, None)?;
        let scheduler = host::scheduler(&service, transport);
        let until = FROM + DAYS * 86_400;
        let bar = ProgressBar::new(u64::try_from(until - FROM).unwrap_or_default());
        bar.set_style(ProgressStyle::with_template("{msg:28} {wide_bar}").expect("the template is well-formed"));
        while let Some(wake) = scheduler.next_wake().await?.filter(|wake| *wake <= until) {
            clock.set(wake.max(clock.now()));
            bar.set_position(u64::try_from(clock.now() - FROM).unwrap_or_default());
            bar.set_message(local(clock.now(), "Europe/Berlin"));
            scheduler.step().await?;
        }
        bar.finish_and_clear();

        let mut history = service.storage().history(None, 1_000).await?;
        history.sort_by_key(|row| (row.entry.due, row.schedule));
        service.close().await;
        let mail = mail.unwrap_or_else(|| folder.clone());
        let files = folder.join(host::FILES);
        let unpacked = unpack(&mail, &files)
            .map_err(|reason| failed(format!("could not extract attachments from {}", mail.display()))(&reason))?;
        if self.output.json {
            for row in &history {
                say(document(row))?;
            }
            return Ok(());
        }
        say(shown(&named, &history))?;
        say(format_args!(
            "Mails were written to {} (.eml files, which any mail program can open),",
            mail.display()
        ))?;
        say(format_args!(
            "and their {unpacked} attachments to {} (.xlsx, .csv).",
            files.display()
        ))?;
        say("")?;
        say("What to try next:")?;
        say(format_args!(
            "  harness history --data {} --schedule 1",
            folder.display()
        ))?;
        say(format_args!(
            "  harness serve --data {}        then, with the fixture's tokens:",
            folder.display()
        ))?;
        say("  curl -H 'Authorization: Bearer john-oauth' \\")?;
        say("    http://127.0.0.1:8080/api/v1/organizers/bigevents/events/sampleconf/scheduled_exports/")?;
        say("(`harness` is target/debug/harness; you can also use `cargo run --`.)")?;
        Ok(())
    }
}

/// Marks a directory whose files a later demo can delete.
const MARK: &str = ".made-by-harness-demo";

/// Deletes the files of an earlier demo, and nothing else. Returns `false` if the directory contains other files in their place.
fn clear(folder: &Path) -> std::io::Result<bool> {
    private::directory(folder, host::entry)?;
    let mark = folder.join(MARK);
    let ours = mark.exists();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let (store, made) = (
            name.starts_with("harness.db"),
            name == host::MAIL || name == host::FILES,
        );
        if (store || made) && !ours {
            return Ok(false);
        }
        if store {
            std::fs::remove_file(entry.path())?;
        } else if made {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    private::create(&mark)?;
    Ok(true)
}

/// Subject and time zone of a schedule, for the table.
type Named = HashMap<u64, (String, String)>;

/// Where the demo's schedules are, and a token that can see all of them.
const PLACES: [(&str, &str); 3] = [
    ("john-oauth", "bigevents/events/sampleconf"),
    ("john-oauth", "bigevents"),
    ("sam-oauth", "smallgigs/events/jazznight"),
];

/// Creates the demo's schedules through the HTTP API and reads them back, like a client.
async fn create(service: &Arc<Service>) -> Result<Named, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = api::router(Arc::clone(service) as _, ApiLimits::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(api::serve(listener, router, ApiLimits::default(), async move {
        let _ = stopped.await;
    }));
    let root = format!("http://{address}/api/v1/organizers");
    for (token, place, document) in wanted() {
        request(token, format!("{root}/{place}/scheduled_exports/"), Some(document)).await?;
    }
    let mut named = Named::new();
    for (token, place) in PLACES {
        let page = request(token, format!("{root}/{place}/scheduled_exports/"), None).await?;
        let (organizer, event) = place.split_once("/events/").unwrap_or((place, ""));
        let event = service.platform().event(organizer, event).await?;
        for schedule in page["results"].as_array().into_iter().flatten() {
            let zone = schedule["timezone"].as_str().map(str::to_owned);
            let zone = zone
                .or_else(|| Some(event.as_ref()?.timezone.clone()))
                .unwrap_or_default();
            let subject = schedule["mail_subject"].as_str().unwrap_or_default().to_owned();
            named.insert(schedule["id"].as_u64().unwrap_or_default(), (subject, zone));
        }
    }
    let _ = stop.send(());
    server.await?;
    Ok(named)
}

/// One request of the demo: `POST` with a document, otherwise `GET`.
async fn request(token: &'static str, url: String, document: Option<Value>) -> Result<Value, Failure> {
    let asked = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let token = format!("Bearer {token}");
        let mut answer = match document {
            Some(document) => agent
                .post(&url)
                .header("Authorization", token)
                .header("Content-Type", "application/json")
                .send(document.to_string())?,
            None => agent.get(&url).header("Authorization", token).call()?,
        };
        Ok::<_, ureq::Error>((answer.status(), answer.body_mut().read_to_string()?))
    });
    let (status, body) = asked.await??;
    if !status.is_success() {
        return Err(Failure::Sentence(format!(
            "demo request failed with status {status}: {body}"
        )));
    }
    Ok(serde_json::from_str(&body)?)
}

/// The table of due times with their outcomes.
fn shown(named: &Named, history: &[HistoryRow]) -> String {
    let mut rows = Vec::new();
    for row in history {
        let (subject, zone) = named.get(&row.schedule).cloned().unwrap_or_default();
        let entry = &row.entry;
        let accepted: Vec<&str> = entry
            .deliveries
            .iter()
            .filter(|one| one.status == DeliveryStatus::Accepted)
            .map(|one| one.address.as_str())
            .collect();
        let number = |of: Option<u64>| of.map_or_else(|| "-".to_owned(), |of| of.to_string());
        let why = reason(entry.outcome.as_ref());
        rows.push(vec![
            local(entry.due, &zone),
            format!("{} {subject}", row.schedule),
            word(entry.outcome.as_ref()).to_owned(),
            number(entry.rows),
            number(entry.bytes),
            if accepted.is_empty() { why } else { accepted.join(", ") },
        ]);
    }
    table(
        &["due (local time)", "schedule", "outcome", "rows", "bytes", "recipients"],
        &rows,
    )
}

/// Extracts the attachments of all mails in `mail` into `files`; returns their number.
fn unpack(mail: &Path, files: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    private::directory(files, |_, _| Entry::Ours)?;
    let mut unpacked = 0;
    for entry in std::fs::read_dir(mail)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let parsed = mailparse::parse_mail(&bytes)?;
        for part in parsed.parts() {
            let Some(name) = part.get_content_disposition().params.get("filename").cloned() else {
                continue;
            };
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            // A name in a mail is never a path.
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            private::create(&files.join(format!("{stem}-{name}")))?.write_all(&part.get_body_raw()?)?;
            unpacked += 1;
        }
    }
    Ok(unpacked)
}
