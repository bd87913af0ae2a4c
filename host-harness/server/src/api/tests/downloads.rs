//! Files that are fetched with a link.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use futures_util::StreamExt as _;
use scheduled_exports_store::FILE_CHUNK;
use tower::ServiceExt as _;

use super::host::Host;
use crate::api::{ApiLimits, router};

const LINK: &str = "/download/a";
/// Two pieces and a bit.
const SIZE: usize = 2 * FILE_CHUNK + 5;

fn bytes() -> Vec<u8> {
    (0..=250).cycle().take(SIZE).collect()
}

fn host() -> Arc<Host> {
    let host = Host::new();
    host.offers("a", bytes());
    host
}

async fn ask(host: &Arc<Host>, method: &str, lines: &[(&str, &str)]) -> Response {
    let router = router(host.clone(), ApiLimits::default());
    let request = lines
        .iter()
        .fold(Request::builder().method(method).uri(LINK), |request, (name, line)| {
            request.header(*name, *line)
        });
    let request = request.body(Body::empty()).expect("a request");
    router.oneshot(request).await.expect("an answer")
}

/// None: the body broke off.
async fn read(response: Response) -> Option<Vec<u8>> {
    let read = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    read.ok().map(|bytes| bytes.to_vec())
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name).map(|value| value.to_str().expect("text"));
    value.unwrap_or_default()
}

#[tokio::test]
async fn a_file_is_read_piece_by_piece_as_it_is_taken() {
    let host = host();
    let response = ask(&host, "GET", &[]).await;
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("content-length", SIZE.to_string().as_str()),
        (
            "content-disposition",
            "attachment; filename=\"orders.csv\"; filename*=UTF-8''orders.csv",
        ),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-type", "text/csv"),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    let mut body = response.into_body().into_data_stream();
    assert_eq!(host.pieces_read(), [0_u64; 0], "nothing is read before it is wanted");
    let mut got = Vec::new();
    for piece in 0..3 {
        got.extend_from_slice(&body.next().await.expect("a piece").expect("readable"));
        assert_eq!(host.pieces_read(), [piece], "one at a time");
    }
    assert!(body.next().await.is_none());
    assert!(got == bytes());
}

#[tokio::test]
async fn head_reads_no_byte_of_the_file() {
    let host = host();
    let head = ask(&host, "HEAD", &[("range", "bytes=0-1")]).await;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, SIZE.to_string().as_str())
    );
    let get = ask(&host, "GET", &[]).await;
    assert!(header(&head, "etag").starts_with('"'));
    for name in ["etag", "accept-ranges", "content-type", "content-disposition"] {
        assert_eq!(header(&head, name), header(&get, name), "{name}");
    }
    assert_eq!(read(head).await, Some(vec![]));
    assert_eq!(host.pieces_read(), [0_u64; 0]);
}

#[tokio::test]
async fn a_range_is_sent_alone_and_read_alone() {
    let host = host();
    let (whole, size, piece) = (bytes(), SIZE, FILE_CHUNK);
    for (range, first, last, pieces) in [
        ("bytes=0-0", 0, 0, vec![0]),
        (&format!("bytes={}-{}", piece - 1, piece), piece - 1, piece, vec![0, 1]),
        (&format!("bytes={piece}-{}", piece + 9), piece, piece + 9, vec![1]),
        ("bytes=-3", size - 3, size - 1, vec![2]),
        (&format!("bytes={}-", 2 * piece), 2 * piece, size - 1, vec![2]),
        ("bytes=0-", 0, size - 1, vec![0, 1, 2]),
    ] {
        let response = ask(&host, "GET", &[("range", range)]).await;
        assert_eq!(response.status(), 206, "{range}");
        assert_eq!(
            header(&response, "content-range"),
            format!("bytes {first}-{last}/{size}")
        );
        assert_eq!(
            header(&response, "content-length"),
            (last - first + 1).to_string(),
            "{range}"
        );
        assert!(read(response).await.expect("whole") == whole[first..=last], "{range}");
        assert_eq!(host.pieces_read(), pieces, "{range}");
    }
    for (range, why) in [
        ("bytes=0-1,3-4", "several"),
        ("lines=1-2", "another unit"),
        ("bytes=2-1", "none"),
    ] {
        let response = ask(&host, "GET", &[("range", range)]).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "content-range")),
            (200, ""),
            "{why}"
        );
        assert!(read(response).await.expect("whole") == whole, "{why}");
        host.pieces_read();
    }
    for range in [&format!("bytes={size}-"), "bytes=-0"] {
        let response = ask(&host, "GET", &[("range", range)]).await;
        let answer = (response.status().as_u16(), header(&response, "content-range"));
        assert_eq!(answer, (416, format!("bytes */{size}").as_str()), "{range}");
        assert_eq!(host.pieces_read(), [0_u64; 0]);
    }
}

#[tokio::test]
async fn conditions_are_about_the_tag_of_the_file() {
    let host = host();
    let tag = header(&ask(&host, "HEAD", &[]).await, "etag").to_owned();
    let weak = format!("W/{tag}");
    let several = format!("\"other\", {tag}");
    let range = ("range", "bytes=1-2");
    for (method, lines, status) in [
        ("GET", vec![("if-none-match", tag.as_str())], 304),
        ("HEAD", vec![("if-none-match", &weak)], 304),
        ("GET", vec![("if-none-match", &several)], 304),
        ("GET", vec![("if-none-match", "*")], 304),
        ("GET", vec![("if-none-match", "\"other\"")], 200),
        ("GET", vec![("if-match", &several)], 200),
        ("GET", vec![("if-match", "*")], 200),
        ("GET", vec![("if-match", &weak)], 412),
        ("HEAD", vec![("if-match", "\"other\"")], 412),
        ("GET", vec![range, ("if-range", &tag)], 206),
        ("GET", vec![range, ("if-range", &weak)], 200),
        ("GET", vec![range, ("if-range", "\"other\"")], 200),
        ("GET", vec![range, ("if-range", "Mon, 30 Nov 2026 12:00:00 GMT")], 200),
    ] {
        let response = ask(&host, method, &lines).await;
        assert_eq!(response.status(), status, "{method} {lines:?}");
        if status == 304 {
            assert_eq!(header(&response, "etag"), tag);
            assert_eq!(read(response).await, Some(vec![]));
        }
    }
}

#[tokio::test]
async fn a_link_that_ends_on_the_way_breaks_its_file_off() {
    let host = host();
    let mut body = ask(&host, "GET", &[]).await.into_body().into_data_stream();
    assert!(body.next().await.expect("a piece").is_ok());
    host.offers_no_more("a");
    assert!(body.next().await.expect("an end").is_err());
    let gone = ask(&host, "GET", &[]).await;
    let unknown = host.ask("GET", "/download/b").send().await;
    assert_eq!((gone.status().as_u16(), unknown.status.as_u16()), (404, 404));
    assert_eq!(read(gone).await.expect("a body"), unknown.body.as_bytes());
}

#[tokio::test]
async fn an_empty_file_is_sent_as_one() {
    let host = Host::new();
    host.offers("a", vec![]);
    let response = ask(&host, "GET", &[]).await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "content-length")),
        (200, "0")
    );
    assert_eq!(read(response).await, Some(vec![]));
    assert_eq!(ask(&host, "GET", &[("range", "bytes=0-")]).await.status(), 416);
}

#[tokio::test]
async fn a_link_is_read_by_4_at_a_time_and_64_files_in_all() {
    let host = host();
    let links: Vec<String> = ('a'..='t').map(String::from).collect();
    for link in &links {
        host.offers(link, bytes());
    }
    let router = router(host.clone(), ApiLimits::default());
    let ask = async |method: &str, link: &str| {
        let request = Request::builder().method(method).uri(format!("/download/{link}"));
        router
            .clone()
            .oneshot(request.body(Body::empty()).expect("a request"))
            .await
            .expect("an answer")
    };
    let mut held = Vec::new();
    for link in &links[..16] {
        for _ in 0..4 {
            let response = ask("GET", link).await;
            assert_eq!(response.status(), 200);
            held.push(response);
        }
    }
    let fifth = ask("GET", "a").await;
    assert_eq!((fifth.status().as_u16(), header(&fifth, "retry-after")), (429, "10"));
    let another = ask("GET", "t").await;
    assert_eq!(
        (another.status().as_u16(), header(&another, "retry-after")),
        (503, "10")
    );
    assert_eq!(ask("HEAD", "a").await.status(), 200, "which reads nothing");
    // One that hangs up makes room for one other, one that reads to the end as well.
    drop(held.remove(0));
    let one = ask("GET", "a").await;
    assert_eq!(
        (one.status().as_u16(), ask("GET", "t").await.status().as_u16()),
        (200, 503)
    );
    read(held.remove(0)).await.expect("the file");
    assert_eq!(ask("GET", "t").await.status(), 200);
}
