//! One verdict of two comparisons (R17, R18). The coming months decide; the last cycles stand beside it only where
//! they point the same way.

use super::{Advice, Ahead};
use crate::forecast::about;

/// The advised way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// No credits will be missing.
    Enough,
    /// Packages are the cheapest way, or as cheap as a plan.
    TopUps,
    /// The larger plan with this id is cheaper.
    Plan(String),
}

/// The verdict, and the comparisons behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub choice: Choice,
    pub ahead: Option<Ahead>,
    pub back: Option<Advice>,
}

impl Verdict {
    /// The verdict of what is known. `None` if neither comparison says anything.
    #[must_use]
    pub fn new(ahead: Option<Ahead>, back: Option<Advice>) -> Option<Self> {
        let ahead = ahead.filter(|ahead| looking_ahead(ahead).is_some());
        let choice = ahead.as_ref().and_then(looking_ahead).or_else(|| back.as_ref().map(looking_back))?;
        Some(Self { choice, ahead, back })
    }

    /// The last cycles, if they point the same way as the choice.
    #[must_use]
    pub fn agreeing_back(&self) -> Option<&Advice> {
        self.back.as_ref().filter(|back| match looking_back(back) {
            Choice::Plan(_) => looking_back(back) == self.choice,
            Choice::Enough | Choice::TopUps => !matches!(self.choice, Choice::Plan(_)),
        })
    }
}

/// The choice for the coming months; none where nothing is for sale.
fn looking_ahead(ahead: &Ahead) -> Option<Choice> {
    if !about(ahead.missing).is_positive() {
        return Some(Choice::Enough);
    }
    let plan = ahead.better().map(|upgrade| Choice::Plan(upgrade.plan.clone()));
    plan.or_else(|| ahead.buy.is_some().then_some(Choice::TopUps))
}

fn looking_back(back: &Advice) -> Choice {
    if back.saved() > 0 { Choice::Plan(back.plan.clone()) } else { Choice::TopUps }
}
