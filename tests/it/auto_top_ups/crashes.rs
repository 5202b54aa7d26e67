//! A write that fails between any two steps of a payment, as a crash would: the same keys go on to one invoice, one charge,
//! one grant.

use super::{GOOD, bought, run, switched_on};
use crate::app::{BadWrite, on_both};

/// Each write that follows an answer of Stripe's: which write it is, and when it fails.
const WRITES: [BadWrite; 8] = [
    ("update", "auto_payments", "new.step = 'line'"),
    ("update", "auto_payments", "new.step = 'finalize'"),
    ("update", "auto_payments", "new.step = 'check'"),
    ("update", "auto_payments", "new.step = 'pay'"),
    ("update", "auto_payments", "new.step = 'paying'"),
    ("update", "auto_payment_tries", "new.answer = 'paid'"),
    ("update", "purchases", "new.state = 'credited'"),
    ("update", "auto_payments", "new.step = 'done'"),
];

on_both!(a_crash_after_any_step_ends_in_one_invoice_one_charge_one_grant, |app| {
    switched_on(app, 400, GOOD, (500, 50_000)).await;
    for (round, write) in WRITES.into_iter().enumerate() {
        app.plant_fault("abort", write).await;
        run(app).await;
        run(app).await;
        assert!(bought(app).await[0]["grant"].is_null(), "{write:?}");
        app.remove_fault(write).await;
        app.advance_minutes(20).await;
        run(app).await;
        let all = bought(app).await;
        assert!(all.len() == round + 1 && all.iter().all(|one| one["state"] == "credited"), "{write:?} {all:?}");
        let left = app.available("acme").await.as_i64().unwrap();
        app.charge("acme", &(left - 400).to_string(), &format!("used-{round}")).await.expect(201);
    }
    let cards = app.sandbox.charges_by_card().await.unwrap();
    let charged: u32 = cards.iter().map(|card| card.paid + card.declined).sum();
    assert_eq!(charged, u32::try_from(WRITES.len()).unwrap(), "one charge for each");
});
