//! Seals a Buy form, and makes a new API key of a seed.
//!
//! The seal of a Buy form binds the purchase's id to everything that was shown, and to the customer, session and role
//! that it was shown to (R19): HMAC-SHA-256, cut to 128 bits. A form that was drawn for another one, or changed on the
//! way, does not fit.
//!
//! A new API key is made of a seed that the form brings: sent twice it is one key, and the page that follows can show
//! it once without anybody having stored it.
//!
//! *Not here:* what binds every other form (`form_signature`).

use crate::domain::{Credits, Package, PurchaseId, Terms};
use crate::usecases::access::portal::Viewer;
use crate::usecases::{App, InternalError};
use crate::web::form_signature::keyed;
use crate::web::view::BuyForm;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How much of the code a form carries.
const BYTES: usize = 16;

/// A Buy form's fields as they came: nothing of it is believed before the seal fits.
#[derive(Clone, Debug, Default)]
pub struct SentForm {
    /// `pur_…`
    pub purchase: String,
    /// The package's id.
    pub package: String,
    /// Credits.
    pub credits: String,
    /// The price in minor units.
    pub price: String,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Months of validity.
    pub months: String,
    /// The seal.
    pub mac: String,
}

/// A form that buys `package` on these terms as a purchase of id `purchase`.
#[must_use]
pub fn form(app: &App, viewer: &Viewer, purchase: PurchaseId, package: &str, terms: Terms) -> BuyForm {
    let code = code(&app.settings.form_secret, viewer, purchase, package, &terms).finalize().into_bytes();
    let (purchase, package) = (purchase.to_string(), package.to_owned());
    BuyForm { purchase, package, terms, mac: hex::encode(&code[..BYTES]) }
}

/// A form that buys a package anew: its id is minted here.
#[must_use]
pub fn fresh(app: &App, viewer: &Viewer, package: &Package) -> BuyForm {
    form(app, viewer, PurchaseId(app.clock.mint()), &package.id, app.catalog.terms(package))
}

/// The purchase's id and the terms that were shown, if the form was drawn for this viewer and is unchanged.
#[must_use]
pub fn open(app: &App, viewer: &Viewer, form: &SentForm) -> Option<(PurchaseId, Terms)> {
    let purchase = PurchaseId::parse(&form.purchase)?;
    let terms = Terms {
        credits: Credits::parse(&form.credits).ok()?,
        amount: form.price.parse().ok()?,
        currency: form.currency.clone(),
        months: form.months.parse().ok()?,
    };
    let mac = hex::decode(&form.mac).ok().filter(|mac| mac.len() == BYTES)?;
    let code = code(&app.settings.form_secret, viewer, purchase, &form.package, &terms);
    code.verify_truncated_left(&mac).is_ok().then_some((purchase, terms))
}

/// How many random bytes a key's seed has.
const SEED_BYTES: usize = 32;

/// A seed for a key that is not made yet: random bytes, for the form and a short-lived cookie alone.
///
/// # Errors
/// [`Fault`].
pub fn key_seed() -> Result<String, InternalError> {
    let mut seed = [0_u8; SEED_BYTES];
    getrandom::fill(&mut seed).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    Ok(hex::encode(seed))
}

/// The key that a seed becomes in this session; `None` for what is no seed.
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

fn code(secret: &[u8], viewer: &Viewer, purchase: PurchaseId, package: &str, terms: &Terms) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup buy 2\0");
    code.update(&purchase.bytes());
    code.update(&viewer.customer_no.to_be_bytes());
    code.update(&viewer.session);
    code.update(&terms.credits.0.to_be_bytes());
    code.update(&terms.amount.to_be_bytes());
    code.update(&terms.months.to_be_bytes());
    // Each text with its length, so that no two forms are the same bytes.
    for text in [viewer.role.name(), terms.currency.as_str(), package] {
        code.update(&(text.len() as u64).to_be_bytes());
        code.update(text.as_bytes());
    }
    code
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

    fn terms() -> Terms {
        Terms { credits: Credits::whole(1_200), amount: 900, currency: "usd".into(), months: 12 }
    }

    fn sealed(viewer: &Viewer, package: &str, terms: &Terms) -> Vec<u8> {
        let purchase = PurchaseId::from_bytes(&[9; 16]).expect("sixteen bytes");
        code(b"secret", viewer, purchase, package, terms).finalize().into_bytes().to_vec()
    }

    #[test]
    fn a_seal_fits_one_viewer_and_the_terms_that_were_shown() {
        let seal = sealed(&viewer(1), "p1200", &terms());
        assert_eq!(seal, sealed(&viewer(1), "p1200", &terms()));
        let others = [
            Viewer { session: [2; 32], ..viewer(1) },
            Viewer { customer_no: 8, ..viewer(1) },
            Viewer { role: Role::Admin, ..viewer(1) },
        ];
        for other in others {
            assert_ne!(seal, sealed(&other, "p1200", &terms()), "{other:?}");
        }
        let changed = [
            Terms { credits: Credits::whole(1_000), ..terms() },
            Terms { amount: 1, ..terms() },
            Terms { currency: "jpy".into(), ..terms() },
            Terms { months: 6, ..terms() },
        ];
        for changed in changed {
            assert_ne!(seal, sealed(&viewer(1), "p1200", &changed), "{changed:?}");
        }
        assert_ne!(seal, sealed(&viewer(1), "p5000", &terms()));
        // The border between two texts is a part of it.
        let (left, right) = (Terms { currency: "us".into(), ..terms() }, "dp1200");
        assert_ne!(seal, sealed(&viewer(1), right, &left));
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
