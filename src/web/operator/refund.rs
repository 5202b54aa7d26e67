//! `/operator/purchases/{id}/refund?amount=…`: what a refund takes back, before it is done.

use crate::domain::{Money, PurchaseId};
use crate::usecases::operators::actions;
use crate::usecases::operators::actions::RefundPreview;
use crate::usecases::purchases;
use crate::usecases::purchases::Purchase;
use crate::web::flash::Flash;
use crate::web::operator::action_form::{ActFields, Field};
use crate::web::operator::actions::Act;
use crate::web::operator::page::{OperatorPage, key, operator_page};
use crate::web::operator::purchase::plain;
use crate::web::operator::table::customer_link;
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::badge::Tone;
use crate::web::ui::money;
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/operator/purchases/{id}/refund`
#[component]
pub fn RefundPage() -> impl IntoView {
    let id = use_params_map().get().get("id").unwrap_or_default();
    operator_page(move |request: RequestContext| async move {
        let id = PurchaseId::parse(&id).ok_or(PageError::NotFound)?;
        let purchase = purchases::find_purchase(&request.app, id).await?.ok_or(PageError::NotFound)?;
        let back = format!("/operator/purchases/{id}");
        let pending = actions::pending_refund(&request.app, id).await?.map(|_| "refund_open");
        let reason = request.query("reason").unwrap_or_default();
        let amount = money::read(&request.query("amount").unwrap_or_default(), &purchase.currency);
        let amount = amount.map(|amount| amount.minor).ok_or("bad_input");
        let allowed = |amount| (1..=actions::refundable(&purchase)).contains(&amount);
        let amount = amount.and_then(|amount| if allowed(amount) { Ok(amount) } else { Err("nothing_to_refund") });
        let amount = match pending.map_or(amount, Err) {
            Ok(amount) => amount,
            Err(outcome) => {
                let typed = request.query("amount").unwrap_or_default();
                let flash = Flash::new(outcome).with("act", "refund").with("about", id.to_string());
                request.redirect_with(&back, flash.with("first", typed).with("reason", reason));
                return Ok(("Refund".to_owned(), ().into_any()));
            }
        };
        let preview = actions::preview_refund(&request.app, &purchase, amount).await?;
        Ok(preview_of(&purchase, amount, preview, key(&request), reason))
    })
}

/// The page; `form_key` is its form's key.
pub fn preview_of(
    purchase: &Purchase,
    amount: i64,
    preview: RefundPreview,
    form_key: String,
    reason: String,
) -> OperatorPage {
    let back = format!("/operator/purchases/{}", purchase.id);
    let title = format!("Refund {}", Money::new(amount, &purchase.currency).long());
    let fields = vec![Field::hidden(plain(amount, &purchase.currency))];
    let body = view! {
        <p class="crumb">
            <a href=back.clone()>"Purchase"</a>
        </p>
        <h1>{title.clone()}</h1>
        {warning(preview)}
        <section class="card" aria-label="Refund">
            {sums(purchase, amount, preview)}
            <div class="act">
                <ActFields act=Act::Refund about=purchase.id.to_string() key=form_key back=back button=title.clone() fields reason />
            </div>
            <p class="note">
                "Stripe refunds the money first. The credits follow when Stripe reports it. Credits used until then can't be taken back."
            </p>
        </section>
    };
    (title, body.into_any())
}

/// Credits that cannot be taken back.
fn warning(preview: RefundPreview) -> Option<AnyView> {
    let used = preview.used;
    used.is_positive().then(|| {
        let strong = format!("{} {} already used.", used.counted(), used.plural("was", "were"));
        let notice =
            Notice::new(Tone::Warn, strong, "We can't take them back. The purchase will show them as a shortfall.");
        view! { <NoticeBox notice /> }.into_any()
    })
}

fn sums(purchase: &Purchase, amount: i64, preview: RefundPreview) -> AnyView {
    let money = |minor: i64| view! { <Price money=Money::new(minor, &purchase.currency) long=true /> }.into_any();
    let credits = |credits| view! { <Amount credits /> }.into_any();
    let left = actions::refundable(purchase) - amount;
    let mut rows = vec![
        ("Customer", customer_link(&purchase.customer, &purchase.customer_name)),
        ("Paid", money(purchase.amount_total.unwrap_or(purchase.amount))),
        ("Refunded so far", money(purchase.refunded_amount)),
        ("This refund", money(amount)),
        ("Still refundable after it", money(left)),
        ("Credits it takes back", credits(preview.credits)),
        ("Removed at once", credits(preview.removed)),
    ];
    if preview.held.is_positive() {
        rows.push(("Held by running jobs, removed as they end", credits(preview.held)));
    }
    rows.push(("Already used (shortfall)", credits(preview.used)));
    let row = |(name, value)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    view! { <dl class="sums">{rows.into_iter().map(row).collect_view()}</dl> }.into_any()
}
