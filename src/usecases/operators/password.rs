//! Passwords: Argon2id by the `argon2` library, with its own defaults (19 MiB, two passes).
//!
//! Invariant: a hash is computed on a blocking thread, few at once and at a bounded pace: whoever guesses fills neither
//! the runtime, nor the memory, nor the processors. An operator's own browser is not behind those who guess
//! ([`PasswordGates`]).

use crate::usecases::InternalError;
use crate::usecases::app::PasswordGates;
use crate::usecases::operators::common;
use crate::usecases::operators::second_factor::{Encrypted, Secret, factor_error};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use std::sync::OnceLock;

/// How short a password may be, in characters; and how long, in bytes.
pub const CHARS_MIN: usize = 12;
const BYTES_MAX: usize = 256;

/// The hash that the password of an unknown address is compared with, so that both take equally long.
static NOBODY: OnceLock<String> = OnceLock::new();

/// Why a password is none.
///
/// # Errors
/// The reason, in a sentence.
pub fn check_password(password: &str) -> Result<(), String> {
    if password.chars().count() < CHARS_MIN {
        return Err(format!("a password has {CHARS_MIN} characters or more"));
    }
    if password.len() > BYTES_MAX {
        return Err(format!("a password has at most {BYTES_MAX} bytes"));
    }
    if common::is_common(password) {
        return Err("this is one of the commonest passwords, or little more; choose another".to_owned());
    }
    Ok(())
}

/// The hash of a password, as a PHC string.
pub async fn hash_password(password: String) -> Result<String, InternalError> {
    tokio::task::spawn_blocking(move || hash_now(&password)).await.map_err(factor_error)?
}

fn hash_now(password: &str) -> Result<String, InternalError> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(factor_error)?;
    let salt = SaltString::encode_b64(&salt).map_err(factor_error)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(factor_error)?.to_string())
}

/// The stored credentials of an account.
#[derive(Clone, Debug)]
pub struct StoredPassword {
    /// The password's hash.
    pub hash: String,
    /// The second factor, where there is one.
    pub factor: Option<Encrypted>,
}

/// True if a password fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordFit {
    /// It does not. It fits nobody's account, after as long.
    No,
    /// It does; the secret of the second factor, where there is one.
    Yes(Option<Secret>),
    /// It was not looked at: too many wait.
    Busy,
}

/// True if `password` is that of an account; `None` stands for an unknown account.
pub async fn password_fits(
    gates: &PasswordGates,
    password: String,
    stored: Option<StoredPassword>,
    is_known: bool,
) -> Result<PasswordFit, InternalError> {
    if password.len() > BYTES_MAX {
        return Ok(PasswordFit::No);
    }
    let Some(_permit) = gates.enter(is_known).await.map_err(factor_error)? else { return Ok(PasswordFit::Busy) };
    tokio::task::spawn_blocking(move || fits_now(&password, stored)).await.map_err(factor_error)?
}

/// Both keys are made in every case: the time of the answer tells neither whether there is an account, nor whether the
/// password was right and only the code was not.
fn fits_now(password: &str, stored: Option<StoredPassword>) -> Result<PasswordFit, InternalError> {
    let nobody = match NOBODY.get() {
        Some(nobody) => nobody,
        None => NOBODY.get_or_init(|| hash_now("nobody has this one").unwrap_or_default()),
    };
    let (is_somebody, factor) = (stored.is_some(), stored.as_ref().and_then(|stored| stored.factor.clone()));
    let parsed = PasswordHash::new(stored.as_ref().map_or(nobody, |stored| &stored.hash)).map_err(factor_error)?;
    let fits = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && is_somebody;
    let has_factor = factor.is_some();
    let secret = factor.unwrap_or_default().open(password)?;
    Ok(if fits { PasswordFit::Yes(has_factor.then_some(secret)) } else { PasswordFit::No })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let stored = hash_password("correct horse battery".to_owned()).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash_password("correct horse battery".to_owned()).await.expect("a hash"), "salted");
        let gates = PasswordGates::default();
        let check = async |word: &str, hash: Option<String>| {
            let stored = hash.map(|hash| StoredPassword { hash, factor: None });
            password_fits(&gates, word.to_owned(), stored, false).await.expect("an answer")
        };
        assert_eq!(check("correct horse battery", Some(stored.clone())).await, PasswordFit::Yes(None));
        assert_eq!(check("Correct horse battery", Some(stored.clone())).await, PasswordFit::No);
        assert_eq!(check(&"x".repeat(100_000), Some(stored)).await, PasswordFit::No);
        assert_eq!(check("nobody has this one", None).await, PasswordFit::No, "nobody has no password");
    }

    #[test]
    fn a_password_is_long_enough_and_not_endless() {
        assert!(check_password("twelve chars").is_ok());
        assert!(check_password("short").is_err());
        assert!(check_password("ééééééééééé").is_err(), "characters are counted, not bytes");
        assert!(check_password(&"x".repeat(257)).is_err());
    }

    #[test]
    fn the_commonest_passwords_are_refused() {
        for common in ["password1234", "123456789012", "Passw0rd!2026", "qwertyuiop123", "passwordpassword"] {
            assert!(check_password(common).is_err_and(|reason| reason.contains("commonest")), "{common}");
        }
    }

    #[tokio::test]
    async fn those_who_guess_do_not_keep_a_known_browser_waiting() {
        let (gates, stored) =
            (PasswordGates::default(), hash_password("correct horse battery".to_owned()).await.expect("a hash"));
        let _all: Vec<_> = (0..PasswordGates::WAITING_MAX).map(|_| gates.hold_place().expect("room")).collect();
        let try_one = async |is_known| {
            let stored = Some(StoredPassword { hash: stored.clone(), factor: None });
            password_fits(&gates, "correct horse battery".to_owned(), stored, is_known).await.expect("an answer")
        };
        assert_eq!(try_one(false).await, PasswordFit::Busy);
        assert_eq!(try_one(true).await, PasswordFit::Yes(None));
    }
}
