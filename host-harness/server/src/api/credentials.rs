//! What a client shows: `Authorization: Bearer …`, `Token …` or `Device …`.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use reference_platform::Credentials;

/// What a client showed that was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// No credentials, or none that can be read.
    Nothing,
    /// Credentials of this scheme.
    Scheme(&'static str),
}

impl Shown {
    pub fn of(credentials: &Credentials) -> Self {
        Self::Scheme(match credentials {
            Credentials::Bearer(_) => "Bearer",
            Credentials::Token(_) => "Token",
            Credentials::Device(_) => "Device",
        })
    }
}

/// The value of `WWW-Authenticate`: every scheme that the API takes, with the error at the one that was used (RFC 6750, 3.1).
pub(super) enum Challenge {
    /// Credentials are missing, which is no error yet, or nobody's.
    InvalidToken(Shown),
    /// The token lacks this scope. Only bearer tokens have scopes.
    InsufficientScope(&'static str),
}

impl Challenge {
    pub fn value(&self) -> HeaderValue {
        let challenges = ["Bearer", "Token", "Device"].map(|scheme| {
            let mut challenge = format!(r#"{scheme} realm="scheduled exports""#);
            match self {
                Self::InvalidToken(Shown::Scheme(shown)) if *shown == scheme => {
                    challenge.push_str(
                        r#", error="invalid_token", error_description="The token is unknown, expired or revoked""#,
                    );
                }
                Self::InsufficientScope(scope) if scheme == "Bearer" => {
                    challenge.push_str(&format!(r#", error="insufficient_scope", scope="{scope}""#));
                }
                Self::InvalidToken(_) | Self::InsufficientScope(_) => {}
            }
            challenge
        });
        HeaderValue::try_from(challenges.join(", ")).expect("visible ASCII")
    }
}

/// No token is longer, in bytes.
const LONGEST: usize = 1024;

/// The credentials of a request. None: no `Authorization`, several, or one that cannot be read.
pub(super) fn shown(headers: &HeaderMap) -> Option<Credentials> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let (scheme, token) = line.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim_start();
    if token.len() > LONGEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let credentials = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Credentials::Bearer,
        "token" => Credentials::Token,
        "device" => Credentials::Device,
        _ => return None,
    };
    Some(credentials(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(lines: &[&[u8]]) -> Option<Credentials> {
        let headers = lines
            .iter()
            .map(|line| (AUTHORIZATION, HeaderValue::from_bytes(line).expect("a header value")))
            .collect();
        shown(&headers)
    }

    #[test]
    fn the_scheme_is_taken_in_any_case() {
        for line in ["Bearer a.b-c", "bearer a.b-c", "BEARER   a.b-c"] {
            assert!(
                matches!(from(&[line.as_bytes()]), Some(Credentials::Bearer(token)) if token == "a.b-c"),
                "{line}"
            );
        }
        assert!(matches!(from(&[b"tOKEN x"]), Some(Credentials::Token(token)) if token == "x"));
        assert!(matches!(from(&[b"Device x"]), Some(Credentials::Device(token)) if token == "x"));
    }

    #[test]
    fn what_cannot_be_read_shows_nothing() {
        let lines: &[&[u8]] = &[
            b"",
            b"Bearer",
            b"Bearer ",
            b"Bearer\tx",
            b"Basic eDp5",
            b"Bearer a b",
            b"Bearer \xff",
            b"x",
        ];
        for line in lines {
            assert!(from(&[line]).is_none(), "{line:?}");
        }
        assert!(from(&[]).is_none());
        assert!(from(&[b"Bearer x", b"Bearer x"]).is_none());
    }

    #[test]
    fn a_token_has_at_most_1024_bytes() {
        let line = |length: usize| format!("Token {}", "x".repeat(length));
        assert!(from(&[line(LONGEST).as_bytes()]).is_some());
        assert!(from(&[line(LONGEST + 1).as_bytes()]).is_none());
    }
}
