//! Connections and their limits, so that slow, idle or endless callers do not block others.
//!
//! axum's own loop waits for ever for a request's head, and for a client to read. Here a head has a time-out, from the
//! first byte of the connection or the end of the previous response, and a size limit; a body has a time-out as a whole,
//! and a response one for each step (`deadline`). Connections are limited for each address (`peers`) and in all: further
//! ones wait in the listener's backlog.

use crate::app::serve::deadline::WriteDeadline;
use crate::app::serve::peers::Peers;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Router, middleware};
use futures::stream;
use futures::stream::StreamExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Limits of one connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// For a whole request head; also closes idle connections.
    pub head: Duration,
    /// For a whole request body.
    pub body: Duration,
    /// For the client to read each 64 KiB of a response, or its rest.
    pub write: Duration,
    /// The largest head, in bytes.
    pub head_bytes: usize,
    /// Connections at once.
    pub connections: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            head_bytes: 64 * 1024,
            connections: 10_000,
        }
    }
}

/// Serves until stopped, then finishes running requests. Dropping the future closes their connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    peers: Peers,
    stop: CancellationToken,
) {
    let router = router.layer(middleware::from_fn_with_state(limits.body, body_in_time));
    let (free, mut running) = (Arc::new(Semaphore::new(limits.connections)), JoinSet::new());
    loop {
        let next = async {
            let place = Arc::clone(&free).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let ((stream, peer), place) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        while running.try_join_next().is_some() {}
        let Some(of_peer) = peers.admit(peer.ip()) else {
            // A reset leaves nothing behind in the kernel.
            let _gone = stream.set_zero_linger();
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        running.spawn(async move {
            one(stream, peer, router, limits, stop).await;
            drop((place, of_peer));
        });
    }
    drop(listener);
    while running.join_next().await.is_some() {}
}

/// The next connection. Without free file descriptors it waits until one is closed.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(e) => {
                use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
                if !matches!(e.kind(), ConnectionAborted | ConnectionReset) {
                    tracing::error!(error = %e, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

async fn one(stream: TcpStream, peer: SocketAddr, router: Router, limits: ConnectionLimits, stop: CancellationToken) {
    // Responses are sent at once; an error here does not matter.
    let _as_it_is = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes);
    // Only this place knows the caller's address.
    let service = tower::ServiceBuilder::new().map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let service = TowerToHyperService::new(service.service(router));
    let mut connection = pin!(http.serve_connection(TokioIo::new(WriteDeadline::new(stream, limits.write)), service));
    // An error of a connection is the caller's: it has its response, or is gone.
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}

/// A body that is late ends as a broken one.
async fn body_in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if http_body::Body::is_end_stream(&body) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let until = Instant::now() + limit;
    let chunks = stream::unfold(Some(body.into_data_stream()), move |chunks| async move {
        let mut chunks = chunks?;
        match timeout_at(until, chunks.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, Some(chunks))),
            Err(_late) => Some((Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut))), None)),
        }
    });
    next.run(Request::from_parts(parts, Body::from_stream(chunks))).await
}
