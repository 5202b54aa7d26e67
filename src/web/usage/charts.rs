//! The charts of Usage: an SVG of bars for each measure. Its lengths are attributes: the CSP allows no inline style.

use crate::store::daily_usage::Totals;
use crate::usecases::insight::usage::{Range, UsageOverview, UsageStep};
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;
use crate::web::usage::measure::Measure;
use crate::web::usage::{day, range_words};
use leptos::prelude::*;

/// The picture's own units.
const HEIGHT: i64 = 120;
const WIDTH: usize = 720;

/// A chart: one measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartData {
    /// `Credits`
    pub label: String,
    /// `5,000`, with its unit.
    pub total: String,
    /// Compared with the time before.
    pub change: Text,
    /// `day by day`
    pub steps: &'static str,
    /// The classes and words of its bars' parts. One part needs no key.
    pub key: Vec<(&'static str, &'static str)>,
    /// Oldest first.
    pub bars: Vec<Bar>,
    /// The top of the scale.
    pub top: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// `28 Nov: 1,200`
    pub title: String,
    /// Under the bar; empty where there is no room.
    pub label: String,
    /// Thousandths of the scale, from below, with their classes.
    pub parts: Vec<(i64, &'static str)>,
}

/// The chart of a measure.
pub fn chart(measure: Measure<'_>, usage: &UsageOverview, range: Range) -> ChartData {
    let most = usage.steps.iter().map(|step| measure.figure(&step.figures)).max().unwrap_or(0);
    let (top, count) = (round_up(most), usage.steps.len());
    let mut month = String::new();
    let bar = |(n, step): (usize, &UsageStep)| {
        let labelled = count <= 7 || (count - 1 - n).is_multiple_of(7);
        Bar {
            title: format!("{}: {}", day(step, range), measure.text(measure.figure(&step.figures))),
            label: if labelled { axis_label(step, &mut month) } else { String::new() },
            parts: measure.parts(&step.figures, top),
        }
    };
    let key = match measure {
        Measure::Credits => {
            let Totals { plan, courtesy, top_up, .. } = usage.total.totals;
            let all = [(plan, "used", "plan"), (courtesy, "held", "bonus"), (top_up, "teal", "top-ups")];
            all.into_iter().filter(|(used, ..)| !used.is_zero()).map(|(_, class, words)| (class, words)).collect()
        }
        Measure::Metric(_) => Vec::new(),
    };
    ChartData {
        label: measure.label(),
        total: measure.text(measure.figure(&usage.total)),
        change: change(measure.figure(&usage.total), measure.figure(&usage.before), range),
        steps: if range == Range::Weekly { "week by week" } else { "day by day" },
        key,
        bars: usage.steps.iter().enumerate().map(bar).collect(),
        top: measure.text(top),
    }
}

/// `30 Nov`, `1 Dec`, `2`: a month is named where it begins.
fn axis_label(step: &UsageStep, month: &mut String) -> String {
    let label = Zone::UTC.short_day(step.first).text;
    let Some((day, name)) = label.split_once(' ') else { return label };
    if name == month {
        return day.to_owned();
    }
    name.clone_into(month);
    label
}

/// The scale's top: a number that can be read, and not far above the highest bar.
fn round_up(most: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        let tens = if unit == 1 { [10, 20, 20, 30, 30, 40, 50, 60, 80] } else { [10, 15, 20, 25, 30, 40, 50, 60, 80] };
        for ten in tens {
            match unit.checked_mul(ten) {
                Some(top) if top / 10 >= most => return top / 10,
                Some(_) => {}
                None => return most,
            }
        }
        let Some(next) = unit.checked_mul(10) else { return most };
        unit = next;
    }
}

fn change(now: i64, before: i64, range: Range) -> Text {
    let days = range_words(range);
    if before == 0 {
        return Text::from(format!("nothing in the {days} before"));
    }
    let percent = (i128::from(now) - i128::from(before)) * 100 / i128::from(before);
    match percent {
        _ if now == before => Text::from(format!("same as in the {days} before")),
        0 => Text::from(format!("about the same as in the {days} before")),
        // Such a percentage tells nothing.
        1_000.. => Text::from(format!("more than 10 times the {days} before")),
        more if more > 0 => Text::from(format!("{more}% more than in the {days} before")),
        less => Text::from(format!("{}% less than in the {days} before", -less)),
    }
}

#[component]
pub fn Chart(chart: ChartData) -> impl IntoView {
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
        // A little use is still visible.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_number_that_can_be_read() {
        for (most, top) in
            [(0, 1), (1, 1), (3, 3), (7, 8), (9, 10), (12, 15), (23, 25), (4_820_000, 5_000_000), (i64::MAX, i64::MAX)]
        {
            assert_eq!(round_up(most), top, "{most}");
        }
    }

    #[test]
    fn a_change_is_said_in_whole_percent_against_as_many_days_before() {
        let said = |now, before| change(now, before, Range::Month).to_string();
        assert_eq!(said(150, 100), "50% more than in the 30 days before");
        assert_eq!(said(99, 300), "67% less than in the 30 days before");
        assert_eq!(said(1_000, 999), "about the same as in the 30 days before");
        assert_eq!(said(1_000, 1_000), "same as in the 30 days before");
        assert_eq!(said(1_099, 100), "999% more than in the 30 days before");
        assert_eq!(said(1_100, 100), "more than 10 times the 30 days before");
        assert_eq!(said(5, 0), "nothing in the 30 days before");
    }
}
