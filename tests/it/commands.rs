//! Commands beside `serve`: their output with and without data, and their effects.

use crate::app::{Database, Home, OPERATOR_KEY, on_both};
use crate::process::{call, start, topup};
use std::io::Read as _;
use std::process::{Output, Stdio};
use topup::store::Store;

fn run(words: &[&str], url: &str) -> Output {
    topup(words, &[("DATABASE_URL", url), ("USER", "grace")]).output().unwrap()
}

/// Exit code 2, and one line that names `DATABASE_URL` and what to do.
#[track_caller]
fn refused(words: &[&str], url: &str, reason: &str) {
    let output = run(words, url);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{words:?}: {said}");
    for part in ["DATABASE_URL: ", reason, "topup migrate"] {
        assert!(said.contains(part), "{words:?}: {said}");
    }
}

#[test]
fn an_error_of_the_command_line_or_a_setting_is_one_line() {
    for (words, setting, reason) in [
        (vec!["serve", "--listen", "nowhere"], ("A", ""), "--listen <LISTEN>"),
        (vec!["serve"], ("SESSION_MAX_DAYS", "91"), "--session-max-days <SESSION_MAX_DAYS>"),
        (vec!["verify-export"], ("A", ""), "<FILE>"),
        (vec!["nothing"], ("A", ""), "'nothing'"),
        (vec!["check", "--since", "2026-11-30"], ("A", ""), "must be LAST"),
    ] {
        let output = topup(&words, &[setting]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{words:?}: {said}");
        assert!(said.contains(reason) && !said.starts_with("error"), "{words:?}: {said}");
    }
}

const READERS: [&[&str]; 7] = [
    &["check"],
    &["check", "--since", "LAST"],
    &["alarms"],
    &["alarms", "--all"],
    &["alarms", "ack", "1"],
    &["purchases", "find", "acme"],
    &["purchases", "recheck", "acme"],
];

#[tokio::test]
async fn a_wrong_path_is_a_wrong_setting_and_makes_no_file() {
    let home = Home::make(Database::Sqlite).await;
    let missing = home.folder.join("data").join("tpoup.db");
    for words in READERS {
        refused(words, &format!("sqlite://{}", missing.display()), "tpoup.db does not exist");
    }
    assert!(!missing.parent().unwrap().exists());
    // A file of somebody else's is left as it was.
    let foreign = home.folder.join("foreign.db");
    std::fs::write(&foreign, "").unwrap();
    for words in READERS {
        refused(words, &format!("sqlite://{}", foreign.display()), "has no tables of Topup");
    }
    assert_eq!(std::fs::metadata(&foreign).unwrap().len(), 0);
    let mut names: Vec<_> = std::fs::read_dir(&home.folder).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.retain(|name| !name.to_string_lossy().ends_with("-journal"));
    assert_eq!(names, ["foreign.db"]);
}

#[tokio::test]
async fn an_empty_server_is_a_wrong_setting() {
    let home = Home::make(Database::Postgres).await;
    for words in READERS {
        refused(words, &home.url, "has no tables of Topup");
    }
    assert_eq!(run(&["migrate"], &home.url).status.code(), Some(0));
    assert_eq!(run(&["check"], &home.url).status.code(), Some(0));
    let store = Store::open(&home.url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute("delete from _sqlx_migrations where version > 1", Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
    refused(&["check"], &home.url, "another version (1 migrations of ");
    home.remove().await;
}

on_both!(an_alarm_is_acknowledged_by_somebody_and_kept, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::Status(401));
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(409, "purchase_refused");
    let listed = |words: &[&str]| {
        let output = run(words, &app.home.url);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let open = listed(&["alarms"]);
    assert!(open.len() == 1 && open[0].starts_with("1 ") && open[0].contains(" stripe_key checkout: "), "{open:?}");
    let acknowledged = listed(&["alarms", "ack", "1"]);
    assert!(acknowledged[0].contains("(acknowledged by grace at 20"), "{acknowledged:?}");
    assert_eq!(listed(&["alarms"]), [""; 0]);
    assert_eq!(listed(&["alarms", "--all"]), acknowledged);
    // The first acknowledgement stays.
    assert_eq!(listed(&["alarms", "ack", "1", "--by", "hedy"]), acknowledged);
    // A problem that returns is a new alarm.
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(409, "purchase_refused");
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(409, "purchase_refused");
    let again = listed(&["alarms"]);
    assert!(again.len() == 1 && again[0].starts_with("2 ") && again[0].ends_with("(times: 2)"), "{again:?}");
    let both = listed(&["alarms", "--all"]);
    assert_eq!(both, [acknowledged[0].clone(), again[0].clone()]);

    let unknown = run(&["alarms", "ack", "2", "99"], &app.home.url);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("no alarm has the number 99"));
    let nobody = topup(&["alarms", "ack", "2"], &[("DATABASE_URL", &app.home.url)]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(2));
    let said = String::from_utf8(nobody.stderr).unwrap();
    assert!(said.lines().count() == 1 && said.contains("--by"), "{said}");
    let mixed = run(&["alarms", "--database-url", &app.home.url, "ack", "2"], "sqlite://elsewhere.db");
    assert_eq!(mixed.status.code(), Some(2), "which database is never a guess");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_at_stripe_is_one_line_of_the_log_without_colours() {
    let home = Home::make(Database::Sqlite).await;
    let stripe = [
        ("DATABASE_URL", home.url.as_str()),
        ("STRIPE_SECRET_KEY", "sk_test_0000000000000000"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_0000000000000000"),
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
    ];
    let log = home.folder.join("log");
    let mut server = topup(&["serve"], &stripe);
    server.stderr(Stdio::from(std::fs::File::create(&log).unwrap()));
    let mut server = start(server).unwrap_or_else(|output| panic!("{output:?}"));
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&server.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    let buy = r#"{"package":"p1200"}"#.to_owned();
    call(&server.base, "POST", "/v1/customers/acme/purchases", "k", buy).await.unwrap().expect(503);
    assert_eq!(server.terminate().await, Some(0));
    let mut text = String::new();
    std::fs::File::open(&log).unwrap().read_to_string(&mut text).unwrap();
    let (requests, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.contains(": answered "));
    let lines: Vec<_> = lines.into_iter().filter(|line| line.contains("request_id=")).collect();
    assert!(lines.len() == 1 && lines[0].contains("a Checkout could not be opened"), "{text}");
    // The line of the request itself names the same id.
    let id = lines[0].split("request_id=").nth(1).unwrap().split(' ').next().unwrap();
    let failed: Vec<_> = requests.iter().filter(|line| line.contains("status=503")).collect();
    assert!(failed.len() == 1 && failed[0].contains(id), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains(OPERATOR_KEY), "{text}");
}
