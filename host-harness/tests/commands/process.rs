//! The binary as a process: run to its end, or serving until it is told to stop.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Past this, what a test waits for is not coming.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// The fixture that README.md and docs/api.md use.
pub fn fixture() -> String {
    root().join("tests/data/bigevents.json").display().to_string()
}

/// What a host with a mail server says of its mails.
pub const MAILING: [&str; 4] = [
    "--mail-from",
    "Big Events <exports@tickets.example>",
    "--base-url",
    "https://tickets.example",
];

/// The binary, with a log that no variable of the caller changes.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    for variable in [
        "SMTP",
        "SMTP_PASSWORD",
        "SMTP_PASSWORD_FILE",
        "MAIL_FROM",
        "BASE_URL",
        "URL",
        "TOKEN",
        "TOKEN_FILE",
    ] {
        command.env_remove(format!("HARNESS_{variable}"));
    }
    command
}

/// What a command left when it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Standard output of a command that went well and said nothing on standard error.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// The one sentence of a command that failed.
    #[track_caller]
    pub fn sentence(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        let sentence = self.err.strip_prefix("harness: ").expect("the prefix of a sentence");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        sentence.trim_end()
    }
}

/// Runs a command to its end.
pub fn harness<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ended {
    harness_in(Path::new("."), arguments, "")
}

/// The same in a folder, with standard input.
pub fn harness_in<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>, input: &str) -> Ended {
    let mut command = command();
    command.current_dir(folder).args(arguments);
    run(command, input)
}

/// Runs any command to its end, with standard input.
pub fn run(mut command: Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // Beside the reading: both ends have buffers of limited size. A command that reads nothing closes its end.
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let ended = child.wait_with_output().expect("the command ends");
    writing.join().expect("the input is written");
    Ended {
        code: ended.status.code(),
        out: String::from_utf8(ended.stdout).expect("text"),
        err: String::from_utf8(ended.stderr).expect("text"),
    }
}

/// A store of the fixture's platform, whose schedules are planned from `now`.
pub fn seeded(now: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    harness(["seed", "--data", &data, "--fixture", &fixture(), "--now", now]).well();
    folder
}

/// The log of one or more processes, in the order of its coming.
pub struct Log {
    lines: Receiver<String>,
    sender: Sender<String>,
    /// What was read so far.
    pub seen: Vec<String>,
}

impl Log {
    pub fn new() -> Self {
        let (sender, lines) = channel();
        Self {
            lines,
            sender,
            seen: Vec::new(),
        }
    }

    /// Waits for a line, not yet seen, that holds all of `words`.
    #[track_caller]
    pub fn wait_for(&mut self, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {words:?} came: {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// All lines so far.
    pub fn all(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }
}

/// `harness serve`. Killed if it is dropped while it runs.
pub struct Serving {
    child: Child,
    output: Receiver<String>,
    pub url: String,
}

impl Serving {
    /// Starts it on a free port, and waits until it says which.
    #[track_caller]
    pub fn start(log: &Log, data: &Path, more: &[&str]) -> Self {
        Self::start_in(Path::new("."), log, data, more)
    }

    #[track_caller]
    pub fn start_in(folder: &Path, log: &Log, data: &Path, more: &[&str]) -> Self {
        let data = data.to_str().expect("text");
        Self::spawn(folder, log, [&["--data", data], more].concat())
    }

    /// The same with this umask.
    #[track_caller]
    pub fn start_with_umask(umask: &str, log: &Log, data: &Path, more: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_harness")).env_remove("RUST_LOG");
        let data = data.to_str().expect("text");
        Self::spawn_by(shell, Path::new("."), log, [&["--data", data], more].concat())
    }

    /// The same on a database, with mails to a server.
    #[track_caller]
    pub fn on_database(log: &Log, url: &str, smtp: &str, more: &[&str]) -> Self {
        let store = ["--database", url, "--smtp", smtp];
        Self::spawn(Path::new("."), log, [&store[..], &MAILING, more].concat())
    }

    /// The same as [`Serving::start`], with this soft and this hard limit of open files.
    #[track_caller]
    pub fn with_open_files((soft, hard): (u32, u32), log: &Log, data: &Path, more: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_harness")]);
        shell.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
        let data = data.to_str().expect("text");
        Self::spawn_by(shell, Path::new("."), log, [&["--data", data], more].concat())
    }

    #[track_caller]
    fn spawn(folder: &Path, log: &Log, arguments: Vec<&str>) -> Self {
        Self::spawn_by(command(), folder, log, arguments)
    }

    #[track_caller]
    fn spawn_by(mut command: Command, folder: &Path, log: &Log, arguments: Vec<&str>) -> Self {
        let mut child = command
            .current_dir(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("a pipe");
        let to_log = log.sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = to_log.send(line);
            }
        });
        let stdout = child.stdout.take().expect("a pipe");
        let (said, output) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        match output.recv_timeout(PATIENCE) {
            Ok(url) => Self { child, output, url },
            Err(error) => {
                let _ = child.kill();
                panic!("serve did not say where it listens: {error}");
            }
        }
    }

    /// Sends a signal by name, waits for the end, and answers the exit code and how long it took.
    #[track_caller]
    pub fn end(mut self, signal: &str) -> (Option<i32>, Duration) {
        let began = Instant::now();
        // The shell's own `kill`: there is no package to install for it.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {}", self.child.id())])
            .status();
        assert!(sent.expect("a shell").success());
        // Standard output closes when the process ends.
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("serve goes on after {signal}"),
            }
        }
        (self.child.wait().expect("its end").code(), began.elapsed())
    }

    /// An answer of its API: status and body.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, credentials: &str, body: Option<&Value>) -> (u16, Value) {
        request(&self.url, method, path, credentials, body)
    }
}

/// An answer of the API at this address: status and body.
#[track_caller]
pub fn request(url: &str, method: &str, path: &str, credentials: &str, body: Option<&Value>) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{url}/api/v1/organizers/{path}");
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if !credentials.is_empty() {
        request = request.header("Authorization", credentials);
    }
    let body = body.map(Value::to_string);
    if body.is_some() {
        request = request.header("Content-Type", "application/json");
    }
    let request = request.body(body.unwrap_or_default()).expect("a request");
    let mut answer = agent.run(request).expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.body_mut().read_to_string().expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
