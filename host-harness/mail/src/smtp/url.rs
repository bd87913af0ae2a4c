//! What `--smtp URL` says.

use http::Uri;

/// Between servers.
const SMTP_PORT: u16 = 25;
/// For clients that send mail, with STARTTLS.
const SUBMISSION_PORT: u16 = 587;
/// For clients that send mail, with TLS from the first byte.
const SUBMISSIONS_PORT: u16 = 465;

/// Why `--smtp URL` is of no use. Never holds a part of the URL that could be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// Not a URL.
    #[error(
        "invalid SMTP URL; expected smtp://user:password@host:587?tls=required, \
         with special characters of user and password percent-encoded"
    )]
    Unreadable,
    /// Another scheme.
    #[error("invalid SMTP URL: the scheme must be smtp:// or smtps://")]
    Scheme,
    /// A URL without host.
    #[error("invalid SMTP URL: missing host")]
    NoHost,
    /// An encryption that there is none of.
    #[error("invalid SMTP URL: tls must be required, opportunistic or none, and is not allowed with smtps://")]
    Tls,
    /// A setting that there is none of.
    #[error("invalid SMTP URL: the only supported parameter is tls")]
    Setting,
    /// A name without password, or the reverse.
    #[error("invalid SMTP URL: user and password must be given together")]
    HalfCredentials,
    /// TLS can't be set up here; why.
    #[error("could not configure TLS for this mail server: {0}")]
    Encryption(String),
}

pub(super) struct Server {
    pub host: String,
    pub port: u16,
    /// The name that this host gives in EHLO.
    pub own_name: Option<String>,
    pub encryption: Encryption,
    pub credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    /// STARTTLS if the server offers it.
    Opportunistic,
    /// STARTTLS, or nothing.
    Required,
    /// TLS from the first byte.
    Implicit,
}

pub(super) struct Credentials {
    pub user: String,
    pub password: String,
}

pub(super) fn parse(url: &str) -> Result<Server, SmtpUrlError> {
    let uri: Uri = url.trim().parse().map_err(|_| SmtpUrlError::Unreadable)?;
    // Schemes are the same in any case (RFC 3986, 3.1).
    let implicit = match uri.scheme_str() {
        Some(scheme) if scheme.eq_ignore_ascii_case("smtp") => false,
        Some(scheme) if scheme.eq_ignore_ascii_case("smtps") => true,
        _ => return Err(SmtpUrlError::Scheme),
    };
    let authority = uri.authority().ok_or(SmtpUrlError::NoHost)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(SmtpUrlError::NoHost);
    }
    let credentials = match authority.as_str().rsplit_once('@') {
        Some((user_and_password, _)) => Some(credentials(user_and_password)?),
        None => None,
    };
    let tls = match uri.query().filter(|query| !query.is_empty()) {
        None => None,
        Some(query) => Some(query.strip_prefix("tls=").ok_or(SmtpUrlError::Setting)?),
    };
    let submission = credentials.is_some();
    let (encryption, usual_port) = match (implicit, tls) {
        (true, None) => (Encryption::Implicit, SUBMISSIONS_PORT),
        (true, Some(_)) => return Err(SmtpUrlError::Tls),
        (false, Some("required")) => (Encryption::Required, SUBMISSION_PORT),
        // A password goes over an open line only if somebody wrote so.
        (false, None) if submission => (Encryption::Required, SUBMISSION_PORT),
        (false, None | Some("opportunistic")) => (Encryption::Opportunistic, plain_port(submission)),
        (false, Some("none")) => (Encryption::None, plain_port(submission)),
        (false, Some(_)) => return Err(SmtpUrlError::Tls),
    };
    let port = match authority.port() {
        // No server listens there: systems read it as “any port”.
        Some(port) if port.as_u16() == 0 => return Err(SmtpUrlError::Unreadable),
        Some(port) => port.as_u16(),
        // http's `Uri` drops a port that is empty or over 65535.
        None if authority.as_str().rsplit('@').next() != Some(authority.host()) => {
            return Err(SmtpUrlError::Unreadable);
        }
        None => usual_port,
    };
    let own_name = match uri.path().trim_matches('/') {
        "" => None,
        name if is_name(name) => Some(name.to_owned()),
        _ => return Err(SmtpUrlError::Unreadable),
    };
    Ok(Server {
        host: host.to_owned(),
        port,
        own_name,
        encryption,
        credentials,
    })
}

fn plain_port(submission: bool) -> u16 {
    if submission { SUBMISSION_PORT } else { SMTP_PORT }
}

/// A name as EHLO can give it.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    !name.is_empty() && name.bytes().all(fits)
}

fn credentials(user_and_password: &str) -> Result<Credentials, SmtpUrlError> {
    let (user, password) = user_and_password.split_once(':').ok_or(SmtpUrlError::HalfCredentials)?;
    if user.is_empty() || password.is_empty() {
        return Err(SmtpUrlError::HalfCredentials);
    }
    Ok(Credentials {
        user: percent_decode(user)?,
        password: percent_decode(password)?,
    })
}

fn percent_decode(text: &str) -> Result<String, SmtpUrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = after.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit));
            let digits = digits.and_then(|two| std::str::from_utf8(two).ok());
            let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
            bytes.push(byte.ok_or(SmtpUrlError::Unreadable)?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| SmtpUrlError::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Host, port, how it is encrypted, and whether it logs in.
    fn read(url: &str) -> Result<(String, u16, &'static str, bool), SmtpUrlError> {
        let server = parse(url)?;
        let tls = match server.encryption {
            Encryption::None => "none",
            Encryption::Opportunistic => "opportunistic",
            Encryption::Required => "required",
            Encryption::Implicit => "implicit",
        };
        Ok((server.host, server.port, tls, server.credentials.is_some()))
    }

    #[test]
    fn a_url_says_host_port_and_encryption() {
        for (url, host, port, tls, login) in [
            ("smtp://localhost:1025", "localhost", 1025, "opportunistic", false),
            ("smtp://mx.example", "mx.example", 25, "opportunistic", false),
            ("smtp://mx.example/", "mx.example", 25, "opportunistic", false),
            ("smtp://mx.example?tls=none", "mx.example", 25, "none", false),
            (
                "smtp://mx.example/tickets.example?tls=required",
                "mx.example",
                587,
                "required",
                false,
            ),
            ("smtp://u:p@mx.example", "mx.example", 587, "required", true),
            (
                "smtp://u%40a.example:p%2F%3a@mx.example:26?tls=none",
                "mx.example",
                26,
                "none",
                true,
            ),
            ("smtps://u:p@mx.example", "mx.example", 465, "implicit", true),
            ("smtp://[::1]:2525?tls=none", "::1", 2525, "none", false),
            ("smtp://127.0.0.1?tls=none", "127.0.0.1", 25, "none", false),
            ("SMTP://u:p@mx.example", "mx.example", 587, "required", true),
            ("Smtps://mx.example", "mx.example", 465, "implicit", false),
        ] {
            assert_eq!(read(url), Ok((host.to_owned(), port, tls, login)), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_repeating_it() {
        for (url, error) in [
            ("", SmtpUrlError::Unreadable),
            ("localhost", SmtpUrlError::Scheme),
            ("http://secret:secret@mx.example", SmtpUrlError::Scheme),
            ("smtp://", SmtpUrlError::Unreadable),
            ("smtp://u:secret@mx.example:99999", SmtpUrlError::Unreadable),
            ("smtp://mx.example:0", SmtpUrlError::Unreadable),
            ("smtps://u:secret@mx.example:0", SmtpUrlError::Unreadable),
            ("smtp://u:sec%zzret@mx.example", SmtpUrlError::Unreadable),
            ("smtp://secret@mx.example", SmtpUrlError::HalfCredentials),
            ("smtp://:secret@mx.example", SmtpUrlError::HalfCredentials),
            ("smtp://mx.example?tls=yes", SmtpUrlError::Tls),
            ("smtps://mx.example?tls=none", SmtpUrlError::Tls),
            ("smtp://mx.example?starttls=secret", SmtpUrlError::Setting),
            ("smtp://mx.example/a%0Ab", SmtpUrlError::Unreadable),
        ] {
            let said = read(url).unwrap_err();
            assert_eq!(said, error, "{url}");
            assert!(!said.to_string().contains("secret"));
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        assert_eq!(percent_decode("a%40b%3A%2f%C3%A4").unwrap(), "a@b:/ä");
        for bad in ["%", "%4", "%+4", "%ff"] {
            assert_eq!(percent_decode(bad), Err(SmtpUrlError::Unreadable), "{bad}");
        }
    }
}
