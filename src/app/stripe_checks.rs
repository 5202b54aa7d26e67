//! What `doctor` finds out about selling through Stripe beside the key's rights: where Checkout is shown, limits of
//! Stripe's that the catalogue is near, and how far the two clocks are apart. Nothing is changed.

use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::{Catalog, Money, money};
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

/// How far Stripe's clock may be from ours before somebody should look.
const CLOCK_SECONDS: i64 = 30;
/// How long Stripe's clock is waited for.
const CLOCK_WAIT: Duration = Duration::from_secs(5);
/// Where Stripe shows Checkout and portal where a shop has no domain of its own.
const STRIPES: [&str; 2] = ["https://checkout.stripe.com", "https://billing.stripe.com"];

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// As it should be.
    Good(&'static str, String),
    /// To be known.
    Note(&'static str, String),
    /// To be mended.
    Wrong(&'static str, String),
}

use Finding::{Good, Note, Wrong};

/// What of the catalogue Stripe does not take, or not as it stands there.
pub(super) fn limits(catalog: &Catalog) -> Vec<Finding> {
    let (shop, mut found) = (&catalog.shop, Vec::new());
    let (said, real) = (shop.checkout_minutes, shop.open_minutes());
    if said != real {
        let why = "Stripe takes 30 minutes to 24 hours from the moment a request reaches it, by its own clock";
        found.push(Note("catalogue", format!("checkout_minutes = {said} acts as {real}: {why}")));
    }
    for method in shop.payment_methods.iter().filter(|method| !is_payment_method(method)) {
        let words =
            format!("payment_methods has {method:?}, which this version does not know of: see that Stripe does");
        found.push(Wrong("catalogue", words));
    }
    if money::minimum(&shop.currency).is_none()
        && let Some(package) = catalog.packages.first()
    {
        let price = Money::new(package.amount, &shop.currency).long();
        let words =
            format!("the smallest package costs {price}: Stripe refuses what is worth less than about 0.50 USD");
        found.push(Note("catalogue", words));
    }
    found
}

/// Whether forms may lead to where Stripe shows Checkout. Known from the newest that were opened, here or at Stripe.
pub(super) async fn checkout_origin(settings: &Settings, store: Option<&Store>, stripe: &Stripe) -> Finding {
    const WHAT: &str = "Checkout";
    let mut urls = stripe.open_checkout_urls().await.unwrap_or_default();
    if let Some(store) = store {
        urls.extend(newest_url(store).await);
    }
    let origins = urls.iter().filter_map(|url| Some(Url::parse(url).ok()?.origin().ascii_serialization()));
    let origins: Vec<String> = origins.collect();
    let Some(newest) = origins.first() else {
        return Note(WHAT, "none was opened yet: where Stripe shows it is not known".to_owned());
    };
    let named = settings.checkout_origins.iter().map(|origin| origin.trim_end_matches('/'));
    let known: Vec<&str> = STRIPES.into_iter().chain(named).collect();
    match origins.iter().find(|origin| !known.contains(&origin.as_str())) {
        None => Good(WHAT, format!("is shown at {newest}")),
        Some(other) => Wrong(
            WHAT,
            format!(
                "Stripe shows it at {other}, to which no form may lead: a page with a link stands between. Set \
                 CHECKOUT_ORIGINS={other}"
            ),
        ),
    }
}

async fn newest_url(store: &Store) -> Option<String> {
    let sql = "select url from purchases where url is not null and state in ('open', 'processing')
        order by created_at desc limit 1";
    let row = store.read().await.ok()?.one(sql, Vec::new()).await.ok()??;
    row.opt_text("url").ok()?
}

/// How far Stripe's clock is from this machine's: a Checkout's end is an instant that both must understand.
pub(super) async fn clock(base: Option<&str>) -> Finding {
    const WHAT: &str = "clock";
    let Some(theirs) = stripes_time(base.unwrap_or("https://api.stripe.com/")).await else {
        return Note(WHAT, "Stripe's could not be read".to_owned());
    };
    let apart = theirs - Clock::system().real().timestamp();
    if apart.abs() <= CLOCK_SECONDS {
        return Good(WHAT, "Stripe's is ours".to_owned());
    }
    Wrong(WHAT, format!("Stripe's is {apart} seconds from ours: set this machine's by NTP"))
}

/// The time that an answer of Stripe's bears, in seconds since 1970. What it answers does not matter.
async fn stripes_time(base: &str) -> Option<i64> {
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
    use super::{Finding, limits};
    use crate::domain::Catalog;

    #[test]
    fn limits_of_stripes_that_a_catalogue_is_near_are_told() {
        let sample = include_str!("../../catalog.toml");
        let told = |from: &str, to: &str| {
            let changed = sample.replace(from, to);
            assert_ne!(changed, sample, "{from}");
            limits(&Catalog::parse(&changed).expect("a catalogue"))
        };
        assert_eq!(limits(&Catalog::parse(sample).expect("a catalogue")), []);
        for (minutes, real) in [(30, 40), (1_440, 1_430)] {
            let found = told("checkout_minutes = 60", &format!("checkout_minutes = {minutes}"));
            let [Finding::Note("catalogue", words)] = &found[..] else { panic!("{found:?}") };
            assert!(words.contains(&format!("checkout_minutes = {minutes} acts as {real}")), "{words}");
        }
        let found = told(r#"["card", "link"]"#, r#"["crad"]"#);
        assert!(matches!(&found[..], [Finding::Wrong(_, words)] if words.contains("\"crad\"")), "{found:?}");
        let found = told(r#"currency = "usd""#, r#"currency = "all""#);
        assert!(matches!(&found[..], [Finding::Note(_, words)] if words.contains("ALL 9.00")), "{found:?}");
    }
}
