//! `harness next-run`.

use std::io::{BufRead, Write};
use std::sync::Arc;

use clap::Args;
use host_harness::clock::{Clock, SystemClock};
use host_harness::contract::FieldError;
use host_harness::contract::exported::recurrence::{ClockNote, Rule};
use host_harness::engine::{Cache, Engine, Limits};
use host_harness::ports::HostFacts;
use host_harness::service::Service;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, Output, PluginFile, failed, host, instant, local, utc};

/// Says when a rule fires next, by the component.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  harness next-run --rule 'RRULE:FREQ=WEEKLY;BYDAY=TU' --time 04:00:00 --zone Europe/Berlin -n 3\n  harness next-run --jsonl < tests/data/next_run.jsonl"
)]
pub struct NextRun {
    /// DTSTART and one RRULE, RFC 5545
    #[arg(long, required_unless_present = "jsonl", conflicts_with = "jsonl")]
    rule: Option<String>,
    /// Local time of day, HH:MM:SS
    #[arg(long, required_unless_present = "jsonl", conflicts_with = "jsonl")]
    time: Option<String>,
    /// IANA time zone
    #[arg(long, required_unless_present = "jsonl", conflicts_with = "jsonl")]
    zone: Option<String>,
    /// Instant to look from; else the time of the call
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    /// How many runs
    #[arg(short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    number: u32,
    /// Read rows `{"id","rule","time","tz","now"}` and write `{"id","valid","next","error"}`, one JSON object a line
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    plugin: PluginFile,
    #[command(flatten)]
    output: Output,
}

#[derive(Deserialize)]
struct Row {
    id: Value,
    rule: String,
    time: String,
    tz: String,
    now: String,
}

impl NextRun {
    pub async fn run(self) -> Result<(), Failure> {
        let engine = Engine::load_file(self.plugin.plugin.as_deref(), Limits::default(), &Cache::of_user())?;
        // The rule needs no store; the component's imports need one to be there.
        let folder = tempfile::tempdir()?;
        let (storage, platform) = host::stores(folder.path(), true).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let service = Service::new(engine, Arc::new(storage), platform, clock, HostFacts::default()).await?;
        if self.jsonl {
            return rows(&service).await;
        }
        let rule = Rule {
            text: self.rule.unwrap_or_default().replace("\\n", "\n"),
            time: self.time.unwrap_or_default(),
            zone: self.zone.unwrap_or_default(),
            anchor: None,
        };
        let now = self.now.unwrap_or_else(|| service.clock().now());
        let runs = match service.preview(&rule, now, self.number).await? {
            Ok(runs) => runs,
            Err(errors) => return Err(Failure(words(&errors))),
        };
        for run in &runs {
            let note = match run.note {
                ClockNote::Plain => "plain",
                ClockNote::SkippedHour => "skipped-hour",
                ClockNote::RepeatedHour => "repeated-hour",
            };
            if self.output.json {
                println!(
                    "{}",
                    json!({ "at": utc(run.at), "utc_offset_seconds": run.utc_offset_seconds, "note": note })
                );
            } else {
                let note = if note == "plain" {
                    String::new()
                } else {
                    format!("  ({note})")
                };
                println!("{}  {}{note}", utc(run.at), local(run.at, &rule.zone));
            }
        }
        if runs.is_empty() && !self.output.json {
            println!("never again");
        }
        Ok(())
    }
}

fn words(errors: &[FieldError]) -> String {
    let errors: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.path.join("."), error.message))
        .collect();
    errors.join("; ")
}

async fn rows(service: &Service) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let at = || failed(format!("line {}", number + 1));
        let row: Row = serde_json::from_str(&line).map_err(|reason| at()(&reason))?;
        let now = instant(&row.now).map_err(|reason| at()(&reason))?;
        let rule = Rule {
            text: row.rule,
            time: row.time,
            zone: row.tz,
            anchor: None,
        };
        let answer = match service.next_run(&rule, now).await? {
            Ok(next) => json!({ "id": row.id, "valid": true, "next": next.map(utc), "error": null }),
            Err(errors) => json!({ "id": row.id, "valid": false, "next": null, "error": words(&errors) }),
        };
        writeln!(out, "{answer}")?;
    }
    out.flush()?;
    Ok(())
}
