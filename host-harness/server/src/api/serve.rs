//! The HTTP/1 server below the router, with limits on what one client can take up.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::TRANSFER_ENCODING;
use axum::http::{HeaderMap, Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::flood::Flood;
use super::negotiation::{error_format, preferred_language};
use super::peer::Patient;
use super::places::{Place, Places, UnderWay};
use super::problems::Refusal;
use super::{ApiLimits, REQUEST_ID, links, request_id};

/// The least that the HTTP parser works with, in bytes.
const LEAST_BUFFER: usize = 8192;
/// Out of file handles, say: time for some to come free.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);
/// How many refused clients are heard out at a time; others are told nothing.
const FAREWELLS: usize = 16;
/// What a client reads that finds no place.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: application/json\r\nContent-Length: 52\r\n\r\n{\"detail\":\"Too many connections. Please try again.\"}";

/// Serves until `shutdown` is ready. Then it takes no new connections, lets the requests that it has finish for at most
/// [`ApiLimits::drain`], and returns. A connection that cannot be accepted is logged, and the next one is waited for.
pub async fn serve(listener: TcpListener, router: Router, limits: ApiLimits, shutdown: impl Future<Output = ()>) {
    let places = Places::new(limits.connections, limits.connections_per_peer);
    let farewells = Arc::new(Semaphore::new(FAREWELLS));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut flood = Flood::default();
    let mut shutdown = pin!(shutdown);
    // Goes on while other things happen: it can have a connection that waits for its place.
    let mut admitting = Box::pin(admitted(&listener, &places, &limits));
    loop {
        let next_line = flood.next();
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = admitting.as_mut() => accepted,
            () = at(next_line) => {
                flood.log(Instant::now());
                continue;
            }
            Some(_) = connections.join_next() => continue,
        };
        admitting.set(admitted(&listener, &places, &limits));
        flood.closed += places.closed();
        match accepted {
            Accepted::Placed(stream, place) => {
                connections.spawn(connection(
                    stream,
                    place,
                    router.clone(),
                    limits.clone(),
                    stopped.clone(),
                ));
            }
            Accepted::Crowded(stream) => {
                flood.refused += 1;
                if let Ok(turn) = Arc::clone(&farewells).try_acquire_owned() {
                    let farewell = refuse(stream, limits.write_timeout);
                    connections.spawn(async move {
                        farewell.await;
                        drop(turn);
                    });
                }
            }
            Accepted::Failed => flood.failed += 1,
        }
        flood.log(Instant::now());
    }
    drop(admitting);
    drop((listener, stop));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::warn!("closed connections that did not drain in time");
    }
}

/// What became of the next connection.
enum Accepted {
    Placed(TcpStream, Arc<Place>),
    Crowded(TcpStream),
    Failed,
}

/// The next connection, once there is a place for it. Meanwhile those after it wait in the system's queue.
async fn admitted(listener: &TcpListener, places: &Arc<Places>, limits: &ApiLimits) -> Accepted {
    match listener.accept().await {
        Ok((stream, address)) => {
            // An answer is written whole: nothing is gained by keeping its end back until the client has acknowledged the rest.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "could not set TCP_NODELAY");
            }
            match places.take(address.ip().into(), limits.place_timeout).await {
                Ok(place) => Accepted::Placed(stream, place),
                Err(crowded) => {
                    tracing::debug!(?crowded, "a connection was refused");
                    Accepted::Crowded(stream)
                }
            }
        }
        Err(error) => {
            tracing::debug!(%error, "could not accept a connection");
            places.close_one();
            tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
            Accepted::Failed
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

/// Tells a client to come back, and hears it out for a moment, so that it reads that.
async fn refuse(stream: TcpStream, patience: Duration) {
    let mut stream = Patient::new(stream, patience, Arc::default());
    if stream.write_all(NO_PLACE).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    place: Arc<Place>,
    router: Router,
    limits: ApiLimits,
    mut stopped: watch::Receiver<()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(LEAST_BUFFER));
    let stream = TokioIo::new(Patient::new(stream, limits.write_timeout, place.unread()));
    let service = service_fn({
        let place = Arc::clone(&place);
        move |request| answer(router.clone(), Arc::clone(&place), request)
    });
    // Dropped before the place is: the next one in it has this one's file descriptor.
    let mut connection = Box::pin(http.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = place.told_to_leave() => Ok(()),
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    drop(connection);
    if let Err(error) = ended {
        tracing::debug!(%error, "connection error");
    }
}

/// Answers one request, which is under way until its answer has been passed on.
async fn answer(
    router: Router,
    place: Arc<Place>,
    request: Request<Incoming>,
) -> Result<Response<Answered>, Infallible> {
    let under_way = place.begin();
    let host = links::check_host(request.version(), request.headers());
    let sound = match host {
        Err(why) => Err(Refusal::BadHost(why)),
        Ok(()) if is_transformed(request.headers()) => Err(Refusal::TransferCoding),
        Ok(()) => Ok(()),
    };
    let response = match (sound, &under_way) {
        (Ok(()), Some(_)) => router.oneshot(request.map(Body::new)).await?,
        // Whatever is said to that, nobody hears it any more.
        (Ok(()), None) => Response::new(Body::empty()),
        (Err(refusal), _) => {
            let headers = request.headers();
            let reply = refusal.reply(preferred_language(headers), error_format(headers));
            tracing::info!(status = reply.status.as_u16(), ?refusal, "answered");
            reply
                .with(REQUEST_ID, request_id(headers))
                .into_response(request.method())
        }
    };
    Ok(response.map(|body| Answered {
        body,
        _under_way: under_way,
    }))
}

/// Is the body compressed, say, on its way? In pieces is all that is understood (RFC 9112, 6.1).
fn is_transformed(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut codings = codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
    codings.any(|coding| !coding.eq_ignore_ascii_case(b"chunked"))
}

/// The body of an answer, with the request that it belongs to.
struct Answered {
    body: Body,
    _under_way: Option<UnderWay>,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
