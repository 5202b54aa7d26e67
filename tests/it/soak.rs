//! Everything at once: two engines, changes of plan, purchases, a moving clock. Then every line is checked.

use crate::app::{Opened, STUCK, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use topup::domain::Credits;
use topup::ledger::{Charge, ChargeOutcome, Ledger};
use topup::store::Store;

const CUSTOMERS: [&str; 4] = ["acme", "fjord", "larch", "meridian"];
const PLANS: [&str; 4] = ["free", "starter", "builder", "pro"];

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

    fn customer(&mut self) -> &'static str {
        CUSTOMERS[self.roll(CUSTOMERS.len())]
    }
}

/// Acknowledged figures by customer: thousandths used, and purchases paid.
#[derive(Default)]
struct Sums {
    used: BTreeMap<&'static str, i64>,
    bought: BTreeMap<&'static str, i64>,
}

fn thousandths(json: &Value) -> i64 {
    // Whole and half credits only.
    json.as_i64().map_or_else(|| Credits::parse(&json.to_string()).unwrap().0, |whole| whole * 1_000)
}

/// One caller: twenty-five requests.
async fn caller(app: &TestApp, other: &Ledger, who: usize, seed: u64) -> Sums {
    let (mut dice, mut sums) = (Dice(seed), Sums::default());
    for n in 0..25 {
        let (customer, key) = (dice.customer(), format!("c{who}-{n}"));
        match dice.roll(20) {
            0 => {
                let plan = PLANS[dice.roll(PLANS.len())];
                app.put(customer, json!({"plan": plan})).await.expect(200);
            }
            1 | 2 => {
                let answer = app.start_purchase(customer, "p1200", &key).await;
                // On Free; or the clock overtook the Checkout before it opened, and here before it was paid.
                if matches!(answer.status, 403 | 503) {
                    continue;
                }
                if answer.status == 409 {
                    let overtaken = "select count(*) as n from alarms where detail like '%at least 30 minutes%'";
                    assert!(app.count(overtaken).await > 0, "{}", answer.text);
                    continue;
                }
                let opened = Opened::of(&answer.expect(201));
                if app.sandbox.pay(&opened.session).await.is_err() {
                    continue;
                }
                let event = app.completed(&opened).await;
                join_all([app.deliver(&event), app.deliver(&event)]).await;
                *sums.bought.entry(customer).or_default() += 1_200_000;
            }
            3 => {
                // Somebody may have moved it further meanwhile.
                app.advance(json!({"advance_days": dice.roll(9)})).await;
            }
            4..=8 => {
                let credits = Credits(i64::try_from(dice.roll(4_000)).unwrap() * 500 + 500);
                let charge = Charge {
                    customer: customer.to_owned(),
                    key,
                    content: [1; 16],
                    credits,
                    operation: None,
                    quantities: None,
                    source: None,
                    metadata: None,
                };
                match other.charge(charge).await.unwrap() {
                    ChargeOutcome::Charged(_) => *sums.used.entry(customer).or_default() += credits.0,
                    ChargeOutcome::Insufficient { balance, .. } => assert!(balance.available < credits),
                    outcome => panic!("{outcome:?}"),
                }
            }
            9 => {
                let balance = app.balance(customer).await;
                let parts =
                    [&balance["plan"]["remaining"], &balance["courtesy"]["remaining"], &balance["top_up"]["remaining"]];
                let sum: i64 = parts.into_iter().map(thousandths).sum();
                assert_eq!(thousandths(&balance["available"]), sum, "{balance}");
            }
            _ => {
                let credits = format!("{}.{}", dice.roll(2_000), [5, 0][dice.roll(2)]);
                let answer = app.charge(customer, &credits, &key).await;
                match answer.status {
                    201 => *sums.used.entry(customer).or_default() += thousandths(&answer.json()["credits"]),
                    402 => assert!(thousandths(&answer.json()["needed"]) > thousandths(&answer.json()["available"])),
                    422 => assert!(matches!(credits.as_str(), "0.0"), "{}", answer.text),
                    _ => panic!("{answer:?}"),
                }
            }
        }
    }
    sums
}

on_both!(whatever_happens_at_once_every_line_is_accounted_for, |app| {
    let mut seed = [0_u8; 8];
    getrandom::fill(&mut seed).unwrap();
    let seed = u64::from_le_bytes(seed) | 1;
    println!("seed {seed}");
    app.sandbox.faults().set_webhooks(false);
    for (customer, plan) in CUSTOMERS.into_iter().zip(PLANS) {
        app.put_customer(customer, plan).await;
    }
    let inner = app.inner();
    let store = Store::open(&app.home.url).await.unwrap();
    let (other, engine) = Ledger::start(store.clone(), inner.clock.clone(), inner.catalog.clone());
    drop(inner);
    let callers = (0..12).map(|who| caller(app, &other, who, seed.rotate_left(u32::try_from(who).unwrap()) | 1));
    let all = tokio::time::timeout(STUCK, join_all(callers)).await.expect("an end of all callers");
    for customer in CUSTOMERS {
        let entries = app.entries(customer).await;
        let sum = |kind: &str, like: &str| -> i64 {
            let mine = entries.iter().filter(|e| e["kind"] == kind && e["ref"].as_str().unwrap().starts_with(like));
            mine.map(|entry| thousandths(&entry["amount"])).sum()
        };
        let known = |of: fn(&Sums) -> &BTreeMap<&'static str, i64>| -> i64 {
            all.iter().filter_map(|sums| of(sums).get(customer)).sum()
        };
        assert_eq!(-sum("used", "use_"), known(|sums| &sums.used), "{customer} used");
        assert_eq!(sum("granted", "pur_"), known(|sums| &sums.bought), "{customer} bought");
        let at: Vec<&str> = entries.iter().map(|entry| entry["event_at"].as_str().unwrap()).collect();
        assert!(at.is_sorted_by(|a, b| instant(a) <= instant(b)), "{customer}");
        assert!(entries.iter().all(|entry| thousandths(&entry["balance_after"]) >= 0), "{customer}");
    }
    drop(other);
    engine.await.unwrap();
    store.close().await;
});

fn instant(text: &str) -> topup::domain::Instant {
    text.parse().unwrap()
}
