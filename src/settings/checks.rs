//! Checks that go beyond one value, and those of addresses and rate limits.

use crate::rate_limits::Rate;
use crate::settings::error::{BadSetting, bad};
use crate::settings::stripe::is_visible_ascii;
use crate::settings::{DatabaseSettings, Settings, values};
use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

impl DatabaseSettings {
    /// Only PostgreSQL has standbys.
    ///
    /// # Errors
    /// An invalid `READ_DATABASE_URL`.
    pub fn check_standby(&self) -> Result<(), BadSetting> {
        const NAME: &str = "READ_DATABASE_URL";
        let is_postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
        match &self.read_database_url {
            Some(url) if !is_postgres(url) => bad(
                NAME,
                "is not postgres://…: name a standby of PostgreSQL (SQLite has none), or leave the setting out",
            ),
            Some(_) if !is_postgres(&self.database_url) => {
                bad(NAME, "is set, but DATABASE_URL is not PostgreSQL: leave the setting out")
            }
            _ => Ok(()),
        }
    }
}

impl Settings {
    /// True if `TEST_CLOCK` is on.
    #[must_use]
    pub fn wants_test_clock(&self) -> bool {
        self.test_clock.as_deref() == Some("1")
    }

    /// Checks everything that clap does not.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn check(&self, demo: bool) -> Result<(), BadSetting> {
        self.check_values(demo)?;
        if !demo && self.operator_keys.is_empty() {
            return bad("OPERATOR_KEYS", "is missing: set at least one key of 32 characters or more");
        }
        Ok(())
    }

    /// The checks of commands that need no operator keys.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn check_values(&self, demo: bool) -> Result<(), BadSetting> {
        if let Some(value) = self.test_clock.as_deref().filter(|value| !matches!(*value, "0" | "1")) {
            return bad("TEST_CLOCK", format!("is {value:?}; must be 1, 0 or absent"));
        }
        self.database.check_standby()?;
        self.check_operator_keys()?;
        self.check_metrics_key()?;
        self.check_addresses(demo)?;
        self.proxies()?;
        self.rate()?;
        self.anonymous_rate()?;
        #[cfg(feature = "demo")]
        if !matches!(self.demo_seed.as_str(), "full" | "none") {
            return bad("DEMO_SEED", "must be full or none");
        }
        self.check_live_key(demo)?;
        self.check_email()?;
        self.hook()?;
        self.stripe().map(|_| ())
    }

    fn check_operator_keys(&self) -> Result<(), BadSetting> {
        if let Some(short) = self.operator_keys.iter().find(|key| key.len() < 32) {
            let reason = if short.is_empty() { "has an empty key" } else { "has a key of fewer than 32 characters" };
            return bad("OPERATOR_KEYS", reason);
        }
        if !self.operator_keys.iter().all(|key| is_visible_ascii(key)) {
            return bad("OPERATOR_KEYS", "has a key with other characters than visible ASCII");
        }
        Ok(())
    }

    fn check_metrics_key(&self) -> Result<(), BadSetting> {
        let Some(key) = &self.metrics_key else { return Ok(()) };
        if key.len() < 32 || !is_visible_ascii(key) {
            return bad("METRICS_KEY", "must be 32 characters or more of visible ASCII");
        }
        if self.operator_keys.contains(key) {
            return bad("METRICS_KEY", "is an operator key, which opens everything; make another one");
        }
        Ok(())
    }

    fn check_addresses(&self, demo: bool) -> Result<(), BadSetting> {
        if let Some(url) = &self.public_url {
            check_public_url(url)?;
        }
        let is_loopback = self.listen.ip().to_canonical().is_loopback();
        if (demo || self.wants_test_clock()) && !is_loopback {
            return bad("LISTEN", "is not a loopback address, which the demo and the test clock need");
        }
        if self.public_url.is_none() && !is_loopback {
            return bad(
                "PUBLIC_URL",
                format!(
                    "is missing, while LISTEN is {}: links need the address that customers see, such as \
                     https://billing.example.com",
                    self.listen
                ),
            );
        }
        for origin in &self.return_origins {
            check_origin("RETURN_ORIGINS", origin)?;
        }
        self.checkout_origins.iter().try_for_each(|origin| check_checkout_origin(origin))
    }

    /// The trusted proxies.
    ///
    /// # Errors
    /// An entry that is neither an address nor a network.
    pub fn proxies(&self) -> Result<Vec<IpNet>, BadSetting> {
        let parse = |text: &String| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let invalid = |text: &String| BadSetting {
            name: "TRUSTED_PROXIES",
            reason: format!("has {text:?}; must be an address or a network such as 10.0.0.0/8"),
        };
        self.trusted_proxies.iter().map(|text| parse(text).ok_or_else(|| invalid(text))).collect()
    }

    /// The rate limit of each key and each session; no limit if it is not set.
    ///
    /// # Errors
    /// An invalid rate.
    pub fn rate(&self) -> Result<Option<Rate>, BadSetting> {
        let Some(text) = &self.rate_limit else { return Ok(None) };
        match text.parse() {
            Ok(rate) => Ok(Some(rate)),
            Err(reason) => bad("RATE_LIMIT", format!("is {text:?}; {reason}")),
        }
    }

    /// The rate limit of each address for anonymous requests.
    ///
    /// # Errors
    /// An invalid rate.
    pub fn anonymous_rate(&self) -> Result<Option<Rate>, BadSetting> {
        match self.rate_limit_anonymous.as_str() {
            "off" => Ok(None),
            text => text.parse().map(Some).map_err(|reason| BadSetting {
                name: "RATE_LIMIT_ANONYMOUS",
                reason: format!("is {text:?}; {reason}, or off"),
            }),
        }
    }
}

/// Checks `PUBLIC_URL`, which `values::origin` has normalised.
///
/// # Errors
/// Not an origin, or http beyond loopback.
pub fn check_public_url(text: &str) -> Result<(), BadSetting> {
    let Ok(url) = Url::parse(text) else { return bad("PUBLIC_URL", "is not a URL") };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return bad("PUBLIC_URL", "is http, which is for loopback addresses only"),
        _ => return bad("PUBLIC_URL", "is not an http(s) URL"),
    }
    if values::origin_of(text).is_none() {
        return bad("PUBLIC_URL", "must be an origin such as https://billing.example.com");
    }
    Ok(())
}

fn check_origin(name: &'static str, text: &str) -> Result<(), BadSetting> {
    if values::origin_of(text).is_some() {
        Ok(())
    } else {
        bad(name, format!("has {text:?}; must be an origin such as https://app.example.com"))
    }
}

/// Buyers pay there, so it must be https, except for a sandbox on this machine.
fn check_checkout_origin(text: &str) -> Result<(), BadSetting> {
    const NAME: &str = "CHECKOUT_ORIGINS";
    check_origin(NAME, text)?;
    let host = Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if text.starts_with("https://") || loopback {
        return Ok(());
    }
    bad(NAME, format!("has {text:?}, which is http: for loopback addresses only"))
}
