//! A purchase's page in every state.

use crate::domain::{Credits, Instant, Money, PurchaseState};
use crate::web::samples::Sample;
use crate::web::samples::billing::form;
use crate::web::samples::customers::{at, now};
use crate::web::view::purchase::{PurchaseView, Stand, What};
use crate::web::view::status::{Dispute, PurchaseFacts};
use crate::web::view::{Notice, Zone, purchase, status};

const REFERENCE: &str = "pur_0192aaaabbbb7ccc8dddeeeeffff0001";

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let here = format!("/purchases/{REFERENCE}");
    let berlin = zone();
    let credits = Credits::whole(1_200);
    let until = at("2027-11-22T13:03:00Z");
    let success = purchase::added(credits, Credits::whole(1_380), until, berlin, Some("/invoice"));
    let paid = [What::Chosen, What::Opened, What::Paid, What::Credited];
    let state = |state, notice, steps: &[What]| Sample::Purchase(Box::new(view(state, notice, steps)));
    let again = || Some(form("p1200", 900));
    vec![
        ("purchase-success", state(PurchaseState::Credited, Some(success), &paid)),
        ("purchase", state(PurchaseState::Credited, None, &[&paid[..], &[What::Reminded]].concat())),
        ("purchase-refunded", state(PurchaseState::Credited, None, &[&paid[..], &[What::Refunded]].concat())),
        ("purchase-disputed", state(PurchaseState::Credited, None, &[&paid[..], &[What::Disputed]].concat())),
        (
            "purchase-dispute-lost",
            state(PurchaseState::Credited, None, &[&paid[..], &[What::Disputed, What::DisputeLost]].concat()),
        ),
        ("purchase-adding", state(PurchaseState::Open, Some(purchase::adding(&here)), &paid[..3])),
        (
            "purchase-processing",
            state(
                PurchaseState::Processing,
                Some(purchase::processing("ada@acme.example", &here)),
                &[What::Chosen, What::Opened, What::Processing],
            ),
        ),
        (
            "purchase-failed",
            state(PurchaseState::Failed, Some(purchase::failed(again())), &[What::Chosen, What::Opened, What::Failed]),
        ),
        (
            "purchase-open",
            state(
                PurchaseState::Open,
                Some(purchase::unfinished(berlin.sentence(at("2026-11-22T14:01:00Z")), again())),
                &paid[..2],
            ),
        ),
        (
            "purchase-expired",
            state(
                PurchaseState::Expired,
                Some(purchase::expired(again())),
                &[What::Chosen, What::Opened, What::Expired],
            ),
        ),
        (
            "purchase-review",
            state(
                PurchaseState::Review,
                Some(purchase::review(REFERENCE)),
                &[What::Chosen, What::Opened, What::Paid, What::Review],
            ),
        ),
    ]
}

fn zone() -> Zone {
    Zone::named("Europe/Berlin")
}

fn view(state: PurchaseState, notice: Option<Notice>, steps: &[What]) -> PurchaseView {
    let credits = Credits::whole(1_200);
    let start = at("2026-11-22T13:01:00Z");
    let dated: Vec<(What, Instant)> = (0..).zip(steps).map(|(n, what)| (*what, start + later(*what, n))).collect();
    let credited = state == PurchaseState::Credited;
    let refunded = if steps.contains(&What::Refunded) { 900 } else { 0 };
    let dispute = match steps.last() {
        Some(What::Disputed) => Dispute::Open,
        Some(What::DisputeLost) => Dispute::Lost,
        _ => Dispute::None,
    };
    let facts = PurchaseFacts { state, paid: steps.contains(&What::Paid), amount: 900, refunded, dispute };
    let expires_at = at("2027-11-22T13:03:00Z");
    let none = Credits::ZERO;
    let left = Credits::whole(1_000);
    let whole =
        Stand { of: credits, left, held: none, frozen: none, refunded: none, disputed: none, expires_at, ended: false };
    let stand = match steps.last() {
        Some(What::Refunded) => Stand { left: none, refunded: left, ..whole },
        Some(What::Disputed) => Stand { left: none, frozen: left, ..whole },
        Some(What::DisputeLost) => Stand { left: none, disputed: left, ..whole },
        _ => whole,
    };
    PurchaseView {
        reference: REFERENCE.into(),
        credits,
        badge: status::purchase(&facts),
        notice,
        left: credited.then(|| stand.words(now(), zone())),
        timeline: purchase::timeline(&dated, credits, zone()),
        price: Money::new(900, "usd"),
        tax: credited.then(|| Money::new(171, "usd")),
        refunded: (refunded > 0).then(|| Money::new(refunded, "usd")),
        invoice: credited.then(|| "/invoice".into()),
        support: purchase::support_link("help@gleaner.example", REFERENCE),
    }
}

fn later(what: What, n: i64) -> chrono::TimeDelta {
    match what {
        What::Reminded => chrono::TimeDelta::days(335),
        _ => chrono::TimeDelta::minutes(n / 2 * 2),
    }
}
