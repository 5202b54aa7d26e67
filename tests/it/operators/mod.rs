//! The operator's pages over HTTP, as a browser without script uses them.

mod accounts;
mod actions;
mod password_guessing;
mod sales;
mod second_factor;

use crate::app::{Answer, TestApp};
use topup::usecases::operators;
use topup::usecases::operators::password;
use topup::web::form_signature::{ActOn, FIELD, FormSigner};

pub const EMAIL: &str = "grace@shop.example";
pub const PASSWORD: &str = "correct horse battery";

/// A form, as a browser sends it.
pub async fn send(app: &TestApp, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = app.http.post(format!("http://{}{path}", app.address)).header("cookie", cookie);
    let request = request.header("sec-fetch-site", "same-origin").header("accept", "text/html");
    app.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

/// A page, with a cookie.
pub async fn page(app: &TestApp, path: &str, cookie: &str) -> Answer {
    app.send(app.http.get(format!("http://{}{path}", app.address)).header("cookie", cookie)).await
}

pub async fn sign_in(app: &TestApp, email: &str, word: &str) -> Answer {
    send(app, "/_fn/operator-sign-in", "", &[("email", email), ("password", word)]).await.expect(303)
}

pub async fn account(app: &TestApp, email: &str) {
    let hash = password::hash_password(PASSWORD.to_owned()).await.unwrap();
    assert!(operators::add_operator(&app.inner().store, email, &hash, app.now()).await.unwrap());
}

/// An operator who is signed in.
pub struct OperatorBrowser<'a> {
    pub app: &'a TestApp,
    pub cookie: String,
}

impl<'a> OperatorBrowser<'a> {
    pub async fn open(app: &'a TestApp) -> Self {
        account(app, EMAIL).await;
        let answer = sign_in(app, EMAIL, PASSWORD).await;
        assert_eq!(answer.header("location"), Some("/operator"), "{answer:?}");
        Self { app, cookie: cookie_of(&answer) }
    }

    pub async fn page(&self, path: &str) -> String {
        page(self.app, path, &self.cookie).await.expect(200).text
    }

    /// The form signer of this session.
    pub async fn signer(&self) -> FormSigner {
        let inner = self.app.inner();
        let token = self.cookie.split('=').nth(1).unwrap();
        let operator = operators::sign_in::find_operator(&inner, token).await.unwrap();
        let signer = FormSigner::new(&inner.settings.form_secret);
        operator.iter().for_each(|operator| signer.draws_for_operator(operator));
        signer
    }

    /// The signature of a form of these fields.
    pub async fn signed(&self, fields: &[(&str, &str)]) -> String {
        let field = |name: &str| fields.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| *value);
        let (act, about) = (field("act"), field("about"));
        self.signer().await.act_signature(&ActOn { act, about, back: field("back") })
    }

    /// A key, as a drawn form has one.
    pub fn key(&self) -> String {
        self.app.inner().clock.mint().to_string()
    }

    /// Sends a form with this key; the code that it comes back with.
    pub async fn send(&self, key: &str, act: &str, about: &str, more: &[(&str, &str)]) -> String {
        let mut fields =
            vec![("act", act), ("about", about), ("key", key), ("back", "/operator"), ("reason", "asked by mail")];
        fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        fields.extend(more);
        let signature = self.signed(&fields).await;
        fields.push((FIELD, &signature));
        let answer = send(self.app, "/_fn/operator-act", &self.cookie, &fields).await.expect(303);
        let way = answer.way();
        let code = way.split("outcome=").nth(1).unwrap_or_else(|| panic!("{way}"));
        code.split('&').next().unwrap().to_owned()
    }

    /// Sends a form of its own key.
    pub async fn act(&self, act: &str, about: &str, more: &[(&str, &str)]) -> String {
        self.send(&self.key(), act, about, more).await
    }

    pub async fn lines(&self) -> i64 {
        self.app.count("select count(*) as n from audit").await
    }
}

pub fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}
