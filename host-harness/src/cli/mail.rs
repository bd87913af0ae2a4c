//! How mails leave this host: server, sender, and the base URL of their links. Everything is checked before anything is opened.

use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::Uri;
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reference_server::ports::HostFacts;
use scheduled_exports_mail::{Sender, SmtpTimeouts, SmtpTransport, SmtpUrlError, Transport};

use super::{Failure, failed, warn_of_visible_password};

/// The environment variable with the SMTP password, for use without a file and without a password in the URL.
const PASSWORD: &str = "HARNESS_SMTP_PASSWORD";
/// Maximum size of a password file in bytes: a longer file is not one.
const MAX_PASSWORD: u64 = 4096;

/// Options of every command that sends mails.
#[derive(Args, Default)]
pub struct Mailing {
    /// SMTP server, `smtp://[USER@]HOST[:PORT]` or `smtps://…`; if omitted, mails are written to DIR/mail
    #[arg(long, value_name = "URL", env = "HARNESS_SMTP", hide_env_values = true)]
    smtp: Option<String>,
    /// File with the SMTP password; alternatively, set HARNESS_SMTP_PASSWORD
    #[arg(long, value_name = "FILE", env = "HARNESS_SMTP_PASSWORD_FILE")]
    smtp_password_file: Option<PathBuf>,
    /// Sender of all mails, an address with an optional name: 'Big Events <exports@example.org>'; required with --smtp
    #[arg(long, value_name = "SENDER", env = "HARNESS_MAIL_FROM")]
    mail_from: Option<String>,
    /// Base URL for links in mails; required with --smtp if the API listens on this machine only
    #[arg(long, value_name = "URL", env = "HARNESS_BASE_URL")]
    base_url: Option<String>,
}

/// The checked options.
pub struct Outgoing {
    /// `None`: mails are written as files.
    pub smtp: Option<Arc<dyn Transport>>,
    pub sender: Sender,
    /// `None`: the address of the API.
    base_url: Option<String>,
}

impl Mailing {
    /// Checks everything that can be checked without a connection.
    pub fn check(&self) -> Result<Outgoing, Failure> {
        let smtp = self.smtp.as_deref();
        // As in a unit file whose variable is not set: mails would be files, and the operator would not know why.
        if smtp.is_some_and(|url| url.trim().is_empty()) {
            return Err(Failure::Sentence(
                "--smtp (or HARNESS_SMTP) is empty: expected the address of a mail server, such as smtp://mx.example; leave it out to \
                 have mails in DIR/mail"
                    .to_owned(),
            ));
        }
        let sender = match self.mail_from.as_deref().filter(|sender| !sender.is_empty()) {
            Some(sender) => Some(sender.parse().map_err(|reason| failed("--mail-from")(&reason))?),
            None => None,
        };
        if smtp.is_some() && sender.is_none() {
            return Err(Failure::Sentence(
                "--smtp needs --mail-from, the sender of all mails, such as --mail-from 'Big Events <exports@example.org>'"
                    .to_owned(),
            ));
        }
        let base_url = self.base_url.as_deref().filter(|url| !url.is_empty());
        let smtp = match smtp {
            Some(url) => Some(self.transport(url)?),
            None if self.smtp_password_file.is_some() => {
                return Err(Failure::Sentence(
                    "--smtp-password-file needs --smtp, the mail server that the password is for".to_owned(),
                ));
            }
            None => None,
        };
        let base_url = base_url.map(|url| checked_url("--base-url", url)).transpose()?;
        let host = base_url
            .as_ref()
            .and_then(|url| url.parse::<Uri>().ok()?.host().map(str::to_owned));
        if let (Some(_), Some(host)) = (&smtp, host.filter(|host| is_near(host))) {
            return Err(Failure::Sentence(format!(
                "--base-url begins with {host}, which recipients of --smtp cannot open: expected the address of the platform's pages, \
                 such as https://tickets.example"
            )));
        }
        Ok(Outgoing {
            smtp,
            sender: sender.unwrap_or_default(),
            base_url,
        })
    }

    fn transport(&self, url: &str) -> Result<Arc<dyn Transport>, Failure> {
        let whole = with_password(url, self.password()?)?;
        let transport = SmtpTransport::from_url(&whole, SmtpTimeouts::default())?;
        // No password was added, so the URL contains it.
        if whole == url && url.contains('@') {
            let instead = format!("--smtp-password-file, {PASSWORD} or HARNESS_SMTP");
            warn_of_visible_password("--smtp", url, &instead);
        }
        Ok(Arc::new(transport))
    }

    /// The password that is not in the URL, and its source.
    fn password(&self) -> Result<Option<(String, String)>, Failure> {
        let variable = std::env::var(PASSWORD).ok();
        let variable = variable.map(|text| without_line_end(&text).to_owned());
        let variable = variable.filter(|password| !password.is_empty());
        match (&self.smtp_password_file, variable) {
            (Some(file), None) => {
                let read = secret_of("password", file);
                let read = read
                    .map_err(|reason| failed(format!("could not read the password file {}", file.display()))(&reason));
                Ok(Some((read?, "--smtp-password-file".to_owned())))
            }
            (None, Some(password)) => Ok(Some((password, PASSWORD.to_owned()))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Failure::Sentence(format!(
                "the password of the mail server is given twice, with --smtp-password-file and {PASSWORD}: expected one of them"
            ))),
        }
    }
}

impl Outgoing {
    /// The base URL that the operator gave.
    pub fn given_base_url(&self) -> Option<&str> {
        self.base_url.as_deref()
    }

    /// The base URL of links in mails, for an API at `listen`.
    pub fn base_url(&self, listen: std::net::SocketAddr) -> Result<String, Failure> {
        match &self.base_url {
            Some(url) => Ok(url.clone()),
            // Mails in files are read on this machine.
            None if self.smtp.is_some() && is_of_this_machine(listen.ip()) => Err(Failure::Sentence(format!(
                "--smtp needs --base-url: links in mails would begin with http://{listen}, which recipients cannot open; \
                 expected the address of the platform's pages, such as https://tickets.example"
            ))),
            None => Ok(format!("http://{listen}")),
        }
    }

    /// The base URL for a command without an API.
    pub fn facts_without_api(&self) -> Result<HostFacts, Failure> {
        let facts = HostFacts {
            mail_from: self.sender.clone(),
            ..HostFacts::default()
        };
        Ok(match &self.base_url {
            Some(url) => HostFacts {
                base_url: url.clone(),
                ..facts
            },
            None if self.smtp.is_some() => {
                return Err(Failure::Sentence(
                    "--smtp needs --base-url, the address of the platform's pages, such as https://tickets.example: \
                     links in mails begin with it"
                        .to_owned(),
                ));
            }
            None => facts,
        })
    }
}

/// Returns whether recipients surely cannot open it: an address of this machine, or of its local link.
pub(super) fn is_of_this_machine(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local() || address.octets()[0] == 0,
        IpAddr::V6(address) => address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local(),
    }
}

/// The same for the host of an address, a number or a name.
fn is_near(host: &str) -> bool {
    match number(host) {
        Some(address) => is_of_this_machine(address),
        None => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let names = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];
            names.contains(&name.as_str()) || name.ends_with(".localhost")
        }
    }
}

/// The host of an address, if it is a number.
fn number(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host.trim_end_matches('.')).parse().ok()
}

/// Returns whether it is a name, or a number that every program reads alike. Some programs read `127.1` and `0x7f000001` as
/// 127.0.0.1, others do not.
fn is_plain(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    let is_name = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    number(host).is_some() || (is_name && !is_numeric)
}

/// Reads an absolute `http` or `https` URL to which paths can be appended, without its final slash.
pub(super) fn checked_url(option: &str, text: &str) -> Result<String, Failure> {
    let uri: Option<Uri> = text.parse().ok();
    let fits = uri.as_ref().is_some_and(|uri| {
        let authority = uri
            .authority()
            .map(axum::http::uri::Authority::as_str)
            .unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        // The parser drops an invalid port silently.
        let whole = authority == host || uri.port().is_some_and(|port| authority == format!("{host}:{port}"));
        matches!(uri.scheme_str(), Some("http" | "https"))
            && !host.is_empty()
            && is_plain(host)
            && whole
            && uri.query().is_none()
            && !text.contains(['#', '?'])
    });
    if fits {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(Failure::Sentence(format!(
        "{option} is not an address that paths can follow: expected http:// or https:// with a host, without user, query and \
         fragment, such as https://tickets.example"
    )))
}

/// The URL with the password, as the transport reads it.
fn with_password(url: &str, password: Option<(String, String)>) -> Result<String, Failure> {
    // The parser would drop everything after a # silently, and with it the rest of a password.
    let (scheme, rest) = match url.split_once("://") {
        Some(split) if !url.contains('#') => split,
        Some(_) => return Err(SmtpUrlError::Unreadable.into()),
        None => return Ok(url.to_owned()),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some((user, host)) = rest[..end].rsplit_once('@') else {
        return match password {
            None => Ok(url.to_owned()),
            Some((_, given)) => Err(Failure::Sentence(format!(
                "{given} has a password, and --smtp names no user: expected smtp://USER@HOST"
            ))),
        };
    };
    match (user.split_once(':'), password) {
        (Some(_), Some((_, given))) => Err(Failure::Sentence(format!(
            "the password of the mail server is given twice, in the URL and with {given}: expected one of them"
        ))),
        (Some(_), None) => Ok(url.to_owned()),
        (None, Some((password, _))) => {
            let password = utf8_percent_encode(&password, NON_ALPHANUMERIC);
            Ok(format!("{scheme}://{user}:{password}@{host}{}", &rest[end..]))
        }
        (None, None) => Err(Failure::Sentence(format!(
            "--smtp names a user without a password: expected --smtp-password-file FILE or {PASSWORD}"
        ))),
    }
}

/// Removes one line ending, which programs that write passwords into files and variables often add.
fn without_line_end(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Reads the only line of a password file or token file. Secrets of an orchestrator can be readable by others, so that is only a warning.
pub(super) fn secret_of(kind: &str, file: &Path) -> Result<String, String> {
    let opened = fs::File::open(file).map_err(|reason| reason.to_string())?;
    let facts = opened.metadata().map_err(|reason| reason.to_string())?;
    if facts.permissions().mode() & 0o077 != 0 {
        tracing::warn!(
            file = %file.display(),
            "other users of this machine can read the {kind} file: restrict it with chmod 600"
        );
    }
    let mut text = String::new();
    let read = opened.take(MAX_PASSWORD + 1).read_to_string(&mut text);
    read.map_err(|reason| reason.to_string())?;
    let line = without_line_end(&text);
    if line.is_empty() || line.contains(char::is_control) || text.len() as u64 > MAX_PASSWORD {
        return Err(format!("expected one line of at most {MAX_PASSWORD} bytes"));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence<T>(result: Result<T, Failure>) -> String {
        match result {
            Err(Failure::Sentence(sentence)) => sentence,
            Err(other) => panic!("not a sentence: {other:?}"),
            Ok(_) => panic!("it was accepted"),
        }
    }

    fn mailing(smtp: Option<&str>, from: Option<&str>, base_url: Option<&str>) -> Mailing {
        Mailing {
            smtp: smtp.map(str::to_owned),
            smtp_password_file: None,
            mail_from: from.map(str::to_owned),
            base_url: base_url.map(str::to_owned),
        }
    }

    #[test]
    fn a_base_url_is_absolute_and_paths_can_follow_it() {
        for (url, read) in [
            ("https://tickets.example", "https://tickets.example"),
            ("https://tickets.example/", "https://tickets.example"),
            (
                "http://tickets.example:8080/exports//",
                "http://tickets.example:8080/exports",
            ),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(checked_url("--base-url", url).ok().as_deref(), Some(read));
        }
        for url in [
            "tickets.example",
            "/exports",
            "ftp://tickets.example",
            "https://",
            "https://user:secret@tickets.example",
            "https://tickets.example?secret",
            "https://tickets.example/?",
            "https://tickets.example/#secret",
            "https://tickets.example:99999",
            "https://tickets.example:",
            "https://tickets example",
            "https://127.1",
            "https://2130706433/",
            "https://0x7f.0.0.1",
            "https://[::1",
            "https://[fe80::1%25eth0]/",
            "https://%6cocalhost/",
            "https://tickets.example/\nx",
        ] {
            let said = sentence(checked_url("--base-url", url));
            assert!(
                said.starts_with("--base-url ") && !said.contains("secret"),
                "{url}: {said}"
            );
        }
    }

    #[test]
    fn mails_that_leave_the_machine_never_link_to_an_address_of_this_machine_by_default() {
        let from = Some("exports@tickets.example");
        for listen in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "0.0.0.0:8080",
            "[::]:8080",
            "[::ffff:127.0.0.1]:80",
        ] {
            let address = listen.parse().expect("an address");
            let leaving = mailing(Some("smtp://mx.example"), from, None).check().expect("fits");
            assert!(sentence(leaving.base_url(address)).contains(listen), "{listen}");
            let files = mailing(None, from, None).check().expect("fits");
            assert_eq!(files.base_url(address).ok(), Some(format!("http://{listen}")));
            let named = mailing(Some("smtp://mx.example"), from, Some("https://tickets.example/"));
            let named = named.check().expect("fits");
            assert_eq!(named.base_url(address).ok().as_deref(), Some("https://tickets.example"));
        }
        let leaving = mailing(Some("smtp://mx.example"), from, None).check().expect("fits");
        let reachable = "192.0.2.7:8080".parse().expect("an address");
        assert_eq!(
            leaving.base_url(reachable).ok().as_deref(),
            Some("http://192.0.2.7:8080")
        );
        assert!(sentence(leaving.facts_without_api().map(|_| ())).contains("--base-url"));
    }

    #[test]
    fn an_address_that_recipients_cannot_open_is_none_that_links_in_mails_begin_with() {
        let from = Some("exports@tickets.example");
        let check = |smtp, url: &str| mailing(smtp, from, Some(url)).check();
        for url in [
            "http://127.0.0.1:8080",
            "https://127.9.9.9/exports",
            "http://0.0.0.0",
            "http://0.1.2.3",
            "http://[::1]:8080",
            "http://[::]",
            "http://[::ffff:127.0.0.1]",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://169.254.1.2",
            "http://[fe80::1]",
            "http://localhost:8080",
            "http://LocalHost.",
            "http://tickets.localhost",
            "http://localhost.localdomain",
        ] {
            let said = sentence(check(Some("smtp://mx.example"), url));
            assert!(
                said.starts_with("--base-url ") && said.contains("cannot open"),
                "{url}: {said}"
            );
            // Mails in files are read on this machine.
            assert!(check(None, url).is_ok(), "{url}");
        }
        for url in [
            "http://192.168.1.7",
            "http://10.0.0.1:8080",
            "http://[fd00::1]",
            "https://localhost.example",
            "https://mylocalhost",
        ] {
            assert!(check(Some("smtp://mx.example"), url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_password_from_elsewhere_goes_into_the_url_as_it_is() {
        let given = |password: &str| Some((password.to_owned(), PASSWORD.to_owned()));
        for (url, password, whole) in [
            ("smtp://mx.example", None, "smtp://mx.example"),
            (
                "smtp://john@mx.example:587?tls=none",
                given("p@ss:w/rd#1?"),
                "smtp://john:p%40ss%3Aw%2Frd%231%3F@mx.example:587?tls=none",
            ),
            (
                "smtps://john%40x.org@mx.example/x.org",
                given("ü"),
                "smtps://john%40x.org:%C3%BC@mx.example/x.org",
            ),
            ("smtp://john:secret@mx.example", None, "smtp://john:secret@mx.example"),
            ("mx.example", None, "mx.example"),
        ] {
            assert_eq!(with_password(url, password).ok().as_deref(), Some(whole));
        }
        for (url, password, why) in [
            ("smtp://mx.example", given("secret"), "names no user"),
            ("smtp://john:secret@mx.example", given("secret"), "given twice"),
            ("smtp://john@mx.example", None, "without a password"),
            ("smtp://john:25#secret@mx.example", None, "invalid SMTP URL"),
        ] {
            let said = sentence(with_password(url, password));
            assert!(said.contains(why) && !said.contains("secret"), "{url}: {said}");
        }
    }

    #[test]
    fn a_password_file_is_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        let read = |content: &[u8]| {
            fs::write(&file, content).expect("written");
            secret_of("password", &file)
        };
        for content in ["p w\u{e4}", "p w\u{e4}\n", "p w\u{e4}\r\n"] {
            assert_eq!(read(content.as_bytes()).as_deref(), Ok("p wä"));
        }
        assert!(read("x".repeat(4096).as_bytes()).is_ok());
        for content in [&b""[..], b"\n", b"a\nb\n", b"\xff", "x".repeat(4097).as_bytes()] {
            assert!(read(content).is_err(), "{content:?}");
        }
        assert!(secret_of("password", &folder.path().join("none")).is_err());
    }
}
