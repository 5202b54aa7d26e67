//! `topup purchases`: for a customer who says "paid, but no credits". May run beside `serve`.

use crate::app::build::{open_existing, with_app};
use crate::app::failure::Failure;
use crate::domain::{Instant, Kind, Money};
use crate::settings::{DatabaseSettings, Settings, values};
use crate::stripe::{CheckoutState, CheckoutStatus};
use crate::usecases::credits::accounts;
use crate::usecases::purchases::{Purchase, StripeAnswer};
use crate::usecases::{App, purchases};
use clap::Subcommand;

/// The commands of `purchases`.
#[derive(Debug, Subcommand)]
pub enum PurchasesCommand {
    /// Find purchases by email, customer id, pur_, cs_, pi_, in_ or invoice number.
    Find {
        /// The text to search for
        #[arg(value_parser = values::text())]
        text: String,
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Check one purchase at Stripe, credit it if it is paid, and print both states.
    Recheck {
        /// The purchase, by any text that `find` accepts
        #[arg(value_parser = values::text())]
        id: String,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// `topup purchases find TEXT`.
///
/// # Errors
/// [`Failure`]; also where nothing is found.
pub async fn find(settings: &DatabaseSettings, text: &str) -> Result<(), Failure> {
    let store = open_existing(settings).await?;
    let found = purchases::search_purchases(&store, text).await?;
    for purchase in &found.purchases {
        println!("{}", line(purchase));
    }
    if found.cut {
        eprintln!("only the newest {} are listed", purchases::FOUND_MAX);
    }
    store.close().await;
    if found.purchases.is_empty() { Err(nothing(text)) } else { Ok(()) }
}

/// `topup purchases recheck ID`.
///
/// # Errors
/// [`Failure`]; also if Stripe can't be reached.
pub async fn recheck(settings: &Settings, text: &str) -> Result<(), Failure> {
    with_app(settings, async |app| {
        report(&app, text).await?.iter().for_each(|line| println!("{line}"));
        Ok(())
    })
    .await
}

/// Asks Stripe about one purchase, fulfills it if it is paid, and reports what Stripe and the ledger know.
///
/// # Errors
/// [`Failure`]; also for no purchase or several, and if Stripe can't be reached.
pub async fn report(app: &App, text: &str) -> Result<Vec<String>, Failure> {
    let found = purchases::search_purchases(&app.store, text).await?.purchases;
    let [before] = found.as_slice() else {
        let several: Vec<_> = found.iter().map(|purchase| purchase.id.to_string()).collect();
        return Err(if several.is_empty() {
            nothing(text)
        } else {
            Failure::Failed(format!("{text:?} matches several purchases: {}", several.join(", ")))
        });
    };
    let mut lines = vec![format!("before  {}", line(before))];
    lines.push(match purchases::recheck_purchase(app, before).await? {
        StripeAnswer::Checkout(state) => format!("Stripe  {}", at_stripe(&state)),
        StripeAnswer::NotOpened => "Stripe  no Checkout was opened".to_owned(),
        StripeAnswer::Foreign => "Stripe  the Checkout is unknown there, or belongs to another purchase".to_owned(),
        StripeAnswer::Unanswered(reason) => {
            return Err(Failure::Failed(format!("Stripe can't be reached: {reason}")));
        }
    });
    let after = purchases::find_purchase(app, before.id).await?.ok_or_else(|| nothing(text))?;
    lines.push(format!("ledger  {}", in_the_ledger(app, &after).await?));
    lines.push(format!("after   {}", line(&after)));
    Ok(lines)
}

fn nothing(text: &str) -> Failure {
    Failure::Failed(format!("no purchase matches {text:?}"))
}

fn line(purchase: &Purchase) -> String {
    let price = Money::new(purchase.amount, &purchase.currency).long();
    let mut words = vec![
        purchase.id.to_string(),
        purchase.state.name().to_owned(),
        purchase.credits.counted(),
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
        "{} + {} tax = {}",
        money(state.amount_subtotal),
        money(state.amount_tax),
        money(state.amount_total)
    ));
    let ids = [&state.customer, &state.payment_intent, &state.charge, &state.invoice, &state.invoice_number];
    words.extend(ids.into_iter().flatten().cloned());
    words.join(" · ")
}

async fn in_the_ledger(app: &App, purchase: &Purchase) -> Result<String, Failure> {
    let Some(id) = purchase.grant else { return Ok("no credits were granted".to_owned()) };
    let rows = accounts::list_grants(app, purchase.customer_no, Some(Kind::TopUp), i64::MAX, 1_000).await?;
    let found = rows.into_iter().map(|row| row.grant).find(|grant| grant.id == id);
    Ok(found.map_or_else(
        || format!("{id}, an old grant"),
        |grant| {
            let (left, amount) = (grant.balance().grouped(), grant.amount.counted());
            format!("{id}: {left} left of {amount} · since {} · until {}", at(grant.effective_at), at(grant.expires_at))
        },
    ))
}

fn at(instant: Instant) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
