//! `/purchases/{id}`: the page of one purchase, to which Checkout returns.
//!
//! The redirect is never believed: Stripe is asked (R8), also where nobody is signed in. A signed-out browser proves with
//! the Checkout's id that the purchase is its own, and sees nothing of the account.

pub mod credits_left;
pub mod invoice;
pub mod notices;
pub mod timeline;

use crate::domain::{Instant, Money, Origin, PurchaseId, PurchaseState};
use crate::usecases::access::links::Viewer;
use crate::usecases::app::Asker;
use crate::usecases::credits::{accounts, overview};
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, customers, purchases};
use crate::web::flash::Flash;
use crate::web::outcome::{Outcome, OutcomeDetails};
use crate::web::page::{Page, page};
use crate::web::purchase::credits_left::credits_left;
use crate::web::purchase::timeline::{Timeline, TimelineStep};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::badge::{BadgeText, Tone};
use crate::web::ui::buy_form::{BuyForm, buy_same, resume};
use crate::web::ui::dates::Zone;
use crate::web::ui::money::Price;
use crate::web::ui::notice::{Notice, NoticeBox};
use crate::web::ui::purchase_badge::{Dispute, purchase_badge};
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// The code of the way back from Checkout.
const BOUGHT: &str = "bought";

/// The page's data.
pub struct PurchaseDetails {
    pub purchase: Purchase,
    pub is_paid: bool,
    /// The outcome of Checkout, or the state of an unfinished purchase.
    pub notice: Option<Notice>,
    /// Credits left of it, once credited.
    pub left: Option<Text>,
    /// Oldest first.
    pub steps: Vec<(TimelineStep, Instant)>,
    /// The address of its invoice.
    pub invoice: Option<String>,
    pub support_email: String,
    pub zone: Zone,
}

/// Everything between header and footer.
#[component]
pub fn PurchaseBody(details: PurchaseDetails) -> impl IntoView {
    let PurchaseDetails { purchase, zone, .. } = details;
    let dispute = Dispute::from_status(purchase.dispute.as_deref());
    let badge = purchase_badge(&purchase, details.is_paid, dispute);
    let left = details.left.map(|text| view! { <p class="lede">{text}</p> });
    let title = purchase.credits.counted();
    let reference = purchase.id.to_string();
    let support = format!("mailto:{}?subject=Purchase%20{reference}", details.support_email);
    view! {
        <p class="crumb">
            <a href="/billing">"Billing"</a>
        </p>
        <h1>{title} " " <BadgeText badge=badge /></h1>
        {left}
        {details.notice.map(|notice| view! { <NoticeBox notice /> })}
        <div class="halves">
            <section class="card" aria-labelledby="timeline">
                <h2 id="timeline" class="label">
                    "What happened"
                </h2>
                <Timeline steps=details.steps credits=purchase.credits zone />
            </section>
            <section class="card" aria-labelledby="price">
                <h2 id="price" class="label">
                    "Payment"
                </h2>
                <Payment purchase invoice=details.invoice />
            </section>
        </div>
        <p class="after">
            "Reference " <code>{reference}</code> <span class="dot">" · "</span>
            <a href=support>"Ask support"</a>
        </p>
    }
}

#[component]
fn Payment(purchase: Purchase, invoice: Option<String>) -> impl IntoView {
    let money = |minor: i64| Money::new(minor, &purchase.currency);
    let price = money(purchase.amount);
    let tax = purchase.amount_tax.filter(|tax| *tax > 0).map(money);
    let refunded = Some(purchase.refunded_amount).filter(|minor| *minor > 0).map(money);
    let line = |term: &'static str, money: Money| {
        view! {
            <div class:total-line=term == "Total">
                <dt>{term}</dt>
                <dd>
                    <Price money long=true />
                </dd>
            </div>
        }
    };
    let total = tax.as_ref().and_then(|tax| price.minor.checked_add(tax.minor));
    let total = total.map(|minor| line("Total", Money::new(minor, &price.currency)));
    view! {
        <dl class="sums">
            {line("Price", price)} {tax.map(|tax| line("Tax", tax))} {total}
            {refunded.map(|money| line("Refunded", money))}
        </dl>
        {invoice
            .map(|href| {
                view! {
                    <p>
                        <a class="button" href=href>
                            "Invoice"
                        </a>
                    </p>
                }
            })}
    }
}

/// `/purchases/{id}`
#[component]
pub fn PurchasePage() -> impl IntoView {
    let id = use_params_map().get().get("id").unwrap_or_default();
    page(move |request| load(request, id))
}

async fn load(request: RequestContext, id: String) -> Result<Page, PageError> {
    let id = PurchaseId::parse(&id).ok_or(PageError::NotFound)?;
    let session = request.query("session_id");
    match request.viewer().await? {
        Some(viewer) => owned(&request, viewer, id, session).await,
        None => signed_out(&request, id, session.ok_or(PageError::SignIn)?).await,
    }
}

/// The page of a customer's own purchase; another's is not there.
async fn owned(
    request: &RequestContext,
    viewer: Viewer,
    id: PurchaseId,
    session: Option<String>,
) -> Result<Page, PageError> {
    let app = &request.app;
    let mine = |found: Option<Purchase>| found.filter(|purchase| purchase.customer_no == viewer.customer_no);
    let purchase = mine(purchases::find_purchase(app, id).await?).ok_or(PageError::NotFound)?;
    let waits = matches!(purchase.state, PurchaseState::Open | PurchaseState::Processing);
    let purchase = if session.is_some() || waits {
        purchases::refresh_purchase(app, id, Asker::Member).await?;
        mine(purchases::find_purchase(app, id).await?).ok_or(PageError::NotFound)?
    } else {
        purchase
    };
    if session.is_some() && purchase.state == PurchaseState::Credited {
        // The success is said once: it leaves the address.
        request.redirect_with(&format!("/purchases/{id}"), Flash::new(BOUGHT));
        return Err(PageError::Redirected);
    }
    let flash = request.take_flash();
    let is_back = session.is_some() || flash.as_ref().is_some_and(|flash| flash.code() == BOUGHT);
    let title = purchase.credits.counted();
    let mut details = details(app, &viewer, purchase, is_back).await?;
    details.notice = flash.as_ref().and_then(invoice_outcome).or(details.notice);
    if details.notice.as_ref().is_some_and(|notice| notice.tone == Tone::Good) {
        // The notice of success has the invoice.
        details.invoice = None;
    }
    Ok(Page::new(title, Some(viewer), view! { <PurchaseBody details /> }))
}

/// The page of a signed-out buyer on the way back from Checkout.
async fn signed_out(request: &RequestContext, id: PurchaseId, session: String) -> Result<Page, PageError> {
    let app = &request.app;
    // Stripe is asked only for a browser that knows the purchase's own Checkout.
    let own = |found: Option<Purchase>| found.filter(|purchase| purchase.session_id.as_ref() == Some(&session));
    own(purchases::find_purchase(app, id).await?).ok_or(PageError::SignIn)?;
    purchases::refresh_purchase(app, id, Asker::Anonymous).await?;
    let purchase = own(purchases::find_purchase(app, id).await?).ok_or(PageError::SignIn)?;
    let here = format!("/purchases/{id}?session_id={}", encoded(&session));
    let notice = match purchase.state {
        PurchaseState::Credited => notices::added_signed_out(purchase.credits),
        PurchaseState::Processing => notices::processing("you", &here),
        PurchaseState::Failed => notices::failed(None),
        PurchaseState::Expired => notices::expired(None),
        PurchaseState::Review => notices::review(&id.to_string()),
        PurchaseState::Created | PurchaseState::Open => notices::checking(&here),
    };
    let title = purchase.credits.counted();
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

async fn details(app: &App, viewer: &Viewer, purchase: Purchase, back: bool) -> Result<PurchaseDetails, InternalError> {
    let zone = Zone::named(&viewer.timezone);
    let grant = overview::bought_grant(app, viewer.customer_no, purchase.id).await?;
    let events = purchases::purchase_timeline(app, purchase.id).await?;
    let now = app.clock.now();
    // Stripe has announced the payment, and could not be asked about it.
    let is_adding = purchases::is_paid(app, &purchase).await?;
    // A later request to Checkout's return address does not announce the credits once more.
    let is_news = back && grant.as_ref().is_none_or(|it| (it.frozen + it.refunded + it.disputed).is_zero());
    Ok(PurchaseDetails {
        notice: if is_adding {
            Some(notices::adding(&format!("/purchases/{}", purchase.id)))
        } else {
            notice(app, viewer, &purchase, is_news).await?
        },
        is_paid: is_adding || purchase.credited_at.is_some(),
        left: grant.as_ref().map(|grant| credits_left(grant, now, zone)),
        steps: events.iter().filter_map(TimelineStep::from_event).collect(),
        invoice: invoice_link(&purchase),
        support_email: app.catalog.shop.support_email.clone(),
        purchase,
        zone,
    })
}

/// The outcome of a click on "Invoice".
fn invoice_outcome(flash: &Flash) -> Option<Notice> {
    let outcome = Outcome::from_code(flash.code())?;
    let of_invoice = matches!(outcome, Outcome::NoInvoice | Outcome::InvoiceUnavailable);
    of_invoice.then(|| outcome.notice(OutcomeDetails::default()))
}

/// The address of the invoice, once credited.
fn invoice_link(purchase: &Purchase) -> Option<String> {
    (purchase.state == PurchaseState::Credited).then(|| format!("/purchases/{}/invoice", purchase.id))
}

/// The outcome of Checkout, or the state of an unfinished purchase.
async fn notice(app: &App, viewer: &Viewer, purchase: &Purchase, back: bool) -> Result<Option<Notice>, InternalError> {
    let here = format!("/purchases/{}", purchase.id);
    let open = purchase.checkout_expires_at > app.clock.now();
    Ok(match purchase.state {
        PurchaseState::Credited if back => added(app, viewer, purchase).await?,
        PurchaseState::Credited => afterwards(purchase),
        PurchaseState::Processing => {
            let owner = customers::find_customer(app, &viewer.customer).await?.map(|customer| customer.email);
            let mailed = viewer.email.clone().or(owner).unwrap_or_else(|| "you".to_owned());
            Some(notices::processing(&mailed, &here))
        }
        PurchaseState::Open | PurchaseState::Created if purchase.origin == Origin::Automatic => {
            Some(notices::automatic(purchase, viewer.role.may_manage()))
        }
        PurchaseState::Expired if purchase.origin == Origin::Automatic => Some(notices::given_up()),
        PurchaseState::Open | PurchaseState::Created if back => Some(notices::checking(&here)),
        PurchaseState::Open | PurchaseState::Created if open => {
            let until = Zone::named(&viewer.timezone).sentence(purchase.checkout_expires_at);
            Some(notices::unfinished(until, resume_form(app, viewer, purchase).await?))
        }
        PurchaseState::Open | PurchaseState::Created | PurchaseState::Expired => {
            Some(notices::expired(buy_same_form(app, viewer, purchase).await?))
        }
        PurchaseState::Failed => Some(notices::failed(buy_same_form(app, viewer, purchase).await?)),
        PurchaseState::Review => Some(notices::review(&purchase.id.to_string())),
    })
}

/// The refund or the dispute of a credited purchase.
fn afterwards(purchase: &Purchase) -> Option<Notice> {
    match Dispute::from_status(purchase.dispute.as_deref()) {
        Dispute::Open => Some(notices::disputed()),
        Dispute::Lost => Some(notices::dispute_lost()),
        Dispute::None => {
            let is_refunded = purchase.refunded_amount > 0;
            is_refunded.then(|| notices::refunded(purchase.refunded_amount >= purchase.amount))
        }
    }
}

async fn added(app: &App, viewer: &Viewer, purchase: &Purchase) -> Result<Option<Notice>, InternalError> {
    let balance = accounts::customer_balance(app, &viewer.customer).await?;
    let zone = Zone::named(&viewer.timezone);
    Ok(balance.zip(purchase.expires_at).map(|(balance, expires_at)| {
        notices::added(purchase.credits, balance.available, expires_at, zone, invoice_link(purchase).as_deref())
    }))
}

async fn may_buy(app: &App, viewer: &Viewer) -> Result<bool, InternalError> {
    let customer = customers::find_customer(app, &viewer.customer).await?;
    let plan = customer.is_some_and(|customer| app.catalog.may_buy(&customer.plan));
    Ok(plan && viewer.role.may_buy() && app.stripe.is_some())
}

/// A form that resumes the purchase, for viewers who may buy.
async fn resume_form(app: &App, viewer: &Viewer, purchase: &Purchase) -> Result<Option<BuyForm>, InternalError> {
    Ok(may_buy(app, viewer).await?.then(|| resume(app, viewer, purchase)))
}

/// A form for a new purchase of the same, for viewers who may buy.
async fn buy_same_form(app: &App, viewer: &Viewer, purchase: &Purchase) -> Result<Option<BuyForm>, InternalError> {
    Ok(if may_buy(app, viewer).await? { buy_same(app, viewer, purchase) } else { None })
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
