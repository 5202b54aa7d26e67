//! Customer-years a second: a year of every customer, with the jobs as the worker runs them, an hour at a time, on SQLite
//! with durable commits. Each customer has twelve resets, twelve days of use, a top-up that is announced twice and
//! expires, and the mails of all that, which are written and not sent.

use crate::report::Table;
use chrono::TimeDelta;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use topup::app::build::Variant;
use topup::app::serve::Application;
use topup::args;
use topup::cli::{Cli, Command};
use topup::clock::Clock;
use topup::domain::{Credits, GrantId, PurchaseId, SoldTopUp};
use topup::ledger::{Charge, ChargeOutcome, Ledger};
use topup::usecases::{App, AppParts, InternalError, customers, jobs};

const CUSTOMERS: i64 = 2_000;
/// A little more than a year, so that each top-up's end is in it.
const HOURS: i64 = 24 * 368;
/// Every so many hours a share of the customers uses something.
const USE_HOURS: i64 = 24;

pub async fn measure(folder: &Path, table: &mut Table) {
    let inner = inner(folder).await;
    let start = inner.clock.now();
    for first in (0..CUSTOMERS).step_by(100) {
        people(&inner, first..first + 100).await;
    }
    let began = Instant::now();
    for hour in 1..=HOURS {
        inner.clock.put(start + TimeDelta::hours(hour));
        jobs::run_due(&inner).await.unwrap();
        if hour % USE_HOURS == 0 {
            charges(&inner, hour / USE_HOURS).await;
        }
    }
    let took = began.elapsed().as_secs_f64();
    let count = async |sql: &str| {
        inner.store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap()
    };
    let told = count("select count(*) as n from reminders").await;
    let ended =
        count("select count(*) as n from entries e join grants g on g.no = e.grant_no where e.kind = 3 and g.kind = 3")
            .await;
    assert_eq!((told, ended), (2 * CUSTOMERS, CUSTOMERS), "each was announced twice and has ended");
    let lines = count("select count(*) as n from entries").await;
    let mails = count("select count(*) as n from outbox").await;
    let rate = CUSTOMERS as f64 / took;
    table.fact("customer-years a second (aim 100)", format!("{rate:.0} ({lines} lines, {mails} mails written)"));
}

/// A process of which only the clock is its own.
async fn inner(folder: &Path) -> App {
    let (url, mails) = (format!("sqlite://{}", folder.join("years.db").display()), folder.join("years-mails"));
    let words = ["topup", "serve", "--database-url", &url, "--catalog", "catalog.toml", "--listen", "127.0.0.1:0"];
    let mails = ["--mail-dir", mails.to_str().unwrap(), "--operator-keys", crate::ours::KEY, "--worker", "off"];
    let words = words.into_iter().chain(mails).chain(["--public-url", "http://127.0.0.1"]);
    let cli = <Cli as clap::Parser>::try_parse_from(words).unwrap();
    let Command::Serve(settings) = cli.command else { panic!("serve was asked for") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = Application::build(&settings, listener, Variant::default()).await.unwrap();
    let inner = app.app.clone();
    let clock = Clock::manual(inner.clock.now());
    let (ledger, _engine) = Ledger::start(inner.store.clone(), clock.clone(), Arc::clone(&inner.catalog));
    App::new(AppParts { ledger, clock, ..inner.parts() })
}

/// New customers on Starter, each with a top-up, an hour apart.
async fn people(inner: &App, which: std::ops::Range<i64>) {
    let at = inner.clock.now();
    let job = inner.ledger.job(move |tx| {
        Box::pin(async move {
            for n in which {
                let id = format!("c{n}");
                let put = customers::Put {
                    email: Some(format!("c{n}@bench.example")),
                    plan: Some("starter".to_owned()),
                    cycle_anchor: Some(at + TimeDelta::hours(n % 700)),
                    timezone: Some("Europe/Berlin".to_owned()),
                    ..customers::Put::default()
                };
                customers::put_customer_in(tx, &id, put).await?;
                let no = tx.customer_no(&id).await?.unwrap();
                let (purchase, grant) = (PurchaseId(tx.clock.mint()), GrantId(tx.clock.mint()));
                let sold = tx.with_account(no, |account, at, catalog, changes| {
                    account.grant_top_up(
                        grant,
                        SoldTopUp::now(purchase, Credits::whole(1_200), catalog),
                        at,
                        catalog,
                        changes,
                    )
                });
                let (ends, at) = sold.await?;
                let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
                      refunded_amount, created_at, checkout_expires_at, credited_at, expires_at)
                    values ($1, $2, 'p1200', 1200000, 900, 'usd', 'credited', 0, 0, $3, $3, $3, $4)";
                tx.db.execute(sql, args![purchase.bytes(), no, at, ends]).await?;
            }
            Ok::<_, InternalError>(())
        })
    });
    job.await.unwrap().unwrap();
}

/// A day's use: of every thirtieth customer, half of what the plan has, which may fall into one cycle twice.
async fn charges(inner: &App, day: i64) {
    let due = (0..CUSTOMERS).filter(|n| n % 30 == day % 30);
    let charge = |n: i64| Charge {
        customer: format!("c{n}"),
        key: format!("day-{day}"),
        content: [0; 16],
        credits: Credits::whole(2_400),
        operation: Some("scrape".to_owned()),
        quantities: None,
        source: None,
        metadata: None,
    };
    for outcome in inner.ledger.charge_many(due.map(charge).collect()).await.unwrap() {
        assert!(matches!(outcome, ChargeOutcome::Charged { .. }), "{outcome:?}");
    }
}
