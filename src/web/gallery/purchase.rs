//! A purchase's page in every state.

use crate::domain::{Credits, Instant, PurchaseId, PurchaseState};
use crate::usecases::purchases::Purchase;
use crate::web::gallery::Sample;
use crate::web::gallery::billing::form;
use crate::web::gallery::customers::{at, now, top_up};
use crate::web::purchase::credits_left::credits_left;
use crate::web::purchase::timeline::TimelineStep;
use crate::web::purchase::{PurchaseDetails, notices};
use crate::web::ui::dates::Zone;
use crate::web::ui::notice::Notice;
use crate::web::ui::purchase_badge::example;

const REFERENCE: &str = "pur_0192aaaabbbb7ccc8dddeeeeffff0001";

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let here = format!("/purchases/{REFERENCE}");
    let berlin = zone();
    let credits = Credits::whole(1_200);
    let until = at("2027-11-22T13:03:00Z");
    let success = notices::added(credits, Credits::whole(1_380), until, berlin, Some("/invoice"));
    let paid = [TimelineStep::Chosen, TimelineStep::Opened, TimelineStep::Paid, TimelineStep::Credited];
    let state = |state, notice, steps: &[TimelineStep]| Sample::Purchase(Box::new(details(state, notice, steps)));
    let again = || Some(form("p1200", 900));
    vec![
        ("purchase-success", state(PurchaseState::Credited, Some(success), &paid)),
        ("purchase", state(PurchaseState::Credited, None, &[&paid[..], &[TimelineStep::Reminded]].concat())),
        (
            "purchase-refunded",
            state(
                PurchaseState::Credited,
                Some(notices::refunded(true)),
                &[&paid[..], &[TimelineStep::Refunded]].concat(),
            ),
        ),
        (
            "purchase-disputed",
            state(PurchaseState::Credited, Some(notices::disputed()), &[&paid[..], &[TimelineStep::Disputed]].concat()),
        ),
        (
            "purchase-dispute-lost",
            state(
                PurchaseState::Credited,
                Some(notices::dispute_lost()),
                &[&paid[..], &[TimelineStep::Disputed, TimelineStep::DisputeLost]].concat(),
            ),
        ),
        ("purchase-adding", state(PurchaseState::Open, Some(notices::adding(&here)), &paid[..3])),
        (
            "purchase-processing",
            state(
                PurchaseState::Processing,
                Some(notices::processing("ada@acme.example", &here)),
                &[TimelineStep::Chosen, TimelineStep::Opened, TimelineStep::Processing],
            ),
        ),
        (
            "purchase-failed",
            state(
                PurchaseState::Failed,
                Some(notices::failed(again())),
                &[TimelineStep::Chosen, TimelineStep::Opened, TimelineStep::Failed],
            ),
        ),
        (
            "purchase-open",
            state(
                PurchaseState::Open,
                Some(notices::unfinished(berlin.sentence(at("2026-11-22T14:01:00Z")), again())),
                &paid[..2],
            ),
        ),
        (
            "purchase-expired",
            state(
                PurchaseState::Expired,
                Some(notices::expired(again())),
                &[TimelineStep::Chosen, TimelineStep::Opened, TimelineStep::Expired],
            ),
        ),
        (
            "purchase-review",
            state(
                PurchaseState::Review,
                Some(notices::review(REFERENCE)),
                &[TimelineStep::Chosen, TimelineStep::Opened, TimelineStep::Paid, TimelineStep::Review],
            ),
        ),
    ]
}

fn zone() -> Zone {
    Zone::named("Europe/Berlin")
}

fn details(state: PurchaseState, notice: Option<Notice>, steps: &[TimelineStep]) -> PurchaseDetails {
    let start = at("2026-11-22T13:01:00Z");
    let dated: Vec<(TimelineStep, Instant)> =
        (0..).zip(steps).map(|(n, step)| (*step, start + later(*step, n))).collect();
    let credited = state == PurchaseState::Credited;
    let left = Credits::whole(1_000);
    let mut grant = top_up(1, 1_200, left, 0, "2026-11-22T13:03:00Z");
    let mut purchase = example(1, 1_200, 900, "2026-11-22T13:01:00Z");
    match steps.last() {
        Some(TimelineStep::Refunded) => (grant.refunded, purchase.refunded_amount) = (left, 900),
        Some(TimelineStep::Disputed) => (grant.frozen, purchase.dispute) = (left, Some("needs_response".to_owned())),
        Some(TimelineStep::DisputeLost) => (grant.disputed, purchase.dispute) = (left, Some("lost".to_owned())),
        _ => {}
    }
    let id = PurchaseId::parse(REFERENCE).unwrap_or(purchase.id);
    PurchaseDetails {
        is_paid: steps.contains(&TimelineStep::Paid),
        notice,
        left: credited.then(|| credits_left(&grant, now(), zone())),
        steps: dated,
        invoice: credited.then(|| "/invoice".into()),
        support_email: "help@gleaner.example".to_owned(),
        zone: zone(),
        purchase: Purchase { id, state, amount_tax: credited.then_some(171), ..purchase },
    }
}

fn later(step: TimelineStep, n: i64) -> chrono::TimeDelta {
    match step {
        TimelineStep::Reminded => chrono::TimeDelta::days(335),
        _ => chrono::TimeDelta::minutes(n / 2 * 2),
    }
}
