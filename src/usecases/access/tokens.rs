//! Tokens of links and sessions.

use crate::usecases::InternalError;
use sha2::{Digest, Sha256};

/// SHA-256 of a token: what the store keeps.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// 32 random bytes as text.
pub(crate) fn new_token() -> Result<String, InternalError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    Ok(hex::encode(bytes))
}
