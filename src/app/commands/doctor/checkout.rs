//! Checkout: its origin, Stripe's limits for the catalogue, and Stripe's clock.

use crate::app::commands::doctor::clock::DIFFERENCE_MAX;
use crate::app::commands::doctor::report::Finding;
use crate::app::commands::doctor::report::Finding::{Good, Note, Wrong};
use crate::clock::Clock;
use crate::domain::{Catalog, Money, money};
use crate::settings::Settings;
use crate::store::Store;
use crate::stripe::{Stripe, is_payment_method};
use axum::body::Bytes;
use http_body_util::Empty;
use hyper::header::DATE;
use hyper::{Method, Request};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use url::Url;

/// The time-out for Stripe's clock.
const CLOCK_WAIT: Duration = Duration::from_secs(5);
/// The origins of Checkout and portal without a custom domain.
const STRIPE_ORIGINS: [&str; 2] = ["https://checkout.stripe.com", "https://billing.stripe.com"];

/// Values of the catalogue that Stripe refuses or changes.
pub fn catalog_limits(catalog: &Catalog) -> Vec<Finding> {
    let (shop, mut found) = (&catalog.shop, Vec::new());
    let (minutes, acts_as) = (shop.checkout_minutes, shop.open_minutes());
    if minutes != acts_as {
        let why = "Stripe allows 30 minutes to 24 hours, by its own clock";
        found.push(Note("catalogue", format!("checkout_minutes = {minutes} acts as {acts_as}: {why}")));
    }
    for method in shop.payment_methods.iter().filter(|method| !is_payment_method(method)) {
        let text = format!("payment_methods has {method:?}, which this version does not know. Check that Stripe does");
        found.push(Wrong("catalogue", text));
    }
    if money::smallest_charge(&shop.currency).is_none()
        && let Some(package) = catalog.packages.first()
    {
        let price = Money::new(package.amount, &shop.currency).long();
        let text = format!("the smallest package costs {price}: Stripe refuses payments below about 0.50 USD");
        found.push(Note("catalogue", text));
    }
    found
}

/// Compares the origin of the newest Checkout Sessions with the origins that forms may lead to.
pub async fn checkout_origin(settings: &Settings, store: Option<&Store>, stripe: &Stripe) -> Finding {
    const SUBJECT: &str = "Checkout";
    let mut urls = stripe.open_checkout_urls().await.unwrap_or_default();
    if let Some(store) = store {
        urls.extend(newest_url(store).await);
    }
    let origins = urls.iter().filter_map(|url| Some(Url::parse(url).ok()?.origin().ascii_serialization()));
    let origins: Vec<String> = origins.collect();
    let Some(newest) = origins.first() else {
        return Note(SUBJECT, "no Checkout was opened yet, so its origin is unknown".to_owned());
    };
    let named = settings.checkout_origins.iter().map(|origin| origin.trim_end_matches('/'));
    let known: Vec<&str> = STRIPE_ORIGINS.into_iter().chain(named).collect();
    match origins.iter().find(|origin| !known.contains(&origin.as_str())) {
        None => Good(SUBJECT, format!("is shown at {newest}")),
        Some(other) => Wrong(
            SUBJECT,
            format!(
                "Stripe shows it at {other}, where forms may not lead, so buyers get a page with a link first. Set \
                 CHECKOUT_ORIGINS={other}"
            ),
        ),
    }
}

async fn newest_url(store: &Store) -> Option<String> {
    let sql = "select url from purchases where url is not null and state in ('open', 'processing')
        order by created_at desc limit 1";
    let row = store.read().await.ok()?.fetch_optional(sql, Vec::new()).await.ok()??;
    row.opt_text("url").ok()?
}

/// Compares Stripe's clock with this machine's: a Checkout Session ends at an instant by both clocks.
pub async fn stripe_clock(base: Option<&str>) -> Finding {
    const SUBJECT: &str = "clock";
    let Some(theirs) = stripe_time(base.unwrap_or("https://api.stripe.com/")).await else {
        return Note(SUBJECT, "Stripe's could not be read".to_owned());
    };
    let apart = theirs - Clock::system().real().timestamp();
    if apart.abs() <= DIFFERENCE_MAX {
        return Good(SUBJECT, "Stripe's is ours".to_owned());
    }
    Wrong(SUBJECT, format!("Stripe's is {apart} seconds from ours: set this machine's by NTP"))
}

/// The `Date` header of any answer of Stripe, in seconds since 1970.
async fn stripe_time(base: &str) -> Option<i64> {
    let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let uri = format!("{}/v1/events", base.trim_end_matches('/'));
    let request = Request::builder().method(Method::GET).uri(uri).body(Empty::new()).ok()?;
    let answer = tokio::time::timeout(CLOCK_WAIT, client.request(request)).await.ok()?.ok()?;
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    chrono::DateTime::parse_from_rfc2822(date).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{Finding, catalog_limits};
    use crate::domain::Catalog;

    #[test]
    fn limits_of_stripe_are_reported() {
        let sample = include_str!("../../../../catalog.toml");
        let findings = |from: &str, to: &str| {
            let changed = sample.replace(from, to);
            assert_ne!(changed, sample, "{from}");
            catalog_limits(&Catalog::parse(&changed).expect("a catalogue"))
        };
        assert_eq!(catalog_limits(&Catalog::parse(sample).expect("a catalogue")), []);
        for (minutes, real) in [(30, 40), (1_440, 1_430)] {
            let found = findings("checkout_minutes = 60", &format!("checkout_minutes = {minutes}"));
            let [Finding::Note("catalogue", words)] = &found[..] else { panic!("{found:?}") };
            assert!(words.contains(&format!("checkout_minutes = {minutes} acts as {real}")), "{words}");
        }
        let found = findings(r#"["card", "link"]"#, r#"["crad"]"#);
        assert!(matches!(&found[..], [Finding::Wrong(_, words)] if words.contains("\"crad\"")), "{found:?}");
        let found = findings(r#"currency = "usd""#, r#"currency = "all""#);
        assert!(matches!(&found[..], [Finding::Note(_, words)] if words.contains("ALL 9.00")), "{found:?}");
    }
}
