//! `topup purchases`: what an operator asks when a customer says "paid, but no credits".
//!
//! Both run beside `serve`. `recheck` writes by an engine of its own, without the lock that keeps a second
//! `serve` out: it lives for one purchase, its turns begin with `begin immediate` (or the advisory lock), and
//! either engine sees by the database's own counter that the other wrote, and forgets what it remembered.

use crate::app::{Failure, Variant, read_catalog, services_on};
use crate::config::{DatabaseSettings, Settings, listen};
use crate::domain::{Instant, Kind, Money};
use crate::stripe::{CheckoutState, CheckoutStatus};
use crate::usecases::credits::accounts;
use crate::usecases::purchases::{Purchase, StripeAnswer};
use crate::usecases::{App, purchases};
use std::sync::Arc;

/// `topup purchases find TEXT`.
///
/// # Errors
/// [`Failure`]; also where nothing is found.
pub async fn find(settings: &DatabaseSettings, text: &str) -> Result<(), Failure> {
    let store = super::open_existing(settings).await?;
    let found = purchases::search(&store, text).await?;
    for purchase in &found.purchases {
        println!("{}", line(purchase));
    }
    if found.cut {
        eprintln!("these are the newest {}; there are older ones", purchases::FOUND_MAX);
    }
    store.close().await;
    if found.purchases.is_empty() { Err(nothing(text)) } else { Ok(()) }
}

/// `topup purchases recheck ID`.
///
/// # Errors
/// [`Failure`]; also where Stripe could not be asked.
pub async fn recheck(settings: &Settings, text: &str) -> Result<(), Failure> {
    settings.check_values(false)?;
    let catalog = Arc::new(read_catalog(&settings.database.catalog)?);
    let store = super::open_existing(&settings.database).await?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| listen::url(settings.listen));
    let (app, engine) = services_on(settings, Variant::default(), store.clone(), catalog, public_url).await?;
    let told = report(&app, text).await;
    drop(app);
    engine.await.map_err(|e| Failure::Failed(e.to_string()))?;
    store.close().await;
    for line in told? {
        println!("{line}");
    }
    Ok(())
}

/// Asks Stripe about the one purchase that `text` means, settles it, and says in lines what is known.
///
/// # Errors
/// [`Failure`]; also where it is none or several, and where Stripe could not be asked.
pub async fn report(app: &App, text: &str) -> Result<Vec<String>, Failure> {
    let found = purchases::search(&app.store, text).await?.purchases;
    let [before] = found.as_slice() else {
        let several: Vec<_> = found.iter().map(|purchase| purchase.id.to_string()).collect();
        return Err(if several.is_empty() {
            nothing(text)
        } else {
            Failure::Failed(format!("{text:?} is several purchases: {}", several.join(", ")))
        });
    };
    let mut lines = vec![format!("before  {}", line(before))];
    lines.push(match purchases::recheck(app, before).await? {
        StripeAnswer::Checkout(state) => format!("Stripe  {}", at_stripe(&state)),
        StripeAnswer::NotOpened => "Stripe  no Checkout was opened for it".to_owned(),
        StripeAnswer::Foreign => "Stripe  its Checkout is unknown there, or another purchase's".to_owned(),
        StripeAnswer::Unanswered(reason) => {
            return Err(Failure::Failed(format!("Stripe could not be asked: {reason}")));
        }
    });
    let after = purchases::find(app, before.id).await?.ok_or_else(|| nothing(text))?;
    lines.push(format!("ledger  {}", in_the_ledger(app, &after).await?));
    lines.push(format!("after   {}", line(&after)));
    Ok(lines)
}

fn nothing(text: &str) -> Failure {
    Failure::Failed(format!("no purchase is known by {text:?}"))
}

fn line(purchase: &Purchase) -> String {
    let price = Money::new(purchase.amount, &purchase.currency).long();
    let mut words = vec![
        purchase.id.to_string(),
        purchase.state.name().to_owned(),
        format!("{} credits", purchase.credits.grouped()),
        price,
        format!("customer {}", purchase.customer),
        format!("clicked {}", at(purchase.created_at)),
    ];
    let ids = [&purchase.session_id, &purchase.payment_intent, &purchase.invoice, &purchase.invoice_number];
    words.extend(ids.into_iter().flatten().cloned());
    words.extend(purchase.review_reason.iter().map(|reason| format!("review: {reason}")));
    words.join(" · ")
}

fn at_stripe(state: &CheckoutState) -> String {
    let status = match state.status {
        CheckoutStatus::Open => "open",
        CheckoutStatus::Complete => "complete",
        CheckoutStatus::Expired => "expired",
    };
    let paid = match (state.paid, state.failed) {
        (true, _) => "paid",
        (false, true) => "payment failed",
        (false, false) => "unpaid",
    };
    let money = |minor: Option<i64>| {
        minor
            .zip(state.currency.as_deref())
            .map_or("?".to_owned(), |(minor, currency)| Money::new(minor, currency).long())
    };
    let mut words = vec![format!("{}: {status}, {paid}", state.id)];
    words.push(format!(
        "{} and {} tax is {}",
        money(state.amount_subtotal),
        money(state.amount_tax),
        money(state.amount_total)
    ));
    let ids = [&state.customer, &state.payment_intent, &state.charge, &state.invoice, &state.invoice_number];
    words.extend(ids.into_iter().flatten().cloned());
    words.join(" · ")
}

async fn in_the_ledger(app: &App, purchase: &Purchase) -> Result<String, Failure> {
    let Some(id) = purchase.grant else { return Ok("no credits were granted for it".to_owned()) };
    let rows = accounts::grants(app, purchase.customer_no, Some(Kind::TopUp), i64::MAX, 1_000).await?;
    let found = rows.into_iter().map(|row| row.grant).find(|grant| grant.id == id);
    Ok(found.map_or_else(
        || format!("{id}, an old one"),
        |grant| {
            let (left, amount) = (grant.balance().grouped(), grant.amount.grouped());
            format!(
                "{id}: {left} of {amount} credits left · since {} · until {}",
                at(grant.effective_at),
                at(grant.expires_at)
            )
        },
    ))
}

fn at(instant: Instant) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
