//! `doctor` and `stripe setup`: the real binary against the sandbox's API.

use crate::app::{Database, TestApp, on_both};
use crate::process::topup;
use stripe_sandbox::ApiFault;

/// The output of a command, and its exit code.
async fn said(app: &TestApp, words: &'static [&'static str], more: &[(&'static str, &str)]) -> (Option<i32>, String) {
    let mut settings = vec![
        ("DATABASE_URL".to_owned(), app.home.url.clone()),
        ("STRIPE_SECRET_KEY".to_owned(), app.stripe_settings().secret_key),
        ("STRIPE_API_BASE".to_owned(), app.stripe_settings().api_base.unwrap()),
        ("PUBLIC_URL".to_owned(), "https://billing.gleaner.example".to_owned()),
    ];
    settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let run = move || {
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        topup(words, &settings).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

const SECRETS: (&str, &str) = ("STRIPE_WEBHOOK_SECRETS", "whsec_of_the_tests");

#[track_caller]
fn has(said: &(Option<i32>, String), code: i32, parts: &[&str]) {
    assert_eq!(said.0, Some(code), "{}", said.1);
    for part in parts {
        assert!(said.1.contains(part), "no {part:?} in:\n{}", said.1);
    }
}

on_both!(setup_makes_the_endpoint_once_and_then_the_doctor_is_content, |app| {
    let before = said(app, &["doctor"], &[SECRETS]).await;
    has(
        &before,
        1,
        &["wrong  webhook: no endpoint at Stripe has the URL https://billing.gleaner.example/webhooks/stripe"],
    );
    has(&before, 1, &["ok     database:", "ok     Stripe: a test key", "note   email:", "1 thing is wrong"]);

    let made = said(app, &["stripe", "setup"], &[]).await;
    has(&made, 0, &["created: it sends", "STRIPE_WEBHOOK_SECRETS=whsec_", "the key has all rights that selling needs"]);
    let again = said(app, &["stripe", "setup"], &[]).await;
    has(&again, 0, &["already sends its events to https://billing.gleaner.example/webhooks/stripe"]);
    assert!(!again.1.contains("whsec_"));

    has(&said(app, &["doctor"], &[SECRETS]).await, 0, &["ok     webhook: we_"]);
});

#[tokio::test]
async fn a_shop_whose_plans_are_sold_at_stripe_needs_two_rights_more() {
    let app = TestApp::start(Database::Sqlite).await;
    let catalog = app.home.folder.join("priced.toml");
    std::fs::create_dir_all(&app.home.folder).unwrap();
    std::fs::write(&catalog, crate::subscriptions::catalogue()).unwrap();
    let priced = ("CATALOG", catalog.to_str().unwrap());
    has(
        &said(&app, &["stripe", "setup"], &[priced]).await,
        0,
        &["created: it sends 22 kinds of events", "the key has all rights"],
    );
    has(&said(&app, &["doctor"], &[SECRETS, priced]).await, 0, &["ok     catalogue:", "ok     webhook:"]);
    app.sandbox.faults().set_api(ApiFault::Status(403));
    let lacks = ["the key lacks subscriptions: read", "the key lacks customer portal: write"];
    has(&said(&app, &["doctor"], &[SECRETS, priced]).await, 1, &lacks);
    let plain = said(&app, &["doctor"], &[SECRETS]).await;
    assert!(lacks.iter().all(|line| !plain.1.contains(line)), "{}", plain.1);
}

#[tokio::test]
async fn a_switched_off_endpoint_is_found_and_mended() {
    let app = TestApp::start(Database::Sqlite).await;
    said(&app, &["stripe", "setup"], &[]).await;
    let stripe = app.inner().stripe.clone().unwrap();
    let ours = stripe.endpoints().await.unwrap().remove(0);
    let reached = app.stripe_settings();
    let post = app.http.post(format!("{}/v1/webhook_endpoints/{}", reached.api_base.unwrap(), ours.id));
    let post = post.bearer_auth(reached.secret_key).header("content-type", "application/x-www-form-urlencoded");
    let changed = post.body("disabled=true&enabled_events[0]=charge.refunded").send().await.unwrap();
    assert_eq!(changed.status(), 200);
    has(&said(&app, &["doctor"], &[SECRETS]).await, 1, &["is disabled: `topup stripe setup` enables it"]);
    has(&said(&app, &["stripe", "setup"], &[]).await, 0, &["repaired: it is enabled"]);
    has(&said(&app, &["doctor"], &[SECRETS]).await, 0, &["ok     webhook:"]);
}

#[tokio::test]
async fn the_doctor_names_all_that_is_wrong_and_changes_nothing() {
    let app = TestApp::start(Database::Sqlite).await;
    app.sandbox.faults().set_api(ApiFault::Status(403));
    let all = said(
        &app,
        &["doctor"],
        &[SECRETS, ("SMTP_URL", "smtp://127.0.0.1:1"), ("MAIL_FROM", "billing@gleaner.example")],
    )
    .await;
    has(&all, 1, &["the key lacks customers: write", "the key lacks events: read", "note   webhook:", "wrong  email:"]);
    assert!(!all.1.contains(&app.stripe_settings().secret_key));
    app.sandbox.faults().set_api(ApiFault::None);
    let missing = app.home.folder.join("nowhere.db");
    let url = format!("sqlite://{}", missing.display());
    let wrong = said(&app, &["doctor"], &[("DATABASE_URL", &url), ("OPERATOR_KEYS", "short")]).await;
    has(&wrong, 1, &["wrong  settings: OPERATOR_KEYS: ", "wrong  database: ", "nowhere.db does not exist"]);
    assert!(!missing.exists());
    let bad = said(&app, &["stripe", "setup"], &[("PUBLIC_URL", "http://billing.gleaner.example")]).await;
    has(&bad, 2, &["PUBLIC_URL: is http"]);
}

on_both!(the_doctor_finds_a_checkout_domain_that_no_setting_names, |app| {
    app.put_customer("acme", "starter").await;
    said(app, &["stripe", "setup"], &[]).await;
    has(
        &said(app, &["doctor"], &[SECRETS]).await,
        0,
        &["note   Checkout: no Checkout was opened yet", "ok     clock: Stripe's"],
    );
    app.sandbox.faults().set_custom_domain(Some("https://pay.shop.example"));
    app.opened("acme", "p1200", "buy-1").await;
    let found = said(app, &["doctor"], &[SECRETS]).await;
    has(&found, 1, &["wrong  Checkout:", "https://pay.shop.example", "CHECKOUT_ORIGINS=https://pay.shop.example"]);
    let origins = ("CHECKOUT_ORIGINS", "https://pay.shop.example");
    has(
        &said(app, &["doctor"], &[SECRETS, origins]).await,
        0,
        &["ok     Checkout: is shown at https://pay.shop.example"],
    );
    app.sandbox.faults().set_custom_domain(None);
});

#[tokio::test]
async fn the_doctor_tells_the_limits_of_stripes_that_the_catalogue_is_near() {
    let app = TestApp::start(Database::Sqlite).await;
    std::fs::create_dir_all(&app.home.folder).unwrap();
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let catalogue = |name: &str, from: &str, to: &str| {
        let (file, changed) = (app.home.folder.join(name), sample.replace(from, to));
        assert_ne!(changed, sample);
        std::fs::write(&file, changed).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let thirty = catalogue("thirty.toml", "checkout_minutes = 60", "checkout_minutes = 30");
    let found = said(&app, &["doctor"], &[SECRETS, ("CATALOG", &thirty)]).await;
    has(&found, 1, &["note   catalogue: checkout_minutes = 30 acts as 40"]);
    let crad = catalogue("crad.toml", r#"["card", "link"]"#, r#"["crad"]"#);
    let found = said(&app, &["doctor"], &[SECRETS, ("CATALOG", &crad)]).await;
    has(&found, 1, &["wrong  catalogue: payment_methods has \"crad\""]);
    let cent = catalogue("cent.toml", "amount = 900", "amount = 1");
    let found = said(&app, &["doctor"], &[SECRETS, ("CATALOG", &cent)]).await;
    has(&found, 1, &["wrong  catalogue: CATALOG:", "less than Stripe charges: $0.50 is the least"]);
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test]
async fn standbys_that_no_commit_waits_for_are_noted() {
    let app = TestApp::start(Database::Postgres).await;
    let quiet = said(&app, &["doctor"], &[SECRETS]).await;
    // A standby that is away just now, as far as the server can tell.
    let slot = format!("topup_{}", app.home.url.rsplit('_').next().unwrap());
    app.tamper(&format!("select 1 from pg_create_physical_replication_slot('{slot}')"), Vec::new()).await.unwrap();
    let noted = said(&app, &["doctor"], &[SECRETS]).await;
    app.tamper(&format!("select pg_drop_replication_slot('{slot}')"), Vec::new()).await.unwrap();
    has(&noted, quiet.0.unwrap(), &["note   standbys: 1 standby and no synchronous_standby_names"]);
    assert!(!quiet.1.contains("standbys:"), "{}", quiet.1);
    app.stop().await;
    app.home.remove().await;
}
