//! "Purchases": a table that becomes stacked rows on a phone, roles explicit as in `top_ups`.

use crate::web::components::text::{Amount, BadgeText, Price, When};
use crate::web::ui::buy_form::BuyFields;
use crate::web::ui::paging::PageLinks;
use crate::web::view::{PurchaseRow, PurchasesView};
use leptos::prelude::*;

/// The region "Purchases".
#[component]
pub fn Purchases(purchases: PurchasesView) -> impl IntoView {
    let (total, all, page, pages) = (purchases.total, purchases.all, purchases.page, purchases.pages);
    let body = if purchases.rows.is_empty() {
        view! { <p class="card empty note">"No purchases yet. Invoices show here."</p> }.into_any()
    } else {
        view! {
            <Table rows=purchases.rows />
            <After total all page pages />
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="purchases" data-live="purchases">
            <h2 id="purchases">"Purchases"</h2>
            {body}
        </section>
    }
}

#[component]
fn Table(rows: Vec<PurchaseRow>) -> impl IntoView {
    view! {
        <table class="card purchases" role="table">
            <caption class="sr-only">"Purchases"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Date"</th>
                    <th scope="col" role="columnheader">"Package"</th>
                    <th scope="col" role="columnheader" class="number">"Price"</th>
                    <th scope="col" role="columnheader">"Status"</th>
                    <th scope="col" role="columnheader">
                        <span class="sr-only">"Invoice"</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows.into_iter().map(|row| view! { <Row row /> }).collect_view()}</tbody>
        </table>
    }
}

#[component]
fn Row(row: PurchaseRow) -> impl IntoView {
    let about = format!(" of {} for {}", row.date.text, row.price.long());
    let more = match (row.invoice, row.resume) {
        (Some(href), _) => view! {
            <a href=href>"Invoice"<span class="sr-only">{about}</span></a>
        }
        .into_any(),
        (None, Some(form)) => view! {
            <BuyFields form>
                <button class="link">"Continue"<span class="sr-only">{about}</span></button>
            </BuyFields>
        }
        .into_any(),
        (None, None) => ().into_any(),
    };
    view! {
        <tr role="row">
            <th scope="row" role="rowheader" class="first">
                <a href=row.href>
                    <When moment=row.date />
                </a>
            </th>
            <td role="cell" class="what">
                <Amount credits=row.credits />
                " credits"
            </td>
            <td role="cell" class="number lead">
                <Price money=row.price long=true />
            </td>
            <td role="cell" class="state">
                <BadgeText badge=row.badge />
            </td>
            <td role="cell" class="more">{more}</td>
        </tr>
    }
}

#[component]
fn After(total: usize, all: bool, page: usize, pages: usize) -> impl IntoView {
    let link = if all {
        view! {
            <PageLinks list="purchases" anchor="purchases" page pages />
            <a href="/billing#purchases">"Show the latest only"</a>
        }
        .into_any()
    } else if total > crate::web::view::purchases::SHOWN {
        view! { <a href="/billing?purchases=all#purchases">{format!("Show all {total} purchases")}</a> }.into_any()
    } else {
        return ().into_any();
    };
    view! { <p class="after">{link}</p> }.into_any()
}
