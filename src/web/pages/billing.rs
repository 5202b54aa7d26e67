//! `/billing`: loads a customer's facts and words them.

use crate::domain::advice::Advice;
use crate::domain::forecast::Outlook;
use crate::domain::{Credits, Grant, Instant, Kind, Money, Package, Plan, PurchaseId, PurchaseState, Terms};
use crate::usecases::access::portal::Viewer;
use crate::usecases::credits::overview::Overview;
use crate::usecases::customers::Customer;
use crate::usecases::insight::billing::{Billing, of as billing_of};
use crate::usecases::insight::forecast::Prospect;
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, purchases, subscriptions};
use crate::web::components::BillingBody;
use crate::web::live::LiveScript;
use crate::web::pages::{Page, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::ahead::AheadFacts;
use crate::web::view::balance::{BalanceFacts, TopUpFacts};
use crate::web::view::billing::BillingFacts;
use crate::web::view::hint::HintFacts;
use crate::web::view::notices::Pace;
use crate::web::view::offers::MayBuy;
use crate::web::view::outcome::OutcomeFacts;
use crate::web::view::purchases::{
    PurchaseFact, {self as list},
};
use crate::web::view::status::{Dispute, PurchaseFacts};
use crate::web::view::{AheadView, BillingView, BuyForm, HintView, Notice, Outcome, Zone, billing, top_ups};
use crate::web::{demo, seal};
use leptos::prelude::*;

/// How near an expiry must be for the page to speak of the pace.
const PACE_DAYS: i64 = 30;

/// `/billing`
#[component]
pub fn BillingPage() -> impl IntoView {
    page(load)
}

async fn load(visit: RequestContext) -> Result<Page, Stop> {
    let viewer = visit.signed_in().await?;
    let facts = Loaded::of(&visit, &viewer).await?;
    let last = facts.overview.account.seq;
    let billing = facts.view(&visit, &viewer).await?;
    let body = view! {
        <BillingBody billing />
        <LiveScript last />
    };
    Ok(Page::new("Billing", Some(viewer), body))
}

/// What the use-cases know of the customer.
struct Loaded {
    customer: Customer,
    overview: Overview,
    /// Which page of all top-ups, and of all purchases.
    all: (Option<usize>, Option<usize>),
    ended: Vec<Grant>,
    pending: Vec<PurchaseFact>,
    purchases: Vec<PurchaseFact>,
    purchases_total: usize,
    settling: bool,
    prospect: Option<Prospect>,
    advice: Option<Advice>,
}

impl Loaded {
    async fn of(visit: &RequestContext, viewer: &Viewer) -> Result<Self, Stop> {
        let app = &visit.app;
        let page = visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let all = |list: &str| visit.query(list).is_some_and(|value| value == "all").then_some(page);
        let all = (all("top_ups"), all("purchases"));
        let ended = |of: &Overview| top_ups::window(of.live.len(), count(of.ended), all.0).ended;
        let window = |total| {
            let (skip, take, ..) = list::window(count(total), all.1);
            (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(take).unwrap_or(0))
        };
        let whose = (viewer.customer_no, viewer.customer.as_str());
        let Billing { customer, overview, ended, purchases: listed, prospect, advice } =
            billing_of(app, whose, ended, window).await?.ok_or(Stop::SignIn)?;
        let adding = |purchase: &Purchase| {
            let fact = purchase_fact(purchase);
            PurchaseFact { facts: PurchaseFacts { paid: true, ..fact.facts }, ..fact }
        };
        let pending = listed.paid.iter().map(adding).chain(listed.open.iter().map(purchase_fact));
        Ok(Self {
            settling: !listed.paid.is_empty(),
            pending: pending.collect(),
            purchases: listed.page.iter().map(purchase_fact).collect(),
            purchases_total: count(listed.total),
            customer,
            overview,
            all,
            ended,
            prospect,
            advice,
        })
    }

    async fn view(&self, visit: &RequestContext, viewer: &Viewer) -> Result<BillingView, Stop> {
        let app = &visit.app;
        let (shop, zone) = (&app.catalog.shop, Zone::named(&self.customer.timezone));
        let (balance, may_buy) = (&self.overview.balance, self.may_buy(app, viewer));
        let seal = |purchase: Option<PurchaseId>, package: &str, terms: Terms| {
            let purchase = purchase.unwrap_or_else(|| PurchaseId(app.clock.mint()));
            seal::form(app, viewer, purchase, package, terms)
        };
        let facts = BillingFacts {
            balance: self.balance_facts(app, zone),
            live: &self.overview.live,
            ended: &self.ended,
            ended_total: count(self.overview.ended),
            pending: &self.pending,
            purchases: &self.purchases,
            purchases_total: self.purchases_total,
            packages: &app.catalog.packages,
            currency: &shop.currency,
            top_up_months: app.catalog.rules.top_up_months,
            credit_note: &shop.credit_note,
            upgrade: upgrade(app, viewer),
            reset_at: (self.customer.created_at < balance.cycle.start).then_some(balance.cycle.start),
            settling: self.settling,
            grace_until: self.overview.account.master.as_ref().and_then(|master| master.grace_until),
            frozen: billing::frozen(&self.overview.live),
            paused: balance.top_up.paused.is_positive(),
            pace: self.prospect.as_ref().and_then(|it| pace(app, zone, &self.overview, it)),
            fates: self.prospect.as_ref().map_or(&[], |prospect| &prospect.fates),
            ahead: self.ahead(app, viewer, &may_buy),
            outcome: self.outcome(visit, viewer, &may_buy, zone).await?,
            hint: self.hint(app, viewer, zone),
            all_top_ups: self.all.0,
            all_purchases: self.all.1,
            may_buy,
            seal: &seal,
        };
        Ok(facts.view())
    }

    /// The upgrade hint; who only looks cannot put it aside.
    fn hint(&self, app: &App, viewer: &Viewer, zone: Zone) -> Option<HintView> {
        let advice = self.advice.as_ref()?;
        let money = |minor| Money::new(minor, &app.catalog.shop.currency);
        let facts = HintFacts {
            plan: self.plan_name(app, &self.overview.balance.plan_id),
            better: self.plan_name(app, &advice.plan),
            cycles: advice.cycles,
            top_ups: money(advice.top_ups),
            difference: money(advice.difference),
            still: money(advice.still),
            upgrade: upgrade(app, viewer),
            hide_until: viewer.role.may_buy().then(|| zone.short_day(self.overview.balance.cycle.end)),
        };
        facts.view()
    }

    /// Buy or upgrade; to those who could buy here.
    fn ahead(&self, app: &App, viewer: &Viewer, may_buy: &MayBuy) -> Option<AheadView> {
        let ahead = self.prospect.as_ref()?.ahead.as_ref().filter(|_| *may_buy == MayBuy::Yes)?;
        let plan = &self.plan_name(app, &self.overview.balance.plan_id);
        let (catalog, looks_back) = (&app.catalog, self.advice.is_some());
        AheadFacts { ahead, catalog, plan, upgrade: &upgrade(app, viewer), looks_back }.view()
    }

    fn may_buy(&self, app: &App, viewer: &Viewer) -> MayBuy {
        let catalog = &app.catalog;
        if !viewer.role.may_buy() {
            MayBuy::Viewer
        } else if !catalog.may_buy(&self.overview.balance.plan_id) {
            let paid = catalog.plans.iter().filter(|plan| plan.top_ups).min_by_key(|plan| plan.amount);
            let money = |plan: &Plan| Money::new(plan.amount, &catalog.shop.currency);
            MayBuy::PlanCannot {
                better: paid.map(|plan| (plan.name.clone(), plan.allowance(), money(plan))),
                upgrade: upgrade(app, viewer),
                left: self.overview.balance.top_up.remaining - self.overview.balance.top_up.paused,
                plan: self.plan_name(app, &self.overview.balance.plan_id),
            }
        } else if app.stripe.is_none() {
            MayBuy::Off
        } else {
            MayBuy::Yes
        }
    }

    fn plan_name(&self, app: &App, id: &str) -> String {
        app.catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone())
    }

    fn balance_facts(&self, app: &App, zone: Zone) -> BalanceFacts {
        let balance = &self.overview.balance;
        let price = app.catalog.plan(&balance.plan_id).map_or(0, |plan| plan.amount);
        let next = balance.next_plan.as_ref().map(|plan| (self.plan_name(app, plan), balance.cycle.end));
        BalanceFacts {
            now: balance.as_of,
            zone,
            available: balance.available,
            plan: self.plan_name(app, &balance.plan_id),
            price: Money::new(price, &app.catalog.shop.currency),
            allowance: balance.plan.allowance,
            used: balance.plan.used,
            held: balance.plan.held,
            left: balance.plan.remaining,
            resets_at: balance.cycle.end,
            next,
            bonus: self.bonus(),
            bonus_held: balance.courtesy.held,
            top_ups: TopUpFacts {
                left: balance.top_up.remaining - balance.top_up.paused,
                held: balance.top_up.held,
                frozen: balance.top_up.frozen,
                paused: balance.top_up.paused,
                in_use_since: self.overview.in_use_since,
            },
            runs_out: self.prospect.as_ref().map(|prospect| prospect.runs_out),
        }
    }

    fn bonus(&self) -> Vec<(Credits, Instant)> {
        let bonus =
            self.overview.balance.grants.iter().map(|line| &line.grant).filter(|grant| grant.kind == Kind::Courtesy);
        let left = bonus.map(|grant| (grant.remaining(), grant.expires_at));
        left.filter(|(credits, _)| credits.is_positive()).collect()
    }

    /// What the URL's code says, about this customer's own things only.
    async fn outcome(
        &self,
        visit: &RequestContext,
        viewer: &Viewer,
        may_buy: &MayBuy,
        zone: Zone,
    ) -> Result<Option<Notice>, InternalError> {
        let app = &visit.app;
        let Some(outcome) = visit.query("outcome").and_then(|code| Outcome::from_code(&code)) else { return Ok(None) };
        let purchase = match visit.query("purchase").and_then(|id| PurchaseId::parse(&id)) {
            Some(id) => purchases::of_form(app, id).await?.filter(|one| one.customer_no == viewer.customer_no),
            None => None,
        };
        let purchase = purchase.as_ref();
        let package = visit.query("package").or_else(|| purchase.map(|purchase| purchase.package.clone()));
        let package = package.and_then(|id| app.catalog.package(&id));
        let again = || match purchase {
            Some(purchase) if purchase.state == PurchaseState::Created => Some(resume(app, viewer, purchase)),
            Some(purchase) => same_again(app, viewer, purchase),
            // No page has shown what such a button would buy.
            None => None,
        };
        let offer = |package: &Package| (package.grants(), Money::new(package.amount, &app.catalog.shop.currency));
        let facts = OutcomeFacts {
            offer: package.map(offer),
            bought_at: purchase.and_then(|purchase| purchase.credited_at).map(|at| bought_at(at, self, zone)),
            again: if *may_buy == MayBuy::Yes { again() } else { None },
        };
        Ok(Some(outcome.notice(facts)))
    }
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// How the top-ups that expire on the soonest day will end, where that is near enough to be spoken of.
fn pace(app: &App, zone: Zone, overview: &Overview, prospect: &Prospect) -> Option<Pace> {
    let now = overview.balance.as_of;
    let left = || overview.live.iter().filter(|grant| grant.lives(now) && grant.remaining().is_positive());
    let near = |grant: &&Grant| zone.days_until(now, grant.expires_at) <= PACE_DAYS;
    let first = left().next().filter(near)?;
    let same_day = |grant: &&Grant| zone.same_day(first.expires_at, grant.expires_at);
    let ids: Vec<_> = left().filter(same_day).map(|grant| grant.id).collect();
    Some(match prospect.outlook(app, overview, &ids)? {
        Outlook::Left(credits) => Pace::Left(credits),
        Outlook::Untouched => Pace::PlanCoversIt,
        Outlook::AllUsed => Pace::AllUsed,
    })
}

/// Today's time, or the whole date of another day.
fn bought_at(at: Instant, loaded: &Loaded, zone: Zone) -> crate::web::view::Moment {
    if zone.same_day(at, loaded.overview.balance.as_of) { zone.clock(at) } else { zone.minute(at) }
}

/// A form that goes on with a purchase.
pub fn resume(app: &App, viewer: &Viewer, purchase: &Purchase) -> BuyForm {
    let terms = purchase.terms(&app.catalog);
    seal::form(app, viewer, purchase.id, &purchase.package, terms)
}

/// A form that buys the same anew. There is none where the package is sold on other terms now: its button would sell
/// something else than the purchase beside it shows.
pub fn same_again(app: &App, viewer: &Viewer, purchase: &Purchase) -> Option<BuyForm> {
    let package = app.catalog.package(&purchase.package)?;
    let terms = app.catalog.terms(package);
    (terms == purchase.terms(&app.catalog)).then(|| seal::fresh(app, viewer, package))
}

/// Where plans are changed: on our own page where they are sold at Stripe; else at the SaaS, whose front page is better
/// than a dead end.
fn upgrade(app: &App, viewer: &Viewer) -> String {
    let shop = &app.catalog.shop;
    if subscriptions::is_here(app) {
        return "/plans".to_owned();
    }
    let customer: String = url::form_urlencoded::byte_serialize(viewer.customer.as_bytes()).collect();
    let at_the_shop = shop.upgrade_url.as_ref().map(|url| url.replace("{customer}", &customer));
    at_the_shop.or_else(|| demo::plans_page(app)).unwrap_or_else(|| shop.home_url.clone())
}

/// A purchase as its row needs it.
pub fn purchase_fact(purchase: &Purchase) -> PurchaseFact {
    let dispute = match purchase.dispute.as_deref() {
        None | Some("won" | "warning_closed" | "warning_needs_response" | "warning_under_review" | "prevented") => {
            Dispute::None
        }
        Some("lost") => Dispute::Lost,
        Some(_) => Dispute::Open,
    };
    PurchaseFact {
        id: purchase.id,
        package: purchase.package.clone(),
        credits: purchase.credits,
        currency: purchase.currency.clone(),
        months: purchase.months,
        created_at: purchase.created_at,
        facts: PurchaseFacts {
            state: purchase.state,
            paid: purchase.credited_at.is_some(),
            amount: purchase.amount,
            refunded: purchase.refunded_amount,
            dispute,
        },
        has_invoice: purchase.state == PurchaseState::Credited,
    }
}
