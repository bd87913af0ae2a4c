//! One of the builds or stores that are measured: its program, and a host of it at work.

use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::load;
use super::process;
use super::sample::Sample;
use super::worker::{Ask, Told};
use host_harness::command::{Failure, failed};

/// Time in which a host that was started has come to rest.
const TO_REST: Duration = Duration::from_millis(500);

/// The command of either build that serves the API, and says where.
const WORKER: &str = "bench-worker";

/// A build on a store.
#[derive(Clone)]
pub struct Side {
    pub name: String,
    pub program: PathBuf,
    /// An empty PostgreSQL database; none: SQLite, in the folder.
    pub database: Option<String>,
}

/// How a host starts.
pub struct Start {
    pub first_answer: Sample,
    /// MiB, once it does nothing.
    pub idle: Option<f64>,
}

impl Side {
    fn spawn(&self, command: &str, folder: &Path) -> Result<Child, Failure> {
        Command::new(&self.program)
            .arg(command)
            .arg("--data")
            .arg(folder)
            .args(self.database.iter().flat_map(|url| ["--database", url]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env("RUST_LOG", "error")
            .spawn()
            .map_err(|reason| failed(format!("could not start {}", self.program.display()))(&reason))
    }

    /// A host on a filled store, from its start to its first answer.
    pub fn start(&self, folder: &Path, request: &[u8]) -> Result<Start, Failure> {
        let began = Instant::now();
        let mut host = Killed(self.spawn(WORKER, folder)?);
        let out = host.0.stdout.take().expect("it was asked for");
        let address = address(&mut BufReader::new(out))?;
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        let mut more = [0; 4096];
        let status = loop {
            let read = stream.read(&mut more)?;
            answer.extend_from_slice(&more[..read]);
            match load::head(&answer) {
                Some((status, length)) if answer.len() >= length => break status,
                _ if read == 0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                _ => {}
            }
        };
        let took = began.elapsed();
        if status != 200 {
            return Err(Failure::Sentence(format!(
                "{}: first response had status {status}",
                self.name
            )));
        }
        let cpu_seconds = process::cpu_seconds(host.0.id());
        std::thread::sleep(TO_REST);
        Ok(Start {
            first_answer: Sample {
                done: 1,
                seconds: took.as_secs_f64(),
                cpu_seconds,
                micros: vec![took.as_secs_f64() * 1e6],
            },
            idle: process::memory(host.0.id(), "VmRSS"),
        })
    }

    /// A host that serves the API and does what it is asked to.
    pub fn work(&self, folder: &Path) -> Result<Host, Failure> {
        let mut child = Killed(self.spawn(WORKER, folder)?);
        let input = child.0.stdin.take().expect("it was asked for");
        let mut output = BufReader::new(child.0.stdout.take().expect("it was asked for"));
        let address = address(&mut output)?;
        Ok(Host {
            address,
            child,
            input,
            output,
        })
    }
}

/// What a started host says first: where it is.
fn address(output: &mut BufReader<ChildStdout>) -> Result<SocketAddr, Failure> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.parse().ok());
    address.ok_or_else(|| Failure::Sentence(format!("could not read the host's address: {line:?}")))
}

/// A worker.
pub struct Host {
    pub address: SocketAddr,
    child: Killed,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Host {
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Has it measure something inside of it.
    pub fn ask(&mut self, ask: &Ask) -> Result<Vec<Told>, Failure> {
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        self.input.write_all(line.as_bytes())?;
        line.clear();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|reason| failed("a measured host exited early")(&reason))
    }
}

/// A process that ends with its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already; either way there is nothing more to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
