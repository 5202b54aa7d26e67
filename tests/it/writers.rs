//! Several processes that write to one PostgreSQL at the same time.
//!
//! Nothing may depend on the order of row numbers, a key is bound once whoever is asked, and a process that is frozen in
//! the middle of a transaction delays its own customers alone.

use crate::app::{Database, Home, STUCK, TestApp};
use crate::database_outages::{begin_with_first, charge_until_done};
use crate::engine::{charge, charged, end, second};
use crate::process::{Process, call, content, start, topup};
use futures::future::{join_all, maybe_done};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;
use topup::store::Store;
use topup::usecases::insight::sales;

const CUSTOMERS: [&str; 3] = ["acme", "larch", "meridian"];

async fn others_go_on(app: &TestApp) {
    for customer in CUSTOMERS {
        app.put_customer(customer, "starter").await;
    }
    let other = Store::open(&app.home.url).await.unwrap();
    let mut frozen = begin_with_first(&other).await;
    // However slow the machine is, the server does not end it.
    frozen.execute("set local idle_in_transaction_session_timeout = 0", Vec::new()).await.unwrap();
    let batch = json!({"charges": [
        {"customer": "larch", "credits": 1, "idempotency_key": "batch-1"},
        {"customer": "acme", "credits": 1, "idempotency_key": "batch-1"},
        {"customer": "acme", "credits": 2, "idempotency_key": "batch-2"},
        {"customer": "nobody", "credits": 1, "idempotency_key": "batch-1"},
    ]})
    .to_string();
    let both = async { tokio::join!(app.charge("acme", "1", "waits"), app.post("/v1/usage", "-", batch.clone())) };
    let mut waiting = Box::pin(maybe_done(both));
    for n in 0..20 {
        let _still_waiting = futures::poll!(&mut waiting);
        app.charge("larch", "1", &format!("job-{n}")).await.expect(201);
        let hold = r#"{"credits":1,"ttl_seconds":600}"#;
        app.post("/v1/customers/meridian/holds", &format!("hold-{n}"), hold).await.expect(201);
    }
    // The batch's other customer was charged too, though the batch is not answered yet.
    assert_eq!((app.available("larch").await, app.available("meridian").await), (json!(4_979), json!(4_980)));
    assert_eq!(app.available("acme").await, 5_000);
    frozen.commit().await.unwrap();
    // They have waited, or were refused after `lock_timeout`.
    waiting.await;
    charge_until_done(app, "acme", "waits").await;
    let results = loop {
        let answer = app.post("/v1/usage", "-", batch.clone()).await;
        if answer.status == 200 {
            break answer.json()["results"].clone();
        }
        answer.expect_problem(503, "overloaded");
    };
    let statuses: Vec<&Value> = results.as_array().unwrap().iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [201, 201, 201, 404]);
    assert_eq!(app.available("acme").await, 4_996);
    app.check().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_keeps_an_account_delays_nobody_elses_charges_and_holds() {
    crate::app::run(Database::Postgres, others_go_on).await;
}

async fn interleaved(app: &TestApp) {
    for customer in CUSTOMERS {
        app.put_customer(customer, "pro").await;
    }
    let other = second(app).await;
    let mine = app.inner().ledger.clone();
    // Both take runs of rows, then write by turns: rows of one customer lie in both, in no order.
    for n in 0..150_i64 {
        let ledger = if n % 2 == 0 { &mine } else { &other.0.ledger };
        let customer = CUSTOMERS[usize::try_from(n / 2 % 3).unwrap()];
        charged(ledger.charge(charge(customer, &format!("job-{n}"), 1)).await);
        if n % 50 == 20 {
            // The report reads on from where it was, in both runs.
            let report = sales::sales_report(&app.inner()).await.unwrap();
            assert!(report.is_whole());
            assert_eq!(report.outstanding(), i128::from(300_000 - n - 1) * 1_000, "{n}");
            app.check().await;
        }
    }
    let rows = "select count(*) as n from entries e join entries p on p.row_no = e.prev_row where p.row_no > e.row_no";
    assert!(app.count(rows).await > 0, "the runs are interleaved");
    for customer in CUSTOMERS {
        let entries = app.entries(customer).await;
        let seqs: Vec<i64> = entries.iter().map(|entry| entry["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, (1..=51).collect::<Vec<_>>());
        assert_eq!(entries.last().unwrap()["balance_after"], 99_950);
    }
    app.check().await;
    drop(mine);
    end(other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_two_writers_come_in_no_order_and_nothing_depends_on_it() {
    crate::app::run(Database::Postgres, interleaved).await;
}

/// Three processes, and what their callers know.
struct Shop {
    home: Home,
    processes: Mutex<Vec<Process>>,
    /// Answers by path and key.
    answers: Mutex<HashMap<(String, String), Value>>,
    count: AtomicUsize,
    answered: Notify,
    is_over: AtomicBool,
}

impl Shop {
    async fn open() -> Self {
        let home = Home::make(Database::Postgres).await;
        let processes = (0..3).map(|_| Self::serve(&home.url)).collect::<Vec<_>>();
        for customer in CUSTOMERS {
            let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
            let path = format!("/v1/customers/{customer}");
            call(&processes[0].base, "PUT", &path, "-", body).await.unwrap().expect(201);
        }
        Self {
            home,
            processes: Mutex::new(processes),
            answers: Mutex::default(),
            count: AtomicUsize::new(0),
            answered: Notify::new(),
            is_over: AtomicBool::new(false),
        }
    }

    fn serve(url: &str) -> Process {
        start(topup(&["serve"], &[("DATABASE_URL", url)])).unwrap_or_else(|output| panic!("{output:?}"))
    }

    fn base(&self, process: usize) -> String {
        self.processes.lock().unwrap()[process % 3].base.clone()
    }

    /// Asks a process until it is done; every answer to one key is the same.
    async fn post(&self, process: usize, path: &str, key: &str, body: &str) -> Value {
        loop {
            let answer = call(&self.base(process), "POST", path, key, body.to_owned()).await;
            let Ok(answer) = answer else {
                tokio::task::yield_now().await;
                continue;
            };
            if answer.status == 503 {
                continue;
            }
            let json = answer.expect(201).json();
            let before = self.answers.lock().unwrap().insert((path.to_owned(), key.to_owned()), json.clone());
            assert!(before.is_none_or(|before| before == json), "{path} {key}: one key, one answer");
            self.count.fetch_add(1, Ordering::SeqCst);
            self.answered.notify_waiters();
            return json;
        }
    }

    /// One caller: charges, some of them asked of two processes at once, and holds that are settled elsewhere.
    async fn call_on(&self, process: usize, name: &str) {
        for n in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let customer = CUSTOMERS[(process + n) % 3];
            let (usage, key) = (format!("/v1/customers/{customer}/usage"), format!("{name}-{n}"));
            match n % 4 {
                0 => {
                    let hold = format!("/v1/customers/{customer}/holds");
                    let held = self.post(process, &hold, &key, r#"{"credits":3,"ttl_seconds":86400}"#).await;
                    let settle = format!("/v1/holds/{}/settle", held["id"].as_str().unwrap());
                    self.settle(process + 1, &settle, &key).await;
                }
                1 => {
                    let both = [process, process + 1].map(|one| self.post(one, &usage, &key, r#"{"credits":2}"#));
                    join_all(both).await;
                }
                _ => drop(self.post(process, &usage, &key, r#"{"credits":2}"#).await),
            }
        }
    }

    async fn settle(&self, process: usize, path: &str, key: &str) {
        let key = format!("settle-{key}");
        loop {
            let answer = call(&self.base(process), "POST", path, &key, r#"{"credits":2}"#.to_owned()).await;
            if let Ok(answer) = answer
                && answer.status != 503
            {
                answer.expect(200);
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn more(&self, more: usize) {
        let until = self.count.load(Ordering::SeqCst) + more;
        loop {
            let answered = self.answered.notified();
            if self.count.load(Ordering::SeqCst) >= until {
                return;
            }
            answered.await;
        }
    }

    /// Ends or freezes one process after the other, while the others go on.
    async fn disturb(&self, rounds: usize) {
        for round in 0..rounds {
            self.more(40).await;
            let process = round % 3;
            match round / 3 % 3 {
                0 => {
                    self.processes.lock().unwrap()[process].kill();
                    self.more(20).await;
                    let again = Self::serve(&self.home.url);
                    self.processes.lock().unwrap()[process] = again;
                }
                1 => {
                    self.processes.lock().unwrap()[process].signal("STOP");
                    self.more(40).await;
                    self.processes.lock().unwrap()[process].signal("CONT");
                }
                _ => {
                    let again = Self::serve(&self.home.url);
                    let mut old = std::mem::replace(&mut self.processes.lock().unwrap()[process], again);
                    assert_eq!(old.terminate().await, Some(0));
                }
            }
        }
        self.more(40).await;
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// All that was answered is there, once.
    async fn settle_up(&self) {
        let answers: Vec<((String, String), Value)> =
            self.answers.lock().unwrap().iter().map(|(call, json)| (call.clone(), json.clone())).collect();
        let mut spent = HashMap::new();
        for ((path, _), _) in &answers {
            *spent.entry(path.split('/').nth(3).unwrap().to_owned()).or_insert(0) += 2;
        }
        for part in answers.chunks(16) {
            let again = part.iter().enumerate().map(|(n, ((path, key), _))| {
                let body =
                    if path.ends_with("holds") { r#"{"credits":3,"ttl_seconds":86400}"# } else { r#"{"credits":2}"# };
                self.post(n, path, key, body)
            });
            join_all(again).await;
        }
        for (customer, spent) in spent {
            let path = format!("/v1/customers/{customer}/balance");
            let balance = call(&self.base(0), "GET", &path, "-", String::new()).await.unwrap().json();
            assert_eq!((&balance["available"], &balance["held"]), (&json!(100_000 - spent), &json!(0)), "{customer}");
        }
        println!("{} answers of three processes", answers.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_that_are_killed_frozen_and_restarted_lose_and_double_nothing() {
    let rounds = if std::env::var_os("TOPUP_PROVE").is_some() { 90 } else { 9 };
    let shop = Shop::open().await;
    let callers = join_all((0..12).map(|n| {
        let shop = &shop;
        async move { shop.call_on(n % 3, &format!("c{n}")).await }
    }));
    let stuck = STUCK * u32::try_from(rounds).unwrap();
    tokio::time::timeout(stuck, async { tokio::join!(callers, shop.disturb(rounds)) }).await.expect("an end");
    shop.settle_up().await;
    content(&shop.home, CUSTOMERS.len());
    let processes = std::mem::take(&mut *shop.processes.lock().unwrap());
    for mut process in processes {
        assert_eq!(process.terminate().await, Some(0));
    }
    content(&shop.home, CUSTOMERS.len());
    shop.home.remove().await;
}
