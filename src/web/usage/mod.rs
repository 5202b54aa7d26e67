//! `/usage`: charts by day or week, the same figures in a table, and usage by operation and source.

pub mod charts;
pub mod choice;
pub mod csv_file;
pub mod custom;
#[cfg(test)]
mod example;
pub mod measure;
pub mod sections;
pub mod splits;
pub mod table;

use crate::store::daily_usage::day_number;
use crate::store::db::Connection;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::insight::cycles::cycles;
use crate::usecases::insight::live;
use crate::usecases::insight::usage::{at_this_pace, usage_overview};
use crate::web::live::LiveScript;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::as_of::AsOf;
use crate::web::ui::chips::{Switches, Tabs};
use crate::web::ui::dates::Zone;
use crate::web::usage::charts::Chart;
use crate::web::usage::choice::UsageChoice;
use crate::web::usage::custom::CustomForm;
use crate::web::usage::sections::{Shown, UsageDetails, UsageSections, UsageView};
use crate::web::usage::splits::Split;
use crate::web::usage::table::Table;
use leptos::prelude::*;

/// Everything between header and footer.
#[component]
pub fn UsageBody(usage: UsageSections) -> impl IntoView {
    view! {
        <div data-live="usage">
            <Sections usage />
        </div>
    }
}

#[component]
fn Sections(usage: UsageSections) -> impl IntoView {
    let UsageSections { ranges, custom, shown, as_of } = usage;
    let csv = match &shown {
        Shown::Usage(details) => Some(details.csv.clone()),
        _ => None,
    };
    let csv = csv.map(|href| {
        view! {
            <a class="csv" href=href>
                "Download as CSV"
            </a>
        }
    });
    let shown = match shown {
        Shown::Nothing => ().into_any(),
        Shown::NoUsage(words) => view! { <p class="card empty note">{words}</p> }.into_any(),
        Shown::Usage(details) => view! { <Details details=*details /> }.into_any(),
    };
    view! {
        <h1>"Usage"</h1>
        <div class="ranges">
            <Tabs chips=ranges label="Range" />
            {csv}
        </div>
        {custom.map(|(days, hidden)| view! { <CustomForm days hidden /> })}
        {shown}
        {as_of.map(|(at, zone)| view! { <AsOf at=Some(at) zone /> })}
    }
    .into_any()
}

#[component]
fn Details(details: UsageDetails) -> impl IntoView {
    let UsageDetails { switches, charts, table, boundary, splits, .. } = details;
    let switches = (switches.len() > 1).then(|| view! { <Switches chips=switches label="Metrics" /> });
    let off = charts.is_empty().then(|| {
        view! { <p class="card empty note">"All charts are hidden. Choose one above."</p> }
    });
    let charts = charts.into_iter().map(|chart| view! { <Chart chart /> }).collect_view();
    let splits = (!splits.is_empty()).then(|| {
        let splits = splits.into_iter().map(|split| view! { <Split split /> }).collect_view();
        view! { <div class="halves even">{splits}</div> }
    });
    view! {
        {switches}
        {off}
        <div class="charts">{charts}</div>
        {splits}
        <section>
            <h2 id="days">{table.title}</h2>
            <Table table />
            {boundary.map(|text| view! { <p class="after">{text}</p> })}
        </section>
    }
    .into_any()
}

/// `/usage`
#[component]
pub fn UsagePage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    let (app, no) = (&request.app, viewer.customer_no);
    let metrics = app.catalog.metrics.clone();
    let is_known = |key: &String| key == "credits" || metrics.iter().any(|metric| metric.key == *key);
    let hidden = request.query("hide").unwrap_or_default();
    let hidden: Vec<String> = hidden.split(',').map(str::to_owned).filter(is_known).collect();
    let today = day_number(app.clock.now());
    let choice = UsageChoice::read(|name| request.query(name), today);
    let (zone, now) = (Zone::named(&viewer.timezone), app.clock.now());
    // The script was told of an entry that a standby may not have yet.
    let from = if request.background().is_some() { ReadFrom::Primary } else { ReadFrom::Standby };
    let asked = (&choice, &metrics, &hidden);
    let read = read_dated(app, no, from, |mut db: Connection| async move {
        let db = &mut db;
        let cycles = cycles(db, no).await?;
        let (choice, metrics, hidden) = (asked.0.clone(), asked.1.clone(), asked.2.clone());
        let view = UsageView { choice, cycles, zone, metrics, hidden, today };
        // Of the same state as the figures, so that later usage is fetched again.
        let last = live::last_entry_of(db, no).await?;
        let Ok(period) = view.choice.period(cycles.as_ref(), today) else { return Ok((view.without_figures(), last)) };
        let found = usage_overview(db, no, &period).await?;
        let pace = match &cycles {
            Some(cycles) if view.choice == UsageChoice::ThisCycle => {
                at_this_pace(db, no, cycles, found.total.totals.credits(), now).await?
            }
            _ => None,
        };
        Ok((view.sections(&period, &found, pace.as_ref()), last))
    });
    let Dated { found: (usage, last), as_of } = read.await?;
    let usage = UsageSections { as_of: as_of.map(|at| (at, zone)), ..usage };
    let body = view! {
        <UsageBody usage />
        <LiveScript last />
    };
    Ok(Page::new("Usage", Some(viewer), body))
}
