//! The sections' data, of a customer's billing and the viewer who reads it.

use crate::domain::advice::{Choice, Fit, Offer};
use crate::domain::catalog::Tax;
use crate::domain::forecast::TopUpForecast;
use crate::domain::{Grant, Instant, Money, Origin, Package, PurchaseId, PurchaseState};
use crate::usecases::access::links::Viewer;
use crate::usecases::auto_top_up::{AutoState, AutoTopUp};
use crate::usecases::insight::billing::Billing;
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, purchases};
use crate::web::billing::advice::{AdviceWords, Adviser};
use crate::web::billing::auto_line::AutoLine;
use crate::web::billing::balance::{CustomerBalance, plan_name};
use crate::web::billing::low_mark::LowMark;
use crate::web::billing::may_buy::MayBuy;
use crate::web::billing::notices::Situation;
use crate::web::billing::offers::{OfferTerms, Offers, Shelf};
use crate::web::billing::purchases::PurchaseList;
use crate::web::billing::top_ups::TopUpList;
use crate::web::billing::wanted::wanted_offer;
use crate::web::billing::way_out::{WayOut, packages};
use crate::web::billing::{notices, offers};
use crate::web::flash::Flash;
use crate::web::outcome::{Outcome, OutcomeDetails};
use crate::web::request_context::RequestContext;
use crate::web::ui::buy_form;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::notice::Notice;

/// The page mentions the usage rate of top-ups that expire within this many days.
const FORECAST_DAYS: i64 = 30;

/// A customer's billing, and the viewer who reads it.
pub struct Reader<'a> {
    pub app: &'a App,
    pub viewer: &'a Viewer,
    pub billing: &'a Billing,
    pub zone: Zone,
    pub may_buy: MayBuy,
    /// The page where plans are changed.
    pub upgrade: String,
}

impl Reader<'_> {
    #[must_use]
    pub fn balance(&self) -> CustomerBalance {
        let change_plan = self.viewer.role.may_buy().then(|| self.upgrade.clone());
        CustomerBalance::new(self.app, self.billing, self.zone, change_plan)
    }

    #[must_use]
    pub fn top_ups(&self, balance: &CustomerBalance, page: Option<usize>) -> TopUpList {
        let Billing { overview, ended, forecast, .. } = self.billing;
        TopUpList {
            live: overview.live.clone(),
            ended: ended.clone(),
            ended_total: usize::try_from(overview.ended).unwrap_or(0),
            now: balance.now,
            zone: self.zone,
            paused: balance.top_ups.paused.is_positive(),
            in_use: balance.top_ups_in_use(),
            forecasts: forecast.as_ref().map(|forecast| forecast.top_ups.clone()).unwrap_or_default(),
            page,
        }
    }

    #[must_use]
    pub fn purchases(&self, page: Option<usize>) -> PurchaseList {
        let listed = &self.billing.purchases;
        // An automatic purchase is confirmed at Stripe, not bought once more.
        let may = |purchase: &&Purchase| self.may_buy == MayBuy::Yes && purchase.origin != Origin::Automatic;
        let open = listed.open.as_ref().filter(may);
        let has_portal = self.app.stripe.is_some() && self.billing.choices.has_stripe_customer;
        PurchaseList {
            listed: listed.clone(),
            resume: open.map(|purchase| buy_form::resume(self.app, self.viewer, purchase)),
            has_portal: has_portal && self.viewer.role.may_buy(),
            zone: self.zone,
            page,
        }
    }

    /// The one notice.
    #[must_use]
    pub fn notice(&self, balance: &CustomerBalance) -> Option<Notice> {
        let (customer, overview) = (&self.billing.customer, &self.billing.overview);
        let cycle_start = overview.balance.cycle.start;
        let situation = Situation {
            top_ups: Situation::usable(&overview.live, balance.now),
            may_buy: self.may_buy.clone(),
            way_out: self.way_out(),
            reset_at: (customer.created_at < cycle_start).then_some(cycle_start),
            settling: !self.billing.purchases.paid.is_empty(),
            grace_until: overview.account.controlled_by.as_ref().and_then(|it| it.grace_until),
            frozen: notices::frozen(&overview.live),
            upgrade: self.upgrade.clone(),
            forecast: self.first_forecast(),
            balance: balance.clone(),
        };
        situation.notice()
    }

    /// The end of the top-ups that expire on the soonest day, where that is near.
    fn first_forecast(&self) -> Option<TopUpForecast> {
        let (overview, now) = (&self.billing.overview, self.billing.overview.balance.as_of);
        let left = || overview.live.iter().filter(|grant| grant.lives(now) && grant.remaining().is_positive());
        let near = |grant: &&Grant| self.zone.days_until(now, grant.expires_at) <= FORECAST_DAYS;
        let first = left().next().filter(near)?;
        let same_day = |grant: &&Grant| self.zone.same_day(first.expires_at, grant.expires_at);
        let ids: Vec<_> = left().filter(same_day).map(|grant| grant.id).collect();
        self.billing.forecast.as_ref()?.top_ups_together(self.app, overview, &ids)
    }

    /// The package that fits, if one is known.
    #[must_use]
    pub fn fit(&self) -> Option<Fit<'_>> {
        let Billing { verdict, choices, .. } = self.billing;
        Fit::new(verdict.as_ref(), choices.is_advice_hidden, &self.app.catalog)
    }

    /// The package that fits, or the smallest where nothing is known; a larger plan where that is cheaper.
    fn way_out(&self) -> WayOut {
        let Billing { verdict, choices, .. } = self.billing;
        let catalog = &self.app.catalog;
        let offer = Offer::new(verdict.as_ref(), choices.is_advice_hidden, catalog);
        let plan = match (&self.may_buy, offer) {
            (MayBuy::PlanCannot { .. }, _) => Some(("Upgrade".to_owned(), self.upgrade.clone())),
            (_, Some(Offer::Plan(plan))) => Some((format!("See {}", plan_name(self.app, plan)), self.upgrade.clone())),
            (_, Some(Offer::Package(_)) | None) => None,
        };
        let buy = match offer {
            Some(Offer::Package(Fit { package, mix })) => Some(WayOut::Buy {
                credits: package.grants(),
                price: self.price(package),
                form: buy_form::buy(self.app, self.viewer, package),
                mix: mix.map(|basket| packages(basket, catalog)),
            }),
            Some(Offer::Plan(_)) | None => None,
        };
        WayOut::new(&self.may_buy, plan, buy)
    }

    #[must_use]
    pub fn offers(&self, flash: Option<&Flash>, rule: &AutoTopUp) -> Offers {
        let catalog = &self.app.catalog;
        let fit = self.fit().filter(|_| self.may_buy == MayBuy::Yes);
        let shelf = Shelf {
            packages: &catalog.packages,
            currency: &catalog.shop.currency,
            equivalent: catalog.shop.equivalent.as_ref(),
            fits: fit.map(|fit| fit.package.id.as_str()),
        };
        Offers {
            may_buy: self.may_buy.clone(),
            upgrade: self.upgrade.clone(),
            advice: self.advice(),
            offers: offers::PackageCard::list(&shelf, &self.may_buy, |package| {
                buy_form::buy(self.app, self.viewer, package)
            }),
            terms: OfferTerms { months: catalog.rules.top_up_months, plus_tax: catalog.shop.tax == Tax::Stripe },
            credit_note: catalog.shop.credit_note.clone(),
            low_mark: LowMark {
                credits: self.billing.low_mark,
                chosen: self.billing.choices.low_mark,
                may_set: self.viewer.role.may_manage(),
                outcome: LowMark::outcome(flash),
            },
            auto_top_up: self.auto_line(rule),
        }
    }

    /// The line of automatic top-up. It would help those who run low.
    fn auto_line(&self, rule: &AutoTopUp) -> Option<AutoLine> {
        let sells = matches!(self.may_buy, MayBuy::Yes | MayBuy::Viewer);
        let is_low = self.billing.overview.balance.available < self.billing.low_mark;
        let line = AutoLine::new(rule, self.viewer.role.may_manage(), is_low);
        (sells || rule.state != AutoState::Off).then_some(line)
    }

    /// The advice, where top-ups are for sale; viewers read it too.
    pub fn advice(&self) -> Option<AdviceWords> {
        let verdict = self.billing.verdict.as_ref()?;
        let is_hidden = self.billing.choices.is_advice_hidden && matches!(verdict.choice, Choice::Plan(_));
        if is_hidden || !matches!(self.may_buy, MayBuy::Yes | MayBuy::Viewer) {
            return None;
        }
        let balance = &self.billing.overview.balance;
        let adviser = Adviser {
            verdict,
            catalog: &self.app.catalog,
            plan: &balance.plan_id,
            per_day: self.billing.forecast.as_ref().map(|forecast| forecast.per_day()),
            top_ups: balance.top_up.remaining,
            upgrade: &self.upgrade,
            hide_until: self.viewer.role.may_buy().then(|| self.zone.short_day(balance.cycle.end)),
        };
        adviser.words()
    }

    /// The package that was wanted before the upgrade.
    #[must_use]
    pub fn wanted(&self, request: &RequestContext) -> Option<Notice> {
        wanted_offer(request, self.viewer, &self.billing.overview.balance.plan_id)
    }

    /// The words of a form's outcome, about this customer's own purchases only.
    pub async fn outcome(&self, flash: Option<&Flash>) -> Result<Option<Notice>, InternalError> {
        let (app, viewer) = (self.app, self.viewer);
        let Some(flash) = flash else { return Ok(None) };
        let outcome = Outcome::from_code(flash.code()).filter(|it| !it.is_of_low_mark());
        let Some(outcome) = outcome else { return Ok(None) };
        let purchase = match flash.value("purchase").and_then(PurchaseId::parse) {
            Some(id) => purchases::find_by_form(app, id).await?,
            None => None,
        };
        let purchase = purchase.as_ref().filter(|purchase| purchase.customer_no == viewer.customer_no);
        let package = flash.value("package").or_else(|| purchase.map(|purchase| purchase.package.as_str()));
        let package = package.and_then(|id| app.catalog.package(id));
        // Without a purchase no page has shown the terms that a button would buy.
        let form = purchase.filter(|_| self.may_buy == MayBuy::Yes).and_then(|purchase| match purchase.state {
            PurchaseState::Created => Some(buy_form::resume(app, viewer, purchase)),
            _ => buy_form::buy_same(app, viewer, purchase),
        });
        let details = OutcomeDetails {
            offer: package.map(|package| (package.grants(), self.price(package))),
            bought_at: purchase.and_then(|purchase| purchase.credited_at).map(|at| self.bought_at(at)),
            form,
        };
        Ok(Some(outcome.notice(details)))
    }

    fn price(&self, package: &Package) -> Money {
        Money::new(package.amount, &self.app.catalog.shop.currency)
    }

    /// Today's time, or the whole date of another day.
    fn bought_at(&self, at: Instant) -> Moment {
        let is_today = self.zone.same_day(at, self.billing.overview.balance.as_of);
        if is_today { self.zone.clock(at) } else { self.zone.minute(at) }
    }
}
