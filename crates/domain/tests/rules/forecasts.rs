//! The forecast, compared with a simulation that moves a millisecond and a thousandth at a time, with its own lists and
//! loops.

use crate::for_all;
use proptest::prelude::*;
use topup_domain::SoldTopUp;
use topup_domain::forecast::{
    RunsOut, TopUpForecast, UsageRate, left_at_expiry, missing_credits, runs_out, top_ups_together,
};
use topup_domain::time::from_millis;
use topup_domain::{Account, Catalog, Credits, GrantId, HoldId, Instant, Kind, PurchaseId, UsageId};

const DAY: i64 = 86_400_000;
const START: i64 = 1_790_000_000_000;

fn catalog(lapsed: &str, months: i32) -> Catalog {
    Catalog::parse(&format!(
        "[shop]\nname = \"S\"\nsupport_email = \"s@s.example\"\nhome_url = \"https://s.example\"\n\
         terms_url = \"https://s.example/t\"\ncurrency = \"usd\"\n\
         [rules]\ntop_up_months = {months}\nlapsed_top_ups = \"{lapsed}\"\n\
         [[plan]]\nid = \"free\"\nname = \"F\"\namount = 0\ncredits = 1\ntop_ups = false\n\
         [[plan]]\nid = \"big\"\nname = \"B\"\namount = 1\ncredits = 3\ntop_ups = true\n"
    ))
    .expect("a good catalogue")
}

pub fn grant_id(n: u128) -> GrantId {
    GrantId(uuid::Uuid::from_u128(n))
}

/// A customer's present, caught up to `now`: plan, top-ups, a bonus, a hold, some usage.
#[derive(Clone, Debug)]
pub struct Present {
    big: bool,
    downgrades: bool,
    pub paused: bool,
    pub months: i32,
    /// Days after the start, thousandths.
    top_ups: Vec<(i64, i64)>,
    bonus: i64,
    bonus_days: i64,
    used: i64,
    held: i64,
    now_days: i64,
    pub rate: i64,
}

pub fn presents() -> impl Strategy<Value = Present> {
    let shape =
        (any::<bool>(), any::<bool>(), any::<bool>(), 1..4_i32, prop::collection::vec((0..20_i64, 1..900_i64), 1..4));
    let rest = (0..600_i64, 1..60_i64, 0..2_500_i64, 0..400_i64, 21..28_i64, prop_oneof![Just(0), 1..9_000_i64]);
    (shape, rest).prop_map(
        |((big, downgrades, paused, months, top_ups), (bonus, bonus_days, used, held, now_days, rate))| Present {
            big,
            downgrades,
            paused,
            months,
            top_ups,
            bonus,
            bonus_days,
            used,
            held,
            now_days,
            rate,
        },
    )
}

pub fn account(present: &Present, catalog: &Catalog) -> (Account, Instant) {
    let start = from_millis(START);
    let plan = if present.big { "big" } else { "free" };
    let (mut account, mut changes) = Account::open("acme", plan, start, start, catalog).expect("a calendar");
    let mut top_ups = present.top_ups.clone();
    top_ups.sort_unstable();
    for (n, (day, credits)) in top_ups.into_iter().enumerate() {
        let at = account.catch_up(from_millis(START + day * DAY), catalog, &mut changes);
        let purchase = PurchaseId(uuid::Uuid::from_u128(100 + n as u128));
        account.grant_top_up(
            grant_id(1 + n as u128),
            SoldTopUp::now(purchase, Credits(credits), catalog),
            at,
            catalog,
            &mut changes,
        );
    }
    let now = account.catch_up(from_millis(START + present.now_days * DAY), catalog, &mut changes);
    if present.bonus > 0 {
        let until = now + chrono::TimeDelta::days(present.bonus_days);
        account.grant_courtesy(grant_id(50), Credits(present.bonus), until, None, now, &mut changes).expect("a bonus");
    }
    // Either may be refused; then there is less to forecast.
    let usage = UsageId(uuid::Uuid::from_u128(70));
    let _refused = account.charge(usage, Credits(present.used), None, now, &mut changes);
    if present.held > 0 {
        let hold = HoldId(uuid::Uuid::from_u128(80));
        let until = now + chrono::TimeDelta::hours(5);
        let _refused = account.hold(hold, Credits(present.held), until, now, &mut changes);
    }
    if present.downgrades {
        account.change_plan("free", now, catalog, &mut changes);
    }
    (account, now)
}

/// A grant in the simulation: kind, end, start, id, left, held.
struct Pile {
    kind: Kind,
    ends: i64,
    since: i64,
    id: GrantId,
    left: i64,
    held: i64,
}

/// The result of the simulation.
#[derive(Default)]
pub struct Walked {
    /// The credits left in each top-up on its day.
    pub left: Vec<(GrantId, Credits)>,
    /// Thousandths that were asked for and missing.
    pub missing: i64,
    /// The end of plan credits within the cycle.
    pub plan_out: Option<i64>,
    /// The first instant at which nothing was left or found.
    pub all_out: Option<i64>,
}

/// Walks up to `last`, with or without thousandths bought now.
pub fn walk(
    present: &Present,
    account: &Account,
    catalog: &Catalog,
    (now, over, last): (i64, i64, i64),
    bought: i64,
) -> Walked {
    let mut piles: Vec<Pile> = account
        .grants
        .iter()
        .map(|grant| Pile {
            kind: grant.kind,
            ends: grant.expires_at.timestamp_millis(),
            since: grant.effective_at.timestamp_millis(),
            id: grant.id,
            left: grant.remaining().0,
            held: grant.held.0,
        })
        .collect();
    if bought > 0 {
        let ends = last + 1;
        piles.push(Pile { kind: Kind::TopUp, ends, since: now, id: grant_id(901), left: bought, held: 0 });
    }
    let mut plan = account.plan.clone();
    let mut next = account.next_plan.clone();
    let mut reset = account.cycle.end;
    let mut months = 1;
    let lapse = account.holds.first().map(|hold| hold.expires_at.timestamp_millis());
    let old = |p: &&Pile| p.kind == Kind::TopUp && p.id != grant_id(901);
    let top_ups: Vec<(GrantId, i64)> = piles.iter().filter(old).map(|p| (p.id, p.ends)).collect();
    let mut out = Walked::default();
    let mut events: Vec<i64> = top_ups.iter().map(|(_, ends)| *ends).collect();
    events.extend(lapse);
    events.extend((1..=account.grants.len()).filter_map(|n| piles.get(n - 1)).map(|p| p.ends));
    let mut n = 0_i128;
    let due = |n: i128| -> i64 {
        // The first millisecond at which the rate has reached n: the least t with used * t >= n * over.
        let used = i128::from(present.rate);
        if used == 0 {
            i64::MAX
        } else {
            i64::try_from((n * i128::from(over) + used - 1) / used).expect("within range") + now
        }
    };
    let mut seen = std::collections::HashSet::new();
    let mut coming = None;
    loop {
        // The next step: a thousandth of usage or an event, events first.
        let ask = due(n + 1);
        let event = *coming.get_or_insert_with(|| {
            let events = events.iter().copied().chain([reset.timestamp_millis()]);
            events.filter(|at| *at > now && !seen.contains(at)).min().unwrap_or(i64::MAX)
        });
        if event <= ask {
            coming = None;
            if event > last {
                break;
            }
            seen.insert(event);
            if lapse == Some(event) {
                for pile in &mut piles {
                    pile.left += std::mem::take(&mut pile.held);
                }
            }
            for (id, _) in top_ups.iter().filter(|(_, ends)| *ends == event) {
                let pile = piles.iter().find(|pile| pile.id == *id).expect("within range");
                out.left.push((*id, Credits(pile.left)));
            }
            piles.retain(|pile| pile.ends > event);
            if event == reset.timestamp_millis() {
                plan = next.take().unwrap_or(plan);
                months += 1;
                let start = reset;
                reset = account.anchor.checked_add_months(chrono::Months::new(months)).expect("within range");
                let left = catalog.plan(&plan).expect("a plan").credits * 1_000;
                let (ends, since) = (reset.timestamp_millis(), start.timestamp_millis());
                piles.push(Pile { kind: Kind::Plan, ends, since, id: grant_id(900), left, held: 0 });
            }
        } else {
            if ask >= last {
                break;
            }
            n += 1;
            let paused = present.paused && !catalog.plan(&plan).expect("a plan").top_ups;
            let open = |p: &&mut Pile| p.left > 0 && !(paused && p.kind == Kind::TopUp);
            match piles.iter_mut().filter(open).min_by_key(|p| (p.kind, p.ends, p.since, p.id)) {
                Some(pile) => {
                    pile.left -= 1;
                    if pile.kind == Kind::Plan && pile.left == 0 && months == 1 {
                        out.plan_out = out.plan_out.or(Some(ask));
                    }
                }
                None => out.missing += 1,
            }
            if out.all_out.is_none() && piles.iter_mut().find(open).is_none() {
                out.all_out = Some(ask);
            }
        }
    }
    out.left.sort_by_key(|(id, _)| *id);
    out
}

#[test]
fn a_forecast_is_what_walking_through_the_days_finds() {
    for_all(5, presents(), |present| {
        let catalog = catalog(if present.paused { "paused" } else { "usable" }, present.months);
        let (account, now) = account(&present, &catalog);
        let came = from_millis(START);
        let rate = UsageRate::new(Credits(present.rate), came, now).expect("three weeks of data");
        let over = (now - UsageRate::since(came, now)).num_milliseconds();
        let mut top_ups: Vec<GrantId> =
            account.grants.iter().filter(|grant| grant.kind == Kind::TopUp).map(|grant| grant.id).collect();
        top_ups.sort_unstable();
        let before = account.clone();
        let got = left_at_expiry(&account, &catalog, rate, &top_ups, now);
        assert_eq!(account, before, "only a copy is played with");
        let at = now.timestamp_millis();
        let last = account.grants.iter().filter(|grant| grant.kind == Kind::TopUp).map(|g| g.expires_at).max();
        let last = last.map_or(at, |last| last.timestamp_millis());
        let walked = walk(&present, &account, &catalog, (at, over, last), 0);
        assert_eq!(got, walked.left);
        let until = from_millis(last);
        assert_eq!(missing_credits(&account, &catalog, rate, now, until), Credits(walked.missing));
        let RunsOut { plan, all } = runs_out(&account, &catalog, rate, now, until);
        assert_eq!(all.map(|at| at.timestamp_millis()), walked.all_out);
        // After the end of all credits the walk stops.
        let plan_out = walked.plan_out.filter(|out| walked.all_out.is_none_or(|all| *out <= all));
        assert_eq!(plan.map(|at| at.timestamp_millis()), plan_out);
    });
}

#[test]
fn an_outlook_says_covered_left_or_all_used() {
    let check = |rate: i64, want: Option<TopUpForecast>| {
        let catalog = catalog("usable", 1);
        let start = from_millis(START);
        let (mut account, mut changes) = Account::open("acme", "big", start, start, &catalog).expect("a calendar");
        let purchase = PurchaseId(uuid::Uuid::from_u128(9));
        account.grant_top_up(
            grant_id(1),
            SoldTopUp::now(purchase, Credits::whole(1_000), &catalog),
            start,
            &catalog,
            &mut changes,
        );
        // Ten days in, twenty before the end, which is also the reset: 3 of the plan and 1,000 bought.
        let now = account.catch_up(from_millis(START + 10 * DAY), &catalog, &mut changes);
        let rate = UsageRate::new(Credits::whole(rate), start, now).expect("ten days of data");
        assert_eq!(top_ups_together(&account, &catalog, rate, &[grant_id(1)], now), want, "{rate:?}");
    };
    check(0, Some(TopUpForecast::Untouched));
    check(1, Some(TopUpForecast::Untouched));
    // 20 days at 20 a day: 400, of which the plan has 3.
    check(200, Some(TopUpForecast::Left(Credits::whole(600))));
    check(2_000, Some(TopUpForecast::AllUsed));
}

#[test]
fn nothing_is_said_of_what_is_gone_or_frozen() {
    let catalog = catalog("usable", 1);
    let start = from_millis(START);
    let (mut account, mut changes) = Account::open("acme", "big", start, start, &catalog).expect("a calendar");
    let purchase = PurchaseId(uuid::Uuid::from_u128(9));
    account.grant_top_up(
        grant_id(1),
        SoldTopUp::now(purchase, Credits::whole(10), &catalog),
        start,
        &catalog,
        &mut changes,
    );
    let now = account.catch_up(from_millis(START + 10 * DAY), &catalog, &mut changes);
    let rate = UsageRate::new(Credits::ZERO, start, now).expect("ten days of data");
    assert_eq!(top_ups_together(&account, &catalog, rate, &[grant_id(77)], now), None);
    account
        .grants
        .iter_mut()
        .filter(|grant| grant.id == grant_id(1))
        .for_each(|grant| grant.frozen = Credits::whole(4));
    assert_eq!(left_at_expiry(&account, &catalog, rate, &[grant_id(1)], now), []);
    assert_eq!(top_ups_together(&account, &catalog, rate, &[grant_id(1)], now), None);
}
