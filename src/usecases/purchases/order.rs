//! What Stripe is asked for: the parameters of a Checkout, stored before they are first sent.

use super::super::{Fault, Services, flat};
use super::Purchase;
use super::start::checkout_expiry;
use super::stripe_customer::stripe_customer;
use crate::args;
use crate::domain::catalog::Tax;
use crate::stripe::{CheckoutOrder, Sold, Stripe, StripeError};

/// The stored parameters of the Checkout: made once, sent unchanged by every repeat; and the number of the try that they
/// are for, which is a part of its key.
pub(super) async fn order(
    services: &Services,
    stripe: &Stripe,
    purchase: &Purchase,
) -> Result<Result<(CheckoutOrder, i64), StripeError>, Fault> {
    let stripe_customer = match stripe_customer(services, stripe, purchase.customer_no).await? {
        Ok(customer) => customer,
        Err(e) => return Ok(Err(e)),
    };
    // Counted from now: an order that is made anew after a refusal has the whole time.
    let expires_at = checkout_expiry(services.clock.now().max(purchase.created_at), &services.catalog);
    let new = CheckoutOrder { expires_at: expires_at.timestamp(), ..new_order(services, purchase, stripe_customer) };
    let json = serde_json::to_string(&new).map_err(|e| Fault::Broken(e.to_string()))?;
    let id = purchase.id;
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let sql = "update purchases set checkout_order = coalesce(checkout_order, $1),
                  checkout_expires_at = case when checkout_order is null then $2 else checkout_expires_at end
                where id = $3 returning checkout_order, attempt";
            let row = turn.link.one(sql, args![json, expires_at, id.bytes()]).await?;
            let row = row.ok_or_else(|| Fault::Broken("a purchase is gone".to_owned()))?;
            Ok::<_, Fault>((row.text("checkout_order")?, row.int("attempt")?))
        })
    });
    let (stored, attempt) = flat(job.await)?;
    let order = serde_json::from_str(&stored).map_err(|e| Fault::Broken(format!("stored order of {id}: {e}")))?;
    Ok(Ok((order, attempt)))
}

fn new_order(services: &Services, purchase: &Purchase, stripe_customer: String) -> CheckoutOrder {
    let (shop, url) = (&services.catalog.shop, &services.settings.public_url);
    let credits = purchase.credits.grouped();
    let months = purchase.terms(&services.catalog).months;
    let valid_until = crate::domain::account::top_up_expiry(purchase.created_at, months);
    CheckoutOrder {
        purchase: purchase.id.to_string(),
        stripe_customer,
        product_name: format!("{credits} credits"),
        amount: purchase.amount,
        currency: purchase.currency.clone(),
        payment_methods: shop.payment_methods.clone(),
        // (Stripe's own box for terms needs an address that is set in its dashboard, and refuses the Checkout where none is.)
        submit_text: shop.checkout_text(purchase.credits, &valid_until.format("%-d %b %Y").to_string()),
        success_url: format!("{url}/purchases/{}?session_id={{CHECKOUT_SESSION_ID}}", purchase.id),
        cancel_url: format!("{url}/billing?outcome=cancelled"),
        expires_at: purchase.checkout_expires_at.timestamp(),
        invoice: true,
        tax_ids: shop.tax_ids,
        automatic_tax: shop.tax == Tax::Stripe,
        sold: Some(Sold {
            customer: purchase.customer.clone(),
            package: purchase.package.clone(),
            credits: purchase.credits.to_string(),
            months: Some(months.to_string()),
        }),
    }
}
