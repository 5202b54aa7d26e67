//! The filter of History in a URL's query, and back.

use crate::domain::{Cycle, GrantId, Instant};
use crate::usecases::insight::cycles::Cycles;
use crate::usecases::insight::history::{Filter, Sort};
use crate::web::ui::dates::Zone;
use chrono::{Days, NaiveDate};

/// A billing cycle as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleFilter {
    This,
    Last,
}

impl CycleFilter {
    pub const ALL: [Self; 2] = [Self::This, Self::Last];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::Last => "last",
        }
    }

    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::This => "This cycle",
            Self::Last => "Last cycle",
        }
    }

    /// `None` for a customer who came in this cycle.
    #[must_use]
    pub const fn of(self, cycles: &Cycles) -> Option<Cycle> {
        match self {
            Self::This => Some(cycles.this),
            Self::Last => cycles.last,
        }
    }
}

/// A field that couldn't be read, and was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongField {
    pub name: &'static str,
    pub words: &'static str,
}

const NO_DATE: &str = "Enter a date, such as 2026-11-30.";
const NOT_IN_LIST: &str = "Choose one from the list.";

/// The filter in a URL's query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterQuery {
    pub filter: Filter,
    pub cycle: Option<CycleFilter>,
    /// The days as they were typed.
    pub from: String,
    pub to: String,
    /// The first field that is wrong.
    pub wrong: Option<WrongField>,
}

impl FilterQuery {
    /// Reads the query's values. Days are the customer's; they win over a cycle.
    pub fn read(value: impl Fn(&str) -> Option<String>, zone: Zone, cycles: Option<&Cycles>) -> Self {
        let text = |name: &str| value(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut wrong = None;
        let mut reject = |name, words| wrong = wrong.or(Some(WrongField { name, words }));
        let sort = text("show").and_then(|name| {
            let sort = Sort::named(&name);
            if sort.is_none() {
                reject("show", NOT_IN_LIST);
            }
            sort
        });
        let grant = text("top_up").and_then(|id| {
            let grant = GrantId::parse(&id);
            if grant.is_none() {
                reject("top_up", NOT_IN_LIST);
            }
            grant
        });
        let mut day = |name: &'static str, days: u64| -> (String, Option<Instant>) {
            let Some(typed) = text(name) else { return (String::new(), None) };
            let day = typed.parse::<NaiveDate>().ok().and_then(|day| day.checked_add_days(Days::new(days)));
            let start = day.and_then(|day| zone.day_start(day));
            if start.is_none() {
                reject(name, NO_DATE);
            }
            (typed, start)
        };
        let ((from, since), (to, until)) = (day("from", 0), day("to", 1));
        if since.zip(until).is_some_and(|(since, until)| until <= since) {
            reject("to", "The last day can't be before the first.");
        }
        let cycle = text("cycle").and_then(|name| CycleFilter::ALL.into_iter().find(|cycle| cycle.name() == name));
        let cycle = cycle.filter(|_| from.is_empty() && to.is_empty());
        let days = cycle.and_then(|cycle| cycle.of(cycles?));
        let filter = Filter {
            sort,
            operation: text("operation"),
            source: text("source"),
            from: days.map(|cycle| cycle.start).or(since),
            until: days.map(|cycle| cycle.end).or(until),
            grant,
        };
        Self { filter, cycle: cycle.filter(|_| days.is_some()), from, to, wrong }
    }

    /// How many fields are set.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.pairs().iter().filter(|(_, value)| !value.is_empty()).count()
    }

    /// The path with this filter, and the line before which the page begins.
    #[must_use]
    pub fn address(&self, path: &str, before: Option<i64>) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        let before = ("before", before.map(|seq| seq.to_string()).unwrap_or_default());
        for (name, value) in self.pairs().into_iter().chain([before]).filter(|(_, value)| !value.is_empty()) {
            out.append_pair(name, &value);
        }
        match out.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The same with a cycle in place of days, or without.
    #[must_use]
    pub fn in_cycle(&self, cycle: Option<CycleFilter>) -> Self {
        Self { cycle, from: String::new(), to: String::new(), ..self.clone() }
    }

    fn pairs(&self) -> [(&'static str, String); 7] {
        let filter = &self.filter;
        [
            ("show", filter.sort.map(|sort| sort.name().to_owned()).unwrap_or_default()),
            ("operation", filter.operation.clone().unwrap_or_default()),
            ("top_up", filter.grant.map(|id| id.to_string()).unwrap_or_default()),
            ("source", filter.source.clone().unwrap_or_default()),
            ("cycle", self.cycle.map(|cycle| cycle.name().to_owned()).unwrap_or_default()),
            ("from", self.from.clone()),
            ("to", self.to.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    fn read(query: &str) -> FilterQuery {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let cycle = |start, end| Cycle { start: at(start), end: at(end) };
        let cycles = Cycles {
            this: cycle("2026-11-11T14:00:00Z", "2026-12-11T14:00:00Z"),
            last: None,
            customer_since: at("2026-11-11T14:00:00Z"),
        };
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        FilterQuery::read(value, Zone::named("Europe/Berlin"), Some(&cycles))
    }

    #[test]
    fn a_cycle_is_exact_and_days_win_over_it() {
        let this = read("cycle=this&show=used");
        assert_eq!(this.filter.from, Some(at("2026-11-11T14:00:00Z")));
        assert_eq!(this.filter.until, Some(at("2026-12-11T14:00:00Z")));
        assert_eq!(
            (this.fields(), this.address("/history", Some(7))),
            (2, "/history?show=used&cycle=this&before=7".into())
        );
        assert_eq!(this.in_cycle(None).address("/history", None), "/history?show=used");
        let days = read("cycle=this&from=2026-11-20&to=2026-11-20");
        assert_eq!((days.cycle, days.filter.from), (None, Some(at("2026-11-19T23:00:00Z"))));
        assert_eq!(days.filter.until, Some(at("2026-11-20T23:00:00Z")));
        assert_eq!(read("cycle=last").cycle, None, "there is none yet");
        assert_eq!(read("").address("/history.csv", None), "/history.csv");
    }

    #[test]
    fn the_first_wrong_field_is_named() {
        let wrong = |query| read(query).wrong.map(|wrong| wrong.name);
        assert_eq!(wrong("from=2026-02-30&show=all-of-it"), Some("show"));
        assert_eq!(wrong("to=soon"), Some("to"));
        assert_eq!(wrong("from=2026-11-20&to=2026-11-19"), Some("to"));
        assert_eq!(wrong("from=2026-11-20&to=2026-11-20&top_up="), None);
    }
}
