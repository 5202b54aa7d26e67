//! A customer's automatic top-up: its rule, every consent, every try of the card, and the way to switch it off.

use crate::domain::Money;
use crate::usecases::InternalError;
use crate::usecases::auto_top_up::{self, AutoState, AutoTopUp, CardTry, Consent};
use crate::usecases::operators::search::NamedCustomer;
use crate::web::operator::action_form::ActForm;
use crate::web::operator::actions::Act;
use crate::web::operator::page::key;
use crate::web::operator::table::{Cells, Table, amount, badge, code, section, text, when};
use crate::web::request_context::RequestContext;
use crate::web::ui::auto_top_up_badge::auto_top_up_badge;
use crate::web::ui::money::Price;
use leptos::prelude::*;

/// The tries that are shown.
const TRIES: i64 = 20;

/// The section.
pub async fn section_of(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let app = &request.app;
    let rule = auto_top_up::find_auto_top_up(app, customer.no).await?;
    let consents = auto_top_up::list_consents(app, customer.no).await?;
    let tries = auto_top_up::list_tries(app, customer.no, TRIES).await?;
    let may_end = rule.state != AutoState::Off && customer.closed_at.is_none();
    let end = may_end.then(|| {
        let back = format!("/operator/customers/{}", customer.id);
        view! {
            <div class="acts">
                <ActForm act=Act::EndAutoTopUp about=customer.id.clone() name="" key=key(request) back title="Switch off automatic top-up" button="Switch off" />
            </div>
        }
        .into_any()
    });
    Ok(drawn(&rule, consents, tries, end))
}

/// The section of what is known.
pub fn drawn(rule: &AutoTopUp, consents: Vec<Consent>, tries: Vec<CardTry>, end: Option<AnyView>) -> AnyView {
    let consents: Vec<Cells> = consents.into_iter().map(consent_cells).collect();
    let tries: Vec<Cells> = tries.into_iter().map(try_cells).collect();
    let consent_heads =
        &["Agreed (UTC)", "By", "Package", "#Price", "#Below", "#Cap", "Card", "Ended (UTC)", "Why", "Text"];
    let try_heads = &["Tried (UTC)", "Purchase", "#Try", "Answer", "Stripe's code"];
    let body = view! {
        {facts(rule)}
        {end}
        <Table caption="Consents" is_log=true heads=consent_heads rows=consents empty="No consent was ever given." />
        <Table caption="Charges of the saved card" heads=try_heads rows=tries empty="No card was charged." />
    };
    section("auto-top-up", "Automatic top-up", body, None)
}

fn facts(rule: &AutoTopUp) -> AnyView {
    let reason = rule.state.reason().map(|reason| format!(" {}", reason.replace('_', " ")));
    let mut facts = vec![("State", view! { {badge(auto_top_up_badge(rule.state))} {reason} }.into_any())];
    if let Some(agreed) = &rule.agreed {
        let money = |minor| view! { <Price money=Money::new(minor, &agreed.currency) long=true /> };
        facts.push(("Package", code(agreed.package.clone())));
        facts.push(("Below", amount(agreed.threshold)));
        facts.push(("Spent in 30 days", view! { {money(rule.spent)} " of " {money(agreed.cap)} }.into_any()));
    }
    if let Some(card) = &rule.card {
        facts.push(("Card", text(format!("{} {}, {:02}/{}", card.brand, card.last4, card.exp_month, card.exp_year))));
    }
    if let Some(at) = rule.retry_at {
        facts.push(("Next try (UTC)", when(at)));
    }
    let fact = |(name, value): (&'static str, AnyView)| {
        view! {
            <div>
                <dt class="label">{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    view! { <dl class="card facts">{facts.into_iter().map(fact).collect_view()}</dl> }.into_any()
}

fn consent_cells(consent: Consent) -> Cells {
    let agreed = consent.agreed;
    let money = |minor| view! { <Price money=Money::new(minor, &agreed.currency) long=true /> }.into_any();
    let lowered = consent.lowered.into_iter().map(|lower| {
        let by = lower.by.unwrap_or_default();
        let cap = Money::new(lower.cap, &agreed.currency).long();
        view! { <br /> {when(lower.at)} {format!(" lowered {by}: below {}, cap {cap}", lower.threshold.grouped())} }
            .into_any()
    });
    let lowered: Vec<AnyView> = lowered.collect();
    let (ended, why) = match consent.ended {
        Some(ending) => (when(ending.at), text(format!("{} {}", ending.why, ending.by.unwrap_or_default()))),
        None => (text("In force"), text("")),
    };
    vec![
        when(consent.at),
        text(consent.by.unwrap_or_default()),
        code(agreed.package.clone()),
        money(agreed.price),
        amount(agreed.threshold),
        money(agreed.cap),
        text(format!("{} {}", consent.card.brand, consent.card.last4)),
        ended,
        why,
        view! { {consent.text} {lowered} }.into_any(),
    ]
}

fn try_cells(tried: CardTry) -> Cells {
    let id = tried.purchase.to_string();
    let link = view! { <a href=format!("/operator/purchases/{id}")>{id.clone()}</a> };
    vec![
        when(tried.at),
        link.into_any(),
        text(tried.no.to_string()),
        text(tried.answer.unwrap_or_else(|| "under way".to_owned()).replace('_', " ")),
        code(tried.code.unwrap_or_default()),
    ]
}
