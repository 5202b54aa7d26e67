//! The name of a purchase's state, as customers read it.

use crate::domain::{Origin, PurchaseState};
use crate::usecases::purchases::Purchase;
use crate::web::ui::badge::{Badge, Tone};

/// The buyer's dispute of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispute {
    /// There is none, or the shop won it.
    None,
    /// The bank reviews it.
    Open,
    /// The money went back.
    Lost,
}

impl Dispute {
    /// Reads Stripe's status of a dispute.
    #[must_use]
    pub fn from_status(status: Option<&str>) -> Self {
        match status {
            None | Some("won" | "warning_closed" | "warning_needs_response" | "warning_under_review" | "prevented") => {
                Self::None
            }
            Some("lost") => Self::Lost,
            Some(_) => Self::Open,
        }
    }
}

/// The badge of a purchase; `is_paid` once Stripe has said so, whether the credits are there or not.
#[must_use]
pub fn purchase_badge(purchase: &Purchase, is_paid: bool, dispute: Dispute) -> Badge {
    match (purchase.state, dispute) {
        (PurchaseState::Credited, Dispute::Lost) => Badge::new(Tone::Quiet, "Dispute lost"),
        (PurchaseState::Credited, Dispute::Open) => Badge::new(Tone::Warn, "Disputed"),
        (PurchaseState::Credited, Dispute::None) => match purchase.refunded_amount {
            i64::MIN..=0 => Badge::new(Tone::Good, "Credited"),
            part if part < purchase.amount => Badge::new(Tone::Quiet, "Partly refunded"),
            _ => Badge::new(Tone::Quiet, "Refunded"),
        },
        (PurchaseState::Review, _) => Badge::new(Tone::Warn, "In review"),
        _ if is_paid => Badge::new(Tone::Info, "Adding credits"),
        (PurchaseState::Open, _) if waits_for_person(purchase) => Badge::new(Tone::Warn, "Needs your confirmation"),
        (PurchaseState::Created | PurchaseState::Open, _) if purchase.origin == Origin::Automatic => {
            Badge::new(Tone::Info, "Processing")
        }
        (PurchaseState::Created | PurchaseState::Open, _) => Badge::new(Tone::Quiet, "Not finished"),
        (PurchaseState::Processing, _) => Badge::new(Tone::Warn, "Processing"),
        (PurchaseState::Failed, _) => Badge::new(Tone::Bad, "Failed"),
        (PurchaseState::Expired, _) => Badge::new(Tone::Quiet, "Not paid"),
    }
}

/// An automatic purchase whose card's bank asks the cardholder.
fn waits_for_person(purchase: &Purchase) -> bool {
    purchase.origin == Origin::Automatic && purchase.url.is_some()
}

/// A credited purchase, for tests and the gallery.
#[cfg(any(test, feature = "demo"))]
#[must_use]
pub fn example(n: u8, credits: i64, amount: i64, created_at: &str) -> Purchase {
    use crate::domain::{Credits, PurchaseId};
    let created_at = created_at.parse().unwrap_or_default();
    Purchase {
        id: PurchaseId(uuid::Uuid::from_bytes([n; 16])),
        customer_no: 0,
        customer_name: String::new(),
        customer: String::new(),
        package: format!("p{credits}"),
        origin: Origin::Person,
        quantity: 1,
        credits: Credits::whole(credits),
        amount,
        currency: "usd".into(),
        months: Some(12),
        state: PurchaseState::Credited,
        attempt: 0,
        session_id: None,
        url: None,
        payment_intent: None,
        charge: None,
        charged: None,
        amount_total: None,
        amount_tax: None,
        invoice: None,
        invoice_number: None,
        refunded_amount: 0,
        dispute: None,
        shortfall: Credits::ZERO,
        review_reason: None,
        created_at,
        checkout_expires_at: created_at,
        credited_at: None,
        expires_at: None,
        grant: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purchase_has_one_name_for_each_state() {
        let check = |state, paid, refunded, dispute, want: &str| {
            let sold = Purchase { state, refunded_amount: refunded, ..example(1, 1_200, 900, "2026-11-22T13:05:00Z") };
            assert_eq!(purchase_badge(&sold, paid, dispute).text.to_string(), want);
        };
        check(PurchaseState::Created, false, 0, Dispute::None, "Not finished");
        check(PurchaseState::Open, false, 0, Dispute::None, "Not finished");
        check(PurchaseState::Open, true, 0, Dispute::None, "Adding credits");
        check(PurchaseState::Processing, false, 0, Dispute::None, "Processing");
        check(PurchaseState::Credited, true, 0, Dispute::None, "Credited");
        check(PurchaseState::Credited, true, 450, Dispute::None, "Partly refunded");
        check(PurchaseState::Credited, true, 900, Dispute::None, "Refunded");
        check(PurchaseState::Credited, true, 0, Dispute::Open, "Disputed");
        check(PurchaseState::Credited, true, 0, Dispute::Lost, "Dispute lost");
        check(PurchaseState::Failed, false, 0, Dispute::None, "Failed");
        check(PurchaseState::Expired, false, 0, Dispute::None, "Not paid");
        check(PurchaseState::Review, true, 0, Dispute::None, "In review");
    }
}
