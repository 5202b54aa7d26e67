//! `/operator/sales`: money by month, what is owed to customers, and one row a month.

use crate::domain::{Kind, Money};
use crate::usecases::insight::sales;
use crate::usecases::insight::sales::{KINDS, Month, SalesLine, SalesReport};
use crate::web::operator::chart::{Chart, month_name};
use crate::web::operator::page::{operator_page, outcome_notice};
use crate::web::operator::table::{Cells, Table, amount, section, text};
use crate::web::request_context::RequestContext;
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;

/// Months that the page shows; the files have all.
const MONTHS: usize = 12;

/// A figure of the table that is zero.
const NONE: &str = "–";

/// `/operator/sales`
#[component]
pub fn SalesPage() -> impl IntoView {
    operator_page(|request: RequestContext| async move {
        let report = sales::sales_report(&request.app).await?;
        let currency = request.app.catalog.shop.currency.clone();
        let now = Month::of(request.app.clock.now());
        let body = view! {
            <h1>"Sales"</h1>
            {outcome_notice(&request)}
            {report_of(&report, now, &currency)}
        };
        Ok(("Sales".to_owned(), body.into_any()))
    })
}

/// The report of the last months.
pub fn report_of(report: &SalesReport, now: Month, currency: &str) -> AnyView {
    let months = months(now);
    view! {
        {unfinished(report)}
        {sold(report, &months, currency)}
        {owed(report)}
        {section("months", "By month", by_month(report, &months, currency), Some(files()))}
    }
    .into_any()
}

/// The last months, oldest first.
fn months(now: Month) -> Vec<Month> {
    let mut first = Month { year: now.year - 1, month: now.month }.next();
    let mut months = Vec::with_capacity(MONTHS);
    for _ in 0..MONTHS {
        months.push(first);
        first = first.next();
    }
    months
}

fn files() -> AnyView {
    view! {
        <p class="after">
            <a href="/operator/money.csv">"Money, all months (CSV)"</a>
            " · "
            <a href="/operator/sales.csv">"Credits by kind, all months (CSV)"</a>
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

/// The money of these months: the sum of each currency, and bars of the shop's own.
fn sold(report: &SalesReport, months: &[Month], currency: &str) -> AnyView {
    let within = |line: &&sales::SalesMoney| months.contains(&line.month);
    let mut sums: Vec<(String, i128)> = vec![(currency.to_owned(), 0)];
    for line in report.money.iter().filter(within) {
        match sums.iter_mut().find(|(other, _)| *other == line.currency) {
            Some((_, sum)) => *sum += line.sold,
            None => sums.push((line.currency.clone(), line.sold)),
        }
    }
    let of_month = |month: &Month| {
        let lines = report.money.iter().filter(|line| line.month == *month && line.currency == currency);
        (*month, lines.map(|line| line.sold).sum())
    };
    let sums = sums.into_iter().map(|(currency, sum)| view! { {price(sum, &currency)} " " });
    view! {
        <section aria-label="Sold">
            <p class="label">{format!("Sold in {MONTHS} months (before tax)")}</p>
            <p class="figure">{sums.collect_view()}</p>
            <Chart months=months.iter().map(of_month).collect() currency=currency.to_owned() />
        </section>
    }
    .into_any()
}

/// The credits that the shop owes its customers now, and the money that was paid for them.
fn owed(report: &SalesReport) -> AnyView {
    let credits = sales::credits_of_sum(report.outstanding());
    let top_ups = report.lines.iter().rfind(|line| line.kind == Kind::TopUp).map_or(0, |line| line.outstanding);
    let top_ups = sales::credits_of_sum(top_ups);
    let paid = report.deferred.iter().map(|sum| view! { {price(sum.minor, &sum.currency)} " " }).collect_view();
    let none = report.deferred.is_empty().then_some("None");
    view! {
        <section class="card" aria-label="Outstanding">
            <p class="label">"Paid for unused top-ups, before tax (deferred revenue)"</p>
            <p class="figure">{paid} {none}</p>
            <p class="note">
                "Outstanding credits: " <Amount credits=top_ups /> " in top-ups, " <Amount credits /> " in all."
            </p>
        </section>
    }
    .into_any()
}

/// A row a month, and one for each further currency in it.
fn by_month(report: &SalesReport, months: &[Month], currency: &str) -> AnyView {
    let first = report.lines.first().map(|line| line.month);
    let mut rows: Vec<Cells> = Vec::new();
    for month in months.iter().rev().filter(|month| first.is_some_and(|first| **month >= first)) {
        let money: Vec<&sales::SalesMoney> = report.money.iter().filter(|line| line.month == *month).collect();
        let own = money.iter().find(|line| line.currency == currency);
        rows.push(row(report, *month, own.copied(), currency));
        let others = money.iter().filter(|line| line.currency != currency);
        rows.extend(others.map(|line| {
            let mut cells = vec![text(format!("{} ({})", month_name(*month), line.currency.to_uppercase()))];
            cells.extend(money_cells(Some(line), &line.currency));
            cells.extend((0..4).map(|_| ().into_any()));
            cells
        }));
    }
    let heads = &[
        "Month (UTC)",
        "#Purchases",
        "#Sold (before tax)",
        "#Tax",
        "#Refunded to date",
        "#Credits sold",
        "#Credits used",
        "#Credits expired",
        "#Credits outstanding",
    ];
    view! { <Table caption="By month" heads rows empty="No sales yet." /> }.into_any()
}

fn row(report: &SalesReport, month: Month, money: Option<&sales::SalesMoney>, currency: &str) -> Cells {
    let lines: Vec<&SalesLine> = report.lines.iter().filter(|line| line.month == month).collect();
    debug_assert!(lines.len() <= KINDS.len());
    let sum = |figure: fn(&SalesLine) -> i128| match lines.iter().map(|line| figure(line)).sum() {
        0 => text(NONE),
        sum => amount(sales::credits_of_sum(sum)),
    };
    let mut cells = vec![text(month_name(month))];
    cells.extend(money_cells(money, currency));
    cells.push(sum(|line| if line.kind == Kind::TopUp { line.figures.granted } else { 0 }));
    cells.push(sum(|line| line.figures.used));
    cells.push(sum(|line| line.figures.expired));
    cells.push(sum(|line| line.outstanding));
    cells
}

fn money_cells(money: Option<&sales::SalesMoney>, currency: &str) -> Vec<AnyView> {
    let sums = money.map_or([0; 3], |line| [line.sold, line.tax, line.refunded]);
    let purchases = money.map_or(0, |line| line.purchases);
    let mut cells = vec![text(if purchases == 0 { NONE.to_owned() } else { purchases.to_string() })];
    cells.extend(sums.map(|sum| if sum == 0 { text(NONE) } else { price(sum, currency) }));
    cells
}

fn price(minor: i128, currency: &str) -> AnyView {
    let money = Money::new(i64::try_from(minor).unwrap_or(i64::MAX), currency);
    view! { <Price money long=true /> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_months_end_with_this_one() {
        let months = months(Month { year: 2027, month: 1 });
        assert_eq!(
            (months.len(), months[0], months[11]),
            (12, Month { year: 2026, month: 2 }, Month { year: 2027, month: 1 })
        );
    }
}
