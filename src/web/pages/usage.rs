//! `/usage`: what was used, by day.

use super::{Page, page};
use crate::usecases::live;
use crate::usecases::stats::{self, Range};
use crate::web::components::UsageBody;
use crate::web::live::LiveScript;
use crate::web::view::usage;
use crate::web::visit::{Stop, Visit};
use leptos::prelude::*;

/// `/usage`
#[component]
pub fn UsagePage() -> impl IntoView {
    page(load)
}

async fn load(visit: Visit) -> Result<Page, Stop> {
    let viewer = visit.signed_in().await?;
    let range = visit.query("range").and_then(|name| Range::parse(&name)).unwrap_or(Range::Month);
    let metrics = &visit.services.catalog.metrics;
    let known = |key: &String| key == "credits" || metrics.iter().any(|metric| metric.key == *key);
    let hidden = visit.query("hide").unwrap_or_default();
    let hidden: Vec<String> = hidden.split(',').map(str::to_owned).filter(known).collect();
    // Before what is shown: what happens meanwhile is fetched again.
    let last = live::last(&visit.services, viewer.customer_no).await?;
    let found = stats::usage(&visit.services, viewer.customer_no, range).await?;
    let usage = usage::view(&found, range, metrics, &hidden);
    let body = view! {
        <UsageBody usage />
        <LiveScript last />
    };
    Ok(Page::new("Usage", Some(viewer), body))
}
