//! The form that agrees. Its signature binds its id, all terms and the very sentence that was shown to the customer, the
//! session and the role that they were shown to.

use crate::domain::Credits;
use crate::domain::auto_top_up::Agreement;
use crate::usecases::App;
use crate::usecases::access::links::Viewer;
use crate::web::form_signature::keyed;
use hmac::{Hmac, Mac};
use leptos::prelude::*;
use sha2::Sha256;
use uuid::Uuid;

/// The bytes of a signature.
const BYTES: usize = 16;

/// The form as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreeForm {
    /// Minted when the form is drawn, so that it agrees once.
    pub setup: Uuid,
    pub agreed: Agreement,
    /// The sentence as shown.
    pub text: String,
    pub mac: String,
}

/// The form as it was sent. Nothing is believed before the signature fits.
#[derive(Clone, Debug, Default)]
pub struct SentAgreeForm {
    pub setup: String,
    pub package: String,
    /// In minor units.
    pub price: String,
    pub currency: String,
    pub threshold: String,
    /// In minor units.
    pub cap: String,
    pub text: String,
    pub mac: String,
}

/// A form that agrees to these terms by this sentence.
#[must_use]
pub fn sign(app: &App, viewer: &Viewer, agreed: Agreement, text: String) -> AgreeForm {
    let setup = app.clock.mint();
    let code = code(&app.settings.form_secret, viewer, setup, &agreed, &text).finalize().into_bytes();
    AgreeForm { setup, agreed, text, mac: hex::encode(&code[..BYTES]) }
}

/// What the form agrees to, if it was drawn for this viewer and is unchanged.
#[must_use]
pub fn verify(secret: &[u8], viewer: &Viewer, form: SentAgreeForm) -> Option<(Uuid, Agreement, String)> {
    let setup = Uuid::parse_str(&form.setup).ok()?;
    let agreed = Agreement {
        package: form.package,
        price: form.price.parse().ok()?,
        currency: form.currency,
        threshold: Credits::parse(&form.threshold).ok()?,
        cap: form.cap.parse().ok()?,
    };
    let mac = hex::decode(&form.mac).ok().filter(|mac| mac.len() == BYTES)?;
    let code = code(secret, viewer, setup, &agreed, &form.text);
    code.verify_truncated_left(&mac).is_ok().then_some((setup, agreed, form.text))
}

fn code(secret: &[u8], viewer: &Viewer, setup: Uuid, agreed: &Agreement, text: &str) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup auto top-up 1\0");
    code.update(setup.as_bytes());
    code.update(&viewer.customer_no.to_be_bytes());
    code.update(&viewer.session);
    for number in [agreed.price, agreed.threshold.0, agreed.cap] {
        code.update(&number.to_be_bytes());
    }
    // Each text with its length, so that no two forms are the same bytes.
    for text in [viewer.role.name(), agreed.currency.as_str(), agreed.package.as_str(), text] {
        code.update(&(text.len() as u64).to_be_bytes());
        code.update(text.as_bytes());
    }
    code
}

/// The signed values.
#[component]
pub fn AgreeFields(form: AgreeForm) -> impl IntoView {
    let agreed = form.agreed;
    view! {
        <input type="hidden" name="setup" value=form.setup.to_string() />
        <input type="hidden" name="package" value=agreed.package />
        <input type="hidden" name="price" value=agreed.price.to_string() />
        <input type="hidden" name="currency" value=agreed.currency />
        <input type="hidden" name="threshold" value=agreed.threshold.to_string() />
        <input type="hidden" name="cap" value=agreed.cap.to_string() />
        <input type="hidden" name="text" value=form.text />
        <input type="hidden" name="mac" value=form.mac />
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usecases::access::links::Role;
    use crate::web::form_signature::tests::viewer;

    fn sent() -> SentAgreeForm {
        let agreed = agreed();
        let (setup, text) = (Uuid::from_bytes([7; 16]), "I agree: …".to_owned());
        let mac = code(b"secret", &viewer(1), setup, &agreed, &text).finalize().into_bytes();
        SentAgreeForm {
            setup: setup.to_string(),
            package: agreed.package,
            price: agreed.price.to_string(),
            currency: agreed.currency,
            threshold: agreed.threshold.to_string(),
            cap: agreed.cap.to_string(),
            text,
            mac: hex::encode(&mac[..BYTES]),
        }
    }

    fn agreed() -> Agreement {
        let (package, currency) = ("p1200".to_owned(), "usd".to_owned());
        Agreement { package, price: 900, currency, threshold: Credits::whole(500), cap: 5_000 }
    }

    #[test]
    fn a_form_agrees_to_what_was_shown_and_to_nothing_else() {
        let is = |viewer: &Viewer, form: SentAgreeForm| verify(b"secret", viewer, form).is_some();
        assert_eq!(verify(b"secret", &viewer(1), sent()).map(|(_, agreed, _)| agreed), Some(agreed()));
        assert!(!is(&viewer(2), sent()));
        assert!(!is(&Viewer { role: Role::Admin, ..viewer(1) }, sent()));
        assert!(!is(&Viewer { customer_no: 8, ..viewer(1) }, sent()));
        let changes: [fn(&mut SentAgreeForm); 8] = [
            |form| form.setup = Uuid::nil().to_string(),
            |form| form.package = "p5000".into(),
            |form| form.price = "901".into(),
            |form| form.currency = "eur".into(),
            |form| form.threshold = "501".into(),
            |form| form.cap = "5001".into(),
            |form| form.text.push('!'),
            |form| form.mac = "00".repeat(BYTES),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut form = sent();
            change(&mut form);
            assert!(!is(&viewer(1), form), "{n}");
        }
    }
}
