//! `Idempotency-Key`: a repeated write answers as the first did.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::problems::Refusal;

/// Both names are taken.
const NAMES: [HeaderName; 2] = [
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-idempotency-key"),
];
/// No key is longer, in characters.
const LONGEST: usize = 255;
/// Seconds that a request has to answer; then another one with its key takes over.
pub(super) const LEASE: i64 = 60;

/// The key that a write is sent with, if any.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut keys = NAMES.into_iter().flat_map(|name| headers.get_all(name));
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    if keys.any(|other| other != key) {
        return Err(Refusal::SeveralKeys);
    }
    let key = key.to_str().map_err(|_| Refusal::BadKey)?;
    if !(1..=LONGEST).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::BadKey);
    }
    Ok(Some(key.to_owned()))
}

/// What makes two requests the same: method, path, query and body.
pub(super) fn fingerprint(parts: &Parts, body: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    let fields = [
        parts.method.as_str(),
        parts.uri.path(),
        parts.uri.query().unwrap_or_default(),
        body,
    ];
    for field in fields {
        // With its length in front, nothing can move from one field to the next.
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, Request};

    fn from(lines: &[(usize, &str)]) -> Result<Option<String>, Refusal> {
        let headers = lines.iter().map(|&(name, line)| {
            (
                NAMES[name].clone(),
                HeaderValue::from_bytes(line.as_bytes()).expect("a header value"),
            )
        });
        key(&headers.collect())
    }

    #[test]
    fn a_key_comes_under_either_name() {
        assert_eq!(from(&[]), Ok(None));
        assert_eq!(from(&[(0, "a-1")]), Ok(Some("a-1".into())));
        assert_eq!(from(&[(1, "a-1")]), Ok(Some("a-1".into())));
        assert_eq!(from(&[(0, "a-1"), (1, "a-1")]), Ok(Some("a-1".into())));
        assert_eq!(from(&[(0, "a-1"), (1, "a-2")]), Err(Refusal::SeveralKeys));
        assert_eq!(from(&[(0, "a-1"), (0, "a-2")]), Err(Refusal::SeveralKeys));
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        assert_eq!(from(&[(0, "")]), Err(Refusal::BadKey));
        assert_eq!(from(&[(0, &"k".repeat(255))]), Ok(Some("k".repeat(255))));
        assert_eq!(from(&[(0, &"k".repeat(256))]), Err(Refusal::BadKey));
        for key in ["a b", "\u{e4}", "a\tb"] {
            assert_eq!(from(&[(0, key)]), Err(Refusal::BadKey), "{key}");
        }
    }

    #[test]
    fn the_fingerprint_tells_method_path_query_and_body_apart() {
        let of = |method: &str, uri: &str, body: &str| {
            let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
            fingerprint(&request.into_parts().0, body)
        };
        let first = of("POST", "/a/", "{}");
        assert_eq!(first, of("POST", "/a/", "{}"));
        for other in [
            of("PUT", "/a/", "{}"),
            of("POST", "/b/", "{}"),
            of("POST", "/a/?x", "{}"),
            of("POST", "/a/", "{ }"),
            of("POST", "/a/{}", ""),
        ] {
            assert_ne!(first, other);
        }
    }
}
