//! What came of a bench, for people and for machines.

use serde_json::{Value, json};

use super::sample::Sample;
use host_harness::command::table::table;

/// One thing that was measured, of each side in their order.
pub struct Row {
    pub name: String,
    pub sides: Vec<Sample>,
}

/// Memory in MiB, of each side in their order.
pub struct Memory {
    pub name: &'static str,
    pub sides: Vec<Option<f64>>,
}

/// All that was measured.
pub struct Report {
    pub sides: Vec<String>,
    pub rows: Vec<Row>,
    pub memory: Vec<Memory>,
    /// Processor time of the clients for one request, in microseconds.
    pub client: Option<f64>,
    pub seconds: f64,
}

impl Report {
    /// A line for each row; with two sides a line for each of them, and how much more the second does in a second.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for row in &self.rows {
            let first = row.sides.first().map_or(0.0, Sample::per_second);
            for (place, (side, sample)) in self.sides.iter().zip(&row.sides).enumerate() {
                let mut line = vec![row.name.clone()];
                if self.sides.len() > 1 {
                    line.push(side.clone());
                }
                line.push(figure(sample.per_second()));
                line.push(figure(sample.each()));
                for share in [0.5, 0.99] {
                    line.push(sample.quantile(share).map_or_else(|| "-".into(), figure));
                }
                line.push(sample.cpu().map_or_else(|| "-".into(), figure));
                if self.sides.len() > 1 {
                    line.push(match place {
                        0 => String::new(),
                        _ if first > 0.0 => format!("x {:.2}", sample.per_second() / first),
                        _ => "-".into(),
                    });
                }
                lines.push(line);
            }
        }
        let headings: &[&str] = if self.sides.len() > 1 {
            &[
                "what", "of", "a second", "each, us", "p50, us", "p99, us", "CPU, us", "ratio",
            ]
        } else {
            &["what", "a second", "each, us", "p50, us", "p99, us", "CPU, us"]
        };
        let mut text = table(headings, &lines);
        for memory in &self.memory {
            let sides = self.sides.iter().zip(&memory.sides).map(|(side, mib)| {
                let mib = mib.map_or_else(|| "-".into(), |mib| format!("{mib:.1} MiB"));
                if self.sides.len() > 1 {
                    format!("{side} {mib}")
                } else {
                    mib
                }
            });
            let sides: Vec<String> = sides.collect();
            text.push_str(&format!("{}: {}\n", memory.name, sides.join(", ")));
        }
        if let Some(client) = self.client {
            text.push_str(&format!(
                "load clients on this machine used {} us of CPU per request\n",
                figure(client)
            ));
        }
        text.push_str(&format!("measured in {:.0} s", self.seconds));
        text
    }

    pub fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "done": sample.done, "seconds": sample.seconds, "per_second": sample.per_second(), "each_us": sample.each(),
                "p50_us": sample.quantile(0.5), "p99_us": sample.quantile(0.99), "cpu_us": sample.cpu(),
            })
        };
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| json!({"what": row.name, "sides": row.sides.iter().map(sample).collect::<Vec<_>>()}))
            .collect();
        let memory: Vec<Value> = self
            .memory
            .iter()
            .map(|memory| json!({"what": memory.name, "mib": memory.sides}))
            .collect();
        json!({
            "sides": self.sides, "rows": rows, "memory": memory, "client_cpu_us": self.client, "seconds": self.seconds,
        })
    }
}

/// Three digits that say something.
fn figure(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_are_shown_with_their_ratio_and_one_without() {
        let of = |done| Sample {
            done,
            seconds: 1.0,
            ..Sample::default()
        };
        let mut report = Report {
            sides: vec!["old".into(), "new".into()],
            rows: vec![Row {
                name: "get".into(),
                sides: vec![of(100), of(250)],
            }],
            memory: vec![Memory {
                name: "idle",
                sides: vec![Some(50.0), None],
            }],
            client: Some(10.0),
            seconds: 2.0,
        };
        let text = report.text();
        assert!(
            text.contains("x 2.50") && text.contains("idle: old 50.0 MiB, new -"),
            "{text}"
        );
        report.sides.truncate(1);
        assert!(!report.text().contains("x 2.50"), "{}", report.text());
    }
}
