//! URLs in answers: links between pages, `Location`.

use axum::http::header::{HOST, HeaderName};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version};
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

/// Where the client is: what links in answers begin with.
pub(super) struct Here<'a> {
    /// Of this host, without a slash at its end, where the operator has given it; else it is as the client says.
    pub base: Option<&'a str>,
    /// What the request line names before the path, as it does for a proxy.
    pub target: Option<&'a Authority>,
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
        let origin = match self.base {
            Some(base) => base.to_owned(),
            None => self.origin().unwrap_or_default(),
        };
        format!("{origin}{}{below}", safe(self.path))
    }

    /// The URL of what lies `beside` the last segment of this path.
    pub fn beside(&self, beside: &str) -> String {
        let above = self
            .path
            .trim_end_matches('/')
            .rfind('/')
            .map_or("/", |last| &self.path[..=last]);
        Here { path: above, ..*self }.below(beside)
    }

    /// Scheme and authority, from the request line if it has them (then `Host` is to be ignored: RFC 9112, 3.2.2), else from `Host`,
    /// and, behind a proxy that speaks TLS, `X-Forwarded-Proto`. None: they are missing or nonsense, so links are relative.
    fn origin(&self) -> Option<String> {
        let host = match self.target {
            Some(target) => target.as_str(),
            None => {
                let mut hosts = self.headers.get_all(HOST).iter();
                let (Some(host), None) = (hosts.next(), hosts.next()) else {
                    return None;
                };
                host.to_str().ok()?
            }
        };
        let host = Some(host).filter(|host| is_host(host))?;
        let scheme = if self.is_forwarded_over_tls() { "https" } else { "http" };
        Some(format!("{scheme}://{host}"))
    }

    /// Each proxy on the way adds how it was asked at the end of the list, so the leftmost is what the client did.
    ///
    /// Anybody may send this header: all that it changes is the scheme of links in the sender's own answer.
    fn is_forwarded_over_tls(&self) -> bool {
        let first = self.headers.get(FORWARDED_PROTO).and_then(|line| line.to_str().ok());
        let first = first.and_then(|line| line.split(',').map(str::trim).find(|scheme| !scheme.is_empty()));
        first.is_some_and(|scheme| scheme.trim_matches('"').eq_ignore_ascii_case("https"))
    }
}

/// What is wrong with `Host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHost {
    Missing,
    Repeated,
    Invalid,
}

/// Checks that the request names one host that can be one (RFC 9112, 3.2). Requests of HTTP/1.0 may leave it out.
pub(super) fn check_host(version: Version, headers: &HeaderMap) -> Result<(), BadHost> {
    let mut lines = headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(BadHost::Missing),
        (Some(_), Some(_)) => Err(BadHost::Repeated),
        (Some(host), None) if host.to_str().is_ok_and(is_authority) => Ok(()),
        (Some(_), None) => Err(BadHost::Invalid),
    }
}

/// Whether this can stand in `Host`: more than [`is_host`] lets through, since nothing is made of it.
fn is_authority(host: &str) -> bool {
    if host.starts_with('[') {
        // A port can be empty (RFC 3986, 3.2.3).
        return is_host(host.strip_suffix(':').unwrap_or(host));
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let port_fits = port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    !name.is_empty() && port_fits && !name.contains('@') && name.parse::<Authority>().is_ok()
}

/// Decodes percent-encoded letters, digits and `-._~` of the path, which mean the same as they are (RFC 3986, 6.2.2.2). A path with a
/// `%` that begins no code stays as it is: decoding would make codes of what was none.
pub(super) fn normalize(uri: &mut Uri) {
    let Some(path) = normalized(uri.path()) else {
        return;
    };
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = whole.parse().ok();
    if let Ok(normal) = Uri::from_parts(parts) {
        *uri = normal;
    }
}

/// None: nothing in it to be decoded.
fn normalized(path: &str) -> Option<String> {
    let mut pieces = path.split('%');
    let mut normal = pieces.next()?.to_owned();
    for piece in pieces {
        let digits = piece
            .get(..2)
            .filter(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            normal.push(char::from(byte));
            normal.push_str(&piece[2..]);
        } else {
            normal.push('%');
            normal.push_str(piece);
        }
    }
    (normal != path).then_some(normal)
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
                base: None,
                target: None,
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
        assert_eq!(origin(&["a"], Some("javascript")), Some("http://a".into()));
        for (forwarded, scheme) in [
            ("https", "https"),
            ("HTTPS", "https"),
            ("https, http", "https"),
            ("https,http,http", "https"),
            (" ,https", "https"),
            ("\"https\"", "https"),
            ("http, https", "http"),
            ("http", "http"),
            ("", "http"),
            ("httpsx", "http"),
        ] {
            assert_eq!(
                origin(&["a"], Some(forwarded)),
                Some(format!("{scheme}://a")),
                "{forwarded}"
            );
        }
    }

    #[test]
    fn a_base_url_that_is_given_begins_every_link() {
        let mut headers = host(&["elsewhere.example"]);
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
        let here = Here {
            base: Some("https://tickets.example/exports"),
            target: None,
            headers: &headers,
            path: "/api/",
            query: None,
        };
        assert_eq!(here.below("7/"), "https://tickets.example/exports/api/7/");
        assert_eq!(here.page(2), "https://tickets.example/exports/api/?page=2");
    }

    #[test]
    fn codes_of_plain_characters_are_decoded_once_and_no_others() {
        for (path, normal) in [
            ("/%31/%72uns/", Some("/1/runs/")),
            ("/%7e%2D%2e%5F%41", Some("/~-._A")),
            ("/%2Fa%62", Some("/%2Fab")),
            ("/%2531", None),
            ("/a/b", None),
            ("/%C3%A4", None),
            // What begins no code would begin one.
            ("/%%33%31", None),
            ("/%31%", None),
            ("/%31%4", None),
            ("/%+1", None),
        ] {
            assert_eq!(normalized(path).as_deref(), normal, "{path}");
        }
        let mut uri: Uri = "http://a.example/%31/?q=%31".parse().expect("a URI");
        normalize(&mut uri);
        assert_eq!(uri, "http://a.example/1/?q=%31");
    }

    #[test]
    fn a_request_names_exactly_one_host_that_can_be_one() {
        let checked = |lines: &[&str]| check_host(Version::HTTP_11, &host(lines));
        for fine in ["a", "a:80", "a:", "127.0.0.1:8080", "[::1]:80", "a_b.example", "a~b"] {
            assert_eq!(checked(&[fine]), Ok(()), "{fine}");
        }
        for bad in [
            "", ":80", "a b", "a/b", "u@a", "a:b", "a:65536", "[::1", "::1", "a, b", "http://a", "\u{e4}", "a?b", "a#b",
        ] {
            assert!(checked(&[bad]).is_err(), "{bad}");
        }
        assert!(checked(&["a", "a"]).is_err());
        assert!(checked(&[]).is_err());
        assert_eq!(check_host(Version::HTTP_10, &HeaderMap::new()), Ok(()));
        assert!(check_host(Version::HTTP_10, &host(&["a", "b"])).is_err());
    }
}
