//! Permanent and passing errors: 500 without `Retry-After`, 503 with it.

use crate::app::{Answer, Browser, Database, Home, on_both};
use crate::process::{call, start, topup};
use topup::store::Store;

/// 500 as RFC 9457 has it where nothing more is to be said: no code of the closed list, no cause, no `Retry-After`.
#[track_caller]
fn lasts(answer: &Answer) {
    assert_eq!(answer.status, 500, "{}", answer.text);
    assert_eq!(answer.header("retry-after"), None);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let json = answer.json();
    assert_eq!((&json["status"], &json["type"]), (&500.into(), &"about:blank".into()), "{}", answer.text);
    assert!(json["code"].is_null() && json["title"].is_string() && json["detail"].is_string(), "{}", answer.text);
    assert!(!answer.text.contains("draws") && !answer.text.contains("nonsense"), "the cause is shown: {}", answer.text);
}

on_both!(a_row_that_does_not_decode_is_a_500_for_its_customer_alone, |app| {
    for customer in ["acme", "larch"] {
        app.put_customer(customer, "starter").await;
    }
    app.post("/v1/customers/acme/holds", "h", r#"{"credits":9,"ttl_seconds":86400}"#).await.expect(201);
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    app.tamper("update holds set draws = '[nonsense'", Vec::new()).await.unwrap();
    // The engine's cache is from before the damage.
    app.restart().await;
    lasts(&app.get("/v1/customers/acme/balance").await);
    lasts(&app.charge("acme", "1", "job").await);
    lasts(&app.post("/v1/customers/acme/holds", "h2", r#"{"credits":9,"ttl_seconds":60}"#).await);
    let batch = r#"{"charges":[{"customer":"acme","idempotency_key":"b","credits":1}]}"#;
    lasts(&app.send(app.write("POST", "/v1/usage", None, batch)).await);
    let page = browser.get("/billing").await;
    assert_eq!((page.status, page.header("retry-after")), (500, None), "{}", page.text);
    app.charge("larch", "1", "job").await.expect(201);
    app.get("/v1/customers/larch/balance").await.expect(200);
    // Mended, the same key does it.
    let draws = "update holds set draws = '[[' || (select min(no) from grants where customer_no = holds.customer_no)
        || ',' || credits || ']]'";
    app.tamper(draws, Vec::new()).await.unwrap();
    app.charge("acme", "1", "job").await.expect(201);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lasting_fault_is_logged_once_with_its_cause() {
    let home = Home::make(Database::Sqlite).await;
    let log = home.folder.join("log");
    let run = || {
        let mut command = topup(&["serve"], &[("DATABASE_URL", &home.url), ("WORKER", "off")]);
        command.stderr(std::fs::File::options().create(true).append(true).open(&log).unwrap());
        start(command).unwrap_or_else(|output| panic!("{output:?}"))
    };
    let mut process = run();
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&process.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    let hold = r#"{"credits":9,"ttl_seconds":86400}"#.to_owned();
    call(&process.base, "POST", "/v1/customers/acme/holds", "h", hold).await.unwrap().expect(201);
    process.kill();
    let store = Store::open(&home.url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute("update holds set draws = '[nonsense'", Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
    for (method, path, body) in
        [("POST", "/v1/customers/acme/usage", r#"{"credits":1}"#), ("GET", "/v1/customers/acme/balance", "")]
    {
        std::fs::write(&log, "").unwrap();
        let mut process = run();
        let answer = call(&process.base, method, path, "k", body.to_owned()).await.unwrap();
        assert_eq!(answer.status, 500, "{}", answer.text);
        process.kill();
        let said = std::fs::read_to_string(&log).unwrap();
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
        assert!(errors.len() == 1 && errors[0].contains("draws"), "{method} {path}: {said}");
    }
}
