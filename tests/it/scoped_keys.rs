//! Scoped keys of the operator API: what each opens, how they are made, revoked and shown.

use crate::app::{Database, Home, TestApp, on_both};
use crate::operators::OperatorBrowser;
use crate::process::topup;
use serde_json::Value;
use topup::domain::id::KeyId;
use topup::usecases::app::Scope;
use topup::usecases::operators::actions::{self, ActionOutcome, ActionRequest};
use topup::usecases::operators::{api_keys, audit};

fn order(app: &TestApp) -> ActionRequest {
    ActionRequest { key: app.inner().clock.mint(), operator: "ada".to_owned(), reason: "a test".to_owned() }
}

async fn make(app: &TestApp, scope: Scope) -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    let (key, inner) = (api_keys::key_of(&bytes), app.inner());
    let made = actions::make_key(&inner, order(app), scope.name(), scope, api_keys::key_hash(&key)).await.unwrap();
    assert_eq!(made, ActionOutcome::Done);
    key
}

async fn call(app: &TestApp, key: &str, method: &str, path: &str, body: &str) -> crate::app::Answer {
    let request = app.http.request(method.parse().unwrap(), format!("http://{}{path}", app.address)).bearer_auth(key);
    let request = request.header("content-type", "application/json").header("idempotency-key", "k");
    app.send(request.body(body.to_owned())).await
}

/// The operations that need an operator's key: method, path and the scopes that the document names.
fn operations() -> Vec<(String, String, Vec<String>)> {
    let document = topup::http::openapi::openapi("https://billing.example.com");
    let mut out = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            if call["security"][0].get("operatorHeader").is_none() {
                continue;
            }
            let words = call["description"].as_str().unwrap();
            let scopes = words.split_once("scopes: ").unwrap().1.split_once('.').unwrap().0;
            out.push((method.to_uppercase(), path.clone(), scopes.split(", ").map(str::to_owned).collect()));
        }
    }
    assert!(out.len() > 25, "{out:?}");
    out
}

on_both!(every_operation_is_open_to_the_scopes_that_the_document_names_and_to_no_other, |app| {
    app.put_customer("acme", "starter").await;
    for scope in [Scope::Charge, Scope::Read, Scope::Admin] {
        let key = make(app, scope).await;
        for (method, path, scopes) in operations() {
            // Nothing of this id is there; a body of nothing is refused after the key.
            let at = path.replace("{id}", "nobody");
            let answer = call(app, &key, &method, &at, "{}").await;
            let opened = scopes.iter().any(|name| name == scope.name());
            let refused = answer.status == 403;
            assert_eq!(refused, !opened, "{} {method} {path}: {}", scope.name(), answer.text);
            assert_ne!(answer.status, 401, "{method} {path}");
            if refused {
                answer.expect_problem(403, "insufficient_scope");
            }
        }
        call(app, &key, "GET", "/v1/nothing", "").await.expect_problem(404, "not_found");
    }
    let charge = make(app, Scope::Charge).await;
    call(app, &charge, "POST", "/v1/customers/acme/usage", r#"{"credits":2}"#).await.expect(201);
    call(app, &charge, "GET", "/v1/customers/acme/balance", "").await.expect(200);
    let words = call(app, &charge, "GET", "/v1/customers/acme", "").await.expect(403).json();
    assert_eq!(words["detail"], "The key's scope is charge; this request needs read or admin");
});

on_both!(a_revoked_key_opens_nothing_from_then_on, |app| {
    let key = make(app, Scope::Read).await;
    call(app, &key, "GET", "/v1/catalog", "").await.expect(200);
    let listed = api_keys::list_keys(&app.inner()).await.unwrap();
    assert_eq!((listed.len(), listed[0].scope, listed[0].made_by.as_str()), (1, Scope::Read, "ada"));
    let revoked = actions::revoke_key(&app.inner(), order(app), listed[0].id).await.unwrap();
    assert_eq!(revoked, ActionOutcome::Done);
    call(app, &key, "GET", "/v1/catalog", "").await.expect_problem(401, "unauthorized");
    let again = actions::revoke_key(&app.inner(), order(app), listed[0].id).await.unwrap();
    assert_eq!(again, ActionOutcome::Unknown);
    for unknown in ["ak_", "ak_00", &key.replace("ak_", "tk_"), &format!("{key}0")] {
        call(app, unknown, "GET", "/v1/catalog", "").await.expect_problem(401, "unauthorized");
    }
    assert!(api_keys::list_keys(&app.inner()).await.unwrap().is_empty());
    let lines = audit::list_audit(&app.inner(), None, i64::MAX, 10).await.unwrap();
    let actions: Vec<_> = lines.iter().map(|line| line.action.unwrap().name()).collect();
    assert_eq!(actions, ["api_key_revoked", "api_key_made"]);
    assert_eq!(app.count("select count(*) as n from scoped_keys where key_hash is null").await, 0);
});

on_both!(the_last_use_is_recorded_once_an_hour, |app| {
    let key = make(app, Scope::Read).await;
    let used = async || api_keys::list_keys(&app.inner()).await.unwrap()[0].last_used_at;
    // It is recorded beside the request.
    let recorded = async |before: Option<_>| {
        for _ in 0..10_000 {
            call(app, &key, "GET", "/v1/catalog", "").await.expect(200);
            if used().await != before {
                return used().await;
            }
        }
        panic!("no use was recorded");
    };
    let first = recorded(None).await;
    assert_eq!(first, Some(app.now()));
    app.restart().await;
    app.advance_minutes(59).await;
    for _ in 0..3 {
        call(app, &key, "GET", "/v1/catalog", "").await.expect(200);
    }
    assert_eq!(used().await, first);
    app.advance_minutes(1).await;
    app.restart().await;
    assert_eq!(recorded(first).await, Some(app.now()));
});

on_both!(an_operator_makes_a_key_and_sees_it_once, |app| {
    let (operator, form) = (OperatorBrowser::open(app).await, "0190a5d0-0000-7000-8000-000000000009");
    assert_eq!(operator.act("make_key", "keys", &[("first", "backend"), ("second", "root")]).await, "bad_input");
    assert_eq!(operator.act("make_key", "keys", &[("first", " "), ("second", "read")]).await, "bad_input");
    let fields = [("first", "backend"), ("second", "charge")];
    assert_eq!(operator.send(form, "make_key", "keys", &fields).await, "done");
    assert_eq!(operator.send(form, "make_key", "keys", &fields).await, "again");
    let with = format!("{}; operator-link={form}", operator.cookie);
    let shown = crate::operators::page(app, "/operator/keys", &with).await.expect(200);
    assert!(shown.header("set-cookie").unwrap().starts_with("operator-link=;"));
    let key = shown.text.split("ak_").nth(1).unwrap().chars().take(64).collect::<String>();
    let key = format!("ak_{key}");
    call(app, &key, "GET", "/v1/customers/nobody/balance", "").await.expect(404);
    let page = operator.page("/operator/keys").await;
    assert!(page.contains("backend") && page.contains("charge") && !page.contains("ak_"), "{page}");
    let id = api_keys::list_keys(&app.inner()).await.unwrap()[0].id.to_string();
    assert_eq!(operator.act("revoke_key", &id, &[]).await, "done");
    assert_eq!(operator.act("revoke_key", &id, &[]).await, "unknown");
    assert_eq!(operator.act("revoke_key", "key_x", &[]).await, "unknown");
    call(app, &key, "GET", "/v1/customers/nobody/balance", "").await.expect(401);
    assert_eq!(operator.lines().await, 2);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_makes_lists_and_revokes_keys() {
    let home = Home::make(Database::Sqlite).await;
    let run = |words: &[&str]| {
        let output = topup(words, &[("DATABASE_URL", &home.url), ("USER", "grace")]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run(&["migrate"]).0, Some(0));
    let (code, key, said) = run(&["keys", "add", "the backend", "--scope", "charge"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(key.starts_with("ak_") && key.trim_end().len() == 67 && !said.contains(key.trim_end()), "{key}");
    let (_, listed, _) = run(&["keys", "list"]);
    assert!(listed.contains(" charge ") && listed.contains("by grace, never used: the backend"), "{listed}");
    assert!(!listed.contains("ak_"));
    let id = listed.split(' ').next().unwrap();
    assert!(KeyId::parse(id).is_some(), "{id}");
    assert_eq!(run(&["keys", "revoke", id]).0, Some(0));
    assert_eq!(run(&["keys", "revoke", id]).0, Some(1));
    assert_eq!(run(&["keys", "list"]).1, "");
    for wrong in [&["keys", "add", "x", "--scope", "root"][..], &["keys", "add", "x"], &["keys", "revoke", "7"]] {
        let (code, _, said) = run(wrong);
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{wrong:?}: {said}");
    }
    let check = run(&["check"]);
    assert_eq!(check.0, Some(0), "{check:?}");
    let document: Value = topup::http::openapi::openapi("https://billing.example.com");
    assert!(
        document["components"]["schemas"]["Code"]["enum"].as_array().unwrap().contains(&"insufficient_scope".into())
    );
}
