//! Checkout: tax, invoices, delayed payments, tabs and back buttons (R8, R19).

use crate::app::{Database, Opened, TestApp};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use stripe_sandbox::ApiFault;
use topup::app::commands::purchases::{PurchasesCommand, recheck};
use topup::cli::{Cli, Command};
use topup::domain::PurchaseId;
use topup::usecases::access::links;
use topup::usecases::access::links::Spent;
use topup::usecases::purchases;
use topup::usecases::purchases::{InvoiceAnswer, Purchase, PurchaseRequest, StartOutcome};

/// A shop that takes tax and bank payments: `…::on_sqlite` and `…::on_postgres`.
macro_rules! in_a_shop {
    ($name:ident, |$app:ident| $scenario:block) => {
        mod $name {
            #[allow(unused_imports, reason = "a scenario takes what it needs")]
            use super::*;

            async fn scenario($app: &TestApp) {
                $scenario
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                run(Database::Sqlite, scenario).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                run(Database::Postgres, scenario).await;
            }
        }
    };
}

async fn run(database: Database, scenario: impl AsyncFnOnce(&TestApp)) {
    static SHOPS: AtomicUsize = AtomicUsize::new(0);
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let changed = sample.replace(r#"tax = "none""#, r#"tax = "stripe""#);
    let changed = changed.replace(r#"["card", "link"]"#, r#"["card", "us_bank_account"]"#);
    let name = format!("topup_catalog_{}_{}.toml", std::process::id(), SHOPS.fetch_add(1, Ordering::SeqCst));
    let catalog = std::env::temp_dir().join(name);
    std::fs::write(&catalog, changed).unwrap();
    let app = TestApp::start_with(database, |settings| settings.database.catalog = catalog.clone()).await;
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    scenario(&app).await;
    app.check().await;
    app.stop().await;
    app.home.remove().await;
    let _gone = std::fs::remove_file(catalog);
}

async fn open(app: &TestApp) -> Opened {
    app.opened("acme", "p1200", "buy-1").await
}

/// A purchase whose money is on its way.
async fn banked(app: &TestApp) -> Opened {
    let opened = open(app).await;
    app.sandbox.pay_by_bank(&opened.session).await.unwrap();
    opened
}

async fn tell(app: &TestApp, opened: &Opened, kind: &str) {
    let kind = format!("\"type\":\"{kind}\"");
    let event = app.events(opened).await.into_iter().find(|(body, _)| body.contains(&kind)).expect("the event");
    app.deliver(&event).await.expect(200);
}

async fn sweep(app: &TestApp, minutes: i64) {
    app.advance_minutes(minutes).await;
    purchases::sweep_purchases(&app.inner()).await.unwrap();
}

async fn whats(app: &TestApp, opened: &Opened) -> Vec<String> {
    let timeline = app.purchase(&opened.id).await["timeline"].as_array().unwrap().clone();
    timeline.iter().map(|moment| moment["what"].as_str().unwrap().to_owned()).collect()
}

async fn stands(app: &TestApp, opened: &Opened, state: &str, available: i64) {
    assert_eq!(app.purchase(&opened.id).await["state"], state);
    assert_eq!(app.available("acme").await, available);
}

async fn stored(app: &TestApp, opened: &Opened) -> Purchase {
    purchases::find_purchase(&app.inner(), PurchaseId::parse(&opened.id).unwrap()).await.unwrap().unwrap()
}

const CLEARED: [&str; 5] = ["chosen", "checkout_opened", "processing", "paid", "credited"];

in_a_shop!(tax_comes_on_top_and_does_not_disturb_the_credits, |app| {
    let opened = open(app).await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    stands(app, &opened, "credited", 6200).await;
    let purchase = stored(app, &opened).await;
    assert_eq!((purchase.amount, purchase.amount_tax, purchase.amount_total), (900, Some(180), Some(1080)));
    assert!(purchase.invoice.is_some_and(|id| id.starts_with("in_")) && purchase.invoice_number.is_some());
});

in_a_shop!(a_bank_payment_clears_by_webhook, |app| {
    let opened = banked(app).await;
    tell(app, &opened, "checkout.session.completed").await;
    stands(app, &opened, "processing", 5000).await;
    app.sandbox.clear(&opened.session).await.unwrap();
    for _ in 0..2 {
        tell(app, &opened, "checkout.session.async_payment_succeeded").await;
        stands(app, &opened, "credited", 6200).await;
    }
    assert_eq!(whats(app, &opened).await, CLEARED);
});

in_a_shop!(a_bank_payment_clears_by_the_sweep_alone, |app| {
    let opened = banked(app).await;
    sweep(app, 3).await;
    stands(app, &opened, "processing", 5000).await;
    sweep(app, 2 * 24 * 60).await;
    stands(app, &opened, "processing", 5000).await;
    sweep(app, 24 * 60).await;
    stands(app, &opened, "credited", 6200).await;
    assert_eq!(whats(app, &opened).await, CLEARED);
});

in_a_shop!(a_bank_payment_bounces_by_webhook_and_its_late_money_is_credited, |app| {
    let opened = banked(app).await;
    tell(app, &opened, "checkout.session.completed").await;
    app.sandbox.bounce(&opened.session).await.unwrap();
    tell(app, &opened, "checkout.session.async_payment_failed").await;
    stands(app, &opened, "failed", 5000).await;
    // The first event arrives again and changes nothing.
    tell(app, &opened, "checkout.session.completed").await;
    stands(app, &opened, "failed", 5000).await;
    app.sandbox.clear(&opened.session).await.unwrap();
    tell(app, &opened, "checkout.session.async_payment_succeeded").await;
    stands(app, &opened, "credited", 6200).await;
    assert_eq!(whats(app, &opened).await, ["chosen", "checkout_opened", "processing", "failed", "paid", "credited"]);
});

in_a_shop!(owners_are_told_once_that_a_bank_payment_is_on_its_way_and_that_it_failed, |app| {
    let sql = "insert into members (customer_no, email, role, created_at, alerts) values
        (1, 'vi@acme.example', 'viewer', 0, 1), (1, 'al@acme.example', 'admin', 0, 0)";
    app.tamper(sql, Vec::new()).await.unwrap();
    let opened = banked(app).await;
    for _ in 0..2 {
        tell(app, &opened, "checkout.session.completed").await;
        sweep(app, 3).await;
    }
    let told = async |kind: &str| -> Vec<(String, String)> {
        let mails = crate::reminders::mails(app, &[kind]).await;
        assert_eq!(
            mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(),
            ["ada@acme.example", "al@acme.example"]
        );
        mails.into_iter().map(|mail| (mail.subject, mail.text)).collect()
    };
    let delayed = told("payment_delayed").await;
    assert_eq!(delayed[0].0, "Payment processing: 1,200 credits");
    for words in ["Your payment is processing.", "up to 5 days", "We'll email you", "$9.00", &opened.id] {
        assert!(delayed[0].1.contains(words), "{words}: {}", delayed[0].1);
    }
    app.sandbox.bounce(&opened.session).await.unwrap();
    for _ in 0..2 {
        tell(app, &opened, "checkout.session.async_payment_failed").await;
        sweep(app, 3).await;
    }
    let failed = told("payment_failed").await;
    assert_eq!(failed[0].0, "Payment failed: 1,200 credits not added");
    for words in ["The payment didn't go through. You weren't charged.", "Try again", "/purchases/"] {
        assert!(failed[0].1.contains(words), "{words}: {}", failed[0].1);
    }
    let sql = "select count(*) as n from outbox where kind like 'payment_%' and body_html like '%<html%'
        and body_html not like '%src=%'";
    assert_eq!(app.count(sql).await, 4, "text and HTML, nothing from elsewhere");
});

in_a_shop!(a_bank_payment_bounces_by_the_sweep_alone, |app| {
    let opened = banked(app).await;
    sweep(app, 3).await;
    app.sandbox.bounce(&opened.session).await.unwrap();
    sweep(app, 2).await;
    stands(app, &opened, "failed", 5000).await;
    assert_eq!(whats(app, &opened).await, ["chosen", "checkout_opened", "processing", "failed"]);
});

in_a_shop!(a_hundred_paid_and_untold_are_credited_within_one_sweep, |app| {
    // Ten each: more cannot be open.
    let customers: Vec<String> = (0..10).map(|n| format!("customer-{n}")).collect();
    for customer in &customers {
        app.put_customer(customer, "starter").await;
        for n in 0..10 {
            let opened = app.opened(customer, "p1200", &format!("buy-{n}")).await;
            app.pay(&opened).await;
        }
    }
    sweep(app, 3).await;
    for customer in &customers {
        assert_eq!(app.available(customer).await, 5000 + 10 * 1200);
    }
});

in_a_shop!(a_checkout_expires_and_says_so, |app| {
    let opened = open(app).await;
    sweep(app, 61).await;
    stands(app, &opened, "expired", 5000).await;
    let id = PurchaseId::parse(&opened.id).unwrap();
    assert_eq!(click(app, id).await, StartOutcome::CheckoutExpired);
});

async fn click(app: &TestApp, purchase: PurchaseId) -> StartOutcome {
    let customer_no = app.count("select no as n from customers where id = 'acme'").await;
    let catalog = app.inner().catalog.clone();
    let shown = Some(catalog.terms(catalog.package("p1200").unwrap()));
    let start = PurchaseRequest { purchase, customer_no, package: "p1200".into(), shown, member_email: None };
    purchases::start_purchase(&app.inner(), start).await.unwrap()
}

async fn clicked(app: &TestApp, purchase: PurchaseId) -> Opened {
    let StartOutcome::Open(purchase) = click(app, purchase).await else { panic!("an open Checkout") };
    Opened { id: purchase.id.to_string(), session: purchase.session_id.unwrap() }
}

in_a_shop!(two_tabs_are_one_checkout_until_it_is_paid, |app| {
    let mint = || PurchaseId(app.inner().clock.mint());
    let (one, other) = (clicked(app, mint()).await, clicked(app, mint()).await);
    assert_eq!((&one.session, &one.id), (&other.session, &other.id));
    app.pay(&one).await;
    app.fulfill(&one).await;
    stands(app, &one, "credited", 6200).await;
    let next = clicked(app, mint()).await;
    assert_ne!(next.session, one.session);
    app.pay(&next).await;
    app.fulfill(&next).await;
    stands(app, &next, "credited", 7400).await;
});

in_a_shop!(the_back_button_leads_to_the_same_checkout, |app| {
    let id = PurchaseId(app.inner().clock.mint());
    let first = clicked(app, id).await;
    let calls = app.stripe_calls();
    let again = clicked(app, id).await;
    assert_eq!((first.session, app.stripe_calls()), (again.session.clone(), calls));
    app.pay(&again).await;
    app.fulfill(&again).await;
    assert!(matches!(click(app, id).await, StartOutcome::AlreadyBought(_)));
    assert_eq!(app.count("select count(*) as n from purchases").await, 1);
});

/// The cookie of somebody who is signed in for a customer.
async fn signed_in(app: &TestApp, customer: &str) -> String {
    let path = format!("/v1/customers/{customer}/portal_sessions");
    let link = app.send(app.write("POST", &path, None, "{}")).await.expect(201).json();
    let token = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    match links::spend_link(&app.inner(), &token, "a test").await.unwrap() {
        Spent::Session { token, .. } => format!("session={token}"),
        _ => panic!("a session"),
    }
}

async fn invoice_page(app: &TestApp, opened: &Opened, cookie: &str) -> (u16, String) {
    let url = format!("http://{}/purchases/{}/invoice", app.address, opened.id);
    let answer = app.send(app.http.get(url).header("cookie", cookie)).await;
    (answer.status, if answer.status == 303 { answer.way() } else { String::new() })
}

in_a_shop!(the_invoice_is_asked_for_each_time, |app| {
    let opened = open(app).await;
    let (mine, path) = (signed_in(app, "acme").await, format!("/purchases/{}", opened.id));
    assert_eq!(
        invoice_page(app, &opened, &mine).await,
        (303, format!("{path}?outcome=no_invoice")),
        "nothing was paid"
    );
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let (status, url) = invoice_page(app, &opened, &mine).await;
    assert!(status == 303 && url.contains("/invoice/in_"), "{status} {url}");
    let page = app.send(app.http.get(&url)).await.expect(200);
    let number = stored(app, &opened).await.invoice_number.unwrap();
    for part in [number.as_str(), "1,200 credits", "$9.00", "Tax, 20%", "$10.80"] {
        assert!(page.text.contains(part), "{part}");
    }
    app.put("other", json!({"email": "bob@other.example", "plan": "starter"})).await.expect(201);
    let theirs = signed_in(app, "other").await;
    assert_eq!(invoice_page(app, &opened, &theirs).await.0, 404);
    let sign_in = format!("/sign-in?to=%2Fpurchases%2F{}", opened.id);
    assert_eq!(invoice_page(app, &opened, "").await, (303, sign_in));
    app.sandbox.faults().set_api(ApiFault::Down);
    assert_eq!(invoice_page(app, &opened, &mine).await, (303, format!("{path}?outcome=invoice_unavailable")));
    let purchase = stored(app, &opened).await;
    assert_eq!(purchases::purchase_invoice(&app.inner(), &purchase).await.unwrap(), InvoiceAnswer::StripeUnavailable);
    app.sandbox.faults().set_api(ApiFault::None);
});

in_a_shop!(recheck_credits_beside_a_running_serve, |app| {
    let opened = open(app).await;
    app.pay(&opened).await;
    let answer = app.start_purchase("acme", "p1200", "buy-1").await.json();
    let base = answer["url"].as_str().unwrap().split("/pay/").next().unwrap().to_owned();
    let words =
        ["topup", "purchases", "recheck", &opened.session, "--database-url", &app.home.url, "--test-clock", "1"];
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml");
    let stripe = ["--stripe-secret-key", "sk_test_of_the_tests_000000", "--stripe-api-base", &base];
    let more = ["--stripe-webhook-secrets", "whsec_of_the_tests_000000", "--catalog", catalog];
    let cli = <Cli as clap::Parser>::try_parse_from(words.into_iter().chain(stripe).chain(more)).unwrap();
    let Command::Purchases(PurchasesCommand::Recheck { id, settings }) = cli.command else { panic!("recheck") };
    app.charge("acme", "1", "before").await.expect(201);
    for _ in 0..2 {
        recheck(&settings, &id).await.unwrap_or_else(|e| panic!("{e:?}"));
        stands(app, &opened, "credited", 6199).await;
    }
    // The engine that serves has noticed that another one wrote.
    app.charge("acme", "2", "after").await.expect(201);
    assert_eq!(app.available("acme").await, 6197);
});

in_a_shop!(a_purchase_is_found_by_whatever_is_known, |app| {
    let opened = open(app).await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let purchase = stored(app, &opened).await;
    let (intent, invoice) = (purchase.payment_intent.clone().unwrap(), purchase.invoice.clone().unwrap());
    let number = purchase.invoice_number.clone().unwrap().to_lowercase();
    let store = app.inner().store.clone();
    for known in [opened.id.as_str(), &opened.session, &intent, &invoice, &number, "acme", "ADA@acme.example"] {
        let found = purchases::search_purchases(&store, known).await.unwrap().purchases;
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [purchase.id], "{known}");
    }
    assert_eq!(purchases::search_purchases(&store, "nobody@acme.example").await.unwrap().purchases, []);
});

in_a_shop!(late_money_for_a_failed_payment_is_found_by_the_sweep, |app| {
    let opened = banked(app).await;
    sweep(app, 3).await;
    app.sandbox.bounce(&opened.session).await.unwrap();
    sweep(app, 3).await;
    stands(app, &opened, "failed", 5000).await;
    // The bank pays after all, nobody tells, and nobody looks at the page.
    app.sandbox.clear(&opened.session).await.unwrap();
    sweep(app, 24 * 60).await;
    stands(app, &opened, "credited", 6200).await;
    assert!(whats(app, &opened).await.ends_with(&["paid".to_owned(), "credited".to_owned()]));
});
