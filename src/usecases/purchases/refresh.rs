//! Asking Stripe about a purchase for a page.

use crate::domain::{PurchaseId, PurchaseState};
use crate::usecases::app::Asker;
use crate::usecases::purchases::fulfill::{Fulfillment, fulfill};
use crate::usecases::purchases::purchase;
use crate::usecases::{App, InternalError};

/// Asks Stripe about a purchase for a page, at most as often as [`Asker`] allows. Only the purchase's own Checkout is
/// asked about, never one that a browser names.
pub async fn refresh_purchase(app: &App, id: PurchaseId, asker: Asker) -> Result<(), InternalError> {
    let Some(purchase) = purchase::find_purchase(app, id).await? else { return Ok(()) };
    let ended = matches!(purchase.state, PurchaseState::Credited | PurchaseState::Review);
    if ended || purchase.session_id.is_none() || app.stripe.is_none() {
        return Ok(());
    }
    let asking = async {
        let _: Fulfillment = fulfill(app, id, None).await?;
        Ok(())
    };
    app.stripe_questions.ask_unless_recent(&app.clock, format!("purchase {id}"), asker, asking).await
}
