//! The second factor: set up in the console or on the command line, required at sign-in, used once.

use super::{EMAIL, PASSWORD, account, page, send};
use crate::app::{Answer, Database, Home, TestApp, on_both};
use crate::process::topup;
use std::io::Write as _;
use std::process::Stdio;
use topup::domain::Instant;
use topup::store::Store;
use topup::web::flash::Flash;

const WRONG: &str = "/operator/sign-in?outcome=wrong";
const PAGE: &str = "/operator/second-factor";

/// The code that an app shows for a typed key.
fn code(typed: &str, at: Instant) -> String {
    let secret = totp_rs::Secret::try_from_base32(typed.replace(' ', "")).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(at.timestamp()).unwrap()).to_string()
}

async fn signed(app: &TestApp, code: &str) -> Answer {
    let form = [("email", EMAIL), ("password", PASSWORD), ("code", code)];
    send(app, "/_fn/operator-sign-in", "", &form).await.expect(303)
}

async fn way(app: &TestApp, code: &str) -> String {
    signed(app, code).await.way()
}

fn session(answer: &Answer) -> String {
    let headers = answer.headers.get_all("set-cookie").iter().map(|header| header.to_str().unwrap());
    headers.filter_map(|header| header.split(';').next()).find(|pair| pair.starts_with("operator=")).unwrap().to_owned()
}

/// The signature of the forms of a session's pages; empty where nobody is signed in.
async fn signature(app: &TestApp, cookie: &str) -> String {
    let page = page(app, PAGE, cookie).await.text;
    let rest = page.split_once("name=\"signature\"").map_or("", |(_, rest)| rest);
    rest.split_once("value=\"").map_or("", |(_, rest)| rest.split('"').next().unwrap()).to_owned()
}

/// The content of the page: the form's seed, the key, the recovery codes.
struct Shown {
    seed: String,
    key: String,
    codes: Vec<String>,
}

fn shown(page: &str) -> Shown {
    let between = |from: &str, start: &str, end: &str| -> String {
        let rest = page.split_once(from).unwrap_or_else(|| panic!("{from} in {page}")).1;
        rest.split_once(start).unwrap().1.split(end).next().unwrap().to_owned()
    };
    let codes = page.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    Shown { seed: between("name=\"seed\"", "value=\"", "\""), key: between("class=\"secret\"", ">", "<"), codes }
}

/// Switches it on in the console; what was shown, and the session.
async fn enrolled(app: &TestApp) -> (Shown, String) {
    account(app, EMAIL).await;
    let cookie = session(&signed(app, "").await);
    let home = page(app, "/operator", &cookie).await.expect(200).text;
    assert!(home.contains("Set up a second factor"), "{home}");
    let shown = shown(&page(app, PAGE, &cookie).await.expect(200).text);
    assert_eq!(shown.codes.len(), 10);
    let now = code(&shown.key, app.now());
    let signature = signature(app, &cookie).await;
    let form =
        [("seed", shown.seed.as_str()), ("password", PASSWORD), ("code", now.as_str()), ("signature", &signature)];
    let answer = send(app, "/_fn/operator-second-factor-on", &cookie, &form).await.expect(303);
    assert_eq!(answer.way(), "/operator/second-factor?outcome=on");
    (shown, cookie)
}

on_both!(it_is_asked_for_once_it_is_on_and_a_code_is_taken_once, |app| {
    let (shown, cookie) = enrolled(app).await;
    let on = page(app, PAGE, &cookie).await.expect(200).text;
    assert!(on.contains("10 recovery codes left") && !on.contains(&shown.key) && !on.contains(&shown.codes[0]));
    assert!(!page(app, "/operator", &cookie).await.expect(200).text.contains("Set up a second factor"));
    // The password alone opens nothing now, nor does the code that switched it on.
    assert_eq!(way(app, "").await, WRONG);
    assert_eq!(way(app, &code(&shown.key, app.now())).await, WRONG);
    assert_eq!(way(app, "000000").await, WRONG);
    app.advance_minutes(1).await;
    let now = code(&shown.key, app.now());
    assert_eq!(way(app, &now).await, "/operator");
    assert_eq!(way(app, &now).await, WRONG, "the same step again");
    let early = code(&shown.key, app.now() - chrono::TimeDelta::seconds(30));
    assert_eq!(way(app, &early).await, WRONG, "a step before one that was taken");
    let late = code(&shown.key, app.now() + chrono::TimeDelta::seconds(30));
    assert_eq!(way(app, &late).await, "/operator", "a step ahead, by the product's clock");
    app.advance_minutes(5).await;
    for off in [-60, 60] {
        let code = code(&shown.key, app.now() + chrono::TimeDelta::seconds(off));
        assert_eq!(way(app, &code).await, WRONG, "two steps off");
    }
    let other = send(
        app,
        "/_fn/operator-sign-in",
        "",
        &[("email", EMAIL), ("password", "wrong wrong wrong"), ("code", &code(&shown.key, app.now()))],
    )
    .await;
    assert_eq!(other.way(), WRONG, "the code alone opens nothing either");
});

on_both!(many_sign_ins_with_one_code_are_one, |app| {
    let (shown, _) = enrolled(app).await;
    app.advance_minutes(1).await;
    let now = code(&shown.key, app.now());
    let tries = futures::future::join_all((0..4).map(|_| way(app, &now))).await;
    assert_eq!(tries.iter().filter(|way| *way == "/operator").count(), 1, "{tries:?}");
});

on_both!(a_recovery_code_works_once_however_it_is_written, |app| {
    let (shown, _) = enrolled(app).await;
    assert_eq!(way(app, &shown.codes[3].to_uppercase().replace('-', " ")).await, "/operator");
    assert_eq!(way(app, &shown.codes[3]).await, WRONG);
    let answer = signed(app, &shown.codes[0]).await;
    let page = page(app, PAGE, &session(&answer)).await.expect(200).text;
    assert!(page.contains("8 recovery codes left"), "{page}");
    // The database stores neither the codes nor the key.
    let kept = "select count(*) as n from operator_recovery_codes where length(code_hash) = 32";
    assert_eq!(app.count(kept).await, 10);
    let key = totp_rs::Secret::try_from_base32(shown.key.replace(' ', "")).unwrap();
    let inner = app.inner();
    let row = inner
        .store
        .read()
        .await
        .unwrap()
        .fetch_optional("select totp_secret from operators", Vec::new())
        .await
        .unwrap();
    assert_ne!(row.unwrap().blob("totp_secret").unwrap(), key.as_bytes());
});

on_both!(it_is_switched_on_and_off_by_password_and_code_together, |app| {
    account(app, EMAIL).await;
    let (cookie, other) = (session(&signed(app, "").await), session(&signed(app, "").await));
    let first = shown(&page(app, PAGE, &cookie).await.expect(200).text);
    let on = async |cookie: &str, seed: &str, password: &str, code: &str| {
        let signature = signature(app, cookie).await;
        let form = [("seed", seed), ("password", password), ("code", code), ("signature", &signature)];
        let answer = send(app, "/_fn/operator-second-factor-on", cookie, &form).await.expect(303);
        answer.way()
    };
    let now = code(&first.key, app.now());
    let again = "/operator/second-factor?outcome=wrong";
    assert_eq!(on(&cookie, &first.seed, PASSWORD, "000000").await, again);
    assert_eq!(on(&cookie, &first.seed, "wrong wrong wrong", &now).await, again);
    let kept = Flash::new("wrong").with("seed", first.seed.as_str()).cookie(PAGE, false);
    assert_eq!(
        shown(&page(app, PAGE, &format!("{cookie}; {kept}")).await.expect(200).text).key,
        first.key,
        "the app has this one already"
    );
    // Another session, or no seed of ours, makes another key of it.
    assert_eq!(on(&other, &first.seed, PASSWORD, &now).await, again);
    assert_eq!(on(&cookie, "no seed", PASSWORD, &now).await, "/operator/second-factor?outcome=stale");
    assert_eq!(on("", &first.seed, PASSWORD, &now).await, "/operator/sign-in?outcome=signed_out");
    let unsigned = [("seed", first.seed.as_str()), ("password", PASSWORD), ("code", &now)];
    let unsigned = send(app, "/_fn/operator-second-factor-on", &cookie, &unsigned).await.expect(303);
    assert_eq!(unsigned.way(), "/operator?outcome=form_stale");
    assert_eq!(on(&cookie, &first.seed, PASSWORD, &now).await, "/operator/second-factor?outcome=on");
    assert_eq!(on(&cookie, &first.seed, PASSWORD, &now).await, "/operator/second-factor?outcome=stale");
    let ended = page(app, "/operator", &other).await.expect(303);
    assert_eq!(ended.header("location"), Some("/operator/sign-in"), "other sessions end");

    let off = async |password: &str, code: &str| {
        let signature = signature(app, &cookie).await;
        let form = [("password", password), ("code", code), ("signature", &signature)];
        let answer = send(app, "/_fn/operator-second-factor-off", &cookie, &form).await.expect(303);
        answer.way()
    };
    app.advance_minutes(1).await;
    let now = code(&first.key, app.now());
    assert_eq!(off("wrong wrong wrong", &now).await, "/operator/second-factor?outcome=wrong");
    assert_eq!(off(PASSWORD, "").await, "/operator/second-factor?outcome=wrong");
    assert_eq!(off(PASSWORD, &now).await, "/operator/second-factor?outcome=off");
    assert_eq!(way(app, "").await, "/operator");
    assert_eq!(app.count("select count(*) as n from operator_recovery_codes").await, 0);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_enrols_and_refuses_the_commonest_passwords() {
    let home = Home::make(Database::Sqlite).await;
    let store = Store::open(&home.url).await.unwrap();
    store.migrate().await.unwrap();
    let run = |words: &[&str], input: &str| {
        let mut command = topup(words, &[("DATABASE_URL", &home.url)]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    for common in ["password1234", "Passw0rd!2026", "123456789012", "qwertyuiopas"] {
        let (code, said) = run(&["operator", "add", EMAIL], &format!("{common}\n"));
        assert!(code == Some(2) && said.starts_with("PASSWORD: ") && said.contains("commonest"), "{said}");
    }
    let (exit, said) = run(&["operator", "add", EMAIL, "--totp"], &format!("{PASSWORD}\n"));
    assert_eq!(exit, Some(0), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "grace@shop.example can sign in at /operator");
    assert!(said.contains("\notpauth://totp/") && said.contains("grace%40shop"), "{said}");
    let key = |said: &str| said.split_once("\nkey: ").unwrap().1.lines().next().unwrap().to_owned();
    let codes = |said: &str| said.lines().filter(|line| line.len() == 23 && line.matches('-').count() == 3).count();
    assert_eq!((key(&said).len(), codes(&said)), (39, 10), "{said}");
    assert!(run(&["operator", "list"], "").1.contains(" · second factor since "));
    // A new password brings a new second factor: the old password was its key.
    let (exit, again) = run(&["operator", "reset", EMAIL], "another long password\n");
    assert!(exit == Some(0) && key(&again) != key(&said) && codes(&again) == 10, "{again}");
    let (_, none) = run(&["operator", "reset", EMAIL, "--no-totp"], "another long password\n");
    assert!(!none.contains("otpauth") && !run(&["operator", "list"], "").1.contains("second factor"), "{none}");
    let (exit, said) = run(&["operator", "add", "ada@shop.example", "--totp", "--no-totp"], "");
    assert_eq!(exit, Some(2), "{said}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_enrolled_on_the_command_line_signs_in_with_its_code() {
    let app = TestApp::start(Database::Sqlite).await;
    let mut command = topup(&["operator", "add", EMAIL, "--totp"], &[("DATABASE_URL", &app.home.url)]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let key = said.split_once("\nkey: ").unwrap().1.lines().next().unwrap();
    assert_eq!(way(&app, "").await, WRONG);
    assert_eq!(way(&app, &code(key, app.now())).await, "/operator");
    let recovery = said.lines().last().unwrap();
    assert_eq!(way(&app, recovery).await, "/operator");
    app.stop().await;
    app.home.remove().await;
}
