//! Outstanding credits by month, as bars of an inline SVG: no script, no inline style. The table beside has the figures.

use crate::usecases::insight::sales;
use crate::usecases::insight::sales::{KINDS, Month, SalesLine};
use leptos::prelude::*;

/// The picture's own units.
const HEIGHT: i128 = 160;
const STEP: usize = 50;
const BAR: usize = 34;

/// Bars of the last months of `lines`, each kind a part of its bar.
#[component]
pub fn Chart(lines: Vec<SalesLine>) -> impl IntoView {
    let months: Vec<(Month, Vec<SalesLine>)> =
        lines.chunks(KINDS.len()).filter_map(|kinds| Some((kinds.first()?.month, kinds.to_vec()))).collect();
    let total = |lines: &[SalesLine]| lines.iter().map(|line| line.outstanding.max(0)).sum::<i128>();
    let most = months.iter().map(|(_, lines)| total(lines)).max().unwrap_or(0).max(1);
    let width = months.len() * STEP;
    let axes = axes(&months.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let bars = months.into_iter().enumerate().map(|(n, (name, lines))| {
        let title =
            format!("{}: {} credits outstanding", month_name(name), sales::credits_of_sum(total(&lines)).grouped());
        let x = n * STEP + (STEP - BAR) / 2;
        let mut top = HEIGHT;
        let parts = lines.into_iter().zip(["used", "held", "teal"]).map(|(line, class)| {
            let height = line.outstanding.max(0) * HEIGHT / most;
            top -= height;
            view! { <rect class=class x=x y=top.to_string() width=BAR height=height.to_string()></rect> }
        });
        let parts = parts.collect_view();
        view! {
            <g>
                <title>{title}</title>
                {parts}
            </g>
        }
    });
    view! {
        <figure class="card chart">
            <figcaption class="label">
                "Outstanding at the end of each month: " <span class="key used">"plan"</span> " "
                <span class="key held">"courtesy"</span> " " <span class="key teal">"top-up"</span>
            </figcaption>
            <svg viewBox=format!("0 0 {width} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label="Credits outstanding by month; the table has the figures">
                {bars.collect_view()}
            </svg>
            {axes}
        </figure>
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
    let year =
        |(n, name): (usize, &Month)| if n == 0 || name.month == 1 { name.year.to_string() } else { String::new() };
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
