//! Each request gets its ids, is counted by its route's pattern, and may have a line in the log.

use crate::http::request::code::Code;
use crate::metrics::METRICS;
use crate::request_trace::{REQUEST_ID, RequestTrace, TRACEPARENT};
use crate::usecases::App;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;
use tracing::Instrument as _;

/// The route of a path that the program does not have.
const NO_ROUTE: &str = "none";

/// Middleware around all routes.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, route) = (method_name(request.method()), request.extensions().get::<MatchedPath>().cloned());
    let trace = RequestTrace::of(request.headers());
    // At the highest level, so that no filter takes the ids from a line.
    let span = tracing::error_span!("request", request_id = %trace.request_id, trace_id = %trace.trace_id);
    let mut response = trace.clone().scope(next.run(request)).instrument(span.clone()).await;
    let (took, status) = (began.elapsed(), response.status().as_u16());
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let code = response.extensions().get::<Code>().map(|code| code.name());
    METRICS.requests.count(method, route, status, code, took);
    if app.settings.request_log.wants_line(status) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        span.in_scope(|| tracing::info!(method, route, status, ms, code, "answered"));
    }
    let headers = response.headers_mut();
    for (name, value) in [(REQUEST_ID, &trace.request_id), (TRACEPARENT, &trace.traceparent())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Of a bounded list: a caller may invent methods.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
