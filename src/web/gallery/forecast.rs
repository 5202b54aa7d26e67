//! Forecasts of the gallery's customers.

use crate::domain::advice::{Advice, Ahead, Basket, Upgrade, Verdict};
use crate::domain::forecast::{RunsOut, TopUpForecast};
use crate::domain::{Catalog, Credits, Grant, GrantId};
use crate::web::billing::advice::{AdviceWords, Adviser};
use crate::web::gallery::customers::at;
use crate::web::ui::dates::Zone;

#[derive(Clone, Copy)]
pub enum Forecast {
    Buy,
    Upgrade,
    Enough,
}

impl Forecast {
    /// The end of each living top-up.
    pub fn top_ups(self, live: &[Grant]) -> Vec<(GrantId, TopUpForecast)> {
        match self {
            Self::Buy => Vec::new(),
            Self::Upgrade => {
                live.iter().skip(1).map(|grant| (grant.id, TopUpForecast::Left(Credits::whole(3_400)))).collect()
            }
            Self::Enough => live.iter().map(|grant| (grant.id, TopUpForecast::Untouched)).collect(),
        }
    }

    /// The end of the credits.
    pub fn runs_out(self) -> RunsOut {
        match self {
            Self::Buy => RunsOut { plan: Some(at("2026-11-23T15:00:00Z")), all: Some(at("2026-11-23T15:00:00Z")) },
            Self::Upgrade => RunsOut { plan: None, all: Some(at("2027-02-11T10:00:00Z")) },
            Self::Enough => RunsOut::default(),
        }
    }

    fn verdict(self) -> Option<Verdict> {
        let basket = |amount, packages: &[(&str, i64)]| {
            let packages = packages.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect();
            Some(Basket { amount, credits: Credits::ZERO, packages })
        };
        let plan = |id: &str, difference| {
            let (plan, still) = (id.to_owned(), Basket::default());
            Some(Upgrade { plan, difference, fees: 3 * difference, still })
        };
        let ahead = |missing, buy, upgrade| Some(Ahead { months: 3, missing: Credits::whole(missing), buy, upgrade });
        let back = Advice { plan: "pro".into(), cycles: 3, top_ups: 67_500, difference: 17_000, still: 0 };
        match self {
            Self::Buy => {
                let buy = basket(3_900, &[("p5000", 1), ("p1200", 1)]);
                Verdict::new(ahead(5_500, buy, plan("builder", 6_000)), None)
            }
            Self::Upgrade => {
                let buy = basket(67_500, &[("p50000", 3)]);
                Verdict::new(ahead(140_000, buy, plan("pro", 17_000)), Some(back))
            }
            Self::Enough => Verdict::new(ahead(0, None, None), None),
        }
    }

    /// The id of the package that fits.
    pub fn fits(self) -> Option<&'static str> {
        matches!(self, Self::Buy).then_some("p5000")
    }

    /// Buy or upgrade.
    pub fn advice(self, zone: Zone) -> Option<AdviceWords> {
        let (catalog, verdict) = (catalog()?, self.verdict()?);
        let adviser = Adviser {
            verdict: &verdict,
            catalog: &catalog,
            plan: if matches!(self, Self::Buy) { "starter" } else { "builder" },
            per_day: Some(Credits::whole(160)),
            top_ups: Credits::ZERO,
            upgrade: "/plans",
            hide_until: Some(zone.short_day(at("2026-12-04T10:00:00Z"))),
        };
        adviser.words()
    }
}

/// The sample catalogue.
pub fn catalog() -> Option<Catalog> {
    Catalog::parse(include_str!("../../../catalog.toml")).ok()
}
