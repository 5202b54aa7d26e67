//! "Upgrade" where plans are sold at Stripe: a Checkout that begins a subscription, and Stripe's portal for who has
//! one.
//!
//! Nothing is stored of it: what was bought is learned from the subscription itself, whoever tells of it first.

use crate::domain::catalog::Tax;
use crate::domain::{Plan, PurchaseId, Terms};
use crate::stripe::{Stripe, StripeError, SubscriptionOrder};
use crate::usecases::purchases::{Fulfillment, forget_stripe_customer, stripe_customer};
use crate::usecases::subscriptions::plan::{followed_subscription, update_plan};
use crate::usecases::{App, InternalError, alarms, customers};

/// True if plans are changed here, and not at the SaaS.
#[must_use]
pub fn sells_subscriptions(app: &App) -> bool {
    let catalog = &app.catalog;
    catalog.sells_plans() && catalog.shop.upgrade_url.is_none() && app.stripe.is_some()
}

#[derive(Clone, Debug)]
pub struct UpgradeChoice {
    /// Minted when the form was drawn: the same form leads to the same Checkout.
    pub form: PurchaseId,
    /// The SaaS's id of the customer.
    pub customer: String,
    pub customer_no: i64,
    pub plan: String,
    /// The terms that the form showed.
    pub shown: Terms,
}

/// The result of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpgradeOutcome {
    /// To Stripe.
    At(String),
    /// It has a subscription already: that one is changed in the portal.
    InPortal,
    /// The plan is not sold here, or for another price.
    Changed,
    /// The customer is closed or gone.
    Closed,
    /// Nothing is sold here.
    Off,
    /// Stripe cannot be asked.
    StripeUnavailable,
    /// Stripe has said no, for good.
    StripeRefused,
}

/// Opens a Checkout that begins a subscription to a plan.
pub async fn start_upgrade(app: &App, choice: &UpgradeChoice) -> Result<UpgradeOutcome, InternalError> {
    let Some(stripe) = app.stripe.as_ref().filter(|_| sells_subscriptions(app)) else { return Ok(UpgradeOutcome::Off) };
    let found = customers::find_customer(app, &choice.customer).await?;
    if found.is_none_or(|customer| customer.closed_at.is_some()) {
        return Ok(UpgradeOutcome::Closed);
    }
    let catalog = &app.catalog;
    let plan = catalog.plan(&choice.plan).filter(|plan| catalog.plan_terms(plan) == choice.shown);
    let Some((plan, price)) = plan.and_then(|plan| Some((plan, plan.stripe_prices.first()?))) else {
        return Ok(UpgradeOutcome::Changed);
    };
    if followed_subscription(app, choice.customer_no, false).await?.is_some() {
        return Ok(UpgradeOutcome::InPortal);
    }
    let began = tokio::time::Instant::now();
    // Several calls may be needed; together they have the time of one, since a page waits.
    let in_time = || stripe.clone().with_deadline(stripe.deadline().saturating_sub(began.elapsed()));
    for round in 0..2 {
        let payer = match stripe_customer(app, &in_time(), choice.customer_no).await? {
            Ok(payer) => payer,
            Err(e) => return upgrade_refused(app, &e).await,
        };
        match open_subscription_checkout(app, choice, (plan, price.as_str()), &payer, &in_time).await? {
            // Somebody deleted the customer at Stripe: another one is made, once.
            Err(e) if e.lacks("customer") && round == 0 => {
                forget_stripe_customer(app, choice.customer_no, &payer).await?
            }
            Err(e) => return upgrade_refused(app, &e).await,
            Ok(upgrade) => return Ok(upgrade),
        }
    }
    Ok(UpgradeOutcome::StripeUnavailable)
}

/// Opens the Checkout, unless the payer subscribes to something that we were not told of yet.
async fn open_subscription_checkout(
    app: &App,
    choice: &UpgradeChoice,
    (plan, price): (&Plan, &str),
    payer: &str,
    in_time: &impl Fn() -> Stripe,
) -> Result<Result<UpgradeOutcome, StripeError>, InternalError> {
    // It must not be paid for twice.
    match in_time().living_subscriptions(payer).await {
        Ok(living) => {
            let some = !living.is_empty();
            for id in living {
                update_plan(app, &id).await?;
            }
            if some && followed_subscription(app, choice.customer_no, false).await?.is_some() {
                return Ok(Ok(UpgradeOutcome::InPortal));
            }
        }
        Err(e) => return Ok(Err(e)),
    }
    let order = subscription_order(app, choice, plan, payer, price);
    // The payer is in the key: for another one the parameters are others.
    let opened = in_time().open_subscription(&format!("subscribe-{}-{payer}", choice.form), &order).await;
    Ok(opened.map(|opened| UpgradeOutcome::At(opened.url)))
}

fn subscription_order(app: &App, choice: &UpgradeChoice, plan: &Plan, payer: &str, price: &str) -> SubscriptionOrder {
    let (shop, url) = (&app.catalog.shop, &app.settings.public_url);
    let success = format!("{url}/plans?chosen={}&session_id={{CHECKOUT_SESSION_ID}}", plan.id);
    let cancel = format!("{url}/billing?outcome=cancelled");
    let order = SubscriptionOrder::new(payer, &choice.customer, price, &success, &cancel);
    order.taxed(shop.tax == Tax::Stripe, shop.tax_ids)
}

/// Opens Stripe's portal for who subscribes to something.
pub async fn open_billing_portal(app: &App, customer_no: i64) -> Result<UpgradeOutcome, InternalError> {
    let Some(stripe) = app.stripe.as_ref().filter(|_| app.catalog.sells_plans()) else {
        return Ok(UpgradeOutcome::Off);
    };
    let Some(followed) = followed_subscription(app, customer_no, false).await? else {
        return Ok(UpgradeOutcome::Changed);
    };
    let back = format!("{}/billing", app.settings.public_url);
    let key = format!("portal-{}", app.clock.mint());
    match stripe.open_portal(&key, &followed.stripe_customer, &back).await {
        Ok(url) => Ok(UpgradeOutcome::At(url)),
        // The payer was deleted at Stripe, and its subscription has ended with it: that is learned now.
        Err(e) if e.lacks("customer") => {
            forget_stripe_customer(app, customer_no, &followed.stripe_customer).await?;
            update_plan(app, &followed.id).await?;
            Ok(UpgradeOutcome::Changed)
        }
        Err(e) => upgrade_refused(app, &e).await,
    }
}

/// Opens Stripe's portal for card, billing address, tax id and invoices of a customer that Stripe knows.
pub async fn open_customer_portal(app: &App, customer_no: i64) -> Result<UpgradeOutcome, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(UpgradeOutcome::Off) };
    let sql = "select stripe_customer from customers where no = $1 and closed_at is null";
    let row = app.store.read().await?.fetch_optional(sql, crate::args![customer_no]).await?;
    let Some(payer) = row.map(|row| row.opt_text("stripe_customer")).transpose()?.flatten() else {
        return Ok(UpgradeOutcome::Changed);
    };
    let back = format!("{}/billing", app.settings.public_url);
    match stripe.open_portal(&format!("portal-{}", app.clock.mint()), &payer, &back).await {
        Ok(url) => Ok(UpgradeOutcome::At(url)),
        Err(e) if e.lacks("customer") => {
            forget_stripe_customer(app, customer_no, &payer).await?;
            Ok(UpgradeOutcome::Changed)
        }
        Err(e) => upgrade_refused(app, &e).await,
    }
}

/// Somebody came back from a Checkout, with its id: what it has begun is looked at. The redirect is never believed;
/// says whether Stripe has told.
pub async fn came_back(app: &App, customer: &str, session: &str) -> Result<bool, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(false) };
    match begun_subscription(stripe, customer, session).await {
        Ok(Some(subscription)) => Ok(update_plan(app, &subscription).await? == Fulfillment::Done),
        Ok(None) => Ok(false),
        Err(e) => {
            tracing::warn!(error = %e, "Stripe can't be reached about a Checkout");
            Ok(false)
        }
    }
}

/// The subscription that a Checkout of this customer has begun.
async fn begun_subscription(stripe: &Stripe, customer: &str, session: &str) -> Result<Option<String>, StripeError> {
    let found = stripe.subscription_of_checkout(session).await?;
    Ok(found.filter(|(_, named)| named.as_deref() == Some(customer)).map(|(subscription, _)| subscription))
}

/// Stripe said no, or nothing.
async fn upgrade_refused(app: &App, error: &StripeError) -> Result<UpgradeOutcome, InternalError> {
    let Some(kind) = error.alarm() else {
        tracing::warn!(error = %error, "Stripe can't be reached about a subscription");
        return Ok(UpgradeOutcome::StripeUnavailable);
    };
    let detail = error.to_string();
    app.write(move |tx| {
        Box::pin(async move {
            alarms::raise_alarm(tx, kind, "subscription", &detail).await?;
            Ok(())
        })
    })
    .await?;
    Ok(if error.is_definite() { UpgradeOutcome::StripeRefused } else { UpgradeOutcome::StripeUnavailable })
}
