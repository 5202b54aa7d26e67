//! `/billing`: balance, packages, top-ups and purchases of a customer, a file a section.
//!
//! *Not here:* a single purchase (`purchase`), the data (`usecases::insight::billing`).

pub mod balance;
pub mod buy;
pub mod buy_or_upgrade;
pub mod hint;
pub mod notices;
pub mod offers;
pub mod purchases;
pub mod top_up_badge;
pub mod top_ups;

use crate::domain::forecast::TopUpForecast;
use crate::domain::{Grant, Instant, Package, PurchaseId, PurchaseState};
use crate::usecases::access::links::Viewer;
use crate::usecases::credits::overview::Overview;
use crate::usecases::insight::billing;
use crate::usecases::insight::billing::Billing;
use crate::usecases::{App, InternalError, subscriptions};
use crate::web::billing::balance::{BalanceCard, CustomerBalance, plan_name};
use crate::web::billing::buy_or_upgrade::{BuyOrUpgrade, Comparison};
use crate::web::billing::hint::{Hint, Plans, UpgradeHint};
use crate::web::billing::notices::Situation;
use crate::web::billing::offers::{BuyTopUp, MayBuy, Offer, Offers};
use crate::web::billing::purchases::{PurchaseList, Purchases};
use crate::web::billing::top_ups::{TopUpList, TopUps};
use crate::web::demo;
use crate::web::live::LiveScript;
use crate::web::outcome::{Outcome, OutcomeDetails};
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::buy_form;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;

/// The page mentions the usage rate of top-ups that expire within this many days.
const FORECAST_DAYS: i64 = 30;

/// The sections of the page, in its order.
pub struct Sections {
    /// The outcome of a form.
    pub outcome: Option<Notice>,
    pub balance: CustomerBalance,
    pub notice: Option<Notice>,
    pub hint: Option<Hint>,
    pub offers: Offers,
    pub top_ups: TopUpList,
    pub purchases: PurchaseList,
}

/// Everything between header and footer.
#[component]
pub fn BillingBody(sections: Sections) -> impl IntoView {
    view! {
        <h1>"Billing"</h1>
        {sections.outcome.map(|notice| view! { <NoticeBox notice /> })}
        <BalanceCard balance=sections.balance />
        // A screen reader announces a notice that appears while the page is open.
        <div data-live="notice" aria-live="polite">
            {sections.notice.map(|notice| view! { <NoticeBox notice /> })}
        </div>
        <div data-live="hint">{sections.hint.map(|hint| view! { <UpgradeHint hint /> })}</div>
        <BuyTopUp offers=sections.offers />
        <TopUps list=sections.top_ups />
        <Purchases list=sections.purchases />
    }
}

/// `/billing`
#[component]
pub fn BillingPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    let page = request.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let page_of = |list: &str| request.query(list).is_some_and(|value| value == "all").then_some(page);
    let (top_ups_page, purchases_page) = (page_of("top_ups"), page_of("purchases"));
    let ended = |overview: &Overview| top_ups::window(overview.live.len(), count(overview.ended), top_ups_page).ended;
    let listed = |total| {
        let (skip, take, ..) = purchases::window(count(total), purchases_page);
        (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(take).unwrap_or(0))
    };
    let customer = (viewer.customer_no, viewer.customer.as_str());
    let billing = billing::load_billing(&request.app, customer, ended, listed).await?.ok_or(PageError::SignIn)?;
    let last = billing.overview.account.seq;
    let upgrade = upgrade_page(&request.app, &viewer);
    let reader = Reader {
        app: &request.app,
        viewer: &viewer,
        billing: &billing,
        zone: Zone::named(&billing.customer.timezone),
        may_buy: MayBuy::new(&request.app, &viewer, &billing.overview, upgrade.clone()),
        upgrade,
    };
    let outcome = reader.outcome(&request).await?;
    let sections = reader.sections(outcome, top_ups_page, purchases_page);
    let body = view! {
        <BillingBody sections />
        <LiveScript last />
    };
    Ok(Page::new("Billing", Some(viewer), body))
}

/// A customer's billing, and the viewer who reads it.
struct Reader<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    billing: &'a Billing,
    zone: Zone,
    may_buy: MayBuy,
    /// The page where plans are changed.
    upgrade: String,
}

impl Reader<'_> {
    fn sections(
        &self,
        outcome: Option<Notice>,
        top_ups_page: Option<usize>,
        purchases_page: Option<usize>,
    ) -> Sections {
        let Billing { overview, ended, purchases, forecast, .. } = self.billing;
        let balance = CustomerBalance::new(self.app, self.billing, self.zone);
        let open = purchases.open.as_ref().filter(|_| self.may_buy == MayBuy::Yes);
        Sections {
            outcome,
            notice: self.situation(&balance).notice(),
            hint: self.hint(),
            offers: self.offers(),
            top_ups: TopUpList {
                live: overview.live.clone(),
                ended: ended.clone(),
                ended_total: count(overview.ended),
                now: balance.now,
                zone: self.zone,
                paused: balance.top_ups.paused.is_positive(),
                in_use: balance.top_ups_in_use(),
                forecasts: forecast.as_ref().map(|forecast| forecast.top_ups.clone()).unwrap_or_default(),
                page: top_ups_page,
            },
            purchases: PurchaseList {
                listed: purchases.clone(),
                resume: open.map(|purchase| buy_form::resume(self.app, self.viewer, purchase)),
                zone: self.zone,
                page: purchases_page,
            },
            balance,
        }
    }

    fn situation(&self, balance: &CustomerBalance) -> Situation {
        let (customer, overview) = (&self.billing.customer, &self.billing.overview);
        let cycle_start = overview.balance.cycle.start;
        Situation {
            top_ups: Situation::usable(&overview.live, balance.now),
            may_buy: self.may_buy.clone(),
            reset_at: (customer.created_at < cycle_start).then_some(cycle_start),
            settling: !self.billing.purchases.paid.is_empty(),
            grace_until: overview.account.controlled_by.as_ref().and_then(|it| it.grace_until),
            frozen: notices::frozen(&overview.live),
            upgrade: self.upgrade.clone(),
            forecast: self.first_forecast(),
            balance: balance.clone(),
        }
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

    /// The upgrade hint. Only viewers who may buy can hide it.
    fn hint(&self) -> Option<Hint> {
        let advice = self.billing.advice.as_ref()?;
        let balance = &self.billing.overview.balance;
        let plans = Plans {
            plan: &plan_name(self.app, &balance.plan_id),
            better: &plan_name(self.app, &advice.plan),
            currency: &self.app.catalog.shop.currency,
            upgrade: &self.upgrade,
        };
        let hide_until = self.viewer.role.may_buy().then(|| self.zone.short_day(balance.cycle.end));
        Hint::new(advice, plans, hide_until)
    }

    fn offers(&self) -> Offers {
        let (catalog, may_buy) = (&self.app.catalog, &self.may_buy);
        let form = |package: &Package| buy_form::buy(self.app, self.viewer, package);
        Offers {
            may_buy: may_buy.clone(),
            advice: self.buy_or_upgrade(),
            offers: Offer::list(&catalog.packages, &catalog.shop.currency, may_buy, form),
            months: catalog.rules.top_up_months,
            credit_note: catalog.shop.credit_note.clone(),
        }
    }

    /// Buy or upgrade, for viewers who could buy here.
    fn buy_or_upgrade(&self) -> Option<BuyOrUpgrade> {
        let ahead = self.billing.forecast.as_ref()?.ahead.as_ref().filter(|_| self.may_buy == MayBuy::Yes)?;
        let plan = &plan_name(self.app, &self.billing.overview.balance.plan_id);
        let (catalog, looks_back) = (&self.app.catalog, self.billing.advice.is_some());
        Comparison { ahead, catalog, plan, upgrade: &self.upgrade, looks_back }.advice()
    }

    /// The words of the URL's code, about this customer's own purchases only.
    async fn outcome(&self, request: &RequestContext) -> Result<Option<Notice>, InternalError> {
        let (app, viewer) = (self.app, self.viewer);
        let Some(outcome) = request.query("outcome").and_then(|code| Outcome::from_code(&code)) else {
            return Ok(None);
        };
        let purchase = match request.query("purchase").and_then(|id| PurchaseId::parse(&id)) {
            Some(id) => crate::usecases::purchases::find_by_form(app, id).await?,
            None => None,
        };
        let purchase = purchase.as_ref().filter(|purchase| purchase.customer_no == viewer.customer_no);
        let package = request.query("package").or_else(|| purchase.map(|purchase| purchase.package.clone()));
        let package = package.and_then(|id| app.catalog.package(&id));
        // Without a purchase no page has shown the terms that a button would buy.
        let form = purchase.filter(|_| self.may_buy == MayBuy::Yes).and_then(|purchase| match purchase.state {
            PurchaseState::Created => Some(buy_form::resume(app, viewer, purchase)),
            _ => buy_form::buy_same(app, viewer, purchase),
        });
        let price = |package: &Package| crate::domain::Money::new(package.amount, &app.catalog.shop.currency);
        let details = OutcomeDetails {
            offer: package.map(|package| (package.grants(), price(package))),
            bought_at: purchase.and_then(|purchase| purchase.credited_at).map(|at| self.bought_at(at)),
            form,
        };
        Ok(Some(outcome.notice(details)))
    }

    /// Today's time, or the whole date of another day.
    fn bought_at(&self, at: Instant) -> Moment {
        let is_today = self.zone.same_day(at, self.billing.overview.balance.as_of);
        if is_today { self.zone.clock(at) } else { self.zone.minute(at) }
    }
}

/// A count of the store as a length.
fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// The page where plans are changed: ours where Stripe sells them, else the SaaS's, or its front page.
fn upgrade_page(app: &App, viewer: &Viewer) -> String {
    let shop = &app.catalog.shop;
    if subscriptions::sells_subscriptions(app) {
        return "/plans".to_owned();
    }
    let customer: String = url::form_urlencoded::byte_serialize(viewer.customer.as_bytes()).collect();
    let at_the_shop = shop.upgrade_url.as_ref().map(|url| url.replace("{customer}", &customer));
    at_the_shop.or_else(|| demo::plans_page(app)).unwrap_or_else(|| shop.home_url.clone())
}
