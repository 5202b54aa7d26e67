//! The page's data: the usage of a period as charts, tables and words.

use crate::domain::Instant;
use crate::domain::catalog::Metric;
use crate::usecases::insight::cycles::Cycles;
use crate::usecases::insight::usage::{AtThisPace, Period, UsageOverview};
use crate::web::ui::chips::Chip;
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;
use crate::web::usage::charts::{ChartData, chart};
use crate::web::usage::choice::{CustomDays, UsageChoice};
use crate::web::usage::measure::{Measure, measures};
use crate::web::usage::splits::{SplitData, splits};
use crate::web::usage::table::TableData;

#[derive(Clone, Debug)]
pub struct UsageSections {
    /// The periods to choose from.
    pub ranges: Vec<Chip>,
    /// The form of any days, and the measures that are switched off.
    pub custom: Option<(CustomDays, String)>,
    pub shown: Shown,
    /// Where a standby is set: as of when the figures are.
    pub as_of: Option<(Instant, Zone)>,
}

#[derive(Clone, Debug)]
pub enum Shown {
    /// The form has days that can't be shown.
    Nothing,
    /// No usage, in words.
    NoUsage(String),
    Usage(Box<UsageDetails>),
}

#[derive(Clone, Debug)]
pub struct UsageDetails {
    /// Measures that have data, to be switched on and off.
    pub switches: Vec<Chip>,
    /// Those that are on.
    pub charts: Vec<ChartData>,
    pub table: TableData,
    /// On the days that a cycle shares with its neighbors.
    pub boundary: Option<Text>,
    pub splits: Vec<SplitData>,
    /// The file of the table.
    pub csv: String,
}

/// The reader's choices.
pub struct UsageView {
    pub choice: UsageChoice,
    pub cycles: Option<Cycles>,
    pub zone: Zone,
    pub metrics: Vec<Metric>,
    /// The keys of measures that are switched off.
    pub hidden: Vec<String>,
    pub today: i64,
}

impl UsageView {
    /// The page without figures: its days can't be shown.
    #[must_use]
    pub fn without_figures(&self) -> UsageSections {
        let (cycles, keys) = (self.cycles.as_ref(), self.keys());
        let chip = |one: UsageChoice| Chip {
            href: one.address("/usage", &keys),
            words: one.chip(cycles, self.zone),
            on: one == self.choice,
        };
        let custom = match &self.choice {
            UsageChoice::Custom(days) => Some((days.clone(), keys.join(","))),
            _ => None,
        };
        let ranges = self.choice.all(cycles, self.today).into_iter().map(chip).collect();
        UsageSections { ranges, custom, shown: Shown::Nothing, as_of: None }
    }

    #[must_use]
    pub fn sections(&self, period: &Period, usage: &UsageOverview, pace: Option<&AtThisPace>) -> UsageSections {
        let measures = measures(usage, &self.metrics);
        let shown = if measures.is_empty() {
            Shown::NoUsage(self.no_usage(period))
        } else {
            Shown::Usage(Box::new(self.details(period, usage, pace, &measures)))
        };
        UsageSections { shown, ..self.without_figures() }
    }

    fn details(
        &self,
        period: &Period,
        usage: &UsageOverview,
        pace: Option<&AtThisPace>,
        measures: &[Measure<'_>],
    ) -> UsageDetails {
        let keys = self.keys();
        let on = |measure: &Measure<'_>| !keys.contains(&measure.key());
        let switch = |measure: &Measure<'_>| {
            let mut toggled = keys.clone();
            if on(measure) {
                toggled.push(measure.key());
            } else {
                toggled.retain(|key| *key != measure.key());
            }
            Chip { href: self.choice.address("/usage", &toggled), words: measure.label(), on: on(measure) }
        };
        let before = self.choice.before(period);
        let pace = pace.map(|pace| (pace, self.zone));
        let drawn = measures.iter().filter(|one| on(one));
        UsageDetails {
            switches: measures.iter().map(switch).collect(),
            charts: drawn.map(|one| chart(*one, usage, period, &before, pace)).collect(),
            table: TableData::new(usage, period, measures),
            boundary: (measures.len() > 1).then(|| self.boundary(period)).flatten(),
            splits: splits(usage, &self.choice),
            csv: self.choice.address("/usage.csv", &[]),
        }
    }

    /// Metrics know days, not cycles.
    fn boundary(&self, period: &Period) -> Option<Text> {
        let cycle = period.days.cycle.filter(|cycle| cycle.start.timestamp_millis() % 86_400_000 != 0)?;
        let text = Text::from("Credits are counted from ").time(self.zone.full(cycle.start));
        Some(text.text(", other figures by whole days."))
    }

    /// `No usage in the last 30 days. Usage appears here within seconds of a request.`
    fn no_usage(&self, period: &Period) -> String {
        let hint = " Usage appears here within seconds of a request.";
        let hint = if period.days.last == period.today { hint } else { "" };
        format!("No usage {}.{hint}", self.choice.place())
    }

    fn keys(&self) -> Vec<&str> {
        self.hidden.iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Credits;
    use crate::store::daily_usage::Totals;
    use crate::store::daily_usage_names::OTHER_SOURCE;
    use crate::usecases::insight::usage::Range;
    use crate::web::usage::example::{metrics, period, usage};

    fn sections(usage: &UsageOverview, hidden: &[&str]) -> UsageDetails {
        let hidden: Vec<String> = hidden.iter().map(|key| (*key).to_owned()).collect();
        let view = UsageView {
            choice: UsageChoice::Range(Range::Week),
            cycles: None,
            zone: Zone::UTC,
            metrics: metrics(),
            hidden,
            today: period().today,
        };
        let Shown::Usage(details) = view.sections(&period(), usage, None).shown else { panic!("nothing is shown") };
        *details
    }

    #[test]
    fn what_has_no_data_is_not_drawn_and_what_is_switched_off_stays_in_the_table() {
        let sections = sections(&usage(), &["requests"]);
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
        let sections = sections(&usage(), &[]);
        assert_eq!(sections.charts[0].scale, ["30", "15", "0"]);
        assert_eq!(sections.charts[1].scale, ["4", "2", "0"]);
        assert_eq!(sections.charts[0].bars[1].parts, [(666, "used"), (0, "held"), (333, "teal")]);
        assert_eq!(sections.charts[1].bars[0].parts, [(750, "ink")]);
        assert_eq!(sections.charts[1].axis, ["4 Oct", "5"]);
        assert_eq!(sections.charts[0].bars[0].words, "4 Oct: 30 · all from plan");
        assert_eq!(sections.charts[0].bars[1].words, "5 Oct: 30 · plan 20, top-ups 10");
        assert_eq!(sections.charts[1].bars[1].words, "5 Oct: 4");
    }

    #[test]
    fn a_split_names_what_was_not_said_and_is_left_out_where_nothing_was() {
        let sections = sections(&usage(), &[]);
        assert_eq!(sections.splits.len(), 1);
        let rows: Vec<_> = sections.splits[0].rows.iter().map(|row| (row.name.as_str(), row.share)).collect();
        assert_eq!(rows, [("Crawl site", 750), ("Unknown", 250)]);
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
        let sections = sections(&usage, &[]);
        let rows: Vec<_> = sections.splits[1].rows.iter().map(|row| (row.name.as_str(), row.share)).collect();
        assert_eq!(rows, [("k1", 250), ("Other sources", 750)]);
        assert_eq!(sections.splits[1].rows[1].href, None);
    }
}
