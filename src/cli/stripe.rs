//! `topup stripe`.

use crate::settings::checks::check_public_url;
use crate::settings::error::{BadSetting, bad};
use crate::settings::stripe::{check_base, check_key};
use crate::settings::values;
use crate::stripe::is_live_key;
use clap::builder::PathBufValueParser;
use clap::{Args, Subcommand};
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
    /// Another base for Stripe's API
    #[arg(long, env = "STRIPE_API_BASE", value_parser = values::word())]
    pub stripe_api_base: Option<String>,
    /// The catalogue: whether plans follow subscriptions
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
