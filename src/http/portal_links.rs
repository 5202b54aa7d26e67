//! `POST /v1/customers/{id}/portal_sessions`: a one-time link to the customer's pages.

use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::customer::customer_no;
use crate::http::request::customer::email;
use crate::http::request::extract::Id;
use crate::http::request::json;
use crate::http::request::json::At;
use crate::http::request::problem::Problem;
use crate::usecases::access::links;
use crate::usecases::access::links::{NewLink, Role};
use crate::usecases::{App, customers};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::Serialize;
use url::Url;

/// The longest `return_url`, in bytes.
const URL_MAX: usize = 2_048;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/portal_sessions", post(create))
}

#[derive(Serialize)]
struct LinkJson {
    url: String,
    expires_at: At,
}

async fn create(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let customer_no = customer_no(&app, &id).await?;
    let mut fields = body::fields(&headers, body).await?;
    let email = email(&mut fields, "member_email");
    let role = fields.text("role", "owner, admin or viewer", |role| Role::from_name(role).is_some());
    let path = fields.text("path", "a path of the customer's pages, such as /billing", is_path);
    let origins = &app.settings.return_origins;
    let return_url = fields.text("return_url", "a URL whose origin is in RETURN_ORIGINS", |text| {
        // The URL parser skips blanks and control characters; they are not part of a URL.
        let is_plain = text.len() <= URL_MAX && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        is_plain
            && Url::parse(text).is_ok_and(|url| {
                let origin = url.origin().ascii_serialization();
                origins.iter().any(|known| known.trim_end_matches('/') == origin)
            })
    });
    fields.finish()?;
    let customer = customers::find_customer(&app, &id).await?;
    if customer.is_some_and(|customer| customer.closed_at.is_some()) {
        return Err(Problem::new(Code::CustomerClosed, "The customer is closed and has no pages"));
    }
    let new = NewLink {
        customer_no,
        email: email.map(|email| email.to_lowercase()),
        role: role.as_deref().and_then(Role::from_name),
        path: path.unwrap_or_else(|| "/billing".to_owned()),
        return_url,
    };
    let link = links::create_portal_link(&app, new).await?;
    Ok(json::with(StatusCode::CREATED, &LinkJson { url: link.url, expires_at: At(link.expires_at) }))
}

/// A path of the pages; browsers must not read it as another origin.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 512
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}
