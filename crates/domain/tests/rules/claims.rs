//! Refunds and disputes (R13–R15): random histories of charges, holds, expiry and updates of the payment.

use crate::calendar::{DAY, HOUR};
use crate::history::History;
use crate::world::World;
use proptest::prelude::*;
use topup_domain::SoldTopUp;
use topup_domain::payment::{DisputeStatus, Payment, RefundStatus};
use topup_domain::time::from_millis;
use topup_domain::{Credits, EntryKind, Grant, GrantId, HoldId, PurchaseId, Replay, UsageId};
use uuid::Uuid;

const CHARGED: i64 = 997;
const BOUGHT: Credits = Credits(1_200_000);
const START: i64 = 1_790_000_000_000;

/// An update of one refund or dispute of the payment.
#[derive(Clone, Copy, Debug)]
enum News {
    Refund(u8, RefundStatus),
    Dispute(u8, DisputeStatus),
}

#[derive(Clone, Debug)]
enum Step {
    Charge(i64),
    Hold(i64, i64),
    Settle(usize, i64),
    Release(usize),
    Void(usize),
    Notice,
    Pass(i64),
    /// Updates, and the other order and number of them in the second world.
    News(Vec<News>, Vec<usize>),
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        (0..3_u8, 0..3_usize).prop_map(|(n, at)| News::Refund(n, RefundStatus::ALL[at])),
        (0..3_u8, 0..8_usize).prop_map(|(n, at)| News::Dispute(n, DisputeStatus::ALL[at])),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..900_i64).prop_map(Step::Charge),
        3 => (1..900_i64, 1..DAY).prop_map(|(credits, ttl)| Step::Hold(credits, ttl)),
        3 => (any::<usize>(), 0..130_i64).prop_map(|(which, percent)| Step::Settle(which, percent)),
        2 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Void),
        1 => Just(Step::Notice),
        2 => (1..3 * DAY).prop_map(Step::Pass),
        1 => (30 * DAY..400 * DAY).prop_map(Step::Pass),
        6 => (prop::collection::vec(news(), 1..5), prop::collection::vec(any::<usize>(), 0..8))
            .prop_map(|(news, order)| Step::News(news, order)),
    ]
}

#[derive(Clone)]
struct Sold {
    world: World,
    payment: Payment,
    now: i64,
    next: u128,
    usages: Vec<(UsageId, Vec<topup_domain::Draw>)>,
}

const GRANT: GrantId = GrantId(Uuid::from_u128(7));

impl Sold {
    fn new() -> Self {
        Self::of(false)
    }

    /// A sale with or without `require_notice`.
    fn of(notices: bool) -> Self {
        let history = History {
            quantum: 1_000,
            catalog: 0,
            pauses: false,
            notices,
            plan: 1,
            start: START,
            anchor: START,
            steps: Vec::new(),
        };
        let mut world = World::open(&history);
        world.act(|account, catalog, changes| {
            let at = account.catch_up(from_millis(START), catalog, changes);
            account.grant_top_up(
                GRANT,
                SoldTopUp::now(PurchaseId(Uuid::from_u128(8)), BOUGHT, catalog),
                at,
                catalog,
                changes,
            );
        });
        Self { world, payment: Payment::default(), now: START, next: 100, usages: Vec::new() }
    }

    fn id(&mut self) -> Uuid {
        self.next += 1;
        Uuid::from_u128(self.next)
    }

    fn grant(&self) -> &Grant {
        &self.world.rows[&GRANT]
    }

    fn step(&mut self, step: &Step) {
        self.now = self.world.pass(self.now);
        let at = from_millis(self.now);
        match *step {
            Step::Charge(credits) => {
                let id = UsageId(self.id());
                let draws = self.world.act(|a, _, c| a.charge(id, Credits::whole(credits), None, at, c));
                self.usages.extend(draws.ok().map(|draws| (id, draws)));
            }
            Step::Hold(credits, ttl) => {
                let (id, until) = (HoldId(self.id()), from_millis(self.now + ttl));
                let _ = self.world.act(|a, _, c| a.hold(id, Credits::whole(credits), until, at, c));
            }
            Step::Settle(which, percent) => {
                let Some(hold) = pick(&self.world.account.holds, which).cloned() else { return };
                let (id, credits) = (UsageId(self.id()), Credits(hold.credits().0 * percent / 100));
                let _ = self.world.act(|a, _, c| a.settle(hold.id, id, credits, None, at, c));
            }
            Step::Release(which) => {
                let Some(id) = pick(&self.world.account.holds, which).map(|hold| hold.id) else { return };
                self.world.act(|a, _, c| a.release(id, at, c)).expect("it is open");
            }
            Step::Void(which) => {
                if self.usages.is_empty() {
                    return;
                }
                let (id, draws) = self.usages.swap_remove(which % self.usages.len());
                self.world.adopt(&draws.iter().map(|draw| draw.grant).collect::<Vec<_>>());
                self.world.act(|a, _, c| a.void_usage(id, &draws, None, at, c)).expect("it returns");
            }
            Step::Notice => {
                self.world.adopt(&[GRANT]);
                self.world.act(|a, _, c| a.notice(GRANT, at, c)).expect("it was bought");
            }
            Step::Pass(ms) => self.now = self.world.pass(self.now + ms),
            Step::News(ref news, ref order) => {
                let mut other = self.clone();
                let told: Vec<News> = order.iter().map(|n| news[n % news.len()]).collect();
                news.iter().for_each(|one| self.hear(*one));
                told.iter().chain(news.iter().rev()).for_each(|one| other.hear(*one));
                // A grant that only a freeze kept alive ends with the freeze: here time matters (R15).
                if at < self.grant().expires_at.min(other.grant().expires_at) {
                    assert_eq!(self.figures(), other.figures(), "{news:?} {told:?}");
                }
                assert_eq!(self.payment, other.payment);
                other.replays();
            }
        }
    }

    fn hear(&mut self, news: News) {
        let before = self.payment.clone();
        match news {
            News::Refund(n, status) => self.payment.refund(&format!("re_{n}"), status, 101 + 300 * i64::from(n)),
            News::Dispute(n, status) => self.payment.dispute(&format!("dp_{n}"), status, 97 + 450 * i64::from(n)),
        };
        let (claim, thaws) = (self.payment.claims(BOUGHT, CHARGED), self.payment.thaws(&before));
        let at = from_millis(self.now);
        self.world.adopt(&[GRANT]);
        self.world.act(|a, _, c| a.claim(GRANT, claim, thaws, at, c)).expect("it was bought");
    }

    fn figures(&self) -> [Credits; 7] {
        let g = self.grant();
        [g.amount, g.used, g.held, g.remaining(), g.frozen, g.refunded + g.disputed, g.shortfall()]
    }

    /// R13 and R14, computed anew.
    fn obeys(&self) {
        let g = self.grant();
        let part = |minor: i64| Credits((BOUGHT.0 * minor.min(CHARGED)) / CHARGED);
        let lost: i64 = of(&self.payment, |status| status == DisputeStatus::Lost);
        let open: i64 =
            of(&self.payment, |status| matches!(status, DisputeStatus::NeedsResponse | DisputeStatus::UnderReview));
        let (target, freeze) = (part(self.payment.refunded() + lost), part(open));
        let there = g.amount - g.used - g.held - g.expired;
        assert_eq!(g.refunded + g.disputed, target.min(there), "{g:?}");
        assert_eq!(g.frozen, freeze.min(there - target.min(there)), "{g:?}");
        let spent = Credits((target.0 - (g.amount - g.used).0).max(0));
        assert_eq!(g.shortfall(), spent);
        assert!(g.remaining() >= Credits::ZERO);
        assert_eq!(g.frozen_since.is_some(), freeze.is_positive());
        assert!(!g.awaits_notice || g.expired.is_zero(), "nothing ends before it was told");
    }

    fn replays(&self) {
        let (rows, plans) = (self.world.grant_rows(), &self.world.plans);
        let mut replay = Replay::new(&self.world.account.customer).with_terms(&rows, plans);
        for entry in &self.world.entries {
            replay.push(entry).expect("a line that follows");
        }
        replay.finish(&rows, &self.world.hold_rows(), &self.world.account).expect("rows that agree");
    }
}

fn of(payment: &Payment, wanted: impl Fn(DisputeStatus) -> bool) -> i64 {
    payment.disputes.values().filter(|(status, _)| wanted(*status)).map(|(_, amount)| *amount).sum()
}

fn pick<T>(of: &[T], which: usize) -> Option<&T> {
    (!of.is_empty()).then(|| &of[which % of.len()])
}

#[test]
fn news_of_a_payment_in_any_order_and_number_end_in_one_state() {
    crate::for_all(40, (any::<bool>(), prop::collection::vec(step(), 1..24)), |(notices, steps)| {
        let mut sold = Sold::of(notices);
        for step in &steps {
            sold.step(step);
            sold.obeys();
        }
        sold.now = sold.world.pass(sold.now + HOUR);
        sold.obeys();
        sold.replays();
    });
}

/// A sale with updates of its payment, one a day.
fn told(news: &[News]) -> Sold {
    let mut sold = Sold::new();
    for one in news {
        sold.now = sold.world.pass(sold.now + DAY);
        sold.hear(*one);
        sold.obeys();
    }
    sold.replays();
    sold
}

fn kinds(sold: &Sold) -> Vec<&'static str> {
    let bought = sold.world.entries.iter().filter(|entry| entry.grant == GRANT);
    bought.map(|entry| entry.kind.name()).collect()
}

#[test]
fn each_story_of_a_payment_has_these_lines() {
    use DisputeStatus::{Lost, NeedsResponse, Prevented, UnderReview, WarningClosed, WarningNeedsResponse, Won};
    use RefundStatus::{Failed, Pending, Succeeded};
    let dispute = |statuses: &[DisputeStatus]| statuses.iter().map(|s| News::Dispute(2, *s)).collect::<Vec<_>>();
    let refund = |statuses: &[RefundStatus]| statuses.iter().map(|s| News::Refund(0, *s)).collect::<Vec<_>>();
    let check = |news: Vec<News>, lines: &[&str], remaining: i64| {
        let sold = told(&news);
        assert_eq!((kinds(&sold).as_slice(), sold.grant().remaining()), (lines, Credits(remaining)), "{news:?}");
    };
    check(refund(&[Succeeded]), &["granted", "refunded"], 1_200_000 - 121_564);
    check(refund(&[Pending, Succeeded, Succeeded]), &["granted", "refunded"], 1_200_000 - 121_564);
    check(refund(&[Pending, Failed, Succeeded]), &["granted", "refunded", "restored"], 1_200_000);
    check(refund(&[Failed, Pending]), &["granted"], 1_200_000);
    check(dispute(&[WarningNeedsResponse, WarningClosed]), &["granted"], 1_200_000);
    check(dispute(&[Prevented]), &["granted"], 1_200_000);
    check(dispute(&[NeedsResponse, UnderReview]), &["granted", "frozen"], 0);
    check(dispute(&[NeedsResponse, Won, Lost]), &["granted", "frozen", "thawed", "extended"], 1_200_000);
    check(dispute(&[NeedsResponse, Lost]), &["granted", "frozen", "thawed", "disputed"], 0);
    check(dispute(&[Lost, NeedsResponse]), &["granted", "disputed"], 0);
    check(dispute(&[NeedsResponse, Lost, Won]), &["granted", "frozen", "thawed", "disputed", "restored"], 1_200_000);
}

#[test]
fn a_won_dispute_adds_the_time_that_it_froze() {
    let sold = told(&[
        News::Dispute(0, DisputeStatus::NeedsResponse),
        News::Dispute(0, DisputeStatus::UnderReview),
        News::Dispute(0, DisputeStatus::Won),
    ]);
    let bought = Sold::new().grant().expires_at.timestamp_millis();
    assert_eq!(sold.grant().expires_at.timestamp_millis(), bought + 2 * DAY);
    let last = sold.world.entries.last().expect("lines");
    assert_eq!((last.kind, last.expires_at), (EntryKind::Extended, Some(sold.grant().expires_at)));
}

#[test]
fn a_frozen_grant_outlives_its_date_and_ends_with_a_lost_dispute() {
    let mut sold = told(&[News::Dispute(0, DisputeStatus::NeedsResponse)]);
    sold.now = sold.world.pass(sold.now + 500 * DAY);
    assert!(sold.grant().remaining().is_positive(), "it lives while a part is frozen");
    sold.hear(News::Dispute(0, DisputeStatus::Lost));
    sold.obeys();
    sold.replays();
    assert_eq!(kinds(&sold), ["granted", "frozen", "thawed", "disputed", "expired"]);
    assert_eq!(sold.grant().remaining(), Credits::ZERO);
}

#[test]
fn what_was_spent_is_a_shortfall_and_no_balance_is_negative() {
    let mut sold = told(&[]);
    sold.step(&Step::Charge(1_000));
    for n in 0..3 {
        sold.hear(News::Refund(n, RefundStatus::Succeeded));
    }
    sold.obeys();
    assert!(sold.grant().shortfall().is_positive());
    assert_eq!(sold.grant().remaining(), Credits::ZERO);
    sold.replays();
}

#[test]
fn every_status_reads_back_from_stripes_name() {
    for status in DisputeStatus::ALL {
        assert_eq!(DisputeStatus::from_stripe(status.name()), Some(status));
    }
    assert_eq!(DisputeStatus::from_stripe("charge_refunded"), None);
    for (name, status) in [
        ("succeeded", RefundStatus::Succeeded),
        ("failed", RefundStatus::Failed),
        ("canceled", RefundStatus::Failed),
        ("requires_action", RefundStatus::Pending),
    ] {
        assert_eq!(RefundStatus::from_stripe(name), status);
    }
}
