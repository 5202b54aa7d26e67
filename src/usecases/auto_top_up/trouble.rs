//! A step that was not made, and whether the purchase was paid all the same.

use crate::domain::{PurchaseId, PurchaseState};
use crate::stripe::StripeError;
use crate::usecases::purchases::{Fulfillment, find_purchase, fulfill};
use crate::usecases::{App, InternalError};

/// Why a step was not made.
pub(super) enum Trouble {
    Stripe(StripeError),
    Internal(InternalError),
}

impl From<StripeError> for Trouble {
    fn from(error: StripeError) -> Self {
        Self::Stripe(error)
    }
}

impl From<InternalError> for Trouble {
    fn from(fault: InternalError) -> Self {
        Self::Internal(fault)
    }
}

/// Asks Stripe about the purchase; true if it is credited now.
pub(super) async fn purchase_was_paid(app: &App, id: PurchaseId) -> Result<bool, Trouble> {
    if fulfill(app, id, None).await? == Fulfillment::Retry {
        return Err(StripeError::Unavailable("it cannot be asked about the invoice now".to_owned()).into());
    }
    let state = find_purchase(app, id).await?.map(|purchase| purchase.state);
    Ok(!matches!(state, Some(PurchaseState::Created | PurchaseState::Open | PurchaseState::Processing)))
}
