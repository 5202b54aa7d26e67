//! `POST /mails/{token}`: switches mails about a low balance off, for the button of the page and for a mail
//! program's own (RFC 8058), which sends neither cookie nor origin. The token alone is the right to do it.

use crate::http::limits;
use crate::http::located::Id;
use crate::http::problem::Problem;
use crate::usecases::App;
use crate::usecases::notify::emails::unsubscribe;
use axum::Router;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/mails/{token}", post(switch))
}

async fn switch(
    State(app): State<App>,
    Id(token): Id,
    extensions: Extensions,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Problem> {
    limits::anonymous(&app, limits::address(&app, &extensions, &headers))?;
    let Some((member, _)) = unsubscribe::find(&app, &token).await? else { return Err(Problem::not_found("token")) };
    unsubscribe::switch(&app, member, body == "mails=on").await?;
    let browser = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    // A mail program must not be redirected.
    Ok(if browser { Redirect::to(&format!("/mails/{token}")).into_response() } else { "ok".into_response() })
}
