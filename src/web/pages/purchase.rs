//! `/purchases/{id}`: where Checkout comes back to, and a purchase's page ever after.
//!
//! The redirect is never believed: Stripe is asked (R8), also where nobody is signed in. Who is signed
//! out proves with the Checkout's id that the purchase is theirs, and sees nothing of the account.

use crate::domain::{Grant, Instant, Money, PurchaseId, PurchaseState};
use crate::usecases::access::portal::Viewer;
use crate::usecases::app::Asker;
use crate::usecases::credits::{accounts, overview};
use crate::usecases::purchases::{Purchase, PurchaseEvent, ReminderDelivery};
use crate::usecases::{App, InternalError, customers, purchases};
use crate::web::components::{NoticeBox, PurchaseDetails};
use crate::web::pages::billing::{purchase_fact, resume, same_again};
use crate::web::pages::{Page, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::outcome::OutcomeFacts;
use crate::web::view::purchase::{
    What, {self as words},
};
use crate::web::view::status::PurchaseFacts;
use crate::web::view::{BuyForm, Notice, Outcome, PurchaseView, Text, Zone, status};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/purchases/{id}`
#[component]
pub fn PurchasePage() -> impl IntoView {
    let id = use_params_map().get().get("id").unwrap_or_default();
    page(move |visit| load(visit, id))
}

async fn load(visit: RequestContext, id: String) -> Result<Page, Stop> {
    let id = PurchaseId::parse(&id).ok_or(Stop::NotFound)?;
    let session = visit.query("session_id");
    match visit.viewer().await? {
        Some(viewer) => owned(&visit, viewer, id, session).await,
        None => signed_out(&visit, id, session.ok_or(Stop::SignIn)?).await,
    }
}

/// The page of a customer's own purchase; another's is not there.
async fn owned(visit: &RequestContext, viewer: Viewer, id: PurchaseId, session: Option<String>) -> Result<Page, Stop> {
    let app = &visit.app;
    let mine = |found: Option<Purchase>| found.filter(|purchase| purchase.customer_no == viewer.customer_no);
    let purchase = mine(purchases::find(app, id).await?).ok_or(Stop::NotFound)?;
    let waits = matches!(purchase.state, PurchaseState::Open | PurchaseState::Processing);
    let purchase = if session.is_some() || waits {
        purchases::refresh(app, id, Asker::Member).await?;
        mine(purchases::find(app, id).await?).ok_or(Stop::NotFound)?
    } else {
        purchase
    };
    let title = format!("{} credits", purchase.credits.grouped());
    let mut purchase = view_of(app, &viewer, &purchase, session.is_some()).await?;
    purchase.notice = invoice_outcome(visit).or(purchase.notice);
    Ok(Page::new(title, Some(viewer), view! { <PurchaseDetails purchase /> }))
}

/// What a signed-out buyer sees on the way back from Checkout.
async fn signed_out(visit: &RequestContext, id: PurchaseId, session: String) -> Result<Page, Stop> {
    let app = &visit.app;
    // Who does not know the purchase's own Checkout makes us ask nothing.
    let own = |found: Option<Purchase>| found.filter(|purchase| purchase.session_id.as_ref() == Some(&session));
    own(purchases::find(app, id).await?).ok_or(Stop::SignIn)?;
    purchases::refresh(app, id, Asker::Anonymous).await?;
    let purchase = own(purchases::find(app, id).await?).ok_or(Stop::SignIn)?;
    let here = format!("/purchases/{id}?session_id={}", encoded(&session));
    let notice = match purchase.state {
        PurchaseState::Credited => words::added_signed_out(purchase.credits),
        PurchaseState::Processing => words::processing("you", &here),
        PurchaseState::Failed => words::failed(None),
        PurchaseState::Expired => words::expired(None),
        PurchaseState::Review => words::review(&id.to_string()),
        PurchaseState::Created | PurchaseState::Open => words::checking(&here),
    };
    let title = format!("{} credits", purchase.credits.grouped());
    let body = view! {
        <h1>{title.clone()}</h1>
        <NoticeBox notice />
        <p class="after">
            <a class="button" href="/sign-in">
                "Sign in"
            </a>
        </p>
    };
    Ok(Page::new(title, None, body))
}

async fn view_of(app: &App, viewer: &Viewer, purchase: &Purchase, back: bool) -> Result<PurchaseView, InternalError> {
    let (zone, id) = (Zone::named(&viewer.timezone), purchase.id);
    let grant = overview::bought(app, viewer.customer_no, id).await?;
    let moments = purchases::timeline(app, id).await?;
    let steps: Vec<_> = moments.iter().filter_map(step).collect();
    let now = app.clock.now();
    let money = |minor: i64| Money::new(minor, &purchase.currency);
    let (reference, here) = (id.to_string(), format!("/purchases/{id}"));
    // Stripe has told, and could not be asked.
    let paid = purchases::is_paid(app, purchase).await?;
    let facts = purchase_fact(purchase).facts;
    // Who comes back later to where Checkout led is not told again that credits were added.
    let is_news = back && grant.as_ref().is_none_or(|it| (it.frozen + it.refunded + it.disputed).is_zero());
    Ok(PurchaseView {
        badge: status::purchase(&PurchaseFacts { paid: paid || purchase.credited_at.is_some(), ..facts }),
        notice: if paid { Some(words::adding(&here)) } else { notice(app, viewer, purchase, is_news).await? },
        left: grant.as_ref().map(|grant| left(grant, now, zone)),
        timeline: words::timeline(&steps, purchase.credits, zone),
        credits: purchase.credits,
        price: money(purchase.amount),
        tax: purchase.amount_tax.filter(|tax| *tax > 0).map(money),
        refunded: Some(purchase.refunded_amount).filter(|minor| *minor > 0).map(money),
        invoice: invoice(purchase),
        support: words::support_link(&app.catalog.shop.support_email, &reference),
        reference,
    })
}

/// A moment as customers read it: a reminder says whether it has arrived.
fn step(moment: &PurchaseEvent) -> Option<(What, Instant)> {
    let what = match (What::named(&moment.what)?, moment.delivery) {
        (What::Reminded, Some(ReminderDelivery::Queued)) => What::ReminderWaits,
        (What::Reminded, Some(ReminderDelivery::Deferred)) => What::ReminderDelayed,
        (What::Reminded, Some(ReminderDelivery::Refused)) => What::ReminderRefused,
        (what, _) => what,
    };
    Some((what, moment.at))
}

/// How a click on "Invoice" came back.
fn invoice_outcome(visit: &RequestContext) -> Option<Notice> {
    let outcome = Outcome::from_code(&visit.query("outcome")?)?;
    let of_invoice = matches!(outcome, Outcome::NoInvoice | Outcome::InvoiceUnavailable);
    of_invoice.then(|| outcome.notice(OutcomeFacts::default()))
}

/// Where the invoice of a credited purchase is asked for.
fn invoice(purchase: &Purchase) -> Option<String> {
    (purchase.state == PurchaseState::Credited).then(|| format!("/purchases/{}/invoice", purchase.id))
}

fn left(grant: &Grant, now: Instant, zone: Zone) -> Text {
    let left = words::Stand::of(grant, now).words(now, zone);
    if grant.is_kept(now) { left.text(", or 7 days after a reminder is delivered, if that is later") } else { left }
}

/// How the visit came out, or what is going on.
async fn notice(app: &App, viewer: &Viewer, purchase: &Purchase, back: bool) -> Result<Option<Notice>, InternalError> {
    let here = format!("/purchases/{}", purchase.id);
    let open = purchase.checkout_expires_at > app.clock.now();
    Ok(match purchase.state {
        PurchaseState::Credited if back => added(app, viewer, purchase).await?,
        PurchaseState::Credited => None,
        PurchaseState::Processing => {
            let owner = customers::find(app, &viewer.customer).await?.map(|customer| customer.email);
            let mailed = viewer.email.clone().or(owner).unwrap_or_else(|| "you".to_owned());
            Some(words::processing(&mailed, &here))
        }
        PurchaseState::Open | PurchaseState::Created if back => Some(words::checking(&here)),
        PurchaseState::Open | PurchaseState::Created if open => {
            let until = Zone::named(&viewer.timezone).sentence(purchase.checkout_expires_at);
            Some(words::unfinished(until, resumed(app, viewer, purchase).await?))
        }
        PurchaseState::Open | PurchaseState::Created | PurchaseState::Expired => {
            Some(words::expired(again(app, viewer, purchase).await?))
        }
        PurchaseState::Failed => Some(words::failed(again(app, viewer, purchase).await?)),
        PurchaseState::Review => Some(words::review(&purchase.id.to_string())),
    })
}

async fn added(app: &App, viewer: &Viewer, purchase: &Purchase) -> Result<Option<Notice>, InternalError> {
    let balance = accounts::balance(app, &viewer.customer).await?;
    let zone = Zone::named(&viewer.timezone);
    Ok(balance.zip(purchase.expires_at).map(|(balance, expires_at)| {
        words::added(purchase.credits, balance.available, expires_at, zone, invoice(purchase).as_deref())
    }))
}

async fn may_buy(app: &App, viewer: &Viewer) -> Result<bool, InternalError> {
    let customer = customers::find(app, &viewer.customer).await?;
    let plan = customer.is_some_and(|customer| app.catalog.may_buy(&customer.plan));
    Ok(plan && viewer.role.may_buy() && app.stripe.is_some())
}

/// A form that goes on with it, for those who may.
async fn resumed(app: &App, viewer: &Viewer, purchase: &Purchase) -> Result<Option<BuyForm>, InternalError> {
    Ok(may_buy(app, viewer).await?.then(|| resume(app, viewer, purchase)))
}

/// A fresh form for the same, for those who may.
async fn again(app: &App, viewer: &Viewer, purchase: &Purchase) -> Result<Option<BuyForm>, InternalError> {
    Ok(if may_buy(app, viewer).await? { same_again(app, viewer, purchase) } else { None })
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
