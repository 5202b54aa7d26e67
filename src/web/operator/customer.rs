//! `/operator/customers/{id}`: a customer's balance, actions and lists.

use crate::domain::PurchaseId;
use crate::usecases::credits::accounts;
use crate::usecases::operators::search::{self, NamedCustomer};
use crate::usecases::{InternalError, purchases};
use crate::web::operator::action_form::{ActForm, Field};
use crate::web::operator::actions::Act;
use crate::web::operator::auto_top_up;
use crate::web::operator::customer_head::{figures, head};
use crate::web::operator::customer_lists as lists;
use crate::web::operator::page::{ROWS, key, operator_page, outcome_notice};
use crate::web::operator::purchase_table::own_purchase_table;
use crate::web::operator::sign_in_link;
use crate::web::operator::table::{badge, section};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::badge::{Badge, Tone};
use chrono::Months;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// The roles of a sign-in link, the weakest first.
const ROLES: [(&str, &str); 3] =
    [("viewer", "Viewer: can see everything"), ("admin", "Admin: can buy"), ("owner", "Owner: can manage owners")];

/// `/operator/customers/{id}`
#[component]
pub fn CustomerPage() -> impl IntoView {
    let id = use_params_map().get().get("id").unwrap_or_default();
    operator_page(move |request: RequestContext| async move {
        let customer = search::named_customer(&request.app, &id).await?.ok_or(PageError::NotFound)?;
        let balance = accounts::customer_balance(&request.app, &customer.id).await?.ok_or(PageError::NotFound)?;
        let state = customer.closed_at.map(|_| badge(Badge::new(Tone::Quiet, "Erased")));
        let title = if customer.name.is_empty() { customer.id.clone() } else { customer.name.clone() };
        let newest = purchases::list_purchases(&request.app, customer.no, None, 1).await?;
        let lists = vec![
            purchases_list(&request, &customer).await?,
            auto_top_up::section_of(&request, &customer).await?,
            lists::grants(&request, &customer).await?,
            lists::entries(&request, &customer).await?,
            lists::usages(&request, &customer).await?,
            lists::holds(&request, &customer).await?,
            lists::members(&request, &customer).await?,
            lists::emails(&request, &customer).await?,
            lists::audit(&request, &customer).await?,
        ];
        let link = sign_in_link::made(&request, &customer).await?;
        let notice = link.or_else(|| outcome_notice(&request));
        let body = view! {
            <p class="crumb">
                <a href="/operator">"Home"</a>
            </p>
            <h1>{title.clone()} {state}</h1>
            <p class="note">{customer.email.clone()}</p>
            {notice}
            {figures(&balance)}
            {head(&request, &customer, &balance, newest.first()).await?}
            {actions(&request, &customer)}
            {sections()}
            {lists}
        };
        Ok((title, body.into_any()))
    })
}

/// Links to the page's lists.
fn sections() -> AnyView {
    const SECTIONS: [(&str, &str); 10] = [
        ("#purchases", "Purchases"),
        ("#auto-top-up", "Automatic top-up"),
        ("#grants", "Grants"),
        ("#entries", "Entries"),
        ("#usages", "Usages"),
        ("#holds", "Open holds"),
        ("#members", "Members"),
        ("#mails", "Emails"),
        ("#reminders", "Reminders"),
        ("#audit", "Audit"),
    ];
    let link = |(href, name)| view! { <a class="chip" href=href>{name}</a> };
    view! { <nav class="chips" aria-label="Lists">{SECTIONS.map(link).collect_view()}</nav> }.into_any()
}

/// The actions on the customer itself; those on a usage or a grant stand beside it.
pub fn actions(request: &RequestContext, customer: &NamedCustomer) -> Option<AnyView> {
    if customer.closed_at.is_some() {
        return None;
    }
    let back = format!("/operator/customers/{}", customer.id);
    let until = request.app.clock.now().checked_add_months(Months::new(3)).unwrap_or_default();
    let give = vec![Field::text("Credits", ""), Field::date("Last day (UTC)", until.format("%Y-%m-%d").to_string())];
    let erase = vec![Field::text("Customer ID, to confirm", "")];
    let id = customer.id.clone();
    Some(
        view! {
            <div class="acts">
                <ActForm act=Act::Give about=id.clone() name="" key=key(request) back=back.clone() title="Give courtesy credits" button="Give" fields=give />
                {sign_in_link_form(request, customer)}
                <ActForm act=Act::Erase about=id name="" key=key(request) back title="Erase this customer" button="Erase permanently" fields=erase />
            </div>
        }
        .into_any(),
    )
}

/// Purchases, newest first.
async fn purchases_list(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let before = request.query("purchases").and_then(|id| PurchaseId::parse(&id));
    let mut found = purchases::list_purchases(&request.app, customer.no, before, ROWS + 1).await?;
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
    Ok(section("purchases", "Purchases", own_purchase_table(&found), more))
}

fn sign_in_link_form(request: &RequestContext, customer: &NamedCustomer) -> impl IntoView {
    let back = format!("/operator/customers/{}", customer.id);
    let fields = vec![Field::choice("Role", &ROLES)];
    view! { <ActForm act=Act::SignInLink about=customer.id.clone() name="" key=key(request) back=back title="Copy a sign-in link" button="Create link" fields /> }
}
