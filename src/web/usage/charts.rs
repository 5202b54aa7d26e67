//! The charts of Usage: an SVG of bars for each measure. Its lengths are attributes: the CSP allows no inline style.
//!
//! A bar carries its figures in words. The live script shows them in the one line above the bars, for the bar under the
//! pointer or the one that the arrow keys have reached; without script the line has the last bar's.

use crate::domain::forecast::about;
use crate::store::daily_usage::Totals;
use crate::usecases::insight::usage::{AtThisPace, Period, UsageOverview, UsageStep, midnight};
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;
use crate::web::usage::choice::step_words;
use crate::web::usage::measure::{Measure, share};
use leptos::prelude::*;

/// The picture's own units.
const HEIGHT: i64 = 120;
const WIDTH: usize = 720;
/// Labels under the bars: each, or each seventh.
const LABELS: usize = 7;

/// A chart: one measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartData {
    /// `Credits`
    pub label: String,
    /// `5,000`, with its unit.
    pub total: String,
    /// Compared with the time before; empty where there is none.
    pub change: String,
    /// `day by day`
    pub steps: &'static str,
    /// The classes and words of its bars' parts. One part needs no key.
    pub key: Vec<(&'static str, &'static str)>,
    /// Oldest first.
    pub bars: Vec<ChartBar>,
    /// Under the bars, and under the days that are ahead; empty where there is no room.
    pub axis: Vec<String>,
    /// The top of the scale, its half, and zero.
    pub scale: [String; 3],
    pub pace: Option<PaceLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartBar {
    /// `17 Nov: 2,900 · plan 1,800, top-ups 1,100`
    pub words: String,
    /// Thousandths of the scale, from below, with their classes.
    pub parts: Vec<(i64, &'static str)>,
}

/// The usage rate from today up to the reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaceLine {
    /// Thousandths of the scale.
    pub share: i64,
    /// `At this pace, about 12,000 by the reset on 11 Dec.`
    pub words: Text,
}

/// The chart of a measure; `before` names the time that it is compared with.
pub fn chart(
    measure: Measure<'_>,
    usage: &UsageOverview,
    period: &Period,
    before: &str,
    pace: Option<(&AtThisPace, Zone)>,
) -> ChartData {
    let pace = pace.filter(|_| matches!(measure, Measure::Credits));
    let rate = pace.map_or(0, |(pace, _)| pace.credits_a_day.0);
    let most = usage.steps.iter().map(|step| measure.figure(&step.figures)).max().unwrap_or(0);
    let top = round_up(most.max(rate));
    let bar = |step: &UsageStep| ChartBar {
        words: format!("{}: {}", step_words(step, period), measure.read_out(&step.figures)),
        parts: measure.parts(&step.figures, top),
    };
    let total = measure.figure(&usage.total);
    ChartData {
        label: measure.label(),
        total: measure.text(total),
        change: usage.before.as_ref().map(|past| change(total, measure.figure(past), before)).unwrap_or_default(),
        steps: if period.is_weekly() { "week by week" } else { "day by day" },
        key: key(measure, usage),
        bars: usage.steps.iter().map(bar).collect(),
        axis: axis(usage, period),
        scale: [measure.short(top), measure.short(top / 2), "0".to_owned()],
        pace: pace.map(|(pace, zone)| PaceLine { share: share(rate, top), words: pace_words(pace, zone) }),
    }
}

fn key(measure: Measure<'_>, usage: &UsageOverview) -> Vec<(&'static str, &'static str)> {
    let Measure::Credits = measure else { return Vec::new() };
    let Totals { plan, courtesy, top_up, .. } = usage.total.totals;
    let all = [(plan, "used", "plan"), (courtesy, "held", "bonus"), (top_up, "teal", "top-ups")];
    all.into_iter().filter(|(used, ..)| !used.is_zero()).map(|(_, class, words)| (class, words)).collect()
}

/// `About 410 a day. At this pace, about 12,000 by the reset on 11 Dec.`
fn pace_words(pace: &AtThisPace, zone: Zone) -> Text {
    Text::from("About ")
        .credits(about(pace.credits_a_day))
        .text(" a day. At this pace, about ")
        .credits(about(pace.at_reset))
        .text(" by the reset on ")
        .time(zone.short_day(pace.reset))
        .text(".")
}

/// `30 Nov`, `1 Dec`, `2`: a month is named where it begins.
fn axis(usage: &UsageOverview, period: &Period) -> Vec<String> {
    let ahead = (1..=period.ahead).map(|n| midnight(period.today + n));
    let days: Vec<_> = usage.steps.iter().map(|step| step.first).chain(ahead).collect();
    let every = if days.len() <= LABELS { 1 } else { LABELS * days.len().div_ceil(LABELS * 5) };
    let mut month = String::new();
    let label = |(n, at): (usize, &crate::domain::Instant)| {
        if !(days.len() - 1 - n).is_multiple_of(every) {
            return String::new();
        }
        let label = Zone::UTC.short_day(*at).text;
        match label.split_once(' ') {
            Some((day, name)) if name == month => day.to_owned(),
            Some((_, name)) => {
                name.clone_into(&mut month);
                label
            }
            None => label,
        }
    };
    days.iter().enumerate().map(label).collect()
}

/// The scale's top: a number that can be read, as its half can, and not far above the highest bar.
fn round_up(most: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        let tops: &[i64] = if unit == 1 { &[2, 4, 6, 8] } else { &[10, 12, 16, 20, 24, 30, 40, 50, 60, 80] };
        for top in tops {
            match top.checked_mul(unit.max(10) / 10) {
                Some(top) if top >= most => return top,
                Some(_) => {}
                None => return most,
            }
        }
        let Some(next) = unit.checked_mul(10) else { return most };
        unit = next;
    }
}

fn change(now: i64, before: i64, period: &str) -> String {
    if before == 0 {
        return format!("no usage in {period}");
    }
    let percent = (i128::from(now) - i128::from(before)) * 100 / i128::from(before);
    match percent {
        _ if now == before => format!("same as {period}"),
        0 => format!("about the same as {period}"),
        // Such a percentage tells nothing.
        1_000.. => format!("more than 10 times {period}"),
        more if more > 0 => format!("{more}% more than {period}"),
        less => format!("{}% less than {period}", -less),
    }
}

#[component]
pub fn Chart(chart: ChartData) -> impl IntoView {
    let ChartData { label, total, change, steps, key, bars, axis, scale, pace } = chart;
    let (last, count) = (bars.len().saturating_sub(1), axis.len().max(1));
    let words = bars.last().map(|bar| bar.words.clone()).unwrap_or_default();
    let name = format!("{label}, {steps}");
    let described = format!("{name}; the table below has the figures");
    let step = WIDTH / count;
    let line = pace.as_ref().map(|pace| {
        let y = (1_000 - pace.share) * HEIGHT / 1_000;
        view! { <path class="pace" d=format!("M{} {y}H{}", last * step, count * step)></path> }
    });
    let paced = pace.is_some().then(|| view! { <span class="key pace">"at this pace"</span> });
    let key = key.into_iter().map(|(class, words)| {
        view! {
            <span class=format!("key {class}")>{words}</span>
            " "
        }
    });
    let key = key.collect_view();
    let bars = bars.into_iter().enumerate().map(|(n, bar)| one_bar(bar, n, step, n == last)).collect_view();
    let axis = axis.into_iter().map(|label| view! { <span>{label}</span> }).collect_view();
    view! {
        <figure class="card chart">
            <figcaption>
                <span class="label">{label}</span>
                <span class="figure">{total}</span>
                <span class="note">{change}</span>
                <span class="note keys">{key} {paced}</span>
            </figcaption>
            <p class="read note">{words.clone()}</p>
            <div class="plot">
                <input type="range" class="bars" max=last value=last aria-label=name aria-valuetext=words />
                <svg viewBox=format!("0 0 {} {HEIGHT}", count * step) preserveAspectRatio="none" role="img" aria-label=described>
                    {bars} {line}
                </svg>
                <p class="scale note" aria-hidden="true">
                    {scale.map(|label| view! { <span>{label}</span> }).collect_view()}
                </p>
                <p class="axis note" aria-hidden="true">
                    {axis}
                </p>
            </div>
            {pace.map(|pace| view! { <p class="note">{pace.words}</p> })}
        </figure>
    }
}

/// A bar in a column of its own; `is_read` where the read-out has its words.
fn one_bar(bar: ChartBar, n: usize, step: usize, is_read: bool) -> impl IntoView {
    let width = (step * 7 / 10).clamp(1, 56);
    let x = n * step + (step - width) / 2;
    let mut top = HEIGHT;
    let part = |(share, class): (i64, &'static str)| {
        if share <= 0 {
            return None;
        }
        // A little use is still visible.
        let height = (share * HEIGHT / 1_000).max(1);
        top -= height;
        Some(view! { <rect class=class x=x y=top width=width height=height></rect> })
    };
    let parts: Vec<_> = bar.parts.into_iter().filter_map(part).collect();
    view! {
        <g class=is_read.then_some("on") data-words=bar.words>
            <rect class="none" x=n * step y="0" width=step height=HEIGHT></rect>
            {parts}
        </g>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_number_whose_half_can_be_read() {
        for (most, top) in [
            (0, 2),
            (1, 2),
            (3, 4),
            (7, 8),
            (9, 10),
            (12, 12),
            (13, 16),
            (23, 24),
            (4_820_000, 5_000_000),
            (i64::MAX, i64::MAX),
        ] {
            assert_eq!(round_up(most), top, "{most}");
        }
    }

    #[test]
    fn a_change_is_said_in_whole_percent_against_the_time_before() {
        let said = |now, before| change(now, before, "the previous 30 days");
        assert_eq!(said(150, 100), "50% more than the previous 30 days");
        assert_eq!(said(92, 100), "8% less than the previous 30 days");
        assert_eq!(said(1_000, 999), "about the same as the previous 30 days");
        assert_eq!(said(1_000, 1_000), "same as the previous 30 days");
        assert_eq!(said(1_099, 100), "999% more than the previous 30 days");
        assert_eq!(said(1_100, 100), "more than 10 times the previous 30 days");
        assert_eq!(said(5, 0), "no usage in the previous 30 days");
    }
}
