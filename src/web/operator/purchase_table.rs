//! A table of purchases.

use crate::domain::Money;
use crate::usecases::purchases::Purchase;
use crate::web::operator::table::{Cells, Table, amount, badge, code, customer_link, when};
use crate::web::ui::badge::Badge;
use crate::web::ui::money::Price;
use crate::web::ui::purchase_badge;
use crate::web::ui::purchase_badge::Dispute;
use leptos::prelude::*;

/// Purchases of several customers, each a link to its page.
pub fn purchase_table(caption: &'static str, purchases: Vec<Purchase>, empty: &'static str) -> AnyView {
    let row = |purchase: Purchase| -> Cells {
        let mut cells = cells(&purchase);
        cells.insert(0, customer_link(&purchase.customer, &purchase.customer_name));
        cells
    };
    let rows = purchases.into_iter().map(row).collect();
    view! { <Table caption heads=&["Customer", "Started", "#Credits", "#Price", "State", "Invoice"] rows empty /> }
        .into_any()
}

/// The purchases of one customer.
pub fn own_purchase_table(purchases: &[Purchase]) -> AnyView {
    let rows = purchases.iter().map(cells).collect();
    view! { <Table caption="Purchases" heads=&["Started", "#Credits", "#Price", "State", "Invoice"] rows empty="No purchases yet." /> }
        .into_any()
}

fn cells(purchase: &Purchase) -> Cells {
    let href = format!("/operator/purchases/{}", purchase.id);
    let money = Money::new(purchase.amount, &purchase.currency);
    let number = purchase.invoice_number.clone().or_else(|| purchase.payment_intent.clone());
    vec![
        view! { <a href=href>{when(purchase.created_at)}</a> }.into_any(),
        amount(purchase.credits),
        view! { <Price money long=true /> }.into_any(),
        badge(purchase_badge(purchase)),
        number.map(code).into_any(),
    ]
}

/// The state of a purchase, in the customers' words.
pub fn purchase_badge(purchase: &Purchase) -> Badge {
    let dispute = match purchase.dispute.as_deref() {
        Some("lost") => Dispute::Lost,
        Some("open" | "needs_response" | "under_review") => Dispute::Open,
        _ => Dispute::None,
    };
    purchase_badge::purchase_badge(purchase, false, dispute)
}
