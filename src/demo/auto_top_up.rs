//! Switching automatic top-up on in the demo's story, as an owner does in a browser: agree, save a card at the sandbox,
//! come back.

use crate::demo::customers::DemoCustomer;
use crate::domain::auto_top_up::Agreement;
use crate::domain::catalog::Tax;
use crate::domain::{Credits, Money, Package};
use crate::usecases::access::links::{self, NewLink, Role, Spent};
use crate::usecases::auto_top_up::{
    CompletedConsent, ConsentOutcome, ConsentRequest, ConsentWords, begin_consent, complete_consent, consent_parts,
};
use crate::usecases::{App, InternalError, customers};
use stripe_sandbox::Sandbox;

/// The card that the story saves.
const CARD: &str = "4242424242424242";

/// Switches it on with these terms: package, threshold, cap in minor units.
pub async fn switch_on(
    past: &App,
    sandbox: &Sandbox,
    customer: &DemoCustomer,
    (package, threshold, cap): (&str, Credits, i64),
) -> Result<(), InternalError> {
    let broken = |what: String| InternalError::Broken(format!("the story's automatic top-up: {what}"));
    let customer_no = customers::customer_number(past, customer.id).await?.unwrap_or_default();
    let link = NewLink {
        customer_no,
        email: Some(customer.email.to_owned()),
        role: Some(Role::Owner),
        path: "/billing".to_owned(),
        return_url: None,
    };
    let link = links::create_portal_link(past, link).await?;
    let token = link.url.rsplit('/').next().unwrap_or_default();
    let Spent::Session { token, .. } = links::spend_link(past, token, "The demo").await? else {
        return Err(broken("no session".to_owned()));
    };
    let viewer = links::find_viewer(past, &token).await?.ok_or_else(|| broken("no viewer".to_owned()))?;
    let price = past.catalog.package(package).map_or(0, |package| package.amount);
    let currency = past.catalog.shop.currency.clone();
    let agreed = Agreement { package: package.to_owned(), price, currency, threshold, cap };
    let text = text(past, customer.name, &agreed);
    let request = ConsentRequest { setup: past.clock.mint(), viewer: viewer.clone(), agreed, text };
    let session = match begin_consent(past, request).await? {
        ConsentOutcome::At(url) => url.rsplit('/').next().unwrap_or_default().to_owned(),
        other => return Err(broken(format!("{other:?}"))),
    };
    sandbox.pay_with(&session, CARD).await.map_err(broken)?;
    match complete_consent(past, &viewer, &session).await? {
        CompletedConsent::On => Ok(()),
        other => Err(broken(format!("{other:?}"))),
    }
}

/// The sentence of the page, with the story's values.
fn text(past: &App, customer: &str, agreed: &Agreement) -> String {
    let money = |minor| Money::new(minor, &agreed.currency);
    let words = ConsentWords {
        shop: &past.catalog.shop.name,
        customer,
        plus_tax: past.catalog.shop.tax == Tax::Stripe,
        credits: past.catalog.package(&agreed.package).map_or(Credits::ZERO, Package::grants),
        price: money(agreed.price),
        threshold: agreed.threshold,
        cap: money(agreed.cap),
    };
    consent_parts(words).iter().map(ToString::to_string).collect()
}
