//! `POST /webhooks/stripe`: verifies the raw bytes, stores the event, handles it, and only then answers 2xx.

use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::problem::Problem;
use crate::stripe::webhook;
use crate::stripe::webhook::WebhookError;
use crate::usecases::App;
use crate::usecases::stripe_sync::inbox;
use crate::usecases::stripe_sync::inbox::Received;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

pub fn routes() -> Router<App> {
    Router::new().route("/webhooks/stripe", post(receive))
}

async fn receive(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let Some(settings) = &app.settings.stripe else { return Err(Problem::not_found("endpoint, since buying is off")) };
    let bytes = body::read(body).await?;
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = app.clock.real().timestamp();
    let verified = webhook::verify_signature(&settings.webhook_secrets, header, &bytes, now);
    if verified == Err(WebhookError::Timestamp) {
        inbox::signature_out_of_time(&app).await?;
    }
    let event = verified.map_err(|e| Problem::new(Code::InvalidHeader, format!("Stripe-Signature: {e}")))?;
    Ok(match inbox::receive_event(&app, &event).await? {
        Received::Done => StatusCode::OK.into_response(),
        Received::Waiting => {
            Problem::new(Code::StripeUnavailable, "Stripe can't be reached. The event waits").into_response()
        }
        Received::WrongMode => {
            Problem::new(Code::InvalidHeader, "The event is of the other mode (live or test)").into_response()
        }
    })
}
