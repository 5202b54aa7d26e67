//! What takes a rule's ground away: refunds, disputes, a card that expires.

use super::{GOOD, ada, agreed_with, begun, bought, emails, later, rule, run, states, switched_on, terms};
use crate::app::on_both;
use chrono::Datelike;
use topup::domain::auto_top_up::SuspendedReason;
use topup::usecases::auto_top_up::{self, AutoState, CompletedConsent};
use topup::usecases::purchases;

on_both!(a_refund_suspends_it, |app| {
    switched_on(app, 400, GOOD, (500, 5_000)).await;
    run(app).await;
    let id = bought(app).await[0]["id"].as_str().unwrap().to_owned();
    let inner = app.inner();
    let purchase =
        purchases::find_purchase(&inner, topup::domain::PurchaseId::parse(&id).unwrap()).await.unwrap().unwrap();
    let intent = purchase.payment_intent.clone().unwrap();
    inner.stripe.as_ref().unwrap().refund("refund-1", &intent, 900, &id).await.unwrap();
    purchases::update_purchase_payment(&inner, &purchase).await.unwrap();
    assert_eq!(rule(app).await.state, AutoState::Suspended(SuspendedReason::Refund));
    run(app).await;
    assert_eq!((states(&bought(app).await), rule(app).await.spent), (vec!["credited"], 900), "nothing is given back");
});

on_both!(a_dispute_suspends_it_and_an_inquiry_does_not, |app| {
    switched_on(app, 400, GOOD, (500, 5_000)).await;
    run(app).await;
    let inner = app.inner();
    let id = topup::domain::PurchaseId::parse(bought(app).await[0]["id"].as_str().unwrap()).unwrap();
    let invoice = purchases::find_purchase(&inner, id).await.unwrap().unwrap().invoice.unwrap();
    let dispute = app.sandbox.dispute(&invoice, None, "warning_needs_response").await.unwrap();
    purchases::update_payment(&inner, &dispute).await.unwrap();
    assert_eq!(rule(app).await.state, AutoState::On);
    app.sandbox.move_dispute(&dispute, "needs_response").await.unwrap();
    purchases::update_payment(&inner, &dispute).await.unwrap();
    assert_eq!(rule(app).await.state, AutoState::Suspended(SuspendedReason::Dispute));
    assert!(emails(app, "auto_suspended").await >= 1);
    // The same card is not agreed to again, and nothing more is bought.
    let agreed = agreed_with(app, GOOD, terms(500, 5_000)).await;
    assert_eq!((agreed, bought(app).await.len()), (CompletedConsent::CardRefused, 1));
});

on_both!(a_card_that_expires_in_thirty_days_is_told_of_once, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer_with_left("acme", 2_000).await;
    let viewer = ada(app).await;
    let session = begun(app, &viewer, terms(500, 5_000)).await;
    // It is good until the last day of the month after the next.
    let month = app.now() + chrono::Months::new(2);
    let expiry = (i64::from(month.month()), i64::from(month.year()));
    app.sandbox.pay_with_expiry(&session, GOOD, expiry).await.unwrap();
    let inner = app.inner();
    assert_eq!(auto_top_up::complete_consent(&inner, &viewer, &session).await.unwrap(), CompletedConsent::On);
    drop(inner);
    let ends =
        (month + chrono::Months::new(1)).date_naive().with_day(1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    app.advance_to(ends - chrono::TimeDelta::days(30) - chrono::TimeDelta::minutes(3)).await;
    run(app).await;
    assert_eq!(emails(app, "auto_card_expires").await, 0);
    later(app, 1).await;
    let told = emails(app, "auto_card_expires").await;
    assert!(told >= 1);
    later(app, 24).await;
    assert_eq!(emails(app, "auto_card_expires").await, told, "once");
});
