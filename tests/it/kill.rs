//! The real binary under charges, holds and purchases, killed at random moments and started again.
//!
//! After each kill: `topup check`, and acknowledged ⊆ database ⊆ asked, by the keys of the callers. At the end every
//! key is asked once more: whatever became of it, it was done once, and what was acknowledged is answered again.

use crate::app::{Answer, Database, Home, Opened, STUCK};
use crate::process::{Process, call, content, start, topup};
use futures::future::join_all;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use stripe_sandbox::{Sandbox, SandboxSettings};
use topup::clock::Clock;
use topup::store::Store;

const CUSTOMERS: [&str; 3] = ["acme", "larch", "meridian"];
const STRIPE_KEY: &str = "sk_test_of_the_tests_000000";
const WEBHOOK_SECRET: &str = "whsec_of_the_tests_000000";
/// Kills that one database sees.
const KILLS_MAX: usize = 50;

/// Requests of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RequestKind {
    Charge,
    Hold,
    Buy,
}

/// Concurrent callers.
const CALLERS: [RequestKind; 16] = {
    let mut callers = [RequestKind::Charge; 16];
    callers[0] = RequestKind::Buy;
    callers[1] = RequestKind::Buy;
    callers[2] = RequestKind::Hold;
    callers[3] = RequestKind::Hold;
    callers
};

fn random(below: usize) -> usize {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).unwrap();
    usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
}

/// Requests and acknowledgements by key, and payments, as callers know them.
#[derive(Clone, Default)]
struct Known {
    asked: HashSet<(RequestKind, String)>,
    acknowledged: HashMap<(RequestKind, String), Value>,
    paid: Vec<(String, Opened)>,
}

fn customer(key: &str) -> &'static str {
    CUSTOMERS[key.len() % CUSTOMERS.len()]
}

async fn ask(base: &str, kind: RequestKind, key: &str) -> Result<Answer, reqwest::Error> {
    let (path, body) = match kind {
        RequestKind::Charge => ("usage", format!(r#"{{"credits":2,"source":"{key}"}}"#)),
        RequestKind::Hold => ("holds", format!(r#"{{"credits":3,"ttl_seconds":86400,"source":"{key}"}}"#)),
        RequestKind::Buy => ("purchases", r#"{"package":"p1200"}"#.to_owned()),
    };
    call(base, "POST", &format!("/v1/customers/{}/{path}", customer(key)), key, body).await
}

/// A shop that is killed now and then, and the stand-in for Stripe, which is not.
struct Shop {
    home: Home,
    sandbox: Sandbox,
    stripe: String,
    /// The same over all restarts: webhooks come here.
    listen: String,
    known: Mutex<Known>,
}

impl Shop {
    async fn open(database: Database) -> (Self, Process) {
        let home = Home::make(database).await;
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stripe = format!("http://{}", listener.local_addr().unwrap());
        let now = || Clock::system().real();
        let sandbox = Sandbox::open(SandboxSettings {
            file: None,
            public_base: stripe.clone(),
            secret_key: STRIPE_KEY.to_owned(),
            webhook_url: format!("http://{listen}/webhooks/stripe"),
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            now: std::sync::Arc::new(now),
            real_now: std::sync::Arc::new(now),
            shop_name: "Gleaner".to_owned(),
            deliver_twice: false,
        });
        let sandbox = sandbox.await.unwrap();
        let router = sandbox.router();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        sandbox.spawn_deliveries();
        let shop = Self { home, sandbox, stripe, listen, known: Mutex::default() };
        let process = shop.serve();
        for customer in CUSTOMERS {
            let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
            let path = format!("/v1/customers/{customer}");
            call(&process.base, "PUT", &path, "-", body).await.unwrap().expect(201);
        }
        (shop, process)
    }

    fn serve(&self) -> Process {
        let settings = [
            ("DATABASE_URL", self.home.url.as_str()),
            ("LISTEN", &self.listen),
            ("STRIPE_SECRET_KEY", STRIPE_KEY),
            ("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET),
            ("STRIPE_API_BASE", &self.stripe),
        ];
        start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"))
    }

    /// One caller, until the process is gone; `answered` after each answer.
    async fn call_on(&self, base: &str, name: &str, kind: RequestKind, answered: &impl Fn()) {
        for n in 0.. {
            let key = format!("{name}-{n}{}", "x".repeat(n % 3));
            self.known.lock().unwrap().asked.insert((kind, key.clone()));
            let Ok(answer) = ask(base, kind, &key).await else { return };
            // Stripe's answer may be late on a busy machine; nothing is known then.
            if answer.status == 503 {
                continue;
            }
            let answer = answer.expect(201);
            let json = answer.json();
            self.known.lock().unwrap().acknowledged.insert((kind, key.clone()), json.clone());
            answered();
            let gone = match kind {
                RequestKind::Charge => false,
                RequestKind::Hold => {
                    let path = format!("/v1/holds/{}/settle", json["id"].as_str().unwrap());
                    let (key, body) = (format!("settle-{key}"), r#"{"credits":2}"#.to_owned());
                    call(base, "POST", &path, &key, body).await.is_err()
                }
                RequestKind::Buy => {
                    let opened = Opened::of(&answer);
                    self.sandbox.pay(&opened.session).await.unwrap();
                    self.known.lock().unwrap().paid.push((key, opened.clone()));
                    come_back(base, &opened).await.is_err()
                }
            };
            if gone {
                return;
            }
        }
    }

    /// All callers until the process is killed, which happens after some number of answers.
    async fn call_until_killed(&self, process: &mut Process, round: usize) {
        let (base, enough, count) = (process.base.clone(), random(80), AtomicUsize::new(0));
        let reached = tokio::sync::Notify::new();
        let answered = || {
            if count.fetch_add(1, Ordering::SeqCst) >= enough {
                reached.notify_one();
            }
        };
        let (base, answered) = (&base, &answered);
        let callers = CALLERS.into_iter().enumerate().map(|(n, kind)| async move {
            self.call_on(base, &format!("r{round}-c{n}"), kind, answered).await;
        });
        let killer = async {
            reached.notified().await;
            for _ in 0..random(2_000) {
                tokio::task::yield_now().await;
            }
            process.kill();
        };
        let all = async { tokio::join!(join_all(callers), killer) };
        tokio::time::timeout(STUCK, all).await.expect("an end of all calls");
    }

    /// Acknowledged ⊆ there ⊆ asked.
    async fn compare(&self) {
        let store = Store::open(&self.home.url).await.unwrap();
        let mut db = store.read().await.unwrap();
        let known = self.known.lock().unwrap().clone();
        for (kind, sql) in [
            (RequestKind::Charge, "select source as key from usages where hold is null"),
            (RequestKind::Hold, "select source as key from holds"),
        ] {
            let rows = db.fetch_all(sql, Vec::new()).await.unwrap();
            let there: HashSet<(RequestKind, String)> =
                rows.iter().map(|row| (kind, row.text("key").unwrap())).collect();
            assert_eq!(there.len(), rows.len(), "one {kind:?} a key");
            let mut mine = known.acknowledged.keys().filter(|key| key.0 == kind);
            assert_eq!(mine.find(|key| !there.contains(*key)), None, "acknowledged and lost");
            assert_eq!(there.difference(&known.asked).next(), None, "there and never asked for");
        }
        let rows = db.fetch_all("select id from purchases", Vec::new()).await.unwrap();
        let there: HashSet<String> =
            rows.iter().map(|row| topup::domain::PurchaseId(row.uuid("id").unwrap()).to_string()).collect();
        let bought = known.acknowledged.iter().filter(|(key, _)| key.0 == RequestKind::Buy);
        for (key, json) in bought {
            assert!(there.contains(json["id"].as_str().unwrap()), "{key:?} was acknowledged and is lost");
        }
        let asked = known.asked.iter().filter(|key| key.0 == RequestKind::Buy).count();
        assert!(there.len() <= asked, "{} purchases of {asked}", there.len());
        drop(db);
        store.close().await;
    }

    /// Every key once more, and every buyer comes back: all was done once.
    async fn settle_up(&self, process: &mut Process) {
        let Known { asked, acknowledged, paid } = self.known.lock().unwrap().clone();
        let (base, keys) = (&process.base, asked.iter().collect::<Vec<_>>());
        for keys in keys.chunks(32) {
            let answers = join_all(keys.iter().map(|(kind, key)| ask(base, *kind, key))).await;
            for (key, answer) in keys.iter().zip(answers) {
                let answer = answer.unwrap().expect(201);
                if let Some(before) = acknowledged.get(*key) {
                    assert_eq!((&answer.json(), answer.header("idempotent-replayed")), (before, Some("true")));
                }
            }
        }
        self.compare().await;
        for (key, opened) in &paid {
            come_back(base, opened).await.unwrap().expect(200);
            let path = format!("/v1/purchases/{}", opened.id);
            let purchase = call(base, "GET", &path, "-", String::new()).await.unwrap().expect(200).json();
            assert_eq!(purchase["state"], "credited", "{key}: {purchase}");
        }
        for customer in CUSTOMERS {
            let mine =
                |kind: RequestKind| asked.iter().filter(move |key| key.0 == kind && self::customer(&key.1) == customer);
            let bought = paid.iter().filter(|(key, _)| self::customer(key) == customer).count();
            let path = format!("/v1/customers/{customer}/balance");
            let balance = call(base, "GET", &path, "-", String::new()).await.unwrap().expect(200).json();
            let of = |path: &str| usize::try_from(balance.pointer(path).unwrap().as_i64().unwrap()).unwrap();
            // A hold is three that lie aside, or two that were used.
            let (open, all) = (of("/held") / 3, mine(RequestKind::Hold).count());
            let spent = 2 * mine(RequestKind::Charge).count() + 3 * open + 2 * (all - open);
            assert_eq!(of("/available"), 100_000 + 1_200 * bought - spent, "{customer}: {balance}");
        }
        assert_eq!(process.terminate().await, Some(0));
        content(&self.home, CUSTOMERS.len());
    }
}

/// The buyer's browser comes back from Checkout, signed out.
async fn come_back(base: &str, opened: &Opened) -> Result<Answer, reqwest::Error> {
    let path = format!("/purchases/{}?session_id={}", opened.id, opened.session);
    call(base, "GET", &path, "-", String::new()).await
}

async fn killed_repeatedly(database: Database) {
    let kills = if std::env::var_os("TOPUP_PROVE").is_some() { 250 } else { 5 };
    let (mut done, mut answers, mut paid) = (0, 0, 0);
    while done < kills {
        let (shop, mut process) = Shop::open(database).await;
        for round in 0..KILLS_MAX.min(kills - done) {
            shop.call_until_killed(&mut process, round).await;
            content(&shop.home, CUSTOMERS.len());
            shop.compare().await;
            process = shop.serve();
            done += 1;
        }
        shop.settle_up(&mut process).await;
        let known = shop.known.lock().unwrap().clone();
        (answers, paid) = (answers + known.acknowledged.len(), paid + known.paid.len());
        shop.home.remove().await;
    }
    println!(
        "{database:?}: {done} kills, {answers} acknowledged writes, {paid} of them paid purchases, none lost or doubled"
    );
}

mod a_kill_at_any_moment_loses_nothing_that_was_acknowledged {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        killed_repeatedly(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        killed_repeatedly(Database::Postgres).await;
    }
}
