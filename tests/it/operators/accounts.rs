//! Operators' accounts, passwords, throttling; operators and customers are kept apart.

use super::{EMAIL, OperatorBrowser, PASSWORD, account, cookie_of, page, send, sign_in};
use crate::app::{Database, Home, TestApp, on_both};
use crate::process::topup;
use serde_json::json;
use std::io::Write as _;
use std::process::Stdio;
use topup::store::Store;
use topup::usecases::operators;
use topup::usecases::operators::password;
use topup::web::return_to;

const PAGES: [&str; 5] = [
    "/operator",
    "/operator/customers/acme",
    "/operator/purchases/pur_01890a5d-ac96-774b-bcce-b302099a8057",
    "/operator/alarms",
    "/operator/sales",
];

async fn outcome(app: &TestApp, email: &str, word: &str) -> String {
    sign_in(app, email, word).await.way()
}

const WRONG: &str = "/operator/sign-in?outcome=wrong";
const WAIT: &str = "/operator/sign-in?outcome=wait";

on_both!(an_operator_signs_in_and_out, |app| {
    let operator = OperatorBrowser::open(app).await;
    assert!(operator.page("/operator").await.contains(EMAIL));
    assert_eq!(outcome(app, EMAIL, "correct horse batterY").await, WRONG);
    assert_eq!(outcome(app, "nobody@shop.example", PASSWORD).await, WRONG);
    assert_eq!(outcome(app, "not an address", PASSWORD).await, WRONG);
    // An address is the same in capitals.
    assert_eq!(outcome(app, " Grace@Shop.Example ", PASSWORD).await, "/operator");
    let stored = app.count("select count(*) as n from operators where password like '$argon2id$%'").await;
    assert_eq!(stored, 1);
    let signature = operator.signer().await.operator_signature();
    send(app, "/_fn/operator-sign-out", &operator.cookie, &[("signature", &signature)]).await.expect(303);
    assert_eq!(page(app, "/operator", &operator.cookie).await.header("location"), Some("/operator/sign-in"));
});

on_both!(wrong_passwords_are_bounded_by_account, |app| {
    account(app, EMAIL).await;
    account(app, "ada@shop.example").await;
    for _ in 0..5 {
        assert_eq!(outcome(app, EMAIL, "wrong wrong wrong").await, WRONG);
    }
    // The right one does not help now, and another account is not troubled.
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, WAIT);
    assert_eq!(outcome(app, "ada@shop.example", PASSWORD).await, "/operator");
    // The wait is over: one more try, and a longer wait after it.
    app.tamper("update operator_sign_in_failures set until = 0", Vec::new()).await.unwrap();
    assert_eq!(outcome(app, EMAIL, "wrong wrong wrong").await, WRONG);
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, WAIT);
    app.tamper("update operator_sign_in_failures set until = 0", Vec::new()).await.unwrap();
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, "/operator");
    // It starts from nothing again.
    for _ in 0..4 {
        assert_eq!(outcome(app, EMAIL, "wrong wrong wrong").await, WRONG);
    }
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, "/operator");
});

on_both!(many_tries_at_once_are_many_tries, |app| {
    account(app, EMAIL).await;
    let tries = (0..20).map(|_| outcome(app, EMAIL, "wrong wrong wrong"));
    let answers = futures::future::join_all(tries).await;
    let looked_at = answers.iter().filter(|way| *way == WRONG).count();
    assert!((1..=5).contains(&looked_at), "{answers:?}");
    assert_eq!(app.count("select failures as n from operator_sign_in_failures").await, 5);
});

on_both!(guessing_addresses_fills_no_table, |app| {
    for n in 0..12 {
        outcome(app, &format!("nobody{n}@shop.example"), "wrong wrong wrong").await;
    }
    assert!(app.count("select count(*) as n from operator_sign_in_failures").await <= 12);
    let slots = app.count("select count(*) as n from operator_sign_in_failures where length(slot) = 32").await;
    assert!((1..=12).contains(&slots));
});

on_both!(a_disabled_account_is_signed_out_and_a_reset_enables_it, |app| {
    let operator = OperatorBrowser::open(app).await;
    let (store, now) = (app.inner().store.clone(), app.now());
    assert!(operators::disable_operator(&store, EMAIL, now).await.unwrap());
    assert_eq!(page(app, "/operator", &operator.cookie).await.header("location"), Some("/operator/sign-in"));
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, WRONG);
    let hash = password::hash_password("another long password".to_owned()).await.unwrap();
    assert!(operators::reset_operator(&store, EMAIL, &hash, now).await.unwrap());
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, WRONG);
    let again = sign_in(app, EMAIL, "another long password").await;
    assert_eq!(again.header("location"), Some("/operator"));
    // A reset ends the sessions that there were.
    assert!(operators::reset_operator(&store, EMAIL, &hash, now).await.unwrap());
    assert_eq!(page(app, "/operator", &cookie_of(&again)).await.header("location"), Some("/operator/sign-in"));
    assert!(!operators::disable_operator(&store, "nobody@shop.example", now).await.unwrap());
});

on_both!(a_session_ends_when_idle_and_at_its_limit, |app| {
    let operator = OperatorBrowser::open(app).await;
    app.advance_minutes(59).await;
    operator.page("/operator").await;
    for _ in 0..11 {
        app.advance_minutes(59).await;
        operator.page("/operator").await;
    }
    // Twelve hours, however often it was used.
    app.advance_minutes(15).await;
    assert_eq!(page(app, "/operator", &operator.cookie).await.header("location"), Some("/operator/sign-in"));
    let again = cookie_of(&sign_in(app, EMAIL, PASSWORD).await);
    app.advance_minutes(61).await;
    assert_eq!(page(app, "/operator", &again).await.header("location"), Some("/operator/sign-in"));
});

on_both!(a_customers_cookie_opens_nothing_of_the_operators_and_the_other_way_round, |app| {
    app.put_customer("acme", "starter").await;
    let link = app.send(app.write("POST", "/v1/customers/acme/portal_sessions", None, json!({}).to_string())).await;
    let url = link.expect(201).json()["url"].as_str().unwrap().to_owned();
    let token = url.rsplit('/').next().unwrap().to_owned();
    let customer = cookie_of(&send(app, "/_fn/open-session", "", &[("token", &token)]).await.expect(303));
    page(app, "/billing", &customer).await.expect(200);
    let operator = OperatorBrowser::open(app).await;
    // The same secrets under the other's name, too.
    let as_operator = customer.replace("session=", "operator=");
    let as_customer = operator.cookie.replace("operator=", "session=");
    for path in PAGES.into_iter().chain(["/operator/sales.csv", "/operator/money.csv"]) {
        for cookie in [&customer, &as_operator, &String::new()] {
            let answer = page(app, path, cookie).await.expect(303);
            let page = path.replace("sales.csv", "sales").replace("money.csv", "sales");
            assert_eq!(answer.way(), return_to::operator_sign_in(&page), "{path}");
        }
    }
    for cookie in [&operator.cookie, &as_customer] {
        assert_eq!(page(app, "/billing", cookie).await.expect(303).header("location"), Some("/sign-in"));
    }
    let give = [("act", "give"), ("about", "acme"), ("back", "/operator"), ("reason", "r"), ("first", "5")];
    let key = operator.key();
    let give: Vec<_> = give.into_iter().chain([("second", "2999-01-01"), ("key", key.as_str())]).collect();
    for cookie in [&customer, &as_operator, &String::new()] {
        let answer = send(app, "/_fn/operator-act", cookie, &give).await.expect(303);
        assert_eq!(answer.way(), "/operator/sign-in?outcome=signed_out");
    }
    assert_eq!((app.available("acme").await, operator.lines().await), (json!(5000), 0));
    // And from another site nothing at all.
    let forged = app.http.post(format!("http://{}/_fn/operator-act", app.address)).header("cookie", &operator.cookie);
    app.send(forged.header("sec-fetch-site", "cross-site")).await.expect(403);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_made_on_the_command_line_with_the_password_from_stdin() {
    let home = Home::make(Database::Sqlite).await;
    let store = Store::open(&home.url).await.unwrap();
    store.migrate().await.unwrap();
    let run = |words: &[&str], input: &str| {
        let mut command = topup(words, &[("DATABASE_URL", &home.url)]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = run(&["operator", "add", "Grace@Shop.Example"], "correct horse battery\n");
    assert_eq!((code, said.trim()), (Some(0), "grace@shop.example can sign in at /operator"));
    let (code, said) = run(&["operator", "add", EMAIL], "correct horse battery\n");
    assert_eq!((code, said.trim()), (Some(1), "grace@shop.example has an account"));
    let (code, said) = run(&["operator", "add", "ada@shop.example"], "short\n");
    assert!(code == Some(2) && said.contains("PASSWORD: ") && said.contains("12 characters"), "{said}");
    let (code, said) = run(&["operator", "add", "no address"], "");
    assert!(code == Some(2) && said.contains("EMAIL: "), "{said}");
    let (code, said) = run(&["operator", "list"], "");
    assert!(code == Some(0) && said.starts_with("grace@shop.example · since ") && said.lines().count() == 1, "{said}");
    assert_eq!(run(&["operator", "reset", EMAIL], "another long password\n").0, Some(0));
    assert_eq!(run(&["operator", "disable", EMAIL], "").0, Some(0));
    assert!(run(&["operator", "list"], "").1.contains(" · disabled "));
    assert_eq!(run(&["operator", "disable", "nobody@shop.example"], "").0, Some(1));
    store.close().await;
}
