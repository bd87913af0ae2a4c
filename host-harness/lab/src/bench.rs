//! `harness-lab bench`: what the whole system does in a second, and two builds compared in one run.

mod load;
pub mod process;
mod report;
mod sample;
mod side;
mod worker;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use scheduled_exports_test_servers::postgres::PostgresServer;
use serde_json::Value;

use self::load::Load;
use self::report::{Memory, Report, Row};
use self::sample::Sample;
use self::side::{Host, Side};
pub use self::worker::Worker;
use self::worker::{Ask, LIST, LISTED, NEW, Told, document, request};
use super::chaos::{NO_SERVER, TEMPORARY};
use host_harness::command::{Failure, Output, failed, say};

/// Turns that each side has at each row, one after the other: what else the machine does then meets both.
const ROUNDS: u32 = 4;
/// Before each row, so that caches are warm.
const WARM: Duration = Duration::from_millis(100);
const CONNECTIONS: [usize; 2] = [2, 64];
/// Bytes that are written before each `fdatasync`: a page of the store.
const PAGE: usize = 4096;
const SYNCS: usize = 50;

/// Benchmark a host on a fresh store: requests, runs, the component, start and memory.
#[derive(Args)]
#[command(
    after_help = "Use a release build. With --against, both sides are measured in turn for each row.\n\nExamples:\n  harness-lab bench\n  harness-lab bench --against ./harness-lab-of-before --json\n  harness-lab bench --against ./harness-lab-of-before --database temporary\n  harness-lab bench --against temporary"
)]
pub struct Bench {
    /// Compare with another build of this program, or with this build on another store (database URL or `temporary`)
    #[arg(long, value_name = "FILE|URL|temporary")]
    against: Option<String>,
    /// Measure on PostgreSQL instead of a fresh SQLite store: the URL of an empty database, or `temporary` to start a private
    /// server, which is as durable as its defaults are
    #[arg(long, value_name = "URL|temporary")]
    database: Option<String>,
    /// Directory for temporary stores [default: the system's temporary directory]. A RAM disk measures no
    /// disk I/O
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Seconds to measure each request row per side
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Measure only rows whose name contains WORD
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Bench {
    pub async fn run(self) -> Result<(), Failure> {
        // All that follows waits for processes and threads of its own.
        tokio::task::block_in_place(|| self.measure())
    }

    fn measure(self) -> Result<(), Failure> {
        let began = Instant::now();
        let own = std::env::current_exe()?;
        let server = self.server()?;
        let database = |named: &String| match &server {
            Some(server) if named == TEMPORARY => server.new_database(),
            _ => named.clone(),
        };
        let mut sides = Vec::new();
        if let Some(against) = &self.against {
            let (program, database) = if is_database(against) {
                (own.clone(), Some(database(against)))
            } else {
                let program = std::fs::canonicalize(against)
                    .map_err(|reason| failed(format!("could not use {against}"))(&reason))?;
                // Two builds on the same kind of store, each on one of its own.
                if self.database.as_ref().is_some_and(|named| named != TEMPORARY) {
                    return Err(Failure::Sentence(
                        "comparing two builds needs one database each; use --database temporary".into(),
                    ));
                }
                (program, self.database.as_ref().map(database))
            };
            sides.push(Side {
                name: "that".into(),
                program,
                database,
            });
        }
        sides.push(Side {
            name: "this".into(),
            program: own,
            database: self.database.as_ref().map(database),
        });
        let at = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        let folders: Vec<tempfile::TempDir> = sides
            .iter()
            .map(|_| tempfile::tempdir_in(&at))
            .collect::<Result<_, _>>()?;

        let mut report = Report {
            sides: sides.iter().map(|side| side.name.clone()).collect(),
            rows: Vec::new(),
            memory: Vec::new(),
            client: None,
            seconds: 0.0,
        };
        let hosts = sides
            .iter()
            .zip(&folders)
            .map(|(side, folder)| side.work(folder.path()));
        let mut hosts: Vec<Host> = hosts.collect::<Result<_, _>>()?;
        self.requests(&mut hosts, &mut report)?;
        if self.wants("fdatasync") {
            let sync = synced(&at)?;
            report.rows.push(Row {
                name: "write and fdatasync of 4 KiB on this disk".into(),
                sides: vec![sync; hosts.len()],
            });
        }
        if self.wants("run, ") {
            // The first of a day open connections and prepare statements: what comes every day is measured.
            for host in &mut hosts {
                host.ask(&Ask::Runs)?;
            }
            self.asked(&mut hosts, &mut report, &Ask::Runs, ROUNDS)?;
        }
        if self.wants("next run") {
            self.asked(&mut hosts, &mut report, &Ask::Component, 1)?;
        }
        report.memory.push(Memory {
            name: "peak memory",
            sides: hosts.iter().map(|host| process::memory(host.id(), "VmHWM")).collect(),
        });
        drop(hosts);
        if self.wants("start") {
            starts(&sides, &folders, &mut report)?;
        }
        report.seconds = began.elapsed().as_secs_f64();
        if self.output.json {
            say(report.json())
        } else {
            say(report.text())
        }
    }

    /// The server that is started for this, if one is.
    fn server(&self) -> Result<Option<PostgresServer>, Failure> {
        if [&self.against, &self.database]
            .into_iter()
            .flatten()
            .all(|named| named != TEMPORARY)
        {
            return Ok(None);
        }
        let server = PostgresServer::launch(&[]);
        server.map(Some).ok_or_else(|| Failure::Sentence(NO_SERVER.into()))
    }

    fn wants(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|word| name.contains(word.as_str()) || word.contains(name))
    }

    fn requests(&self, hosts: &mut [Host], report: &mut Report) -> Result<(), Failure> {
        let one = |id: u64| format!("{LIST}{id}/");
        let created = Value::Object(document("xlsx", "20990101", "04:00:00")).to_string();
        let loads = [
            (
                "list of 50",
                Load::new(
                    (1..=20).map(|page| request("GET", &format!("{LIST}?page={page}"), "")),
                    200,
                ),
            ),
            (
                "get",
                Load::new((1..=LISTED).map(|id| request("GET", &one(id), "")), 200),
            ),
            (
                "patch",
                Load::new(
                    (1..=LISTED).map(|id| request("PATCH", &one(id), r#"{"mail_subject":"Order list, changed"}"#)),
                    200,
                ),
            ),
            ("create", Load::new([request("POST", NEW, &created)], 201)),
        ];
        let (mut asked, own) = (0, process::cpu_seconds(std::process::id()));
        for (name, load) in &loads {
            for connections in CONNECTIONS {
                let name = format!("{name}, {connections} connections");
                if !self.wants(&name) {
                    continue;
                }
                let length = Duration::from_secs_f64(self.seconds / f64::from(ROUNDS));
                let mut row = Row {
                    name,
                    sides: vec![Sample::default(); hosts.len()],
                };
                for host in &*hosts {
                    asked += load.press(host.address, connections, WARM)?.done;
                }
                for _ in 0..ROUNDS {
                    for (host, sum) in hosts.iter().zip(&mut row.sides) {
                        let before = process::cpu_seconds(host.id());
                        let mut sample = load.press(host.address, connections, length)?;
                        let after = process::cpu_seconds(host.id());
                        sample.cpu_seconds = after.zip(before).map(|(after, before)| after - before);
                        asked += sample.done;
                        sum.add(sample);
                    }
                }
                report.rows.push(row);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "far under 2^53")]
        let each = |seconds: f64| seconds * 1e6 / asked.max(1) as f64;
        report.client = process::cpu_seconds(std::process::id())
            .zip(own)
            .filter(|_| asked > 0)
            .map(|(after, before)| each(after - before));
        Ok(())
    }

    /// Rows that the hosts measure themselves.
    fn asked(&self, hosts: &mut [Host], report: &mut Report, ask: &Ask, rounds: u32) -> Result<(), Failure> {
        let mut rows: Vec<Row> = Vec::new();
        let sides = hosts.len();
        for _ in 0..rounds {
            for (side, host) in hosts.iter_mut().enumerate() {
                for (place, Told { name, sample }) in host.ask(ask)?.into_iter().enumerate() {
                    if rows.len() == place {
                        rows.push(Row {
                            name,
                            sides: vec![Sample::default(); sides],
                        });
                    }
                    rows[place].sides[side].add(sample);
                }
            }
        }
        report.rows.extend(rows);
        Ok(())
    }
}

/// Does `--against` name a database, and not a program?
fn is_database(against: &str) -> bool {
    against == TEMPORARY || (against.starts_with("postgres") && against.contains("://"))
}

fn starts(sides: &[Side], folders: &[tempfile::TempDir], report: &mut Report) -> Result<(), Failure> {
    let request = request("GET", &format!("{LIST}1/"), "");
    let mut row = Row {
        name: "start to first answer".into(),
        sides: vec![Sample::default(); sides.len()],
    };
    let mut idle = vec![None; sides.len()];
    for _ in 0..ROUNDS {
        for (place, (side, folder)) in sides.iter().zip(folders).enumerate() {
            let start = side.start(folder.path(), &request)?;
            row.sides[place].add(start.first_answer);
            idle[place] = start.idle;
        }
    }
    report.rows.push(row);
    report.memory.push(Memory {
        name: "idle memory",
        sides: idle,
    });
    Ok(())
}

/// What a durable write costs at least, here.
fn synced(folder: &Path) -> Result<Sample, Failure> {
    let mut file = tempfile::tempfile_in(folder)?;
    let began = Instant::now();
    let mut sample = Sample::default();
    for _ in 0..SYNCS {
        let one = Instant::now();
        file.write_all(&[0; PAGE])?;
        file.sync_data()?;
        sample.micros.push(one.elapsed().as_secs_f64() * 1e6);
    }
    sample.done = sample.micros.len() as u64;
    sample.seconds = began.elapsed().as_secs_f64();
    Ok(sample)
}
