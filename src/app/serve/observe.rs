//! Each request is counted, by its route's pattern.

use crate::http::request::code::Code;
use crate::metrics::METRICS;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

/// The route of a path that the program does not have.
const NO_ROUTE: &str = "none";

/// Middleware around all routes.
pub async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, route) = (method_name(request.method()), request.extensions().get::<MatchedPath>().cloned());
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let code = response.extensions().get::<Code>().map(|code| code.name());
    METRICS.requests.count(method, route, response.status().as_u16(), code, began.elapsed());
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
