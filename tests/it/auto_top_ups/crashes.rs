//! A write that fails between any two steps of a payment, as a crash would: the same keys go on to one invoice, one charge,
//! one grant.

use super::{GOOD, bought, run, switched_on};
use crate::app::{Database, TestApp, on_both};

/// Each write that follows an answer of Stripe's: the table, and when it fails.
const WRITES: [(&str, &str); 8] = [
    ("auto_payments", "new.step = 'line'"),
    ("auto_payments", "new.step = 'finalize'"),
    ("auto_payments", "new.step = 'check'"),
    ("auto_payments", "new.step = 'pay'"),
    ("auto_payments", "new.step = 'paying'"),
    ("auto_payment_tries", "new.answer = 'paid'"),
    ("purchases", "new.state = 'credited'"),
    ("auto_payments", "new.step = 'done'"),
];

async fn plant(app: &TestApp, (table, when): (&str, &str)) {
    match app.home.database {
        Database::Sqlite => {
            let sql = format!(
                "create trigger bad before update on {table} when {when} begin select raise(abort, 'bad day'); end"
            );
            app.tamper(&sql, Vec::new()).await.unwrap();
        }
        Database::Postgres => {
            let sql = "create or replace function bad() returns trigger as
                $$ begin raise exception 'bad day'; end $$ language plpgsql";
            app.tamper(sql, Vec::new()).await.unwrap();
            let sql = format!(
                "create trigger bad before update on {table} for each row when ({when}) execute function bad()"
            );
            app.tamper(&sql, Vec::new()).await.unwrap();
        }
    }
}

async fn take_away(app: &TestApp, table: &str) {
    let sql = match app.home.database {
        Database::Sqlite => "drop trigger bad".to_owned(),
        Database::Postgres => format!("drop trigger bad on {table}"),
    };
    app.tamper(&sql, Vec::new()).await.unwrap();
}

on_both!(a_crash_after_any_step_ends_in_one_invoice_one_charge_one_grant, |app| {
    switched_on(app, 400, GOOD, (500, 50_000)).await;
    for (round, write) in WRITES.into_iter().enumerate() {
        plant(app, write).await;
        run(app).await;
        run(app).await;
        assert!(bought(app).await[0]["grant"].is_null(), "{write:?}");
        take_away(app, write.0).await;
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
