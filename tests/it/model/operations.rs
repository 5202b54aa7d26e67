//! The operations of a history: the product and the model both do them, and the answers are compared.

use super::reference::{PLANS, Refusal};
use super::{Bound, Game, instant, thousandths};
use crate::app::Opened;
use serde_json::{Value, json};

pub const CLOSED: Refusal = (409, "customer_closed");

impl Game<'_> {
    /// One operation on one customer, and the balance after it.
    pub async fn step(&mut self) {
        let who = self.dice.roll(3);
        match self.dice.roll(100) {
            0..=23 => self.charge(who).await,
            24..=31 => self.batch().await,
            32..=43 => self.hold(who).await,
            44..=52 => self.settle(who).await,
            53..=57 => self.release(who).await,
            58..=63 => self.void_usage(who).await,
            64..=68 => self.give(who).await,
            69..=71 => self.void_grant(who).await,
            72..=75 => self.change_plan(who).await,
            76..=78 => self.buy(who).await,
            79..=86 => self.pass().await,
            87..=93 => self.repeat().await,
            94..=96 => self.other_body().await,
            97..=98 => self.nonsense(who).await,
            _ => self.close(who).await,
        }
        self.compare(who).await;
    }

    pub fn amount(&mut self, who: usize) -> i64 {
        let now = self.now;
        let available = self.customer(who).available(now);
        match self.dice.roll(9) {
            0 => available.max(1),
            1 => available + 1,
            2 => self.dice.up_to(3),
            3 => self.dice.up_to(2 * available),
            4 => self.dice.up_to(9) * 1_000,
            _ => self.dice.up_to(available / 5),
        }
    }

    pub fn keep(
        &mut self,
        who: usize,
        path: String,
        key: String,
        body: &str,
        amount: i64,
        (status, json): (u16, Value),
    ) {
        self.bound.push(Bound { customer: who, path, key, body: (body.to_owned(), amount), status, json });
    }

    pub async fn charge(&mut self, who: usize) {
        let (amount, key, path) = (self.amount(who), self.key(), self.path(who, "/usage"));
        let body = r#"{"credits":@}"#;
        let answer = self.post(&path, &key, body, amount).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, amount);
        }
        match customer.charge(amount, now) {
            Err(refusal) => self.refused(who, &answer, refusal, amount),
            Ok(draws) => {
                let json = answer.clone().expect(201).json();
                self.charged(who, &json, amount, &draws);
                assert_eq!(answer.header("x-credits-cost"), Some(super::amount_text(amount).as_str()));
                let rest = super::amount_text(self.customers[who].available(now));
                assert_eq!(answer.header("x-credits-remaining"), Some(rest.as_str()));
                self.keep(who, path, key, body, amount, (201, json));
            }
        }
    }

    pub fn charged(&mut self, who: usize, json: &Value, amount: i64, draws: &super::Draws) {
        assert_eq!(thousandths(&json["credits"]), amount);
        self.drawn(who, &json["draws"], draws);
        self.after(who, &json["balance"]);
        json["id"].as_str().unwrap().clone_into(&mut self.customers[who].usages.last_mut().unwrap().id);
    }

    /// Up to eight charges of anybody, some of them good for nothing.
    pub async fn batch(&mut self) {
        let (mut charges, mut asked) = (Vec::new(), Vec::new());
        for _ in 0..=self.dice.roll(8) {
            let (who, key, bad) = (self.dice.roll(3), self.key(), self.dice.roll(8));
            let amount = self.amount(who);
            let (customer, credits) = match bad {
                0 => ("nobody".to_owned(), "1".to_owned()),
                1 => (self.customers[who].id.clone(), "0.0001".to_owned()),
                _ => (self.customers[who].id.clone(), self.dice.token(amount)),
            };
            charges.push(format!(r#"{{"customer":"{customer}","idempotency_key":"{key}","credits":{credits}}}"#));
            asked.push((who, key, amount, bad));
        }
        let body = format!(r#"{{"charges":[{}]}}"#, charges.join(","));
        let answer = self.app.send(self.app.write("POST", "/v1/usage", None, body)).await.expect(200).json();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), asked.len());
        for (result, (who, key, amount, bad)) in results.iter().zip(asked) {
            let refused = |(status, code): Refusal| {
                assert_eq!((&result["status"], &result["error"]["code"]), (&json!(status), &json!(code)), "{result}");
            };
            let now = self.now;
            let customer = self.customer(who);
            match bad {
                0 => refused((404, "not_found")),
                1 => refused((422, "invalid_value")),
                _ if customer.closed => refused(CLOSED),
                _ => match customer.charge(amount, now) {
                    Err(refusal) => {
                        refused(refusal);
                        self.short(who, &result["error"], amount);
                    }
                    Ok(draws) => {
                        assert_eq!(result["status"], 201, "{result}");
                        self.charged(who, &result["usage"], amount, &draws);
                        let path = self.path(who, "/usage");
                        self.keep(who, path, key, r#"{"credits":@}"#, amount, (201, result["usage"].clone()));
                    }
                },
            }
        }
    }

    pub async fn void_usage(&mut self, who: usize) {
        let usages = self.customers[who].usages.len();
        if usages == 0 {
            return;
        }
        let usage = self.dice.roll(usages);
        let (key, path) = (self.key(), format!("/v1/usage/{}/void", self.customers[who].usages[usage].id));
        let body = r#"{"reason":"a mistake"}"#;
        let answer = self.post(&path, &key, body, 0).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, 0);
        }
        match customer.void_usage(usage, now) {
            Err(refusal) => self.refused(who, &answer, refusal, 0),
            Ok(()) => {
                let json = answer.expect(200).json();
                assert_eq!(super::millis(&json["voided_at"]), now);
                self.after(who, &json["balance"]);
                self.keep(who, path, key, body, 0, (200, json));
            }
        }
    }

    pub async fn give(&mut self, who: usize) {
        let (amount, key, path) = (self.dice.up_to(2_000_000), self.key(), self.path(who, "/grants"));
        let life = [-1_000, 0, 1, 60_000, 3_600_000, 20 * 86_400_000, 60 * 86_400_000][self.dice.roll(7)];
        let until = self.now + life;
        let body = format!(r#"{{"credits":@,"expires_at":"{}","reason":"sorry"}}"#, instant(until));
        let answer = self.post(&path, &key, &body, amount).await;
        let now = self.now;
        if self.customer(who).closed {
            return self.refused(who, &answer, CLOSED, amount);
        }
        if life <= 0 {
            return self.refused(who, &answer, (422, "invalid_value"), amount);
        }
        let json = answer.expect(201).json();
        self.customer(who).give(json["id"].as_str().unwrap(), amount, until, now);
        let figures = (&json["kind"], thousandths(&json["amount"]), thousandths(&json["remaining"]));
        assert_eq!(figures, (&json!("courtesy"), amount, amount));
        self.keep(who, path, key, &body, amount, (201, json));
    }

    pub async fn void_grant(&mut self, who: usize) {
        let named = |(n, lot): (usize, &super::reference::Lot)| Some((n, lot.id.clone()?));
        let lots: Vec<_> = self.customers[who].lots.iter().enumerate().filter_map(named).collect();
        if lots.is_empty() {
            return;
        }
        let (lot, id) = lots[self.dice.roll(lots.len())].clone();
        let (key, path) = (self.key(), format!("/v1/grants/{id}/void"));
        let body = r#"{"reason":"oops"}"#;
        let answer = self.post(&path, &key, body, 0).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, 0);
        }
        match customer.void_grant(lot, now) {
            Err(refusal) => self.refused(who, &answer, refusal, 0),
            Ok(()) => {
                let json = answer.expect(200).json();
                assert_eq!((&json["id"], &json["state"]), (&json!(id), &json!("voided")));
                self.after(who, &json["balance"]);
                self.keep(who, path, key, body, 0, (200, json));
            }
        }
    }

    pub async fn change_plan(&mut self, who: usize) {
        let plan = self.dice.roll(PLANS.len());
        let id = self.customers[who].id.clone();
        let answer = self.app.put(&id, json!({"plan": PLANS[plan].0})).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, 0);
        }
        customer.change_plan(plan, now);
        let (plan, next) = (PLANS[customer.plan].0, customer.next.map(|plan| PLANS[plan].0));
        let json = answer.expect(200).json();
        assert_eq!((json["plan"]["id"].as_str(), json["plan"]["next"]["id"].as_str()), (Some(plan), next), "{json}");
    }

    pub async fn buy(&mut self, who: usize) {
        let (key, path, credits) = (self.key(), self.path(who, "/purchases"), 1_200_000);
        let body = r#"{"package":"p1200"}"#;
        let answer = self.post(&path, &key, body, 0).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, 0);
        }
        if !PLANS[customer.plan].2 {
            return self.refused(who, &answer, (403, "plan_cannot_buy"), 0);
        }
        let opened = Opened::of(&answer.clone().expect(201));
        self.keep(who, path, key, body, 0, (201, answer.json()));
        if self.dice.roll(4) == 0 {
            return;
        }
        self.app.pay(&opened).await;
        // Any source, any number of times.
        let event = self.app.completed(&opened).await;
        for _ in 0..=self.dice.roll(2) {
            match self.dice.roll(2) {
                0 => drop(self.app.fulfill(&opened).await),
                _ => drop(self.app.deliver(&event).await.expect(200)),
            }
        }
        let purchase = self.app.purchase(&opened.id).await;
        assert_eq!(purchase["state"], "credited", "{purchase}");
        self.customer(who).bought(purchase["grant"].as_str().unwrap(), credits, now);
    }

    pub async fn pass(&mut self) {
        let most = [1_000, 60_000, 3_600_000, 86_400_000, 45 * 86_400_000][self.dice.roll(5)];
        self.now += self.dice.up_to(most);
        self.app.advance(json!({"advance_to": instant(self.now)})).await.expect(200);
    }

    /// The first customer may be closed, late in a history.
    pub async fn close(&mut self, who: usize) {
        if who != 0 || self.step < 60 || self.dice.roll(2) == 0 {
            return;
        }
        let id = self.customers[who].id.clone();
        let answer = self.app.send(self.app.request("DELETE", &format!("/v1/customers/{id}"))).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
        self.customer(who).closed = true;
    }
}
