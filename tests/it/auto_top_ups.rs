//! Automatic top-up (R20): the consent, one purchase for many charges, the cap, declines, confirmation, off, asleep.

mod crashes;
mod lost;
mod returns;
mod reversals;
mod taxed;

use crate::app::{Browser, Database, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use topup::domain::Credits;
use topup::domain::auto_top_up::{Agreement, AsleepReason, SuspendedReason};
use topup::ledger::Ledger;
use topup::usecases::access::sessions::{self, Viewer};
use topup::usecases::auto_top_up::{
    self, AutoState, AutoTopUp, ChangeOutcome, CompletedConsent, ConsentOutcome, ConsentRequest,
};
use topup::usecases::{App, AppParts, purchases};

pub const GOOD: &str = "4242424242424242";
const ASKS: &str = "4000002760003184";
const REFUSES: &str = "4000000000000341";

/// Somebody who may agree for acme.
pub async fn ada(app: &TestApp) -> Viewer {
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    sessions::find_idle_viewer(&app.inner(), &browser.cookie("session").unwrap()).await.unwrap().unwrap()
}

pub fn terms(threshold: i64, cap: i64) -> Agreement {
    let (package, currency) = ("p1200".to_owned(), "usd".to_owned());
    Agreement { package, price: 900, currency, threshold: Credits::whole(threshold), cap }
}

/// Agrees in the browser, as far as Stripe's page; the Checkout's id.
pub async fn begun(app: &TestApp, viewer: &Viewer, agreed: Agreement) -> String {
    let inner = app.inner();
    let setup = inner.clock.mint();
    let text = "I agree".to_owned();
    let request = ConsentRequest { setup, viewer: viewer.clone(), agreed, text };
    let outcome = auto_top_up::begin_consent(&inner, request.clone()).await.unwrap();
    let ConsentOutcome::At(url) = &outcome else { panic!("{outcome:?}") };
    assert!(url.starts_with("http"), "{url}");
    assert_eq!(auto_top_up::begin_consent(&inner, request).await.unwrap(), outcome, "the same click, the same page");
    let sql = "select session_id from auto_top_up_setups where id = $1";
    let args = topup::args![setup.into_bytes()];
    let row = inner.store.read().await.unwrap().fetch_optional(sql, args).await.unwrap().unwrap();
    row.text("session_id").unwrap()
}

/// Saves a card and comes back.
pub async fn agreed_with(app: &TestApp, card: &str, agreed: Agreement) -> CompletedConsent {
    let viewer = ada(app).await;
    let session = begun(app, &viewer, agreed).await;
    app.sandbox.pay_with(&session, card).await.unwrap();
    auto_top_up::complete_consent(&app.inner(), &viewer, &session).await.unwrap()
}

/// A customer with so many credits left, and the rule on.
pub async fn switched_on(app: &TestApp, left: i64, card: &str, (threshold, cap): (i64, i64)) {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer_with_left("acme", left).await;
    assert_eq!(agreed_with(app, card, terms(threshold, cap)).await, CompletedConsent::On);
}

/// Both jobs, as often as there is something to do.
pub async fn run(app: &TestApp) {
    let inner = app.inner();
    auto_top_up::run_auto_top_ups(&inner).await.unwrap();
    auto_top_up::run_auto_payments(&inner).await.unwrap();
    auto_top_up::run_auto_top_ups(&inner).await.unwrap();
}

pub async fn rule(app: &TestApp) -> AutoTopUp {
    let inner = app.inner();
    let no = topup::usecases::customers::customer_number(&inner, "acme").await.unwrap().unwrap();
    auto_top_up::find_auto_top_up(&inner, no).await.unwrap()
}

/// The automatic purchases, newest first.
pub async fn bought(app: &TestApp) -> Vec<Value> {
    let all = app.all("/v1/customers/acme/purchases", 50).await;
    all.into_iter().filter(|one| one["origin"] == "automatic").collect()
}

pub fn states(all: &[Value]) -> Vec<&str> {
    all.iter().map(|one| one["state"].as_str().unwrap()).collect()
}

pub async fn emails(app: &TestApp, kind: &str) -> i64 {
    app.count(&format!("select count(*) as n from outbox where kind = '{kind}'")).await
}

pub async fn charges_of_cards(app: &TestApp) -> i64 {
    app.count("select count(*) as n from auto_payment_tries").await
}

/// So long later, by the shop's clock.
pub async fn later(app: &TestApp, hours: i64) {
    app.advance_minutes(hours * 60 + 1).await;
    run(app).await;
}

on_both!(only_a_saved_card_switches_it_on, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer_with_left("acme", 400).await;
    let (inner, viewer) = (app.inner(), ada(app).await);
    let off = json!({"state": "off", "reason": null, "package": null, "threshold": null, "cap": null, "spent": null,
        "currency": null, "card": null, "consented_at": null, "blocked": false});
    let read = async || app.get("/v1/customers/acme/auto_top_up").await.expect(200).json();
    assert_eq!(read().await, off);
    let session = begun(app, &viewer, terms(390, 5_000)).await;
    let complete = async || auto_top_up::complete_consent(&inner, &viewer, &session).await.unwrap();
    assert_eq!(complete().await, CompletedConsent::NotFinished, "the redirect is not believed");
    run(app).await;
    assert_eq!((read().await, bought(app).await.len()), (off, 0), "who never comes back leaves it off");
    app.sandbox.pay_with(&session, GOOD).await.unwrap();
    assert_eq!(complete().await, CompletedConsent::On);
    assert_eq!(complete().await, CompletedConsent::AlreadyOn);
    let on = read().await;
    assert_eq!(
        (&on["state"], &on["threshold"], &on["cap"], &on["spent"]),
        (&json!("on"), &json!(390), &json!(5_000), &json!(0))
    );
    assert_eq!(on["card"]["last4"], "4242");
    assert_eq!(app.count("select count(*) as n from auto_top_up_consents").await, 1);
    assert!(emails(app, "auto_on").await >= 1);
    for sql in ["update auto_top_up_consents set cap = 1", "delete from auto_top_up_consents"] {
        let refused = app.tamper(sql, Vec::new()).await.expect_err(sql).to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    let change = async |threshold, cap| {
        auto_top_up::change_limits(&inner, &viewer, Credits::whole(threshold), cap).await.unwrap()
    };
    assert_eq!(change(391, 5_000).await, ChangeOutcome::NeedsConsent);
    assert_eq!(change(390, 5_001).await, ChangeOutcome::NeedsConsent);
    assert_eq!(change(390, 899).await, ChangeOutcome::Invalid("cap"));
    assert_eq!(change(300, 4_000).await, ChangeOutcome::Done);
    assert_eq!(emails(app, "auto_changed").await, emails(app, "auto_on").await);
    let lowered = auto_top_up::list_consents(&inner, viewer.customer_no).await.unwrap()[0].lowered.clone();
    let refused = app.tamper("update auto_top_up_limits set cap = 1", Vec::new()).await.expect_err("kept").to_string();
    assert!(refused.contains("append-only"), "{refused}");
    let (by, limits) = (lowered[0].by.as_deref(), (lowered[0].threshold, lowered[0].cap));
    assert_eq!((lowered.len(), by, limits), (1, Some("ada@acme.example"), (Credits::whole(300), 4_000)));
    run(app).await;
    assert_eq!(bought(app).await.len(), 0, "400 are not fewer than 300");
    app.send(app.write("DELETE", "/v1/customers/acme/auto_top_up", None, String::new())).await.expect(204);
    app.send(app.write("DELETE", "/v1/customers/acme/auto_top_up", None, String::new())).await.expect(204);
    assert_eq!(read().await["state"], "off");
    let consents = auto_top_up::list_consents(&inner, viewer.customer_no).await.unwrap();
    assert_eq!(consents[0].ended.as_ref().map(|ended| ended.why.as_str()), Some("api"));
    assert!(emails(app, "auto_off").await >= 1);
});

on_both!(low_credits_buy_once_and_the_receipt_says_so, |app| {
    switched_on(app, 400, GOOD, (500, 5_000)).await;
    run(app).await;
    run(app).await;
    let all = bought(app).await;
    assert_eq!(states(&all), ["credited"]);
    assert_eq!((&all[0]["quantity"], &all[0]["credits"], &all[0]["amount"]), (&json!(1), &json!(1_200), &json!(900)));
    assert_eq!(app.available("acme").await, 1_600);
    assert_eq!(rule(app).await.spent, 900);
    let receipts = "select count(*) as n from outbox where kind = 'receipt' and body_text like '%automatic top-up%'";
    assert!(app.count(receipts).await >= 1);
    let timeline = app.purchase(all[0]["id"].as_str().unwrap()).await["timeline"].clone();
    let steps: Vec<&str> = timeline.as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(steps, ["automatic", "invoiced", "paid", "credited"]);
});

on_both!(two_hundred_charges_at_once_make_one_purchase, |app| {
    switched_on(app, 2_000, GOOD, (500, 50_000)).await;
    run(app).await;
    assert!(bought(app).await.is_empty());
    let keys: Vec<String> = (0..200).map(|n| format!("job-{n}")).collect();
    let (answers, (), ()) =
        tokio::join!(join_all(keys.iter().map(|key| app.charge("acme", "9", key))), run(app), run(app));
    assert!(answers.iter().all(|answer| answer.status == 201));
    run(app).await;
    run(app).await;
    assert_eq!(states(&bought(app).await), ["credited"]);
    assert_eq!(app.available("acme").await, 2_000 - 1_800 + 1_200);
});

on_both!(one_purchase_closes_the_gap_of_a_refused_hold, |app| {
    switched_on(app, 400, GOOD, (300, 50_000)).await;
    let hold = json!({"credits": 3_000, "ttl_seconds": 60}).to_string();
    app.post("/v1/customers/acme/holds", "hold-1", hold.clone()).await.expect(402);
    let before = app.entries("acme").await.len();
    app.charge("acme", "2000", "job-1").await.expect(402);
    assert_eq!(app.entries("acme").await.len(), before, "a refusal changes nothing");
    run(app).await;
    let all = bought(app).await;
    assert_eq!((states(&all), &all[0]["quantity"], &all[0]["amount"]), (vec!["credited"], &json!(3), &json!(2_700)));
    app.post("/v1/customers/acme/holds", "hold-1", hold).await.expect(201);
    assert_eq!(app.count("select count(*) as n from grants where kind = 3").await, 1);
});

on_both!(the_cap_holds_and_is_told_once_until_it_fits_again, |app| {
    switched_on(app, 100, GOOD, (1_000, 2_000)).await;
    run(app).await;
    for n in 0..2 {
        let left = app.available("acme").await.as_i64().unwrap();
        app.charge("acme", &left.to_string(), &format!("all-{n}")).await.expect(201);
        run(app).await;
        run(app).await;
    }
    assert_eq!(states(&bought(app).await), ["credited", "credited"], "a third is over $20");
    let (now, told) = (rule(app).await, emails(app, "auto_blocked").await);
    assert_eq!((now.spent, now.blocked, now.state, told >= 1), (1_800, true, AutoState::On, true));
    later(app, 24).await;
    assert_eq!(emails(app, "auto_blocked").await, told, "once");
    app.advance(json!({"advance_days": 30})).await.expect(200);
    // In a month of 31 days the window moves on before the reset, and a third is bought between them.
    let before = bought(app).await.len();
    assert!((2..=3).contains(&before), "{before}");
    let left = app.available("acme").await.as_i64().unwrap();
    app.charge("acme", &left.to_string(), "after-the-reset").await.expect(201);
    run(app).await;
    assert_eq!(states(&bought(app).await), vec!["credited"; before + 1], "the window has moved on");
    assert_eq!(emails(app, "auto_blocked").await, told);
});

on_both!(a_card_that_declines_is_charged_three_times_ever, |app| {
    switched_on(app, 400, REFUSES, (500, 5_000)).await;
    run(app).await;
    assert_eq!((charges_of_cards(app).await, states(&bought(app).await)), (1, vec!["open"]));
    assert!(rule(app).await.retry_at.is_some());
    later(app, 1).await;
    assert_eq!(charges_of_cards(app).await, 2);
    later(app, 23).await;
    assert_eq!(charges_of_cards(app).await, 3);
    run(app).await;
    assert_eq!(rule(app).await.state, AutoState::Suspended(SuspendedReason::Declined));
    assert_eq!(states(&bought(app).await), ["failed"]);
    assert!(emails(app, "auto_suspended").await >= 1);
    // Switching off and on again brings the card back in no way.
    let viewer = ada(app).await;
    assert!(auto_top_up::switch_off(&app.inner(), &viewer).await.unwrap());
    assert_eq!(agreed_with(app, REFUSES, terms(500, 5_000)).await, CompletedConsent::CardRefused);
    later(app, 1).await;
    assert_eq!((charges_of_cards(app).await, rule(app).await.state), (3, AutoState::Off));
    // Another card, or a purchase by hand with this one.
    app.sandbox.faults().set_card("0341", Some("none"));
    app.advance_minutes(1).await;
    let opened = app.opened("acme", "p1200", "by-hand").await;
    app.sandbox.pay_with(&opened.session, REFUSES).await.unwrap();
    app.fulfill(&opened).await;
    assert_eq!(agreed_with(app, REFUSES, terms(2_000, 5_000)).await, CompletedConsent::On);
    run(app).await;
    assert_eq!(states(&bought(app).await), ["credited", "failed"]);
});

on_both!(a_lost_card_is_charged_once, |app| {
    switched_on(app, 400, GOOD, (500, 5_000)).await;
    app.sandbox.faults().set_card("4242", Some("lost_card"));
    run(app).await;
    run(app).await;
    assert_eq!((charges_of_cards(app).await, states(&bought(app).await)), (1, vec!["failed"]));
    assert_eq!(rule(app).await.state, AutoState::Suspended(SuspendedReason::Declined));
    assert_eq!(agreed_with(app, ASKS, terms(500, 5_000)).await, CompletedConsent::On, "another card");
});

on_both!(a_payment_that_is_confirmed_is_credited, |app| {
    switched_on(app, 400, ASKS, (500, 5_000)).await;
    run(app).await;
    let now = rule(app).await;
    assert!(now.confirm_url.as_deref().is_some_and(|url| url.starts_with("http")), "{now:?}");
    assert!(emails(app, "auto_confirm").await >= 1);
    later(app, 2).await;
    assert_eq!(charges_of_cards(app).await, 1, "no retry");
    let invoice = now.in_progress.and_then(|one| one.invoice).unwrap();
    if app.sandbox.pay_invoice(&invoice, ASKS).await.is_err() {
        app.sandbox.confirm_invoice(&invoice, true).await.unwrap();
    }
    let id = bought(app).await[0]["id"].as_str().unwrap().to_owned();
    purchases::fulfill(&app.inner(), topup::domain::PurchaseId::parse(&id).unwrap(), None).await.unwrap();
    assert_eq!(states(&bought(app).await), ["credited"]);
    run(app).await;
    assert_eq!((app.available("acme").await, rule(app).await.state), (json!(1_600), AutoState::On));
});

on_both!(a_payment_that_nobody_confirms_ends_after_a_day, |app| {
    switched_on(app, 400, ASKS, (500, 5_000)).await;
    run(app).await;
    let invoice = rule(app).await.in_progress.and_then(|one| one.invoice).unwrap();
    later(app, 24).await;
    run(app).await;
    assert_eq!(rule(app).await.state, AutoState::Suspended(SuspendedReason::Authentication));
    assert_eq!(states(&bought(app).await), ["failed"]);
    let stripe = app.inner().stripe.clone().unwrap();
    assert_eq!(stripe.invoice_state(&invoice).await.unwrap().status, "void");
    assert_eq!(agreed_with(app, ASKS, terms(500, 5_000)).await, CompletedConsent::CardRefused);
});

on_both!(switched_off_while_unpaid_it_is_voided_and_the_card_detached, |app| {
    switched_on(app, 400, REFUSES, (500, 5_000)).await;
    run(app).await;
    let invoice = rule(app).await.in_progress.and_then(|one| one.invoice).unwrap();
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::Down);
    assert!(auto_top_up::switch_off(&app.inner(), &ada(app).await).await.unwrap());
    run(app).await;
    assert_eq!(rule(app).await.state, AutoState::Off, "although Stripe is away");
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::None);
    later(app, 1).await;
    run(app).await;
    let stripe = app.inner().stripe.clone().unwrap();
    assert_eq!(stripe.invoice_state(&invoice).await.unwrap().status, "void");
    assert_eq!((states(&bought(app).await), charges_of_cards(app).await), (vec!["expired"], 1));
    let sql = "select count(*) as n from card_detachments";
    assert_eq!(app.count(sql).await, 0, "the card is detached");
});

on_both!(it_sleeps_while_nobody_could_be_told, |app| {
    switched_on(app, 400, GOOD, (390, 5_000)).await;
    let away = "update members set removed_at = 1 where removed_at is null";
    app.tamper(away, Vec::new()).await.unwrap();
    app.charge("acme", "100", "job-1").await.expect(201);
    run(app).await;
    assert_eq!(rule(app).await.state, AutoState::Asleep(AsleepReason::Nobody));
    assert!(bought(app).await.is_empty());
    app.tamper("update members set removed_at = null where removed_at = 1", Vec::new()).await.unwrap();
    app.advance_minutes(2).await;
    run(app).await;
    assert_eq!(states(&bought(app).await), ["credited"], "by itself");
});

on_both!(a_closed_customer_has_none, |app| {
    switched_on(app, 400, REFUSES, (500, 5_000)).await;
    run(app).await;
    app.send(app.write("DELETE", "/v1/customers/acme", None, String::new())).await.expect(204);
    run(app).await;
    assert_eq!((states(&bought(app).await), rule(app).await.state), (vec!["expired"], AutoState::Off));
});

on_both!(check_finds_what_must_never_be, |app| {
    switched_on(app, 400, GOOD, (500, 5_000)).await;
    run(app).await;
    let inner = app.inner();
    let broken = async |sql: &str, back: &str, want: &str| {
        app.tamper(sql, Vec::new()).await.unwrap();
        let found = topup::usecases::upkeep::check::check_database(&inner.store).await.unwrap().expect_err(sql);
        assert!(found.contains(want), "{sql}: {found}");
        app.tamper(back, Vec::new()).await.unwrap();
    };
    let automatic = "where origin = 'automatic'";
    broken(
        &format!("update purchases set amount = amount * 2 {automatic}"),
        &format!("update purchases set amount = amount / 2 {automatic}"),
        "without a consent",
    )
    .await;
    broken(
        &format!("update purchases set amount_total = 5001 {automatic}"),
        &format!("update purchases set amount_total = 900 {automatic}"),
        "over the cap",
    )
    .await;
    broken(
        "insert into auto_payment_tries (purchase, no, customer_no, fingerprint, at, answer)
         select purchase, 9, customer_no, fingerprint, at - 1, 'hard_decline' from auto_payment_tries",
        "delete from auto_payment_tries where no = 9",
        "after its last refusal",
    )
    .await;
    broken("update auto_top_ups set cap = cap + 1", "update auto_top_ups set cap = cap - 1", "more than their consent")
        .await;
    let second = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
          refunded_amount, created_at, checkout_expires_at, origin)
        select $1, customer_no, package, credits, amount, currency, 'open', 0, 0, created_at, created_at, 'automatic'
        from purchases where origin = 'automatic' limit 1";
    assert_eq!(app.tamper(second, topup::args![[1_u8; 16]]).await.unwrap(), 1);
    assert!(app.tamper(second, topup::args![[2_u8; 16]]).await.is_err(), "one in progress");
    app.tamper("delete from purchases where state = 'open'", Vec::new()).await.unwrap();
});

/// Another process at the same database.
fn other_process(inner: &App) -> App {
    let parts = inner.parts();
    let (ledger, _) = Ledger::start(parts.store.clone(), parts.clock.clone(), parts.catalog.clone());
    App::new(AppParts { ledger, ..parts })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_keep_the_cap_and_make_one_purchase() {
    crate::app::run(Database::Postgres, async |app: &TestApp| {
        switched_on(app, 2_000, GOOD, (1_500, 2_000)).await;
        let other = other_process(&app.inner());
        for round in 0..4 {
            let keys: Vec<String> = (0..40).map(|n| format!("job-{round}-{n}")).collect();
            let theirs = async {
                for _ in 0..3 {
                    auto_top_up::run_auto_top_ups(&other).await.unwrap();
                    auto_top_up::run_auto_payments(&other).await.unwrap();
                }
            };
            let charges = join_all(keys.iter().map(|key| app.charge("acme", "30", key)));
            tokio::join!(charges, run(app), theirs, run(app));
        }
        run(app).await;
        run(app).await;
        assert_eq!(states(&bought(app).await), ["credited", "credited"], "$18 of $20");
        assert_eq!(charges_of_cards(app).await, 2);
    })
    .await;
}
