//! Outgoing webhooks: POSTs to the SaaS's backend, signed by Standard Webhooks 1.0.
//!
//! A message has the same id in each attempt. Redirects are not followed, the response's body is not read, and each
//! attempt has a time-out. The queue is `usecases::delivery::webhooks`.

use crate::domain::Instant;
use crate::request_trace;
use crate::request_trace::TRACEPARENT;
use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, Notify};
use url::Url;

/// The time-out of a delivery, from connecting to the response's head.
const DELIVERY_MAX: Duration = Duration::from_secs(10);
/// The length of a secret in bytes (Standard Webhooks, "Signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// 2xx.
    Accepted,
    /// To be sent again later: the reason.
    Deferred(String),
    /// Not to be sent again (410): the reason.
    Refused(String),
}

/// A signing secret.
#[derive(Clone)]
pub struct HookSecret(Vec<u8>);

struct WebhookParts {
    url: Url,
    secrets: Vec<HookSecret>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    delivery_max: Duration,
    round: Mutex<()>,
    waiting: Notify,
}

/// The endpoint for webhooks. Clones share it.
#[derive(Clone)]
pub struct Hook(Arc<WebhookParts>);

impl HookSecret {
    /// Parses `whsec_` and base64.
    ///
    /// # Errors
    /// The reason, without the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(coded) = text.strip_prefix("whsec_") else {
            return Err("has a secret that does not begin with whsec_".to_owned());
        };
        let Ok(bytes) = STANDARD.decode(coded) else {
            return Err("has a secret that is not base64 behind whsec_".to_owned());
        };
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err("has a secret of fewer than 24 or more than 64 bytes".to_owned());
        }
        Ok(Self(bytes))
    }
}

/// Parses `HOOK_URL`.
///
/// # Errors
/// The reason, without the value.
pub fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("is not a URL: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or a password, which are not sent".to_owned());
    }
    Ok(url)
}

impl Hook {
    /// An endpoint. Messages are signed with each secret.
    #[must_use]
    pub fn new(url: Url, secrets: Vec<HookSecret>) -> Self {
        Self::with_timeout(url, secrets, DELIVERY_MAX)
    }

    /// An endpoint with another time-out.
    #[must_use]
    pub fn with_timeout(url: Url, secrets: Vec<HookSecret>, delivery_max: Duration) -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self(Arc::new(WebhookParts {
            url,
            secrets,
            client,
            delivery_max,
            round: Mutex::new(()),
            waiting: Notify::new(),
        }))
    }

    /// Sends one message; never inside a transaction. `at` is the machine's time, which receivers compare with theirs.
    /// `traceparent` is that of the request that caused the message.
    pub async fn send(&self, id: &str, at: Instant, body: &str, traceparent: Option<&str>) -> Delivered {
        match self.request(id, at.timestamp(), body, traceparent) {
            Ok(request) => match tokio::time::timeout(self.0.delivery_max, self.0.client.request(request)).await {
                Ok(Ok(answer)) => judge(answer.status()),
                Ok(Err(e)) => Delivered::Deferred(format!("the endpoint can't be reached: {}", reason(&e))),
                Err(_) => Delivered::Deferred("the endpoint did not answer in time".to_owned()),
            },
            Err(e) => Delivered::Refused(format!("the message makes no valid request: {e}")),
        }
    }

    fn request(
        &self,
        id: &str,
        at: i64,
        body: &str,
        traceparent: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        Request::builder()
            .method(Method::POST)
            .uri(self.0.url.as_str())
            .header("content-type", "application/json")
            .header("user-agent", concat!("topup/", env!("CARGO_PKG_VERSION")))
            .header(TRACEPARENT, request_trace::child_of(traceparent))
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature(&self.0.secrets, id, at, body))
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
    }

    /// The lock of one round of deliveries in this process.
    pub async fn round(&self) -> MutexGuard<'_, ()> {
        self.0.round.lock().await
    }

    /// Wakes the job for a waiting message.
    pub fn nudge(&self) {
        self.0.waiting.notify_one();
    }

    /// Waits for [`Self::nudge`].
    pub async fn nudged(&self) {
        self.0.waiting.notified().await;
    }
}

/// `v1,…` for each secret, separated by spaces: while a secret is rolled, receivers know either.
///
/// No crate: `standardwebhooks` had its one release in 2024 and would add a second base64 and HMAC for these lines.
fn signature(secrets: &[HookSecret], id: &str, at: i64, body: &str) -> String {
    let one = |secret: &HookSecret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.iter().filter_map(one).collect::<Vec<_>>().join(" ")
}

/// 410 is final (Standard Webhooks). Other errors may be repaired: by a deployment, a route, a key.
fn judge(status: StatusCode) -> Delivered {
    match status {
        StatusCode::GONE => Delivered::Refused("the endpoint answered 410 and accepts no more messages".to_owned()),
        status if status.is_success() => Delivered::Accepted,
        status if status.is_redirection() => {
            Delivered::Deferred(format!("the endpoint answered {}, and redirects are not followed", status.as_u16()))
        }
        status => Delivered::Deferred(format!("the endpoint answered {}", status.as_u16())),
    }
}

/// The innermost cause, the most specific one.
fn reason(e: &(dyn std::error::Error + 'static)) -> String {
    let mut e = e;
    while let Some(inner) = e.source() {
        e = inner;
    }
    e.to_string().chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_message_is_signed_as_the_standard_shows_it() {
        // The example of the specification's own libraries.
        let secret = HookSecret::parse(SECRET).expect("a secret");
        let made = signature(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_rolled_a_message_has_both_signatures() {
        let (old, new) = (HookSecret::parse(SECRET), HookSecret::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"));
        let (old, new) = (old.expect("a secret"), new.expect("a secret"));
        let both = signature(&[old.clone(), new.clone()], "msg_1", 1, "{}");
        let each = [signature(&[old], "msg_1", 1, "{}"), signature(&[new], "msg_1", 1, "{}")];
        assert_eq!(both, each.join(" "));
    }

    #[test]
    fn a_secret_is_whole_or_refused() {
        let check = |text: &str, good: bool| assert_eq!(HookSecret::parse(text).is_ok(), good, "{text:?}");
        check(SECRET, true);
        check("", false);
        check("whsec_", false);
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZI", false);
        check("whsec_Mf KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false);
        check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false);
        check(&format!("whsec_{}", STANDARD.encode([7; 65])), false);
    }

    #[test]
    fn an_address_is_http_and_has_no_password() {
        let check = |text: &str, good: bool| assert_eq!(address(text).is_ok(), good, "{text:?}");
        check("https://api.gleaner.example/hooks/topup", true);
        check("http://10.0.0.7:8080/hooks?from=topup", true);
        check("", false);
        check("api.gleaner.example", false);
        check("ftp://api.gleaner.example", false);
        check("https://user:password@api.gleaner.example", false);
    }

    #[test]
    fn only_a_2xx_is_a_delivery() {
        let check = |status: u16, want: fn(&Delivered) -> bool| {
            let judged = judge(StatusCode::from_u16(status).expect("a status"));
            assert!(want(&judged), "{status}: {judged:?}");
        };
        check(200, |judged| *judged == Delivered::Accepted);
        check(204, |judged| *judged == Delivered::Accepted);
        check(302, |judged| matches!(judged, Delivered::Deferred(_)));
        check(401, |judged| matches!(judged, Delivered::Deferred(_)));
        check(410, |judged| matches!(judged, Delivered::Refused(_)));
        check(500, |judged| matches!(judged, Delivered::Deferred(_)));
    }

    #[tokio::test]
    async fn a_silent_endpoint_times_out() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = address(&format!("http://{}/", silent.local_addr().expect("an address"))).expect("a URL");
        let secret = HookSecret::parse(SECRET).expect("a secret");
        let hook = Hook::with_timeout(url, vec![secret], Duration::from_millis(50));
        let delivered = hook.send("msg_1", Instant::UNIX_EPOCH, "{}", None).await;
        assert_eq!(delivered, Delivered::Deferred("the endpoint did not answer in time".to_owned()));
    }

    #[tokio::test]
    async fn an_unreachable_endpoint_is_retried() {
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = address(&format!("http://{}/", gone.local_addr().expect("an address"))).expect("a URL");
        drop(gone);
        let hook = Hook::new(url, vec![HookSecret::parse(SECRET).expect("a secret")]);
        let delivered = hook.send("msg_1", Instant::UNIX_EPOCH, "{}", None).await;
        assert!(matches!(&delivered, Delivered::Deferred(reason) if reason.contains("reached")), "{delivered:?}");
    }
}
