//! Versions over HTTP: `ETag`, `If-Match` and `If-None-Match` (RFC 9110, 13.1).

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

/// The strong tag of a version.
pub(super) fn of(version: u64) -> String {
    format!("\"v{version}\"")
}

/// What a request demands of the stored version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conditions {
    pub matches: IfMatch,
    /// None: there is no `If-None-Match`.
    pub none_match: Option<Tags>,
}

impl Conditions {
    pub fn of(headers: &HeaderMap) -> Self {
        Self {
            matches: IfMatch::of(headers),
            none_match: Tags::of(headers, &IF_NONE_MATCH),
        }
    }

    /// Whether anything is demanded.
    pub fn are_given(&self) -> bool {
        self.matches != IfMatch::Any || self.none_match.is_some()
    }
}

/// What `If-Match` demands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// Nothing, or `*`: what is there may have any version.
    Any,
    /// One of these. Weak tags and what is no tag of ours match no version, and are left out.
    OneOf(Vec<u64>),
}

impl IfMatch {
    fn of(headers: &HeaderMap) -> Self {
        match Tags::of(headers, &IF_MATCH) {
            None | Some(Tags::Any) => Self::Any,
            Some(Tags::OneOf(tags)) => Self::OneOf(tags.iter().filter_map(|tag| version(tag)).collect()),
        }
    }
}

/// The value of a conditional header, all of its lines together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever is there.
    Any,
    /// As they were sent; what is no tag matches nothing.
    OneOf(Vec<String>),
}

impl Tags {
    /// None: there is no such header.
    pub fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut lines = headers.get_all(name).iter();
        let first = lines.next()?;
        if first.as_bytes().trim_ascii() == b"*" && lines.next().is_none() {
            return Some(Self::Any);
        }
        // A tag may hold a comma, but then none of its pieces looks like one of ours.
        let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        let tags = lines.flat_map(|line| line.split(',')).map(|tag| tag.trim().to_owned());
        Some(Self::OneOf(tags.collect()))
    }

    /// Whether `tag` is among them by weak comparison: `W/` in front makes no difference.
    pub fn names(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|known| opaque(known) == opaque(tag)),
        }
    }

    /// Whether `tag` is among them by strong comparison.
    pub fn names_strongly(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|known| known == tag),
        }
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
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
        let demand = |lines: &[&str]| IfMatch::of(&headers(lines));
        assert_eq!(demand(&[]), IfMatch::Any);
        assert_eq!(demand(&["*"]), IfMatch::Any);
        assert_eq!(demand(&["\"v7\""]), IfMatch::OneOf(vec![7]));
        assert_eq!(demand(&["\"v7\" ,, \"v8\"", "\"v9\""]), IfMatch::OneOf(vec![7, 8, 9]));
        assert_eq!(demand(&["\"other\", \"v7\""]), IfMatch::OneOf(vec![7]));
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
            assert_eq!(IfMatch::of(&headers(&[line])), IfMatch::OneOf(vec![]), "{line}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly_with_every_tag_given() {
        let names = |lines: &[&str]| {
            let headers = lines
                .iter()
                .map(|line| (IF_NONE_MATCH, HeaderValue::from_str(line).expect("text")));
            Tags::of(&headers.collect(), &IF_NONE_MATCH).map(|tags| tags.names("\"v7\""))
        };
        assert_eq!(names(&[]), None);
        for line in ["*", " * ", "\"v7\"", "W/\"v7\"", "\"v6\",\"v7\"", ",, W/\"v7\" ,"] {
            assert_eq!(names(&[line]), Some(true), "{line}");
        }
        assert_eq!(names(&["\"v6\"", "\"v7\""]), Some(true));
        for line in ["", "\"v6\"", "v7", "w/\"v7\"", "*, *", "\"v7"] {
            assert_eq!(names(&[line]), Some(false), "{line}");
        }
    }
}
