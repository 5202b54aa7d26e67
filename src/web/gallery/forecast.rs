//! Forecasts of the gallery's customers.

use crate::domain::forecast::{RunsOut, TopUpForecast};
use crate::domain::{Credits, Grant, GrantId, Money};
use crate::web::billing::buy_or_upgrade::BuyOrUpgrade;
use crate::web::gallery::customers::at;
use crate::web::ui::text::Text;

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
            Self::Buy => RunsOut { plan: Some(at("2026-11-24T10:00:00Z")), all: None },
            Self::Upgrade => RunsOut { plan: None, all: Some(at("2027-02-11T10:00:00Z")) },
            Self::Enough => RunsOut::default(),
        }
    }

    /// Buy or upgrade.
    pub fn advice(self) -> BuyOrUpgrade {
        let money = |minor| Money::new(minor, "usd");
        let lack = |credits| Text::from("At your pace you need about ").credits(Credits::whole(credits));
        match self {
            Self::Buy => BuyOrUpgrade {
                strong: Text::new()
                    .credits(Credits::whole(5_000))
                    .text(" credits for ")
                    .money(money(3_000))
                    .text(" will do for your next 3 months."),
                text: lack(3_200)
                    .text(" more than you have in the next 3 months. Builder instead of Starter: 3 × ")
                    .money(money(6_000))
                    .text(" = ")
                    .money(money(18_000))
                    .text("."),
                buys: true,
                link: None,
            },
            Self::Upgrade => BuyOrUpgrade {
                strong: Text::from("Pro is ").money(money(16_500)).text(" cheaper for your next 3 months."),
                text: lack(140_000)
                    .text(" more than you have in the next 3 months: top-ups for ")
                    .money(money(67_500))
                    .text(". Pro instead of Builder: 3 × ")
                    .money(money(17_000))
                    .text(" = ")
                    .money(money(51_000))
                    .text("."),
                buys: false,
                link: Some(("See Pro".into(), "/plans".into())),
            },
            Self::Enough => BuyOrUpgrade {
                strong: "Enough for 3 months at your pace.".into(),
                text: Text::new(),
                buys: false,
                link: None,
            },
        }
    }
}
