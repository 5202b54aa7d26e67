//! A browser without script: it keeps cookies, sends forms with a page's headers, and reads emails.

use super::{Answer, TestApp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio_util::sync::CancellationToken;
use topup::usecases::access::links;
use topup::usecases::delivery::outbox;
use topup::web::flash::Flash;
use topup::web::form_signature::{FIELD, FormSigner};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";

/// One person's browser.
pub struct Browser<'a> {
    app: &'a TestApp,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, cookies: Mutex::default() }
    }

    /// The value of a cookie that it has.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<_> = self.cookies.lock().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = request.header("accept", "text/html").header("user-agent", FIREFOX);
        let answer = self.app.send(request.header("cookie", cookies.join("; "))).await;
        for header in answer.headers.get_all("set-cookie") {
            let header = header.to_str().unwrap();
            let (name, rest) = header.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match header.contains("Max-Age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.app.http.get(format!("http://{}{path}", self.app.address))).await
    }

    /// A page, asked for with these headers.
    pub async fn get_as(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.app.http.get(format!("http://{}{path}", self.app.address));
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    pub async fn head_as(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.app.http.head(format!("http://{}{path}", self.app.address));
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// An empty form, sent with these headers.
    pub async fn post_with(&self, name: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.app.http.post(format!("http://{}/_fn/{name}", self.app.address));
        let request = request.header("sec-fetch-site", "same-origin").form(&[("x", "")]);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// A form of a page of this site; `name` is the function's. It is signed as the page would be now.
    pub async fn post(&self, name: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("same-origin", name, fields).await
    }

    /// The same form, sent from wherever.
    pub async fn post_from(&self, site: &str, name: &str, fields: &[(&str, &str)]) -> Answer {
        let signature = self.signature().await;
        let is_signed = fields.iter().any(|(name, _)| *name == FIELD) || name == "open-session";
        let mut fields = fields.to_vec();
        if let Some(signature) = signature.as_deref().filter(|_| !is_signed) {
            fields.push((FIELD, signature));
        }
        self.post_bare(site, name, &fields).await
    }

    /// The signature that a page would have now, if somebody is signed in.
    pub async fn signature(&self) -> Option<String> {
        let (inner, token) = (self.app.inner(), self.cookie("session")?);
        let viewer = links::find_idle_viewer(&inner, &token).await.unwrap()?;
        let signer = FormSigner::new(&inner.settings.form_secret);
        signer.draws_for(&viewer);
        Some(signer.signature())
    }

    /// Sends these fields and no other.
    pub async fn post_bare(&self, site: &str, name: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("http://{}/_fn/{name}", self.app.address);
        self.send(self.app.http.post(url).header("sec-fetch-site", site).form(fields)).await
    }

    /// Sends a form; where it leads, with its outcome.
    pub async fn sent(&self, name: &str, fields: &[(&str, &str)]) -> String {
        self.post(name, fields).await.expect(303).way()
    }

    /// A page that shows an outcome.
    pub async fn get_with(&self, path: &str, flash: Flash) -> Answer {
        let cookie = flash.cookie(path, false);
        let value = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        self.cookies.lock().unwrap().insert("flash".to_owned(), value);
        self.get(path).await
    }

    /// Signs in by a mail; the link's token.
    pub async fn sign_in(&self, email: &str) -> String {
        self.sent("request-link", &[("email", email)]).await;
        let token = self.app.mailed_token().await;
        assert_eq!(self.sent("open-session", &[("token", &token)]).await, "/billing");
        token
    }

    /// Comes from the SaaS, by a portal link.
    pub async fn arrive(&self, customer: &str, email: &str, role: &str) {
        let path = format!("/v1/customers/{customer}/portal_sessions");
        let body = json!({"member_email": email, "role": role}).to_string();
        let link = self.app.send(self.app.write("POST", &path, None, body)).await.expect(201).json();
        let token = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        assert_eq!(self.sent("open-session", &[("token", &token)]).await, "/billing");
    }

    /// The value of the first field of this name on a page.
    pub async fn field(&self, path: &str, name: &str) -> String {
        let page = self.get(path).await.expect(200).text;
        let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name} in {page}"));
        rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    }
}

impl TestApp {
    /// Sends what is due; all mails so far, oldest first.
    pub async fn mails(&self) -> Vec<String> {
        outbox::send_due_emails(&self.inner(), topup::usecases::notify::EmailWriters, &CancellationToken::new())
            .await
            .unwrap();
        let files = std::fs::read_dir(self.home.folder.join("mails")).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        names.sort();
        let text = |path| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
        names.into_iter().map(text).collect()
    }

    /// The token of the newest mailed link.
    pub async fn mailed_token(&self) -> String {
        let mails = self.mails().await;
        let mail = mails.iter().rev().find_map(|mail| mail.split_once("/sign-in/"));
        mail.expect("a link in a mail").1.chars().take_while(char::is_ascii_hexdigit).collect()
    }
}
