//! `/plans`: "Upgrade" leads here in a shop whose plans are sold at Stripe.
//!
//! Checkout comes back here. The redirect is never believed: Stripe is asked.

mod checkout;

pub use checkout::{ChoosePlan, OpenPlanPortal};

use crate::domain::{Credits, Money, Plan, PurchaseId};
use crate::usecases::access::links::Viewer;
use crate::usecases::customers::Customer;
use crate::usecases::{App, customers, subscriptions};
use crate::web::billing::wanted::wanted_offer;
use crate::web::flash::Flash;
use crate::web::page::{Page, page};
use crate::web::plans::checkout::PLAN;
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form;
use crate::web::ui::buy_form::{BuyForm, SignedFields};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::form::Form;
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::notice::{Notice, NoticeAction, NoticeBox, Voice};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The code of the way back from Checkout.
const UPGRADED: &str = "upgraded";

/// `/plans`
#[component]
pub fn PlansPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let app = &request.app;
    if !subscriptions::sells_subscriptions(app) {
        return Err(PageError::NotFound);
    }
    let viewer = request.signed_in().await?;
    let mut is_back = false;
    if let Some(session) = request.query("session_id") {
        if subscriptions::came_back(app, &viewer.customer, &session).await? {
            // The outcome is said once: it leaves the address.
            request.redirect_with("/plans", Flash::new(UPGRADED));
            return Err(PageError::Redirected);
        }
        is_back = true;
    }
    let flash = request.take_flash().filter(|flash| flash.code() == UPGRADED);
    let customer = customers::find_customer(app, &viewer.customer).await?.ok_or(PageError::SignIn)?;
    let offer = wanted_offer(&request, &viewer, &customer.plan);
    let notice = match (flash, offer) {
        (Some(_), Some(offer)) => {
            Some(offer.aloud(Voice::Status).with(NoticeAction::link("Back to Billing", "/billing")))
        }
        (Some(_), None) => Some(upgraded(app, &customer)),
        (None, _) if is_back => Some(changing(&request)),
        (None, offer) => offer,
    };
    let has_subscription = subscriptions::followed_subscription(app, customer.no, false).await?.is_some();
    let body = view! {
        <h1>"Plans"</h1>
        {notice.map(|notice| view! { <NoticeBox notice /> })}
        {intro(&customer, &viewer, has_subscription)}
        <ul class="offers">{cards(&request, &viewer, &customer, has_subscription)}</ul>
    };
    Ok(Page::new("Plans", Some(viewer), body))
}

/// The notice after Checkout.
fn upgraded(app: &App, customer: &Customer) -> Notice {
    let plan = app.catalog.plan(&customer.plan).map_or_else(|| customer.plan.clone(), |plan| plan.name.clone());
    let notice = Notice::new(Tone::Good, format!("You're on {plan}."), "Your credits are ready.");
    notice.aloud(Voice::Status).with(NoticeAction::link("Back to Billing", "/billing"))
}

/// Stripe has not confirmed the subscription yet.
fn changing(request: &RequestContext) -> Notice {
    let text = "This usually takes less than a minute.";
    let notice = Notice::new(Tone::Info, "Your plan is changing.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", request.here()))
}

/// How the viewer changes the plan.
fn intro(customer: &Customer, viewer: &Viewer, has_subscription: bool) -> AnyView {
    if !viewer.role.may_buy() {
        return view! {
            <p class="note">"You have view-only access. Ask an owner or admin to change the plan."</p>
            <p class="after"></p>
        }
        .into_any();
    }
    if has_subscription {
        return view! {
            <div class="notice lock">
                <p>
                    <strong>"Your plan is a subscription."</strong>
                    " You change or cancel it, and its card, at Stripe. You keep what you've paid for until the reset."
                </p>
                <Form action=OpenPlanPortal::PATH>
                    <button class="button primary">"Change or cancel"</button>
                </Form>
            </div>
        }
        .into_any();
    }
    let reset = Zone::named(&viewer.timezone).day(customer.cycle.end);
    view! {
        <p class="note">
            "Upgrades take effect right away and are billed monthly until you cancel. Credits next reset on " <When moment=reset /> "."
        </p>
        <p class="after"></p>
    }
    .into_any()
}

fn cards(request: &RequestContext, viewer: &Viewer, customer: &Customer, has_subscription: bool) -> AnyView {
    let app = &request.app;
    let catalog = &app.catalog;
    let in_force = catalog.plan(&customer.plan).map_or(Credits::ZERO, Plan::allowance);
    let card = |plan: &Plan| {
        let may =
            viewer.role.may_buy() && !has_subscription && plan.id != customer.plan && plan.allowance() >= in_force;
        let form = (may && !plan.stripe_prices.is_empty()).then(|| {
            let id = PurchaseId(app.clock.mint());
            buy_form::sign(app, viewer, id, &format!("{PLAN}{}", plan.id), catalog.plan_terms(plan))
        });
        card(plan, &catalog.shop.currency, customer, form)
    };
    catalog.plans.iter().map(card).collect_view().into_any()
}

fn card(plan: &Plan, currency: &str, customer: &Customer, form: Option<BuyForm>) -> AnyView {
    let state = if customer.plan == plan.id {
        Some("Your plan")
    } else if customer.next_plan.as_ref() == Some(&plan.id) {
        Some("From the next reset")
    } else {
        None
    };
    let (name, money) = (plan.name.clone(), Money::new(plan.amount, currency));
    let button = form.map(|form| {
        let label = format!("Upgrade to {name}, {} a month", money.short());
        view! {
            <form method="post" action=ChoosePlan::PATH>
                <SignedFields form />
                <button class="button buy" aria-label=label>
                    {format!("Upgrade to {name}")}
                </button>
            </form>
        }
    });
    view! {
        <li class="card offer">
            <h2>{plan.name.clone()}</h2>
            <p class="figure">
                <Price money=money />
                <small>" a month"</small>
            </p>
            <p class="note">
                <span><Amount credits=plan.allowance() /> {format!(" {} a month", plan.allowance().noun())}</span>
            </p>
            <p class="note">{if plan.top_ups { "You can buy top-ups" } else { "No top-ups" }}</p>
            {state.map(|state| view! { <p class="after">{state}</p> })}
            {button}
        </li>
    }
    .into_any()
}
