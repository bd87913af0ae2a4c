//! Whatever comes in: an answer below 500, in the shape that every answer has.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tower::ServiceExt;

use super::host::{Got, Host};
use crate::api::negotiation::error_format;
use crate::api::{ApiLimits, router};

fn method() -> impl Strategy<Value = Method> {
    let known = vec![
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    prop_oneof![select(known).prop_map(str::to_owned), "[A-Z!#$%&'*+.^_`|~-]{1,12}"]
        .prop_map(|name| Method::from_bytes(name.as_bytes()).expect("a method"))
}

/// A path that looks like ours more often than not.
fn uri() -> impl Strategy<Value = Uri> {
    let word = vec![
        "big",
        "off",
        "events",
        "conf",
        "scheduled_exports",
        "exporters",
        "runs",
        "7",
        "preview",
        "%00",
        "%FF",
        "%2F",
        "",
    ];
    let segment =
        prop_oneof![8 => select(word).prop_map(str::to_owned), 1 => "[!-~]{0,8}", 1 => "[0-9]{1,30}", 1 => "\\PC{0,4}"];
    let query = prop_oneof![
        Just(String::new()),
        "\\?(page|page_size|ordering)=[!-~]{0,10}",
        "\\?[!-~]{0,20}",
        "\\?page=\\PC{0,4}"
    ];
    let root = prop_oneof![9 => Just("/api/v1/organizers/"), 1 => Just("/")];
    (
        root,
        vec(segment, 0..7),
        prop_oneof![3 => Just("/"), 1 => Just("")],
        query,
    )
        .prop_map(|(root, segments, slash, query)| format!("{root}{}{slash}{query}", segments.join("/")))
        .prop_filter_map("a URI that HTTP can carry", |uri| uri.parse().ok())
}

fn header() -> impl Strategy<Value = (HeaderName, HeaderValue)> {
    let names = vec![
        "accept",
        "accept-language",
        "authorization",
        "content-type",
        "content-length",
        "content-encoding",
        "host",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "x-idempotency-key",
        "x-request-id",
        "x-forwarded-proto",
        "expect",
        "te",
    ];
    let values = vec![
        "*/*",
        "application/json",
        "application/problem+json",
        "text/html;q=0",
        "de-AT, en;q=0.5",
        "Bearer john",
        "Bearer reader",
        "Token team",
        "*",
        "\"v3\"",
        "W/\"v3\", \"v4\"",
        "localhost:1",
        "https",
        "",
    ];
    let value = prop_oneof![
        3 => select(values).prop_map(|value| value.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
        1 => vec(b' '..=b'~', 0..400),
    ];
    (select(names), value).prop_filter_map("a header that HTTP can carry", |(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_request_is_answered_below_500(
        method in method(),
        uri in uri(),
        known in any::<bool>(),
        headers in vec(header(), 0..6),
        body in prop_oneof![vec(any::<u8>(), 0..60), Just(b"{}".to_vec()), Just(vec![b'['; 70_000])],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let head = method == Method::HEAD;
        let mut request = Request::new(Body::from(body));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        request.headers_mut().extend(headers);
        if known {
            request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer john"));
        }
        let format = error_format(request.headers());
        let got = runtime.block_on(async {
            let answer = router(Host::new(), ApiLimits::default()).oneshot(request).await.expect("an answer");
            Got::read(answer).await
        });
        prop_assert!(got.status.as_u16() < 500, "{got:?}");
        got.check(head, format);
    }
}
