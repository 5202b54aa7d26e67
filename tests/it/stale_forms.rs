//! A form acts for the session, the customer and the role that its page was drawn for, or not at all.

use crate::app::{Browser, TestApp, on_both};
use crate::operators::{OperatorBrowser, send};
use leptos::server_fn::axum::server_fn_paths;
use serde_json::json;
use std::collections::BTreeSet;
use topup::web::flash::Flash;
use topup::web::form_signature::Binding;
use topup::web::server_functions::binding;

const ADA: &str = "ada@acme.example";
const MO: &str = "mo@acme.example";
const VI: &str = "vi@acme.example";

type Fields = Vec<(&'static str, String)>;

/// Every form of a customer's pages that is bound, with fields that would change something.
async fn forms(ada: &Browser<'_>) -> Vec<(&'static str, Fields)> {
    let text =
        |pairs: &[(&'static str, &str)]| pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let device = ada.field("/settings", "id").await;
    vec![
        ("invite-member", text(&[("email", VI), ("role", "viewer")])),
        ("invite-again", text(&[("email", MO)])),
        ("change-role", text(&[("email", MO), ("role", "viewer")])),
        ("remove-member", text(&[("email", MO)])),
        ("sign-out-device", text(&[("id", &device)])),
        ("sign-out-others", text(&[])),
        ("time-zone", text(&[("zone", "Asia/Kathmandu")])),
        ("low-balance", text(&[("credits", "77")])),
        ("own-mails", text(&[("mails", "off")])),
        ("make-key", text(&[("name", "ci"), ("seed", &"ab".repeat(32))])),
        ("revoke-key", text(&[("id", &key_of(ada).await)])),
        ("hide_advice", text(&[])),
        ("low-mark", text(&[("credits", "77")])),
        ("billing_portal", text(&[])),
        ("switch-customer", text(&[("customer", "beta")])),
        ("sign-out", text(&[])),
        ("plan_portal", text(&[])),
        ("buy", buy_form(ada).await),
        ("choose_plan", buy_form(ada).await),
        ("auto_top_up", agree_form(ada).await),
        ("auto_top_up_limits", text(&[("threshold", "1"), ("cap", "900")])),
        ("auto_top_up_off", text(&[])),
        ("demo-use", text(&[("credits", "5"), ("key", "k"), ("back", "/billing")])),
        ("demo-move", text(&[("to", "day"), ("back", "/billing")])),
        ("demo-plan", text(&[("plan", "pro")])),
    ]
}

/// Forms of operators that are bound.
const OPERATORS: [&str; 5] = [
    "operator-act",
    "operator-sign-out",
    "operator-second-factor-on",
    "operator-second-factor-off",
    "operator-alarm-emails",
];

async fn key_of(ada: &Browser<'_>) -> String {
    let page = ada.get("/settings").await.expect(200).text;
    format!("key_{}", &page.split_once("value=\"key_").expect("a key").1[..32])
}

/// The forms whose own signature binds more.
const SEALED: [&str; 3] = ["buy", "choose_plan", "auto_top_up"];

/// The fields of the form that agrees to automatic top-up, its seal taken away.
async fn agree_form(browser: &Browser<'_>) -> Fields {
    let mut fields: Fields = vec![("agree", "yes".to_owned())];
    for name in ["setup", "package", "price", "currency", "threshold", "cap", "text"] {
        fields.push((name, browser.field("/auto-top-up", name).await));
    }
    fields
}

/// The fields of the first Buy form, its seal taken away.
async fn buy_form(browser: &Browser<'_>) -> Fields {
    let mut fields = Fields::new();
    for name in ["purchase", "package", "credits", "price", "currency", "months"] {
        fields.push((name, browser.field("/billing", name).await));
    }
    fields
}

/// Alpha and Beta, both Ada's, with another admin; Ada signed in at Alpha. There is a key, and another device.
async fn two_customers(app: &TestApp) -> (Browser<'_>, Browser<'_>) {
    for (id, name) in [("alpha", "Alpha"), ("beta", "Beta")] {
        app.put(id, json!({"email": ADA, "name": name, "plan": "starter"})).await.expect(201);
    }
    let sql = "insert into members (customer_no, email, role, created_at)
        select no, 'mo@acme.example', 'admin', 0 from customers";
    app.tamper(sql, Vec::new()).await.unwrap();
    let (ada, other) = (Browser::new(app), Browser::new(app));
    ada.sign_in(ADA).await;
    other.sign_in(ADA).await;
    let seed = ada.field("/settings", "seed").await;
    assert_eq!(ada.sent("make-key", &[("name", "job"), ("seed", &seed)]).await, "/settings?outcome=key_made");
    (ada, other)
}

/// All that forms change.
async fn state(app: &TestApp) -> Vec<i64> {
    let mut state = Vec::new();
    for sql in [
        "select count(*) as n from members where removed_at is null",
        "select count(*) as n from members where role = 'admin'",
        "select cast(sum(alerts) as bigint) as n from members",
        "select count(*) as n from sessions where ended_at is null",
        "select cast(sum(customer_no) as bigint) as n from sessions",
        "select count(*) as n from api_keys where revoked_at is null",
        "select count(*) as n from customers where timezone = 'UTC' and low_balance is null",
        "select count(*) as n from customers where hint_hidden_until is null and closed_at is null",
        "select count(*) as n from purchases",
        "select count(*) as n from entries",
        "select count(*) as n from accounts where plan = 'starter'",
        "select count(*) as n from audit",
        "select now as n from test_clock",
    ] {
        state.push(app.count(sql).await);
    }
    state
}

fn with<'a>(fields: &'a Fields, name: &'a str, signature: &'a str) -> Vec<(&'a str, &'a str)> {
    let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
    fields.chain((!signature.is_empty()).then_some((name, signature))).collect()
}

on_both!(every_post_of_the_pages_is_bound_and_tested, |app| {
    let (ada, _other) = two_customers(app).await;
    let tested: BTreeSet<String> = forms(&ada)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .chain(OPERATORS)
        .map(|name| format!("/_fn/{name}"))
        .collect();
    let all: BTreeSet<String> = server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    assert!(all.len() >= 25, "{all:?}");
    for path in &all {
        match binding(path) {
            Binding::Nothing => assert!(!tested.contains(path), "{path} is bound to nothing"),
            // Its token is its authority; `rights` tests what its page signs.
            Binding::Own if path.ends_with("/open-session") => {}
            bound => assert!(tested.contains(path), "{path} is bound ({bound:?}) and not tested: add it to the list"),
        }
    }
});

on_both!(a_form_without_or_with_anothers_signature_changes_nothing, |app| {
    let (ada, other) = two_customers(app).await;
    let forms = forms(&ada).await;
    ada.sent("switch-customer", &[("customer", "beta")]).await;
    let of_beta = ada.signature().await.unwrap();
    ada.sent("switch-customer", &[("customer", "alpha")]).await;
    let (own, of_other) = (ada.signature().await.unwrap(), other.signature().await.unwrap());
    let owner = app.tamper("update members set role = 'owner' where email = $1", topup::args![MO]).await.unwrap();
    assert_eq!(owner, 2);
    app.tamper("update members set role = 'admin' where email = $1", topup::args![ADA]).await.unwrap();
    let of_admin = ada.signature().await.unwrap();
    app.tamper("update members set role = 'owner' where email = $1", topup::args![ADA]).await.unwrap();
    app.tamper("update members set role = 'admin' where email = $1", topup::args![MO]).await.unwrap();
    let before = state(app).await;
    let halves = [&own[..32], &own[32..], &format!("{own}00")];
    for (name, fields) in &forms {
        let field = if SEALED.contains(name) { "mac" } else { "signature" };
        let mut wrong = vec!["", "00", "zz", &of_other, halves[1]];
        if *name != "sign-out" {
            // Signing out ends the session, wherever it is.
            wrong.extend([of_beta.as_str(), &of_admin, halves[0], halves[2]]);
        }
        for signature in wrong {
            let to = ada.post_bare("same-origin", name, &with(fields, field, signature)).await.expect(303);
            let to = to.way();
            assert!(to.ends_with("?outcome=form_stale"), "{name} {signature:?} led to {to}");
            assert_eq!(state(app).await, before, "{name} {signature:?}");
            let page = ada.get(&to).await.expect(200).text;
            assert!(page.contains("This page was out of date.") && page.contains("Nothing was changed."), "{page}");
        }
    }
    // Nobody is signed in: the way in, and nothing else.
    for (name, fields) in &forms {
        let to = Browser::new(app).post_bare("same-origin", name, &with(fields, "signature", &own)).await.expect(303);
        let way = if *name == "sign-out" { to.way() } else { to.way().replace("outcome=signed_out", "") };
        assert!(way.starts_with("/sign-in") && !way.contains("outcome"), "{name}: {to:?}");
    }
    assert_eq!(state(app).await, before);
});

on_both!(a_form_of_one_tab_does_not_act_on_the_customer_of_another, |app| {
    let (ada, _other) = two_customers(app).await;
    let drawn = ada.field("/settings", "signature").await;
    let forms = forms(&ada).await;
    ada.sent("switch-customer", &[("customer", "beta")]).await;
    let before = state(app).await;
    for (name, fields) in forms.iter().filter(|(name, _)| *name != "sign-out" && !SEALED.contains(name)) {
        let to = ada.post_bare("same-origin", name, &with(fields, "signature", &drawn)).await.expect(303);
        assert!(to.way().ends_with("?outcome=form_stale"), "{name}: {to:?}");
    }
    assert_eq!(state(app).await, before);
    // Back at Alpha, the form of that page is what it was.
    ada.sent("switch-customer", &[("customer", "alpha")]).await;
    let invite = [("email", VI), ("role", "viewer"), ("signature", drawn.as_str())];
    assert_eq!(ada.sent("invite-member", &invite).await, "/settings?outcome=invited");
    let at =
        "select c.no as n from members m join customers c on c.no = m.customer_no where m.email = 'vi@acme.example'
        and c.id = 'alpha'";
    assert_eq!(app.count(at).await, 1);
});

on_both!(every_form_of_every_page_carries_whom_it_was_drawn_for, |app| {
    let (ada, _other) = two_customers(app).await;
    let bought = app.buy("alpha", "p1200", "buy-1").await["id"].as_str().unwrap().to_owned();
    let operator = OperatorBrowser::open(app).await;
    let mut pages = Vec::new();
    for path in [
        "/billing",
        "/usage",
        "/history",
        "/settings",
        "/auto-top-up",
        "/demo/plans",
        &format!("/purchases/{bought}"),
        "/none",
    ] {
        pages.push((path.to_owned(), ada.get(path).await.text));
    }
    for path in [
        "/operator",
        "/operator/customers/alpha",
        &format!("/operator/purchases/{bought}"),
        "/operator/alarms",
        "/operator/second-factor",
    ] {
        pages.push((path.to_owned(), operator.page(path).await));
    }
    let mut seen = BTreeSet::new();
    for (path, page) in pages {
        for form in page.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap()) {
            let action = form.split_once("action=\"").map_or("", |(_, rest)| rest.split('"').next().unwrap());
            if !form.contains("method=\"post\"") || binding(action) == Binding::Nothing {
                continue;
            }
            seen.insert(action.to_owned());
            let field = |name: &str| {
                let (_, rest) = form.split_once(&format!("name=\"{name}\""))?;
                rest.split_once("value=\"").map(|(_, rest)| rest.split('"').next().unwrap().len())
            };
            let signed = field("signature").or_else(|| field("mac"));
            assert!(signed.is_some_and(|length| length >= 32), "{path}: {action} is not signed: {form}");
        }
    }
    assert!(seen.len() >= 15, "{seen:?}");
});

on_both!(an_operators_form_acts_for_its_session_on_the_thing_it_was_drawn_for, |app| {
    let (_ada, _other) = two_customers(app).await;
    let operator = OperatorBrowser::open(app).await;
    let page = operator.page("/operator/customers/alpha").await;
    let form = page.split("<form").find(|form| form.contains("value=\"give\"")).expect("a form");
    let field = |name: &str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\"")).expect(name);
        rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let (key, back, signature) = (field("key"), field("back"), field("signature"));
    let sent = async |cookie: &str, about: &str, key: &str, back: &str, signature: &str| {
        let fields = [
            ("act", "give"),
            ("about", about),
            ("key", key),
            ("back", back),
            ("reason", "sorry"),
            ("first", "5"),
            ("second", "2999-01-01"),
            ("signature", signature),
        ];
        let answer = send(app, "/_fn/operator-act", cookie, &fields).await.expect(303);
        answer.way()
    };
    // The same person in another browser is another session.
    let again = crate::operators::sign_in(app, crate::operators::EMAIL, crate::operators::PASSWORD).await;
    let elsewhere = crate::operators::cookie_of(&again);
    let before = state(app).await;
    for (cookie, about, key, back, signature) in [
        (operator.cookie.as_str(), "alpha", key.as_str(), back.as_str(), ""),
        (&operator.cookie, "beta", &key, &back, &signature),
        (&operator.cookie, "alpha", &key, "/operator/customers/beta", &signature),
        (&elsewhere, "alpha", &key, &back, &signature),
    ] {
        let to = sent(cookie, about, key, back, signature).await;
        assert!(to.contains("outcome=form_stale"), "{about} {key} {back} {signature}: {to}");
        assert_eq!(state(app).await, before);
    }
    let stale = Flash::new("form_stale").with("act", "give").cookie("/operator", false);
    let page =
        crate::operators::page(app, "/operator", &format!("{}; {stale}", operator.cookie)).await.expect(200).text;
    assert!(page.contains("This page was out of date."), "{page}");
    let out = send(app, "/_fn/operator-sign-out", &operator.cookie, &[]).await.expect(303);
    assert_eq!(out.way(), "/operator?outcome=form_stale");
    let to = sent(&operator.cookie, "alpha", &key, &back, &signature).await;
    assert_eq!(to, "/operator/customers/alpha?outcome=done&act=give");
});

on_both!(a_form_that_is_larger_than_any_of_ours_is_not_read, |app| {
    let (ada, _other) = two_customers(app).await;
    let name = "x".repeat(100_000);
    ada.post_bare("same-origin", "low-balance", &[("credits", &name)]).await.expect(413);
});
