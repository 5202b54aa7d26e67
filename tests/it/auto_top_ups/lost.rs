//! An older copy of the database was put in place: what only Stripe has of automatic purchases.

use super::{GOOD, bought, run, switched_on};
use crate::app::{TestApp, on_both};
use chrono::TimeDelta;
use serde_json::json;
use topup::domain::PurchaseId;
use topup::stripe::InvoiceOrder;
use topup::usecases::stripe_sync::{differences::Repair, reconcile};

/// An invoice at Stripe of two packages, as this installation makes them, and its purchase; paid or open.
async fn invoice(app: &TestApp, site: &str, paid: bool) -> (PurchaseId, String) {
    let inner = app.inner();
    let stripe = inner.stripe.clone().unwrap();
    let sql = "select stripe_customer, payment_method from auto_top_up_consents";
    let row = inner.store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap();
    let (id, payment_method) = (PurchaseId(inner.clock.mint()), row.text("payment_method").unwrap());
    let order = InvoiceOrder {
        purchase: id.to_string(),
        customer: "acme".to_owned(),
        stripe_customer: row.text("stripe_customer").unwrap(),
        payment_method: payment_method.clone(),
        package: "p1200".to_owned(),
        credits: "2400".to_owned(),
        months: 12,
        product_name: "1,200 credits".to_owned(),
        unit_amount: 900,
        quantity: 2,
        currency: "usd".to_owned(),
        automatic_tax: false,
        site: site.to_owned(),
    };
    let invoice = stripe.create_invoice(&format!("{id}-invoice"), &order).await.unwrap();
    stripe.add_invoice_line(&format!("{id}-line"), &invoice, &order).await.unwrap();
    stripe.finalize_invoice(&format!("{id}-finalize"), &invoice).await.unwrap();
    if paid {
        stripe.pay_invoice(&format!("{id}-pay-1"), &invoice, &payment_method).await.unwrap();
    }
    (id, invoice)
}

on_both!(a_lost_automatic_sale_is_rebuilt_and_an_unpaid_one_voided, |app| {
    switched_on(app, 400, GOOD, (500, 3_000)).await;
    run(app).await;
    let inner = app.inner();
    let site = inner.settings.public_url.trim_end_matches('/').to_owned();
    let (paid, _) = invoice(app, &site, true).await;
    let (unpaid, open) = invoice(app, &site, false).await;
    invoice(app, "https://elsewhere.example", true).await;
    let since = app.now() - TimeDelta::days(1);
    let found = reconcile::compare_with_stripe(&inner, since).await.unwrap();
    let mut all: Vec<_> = found.iter().map(|one| (one.subject.to_string(), one.kind, one.repair)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let mut wanted = [paid, unpaid].map(|id| (id.to_string(), "lost", Repair::Restore));
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(all, wanted);
    reconcile::repair_differences(&inner, &found).await.unwrap();
    reconcile::repair_differences(&inner, &found).await.unwrap();
    assert_eq!(reconcile::compare_with_stripe(&inner, since).await.unwrap(), []);
    assert_eq!(inner.stripe.clone().unwrap().invoice_state(&open).await.unwrap().status, "void");
    let again = app.purchase(&paid.to_string()).await;
    let timeline = again["timeline"].as_array().unwrap();
    assert_eq!((&timeline[0]["what"], &again["state"]), (&json!("restored"), &json!("credited")));
    assert_eq!(
        (&again["origin"], &again["quantity"], &again["credits"], &again["amount"]),
        (&json!("automatic"), &json!(2), &json!(2_400), &json!(1_800))
    );
    assert_eq!(app.available("acme").await, 4_000);
    // It counts against the cap: $27 of $30.
    app.charge("acme", "3900", "all").await.expect(201);
    run(app).await;
    assert_eq!(bought(app).await.len(), 2);
});
