//! `/usage`: charts by day or week, the same figures in a table, and usage by operation and source.

pub mod charts;
pub mod measure;
pub mod splits;
pub mod table;

use crate::domain::catalog::Metric;
use crate::usecases::insight::usage::{Range, UsageOverview, UsageStep};
use crate::usecases::insight::{self, live};
use crate::web::live::LiveScript;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::Zone;
use crate::web::usage::charts::{Chart, ChartData, chart};
use crate::web::usage::measure::{Measure, measures};
use crate::web::usage::splits::{Split, SplitData, splits};
use crate::web::usage::table::{Table, TableData};
use leptos::prelude::*;

/// The sections of the page.
#[derive(Clone, Debug)]
pub struct UsageSections {
    /// The ranges to choose from.
    pub ranges: Vec<Switch>,
    /// Measures that have data, to be switched on and off.
    pub switches: Vec<Switch>,
    /// Those that are on.
    pub charts: Vec<ChartData>,
    pub table: TableData,
    pub splits: Vec<SplitData>,
    /// The file of the table.
    pub csv: String,
    /// Whether nothing was used.
    pub empty: bool,
}

/// A link that switches something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    pub href: String,
    pub words: String,
    pub on: bool,
}

impl UsageSections {
    /// The page; `hidden` are the keys of measures that are switched off.
    #[must_use]
    pub fn new(usage: &UsageOverview, range: Range, metrics: &[Metric], hidden: &[String]) -> Self {
        let measures = measures(usage, metrics);
        let on = |measure: &Measure<'_>| !hidden.iter().any(|key| key == measure.key());
        let keys: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let switch = |measure: &Measure<'_>| {
            let mut toggled = keys.clone();
            if on(measure) {
                toggled.push(measure.key());
            } else {
                toggled.retain(|key| *key != measure.key());
            }
            Switch { href: address("/usage", range, &toggled), words: measure.label(), on: on(measure) }
        };
        let to = |one: Range| Switch {
            href: address("/usage", one, &keys),
            words: range_words(one).to_owned(),
            on: one == range,
        };
        Self {
            ranges: Range::ALL.map(to).into(),
            switches: measures.iter().map(switch).collect(),
            charts: measures.iter().filter(|one| on(one)).map(|one| chart(*one, usage, range)).collect(),
            table: TableData::new(usage, range, &measures),
            splits: splits(usage),
            csv: address("/usage.csv", range, &[]),
            empty: measures.is_empty(),
        }
    }
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
const fn range_words(range: Range) -> &'static str {
    match range {
        Range::Week => "7 days",
        Range::Month => "30 days",
        Range::Weekly => "7 weeks",
    }
}

/// `28 Nov`, `22 Nov to 28 Nov`
fn day(step: &UsageStep, range: Range) -> String {
    let (first, last) = (Zone::UTC.short_day(step.first).text, Zone::UTC.short_day(step.last).text);
    if range == Range::Weekly { format!("{first} to {last}") } else { first }
}

/// Everything between header and footer.
#[component]
pub fn UsageBody(usage: UsageSections) -> impl IntoView {
    view! {
        <div data-live="usage">
            <Sections usage />
        </div>
    }
}

#[component]
fn Sections(usage: UsageSections) -> impl IntoView {
    let UsageSections { ranges, switches, charts, table, splits, csv, empty } = usage;
    let head = view! {
        <div class="heading">
            <h1>"Usage"</h1>
            <Switches switches=ranges label="Range" />
        </div>
    };
    if empty {
        return view! {
            {head}
            <p class="card empty note">
                "Nothing was used in this time. What your requests use shows here, day by day."
            </p>
        }
        .into_any();
    }
    let several = switches.len() > 1;
    let switches = several.then(|| view! { <Switches switches label="Metrics" /> });
    let off = charts.is_empty().then(|| {
        view! { <p class="card empty note">"Every chart is switched off. Choose one above."</p> }
    });
    let charts = charts.into_iter().map(|chart| view! { <Chart chart /> }).collect_view();
    let splits = (!splits.is_empty()).then(|| {
        let splits = splits.into_iter().map(|split| view! { <Split split /> }).collect_view();
        view! { <div class="halves even">{splits}</div> }
    });
    view! {
        {head}
        {switches}
        {off}
        <div class="charts">{charts}</div>
        {splits}
        <section>
            <h2 id="days">{table.title}</h2>
            <Table table />
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

/// `/usage`
#[component]
pub fn UsagePage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    let range = request.query("range").and_then(|name| Range::parse(&name)).unwrap_or(Range::Month);
    let metrics = &request.app.catalog.metrics;
    let known = |key: &String| key == "credits" || metrics.iter().any(|metric| metric.key == *key);
    let hidden = request.query("hide").unwrap_or_default();
    let hidden: Vec<String> = hidden.split(',').map(str::to_owned).filter(known).collect();
    // Read before the data, so that later usage is fetched again.
    let last = live::last_entry_of(&request.app, viewer.customer_no).await?;
    let found = insight::usage::usage_overview(&request.app, viewer.customer_no, range).await?;
    let usage = UsageSections::new(&found, range, metrics, &hidden);
    let body = view! {
        <UsageBody usage />
        <LiveScript last />
    };
    Ok(Page::new("Usage", Some(viewer), body))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::domain::Credits;
    use crate::store::daily_usage::Totals;
    use crate::store::daily_usage_names::OTHER_SOURCE;
    use crate::store::metrics::{DayMetrics, MetricFigure};
    use crate::usecases::insight::usage::UsageFigures;

    pub fn usage() -> UsageOverview {
        let totals = |plan: i64, top_up: i64| Totals {
            plan: Credits::whole(plan),
            top_up: Credits::whole(top_up),
            usages: 1,
            ..Totals::default()
        };
        let figures = |totals, requests| UsageFigures {
            totals,
            metrics: DayMetrics::from_figures([("requests", MetricFigure { total: requests, said: 1 })]),
        };
        let at = |day: i64| crate::domain::time::from_millis((20_000 + day) * 86_400_000);
        let step = |n: i64, figures| UsageStep { first: at(n), last: at(n), figures };
        let mut total = totals(30, 0);
        total.add(&totals(20, 10));
        UsageOverview {
            steps: vec![step(0, figures(totals(30, 0), 3)), step(1, figures(totals(20, 10), 4))],
            total: figures(total, 7),
            before: UsageFigures::default(),
            by_operation: vec![("crawl_site".into(), totals(40, 5)), (String::new(), totals(10, 5))],
            by_source: vec![(String::new(), total)],
        }
    }

    pub fn metrics() -> Vec<Metric> {
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
        let sections = UsageSections::new(&usage(), Range::Week, &metrics(), &["requests".to_owned()]);
        let labels: Vec<_> = sections.charts.iter().map(|chart| chart.label.as_str()).collect();
        assert_eq!(labels, ["Credits"]);
        let switches: Vec<_> = sections.switches.iter().map(|s| (s.words.as_str(), s.on, s.href.as_str())).collect();
        let hide = "/usage?range=7d&hide=requests%2Ccredits";
        assert_eq!(switches, [("Credits", true, hide), ("Requests", false, "/usage?range=7d")]);
        assert_eq!(sections.table.heads, ["Credits", "from plan", "from top-ups", "Requests"]);
        assert_eq!(sections.table.rows[1].1, ["30", "20", "10", "4"]);
        assert_eq!(sections.table.totals, ["60", "50", "10", "7"]);
    }

    #[test]
    fn a_bar_is_its_share_of_the_scale_part_by_part() {
        let sections = UsageSections::new(&usage(), Range::Week, &metrics(), &[]);
        assert_eq!((sections.charts[0].top.as_str(), sections.charts[1].top.as_str()), ("30", "4"));
        assert_eq!(sections.charts[0].bars[1].parts, [(666, "used"), (0, "held"), (333, "teal")]);
        assert_eq!(sections.charts[1].bars[0].parts, [(750, "used")]);
        assert_eq!(sections.charts[1].bars.iter().map(|bar| bar.label.as_str()).collect::<Vec<_>>(), ["4 Oct", "5"]);
    }

    #[test]
    fn a_split_names_what_was_not_said_and_is_left_out_where_nothing_was() {
        let sections = UsageSections::new(&usage(), Range::Week, &metrics(), &[]);
        assert_eq!(sections.splits.len(), 1);
        let rows: Vec<_> = sections.splits[0].rows.iter().map(|row| (row.name.as_str(), row.share)).collect();
        assert_eq!(rows, [("Crawl site", 750), ("Not said", 250)]);
        assert_eq!(
            sections.splits[0].rows[0].href.as_deref(),
            Some("/history?operation=crawl_site&from=2024-10-04&to=2024-10-05")
        );
    }

    #[test]
    fn names_that_a_day_did_not_name_stand_last_and_lead_nowhere() {
        let mut usage = usage();
        let totals = |plan: i64| Totals { usages: 1, plan: Credits::whole(plan), ..Totals::default() };
        usage.by_source = vec![(OTHER_SOURCE.to_owned(), totals(45)), ("k1".to_owned(), totals(15))];
        let sections = UsageSections::new(&usage, Range::Week, &metrics(), &[]);
        let rows: Vec<_> = sections.splits[1].rows.iter().map(|row| (row.name.as_str(), row.share)).collect();
        assert_eq!(rows, [("k1", 250), ("Other sources", 750)]);
        assert_eq!(sections.splits[1].rows[1].href, None);
    }
}
