//! Coming back from Stripe's page: by somebody else, after switching off, with another consent in between.

use super::{GOOD, ada, agreed_with, begun, bought, charges_of_cards, rule, run, states, switched_on, terms};
use crate::app::{Browser, on_both};
use crate::stripe_answers::at_stripe;
use topup::usecases::access::sessions;
use topup::usecases::auto_top_up::{self, AutoState, CompletedConsent};

on_both!(only_who_agreed_switches_it_on_by_coming_back, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer_with_left("acme", 400).await;
    let (inner, viewer) = (app.inner(), ada(app).await);
    let session = begun(app, &viewer, terms(500, 5_000)).await;
    app.sandbox.pay_with(&session, GOOD).await.unwrap();
    // Another admin is led to the same address.
    let browser = Browser::new(app);
    browser.arrive("acme", "bob@acme.example", "admin").await;
    let bob = sessions::find_idle_viewer(&inner, &browser.cookie("session").unwrap()).await.unwrap().unwrap();
    let complete = async |viewer| auto_top_up::complete_consent(&inner, viewer, &session).await.unwrap();
    assert_eq!(complete(&bob).await, CompletedConsent::NotFinished);
    assert_eq!(rule(app).await.state, AutoState::Off);
    assert_eq!(complete(&viewer).await, CompletedConsent::On);
});

on_both!(a_card_that_was_saved_after_switching_off_is_let_go, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer_with_left("acme", 400).await;
    let (inner, viewer) = (app.inner(), ada(app).await);
    let session = begun(app, &viewer, terms(500, 5_000)).await;
    assert!(auto_top_up::switch_off(&inner, &viewer).await.unwrap());
    app.sandbox.pay_with(&session, GOOD).await.unwrap();
    let back = auto_top_up::complete_consent(&inner, &viewer, &session).await.unwrap();
    assert_eq!((back, rule(app).await.state), (CompletedConsent::NotFinished, AutoState::Off));
    run(app).await;
    let path = format!("/checkout/sessions/{session}?expand[]=setup_intent.payment_method");
    let card = at_stripe(app, "GET", &path, &[]).await["setup_intent"]["payment_method"].clone();
    assert!(card["id"].is_string() && card["customer"].is_null(), "{card}");
});

on_both!(an_answer_that_nobody_heard_counts_as_a_refusal_and_leaves_the_new_consent_alone, |app| {
    let lost = ("update", "auto_payment_tries", "new.answer = 'soft_decline'");
    switched_on(app, 400, "4000000000000341", (500, 5_000)).await;
    app.plant_fault("abort", lost).await;
    run(app).await;
    assert_eq!((charges_of_cards(app).await, states(&bought(app).await)), (1, vec!["open"]));
    app.remove_fault(lost).await;
    assert_eq!(agreed_with(app, GOOD, terms(500, 5_000)).await, CompletedConsent::On);
    app.advance_minutes(20).await;
    run(app).await;
    run(app).await;
    assert_eq!((states(&bought(app).await), rule(app).await.state), (vec!["credited", "expired"], AutoState::On));
    let counted = "select count(*) as n from auto_cards where fingerprint = 'sandbox0341' and declines = 1";
    assert_eq!(app.count(counted).await, 1);
});
