//! `/usage`: what was used, by day.

use crate::usecases::insight::usage::Range;
use crate::usecases::insight::{self, live};
use crate::web::components::UsageBody;
use crate::web::live::LiveScript;
use crate::web::pages::{Page, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::usage;
use leptos::prelude::*;

/// `/usage`
#[component]
pub fn UsagePage() -> impl IntoView {
    page(load)
}

async fn load(visit: RequestContext) -> Result<Page, Stop> {
    let viewer = visit.signed_in().await?;
    let range = visit.query("range").and_then(|name| Range::parse(&name)).unwrap_or(Range::Month);
    let metrics = &visit.app.catalog.metrics;
    let known = |key: &String| key == "credits" || metrics.iter().any(|metric| metric.key == *key);
    let hidden = visit.query("hide").unwrap_or_default();
    let hidden: Vec<String> = hidden.split(',').map(str::to_owned).filter(known).collect();
    // Before what is shown: what happens meanwhile is fetched again.
    let last = live::last_entry(&visit.app, viewer.customer_no).await?;
    let found = insight::usage::usage(&visit.app, viewer.customer_no, range).await?;
    let usage = usage::view(&found, range, metrics, &hidden);
    let body = view! {
        <UsageBody usage />
        <LiveScript last />
    };
    Ok(Page::new("Usage", Some(viewer), body))
}
