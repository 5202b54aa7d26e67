//! What Stripe is asked for: the parameters of a Checkout, stored before they are first sent, and the
//! Stripe customer that they name.

use super::super::{Fault, Services, customers, flat};
use super::Purchase;
use crate::args;
use crate::domain::catalog::Tax;
use crate::stripe::{CheckoutOrder, NewCustomer, Sold, Stripe, StripeError};

/// The stored parameters of the Checkout: made once, sent unchanged by every repeat.
pub(super) async fn order(
    services: &Services,
    stripe: &Stripe,
    purchase: &Purchase,
    customer_no: i64,
) -> Result<Result<CheckoutOrder, StripeError>, Fault> {
    let stripe_customer = match stripe_customer(services, stripe, &purchase.customer, customer_no).await? {
        Ok(customer) => customer,
        Err(e) => return Ok(Err(e)),
    };
    let new = new_order(services, purchase, stripe_customer);
    let json = serde_json::to_string(&new).map_err(|e| Fault::Broken(e.to_string()))?;
    let id = purchase.id;
    let stored = flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let sql = "update purchases set checkout_order = coalesce(checkout_order, $1) where id = $2
                        returning checkout_order";
                    let row = turn.link.one(sql, args![json, id.bytes()]).await?;
                    Ok::<_, Fault>(row.map(|row| row.text("checkout_order")).transpose()?.unwrap_or_default())
                })
            })
            .await,
    )?;
    serde_json::from_str(&stored).map(Ok).map_err(|e| Fault::Broken(format!("stored order of {id}: {e}")))
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
        // Stripe makes a link of Markdown's in this text. (Its own box for terms needs an address that is set
        // in its dashboard, and refuses the Checkout where none is.)
        submit_text: format!(
            "{credits} credits for {}, valid until {}. Non-refundable. Used after your plan credits. [Terms]({})",
            shop.name,
            valid_until.format("%-d %b %Y"),
            shop.terms_url
        ),
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

/// The customer's Stripe customer: made once, under a key of the customer's own, and reused.
pub(in super::super) async fn stripe_customer(
    services: &Services,
    stripe: &Stripe,
    customer: &str,
    customer_no: i64,
) -> Result<Result<String, StripeError>, Fault> {
    let sql = "select stripe_customer from customers where no = $1";
    let row = services.store.read().await?.one(sql, args![customer_no]).await?;
    if let Some(known) = row.map(|row| row.opt_text("stripe_customer")).transpose()?.flatten() {
        return Ok(Ok(known));
    }
    let found = customers::find(services, customer).await?;
    let customer = found.ok_or_else(|| Fault::Broken("the buyer is gone".to_owned()))?;
    let new = NewCustomer { email: customer.email, name: Some(customer.name), customer_ref: customer.id };
    // The address is in the key: after a change of address Stripe would refuse the old key for other parameters.
    let key =
        crate::store::keys::content_hash("customer", &new.customer_ref, &format!("{}\n{:?}", new.email, new.name));
    let made = match stripe.create_customer(&format!("customer-{}", hex::encode(key)), &new).await {
        Ok(made) => made,
        Err(e) => return Ok(Err(e)),
    };
    let stored = flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let sql = "update customers set stripe_customer = coalesce(stripe_customer, $1) where no = $2
                        returning stripe_customer";
                    let row = turn.link.one(sql, args![made, customer_no]).await?;
                    Ok::<_, Fault>(row.map(|row| row.text("stripe_customer")).transpose()?)
                })
            })
            .await,
    )?;
    stored.map(Ok).ok_or_else(|| Fault::Broken("the buyer is gone".to_owned()))
}
