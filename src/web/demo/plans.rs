//! A page of plans, where "Upgrade" leads in the demo: the SaaS would have its own.

use crate::domain::{Money, Plan};
use crate::usecases::customers;
use crate::web::demo::actions::DemoPlan;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::form::Form;
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/demo/plans`
#[component]
pub fn Plans() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    if !request.app.settings.demo {
        return Err(PageError::NotFound);
    }
    let viewer = request.signed_in().await?;
    let customer = customers::find_customer(&request.app, &viewer.customer).await?.ok_or(PageError::SignIn)?;
    let catalog = &request.app.catalog;
    let plans = catalog.plans.iter().map(|plan| card(plan, &catalog.shop.currency, &customer)).collect_view();
    let reset = Zone::named(&viewer.timezone).day(customer.cycle.end);
    let body = view! {
        <h1>"Plans"</h1>
        <p class="note">
            "This page stands in for your own plans page. Upgrades take effect right away, downgrades on "
            <When moment=reset /> "."
        </p>
        <p class="after"></p>
        <ul class="offers plans">{plans}</ul>
    };
    Ok(Page::new("Plans", Some(viewer), body))
}

fn card(plan: &Plan, currency: &str, customer: &customers::Customer) -> AnyView {
    let current = customer.plan == plan.id;
    let next = customer.next_plan.as_ref() == Some(&plan.id);
    let state = match (current, next) {
        (true, _) => Some("Your plan"),
        (_, true) => Some("Starts at the next reset"),
        _ => None,
    };
    // Choosing the current plan cancels a booked change.
    let can_choose = !next && (!current || customer.next_plan.is_some());
    let name = plan.name.clone();
    let (id, label) = (plan.id.clone(), if current { format!("Keep {name}") } else { format!("Choose {name}") });
    let button = can_choose.then(|| {
        view! {
            <Form action=DemoPlan::PATH>
                <button class="button" name="plan" value=id>
                    {label}
                </button>
            </Form>
        }
    });
    view! {
        <li class="card offer">
            <h2>{plan.name.clone()}</h2>
            <p class="figure">
                <Price money=Money::new(plan.amount, currency) />
                <small>" a month"</small>
            </p>
            <p class="note"><span><Amount credits=plan.allowance() /> {format!(" {} a month", plan.allowance().noun())}</span></p>
            <p class="note">{if plan.top_ups { "Top-ups available" } else { "No top-ups" }}</p>
            {state.map(|state| view! { <p class="after">{state}</p> })}
            {button}
        </li>
    }
    .into_any()
}
