//! Versions over HTTP: `ETag` and `If-Match` (RFC 9110, 13.1).

use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;

/// The strong tag of a version.
pub(super) fn of(version: u64) -> String {
    format!("\"v{version}\"")
}

/// What `If-Match` demands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing, or `*`: what is there may have any version.
    Any,
    /// One of these. Weak tags and what is no tag of ours match no version, and are left out.
    OneOf(Vec<u64>),
}

impl Demand {
    pub fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(IF_MATCH).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Self::Any,
            (Some(line), None) if line.as_bytes() == b"*" => Self::Any,
            _ => Self::OneOf(tags(headers).filter_map(version).collect()),
        }
    }
}

/// The items of all lines. A tag may hold a comma, but then none of its pieces looks like one of ours.
fn tags(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers
        .get_all(IF_MATCH)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The version behind a strong tag of ours, written exactly as [`of`] writes it.
fn version(tag: &str) -> Option<u64> {
    let version = tag.strip_prefix("\"v")?.strip_suffix('"')?.parse().ok()?;
    (of(version) == tag).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| {
                (
                    IF_MATCH,
                    HeaderValue::from_bytes(line.as_bytes()).expect("a header value"),
                )
            })
            .collect()
    }

    #[test]
    fn if_match_compares_strongly_with_every_tag_given() {
        let demand = |lines: &[&str]| Demand::of(&headers(lines));
        assert_eq!(demand(&[]), Demand::Any);
        assert_eq!(demand(&["*"]), Demand::Any);
        assert_eq!(demand(&["\"v7\""]), Demand::OneOf(vec![7]));
        assert_eq!(demand(&["\"v7\" ,, \"v8\"", "\"v9\""]), Demand::OneOf(vec![7, 8, 9]));
        assert_eq!(demand(&["\"other\", \"v7\""]), Demand::OneOf(vec![7]));
    }

    #[test]
    fn weak_tags_and_nonsense_match_no_version() {
        let nonsense = [
            "",
            "W/\"v7\"",
            "v7",
            "\"v07\"",
            "\"v+7\"",
            "\"v\"",
            "\"v7",
            "\"7\"",
            "*, *",
            "\u{e4}",
            "\"v99999999999999999999\"",
        ];
        for line in nonsense {
            assert_eq!(Demand::of(&headers(&[line])), Demand::OneOf(vec![]), "{line}");
        }
    }
}
