//! URLs in answers: links between pages, `Location`.

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName};
use form_urlencoded::Serializer;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What a URL we answer with never shows as it is.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Where the client believes that it is: what links in answers begin with.
pub(super) struct Here<'a> {
    pub headers: &'a HeaderMap,
    pub path: &'a str,
    pub query: Option<&'a str>,
}

impl Here<'_> {
    /// This URL with another `page`, and the rest of the query as it was.
    pub fn page(&self, number: u32) -> String {
        let mut query = Serializer::new(String::new());
        let given = form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        query.extend_pairs(given.filter(|(name, _)| name != "page"));
        query.append_pair("page", &number.to_string());
        format!("{}?{}", self.below(""), query.finish())
    }

    /// The URL of what lies `below` this path.
    pub fn below(&self, below: &str) -> String {
        format!("{}{}{below}", self.origin().unwrap_or_default(), safe(self.path))
    }

    /// Scheme and authority, from `Host` and, behind a proxy that speaks TLS, `X-Forwarded-Proto`. None: `Host` is missing or
    /// nonsense, so links are relative.
    fn origin(&self) -> Option<String> {
        let mut hosts = self.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return None;
        };
        let host = host.to_str().ok().filter(|host| is_host(host))?;
        let forwarded = self.headers.get(FORWARDED_PROTO);
        let scheme = if forwarded.is_some_and(|scheme| scheme == "https") {
            "https"
        } else {
            "http"
        };
        Some(format!("{scheme}://{host}"))
    }
}

/// As a URL shows it: ASCII, and nothing that could end a quoted text.
pub(super) fn safe(url: &str) -> String {
    utf8_percent_encode(url, UNSAFE).to_string()
}

/// A name or address, with a port or without.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port_fits = match port.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    let name_fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    port_fits && (1..=253).contains(&name.len()) && name.bytes().all(name_fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn host(lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (HOST, HeaderValue::from_bytes(line.as_bytes()).expect("a header value")))
            .collect()
    }

    #[test]
    fn a_nonsense_host_makes_links_relative() {
        let origin = |lines: &[&str], forwarded: Option<&'static str>| {
            let mut headers = host(lines);
            if let Some(forwarded) = forwarded {
                headers.insert(FORWARDED_PROTO, HeaderValue::from_static(forwarded));
            }
            Here {
                headers: &headers,
                path: "/",
                query: None,
            }
            .origin()
        };
        for fine in [
            "localhost",
            "127.0.0.1:8080",
            "[::1]:80",
            "[::1]",
            "Tickets.example",
            "a:65535",
        ] {
            assert_eq!(origin(&[fine], None), Some(format!("http://{fine}")));
        }
        for bad in [
            "",
            ":80",
            "a:65536",
            "a:",
            "a:b",
            "a/b",
            "a b",
            "u@a",
            "a\"",
            "[::1",
            "[x]",
            "::1",
            "ä",
            &"a".repeat(254),
        ] {
            assert_eq!(origin(&[bad], None), None, "{bad}");
        }
        assert_eq!(origin(&["a", "b"], None), None);
        assert_eq!(origin(&["a"], Some("https")), Some("https://a".into()));
        assert_eq!(origin(&["a"], Some("javascript")), Some("http://a".into()));
    }
}
