//! `POST /mails/{token}`: switches emails about a low balance off, for the page's button and for an email client's own
//! button (RFC 8058), which sends neither cookie nor origin. The token alone gives the right.

use crate::http::request::extract::Id;
use crate::http::request::problem::Problem;
use crate::http::request::rate_limit;
use crate::usecases::App;
use crate::usecases::notify::emails::unsubscribe;
use axum::Router;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;

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
    rate_limit::count_anonymous(&app, rate_limit::client_ip(&app, &extensions, &headers))?;
    let Some((member, _)) = unsubscribe::find_subscription_switch(&app, &token).await? else {
        return Err(Problem::not_found("token"));
    };
    unsubscribe::switch_alerts(&app, member, body == "mails=on").await?;
    let browser = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    // RFC 8058: an email client must not get a redirect.
    Ok(if browser { Redirect::to(&format!("/mails/{token}")).into_response() } else { "ok".into_response() })
}
