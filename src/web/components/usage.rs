//! `/usage`: charts, and the table that says the same.

use crate::web::components::text::Amount;
use crate::web::view::usage::{Bar, ChartView, SplitRow, SplitView, Switch, UsageView};
use leptos::prelude::*;

/// The picture's own units.
const HEIGHT: i64 = 120;
const WIDTH: usize = 720;

/// Everything between header and footer.
#[component]
pub fn UsageBody(usage: UsageView) -> impl IntoView {
    view! {
        <div data-live="usage">
            <Whole usage />
        </div>
    }
}

#[component]
fn Whole(usage: UsageView) -> impl IntoView {
    let ranges = view! { <Switches switches=usage.ranges.clone() label="Range" /> };
    let head = view! {
        <div class="heading">
            <h1>"Usage"</h1>
            {ranges}
        </div>
    };
    if usage.empty {
        return view! {
            {head}
            <p class="card empty note">
                "Nothing was used in this time. What your requests use shows here, day by day."
            </p>
        }
        .into_any();
    }
    let csv = usage.csv.clone();
    let several = usage.switches.len() > 1;
    let switches = several.then(|| view! { <Switches switches=usage.switches.clone() label="Metrics" /> });
    let charts = usage.charts.clone().into_iter().map(|chart| view! { <Chart chart /> }).collect_view();
    let off = usage.charts.is_empty().then(|| {
        view! { <p class="card empty note">"Every chart is switched off. Choose one above."</p> }
    });
    let splits = usage.splits.clone().into_iter().map(|split| view! { <Split split /> }).collect_view();
    let splits = (!usage.splits.is_empty()).then(|| view! { <div class="halves even">{splits}</div> });
    view! {
        {head}
        {switches}
        {off}
        <div class="charts">{charts}</div>
        {splits}
        <section>
            <h2 id="days">{usage.table}</h2>
            <Table usage />
            <p class="after">
                <a href=csv>"Download as CSV"</a>
            </p>
        </section>
    }
    .into_any()
}

#[component]
fn Switches(switches: Vec<Switch>, label: &'static str) -> impl IntoView {
    let link = |switch: Switch| {
        view! {
            <a href=switch.href class="chip" aria-current=switch.on.then_some("true")>
                {switch.words}
            </a>
        }
    };
    view! {
        <nav class="chips" aria-label=label>
            {switches.into_iter().map(link).collect_view()}
        </nav>
    }
}

#[component]
fn Chart(chart: ChartView) -> impl IntoView {
    let count = chart.bars.len().max(1);
    let axis = chart.bars.iter().map(|bar| view! { <span>{bar.label.clone()}</span> }).collect_view();
    let bar = |(n, bar): (usize, Bar)| view! { <OneBar bar n count /> };
    let bars = chart.bars.into_iter().enumerate().map(bar).collect_view();
    let key = |(class, words): (&'static str, &'static str)| {
        view! {
            <span class=format!("key {class}")>{words}</span>
            " "
        }
    };
    let label = format!("{}, {}; the table below has the figures", chart.label, chart.steps);
    view! {
        <figure class="card chart">
            <figcaption>
                <span class="label">{chart.label}</span>
                <span class="figure">{chart.total}</span>
                <span class="note">{chart.change}</span>
                <span class="note keys">{chart.key.into_iter().map(key).collect_view()}</span>
            </figcaption>
            <p class="scale note" aria-hidden="true">
                {chart.top}
            </p>
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=label>
                {bars}
            </svg>
            <p class="axis note" aria-hidden="true">
                {axis}
            </p>
        </figure>
    }
}

#[component]
fn OneBar(bar: Bar, n: usize, count: usize) -> impl IntoView {
    let step = WIDTH / count;
    let width = (step * 7 / 10).min(56);
    let middle = n * step + step / 2;
    let mut top = HEIGHT;
    let part = |(share, class): (i64, &'static str)| {
        if share <= 0 {
            return None;
        }
        // What is little is still seen.
        let height = (share * HEIGHT / 1_000).max(1);
        top -= height;
        Some(view! { <rect class=class x=middle - width / 2 y=top width=width height=height></rect> })
    };
    let parts: Vec<_> = bar.parts.into_iter().filter_map(part).collect();
    view! {
        <g>
            <title>{bar.title}</title>
            <rect class="none" x=n * step y="0" width=step height=HEIGHT></rect>
            {parts}
        </g>
    }
}

#[component]
fn Split(split: SplitView) -> impl IntoView {
    let row = |row: SplitRow| {
        let name = match row.href {
            Some(href) => view! { <a href=href>{row.name}</a> }.into_any(),
            None => row.name.into_any(),
        };
        let little = row.credits.is_positive() && row.share < 10;
        let percent = if little { "<1%".to_owned() } else { format!("{}%", (row.share + 5) / 10) };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="number lead">
                    <Amount credits=row.credits />
                </td>
                <td class="number of">{percent}</td>
            </tr>
        }
    };
    view! {
        <section>
            <h2>{split.title}</h2>
            <div class="card scroll" tabindex="0" role="region" aria-label=split.title>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{split.head}</th>
                            <th scope="col" class="number">
                                "Credits"
                            </th>
                            <th scope="col" class="number">
                                "Share"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{split.rows.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}

#[component]
fn Table(usage: UsageView) -> impl IntoView {
    let cell = |text: String| view! { <td class="number">{text}</td> };
    let row = move |(day, cells): (String, Vec<String>)| {
        view! {
            <tr>
                <th scope="row">{day}</th>
                {cells.into_iter().map(cell).collect_view()}
            </tr>
        }
    };
    let head = |text: String| {
        view! {
            <th scope="col" class="number">
                {text}
            </th>
        }
    };
    view! {
        <div class="card scroll pinned" tabindex="0" role="region" aria-labelledby="days">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{usage.day}</th>
                        {usage.heads.into_iter().map(head).collect_view()}
                    </tr>
                </thead>
                <tbody>{usage.rows.into_iter().rev().map(row).collect_view()}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"In all"</th>
                        {usage.totals.into_iter().map(cell).collect_view()}
                    </tr>
                </tfoot>
            </table>
        </div>
    }
}
