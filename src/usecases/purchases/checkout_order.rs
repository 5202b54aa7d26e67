//! The parameters of a Checkout, stored before they are first sent to Stripe.

use crate::args;
use crate::domain::catalog::Tax;
use crate::stripe::{CheckoutOrder, Sold, Stripe, StripeError};
use crate::usecases::purchases::purchase::{Purchase, checkout_expiry};
use crate::usecases::purchases::stripe_customer::stripe_customer;
use crate::usecases::{App, InternalError};

/// The stored parameters of the Checkout: made once, sent unchanged by every repeat; and the number of the try that
/// they are for, which is a part of its key.
pub(crate) async fn stored_order(
    app: &App,
    stripe: &Stripe,
    purchase: &Purchase,
) -> Result<Result<(CheckoutOrder, i64), StripeError>, InternalError> {
    let stripe_customer = match stripe_customer(app, stripe, purchase.customer_no).await? {
        Ok(customer) => customer,
        Err(e) => return Ok(Err(e)),
    };
    // Counted from now: an order that is made again after a refusal has the whole time.
    let expires_at = checkout_expiry(app.clock.now().max(purchase.created_at), &app.catalog);
    let new = CheckoutOrder { expires_at: expires_at.timestamp(), ..new_order(app, purchase, stripe_customer) };
    let json = serde_json::to_string(&new).map_err(|e| InternalError::Broken(e.to_string()))?;
    let id = purchase.id;
    let job = app.write(move |tx| {
        Box::pin(async move {
            let sql = "update purchases set checkout_order = coalesce(checkout_order, $1),
                  checkout_expires_at = case when checkout_order is null then $2 else checkout_expires_at end
                where id = $3 returning checkout_order, attempt";
            let row = tx.db.fetch_optional(sql, args![json, expires_at, id.bytes()]).await?;
            let row = row.ok_or_else(|| InternalError::Broken("a purchase is gone".to_owned()))?;
            Ok((row.text("checkout_order")?, row.int("attempt")?))
        })
    });
    let (stored, attempt) = job.await?;
    let order =
        serde_json::from_str(&stored).map_err(|e| InternalError::Broken(format!("stored order of {id}: {e}")))?;
    Ok(Ok((order, attempt)))
}

fn new_order(app: &App, purchase: &Purchase, stripe_customer: String) -> CheckoutOrder {
    let (shop, url) = (&app.catalog.shop, &app.settings.public_url);
    let months = purchase.terms(&app.catalog).months;
    let valid_until = crate::domain::account::top_up_expiry(purchase.created_at, months);
    CheckoutOrder {
        purchase: purchase.id.to_string(),
        stripe_customer,
        product_name: purchase.credits.counted(),
        amount: purchase.amount,
        currency: purchase.currency.clone(),
        payment_methods: shop.payment_methods.clone(),
        // (Stripe's own box for terms needs an address that is set in its dashboard, and refuses the Checkout where
        // none is.)
        submit_text: shop.checkout_text(purchase.credits, &valid_until.format("%-d %b %Y").to_string()),
        success_url: format!("{url}/purchases/{}?session_id={{CHECKOUT_SESSION_ID}}", purchase.id),
        cancel_url: format!("{url}/billing?outcome=cancelled"),
        expires_at: purchase.checkout_expires_at.timestamp(),
        invoice: true,
        tax_ids: shop.tax_ids,
        automatic_tax: shop.tax == Tax::Stripe,
        sold: Some(Sold {
            quantity: None,
            customer: purchase.customer.clone(),
            package: purchase.package.clone(),
            credits: purchase.credits.to_string(),
            months: Some(months.to_string()),
        }),
    }
}
