//! The operators' search: its form and its results.

use crate::usecases::operators::search::{self, SearchResult};
use crate::web::operator::purchase_table::purchase_table;
use crate::web::operator::table::{Cells, Table, badge, code, customer_link, section, text};
use crate::web::ui::badge::{Badge, Tone};
use leptos::prelude::*;

pub fn search_form(asked: String) -> impl IntoView {
    view! {
        <form class="search" method="get" action="/operator" role="search">
            <label class="grow">
                "Email, customer, purchase, payment or invoice"
                <input type="search" name="q" value=asked required maxlength="254" />
            </label>
            <button class="button primary">"Search"</button>
        </form>
    }
}

/// Says that a list does not have all matches.
fn cut(is_cut: bool, what: &str) -> Option<AnyView> {
    let words = format!("Only the first {} {what} are shown. Search by ID to find others.", search::FOUND_MAX);
    is_cut.then(|| view! { <p class="note">{words}</p> }.into_any())
}

pub fn results(found: SearchResult) -> AnyView {
    let row = |one: search::NamedCustomer| -> Cells {
        let state = match one.closed_at {
            Some(_) => Badge::new(Tone::Quiet, "Erased"),
            None => Badge::new(Tone::Plain, one.plan),
        };
        vec![customer_link(&one.id, &one.name), text(one.email), badge(state), code(one.id)]
    };
    let customers = found.customers.into_iter().map(row).collect();
    let customers = view! {
        <Table caption="Customers found" heads=&["Customer", "Email", "Plan", "ID"] rows=customers empty="No customers found." />
    };
    let (customers_cut, purchases_cut) = (cut(found.customers_cut, "customers"), cut(found.purchases_cut, "purchases"));
    let purchases = (!found.purchases.is_empty()).then(|| {
        section("purchases", "Purchases", purchase_table("Purchases found", found.purchases, ""), purchases_cut)
    });
    view! {
        {section("found", "Customers", customers, customers_cut)}
        {purchases}
    }
    .into_any()
}
