//! The Billing page, whole: from a customer's facts to everything that is shown.

use crate::domain::forecast::Outlook;
use crate::domain::{Credits, Grant, GrantId, Instant, Money, Package, PurchaseId, Terms};
use crate::web::view::ahead::AheadView;
use crate::web::view::balance::{BalanceFacts, BalanceView};
use crate::web::view::hint::HintView;
use crate::web::view::notices::{Expiring, Notice, Pace, Remedy, Situation};
use crate::web::view::offers;
use crate::web::view::offers::{BuyForm, MayBuy, Offer, OffersView};
use crate::web::view::purchases::{PurchaseFact, PurchasesFacts, PurchasesView};
use crate::web::view::top_ups::{TopUpsFacts, TopUpsView};

/// Everything that `/billing` shows, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingView {
    /// How a form came back.
    pub outcome: Option<Notice>,
    /// The balance card.
    pub balance: BalanceView,
    /// The one notice.
    pub notice: Option<Notice>,
    /// The upgrade hint.
    pub hint: Option<HintView>,
    /// What can be bought.
    pub offers: OffersView,
    /// What was bought and is left.
    pub top_ups: TopUpsView,
    /// What was paid.
    pub purchases: PurchasesView,
}

/// Seals a form: for a purchase that exists, or anew; then the package and everything that is shown of it.
pub type Seal<'a> = &'a dyn Fn(Option<PurchaseId>, &str, Terms) -> BuyForm;

/// What the page is made of.
pub struct BillingFacts<'a> {
    /// The balance.
    pub balance: BalanceFacts,
    /// Every living top-up.
    pub live: &'a [Grant],
    /// The ended ones of this page, latest first.
    pub ended: &'a [Grant],
    /// How many ended ones there are.
    pub ended_total: usize,
    /// The purchases that are not done, newest first.
    pub pending: &'a [PurchaseFact],
    /// The others of this page, newest first.
    pub purchases: &'a [PurchaseFact],
    /// How many others there are.
    pub purchases_total: usize,
    /// Whether this person may buy.
    pub may_buy: MayBuy,
    /// What is for sale.
    pub packages: &'a [Package],
    /// The catalogue's currency.
    pub currency: &'a str,
    /// How long a top-up lives, in months.
    pub top_up_months: i32,
    /// A sentence about what a credit buys.
    pub credit_note: &'a str,
    /// Where plans are changed.
    pub upgrade: String,
    /// When this cycle began, if an earlier one came before it.
    pub reset_at: Option<Instant>,
    /// A paid purchase whose credits are not there yet.
    pub settling: bool,
    /// Until when the plan is kept though its payment has failed.
    pub grace_until: Option<Instant>,
    /// Frozen credits, and when they were paid.
    pub frozen: Option<(Credits, Instant)>,
    /// Whether top-ups wait for a paid plan.
    pub paused: bool,
    /// How the soonest top-up will end at this pace.
    pub pace: Option<Pace>,
    /// How each living top-up will end at this pace.
    pub fates: &'a [(GrantId, Outlook)],
    /// Whether buying or upgrading is cheaper.
    pub ahead: Option<AheadView>,
    /// How a form came back.
    pub outcome: Option<Notice>,
    /// The upgrade hint.
    pub hint: Option<HintView>,
    /// Which page of all top-ups.
    pub all_top_ups: Option<usize>,
    /// Which page of all purchases.
    pub all_purchases: Option<usize>,
    /// Draws forms.
    pub seal: Seal<'a>,
}

impl BillingFacts<'_> {
    /// The page.
    #[must_use]
    pub fn view(self) -> BillingView {
        BillingView {
            balance: self.balance.view(),
            notice: self.situation().notice(),
            offers: self.offers(),
            top_ups: self.top_ups(),
            purchases: self.purchases(),
            outcome: self.outcome,
            hint: self.hint,
        }
    }

    fn situation(&self) -> Situation {
        let balance = &self.balance;
        let bonus = balance.bonus.iter().map(|(credits, _)| *credits);
        Situation {
            now: balance.now,
            zone: balance.zone,
            available: balance.available,
            plan_left: balance.left,
            bonus_left: bonus.sum(),
            plan: balance.plan.clone(),
            reset_at: self.reset_at,
            resets_at: balance.resets_at,
            remedy: self.remedy(),
            settling: self.settling,
            grace_until: self.grace_until,
            frozen: self.frozen,
            top_ups: self.expiring(),
            paused: self.paused,
            upgrade: self.upgrade.clone(),
            pace: self.pace,
        }
    }

    const fn remedy(&self) -> Remedy {
        match &self.may_buy {
            MayBuy::Yes => Remedy::Buy,
            MayBuy::Viewer => Remedy::Ask,
            MayBuy::PlanCannot { .. } => Remedy::Upgrade,
            MayBuy::Off => Remedy::Wait,
        }
    }

    /// Top-ups with something left, soonest to expire first.
    fn expiring(&self) -> Vec<Expiring> {
        let now = self.balance.now;
        let left = |grant: &&Grant| grant.lives(now) && grant.remaining().is_positive();
        let mut live: Vec<&Grant> = self.live.iter().filter(left).collect();
        live.sort_by_key(|grant| grant.burn_key());
        let expiring = live.into_iter().map(|grant| Expiring {
            left: grant.remaining(),
            since: grant.effective_at,
            expires_at: grant.expires_at,
            kept: grant.is_kept(now),
        });
        expiring.collect()
    }

    fn offers(&self) -> OffersView {
        let mut packages: Vec<&Package> = self.packages.iter().collect();
        packages.sort_by_key(|package| package.credits);
        let smallest = packages.first().map_or((Credits::whole(1), 0), |package| (package.grants(), package.amount));
        let offer = |package: &&Package| {
            let terms = || Terms {
                credits: package.grants(),
                amount: package.amount,
                currency: self.currency.to_owned(),
                months: self.top_up_months,
            };
            let action = self.may_buy.action(|| (self.seal)(None, &package.id, terms()));
            Offer::new(package.grants(), Money::new(package.amount, self.currency), smallest, action)
        };
        OffersView {
            lock: self.may_buy.lock(),
            ahead: self.ahead.clone(),
            offers: packages.iter().map(offer).collect(),
            terms: offers::terms(self.top_up_months),
            credit_note: self.credit_note.to_owned(),
        }
    }

    fn top_ups(&self) -> TopUpsView {
        let facts = TopUpsFacts {
            live: self.live,
            ended: self.ended,
            ended_total: self.ended_total,
            now: self.balance.now,
            zone: self.balance.zone,
            paused: self.paused,
            in_use: self.balance.top_ups_in_use(),
            fates: self.fates,
            all: self.all_top_ups,
        };
        facts.view().dated(self.balance.zone)
    }

    fn purchases(&self) -> PurchasesView {
        let may = self.may_buy == MayBuy::Yes;
        let resume = |fact: &PurchaseFact| {
            may.then(|| (self.seal)(Some(fact.id), &fact.package, fact.terms(self.top_up_months)))
        };
        let facts = PurchasesFacts {
            pending: self.pending,
            purchases: self.purchases,
            total: self.purchases_total,
            zone: self.balance.zone,
            all: self.all_purchases,
            resume: &resume,
        };
        facts.view()
    }
}

/// Top-ups of a list that are frozen: how much, and since which payment.
#[must_use]
pub fn frozen(grants: &[Grant]) -> Option<(Credits, Instant)> {
    let frozen = || grants.iter().filter(|grant| grant.frozen.is_positive());
    let first = frozen().map(|grant| grant.effective_at).min()?;
    Some((frozen().map(|grant| grant.frozen).sum(), first))
}
