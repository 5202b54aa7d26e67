//! `/openapi.json` and `/docs`, from a table of operations and a table of shapes. Tests compare every route with the
//! table, and real answers with the shapes.
//!
//! The document is not derived from the types (`utoipa`): request bodies have no types, since `request::fields` reads
//! each field from its exact text, and credits, instants and ids would need a written schema at every field. Each handler
//! would need an annotation longer than its row in `operations`, and the shared responses and `/docs` come from that table.

mod operations;
mod page;
mod responses;
mod shapes;

use crate::http::openapi::operations::{Access, OPERATIONS, Operation, RequestBody};
use crate::http::openapi::shapes::reference;
use crate::http::request::scope;
use crate::usecases::App;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn routes(app: &App) -> Router<App> {
    let text: Arc<str> = openapi(&app.settings.public_url).to_string().into();
    Router::new()
        .route("/openapi.json", get(async move || document(&text)))
        .route("/docs", get(page::page))
        .route("/docs.css", get(page::style))
}

fn document(text: &Arc<str>) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (StatusCode::OK, json, text.to_string()).into_response()
}

/// The whole document of the server at `public_url`.
///
/// Its forms suit client generators (`scripts/clients`): errors have named schemas; nullable values use `type`; a single
/// value is an `enum` of one; a choice of objects is one object with optional fields; outgoing webhooks are `x-webhooks`,
/// for which generators create no calls.
#[must_use]
pub fn openapi(public_url: &str) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for call in OPERATIONS {
        paths.entry(call.path).or_default().insert(call.method.to_lowercase(), operation(call));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Credits API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Prepaid credits on top of a SaaS plan. Credits are JSON numbers, exact to a thousandth; money is in minor units; instants are RFC 3339 in UTC. The first refusal that applies is answered: key (401), id in the path (404), header (400), body (400, 413, 415, 422), bound idempotency key (409), state (402, 403, 409).",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "tags": operations::TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect::<Vec<_>>(),
        "paths": paths,
        "x-webhooks": webhooks(),
        "components": {
            "schemas": shapes::all(),
            "responses": responses::shared(),
            "securitySchemes": {
                "operatorHeader": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "One of OPERATOR_KEYS, or a scoped key, ak_…"},
                "operatorBearer": {"type": "http", "scheme": "bearer", "description": "One of OPERATOR_KEYS, or a scoped key, ak_…"},
                "customerHeader": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A customer's own key, tk_…"},
                "customerBearer": {"type": "http", "scheme": "bearer", "description": "A customer's own key, tk_…"},
            },
        },
    })
}

/// The webhooks sent to `HOOK_URL`, by type.
fn webhooks() -> Value {
    let header = |name: &str, about: &str| json!({"name": name, "in": "header", "required": true, "description": about, "schema": {"type": "string"}});
    let parameters = json!([
        header("webhook-id", "The message's id, the same for each attempt"),
        header("webhook-timestamp", "The time of the attempt, in seconds since 1970"),
        header(
            "webhook-signature",
            "v1 and base64 of HMAC-SHA256 over id.timestamp.body, by each of HOOK_SECRETS (Standard Webhooks 1.0)"
        ),
        header("traceparent", "The trace of the request that caused the message (W3C Trace Context)"),
    ]);
    let messages = [
        ("top_up.credited", "TopUpCredited", "A top-up was paid and its credits were added"),
        ("credits.low", "CreditsLow", "Credits are running low"),
        ("credits.exhausted", "CreditsExhausted", "No credits are left"),
        ("auto_top_up.suspended", "AutoTopUpSuspended", "Automatic top-up has stopped until a person acts"),
        ("auto_top_up.blocked", "AutoTopUpBlocked", "The limit of automatic top-up leaves no room"),
        (
            "auto_top_up.confirmation_required",
            "AutoTopUpConfirmationRequired",
            "A person must confirm an automatic payment at its url",
        ),
        ("alarm.raised", "AlarmRaised", "A problem needs a person"),
    ];
    let mut out = Map::new();
    for (kind, shape, summary) in messages {
        out.insert(
            kind.to_owned(),
            json!({"post": {
                "operationId": format!("receive{shape}"), "tags": ["Messages"], "summary": summary,
                "description": "Sent by this server to HOOK_URL", "parameters": parameters.clone(), "security": [],
                "requestBody": {"required": true, "content": {"application/json": {"schema": reference(shape)}}},
                "responses": {"2XX": {"description": "Accepted"}, "410": {"description": "Not sent again"}, "default": {"description": "Sent again later"}},
            }}),
        );
    }
    Value::Object(out)
}

fn operation(call: &Operation) -> Value {
    let mut out = json!({
        "operationId": call.id,
        "tags": [call.tag],
        "summary": call.summary,
        "description": description(call),
        "parameters": parameters(call),
        "responses": responses::responses(call),
        "security": match call.key {
            Access::Operator => json!([{"operatorHeader": []}, {"operatorBearer": []}]),
            Access::Customer => json!([{"customerHeader": []}, {"customerBearer": []}]),
            Access::None => json!([]),
        },
    });
    let content = match call.body {
        RequestBody::None => return out,
        RequestBody::Json(shape) => json!({"application/json": {"schema": reference(shape)}}),
        RequestBody::Raw => json!({"application/json": {"schema": {"type": "object"}}}),
    };
    if let Some(out) = out.as_object_mut() {
        out.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    out
}

fn description(call: &Operation) -> String {
    let key = match call.key {
        Access::Operator => {
            let scopes = scope::scopes_of(call.method, call.path).join(", ");
            format!("Needs one of OPERATOR_KEYS, or a key with one of these scopes: {scopes}.")
        }
        Access::Customer => "Needs a customer's own key.".to_owned(),
        Access::None => "Needs no key.".to_owned(),
    };
    let retry =
        if call.is_bound { " After a time-out, a 429 or a 503 repeat it with the same Idempotency-Key." } else { "" };
    format!("{}. {key}{retry}", call.summary)
}

fn parameters(call: &Operation) -> Vec<Value> {
    let mut out = Vec::new();
    if call.path.contains("{id}") {
        let schema = if call.path.starts_with("/v1/customers/") {
            json!({"$ref": "#/components/schemas/CustomerId"})
        } else {
            json!({"type": "string"})
        };
        out.push(json!({"name": "id", "in": "path", "required": true, "schema": schema}));
    }
    if call.is_bound {
        out.push(json!({"name": "Idempotency-Key", "in": "header", "required": true,
            "description": "Unique for each write of a customer; a repeat gets the same answer",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}}));
    }
    for name in call.query {
        let schema = shapes::parameter(name);
        out.push(json!({"name": name, "in": "query", "required": *name == "range", "schema": schema}));
    }
    out
}
