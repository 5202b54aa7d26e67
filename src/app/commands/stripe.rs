//! `topup stripe setup`: creates or repairs the webhook endpoint at Stripe and checks the rights of the key. It needs no
//! database and may run any number of times.

use crate::app::build::read_catalog;
use crate::app::commands::doctor::stripe::{missing_rights, webhook_url};
use crate::app::failure::Failure;
use crate::settings::checks::check_public_url;
use crate::settings::error::{BadSetting, bad};
use crate::settings::stripe::{check_base, check_key};
use crate::settings::values;
use crate::stripe::{Endpoint, Stripe, StripeError, is_live_key};
use crate::usecases::stripe_sync::inbox::EVENTS;
use clap::builder::PathBufValueParser;
use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// The commands of `stripe`.
#[derive(Debug, Subcommand)]
pub enum StripeCommand {
    /// Create or repair the webhook endpoint, and check that the key has the rights that selling needs.
    Setup(SetupSettings),
}

/// The arguments of `stripe setup`.
#[derive(Args, Clone, Debug)]
pub struct SetupSettings {
    /// The address that customers see
    #[arg(long, env = "PUBLIC_URL", value_parser = values::origin())]
    pub public_url: String,
    /// Stripe's secret key
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true, value_parser = values::word())]
    pub stripe_secret_key: String,
    /// Another base URL of Stripe's API
    #[arg(long, env = "STRIPE_API_BASE", value_parser = values::word())]
    pub stripe_api_base: Option<String>,
    /// The catalogue, for the rights that plans from subscriptions need
    #[arg(long, env = "CATALOG", default_value = "catalog.toml", value_parser = values::text_of(PathBufValueParser::new()))]
    pub catalog: PathBuf,
}

impl SetupSettings {
    /// Checks everything that clap does not.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        check_public_url(&self.public_url)?;
        check_key(&self.stripe_secret_key)?;
        if is_live_key(&self.stripe_secret_key) && self.stripe_api_base.is_some() {
            return bad("STRIPE_SECRET_KEY", "is a live key, which another STRIPE_API_BASE refuses");
        }
        self.stripe_api_base.as_deref().map_or(Ok(()), check_base)
    }
}

/// `topup stripe setup`.
///
/// # Errors
/// [`Failure`]: a setting, a missing right of the key, an error of Stripe.
pub async fn run(settings: &SetupSettings) -> Result<(), Failure> {
    settings.check()?;
    let stripe = Stripe::new(&settings.stripe_secret_key, settings.stripe_api_base.as_deref())
        .map_err(|reason| Failure::Setting(format!("STRIPE_API_BASE: {reason}")))?;
    let url = webhook_url(&settings.public_url);
    let all = stripe.endpoints().await.map_err(|e| failed("webhook endpoints", e))?;
    match all.iter().find(|endpoint| endpoint.url == url) {
        None => create(&stripe, &url).await?,
        Some(ours) if ours.status == "enabled" && ours.missing(&EVENTS).is_empty() => {
            println!("{} already sends its events to {url}", ours.id);
        }
        Some(ours) => repair(&stripe, ours).await?,
    }
    // Without a catalogue the rights for subscriptions are not checked.
    let subscribes = read_catalog(&settings.catalog).is_ok_and(|catalog| catalog.sells_plans());
    let refused = missing_rights(&stripe, subscribes).await;
    refused.iter().for_each(|line| println!("{line}"));
    if refused.is_empty() {
        println!("the key has all rights that selling needs");
        return Ok(());
    }
    Err(Failure::Failed("the key lacks rights".to_owned()))
}

async fn create(stripe: &Stripe, url: &str) -> Result<(), Failure> {
    let key = format!("setup:{}", digest(url, &EVENTS));
    let created = stripe.create_endpoint(&key, url, &EVENTS).await.map_err(|e| failed("webhook endpoint", e))?;
    println!("{} created: it sends {} kinds of events to {url}", created.id, EVENTS.len());
    match created.secret {
        Some(secret) => {
            println!("Its secret is shown once. Add it to the others, if any, and restart:");
            println!("STRIPE_WEBHOOK_SECRETS={secret}");
        }
        None => {
            println!("Copy its secret from Stripe's webhook page into STRIPE_WEBHOOK_SECRETS, and restart.")
        }
    }
    Ok(())
}

async fn repair(stripe: &Stripe, ours: &Endpoint) -> Result<(), Failure> {
    // The state is part of the key: a repair after another change is another request.
    let state = format!("{}\n{}", ours.status, ours.enabled_events.join("\n"));
    let key = format!("setup:{}:{}", ours.id, digest(&state, &EVENTS));
    let repaired = stripe.update_endpoint(&key, ours, &EVENTS).await.map_err(|e| failed("webhook endpoint", e))?;
    println!("{} repaired: it is {} and sends all events. Its secret is the same", repaired.id, repaired.status);
    Ok(())
}

fn digest(text: &str, kinds: &[&str]) -> String {
    let mut sha = Sha256::new();
    sha.update(text);
    for kind in kinds {
        sha.update([0]);
        sha.update(kind);
    }
    hex::encode(&sha.finalize()[..16])
}

fn failed(action: &str, e: StripeError) -> Failure {
    let next = match &e {
        StripeError::Unauthorized(_) => {
            ". The key needs the right to write webhook endpoints, for this command alone. Or create the endpoint by hand"
        }
        _ => "",
    };
    Failure::Failed(format!("{action}: {e}{next}"))
}
