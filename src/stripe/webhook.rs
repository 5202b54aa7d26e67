//! The webhook's signature, and the little that is believed of an event.
//!
//! Owns: `Stripe-Signature` (scheme `v1`: HMAC-SHA256 over `"{t}.{body}"`), checked on the raw bytes before
//! anything is parsed. Invariants: an empty secret never accepts; secrets and signatures are compared in
//! constant time; no input panics. `async-stripe-webhook` is not used: it types the whole event, so that
//! one new field shape at Stripe would turn a paid session away.
//!
//! Not here: the inbox, the mode check (live, test), what an event causes: the object is fetched through
//! the client, never taken from the body.

use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

/// How far a signature's time may be from ours, in seconds, either way.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Stripe sends one `v1` for each live secret of an endpoint, two while one is rolled.
const SIGNATURES_MAX: usize = 16;

/// What is read from a verified event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `evt_…`
    pub id: String,
    /// Stripe's `type`, such as `checkout.session.completed`.
    pub kind: String,
    /// Unix seconds.
    pub created: i64,
    /// Whether real money is meant.
    pub livemode: bool,
    /// `data.object.id`; a few kinds of object have none.
    pub object_id: Option<String>,
}

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The header is absent, cut or of another scheme.
    #[error("the Stripe-Signature header is malformed")]
    Header,
    /// No secret of ours made this signature over these bytes.
    #[error("the signature does not match")]
    Signature,
    /// Signed by us or by Stripe, but too long ago or ahead: perhaps a replay.
    #[error("the signature's time is more than {TOLERANCE_SECONDS} seconds away")]
    Timestamp,
    /// Signed, and not an event.
    #[error("the body is not an event")]
    Body,
}

/// Verifies `header` over `body` against each of `secrets` and reads the event's envelope.
///
/// `now_unix` is the real clock, never the test clock: the tolerance guards against replays.
///
/// # Errors
/// See [`WebhookError`]; the signature is judged before its time and its body, so that only who holds a
/// secret learns about those.
pub fn verify(secrets: &[String], header: &str, body: &[u8], now_unix: i64) -> Result<Envelope, WebhookError> {
    let signed = Signed::parse(header).ok_or(WebhookError::Header)?;
    let mut matches = Choice::from(0);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let Some(expected) = digest(secret, signed.time, body) else { continue };
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

/// Signs `body` as Stripe would: the value of a `Stripe-Signature` header. For the sandbox and tests.
pub fn sign(secret: &str, now_unix: i64, body: &[u8]) -> String {
    let signature = digest(secret, now_unix, body).map(hex::encode).unwrap_or_default();
    format!("t={now_unix},v1={signature}")
}

struct Signed {
    time: i64,
    signatures: Vec<Vec<u8>>,
}

impl Signed {
    /// `t=1700000000,v1=6f…,v1=9a…,v0=…`: one time, some `v1`; other schemes are Stripe's to add.
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

fn digest(secret: &str, time: i64, body: &[u8]) -> Option<Vec<u8>> {
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
        object: String,
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
    if event.object != "event" || event.id.is_empty() {
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
mod tests {
    use proptest::prelude::*;

    use super::{Envelope, WebhookError, sign, verify};

    const NOW: i64 = 1_790_000_000;
    const SECRET: &str = "whsec_first";
    const BODY: &[u8] = br#"{"id":"evt_1","object":"event","type":"checkout.session.completed",
        "created":1790000000,"livemode":false,"data":{"object":{"id":"cs_test_1","object":"checkout.session"}}}"#;

    fn check(secrets: &[&str], header: &str, body: &[u8], expected: Result<&str, WebhookError>) {
        let secrets: Vec<_> = secrets.iter().map(ToString::to_string).collect();
        let result = verify(&secrets, header, body, NOW);
        assert_eq!(result.map(|envelope| envelope.id), expected.map(str::to_owned), "{header}");
    }

    #[test]
    fn a_signed_event_is_accepted_and_its_envelope_read() {
        let header = sign(SECRET, NOW, BODY);
        let envelope = verify(&[SECRET.to_owned()], &header, BODY, NOW);
        let expected = Envelope {
            id: "evt_1".into(),
            kind: "checkout.session.completed".into(),
            created: NOW,
            livemode: false,
            object_id: Some("cs_test_1".into()),
        };
        assert_eq!(envelope, Ok(expected));
    }

    #[test]
    fn the_signature_is_the_one_that_the_library_makes() {
        let text = std::str::from_utf8(BODY).expect("text");
        let theirs = stripe_webhook::Webhook::generate_test_header(text, SECRET, Some(NOW));
        assert_eq!(sign(SECRET, NOW, BODY), theirs);
    }

    #[test]
    fn a_tampered_body_is_refused() {
        let header = sign(SECRET, NOW, BODY);
        let mut body = BODY.to_vec();
        body.push(b' ');
        check(&[SECRET], &header, &body, Err(WebhookError::Signature));
    }

    #[test]
    fn a_signature_from_another_time_is_refused_both_ways() {
        for (time, expected) in [
            (NOW - 300, Ok("evt_1")),
            (NOW + 300, Ok("evt_1")),
            (NOW - 301, Err(WebhookError::Timestamp)),
            (NOW + 301, Err(WebhookError::Timestamp)),
            (0, Err(WebhookError::Timestamp)),
        ] {
            check(&[SECRET], &sign(SECRET, time, BODY), BODY, expected);
        }
    }

    #[test]
    fn a_moved_time_breaks_the_signature() {
        let header = sign(SECRET, NOW - 1000, BODY).replace(&(NOW - 1000).to_string(), &NOW.to_string());
        check(&[SECRET], &header, BODY, Err(WebhookError::Signature));
    }

    #[test]
    fn another_secret_is_refused() {
        check(&["whsec_other"], &sign(SECRET, NOW, BODY), BODY, Err(WebhookError::Signature));
        check(&[], &sign(SECRET, NOW, BODY), BODY, Err(WebhookError::Signature));
    }

    #[test]
    fn either_of_two_secrets_serves_while_one_is_rolled() {
        for secret in ["whsec_old", "whsec_new"] {
            check(&["whsec_old", "whsec_new"], &sign(secret, NOW, BODY), BODY, Ok("evt_1"));
        }
        let both = format!("{},{}", sign("whsec_gone", NOW, BODY), &sign(SECRET, NOW, BODY)[13..]);
        check(&[SECRET], &both, BODY, Ok("evt_1"));
    }

    #[test]
    fn an_empty_secret_accepts_nothing() {
        check(&[""], &sign("", NOW, BODY), BODY, Err(WebhookError::Signature));
    }

    #[test]
    fn a_malformed_header_is_refused() {
        let good = sign(SECRET, NOW, BODY);
        let v1 = &good[good.find("v1").expect("a signature")..];
        let many = format!("t={NOW}{}", format!(",{v1}").repeat(17));
        for header in [
            "",
            ",",
            "t",
            "t=",
            "v1=",
            v1,
            &format!("t={NOW}"),
            &format!("t=+{NOW},{v1}"),
            &format!("t=-1,{v1}"),
            &format!("t={NOW},v1=xyz"),
            &format!("t={NOW},t={NOW},{v1}"),
            &format!("t=99999999999999999999,{v1}"),
            &good.replace("v1", "v0"),
            &many,
        ] {
            check(&[SECRET], header, BODY, Err(WebhookError::Header));
        }
    }

    #[test]
    fn a_cut_signature_is_refused() {
        let good = sign(SECRET, NOW, BODY);
        check(&[SECRET], &good[..good.len() - 2], BODY, Err(WebhookError::Signature));
        check(&[SECRET], &format!("t={NOW},v1="), BODY, Err(WebhookError::Signature));
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_refused() {
        let bodies: [&[u8]; 6] = [
            b"",
            b"{",
            b"null",
            b"\xff\xfe",
            br#"{"id":"evt_1"}"#,
            br#"{"id":"evt_1","object":"v2.core.event","type":"a","created":1,"livemode":false,"data":{"object":{}}}"#,
        ];
        for body in bodies {
            check(&[SECRET], &sign(SECRET, NOW, body), body, Err(WebhookError::Body));
        }
    }

    #[test]
    fn an_object_without_an_id_is_an_event_too() {
        let body = br#"{"id":"evt_1","object":"event","type":"balance.available","created":1,"livemode":false,
            "data":{"object":{"object":"balance"}}}"#;
        let envelope = verify(&[SECRET.to_owned()], &sign(SECRET, NOW, body), body, NOW);
        assert_eq!(envelope.map(|envelope| envelope.object_id), Ok(None));
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_panics_or_is_believed(header in ".{0,80}", body: Vec<u8>, now: i64) {
            prop_assert!(verify(&[SECRET.to_owned()], &header, &body, now).is_err());
        }

        #[test]
        fn a_header_of_the_right_shape_does_not_panic(time: i64, v1 in "[0-9a-f]{0,70}", now: i64) {
            let header = format!("t={time},v1={v1}");
            prop_assert!(verify(&[SECRET.to_owned()], &header, BODY, now).is_err());
        }

        #[test]
        fn any_signed_bytes_are_judged_without_a_panic(body: Vec<u8>) {
            let header = sign(SECRET, NOW, &body);
            prop_assert_eq!(verify(&[SECRET.to_owned()], &header, &body, NOW), Err(WebhookError::Body));
        }
    }
}
