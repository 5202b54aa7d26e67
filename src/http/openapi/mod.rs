//! `/openapi.json` and `/docs`: both are drawn from one table of calls and one of shapes.
//!
//! The codes are `Code::ALL`; the tests hold every route against the table, and real answers against the shapes.

mod calls;
mod page;
mod shapes;

use super::problem::Code;
use crate::usecases::Services;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use calls::{Body, CALLS, Call, Key};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Routes.
pub fn routes() -> Router<Services> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/docs", get(page::page))
        .route("/docs.css", get(page::style))
}

/// The document, written once.
static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());

async fn document() -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (StatusCode::OK, json, TEXT.as_str()).into_response()
}

/// The whole document.
#[must_use]
pub fn openapi() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for call in CALLS {
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
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": shapes::all(),
            "securitySchemes": {
                "operatorHeader": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "One of OPERATOR_KEYS"},
                "operatorBearer": {"type": "http", "scheme": "bearer", "description": "One of OPERATOR_KEYS"},
                "customerHeader": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A customer's own key, tk_…"},
                "customerBearer": {"type": "http", "scheme": "bearer", "description": "A customer's own key, tk_…"},
            },
        },
    })
}

/// What is sent to `HOOK_URL`, by type.
fn webhooks() -> Value {
    let header = |name: &str, about: &str| json!({"name": name, "in": "header", "required": true, "description": about, "schema": {"type": "string"}});
    let parameters = json!([
        header("webhook-id", "The message's id, the same however often it is sent"),
        header("webhook-timestamp", "When it was sent, in seconds since 1970"),
        header(
            "webhook-signature",
            "v1 and base64 of HMAC-SHA256 over id.timestamp.body, by each of HOOK_SECRETS (Standard Webhooks 1.0)"
        ),
    ]);
    let told = [
        ("top_up.credited", "TopUpCredited", "A top-up was paid for, and its credits are there"),
        ("credits.low", "CreditsLow", "Credits run low"),
        ("credits.exhausted", "CreditsExhausted", "No credits are left"),
    ];
    let mut out = Map::new();
    for (kind, shape, summary) in told {
        out.insert(
            kind.to_owned(),
            json!({"post": {
                "operationId": shape, "tags": ["Messages"], "summary": summary, "parameters": parameters.clone(), "security": [],
                "requestBody": {"required": true, "content": {"application/json": {"schema": reference(shape)}}},
                "responses": {"2XX": {"description": "Kept"}, "410": {"description": "No more of it"}, "default": {"description": "Tried again"}},
            }}),
        );
    }
    Value::Object(out)
}

fn operation(call: &Call) -> Value {
    let mut out = json!({
        "operationId": call.id,
        "tags": [call.tag],
        "summary": call.summary,
        "parameters": parameters(call),
        "responses": responses(call),
        "security": match call.key {
            Key::Operator => json!([{"operatorHeader": []}, {"operatorBearer": []}]),
            Key::Customer => json!([{"customerHeader": []}, {"customerBearer": []}]),
            Key::None => json!([]),
        },
    });
    let content = match call.body {
        Body::None => return out,
        Body::Json(shape) => json!({"application/json": {"schema": reference(shape)}}),
        Body::Raw => json!({"application/json": {"schema": {"type": "object"}}}),
    };
    if let Some(out) = out.as_object_mut() {
        out.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    out
}

fn parameters(call: &Call) -> Vec<Value> {
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
            "description": "Unique for each write of a customer; a repeat gives the same answer again",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}}));
    }
    for name in call.query {
        let schema = shapes::parameter(name);
        out.push(json!({"name": name, "in": "query", "required": *name == "range", "schema": schema}));
    }
    out
}

fn responses(call: &Call) -> Value {
    let mut out = Map::new();
    for status in call.statuses {
        let mut response = json!({"description": if *status == 201 { "Made" } else { "Done" }});
        let told: Map<String, Value> =
            content(call).into_iter().map(|(kind, schema)| (kind.to_owned(), json!({"schema": schema}))).collect();
        let headers = answer_headers(call);
        if let Some(response) = response.as_object_mut() {
            for (name, part) in [("content", told), ("headers", headers)] {
                if !part.is_empty() {
                    response.insert(name.to_owned(), Value::Object(part));
                }
            }
        }
        out.insert(status.to_string(), response);
    }
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for (status, code) in call.refusals() {
        let codes = refusals.entry(status).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (status, codes) in refusals {
        let (kind, shape) = match call.key {
            Key::Customer => ("application/json", "CustomerError"),
            _ => ("application/problem+json", if status == 402 { "Shortage" } else { "Problem" }),
        };
        let titles: Vec<&str> = codes.iter().map(|code| code.title()).collect();
        let schema = json!({"allOf": [reference(shape), {"properties": {"code": {"enum": codes}}}]});
        let mut response = json!({"description": titles.join(" · "), "content": {kind: {"schema": schema}}});
        if let (true, Some(response)) = (matches!(status, 429 | 503), response.as_object_mut()) {
            let header =
                json!({"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}}});
            response.insert("headers".to_owned(), header);
        }
        out.insert(status.to_string(), response);
    }
    Value::Object(out)
}

/// What a success carries: its media types, and the shape in each.
fn content(call: &Call) -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    match call.answer {
        "" => Vec::new(),
        "text" => vec![("text/plain", text())],
        "metrics" => vec![("application/openmetrics-text", text())],
        "html" => vec![("text/html", text())],
        "css" => vec![("text/css", text())],
        "openapi" => vec![("application/json", json!({"type": "object", "required": ["openapi", "paths"]}))],
        shape => {
            let Some(row) = shape.strip_prefix("list of ") else { return vec![("application/json", reference(shape))] };
            let mut out = vec![("application/json", shapes::list(row))];
            if call.query.contains(&"format") {
                out.push(("text/csv", text()));
            }
            out
        }
    }
}

/// The headers that a success carries beside what HTTP asks for.
fn answer_headers(call: &Call) -> Map<String, Value> {
    let mut out = Map::new();
    if call.is_bound {
        let schema = json!({"type": "string", "const": "true"});
        out.insert(
            "Idempotent-Replayed".to_owned(),
            json!({"description": "Only where the key's first answer is given again", "schema": schema}),
        );
    }
    if matches!(call.id, "charge" | "settleHold") {
        let number = || json!({"type": "number"});
        let kinds = json!({"type": "string", "enum": ["plan", "courtesy", "top_up", "mixed"]});
        for (name, about, schema) in [
            ("X-Credits-Cost", "What was charged", number()),
            ("X-Credits-Remaining", "What is available after it", number()),
            ("X-Credits-Source", "What it was drawn from", kinds),
        ] {
            out.insert(name.to_owned(), json!({"required": true, "description": about, "schema": schema}));
        }
    }
    out
}

/// A shape by its name.
fn reference(shape: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{shape}")})
}
