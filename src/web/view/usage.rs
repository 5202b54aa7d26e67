//! Usage as plain data: one figure and one chart a metric, the table that says the same, who and what used it.

use crate::domain::Credits;
use crate::domain::amount::group;
use crate::domain::catalog::Metric;
use crate::store::day_names::{OTHER_OPERATION, OTHER_SOURCE};
use crate::store::days::Totals;
use crate::usecases::insight::usage::{Figures, Range, Step, Usage};
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;
use crate::web::view::history::operation_words;

/// Rows of a split; the rest is one row.
const SPLIT_MAX: usize = 10;

/// Everything that `/usage` shows.
#[derive(Clone, Debug, Default)]
pub struct UsageView {
    /// The ranges to choose from.
    pub ranges: Vec<Switch>,
    /// Metrics that have data, to be switched on and off.
    pub switches: Vec<Switch>,
    /// Those that are on.
    pub charts: Vec<ChartView>,
    /// The table's heads behind the day.
    pub heads: Vec<String>,
    /// Oldest first: the day, and a cell a head.
    pub rows: Vec<(String, Vec<String>)>,
    /// All days together.
    pub totals: Vec<String>,
    /// By what was done, by who did it.
    pub splits: Vec<SplitView>,
    /// The table as a file.
    pub csv: String,
    /// Whether nothing was used.
    pub empty: bool,
    /// `Day (UTC)`, `Week (UTC)`
    pub day: &'static str,
    /// `Day by day`
    pub table: &'static str,
}

/// A link that switches something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Where to.
    pub href: String,
    /// Its words.
    pub words: String,
    /// Whether it is on.
    pub on: bool,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartView {
    /// `Credits`
    pub label: String,
    /// `5,000`, with its unit.
    pub total: String,
    /// Against the days before.
    pub change: Text,
    /// `day by day`
    pub steps: &'static str,
    /// What the parts of its bars are: classes and words. One part needs no key.
    pub key: Vec<(&'static str, &'static str)>,
    /// Oldest first.
    pub bars: Vec<Bar>,
    /// The top of the scale.
    pub top: String,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// `28 Nov: 1,200`
    pub title: String,
    /// Under it; empty where there is no room.
    pub label: String,
    /// Thousandths of the scale, from below, with their classes.
    pub parts: Vec<(i64, &'static str)>,
}

/// Credits by something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitView {
    /// `By operation`
    pub title: &'static str,
    /// The first column's head.
    pub head: &'static str,
    /// Most credits first.
    pub rows: Vec<SplitRow>,
}

/// A part of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitRow {
    /// Whose.
    pub name: String,
    /// How much.
    pub credits: Credits,
    /// Of all, in thousandths.
    pub share: i64,
    /// The lines of the history.
    pub href: Option<String>,
}

/// What is measured.
#[derive(Clone, Copy)]
enum What<'a> {
    Credits,
    Metric(&'a Metric),
}

impl What<'_> {
    fn key(&self) -> &str {
        match self {
            Self::Credits => "credits",
            Self::Metric(metric) => &metric.key,
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Credits => "Credits".to_owned(),
            Self::Metric(metric) => metric.label.clone(),
        }
    }

    /// The figure of some days: thousandths for credits, whole numbers otherwise; a sum or an average.
    fn of(&self, figures: &Figures) -> i64 {
        match self {
            Self::Credits => figures.totals.credits().0,
            Self::Metric(metric) => {
                let figure = figures.metrics.get(&metric.key);
                if metric.is_average() { figure.total.checked_div(figure.said).unwrap_or(0) } else { figure.total }
            }
        }
    }

    fn text(&self, value: i64) -> String {
        match self {
            Self::Credits => Credits(value).grouped(),
            Self::Metric(metric) => {
                let sign = if value < 0 { "\u{2212}" } else { "" };
                let space = if metric.unit.is_empty() { "" } else { " " };
                format!("{sign}{}{space}{}", group(&value.unsigned_abs().to_string()), metric.unit)
            }
        }
    }

    fn parts(&self, figures: &Figures, top: i64) -> Vec<(i64, &'static str)> {
        let part = |value: i64| i64::try_from(i128::from(value.max(0)) * 1_000 / i128::from(top.max(1))).unwrap_or(0);
        match self {
            Self::Credits => {
                let Totals { plan, courtesy, top_up, .. } = figures.totals;
                vec![(part(plan.0), "used"), (part(courtesy.0), "held"), (part(top_up.0), "teal")]
            }
            Self::Metric(_) => vec![(part(self.of(figures)), "used")],
        }
    }
}

/// The page. `hidden` are the keys of metrics that are switched off.
#[must_use]
pub fn view(usage: &Usage, range: Range, metrics: &[Metric], hidden: &[String]) -> UsageView {
    let drawn = drawn(usage, metrics);
    let on = |what: &What<'_>| !hidden.iter().any(|key| key == what.key());
    let keys: Vec<&str> = hidden.iter().map(String::as_str).collect();
    let switch = |what: &What<'_>| {
        let mut toggled = keys.clone();
        if on(what) {
            toggled.push(what.key());
        } else {
            toggled.retain(|key| *key != what.key());
        }
        Switch { href: address("/usage", range, &toggled), words: what.label(), on: on(what) }
    };
    let to = |one: Range| Switch {
        href: address("/usage", one, &keys),
        words: range_words(one).to_owned(),
        on: one == range,
    };
    let bonus = usage.total.totals.courtesy != Credits::ZERO;
    UsageView {
        ranges: Range::ALL.map(to).into(),
        switches: drawn.iter().map(switch).collect(),
        charts: drawn.iter().filter(|what| on(what)).map(|what| chart(*what, usage, range)).collect(),
        heads: heads(&drawn, bonus),
        rows: usage.steps.iter().map(|step| (day(step, range), cells(&drawn, &step.figures, bonus))).collect(),
        totals: cells(&drawn, &usage.total, bonus),
        splits: splits(usage),
        csv: address("/usage.csv", range, &[]),
        empty: drawn.is_empty(),
        day: if range == Range::Weekly { "Week (UTC)" } else { "Day (UTC)" },
        table: if range == Range::Weekly { "Week by week" } else { "Day by day" },
    }
}

/// What has data: the rest is neither drawn nor in the table.
fn drawn<'a>(usage: &Usage, metrics: &'a [Metric]) -> Vec<What<'a>> {
    let all = std::iter::once(What::Credits).chain(metrics.iter().map(What::Metric));
    all.filter(|what| usage.steps.iter().any(|step| what.of(&step.figures) != 0)).collect()
}

/// The table as lines of a file, its head first. Figures are plain, so that programs read them. Behind what every shop
/// has, a column for each metric of the catalogue; of an average, the sum and by how many it is divided.
#[must_use]
pub fn table(usage: &Usage, metrics: &[Metric]) -> Vec<Vec<String>> {
    let fixed = ["first_day", "last_day", "credits", "plan", "bonus", "top_up", "usages"].map(str::to_owned);
    let head = fixed.into_iter().chain(metrics.iter().flat_map(columns)).collect();
    let line = |step: &Step| {
        let sums = &step.figures.totals;
        let days = [step.first, step.last].map(|at| at.format("%Y-%m-%d").to_string());
        let credits = [sums.credits(), sums.plan, sums.courtesy, sums.top_up].map(|credits| credits.to_string());
        let counts = metrics.iter().flat_map(|metric| {
            let figure = step.figures.metrics.get(&metric.key);
            std::iter::once(figure.total).chain(metric.is_average().then_some(figure.said))
        });
        let counts = std::iter::once(sums.usages).chain(counts);
        days.into_iter().chain(credits).chain(counts.map(|count| count.to_string())).collect()
    };
    std::iter::once(head).chain(usage.steps.iter().map(line)).collect()
}

/// `tokens`; `latency_ms_sum` and `latency_count`.
fn columns(metric: &Metric) -> Vec<String> {
    let key = &metric.key;
    if !metric.is_average() {
        return vec![key.clone()];
    }
    let bare = key.strip_suffix(&format!("_{}", metric.unit)).unwrap_or(key);
    vec![format!("{key}_sum"), format!("{bare}_count")]
}

fn address(path: &str, range: Range, hidden: &[&str]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("range", range.name());
    if !hidden.is_empty() {
        query.append_pair("hide", &hidden.join(","));
    }
    format!("{path}?{}", query.finish())
}

/// The words of a range.
#[must_use]
pub const fn range_words(range: Range) -> &'static str {
    match range {
        Range::Week => "7 days",
        Range::Month => "30 days",
        Range::Weekly => "7 weeks",
    }
}

/// `28 Nov`, `22 Nov to 28 Nov`
fn day(step: &Step, range: Range) -> String {
    let (first, last) = (Zone::UTC.short_day(step.first).text, Zone::UTC.short_day(step.last).text);
    if range == Range::Weekly { format!("{first} to {last}") } else { first }
}

fn chart(what: What<'_>, usage: &Usage, range: Range) -> ChartView {
    let most = usage.steps.iter().map(|step| what.of(&step.figures)).max().unwrap_or(0);
    let (top, count) = (round_up(most), usage.steps.len());
    let mut month = String::new();
    let bar = |(n, step): (usize, &Step)| {
        let labelled = count <= 7 || (count - 1 - n).is_multiple_of(7);
        Bar {
            title: format!("{}: {}", day(step, range), what.text(what.of(&step.figures))),
            label: if labelled { axis_label(step, &mut month) } else { String::new() },
            parts: what.parts(&step.figures, top),
        }
    };
    let key = match what {
        What::Credits => {
            let Totals { plan, courtesy, top_up, .. } = usage.total.totals;
            let all = [(plan, "used", "plan"), (courtesy, "held", "bonus"), (top_up, "teal", "top-ups")];
            all.into_iter().filter(|(used, ..)| !used.is_zero()).map(|(_, class, words)| (class, words)).collect()
        }
        What::Metric(_) => Vec::new(),
    };
    ChartView {
        label: what.label(),
        total: what.text(what.of(&usage.total)),
        change: change(what.of(&usage.total), what.of(&usage.before), range),
        steps: if range == Range::Weekly { "week by week" } else { "day by day" },
        key,
        bars: usage.steps.iter().enumerate().map(bar).collect(),
        top: what.text(top),
    }
}

/// `30 Nov`, and then `1 Dec`, `2`: a month is named where it begins.
fn axis_label(step: &Step, month: &mut String) -> String {
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
        // As a percentage that is no figure any more.
        1_000.. => Text::from(format!("more than 10 times the {days} before")),
        more if more > 0 => Text::from(format!("{more}% more than in the {days} before")),
        less => Text::from(format!("{}% less than in the {days} before", -less)),
    }
}

fn heads(drawn: &[What<'_>], bonus: bool) -> Vec<String> {
    let mut heads = Vec::new();
    for what in drawn {
        heads.push(what.label());
        if matches!(what, What::Credits) {
            heads.push("from plan".to_owned());
            heads.extend(bonus.then(|| "from bonus".to_owned()));
            heads.push("from top-ups".to_owned());
        }
    }
    heads
}

fn cells(drawn: &[What<'_>], figures: &Figures, bonus: bool) -> Vec<String> {
    let mut cells = Vec::new();
    for what in drawn {
        cells.push(what.text(what.of(figures)));
        if matches!(what, What::Credits) {
            let totals = figures.totals;
            cells.push(totals.plan.grouped());
            cells.extend(bonus.then(|| totals.courtesy.grouped()));
            cells.push(totals.top_up.grouped());
        }
    }
    cells
}

fn splits(usage: &Usage) -> Vec<SplitView> {
    let operations = split(usage, &usage.by_operation, &BY_OPERATION, operation_words);
    let sources = split(usage, &usage.by_source, &BY_SOURCE, str::to_owned);
    [operations, sources].into_iter().flatten().collect()
}

/// What usage is split by.
struct By {
    title: &'static str,
    head: &'static str,
    /// The filter of History.
    field: &'static str,
    /// The name that names beyond a day's bound are counted under, and what people read for it.
    other: (&'static str, &'static str),
}

const BY_OPERATION: By =
    By { title: "By operation", head: "Operation", field: "operation", other: (OTHER_OPERATION, "Other operations") };
const BY_SOURCE: By =
    By { title: "By source", head: "Source", field: "source", other: (OTHER_SOURCE, "Other sources") };

/// Nothing where nobody said anything.
fn split(usage: &Usage, sums: &[(String, Totals)], by: &By, words: impl Fn(&str) -> String) -> Option<SplitView> {
    if sums.iter().all(|(name, _)| name.is_empty()) {
        return None;
    }
    let all = i128::from(usage.total.totals.credits().0).max(1);
    let first = usage.steps.first().map(|step| step.first);
    let last = usage.steps.last().map(|step| step.last);
    let share = |credits: Credits| i64::try_from(i128::from(credits.0.max(0)) * 1_000 / all).unwrap_or(0);
    let row = |(name, totals): &(String, Totals)| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair(by.field, name);
        for (field, day) in [("from", first), ("to", last)] {
            query.extend_pairs(day.map(|day| (field, day.format("%Y-%m-%d").to_string())));
        }
        let query = query.finish();
        let named = !name.is_empty();
        SplitRow {
            name: if named { words(name) } else { "Not said".to_owned() },
            credits: totals.credits(),
            share: share(totals.credits()),
            href: named.then(|| format!("/history?{query}")),
        }
    };
    let (others, sums): (Vec<_>, Vec<_>) = sums.iter().partition(|(name, _)| name == by.other.0);
    let mut rows: Vec<SplitRow> = sums.iter().copied().take(SPLIT_MAX).map(row).collect();
    let rest = sums.get(SPLIT_MAX..).unwrap_or_default();
    if !rest.is_empty() {
        let credits = rest.iter().map(|(_, totals)| totals.credits()).sum();
        rows.push(SplitRow { name: format!("{} more", rest.len()), credits, share: share(credits), href: None });
    }
    for (_, totals) in others {
        let credits = totals.credits();
        rows.push(SplitRow { name: by.other.1.to_owned(), credits, share: share(credits), href: None });
    }
    Some(SplitView { title: by.title, head: by.head, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::metrics::{Figure, Metrics};

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

    fn usage() -> Usage {
        let totals = |plan: i64, top_up: i64| Totals {
            plan: Credits::whole(plan),
            top_up: Credits::whole(top_up),
            usages: 1,
            ..Totals::default()
        };
        let figures = |totals, requests| Figures {
            totals,
            metrics: Metrics::from_figures([("requests", Figure { total: requests, said: 1 })]),
        };
        let at = |day: i64| crate::domain::time::from_millis((20_000 + day) * 86_400_000);
        let step = |n: i64, figures| Step { first: at(n), last: at(n), figures };
        let mut total = totals(30, 0);
        total.add(&totals(20, 10));
        Usage {
            steps: vec![step(0, figures(totals(30, 0), 3)), step(1, figures(totals(20, 10), 4))],
            total: figures(total, 7),
            before: Figures::default(),
            by_operation: vec![("crawl_site".into(), totals(40, 5)), (String::new(), totals(10, 5))],
            by_source: vec![(String::new(), total)],
        }
    }

    fn metrics() -> Vec<Metric> {
        let metric = |key: &str, label: &str| Metric {
            key: key.into(),
            label: label.into(),
            unit: String::new(),
            average: None,
        };
        vec![metric("requests", "Requests"), metric("tokens", "Tokens")]
    }

    #[test]
    fn what_has_no_data_is_not_drawn_and_what_is_switched_off_stays_in_the_table() {
        let view = view(&usage(), Range::Week, &metrics(), &["requests".to_owned()]);
        let labels: Vec<_> = view.charts.iter().map(|chart| chart.label.as_str()).collect();
        assert_eq!(labels, ["Credits"]);
        let switches: Vec<_> = view.switches.iter().map(|s| (s.words.as_str(), s.on, s.href.as_str())).collect();
        let hide = "/usage?range=7d&hide=requests%2Ccredits";
        assert_eq!(switches, [("Credits", true, hide), ("Requests", false, "/usage?range=7d")]);
        assert_eq!(view.heads, ["Credits", "from plan", "from top-ups", "Requests"]);
        assert_eq!(view.rows[1].1, ["30", "20", "10", "4"]);
        assert_eq!(view.totals, ["60", "50", "10", "7"]);
    }

    #[test]
    fn a_bar_is_its_share_of_the_scale_part_by_part() {
        let view = view(&usage(), Range::Week, &metrics(), &[]);
        assert_eq!((view.charts[0].top.as_str(), view.charts[1].top.as_str()), ("30", "4"));
        assert_eq!(view.charts[0].bars[1].parts, [(666, "used"), (0, "held"), (333, "teal")]);
        assert_eq!(view.charts[1].bars[0].parts, [(750, "used")]);
        assert_eq!(view.charts[1].bars.iter().map(|bar| bar.label.as_str()).collect::<Vec<_>>(), ["4 Oct", "5"]);
    }

    #[test]
    fn a_split_names_what_was_not_said_and_is_left_out_where_nothing_was() {
        let view = view(&usage(), Range::Week, &metrics(), &[]);
        assert_eq!(view.splits.len(), 1);
        let rows: Vec<_> = view.splits[0].rows.iter().map(|row| (row.name.as_str(), row.share)).collect();
        assert_eq!(rows, [("Crawl site", 750), ("Not said", 250)]);
        assert_eq!(
            view.splits[0].rows[0].href.as_deref(),
            Some("/history?operation=crawl_site&from=2024-10-04&to=2024-10-05")
        );
    }

    #[test]
    fn names_that_a_day_did_not_name_stand_last_and_lead_nowhere() {
        let mut usage = usage();
        let totals = |plan: i64| Totals { usages: 1, plan: Credits::whole(plan), ..Totals::default() };
        usage.by_source = vec![(OTHER_SOURCE.to_owned(), totals(45)), ("k1".to_owned(), totals(15))];
        let view = view(&usage, Range::Week, &metrics(), &[]);
        let rows: Vec<_> = view.splits[1].rows.iter().map(|row| (row.name.as_str(), row.share)).collect();
        assert_eq!(rows, [("k1", 250), ("Other sources", 750)]);
        assert_eq!(view.splits[1].rows[1].href, None);
    }

    #[test]
    fn the_file_has_the_sums_of_the_table_in_plain_figures() {
        let latency = Metric { key: "latency_ms".into(), label: "Latency".into(), unit: "ms".into(), average: None };
        let lines = table(&usage(), &[metrics(), vec![latency]].concat());
        let head = "first_day,last_day,credits,plan,bonus,top_up,usages,requests,tokens,latency_ms_sum,latency_count";
        assert_eq!(lines[0].join(","), head);
        assert_eq!(lines[2].join(","), "2024-10-05,2024-10-05,30,20,0,10,1,4,0,0,0");
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    }
}
