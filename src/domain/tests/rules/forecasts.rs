//! The forecast against a simulation that walks through time a millisecond at a time, one thousandth after
//! the other, with lists and loops of its own.

use crate::for_all;
use proptest::prelude::*;
use topup_domain::forecast::{Outlook, Pace, forecast, outlook};
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

fn grant_id(n: u128) -> GrantId {
    GrantId(uuid::Uuid::from_u128(n))
}

/// A customer's present: plan, top-ups, a bonus, a hold, some use; brought up to `now`.
#[derive(Clone, Debug)]
struct Present {
    big: bool,
    downgrades: bool,
    paused: bool,
    months: i32,
    /// Days after the start, thousandths.
    top_ups: Vec<(i64, i64)>,
    bonus: i64,
    bonus_days: i64,
    used: i64,
    held: i64,
    now_days: i64,
    pace: i64,
}

fn presents() -> impl Strategy<Value = Present> {
    let shape =
        (any::<bool>(), any::<bool>(), any::<bool>(), 1..4_i32, prop::collection::vec((0..20_i64, 1..900_i64), 1..4));
    let rest = (0..600_i64, 1..60_i64, 0..2_500_i64, 0..400_i64, 21..28_i64, prop_oneof![Just(0), 1..9_000_i64]);
    (shape, rest).prop_map(
        |((big, downgrades, paused, months, top_ups), (bonus, bonus_days, used, held, now_days, pace))| Present {
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
            pace,
        },
    )
}

fn account(present: &Present, catalog: &Catalog) -> (Account, Instant) {
    let start = from_millis(START);
    let plan = if present.big { "big" } else { "free" };
    let (mut account, mut changes) = Account::open("acme", plan, start, start, catalog).expect("a calendar");
    let mut top_ups = present.top_ups.clone();
    top_ups.sort_unstable();
    for (n, (day, credits)) in top_ups.into_iter().enumerate() {
        let at = account.begin(from_millis(START + day * DAY), catalog, &mut changes);
        let purchase = PurchaseId(uuid::Uuid::from_u128(100 + n as u128));
        account.grant_top_up(grant_id(1 + n as u128), purchase, Credits(credits), at, catalog, &mut changes);
    }
    let now = account.begin(from_millis(START + present.now_days * DAY), catalog, &mut changes);
    if present.bonus > 0 {
        let until = now + chrono::TimeDelta::days(present.bonus_days);
        account.grant_courtesy(grant_id(50), Credits(present.bonus), until, None, now, &mut changes).expect("a bonus");
    }
    // Either may be refused: then there is less to forecast.
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

/// A grant as the simulation keeps it: kind, end, since, id, left, held.
struct Pile {
    kind: Kind,
    ends: i64,
    since: i64,
    id: GrantId,
    left: i64,
    held: i64,
}

/// What is left of each top-up on its day, by walking.
fn naive(present: &Present, account: &Account, catalog: &Catalog, now: i64, over: i64) -> Vec<(GrantId, Credits)> {
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
    let mut plan = account.plan.clone();
    let mut next = account.next_plan.clone();
    let mut reset = account.cycle.end;
    let mut months = 1;
    let lapse = account.holds.first().map(|hold| hold.expires_at.timestamp_millis());
    let top_ups: Vec<(GrantId, i64)> = piles.iter().filter(|p| p.kind == Kind::TopUp).map(|p| (p.id, p.ends)).collect();
    let mut out = Vec::new();
    let mut events: Vec<i64> = top_ups.iter().map(|(_, ends)| *ends).collect();
    let last = events.iter().copied().max().unwrap_or(now);
    events.extend(lapse);
    events.extend((1..=account.grants.len()).filter_map(|n| piles.get(n - 1)).map(|p| p.ends));
    let mut n = 0_i128;
    let due = |n: i128| -> i64 {
        // The first millisecond at which the pace has made n: the least t with used * t >= n * over.
        let used = i128::from(present.pace);
        if used == 0 {
            i64::MAX
        } else {
            i64::try_from((n * i128::from(over) + used - 1) / used).expect("within range") + now
        }
    };
    let mut seen = std::collections::HashSet::new();
    loop {
        // Whatever comes first: a thousandth that is asked for, or an event; events first.
        let ask = due(n + 1);
        let event =
            events.iter().copied().chain([reset.timestamp_millis()]).filter(|at| *at > now && !seen.contains(at)).min();
        let event = event.unwrap_or(i64::MAX);
        if event <= ask {
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
                out.push((*id, Credits(pile.left)));
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
            let paused = present.paused && plan == "free";
            let open = piles.iter_mut().filter(|p| p.left > 0 && !(paused && p.kind == Kind::TopUp));
            if let Some(pile) = open.min_by_key(|p| (p.kind, p.ends, p.since, p.id)) {
                pile.left -= 1;
            }
        }
    }
    out.sort_by_key(|(id, _)| *id);
    out
}

#[test]
fn a_forecast_is_what_walking_through_the_days_finds() {
    for_all(5, presents(), |present| {
        let catalog = catalog(if present.paused { "paused" } else { "usable" }, present.months);
        let (account, now) = account(&present, &catalog);
        let came = from_millis(START);
        let pace = Pace::of(Credits(present.pace), came, now).expect("three weeks of data");
        let over = (now - Pace::since(came, now)).num_milliseconds();
        let mut top_ups: Vec<GrantId> =
            account.grants.iter().filter(|grant| grant.kind == Kind::TopUp).map(|grant| grant.id).collect();
        top_ups.sort_unstable();
        let before = account.clone();
        let got = forecast(&account, &catalog, pace, &top_ups, now);
        assert_eq!(account, before, "only a copy is played with");
        assert_eq!(got, naive(&present, &account, &catalog, now.timestamp_millis(), over));
    });
}

#[test]
fn an_outlook_says_covered_left_or_all_used() {
    let check = |pace: i64, want: Option<Outlook>| {
        let catalog = catalog("usable", 1);
        let start = from_millis(START);
        let (mut account, mut changes) = Account::open("acme", "big", start, start, &catalog).expect("a calendar");
        let purchase = PurchaseId(uuid::Uuid::from_u128(9));
        account.grant_top_up(grant_id(1), purchase, Credits::whole(1_000), start, &catalog, &mut changes);
        // Ten days in, twenty to the end, which is the reset as well: 3 of the plan and 1,000 bought.
        let now = account.begin(from_millis(START + 10 * DAY), &catalog, &mut changes);
        let pace = Pace::of(Credits::whole(pace), start, now).expect("ten days of data");
        assert_eq!(outlook(&account, &catalog, pace, &[grant_id(1)], now), want, "{pace:?}");
    };
    check(0, Some(Outlook::Untouched));
    check(1, Some(Outlook::Untouched));
    // 20 days at 20 a day: 400, of which 3 are the plan's.
    check(200, Some(Outlook::Left(Credits::whole(600))));
    check(2_000, Some(Outlook::AllUsed));
}

#[test]
fn nothing_is_said_of_what_is_gone_or_frozen() {
    let catalog = catalog("usable", 1);
    let start = from_millis(START);
    let (mut account, mut changes) = Account::open("acme", "big", start, start, &catalog).expect("a calendar");
    let purchase = PurchaseId(uuid::Uuid::from_u128(9));
    account.grant_top_up(grant_id(1), purchase, Credits::whole(10), start, &catalog, &mut changes);
    let now = account.begin(from_millis(START + 10 * DAY), &catalog, &mut changes);
    let pace = Pace::of(Credits::ZERO, start, now).expect("ten days of data");
    assert_eq!(outlook(&account, &catalog, pace, &[grant_id(77)], now), None);
    account
        .grants
        .iter_mut()
        .filter(|grant| grant.id == grant_id(1))
        .for_each(|grant| grant.frozen = Credits::whole(4));
    assert_eq!(forecast(&account, &catalog, pace, &[grant_id(1)], now), []);
    assert_eq!(outlook(&account, &catalog, pace, &[grant_id(1)], now), None);
}
