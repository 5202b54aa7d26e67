//! Arbitrary requests: no panic, no 5xx, and a refused request changes nothing.
//!
//! A panic in a handler breaks the connection, so that the request itself fails. `PROPTEST_CASES` sets how many cases
//! each property sees.

use crate::app::{Answer, TestApp, WEBHOOK_SECRET, on_both};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use topup::stripe::webhook;

/// Runs a property against the application.
pub fn for_all<S: Strategy>(few: u32, strategy: S, check: impl AsyncFn(S::Value)) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(few);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let run = |value| {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(check(value)));
        Ok(())
    };
    TestRunner::new(config).run(&strategy, run).unwrap_or_else(|e| panic!("{e}"));
}

/// Everything that a request could have written.
async fn written(app: &TestApp) -> i64 {
    let tables = [
        "entries",
        "idempotency_keys",
        "usages",
        "holds",
        "grants",
        "purchases",
        "customers",
        "members",
        "links",
        "api_keys",
        "sessions",
    ];
    let counts: Vec<String> = tables.iter().map(|table| format!("(select count(*) from {table})")).collect();
    app.count(&format!("select {} as n", counts.join(" + "))).await
}

/// No 5xx; and no change where it was refused.
async fn unchanged(app: &TestApp, before: i64, answer: &Answer) {
    assert!(answer.status < 500, "{answer:?}");
    let some = answer.status < 400 && (!answer.text.contains("\"results\"") || answer.text.contains("\"status\":201"));
    assert!(some || written(app).await == before, "{answer:?}");
}

/// The writes of the operator's API: path and a good body. `{…}` is a thing that is there.
const WRITES: [(&str, &str); 13] = [
    (
        "/v1/customers/acme/usage",
        r#"{"credits":1.5,"operation":"crawl","quantities":{"requests":1,"tokens":20},"source":"s","metadata":{"a":[1,{}]}}"#,
    ),
    ("/v1/usage", r#"{"charges":[{"customer":"acme","idempotency_key":"b","credits":1e0,"source":"x"}]}"#),
    ("/v1/customers/acme/holds", r#"{"credits":1,"ttl_seconds":60,"operation":"o"}"#),
    ("/v1/holds/{hold}/settle", r#"{"credits":2,"quantities":{"crawls":1}}"#),
    ("/v1/holds/{hold}/release", "{}"),
    ("/v1/usage/{usage}/void", r#"{"reason":"why"}"#),
    ("/v1/customers/acme/grants", r#"{"credits":3,"expires_at":"2090-01-01T00:00:00Z","reason":"why"}"#),
    ("/v1/grants/{grant}/void", r#"{"reason":"why"}"#),
    ("/v1/customers/acme/purchases", r#"{"package":"p1200"}"#),
    ("/v1/customers/acme/portal_sessions", r#"{"member_email":"ada@acme.example","role":"viewer","path":"/billing"}"#),
    ("/v1/customers/acme/api_keys", r#"{"name":"n"}"#),
    ("PUT /v1/customers/acme", r#"{"email":"a@b.example","name":"A","plan":"pro","timezone":"Europe/Berlin"}"#),
    ("PUT /v1/customers/new", r#"{"email":"a@b.example","plan":"free","cycle_anchor":"2026-01-31T00:00:00Z"}"#),
];

/// How a text is spoilt: where, how, with what.
type Harm = (prop::sample::Index, u8, u8);

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8, any::<u8>()), 0..4)
}

fn harmed(text: &str, harms: &[Harm]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, how, byte) in harms {
        if bytes.is_empty() {
            break;
        }
        let at = place.index(bytes.len());
        match how {
            0 => bytes[at] ^= byte,
            1 => bytes.insert(at, *byte),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => bytes.extend_from_within(at..),
            _ => bytes[at] = b"{}[]\",:0-.eE\\u"[usize::from(*byte) % 14],
        }
    }
    bytes
}

/// JSON of any shape whose names are often those of the API, and whose values seldom are.
fn anything() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,5})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        "\"(\\\\u[0-9a-f]{4}|[a-z0-9:TZ+-]){0,30}\"",
    ];
    let name = prop::sample::select(vec![
        "credits",
        "operation",
        "quantities",
        "source",
        "metadata",
        "charges",
        "customer",
        "idempotency_key",
        "ttl_seconds",
        "reason",
        "expires_at",
        "package",
        "email",
        "name",
        "plan",
        "timezone",
        "cycle_anchor",
        "member_email",
        "role",
        "path",
        "return_url",
        "requests",
        "x",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let object = prop::collection::vec((name.clone(), inner.clone()), 0..6).prop_map(|members| {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let array = prop::collection::vec(inner, 0..6).prop_map(|values| format!("[{}]", values.join(",")));
        prop_oneof![3 => object, 1 => array]
    })
}

/// A customer with a hold, a usage and a gift; the paths of [`WRITES`] with their ids.
async fn furnished(app: &TestApp) -> Vec<(&'static str, String, &'static str)> {
    app.put_customer("acme", "starter").await;
    let id = |answer: Answer| answer.expect(201).json()["id"].as_str().unwrap().to_owned();
    let usage = id(app.charge("acme", "1", "u").await);
    let hold = id(app.post("/v1/customers/acme/holds", "h", r#"{"credits":1,"ttl_seconds":60}"#).await);
    let gift = r#"{"credits":1,"expires_at":"2090-01-01T00:00:00Z","reason":"r"}"#;
    let grant = id(app.post("/v1/customers/acme/grants", "g", gift).await);
    let path = |path: &str| path.replace("{usage}", &usage).replace("{hold}", &hold).replace("{grant}", &grant);
    let writes = WRITES.map(|(at, body)| match at.strip_prefix("PUT ") {
        Some(put) => ("PUT", put.to_owned(), body),
        None => ("POST", path(at), body),
    });
    writes.into()
}

on_both!(no_body_breaks_the_api, |app| {
    let writes = furnished(app).await;
    let number = std::sync::atomic::AtomicUsize::new(0);
    let send = async |(method, path, body): (&str, &str, Vec<u8>)| {
        let before = written(app).await;
        let key = format!("fuzz-{}", number.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let request = app.write(method, path, Some(&key), "").body(body);
        unchanged(app, before, &app.send(request).await).await;
    };
    for_all(120, (0..WRITES.len(), harms()), async |(which, harms)| {
        let (method, path, body) = &writes[which];
        send((*method, path, harmed(body, &harms))).await;
    });
    for_all(120, (0..WRITES.len(), anything()), async |(which, body)| {
        let (method, path, _) = &writes[which];
        send((*method, path, body.into_bytes())).await;
    });
    for_all(30, (0..WRITES.len(), any::<Vec<u8>>()), async |(which, body)| {
        let (method, path, _) = &writes[which];
        send((*method, path, body)).await;
    });
});

/// A number's thousandths by another way than the product's: digits and a place, nothing computed but zeros.
fn oracle(text: &str) -> Option<u128> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{part}", whole.trim_start_matches('-'));
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let digits = digits.trim_end_matches('0').trim_start_matches('0');
    if digits.is_empty() || mantissa.starts_with('-') {
        return None;
    }
    // digits × 10^place thousandths
    let place =
        exponent.parse::<i64>().unwrap() - i64::try_from(part.len()).unwrap() + i64::try_from(zeros).unwrap() + 3;
    let place = usize::try_from(place).ok().filter(|place| digits.len() + place <= 30)?;
    format!("{digits}{}", "0".repeat(place)).parse().ok()
}

on_both!(every_number_is_read_exactly_or_refused, |app| {
    app.put_customer("acme", "starter").await;
    let number = std::sync::atomic::AtomicUsize::new(0);
    let token = prop_oneof![
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?",
        "[1-9][0-9]{0,3}(\\.[0-9]{1,4})?",
        "0\\.0{0,3}[0-9]{1,3}([eE][+-]?[0-9])?",
    ];
    for_all(150, token, async |token| {
        let key = format!("n-{}", number.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let answer = app.charge("acme", &token, &key).await;
        // A thousandth at least, a billion credits at most.
        match oracle(&token).filter(|amount| (1..=1_000_000_000_000).contains(amount)) {
            None => assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_value"), "{token}"),
            Some(amount) => {
                assert!(matches!(answer.status, 201 | 402), "{token}: {}", answer.text);
                let said = &answer.json()[if answer.status == 201 { "credits" } else { "needed" }];
                assert_eq!(oracle(&said.to_string()), Some(amount), "{token}");
            }
        }
    });
});

on_both!(no_header_breaks_the_api, |app| {
    app.put_customer("acme", "starter").await;
    let names = [
        "idempotency-key",
        "content-type",
        "x-api-key",
        "authorization",
        "accept",
        "cookie",
        "origin",
        "sec-fetch-site",
        "stripe-signature",
        "accept-encoding",
        "if-none-match",
        "x-forwarded-for",
        "range",
        "host",
    ];
    let paths = ["/v1/customers/acme/usage", "/webhooks/stripe", "/sign-in", "/billing", "/_fn/x", "/metrics"];
    let value = prop::collection::vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8, Just(b'\t'), Just(b',')], 0..300);
    let strategy = (prop::sample::select(names.to_vec()), value, prop::sample::select(paths.to_vec()), any::<bool>());
    for_all(150, strategy, async |(name, value, path, post)| {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return };
        let before = written(app).await;
        let request = if post { app.write("POST", path, Some("k"), "{}") } else { app.request("GET", path) };
        let mut request = request.build().unwrap();
        request.headers_mut().insert(name, value);
        let answer = Answer::of(app.http.execute(request).await.unwrap()).await.unwrap();
        unchanged(app, before, &answer).await;
    });
});

on_both!(no_query_path_or_cursor_breaks_a_list, |app| {
    app.put_customer("acme", "starter").await;
    let paths = [
        "/v1/customers/acme/entries",
        "/v1/customers/acme/grants",
        "/v1/customers/acme/usage",
        "/v1/customers/acme/holds",
        "/v1/customers/acme/purchases",
        "/v1/catalog",
        "/v1/customers/acme/balance",
        "/billing",
        "/sign-in",
        "/purchases/pur_00000000000000000000000000000000",
        "/test/clock",
        "/healthz",
    ];
    let name = prop::sample::select(vec!["limit", "cursor", "format", "state", "session_id", "range", "token", "x"]);
    let value = prop_oneof![
        any::<Vec<u8>>().prop_map(|bytes| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>()),
        "n?[0-9a-f]{0,20}",
        "-?[0-9]{0,22}",
        "(csv|json|open|cs_test_[a-z0-9]{0,20}|hld_[0-9a-f]{32}|pur_[0-9a-f]{32})",
        "%[0-9a-zA-Z]{0,2}",
    ];
    let query = prop::collection::vec((name, value), 0..4);
    for_all(150, (prop::sample::select(paths.to_vec()), query), async |(path, query)| {
        let before = written(app).await;
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = app.get(&format!("{path}?{}", query.join("&"))).await;
        unchanged(app, before, &answer).await;
    });
    let kinds = ["customers", "holds", "usage", "grants", "purchases"];
    let id = prop_oneof!["[A-Za-z0-9._:-]{1,140}", "(%[0-9A-F]{2}){1,40}", "(hld|use|grt|pur)_[0-9a-f]{30,34}"];
    let tail = prop::sample::select(vec!["", "/balance", "/settle", "/void", "/usage", "/entries", "/%00", "//"]);
    for_all(100, (prop::sample::select(kinds.to_vec()), id, tail, any::<bool>()), async |(kind, id, tail, post)| {
        let before = written(app).await;
        let path = format!("/v1/{kind}/{id}{tail}");
        let request = if post { app.write("POST", &path, Some("k"), "{}") } else { app.request("GET", &path) };
        unchanged(app, before, &app.send(request).await).await;
    });
});

on_both!(no_webhook_that_stripe_did_not_sign_is_acted_on, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_webhooks(false);
    let opened = app.opened("acme", "p1200", "buy").await;
    app.pay(&opened).await;
    let (body, signature) = app.completed(&opened).await;
    for_all(150, (harms(), harms()), async |(body_harms, signature_harms)| {
        let before = written(app).await + app.count("select count(*) as n from inbox").await;
        let (spoilt, header) = (harmed(&body, &body_harms), harmed(&signature, &signature_harms));
        let Ok(value) = HeaderValue::from_bytes(&header) else { return };
        if spoilt == body.as_bytes() {
            // Signatures may be several, of which one must be good: only a spoilt body is surely refused.
            return;
        }
        let request = app.delivery(&(String::new(), String::new())).body(spoilt).header("stripe-signature", value);
        let answer = app.send(request).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(written(app).await + app.count("select count(*) as n from inbox").await, before);
    });
    let signed = async |body: Vec<u8>| {
        let before = written(app).await;
        let now = topup::clock::Clock::system().real().timestamp();
        let signature = webhook::sign_payload(WEBHOOK_SECRET, now, &body);
        let request = app.delivery(&(String::new(), signature)).body(body);
        let answer = app.send(request).await;
        assert!(answer.status < 500, "{answer:?}");
        assert_eq!(written(app).await, before, "{answer:?}");
    };
    for_all(40, prop_oneof![any::<Vec<u8>>(), anything().prop_map(String::into_bytes)], async |body| {
        signed(body).await
    });
    // Signed events without sense: an unknown Checkout, or none at all.
    let object = prop_oneof!["cs_test_[A-Za-z0-9]{1,40}", "pi_[a-z0-9]{1,20}", any::<String>(), "cs_\\.\\./[a-z]{1,9}"];
    let kind = prop_oneof!["checkout\\.session\\.[a-z_.]{1,30}", "charge\\.[a-z.]{1,20}", any::<String>()];
    let event = ("evt_[A-Za-z0-9]{1,30}", kind, object, any::<i64>(), any::<bool>());
    for_all(60, event, async |(id, kind, object, created, livemode)| {
        let event = json!({"id": id, "object": "event", "type": kind, "created": created, "livemode": livemode,
            "data": {"object": {"id": object}}});
        signed(event.to_string().into_bytes()).await;
    });
    let ledger: (Value, Vec<Value>) = app.ledger("acme").await;
    assert_eq!((ledger.0["available"].clone(), ledger.1.len()), (json!(5_000), 1));
});

on_both!(no_bytes_on_the_wire_break_the_server, |app| {
    let line = prop_oneof![
        any::<Vec<u8>>(),
        "(GET|POST|PUT|BREW) /[!-~]{0,60} HTTP/[0-9]\\.[0-9]\r\n([A-Za-z-]{1,20}: [ -~]{0,40}\r\n){0,5}\r\n[ -~]{0,80}"
            .prop_map(String::into_bytes),
        "POST /v1/usage HTTP/1\\.1\r\nhost: x\r\n(transfer-encoding: chunked\r\n|content-length: [0-9-]{1,20}\r\n){0,3}\r\n[0-9a-f\r\n]{0,40}"
            .prop_map(String::into_bytes),
    ];
    for_all(80, line, async |bytes| {
        let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
        // The server may have had enough before all is sent.
        let _cut = stream.write_all(&bytes).await;
        let _cut = stream.shutdown().await;
        let mut answer = Vec::new();
        let _cut = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.starts_with("HTTP/1.1 5"), "{text}");
        app.get("/healthz").await.expect(200);
    });
});
