//! `/operator`: the search, and what operators did last.

use crate::domain::Money;
use crate::usecases::operators::enrolment::Standing;
use crate::usecases::operators::search::{self, Found};
use crate::usecases::operators::{audit, enrolment};
use crate::usecases::purchases::Purchase;
use crate::web::components::operator::{Cells, Table};
use crate::web::components::text::Price;
use crate::web::pages::operator::{
    ROWS, audit_table, badge, before, code, older, outcome, page, section, text, to_customer, when,
};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::ui::purchase_badge::{Dispute, purchase_badge};
use crate::web::view::{Badge, Tone};
use leptos::prelude::*;

/// `/operator`
#[component]
pub fn HomePage() -> impl IntoView {
    page(|visit: RequestContext| async move {
        let asked = visit.query("q").unwrap_or_default();
        let found = search::search(&visit.app, &asked).await?;
        let mut lines = audit::list(&visit.app, None, before(&visit, "audit"), ROWS + 1).await?;
        let more = older(&mut lines, "audit", |line| line.no);
        let offer = second_factor(&visit).await?;
        let results = (!asked.trim().is_empty()).then(|| results(found));
        let body = view! {
            <h1>"Customers"</h1>
            {outcome(&visit)}
            {offer}
            <form class="fields search" method="get" action="/operator" role="search">
                <label>
                    "E-mail, customer, purchase, payment or invoice"
                    <input type="search" name="q" value=asked required maxlength="254" />
                </label>
                <button class="button primary">"Search"</button>
            </form>
            {results}
            {section("audit", "Audit", audit_table(lines), more)}
        };
        Ok(("Customers".to_owned(), body.into_any()))
    })
}

/// Says that a list has not all that matches, and what to do about it.
fn cut(is_cut: bool, what: &str) -> Option<AnyView> {
    let words = format!("Only the first {} {what} are shown. Search for an id to find another one.", search::FOUND_MAX);
    is_cut.then(|| view! { <p class="note">{words}</p> }.into_any())
}

/// The way to the second factor: pressed on whoever has none.
async fn second_factor(visit: &RequestContext) -> Result<Option<AnyView>, Stop> {
    let Some(operator) = visit.operator().await? else { return Ok(None) };
    let link = |text: &'static str| view! { <a href="/operator/second-factor">{text}</a> };
    Ok(match enrolment::standing(&visit.app, &operator).await? {
        Standing::NoPassword => None,
        Standing::On { .. } => Some(view! { <p class="note">{link("Second factor")}": on"</p> }.into_any()),
        Standing::Off => Some(
            view! {
                <div class="notice warn">
                    <p>
                        <strong>"Your account opens by its password alone."</strong>
                        " "
                        {link("Set up a second factor")}
                    </p>
                </div>
            }
            .into_any(),
        ),
    })
}

fn results(found: Found) -> AnyView {
    let row = |one: search::Named| -> Cells {
        let state = match one.closed_at {
            Some(_) => Badge::new(Tone::Quiet, "Erased"),
            None => Badge::new(Tone::Plain, one.plan),
        };
        vec![to_customer(&one.id), text(one.name), text(one.email), badge(state)]
    };
    let customers = found.customers.into_iter().map(row).collect();
    let customers = view! {
        <Table caption="Customers found" heads=&["Customer", "Name", "E-mail", "Plan"] rows=customers empty="No customer is known by that." />
    };
    let (customers_cut, purchases_cut) = (cut(found.customers_cut, "customers"), cut(found.purchases_cut, "purchases"));
    let purchases = (!found.purchases.is_empty())
        .then(|| section("purchases", "Purchases", purchase_table("Purchases found", found.purchases), purchases_cut));
    view! {
        {section("found", "Found", customers, customers_cut)}
        {purchases}
    }
    .into_any()
}

/// Purchases, each a link to its page.
pub(super) fn purchase_table(caption: &'static str, purchases: Vec<Purchase>) -> AnyView {
    let row = |purchase: Purchase| -> Cells {
        let href = format!("/operator/purchases/{}", purchase.id);
        let money = Money::new(purchase.amount, &purchase.currency);
        let state = state(&purchase);
        let numbers = [&purchase.invoice_number, &purchase.payment_intent].into_iter().flatten().cloned();
        let numbers = numbers.collect::<Vec<_>>().join(" ");
        vec![
            view! { <a href=href>{when(purchase.created_at)}</a> }.into_any(),
            to_customer(&purchase.customer),
            super::amount(purchase.credits),
            view! { <Price money long=true /> }.into_any(),
            badge(state),
            code(numbers),
        ]
    };
    let rows = purchases.into_iter().map(row).collect();
    view! { <Table caption heads=&["Clicked", "Customer", "#Credits", "#Price", "State", "Invoice, payment"] rows empty="No purchases." /> }
        .into_any()
}

/// How a purchase stands, in the customers' words.
pub(super) fn state(purchase: &Purchase) -> Badge {
    let dispute = match purchase.dispute.as_deref() {
        Some("lost") => Dispute::Lost,
        Some("open" | "needs_response" | "under_review") => Dispute::Open,
        _ => Dispute::None,
    };
    purchase_badge(purchase, false, dispute)
}
