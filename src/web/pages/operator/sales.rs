//! `/operator/sales`: credits sold, used, expired, refunded and outstanding by month, and the money.

use crate::usecases::insight::sales;
use crate::usecases::insight::sales::{KINDS, Line, Report};
use crate::web::components::operator::{Cells, Chart, Table};
use crate::web::components::text::{Amount, Price};
use crate::web::pages::operator::{outcome, page, section, text};
use crate::web::request_context::RequestContext;
use crate::web::view::operator as words;
use leptos::prelude::*;

/// Months that the page shows; the files have all.
const CHART_MONTHS: usize = 18;
const TABLE_MONTHS: usize = 12;

/// `/operator/sales`
#[component]
pub fn SalesPage() -> impl IntoView {
    page(|visit: RequestContext| async move {
        let report = sales::report(&visit.app).await?;
        let body = view! {
            <h1>"Sales and liability"</h1>
            {outcome(&visit)}
            {unfinished(&report)}
            {owed(&report)}
            <Chart lines=last(&report.lines, CHART_MONTHS) />
            {section("credits", "Credits by month", credits(&report), Some(download("/operator/sales.csv", "All months as CSV")))}
            {section("money", "Money by month", money(&report), Some(download("/operator/money.csv", "All months as CSV")))}
        };
        Ok(("Sales".to_owned(), body.into_any()))
    })
}

fn last(lines: &[Line], months: usize) -> Vec<Line> {
    lines[lines.len().saturating_sub(months * KINDS.len())..].to_vec()
}

fn download(href: &'static str, label: &'static str) -> AnyView {
    view! {
        <p class="after">
            <a href=href>{label}</a>
        </p>
    }
    .into_any()
}

fn unfinished(report: &Report) -> Option<AnyView> {
    let (upto, all) = report.rows;
    (!report.is_whole()).then(|| {
        let said = format!("Still adding up: {upto} of {all} entries. Reload the page for the rest.");
        view! { <p class="notice warn">{said}</p> }.into_any()
    })
}

/// What the shop owes its customers now.
fn owed(report: &Report) -> AnyView {
    let credits = sales::credits(report.outstanding());
    let paid = report.deferred.iter().map(|sum| words::money(sum.minor, &sum.currency));
    let paid = paid.map(|money| view! { <Price money long=true /> " " }).collect_view();
    let none = report.deferred.is_empty().then_some("nothing");
    view! {
        <section class="card" aria-label="Outstanding">
            <p class="label">"Outstanding now: the sum of all balances"</p>
            <p class="figure">
                <Amount credits />
                <small>" credits"</small>
            </p>
            <p class="note">"For the top-up credits among them was paid, tax aside: " {paid} {none}</p>
        </section>
    }
    .into_any()
}

fn credits(report: &Report) -> AnyView {
    let row = |line: Line| -> Cells {
        let f = line.figures;
        let mut cells = vec![text(words::month(line.month)), text(words::kind(line.kind))];
        let sums = [f.granted, f.used, f.expired, f.refunded, f.voided, line.outstanding];
        cells.extend(sums.map(|sum| super::amount(sales::credits(sum))));
        cells
    };
    let mut months = last(&report.lines, TABLE_MONTHS);
    months.chunks_mut(KINDS.len()).for_each(<[Line]>::reverse);
    months.reverse();
    let rows = months.into_iter().map(row).collect();
    let heads =
        &["Month (UTC)", "Kind", "#Sold or granted", "#Used", "#Expired", "#Refunded", "#Voided", "#Outstanding"];
    view! { <Table caption="Credits by month" heads rows empty="No entries yet." /> }.into_any()
}

fn money(report: &Report) -> AnyView {
    let row = |line: &sales::Money| -> Cells {
        let mut cells = vec![text(words::month(line.month)), text(line.purchases.to_string())];
        let sums = [line.sold, line.tax, line.refunded];
        cells.extend(sums.map(|sum| {
            let money = words::money(sum, &line.currency);
            view! { <Price money long=true /> }.into_any()
        }));
        cells
    };
    let rows = report.money.iter().rev().take(TABLE_MONTHS).map(row).collect();
    let heads = &["Month (UTC)", "#Purchases", "#Sold, tax aside", "#Tax", "#Refunded by now"];
    view! { <Table caption="Money by month" heads rows empty="Nothing was sold yet." /> }.into_any()
}
