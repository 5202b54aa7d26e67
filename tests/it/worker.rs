//! The worker: several at once, one with a slow clock, a broken customer; and its commands.

use crate::app::{Database, Home, OPERATOR_KEY, TestApp, on_both};
use crate::process::{start, topup};
use crate::reminders::mails;
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;
use std::sync::Arc;
use topup::args;
use topup::clock::Clock;
use topup::domain::Instant;
use topup::ledger::Ledger;
use topup::store::Store;
use topup::usecases::credits::accounts;
use topup::usecases::notify::reminders;
use topup::usecases::{App, AppParts, alarms, jobs};

/// Another process on the same database: an engine of its own, and a clock that may be wrong.
async fn another(app: &TestApp, at: Instant) -> App {
    let inner = app.inner();
    // A connection of its own: another's writes are seen by the database's own counter.
    let store = Store::open(&app.home.url).await.unwrap();
    let clock = Clock::manual(at);
    let (ledger, _engine) = Ledger::start(store.clone(), clock.clone(), Arc::clone(&inner.catalog));
    App::new(AppParts { store, ledger, clock, ..inner.parts() })
}

on_both!(several_workers_at_once_remind_and_expire_once, |app| {
    let customers: Vec<String> = (0..12).map(|n| format!("c{n}")).collect();
    for customer in &customers {
        app.put_customer(customer, "starter").await;
        app.buy(customer, "p1200", &format!("buy-{customer}")).await;
    }
    // The service of another worker: nothing has worked for 340 days.
    app.advance_minutes(1).await;
    let now = app.now() + TimeDelta::days(340);
    let workers: Vec<App> = join_all((0..4).map(|_| another(app, now))).await;
    for done in join_all(workers.iter().map(jobs::run_due)).await {
        done.unwrap();
    }
    let sums = "select count(*) as n from outbox where kind = 'reminder'";
    assert_eq!(app.count(sums).await, 12);
    let later = now + TimeDelta::days(40);
    workers.iter().for_each(|worker| worker.clock.put(later));
    for done in join_all(workers.iter().map(jobs::run_due)).await {
        done.unwrap();
    }
    assert_eq!(app.count(sums).await, 12, "nobody was there for the second, and then it was too late");
    assert_eq!(app.count("select count(*) as n from outbox where kind = 'expired'").await, 12);
    assert_eq!(
        app.count(
            "select count(*) as n from entries e join grants g on g.no = e.grant_no where e.kind = 3 and g.kind = 3"
        )
        .await,
        12
    );
    app.advance_to(later).await;
});

on_both!(a_worker_whose_clock_is_behind_reopens_nothing, |app| {
    app.put_customer("acme", "starter").await;
    let bought = app.buy("acme", "p1200", "buy-1").await;
    let ends: Instant = bought["expires_at"].as_str().unwrap().parse().unwrap();
    app.advance_to(ends - TimeDelta::days(29)).await;
    for behind in [TimeDelta::hours(3), TimeDelta::days(1), TimeDelta::days(2)] {
        let late = another(app, app.now() - behind).await;
        app.charge("acme", "1", &format!("right-{behind}")).await.expect(201);
        let before = app.ledger("acme").await;
        jobs::run_due(&late).await.unwrap();
        reminders::send_reminders(&late).await.unwrap();
        accounts::catch_up_if_due(&late, 1).await.unwrap();
        assert_eq!(app.ledger("acme").await.1, before.1, "{behind}");
        let charge = topup::ledger::Charge {
            customer: "acme".to_owned(),
            key: format!("late-{behind}"),
            content: [7; 16],
            credits: topup::domain::Credits::whole(1),
            operation: None,
            quantities: None,
            source: None,
            metadata: None,
        };
        let topup::ledger::ChargeOutcome::Charged(charged) = late.ledger.charge(charge).await.unwrap() else {
            panic!()
        };
        assert_eq!(charged.at, app.now(), "the account's own instant, not the late one");
    }
    assert_eq!(mails(app, &["reminder"]).await.len(), 1);
    // Behind the expiry that another process has booked.
    app.advance_to(ends + TimeDelta::hours(1)).await;
    let late = another(app, ends - TimeDelta::days(1)).await;
    let before = app.entries("acme").await;
    accounts::catch_up_if_due(&late, 1).await.unwrap();
    jobs::run_due(&late).await.unwrap();
    assert_eq!(app.entries("acme").await, before);
    assert_eq!(mails(app, &["reminder", "expired"]).await.len(), 3);
});

on_both!(a_customer_whose_rows_are_broken_keeps_nobody_else_from_being_served, |app| {
    for customer in ["acme", "larch", "fjord"] {
        app.put_customer(customer, "starter").await;
    }
    app.tamper("update accounts set hash = $1 where customer_no = 1", args![vec![1_u8]]).await.unwrap();
    let worker = another(app, app.now() + TimeDelta::days(40)).await;
    jobs::run_due(&worker).await.unwrap();
    let alarms = alarms::open_alarms(&app.inner().store).await.unwrap();
    let named: Vec<&str> = alarms.iter().map(|alarm| alarm.subject.as_str()).collect();
    assert!(named == ["ledger acme"] && alarms[0].detail.contains("hash"), "{alarms:?}");
    assert_eq!(app.count("select count(*) as n from entries").await, 3 + 2 * 2);
    // As a restore would; the check at the end of the test sees a whole ledger.
    let sql = "update accounts set hash = (select hash from entries e where e.row_no = accounts.head_row) where customer_no = 1";
    app.tamper(sql, Vec::new()).await.unwrap();
    jobs::run_due(&worker).await.unwrap();
    assert_eq!(app.count("select count(*) as n from entries").await, 3 + 2 * 2, "it waits before it is retried");
    worker.clock.put(worker.clock.now() + TimeDelta::minutes(2));
    jobs::run_due(&worker).await.unwrap();
    assert_eq!(app.count("select count(*) as n from entries").await, 3 * 3);
    assert!(app.alarms().await.is_empty(), "the alarm ends with its cause");
    app.advance_to(worker.clock.now()).await;
});

on_both!(metrics_say_how_each_job_does_and_need_a_key, |app| {
    app.put_customer("acme", "starter").await;
    app.charge("acme", "5000", "job-1").await.expect(201);
    let job = jobs::job_named("news").unwrap();
    let inner = app.inner();
    topup::jobs::run_once(job, &inner, &tokio_util::sync::CancellationToken::new()).await.unwrap();
    let text = app.get("/metrics").await.expect(200);
    assert!(text.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for job in ["ledger", "reminders", "news", "inbox", "purchases", "mails"] {
        assert!(text.text.contains(&format!("topup_job_backlog{{name=\"{job}\"}}")), "{job}: {}", text.text);
    }
    assert!(text.text.contains("topup_job_failures_in_a_row{name=\"news\"} 0"), "{}", text.text);
    assert!(text.text.ends_with("# EOF\n"));
    let stranger = app.http.get(format!("http://{}/metrics", app.address));
    app.send(stranger).await.expect(401);
});

fn run(command: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = topup(command, settings).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_of_its_own_works_beside_a_server_that_does_not() {
    for database in [Database::Sqlite, Database::Postgres] {
        let home = Home::make(database).await;
        let folder = home.folder.join("mails").display().to_string();
        let settings = [("DATABASE_URL", home.url.as_str()), ("MAIL_DIR", &folder), ("WORKER", "off")];
        assert_eq!(run(&["jobs", "list"], &settings).0, Some(2), "no tables yet");
        let mut server = start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let send = async |method: &str, path: &str, body: String| {
            let url = format!("{}{path}", server.base);
            let request = client.request(method.parse().unwrap(), url).header("x-api-key", OPERATOR_KEY);
            let request = request.header("content-type", "application/json").header("idempotency-key", "one");
            request.body(body).send().await.unwrap().status().as_u16()
        };
        let body = json!({"email": "ada@acme.example", "plan": "free"}).to_string();
        assert_eq!(send("PUT", "/v1/customers/acme", body).await, 201);
        assert_eq!(send("POST", "/v1/customers/acme/usage", r#"{"credits":300}"#.to_owned()).await, 201);
        let (code, list) = run(&["jobs", "list"], &settings);
        assert_eq!(code, Some(0), "{list}");
        assert!(list.contains("news") && list.contains("no run yet; waiting: 1"), "{list}");
        let (code, text) = run(&["jobs", "run", "nothing"], &settings);
        assert!(code == Some(2) && text.contains("NAME") && text.contains("reminders"), "{text}");
        let (code, text) = run(&["jobs", "run", "news"], &settings);
        assert!(code == Some(0) && text.contains("news: items done: 1, waiting: 0"), "{text}");
        // The rest is done by a worker, which ends in good order when told to.
        let mut worker = topup(&["work"], &settings).spawn().unwrap();
        let sent = async {
            while std::fs::read_dir(&folder).map_or(0, Iterator::count) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::app::STUCK, sent).await.expect("a mail within the minute");
        let kill = std::process::Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(worker.wait().unwrap().code(), Some(0));
        server.kill();
        let (code, text) = run(&["check"], &settings);
        assert_eq!(code, Some(0), "{text}");
        home.remove().await;
    }
}
