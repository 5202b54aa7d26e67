//! Texts that people read, from every entry: bad ones are refused by name, good ones read the same everywhere, and other
//! bytes do no harm.

mod forms;
mod markup;

use crate::app::{Answer, Browser, Database, OPERATOR_KEY, TestApp, on_both};
use crate::operators::OperatorBrowser;
use serde_json::{Value, json};

/// A call that takes a text: path, idempotency key or none, body, the text's field.
type Call = (&'static str, String, Value, &'static str);

/// Every text of the operator's API that people read, with a good body around it.
async fn calls(app: &TestApp) -> Vec<Call> {
    app.put_customer("acme", "starter").await;
    let id = |answer: Answer| answer.json()["id"].as_str().unwrap().to_owned();
    let usage = id(app.charge("acme", "1", "u").await.expect(201));
    let gift = json!({"credits": 1, "expires_at": "2090-01-01T00:00:00Z", "reason": "sorry"});
    let grant = id(app.post("/v1/customers/acme/grants", "g", gift.to_string()).await.expect(201));
    let hold = json!({"credits": 1, "ttl_seconds": 600});
    let held = id(app.post("/v1/customers/acme/holds", "h", hold.to_string()).await.expect(201));
    let customer = |what: &str| format!("/v1/customers/acme{what}");
    vec![
        ("PUT", customer(""), json!({}), "name"),
        ("POST", customer("/usage"), json!({"credits": 1}), "source"),
        ("POST", customer("/holds"), hold, "source"),
        ("POST", format!("/v1/holds/{held}/settle"), json!({"credits": 1}), "source"),
        ("POST", customer("/grants"), gift, "reason"),
        ("POST", customer("/api_keys"), json!({}), "name"),
        ("POST", format!("/v1/usage/{usage}/void"), json!({}), "reason"),
        ("POST", format!("/v1/grants/{grant}/void"), json!({}), "reason"),
    ]
}

async fn say(app: &TestApp, (method, path, body, field): &Call, key: &str, text: &str) -> Answer {
    let mut body = body.clone();
    body[*field] = json!(text);
    app.send(app.write(method, path, Some(key), body.to_string())).await
}

const BAD: [&str; 16] = [
    "",
    " ",
    "\u{a0}\u{3000}",
    "a\0b",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "a\u{7}b",
    "a\u{7f}b",
    "a\u{85}b",
    "a\u{2028}b",
    "invoice\u{202e}fdp.exe",
    "a\u{2066}b\u{2069}",
    "a\u{ffff}b",
    "\u{200b}\u{200d}",
    "\u{3164}",
];

on_both!(what_is_no_text_is_refused_by_name_in_every_call, |app| {
    let calls = calls(app).await;
    let before = app.ledger("acme").await;
    for call in &calls {
        for text in BAD {
            let answer = say(app, call, "bad", text).await;
            assert_eq!(answer.fields(), [call.3], "{call:?} {text:?}: {}", answer.text);
            answer.expect_problem(422, "invalid_value");
        }
        let long = "ö".repeat(201);
        say(app, call, "bad", &long).await.expect_problem(422, "invalid_value");
    }
    for text in BAD {
        let charge = json!({"customer": "acme", "idempotency_key": "b", "credits": 1, "source": text});
        let body = json!({"charges": [charge]}).to_string();
        let results = app.post("/v1/usage", "batch", body).await.expect(200).json();
        assert_eq!(results["results"][0]["error"]["errors"][0]["field"], "source", "{text:?}: {results}");
    }
    assert_eq!(app.ledger("acme").await, before);
});

on_both!(names_of_all_scripts_come_back_as_they_were_given, |app| {
    let good = ["O'Brien & Søn", "חברת הדוגמה", "شركة المثال", "株式会社", "می\u{200c}خواهم", "👩\u{200d}💻 Labs"];
    for (n, text) in good.into_iter().enumerate() {
        let id = format!("c{n}");
        app.put(&id, json!({"email": "ada@acme.example", "plan": "starter", "name": text})).await.expect(201);
        assert_eq!(app.get(&format!("/v1/customers/{id}")).await.json()["name"], text);
        let body = json!({"credits": 1, "source": text}).to_string();
        let charged = app.post(&format!("/v1/customers/{id}/usage"), "k", body).await.expect(201).json();
        assert_eq!(charged["source"], text);
    }
    // Texts that look the same are stored the same.
    app.put("c0", json!({"name": "Cafe\u{301}"})).await.expect(200);
    assert_eq!(app.get("/v1/customers/c0").await.json()["name"], "Café");
});

on_both!(nul_is_refused_wherever_it_can_be_written, |app| {
    app.put_customer("acme", "starter").await;
    app.buy("acme", "p1200", "buy").await;
    for metadata in [json!({"a": "\0"}), json!({"a": [{"b\0": 1}]})] {
        let body = json!({"credits": 1, "metadata": metadata}).to_string();
        let answer = app.post("/v1/customers/acme/usage", "m", body).await;
        assert_eq!(answer.fields(), ["metadata"]);
        answer.expect_problem(422, "invalid_value");
    }
    for list in
        ["entries?cursor=", "usage?cursor=", "grants?cursor=", "holds?state=", "entries?format=", "purchases?x="]
    {
        let answer = app.get(&format!("/v1/customers/acme/{list}%00")).await;
        assert_eq!(answer.status, 400, "{list} {answer:?}");
    }
    for path in ["/v1/customers/%00", "/v1/purchases/%00", "/v1/holds/a%00b", "/v1/customers/%00/balance"] {
        app.get(path).await.expect(404);
    }
    let key = app.send(app.write("POST", "/v1/customers/acme/api_keys", None, r#"{"name":"k"}"#)).await.json();
    let key = key["key"].as_str().unwrap();
    let stats = app.http.get(format!("http://{}/api/usage-stats?range=%00", app.address)).header("x-api-key", key);
    app.send(stats).await.expect(400);

    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let operator = OperatorBrowser::open(app).await;
    for path in [
        "/history?source=%00",
        "/history?operation=a%00b",
        "/history.csv?source=%00",
        "/usage?hide=%00",
        "/usage.csv?range=%00",
        "/billing?package=%00",
        "/billing?outcome=%00&purchase=%00",
        "/purchases/%00",
        "/purchases/%00/invoice",
        "/sign-in/%00",
        "/settings?%00=1",
        "/mails/%00",
        "/nothing/%00",
        "/pkg/%00",
        "/operator?q=%00",
        "/operator?audit=%00",
        "/operator/customers/%00",
        "/operator/customers/acme?purchases=%00",
        "/operator/purchases/%00",
    ] {
        assert_eq!(browser.get(path).await.status, 400, "{path}");
        let answer = crate::operators::page(app, path, &operator.cookie).await;
        assert_eq!(answer.status, 400, "{path} {}", answer.text);
    }
});

on_both!(an_address_beyond_ascii_is_one_address_however_it_is_written, |app| {
    let put = async |email: &str| app.put("acme", json!({"email": email, "plan": "starter"})).await;
    for bad in ["ädä@acme.example", "ada\u{200b}@acme.example", "ada@mün\u{202e}chen.example", "ada@münchen..example"]
    {
        let answer = put(bad).await;
        assert_eq!(answer.fields(), ["email"], "{bad}");
        answer.expect_problem(422, "invalid_value");
    }
    let made = put("Ada@MÜNCHEN.example").await.expect(201).json();
    assert_eq!(made["email"], "Ada@xn--mnchen-3ya.example");
    let members = "select count(*) as n from members where email = 'ada@xn--mnchen-3ya.example' and removed_at is null";
    assert_eq!(app.count(members).await, 1);
    put("ada@mu\u{308}nchen.example").await.expect(200);
    assert_eq!(app.count("select count(*) as n from members").await, 1, "it is the same person");
    let link = json!({"member_email": "ädä@acme.example"}).to_string();
    let answer = app.send(app.write("POST", "/v1/customers/acme/portal_sessions", None, link)).await;
    assert_eq!(answer.fields(), ["member_email"]);

    let browser = Browser::new(app);
    browser.sign_in("ada@münchen.example").await;
    assert!(app.mails().await.iter().any(|mail| mail.contains("To: ada@xn--mnchen-3ya.example")));
    let operator = OperatorBrowser::open(app).await;
    for asked in ["ada@münchen.example", "ADA@xn--mnchen-3ya.example"] {
        assert!(operator.page(&format!("/operator?q={asked}")).await.contains("/operator/customers/acme\""), "{asked}");
    }
});

on_both!(a_customer_is_found_by_its_name_in_any_case_of_any_script, |app| {
    let named = [
        ("a", "Ångström Straße AB", "ÅNGSTRÖM strasse ab"),
        ("b", "КООПЕРАТИВ Мир", "кооператив мир"),
        ("c", "ΟΔΟΣ", "οδοσ"),
        ("d", "Ａｃｍｅ ﬁnance", "ACME Finance"),
        ("e", "İstanbul Ltd", "istanbul LTD"),
    ];
    for (id, name, _) in named {
        app.put(id, json!({"email": "ada@acme.example", "plan": "starter", "name": name})).await.expect(201);
    }
    let operator = OperatorBrowser::open(app).await;
    let found = async |asked: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", asked).finish();
        let page = operator.page(&format!("/operator?{query}")).await;
        named
            .iter()
            .map(|(id, ..)| *id)
            .filter(|id| page.contains(&format!("/operator/customers/{id}\"")))
            .collect::<String>()
    };
    for (id, name, asked) in named {
        assert_eq!(found(name).await, id);
        assert_eq!(found(asked).await, id, "{asked}");
    }
    assert_eq!(found("οδος").await, "c", "a sigma at the end is a sigma");
    assert_eq!(found("ada@acme.example").await, "abcde");
    assert_eq!(found("nobody").await, "");
    // A name that changes is found by the new one, an erased one by none.
    app.put("a", json!({"name": "Öl"})).await.expect(200);
    assert_eq!((found("ÖL").await.as_str(), found("ångström straße ab").await.as_str()), ("a", ""));
    app.send(app.request("DELETE", "/v1/customers/a")).await.expect(204);
    assert_eq!((found("ÖL").await.as_str(), found("\u{200b}").await.as_str()), ("", ""));
    assert_eq!(app.count("select count(*) as n from customers where folded_name = ''").await, 1);
});

on_both!(a_search_says_when_it_shows_not_all, |app| {
    let operator = OperatorBrowser::open(app).await;
    let put = async |n: usize| {
        let body = json!({"email": "ada@acme.example", "plan": "starter", "name": "Twins"});
        app.put(&format!("twin-{n:02}"), body).await.expect(201);
    };
    for n in 0..50 {
        put(n).await;
    }
    let shown = |page: &str| page.matches("/operator/customers/twin-").count();
    let page = operator.page("/operator?q=TWINS").await;
    assert_eq!((shown(&page), page.contains("Only the first 50 customers are shown.")), (50, false));
    put(50).await;
    let page = operator.page("/operator?q=TWINS").await;
    assert_eq!((shown(&page), page.contains("Only the first 50 customers are shown.")), (50, true));
    assert!(operator.page("/operator?q=twin-50").await.contains("/operator/customers/twin-50\""));
});

on_both!(rows_of_an_earlier_version_are_found_after_the_next_start, |app| {
    app.put("acme", json!({"email": "ada@acme.example", "plan": "starter", "name": "Ünited"})).await.expect(201);
    app.put("other", json!({"email": "eva@acme.example", "plan": "starter"})).await.expect(201);
    for table in ["customers", "members"] {
        let sql = format!("update {table} set email = 'ada@münchen.example' where email = 'ada@acme.example'");
        app.tamper(&sql, Vec::new()).await.unwrap();
    }
    app.tamper("update customers set folded_name = null", Vec::new()).await.unwrap();
    app.restart().await;
    let operator = OperatorBrowser::open(app).await;
    for asked in ["UNITED", "üNITED", "ada@münchen.example"] {
        let found = operator.page(&format!("/operator?q={asked}")).await.contains("/operator/customers/acme\"");
        assert_eq!(found, asked != "UNITED", "{asked}");
    }
    assert!(operator.page("/operator?q=OTHER").await.contains("/operator/customers/other\""));
    Browser::new(app).sign_in("ada@münchen.example").await;
});

on_both!(every_answer_of_the_api_is_kept_by_nobody, |app| {
    app.put_customer("acme", "starter").await;
    let plain = |path: &str| app.http.get(format!("http://{}{path}", app.address));
    for request in [
        app.request("GET", "/v1/catalog"),
        app.request("GET", "/v1/customers/acme/balance"),
        app.request("GET", "/v1/customers/acme/entries?format=csv"),
        app.request("GET", "/v1/customers/nobody"),
        app.request("GET", "/v1/nothing"),
        app.request("DELETE", "/v1/catalog"),
        app.write("POST", "/v1/customers/acme/usage", Some("k"), "{"),
        app.write("POST", "/v1/customers/acme/usage", Some("k"), r#"{"credits":1}"#),
        plain("/v1/catalog"),
        plain("/api/account"),
        plain("/healthz"),
        plain("/metrics"),
    ] {
        let answer = app.send(request).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        assert_eq!(answer.header("strict-transport-security"), None, "{answer:?}");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_on_https_says_in_every_answer_that_it_stays_there() {
    let app = TestApp::start_with(Database::Sqlite, |settings| {
        settings.public_url = Some("https://topup.example".to_owned());
    })
    .await;
    for path in ["/v1/catalog", "/v1/nothing", "/api/account", "/sign-in", "/nothing", "/live.js", "/healthz", "/docs"]
    {
        let answer = app.get(path).await;
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "{path}");
    }
    app.stop().await;
    app.home.remove().await;
}

on_both!(an_empty_header_hides_no_good_key, |app| {
    let ask = async |own: &str, bearer: &str| {
        let request = app.http.get(format!("http://{}/v1/catalog", app.address));
        app.send(request.header("x-api-key", own).header("authorization", bearer)).await.status
    };
    let good = format!("Bearer {OPERATOR_KEY}");
    assert_eq!((ask("", &good).await, ask("  ", &good).await, ask(OPERATOR_KEY, "").await), (200, 200, 200));
    assert_eq!((ask("wrong", &good).await, ask("", "Bearer wrong").await, ask("", "").await), (401, 401, 401));
});

on_both!(a_ninth_page_of_a_session_gets_no_events, |app| {
    app.put_customer("acme", "starter").await;
    let (browser, other) = (Browser::new(app), Browser::new(app));
    browser.arrive("acme", "ada@acme.example", "owner").await;
    other.arrive("acme", "ada@acme.example", "owner").await;
    let stream = async |browser: &Browser<'_>| {
        let cookie = format!("session={}", browser.cookie("session").unwrap());
        app.http.get(format!("http://{}/live", app.address)).header("cookie", cookie).send().await.unwrap()
    };
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(stream(&browser).await);
    }
    assert!(open.iter().all(|stream| stream.status() == 200));
    assert_eq!(
        (stream(&browser).await.status(), stream(&other).await.status()),
        (204.try_into().unwrap(), 200.try_into().unwrap())
    );
});
