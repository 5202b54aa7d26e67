//! "Purchases": what was paid, is on its way or failed; of abandoned ones only the newest open one.

use crate::domain::{Credits, Instant, Money, PurchaseId, PurchaseState, Terms};
use crate::web::ui::dates::{Moment, Zone};
use crate::web::view::offers::BuyForm;
use crate::web::view::status;
use crate::web::view::status::{Badge, PurchaseFacts};
use crate::web::view::top_ups::PAGE;

/// How many show before "Show all".
pub const SHOWN: usize = 5;

/// The section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurchasesView {
    /// The rows of this page.
    pub rows: Vec<PurchaseRow>,
    /// How many there are in all, the unfinished one not counted.
    pub total: usize,
    /// Whether all are shown, page by page.
    pub all: bool,
    /// This page, from 1.
    pub page: usize,
    /// The last page.
    pub pages: usize,
}

/// One purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseRow {
    /// Its page.
    pub href: String,
    /// When it was chosen.
    pub date: Moment,
    /// What it is of.
    pub credits: Credits,
    /// Its price.
    pub price: Money,
    /// Its state.
    pub badge: Badge,
    /// Where its invoice is asked for.
    pub invoice: Option<String>,
    /// Goes back to its open Checkout.
    pub resume: Option<BuyForm>,
}

/// A purchase as it is stored.
#[derive(Clone, Debug)]
pub struct PurchaseFact {
    /// Its id.
    pub id: PurchaseId,
    /// Its package's id.
    pub package: String,
    /// What it is of.
    pub credits: Credits,
    /// The currency it was sold in, whatever the catalogue's is now.
    pub currency: String,
    /// Months of validity as sold, where they were kept.
    pub months: Option<i32>,
    /// When it was chosen.
    pub created_at: Instant,
    /// What became of it.
    pub facts: PurchaseFacts,
    /// Whether Stripe has an invoice for it.
    pub has_invoice: bool,
}

impl PurchaseFact {
    /// The terms it was sold on; `months` are the catalogue's.
    #[must_use]
    pub fn terms(&self, months: i32) -> Terms {
        let (credits, currency) = (self.credits, self.currency.clone());
        Terms { credits, amount: self.facts.amount, currency, months: self.months.unwrap_or(months) }
    }

    /// Paid, on its way, or failed: everything but an abandoned Checkout.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.facts.paid
            || !matches!(self.facts.state, PurchaseState::Created | PurchaseState::Open | PurchaseState::Expired)
    }

    /// Whether its Checkout can be gone on with.
    #[must_use]
    pub fn open(&self) -> bool {
        self.facts.state == PurchaseState::Open && !self.facts.paid
    }
}

/// What the section is made of.
pub struct PurchasesFacts<'a> {
    /// Those that are not done: paid and not credited yet, or the newest Checkout that is still open.
    pub pending: &'a [PurchaseFact],
    /// Those of this page, newest first.
    pub purchases: &'a [PurchaseFact],
    /// How many there are in all, pending ones not counted.
    pub total: usize,
    /// The customer's zone.
    pub zone: Zone,
    /// Whether all are shown, and which page of them.
    pub all: Option<usize>,
    /// Seals a form that goes back to an open Checkout; nothing for those who may not buy.
    pub resume: &'a dyn Fn(&PurchaseFact) -> Option<BuyForm>,
}

/// Which rows of so many a page shows: the first, how many; which page, of how many.
#[must_use]
pub fn window(total: usize, all: Option<usize>) -> (usize, usize, usize, usize) {
    let pages = total.div_ceil(PAGE).max(1);
    let page = all.unwrap_or(1).clamp(1, pages);
    if all.is_some() { ((page - 1) * PAGE, PAGE, page, pages) } else { (0, SHOWN, page, pages) }
}

impl PurchasesFacts<'_> {
    /// The section.
    #[must_use]
    pub fn view(&self) -> PurchasesView {
        let (_, _, page, pages) = window(self.total, self.all);
        let pending = self.pending.iter().filter(|_| page == 1);
        let rows = pending.chain(self.purchases).map(|fact| self.row(fact)).collect();
        PurchasesView { rows, total: self.total, all: self.all.is_some(), page, pages }
    }

    fn row(&self, fact: &PurchaseFact) -> PurchaseRow {
        PurchaseRow {
            href: format!("/purchases/{}", fact.id),
            date: self.zone.day(fact.created_at),
            credits: fact.credits,
            price: Money::new(fact.facts.amount, &fact.currency),
            badge: status::purchase(&fact.facts),
            invoice: fact.has_invoice.then(|| format!("/purchases/{}/invoice", fact.id)),
            resume: if fact.open() { (self.resume)(fact) } else { None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::view::status::Dispute;

    fn fact(n: u8, state: PurchaseState) -> PurchaseFact {
        PurchaseFact {
            id: PurchaseId::from_bytes(&[n; 16]).expect("sixteen bytes"),
            package: "p1200".into(),
            credits: Credits::whole(1_200),
            currency: "usd".into(),
            months: Some(12),
            created_at: "2026-11-22T13:05:00Z".parse().expect("an instant"),
            facts: PurchaseFacts { state, paid: false, amount: 900, refunded: 0, dispute: Dispute::None },
            has_invoice: state == PurchaseState::Credited,
        }
    }

    fn view(purchases: &[PurchaseFact], all: Option<usize>) -> PurchasesView {
        let resume = |fact: &PurchaseFact| {
            Some(BuyForm {
                purchase: fact.id.to_string(),
                package: fact.package.clone(),
                terms: fact.terms(12),
                mac: "seal".into(),
            })
        };
        let (pending, counted): (Vec<PurchaseFact>, Vec<PurchaseFact>) =
            purchases.iter().filter(|fact| fact.open() || fact.counts()).cloned().partition(PurchaseFact::open);
        let (skip, take, ..) = window(counted.len(), all);
        let rows = &counted[skip..counted.len().min(skip + take)];
        let facts = PurchasesFacts {
            pending: &pending[..pending.len().min(1)],
            purchases: rows,
            total: counted.len(),
            zone: Zone::UTC,
            all,
            resume: &resume,
        };
        facts.view()
    }

    #[test]
    fn abandoned_checkouts_are_hidden_but_for_the_newest_open_one() {
        let view = view(
            &[
                fact(1, PurchaseState::Open),
                fact(2, PurchaseState::Open),
                fact(3, PurchaseState::Expired),
                fact(4, PurchaseState::Failed),
                fact(5, PurchaseState::Credited),
            ],
            None,
        );
        let badges: Vec<String> = view.rows.iter().map(|row| row.badge.text.to_string()).collect();
        assert_eq!(badges, ["Not finished", "Failed", "Credited"]);
        assert_eq!(view.rows.iter().map(|row| row.resume.is_some()).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(view.total, 2);
    }

    #[test]
    fn an_old_purchase_keeps_its_currency() {
        let yen = PurchaseFact { currency: "jpy".into(), ..fact(1, PurchaseState::Credited) };
        let prices: Vec<String> =
            view(&[yen, fact(2, PurchaseState::Credited)], None).rows.iter().map(|row| row.price.long()).collect();
        assert_eq!(prices, ["¥900", "$9.00"]);
    }

    #[test]
    fn five_show_and_the_rest_are_a_link_away() {
        let purchases: Vec<PurchaseFact> = (0..60).map(|n| fact(n, PurchaseState::Credited)).collect();
        assert_eq!((view(&purchases, None).rows.len(), view(&purchases, None).total), (5, 60));
        assert_eq!((view(&purchases, Some(2)).rows.len(), view(&purchases, Some(2)).pages), (10, 2));
    }
}
