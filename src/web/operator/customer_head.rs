//! The head of a customer's page: plan, reset, owner, last purchase, and the customer at Stripe.

use crate::domain::{Balance, Instant, Money};
use crate::usecases::access::links::Role;
use crate::usecases::customers::members;
use crate::usecases::operators::search::NamedCustomer;
use crate::usecases::purchases::Purchase;
use crate::usecases::subscriptions::FollowedSubscription;
use crate::usecases::{InternalError, subscriptions};
use crate::web::operator::stripe_link::{StripePage, open_in_stripe};
use crate::web::operator::table::{copied, day, full, text};
use crate::web::request_context::RequestContext;
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;

/// The head; `newest` is the customer's last purchase.
pub async fn head(
    request: &RequestContext,
    customer: &NamedCustomer,
    balance: &Balance,
    newest: Option<&Purchase>,
) -> Result<AnyView, InternalError> {
    let members = members::list_members(&request.app, customer.no).await?;
    let owner = members.into_iter().find(|member| member.role == Role::Owner).map(|owner| owner.email);
    let followed = subscriptions::followed_subscription(&request.app, customer.no, false).await?;
    Ok(head_of(request, customer, balance, newest, (owner, followed)))
}

/// The head of what is known.
pub fn head_of(
    request: &RequestContext,
    customer: &NamedCustomer,
    balance: &Balance,
    newest: Option<&Purchase>,
    (owner, followed): (Option<String>, Option<FollowedSubscription>),
) -> AnyView {
    let app = &request.app;
    let mut facts = vec![
        ("ID", copied(customer.id.clone())),
        ("Plan", plan(request, balance)),
        ("Next reset", full(balance.cycle.end)),
        ("Owner", text(owner.unwrap_or_else(|| "None".to_owned()))),
        ("Last purchase", newest.map_or_else(|| text("None"), last_purchase)),
    ];
    if let Some(followed) = followed {
        let words = subscription_words(&followed.status, followed.grace_until, followed.ends_at);
        let link = open_in_stripe(app, StripePage::Subscription, Some(&followed.id));
        facts.push(("Subscription", view! { {words} " · " {link} }.into_any()));
    }
    if let Some(link) = open_in_stripe(app, StripePage::Customer, customer.stripe_customer.as_deref()) {
        facts.push(("Stripe customer", link));
    }
    view! {
        <section class="card" aria-label="Customer">
            <dl class="facts">{facts.into_iter().map(fact).collect_view()}</dl>
        </section>
    }
    .into_any()
}

fn fact((name, value): (&'static str, AnyView)) -> impl IntoView {
    view! {
        <div>
            <dt class="label">{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}

/// `Starter, $19 a month`, and the plan that follows at the reset.
fn plan(request: &RequestContext, balance: &Balance) -> AnyView {
    let catalog = &request.app.catalog;
    let name = |id: &str| catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone());
    let price = catalog.plan(&balance.plan_id).map(|plan| Money::new(plan.amount, &catalog.shop.currency));
    let next = balance.next_plan.as_deref().map(|next| format!(", then {}", name(next)));
    view! { {name(&balance.plan_id)} {price.map(|money| view! { ", " <Price money /> " a month" })} {next} }.into_any()
}

fn last_purchase(purchase: &Purchase) -> AnyView {
    let money = Money::new(purchase.amount, &purchase.currency);
    view! {
        <a href=format!("/operator/purchases/{}", purchase.id)>{day(purchase.created_at)}</a>
        ", "
        <Price money long=true />
    }
    .into_any()
}

/// `active, ends 4 Dec 2026`
fn subscription_words(status: &str, grace_until: Option<Instant>, ends_at: Option<Instant>) -> String {
    let day = |at: Instant| at.format("%-d %b %Y");
    let kept = grace_until.map(|at| format!(", plan kept until {}", day(at)));
    let ends = ends_at.map(|at| format!(", ends {}", day(at)));
    format!("{}{}{}", status.replace('_', " "), kept.unwrap_or_default(), ends.unwrap_or_default())
}

/// The balance, kind by kind.
pub fn figures(balance: &Balance) -> impl IntoView {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_told_with_its_end() {
        let at = |text: &str| Some(text.parse::<Instant>().expect("an instant"));
        assert_eq!(subscription_words("active", None, None), "active");
        assert_eq!(
            subscription_words("past_due", at("2026-12-04T11:00:00Z"), None),
            "past due, plan kept until 4 Dec 2026"
        );
        assert_eq!(subscription_words("active", None, at("2026-12-04T11:00:00Z")), "active, ends 4 Dec 2026");
    }
}
