//! Markup in any free text is text: in the title, on every page, in every email.

use crate::app::{Browser, Database, Form, TestApp, forms};
use crate::operators;
use crate::operators::OperatorBrowser;
use serde_json::json;
use std::collections::BTreeSet;
use topup::domain::Instant;

/// A text that would end a title, an attribute, a script's text or a comment, and begin an element of this name.
fn mark(name: &str) -> String {
    format!("\"'--></title></textarea></script><x-{name}>")
}

/// The sample's catalogue, with markup in all of the shop's words.
fn catalogue() -> String {
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let words = [
        ("name = \"Gleaner\"", "name", "shop"),
        ("credit_note = \"Most pages cost 2 credits.\"", "credit_note", "note"),
        ("name = \"Starter\"", "name", "plan"),
        ("label = \"Requests\"", "label", "label"),
        ("unit = \"ms\"", "unit", "unit"),
    ];
    words.iter().fold(sample, |text, (was, key, name)| {
        assert!(text.contains(was), "{was}");
        text.replacen(was, &format!("{key} = '''{}'''", mark(name).replace('\'', "`")), 1)
    })
}

/// The names of the texts that were found.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    fn look(&mut self, at: &str, html: &str) {
        assert!(!html.contains("<x-"), "{at}: a text became an element\n{html}");
        let head = html.split("</head>").next().unwrap();
        assert_eq!((head.matches("<title>").count(), head.matches("</title>").count()), (1, 1), "{at}\n{html}");
        for rest in html.split("&lt;x-").skip(1) {
            self.0.insert(rest.chars().take_while(char::is_ascii_lowercase).collect());
        }
    }
}

/// Sends the form of a page that goes to this function.
async fn submit(app: &TestApp, browser: &Browser<'_>, page: &str, function: &str, fields: &[(&str, &str)]) {
    let all = forms(&browser.get(page).await.expect(200));
    let form = all.into_iter().find(|form| form.action == format!("/_fn/{function}"));
    let form = fields.iter().fold(form.unwrap(), |form: Form, (name, value)| form.with(name, value));
    let pairs: Vec<_> = form.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
    let to = browser.sent(function, &pairs).await;
    assert!(!to.contains("fault"), "{to}");
    app.mails().await;
}

/// A customer with markup in all of its texts, something of every sort, and an email of most kinds.
async fn furnish(app: &TestApp, browser: &Browser<'_>) -> String {
    let name = mark("name");
    app.put("acme", json!({"email": "ada@acme.example", "plan": "starter", "name": name})).await.expect(201);
    let bought = app.buy("acme", "p1200", "buy").await;
    let charge =
        json!({"credits": 4_000, "operation": "scrape", "source": mark("source"), "metadata": {"a": mark("meta")}});
    let used = app.post("/v1/customers/acme/usage", "u1", charge.to_string()).await.expect(201).json();
    let void = format!("/v1/usage/{}/void", used["id"].as_str().unwrap());
    app.post(&void, "v1", json!({"reason": mark("void")}).to_string()).await.expect(200);
    let gift = json!({"credits": 5, "expires_at": "2090-01-01T00:00:00Z", "reason": mark("gift")});
    app.post("/v1/customers/acme/grants", "g1", gift.to_string()).await.expect(201);
    let hold = json!({"credits": 3, "ttl_seconds": 600, "source": mark("source")});
    app.post("/v1/customers/acme/holds", "h1", hold.to_string()).await.expect(201);
    // Few credits are left, then none.
    for (key, credits) in [("u2", 6_000), ("u3", 202)] {
        let charge = json!({"credits": credits, "source": mark("source")});
        app.post("/v1/customers/acme/usage", key, charge.to_string()).await.expect(201);
    }
    let key = json!({"name": mark("key")}).to_string();
    app.send(app.write("POST", "/v1/customers/acme/api_keys", None, key)).await.expect(201);
    browser.sign_in("ada@acme.example").await;
    submit(app, browser, "/settings", "invite-member", &[("email", "eve&co'@acme.example")]).await;
    app.advance_to(bought["expires_at"].as_str().unwrap().parse::<Instant>().unwrap() - chrono::TimeDelta::days(6))
        .await;
    // The figures of Usage now.
    let counted = json!({"requests": 1, "latency_ms": 5});
    let charge = json!({"credits": 7, "operation": "scrape", "quantities": counted, "source": mark("source")});
    app.post("/v1/customers/acme/usage", "u4", charge.to_string()).await.expect(201);
    bought["id"].as_str().unwrap().to_owned()
}

async fn customers_pages(app: &TestApp, browser: &Browser<'_>, purchase: &str, seen: &mut Seen) {
    let text = url::form_urlencoded::byte_serialize(mark("query").as_bytes()).collect::<String>();
    let pages = [
        "/billing".to_owned(),
        "/billing?top_ups=all&purchases=all".to_owned(),
        format!("/billing?page={text}"),
        "/usage".to_owned(),
        "/usage?range=7d".to_owned(),
        "/usage?range=weekly".to_owned(),
        format!("/usage?range={text}&hide={text}"),
        "/history".to_owned(),
        format!("/history?source={text}&operation={text}&from={text}&to={text}&show={text}&top_up={text}"),
        "/settings".to_owned(),
        "/plans".to_owned(),
        format!("/purchases/{purchase}"),
        format!("/purchases/{purchase}?session_id={text}"),
        format!("/purchases/{text}"),
        "/sign-in".to_owned(),
        format!("/sign-in/{text}"),
        format!("/mails/{text}"),
        format!("/nothing/{text}?a={text}"),
        "/demo/mails".to_owned(),
        "/demo/events".to_owned(),
    ];
    for page in pages {
        let answer = browser.get(&page).await;
        if answer.status < 300 || answer.status == 404 {
            seen.look(&page, &answer.text);
        }
        let stranger = Browser::new(app).get(&page).await;
        if stranger.status != 303 {
            seen.look(&page, &stranger.text);
        }
    }
}

async fn operators_pages(app: &TestApp, purchase: &str, seen: &mut Seen) {
    let operator = OperatorBrowser::open(app).await;
    let name = url::form_urlencoded::byte_serialize(mark("name").as_bytes()).collect::<String>();
    let customer = "/operator/customers/acme".to_owned();
    let all = forms(&operators::page(app, "/operator/customers/acme", &operator.cookie).await.expect(200));
    let give = all.into_iter().find(|form| form.fields.iter().any(|field| field.value == "give")).unwrap();
    let give = give.with("first", "5").with("reason", &mark("reason"));
    let pairs: Vec<_> = give.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
    let to = operators::send(app, &give.action, &operator.cookie, &pairs).await.expect(303);
    assert!(to.way().contains("outcome=done"), "{to:?}");
    let pages = [
        "/operator".to_owned(),
        format!("/operator?q={name}"),
        "/operator?q=ada@acme.example".to_owned(),
        customer,
        format!("/operator/customers/{name}"),
        format!("/operator/purchases/{purchase}"),
        "/operator/alarms".to_owned(),
        "/operator/sales".to_owned(),
    ];
    let signed_out = (format!("/operator/sign-in?to={name}"), "");
    for (page, cookie) in pages.into_iter().map(|page| (page, operator.cookie.as_str())).chain([signed_out]) {
        let answer = operators::page(app, &page, cookie).await;
        assert!(matches!(answer.status, 200 | 404), "{page} {answer:?}");
        seen.look(&page, &answer.text);
    }
}

/// The HTML of all emails so far; their plain text is text anyway.
async fn emails(app: &TestApp, seen: &mut Seen) -> BTreeSet<String> {
    let inner = app.inner();
    let sql = "select kind, subject, body_html from outbox order by no";
    let rows = inner.store.read().await.unwrap().fetch_all(sql, Vec::new()).await.unwrap();
    let look = |row: &topup::store::db::Row| {
        let kind = row.text("kind").unwrap();
        seen.look(&kind, &row.text("body_html").unwrap());
        assert!(!row.text("subject").unwrap().contains('\n'));
        kind
    };
    rows.iter().map(look).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markup_in_any_free_text_is_text_on_every_page_and_in_every_email() {
    let file = std::env::temp_dir().join(format!("topup_markup_{}.toml", std::process::id()));
    std::fs::write(&file, catalogue()).unwrap();
    let app = TestApp::start_with(Database::Sqlite, |settings| settings.database.catalog = file.clone()).await;
    std::fs::remove_file(&file).unwrap();
    let (mut seen, browser) = (Seen::default(), Browser::new(&app));
    let purchase = furnish(&app, &browser).await;
    let browser = Browser::new(&app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    customers_pages(&app, &browser, &purchase, &mut seen).await;
    operators_pages(&app, &purchase, &mut seen).await;
    let on_pages = std::mem::take(&mut seen);
    for text in ["shop", "plan", "note", "label", "unit", "name", "source", "key", "reason", "query"] {
        assert!(on_pages.0.contains(text), "no page shows {text}: {:?}", on_pages.0);
    }
    let kinds = emails(&app, &mut seen).await;
    for kind in ["receipt", "invite", "low"] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
    assert!(seen.0.contains("shop") && seen.0.contains("name"), "{kinds:?} {:?}", seen.0);
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}
