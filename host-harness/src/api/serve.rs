//! The HTTP/1 server below the router, with limits on what one client can take up.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::ApiLimits;
use super::peer::Patient;

/// The least that the HTTP parser works with, in bytes.
const LEAST_BUFFER: usize = 8192;
/// Out of file handles, say: time for some to come free.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is ready. Then it takes no new connections, lets the requests that it has finish for at most
/// [`ApiLimits::drain`], and returns. A connection that cannot be accepted is logged, and the next one is waited for.
pub async fn serve(listener: TcpListener, router: Router, limits: ApiLimits, shutdown: impl Future<Output = ()>) {
    let free = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &free) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        connections.spawn(connection(
            stream,
            place,
            router.clone(),
            limits.clone(),
            stopped.clone(),
        ));
    }
    drop((listener, stop));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::warn!("connections were cut off that did not end in time");
    }
}

/// The next connection, once there is a place for it. Until then it waits in the system's queue.
async fn accept(listener: &TcpListener, free: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let place = Arc::clone(free)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer is written whole: nothing is gained by keeping its end back until the client has acknowledged the rest.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "answers on a connection may wait for acknowledgements");
                }
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    router: Router,
    limits: ApiLimits,
    mut stopped: watch::Receiver<()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(LEAST_BUFFER));
    let stream = TokioIo::new(Patient::new(stream, limits.write_timeout));
    let mut connection = pin!(http.serve_connection(stream, TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
