//! A table of purchases.

use crate::domain::Money;
use crate::usecases::purchases::Purchase;
use crate::web::operator::table::{Cells, Table, amount, badge, code, customer_link, when};
use crate::web::ui::badge::Badge;
use crate::web::ui::money::Price;
use crate::web::ui::purchase_badge;
use crate::web::ui::purchase_badge::Dispute;
use leptos::prelude::*;

/// Purchases, each a link to its page.
pub fn purchase_table(caption: &'static str, purchases: Vec<Purchase>) -> AnyView {
    let row = |purchase: Purchase| -> Cells {
        let href = format!("/operator/purchases/{}", purchase.id);
        let money = Money::new(purchase.amount, &purchase.currency);
        let state = purchase_badge(&purchase);
        let numbers = [&purchase.invoice_number, &purchase.payment_intent].into_iter().flatten().cloned();
        let numbers = numbers.collect::<Vec<_>>().join(" ");
        vec![
            view! { <a href=href>{when(purchase.created_at)}</a> }.into_any(),
            customer_link(&purchase.customer),
            amount(purchase.credits),
            view! { <Price money long=true /> }.into_any(),
            badge(state),
            code(numbers),
        ]
    };
    let rows = purchases.into_iter().map(row).collect();
    view! { <Table caption heads=&["Started", "Customer", "#Credits", "#Price", "State", "Invoice, payment"] rows empty="No purchases." /> }
        .into_any()
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
