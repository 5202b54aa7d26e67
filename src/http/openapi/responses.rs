//! Responses: successes with media types and headers, errors with their codes in `x-codes`.
//!
//! An error response with one code is shared in `components`; one with several codes stands at its operation.

use crate::http::openapi::operations::{Access, OPERATIONS, Operation};
use crate::http::openapi::shapes::reference;
use crate::http::request::code::Code;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// All responses of an operation, by status.
pub fn responses(call: &Operation) -> Value {
    let mut out = Map::new();
    for status in call.statuses {
        let mut response = json!({"description": if *status == 201 { "Created" } else { "Done" }});
        let content: Map<String, Value> =
            media_types(call).into_iter().map(|(kind, schema)| (kind.to_owned(), json!({"schema": schema}))).collect();
        let headers = answer_headers(call);
        if let Some(response) = response.as_object_mut() {
            for (name, part) in [("content", content), ("headers", headers)] {
                if !part.is_empty() {
                    response.insert(name.to_owned(), Value::Object(part));
                }
            }
        }
        out.insert(status.to_string(), response);
    }
    for (status, codes) in errors(call) {
        let response = match codes.as_slice() {
            [code] => json!({"$ref": format!("#/components/responses/{}", name(call.key, *code))}),
            _ => error_response(call.key, status, &codes),
        };
        out.insert(status.to_string(), response);
    }
    Value::Object(out)
}

/// The error responses that operations share, by name.
pub fn shared() -> Value {
    let mut out = Map::new();
    for call in OPERATIONS {
        for (status, codes) in errors(call) {
            if let [code] = codes.as_slice() {
                out.entry(name(call.key, *code)).or_insert_with(|| error_response(call.key, status, &codes));
            }
        }
    }
    Value::Object(out)
}

/// `NotFound`, or `CustomerNotFound` in the customer API's shape.
fn name(key: Access, code: Code) -> String {
    format!("{}{code:?}", if key == Access::Customer { "Customer" } else { "" })
}

fn errors(call: &Operation) -> BTreeMap<u16, Vec<Code>> {
    let mut out: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for (status, code) in call.errors() {
        let codes = out.entry(status).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    out
}

fn error_response(key: Access, status: u16, codes: &[Code]) -> Value {
    let (kind, shape) = match key {
        Access::Customer => ("application/json", "CustomerError"),
        _ => ("application/problem+json", if status == 402 { "Shortage" } else { "Problem" }),
    };
    let titles: Vec<&str> = codes.iter().map(|code| code.title()).collect();
    let content = json!({kind: {"schema": reference(shape)}});
    let mut response = json!({"description": titles.join(" · "), "content": content, "x-codes": codes});
    if let (true, Some(response)) = (matches!(status, 429 | 503), response.as_object_mut()) {
        let schema = json!({"type": "integer", "minimum": 1});
        response.insert("headers".to_owned(), json!({"Retry-After": {"description": "Seconds", "schema": schema}}));
    }
    response
}

/// The media types of a success, with their shapes.
pub fn media_types(call: &Operation) -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    match call.answer {
        "" => Vec::new(),
        "text" => vec![("text/plain", text())],
        "metrics" => vec![("application/openmetrics-text", text())],
        "html" => vec![("text/html", text())],
        "css" => vec![("text/css", text())],
        "openapi" => vec![("application/json", json!({"type": "object", "additionalProperties": true}))],
        shape => {
            let Some(row) = shape.strip_prefix("list of ") else { return vec![("application/json", reference(shape))] };
            let mut out = vec![("application/json", reference(&format!("{row}List")))];
            if call.query.contains(&"format") {
                out.push(("text/csv", text()));
            }
            out
        }
    }
}

/// The extra headers of a success.
pub fn answer_headers(call: &Operation) -> Map<String, Value> {
    let mut out = Map::new();
    if call.is_bound {
        let schema = json!({"type": "string", "enum": ["true"]});
        out.insert(
            "Idempotent-Replayed".to_owned(),
            json!({"description": "Present if this is the stored answer of the key", "schema": schema}),
        );
    }
    if matches!(call.id, "listUsage" | "listEntries" | "readUsageStats") {
        let schema = json!({"type": "string", "format": "date-time"});
        let about = "If a standby is set: everything before this instant is in the answer, newer things may be missing";
        out.insert("As-Of".to_owned(), json!({"description": about, "schema": schema}));
    }
    if matches!(call.id, "charge" | "settleHold") {
        let number = || json!({"type": "number"});
        let kinds = json!({"type": "string", "enum": ["plan", "courtesy", "top_up", "mixed"]});
        for (name, about, schema) in [
            ("X-Credits-Cost", "The credits charged", number()),
            ("X-Credits-Remaining", "The credits available afterwards", number()),
            ("X-Credits-Source", "The kind of grant that paid", kinds),
        ] {
            out.insert(name.to_owned(), json!({"required": true, "description": about, "schema": schema}));
        }
    }
    out
}
