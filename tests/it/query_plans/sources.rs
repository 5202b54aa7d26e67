//! The statements in the sources: jobs, use-cases, engine, store, `topup check`. None scans a table, except those named
//! here with the reason, and none scans once for each row of another.

use super::{in_tables, plan_of_sqlite, scans_of_postgres, scans_of_sqlite, tables_of_sqlite};
use crate::app::{Database, Home};
use sqlx::Connection as _;
use std::collections::BTreeMap;
use std::path::Path;
use topup::store::Store;

/// Statements that may walk through a table: part of their text, and why.
const WALKS: [(&str, &str); 32] = [
    ("as plan from accounts a join customers c", "once, when a process starts: is each plan in the catalogue?"),
    ("from _sqlx_migrations", "a row for each migration"),
    ("from information_schema.tables", "once, when a process starts"),
    ("select url from purchases where url is not null", "`topup doctor`"),
    ("select 1 as n from customers limit 1", "one row"),
    ("select (select count(*) from customers) as customers", "once, in `topup restore`: is the database empty?"),
    ("from key_indexes order by", "a row for each index of keys, some ten"),
    ("from key_segments s", "a row for each sealed segment of keys"),
    ("select no, hash from audit order by no desc limit 1", "the last row, by its number"),
    ("select count(*) as n from outbox where done_at is null", "what waits, counted for an operator"),
    ("select state, count(*) as n from outbox where done_at is null", "what waits, counted for an operator"),
    ("select 'email' as kind, min(created_at) as at from outbox", "what waits, for an operator"),
    ("from scoped_keys where revoked_at is null order by", "the keys of the shop's own backend"),
    ("select count(*) as n from scoped_keys", "the keys of the shop's own backend"),
    ("select count(*) as n from outbox", "the demo's mailbox"),
    ("unsubscribe_url, state, created_at from outbox order by created_at desc", "the demo's mailbox"),
    ("body_text, state, created_at from outbox", "the demo's mailbox, the newest"),
    ("order by i.created_at desc, i.id desc limit", "the demo's page of events, the newest"),
    ("from inbox where done_at is null order by due_at limit", "what waits, for an operator"),
    ("from alarms where acknowledged_at is null", "what needs a person"),
    ("acknowledged_by from alarms order by no", "`topup alarms --all`: kept for a year"),
    ("select list, count(*) as n from failed_items", "what fails, counted for an operator"),
    ("select count(*) as n from erasures", "what waits, counted for an operator"),
    ("select count(*) as n from balance_alerts where emailed_at is null", "what waits, counted for an operator"),
    ("from webhook_messages h left join customers c on c.no = h.customer_no", "`topup hooks list`"),
    ("t.card_warned_at is null and c.exp_year", "the rules that are on, once a minute"),
    ("last_error from job_runs", "a row for each job"),
    ("select max(started_at) from job_runs", "a row for each job"),
    ("from accounts where last_at > $1", "`topup doctor`"),
    ("select email from operators where alarm_emails = 1", "a row for each of the shop's own people"),
    ("from operators o order by o.no", "a row for each of the shop's own people"),
    ("from purchases where created_at >= $1 order by created_at, id", "`topup reconcile`: ids alone"),
];

/// Files whose statements read whole tables by their purpose: the operator's search and report, what is compared with
/// Stripe by hand.
const WALKERS: [&str; 4] = [
    "usecases/operators/search.rs",
    "usecases/purchases/search.rs",
    "usecases/insight/sales.rs",
    "usecases/stripe_sync/subscription_differences.rs",
];

/// A statement and where it stands.
#[derive(Clone, Debug)]
struct Found {
    file: String,
    sql: String,
}

/// The texts between quotes in a source file; tests aside.
fn texts(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let (mut texts, mut text, mut chars) = (Vec::new(), None::<String>, source.chars().peekable());
    let mut line_comment = false;
    while let Some(c) = chars.next() {
        match (&mut text, c) {
            (None, '\n') => line_comment = false,
            (None, '/') if chars.peek() == Some(&'/') => line_comment = true,
            (None, _) if line_comment => {}
            (None, '\'') => {
                // A character such as '"' or '\''; a lifetime has no second quote so near.
                let ahead: String = chars.clone().take(3).collect();
                let length = if ahead.starts_with('\\') { 3 } else { 2 };
                if ahead.chars().nth(length - 1) == Some('\'') {
                    for _ in 0..length {
                        chars.next();
                    }
                }
            }
            (None, '"') => text = Some(String::new()),
            (None, _) => {}
            (Some(inside), '\\') => match chars.next() {
                Some('n') => inside.push('\n'),
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some(other) => inside.push(other),
                None => {}
            },
            (Some(_), '"') => texts.extend(text.take()),
            (Some(inside), c) => inside.push(c),
        }
    }
    texts
}

fn sources(folder: &Path, out: &mut Vec<(String, String)>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            if !["people_tests", "domain", "tests"].iter().any(|name| path.ends_with(name)) {
                sources(&path, out);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            out.push((path.display().to_string().rsplit_once("/src/").unwrap().1.to_owned(), source));
        }
    }
}

/// `const NAME: &str = "…";` of all files, by name.
fn constants(source: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for rest in source.split("const ").skip(1) {
        let Some((name, rest)) = rest.split_once(": &str =") else { continue };
        let text = rest.trim_start().strip_prefix('"').is_some().then(|| texts(rest).into_iter().next()).flatten();
        if let Some(text) = text.filter(|_| name.chars().all(|c| c.is_uppercase() || c == '_')) {
            out.insert(name.to_owned(), text);
        }
    }
    out
}

/// All statements of the sources that are whole there, with the parts that have names put in.
fn statements() -> Vec<Found> {
    let mut files = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    files.sort();
    let all: BTreeMap<String, String> = files.iter().flat_map(|(_, source)| constants(source)).collect();
    let mut found = Vec::new();
    for (file, source) in &files {
        let own = constants(source);
        // A constant that others go on from is no statement by itself.
        let is_head = |text: &str| {
            own.iter().any(|(name, head)| {
                let (bare, pathed) = (format!("{{{name}}}"), format!("accounts::{name}"));
                head == text && files.iter().any(|(_, source)| source.contains(&bare) || source.contains(&pathed))
            })
        };
        for mut sql in texts(source).into_iter().filter(|text| !is_head(text)) {
            for (name, text) in own.iter().chain(&all) {
                sql = sql.replace(&format!("{{{name}}}"), text);
                sql = sql.replace(&format!("{{accounts::{name}}}"), text);
            }
            let first = sql.split_whitespace().next().unwrap_or_default();
            let is_one = ["select", "with", "update", "delete"].contains(&first) && sql.contains(' ');
            let whole = !sql.contains('{') && (sql.contains(" from ") || sql.contains("\n") || first != "select");
            if is_one && whole && (sql.contains("from ") || first == "update") {
                found.push(Found { file: file.clone(), sql });
            }
        }
    }
    found
}

/// The check reads everything, a table at a time.
fn is_of_the_check(found: &Found) -> bool {
    found.file.starts_with("usecases/upkeep/check")
}

async fn no_statement_of_the_sources_walks_through_a_table(database: Database) {
    let home = Home::make(database).await;
    let store = Store::open(&home.url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    if database == Database::Postgres {
        // An index of what waits looks cheap to it while nothing does.
        let mut db = sqlx::PgConnection::connect(&home.url).await.unwrap();
        let sql =
            "insert into outbox (key, recipient, kind, subject, body_text, body_html, state, attempts, created_at,
              due_at, cause)
            select n, '', '', '', '', '', 'queued', 0, n, n, decode(lpad(to_hex(n), 32, '0'), 'hex')
            from generate_series(1, 5000) n";
        sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
        sqlx::raw_sql("analyze outbox").execute(&mut db).await.unwrap();
    }
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for found in statements() {
        let is_named = WALKS.iter().any(|(part, _)| found.sql.contains(part)) || WALKERS.contains(&found.file.as_str());
        if is_named || is_of_the_check(&found) {
            continue;
        }
        let scans = match database {
            Database::Sqlite => scans_of_sqlite(&home.url, &found.sql).await,
            Database::Postgres => scans_of_postgres(&home.url, &found.sql, 0).await,
        };
        match scans {
            Ok(scans) if scans.is_empty() => seen += 1,
            Ok(scans) => wrong.push(format!("{}: {scans:?} in {}", found.file, found.sql)),
            // Of the other database, or part of one that is put together.
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} statements walk through a table:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(seen > 150, "only {seen} statements were found");
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_of_the_sources_walks_through_a_table_on_sqlite() {
    no_statement_of_the_sources_walks_through_a_table(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_of_the_sources_walks_through_a_table_on_postgres() {
    no_statement_of_the_sources_walks_through_a_table(Database::Postgres).await;
}

/// Walks through a table that are made once for each row of another: in one nest of loops the first alone may walk.
async fn walks_in_walks(url: &str, sql: &str) -> Vec<String> {
    let (tables, plan) = (tables_of_sqlite(url).await, plan_of_sqlite(url, sql).await.unwrap());
    let correlated: Vec<i64> =
        plan.iter().filter(|line| line.detail.starts_with("CORRELATED")).map(|line| line.id).collect();
    let mut walks = Vec::new();
    for (n, line) in plan.iter().enumerate() {
        let Some(name) = line.detail.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap()) else {
            continue;
        };
        if !in_tables(&tables, sql, name) {
            continue;
        }
        let inner = plan[..n].iter().any(|before| {
            before.parent == line.parent && (before.detail.starts_with("SCAN ") || before.detail.starts_with("SEARCH "))
        });
        if inner || correlated.contains(&line.parent) {
            walks.push(line.detail.clone());
        }
    }
    walks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_walks_through_no_table_once_for_each_row_of_another() {
    let home = Home::make(Database::Sqlite).await;
    let store = Store::open(&home.url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let quadratic = "select count(*) as n from outbox o where exists (select 1 from grants g where g.amount > o.no)";
    assert!(!walks_in_walks(&home.url, quadratic).await.is_empty(), "that one would be seen");
    let mut seen = 0;
    for found in statements().iter().filter(|found| is_of_the_check(found)) {
        if plan_of_sqlite(&home.url, &found.sql).await.is_none() {
            continue;
        }
        let walks = walks_in_walks(&home.url, &found.sql).await;
        assert!(walks.is_empty(), "{}: {walks:?} in {}", found.file, found.sql);
        seen += 1;
    }
    assert!(seen > 30, "only {seen} statements were found");
    home.remove().await;
}
