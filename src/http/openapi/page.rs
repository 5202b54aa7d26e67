//! `/docs`: the table of operations as a page without script, with its own Content-Security-Policy.

use crate::http::openapi::operations::{Access, OPERATIONS, Operation, RequestBody};
use crate::http::openapi::responses::{answer_headers, media_types};
use crate::http::openapi::shapes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::LazyLock;

const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page, rendered once.
static HTML: LazyLock<String> = LazyLock::new(html);

pub async fn page() -> Response {
    (headers("text/html; charset=utf-8"), HTML.as_str()).into_response()
}

/// Its stylesheet.
pub async fn style() -> Response {
    (headers("text/css; charset=utf-8"), include_str!("docs.css")).into_response()
}

fn headers(kind: &'static str) -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

fn html() -> String {
    let shapes = shapes::all();
    let mut tags: Vec<&str> = Vec::new();
    for call in OPERATIONS {
        if !tags.contains(&call.tag) {
            tags.push(call.tag);
        }
    }
    let (mut contents, mut body) = (String::new(), String::new());
    for tag in tags {
        let anchor = tag.to_lowercase().replace(' ', "-");
        let _ = write!(contents, "<li><a href=\"#{anchor}\">{tag}</a></li>");
        let _ = write!(body, "<section><h2 id=\"{anchor}\">{tag}</h2>");
        for call in OPERATIONS.iter().filter(|call| call.tag == tag) {
            write_call(&mut body, call, &shapes);
        }
        body.push_str("</section>");
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Credits API</title><link rel=\"stylesheet\" href=\"/docs.css\"></head><body><header><h1>Credits API</h1>\
         <p>Credits are JSON numbers, exact to a thousandth. Money is in minor units. Instants are RFC 3339 in UTC. Calls marked \
         <b class=\"mark\">once</b> need an <code>Idempotency-Key</code>: a repeat gives the same answer. For programs: \
         <a href=\"/openapi.json\">openapi.json</a>.</p></header><nav aria-label=\"Contents\"><ul>{contents}</ul></nav>\
         <main>{body}</main></body></html>"
    )
}

fn write_call(out: &mut String, call: &Operation, shapes: &Value) {
    let key = match call.key {
        Access::Operator => "operator's key",
        Access::Customer => "customer's key",
        Access::None => "no key",
    };
    let once = if call.is_bound { " <b class=\"mark\">once</b>" } else { "" };
    let _ = write!(
        out,
        "<article id=\"{}\"><h3><span class=\"method\">{}</span> <code>{}</code>{once}</h3><p>{} <small>({key})</small></p>",
        call.id,
        call.method,
        call.path,
        escaped(call.summary)
    );
    if !call.query.is_empty() {
        out.push_str("<h4>Query</h4><dl>");
        for name in call.query {
            write_field(out, name, &shapes::parameter(name), *name == "range");
        }
        out.push_str("</dl>");
    }
    if let RequestBody::Json(shape) = call.body {
        out.push_str("<h4>Body</h4>");
        write_fields(out, &shapes[shape], shapes);
    }
    let statuses: Vec<String> = call.statuses.iter().map(u16::to_string).collect();
    let _ = write!(out, "<details><summary>Answers {}</summary>", statuses.join(" or "));
    if let Some((_, schema)) = media_types(call).first() {
        write_fields(out, schema, shapes);
    }
    write_headers(out, call);
    out.push_str("</details>");
    let mut refusals: Vec<String> = Vec::new();
    for (status, code) in call.errors() {
        let name = serde_json::to_string(&code).unwrap_or_default();
        let text = format!("<code>{status} {}</code>", name.trim_matches('"'));
        if !refusals.contains(&text) {
            refusals.push(text);
        }
    }
    refusals.sort_unstable();
    if !refusals.is_empty() {
        let _ = write!(out, "<details><summary>Refusals</summary><p>{}</p></details>", refusals.join(" "));
    }
    out.push_str("</article>");
}

fn write_headers(out: &mut String, call: &Operation) {
    let headers = answer_headers(call);
    if headers.is_empty() {
        return;
    }
    out.push_str("<h4>Headers</h4><dl>");
    for (name, header) in &headers {
        let about = header["description"].as_str().unwrap_or_default();
        let _ = write!(out, "<dt><code>{name}</code></dt><dd>{}</dd>", escaped(about));
    }
    out.push_str("</dl>");
}

/// The shape that a reference names, or the shape itself.
fn resolved<'a>(schema: &'a Value, shapes: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    name.map_or(schema, |name| &shapes[name])
}

fn write_fields(out: &mut String, schema: &Value, shapes: &Value) {
    let schema = resolved(schema, shapes);
    let Some(properties) = schema["properties"].as_object().filter(|all| !all.is_empty()) else { return };
    out.push_str("<dl>");
    for (name, shape) in properties {
        let is_required = schema["required"].as_array().is_some_and(|all| all.iter().any(|n| n == name));
        write_field(out, name, shape, is_required);
    }
    out.push_str("</dl>");
}

fn write_field(out: &mut String, name: &str, shape: &Value, is_required: bool) {
    let optional = if is_required { "" } else { " <small>optional</small>" };
    let _ = write!(out, "<dt><code>{}</code>{optional}</dt><dd>{}</dd>", escaped(name), escaped(&words(shape)));
}

/// A short description of a shape.
fn words(shape: &Value) -> String {
    if let Some(path) = shape["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(values) = shape["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    if let Some(any) = shape["anyOf"].as_array() {
        return any.iter().map(words).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = shape.get("const") {
        return value.to_string();
    }
    if shape["type"] == "array" {
        return format!("list of {}", words(&shape["items"]));
    }
    if let Some(properties) = shape["properties"].as_object().filter(|all| !all.is_empty()) {
        return format!("{{ {} }}", properties.keys().cloned().collect::<Vec<_>>().join(", "));
    }
    let mut out = match &shape["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => kind.as_str().unwrap_or("anything").to_owned(),
    };
    let limits = [
        ("minimum", "from"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "to"),
        ("maxLength", "up to"),
        ("pattern", "like"),
    ];
    for (name, word) in limits {
        match &shape[name] {
            Value::Null => {}
            Value::String(text) => {
                let _ = write!(out, ", {word} {text}");
            }
            other => {
                let _ = write!(out, ", {word} {other}");
            }
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
