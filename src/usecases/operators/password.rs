//! Passwords: Argon2id by the `argon2` library, with its own defaults (19 MiB, two passes).
//!
//! Invariant: a hash is computed on a blocking thread, and few at once: whoever guesses fills neither the runtime nor
//! the memory.

use super::super::Fault;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use std::sync::OnceLock;
use tokio::sync::Semaphore;

/// How short a password may be, in characters; and how long, in bytes.
pub const CHARS_MIN: usize = 12;
const BYTES_MAX: usize = 256;
/// How many hashes are computed at once, and how many tries wait for that.
const AT_ONCE_MAX: usize = 2;
const WAITING_MAX: usize = 16;

static AT_ONCE: Semaphore = Semaphore::const_new(AT_ONCE_MAX);
static WAITING: Semaphore = Semaphore::const_new(WAITING_MAX);
/// What a password of nobody is compared with, so that nobody takes as long as somebody.
static NOBODY: OnceLock<String> = OnceLock::new();

/// Why a password is none.
///
/// # Errors
/// The reason, in a sentence.
pub fn check(password: &str) -> Result<(), String> {
    if password.chars().count() < CHARS_MIN {
        return Err(format!("a password has {CHARS_MIN} characters or more"));
    }
    if password.len() > BYTES_MAX {
        return Err(format!("a password has at most {BYTES_MAX} bytes"));
    }
    Ok(())
}

/// The hash of a password, as a PHC string.
///
/// # Errors
/// [`Fault`].
pub async fn hash(password: String) -> Result<String, Fault> {
    tokio::task::spawn_blocking(move || hash_now(&password)).await.map_err(broken)?
}

fn hash_now(password: &str) -> Result<String, Fault> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(broken)?;
    let salt = SaltString::encode_b64(&salt).map_err(broken)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(broken)?.to_string())
}

/// Whether the password fits; nothing where too many wait already. Of nobody (`None`) none does, after as long.
///
/// # Errors
/// [`Fault`].
pub async fn fits(password: String, hash: Option<String>) -> Result<Option<bool>, Fault> {
    if password.len() > BYTES_MAX {
        return Ok(Some(false));
    }
    let Ok(_waits) = WAITING.try_acquire() else { return Ok(None) };
    let _one = AT_ONCE.acquire().await.map_err(broken)?;
    tokio::task::spawn_blocking(move || fits_now(&password, hash.as_deref()).map(Some)).await.map_err(broken)?
}

fn fits_now(password: &str, hash: Option<&str>) -> Result<bool, Fault> {
    let nobody = match NOBODY.get() {
        Some(nobody) => nobody,
        None => NOBODY.get_or_init(|| hash_now("nobody has this one").unwrap_or_default()),
    };
    let parsed = PasswordHash::new(hash.unwrap_or(nobody)).map_err(broken)?;
    Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some())
}

fn broken(e: impl std::fmt::Display) -> Fault {
    Fault::Broken(format!("password: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let stored = hash("correct horse battery".to_owned()).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash("correct horse battery".to_owned()).await.expect("a hash"), "salted");
        let check = async |word: &str, hash: Option<String>| fits(word.to_owned(), hash).await.expect("an answer");
        assert_eq!(check("correct horse battery", Some(stored.clone())).await, Some(true));
        assert_eq!(check("Correct horse battery", Some(stored.clone())).await, Some(false));
        assert_eq!(check(&"x".repeat(100_000), Some(stored)).await, Some(false));
        assert_eq!(check("nobody has this one", None).await, Some(false), "nobody has no password");
    }

    #[test]
    fn a_password_is_long_enough_and_not_endless() {
        assert!(check("twelve chars").is_ok());
        assert!(check("short").is_err());
        assert!(check("ééééééééééé").is_err(), "characters are counted, not bytes");
        assert!(check(&"x".repeat(257)).is_err());
    }
}
