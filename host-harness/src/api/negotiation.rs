//! What a client takes and sends: `Accept`, `Accept-Language`, `Content-Type` (RFC 9110, 8.3 and 12.5).

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

/// A language of the API's own messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    En,
    De,
}

impl Language {
    /// A BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The one that the client prefers; English where it prefers none of them.
    pub fn preferred(headers: &HeaderMap) -> Self {
        // Weight and place in the list; what is named counts more than `*`, whichever comes first.
        let (mut en, mut de, mut any) = (None, None, None);
        for (place, item) in Weighted::of(headers, ACCEPT_LANGUAGE).enumerate() {
            let primary = item.value.split('-').next().unwrap_or_default();
            let slot = match primary {
                _ if primary.eq_ignore_ascii_case("en") => &mut en,
                _ if primary.eq_ignore_ascii_case("de") => &mut de,
                "*" => &mut any,
                _ => continue,
            };
            if slot.is_none_or(|(weight, _)| weight < item.weight) {
                *slot = Some((item.weight, place));
            }
        }
        let absent = (0, usize::MAX);
        let (en, de) = (en.or(any).unwrap_or(absent), de.or(any).unwrap_or(absent));
        if de.0 > en.0 || (de.0 == en.0 && de.0 > 0 && de.1 < en.1) {
            Self::De
        } else {
            Self::En
        }
    }
}

/// May the answer be `application/json`?
pub(super) fn takes_json(headers: &HeaderMap) -> bool {
    // The range that says most about our type decides (RFC 9110, 12.5.1).
    let mut best: Option<(u8, u16)> = None;
    let mut asked = false;
    for value in headers.get_all(ACCEPT) {
        asked |= !value.as_bytes().trim_ascii().is_empty();
    }
    for item in Weighted::of(headers, ACCEPT) {
        let precision = match item.value {
            "*/*" => 0,
            range if range.eq_ignore_ascii_case("application/*") => 1,
            range if range.eq_ignore_ascii_case("application/json") => 2,
            _ => continue,
        };
        if best.is_none_or(|known| known < (precision, item.weight)) {
            best = Some((precision, item.weight));
        }
    }
    !asked || best.is_some_and(|(_, weight)| weight > 0)
}

/// Is the body declared as JSON, in UTF-8 and not compressed?
pub(super) fn sends_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return false;
    };
    let plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    plain && value.to_str().is_ok_and(is_json)
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = essence == "application/json"
        || essence
            .strip_prefix("application/")
            .and_then(|subtype| subtype.strip_suffix("+json"))
            .is_some_and(|name| !name.is_empty());
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim_end().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

/// One item of a list with weights, such as `de-AT;q=0.8`.
struct Weighted<'a> {
    value: &'a str,
    /// In thousandths, 0 to 1000.
    weight: u16,
}

impl<'a> Weighted<'a> {
    /// The items of all lines of a header; those that cannot be read are left out.
    fn of(headers: &'a HeaderMap, name: HeaderName) -> impl Iterator<Item = Self> {
        let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).filter_map(Self::parse)
    }

    fn parse(item: &'a str) -> Option<Self> {
        let mut parts = item.split(';').map(str::trim);
        let value = parts.next().filter(|value| !value.is_empty())?;
        let mut weight = 1000;
        for parameter in parts {
            if let Some(("q" | "Q", text)) = parameter.split_once('=') {
                weight = thousandths(text)?;
            }
        }
        Some(Self { value, weight })
    }
}

/// A `qvalue` (RFC 9110, 12.4.2): 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| {
                (
                    name.clone(),
                    HeaderValue::from_bytes(line.as_bytes()).expect("a header value"),
                )
            })
            .collect()
    }

    #[test]
    fn the_language_is_the_preferred_of_the_two() {
        for (line, language) in [
            ("", Language::En),
            ("de", Language::De),
            ("DE-at", Language::De),
            ("de-AT, en;q=0.9", Language::De),
            ("en, de", Language::En),
            ("de, en", Language::De),
            ("en;q=0.5, de;q=0.501", Language::De),
            ("de;q=0.5, en;q=0.500", Language::De),
            ("fr, de;q=0.1", Language::De),
            ("fr", Language::En),
            ("*", Language::En),
            ("*, de;q=0.5", Language::En),
            ("en;q=0, *", Language::De),
            ("de;q=0", Language::En),
            ("de;q=0, en;q=0", Language::En),
            ("de;q=2", Language::En),
            ("de;q=0.1234", Language::En),
            ("de;q=-1, en", Language::En),
            ("deutsch", Language::En),
            (";;;,,,q=,\t", Language::En),
            ("dé", Language::En),
        ] {
            assert_eq!(
                Language::preferred(&headers(ACCEPT_LANGUAGE, &[line])),
                language,
                "{line}"
            );
        }
        assert_eq!(Language::preferred(&HeaderMap::new()), Language::En);
        assert_eq!(
            Language::preferred(&headers(ACCEPT_LANGUAGE, &["en;q=0.2", "de"])),
            Language::De
        );
    }

    #[test]
    fn json_is_taken_unless_accept_leaves_it_out() {
        for (line, takes) in [
            ("application/json", true),
            ("APPLICATION/JSON", true),
            ("application/json; charset=utf-8", true),
            ("application/*", true),
            ("*/*;q=0.001", true),
            ("", true),
            ("text/html, application/xml;q=0.9, */*;q=0.8", true),
            ("application/json;q=0.1, */*;q=0", true),
            ("text/html", false),
            ("application/json;q=0", false),
            ("application/json;q=0.000, */*", false),
            ("application/*;q=0, */*", false),
            ("application/problem+json", false),
            ("json", false),
            ("application/json;q=high", false),
            ("\u{e4}", false),
        ] {
            assert_eq!(takes_json(&headers(ACCEPT, &[line])), takes, "{line}");
        }
        assert!(takes_json(&HeaderMap::new()));
        assert!(takes_json(&headers(ACCEPT, &["text/html", "application/json"])));
    }

    #[test]
    fn a_body_is_json_in_utf_8_only() {
        for (line, sends) in [
            ("application/json", true),
            ("Application/JSON", true),
            ("application/json; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"", true),
            ("application/merge-patch+json", true),
            ("application/json; charset=latin1", false),
            ("application/json; charset=utf-16", false),
            ("application/+json", false),
            ("application/jsonp", false),
            ("text/json", false),
            ("text/plain", false),
            ("", false),
            ("\u{e4}", false),
        ] {
            assert_eq!(sends_json(&headers(CONTENT_TYPE, &[line])), sends, "{line}");
        }
        assert!(!sends_json(&HeaderMap::new()));
        assert!(!sends_json(&headers(
            CONTENT_TYPE,
            &["application/json", "application/json"]
        )));
        let mut compressed = headers(CONTENT_TYPE, &["application/json"]);
        compressed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!sends_json(&compressed));
        compressed.insert(CONTENT_ENCODING, HeaderValue::from_static("Identity"));
        assert!(sends_json(&compressed));
    }
}
