//! The webhook's signature and the envelope of an event.
//!
//! `Stripe-Signature` (scheme `v1`: HMAC-SHA256 over `"{t}.{body}"`) is checked on the raw bytes before anything is
//! parsed. An empty secret accepts nothing, and comparisons take constant time. `async-stripe-webhook` parses the whole
//! event, so a changed field at Stripe would refuse a paid session. The object itself is fetched, never read from the body.

use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// The tolerance of a signature's time, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;

/// The most `v1` signatures: Stripe sends one for each secret of an endpoint, two while one is rolled.
const SIGNATURES_MAX: usize = 16;

/// The fields that are read of a verified event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `evt_…`
    pub id: String,
    /// Stripe's `type`, such as `checkout.session.completed`.
    pub kind: String,
    /// Unix seconds.
    pub created: i64,
    /// Real money moves.
    pub livemode: bool,
    /// `data.object.id`; a few kinds of object have none.
    pub object_id: Option<String>,
}

/// The reason why an event is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The header is absent, cut or of another scheme.
    #[error("the Stripe-Signature header is malformed")]
    Header,
    /// No secret fits the signature.
    #[error("the signature does not match")]
    Signature,
    /// The signature is too old or ahead: perhaps a replay.
    #[error("the signature's time is more than {TOLERANCE_SECONDS} seconds away")]
    Timestamp,
    /// Signed, but not an event.
    #[error("the body is not an event")]
    Body,
}

/// Verifies `header` over `body` against each of `secrets` and reads the event's envelope.
///
/// `now_unix` is the real clock, never the test clock: the tolerance guards against replays.
///
/// # Errors
/// See [`WebhookError`]; the signature is checked before its time and body, so that only holders of a secret learn
/// about those.
pub fn verify_signature(
    secrets: &[String],
    header: &str,
    body: &[u8],
    now_unix: i64,
) -> Result<Envelope, WebhookError> {
    let signed = Signed::parse(header).ok_or(WebhookError::Header)?;
    let mut matches = Choice::from(0);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let Some(expected) = hmac_digest(secret, signed.time, body) else { continue };
        for signature in &signed.signatures {
            matches |= expected.as_slice().ct_eq(signature);
        }
    }
    if !bool::from(matches) {
        return Err(WebhookError::Signature);
    }
    if signed.time.abs_diff(now_unix) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(WebhookError::Timestamp);
    }
    envelope(body)
}

/// Signs `body`: the value of a `Stripe-Signature` header, for the sandbox and tests.
pub fn sign_payload(secret: &str, now_unix: i64, body: &[u8]) -> String {
    let signature = hmac_digest(secret, now_unix, body).map(hex::encode).unwrap_or_default();
    format!("t={now_unix},v1={signature}")
}

struct Signed {
    time: i64,
    signatures: Vec<Vec<u8>>,
}

impl Signed {
    /// `t=1700000000,v1=6f…,v1=9a…,v0=…`: one time, some `v1`; other schemes are ignored.
    fn parse(header: &str) -> Option<Signed> {
        let mut time = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            match name {
                // Digits only, so that the number, written again, is what was signed.
                "t" if time.is_none() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                    time = Some(value.parse().ok()?);
                }
                "t" => return None,
                "v1" if signatures.len() < SIGNATURES_MAX => signatures.push(hex::decode(value).ok()?),
                "v1" => return None,
                _ => {}
            }
        }
        (!signatures.is_empty()).then_some(Signed { time: time?, signatures })
    }
}

fn hmac_digest(secret: &str, time: i64, body: &[u8]) -> Option<Vec<u8>> {
    // HMAC takes a key of any length; the type cannot say so.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac.finalize().into_bytes().to_vec())
}

fn envelope(body: &[u8]) -> Result<Envelope, WebhookError> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(default)]
        object: Option<String>,
        id: String,
        r#type: String,
        created: i64,
        livemode: bool,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        object: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        #[serde(default)]
        id: Option<String>,
    }
    let event: Event = serde_json::from_slice(body).map_err(|_| WebhookError::Body)?;
    if event.object.is_some_and(|object| object != "event") || event.id.is_empty() {
        return Err(WebhookError::Body);
    }
    // Ids and kinds are words of Stripe's. PostgreSQL takes no NUL: such an event would fail for ever.
    let words = [Some(&event.id), Some(&event.r#type), event.data.object.id.as_ref()];
    if words.into_iter().flatten().any(|word| word.contains(char::is_control)) {
        return Err(WebhookError::Body);
    }
    Ok(Envelope {
        id: event.id,
        kind: event.r#type,
        created: event.created,
        livemode: event.livemode,
        object_id: event.data.object.id,
    })
}

#[cfg(test)]
mod tests;
