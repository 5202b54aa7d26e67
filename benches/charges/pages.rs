//! The time of customers' pages with a thousand entries and with very many, in turns: the
//! same credits on the same days, in a thousandth of the lines.

use crate::load::{Ask, answer, call, connect};
use crate::ours::{JSON, KEY, Server};
use crate::report::{Table, median};
use crate::{Plan, random_key};
use chrono::TimeDelta;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpStream;
use topup::args;
use topup::clock::Clock;
use topup::domain::{Catalog, Credits, GrantId, PurchaseId, SoldTopUp};
use topup::ledger::{Charge, ChargeOutcome, Ledger};
use topup::store::Store;
use topup::usecases::{InternalError, customers};

/// How many lines the small one has.
pub const FEW: u64 = 1_000;
/// Credits that either uses: five plans' allowances a month, so that top-ups are in use.
const USED: u64 = 1_000_000;
/// Over how many days.
const DAYS: i64 = 60;
/// How long ago the top-ups were bought: they expire soon, so that Billing looks at the pace.
const BOUGHT_DAYS: i64 = 345;
const TOP_UPS: usize = 20;
/// Requests of each page, beside those that are not counted.
const ASKED: usize = 100;
const WARM: usize = 10;

pub async fn measure(plan: Plan, folder: &Path, table: &mut Table) {
    let file = folder.join("pages.db");
    one(plan, &format!("sqlite://{}", file.display()), "SQLite", table).await;
    if std::env::var_os("TOPUP_TEST_POSTGRES").is_some() {
        one(plan, &crate::peers::database("pages").await, "PostgreSQL", table).await;
    }
}

async fn one(plan: Plan, url: &str, database: &str, table: &mut Table) {
    let began = Instant::now();
    let top_up = seed(url, plan.behind).await;
    eprintln!("  {database}: {} entries were made in {:.0?}", plan.behind, began.elapsed());
    let server = Server::serve_on(url, &STRIPE);
    let (mut stream, mut buffer) = (connect(server.address).await, Vec::new());
    let mut cookies = Vec::new();
    for (customer, entries) in [("few", FEW), ("many", plan.behind)] {
        cookies.push((sign_in(&mut stream, &mut buffer, &server, customer).await, customer, entries));
    }
    for (name, page) in pages(&top_up) {
        let mut times = [Vec::new(), Vec::new()];
        for n in 0..WARM + ASKED {
            for ((cookie, customer, entries), times) in cookies.iter().zip(&mut times) {
                let page = page.replace("{half}", &(entries / 2).to_string()).replace("{customer}", customer);
                let ask = get(&page, cookie);
                let began = Instant::now();
                call(&mut stream, &mut buffer, server.address, &ask).await;
                if n >= WARM {
                    times.push(began.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
        let [few, many] = times.map(median);
        table.page(&format!("{database}: {name}"), few, many);
    }
}

/// Without these nobody may buy, and the cards have no buttons.
pub const STRIPE: [(&str, &str); 2] =
    [("STRIPE_SECRET_KEY", "sk_test_bench"), ("STRIPE_WEBHOOK_SECRETS", "whsec_bench0000000000000000000000000")];

/// The pages; a top-up's id and the middle of the list stand in braces.
fn pages(top_up: &str) -> Vec<(&'static str, String)> {
    let day = |ago: i64| (Clock::system().now() - TimeDelta::days(ago)).format("%Y-%m-%d");
    let history = |query: &str| format!("/history?{query}");
    vec![
        ("the balance by the API", "/v1/customers/{customer}/balance".to_owned()),
        ("Billing", "/billing".to_owned()),
        ("Usage, 30 days", "/usage".to_owned()),
        ("Usage, 7 weeks", "/usage?range=weekly".to_owned()),
        ("Settings", "/settings".to_owned()),
        ("History", "/history".to_owned()),
        ("History, from the middle on", history("before={half}")),
        ("History, usage", history("show=used")),
        ("History, credits added", history("show=added")),
        ("History, expired (none)", history("show=expired")),
        ("History, one operation in ten", history("operation=crawl")),
        ("History, an operation of one day, a month ago", history("operation=import")),
        ("History, one source in five", history("source=crawler-3")),
        ("History, a source that is not there", history("source=nobody")),
        ("History, a day, a month ago", history(&format!("from={0}&to={0}", day(30)))),
        ("History, a top-up of the first weeks", history(&format!("top_up={top_up}"))),
    ]
}

pub fn get(path: &str, cookie: &str) -> Ask {
    Ask {
        method: "GET",
        path: path.to_owned(),
        headers: format!("cookie: {cookie}\r\nx-api-key: {KEY}\r\naccept: text/html\r\n"),
        body: String::new(),
        status: 200,
    }
}

/// A portal link, and the button behind it: the session's cookie.
pub async fn sign_in(stream: &mut TcpStream, buffer: &mut Vec<u8>, server: &Server, customer: &str) -> String {
    let ask = Ask {
        method: "POST",
        path: format!("/v1/customers/{customer}/portal_sessions"),
        headers: format!("x-api-key: {KEY}\r\n{JSON}"),
        body: format!(r#"{{"member_email":"{customer}@bench.example","role":"owner"}}"#),
        status: 201,
    };
    let link = call(stream, buffer, server.address, &ask).await;
    let token = link.split("/sign-in/").nth(1).unwrap_or_default();
    let token: String = token.chars().take_while(char::is_ascii_hexdigit).collect();
    assert!(!token.is_empty(), "a token in {link}");
    let ask = Ask {
        method: "POST",
        path: "/_fn/open-session".to_owned(),
        headers: "sec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\n".to_owned(),
        body: format!("token={token}"),
        status: 303,
    };
    let (head, _) = answer(stream, buffer, server.address, &ask).await;
    let cookies = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    cookies.map(|(_, set)| set.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// Makes both customers' histories through the engine; the id of the first top-up of either, for both have the same.
pub async fn seed(url: &str, many: u64) -> String {
    let catalog = Arc::new(Catalog::parse(include_str!("../../catalog.toml")).unwrap());
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let now = Clock::system().now();
    let clock = Clock::manual(now - TimeDelta::days(BOUGHT_DAYS));
    let (ledger, engine) = Ledger::start(store.clone(), clock.clone(), catalog);
    let mut first = String::new();
    for customer in ["few", "many"] {
        let id = found(&ledger, customer).await;
        if first.is_empty() {
            first = id;
        }
    }
    let batches = 500;
    for n in 0..batches {
        let back = TimeDelta::milliseconds(DAYS * 86_400_000 / batches * (batches - n));
        clock.put(now - back);
        for (customer, entries) in [("few", FEW), ("many", many)] {
            let size = entries / u64::try_from(batches).unwrap();
            let credits = Credits(i64::try_from(USED * 1_000 / entries).unwrap());
            let at = u64::try_from(n).unwrap() * size;
            // One operation runs on one day alone.
            let import = (n * DAYS / batches) == DAYS / 2;
            let charges = (0..size).map(|k| charge(customer, credits, at + k, import && k == 0)).collect();
            for outcome in ledger.charge_many(charges).await.unwrap() {
                assert!(matches!(outcome, ChargeOutcome::Charged(_)), "{customer} has too little");
            }
        }
    }
    drop(ledger);
    engine.await.unwrap();
    store.close().await;
    first
}

/// A customer with top-ups.
async fn found(ledger: &Ledger, customer: &'static str) -> String {
    let job = ledger.job(move |tx| {
        Box::pin(async move {
            let put = customers::Put {
                email: Some(format!("{customer}@bench.example")),
                plan: Some("pro".to_owned()),
                ..customers::Put::default()
            };
            customers::put_customer_in(tx, customer, put).await?;
            let no = tx.customer_no(customer).await?.unwrap();
            let (mut first, credits) = (None, Credits::whole(50_000));
            for _ in 0..TOP_UPS {
                let (grant, purchase) = (GrantId(tx.clock.mint()), PurchaseId(tx.clock.mint()));
                let sold = tx.with_account(no, |account, at, catalog, changes| {
                    account.grant_top_up(grant, SoldTopUp::now(purchase, credits, catalog), at, catalog, changes)
                });
                let (expires_at, at) = sold.await?;
                let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
                    refunded_amount, created_at, checkout_expires_at, credited_at, expires_at, amount_total)
                    values ($1, $2, 'p50000', $3, 22500, 'usd', 'credited', 1, 0, $4, $4, $4, $5, 22500)";
                tx.db.execute(sql, args![purchase.bytes(), no, credits, at, expires_at]).await?;
                first = first.or(Some(grant));
            }
            Ok::<_, InternalError>(first.unwrap().to_string())
        })
    });
    job.await.unwrap().unwrap()
}

fn charge(customer: &str, credits: Credits, n: u64, import: bool) -> Charge {
    let operation = if import {
        "import"
    } else if n.is_multiple_of(10) {
        "crawl"
    } else {
        "scrape_page"
    };
    Charge {
        customer: customer.to_owned(),
        key: random_key(),
        content: [7; 16],
        credits,
        operation: Some(operation.to_owned()),
        quantities: Some(r#"{"requests":2,"tokens":900}"#.to_owned()),
        source: Some(format!("crawler-{}", n % 5)),
        metadata: None,
    }
}
