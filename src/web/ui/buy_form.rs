//! The form behind every Buy button.
//!
//! Its signature binds the purchase's id to the terms that were shown, and to the customer, session and role that they
//! were shown to (R19): HMAC-SHA-256, cut to 128 bits. A form of another viewer, or a changed one, does not fit.
//!
//! *Not here:* the signature of every other form (`form_signature`).

use crate::domain::{Credits, Package, PurchaseId, Terms};
use crate::usecases::App;
use crate::usecases::access::links::Viewer;
use crate::usecases::purchases::Purchase;
use crate::web::form_signature::keyed;
use hmac::{Hmac, Mac};
use leptos::prelude::*;
use sha2::Sha256;

/// The path of the server function `StartCheckout`.
pub const BUY_PATH: &str = "/_fn/buy";
/// The bytes of a signature.
const BYTES: usize = 16;

/// The fields of a Buy form. The purchase has this id from the click to the credits; the signature binds the form to its
/// viewer and to the terms that were shown (R19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyForm {
    /// `pur_…`
    pub purchase: String,
    pub package: String,
    /// Everything that was shown: credits, price, currency, validity.
    pub terms: Terms,
    pub mac: String,
}

/// The fields of a sent Buy form. None is believed before the signature fits.
#[derive(Clone, Debug, Default)]
pub struct SentBuyForm {
    /// `pur_…`
    pub purchase: String,
    pub package: String,
    pub credits: String,
    /// In minor units.
    pub price: String,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Months of validity.
    pub months: String,
    pub mac: String,
}

/// A form that buys `package` on these terms, as a purchase with this id.
#[must_use]
pub fn sign(app: &App, viewer: &Viewer, purchase: PurchaseId, package: &str, terms: Terms) -> BuyForm {
    let code = code(&app.settings.form_secret, viewer, purchase, package, &terms).finalize().into_bytes();
    let (purchase, package) = (purchase.to_string(), package.to_owned());
    BuyForm { purchase, package, terms, mac: hex::encode(&code[..BYTES]) }
}

/// A form for a new purchase of a package.
#[must_use]
pub fn buy(app: &App, viewer: &Viewer, package: &Package) -> BuyForm {
    sign(app, viewer, PurchaseId(app.clock.mint()), &package.id, app.catalog.terms(package))
}

/// A form that resumes a purchase.
#[must_use]
pub fn resume(app: &App, viewer: &Viewer, purchase: &Purchase) -> BuyForm {
    sign(app, viewer, purchase.id, &purchase.package, purchase.terms(&app.catalog))
}

/// A form for a new purchase of the same. There is none where the package is sold on other terms now: its button would
/// sell something else than the purchase beside it shows.
#[must_use]
pub fn buy_same(app: &App, viewer: &Viewer, purchase: &Purchase) -> Option<BuyForm> {
    let package = app.catalog.package(&purchase.package)?;
    let terms = app.catalog.terms(package);
    (terms == purchase.terms(&app.catalog)).then(|| buy(app, viewer, package))
}

/// The purchase's id and the terms that were shown, if the form was drawn for this viewer and is unchanged.
#[must_use]
pub fn verify(app: &App, viewer: &Viewer, form: &SentBuyForm) -> Option<(PurchaseId, Terms)> {
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

/// A form that buys. It works without script.
#[component]
pub fn BuyFields(form: BuyForm, children: Children) -> impl IntoView {
    view! {
        <form method="post" action=BUY_PATH>
            <SignedFields form />
            {children()}
        </form>
    }
}

/// The hidden fields: the terms that were shown, and their signature.
#[component]
pub fn SignedFields(form: BuyForm) -> impl IntoView {
    let terms = form.terms;
    view! {
        <input type="hidden" name="purchase" value=form.purchase />
        <input type="hidden" name="package" value=form.package />
        <input type="hidden" name="credits" value=terms.credits.to_string() />
        <input type="hidden" name="price" value=terms.amount />
        <input type="hidden" name="currency" value=terms.currency />
        <input type="hidden" name="months" value=terms.months />
        <input type="hidden" name="mac" value=form.mac />
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usecases::access::links::Role;
    use crate::web::form_signature::tests::viewer;

    fn terms() -> Terms {
        Terms { credits: Credits::whole(1_200), amount: 900, currency: "usd".into(), months: 12 }
    }

    fn signed(viewer: &Viewer, package: &str, terms: &Terms) -> Vec<u8> {
        let purchase = PurchaseId::from_bytes(&[9; 16]).expect("sixteen bytes");
        code(b"secret", viewer, purchase, package, terms).finalize().into_bytes().to_vec()
    }

    #[test]
    fn a_signature_fits_one_viewer_and_the_terms_that_were_shown() {
        let signature = signed(&viewer(1), "p1200", &terms());
        assert_eq!(signature, signed(&viewer(1), "p1200", &terms()));
        let others = [
            Viewer { session: [2; 32], ..viewer(1) },
            Viewer { customer_no: 8, ..viewer(1) },
            Viewer { role: Role::Admin, ..viewer(1) },
        ];
        for other in others {
            assert_ne!(signature, signed(&other, "p1200", &terms()), "{other:?}");
        }
        let changed = [
            Terms { credits: Credits::whole(1_000), ..terms() },
            Terms { amount: 1, ..terms() },
            Terms { currency: "jpy".into(), ..terms() },
            Terms { months: 6, ..terms() },
        ];
        for changed in changed {
            assert_ne!(signature, signed(&viewer(1), "p1200", &changed), "{changed:?}");
        }
        assert_ne!(signature, signed(&viewer(1), "p5000", &terms()));
        // The border between two texts is a part of it.
        let (left, right) = (Terms { currency: "us".into(), ..terms() }, "dp1200");
        assert_ne!(signature, signed(&viewer(1), right, &left));
    }
}
