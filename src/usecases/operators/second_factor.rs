//! An operator's second factor: codes by time (TOTP, RFC 6238) from an app, and recovery codes for when the app is
//! gone.
//!
//! Invariants: of the secret the database has an encrypted form alone, whose key Argon2id makes of the operator's
//! password, so that a copy of the database opens nothing. Recovery codes are kept as SHA-256. A code is taken once: of
//! a step of time, and of those before it, no second one (`Proof::take`).
//!
//! *Not here:* when a code is asked for (`sign_in`), how an account comes to have one (`enrolment`).

use crate::args;
use crate::domain::Instant;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::InternalError;
use argon2::Argon2;
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};

/// Bytes of a secret: as many as SHA-1, which every app knows, makes use of.
pub const SECRET_BYTES: usize = 20;
/// How many recovery codes an account gets.
pub const CODES: usize = 10;
/// Random bytes of a recovery code.
const CODE_BYTES: usize = 10;

/// An error of the libraries for passwords and codes.
pub(crate) fn factor_error(e: impl std::fmt::Display) -> InternalError {
    InternalError::Broken(format!("password: {e}"))
}

/// The secret that an app and the product share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub(crate) [u8; SECRET_BYTES]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// [`InternalError`] where there are no random bytes.
    pub fn new() -> Result<Self, InternalError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(factor_error)?;
        Ok(Self(bytes))
    }

    /// As an app takes it in: `otpauth://totp/…`.
    ///
    /// # Errors
    /// [`InternalError`] where the library refuses.
    pub fn url(&self, shop: &str, email: &str) -> Result<String, InternalError> {
        // A colon divides shop and account.
        let plain = |text: &str| text.replace(':', " ");
        let builder = self.builder().with_issuer(Some(plain(shop))).with_account_name(plain(email));
        builder.build().and_then(|totp| totp.to_url()).map_err(factor_error)
    }

    /// As a person types it into an app: groups of four.
    ///
    /// # Errors
    /// [`InternalError`] where the library refuses.
    pub fn typed(&self) -> Result<String, InternalError> {
        let base32: Vec<char> = self.totp()?.secret().to_base32().chars().collect();
        Ok(base32.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" "))
    }

    /// The step of time whose code this is, if it is one of now, or of the step before or after.
    ///
    /// # Errors
    /// [`InternalError`] where the library refuses.
    pub fn step_of(&self, code: &str, now: Instant) -> Result<Option<i64>, InternalError> {
        let Ok(seconds) = u64::try_from(now.timestamp()) else { return Ok(None) };
        Ok(self.totp()?.check(code, seconds).and_then(|step| i64::try_from(step).ok()))
    }

    fn totp(&self) -> Result<Totp, InternalError> {
        self.builder().build().map_err(factor_error)
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(totp_rs::Secret::new(Box::new(self.0))).with_skew(1)
    }

    /// As the database keeps it.
    pub(crate) fn encrypt(&self, password: &str) -> Result<Encrypted, InternalError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(factor_error)?;
        let Self(secret) = Encrypted { salt, secret: self.0 }.open(password)?;
        Ok(Encrypted { salt, secret })
    }
}

/// A secret as the database keeps it: every bit of it turned or not by a key of the same length, which is made of the
/// password and of this salt, and is used for nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encrypted {
    /// Random, new for each secret.
    pub(crate) salt: [u8; 16],
    /// Its bytes.
    pub(crate) secret: [u8; SECRET_BYTES],
}

impl Encrypted {
    /// The secret, if the password is right; else some other bytes. Costs as much as comparing a password.
    pub(crate) fn open(&self, password: &str) -> Result<Secret, InternalError> {
        let mut bytes = [0; SECRET_BYTES];
        Argon2::default().hash_password_into(password.as_bytes(), &self.salt, &mut bytes).map_err(factor_error)?;
        bytes.iter_mut().zip(self.secret).for_each(|(byte, kept)| *byte ^= kept);
        Ok(Secret(bytes))
    }

    /// Of a row with `totp_salt` and `totp_secret`; none where the account has no second factor.
    ///
    /// # Errors
    /// A row that is not as it should be.
    pub(crate) fn of(row: &Row) -> Result<Option<Self>, DbError> {
        if row.opt_blob("totp_secret")?.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { salt: row.bytes("totp_salt")?, secret: row.bytes("totp_secret")? }))
    }
}

/// Recovery codes as a person reads them.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCodes(pub Vec<String>);

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCodes")
    }
}

impl RecoveryCodes {
    /// New ones, of random bytes that `fill` gives.
    ///
    /// # Errors
    /// Those of `fill`.
    pub(crate) fn new(
        mut fill: impl FnMut(usize, &mut [u8]) -> Result<(), InternalError>,
    ) -> Result<Self, InternalError> {
        let code = |n| {
            let mut bytes = [0; CODE_BYTES];
            fill(n, &mut bytes)?;
            let hex: Vec<char> = hex::encode(bytes).chars().collect();
            Ok(hex.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-"))
        };
        Ok(Self((0..CODES).map(code).collect::<Result<_, InternalError>>()?))
    }

    pub(crate) fn hashes(&self) -> Vec<[u8; 32]> {
        self.0.iter().map(|code| code_hash(code)).collect()
    }
}

/// The hash of a recovery code, however it is written.
fn code_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Sha256::digest(plain.to_ascii_lowercase()).into()
}

/// The proof of a second factor, to be checked in the transaction that acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The account has no second factor.
    None,
    /// The code of a step of time.
    Step(i64),
    /// A text that may be a recovery code.
    Recovery([u8; 32]),
}

impl Proof {
    /// A typed text against a secret; `None` if it cannot be a code.
    pub(crate) fn of(typed: &str, secret: Option<Secret>, now: Instant) -> Result<Option<Self>, InternalError> {
        let Some(secret) = secret else { return Ok(Some(Self::None)) };
        let plain: String = typed.chars().filter(|c| !c.is_whitespace()).take(64).collect();
        Ok(match plain.len() {
            6 => secret.step_of(&plain, now)?.map(Self::Step),
            0 => None,
            _ => Some(Self::Recovery(code_hash(&plain))),
        })
    }

    /// Takes it, so that it cannot be taken again; whether it was good. The account is locked by what is written.
    pub(crate) async fn take(self, db: &mut Connection, operator_no: i64, now: Instant) -> Result<bool, DbError> {
        let taken = match self {
            Self::None => {
                let sql = "update operators set totp_step = null where no = $1 and totp_secret is null";
                db.execute(sql, args![operator_no]).await?
            }
            Self::Step(step) => {
                let sql = "update operators set totp_step = $1
                    where no = $2 and totp_secret is not null and (totp_step is null or totp_step < $1)";
                db.execute(sql, args![step, operator_no]).await?
            }
            Self::Recovery(hash) => {
                let sql = "update operator_recovery_codes set used_at = $1
                    where operator_no = $2 and code_hash = $3 and used_at is null";
                db.execute(sql, args![now, operator_no, hash]).await?
            }
        };
        Ok(taken > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    /// The key of RFC 6238, and one of its instants: 1111111109 s, whose six last digits are 081804.
    const SECRET: Secret = Secret(*b"12345678901234567890");
    const NOW: i64 = 1_111_111_109;

    fn step(code: &str, seconds: i64) -> Option<i64> {
        SECRET.step_of(code, from_millis(seconds * 1_000)).expect("an answer")
    }

    #[test]
    fn a_code_fits_its_own_step_and_the_two_beside_it() {
        assert_eq!(step("081804", NOW), Some(NOW / 30));
        assert_eq!(step("081804", NOW + 30), Some(NOW / 30));
        assert_eq!(step("081804", NOW - 30), Some(NOW / 30));
        assert_eq!(step("081804", NOW + 60), None);
        assert_eq!(step("081804", NOW - 60), None);
        for wrong in ["081805", "", "81804", "0818040", "08180４", "-81804"] {
            assert_eq!(step(wrong, NOW), None, "{wrong:?}");
        }
        assert_eq!(step("081804", -1), None);
    }

    #[test]
    fn a_secret_is_kept_so_that_the_password_alone_opens_it() {
        let kept = SECRET.encrypt("correct horse battery").expect("a form");
        assert_ne!(kept.secret, SECRET.0);
        assert_eq!(kept.open("correct horse battery").expect("bytes"), SECRET);
        assert_ne!(kept.open("correct horse batterY").expect("bytes"), SECRET);
        assert_ne!(SECRET.encrypt("correct horse battery").expect("a form"), kept, "salted");
    }

    #[test]
    fn an_app_can_take_it_in() {
        let url = SECRET.url("Gleaner: GmbH & Co", "grace@shop.example").expect("an address");
        let start = "otpauth://totp/Gleaner%20%20GmbH%20%26%20Co:grace%40shop%2Eexample?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert!(
            url.to_lowercase().starts_with(&start.to_lowercase()) || url.contains("secret=GEZDGNBVGY3TQOJQ"),
            "{url}"
        );
        assert_eq!(SECRET.typed().expect("text"), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_written() {
        let codes = RecoveryCodes::new(|_, bytes| getrandom::fill(bytes).map_err(factor_error)).expect("codes");
        assert_eq!(codes.0.len(), CODES);
        let code = &codes.0[0];
        assert!(code.len() == 23 && code.split('-').all(|part| part.len() == 5), "{code}");
        let loud = code.to_uppercase().replace('-', " ");
        let now = from_millis(0);
        assert_eq!(Proof::of(&loud, Some(SECRET), now).expect("an answer"), Some(Proof::Recovery(codes.hashes()[0])));
        assert_eq!(Proof::of("", Some(SECRET), now).expect("an answer"), None);
        assert_eq!(Proof::of("", None, now).expect("an answer"), Some(Proof::None));
    }
}
