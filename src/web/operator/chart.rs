//! Money by month as bars of an inline SVG with its scale: no script, no inline style. The table beside has the figures.

use crate::domain::Money;
use crate::usecases::insight::sales::Month;
use leptos::prelude::*;

/// The picture's own units.
const HEIGHT: i128 = 160;
const STEP: usize = 60;
const BAR: usize = 40;

/// Bars of `months`, oldest first, in minor units of one currency.
#[component]
pub fn Chart(months: Vec<(Month, i128)>, currency: String) -> impl IntoView {
    let money = |minor: i128| Money::new(i64::try_from(minor).unwrap_or(i64::MAX), &currency).short();
    let top = scale_top(months.iter().map(|(_, sold)| *sold).max().unwrap_or(0));
    let width = months.len() * STEP;
    let axes = axes(&months.iter().map(|(month, _)| *month).collect::<Vec<_>>());
    let bar = |(n, (month, sold)): (usize, &(Month, i128))| {
        let height = (sold.max(&0) * HEIGHT / top).max(i128::from(*sold > 0));
        view! {
            <g>
                <title>{format!("{}: {}", month_name(*month), money(*sold))}</title>
                <rect class="none" x=n * STEP y="0" width=STEP height=HEIGHT.to_string()></rect>
                <rect class="money" x=n * STEP + (STEP - BAR) / 2 y=(HEIGHT - height).to_string() width=BAR height=height.to_string()></rect>
            </g>
        }
    };
    let line = |y: i128| view! { <line class="mark" x1="0" x2=width y1=y.to_string() y2=y.to_string() /> };
    view! {
        <figure class="card chart">
            <figcaption class="label">"Sold by month (before tax)"</figcaption>
            <div class="sold">
                <svg viewBox=format!("0 0 {width} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label="Money sold by month; the table has the figures">
                    {[0, HEIGHT / 2, HEIGHT].map(line).collect_view()}
                    {months.iter().enumerate().map(bar).collect_view()}
                </svg>
                <p class="note" aria-hidden="true">
                    {[top, top / 2, 0].map(|mark| view! { <span>{money(mark)}</span> }).collect_view()}
                </p>
                {axes}
            </div>
        </figure>
    }
}

/// The scale's top: a round number that its half can be read of, and not far above the highest bar.
fn scale_top(most: i128) -> i128 {
    let mut unit = 1_i128;
    loop {
        if let Some(top) = [2, 4, 6, 10, 16, 20].into_iter().map(|n| n * unit).find(|top| *top >= most) {
            return top.max(2);
        }
        unit = unit.saturating_mul(10);
    }
}

/// The months' names under their bars, and each year under its first. Beside the picture, so that they keep their size.
fn axes(months: &[Month]) -> impl IntoView + use<> {
    let names = months.iter().map(|name| {
        let name: String = month_name(*name).chars().take(3).collect();
        let (first, rest) = name.split_at(1);
        // The letter alone where there is no room.
        view! { <span>{first.to_owned()}<i>{rest.to_owned()}</i></span> }
    });
    // The first month is named with its year, unless January is too near.
    let year = |(n, name): (usize, &Month)| match (n, name.month) {
        (_, 1) | (0, 1..=10) => name.year.to_string(),
        _ => String::new(),
    };
    let years = months.iter().enumerate().map(|at| view! { <span>{year(at)}</span> });
    view! {
        <div class="axis label" aria-hidden="true">{names.collect_view()}</div>
        <div class="axis label" aria-hidden="true">{years.collect_view()}</div>
    }
}

/// `Nov 2026`
#[must_use]
pub fn month_name(month: Month) -> String {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = usize::try_from(month.month.saturating_sub(1)).ok().and_then(|n| NAMES.get(n)).copied();
    format!("{} {}", name.unwrap_or_default(), month.year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number_above_the_highest_bar() {
        for (most, top) in [(0, 2), (2, 2), (3, 4), (900, 1_000), (1_001, 1_600), (67_500, 100_000), (160_001, 200_000)]
        {
            assert_eq!(scale_top(most), top, "{most}");
        }
    }
}
