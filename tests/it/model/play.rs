//! The operations of a history: each is done by the product and by the model, and the answers are compared.

use super::Bound;
use super::Game;
use super::instant;
use super::shop::PLANS;
use super::shop::Refusal;
use super::thousandths;
use crate::app::Opened;
use serde_json::Value;
use serde_json::json;

const CLOSED: Refusal = (409, "customer_closed");

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

    fn amount(&mut self, who: usize) -> i64 {
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

    fn keep(&mut self, who: usize, path: String, key: String, body: &str, amount: i64, (status, json): (u16, Value)) {
        self.bound.push(Bound { customer: who, path, key, body: (body.to_owned(), amount), status, json });
    }

    async fn charge(&mut self, who: usize) {
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

    fn charged(&mut self, who: usize, json: &Value, amount: i64, draws: &super::Draws) {
        assert_eq!(thousandths(&json["credits"]), amount);
        self.drawn(who, &json["draws"], draws);
        self.after(who, &json["balance"]);
        json["id"].as_str().unwrap().clone_into(&mut self.customers[who].usages.last_mut().unwrap().id);
    }

    /// Up to eight charges of anybody, some of them good for nothing.
    async fn batch(&mut self) {
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

    async fn hold(&mut self, who: usize) {
        let (amount, key, path) = (self.amount(who), self.key(), self.path(who, "/holds"));
        let ttl = [1, 60, 3_600, 86_400][self.dice.roll(4)];
        let body = format!(r#"{{"credits":@,"ttl_seconds":{ttl}}}"#);
        let answer = self.post(&path, &key, &body, amount).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, amount);
        }
        match customer.hold(amount, ttl, now) {
            Err(refusal) => self.refused(who, &answer, refusal, amount),
            Ok(draws) => {
                let json = answer.expect(201).json();
                json["id"].as_str().unwrap().clone_into(&mut self.customers[who].holds.last_mut().unwrap().id);
                assert_eq!(
                    json["expires_at"].as_str().map(|_| super::millis(&json["expires_at"])),
                    Some(now + ttl * 1_000)
                );
                self.drawn(who, &json["draws"], &draws);
                self.after(who, &json["balance"]);
                self.keep(who, path, key, &body, amount, (201, json));
            }
        }
    }

    /// Any hold of the customer, most often one of the last.
    fn some_hold(&mut self, who: usize) -> Option<usize> {
        let holds = self.customers[who].holds.len();
        let back = if self.dice.roll(3) == 0 { holds } else { holds.min(3) };
        (holds > 0).then(|| holds - 1 - self.dice.roll(back))
    }

    async fn settle(&mut self, who: usize) {
        let Some(hold) = self.some_hold(who) else { return };
        let held = self.customers[who].holds[hold].amount;
        let amount = match self.dice.roll(5) {
            0 => 0,
            1 => held,
            2 => held + self.amount(who),
            _ => self.dice.up_to(held),
        };
        let (key, path) = (self.key(), format!("/v1/holds/{}/settle", self.customers[who].holds[hold].id));
        let answer = self.post(&path, &key, r#"{"credits":@}"#, amount).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, amount);
        }
        match customer.settle(hold, amount, now) {
            Err(refusal) => self.refused(who, &answer, refusal, amount),
            Ok((draws, back)) => {
                let json = answer.expect(200).json();
                assert_eq!((thousandths(&json["credits"]), thousandths(&json["released"])), (amount, back), "{json}");
                assert_eq!(json["usage"].is_string(), amount > 0, "{json}");
                if let Some(id) = json["usage"].as_str() {
                    id.clone_into(&mut self.customers[who].usages.last_mut().unwrap().id);
                }
                self.drawn(who, &json["draws"], &draws);
                self.after(who, &json["balance"]);
                self.keep(who, path, key, r#"{"credits":@}"#, amount, (200, json));
            }
        }
    }

    async fn release(&mut self, who: usize) {
        let Some(hold) = self.some_hold(who) else { return };
        let (key, path) = (self.key(), format!("/v1/holds/{}/release", self.customers[who].holds[hold].id));
        let answer = self.post(&path, &key, "{}", 0).await;
        let now = self.now;
        let customer = self.customer(who);
        if customer.closed {
            return self.refused(who, &answer, CLOSED, 0);
        }
        match customer.release(hold, now) {
            Err(refusal) => self.refused(who, &answer, refusal, 0),
            Ok(()) => {
                let json = answer.expect(200).json();
                self.after(who, &json["balance"]);
                self.keep(who, path, key, "{}", 0, (200, json));
            }
        }
    }

    async fn void_usage(&mut self, who: usize) {
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

    async fn give(&mut self, who: usize) {
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

    async fn void_grant(&mut self, who: usize) {
        let named = |(n, lot): (usize, &super::shop::Lot)| Some((n, lot.id.clone()?));
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

    async fn change_plan(&mut self, who: usize) {
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

    async fn buy(&mut self, who: usize) {
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
        // Whoever tells of it, and however often.
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

    async fn pass(&mut self) {
        let most = [1_000, 60_000, 3_600_000, 86_400_000, 45 * 86_400_000][self.dice.roll(5)];
        self.now += self.dice.up_to(most);
        self.app.advance(json!({"advance_to": instant(self.now)})).await.expect(200);
    }

    /// What succeeded is answered again, whatever has happened since.
    async fn repeat(&mut self) {
        if self.bound.is_empty() {
            return;
        }
        let which = self.dice.roll(self.bound.len());
        let (path, key) = (self.bound[which].path.clone(), self.bound[which].key.clone());
        let (body, amount) = self.bound[which].body.clone();
        let single = !path.ends_with("/usage") || self.dice.roll(2) == 0;
        let (status, json, replayed) = if single {
            let answer = self.post(&path, &key, &body, amount).await;
            (answer.status, answer.json(), answer.header("idempotent-replayed") == Some("true"))
        } else {
            let (customer, token) = (&self.customers[self.bound[which].customer].id, self.dice.token(amount));
            let charge = format!(r#"{{"credits":{token},"idempotency_key":"{key}","customer":"{customer}"}}"#);
            let body = format!(r#"{{"charges":[{charge}]}}"#);
            let answer = self.app.send(self.app.write("POST", "/v1/usage", None, body)).await.expect(200).json();
            let result = &answer["results"][0];
            (
                result["status"].as_u64().unwrap().try_into().unwrap(),
                result["usage"].clone(),
                result["replayed"] == true,
            )
        };
        let bound = &self.bound[which];
        let (mut json, mut before) = (json, bound.json.clone());
        if self.customers[bound.customer].closed {
            // Free text is erased with the customer.
            for json in [&mut json, &mut before] {
                json.as_object_mut().unwrap().remove("reason");
            }
        }
        assert_eq!((status, json, replayed), (bound.status, before, true), "{path} {key}");
    }

    /// The same key with other content is refused, and so is the key on another path.
    async fn other_body(&mut self) {
        if self.bound.is_empty() {
            return;
        }
        let which = self.dice.roll(self.bound.len());
        let (who, key) = (self.bound[which].customer, self.bound[which].key.clone());
        let (body, amount) = self.bound[which].body.clone();
        let changed = body.contains('@') && self.dice.roll(2) == 0;
        let answer = if changed {
            let path = self.bound[which].path.clone();
            self.post(&path, &key, &body, amount + 1).await
        } else {
            let path = self.path(who, "/holds");
            self.post(&path, &key, r#"{"credits":@,"ttl_seconds":77}"#, 1).await
        };
        // Of what is wrong with a request, its body goes first: a date that has passed since.
        let parsed: Value = serde_json::from_str(&body.replace('@', "0")).unwrap();
        let late = changed && parsed["expires_at"].is_string() && super::millis(&parsed["expires_at"]) <= self.now;
        let refusal = if late { (422, "invalid_value") } else { (409, "idempotency_key_reused") };
        self.refused(who, &answer, refusal, 0);
    }

    /// What no rule allows changes nothing.
    async fn nonsense(&mut self, who: usize) {
        let (path, key) = (self.path(who, "/usage"), self.key());
        let body = ["0", "-1", "1e400", "\"5\"", "0.0005", "9223372036854775808"][self.dice.roll(6)];
        let answer = self.app.post(&path, &key, format!(r#"{{"credits":{body}}}"#)).await;
        self.refused(who, &answer, (422, "invalid_value"), 0);
        let answer = self.app.post("/v1/customers/nobody/usage", &key, r#"{"credits":1}"#).await;
        self.refused(who, &answer, (404, "not_found"), 0);
        let answer = self.app.send(self.app.write("POST", &path, None, r#"{"credits":1}"#)).await;
        self.refused(who, &answer, (400, "idempotency_key_missing"), 0);
    }

    /// The first customer may be closed, late in a history.
    async fn close(&mut self, who: usize) {
        if who != 0 || self.step < 60 || self.dice.roll(2) == 0 {
            return;
        }
        let id = self.customers[who].id.clone();
        let answer = self.app.send(self.app.request("DELETE", &format!("/v1/customers/{id}"))).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
        self.customer(who).closed = true;
    }
}
