//! The periods that Usage offers: in addresses, in words, in days.

use crate::store::daily_usage::day_number;
use crate::usecases::insight::cycles::Cycles;
use crate::usecases::insight::usage::{DAYS_MAX, Period, Range, UsageStep, midnight, number_of};
use crate::web::ui::dates::Zone;
use chrono::{Datelike as _, NaiveDate};

/// The days that "Custom" begins with.
const CUSTOM_DAYS: i64 = 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageChoice {
    ThisCycle,
    LastCycle,
    Range(Range),
    Custom(CustomDays),
}

/// The form's days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomDays {
    /// As they were typed.
    pub from: String,
    pub to: String,
    pub days: Result<(NaiveDate, NaiveDate), WrongDay>,
}

/// A day that can't be shown: its field, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongDay {
    pub field: &'static str,
    pub words: &'static str,
}

impl UsageChoice {
    /// Reads a URL's query. The default is 30 days.
    pub fn read(value: impl Fn(&str) -> Option<String>, today: i64) -> Self {
        let range = value("range").unwrap_or_default();
        match range.as_str() {
            "cycle" => Self::ThisCycle,
            "last-cycle" => Self::LastCycle,
            "custom" => Self::Custom(CustomDays::read(value, today)),
            _ => Self::Range(Range::parse(&range).unwrap_or(Range::Month)),
        }
    }

    /// All, in the page's order. A customer who came in this cycle has no last one.
    #[must_use]
    pub fn all(&self, cycles: Option<&Cycles>, today: i64) -> Vec<Self> {
        let custom = match self {
            Self::Custom(days) => days.clone(),
            _ => CustomDays::read(|_| None, today),
        };
        let this = cycles.map(|_| Self::ThisCycle);
        let last = cycles.and_then(|cycles| cycles.last).map(|_| Self::LastCycle);
        let ranges = [Range::Week, Range::Month, Range::Weekly].map(Self::Range);
        this.into_iter().chain(last).chain(ranges).chain([Self::Custom(custom)]).collect()
    }

    /// The days of the period; none where they can't be shown.
    pub fn period(&self, cycles: Option<&Cycles>, today: i64) -> Result<Period, WrongDay> {
        let month = Period::range(Range::Month, today);
        Ok(match self {
            Self::ThisCycle => cycles.map_or(month, |cycles| Period::this_cycle(cycles, today)),
            Self::LastCycle => {
                let last = cycles.and_then(|cycles| cycles.last);
                last.map_or(month, |last| Period::last_cycle(last, today))
            }
            Self::Range(range) => Period::range(*range, today),
            Self::Custom(custom) => custom.days.map(|(first, last)| Period::custom(first, last, today))?,
        })
    }

    /// An address of this period; `hidden` are measures that are switched off.
    #[must_use]
    pub fn address(&self, path: &str, hidden: &[&str]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("range", self.name());
        if let Self::Custom(custom) = self {
            query.append_pair("from", &custom.from).append_pair("to", &custom.to);
        }
        if !hidden.is_empty() {
            query.append_pair("hide", &hidden.join(","));
        }
        format!("{path}?{}", query.finish())
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::ThisCycle => "cycle",
            Self::LastCycle => "last-cycle",
            Self::Range(range) => range.name(),
            Self::Custom(_) => "custom",
        }
    }

    /// `This cycle (11 Nov – 11 Dec)`
    #[must_use]
    pub fn chip(&self, cycles: Option<&Cycles>, zone: Zone) -> String {
        match self {
            Self::ThisCycle => {
                let day = |at| zone.short_day(at).text;
                let days = cycles.map(|cycles| format!(" ({} – {})", day(cycles.this.start), day(cycles.this.end)));
                format!("This cycle{}", days.unwrap_or_default())
            }
            Self::LastCycle => "Last cycle".to_owned(),
            Self::Range(range) => range_words(*range).to_owned(),
            Self::Custom(_) => "Custom".to_owned(),
        }
    }

    /// After "No usage": `in the last 30 days`.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::ThisCycle => "in this cycle".to_owned(),
            Self::LastCycle => "in the last cycle".to_owned(),
            Self::Range(range) => format!("in the last {}", range_words(*range)),
            Self::Custom(_) => "on these days".to_owned(),
        }
    }

    /// The period that it is compared with: `the previous 30 days`.
    #[must_use]
    pub fn before(&self, period: &Period) -> String {
        let days = period.days.last - period.days.first + 1;
        match self {
            Self::ThisCycle if days == 1 => "the first day of last cycle".to_owned(),
            Self::ThisCycle => format!("the first {days} days of last cycle"),
            Self::Range(range) => format!("the previous {}", range_words(*range)),
            _ if days == 1 => "the day before".to_owned(),
            _ => format!("the previous {days} days"),
        }
    }
}

impl CustomDays {
    /// The last 30 days where none are given.
    fn read(value: impl Fn(&str) -> Option<String>, today: i64) -> Self {
        let day = |n: i64| midnight(n).format("%Y-%m-%d").to_string();
        let text = |name: &str| value(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let to = text("to").unwrap_or_else(|| day(today));
        let from = text("from").unwrap_or_else(|| {
            let last = to.parse().map_or(today, |day| number_of(day).min(today));
            day(last - CUSTOM_DAYS + 1)
        });
        let days = checked(&from, &to, today);
        Self { from, to, days }
    }
}

fn checked(from: &str, to: &str, today: i64) -> Result<(NaiveDate, NaiveDate), WrongDay> {
    let wrong = |field, words| WrongDay { field, words };
    let day =
        |text: &str, field| text.parse::<NaiveDate>().map_err(|_| wrong(field, "Enter a date, such as 2026-11-30."));
    let (first, last) = (day(from, "from")?, day(to, "to")?);
    if number_of(first) > today {
        return Err(wrong("from", "This day is in the future. Choose an earlier one."));
    }
    if last < first {
        return Err(wrong("to", "The last day can't be before the first."));
    }
    if number_of(last).min(today) - number_of(first) >= DAYS_MAX {
        return Err(wrong("from", "Choose at most 366 days."));
    }
    Ok((first, last))
}

const fn range_words(range: Range) -> &'static str {
    match range {
        Range::Week => "7 days",
        Range::Month => "30 days",
        Range::Weekly => "7 weeks",
    }
}

/// `28 Nov`, `22 Nov – 28 Nov, so far`; with their year in a period that began in another one.
#[must_use]
pub fn step_words(step: &UsageStep, period: &Period) -> String {
    let other_year = midnight(period.days.first).year() != midnight(period.today).year();
    let day = |at| if other_year { Zone::UTC.day(at).text } else { Zone::UTC.short_day(at).text };
    let so_far = if day_number(step.last) == period.today { ", so far" } else { "" };
    if step.first == step.last && !period.is_weekly() {
        return format!("{}{so_far}", day(step.first));
    }
    format!("{} – {}{so_far}", day(step.first), day(step.last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-22";

    fn read(query: &str) -> UsageChoice {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        UsageChoice::read(value, number_of(TODAY.parse().expect("a day")))
    }

    fn wrong(query: &str) -> Option<(&'static str, &'static str)> {
        let UsageChoice::Custom(custom) = read(&format!("range=custom&{query}")) else { return None };
        custom.days.err().map(|wrong| (wrong.field, wrong.words))
    }

    #[test]
    fn days_that_cannot_be_shown_are_answered_at_their_field() {
        assert_eq!(wrong("from=2026-11-01&to=2026-11-30"), None);
        assert_eq!(wrong("from=2026-02-30&to=2026-03-01"), Some(("from", "Enter a date, such as 2026-11-30.")));
        assert_eq!(wrong("from=2026-11-01&to=soon").map(|(field, _)| field), Some("to"));
        assert_eq!(wrong("from=2026-11-23&to=2026-11-30").map(|(field, _)| field), Some("from"));
        assert_eq!(wrong("from=2026-11-02&to=2026-11-01"), Some(("to", "The last day can't be before the first.")));
        assert_eq!(wrong("from=2025-11-22&to=2026-11-22"), None);
        assert_eq!(wrong("from=2025-11-21&to=2026-11-22"), Some(("from", "Choose at most 366 days.")));
        assert_eq!(wrong("from=-262000-01-01&to=%2B262000-01-01").map(|(field, _)| field), Some("from"));
    }

    #[test]
    fn an_address_leads_back_to_its_period() {
        for query in ["range=cycle", "range=last-cycle", "range=7d", "range=custom&from=2026-11-01&to=2026-11-03"] {
            assert_eq!(read(query).address("/usage", &[]), format!("/usage?{query}"));
        }
        assert_eq!(read("range=ever").address("/usage.csv", &["tokens"]), "/usage.csv?range=30d&hide=tokens");
        assert_eq!(read("range=custom").address("/usage", &[]), "/usage?range=custom&from=2026-10-24&to=2026-11-22");
    }

    #[test]
    fn a_step_that_is_not_over_says_so() {
        let period = Period::range(Range::Week, number_of(TODAY.parse().expect("a day")));
        let step = |first: i64, last: i64| UsageStep {
            first: midnight(period.today - first),
            last: midnight(period.today - last),
            figures: crate::usecases::insight::usage::UsageFigures::default(),
        };
        assert_eq!(step_words(&step(1, 1), &period), "21 Nov");
        assert_eq!(step_words(&step(0, 0), &period), "22 Nov, so far");
        assert_eq!(step_words(&step(6, 0), &Period { step: 7, ..period }), "16 Nov – 22 Nov, so far");
        let old =
            Period::custom("2025-12-01".parse().expect("a day"), "2026-01-05".parse().expect("a day"), period.today);
        assert_eq!(step_words(&step(1, 1), &old), "21 Nov 2026");
    }
}
