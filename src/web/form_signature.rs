//! The signature of a form: it binds the form to the session, the customer and the role that its page was drawn for.
//!
//! Each form carries one field, `signature`: HMAC-SHA-256 in two halves of 128 bits, the first over the session alone,
//! the second over session, customer and role. The router compares it with the session that the browser has now, before
//! any form is read: a page that is left open while the browser goes over to another customer acts on neither.
//!
//! *Not here:* forms that buy, whose signature binds their terms as well; one-time links, where the token is the authority;
//! forms that need no session (`Binding::Nothing`).

use crate::usecases::access::links::Viewer;
use crate::usecases::operators::sign_in::Operator;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::sync::{Arc, OnceLock};

/// The field's name.
pub const FIELD: &str = "signature";
/// Bytes of each half.
const BYTES: usize = 16;

/// The session that a form is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// None: it acts on no session's data.
    Nothing,
    /// Its own signature binds more; its function compares it.
    Own,
    /// The session, at any customer.
    Session,
    /// The session, its customer and its role.
    Customer,
    /// The operator's session.
    Operator,
}

/// Signs the forms of one page, once the page knows whom it is drawn for. Cheap to clone.
#[derive(Clone)]
pub struct FormSigner {
    secret: Arc<[u8]>,
    customer: Arc<OnceLock<String>>,
    operator: Arc<OnceLock<Operator>>,
}

impl FormSigner {
    /// For a new page.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { secret: secret.into(), customer: Arc::default(), operator: Arc::default() }
    }

    /// The page is drawn for this viewer.
    pub fn draws_for(&self, viewer: &Viewer) {
        let _first = self.customer.set(signature(&self.secret, viewer));
    }

    /// The page is drawn for this operator.
    pub fn draws_for_operator(&self, operator: &Operator) {
        let _first = self.operator.set(operator.clone());
    }

    /// The signature of a customer's form; empty if signed out.
    #[must_use]
    pub fn signature(&self) -> String {
        self.customer.get().cloned().unwrap_or_default()
    }

    /// The signature of an operator's form; empty if signed out.
    #[must_use]
    pub fn operator_signature(&self) -> String {
        self.operator.get().map(|operator| operator_signature(&self.secret, operator)).unwrap_or_default()
    }

    /// The signature of an operator's form that acts on one thing.
    #[must_use]
    pub fn act_signature(&self, act: &ActOn<'_>) -> String {
        self.operator.get().map(|operator| act.signature(&self.secret, operator)).unwrap_or_default()
    }
}

/// The action of an operator's form, the thing it acts on, and the page it was drawn on. The form's key is not signed:
/// it only makes the same form act once.
#[derive(Clone, Copy, Debug)]
pub struct ActOn<'a> {
    /// The action's name.
    pub act: &'a str,
    /// The id of the thing.
    pub about: &'a str,
    /// The page, which names the customer or the purchase.
    pub back: &'a str,
}

impl ActOn<'_> {
    fn code(&self, secret: &[u8], operator: &Operator) -> Hmac<Sha256> {
        let mut code = keyed(secret);
        code.update(b"topup operator act 1\0");
        code.update(&operator.session);
        for text in [self.act, self.about, self.back] {
            code.update(&(text.len() as u64).to_be_bytes());
            code.update(text.as_bytes());
        }
        code
    }

    fn signature(&self, secret: &[u8], operator: &Operator) -> String {
        hex::encode(&self.code(secret, operator).finalize().into_bytes()[..BYTES])
    }

    /// True if the form was drawn for this operator's session and this subject.
    #[must_use]
    pub fn is_signed(&self, secret: &[u8], operator: &Operator, signature: &str) -> bool {
        fits(self.code(secret, operator), signature)
    }
}

fn session_code(secret: &[u8], viewer: &Viewer) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup session form 1\0");
    code.update(&viewer.session);
    code
}

fn customer_code(secret: &[u8], viewer: &Viewer) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup form 1\0");
    code.update(&viewer.session);
    code.update(&viewer.customer_no.to_be_bytes());
    code.update(viewer.role.name().as_bytes());
    code
}

fn operator_code(secret: &[u8], operator: &Operator) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup operator form 1\0");
    code.update(&operator.session);
    code
}

fn signature(secret: &[u8], viewer: &Viewer) -> String {
    let half = |code: Hmac<Sha256>| hex::encode(&code.finalize().into_bytes()[..BYTES]);
    half(session_code(secret, viewer)) + &half(customer_code(secret, viewer))
}

fn operator_signature(secret: &[u8], operator: &Operator) -> String {
    hex::encode(&operator_code(secret, operator).finalize().into_bytes()[..BYTES])
}

/// True if a form was drawn for this session, customer and role, or for this session alone, as `binding` asks.
#[must_use]
pub fn is_signed(secret: &[u8], viewer: &Viewer, signature: &str, binding: Binding) -> bool {
    let Some((session, customer)) = signature.split_at_checked(2 * BYTES) else { return false };
    let is_customers = binding == Binding::Session || fits(customer_code(secret, viewer), customer);
    fits(session_code(secret, viewer), session) && is_customers
}

/// True if the form was drawn for this operator's session.
#[must_use]
pub fn is_signed_by_operator(secret: &[u8], operator: &Operator, signature: &str) -> bool {
    fits(operator_code(secret, operator), signature)
}

/// Signs the page of a one-time link, so that its button agrees to what the page showed.
#[must_use]
pub fn consent(secret: &[u8], link: &[u8; 32], opens: (i64, Option<&str>), instead_of: Option<&[u8; 32]>) -> String {
    hex::encode(&consent_code(secret, link, opens, instead_of).finalize().into_bytes()[..BYTES])
}

/// True if the button was pressed on a page that showed this.
#[must_use]
pub fn is_consent(
    secret: &[u8],
    link: &[u8; 32],
    opens: (i64, Option<&str>),
    instead_of: Option<&[u8; 32]>,
    signature: &str,
) -> bool {
    fits(consent_code(secret, link, opens, instead_of), signature)
}

/// The link, the customer and the person that it opens, and the session that ends for it.
fn consent_code(
    secret: &[u8],
    link: &[u8; 32],
    (customer_no, email): (i64, Option<&str>),
    instead_of: Option<&[u8; 32]>,
) -> Hmac<Sha256> {
    let mut code = keyed(secret);
    code.update(b"topup open session 1\0");
    code.update(link);
    code.update(&customer_no.to_be_bytes());
    code.update(instead_of.map_or(&[][..], |session| &session[..]));
    code.update(&[0]);
    code.update(email.unwrap_or_default().as_bytes());
    code
}

fn fits(code: Hmac<Sha256>, signature: &str) -> bool {
    let bytes = hex::decode(signature).ok().filter(|bytes| bytes.len() == BYTES);
    bytes.is_some_and(|bytes| code.verify_truncated_left(&bytes).is_ok())
}

/// A code under the site's secret.
pub(super) fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length: this cannot fail.
    <Hmac<Sha256> as Mac>::new_from_slice(secret).expect("a key of any length")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::usecases::access::links::Role;

    /// The owner of the customer acme, in a session.
    pub fn viewer(session: u8) -> Viewer {
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
    fn a_signature_fits_one_session_one_customer_and_one_role() {
        let signed = signature(b"secret", &viewer(1));
        let check = |viewer: &Viewer, signature: &str, customer: bool, session: bool| {
            let is = |binding| is_signed(b"secret", viewer, signature, binding);
            assert_eq!((is(Binding::Customer), is(Binding::Session)), (customer, session), "{viewer:?} {signature}");
        };
        check(&viewer(1), &signed, true, true);
        check(&Viewer { customer_no: 8, ..viewer(1) }, &signed, false, true);
        check(&Viewer { role: Role::Admin, ..viewer(1) }, &signed, false, true);
        check(&Viewer { session: [2; 32], ..viewer(1) }, &signed, false, false);
        for odd in ["", "00", "zz", &signed[..32], &signed[1..], &format!("{signed}00"), "é".repeat(32).as_str()] {
            check(&viewer(1), odd, false, odd.get(..32) == Some(&signed[..32]));
        }
        assert!(!is_signed(b"other", &viewer(1), &signed, Binding::Session));
    }

    #[test]
    fn an_operators_form_fits_one_session_and_one_thing() {
        let operator = |session: u8| Operator { no: 1, email: "op@shop.example".into(), session: [session; 32] };
        let act = ActOn { act: "erase", about: "acme", back: "/operator/customers/acme" };
        let signed = act.signature(b"secret", &operator(1));
        assert!(act.is_signed(b"secret", &operator(1), &signed));
        assert!(!act.is_signed(b"secret", &operator(2), &signed));
        for other in [
            ActOn { act: "give", ..act },
            ActOn { about: "larch", ..act },
            ActOn { back: "/operator", ..act },
            ActOn { act: "eraseacme", about: "", ..act },
        ] {
            assert!(!other.is_signed(b"secret", &operator(1), &signed), "{other:?}");
        }
    }

    #[test]
    fn a_button_is_pressed_for_the_person_and_the_session_that_its_page_showed() {
        let signed = consent(b"secret", &[1; 32], (7, Some("ada@acme.example")), Some(&[3; 32]));
        let is = |link, opens, before| is_consent(b"secret", link, opens, before, &signed);
        assert!(is(&[1; 32], (7, Some("ada@acme.example")), Some(&[3; 32])));
        assert!(!is(&[2; 32], (7, Some("ada@acme.example")), Some(&[3; 32])));
        assert!(!is(&[1; 32], (8, Some("ada@acme.example")), Some(&[3; 32])));
        assert!(!is(&[1; 32], (7, None), Some(&[3; 32])));
        assert!(!is(&[1; 32], (7, Some("ada@acme.example")), None));
    }
}
