//! Where a database is, and how it is reached: the URL of `libpq`, with its environment variables and password file.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, Check, Files};

/// What counts where the URL does not say otherwise.
const ENVIRONMENT: [(&str, &str); 13] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];
/// Where servers have their sockets.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
const PORT: &str = "5432";

/// Why an address is none. It does not have the URL in it, which can hold a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(pub(super) String);

/// A database's address. As text, it is without the password.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.config.get_ports();
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            if place > 0 {
                f.write_char(',')?;
            }
            match host {
                Host::Tcp(host) if host.contains(':') => write!(f, "[{host}]")?,
                Host::Tcp(host) => f.write_str(host)?,
                Host::Unix(folder) => write!(f, "{}", folder.display())?,
            }
            if let (Host::Tcp(_), Some(port)) = (host, ports.get(place).or(ports.first())) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl Address {
    /// Reads a URL: `postgres://[USER[:PASSWORD]@][HOST[:PORT],…][/NAME][?KEY=VALUE&…]`, with the keys of `libpq`. What it does not
    /// say is taken from the environment and the password file, as `libpq` does it.
    ///
    /// # Errors
    /// It is no such URL, or a file that it names can't be read.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let mut said = parts(url)?;
        for (key, variable) in ENVIRONMENT {
            if let (false, Ok(value)) = (said.contains_key(key), std::env::var(variable)) {
                said.insert(key.to_owned(), value);
            }
        }
        Self::of(said)
    }

    fn of(mut said: BTreeMap<String, String>) -> Result<Self, AddressError> {
        said.entry("application_name".to_owned())
            .or_insert_with(|| "harness".to_owned());
        if !said.contains_key("host") && !said.contains_key("hostaddr") {
            let port = said.get("port").map_or(PORT, String::as_str);
            let listens = |folder: &&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
            let host = SOCKETS.into_iter().find(listens).unwrap_or("localhost").to_owned();
            said.insert("host".to_owned(), host);
        }
        let passwords = said.remove("passfile").map(PathBuf::from).or_else(password_file);
        let (mode, check) = encryption(&said)?;
        said.insert("sslmode".to_owned(), mode.to_owned());
        let [roots, certificate, key] =
            ["sslrootcert", "sslcert", "sslkey"].map(|key| said.remove(key).map(PathBuf::from));
        let files = Files {
            roots: roots.as_deref().filter(|file| *file != Path::new("system")),
            own: match (&certificate, &key) {
                (Some(certificate), Some(key)) => Some((certificate, key)),
                (None, None) => None,
                _ => return Err(AddressError("`sslcert` and `sslkey` go together".to_owned())),
            },
        };
        let tls = tls::connector(check, &files)?;
        let mut config = config(&said)?;
        if config.get_password().is_none()
            && let Some(password) = passwords.and_then(|file| looked_up(&file, &config))
        {
            config.password(password);
        }
        Ok(Self { config, tls })
    }

    /// With these settings of the server on each connection, where the URL names none of theirs.
    #[must_use]
    pub fn with_defaults<'s>(self, settings: impl IntoIterator<Item = &'s (&'s str, &'s str)>) -> Self {
        let said = self.config.get_options().unwrap_or_default().to_owned();
        let unsaid = settings.into_iter().filter(|(name, _)| !said.contains(name));
        unsaid.fold(self, |address, setting| address.with(*setting))
    }

    /// With this setting of the server on each connection, whatever the URL says: of two values, the later counts.
    #[must_use]
    pub fn with(mut self, (name, value): (&str, &str)) -> Self {
        let said = self.config.get_options().unwrap_or_default();
        let options = format!("{said} -c {name}={value}");
        self.config.options(options.trim_start());
        self
    }
}

/// What a URL says, by the keys of `libpq`; what its end says counts before its beginning.
fn parts(url: &str) -> Result<BTreeMap<String, String>, AddressError> {
    let rest = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .ok_or_else(|| AddressError("it does not begin with postgres://".to_owned()))?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    if path.contains('@') || query.contains('@') {
        let words = "`/`, `?` and `@` in a user or password have to be written as %2F, %3F and %40";
        return Err(AddressError(words.to_owned()));
    }
    let (user, password) = match user.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (user, None),
    };
    let mut said = BTreeMap::new();
    let mut say = |key: &str, value: &str| -> Result<(), AddressError> {
        if !value.is_empty() {
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| AddressError(format!("`{key}` is not UTF-8")))?;
            said.insert(key.to_owned(), value.into_owned());
        }
        Ok(())
    };
    say("user", user)?;
    say("password", password.unwrap_or_default())?;
    say("dbname", path.trim_start_matches('/'))?;
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(name);
        ports.push(if port.is_empty() { PORT } else { port });
    }
    say("host", &names.join(","))?;
    if names.iter().any(|name| !name.is_empty()) || ports.iter().any(|port| *port != PORT) {
        say("port", &ports.join(","))?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        say(key, value)?;
    }
    // Ports of hosts that others have taken the place of.
    let hosts = said.get("host").map_or(0, |hosts| hosts.split(',').count());
    if said
        .get("port")
        .is_some_and(|ports| ports.contains(',') && ports.split(',').count() != hosts)
    {
        said.remove("port");
    }
    Ok(said)
}

/// How far connections are encrypted, and what is asked of the server's certificate. As with `libpq`, an authority that is named is
/// also looked for where only encryption was required.
fn encryption(said: &BTreeMap<String, String>) -> Result<(&'static str, Check), AddressError> {
    let named = said.contains_key("sslrootcert");
    Ok(match said.get("sslmode").map_or("prefer", String::as_str) {
        "disable" => ("disable", Check::Nothing),
        "allow" | "prefer" => ("prefer", Check::Nothing),
        "require" if named => ("require", Check::Authority),
        "require" => ("require", Check::Nothing),
        "verify-ca" => ("require", Check::Authority),
        "verify-full" => ("require", Check::Host),
        _ => {
            let words = "`sslmode` is one of disable, allow, prefer, require, verify-ca and verify-full";
            return Err(AddressError(words.to_owned()));
        }
    })
}

/// Reads the rest, which the client library knows.
fn config(said: &BTreeMap<String, String>) -> Result<Config, AddressError> {
    let mut words = String::new();
    for (key, value) in said {
        // Not part of a password, whatever the URL was meant to be.
        if !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(AddressError("one of its keys is none".to_owned()));
        }
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        let _ = write!(words, "{key}='{value}' ");
    }
    Config::from_str(&words).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        AddressError(cause.unwrap_or_else(|| error.to_string()))
    })
}

fn password_file() -> Option<PathBuf> {
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    named.or_else(|| Some(std::env::home_dir()?.join(".pgpass")))
}

/// Finds the password in a file of lines `HOST:PORT:DATABASE:USER:PASSWORD`, where `*` is any. One that others can read is passed over.
fn looked_up(file: &Path, config: &Config) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %file.display(), "the password file is not used, as others can read it: chmod 0600");
        return None;
    }
    let user = config.get_user()?;
    let host = match config.get_hosts().first()? {
        Host::Tcp(host) => host.clone(),
        Host::Unix(_) => "localhost".to_owned(),
    };
    let port = config.get_ports().first().map_or(PORT.to_owned(), ToString::to_string);
    let wanted = [&host, &port, config.get_dbname().unwrap_or(user), user];
    let lines = std::fs::read_to_string(file).ok()?;
    lines.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let (password, keys) = fields.split_last()?;
        let fits = keys.len() == wanted.len() && keys.iter().zip(wanted).all(|(key, want)| key == "*" || key == want);
        fits.then(|| password.clone())
    })
}

/// What lies between colons; a backslash takes the meaning from a colon or a backslash.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut letters) = (vec![String::new()], line.chars());
    while let Some(letter) = letters.next() {
        match letter {
            ':' if fields.len() < 5 => fields.push(String::new()),
            letter => {
                let letter = if letter == '\\' {
                    letters.next().unwrap_or('\\')
                } else {
                    letter
                };
                fields.last_mut().expect("there is always one").push(letter);
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> String {
        Address::parse(url).unwrap().to_string()
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            (
                "postgres://john:hush@db.example/exports",
                "postgres://john@db.example:5432/exports",
            ),
            (
                "postgresql://john@db.example:6000/exports",
                "postgres://john@db.example:6000/exports",
            ),
            (
                "postgres://john:hush@a.example:1,b.example/exports?target_session_attrs=read-write",
                "postgres://john@a.example:1,b.example:5432/exports",
            ),
            (
                "postgres://john:hush@[::1]:7/exports",
                "postgres://john@[::1]:7/exports",
            ),
            (
                "postgres://john:hush@localhost/exports?host=/run/pg",
                "postgres://john@/run/pg/exports",
            ),
            (
                "postgres://john:h%40sh%3F@db.example/a%20b",
                "postgres://john@db.example:5432/a b",
            ),
            (
                "postgres:///exports?host=db.example&user=john&password=hush",
                "postgres://john@db.example/exports",
            ),
        ] {
            assert_eq!(hosts(url), shown);
            assert_eq!(format!("{:?}", Address::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn a_password_of_any_letters_is_taken_and_not_repeated() {
        let address = Address::parse("postgres://john:%27%5C%20hush@db.example/exports").unwrap();
        assert_eq!(address.config.get_password(), Some(&b"'\\ hush"[..]));
        for (url, why) in [
            ("postgres://john:hush@db.example:port/exports", "port"),
            ("postgres://john:hu/sh@db.example/exports", "%2F"),
            ("postgres://john:hu?sh=x@db.example/exports", "%3F"),
            ("mysql://john:hush@db.example/exports", "postgres://"),
            ("postgres://john:hush@db.example/exports?sslmode=sometimes", "sslmode"),
            ("postgres://john:hush@db.example/exports?nothing=1", "nothing"),
            (
                "postgres://john:hush@db.example/exports?target_session_attrs=fast",
                "target_session_attrs",
            ),
            ("postgres://john:hush@db.example/exports?sslcert=/a.pem", "sslkey"),
            (
                "postgres://john:hush@db.example/exports?sslmode=verify-full&sslrootcert=/no/such.pem",
                "/no/such.pem",
            ),
        ] {
            let words = Address::parse(url).unwrap_err().to_string();
            assert!(words.contains(why), "{url}: {words}");
            assert!(!words.contains("hush"), "{words}");
        }
    }

    #[test]
    fn settings_of_the_url_count_before_ours_unless_they_must_not() {
        let url = "postgres://john@db.example/exports?options=-c%20lock_timeout%3D7s";
        let address = Address::parse(url).unwrap();
        let address = address.with_defaults(&[("lock_timeout", "10s"), ("statement_timeout", "30s")]);
        assert_eq!(
            address.config.get_options(),
            Some("-c lock_timeout=7s -c statement_timeout=30s")
        );
        let address = address.with(("statement_timeout", "0"));
        assert!(
            address
                .config
                .get_options()
                .unwrap()
                .ends_with("-c statement_timeout=0")
        );
    }

    #[test]
    fn how_far_it_is_encrypted_is_what_the_url_says() {
        let said = |mode: &str, roots: bool| {
            let mut said = BTreeMap::from([("sslmode".to_owned(), mode.to_owned())]);
            if roots {
                said.insert("sslrootcert".to_owned(), "ca.pem".to_owned());
            }
            encryption(&said).unwrap()
        };
        assert!(said("prefer", false) == ("prefer", Check::Nothing));
        assert!(said("require", false) == ("require", Check::Nothing));
        assert!(said("require", true) == ("require", Check::Authority));
        assert!(said("verify-ca", true) == ("require", Check::Authority));
        assert!(said("verify-full", false) == ("require", Check::Host));
    }

    #[test]
    fn a_password_is_found_in_the_password_file_that_only_its_user_reads() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        std::fs::write(&file, "# hosts\na.example:5432:*:john:no\n*:*:exports:john:h\\:u:sh\n").unwrap();
        let config = |host: &str| Config::from_str(&format!("host={host} user=john dbname=exports")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(looked_up(&file, &config("b.example")), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(looked_up(&file, &config("b.example")).as_deref(), Some("h:u:sh"));
        assert_eq!(looked_up(&file, &config("a.example")).as_deref(), Some("no"));
    }
}
