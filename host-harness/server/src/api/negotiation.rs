//! What a client takes and sends: `Accept`, `Accept-Language`, `Content-Type` (RFC 9110, 8.3 and 12.5).

use std::cmp::Reverse;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use plugin::language::Language;

/// The media type of problem details.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// The language that the client prefers; the first of all where it prefers none of them.
pub(super) fn preferred_language(headers: &HeaderMap) -> Language {
    // Weight and place in the list; what is named counts more than `*`, whichever comes first.
    let (mut named, mut any) = ([None; Language::ALL.len()], None);
    for (place, item) in weighted(headers, ACCEPT_LANGUAGE).into_iter().enumerate() {
        let known = Language::known(&item.value);
        let slot = match Language::ALL.iter().position(|language| Some(*language) == known) {
            Some(index) => &mut named[index],
            None if item.value == "*" => &mut any,
            None => continue,
        };
        if slot.is_none_or(|(weight, _)| weight < item.weight) {
            *slot = Some((item.weight, place));
        }
    }
    Language::ALL
        .into_iter()
        .zip(named)
        .filter_map(|(language, slot)| slot.or(any).map(|(weight, place)| (language, weight, place)))
        .filter(|(_, weight, _)| *weight > 0)
        .min_by_key(|(_, weight, place)| (Reverse(*weight), *place))
        .map_or(Language::ALL[0], |(language, ..)| language)
}

/// Whether the answer can be `application/json`. Items that are no media range are ignored, and a header without any that is one
/// counts as absent: a sloppy client is better served with JSON than with a 406.
pub(super) fn takes_json(headers: &HeaderMap) -> bool {
    // The range that says most about our type decides (RFC 9110, 12.5.1).
    let mut best: Option<(u8, u16)> = None;
    let mut readable = false;
    for item in weighted(headers, ACCEPT) {
        let range = item.value.to_ascii_lowercase();
        readable |= is_media_range(&range);
        let precision = match range.as_str() {
            // `*` alone is what the HTTP client of the Java runtime has always sent for `*/*`.
            "*" | "*/*" => 0,
            "application/*" => 1,
            "application/json" => 2,
            // A client that names only the type of errors is not refused what it asks for when there is none.
            PROBLEM_JSON if item.weight > 0 => 1,
            _ => continue,
        };
        if best.is_none_or(|known| known < (precision, item.weight)) {
            best = Some((precision, item.weight));
        }
    }
    !readable || best.is_some_and(|(_, weight)| weight > 0)
}

/// The media type in which errors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorFormat {
    /// `application/json`, in the shape that clients of the platform's API know.
    Json,
    /// `application/problem+json` (RFC 9457).
    Problem,
}

/// The format of errors that the client prefers: problem details only if it names their type, and not with a lower weight than
/// `application/json`.
pub(super) fn error_format(headers: &HeaderMap) -> ErrorFormat {
    let accepted = weighted(headers, ACCEPT);
    let weight = |media_type: &str| {
        let named = accepted
            .iter()
            .filter(|item| item.value.eq_ignore_ascii_case(media_type));
        named.map(|item| item.weight).max()
    };
    match weight(PROBLEM_JSON) {
        Some(problem) if problem > 0 && Some(problem) >= weight("application/json") => ErrorFormat::Problem,
        _ => ErrorFormat::Json,
    }
}

fn is_media_range(range: &str) -> bool {
    let token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
    match range.split_once('/') {
        Some((of, sub)) => token(of) && token(sub) && (of != "*" || sub == "*"),
        None => range == "*",
    }
}

/// A `tchar` (RFC 9110, 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Why a body is not taken, with what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnsupportedBody {
    /// There is no `Content-Type`.
    Undeclared,
    /// There are several.
    DeclaredTwice,
    MediaType(String),
    Charset(String),
    Encoding(String),
}

/// Checks that the body is declared as JSON, in UTF-8 and not compressed.
pub(super) fn sends_json(headers: &HeaderMap) -> Result<(), UnsupportedBody> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let declared = match (types.next(), types.next()) {
        (Some(declared), None) => String::from_utf8_lossy(declared.as_bytes()),
        (Some(_), Some(_)) => return Err(UnsupportedBody::DeclaredTwice),
        (None, _) => return Err(UnsupportedBody::Undeclared),
    };
    check_content_type(&declared)?;
    for line in headers.get_all(CONTENT_ENCODING) {
        let codings = String::from_utf8_lossy(line.as_bytes());
        if let Some(coding) = items(&codings, ',').find(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(UnsupportedBody::Encoding(coding.to_owned()));
        }
    }
    Ok(())
}

fn check_content_type(declared: &str) -> Result<(), UnsupportedBody> {
    let mut parts = items(declared, ';');
    // An empty first part is left out by `items`, so `; charset=utf-8` has a parameter for a type.
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = essence == "application/json"
        || essence
            .strip_prefix("application/")
            .and_then(|subtype| subtype.strip_suffix("+json"))
            .is_some_and(|name| !name.is_empty());
    if !json {
        return Err(match declared.trim() {
            "" => UnsupportedBody::Undeclared,
            declared => UnsupportedBody::MediaType(declared.to_owned()),
        });
    }
    for parameter in parts {
        if let Some((name, charset)) = parameter.split_once('=')
            && name.trim_end().eq_ignore_ascii_case("charset")
        {
            let charset = charset.trim().trim_matches(['"', '\'']);
            // `utf8` is not registered, and common.
            if !["utf-8", "utf8"]
                .iter()
                .any(|known| charset.eq_ignore_ascii_case(known))
            {
                return Err(UnsupportedBody::Charset(charset.to_owned()));
            }
        }
    }
    Ok(())
}

/// One item of a list with weights, such as `de-AT;q=0.8`.
struct Weighted {
    value: String,
    /// In thousandths, 0 to 1000.
    weight: u16,
}

/// The items of all lines of a header.
fn weighted(headers: &HeaderMap, name: HeaderName) -> Vec<Weighted> {
    let mut found = Vec::new();
    for line in headers.get_all(name) {
        let line = String::from_utf8_lossy(line.as_bytes());
        found.extend(items(&line, ',').filter_map(Weighted::parse));
    }
    found
}

impl Weighted {
    fn parse(item: &str) -> Option<Self> {
        if item.starts_with(';') {
            return None;
        }
        let mut parts = items(item, ';');
        let value = parts.next()?.to_owned();
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find_map(|(name, text)| {
                let named = name.trim_end().eq_ignore_ascii_case("q");
                named.then(|| thousandths(text.trim().trim_matches('"')))
            });
        Some(Self {
            value,
            weight: weight.unwrap_or(1000),
        })
    }
}

/// A `qvalue` (RFC 9110, 12.4.2), also as clients write it: `.5`, `1.`, with more than three decimals. What is no number at all is
/// the least weight: the client does name the item, and does not say how much it wants it.
fn thousandths(text: &str) -> u16 {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f32>() {
        Ok(0.0) if digits => 0,
        // Rounded up: only zero means "not at all".
        Ok(weight) if digits => (weight.min(1.0) * 1000.0).round().max(1.0) as u16,
        _ => 1,
    }
}

/// The parts of a list, trimmed, without the empty ones. A delimiter within a quoted string separates nothing; a quote that is
/// never closed is an ordinary character.
pub(super) fn items(list: &str, delimiter: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_item(text, delimiter);
        rest = text.get(end + delimiter.len_utf8()..);
        Some(text[..end].trim())
    })
    .filter(|item| !item.is_empty())
}

fn end_of_item(text: &str, delimiter: char) -> usize {
    let mut at = 0;
    while let Some(found) = text[at..].find([delimiter, '"']) {
        let place = at + found;
        if text[place..].starts_with(delimiter) {
            return place;
        }
        at = closing_quote(text, place).unwrap_or(place) + 1;
    }
    text.len()
}

/// Where the quoted string ends that begins at `open`.
fn closing_quote(text: &str, open: usize) -> Option<usize> {
    let mut escaped = false;
    let inner = text.as_bytes().iter().enumerate().skip(open + 1);
    for (place, byte) in inner {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(place),
            _ => {}
        }
    }
    None
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
            ("", Language::English),
            ("de", Language::German),
            ("DE-at", Language::German),
            ("de-AT, en;q=0.9", Language::German),
            ("en, de", Language::English),
            ("de, en", Language::German),
            ("en;q=0.5, de;q=0.501", Language::German),
            ("de;q=0.5, en;q=0.500", Language::German),
            ("fr, de;q=0.1", Language::German),
            ("fr", Language::English),
            ("*", Language::English),
            ("*, de;q=0.5", Language::English),
            ("en;q=0, *", Language::German),
            ("de;q=0", Language::English),
            ("de;q=0, en;q=0", Language::English),
            ("de;q=2", Language::German),
            ("de;q=0.1234", Language::German),
            ("de;q=0.0001", Language::German),
            ("de;q=-1, en", Language::English),
            ("de; q=high", Language::German),
            ("de;q=.9,en;q=.8", Language::German),
            ("de ; q = 1.000 , en;Q=0.9", Language::German),
            ("en;q=0.2,,de_DE", Language::German),
            ("DE", Language::German),
            ("de;x=\"a,en\"", Language::German),
            ("deutsch", Language::English),
            (";;;,,,q=,\t", Language::English),
            ("dé", Language::English),
            ("\u{e4}, de", Language::German),
        ] {
            assert_eq!(
                preferred_language(&headers(ACCEPT_LANGUAGE, &[line])),
                language,
                "{line}"
            );
        }
        assert_eq!(preferred_language(&HeaderMap::new()), Language::English);
        assert_eq!(
            preferred_language(&headers(ACCEPT_LANGUAGE, &["en;q=0.2", "de"])),
            Language::German
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
            ("application/problem+json", true),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=0, */*", true),
            ("application/problem+json, application/json;q=0", false),
            ("*;q=0", false),
            ("text/html;x=\"a, */*\"", false),
            ("text/html; charset=\"", false),
        ] {
            assert_eq!(takes_json(&headers(ACCEPT, &[line])), takes, "{line}");
        }
        assert!(takes_json(&HeaderMap::new()));
        assert!(takes_json(&headers(ACCEPT, &["text/html", "application/json"])));
    }

    #[test]
    fn errors_are_problem_details_only_if_their_type_is_named_and_json_not_preferred() {
        for (line, format) in [
            ("", ErrorFormat::Json),
            ("*/*", ErrorFormat::Json),
            ("application/*", ErrorFormat::Json),
            ("application/json", ErrorFormat::Json),
            ("application/problem+json", ErrorFormat::Problem),
            ("Application/Problem+JSON;q=0.1", ErrorFormat::Problem),
            ("application/problem+json;q=0, */*", ErrorFormat::Json),
            ("application/json, application/problem+json", ErrorFormat::Problem),
            ("application/json;q=0.9, application/problem+json", ErrorFormat::Problem),
            ("application/json, application/problem+json;q=0.9", ErrorFormat::Json),
            ("application/problem+json;q=0.1, */*", ErrorFormat::Problem),
            ("application/problem+xml", ErrorFormat::Json),
        ] {
            assert_eq!(error_format(&headers(ACCEPT, &[line])), format, "{line}");
        }
    }

    #[test]
    fn sloppy_accept_headers_of_real_clients_are_answered() {
        for line in [
            // The HTTP client of the Java runtime.
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
            "*",
            "text/html,*;q=.5",
            "*/*;Q=0.1",
            "APPLICATION/JSON;Q=.5",
            ",, application/json ,",
            "application/json;",
            "application/json ; q = 0.5",
            "application/json;q=\"0.5\"",
            "application/json;q=0.12345",
            "application/json;q=2",
            "application/json;q=high",
            "application/json;q=",
            "application/json;charset=\"utf-8, or so\";q=.5",
            "text/html;title=\"a \\\", b\", application/json",
            "text/html;title=\"never closed, application/json",
            // No media range at all: as good as no header.
            "json",
            "*/json",
            "q=0.5",
            ";q=0",
            "\u{e4}",
            "\u{e4}, application/json",
        ] {
            assert!(takes_json(&headers(ACCEPT, &[line])), "{line}");
        }
    }

    #[test]
    fn a_body_is_json_in_utf_8_only() {
        for line in [
            "application/json",
            "Application/JSON",
            "APPLICATION/JSON;CHARSET=UTF-8",
            "application/json;charset=UTF-8",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; charset='utf-8'",
            "application/json; charset=utf8",
            "application/json ; charset = utf-8 ;",
            "application/json;",
            "application/json; profile=\"a;charset=latin1\"",
            "application/merge-patch+json",
        ] {
            assert_eq!(sends_json(&headers(CONTENT_TYPE, &[line])), Ok(()), "{line}");
        }
        let media_type = |line: &str| UnsupportedBody::MediaType(line.to_owned());
        let charset = |name: &str| UnsupportedBody::Charset(name.to_owned());
        for (line, why) in [
            ("application/json; charset=latin1", charset("latin1")),
            ("application/json; charset=\"UTF-16\"", charset("UTF-16")),
            ("application/json; charset=", charset("")),
            ("application/+json", media_type("application/+json")),
            ("application/jsonp", media_type("application/jsonp")),
            ("text/json", media_type("text/json")),
            ("text/plain", media_type("text/plain")),
            ("; charset=utf-8", media_type("; charset=utf-8")),
            (
                "application/json, application/json",
                media_type("application/json, application/json"),
            ),
            ("", UnsupportedBody::Undeclared),
            ("\u{e4}", media_type("\u{e4}")),
        ] {
            assert_eq!(sends_json(&headers(CONTENT_TYPE, &[line])), Err(why), "{line}");
        }
        assert_eq!(sends_json(&HeaderMap::new()), Err(UnsupportedBody::Undeclared));
        let twice = headers(CONTENT_TYPE, &["application/json", "application/json"]);
        assert_eq!(sends_json(&twice), Err(UnsupportedBody::DeclaredTwice));
        let mut compressed = headers(CONTENT_TYPE, &["application/json"]);
        compressed.insert(CONTENT_ENCODING, HeaderValue::from_static("identity, gzip"));
        assert_eq!(
            sends_json(&compressed),
            Err(UnsupportedBody::Encoding("gzip".to_owned()))
        );
        compressed.insert(CONTENT_ENCODING, HeaderValue::from_static("Identity"));
        assert_eq!(sends_json(&compressed), Ok(()));
    }
}
