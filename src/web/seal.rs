//! What binds a form to the session it was drawn for.
//!
//! The seal of a Buy form binds the purchase's id to who was shown what (R19): HMAC-SHA-256 over the id, the customer,
//! the session, the price and the package, cut to 128 bits. A form that was drawn for another session, or changed on
//! the way, does not fit.
//!
//! A new API key is made of a seed that the form brings: sent twice it is one key, and the page that follows can show
//! it once without anybody having stored it.

use crate::domain::{Package, PurchaseId};
use crate::usecases::portal::Viewer;
use crate::usecases::{Fault, Services};
use crate::web::view::BuyForm;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How much of the code a form carries.
const BYTES: usize = 16;

/// A form that buys `package` as a purchase of id `purchase`.
#[must_use]
pub fn form(services: &Services, viewer: &Viewer, purchase: PurchaseId, package: &str, price: i64) -> BuyForm {
    let form = BuyForm { purchase: purchase.to_string(), package: package.to_owned(), price, mac: String::new() };
    let code = code(&services.settings.form_secret, viewer, purchase, &form).finalize().into_bytes();
    BuyForm { mac: hex::encode(&code[..BYTES]), ..form }
}

/// A form that buys a package anew: its id is minted here.
#[must_use]
pub fn fresh(services: &Services, viewer: &Viewer, package: &Package) -> BuyForm {
    form(services, viewer, PurchaseId(services.clock.mint()), &package.id, package.amount)
}

/// The purchase's id, if the form is this session's own and unchanged.
#[must_use]
pub fn open(services: &Services, viewer: &Viewer, form: &BuyForm) -> Option<PurchaseId> {
    let purchase = PurchaseId::parse(&form.purchase)?;
    let mac = hex::decode(&form.mac).ok().filter(|mac| mac.len() == BYTES)?;
    let code = code(&services.settings.form_secret, viewer, purchase, form);
    code.verify_truncated_left(&mac).is_ok().then_some(purchase)
}

/// How many random bytes a key's seed has.
const SEED_BYTES: usize = 32;

/// A seed for a key that is not made yet: random bytes, for the form and a short-lived cookie alone.
///
/// # Errors
/// [`Fault`].
pub fn key_seed() -> Result<String, Fault> {
    let mut seed = [0_u8; SEED_BYTES];
    getrandom::fill(&mut seed).map_err(|e| Fault::Broken(format!("no random bytes: {e}")))?;
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

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length: this cannot fail.
    <Hmac<Sha256> as Mac>::new_from_slice(secret).expect("a key of any length")
}

fn code(secret: &[u8], viewer: &Viewer, purchase: PurchaseId, form: &BuyForm) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup buy 1\0");
    code.update(&purchase.bytes());
    code.update(&viewer.customer_no.to_be_bytes());
    code.update(&viewer.session);
    code.update(&form.price.to_be_bytes());
    code.update(form.package.as_bytes());
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usecases::portal::Role;

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

    fn sealed(viewer: &Viewer, price: i64, package: &str) -> Vec<u8> {
        let purchase = PurchaseId::from_bytes(&[9; 16]).expect("sixteen bytes");
        let form = BuyForm { purchase: purchase.to_string(), package: package.into(), price, mac: String::new() };
        code(b"secret", viewer, purchase, &form).finalize().into_bytes().to_vec()
    }

    #[test]
    fn a_seal_fits_one_session_one_package_and_one_price() {
        let seal = sealed(&viewer(1), 900, "p1200");
        assert_eq!(seal, sealed(&viewer(1), 900, "p1200"));
        assert_ne!(seal, sealed(&viewer(2), 900, "p1200"));
        assert_ne!(seal, sealed(&viewer(1), 1, "p1200"));
        assert_ne!(seal, sealed(&viewer(1), 900, "p5000"));
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
