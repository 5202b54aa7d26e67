//! `/operator`: the search, and the newest lines of the audit.

use crate::usecases::operators::enrolment::Standing;
use crate::usecases::operators::search::{self, Found};
use crate::usecases::operators::{audit, enrolment};
use crate::web::operator::audit_table::audit_table;
use crate::web::operator::page::{ROWS, before, older, operator_page, outcome_notice};
use crate::web::operator::purchase_table::purchase_table;
use crate::web::operator::table::{Cells, Table, badge, customer_link, section, text};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::badge::{Badge, Tone};
use leptos::prelude::*;

/// `/operator`
#[component]
pub fn SearchPage() -> impl IntoView {
    operator_page(|request: RequestContext| async move {
        let asked = request.query("q").unwrap_or_default();
        let found = search::search(&request.app, &asked).await?;
        let mut lines = audit::list(&request.app, None, before(&request, "audit"), ROWS + 1).await?;
        let more = older(&mut lines, "audit", |line| line.no);
        let offer = second_factor(&request).await?;
        let results = (!asked.trim().is_empty()).then(|| results(found));
        let body = view! {
            <h1>"Customers"</h1>
            {outcome_notice(&request)}
            {offer}
            <form class="fields search" method="get" action="/operator" role="search">
                <label>
                    "Email, customer, purchase, payment or invoice"
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

/// Says that a list does not have all matches.
fn cut(is_cut: bool, what: &str) -> Option<AnyView> {
    let words = format!("Only the first {} {what} are shown. Search by ID to find others.", search::FOUND_MAX);
    is_cut.then(|| view! { <p class="note">{words}</p> }.into_any())
}

/// The link to the second factor, as a warning for an operator without one.
async fn second_factor(request: &RequestContext) -> Result<Option<AnyView>, PageError> {
    let Some(operator) = request.operator().await? else { return Ok(None) };
    let link = |text: &'static str| view! { <a href="/operator/second-factor">{text}</a> };
    Ok(match enrolment::standing(&request.app, &operator).await? {
        Standing::NoPassword => None,
        Standing::On { .. } => Some(view! { <p class="note">{link("Second factor")}": on"</p> }.into_any()),
        Standing::Off => Some(
            view! {
                <div class="notice warn">
                    <p>
                        <strong>"Your account has no second factor."</strong>
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
        vec![customer_link(&one.id), text(one.name), text(one.email), badge(state)]
    };
    let customers = found.customers.into_iter().map(row).collect();
    let customers = view! {
        <Table caption="Customers found" heads=&["Customer", "Name", "Email", "Plan"] rows=customers empty="No customers found." />
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
