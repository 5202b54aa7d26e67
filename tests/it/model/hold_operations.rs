//! Operations on holds.

use super::operations::CLOSED;
use super::{Game, thousandths};

impl Game<'_> {
    pub async fn hold(&mut self, who: usize) {
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
    pub fn some_hold(&mut self, who: usize) -> Option<usize> {
        let holds = self.customers[who].holds.len();
        let back = if self.dice.roll(3) == 0 { holds } else { holds.min(3) };
        (holds > 0).then(|| holds - 1 - self.dice.roll(back))
    }

    pub async fn settle(&mut self, who: usize) {
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

    pub async fn release(&mut self, who: usize) {
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
}
