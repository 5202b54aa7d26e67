//! The product over HTTP beside a small model of it: random operations, every answer compared.
//!
//! A failure prints its seed: `TOPUP_SEED=… make test-rust TEST=model` plays that history alone.
//! `TOPUP_PROVE=1` plays many long ones.

mod calendar;
mod hold_operations;
mod operations;
mod reference;
mod reference_writes;
mod repeats;

use crate::app::{Answer, Database, TestApp};
use reference::{Customer, Draws, Five, KINDS, PLANS, Refusal};
use serde_json::{Value, json};
use topup::domain::time::from_millis;

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    /// From 1 to `most`.
    fn up_to(&mut self, most: i64) -> i64 {
        i64::try_from(self.roll(usize::try_from(most.max(1)).unwrap())).unwrap() + 1
    }

    /// An amount in thousandths as a JSON number, in one of the ways in which it can be written.
    fn token(&mut self, amount: i64) -> String {
        match self.roll(4) {
            0 => format!("{}.{:03}", amount / 1_000, amount % 1_000),
            1 => format!("{amount}e-3"),
            2 if amount > 0 => format!("{amount}00.0E-5"),
            _ => amount_text(amount),
        }
    }
}

/// As the product writes it: no zeros at the end.
fn amount_text(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.abs();
    let text = format!("{sign}{}.{:03}", amount / 1_000, amount % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Thousandths of a JSON number.
#[track_caller]
fn thousandths(value: &Value) -> i64 {
    let text = value.to_string();
    assert!(value.is_number(), "{text} is no number");
    let (whole, part) = text.trim_start_matches('-').split_once('.').unwrap_or((text.trim_start_matches('-'), "0"));
    // serde_json writes 5.0 for what was read as a fraction.
    let part: i64 = format!("{part:0<3}")[..3].parse().unwrap();
    let amount = whole.parse::<i64>().unwrap() * 1_000 + part;
    if text.starts_with('-') { -amount } else { amount }
}

#[track_caller]
fn millis(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<topup::domain::Instant>().unwrap().timestamp_millis()
}

fn instant(at: i64) -> String {
    from_millis(at).to_rfc3339()
}

/// A write that succeeded, to be repeated.
struct Bound {
    customer: usize,
    path: String,
    key: String,
    /// The body with `@` where the amount stands, and the amount.
    body: (String, i64),
    status: u16,
    json: Value,
}

/// One history: the product, the model, and how far they have come.
struct Game<'a> {
    app: &'a TestApp,
    dice: Dice,
    now: i64,
    step: usize,
    customers: Vec<Customer>,
    bound: Vec<Bound>,
}

impl Game<'_> {
    fn key(&mut self) -> String {
        self.step += 1;
        format!("k-{}", self.step)
    }

    fn customer(&mut self, who: usize) -> &mut Customer {
        let now = self.now;
        self.customers[who].pass(now);
        &mut self.customers[who]
    }

    fn path(&self, who: usize, rest: &str) -> String {
        format!("/v1/customers/{}{rest}", self.customers[who].id)
    }

    /// A POST whose body has an amount at `@`.
    async fn post(&mut self, path: &str, key: &str, body: &str, amount: i64) -> Answer {
        let token = self.dice.token(amount);
        self.app.post(path, key, body.replace('@', &token)).await
    }

    /// A refusal of the rules, with its numbers.
    fn refused(&mut self, who: usize, answer: &Answer, (status, code): Refusal, needed: i64) {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
        if status == 402 {
            self.short(who, &answer.json(), needed);
        }
    }

    fn short(&mut self, who: usize, json: &Value, needed: i64) {
        let now = self.now;
        let customer = self.customer(who);
        let (end, buys) = (customer.cycle_end(), PLANS[customer.plan].2);
        assert_eq!(five(json), customer.five(now), "{json}");
        assert_eq!((thousandths(&json["needed"]), millis(&json["resets_at"])), (needed, end), "{json}");
        assert_eq!(json["buy_url"].is_string(), buys, "{json}");
    }

    /// Draws as they must be; names that are heard for the first time are learned.
    fn drawn(&mut self, who: usize, json: &Value, draws: &Draws) {
        let all = json.as_array().unwrap();
        assert_eq!(all.len(), draws.len(), "{json} for {draws:?}");
        for (line, (lot, amount)) in all.iter().zip(draws) {
            self.learn(who, *lot, line["grant"].as_str().unwrap());
            let kind = KINDS[self.customers[who].lots[*lot].kind];
            assert_eq!((line["kind"].as_str(), thousandths(&line["credits"])), (Some(kind), *amount), "{json}");
        }
    }

    fn learn(&mut self, who: usize, lot: usize, id: &str) {
        let lots = &mut self.customers[who].lots;
        let known = lots.iter().position(|other| other.id.as_deref() == Some(id));
        assert!(known.is_none_or(|known| known == lot), "{id} is two lots");
        let name = lots[lot].id.get_or_insert_with(|| id.to_owned());
        assert_eq!(name, id);
    }

    /// The five numbers right after a write.
    fn after(&mut self, who: usize, json: &Value) {
        let now = self.now;
        assert_eq!(five(json), self.customer(who).five(now), "{json}");
    }

    /// The whole balance as the product shows it now.
    async fn compare(&mut self, who: usize) {
        let json = self.app.balance(&self.customers[who].id.clone()).await;
        let now = self.now;
        let customer = self.customer(who);
        let (allowance, used, held) = customer.plan_figures();
        let five = customer.five(now);
        let of = |path: &str| thousandths(json.pointer(path).unwrap());
        assert_eq!(of("/available"), five.available, "{json}");
        assert_eq!(
            [of("/plan/remaining"), of("/courtesy/remaining"), of("/top_up/remaining"), of("/held")],
            [five.plan, five.courtesy, five.top_up, five.held],
            "{json}"
        );
        assert_eq!([of("/plan/allowance"), of("/plan/used"), of("/plan/held")], [allowance, used, held], "{json}");
        let held = [customer.held(reference::COURTESY, now), customer.held(reference::TOP_UP, now)];
        assert_eq!([of("/courtesy/held"), of("/top_up/held")], held, "{json}");
        assert_eq!(json["plan"]["id"], PLANS[customer.plan].0);
        assert_eq!(millis(&json["plan"]["resets_at"]), customer.cycle_end());
        let next = customer.next.map(|plan| PLANS[plan].0);
        assert_eq!(json["plan"]["next"]["id"].as_str(), next, "{json}");
        let expiry = &json["top_up"]["next_expiry"];
        let expiry = (!expiry.is_null()).then(|| (millis(&expiry["at"]), thousandths(&expiry["credits"])));
        assert_eq!(expiry, customer.next_expiry(now), "{json}");
    }

    /// Every line of every ledger.
    async fn compare_lines(&mut self) {
        for who in 0..self.customers.len() {
            let id = self.customers[who].id.clone();
            let entries = self.app.entries(&id).await;
            self.customer(who);
            assert_eq!(entries.len(), self.customers[who].lines.len(), "{id}");
            for (place, entry) in entries.iter().enumerate() {
                let line = &self.customers[who].lines[place];
                let (lot, want) = (line.lot, (line.kind, line.amount, line.held, line.at));
                let amounts = [&entry["amount"], &entry["held_change"]].map(thousandths);
                let found = (entry["kind"].as_str().unwrap(), amounts[0], amounts[1], millis(&entry["event_at"]));
                assert_eq!(found, want, "{entry}");
                self.learn(who, lot, entry["grant"].as_str().unwrap());
            }
        }
    }
}

fn five(json: &Value) -> Five {
    let of = |name: &str| thousandths(&json[name]);
    Five {
        available: of("available"),
        plan: of("plan"),
        courtesy: of("courtesy"),
        top_up: of("top_up"),
        held: of("held"),
    }
}

async fn play_one(database: Database, seed: u64, steps: usize) {
    println!("a history begins: TOPUP_SEED={seed} plays it again on {database:?}");
    let app = TestApp::start(database).await;
    app.sandbox.faults().set_webhooks(false);
    let now = app.now().timestamp_millis();
    let mut game = Game { app: &app, dice: Dice(seed), now, step: 0, customers: Vec::new(), bound: Vec::new() };
    for id in ["acme", "fjord", "larch"] {
        let plan = game.dice.roll(3);
        app.put(id, json!({"email": "ada@acme.example", "plan": PLANS[plan].0})).await.expect(201);
        game.customers.push(Customer::new(id, plan, now));
    }
    for step in 0..steps {
        game.step().await;
        if step % 20 == 0 {
            app.check_since().await;
        }
    }
    for who in 0..3 {
        game.compare(who).await;
    }
    // A write after all that passed books what is due; the lines are then all there.
    game.compare_lines().await;
    app.check_since().await;
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

async fn play(database: Database) {
    let prove = std::env::var_os("TOPUP_PROVE").is_some();
    let (histories, steps) = if prove { (100, 400) } else { (2, 120) };
    if let Ok(seed) = std::env::var("TOPUP_SEED") {
        return play_one(database, seed.parse().expect("TOPUP_SEED is a number"), steps).await;
    }
    for _ in 0..histories {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        play_one(database, u64::from_le_bytes(seed), steps).await;
    }
}

mod every_answer_over_http_is_the_models {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        play(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        play(Database::Postgres).await;
    }
}
