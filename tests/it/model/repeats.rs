//! Repeated and invalid requests.

use super::Game;

use serde_json::Value;

impl Game<'_> {
    /// A successful request is answered the same later.
    pub async fn repeat(&mut self) {
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
    pub async fn other_body(&mut self) {
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

    /// Invalid requests change nothing.
    pub async fn nonsense(&mut self, who: usize) {
        let (path, key) = (self.path(who, "/usage"), self.key());
        let body = ["0", "-1", "1e400", "\"5\"", "0.0005", "9223372036854775808"][self.dice.roll(6)];
        let answer = self.app.post(&path, &key, format!(r#"{{"credits":{body}}}"#)).await;
        self.refused(who, &answer, (422, "invalid_value"), 0);
        let answer = self.app.post("/v1/customers/nobody/usage", &key, r#"{"credits":1}"#).await;
        self.refused(who, &answer, (404, "not_found"), 0);
        let answer = self.app.send(self.app.write("POST", &path, None, r#"{"credits":1}"#)).await;
        self.refused(who, &answer, (400, "idempotency_key_missing"), 0);
    }
}
