//! The table of Usage: the same figures as its charts.

use crate::domain::Credits;
use crate::usecases::insight::usage::{Period, UsageFigures, UsageOverview, UsageStep};
use crate::web::usage::choice::step_words;
use crate::web::usage::measure::Measure;
use leptos::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableData {
    /// `Day by day`
    pub title: &'static str,
    /// `Day (UTC)`, `Week (UTC)`
    pub day: &'static str,
    /// The heads behind the day.
    pub heads: Vec<String>,
    /// Oldest first: the day, and a cell a head.
    pub rows: Vec<(String, Vec<String>)>,
    /// The sums of all days.
    pub totals: Vec<String>,
}

impl TableData {
    #[must_use]
    pub fn new(usage: &UsageOverview, period: &Period, measures: &[Measure<'_>]) -> Self {
        let bonus = usage.total.totals.courtesy != Credits::ZERO;
        let row = |step: &UsageStep| (step_words(step, period), cells(measures, &step.figures, bonus));
        let is_weekly = period.is_weekly();
        Self {
            title: if is_weekly { "Week by week" } else { "Day by day" },
            day: if is_weekly { "Week (UTC)" } else { "Day (UTC)" },
            heads: heads(measures, bonus),
            rows: usage.steps.iter().map(row).collect(),
            totals: cells(measures, &usage.total, bonus),
        }
    }
}

fn heads(measures: &[Measure<'_>], bonus: bool) -> Vec<String> {
    let mut heads = Vec::new();
    for measure in measures {
        heads.push(measure.label());
        if matches!(measure, Measure::Credits) {
            heads.push("from plan".to_owned());
            heads.extend(bonus.then(|| "from bonus".to_owned()));
            heads.push("from top-ups".to_owned());
        }
    }
    heads
}

/// The figures under the heads; a zero is a dash.
fn cells(measures: &[Measure<'_>], figures: &UsageFigures, bonus: bool) -> Vec<String> {
    let mut cells = Vec::new();
    let cell = |value: i64, text: String| if value == 0 { "–".to_owned() } else { text };
    for measure in measures {
        let value = measure.figure(figures);
        cells.push(cell(value, measure.text(value)));
        if matches!(measure, Measure::Credits) {
            let totals = figures.totals;
            let parts = [Some(totals.plan), bonus.then_some(totals.courtesy), Some(totals.top_up)];
            cells.extend(parts.into_iter().flatten().map(|credits| cell(credits.0, credits.grouped())));
        }
    }
    cells
}

#[component]
pub fn Table(table: TableData) -> impl IntoView {
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
                        <th scope="col">{table.day}</th>
                        {table.heads.into_iter().map(head).collect_view()}
                    </tr>
                </thead>
                <tbody>{table.rows.into_iter().rev().map(row).collect_view()}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"Total"</th>
                        {table.totals.into_iter().map(cell).collect_view()}
                    </tr>
                </tfoot>
            </table>
        </div>
    }
}
