//! A private PostgreSQL server: in a temporary folder, on a socket in that folder, gone with the process that started it.
//!
//! The programs are those of `HARNESS_PG_BIN`, of `PATH`, or of `/usr/lib/postgresql`. Where there are none, tests that need
//! them say so on stderr and end; with `CI` set, one test of this module fails.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The user that everything in the server belongs to. Whoever reaches the socket is let in.
const SUPERUSER: &str = "harness";

/// What every test's server runs with: nothing of it outlives the machine, so nothing waits for a disk. What was committed
/// survives [`Stop::Immediate`] all the same.
pub const FORGETFUL: &[(&str, &str)] = &[("fsync", "off"), ("full_page_writes", "off")];

/// Waits until its input ends, which is when the process that started it does, however that happens. Then it ends the server and
/// removes the folder.
const KEEPER: &str = r#"trap '' INT TERM HUP
read -r _
server=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null) && kill -CONT "$server" 2>/dev/null
"$1/pg_ctl" stop -s -m immediate -D "$2/data" >/dev/null 2>&1
rm -rf "$2""#;

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Connections are ended, what is committed is written out.
    Fast,
    /// At once, as by a crash: it recovers when it starts again.
    Immediate,
}

/// A server and its folder. Dropped, both are gone.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    /// Whom the server runs as, if not as us: it refuses root.
    user: Option<(u32, u32)>,
    settings: String,
    keeper: Child,
    databases: AtomicU64,
}

impl PostgresServer {
    /// The one server that all tests of this process share, with [`FORGETFUL`] settings; each makes a database of its own. None:
    /// there are no server programs here, which has been said on stderr.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();
        SHARED.get_or_init(|| Self::launch(FORGETFUL)).as_ref()
    }

    /// A server of one's own, with these settings beside the defaults: one that is to be stopped, paused, or durable. None as
    /// with [`PostgresServer::shared`].
    ///
    /// # Panics
    /// Where the programs are there and do not work.
    #[must_use]
    pub fn launch(settings: &[(&str, &str)]) -> Option<Self> {
        Self::launch_with(settings, &[])
    }

    /// The same with files in its folder of data, by name and content, as a certificate is.
    ///
    /// # Panics
    /// As [`PostgresServer::launch`].
    #[must_use]
    pub fn launch_with(settings: &[(&str, &str)], files: &[(&str, &str)]) -> Option<Self> {
        let Some(programs) = programs() else {
            say_missing();
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let ours = std::fs::metadata(&folder).expect("the folder is there").uid();
        let user = (ours == 0).then(unprivileged);
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("root gives its folder away");
        }
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(&programs).arg(&folder);
        // A group of its own: what interrupts the tests from the terminal is not for it.
        keeper.process_group(0).current_dir("/");
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self {
            keeper: run_as(&mut keeper, user).spawn().expect("sh can be started"),
            settings: options(&folder, settings),
            programs,
            folder,
            user,
            databases: AtomicU64::new(0),
        };
        server.initialize();
        for (name, content) in files {
            server.put(name, content);
        }
        server.start();
        Some(server)
    }

    fn initialize(&mut self) {
        let made = self
            .program("initdb")
            .args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions", "--pgdata"])
            .arg(self.folder.join("data"))
            .output();
        self.expect("initdb", made);
    }

    /// Puts a file into the folder of data that nobody but the server's user reads.
    fn put(&self, name: &str, content: &str) {
        let file = self.folder.join("data").join(name);
        std::fs::write(&file, content).expect("the folder can be written");
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its own file");
        if let Some((uid, gid)) = self.user {
            chown(&file, Some(uid), Some(gid)).expect("root gives its file away");
        }
    }

    /// Starts it again after a [`PostgresServer::stop`]; answers when it takes connections.
    ///
    /// # Panics
    /// If it does not start; with its log.
    pub fn start(&self) {
        let started = self
            .program("pg_ctl")
            .args(["start", "-s", "-w", "-t", "60", "-o", &self.settings, "-D"])
            .arg(self.folder.join("data"))
            .arg("-l")
            .arg(self.folder.join("log"))
            .output();
        self.expect("pg_ctl start", started);
    }

    /// Stops it; answers when it is gone.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(&self, how: Stop) {
        let how = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let stopped = self
            .program("pg_ctl")
            .args(["stop", "-s", "-w", "-t", "60", "-m", how, "-D"])
            .arg(self.folder.join("data"))
            .output();
        self.expect("pg_ctl stop", stopped);
    }

    /// Makes the server and its connections stand still until what is answered is dropped: as of a machine that hangs, nobody
    /// hears a word.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pause(&self) -> Paused<'_> {
        self.signal("STOP");
        Paused(self)
    }

    /// Signals the server, which then starts no other process, or does again, and each process of it that is still there.
    fn signal(&self, name: &str) {
        let data = self.folder.join("data/postmaster.pid");
        let pid = std::fs::read_to_string(data).expect("the server runs");
        let server = pid.lines().next().expect("its number is in the first line");
        let done = self.kill(name, server);
        self.expect("kill", done);
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let _ = self.kill(name, child);
        }
    }

    fn kill(&self, name: &str, process: &str) -> std::io::Result<Output> {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$0\" \"$1\"", name, process]);
        run_as(&mut kill, self.user).output()
    }

    /// Where a database is, for `--database` and every other client.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}@localhost/{database}?host={}",
            self.folder.display()
        )
    }

    /// Makes a database that has nothing in it and that nobody else has; answers its URL.
    ///
    /// # Panics
    /// If the server is stopped.
    #[must_use]
    pub fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed) + 1);
        self.sql("postgres", &format!("create database {name} template template0"));
        self.url(&name)
    }

    /// Has the server do what a client of its own may do, and answers what that says: one row a line, columns between `|`.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let said = self
            .program("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .arg(self.url(database))
            .output();
        self.expect("psql", said)
    }

    /// What the server has written down.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.stdin(Stdio::null()).current_dir("/").env("LC_ALL", "C");
        run_as(&mut command, self.user);
        command
    }

    fn expect(&self, what: &str, done: std::io::Result<Output>) -> String {
        match done {
            Ok(done) if done.status.success() => String::from_utf8_lossy(&done.stdout).into_owned(),
            Ok(done) => panic!(
                "{what}: {}{}\n{}",
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr),
                self.log()
            ),
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It ends by itself; waiting for it is only so that the folder is gone when the server is.
        let _ = self.keeper.wait();
    }
}

/// While it is there, its server stands still.
#[derive(Debug)]
pub struct Paused<'a>(&'a PostgresServer);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.signal("CONT");
    }
}

/// The folder of `initdb`, `pg_ctl` and the rest.
fn programs() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .iter()
            .all(|one| folder.join(one).is_file())
    };
    if let Some(named) = std::env::var_os("HARNESS_PG_BIN") {
        return Some(PathBuf::from(named)).filter(complete);
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&in_path)
        .chain(versions.into_iter().rev().map(|(_, folder)| folder))
        .find(complete)
}

/// Says it past the capture of test output, once a process.
fn say_missing() {
    static SAID: OnceLock<()> = OnceLock::new();
    SAID.get_or_init(|| {
        let _ = writeln!(
            std::io::stderr(),
            "\n*** NOT TESTED: the PostgreSQL store. There are no server programs in HARNESS_PG_BIN, PATH or \
             /usr/lib/postgresql (Debian: apt-get install postgresql).\n"
        );
    });
}

/// Settings as arguments of the server.
fn options(folder: &Path, settings: &[(&str, &str)]) -> String {
    let folder = folder.to_str().expect("a temporary folder's name is text");
    let defaults = [
        ("listen_addresses", ""),
        ("unix_socket_directories", folder),
        ("max_connections", "300"),
        ("shared_buffers", "32MB"),
        ("log_min_messages", "warning"),
    ];
    defaults
        .iter()
        .chain(settings)
        .map(|(name, value)| format!("-c {name}='{value}' "))
        .collect()
}

/// A user that is not root: number and group of `postgres` or `nobody`.
fn unprivileged() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let numbers = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let (uid, gid) = (fields.nth(1)?, fields.next()?);
            (name == wanted).then_some(())?;
            Some((uid.parse().ok()?, gid.parse().ok()?))
        })
    };
    numbers("postgres")
        .or_else(|| numbers("nobody"))
        .unwrap_or((65534, 65534))
}

fn run_as(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_ci_runs_the_postgresql_store_is_tested() {
        if std::env::var_os("CI").is_some() {
            assert!(
                PostgresServer::shared().is_some(),
                "CI has no PostgreSQL server programs"
            );
        }
    }

    #[test]
    fn a_server_keeps_what_is_committed_when_it_crashes_and_leaves_nothing_behind() {
        let Some(server) = PostgresServer::launch(FORGETFUL) else {
            return;
        };
        let folder = server.folder.clone();
        server.sql("postgres", "create table kept (n int); insert into kept values (7)");
        server.stop(Stop::Immediate);
        server.start();
        assert_eq!(server.sql("postgres", "select n from kept").trim(), "7");
        assert_ne!(server.new_database(), server.new_database());
        drop(server.pause());
        server.stop(Stop::Fast);
        server.start();
        drop(server);
        assert!(!folder.exists());
    }
}
