//! "Purchases": paid ones, those on their way, failed ones; of abandoned ones only the newest that is still open.
//!
//! The table becomes stacked rows on a phone, its roles explicit as in `top_ups`.

use crate::domain::{Money, Origin, PurchaseState};
use crate::usecases::purchases::{CustomerPurchases, Purchase};
use crate::web::billing::portal::PortalLink;
use crate::web::ui::badge::BadgeText;
use crate::web::ui::buy_form::{BuyFields, BuyForm};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::paging::{PAGE_ROWS, PageLinks};
use crate::web::ui::purchase_badge::{Dispute, purchase_badge};
use leptos::prelude::*;

/// How many show before "Show all".
const SHOWN: usize = 5;

/// The section's data.
#[derive(Clone, Debug)]
pub struct PurchaseList {
    pub listed: CustomerPurchases,
    /// The form that resumes the open Checkout, for viewers who may buy.
    pub resume: Option<BuyForm>,
    /// Stripe knows the customer, and the viewer may change its card.
    pub has_portal: bool,
    pub zone: Zone,
    /// The page of all purchases; without it the list is short.
    pub page: Option<usize>,
}

/// A count of the store as a length.
fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// The rows of a page: how many to skip, how many to take, the page's number, and the last page's.
#[must_use]
pub fn window(total: usize, page: Option<usize>) -> (usize, usize, usize, usize) {
    let pages = total.div_ceil(PAGE_ROWS).max(1);
    let Some(page) = page else { return (0, SHOWN, 1, pages) };
    let page = page.clamp(1, pages);
    ((page - 1) * PAGE_ROWS, PAGE_ROWS, page, pages)
}

impl PurchaseList {
    fn window(&self) -> (usize, usize, usize, usize) {
        window(count(self.listed.total), self.page)
    }

    /// Each purchase, and whether it is paid: unfinished ones first, on the first page only.
    fn rows(&self) -> Vec<(&Purchase, bool)> {
        let (_, _, page, _) = self.window();
        let paid = self.listed.paid.iter().map(|purchase| (purchase, true));
        let known = |purchase: &'_ Purchase| purchase.credited_at.is_some();
        let unfinished = paid.chain(self.listed.open.iter().map(|purchase| (purchase, known(purchase))));
        let others = self.listed.page.iter().map(|purchase| (purchase, known(purchase)));
        unfinished.filter(|_| page == 1).chain(others).collect()
    }

    /// The form that resumes a purchase, while its Checkout is open and unpaid.
    fn resume_form(&self, purchase: &Purchase, is_paid: bool) -> Option<BuyForm> {
        self.resume.clone().filter(|_| purchase.state == PurchaseState::Open && !is_paid)
    }
}

/// The region "Purchases".
#[component]
pub fn Purchases(list: PurchaseList) -> impl IntoView {
    let portal = list.has_portal.then(|| view! { <PortalLink /> });
    let body = if list.rows().is_empty() {
        view! {
            <p class="card empty">
                <strong>"No purchases yet."</strong> " Your invoices will be here."
            </p>
        }
        .into_any()
    } else {
        let (_, _, page, pages) = list.window();
        let (total, all) = (list.listed.total, list.page.is_some());
        view! {
            <Table list />
            <After total all page pages />
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="purchases" data-live="purchases">
            <div class="heading">
                <h2 id="purchases">"Purchases"</h2>
                {portal}
            </div>
            {body}
        </section>
    }
    .into_any()
}

#[component]
fn Table(list: PurchaseList) -> impl IntoView {
    let rows = list.rows().into_iter().map(|row| row_html(&list, row)).collect_view();
    view! {
        <table class="card purchases" role="table">
            <caption class="sr-only">"Purchases"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Purchase"</th>
                    <th scope="col" role="columnheader">"Date"</th>
                    <th scope="col" role="columnheader" class="number">"Price"</th>
                    <th scope="col" role="columnheader">"Status"</th>
                    <th scope="col" role="columnheader">
                        <span class="sr-only">"Invoice"</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row_html(list: &PurchaseList, (purchase, is_paid): (&Purchase, bool)) -> AnyView {
    let date = list.zone.day(purchase.created_at);
    let price = Money::new(purchase.amount, &purchase.currency);
    let badge = purchase_badge(purchase, is_paid, Dispute::from_status(purchase.dispute.as_deref()));
    let about = format!(" of {} for {}", date.text, price.long());
    let invoice = (purchase.state == PurchaseState::Credited).then(|| {
        view! {
            <a href=format!("/purchases/{}/invoice", purchase.id)>"Invoice"<span class="sr-only">{about.clone()}</span></a>
        }
    });
    let is_automatic = purchase.origin == Origin::Automatic;
    let automatic = is_automatic.then(|| view! { <span class="note">" automatic"</span> });
    let confirm =
        purchase.url.clone().filter(|_| is_automatic && purchase.state == PurchaseState::Open && list.has_portal);
    let confirm = confirm.map(|url| {
        view! { " · " <a href=url>"Confirm"<span class="sr-only">{about.clone()}</span></a> }
    });
    let resume = list.resume_form(purchase, is_paid).map(|form| {
        view! {
            " · "
            <BuyFields form>
                <button class="link">"Continue"<span class="sr-only">{about.clone()}</span></button>
            </BuyFields>
        }
    });
    view! {
        <tr role="row">
            <th scope="row" role="rowheader" class="first">
                <a href=format!("/purchases/{}", purchase.id)>
                    <Amount credits=purchase.credits />
                    {format!(" {}", purchase.credits.noun())}
                </a>
                {automatic}
            </th>
            <td role="cell" class="what">
                <When moment=date />
            </td>
            <td role="cell" class="number lead">
                <Price money=price long=true />
            </td>
            <td role="cell" class="state">
                <BadgeText badge=badge />
                {confirm} {resume}
            </td>
            <td role="cell" class="more">{invoice}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn After(total: i64, all: bool, page: usize, pages: usize) -> impl IntoView {
    let link = if all {
        view! {
            <PageLinks list="purchases" anchor="purchases" page pages />
            <a href="/billing#purchases">"Show the latest only"</a>
        }
        .into_any()
    } else if count(total) > SHOWN {
        view! { <a href="/billing?purchases=all#purchases">{format!("Show all {total} purchases")}</a> }.into_any()
    } else {
        return ().into_any();
    };
    view! { <p class="after">{link}</p> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Credits, PurchaseId, Terms};
    use crate::web::document::without_marks;
    use crate::web::ui::purchase_badge::example;

    fn purchase(n: u8, state: PurchaseState) -> Purchase {
        Purchase { state, ..example(n, 1_200, 900, "2026-11-22T13:05:00Z") }
    }

    fn form(id: PurchaseId) -> BuyForm {
        let terms = Terms { credits: Credits::whole(1_200), amount: 900, currency: "usd".into(), months: 12 };
        BuyForm { purchase: id.to_string(), package: "p1200".into(), terms, mac: "signature".into() }
    }

    /// The list as the use-case gives it: abandoned Checkouts are left out but for the newest open one.
    fn list(purchases: &[Purchase], page: Option<usize>) -> PurchaseList {
        use PurchaseState as S;
        let counts = |purchase: &&Purchase| !matches!(purchase.state, S::Created | S::Open | S::Expired);
        let counted: Vec<Purchase> = purchases.iter().filter(counts).cloned().collect();
        let open = purchases.iter().find(|purchase| purchase.state == S::Open).cloned();
        let (skip, take, ..) = window(counted.len(), page);
        let rows = counted[skip..counted.len().min(skip + take)].to_vec();
        let resume = open.as_ref().map(|purchase| form(purchase.id));
        let total = i64::try_from(counted.len()).expect("a few");
        PurchaseList {
            listed: CustomerPurchases { paid: vec![], open, total, page: rows },
            resume,
            has_portal: false,
            zone: Zone::UTC,
            page,
        }
    }

    fn html(list: PurchaseList) -> String {
        without_marks(&Owner::new_root(None).with(|| view! { <Purchases list /> }.to_html()))
    }

    #[test]
    fn abandoned_checkouts_are_hidden_but_for_the_newest_open_one() {
        let list = list(
            &[
                purchase(1, PurchaseState::Open),
                purchase(2, PurchaseState::Open),
                purchase(3, PurchaseState::Expired),
                purchase(4, PurchaseState::Failed),
                purchase(5, PurchaseState::Credited),
            ],
            None,
        );
        let badge = |(purchase, is_paid): &(&Purchase, bool)| purchase_badge(purchase, *is_paid, Dispute::None).text;
        let badges: Vec<String> = list.rows().iter().map(|row| badge(row).to_string()).collect();
        assert_eq!(badges, ["Not finished", "Failed", "Credited"]);
        let resumes = list.rows().into_iter().map(|(purchase, paid)| list.resume_form(purchase, paid).is_some());
        assert_eq!(resumes.collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(list.listed.total, 2);
        assert_eq!(html(list).matches("Continue").count(), 1);
    }

    #[test]
    fn an_old_purchase_keeps_its_currency() {
        let yen = Purchase { currency: "jpy".into(), ..purchase(1, PurchaseState::Credited) };
        let html = html(list(&[yen, purchase(2, PurchaseState::Credited)], None));
        assert!(html.contains(">¥900</data>") && html.contains(">$9.00</data>"), "{html}");
    }

    #[test]
    fn five_show_and_the_rest_are_a_link_away() {
        let purchases: Vec<Purchase> = (0..60).map(|n| purchase(n, PurchaseState::Credited)).collect();
        let short = list(&purchases, None);
        assert_eq!((short.rows().len(), short.listed.total), (5, 60));
        let second = list(&purchases, Some(2));
        assert_eq!((second.rows().len(), second.window().3), (10, 2));
    }
}
