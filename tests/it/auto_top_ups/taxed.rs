//! Tax is on: it is inside the cap, and nothing is sold without it.

use super::{GOOD, agreed_with, bought, charges_of_cards, emails, later, rule, run, states, switched_on, terms};
use crate::app::{TestApp, on_both};
use crate::stripe_answers::{at_stripe, sells};
use topup::domain::PurchaseId;
use topup::domain::auto_top_up::AsleepReason;
use topup::usecases::auto_top_up::{AutoState, CompletedConsent};
use topup::usecases::purchases;

async fn taxes(app: &TestApp) {
    sells(app, |sample| sample.replace(r#"tax = "none""#, r#"tax = "stripe""#)).await;
}

on_both!(without_an_address_it_sleeps_and_is_tried_again_daily_and_when_there_is_one, |app| {
    // Agreed before the shop took tax, so nobody was asked for an address.
    switched_on(app, 400, GOOD, (390, 5_000)).await;
    taxes(app).await;
    app.charge("acme", "100", "job-1").await.expect(201);
    run(app).await;
    assert_eq!((states(&bought(app).await), charges_of_cards(app).await), (vec!["expired"], 0));
    assert_eq!(rule(app).await.state, AutoState::Asleep(AsleepReason::TaxUnknown));
    assert_eq!(app.get("/v1/customers/acme/auto_top_up").await.expect(200).json()["reason"], "tax_unknown");
    later(app, 20).await;
    assert_eq!(bought(app).await.len(), 1, "once a day");
    later(app, 4).await;
    assert_eq!((states(&bought(app).await), charges_of_cards(app).await), (vec!["expired"; 2], 0));
    assert_eq!(rule(app).await.spent, 0);
    let sql = "select stripe_customer from customers where id = 'acme'";
    let row = app.inner().store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap();
    let customer = row.text("stripe_customer").unwrap();
    let address = [("address[country]", "US"), ("address[postal_code]", "94103")];
    at_stripe(app, "POST", &format!("/customers/{customer}"), &address).await;
    let events = app.sandbox.deliveries_of(&customer).await.unwrap();
    let event = events.iter().rfind(|(body, _)| body.contains("\"type\":\"customer.updated\"")).unwrap();
    app.deliver(event).await.expect(200);
    run(app).await;
    let all = bought(app).await;
    assert_eq!(states(&all), ["credited", "expired", "expired"]);
    let id = PurchaseId::parse(all[0]["id"].as_str().unwrap()).unwrap();
    let sold = purchases::find_purchase(&app.inner(), id).await.unwrap().unwrap();
    assert_eq!((sold.amount, sold.amount_tax, sold.amount_total), (900, Some(180), Some(1_080)));
    assert_eq!(rule(app).await.spent, 1_080);
});

on_both!(a_price_that_fits_only_without_its_tax_is_blocked, |app| {
    taxes(app).await;
    switched_on(app, 400, GOOD, (500, 1_079)).await;
    run(app).await;
    run(app).await;
    assert_eq!((states(&bought(app).await), charges_of_cards(app).await), (vec!["expired"], 0));
    let now = rule(app).await;
    assert_eq!((now.state, now.blocked, now.spent), (AutoState::On, true, 0));
    assert!(emails(app, "auto_blocked").await >= 1);
    later(app, 25).await;
    assert_eq!(bought(app).await.len(), 1, "the tax is known now");
    assert_eq!(agreed_with(app, GOOD, terms(500, 1_080)).await, CompletedConsent::On);
    run(app).await;
    assert_eq!((states(&bought(app).await), rule(app).await.spent), (vec!["credited", "expired"], 1_080));
});
