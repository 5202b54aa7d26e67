//! The page: its sections in order.

use crate::usecases::auto_top_up;
use crate::usecases::credits::overview::Overview;
use crate::usecases::insight::billing;
use crate::web::billing::balance::CustomerBalance;
use crate::web::billing::balance_card::BalanceCard;
use crate::web::billing::may_buy::MayBuy;
use crate::web::billing::offers::{BuyTopUp, Offers};
use crate::web::billing::purchases::{PurchaseList, Purchases};
use crate::web::billing::reader::Reader;
use crate::web::billing::top_ups::{TopUpList, TopUps};
use crate::web::billing::wanted::upgrade_page;
use crate::web::billing::{purchases, top_ups};
use crate::web::live::LiveScript;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::Zone;
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;

/// The sections of the page, in its order.
pub struct Sections {
    /// The outcome of a form, or the package that was wanted before an upgrade.
    pub outcome: Option<Notice>,
    pub balance: CustomerBalance,
    pub notice: Option<Notice>,
    pub offers: Offers,
    pub top_ups: TopUpList,
    pub purchases: PurchaseList,
}

/// Everything between header and footer.
#[component]
pub fn BillingBody(sections: Sections) -> impl IntoView {
    view! {
        <h1>"Billing"</h1>
        {sections.outcome.map(|notice| view! { <NoticeBox notice /> })}
        <BalanceCard balance=sections.balance />
        // A screen reader announces a notice that appears while the page is open.
        <div data-live="notice" aria-live="polite">
            {sections.notice.map(|notice| view! { <NoticeBox notice /> })}
        </div>
        <BuyTopUp offers=sections.offers />
        <TopUps list=sections.top_ups />
        <Purchases list=sections.purchases />
    }
    .into_any()
}

/// `/billing`
#[component]
pub fn BillingPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    let page = request.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let page_of = |list: &str| request.query(list).is_some_and(|value| value == "all").then_some(page);
    let (top_ups_page, purchases_page) = (page_of("top_ups"), page_of("purchases"));
    let ended = |overview: &Overview| top_ups::window(overview.live.len(), count(overview.ended), top_ups_page).ended;
    let listed = |total| {
        let (skip, take, ..) = purchases::window(count(total), purchases_page);
        (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(take).unwrap_or(0))
    };
    let customer = (viewer.customer_no, viewer.customer.as_str());
    let billing = billing::load_billing(&request.app, customer, ended, listed).await?.ok_or(PageError::SignIn)?;
    let last = billing.overview.account.seq;
    let reader = Reader {
        app: &request.app,
        viewer: &viewer,
        billing: &billing,
        zone: Zone::named(&billing.customer.timezone),
        may_buy: MayBuy::new(&request.app, &viewer, &billing.overview),
        upgrade: upgrade_page(&request.app, &viewer),
    };
    let rule = auto_top_up::find_auto_top_up(&request.app, viewer.customer_no).await?;
    let flash = request.take_flash();
    let outcome = reader.outcome(flash.as_ref()).await?;
    let balance = reader.balance();
    let offer = reader.wanted(&request);
    let sections = Sections {
        // The offer after an upgrade is a notice with a button of its own.
        notice: if offer.is_some() && outcome.is_none() { None } else { reader.notice(&balance) },
        outcome: outcome.or(offer),
        offers: reader.offers(flash.as_ref(), &rule),
        top_ups: reader.top_ups(&balance, top_ups_page),
        purchases: reader.purchases(purchases_page),
        balance,
    };
    let body = view! {
        <BillingBody sections />
        <LiveScript last />
    };
    Ok(Page::new("Billing", Some(viewer), body))
}

/// A count of the store as a length.
fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}
