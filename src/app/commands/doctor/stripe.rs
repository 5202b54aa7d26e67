//! Stripe: the key's rights and the webhook endpoint.

use crate::app::commands::doctor::checkout;
use crate::app::commands::doctor::report::DoctorReport;
use crate::clock::Clock;
use crate::settings::Settings;
use crate::store::Store;
use crate::stripe::{Endpoint, Right, Stripe, StripeError};
use crate::usecases::stripe_sync::inbox;

/// The rights that selling needs.
const RIGHTS: [(&str, Right); 7] = [
    ("customers: write", Right::Write("/customers")),
    ("checkout sessions: write", Right::Write("/checkout/sessions")),
    ("refunds: write", Right::Write("/refunds")),
    ("charges: read", Right::Read("/charges")),
    ("disputes: read", Right::Read("/disputes")),
    ("invoices: write", Right::Write("/invoices")),
    ("events: read", Right::Read("/events")),
];

/// The rights that plans by subscription need too.
const SUBSCRIPTION_RIGHTS: [(&str, Right); 2] = [
    ("subscriptions: read", Right::Read("/subscriptions")),
    ("customer portal: write", Right::Write("/billing_portal/sessions")),
];

/// Checks the key, its rights, Checkout, the clock and the webhook endpoint.
pub async fn check(report: &mut DoctorReport, settings: &Settings, subscribes: bool) {
    let Ok(Some(found)) = settings.stripe() else {
        return report.note("Stripe", "STRIPE_SECRET_KEY is not set: buying is off");
    };
    let stripe = match Stripe::new(&found.secret_key, found.api_base.as_deref()) {
        Ok(stripe) => stripe,
        Err(reason) => return report.wrong("Stripe", format!("STRIPE_API_BASE: {reason}")),
    };
    report.good("Stripe", if stripe.livemode() { "a live key: money moves" } else { "a test key" });
    for missing in missing_rights(&stripe, subscribes).await {
        report.wrong("Stripe", missing);
    }
    let store = Store::open_existing(&settings.database.database_url).await.ok();
    report.add(checkout::checkout_origin(settings, store.as_ref(), &stripe).await);
    if let Some(store) = store {
        store.close().await;
    }
    report.add(checkout::stripe_clock(found.api_base.as_deref()).await);
    match (stripe.endpoints().await, &settings.public_url) {
        (Err(StripeError::Unauthorized(_)), _) => report.note(
            "webhook",
            "the key may not read webhook endpoints, so they are not checked. Compare with Stripe's webhook page",
        ),
        (Err(e), _) => report.wrong("webhook", e),
        (Ok(_), None) => report.note("webhook", "not checked, since PUBLIC_URL is not set"),
        (Ok(all), Some(base)) => endpoint(report, &all, &webhook_url(base)),
    }
}

fn endpoint(report: &mut DoctorReport, all: &[Endpoint], url: &str) {
    let Some(ours) = all.iter().find(|endpoint| endpoint.url == url) else {
        return report
            .wrong("webhook", format!("no endpoint at Stripe has the URL {url}: `topup stripe setup` creates one"));
    };
    let missing = ours.missing(&inbox::EVENTS);
    if ours.status != "enabled" {
        report.wrong("webhook", format!("{} is {}: `topup stripe setup` enables it", ours.id, ours.status));
    } else if missing.is_empty() {
        report.good("webhook", format!("{} sends its events to {url}", ours.id));
    } else {
        let missing = missing.join(", ");
        report.wrong("webhook", format!("{} does not send {missing}: `topup stripe setup` adds them", ours.id));
    }
}

/// The URL of the webhook endpoint.
pub fn webhook_url(public_url: &str) -> String {
    format!("{}/webhooks/stripe", public_url.trim_end_matches('/'))
}

/// A line for each right that the key lacks, or the error of Stripe. `subscribes`: whether plans follow subscriptions.
pub async fn missing_rights(stripe: &Stripe, subscribes: bool) -> Vec<String> {
    let mut missing = Vec::new();
    let subscription_rights = SUBSCRIPTION_RIGHTS.into_iter().filter(|_| subscribes);
    for (name, right) in RIGHTS.into_iter().chain(subscription_rights) {
        let key = format!("doctor:{}", Clock::system().mint());
        match stripe.may(&key, right).await {
            Ok(()) => {}
            Err(StripeError::Unauthorized(reason)) => {
                missing.push(format!("the key lacks {name} ({reason}): add the right at Stripe"));
            }
            Err(e) => {
                missing.push(e.to_string());
                break;
            }
        }
    }
    missing
}
