//! The API's document is complete and fits real answers.

use crate::app::{Answer, TestApp, on_both};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The closed list of codes, as the interfaces have it.
const CODES: &str = "invalid_json invalid_header invalid_cursor invalid_value missing_field unknown_field unauthorized \
    insufficient_credits plan_cannot_buy buying_off not_found idempotency_key_missing idempotency_key_reused hold_settled \
    hold_released hold_lapsed already_voided grant_ended grant_not_courtesy limit_reached purchase_refused plan_managed_by_subscription \
    customer_closed payload_too_large unsupported_media_type rate_limited overloaded stripe_unavailable clock_backwards insufficient_scope";

/// Every route that the sources of `http` mount: method and path.
fn routes() -> BTreeSet<(String, String)> {
    let mut out = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for part in text.split(".route(").skip(1) {
                let part = part.trim_start().trim_start_matches('"');
                let (route, rest) = part.split_once('"').unwrap();
                let rest = rest.split(".route(").next().unwrap().split('\n').take(3).collect::<String>();
                for method in ["get", "post", "put", "delete"] {
                    let first = rest.trim_start_matches(',').trim_start();
                    if first.starts_with(&format!("{method}(")) || first.contains(&format!(").{method}(")) {
                        out.insert((method.to_owned(), route.to_owned()));
                    }
                }
            }
        }
    }
    out
}

const PUBLIC_URL: &str = "https://billing.example.com";

/// A part of the document, or the part that it refers to.
fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let Some(path) = part["$ref"].as_str() else { return part };
    let found = document.pointer(path.strip_prefix('#').unwrap());
    found.unwrap_or_else(|| panic!("{path} does not exist"))
}

#[test]
fn every_route_and_every_code_is_in_the_document() {
    let document = topup::http::openapi::openapi(PUBLIC_URL);
    let mut told = BTreeSet::new();
    let mut codes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            told.insert((method.clone(), path.clone()));
            for response in operation["responses"].as_object().unwrap().values() {
                let listed = resolved(&document, response)["x-codes"].as_array();
                codes.extend(listed.into_iter().flatten().map(|code| code.as_str().unwrap().to_owned()));
            }
        }
    }
    let routes = routes();
    assert!(routes.len() > 30, "{routes:?}");
    // The unsubscribe URL of an email is not part of the API.
    let mails = BTreeSet::from([("post".to_owned(), "/mails/{token}".to_owned())]);
    assert_eq!(routes.difference(&told).cloned().collect::<BTreeSet<_>>(), mails);
    assert!(told.is_subset(&routes), "{told:?}");
    let all: BTreeSet<String> = CODES.split_whitespace().map(str::to_owned).collect();
    assert_eq!(all.len(), 30);
    assert_eq!(codes, all);
    let listed = &document["components"]["schemas"]["Code"]["enum"];
    assert_eq!(listed.as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), all);
}

/// Every object of the document, with where it is.
fn walk<'a>(path: &str, part: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    let inner: Vec<(String, &Value)> = match part {
        Value::Object(all) => all.iter().map(|(name, inner)| (name.clone(), inner)).collect(),
        Value::Array(all) => all.iter().enumerate().map(|(n, inner)| (n.to_string(), inner)).collect(),
        _ => return,
    };
    if part.is_object() {
        found.push((path.to_owned(), part));
    }
    for (name, inner) in inner {
        walk(&format!("{path}/{name}"), inner, found);
    }
}

/// Each rule here is one that a generator stumbled over.
#[test]
fn the_document_has_only_forms_that_client_generators_read() {
    let document = topup::http::openapi::openapi(PUBLIC_URL);
    assert_eq!(document["servers"], json!([{ "url": PUBLIC_URL }]));
    assert!(document.get("webhooks").is_none(), "typescript-fetch makes a client of them that does not compile");
    let (mut parts, mut used) = (Vec::new(), BTreeSet::new());
    walk("", &document, &mut parts);
    for (path, part) in &parts {
        if let Some(to) = part["$ref"].as_str() {
            resolved(&document, part);
            used.insert(to.to_owned());
        }
        if path.ends_with("/properties") {
            continue;
        }
        assert!(part.get("const").is_none(), "{path}: a const has no type for most generators");
        assert!(part.get("allOf").is_none(), "{path}: an allOf makes another type of each place");
        if let Some(any) = part["anyOf"].as_array() {
            let or_null = any.len() == 2 && any[0]["$ref"].is_string() && any[1] == json!({"type": "null"});
            assert!(or_null, "{path}: generators take objects in anyOf for one with all fields");
        }
        if let Some(pattern) = part["pattern"].as_str() {
            assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{path}: {pattern} is searched or matched");
            assert!(part.get("format").is_none(), "{path}: a parsed value is no text for {pattern}");
        }
    }
    for (path, responses) in
        parts.iter().filter(|(path, _)| path.ends_with("/responses") && !path.contains("x-webhooks"))
    {
        for (status, response) in responses.as_object().unwrap() {
            let response = resolved(&document, response);
            let refused = response.get("x-codes").is_some();
            assert!(refused || status.starts_with('2'), "{path} {status} has no codes");
            for content in response["content"].as_object().into_iter().flat_map(|all| all.values()) {
                assert!(!refused || content["schema"]["$ref"].is_string(), "{path} {status}: an error without a name");
            }
        }
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "nothing refers to {kind}/{name}");
        }
    }
    let ids: Vec<&str> = parts.iter().filter_map(|(_, part)| part["operationId"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

/// The first way in which the JSON differs from its schema, formats included.
pub fn schema_error(schema: Value, json: &Value) -> Option<String> {
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource("urn:schema", schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let schema = compiler.compile("urn:schema", &mut schemas).unwrap();
    schemas.validate(json, schema).err().map(|error| error.to_string())
}

/// Answers held against the document; which calls and statuses were seen.
struct Held {
    document: Value,
    seen: BTreeSet<(String, String)>,
}

impl Held {
    #[track_caller]
    fn hold(&mut self, method: &str, path: &str, answer: &Answer) -> Value {
        let response = &self.document["paths"][path][method]["responses"][answer.status.to_string()];
        let response = resolved(&self.document, response);
        assert!(response.is_object(), "{method} {path} answers {}: {}", answer.status, answer.text);
        self.seen.insert((method.to_owned(), path.to_owned()));
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let said = answer.header(name);
            assert!(said.is_some() || header["required"] != true, "{method} {path} answers without {name}");
        }
        let Some(content) = response["content"].as_object() else { return Value::Null };
        let said = answer.header("content-type").unwrap_or_default();
        let found = content.iter().find(|(kind, _)| said.starts_with(kind.as_str()));
        let Some((kind, content)) = found else { panic!("{method} {path} answers {said}, not as {content:?}") };
        if !kind.contains("json") {
            return Value::Null;
        }
        let mut schema = content["schema"].clone();
        schema["components"] = self.document["components"].clone();
        let json = answer.json();
        if let Some(codes) = response["x-codes"].as_array() {
            assert!(codes.contains(&json["code"]), "{method} {path} {}: {codes:?}: {}", answer.status, answer.text);
        }
        if let Some(error) = schema_error(schema, &json) {
            panic!("{method} {path} {}: {error}: {}", answer.status, answer.text);
        }
        json
    }
}

/// A call with the operator's key.
async fn call(app: &TestApp, held: &mut Held, method: &str, template: &str, id: &str, body: Option<Value>) -> Value {
    let path = template.replace("{id}", id);
    let mut request = app.request(&method.to_uppercase(), &path);
    if let Some(body) = body {
        let key = format!("key-{}", held.seen.len());
        request =
            request.header("content-type", "application/json").header("idempotency-key", key).body(body.to_string());
    }
    let answer = app.send(request).await;
    held.hold(method, template.split('?').next().unwrap(), &answer)
}

on_both!(real_answers_are_as_the_document_says, |app| {
    let document = app.send(app.http.get(format!("http://{}/openapi.json", app.address))).await.expect(200).json();
    assert_eq!(document, topup::http::openapi::openapi(&format!("http://{}", app.address)));
    let held = &mut Held { document, seen: BTreeSet::new() };
    let customers = "/v1/customers/{id}";
    let under = |what: &str| format!("{customers}/{what}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    call(app, held, "get", customers, "acme", None).await;
    let put = json!({"email": "ada@acme.example", "plan": "starter", "name": "Acme"});
    call(app, held, "put", customers, "acme", Some(put.clone())).await;
    call(app, held, "put", customers, "acme", Some(json!({"plan": "free"}))).await;
    call(app, held, "put", customers, "acme", Some(json!({"plan": "none"}))).await;
    call(app, held, "get", customers, "acme", None).await;
    call(app, held, "get", "/v1/catalog", "", None).await;
    let usage = json!({"credits": 12.5, "operation": "scrape", "quantities": {"requests": 1}, "source": "k", "metadata": {"a": 1}});
    let usage = call(app, held, "post", &under("usage"), "acme", Some(usage)).await;
    call(app, held, "post", &under("usage"), "acme", Some(json!({"credits": 1, "colour": 2}))).await;
    call(app, held, "post", &under("usage"), "acme", Some(json!({"credits": 99999}))).await;
    let batch = json!({"charges": [{"customer": "acme", "idempotency_key": "b1", "credits": 1}, {"customer": "nobody", "idempotency_key": "b1", "credits": 1},
        {"customer": "acme", "idempotency_key": "b2", "credits": 99999}]});
    let batch = call(app, held, "post", "/v1/usage", "", Some(batch)).await;
    assert_eq!(batch["results"][2]["error"]["needed"], 99999);
    call(app, held, "post", "/v1/usage/{id}/void", &text(&usage["id"]), Some(json!({"reason": "twice"}))).await;
    call(app, held, "post", "/v1/usage/{id}/void", &text(&usage["id"]), Some(json!({"reason": "thrice"}))).await;
    call(app, held, "get", &under("usage"), "acme", None).await;
    let hold = json!({"credits": 100, "ttl_seconds": 60, "operation": "crawl"});
    let first = text(&call(app, held, "post", &under("holds"), "acme", Some(hold.clone())).await["id"]);
    call(app, held, "get", "/v1/holds/{id}", &first, None).await;
    call(app, held, "post", "/v1/holds/{id}/settle", &first, Some(json!({"credits": 40}))).await;
    call(app, held, "post", "/v1/holds/{id}/settle", &first, Some(json!({"credits": 41}))).await;
    call(app, held, "get", "/v1/holds/{id}", &first, None).await;
    // Another customer has other keys.
    call(app, held, "put", customers, "larch", Some(put)).await;
    let second = text(&call(app, held, "post", &under("holds"), "larch", Some(hold)).await["id"]);
    call(app, held, "post", "/v1/holds/{id}/release", &second, Some(json!({}))).await;
    call(app, held, "get", &under("holds"), "larch", None).await;
    let expires_at = (app.now() + chrono::TimeDelta::days(9)).to_rfc3339();
    let give = json!({"credits": 5, "expires_at": expires_at, "reason": "sorry"});
    let grant = text(&call(app, held, "post", &under("grants"), "larch", Some(give)).await["id"]);
    call(app, held, "get", &under("grants"), "larch", None).await;
    call(app, held, "get", &under("balance"), "larch", None).await;
    call(app, held, "post", "/v1/grants/{id}/void", &grant, Some(json!({"reason": "wrong"}))).await;
    call(app, held, "post", &under("portal_sessions"), "larch", Some(json!({"role": "viewer"}))).await;
    let key = text(&call(app, held, "post", &under("api_keys"), "larch", Some(json!({"name": "worker"}))).await["key"]);
    app.buy("larch", "p1200", "buy-1").await;
    let bought =
        text(&call(app, held, "post", &under("purchases"), "larch", Some(json!({"package": "p1200"}))).await["id"]);
    call(app, held, "get", "/v1/purchases/{id}", &bought, None).await;
    call(app, held, "get", &under("purchases"), "larch", None).await;
    call(app, held, "get", &under("balance"), "larch", None).await;
    call(app, held, "get", &under("entries"), "larch", None).await;
    call(app, held, "get", &under("entries?format=csv"), "larch", None).await;
    call(app, held, "get", &under("auto_top_up"), "larch", None).await;
    call(app, held, "delete", &under("auto_top_up"), "larch", None).await;
    for (template, path) in [
        ("/api/account", "/api/account"),
        ("/api/usage-stats", "/api/usage-stats?range=30d"),
        ("/api/usage-stats", "/api/usage-stats?range=1d"),
    ] {
        for key in [key.as_str(), "tk_wrong"] {
            let answer = app.send(app.http.get(format!("http://{}{path}", app.address)).bearer_auth(key)).await;
            held.hold("get", template, &answer);
        }
    }
    call(app, held, "get", "/test/clock", "", None).await;
    call(app, held, "post", "/test/clock", "", Some(json!({"advance_days": 1}))).await;
    call(app, held, "post", "/test/clock", "", Some(json!({"advance_to": "1999-01-01T00:00:00Z"}))).await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs.css"] {
        call(app, held, "get", path, "", None).await;
    }
    let unsigned = app.send(app.http.post(format!("http://{}/webhooks/stripe", app.address)).body("{}")).await;
    held.hold("post", "/webhooks/stripe", &unsigned);
    call(app, held, "delete", customers, "acme", None).await;
    call(app, held, "get", customers, "acme", None).await;
    call(app, held, "post", &under("usage"), "acme", Some(json!({"credits": 1}))).await;
    let paths = held.document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
    });
    assert_eq!(all.collect::<BTreeSet<_>>(), held.seen, "each call once");
});

on_both!(the_document_can_be_read_without_script, |app| {
    let answer = app.send(app.http.get(format!("http://{}/docs", app.address))).await.expect(200);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert!(!answer.text.contains("<script") && !answer.text.contains("style=") && !answer.text.contains("//"));
    for path in topup::http::openapi::openapi(PUBLIC_URL)["paths"].as_object().unwrap().keys() {
        assert!(answer.text.contains(&format!("<code>{path}</code>")), "{path}");
    }
});
