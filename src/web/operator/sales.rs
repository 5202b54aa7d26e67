//! `/operator/sales`: credits sold, used, expired, refunded and outstanding by month, and the money.

use crate::domain::Money;
use crate::usecases::insight::sales;
use crate::usecases::insight::sales::{KINDS, SalesLine, SalesReport};
use crate::web::operator::chart::{Chart, month_name};
use crate::web::operator::page::{operator_page, outcome_notice};
use crate::web::operator::table::{Cells, Table, amount, kind_name, section, text};
use crate::web::request_context::RequestContext;
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;

/// Months that the page shows; the files have all.
const CHART_MONTHS: usize = 18;
const TABLE_MONTHS: usize = 12;

/// `/operator/sales`
#[component]
pub fn SalesPage() -> impl IntoView {
    operator_page(|request: RequestContext| async move {
        let report = sales::sales_report(&request.app).await?;
        let body = view! {
            <h1>"Sales and liability"</h1>
            {outcome_notice(&request)}
            {unfinished(&report)}
            {outstanding(&report)}
            <Chart lines=last(&report.lines, CHART_MONTHS) />
            {section("credits", "Credits by month", credits(&report), Some(download("/operator/sales.csv", "All months as CSV")))}
            {section("money", "Money by month", money(&report), Some(download("/operator/money.csv", "All months as CSV")))}
        };
        Ok(("Sales".to_owned(), body.into_any()))
    })
}

fn last(lines: &[SalesLine], months: usize) -> Vec<SalesLine> {
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

fn unfinished(report: &SalesReport) -> Option<AnyView> {
    let (upto, all) = report.rows;
    (!report.is_whole()).then(|| {
        let words = format!("Still adding up: {upto} of {all} entries. Reload the page for the rest.");
        view! { <p class="notice warn">{words}</p> }.into_any()
    })
}

/// The credits that the shop owes its customers now.
fn outstanding(report: &SalesReport) -> AnyView {
    let credits = sales::credits_of_sum(report.outstanding());
    let paid = report.deferred.iter().map(|sum| sum_of_money(sum.minor, &sum.currency));
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

fn credits(report: &SalesReport) -> AnyView {
    let row = |line: SalesLine| -> Cells {
        let f = line.figures;
        let mut cells = vec![text(month_name(line.month)), text(kind_name(line.kind))];
        let sums = [f.granted, f.used, f.expired, f.refunded, f.voided, line.outstanding];
        cells.extend(sums.map(|sum| amount(sales::credits_of_sum(sum))));
        cells
    };
    let mut months = last(&report.lines, TABLE_MONTHS);
    months.chunks_mut(KINDS.len()).for_each(<[SalesLine]>::reverse);
    months.reverse();
    let rows = months.into_iter().map(row).collect();
    let heads =
        &["Month (UTC)", "Kind", "#Sold or granted", "#Used", "#Expired", "#Refunded", "#Voided", "#Outstanding"];
    view! { <Table caption="Credits by month" heads rows empty="No entries yet." /> }.into_any()
}

fn money(report: &SalesReport) -> AnyView {
    let row = |line: &sales::SalesMoney| -> Cells {
        let mut cells = vec![text(month_name(line.month)), text(line.purchases.to_string())];
        let sums = [line.sold, line.tax, line.refunded];
        cells.extend(sums.map(|sum| {
            let money = sum_of_money(sum, &line.currency);
            view! { <Price money long=true /> }.into_any()
        }));
        cells
    };
    let rows = report.money.iter().rev().take(TABLE_MONTHS).map(row).collect();
    let heads = &["Month (UTC)", "#Purchases", "#Sold, tax aside", "#Tax", "#Refunded by now"];
    view! { <Table caption="Money by month" heads rows empty="Nothing was sold yet." /> }.into_any()
}

fn sum_of_money(minor: i128, currency: &str) -> Money {
    Money::new(i64::try_from(minor).unwrap_or(i64::MAX), currency)
}
