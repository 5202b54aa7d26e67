//! Every action of Stripe and banks on sales, in any order, late and repeated, while customers charge, hold and change
//! plans, time passes and the process restarts: the result is Stripe's state. And a flood of unsigned events.

use crate::app::{Opened, TestApp, on_both};
use chrono::TimeDelta;
use futures::StreamExt;
use serde_json::json;
use topup::usecases::purchases;
use topup::usecases::stripe_sync::reconcile;

const PLANS: [&str; 4] = ["free", "starter", "builder", "pro"];
const STATUSES: [&str; 7] = [
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "lost",
    "won",
];

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// One sale and its customer.
struct Life {
    customer: String,
    opened: Opened,
    refunds: Vec<String>,
    disputes: Vec<String>,
    holds: Vec<String>,
}

impl Life {
    async fn begin(app: &TestApp, n: usize, dice: &mut Dice) -> Self {
        let customer = format!("c{n}");
        app.put_customer(&customer, PLANS[1 + dice.roll(3)]).await;
        let opened = app.opened(&customer, "p1200", &format!("buy-{n}")).await;
        app.pay(&opened).await;
        Self { customer, opened, refunds: Vec::new(), disputes: Vec::new(), holds: Vec::new() }
    }

    /// One action of Stripe, the bank or the customer. A refused one changes nothing.
    async fn step(&mut self, app: &TestApp, dice: &mut Dice, key: &str) {
        let (sandbox, session) = (&app.sandbox, &self.opened.session);
        match dice.roll(12) {
            0 | 1 => {
                let amount = 1 + i64::try_from(dice.roll(400)).unwrap();
                self.refunds.extend(sandbox.refund(session, Some(amount)).await.ok());
            }
            2 if !self.refunds.is_empty() => {
                let _refused = sandbox.fail_refund(&self.refunds[dice.roll(self.refunds.len())]).await;
            }
            3 => {
                let amount = [None, Some(300)][dice.roll(2)];
                self.disputes.extend(sandbox.dispute(session, amount, STATUSES[dice.roll(5)]).await.ok());
            }
            4 | 5 if !self.disputes.is_empty() => {
                let dispute = &self.disputes[dice.roll(self.disputes.len())];
                let _refused = sandbox.move_dispute(dispute, STATUSES[dice.roll(7)]).await;
            }
            6 | 7 => {
                let credits = (1 + dice.roll(2_500)).to_string();
                let status = app.charge(&self.customer, &credits, key).await.status;
                assert!(matches!(status, 201 | 402), "{status}");
            }
            8 => {
                let path = format!("/v1/customers/{}/holds", self.customer);
                let answer = app.post(&path, key, r#"{"credits":90,"ttl_seconds":86400}"#).await;
                if answer.status == 201 {
                    self.holds.push(answer.json()["id"].as_str().unwrap().to_owned());
                }
            }
            9 if !self.holds.is_empty() => {
                let hold = self.holds.swap_remove(dice.roll(self.holds.len()));
                app.post(&format!("/v1/holds/{hold}/settle"), key, r#"{"credits":40}"#).await;
            }
            10 => {
                app.put(&self.customer, json!({"plan": PLANS[dice.roll(4)]})).await.expect(200);
            }
            _ => self.hear(app, dice, 3).await,
        }
    }

    /// Some events, whichever, in whichever order, some of them again.
    async fn hear(&self, app: &TestApp, dice: &mut Dice, times: usize) {
        let events = app.events(&self.opened).await;
        for _ in 0..times {
            app.deliver(&events[dice.roll(events.len())]).await.expect(200);
        }
    }

    /// Every event at last, from the newest on: the last word is an old one.
    async fn hear_all(&self, app: &TestApp) {
        for event in app.events(&self.opened).await.iter().rev() {
            app.deliver(event).await.expect(200);
        }
    }
}

on_both!(whatever_happens_to_sales_in_whatever_order_ends_as_stripe_says, |app| {
    let lives = if std::env::var_os("TOPUP_PROVE").is_some() { 2_000 } else { 40 };
    app.sandbox.faults().set_webhooks(false);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for round in 0..lives / 10 {
        let mut all = Vec::new();
        for n in 0..10 {
            all.push(Life::begin(app, round * 10 + n, &mut dice).await);
        }
        for n in 0..150 {
            let who = dice.roll(all.len());
            all[who].step(app, &mut dice, &format!("r{round}-{n}")).await;
            match dice.roll(60) {
                0 => app.restart().await,
                1 => app.advance_minutes(i64::try_from(dice.roll(60 * 24 * 50)).unwrap()).await,
                _ => {}
            }
        }
        for life in &all {
            life.hear_all(app).await;
        }
    }
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    let since = app.now() - TimeDelta::days(20_000);
    let found = reconcile::compare_with_stripe(&app.inner(), since).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| format!("{} {}", one.kind, one.subject)).collect();
    assert_eq!(found, Vec::<String>::new());
    let credited = app.count("select count(*) as n from purchases where state = 'credited'").await;
    assert_eq!(usize::try_from(credited), Ok(lives));
});

on_both!(a_flood_of_forged_posts_is_refused_and_kept_nowhere, |app| {
    let events = if std::env::var_os("TOPUP_PROVE").is_some() { 50_000 } else { 2_000 };
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    let genuine = app.completed(&opened).await;
    let rows = async || {
        let tables = ["inbox", "alarms", "outbox", "entries", "links", "sessions"];
        let counts = tables.map(|table| format!("(select count(*) from {table})")).join(" + ");
        app.count(&format!("select {counts} as n")).await
    };
    let before = rows().await;
    let flood = futures::stream::iter(0..events).map(|n| {
        let (body, signature) = &genuine;
        let forged = match n % 4 {
            0 => (body.replace("900", "901"), signature.clone()),
            1 => (body.clone(), signature.replace("v1=", "v1=0")),
            2 => ("x".repeat(60_000), signature.clone()),
            _ => (body.clone(), format!("t={n},v1={}", "0".repeat(64))),
        };
        async move { app.deliver(&forged).await.status }
    });
    let flood = async {
        let mut flood = flood.buffer_unordered(64);
        while let Some(status) = flood.next().await {
            assert_eq!(status, 400);
        }
    };
    let others = async {
        for n in 0..20 {
            app.charge("acme", "1", &format!("job-{n}")).await.expect(201);
            app.get("/sign-in").await.expect(200);
        }
    };
    tokio::join!(flood, others);
    assert_eq!(rows().await - before, 20, "the twenty charges, and no row of a forged post");
    app.deliver(&genuine).await.expect(200);
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
});
