//! Pages and jobs read no whole tables: every statement comes from the log of the real binary, its plan from the database.
//! `sources` checks all statements in the sources.

mod sources;

use crate::app::{Database, OPERATOR_KEY, STUCK, TestApp};
use crate::process::{start, topup};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use std::collections::BTreeSet;
use std::fs::File;

/// A customer who used up plan and top-ups in two cycles, with every kind of entry.
async fn seed(app: &TestApp) -> (String, String) {
    for customer in ["acme", "other"] {
        app.put_customer(customer, "builder").await;
        app.buy(customer, "p50000", &format!("{customer}-first")).await;
    }
    let used = |n: usize, customer: &str, credits: i64| {
        json!({"customer": customer, "idempotency_key": format!("{customer}-{n}"), "credits": credits,
               "operation": format!("op-{}", n % 7), "source": format!("crawler-{}", n % 3)})
    };
    for cycle in 0..3_usize {
        for customer in ["acme", "other"] {
            let charges: Vec<Value> = (0..300).map(|n| used(cycle * 300 + n, customer, 100)).collect();
            let key = format!("{customer}-{cycle}");
            app.post("/v1/usage", &key, json!({ "charges": charges }).to_string()).await.expect(200);
        }
        let reset = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().to_owned();
        if cycle < 2 {
            app.advance(json!({"advance_to": reset})).await.expect(200);
        }
    }
    let held = app.post("/v1/customers/acme/holds", "hold", r#"{"credits":4,"ttl_seconds":600}"#).await.expect(201);
    assert!(held.json()["id"].is_string());
    let undone = app.charge("acme", "3", "undone").await.expect(201).json()["id"].as_str().unwrap().to_owned();
    app.post(&format!("/v1/usage/{undone}/void"), "undo", r#"{"reason":"twice"}"#).await.expect(200);
    let grants = app.all("/v1/customers/acme/grants", 100).await;
    let top_up = grants.iter().find(|grant| grant["kind"] == "top_up").unwrap();
    // Near enough to its end that Billing speaks of the pace.
    let expires = top_up["expires_at"].as_str().unwrap().parse::<topup::domain::Instant>().unwrap();
    app.advance_to(expires - TimeDelta::days(20)).await;
    app.charge("acme", "25001", "of-the-top-up").await.expect(201);
    let day = app.now().format("%Y-%m-%d").to_string();
    (top_up["id"].as_str().unwrap().to_owned(), day)
}

fn pages(top_up: &str, day: &str) -> Vec<String> {
    let mut pages: Vec<String> = [
        "/billing",
        "/billing?top_ups=all&purchases=all",
        "/usage",
        "/usage?range=weekly",
        "/usage?range=cycle",
        "/usage?range=last-cycle",
        "/settings",
        "/usage.csv",
    ]
    .map(str::to_owned)
    .into();
    for path in ["/history", "/history.csv"] {
        pages.push(path.to_owned());
        for query in ["before=500", "show=used", "show=added", "show=expired", "show=refunds", "show=held"] {
            pages.push(format!("{path}?{query}"));
        }
        for query in ["operation=op-3", "operation=none", "source=crawler-2", "operation=op-1&source=crawler-1"] {
            pages.push(format!("{path}?{query}"));
        }
        pages.push(format!("{path}?from={day}&to={day}"));
        pages.extend(["this", "last"].map(|cycle| format!("{path}?cycle={cycle}")));
        pages.push(format!("{path}?top_up={top_up}"));
    }
    pages
}

/// The statements that the real binary sends for these pages, and then while time passes.
async fn statements(app: &TestApp, pages: &[String]) -> BTreeSet<String> {
    let log = app.home.folder.join("statements.log");
    let mails = app.home.folder.join("mails").display().to_string();
    let settings = [
        ("DATABASE_URL", app.home.url.as_str()),
        ("TEST_CLOCK", "1"),
        ("WORKER", "off"),
        ("RUST_LOG", "sqlx::query=debug"),
        ("STRIPE_SECRET_KEY", "sk_test_plans"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_plans000000000000000000000000"),
        // Nobody is there: what asks Stripe or sends a mail fails, and is retried.
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
        ("MAIL_DIR", mails.as_str()),
    ];
    let mut command = topup(&["serve"], &settings);
    command.stderr(File::create(&log).unwrap());
    let mut process = start(command).unwrap_or_else(|output| panic!("{output:?}"));
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(STUCK);
    let (http, base) = (http.build().unwrap(), process.base.clone());
    let db = http.post(format!("{base}/v1/customers/acme/portal_sessions")).header("x-api-key", OPERATOR_KEY);
    let db = db.header("content-type", "application/json");
    let db = db.body(r#"{"member_email":"ada@acme.example","role":"owner"}"#).send().await.unwrap();
    let db: Value = serde_json::from_slice(&db.bytes().await.unwrap()).unwrap();
    let token = db["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let open = http.post(format!("{base}/_fn/open-session")).header("sec-fetch-site", "same-origin");
    let signed_in = open.form(&[("token", token)]).send().await.unwrap();
    assert!(signed_in.headers().contains_key("set-cookie"), "{signed_in:?}");
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let before = std::fs::metadata(&log).unwrap().len();
    for page in pages {
        let answer = http.get(format!("{base}{page}")).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{page}");
        answer.bytes().await.unwrap();
    }
    // Every job, most of them with work to do.
    let clock = http.post(format!("{base}/test/clock")).header("x-api-key", OPERATOR_KEY);
    let clock = clock.header("content-type", "application/json").body(r#"{"advance_days":120}"#).send().await.unwrap();
    assert_eq!(clock.status(), 200);
    process.terminate().await;
    let log = std::fs::read(&log).unwrap();
    let log = String::from_utf8_lossy(&log[usize::try_from(before).unwrap()..]).into_owned();
    log.split(" DEBUG sqlx::query: ").skip(1).filter_map(statement).collect()
}

/// The statement of a line of the log; a short one stands in its summary alone.
fn statement(line: &str) -> Option<String> {
    let quoted = |name: &str| Some(line.split_once(&format!("{name}=\""))?.1.split_once("\" ")?.0);
    let whole = quoted("db.statement").filter(|text| !text.is_empty()).or_else(|| quoted("summary"))?;
    let text = whole.replace("\\n", "\n").replace("\\\"", "\"");
    let text = text.trim().trim_end_matches(';').to_owned();
    ["select", "with", "update", "delete"].iter().any(|verb| text.starts_with(verb)).then_some(text)
}

/// Tables and indexes that may be scanned: waiting rows, which are few, and segments of keys.
const WAITING: [&str; 5] = ["inbox_waiting", "inbox_about", "news_waiting", "erasures_waiting", "key_segments"];

/// A line of SQLite's plan.
struct Line {
    id: i64,
    parent: i64,
    detail: String,
}

/// SQLite's plan of a statement; none where it is no statement of this database.
async fn plan_of_sqlite(url: &str, sql: &str) -> Option<Vec<Line>> {
    let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
    let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(&mut db).await.ok()?;
    Some(
        plan.iter()
            .map(|row| Line { id: row.get("id"), parent: row.get("parent"), detail: row.get("detail") })
            .collect(),
    )
}

async fn tables_of_sqlite(url: &str) -> Vec<String> {
    let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
    let tables = sqlx::query("select name from sqlite_master where type = 'table'").fetch_all(&mut db).await.unwrap();
    tables.iter().map(|row| row.get("name")).collect()
}

/// True if a name in a query plan is a table or its alias.
fn in_tables(tables: &[String], sql: &str, name: &str) -> bool {
    let words: Vec<&str> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    tables.iter().any(|table| table == name || words.windows(2).any(|two| two[0] == table && two[1] == name))
}

/// The tables that SQLite would read from end to end.
async fn scans_of_sqlite(url: &str, sql: &str) -> Result<Vec<String>, ()> {
    let (tables, plan) = (tables_of_sqlite(url).await, plan_of_sqlite(url, sql).await.ok_or(())?);
    let walks = |line: &&Line| {
        let name = line.detail.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap());
        name.is_some_and(|name| in_tables(&tables, sql, name))
    };
    Ok(plan.iter().filter(walks).map(|line| line.detail.clone()).collect())
}

/// The same of PostgreSQL, of those with rows enough that it would rather take an index; of all for 0.
async fn scans_of_postgres(url: &str, sql: &str, rows: i64) -> Result<Vec<String>, ()> {
    let mut db = sqlx::PgConnection::connect(url).await.unwrap();
    let parameters = (1..400).take_while(|n| sql.contains(&format!("${n}"))).count();
    let nulls = if parameters == 0 { String::new() } else { format!("({})", vec!["null"; parameters].join(", ")) };
    // -1 is a table that was never analyzed.
    let sql_of_large =
        AssertSqlSafe(format!("select relname::text from pg_class where relkind = 'r' and reltuples >= {}", rows - 1));
    let large = sqlx::raw_sql(sql_of_large).fetch_all(&mut db).await.unwrap();
    let large: Vec<String> = large.iter().map(|row| row.get(0)).collect();
    for what in [
        "enable_seqscan = off",
        "enable_hashjoin = off",
        "enable_mergejoin = off",
        "plan_cache_mode = force_generic_plan",
    ] {
        sqlx::raw_sql(AssertSqlSafe(format!("set {what}"))).execute(&mut db).await.unwrap();
    }
    sqlx::raw_sql(AssertSqlSafe(format!("prepare asked as {sql}"))).execute(&mut db).await.map_err(drop)?;
    let plan = AssertSqlSafe(format!("explain execute asked{nulls}"));
    let plan: Vec<String> =
        sqlx::raw_sql(plan).fetch_all(&mut db).await.map_err(drop)?.iter().map(|row| row.get(0)).collect();
    let mut scans = Vec::new();
    for (n, line) in plan.iter().enumerate() {
        let below = plan[n + 1..].iter().take_while(|line| !line.contains("->"));
        // An index that is read from end to end has no condition.
        let whole = (line.contains("Index Scan") || line.contains("Index Only Scan"))
            && !below.into_iter().any(|line| line.contains("Index Cond"));
        let table = line.split_once(" on ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
        let is_large = large.iter().any(|large| Some(large.as_str()) == table);
        if is_large && (whole || line.contains("Seq Scan")) {
            scans.push(line.trim().to_owned());
        }
    }
    Ok(scans)
}

async fn every_statement_of_the_pages_has_an_index(database: Database) {
    let app = TestApp::start(database).await;
    let (top_up, day) = seed(&app).await;
    app.check().await;
    app.stop().await;
    if database == Database::Postgres {
        let mut db = sqlx::PgConnection::connect(&app.home.url).await.unwrap();
        sqlx::raw_sql("analyze").execute(&mut db).await.unwrap();
    }
    let asked = statements(&app, &pages(&top_up, &day)).await;
    for part in [
        "from entries where customer_no = $1 and kind <> 2",
        "from half",
        "walk",
        "usage_days",
        "from sessions",
        "from accounts where due_at <= $1 and not exists",
        "from balance_alerts where emailed_at is null and not exists",
        "update outbox set due_at",
        "update outbox set body_text = ''",
        "delete from balance_alerts where",
    ] {
        assert!(asked.iter().any(|sql| sql.contains(part)), "no page asks for {part:?}: {asked:#?}");
    }
    let scans_of = async |sql: &str| {
        let scans = match database {
            Database::Sqlite => scans_of_sqlite(&app.home.url, sql).await,
            Database::Postgres => scans_of_postgres(&app.home.url, sql, 101).await,
        };
        scans.unwrap_or_else(|()| panic!("no plan of {sql}"))
    };
    // That they would be seen.
    assert!(!scans_of("select count(*) as n from entries e where e.customer_no = $1").await.is_empty());
    assert!(!scans_of("select count(*) as n from usages where source = $1").await.is_empty());
    for sql in asked {
        let scans = scans_of(&sql).await;
        let scans: Vec<_> = scans.iter().filter(|line| WAITING.iter().all(|waiting| !line.contains(waiting))).collect();
        assert!(scans.is_empty(), "{scans:?} in {sql}");
    }
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_of_the_pages_has_an_index_on_sqlite() {
    every_statement_of_the_pages_has_an_index(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_of_the_pages_has_an_index_on_postgres() {
    every_statement_of_the_pages_has_an_index(Database::Postgres).await;
}
