//! `POST /mails/{token}`: switches mails about a low balance off, for the button of the page and for a mail
//! program's own (RFC 8058), which sends neither cookie nor origin. The token alone is the right to do it.

use super::limits;
use super::located::Id;
use super::problem::Problem;
use crate::usecases::Services;
use crate::usecases::mails::stop;
use axum::Router;
use axum::extract::State;
use axum::http::Extensions;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;

/// Routes.
pub fn routes() -> Router<Services> {
    Router::new().route("/mails/{token}", post(switch))
}

async fn switch(
    State(services): State<Services>,
    Id(token): Id,
    extensions: Extensions,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Problem> {
    limits::anonymous(&services, limits::address(&services, &extensions, &headers))?;
    let Some((member, _)) = stop::find(&services, &token).await? else { return Err(Problem::not_found("token")) };
    stop::switch(&services, member, body == "mails=on").await?;
    let browser = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    // A mail program must not be redirected.
    Ok(if browser { Redirect::to(&format!("/mails/{token}")).into_response() } else { "ok".into_response() })
}
