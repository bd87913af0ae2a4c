//! The server's limits, over real sockets.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::host::{Host, LIST, ONE};
use crate::api::{ApiLimits, router, serve};
use crate::descriptors::Descriptors;
use crate::service::Answer;

/// Long enough for every test, short enough to see a hanging one.
const TINY: Duration = Duration::from_millis(50);

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Server {
    async fn start(host: &Arc<Host>, limits: ApiLimits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(host.clone(), limits.clone());
        let done = tokio::spawn(serve(listener, router, limits, async { drop(stopped.await) }));
        Self { address, stop, done }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// A connection from another address of this machine.
    async fn connect_from(&self, address: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((address, 0).into()).expect("an address of this machine");
        socket.connect(self.address).await.expect("a connection")
    }

    /// Sends, and reads until the server closes.
    async fn talk(&self, sent: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may have closed already: what counts is what it said.
        drop(stream.write_all(sent).await);
        rest(&mut stream).await
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text).await {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(text).expect("UTF-8"),
    }
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer john\r\n{more}\r\n")
}

fn post(length: usize, body: &str) -> String {
    format!(
        "POST {LIST} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer john\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_request_is_answered_over_a_real_connection() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    let answer = server.talk(get(ONE, "Connection: close\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\netag: \"v3\"\r\n"), "{answer}");
    let head = get(LIST, "Connection: close\r\n").replacen("GET", "HEAD", 1);
    let answer = server.talk(head.as_bytes()).await;
    assert!(
        answer.ends_with("\r\n\r\n") && answer.contains("content-length: "),
        "{answer}"
    );
    assert!(!answer.contains("content-length: 0"), "{answer}");
}

#[tokio::test]
async fn a_head_past_the_limit_is_431() {
    let limits = ApiLimits {
        header_bytes: 8192,
        ..ApiLimits::default()
    };
    let server = Server::start(&Host::new(), limits).await;
    let bare = get(ONE, "Connection: close\r\nX-Filler: \r\n").len();
    let of = |length: usize| {
        get(
            ONE,
            &format!("Connection: close\r\nX-Filler: {}\r\n", "a".repeat(length - bare)),
        )
    };
    for (length, status) in [(8192, "200"), (8193, "431"), (60_000, "431")] {
        let answer = server.talk(of(length).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{length}: {answer}");
    }
}

#[tokio::test]
async fn nonsense_is_400_and_the_connection_is_closed() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    for nonsense in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ] {
        let answer = server.talk(nonsense.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{nonsense:?}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_dropped() {
    let limits = ApiLimits {
        header_timeout: TINY,
        ..ApiLimits::default()
    };
    let server = Server::start(&Host::new(), limits).await;
    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let answer = server.talk(said.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{said:?}: {answer}");
    }
    // Nor may it sit on a connection after its answer.
    let answer = server.talk(get(ONE, "").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let limits = ApiLimits {
        body_timeout: TINY,
        ..ApiLimits::default()
    };
    let host = Host::new();
    let server = Server::start(&host, limits).await;
    let answer = server.talk(post(10, "{").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn a_body_past_the_limit_is_answered_though_nobody_reads_it() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    for length in [65_537, 3_000_000] {
        let answer = server.talk(post(length, &"a".repeat(length)).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{length}: {answer}");
    }
    let answer = server.talk(post(65_536, &"a".repeat(65_536)).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_dropped() {
    let host = Host::gated();
    // More than the buffers of both sides hold.
    host.answers(Ok(Answer::Page {
        total: 1,
        documents: vec!["1".repeat(64_000_000)],
        next: None,
    }));
    let limits = ApiLimits {
        write_timeout: TINY,
        connections: 1,
        ..ApiLimits::default()
    };
    let server = Server::start(&host, limits).await;
    let mut idle = server.connect().await;
    idle.write_all(get(LIST, "").as_bytes()).await.expect("sent");
    // Before that, it would be an idle one, and give way at once.
    host.one_has_begun().await;
    host.let_one_go();
    host.let_one_go();
    // There is one place: it comes free only when the idle client is dropped.
    let answer = server.talk(get(ONE, "Connection: close\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(rest(&mut idle).await.len() < 64_000_000);
}

#[tokio::test]
async fn connections_past_the_limit_wait_for_a_place() {
    let host = Host::gated();
    let server = Server::start(
        &host,
        ApiLimits {
            connections: 2,
            place_timeout: LONG,
            ..ApiLimits::default()
        },
    )
    .await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client
            .write_all(get(ONE, "Connection: close\r\n").as_bytes())
            .await
            .expect("sent");
        clients.push(client);
    }
    host.one_has_begun().await;
    host.one_has_begun().await;
    // Nothing can show that a third call will not begin; that none has while two answers are awaited is what can be seen.
    assert_eq!(host.begun_unseen(), 0);
    host.let_one_go();
    host.one_has_begun().await;
    assert_eq!(host.asked().len(), 1);
    host.let_one_go();
    host.let_one_go();
    for mut client in clients {
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_requests_finish_and_idle_clients_go() {
    let host = Host::gated();
    let server = Server::start(&host, ApiLimits::default()).await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(get(ONE, "").as_bytes()).await.expect("sent");
    host.one_has_begun().await;
    server.stop.send(()).expect("a running server");
    assert_eq!(rest(&mut idle).await, "");
    assert!(!server.done.is_finished());
    host.let_one_go();
    let answer = rest(&mut busy).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("connection: close"),
        "{answer}"
    );
    drop((idle, busy));
    server.done.await.expect("no panic");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_server_that_stops_waits_only_so_long() {
    let host = Host::gated();
    let server = Server::start(
        &host,
        ApiLimits {
            drain: TINY,
            ..ApiLimits::default()
        },
    )
    .await;
    let mut busy = server.connect().await;
    busy.write_all(get(ONE, "").as_bytes()).await.expect("sent");
    host.one_has_begun().await;
    server.stop.send(()).expect("a running server");
    server.done.await.expect("no panic");
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_or_with_a_wrong_one_is_400() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    for (lines, status) in [
        ("HTTP/1.1\r\nHost: localhost\r\n", "200"),
        ("HTTP/1.1\r\nHost: [::1]:8080\r\n", "200"),
        ("HTTP/1.0\r\n", "200"),
        ("HTTP/1.1\r\n", "400"),
        ("HTTP/1.1\r\nHost:\r\n", "400"),
        ("HTTP/1.1\r\nHost: a\r\nHost: a\r\n", "400"),
        ("HTTP/1.1\r\nHost: a\r\nhost: b\r\n", "400"),
        ("HTTP/1.0\r\nHost: a\r\nHost: b\r\n", "400"),
        ("HTTP/1.1\r\nHost: a, b\r\n", "400"),
        ("HTTP/1.1\r\nHost: u@a\r\n", "400"),
        ("HTTP/1.1\r\nHost: http://a\r\n", "400"),
        ("HTTP/1.1\r\nHost: a:99999\r\n", "400"),
    ] {
        let answer = server
            .talk(format!("GET /healthz {lines}Connection: close\r\n\r\n").as_bytes())
            .await;
        let version = if answer.starts_with("HTTP/1.0") { "1.0" } else { "1.1" };
        assert!(
            answer.starts_with(&format!("HTTP/{version} {status} ")),
            "{lines}: {answer}"
        );
        assert!(
            status == "200" || answer.contains("{\"detail\":\"Host is "),
            "{lines}: {answer}"
        );
    }
}

/// Opens connections that send one byte each, and are held.
async fn flood(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = server.connect().await;
        // One that was closed for a later one can no longer take it.
        drop(stream.write_all(b"G").await);
        held.push(stream);
    }
    held
}

#[tokio::test]
async fn a_flood_of_1100_connections_that_send_one_byte_keeps_nobody_out() {
    Descriptors::raise().expect("room for both sides of the flood");
    let limits = ApiLimits {
        // Nobody is dropped for having taken too long.
        header_timeout: LONG,
        ..ApiLimits::default()
    };
    let server = Server::start(&Host::new(), limits.clone()).await;
    let mut held = flood(&server, 1100).await;
    let request = get(ONE, "Connection: close\r\n");
    for address in [[127, 0, 0, 2], [127, 0, 0, 1]] {
        let mut honest = server.connect_from(address).await;
        honest.write_all(request.as_bytes()).await.expect("sent");
        let answer = rest(&mut honest).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{address:?}: {answer}");
    }
    // The oldest were closed for the later ones: all but as many as one peer may have.
    let closed = 1100 - limits.connections_per_peer;
    for stream in &mut held[..closed] {
        assert_eq!(rest(stream).await, "");
    }
    let mut nothing = [0];
    for stream in &held[closed + 1..] {
        let read = stream.try_read(&mut nothing).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::WouldBlock), "still open");
    }
}

#[tokio::test]
async fn a_peer_whose_requests_are_all_under_way_is_told_to_come_back_and_others_are_served() {
    let host = Host::gated();
    let limits = ApiLimits {
        connections_per_peer: 2,
        ..ApiLimits::default()
    };
    let server = Server::start(&host, limits).await;
    let mut busy = [server.connect().await, server.connect().await];
    for client in &mut busy {
        client
            .write_all(get(ONE, "Connection: close\r\n").as_bytes())
            .await
            .expect("sent");
        host.one_has_begun().await;
    }
    let refused = rest(&mut server.connect().await).await;
    assert!(
        refused.starts_with("HTTP/1.1 503 ") && refused.contains("\r\nRetry-After: 1\r\n"),
        "{refused}"
    );
    let body = refused.split_once("\r\n\r\n").expect("a body").1;
    assert!(
        refused.contains(&format!("Content-Length: {}\r\n", body.len())),
        "{refused}"
    );
    let mut other = server.connect_from([127, 0, 0, 2]).await;
    other
        .write_all(get("/healthz", "Connection: close\r\n").as_bytes())
        .await
        .expect("sent");
    assert!(rest(&mut other).await.starts_with("HTTP/1.1 200 OK\r\n"));
    for client in &mut busy {
        host.let_one_go();
        assert!(rest(client).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_connection_that_finds_only_requests_under_way_waits_so_long_and_is_told_to_come_back() {
    let host = Host::gated();
    let limits = ApiLimits {
        connections: 1,
        place_timeout: TINY,
        ..ApiLimits::default()
    };
    let server = Server::start(&host, limits).await;
    let mut busy = server.connect().await;
    busy.write_all(get(ONE, "Connection: close\r\n").as_bytes())
        .await
        .expect("sent");
    host.one_has_begun().await;
    let refused = rest(&mut server.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    host.let_one_go();
    assert!(rest(&mut busy).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_question_about_no_path_names_every_method() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    let answer = server
        .talk(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let allow = "\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";
    assert!(answer.contains(allow), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_compressed_on_its_way_is_501_and_one_in_pieces_is_read() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    for (coding, status) in [
        ("chunked", "201"),
        ("Chunked", "201"),
        ("gzip, chunked", "501"),
        ("gzip,chunked", "501"),
        ("gzip\r\nTransfer-Encoding: chunked", "501"),
    ] {
        let sent = format!(
            "POST {LIST} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer john\r\nConnection: close\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        );
        let answer = server.talk(sent.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{coding}: {answer}");
        if status == "501" {
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
            assert!(answer.contains("Transfer-Encoding is not supported"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_request_as_for_a_proxy_is_answered_as_of_the_host_that_it_names() {
    let server = Server::start(&Host::new(), ApiLimits::default()).await;
    let sent = get(
        "http://abs.example/control/big/scheduled-exports/",
        "Connection: close\r\n",
    );
    let answer = server.talk(sent.as_bytes()).await;
    let end = "\nhttp://abs.example/api/v1/organizers/big/scheduled_exports/\n";
    assert!(answer.ends_with(end), "{answer}");
}
