//! `/operator/purchases/{id}`: a purchase with its timeline and actions.

use crate::domain::{Money, PurchaseId, PurchaseState};
use crate::usecases::operators::actions;
use crate::usecases::operators::actions::PendingRefund;
use crate::usecases::purchases::Purchase;
use crate::usecases::{InternalError, purchases};
use crate::web::operator::action_form::{ActForm, Field, RefusedForm};
use crate::web::operator::actions::Act;
use crate::web::operator::page::{key, operator_page, outcome_notice};
use crate::web::operator::purchase_table::purchase_badge;
use crate::web::operator::stripe_link::{StripePage, open_in_stripe};
use crate::web::operator::table::{
    Cells, Table, amount, badge, code, copied, customer_link, deadline, full, section, text, when,
};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/operator/purchases/{id}`
#[component]
pub fn OperatorPurchasePage() -> impl IntoView {
    let id = use_params_map().get().get("id").unwrap_or_default();
    operator_page(move |request: RequestContext| async move {
        let id = PurchaseId::parse(&id).ok_or(PageError::NotFound)?;
        let purchase = purchases::find_purchase(&request.app, id).await?.ok_or(PageError::NotFound)?;
        let pending = actions::pending_refund(&request.app, id).await?;
        let moments = purchases::purchase_timeline(&request.app, id).await?;
        let moment = |moment: purchases::PurchaseEvent| -> Cells {
            let mail = moment.delivery.map_or_else(String::new, |delivery| format!(", email {}", delivery.name()));
            vec![full(moment.at), text(format!("{}{mail}", moment.what))]
        };
        let moments = moments.into_iter().map(moment).collect();
        let moments =
            view! { <Table caption="Timeline" heads=&["When", "Event"] rows=moments empty="No events yet." /> };
        let buyer = if purchase.customer_name.is_empty() { &purchase.customer } else { &purchase.customer_name };
        let (credits, standing) = (purchase.credits, badge(purchase_badge(&purchase)));
        let body = view! {
            <p class="crumb">
                {customer_link(&purchase.customer, &purchase.customer_name)}
            </p>
            <h1>
                <Amount credits />
                {format!(" {} ", credits.noun())}
                {standing}
            </h1>
            {outcome_notice(&request)}
            {action_forms(&request, &purchase, pending)}
            {section("facts", "Details", facts(&request, &purchase), None)}
            {parts(&request, &purchase).await?}
            {section("timeline", "Timeline", moments, None)}
        };
        Ok((format!("Purchase by {buyer}"), body.into_any()))
    })
}

fn money(minor: i64, currency: &str) -> AnyView {
    view! { <Price money=Money::new(minor, currency) long=true /> }.into_any()
}

fn facts(request: &RequestContext, purchase: &Purchase) -> AnyView {
    let of = |minor: i64| money(minor, &purchase.currency);
    let mut rows: Vec<(&'static str, AnyView)> = vec![
        ("Purchase", copied(purchase.id.to_string())),
        ("Customer", customer_link(&purchase.customer, &purchase.customer_name)),
        ("Customer ID", copied(purchase.customer.clone())),
        ("State", text(purchase.state.name())),
        ("Package", text(purchase.package.clone())),
        ("Price", of(purchase.amount)),
    ];
    rows.extend(purchase.amount_tax.map(|tax| ("Tax", of(tax))));
    rows.extend(purchase.amount_total.map(|total| ("Paid", of(total))));
    rows.push(("Refunded", of(purchase.refunded_amount)));
    rows.push(("Shortfall", amount(purchase.shortfall)));
    rows.extend(purchase.dispute.clone().map(|dispute| ("Dispute", text(dispute))));
    rows.extend(purchase.review_reason.clone().map(|reason| ("Review reason", text(reason))));
    rows.push(("Started", full(purchase.created_at)));
    rows.extend(purchase.credited_at.map(|at| ("Credited", full(at))));
    rows.extend(purchase.expires_at.map(|at| ("Expires", full(at))));
    rows.extend(purchase.grant.map(|id| ("Grant", copied(id.to_string()))));
    let ids = [
        ("Checkout", &purchase.session_id),
        ("Invoice", &purchase.invoice),
        ("Invoice number", &purchase.invoice_number),
    ];
    if let Some(id) = &purchase.payment_intent {
        let link = open_in_stripe(&request.app, StripePage::Payment, Some(id));
        rows.push(("Payment", view! { {copied(id.clone())} " " {link} }.into_any()));
    }
    rows.extend(ids.into_iter().filter_map(|(name, id)| Some((name, copied(id.clone()?)))));
    let rows = rows.into_iter().map(|(name, value)| vec![text(name), value]).collect();
    view! { <Table caption="Details" heads=&["Detail", "Value"] rows empty="" /> }.into_any()
}

fn action_forms(request: &RequestContext, purchase: &Purchase, pending: Option<PendingRefund>) -> AnyView {
    let (id, back) = (purchase.id.to_string(), format!("/operator/purchases/{}", purchase.id));
    let credited = purchase.state == PurchaseState::Credited;
    let receipt = credited.then(|| {
        view! { <ActForm act=Act::ResendReceipt about=id.clone() name="" key=key(request) back=back.clone() title="Send the receipt again" button="Send" /> }
    });
    let refund = match pending {
        Some(pending) => {
            let money = Money::new(pending.amount, &purchase.currency);
            let again = vec![Field::text("Amount", plain(pending.amount, &purchase.currency))];
            let (key, reason) = (pending.key.to_string(), pending.line.reason);
            view! {
                <p class="notice warn">
                    {format!("A refund of {} was requested, but Stripe hasn't confirmed it yet.", money.long())}
                </p>
                <ActForm act=Act::Refund about=id.clone() name="" key back=back.clone() title="Request that refund again" button="Request again" fields=again reason />
            }
            .into_any()
        }
        None => match actions::refundable(purchase) {
            0 => ().into_any(),
            left => {
                let (to, left) = (format!("{back}/refund"), plain(left, &purchase.currency));
                let refused = RefusedForm::last(Act::Refund, &id);
                let is_refused = refused.is_some();
                let (amount, reason) = refused.map_or((None, None), |form| (form.first, form.reason));
                let amount = amount.unwrap_or(left);
                view! {
                    <details class="act" open=is_refused>
                        <summary>"Refund"</summary>
                        <form method="get" action=to>
                            <label>
                                "Amount"
                                <input
                                    type="text"
                                    name="amount"
                                    value=amount
                                    required
                                    autocomplete="off"
                                    autofocus=is_refused
                                />
                            </label>
                            {reason.map(|reason| view! { <input type="hidden" name="reason" value=reason /> })}
                            <button class="button">"Review refund"</button>
                        </form>
                    </details>
                }
                .into_any()
            }
        },
    };
    view! {
        <div class="acts">
            <ActForm act=Act::Recheck about=id.clone() name="" key=key(request) back=back.clone() title="Refresh from Stripe" button="Refresh" />
            {receipt}
            {refund}
        </div>
    }
    .into_any()
}

/// Refunds and disputes of the payment; nothing without any.
async fn parts(request: &RequestContext, purchase: &Purchase) -> Result<Option<AnyView>, InternalError> {
    let found = purchases::payment_parts(&request.app, purchase.id).await?;
    let row = |part: purchases::PaymentPart| -> Cells {
        let page = if part.is_dispute { StripePage::Dispute } else { StripePage::Payment };
        let target = if part.is_dispute { Some(part.id.as_str()) } else { purchase.payment_intent.as_deref() };
        vec![
            text(if part.is_dispute { "Dispute" } else { "Refund" }),
            money(part.amount, &purchase.currency),
            text(part.status.replace('_', " ")),
            when(part.at),
            part.due_at.map(|due| deadline(due, request.app.clock.now())).into_any(),
            code(part.id.clone()),
            open_in_stripe(&request.app, page, target).into_any(),
        ]
    };
    let rows: Vec<Cells> = found.into_iter().map(row).collect();
    let heads = &["Kind", "#Amount", "Status", "Updated", "Answer by (UTC)", "ID", "Stripe"];
    let table = |rows| view! { <Table caption="Refunds and disputes" heads rows empty="" /> };
    Ok((!rows.is_empty()).then(|| section("parts", "Refunds and disputes", table(rows), None)))
}

/// Money as the form takes it: `9.00`.
pub fn plain(minor: i64, currency: &str) -> String {
    let places = crate::domain::money::decimals(currency);
    let unit = 10_i64.pow(places);
    match places {
        0 => minor.to_string(),
        _ => format!("{}.{:0width$}", minor / unit, minor % unit, width = places as usize),
    }
}
