//! Signatures that are accepted and refused, without a panic.

use proptest::prelude::*;

use crate::stripe::webhook::{Envelope, WebhookError, sign_payload, verify_signature};

const NOW: i64 = 1_790_000_000;
const SECRET: &str = "whsec_first";
const BODY: &[u8] = br#"{"id":"evt_1","object":"event","type":"checkout.session.completed",
    "created":1790000000,"livemode":false,"data":{"object":{"id":"cs_test_1","object":"checkout.session"}}}"#;

fn check(secrets: &[&str], header: &str, body: &[u8], expected: Result<&str, WebhookError>) {
    let secrets: Vec<_> = secrets.iter().map(ToString::to_string).collect();
    let result = verify_signature(&secrets, header, body, NOW);
    assert_eq!(result.map(|envelope| envelope.id), expected.map(str::to_owned), "{header}");
}

#[test]
fn a_signed_event_is_accepted_and_its_envelope_read() {
    let header = sign_payload(SECRET, NOW, BODY);
    let envelope = verify_signature(&[SECRET.to_owned()], &header, BODY, NOW);
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
fn the_signature_is_the_one_that_another_program_makes() {
    // Python: hmac.new(b"whsec_first", b"1790000000." + BODY, hashlib.sha256).hexdigest()
    let theirs = "770b6923a3dc26a1c5b5272c18bcd0ad5317fce9ae551d5eace28ed482a09297";
    assert_eq!(sign_payload(SECRET, NOW, BODY), format!("t={NOW},v1={theirs}"));
}

#[test]
fn a_tampered_body_is_refused() {
    let header = sign_payload(SECRET, NOW, BODY);
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
        check(&[SECRET], &sign_payload(SECRET, time, BODY), BODY, expected);
    }
}

#[test]
fn a_moved_time_breaks_the_signature() {
    let header = sign_payload(SECRET, NOW - 1000, BODY).replace(&(NOW - 1000).to_string(), &NOW.to_string());
    check(&[SECRET], &header, BODY, Err(WebhookError::Signature));
}

#[test]
fn another_secret_is_refused() {
    check(&["whsec_other"], &sign_payload(SECRET, NOW, BODY), BODY, Err(WebhookError::Signature));
    check(&[], &sign_payload(SECRET, NOW, BODY), BODY, Err(WebhookError::Signature));
}

#[test]
fn either_of_two_secrets_serves_while_one_is_rolled() {
    for secret in ["whsec_old", "whsec_new"] {
        check(&["whsec_old", "whsec_new"], &sign_payload(secret, NOW, BODY), BODY, Ok("evt_1"));
    }
    let both = format!("{},{}", sign_payload("whsec_gone", NOW, BODY), &sign_payload(SECRET, NOW, BODY)[13..]);
    check(&[SECRET], &both, BODY, Ok("evt_1"));
}

#[test]
fn an_empty_secret_accepts_nothing() {
    check(&[""], &sign_payload("", NOW, BODY), BODY, Err(WebhookError::Signature));
}

#[test]
fn a_malformed_header_is_refused() {
    let good = sign_payload(SECRET, NOW, BODY);
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
    let good = sign_payload(SECRET, NOW, BODY);
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
        check(&[SECRET], &sign_payload(SECRET, NOW, body), body, Err(WebhookError::Body));
    }
}

#[test]
fn an_event_with_nul_is_refused() {
    let text = std::str::from_utf8(BODY).expect("text");
    for word in ["evt_1", "checkout.session.completed", "cs_test_1"] {
        for odd in ["\\u0000", "\\n", "\\u0085"] {
            let body = text.replacen(word, &format!("{word}{odd}"), 1).into_bytes();
            check(&[SECRET], &sign_payload(SECRET, NOW, &body), &body, Err(WebhookError::Body));
        }
    }
}

#[test]
fn an_object_without_an_id_is_an_event_too() {
    let body = br#"{"id":"evt_1","object":"event","type":"balance.available","created":1,"livemode":false,
        "data":{"object":{"object":"balance"}}}"#;
    let envelope = verify_signature(&[SECRET.to_owned()], &sign_payload(SECRET, NOW, body), body, NOW);
    assert_eq!(envelope.map(|envelope| envelope.object_id), Ok(None));
}

proptest! {
    #[test]
    fn nothing_that_arrives_panics_or_is_believed(header in ".{0,80}", body: Vec<u8>, now: i64) {
        prop_assert!(verify_signature(&[SECRET.to_owned()], &header, &body, now).is_err());
    }

    #[test]
    fn a_header_of_the_right_shape_does_not_panic(time: i64, v1 in "[0-9a-f]{0,70}", now: i64) {
        let header = format!("t={time},v1={v1}");
        prop_assert!(verify_signature(&[SECRET.to_owned()], &header, BODY, now).is_err());
    }

    #[test]
    fn any_signed_bytes_are_judged_without_a_panic(body: Vec<u8>) {
        let header = sign_payload(SECRET, NOW, &body);
        prop_assert_eq!(verify_signature(&[SECRET.to_owned()], &header, &body, NOW), Err(WebhookError::Body));
    }
}
