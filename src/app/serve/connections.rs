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
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
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
use std::sync::atomic::{AtomicBool, Ordering};
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

/// The time after the stop in which an idle connection still takes a request: one may be on its way.
const IDLE_AT_STOP: Duration = Duration::from_secs(1);

/// The stages of a stop, in their order.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// `/readyz` answers 503, and every response closes its connection, so that callers go elsewhere.
    pub leaving: CancellationToken,
    /// No connection is accepted any more.
    pub stop: CancellationToken,
    /// Idle connections are closed.
    idle: CancellationToken,
}

impl Stages {
    /// Stages of which the first one begins with `leaving`.
    #[must_use]
    pub fn new(leaving: CancellationToken) -> Self {
        Self { leaving, ..Self::default() }
    }
}

/// Serves until stopped, then finishes running requests. Dropping the future closes their connections.
///
/// A connection that is closed between two requests may cut off the second. So responses say `Connection: close` from
/// the first stage on, and an idle connection is closed a second after the listener.
pub async fn serve(listener: TcpListener, router: Router, limits: ConnectionLimits, peers: Peers, stages: Stages) {
    let router = router.layer(middleware::from_fn_with_state(limits.body, body_in_time));
    let (free, mut running) = (Arc::new(Semaphore::new(limits.connections)), JoinSet::new());
    let begin = |stream: TcpStream, peer: SocketAddr, place, running: &mut JoinSet<()>| {
        let Some(of_peer) = peers.admit(peer.ip()) else {
            // A reset leaves nothing behind in the kernel.
            let _gone = stream.set_zero_linger();
            return;
        };
        let (router, stages) = (router.clone(), stages.clone());
        running.spawn(async move {
            one(stream, peer, router, limits, stages).await;
            drop((place, of_peer));
        });
    };
    loop {
        let next = async {
            let place = Arc::clone(&free).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let ((stream, peer), place) = tokio::select! {
            () = stages.stop.cancelled() => break,
            next = next => next,
        };
        while running.try_join_next().is_some() {}
        begin(stream, peer, place.ok(), &mut running);
    }
    for (stream, peer) in take_backlog(listener, limits.connections) {
        begin(stream, peer, None, &mut running);
    }
    tokio::select! {
        () = all_ended(&mut running) => return,
        () = tokio::time::sleep(IDLE_AT_STOP) => stages.idle.cancel(),
    }
    all_ended(&mut running).await;
}

async fn all_ended(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}

/// Closes the listener. Connections that the kernel had already accepted would be reset, so they are served.
fn take_backlog(listener: TcpListener, max: usize) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accept = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(accept).take(max).collect()
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

async fn one(stream: TcpStream, peer: SocketAddr, router: Router, limits: ConnectionLimits, stages: Stages) {
    // Responses are sent at once; an error here does not matter.
    let _as_it_is = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes);
    let is_used = Arc::new(AtomicBool::new(false));
    let (used, leaving) = (Arc::clone(&is_used), stages.leaving);
    // Only this place knows the caller's address.
    let service = tower::ServiceBuilder::new()
        .map_request(move |mut request: hyper::Request<Incoming>| {
            used.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        })
        .map_response(move |mut response: Response| {
            if leaving.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        });
    let service = TowerToHyperService::new(service.service(router));
    let mut connection = pin!(http.serve_connection(TokioIo::new(WriteDeadline::new(stream, limits.write)), service));
    // An error of a connection is the caller's: it has its response, or is gone.
    tokio::select! {
        biased;
        _ended = connection.as_mut() => return,
        () = stages.idle.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // A browser opens connections that it may never use.
    if is_used.load(Ordering::Relaxed) {
        let _ended = connection.await;
    }
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
