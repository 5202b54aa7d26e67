//! `/billing`: loads a customer's facts and words them.

use super::{Page, page};
use crate::domain::{Balance, Credits, Grant, Instant, Kind, Money, Plan, PurchaseId, PurchaseState};
use crate::usecases::customers::Customer;
use crate::usecases::portal::Viewer;
use crate::usecases::purchases::{self, Purchase};
use crate::usecases::{Services, accounts, customers};
use crate::web::components::BillingBody;
use crate::web::demo;
use crate::web::seal;
use crate::web::view::balance::{BalanceFacts, TopUpFacts};
use crate::web::view::billing::{self, BillingFacts};
use crate::web::view::offers::MayBuy;
use crate::web::view::outcome::OutcomeFacts;
use crate::web::view::purchases::PurchaseFact;
use crate::web::view::status::{Dispute, PurchaseFacts};
use crate::web::view::{BillingView, BuyForm, Notice, Outcome, Zone};
use crate::web::visit::{Stop, Visit};
use leptos::prelude::*;

/// The most top-ups and purchases that a page looks through.
const LOOKED_THROUGH: i64 = 1_000;

/// `/billing`
#[component]
pub fn BillingPage() -> impl IntoView {
    page(load)
}

async fn load(visit: Visit) -> Result<Page, Stop> {
    let viewer = visit.signed_in().await?;
    let facts = Loaded::of(&visit.services, &viewer).await?;
    let billing = facts.view(&visit, &viewer).await?;
    Ok(Page::new("Billing", Some(viewer), view! { <BillingBody billing /> }))
}

/// What the use-cases know of the customer.
struct Loaded {
    customer: Customer,
    balance: Balance,
    grants: Vec<Grant>,
    purchases: Vec<Purchase>,
}

impl Loaded {
    async fn of(services: &Services, viewer: &Viewer) -> Result<Self, Stop> {
        let no = viewer.customer_no;
        let grants = accounts::grants(services, no, Some(Kind::TopUp), i64::MAX, LOOKED_THROUGH).await?;
        Ok(Self {
            customer: customers::find(services, &viewer.customer).await?.ok_or(Stop::SignIn)?,
            balance: accounts::balance(services, &viewer.customer).await?.ok_or(Stop::SignIn)?,
            grants: grants.into_iter().map(|row| row.grant).collect(),
            purchases: purchases::list(services, no, None, LOOKED_THROUGH).await?,
        })
    }

    async fn view(&self, visit: &Visit, viewer: &Viewer) -> Result<BillingView, Stop> {
        let services = &visit.services;
        let (shop, zone) = (&services.catalog.shop, Zone::named(&self.customer.timezone));
        let may_buy = self.may_buy(services, viewer);
        let page = visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let all = |list: &str| visit.query(list).is_some_and(|value| value == "all").then_some(page);
        let purchases: Vec<PurchaseFact> = self.purchases.iter().map(purchase_fact).collect();
        let seal = |purchase: Option<PurchaseId>, package: &str, price: i64| {
            let purchase = purchase.unwrap_or_else(|| PurchaseId(services.clock.mint()));
            seal::form(services, viewer, purchase, package, price)
        };
        let facts = BillingFacts {
            balance: self.balance_facts(services, zone),
            grants: &self.grants,
            purchases: &purchases,
            packages: &services.catalog.packages,
            currency: &shop.currency,
            top_up_months: services.catalog.rules.top_up_months,
            credit_note: &shop.credit_note,
            upgrade: upgrade(services, viewer),
            reset_at: (self.customer.created_at < self.balance.cycle.start).then_some(self.balance.cycle.start),
            settling: false,
            frozen: billing::frozen(&self.grants),
            paused: self.balance.top_up.paused.is_positive(),
            pace: None,
            outcome: self.outcome(visit, viewer, &may_buy, zone),
            hint: None,
            all_top_ups: all("top_ups"),
            all_purchases: all("purchases"),
            may_buy,
            seal: &seal,
        };
        Ok(facts.view())
    }

    fn may_buy(&self, services: &Services, viewer: &Viewer) -> MayBuy {
        let catalog = &services.catalog;
        if !viewer.role.may_buy() {
            MayBuy::Viewer
        } else if !catalog.may_buy(&self.balance.plan_id) {
            let paid = catalog.plans.iter().filter(|plan| plan.top_ups).min_by_key(|plan| plan.amount);
            let money = |plan: &Plan| Money::new(plan.amount, &catalog.shop.currency);
            MayBuy::PlanCannot {
                better: paid.map(|plan| (plan.name.clone(), plan.allowance(), money(plan))),
                upgrade: upgrade(services, viewer),
                left: self.balance.top_up.remaining - self.balance.top_up.paused,
                plan: self.plan_name(services, &self.balance.plan_id),
            }
        } else if services.stripe.is_none() {
            MayBuy::Off
        } else {
            MayBuy::Yes
        }
    }

    fn plan_name(&self, services: &Services, id: &str) -> String {
        services.catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone())
    }

    fn balance_facts(&self, services: &Services, zone: Zone) -> BalanceFacts {
        let balance = &self.balance;
        let price = services.catalog.plan(&balance.plan_id).map_or(0, |plan| plan.amount);
        let next = balance.next_plan.as_ref().map(|plan| (self.plan_name(services, plan), balance.cycle.end));
        BalanceFacts {
            now: balance.as_of,
            zone,
            available: balance.available,
            plan: self.plan_name(services, &balance.plan_id),
            price: Money::new(price, &services.catalog.shop.currency),
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
                in_use_since: None,
            },
        }
    }

    fn bonus(&self) -> Vec<(Credits, Instant)> {
        let bonus = self.balance.grants.iter().map(|line| &line.grant).filter(|grant| grant.kind == Kind::Courtesy);
        let left = bonus.map(|grant| (grant.remaining(), grant.expires_at));
        left.filter(|(credits, _)| credits.is_positive()).collect()
    }

    /// What the URL's code says, about this customer's own things only.
    fn outcome(&self, visit: &Visit, viewer: &Viewer, may_buy: &MayBuy, zone: Zone) -> Option<Notice> {
        let services = &visit.services;
        let outcome = Outcome::from_code(&visit.query("outcome")?)?;
        let purchase = visit.query("purchase").and_then(|id| PurchaseId::parse(&id));
        let purchase = purchase.and_then(|id| self.purchases.iter().find(|purchase| purchase.id == id));
        let package = visit.query("package").or_else(|| purchase.map(|purchase| purchase.package.clone()));
        let package = package.and_then(|id| services.catalog.package(&id));
        let again = || match purchase {
            Some(purchase) if purchase.state == PurchaseState::Created => Some(resume(services, viewer, purchase)),
            _ => package.map(|package| seal::fresh(services, viewer, package)),
        };
        let facts = OutcomeFacts {
            price: package.map(|package| Money::new(package.amount, &services.catalog.shop.currency)),
            bought_at: purchase.and_then(|purchase| purchase.credited_at).map(|at| bought_at(at, self, zone)),
            again: if *may_buy == MayBuy::Yes { again() } else { None },
        };
        Some(outcome.notice(facts))
    }
}

/// Today's time, or the whole date of another day.
fn bought_at(at: Instant, loaded: &Loaded, zone: Zone) -> crate::web::view::Moment {
    if zone.same_day(at, loaded.balance.as_of) { zone.clock(at) } else { zone.minute(at) }
}

/// A form that goes on with a purchase.
pub fn resume(services: &Services, viewer: &Viewer, purchase: &Purchase) -> BuyForm {
    seal::form(services, viewer, purchase.id, &purchase.package, purchase.amount)
}

/// Where plans are changed: at the SaaS, whose front page is better than a dead end.
fn upgrade(services: &Services, viewer: &Viewer) -> String {
    let shop = &services.catalog.shop;
    let customer: String = url::form_urlencoded::byte_serialize(viewer.customer.as_bytes()).collect();
    let at_the_shop = shop.upgrade_url.as_ref().map(|url| url.replace("{customer}", &customer));
    at_the_shop.or_else(|| demo::plans_page(services)).unwrap_or_else(|| shop.home_url.clone())
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
