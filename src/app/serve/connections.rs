//! Connections: a caller who sends or reads slowly, too much, or nothing at all is let go, and keeps nobody else from
//! being served.
//!
//! axum's own loop waits for a request's head for ever, and for an answer to be read. Here a head has its time, from the
//! first byte of the connection or the end of the answer before; so has a body, whole, and each step of an answer
//! (`deadline`); a head has its size. Connections are bounded, those of one address (`peers`) and all together: beyond
//! that they wait in the listener's backlog.

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

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// For a request's head to come, whole; an idle connection is closed after it too.
    pub head: Duration,
    /// For a request's body to come, whole.
    pub body: Duration,
    /// For each step of an answer to be read: 64 KiB, or the rest of it.
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

/// Serves until stopped, and then until every running request is answered. Whoever gives up waiting cuts them off.
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
            // Reset, not closed in good order: nothing of it stays behind.
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

/// The next connection. Where there are no more files to be had, one is closed before long.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(e) => {
                use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
                if !matches!(e.kind(), ConnectionAborted | ConnectionReset) {
                    tracing::error!(error = %e, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

async fn one(stream: TcpStream, peer: SocketAddr, router: Router, limits: ConnectionLimits, stop: CancellationToken) {
    // An answer goes out at once; whether that can be asked for does not matter.
    let _as_it_is = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes);
    // Who calls is known here alone.
    let service = tower::ServiceBuilder::new().map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let service = TowerToHyperService::new(service.service(router));
    let mut connection = pin!(http.serve_connection(TokioIo::new(WriteDeadline::new(stream, limits.write)), service));
    // What goes wrong with a connection is the caller's: it has been answered, or is gone.
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}

/// A body that has not come by its time ends as one that was broken off.
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
