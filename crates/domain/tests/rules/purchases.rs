//! The states of a purchase under every update (R19), and the order of Stripe's events (R15).

use topup_domain::PurchaseState::{self, Created, Credited, Expired, Failed, Open, Processing, Review};
use topup_domain::purchase::CheckoutUpdate::{
    self, Expired as Lapsed, Failed as Refused, Mismatch, Open as Still, Paid, Pending,
};

/// The state after an update.
fn after(state: PurchaseState, update: CheckoutUpdate) -> PurchaseState {
    use topup_domain::purchase::PurchaseStep;
    match state.apply(update) {
        PurchaseStep::Stay => state,
        PurchaseStep::Move(to) => to,
        PurchaseStep::Credit => Credited,
        PurchaseStep::Review => Review,
    }
}

#[test]
fn every_state_under_every_news_goes_where_the_table_says() {
    let update = [Paid, Mismatch, Pending, Refused, Lapsed, Still];
    let table = [
        (Created, [Credited, Review, Processing, Failed, Expired, Open]),
        (Open, [Credited, Review, Processing, Failed, Expired, Open]),
        (Processing, [Credited, Review, Processing, Failed, Processing, Processing]),
        (Credited, [Credited; 6]),
        (Expired, [Credited, Review, Processing, Failed, Expired, Expired]),
        (Failed, [Credited, Review, Failed, Failed, Failed, Failed]),
        (Review, [Review; 6]),
    ];
    assert_eq!(update, CheckoutUpdate::ALL);
    assert_eq!(table.map(|(state, _)| state), PurchaseState::ALL);
    for (state, row) in table {
        assert_eq!(update.map(|update| after(state, update)), row, "{state:?}");
    }
}

#[test]
fn the_news_of_one_checkout_end_in_one_state_in_any_order_and_number() {
    let stories: [(&[CheckoutUpdate], PurchaseState); 5] = [
        (&[Still, Lapsed], Expired),
        (&[Still, Pending, Refused], Failed),
        (&[Still, Pending, Paid], Credited),
        (&[Still, Paid], Credited),
        (&[Still, Pending, Mismatch], Review),
    ];
    for start in [Created, Open, Expired] {
        for (story, end) in stories {
            for order in orders(story) {
                let once = order.iter().fold(start, |state, update| after(state, *update));
                let twice = order.iter().chain(&order).fold(start, |state, update| after(state, *update));
                assert_eq!((once, twice), (end, end), "{start:?} {order:?}");
            }
        }
    }
}

fn orders(of: &[CheckoutUpdate]) -> Vec<Vec<CheckoutUpdate>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut out = Vec::new();
    for (i, first) in of.iter().enumerate() {
        let rest: Vec<_> = of.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, update)| *update).collect();
        out.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, *first);
            order
        }));
    }
    out
}

#[test]
fn states_read_back_from_their_names_only() {
    for state in PurchaseState::ALL {
        assert_eq!(PurchaseState::from_name(state.name()), Some(state));
    }
    assert_eq!(PurchaseState::from_name("Credited"), None);
    let names = PurchaseState::ALL.map(PurchaseState::name);
    assert_eq!(names, ["created", "open", "processing", "credited", "expired", "failed", "review"]);
}
