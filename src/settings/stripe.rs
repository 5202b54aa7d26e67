//! `STRIPE_SECRET_KEY`, `STRIPE_WEBHOOK_SECRETS`, `STRIPE_API_BASE`.

use crate::settings::Settings;
use crate::settings::error::{BadSetting, bad};
use crate::stripe::{StripeSettings, is_live_key};
use url::Url;

impl Settings {
    /// The demo, the test clock and another API base must not move real money.
    pub(super) fn check_live_key(&self, demo: bool) -> Result<(), BadSetting> {
        let live = self.stripe_secret_key.as_deref().is_some_and(is_live_key);
        if live && (demo || self.wants_test_clock() || self.stripe_api_base.is_some()) {
            return bad(
                "STRIPE_SECRET_KEY",
                "is a live key, which the demo, the test clock and another STRIPE_API_BASE refuse",
            );
        }
        Ok(())
    }

    /// Stripe's settings: all, or none, which switches buying off.
    ///
    /// # Errors
    /// Only some of them, or a malformed one.
    pub fn stripe(&self) -> Result<Option<StripeSettings>, BadSetting> {
        let (key, secrets) = (self.stripe_secret_key.as_deref(), &self.stripe_webhook_secrets);
        let Some(key) = key else {
            if !secrets.is_empty() || self.stripe_api_base.is_some() {
                return bad("STRIPE_SECRET_KEY", "is missing, but other Stripe settings are set");
            }
            return Ok(None);
        };
        check_key(key)?;
        if secrets.is_empty() {
            return bad("STRIPE_WEBHOOK_SECRETS", "is missing, but STRIPE_SECRET_KEY is set");
        }
        if secrets.iter().any(|secret| !secret.starts_with("whsec_") || secret.len() < 14 || !is_visible_ascii(secret))
        {
            return bad("STRIPE_WEBHOOK_SECRETS", "has an entry that does not look like whsec_…");
        }
        self.stripe_api_base.as_deref().map_or(Ok(()), check_base)?;
        Ok(Some(StripeSettings {
            secret_key: key.to_owned(),
            webhook_secrets: secrets.clone(),
            api_base: self.stripe_api_base.clone(),
        }))
    }
}

/// Checks `STRIPE_SECRET_KEY`.
///
/// # Errors
/// Not a key of Stripe.
pub fn check_key(key: &str) -> Result<(), BadSetting> {
    if ["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix)) && key.len() >= 12 && is_visible_ascii(key) {
        return Ok(());
    }
    bad("STRIPE_SECRET_KEY", "does not look like a Stripe key (sk_… or rk_…)")
}

/// Checks `STRIPE_API_BASE`.
///
/// # Errors
/// Not a URL.
pub fn check_base(base: &str) -> Result<(), BadSetting> {
    let is_valid = Url::parse(base).is_ok_and(|url| {
        let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare
    });
    if is_valid { Ok(()) } else { bad("STRIPE_API_BASE", "must be an http(s) URL without user, password and query") }
}

/// True if an HTTP header can carry the text.
#[must_use]
pub fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}
