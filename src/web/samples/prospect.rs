//! What may lie ahead of the samples' customers.

use crate::domain::forecast::{Outlook, RunsOut};
use crate::domain::{Credits, Grant, GrantId, Money};
use crate::web::samples::customers::at;
use crate::web::view::{AheadView, Text};

/// What lies ahead.
#[derive(Clone, Copy)]
pub enum Prospect {
    Buy,
    Upgrade,
    Enough,
}

impl Prospect {
    /// How living top-ups will end.
    pub fn fates(self, live: &[Grant]) -> Vec<(GrantId, Outlook)> {
        match self {
            Self::Buy => Vec::new(),
            Self::Upgrade => {
                live.iter().skip(1).map(|grant| (grant.id, Outlook::Left(Credits::whole(3_400)))).collect()
            }
            Self::Enough => live.iter().map(|grant| (grant.id, Outlook::Untouched)).collect(),
        }
    }

    /// When credits run out.
    pub fn runs_out(self) -> RunsOut {
        match self {
            Self::Buy => RunsOut { plan: Some(at("2026-11-24T10:00:00Z")), all: None },
            Self::Upgrade => RunsOut { plan: None, all: Some(at("2027-02-11T10:00:00Z")) },
            Self::Enough => RunsOut::default(),
        }
    }

    /// Buy or upgrade.
    pub fn ahead(self) -> AheadView {
        let money = |minor| Money::new(minor, "usd");
        let lack = |credits| Text::from("At your pace you need about ").credits(Credits::whole(credits));
        match self {
            Self::Buy => AheadView {
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
                see: None,
            },
            Self::Upgrade => AheadView {
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
                see: Some(("See Pro".into(), "/plans".into())),
            },
            Self::Enough => AheadView {
                strong: "Enough for 3 months at your pace.".into(),
                text: Text::new(),
                buys: false,
                see: None,
            },
        }
    }
}
