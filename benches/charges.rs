//! `make bench`: charges beside the disk's own flushes, in one run, rounds interleaved.
//!
//! Prints medians of five rounds. Ratios inside one run are what counts; the figures themselves are a
//! record of the machine.

#![allow(clippy::unwrap_used, clippy::float_arithmetic, missing_docs, reason = "a measurement")]

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use topup::app::router;
use topup::clock::Clock;
use topup::domain::{Catalog, Credits};
use topup::ledger::{Charge, Ledger, Outcome};
use topup::store::Store;
use topup::usecases::{Running, Services, customers};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1_500);
const CUSTOMERS: usize = 1_000;
const CALLERS: usize = 64;
const KEY: &str = "bench-operator-key-00000000000000000";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run());
}

/// A folder for one database, on the disk that `target` is on: /tmp may be memory.
fn folder() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn run() {
    let folder = folder();
    let services = services(&folder).await;
    let address = serve(&services).await;
    let mut table: Vec<(&str, Vec<f64>)> = Vec::new();
    for _ in 0..ROUNDS {
        record(&mut table, "disk: 4 KiB overwrite + fdatasync, one at a time", flushes(&folder));
        record(&mut table, "SQLite in process, one caller", charges(&services, 1, CUSTOMERS).await);
        record(
            &mut table,
            "SQLite in process, 64 callers, 1,000 customers",
            charges(&services, CALLERS, CUSTOMERS).await,
        );
        record(&mut table, "SQLite in process, 64 callers, ONE customer", charges(&services, CALLERS, 1).await);
        record(&mut table, "SQLite over HTTP, one connection", http(address, 1).await);
        record(&mut table, "SQLite over HTTP, 64 connections, 1,000 customers", http(address, CALLERS).await);
    }
    report(&mut table);
    let checked = topup::usecases::check::run(&services.store).await.unwrap();
    println!("topup check: {}", checked.map_or_else(|broken| broken, |sum| sum.to_string()));
}

fn record<'a>(table: &mut Vec<(&'a str, Vec<f64>)>, name: &'a str, rate: f64) {
    match table.iter_mut().find(|(known, _)| *known == name) {
        Some((_, rates)) => rates.push(rate),
        None => table.push((name, vec![rate])),
    }
}

fn report(table: &mut [(&str, Vec<f64>)]) {
    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let disk = median(&mut table[0].1);
    let alone = median(&mut table[1].1);
    println!("| what | a second (median of {ROUNDS}) | of the disk's flushes | of one caller |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, rates) in table {
        let rate = median(rates);
        println!("| {name} | {rate:.0} | {:.2} | {:.2} |", rate / disk, rate / alone);
    }
}

/// What the disk can do: the same 4 KiB again and again, each flushed.
fn flushes(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("flush")).unwrap();
    file.write_all(&[0; 4096]).unwrap();
    file.sync_all().unwrap();
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[done as u8; 4096]).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

async fn services(folder: &Path) -> Services {
    let catalog = Arc::new(Catalog::parse(include_str!("../catalog.toml")).unwrap());
    let store = Store::open(&format!("sqlite://{}", folder.join("bench.db").display())).await.unwrap();
    store.migrate().await.unwrap();
    let clock = Clock::system();
    let (ledger, _engine) = Ledger::start(store.clone(), clock.clone(), Arc::clone(&catalog));
    let running = Running {
        public_url: "http://127.0.0.1".to_owned(),
        operator_keys: vec![KEY.to_owned()],
        stripe: None,
        return_origins: Vec::new(),
        site_root: folder.to_owned(),
        checkout_origin: "http://127.0.0.1".to_owned(),
        form_secret: vec![0; 32],
        session_idle: chrono::TimeDelta::hours(12),
        session_max: chrono::TimeDelta::days(14),
        demo: false,
        trusted_proxies: Vec::new(),
        limits: topup::limits::Limits::new(None),
    };
    let support = topup::mail::mailbox(&catalog.shop.support_email, &catalog.shop.name).unwrap();
    let sender = topup::mail::Sender { from: support.clone(), reply_to: support };
    let mailer = topup::mail::Mailer::new(topup::mail::Transport::Off, sender);
    let (books, settings) = (topup::usecases::sales::Books::default(), Arc::new(running));
    let services = Services { store, ledger, stripe: None, catalog, clock, mailer, books, settings };
    for n in 0..CUSTOMERS {
        let put = customers::Put {
            email: Some(format!("c{n}@bench.example")),
            plan: Some("pro".to_owned()),
            ..customers::Put::default()
        };
        customers::put(&services, &format!("c{n}"), put).await.unwrap();
    }
    services
}

async fn serve(services: &Services) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(services);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Charges of a thousandth, with random keys, by so many callers that each wait for their answer.
async fn charges(services: &Services, callers: usize, customers: usize) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let services = services.clone();
            tokio::spawn(async move {
                let mut done = 0_u32;
                while start.elapsed() < ROUND {
                    let customer = format!("c{}", (caller + done as usize * callers) % customers);
                    let charge = Charge {
                        customer,
                        key: random_key(),
                        content: [7; 16],
                        credits: Credits(1),
                        operation: Some("scrape".to_owned()),
                        quantities: None,
                        source: None,
                        metadata: None,
                    };
                    assert!(matches!(services.ledger.charge(charge).await.unwrap(), Outcome::Charged(_)));
                    done += 1;
                }
                done
            })
        })
        .collect();
    sum(tasks).await / start.elapsed().as_secs_f64()
}

async fn http(address: std::net::SocketAddr, connections: usize) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|connection| {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            tokio::spawn(async move {
                let mut done = 0_u32;
                while start.elapsed() < ROUND {
                    let customer = (connection + done as usize * connections) % CUSTOMERS;
                    let request = client
                        .post(format!("http://{address}/v1/customers/c{customer}/usage"))
                        .header("x-api-key", KEY)
                        .header("idempotency-key", random_key())
                        .header("content-type", "application/json")
                        .body(r#"{"credits":0.001,"operation":"scrape"}"#);
                    let response = request.send().await.unwrap();
                    assert_eq!(response.status(), 201);
                    response.bytes().await.unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    sum(tasks).await / start.elapsed().as_secs_f64()
}

async fn sum(tasks: Vec<tokio::task::JoinHandle<u32>>) -> f64 {
    let mut sum = 0.0;
    for task in tasks {
        sum += f64::from(task.await.unwrap());
    }
    sum
}

fn random_key() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}
