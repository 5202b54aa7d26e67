//! `READ_DATABASE_URL`: what is read from a standby, as of when, and that no page needs it.

use crate::app::{Answer, Browser, Database, Home, STUCK, TestApp, settings};
use crate::process::{Process, call, start, topup};
use crate::two_servers::Server;
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use topup::app::build::{Variant, build_app, open_read_store, read_catalog};
use topup::domain::Instant;
use topup::store::Store;
use topup::store::db::Connection;
use topup::usecases::App;
use topup::usecases::credits::dated::{ReadFrom, read_dated};
use topup::usecases::upkeep::read_standby::{StandbyWatch, ask_standby};

/// A standby that follows by streaming. It ends with its standard input.
struct Standby {
    script: Child,
    url: String,
    folder: String,
}

impl Standby {
    fn of(server: &Server) -> Self {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/with-standby"));
        command.args([&server.url, "sh", "-c", "echo $TOPUP_TEST_STANDBY; echo $TOPUP_TEST_STANDBY_DATA; exec cat"]);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(script.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let (url, folder) = (lines.next().unwrap(), lines.next().unwrap());
        drop(lines);
        Self { script, url, folder }
    }

    /// Sends a signal to all of its processes.
    fn signal(&self, name: &str) {
        let kill = format!("pid=$(head -1 {}/postmaster.pid); kill -{name} $pid $(pgrep -P $pid)", self.folder);
        assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ended = self.script.wait();
    }
}

async fn execute(store: &Store, sql: &str) {
    store.read().await.unwrap().execute(sql, Vec::new()).await.unwrap();
}

async fn is_true(store: &Store, what: &str) -> bool {
    let sql = format!("select cast({what} as text) as answer");
    store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().text("answer").unwrap()
        == "true"
}

fn serve(url: &str, read_url: &str) -> Process {
    let settings = [("DATABASE_URL", url), ("READ_DATABASE_URL", read_url), ("WORKER", "off")];
    start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"))
}

async fn get(process: &Process, path: &str) -> Answer {
    call(&process.base, "GET", path, "-", String::new()).await.unwrap().expect(200)
}

async fn charge(process: &Process, key: &str) -> Answer {
    let body = format!(r#"{{"credits":1,"source":"{key}"}}"#);
    call(&process.base, "POST", "/v1/customers/acme/usage", key, body).await.unwrap().expect(201)
}

/// The list of usage as soon as it has this source.
async fn usage_with(process: &Process, source: &str) -> Answer {
    loop {
        let answer = get(process, "/v1/customers/acme/usage").await;
        if answer.text.contains(&format!("\"source\":\"{source}\"")) {
            return answer;
        }
    }
}

/// Waits until a series has this value.
async fn until(process: &Process, series: &str) {
    while !get(process, "/metrics").await.text.lines().any(|line| line == series) {}
}

fn as_of(answer: &Answer) -> Instant {
    answer.header("as-of").unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap()
}

fn check(url: &str, read_url: &str) -> (String, String) {
    let output = topup(&["check"], &[("DATABASE_URL", url), ("READ_DATABASE_URL", read_url)]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_answers_with_its_date_and_the_primary_where_it_will_not_do() {
    let server = Server::start().await;
    let operator = Store::open(&server.url).await.unwrap();
    operator.migrate().await.unwrap();
    let standby = Standby::of(&server);
    let mut process = serve(&server.url, &standby.url);
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&process.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    until(&process, "topup_read_standby_up 1").await;
    charge(&process, "one").await;
    usage_with(&process, "one").await;
    what_is_behind_says_so(&process, &standby).await;
    let (said, _) = check(&server.url, &standby.url);
    assert!(said.starts_with("as of 2") && said.contains(", from READ_DATABASE_URL\nok: 1 customers"), "{said}");
    a_canceled_query_is_asked_of_the_primary(&server, &standby, &operator).await;

    // Silent, and back.
    standby.signal("STOP");
    charge(&process, "three").await;
    let answer = get(&process, "/v1/customers/acme/usage").await;
    assert!(answer.text.contains("\"three\""), "{answer:?}");
    until(&process, "topup_read_standby_up 0").await;
    standby.signal("CONT");
    until(&process, "topup_read_standby_up 1").await;

    // Gone.
    let (app, engine) = app_of(&server, &standby).await;
    let gone = standby.url.clone();
    drop(standby);
    charge(&process, "four").await;
    let answer = get(&process, "/v1/customers/acme/usage").await;
    assert!(answer.text.contains("\"four\""), "{answer:?}");
    ask_standby(&app, &mut StandbyWatch::new(Duration::ZERO)).await.unwrap();
    assert!(
        is_true(&operator, "(select count(*) = 1 from alarms where kind = 'standby' and acknowledged_at is null)")
            .await
    );
    app.read_store.close().await;
    drop(app);
    engine.await.unwrap();
    let (said, noted) = check(&server.url, &gone);
    assert!(said.starts_with("ok: 1 customers") && noted.contains("DATABASE_URL is checked instead"), "{said}{noted}");
    assert_eq!(process.terminate().await, Some(0));
    // A start does not wait for it.
    assert_eq!(serve(&server.url, &gone).terminate().await, Some(0));
    another_database_is_refused(&server).await;
    operator.close().await;
}

/// What was charged since is not there, and the date says so; the balance is of now.
async fn what_is_behind_says_so(process: &Process, standby: &Standby) {
    let copy = Store::open(&standby.url).await.unwrap();
    execute(&copy, "select pg_wal_replay_pause()").await;
    while !is_true(&copy, "pg_get_wal_replay_pause_state() = 'paused'").await {}
    let two = charge(process, "two").await.json();
    let behind = get(process, "/v1/customers/acme/usage").await;
    assert!(behind.text.contains("\"one\"") && !behind.text.contains("\"two\""), "{behind:?}");
    assert!(as_of(&behind) <= two["created_at"].as_str().unwrap().parse::<Instant>().unwrap());
    let balance = get(process, "/v1/customers/acme/balance").await;
    assert_eq!((&balance.json()["available"], balance.header("as-of")), (&two["balance"]["available"], None));
    // A file proves itself as it is.
    let file = get(process, "/v1/customers/acme/entries?format=csv").await;
    assert!(as_of(&file) >= as_of(&behind) && topup::usecases::credits::export::verify_export(&file.text).is_ok());
    assert!(get(process, "/metrics").await.text.contains("\ntopup_dated_reads_total{server=\"standby\"} "));
    execute(&copy, "select pg_wal_replay_resume()").await;
    usage_with(process, "two").await;
    copy.close().await;
}

/// Another cluster is no standby of this one, and neither is another database.
async fn another_database_is_refused(server: &Server) {
    let (home, other) = (Home::make(Database::Postgres).await, Home::make(Database::Postgres).await);
    for (url, read_url) in [(&server.url, &home.url), (&home.url, &other.url)] {
        let Err(output) = start(topup(&["serve"], &[("DATABASE_URL", url), ("READ_DATABASE_URL", read_url)])) else {
            panic!("a foreign database was accepted")
        };
        let said = String::from_utf8(output.stderr).unwrap();
        let refused = said.lines().any(|line| line.starts_with("READ_DATABASE_URL: leads to another database"));
        assert_eq!((output.status.code(), refused), (Some(2), true), "{said}");
    }
    home.remove().await;
    other.remove().await;
}

async fn app_of(server: &Server, standby: &Standby) -> (App, tokio::task::JoinHandle<()>) {
    let mut settings = settings(&server.url);
    settings.test_clock = None;
    settings.database.read_database_url = Some(standby.url.clone());
    let store = Store::open(&server.url).await.unwrap();
    let read_store = open_read_store(&settings.database, &store).await.unwrap();
    let catalog = Arc::new(read_catalog(&settings.database.catalog).unwrap());
    let url = "http://127.0.0.1:1".to_owned();
    build_app(&settings, Variant::default(), store, catalog, url, read_store).await.unwrap()
}

/// A standby cancels a query that is in the way of what it has to copy.
async fn a_canceled_query_is_asked_of_the_primary(server: &Server, standby: &Standby, operator: &Store) {
    let (app, engine) = app_of(server, standby).await;
    let mut watch = StandbyWatch::new(STUCK);
    execute(operator, "create table probe (n bigint)").await;
    while app.read_store.age().is_none() {
        ask_standby(&app, &mut watch).await.unwrap();
    }
    let row = operator.read().await.unwrap().fetch_optional("select no from customers", Vec::new()).await.unwrap();
    let no = row.unwrap().int("no").unwrap();
    let dated = read_dated(&app, no, ReadFrom::Standby, |mut db: Connection| async move {
        let sql = "select cast(case when pg_is_in_recovery() then 1 else 0 end as bigint) as n";
        let is_standby = db.fetch_optional(sql, Vec::new()).await?.unwrap().int("n")? == 1;
        if is_standby {
            db.fetch_optional("select n from probe", Vec::new()).await?;
            let asked = db.fetch_optional("select 1 as n from pg_sleep(60)", Vec::new());
            tokio::join!(asked, execute(operator, "drop table probe")).0?;
        }
        Ok(is_standby)
    });
    let dated = dated.await.unwrap();
    assert!(!dated.found && dated.as_of.is_some());
    // It was no fault of the standby.
    assert!(app.read_store.snapshot().await.is_some());
    app.read_store.close().await;
    drop(app);
    engine.await.unwrap();
}

/// All that is read with its date; with the primary as its own standby, and the product's clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_files_and_lists_say_as_of_when_they_are() {
    let app = TestApp::start(Database::Postgres).await;
    app.put_customer("acme", "starter").await;
    app.charge("acme", "380", "one").await.expect(201);
    let browser = Browser::new(&app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    assert_eq!(browser.get("/history.csv").await.expect(200).header("as-of"), None, "all is of now");
    assert!(!browser.get("/history").await.expect(200).text.contains("As of "));
    let sql = "insert into alarms (key, kind, subject, detail, raised_at, times)
        values ('standby:READ_DATABASE_URL', 'standby', 'READ_DATABASE_URL', 'of an earlier process', 0, 1)";
    app.tamper(sql, Vec::new()).await.unwrap();
    app.set(|settings| settings.database.read_database_url = Some(settings.database.database_url.clone()));
    app.restart().await;
    while app.inner().read_store.age().is_none() {
        tokio::task::yield_now().await;
    }
    let now = app.inner().clock.now();
    let made = app.send(app.write("POST", "/v1/customers/acme/api_keys", None, r#"{"name":"w"}"#)).await.expect(201);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let stats = app.http.get(format!("http://{}/api/usage-stats?range=7d", app.address)).bearer_auth(key);
    let mut answers = vec![app.send(stats).await.expect(200)];
    for path in ["usage", "entries", "entries?format=csv"] {
        answers.push(app.get(&format!("/v1/customers/acme/{path}")).await.expect(200));
    }
    for path in ["/history.csv", "/usage.csv"] {
        answers.push(browser.get(path).await.expect(200));
    }
    for answer in &answers {
        assert_eq!(as_of(answer), now, "{answer:?}");
    }
    for path in ["/history", "/usage"] {
        let page = browser.get(path).await.expect(200).text;
        let line = format!("As of <time datetime=\"{}\">", now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        assert!(page.contains(&line) && page.contains(&now.format("%H:%M:%S UTC").to_string()), "{line}: {page}");
    }
    assert!(!browser.get("/billing").await.expect(200).text.contains("As of "));
    // What is due is booked before it is read.
    app.advance(json!({"advance_days": 32})).await.expect(200);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let history = browser.get("/history").await.expect(200).text;
    assert!(history.contains("Unused plan credits expired"), "{history}");
    while app.count("select count(*) as n from alarms where kind = 'standby' and acknowledged_at is null").await > 0 {}
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}
