//! A year of customers who buy, use, hold, upgrade and lapse, while the worker is stopped for weeks and killed at work.
//! Then each reminder and expiry is compared with the ledger's lines.
//!
//! Twenty customers; with `TOPUP_PROVE` a thousand.

use crate::app::{Database, TestApp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use topup::args;
use topup::clock::Clock;
use topup::domain::{Credits, GrantId, HoldId, Instant, PurchaseId, SoldTopUp};
use topup::ledger::{Charge, Ledger, WriteTransaction};
use topup::settings::Switch;
use topup::store::Store;
use topup::usecases::{App, AppParts, InternalError, customers, jobs};

const PLANS: [&str; 4] = ["free", "starter", "builder", "pro"];
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"];
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const DAYS: i64 = 430;

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

fn millis(at: Instant) -> i64 {
    at.timestamp_millis()
}

/// A worker's process: it may be killed.
struct Process {
    inner: App,
    engine: tokio::task::AbortHandle,
}

impl Process {
    async fn start(app: &TestApp, at: Instant) -> Self {
        let inner = app.inner();
        let store = Store::open(&app.home.url).await.unwrap();
        let clock = Clock::manual(at);
        let (ledger, engine) = Ledger::start(store.clone(), clock.clone(), Arc::clone(&inner.catalog));
        Self { inner: App::new(AppParts { store, ledger, clock, ..inner.parts() }), engine: engine.abort_handle() }
    }

    /// Works until `to`, and is killed after some number of steps of the scheduler, if it is.
    async fn work(&self, to: Instant, killed_after: Option<i64>) -> bool {
        let inner = self.inner.clone();
        let working = tokio::spawn(async move { jobs::pass_time(&inner, to).await });
        let Some(steps) = killed_after else {
            working.await.unwrap().unwrap();
            return true;
        };
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        self.engine.abort();
        working.abort();
        let _killed = working.await;
        // The kernel closes a dead process's connections.
        self.inner.store.close().await;
        false
    }
}

/// One action of a customer.
async fn act(tx: &mut WriteTransaction, no: i64, id: &str, dice: &mut Dice, n: i64) -> Result<(), InternalError> {
    let (account, at) = tx.account(no).await?;
    let there: i64 = account.drawable(at).iter().map(|grant| grant.remaining().0).sum();
    // A third of them buys and hardly uses: there something is left to expire.
    let there = if no % 3 == 0 { there.min(2_000) } else { there };
    match dice.roll(12) {
        0..=5 => {
            let share = [1, 3, 10, 40, 100][usize::try_from(dice.roll(5)).unwrap()];
            let charge = Charge {
                customer: id.to_owned(),
                key: format!("year-{n}"),
                content: [0; 16],
                credits: Credits((there * share / 100).max(1)),
                operation: None,
                quantities: None,
                source: None,
                metadata: None,
            };
            tx.charge(&charge).await?;
        }
        6 | 7 if there > 0 => {
            let (hold, credits) = (HoldId(tx.clock.mint()), Credits((there / (1 + dice.roll(3))).max(1)));
            let until = at + chrono::TimeDelta::milliseconds(1 + dice.roll(DAY));
            tx.with_account(no, |account, at, _, changes| account.hold(hold, credits, until, at, changes).is_ok())
                .await?;
        }
        8 => {
            let open = account.holds.first().map(|hold| hold.id);
            if let Some(id) = open {
                tx.with_account(no, |account, at, _, changes| account.release(id, at, changes).is_ok()).await?;
            }
        }
        9 => {
            let plan = PLANS[usize::try_from(dice.roll(4)).unwrap()].to_owned();
            customers::put_customer_in(tx, id, customers::Put { plan: Some(plan), ..customers::Put::default() })
                .await?;
        }
        10 | 11 => buy(tx, no, 1_200_000 * (1 + dice.roll(4))).await?,
        _ => {}
    }
    Ok(())
}

/// A purchase that was paid.
async fn buy(tx: &mut WriteTransaction, no: i64, credits: i64) -> Result<(), InternalError> {
    let (id, grant) = (PurchaseId(tx.clock.mint()), GrantId(tx.clock.mint()));
    let (ends, at) = tx
        .with_account(no, |account, at, catalog, changes| {
            account.grant_top_up(grant, SoldTopUp::now(id, Credits(credits), catalog), at, catalog, changes)
        })
        .await?;
    let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
          refunded_amount, created_at, checkout_expires_at, credited_at, expires_at)
        values ($1, $2, 'p1200', $3, 900, 'usd', 'credited', 0, 0, $4, $4, $4, $5)";
    tx.db.execute(sql, args![id.bytes(), no, credits, at, ends]).await?;
    let sql = "insert into purchase_events (purchase, kind, at) values ($1, 'credited', $2)";
    tx.db.execute(sql, args![id.bytes(), at]).await?;
    Ok(())
}

/// Lives the year; the stretches of time in which a worker was there.
async fn live(app: &TestApp, people: i64, seed: u64) -> Vec<(i64, i64)> {
    let mut dice = Dice(seed);
    let mut process = Process::start(app, app.now()).await;
    for no in 0..people {
        let put = customers::Put {
            email: Some(format!("c{no}@acme.example")),
            name: None,
            plan: Some(PLANS[usize::try_from(dice.roll(4)).unwrap()].to_owned()),
            cycle_anchor: Some(app.now() - chrono::TimeDelta::milliseconds(dice.roll(365 * DAY))),
            timezone: Some(ZONES[usize::try_from(dice.roll(4)).unwrap()].to_owned()),
        };
        customers::put_customer(&process.inner, &format!("c{no}"), put).await.unwrap();
    }
    let end = app.now() + chrono::TimeDelta::days(DAYS);
    let (mut worked, mut away, mut n) = (Vec::new(), 0, 0);
    while process.inner.clock.now() < end {
        let now = process.inner.clock.now();
        let to = (now + chrono::TimeDelta::milliseconds(1 + dice.roll(40 * HOUR))).min(end);
        if away > 0 {
            away -= 1;
            process.inner.clock.put(to);
        } else {
            let killed = (dice.roll(12) == 0).then(|| dice.roll(400));
            if !process.work(to, killed).await {
                process = Process::start(app, process.inner.clock.now()).await;
                process.work(to, None).await;
            }
            worked.push((millis(now), millis(to)));
            if dice.roll(40) == 0 {
                away = dice.roll(25);
            }
        }
        let mut dice_of_step = Dice(dice.0);
        dice.roll(2);
        let (first, many) = (n, 1 + people / 10);
        n += many;
        let job = process.inner.ledger.job(move |tx| {
            Box::pin(async move {
                for n in first..first + many {
                    let who = dice_of_step.roll(people);
                    let id = format!("c{who}");
                    let no = tx.customer_no(&id).await?.unwrap();
                    act(tx, no, &id, &mut dice_of_step, n).await?;
                }
                Ok::<_, InternalError>(())
            })
        });
        job.await.unwrap().unwrap();
    }
    // The worker comes back in the end, so that whatever is due is done.
    process.work(end, None).await;
    worked
}

/// A top-up with its lines: instant, change of what is left, whether it expired then.
struct TopUp {
    ends: i64,
    customer: i64,
    lines: Vec<(i64, i64, bool)>,
    /// Reminders: days, when, mail.
    told: Vec<(i64, i64, Vec<u8>)>,
}

impl TopUp {
    /// Left right after `at`, and right before.
    fn left(&self, at: i64) -> (i64, i64) {
        let sum = |until: i64| self.lines.iter().filter(|line| line.0 <= until).map(|line| line.1).sum();
        (sum(at), sum(at - 1))
    }

    /// True if credits were left, with a worker running, for more than an hour within `[from, until)`.
    fn should_tell(&self, from: i64, until: i64, worked: &[(i64, i64)]) -> bool {
        let mut edges: Vec<i64> = self.lines.iter().map(|line| line.0).chain([from, until]).collect();
        edges.sort_unstable();
        edges.windows(2).any(|pair| {
            let (a, b) = (pair[0].max(from), pair[1].min(until));
            self.left(a).0 > 0 && worked.iter().any(|(x, y)| b.min(*y) - a.max(*x) > HOUR + 60_000)
        })
    }
}

async fn top_ups(app: &TestApp) -> Vec<TopUp> {
    let inner = app.inner();
    let mut db = inner.store.read().await.unwrap();
    let mut out = BTreeMap::new();
    for row in db.fetch_all("select no, customer_no, expires_at from grants where kind = 3", Vec::new()).await.unwrap()
    {
        let (customer, ends) = (row.int("customer_no").unwrap(), row.int("expires_at").unwrap());
        out.insert(row.int("no").unwrap(), TopUp { ends, customer, lines: Vec::new(), told: Vec::new() });
    }
    let sql = "select e.grant_no, e.event_at, e.amount - e.held_change as change, e.kind from entries e
        join grants g on g.no = e.grant_no where g.kind = 3 order by e.row_no";
    for row in db.fetch_all(sql, Vec::new()).await.unwrap() {
        let line = (row.int("event_at").unwrap(), row.int("change").unwrap(), row.int("kind").unwrap() == 3);
        out.get_mut(&row.int("grant_no").unwrap()).unwrap().lines.push(line);
    }
    for row in db.fetch_all("select grant_no, kind, expires_at, mail, at from reminders", Vec::new()).await.unwrap() {
        let top_up = out.get_mut(&row.int("grant_no").unwrap()).unwrap();
        assert_eq!(row.int("expires_at").unwrap(), top_up.ends);
        let days = row.text("kind").unwrap().trim_end_matches('d').parse().unwrap();
        top_up.told.push((days, row.int("at").unwrap(), row.blob("mail").unwrap()));
    }
    out.into_values().collect()
}

fn check_reminders(top_ups: &[TopUp], worked: &[(i64, i64)], end: i64) -> usize {
    for top_up in top_ups {
        for (days, until) in [(30, top_up.ends - 7 * DAY), (7, top_up.ends)] {
            let due = top_up.ends - days * DAY;
            let told: Vec<_> = top_up.told.iter().filter(|told| told.0 == days).collect();
            assert!(told.len() <= 1);
            for (_, at, _) in &told {
                // It may have gone along with an earlier one of the same day.
                assert!(due - 25 * HOUR < *at && *at < top_up.ends, "{days} days: {at} of {}", top_up.ends);
                let (after, before) = top_up.left(*at);
                assert!(after > 0 || before > 0, "nothing was left");
            }
            let shorter = top_up.told.iter().any(|told| told.0 < days);
            if told.is_empty() && !shorter {
                assert!(!top_up.should_tell(due, until.min(end), worked), "{days} days: silence about {}", top_up.ends);
            }
        }
    }
    top_ups.iter().map(|top_up| top_up.told.len()).sum()
}

fn check_expiry(top_ups: &[TopUp], end: i64) -> BTreeSet<(i64, i64)> {
    let mut expired = BTreeSet::new();
    for top_up in top_ups.iter().filter(|top_up| top_up.ends <= end) {
        assert_eq!(top_up.left(end).0, 0, "a rest outlived its day");
        let at_the_end = top_up.lines.iter().filter(|line| line.2 && line.0 == top_up.ends).count();
        let returned: i64 =
            top_up.lines.iter().filter(|line| line.0 == top_up.ends && !line.2).map(|line| line.1).sum();
        let had = top_up.left(top_up.ends).1 + returned > 0;
        assert_eq!(at_the_end, usize::from(had), "booked once, at its own instant");
        expired.extend(top_up.lines.iter().filter(|line| line.2).map(|line| (top_up.customer, line.0)));
    }
    expired
}

async fn year(database: Database, seed: u64) {
    let people = if std::env::var("TOPUP_PROVE").is_ok() { 1_000 } else { 20 };
    let app = TestApp::start_with(database, |settings| settings.worker = Switch::Off).await;
    let end = millis(app.now()) + DAYS * DAY;
    let worked = live(&app, people, seed).await;
    app.check().await;
    let top_ups = top_ups(&app).await;
    let told = check_reminders(&top_ups, &worked, end);
    let expired = check_expiry(&top_ups, end);
    assert!(told > 10 && expired.len() > 3, "the year was too quiet: {told} {expired:?}");
    let mails: BTreeSet<&Vec<u8>> = top_ups.iter().flat_map(|top_up| &top_up.told).map(|told| &told.2).collect();
    let sent = app.count("select count(*) as n from outbox where kind = 'reminder'").await;
    assert_eq!(usize::try_from(sent).unwrap(), mails.len(), "one mail each, to the one owner");
    let news = app.count("select count(*) as n from balance_alerts where kind = 'expired'").await;
    let sent = app.count("select count(*) as n from outbox where kind = 'expired'").await;
    let waiting = app.count("select count(*) as n from balance_alerts where emailed_at is null").await;
    assert_eq!((usize::try_from(news).unwrap(), sent, waiting), (expired.len(), news, 0));
    let (lines, ended) = (app.count("select count(*) as n from entries").await, expired.len());
    let bought = top_ups.len();
    println!("{database:?}: {people} customers, {lines} lines, {bought} top-ups, {told} reminders, {ended} expiries");
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_customers_on_sqlite() {
    year(Database::Sqlite, 0x5eed_0001).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_customers_on_postgres() {
    year(Database::Postgres, 0x5eed_0002).await;
}
