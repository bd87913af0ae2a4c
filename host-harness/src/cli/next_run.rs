//! `harness next-run`.

use std::io::BufRead;

use clap::Args;
use reference_server::ports::HostFacts;
use reference_server::service::Service;
use scheduled_exports_host::contract::FieldError;
use scheduled_exports_host::contract::exported::recurrence::{ClockNote, Rule};
use serde_json::{Value, json};

use super::{Data, Failure, Output, PluginFile, failed, host, instant, local, say, utc};

/// Compute the next runs of a recurrence rule, with the component.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  harness next-run --rule 'RRULE:FREQ=WEEKLY;BYDAY=TU' --time 04:00:00 --zone Europe/Berlin -n 3\n  harness next-run --jsonl < tests/data/next_run.jsonl"
)]
pub struct NextRun {
    /// Recurrence rule: one RRULE and an optional DTSTART (RFC 5545)
    #[arg(long, required_unless_present = "jsonl", conflicts_with = "jsonl")]
    rule: Option<String>,
    /// Local time of day, HH:MM:SS
    #[arg(long, required_unless_present = "jsonl", conflicts_with = "jsonl")]
    time: Option<String>,
    /// IANA time zone name
    #[arg(long, required_unless_present = "jsonl", conflicts_with = "jsonl")]
    zone: Option<String>,
    /// Compute runs after this time [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    now: Option<i64>,
    /// Number of runs to show
    #[arg(short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    number: u32,
    /// Read JSON lines `{"id","rule","time","tz","now"}` from stdin and write `{"id","valid","next","error"}`
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    plugin: PluginFile,
    #[command(flatten)]
    output: Output,
}

impl NextRun {
    pub async fn run(self) -> Result<(), Failure> {
        // The rule needs no store; the component's imports need one to be there.
        let folder = tempfile::tempdir()?;
        let data = Data::of_folder(folder.path());
        let service = host::open(&data, true, &self.plugin, None, HostFacts::default()).await?;
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
            Err(errors) => return Err(Failure::Sentence(words(&errors))),
        };
        for run in &runs {
            let note = match run.note {
                ClockNote::Plain => "plain",
                ClockNote::SkippedHour => "skipped-hour",
                ClockNote::RepeatedHour => "repeated-hour",
            };
            if self.output.json {
                say(json!({ "at": utc(run.at), "utc_offset_seconds": run.utc_offset_seconds, "note": note }))?;
            } else {
                let note = if note == "plain" {
                    String::new()
                } else {
                    format!("  ({note})")
                };
                say(format_args!("{}  {}{note}", utc(run.at), local(run.at, &rule.zone)))?;
            }
        }
        if runs.is_empty() && !self.output.json {
            say("no further runs")?;
        }
        Ok(())
    }
}

fn words(errors: &[FieldError]) -> String {
    let errors: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.path.join("."), error.message.trim_end_matches('.')))
        .collect();
    errors.join("; ")
}

/// Every row that is JSON gets a result, whatever is wrong with it; one that is not has no id for a result.
async fn rows(service: &Service) -> Result<(), Failure> {
    for (number, line) in std::io::stdin().lock().split(b'\n').enumerate() {
        let line = line.map_err(|reason| failed("could not read standard input")(&reason))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let at = || failed(format!("line {}", number + 1));
        let row: Value = serde_json::from_slice(&line).map_err(|reason| at()(&reason))?;
        let answer = match read(&row) {
            Ok((rule, now)) => match service.next_run(&rule, now).await.map_err(|reason| at()(&reason))? {
                Ok(next) => Ok(next.map(utc)),
                Err(errors) => Err(words(&errors)),
            },
            Err(reason) => Err(reason),
        };
        let id = &row["id"];
        say(match answer {
            Ok(next) => json!({ "id": id, "valid": true, "next": next, "error": null }),
            Err(error) => json!({ "id": id, "valid": false, "next": null, "error": error }),
        })?;
    }
    Ok(())
}

/// The rule and time of a row, or the error.
fn read(row: &Value) -> Result<(Rule, i64), String> {
    let text = |name: &str| match &row[name] {
        Value::String(text) => Ok(text.clone()),
        other => Err(format!("{name}: expected a string, got `{other}`")),
    };
    let rule = Rule {
        text: text("rule")?,
        time: text("time")?,
        zone: text("tz")?,
        anchor: None,
    };
    let now = instant(&text("now")?).map_err(|reason| format!("now: {reason}"))?;
    Ok((rule, now))
}
