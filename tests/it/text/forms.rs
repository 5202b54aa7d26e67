//! Arbitrary fields and addresses: no panic, no 5xx, and NUL is a 4xx.
//!
//! A panic in a handler breaks the connection, so that the request itself fails.

use crate::app::{Answer, Browser, Form, TestApp, forms, on_both};
use crate::fuzz::for_all;
use crate::operators;
use crate::operators::OperatorBrowser;
use leptos::server_fn::axum::server_fn_paths;
use proptest::prelude::*;
use serde_json::json;

/// Bad values for dates, numbers, ids and words.
fn hostile() -> impl Strategy<Value = String> {
    let ends = [
        "+262142-12-31",
        "-262143-01-01",
        "+262143-01-01",
        "9999-12-31",
        "9998-12-31",
        "0000-01-01",
        "2026-02-30",
        "1969-12-31",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e999999999",
        "0.0001",
        "1000000000",
        "1000000000.001",
        ",,,",
        "1,000,000,000,000,000,000",
        "１２",
        "ß,ßßß.ß",
        "a\0b",
        "Europe/Berlin\0",
        "\u{202e}",
        "",
        " ",
    ];
    prop_oneof![
        3 => prop::sample::select(ends.to_vec()).prop_map(str::to_owned),
        2 => "[+-]?[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}",
        2 => "-?[0-9,]{0,22}(\\.[0-9]{0,5})?([eE][+-]?[0-9]{1,4})?",
        1 => "(pur|grt|use|hld|key)_[0-9a-fA-F]{30,34}",
        1 => "[0-9a-f]{0,70}",
        1 => "[a-zé@.<>\"' /:\\\\-]{0,60}",
        1 => any::<String>(),
        1 => "(x|ü|\u{1f469}){200,300}",
    ]
}

/// A customer's and an operator's browser, with all pages that have forms.
struct People<'a> {
    browser: Browser<'a>,
    operator: OperatorBrowser<'a>,
    pages: Vec<(bool, String)>,
}

impl<'a> People<'a> {
    async fn of(app: &'a TestApp) -> Self {
        app.put_customer("acme", "starter").await;
        let charge = json!({"credits": 9, "operation": "scrape", "source": "crawler"}).to_string();
        app.post("/v1/customers/acme/usage", "u", charge).await.expect(201);
        let gift = json!({"credits": 1, "expires_at": "2090-01-01T00:00:00Z", "reason": "sorry"}).to_string();
        app.post("/v1/customers/acme/grants", "g", gift).await.expect(201);
        let bought = app.buy("acme", "p1200", "buy").await["id"].as_str().unwrap().to_owned();
        app.put("acme", json!({"email": "eva@acme.example"})).await.expect(200);
        let browser = Browser::new(app);
        browser.arrive("acme", "eva@acme.example", "owner").await;
        let operator = OperatorBrowser::open(app).await;
        let customers =
            ["/billing", "/history", "/settings", "/usage", "/sign-in"].map(|page| (false, page.to_owned()));
        let operators = ["/operator", "/operator/customers/acme", "/operator/alarms", "/operator/sign-in"];
        let operators = operators.map(|page| (true, page.to_owned())).into_iter();
        let pages = customers.into_iter().chain(operators).chain([(true, format!("/operator/purchases/{bought}"))]);
        Self { browser, operator, pages: pages.collect() }
    }

    async fn get(&self, is_operator: bool, path: &str) -> Answer {
        match is_operator {
            true => operators::page(self.operator.app, path, &self.operator.cookie).await,
            false => self.browser.get(path).await,
        }
    }

    /// The forms of all pages, without those that end the session that sends the others.
    async fn forms(&self) -> Vec<(bool, Form)> {
        let mut all = Vec::new();
        for (is_operator, page) in &self.pages {
            // Only anonymous browsers see these forms.
            let (is_operator, answer) = match page.ends_with("sign-in") {
                true => (&false, Browser::new(self.operator.app).get(page).await),
                false => (is_operator, self.get(*is_operator, page).await),
            };
            let drawn = forms(&answer.expect(200)).into_iter();
            let kept = drawn.filter(|form| !form.action.ends_with("sign-out") && !form.fields.is_empty());
            all.extend(kept.map(|form| (*is_operator, form)));
        }
        all
    }

    async fn send(&self, is_operator: bool, form: &Form) -> Answer {
        if form.is_get {
            return self.get(is_operator, &format!("{}?{}", form.action, form.encoded())).await;
        }
        let pairs: Vec<_> = form.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        match is_operator {
            true => operators::send(self.operator.app, &form.action, &self.operator.cookie, &pairs).await,
            false => self.browser.post(form.action.trim_start_matches("/_fn/"), &pairs).await,
        }
    }
}

/// How a form is filled in badly: which field, of those that a person types or of all, with what.
type Harm = (prop::sample::Index, bool, String);

fn harmed(form: &Form, (place, of_all, value): &Harm) -> Form {
    let names = |all: bool| -> Vec<String> {
        form.fields.iter().filter(|field| all || field.is_typed).map(|field| field.name.clone()).collect()
    };
    let names = Some(names(*of_all)).filter(|names| !names.is_empty()).unwrap_or_else(|| names(true));
    form.clone().with(place.get(names.as_slice()).as_str(), value)
}

on_both!(no_value_of_a_form_breaks_anything, |app| {
    let people = People::of(app).await;
    let drawn = people.forms().await;
    assert!(drawn.len() >= 15, "{drawn:?}");
    let filled = |form: &Form| {
        // The other fields are valid, so that the bad value is reached.
        let known = [("reason", "asked by email"), ("first", "1"), ("second", "2090-01-01"), ("name", "worker")];
        known.iter().fold(form.clone(), |form, (name, value)| {
            if form.fields.iter().any(|field| field.name == *name) { form.with(name, value) } else { form }
        })
    };
    let harm = (any::<prop::sample::Index>(), prop::bool::weighted(0.2), hostile());
    for_all(150, (any::<prop::sample::Index>(), prop::collection::vec(harm, 1..3)), async |(which, harms)| {
        let (is_operator, form) = which.get(&drawn);
        let form = harms.iter().fold(filled(form), |form, harm| harmed(&form, harm));
        let answer = people.send(*is_operator, &form).await;
        assert!(answer.status < 500, "{form:?} {answer:?}");
        let has_nul = form.fields.iter().any(|field| field.name.contains('\0') || field.value.contains('\0'));
        assert!(!has_nul || answer.status == 400, "{form:?} {answer:?}");
        // A field that nobody types has another value only by hand; a value that can be typed is answered in words.
        let by_hand = |form: &Form| {
            form.fields.iter().filter(|field| !field.is_typed).map(|field| field.value.clone()).collect::<Vec<_>>()
        };
        let to = if answer.header("location").is_some() { answer.way() } else { String::new() };
        assert!(!to.contains("fault") || by_hand(&form) != by_hand(&which.get(&drawn).1), "{form:?} {to}");
    });
});

on_both!(no_value_of_an_address_breaks_a_page, |app| {
    let people = People::of(app).await;
    let names = [
        "from",
        "to",
        "before",
        "source",
        "operation",
        "show",
        "top_up",
        "range",
        "hide",
        "page",
        "top_ups",
        "purchases",
        "outcome",
        "purchase",
        "package",
        "session_id",
        "q",
        "audit",
        "mails",
        "act",
        "entries",
    ];
    let files = ["/history.csv", "/usage.csv"].map(|page| (false, page.to_owned()));
    let files = files.into_iter().chain(["/operator/sales.csv", "/operator/sales"].map(|page| (true, page.to_owned())));
    let pages: Vec<_> = people.pages.iter().cloned().chain(files).collect();
    let value = prop_oneof![3 => hostile(), 1 => Just("all".to_owned())];
    let query = prop::collection::vec((prop::sample::select(names.to_vec()), value), 1..5);
    for_all(150, (any::<prop::sample::Index>(), query), async |(which, query)| {
        let (is_operator, page) = which.get(&pages);
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
        let answer = people.get(*is_operator, &format!("{page}?{encoded}")).await;
        assert!(answer.status < 500, "{page} {query:?} {answer:?}");
    });
    let bytes = prop::collection::vec(any::<u8>(), 1..12);
    let paths = ["/purchases/", "/sign-in/", "/mails/", "/operator/customers/", "/operator/purchases/", "/demo/mails/"];
    for_all(60, (prop::sample::select(paths.to_vec()), bytes), async |(path, bytes)| {
        let tail: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
        for is_operator in [false, true] {
            let answer = people.get(is_operator, &format!("{path}{tail}")).await;
            assert!(answer.status < 500, "{path}{tail} {answer:?}");
            assert!(!bytes.contains(&0) || answer.status == 400, "{path}{tail} {answer:?}");
        }
    });
});

/// Fields that functions take.
const FIELDS: [&str; 20] = [
    "email", "role", "id", "zone", "credits", "mails", "name", "seed", "token", "customer", "purchase", "package",
    "price", "mac", "theme", "back", "password", "act", "about", "member",
];

on_both!(a_form_with_nul_or_broken_text_is_a_4xx_of_every_function, |app| {
    let people = People::of(app).await;
    let cookie = format!("session={}; {}", people.browser.cookie("session").unwrap(), people.operator.cookie);
    let before = app.ledger("acme").await;
    let all = |value: &str| FIELDS.map(|name| format!("{name}={value}")).join("&");
    for (path, _) in server_fn_paths() {
        let send = async |body: Vec<u8>, accept: &str| {
            let request = app.http.post(format!("http://{}{path}", app.address)).header("cookie", &cookie);
            let request = request.header("sec-fetch-site", "same-origin").header("accept", accept).body(body);
            app.send(request.header("content-type", "application/x-www-form-urlencoded")).await
        };
        for accept in ["text/html", "application/json"] {
            for value in ["%00", "a%00b"] {
                assert_eq!(send(all(value).into_bytes(), accept).await.status, 400, "{path} {value}");
            }
            assert_eq!(send(b"email=a\0b".to_vec(), accept).await.status, 400, "{path}");
            for value in ["%FF", "%C3%28", "%ED%A0%80"] {
                assert_eq!(send(all(value).into_bytes(), accept).await.status, 400, "{path} {value}");
            }
            assert_eq!(send(b"email=a\xffb".to_vec(), accept).await.status, 400, "{path}");
            // Arguments that are none of the function's, for whoever reads statuses: no fault of ours.
            let answer = send(all("%").into_bytes(), accept).await;
            assert!(answer.status < 500, "{path} {answer:?}");
            assert_eq!(send(vec![b'a'; 70_000], accept).await.status, 413, "{path}");
        }
    }
    let broken = people.browser.post("request-link", &[("email", "ada\0@acme.example")]).await.expect(400);
    assert!(broken.text.contains("read this request"));
    assert_eq!(app.ledger("acme").await, before);
});
