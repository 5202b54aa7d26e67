//! `/operator/customers/{id}`: a customer's balance, actions and lists.

use crate::domain::{Balance, Instant, PurchaseId};
use crate::usecases::credits::accounts;
use crate::usecases::operators::search::{self, Named};
use crate::usecases::{InternalError, purchases, subscriptions};
use crate::web::operator::action_form::{ActForm, Field};
use crate::web::operator::actions::Act;
use crate::web::operator::customer_lists as lists;
use crate::web::operator::page::{ROWS, key, operator_page, outcome_notice};
use crate::web::operator::purchase_table::purchase_table;
use crate::web::operator::table::{badge, section};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::badge::{Badge, Tone};
use crate::web::ui::money::Amount;
use chrono::Months;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/operator/customers/{id}`
#[component]
pub fn CustomerPage() -> impl IntoView {
    let id = use_params_map().get().get("id").unwrap_or_default();
    operator_page(move |request: RequestContext| async move {
        let customer = search::named(&request.app, &id).await?.ok_or(PageError::NotFound)?;
        let balance = accounts::balance(&request.app, &customer.id).await?.ok_or(PageError::NotFound)?;
        let state = match customer.closed_at {
            Some(_) => Badge::new(Tone::Quiet, "Erased"),
            None => Badge::new(Tone::Good, customer.plan.clone()),
        };
        let title = if customer.name.is_empty() { customer.id.clone() } else { customer.name.clone() };
        let lists = vec![
            lists::grants(&request, &customer).await?,
            purchases_list(&request, &customer).await?,
            lists::entries(&request, &customer).await?,
            lists::usages(&request, &customer).await?,
            lists::holds(&request, &customer).await?,
            lists::members(&request, &customer).await?,
            lists::emails(&request, &customer).await?,
            lists::audit(&request, &customer).await?,
        ];
        let body = view! {
            <p class="crumb">
                <a href="/operator">"Customers"</a>
            </p>
            <h1>{title.clone()} " " {badge(state)}</h1>
            <p class="note">
                <code>{customer.id.clone()}</code>
                " · "
                {customer.email.clone()}
                {subscription(&request, customer.no).await?}
            </p>
            {outcome_notice(&request)}
            <Figures balance />
            {actions(&request, &customer)}
            {lists}
        };
        Ok((title, body.into_any()))
    })
}

/// The subscription at Stripe that decides the plan.
async fn subscription(request: &RequestContext, no: i64) -> Result<Option<String>, PageError> {
    let followed = subscriptions::followed(&request.app, no, false).await?;
    Ok(followed.map(|it| {
        let day = |at: Instant| at.format("%-d %b %Y");
        let kept = it.grace_until.map(|at| format!(", plan kept until {}", day(at)));
        let ends = it.ends_at.map(|at| format!(", ends {}", day(at)));
        format!(" · {} {}{}{}", it.id, it.status, kept.unwrap_or_default(), ends.unwrap_or_default())
    }))
}

/// The balance, kind by kind.
#[component]
fn Figures(balance: Balance) -> impl IntoView {
    let summary = balance.summary();
    let facts = [
        ("Available", summary.available),
        ("Plan", summary.plan),
        ("Courtesy", summary.courtesy),
        ("Top-ups", summary.top_up),
        ("Held", summary.held),
        ("Frozen", balance.top_up.frozen),
    ];
    let fact = |(name, credits)| {
        view! {
            <div>
                <dt class="label">{name}</dt>
                <dd class="figure">
                    <Amount credits />
                </dd>
            </div>
        }
    };
    view! {
        <section class="card" aria-label="Balance">
            <dl class="facts">{facts.map(fact).collect_view()}</dl>
        </section>
    }
}

/// The actions on the customer itself; those on a usage or a grant stand beside it.
fn actions(request: &RequestContext, customer: &Named) -> Option<AnyView> {
    if customer.closed_at.is_some() {
        return None;
    }
    let back = format!("/operator/customers/{}", customer.id);
    let until = request.app.clock.now().checked_add_months(Months::new(3)).unwrap_or_default();
    let give = vec![
        Field { label: "Credits", kind: "text", value: String::new() },
        Field { label: "Last day (UTC)", kind: "date", value: until.format("%Y-%m-%d").to_string() },
    ];
    let erase = vec![Field { label: "Customer ID, to confirm", kind: "text", value: String::new() }];
    let id = customer.id.clone();
    Some(
        view! {
            <div class="acts">
                <ActForm act=Act::Give about=id.clone() name="" key=key(request) back=back.clone() title="Give courtesy credits" button="Give" fields=give />
                <ActForm act=Act::Erase about=id name="" key=key(request) back title="Erase this customer" button="Erase permanently" fields=erase />
            </div>
        }
        .into_any(),
    )
}

/// Purchases, newest first.
async fn purchases_list(request: &RequestContext, customer: &Named) -> Result<AnyView, InternalError> {
    let before = request.query("purchases").and_then(|id| PurchaseId::parse(&id));
    let mut found = purchases::list(&request.app, customer.no, before, ROWS + 1).await?;
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let last = found.last().filter(|_| more).map(|last| format!("?purchases={}#purchases", last.id));
    let more = last.map(|href| {
        view! {
            <p class="after">
                <a href=href>"Older"</a>
            </p>
        }
        .into_any()
    });
    Ok(section("purchases", "Purchases", purchase_table("Purchases", found), more))
}
