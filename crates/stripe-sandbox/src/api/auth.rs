//! The caller's API key, as the user name of Basic authentication or as a Bearer token.

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq;

use crate::error::{ApiError, Result};

/// Padding is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Accepts `key` and refuses all else with Stripe's messages.
pub(super) fn check(authorization: Option<&HeaderValue>, key: &str) -> Result<()> {
    let absent = "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                  Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
    let given = authorization.and_then(|header| header.to_str().ok()).and_then(given_key);
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| ApiError::unauthorized(absent))?;
    if bool::from(given.as_bytes().ct_eq(key.as_bytes())) {
        return Ok(());
    }
    Err(ApiError::unauthorized(format!("Invalid API Key provided: {}", masked(&given))))
}

fn given_key(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(rest.trim()).ok()?).ok()?;
    Some(decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user).to_owned())
}

/// `sk_test_…wxyz`, which is safe to log.
fn masked(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    if letters.len() < 16 {
        return "*".repeat(letters.len());
    }
    let (head, tail) = (letters.iter().take(8), letters.iter().skip(letters.len() - 4));
    head.copied().chain(std::iter::repeat_n('*', letters.len() - 12)).chain(tail.copied()).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::check;

    const KEY: &str = "sk_test_sandbox";

    fn accepts(header: &str) -> bool {
        check(Some(&HeaderValue::from_str(header).expect("a header")), KEY).is_ok()
    }

    #[test]
    fn the_key_comes_as_basic_or_as_bearer() {
        assert!(accepts("Bearer sk_test_sandbox"));
        assert!(accepts("bearer  sk_test_sandbox"));
        assert!(accepts("Basic c2tfdGVzdF9zYW5kYm94Og==")); // with a colon and no password
        assert!(accepts("Basic c2tfdGVzdF9zYW5kYm94"));
    }

    #[test]
    fn other_keys_are_refused() {
        for header in ["Bearer sk_test_other", "Bearer ", "Basic !", "Digest sk_test_sandbox", "sk_test_sandbox", ""] {
            assert!(!accepts(header), "{header}");
        }
        assert!(check(None, KEY).is_err());
    }

    #[test]
    fn a_refused_key_is_masked() {
        let header = HeaderValue::from_static("Bearer sk_test_1234567890abcdef");
        let error = check(Some(&header), KEY).expect_err("refused");
        assert_eq!(error.message, "Invalid API Key provided: sk_test_************cdef");
    }

    proptest! {
        #[test]
        fn any_text_is_decoded_or_refused(text in "[ -~]{0,40}") {
            let header = format!("Basic {text}");
            prop_assert!(!accepts(&header));
        }
    }
}
