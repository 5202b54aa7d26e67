//! A new API key, made of a seed that its form carries.
//!
//! A form that is sent twice makes one key, and the page after it shows the key once, without a copy of it anywhere.

use crate::usecases::InternalError;
use crate::usecases::access::portal::Viewer;
use crate::web::form_signature::keyed;
use hmac::Mac;

/// The random bytes of a seed.
const SEED_BYTES: usize = 32;

/// A seed for a new key: random bytes, for the form and a short-lived cookie alone.
///
/// # Errors
/// The system gives no random bytes.
pub fn key_seed() -> Result<String, InternalError> {
    let mut seed = [0_u8; SEED_BYTES];
    getrandom::fill(&mut seed).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    Ok(hex::encode(seed))
}

/// The key that a seed makes in this session; `None` for a text that is no seed.
#[must_use]
pub fn api_key(secret: &[u8], viewer: &Viewer, seed: &str) -> Option<String> {
    let seed = hex::decode(seed).ok().filter(|seed| seed.len() == SEED_BYTES)?;
    let mut code = keyed(secret);
    code.update(b"topup api key 1\0");
    code.update(&viewer.customer_no.to_be_bytes());
    code.update(&viewer.session);
    code.update(&seed);
    Some(format!("tk_{}", hex::encode(code.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usecases::access::portal::Role;

    fn viewer(session: u8) -> Viewer {
        Viewer {
            customer_no: 7,
            customer: "acme".into(),
            name: "Acme Data".into(),
            timezone: "UTC".into(),
            email: None,
            role: Role::Owner,
            proven: false,
            return_url: None,
            session: [session; 32],
        }
    }

    #[test]
    fn a_seed_is_one_key_of_one_session() {
        let seed = "ab".repeat(SEED_BYTES);
        let key = api_key(b"secret", &viewer(1), &seed).expect("a key");
        assert!(key.starts_with("tk_") && key.len() == 67, "{key}");
        assert_eq!(api_key(b"secret", &viewer(1), &seed), Some(key.clone()));
        assert_ne!(api_key(b"secret", &viewer(2), &seed), Some(key.clone()));
        assert_ne!(api_key(b"other", &viewer(1), &seed), Some(key));
        for bad in ["", "ab", "no hex", &"ab".repeat(SEED_BYTES + 1)] {
            assert_eq!(api_key(b"secret", &viewer(1), bad), None, "{bad}");
        }
    }
}
