//! `topup check` finds each false row of a changed database.

use crate::app::{Database, TestApp, on_both};
use serde_json::json;
use topup::usecases::upkeep::check;

/// A lie, and how it is taken back. `says` is a part of the one line that names it.
pub struct Lie {
    pub tell: &'static str,
    pub undo: &'static str,
    says: &'static str,
}

const fn lie(tell: &'static str, undo: &'static str, says: &'static str) -> Lie {
    Lie { tell, undo, says }
}

/// Rows of the ledger, of what stands beside it, and of the keys.
pub const LIES: &[Lie] = &[
    // The account's own row.
    lie("update accounts set balance = balance + 1", "update accounts set balance = balance - 1", "the account has"),
    lie("update accounts set seq = seq + 1", "update accounts set seq = seq - 1", "is missing"),
    lie("update accounts set due_at = due_at + 1", "update accounts set due_at = due_at - 1", "due_at is"),
    lie("update accounts set plan = 'pro'", "update accounts set plan = 'starter'", "its last change of plan was"),
    lie(
        "update accounts set cycle_end = cycle_end + 1",
        "update accounts set cycle_end = cycle_end - 1",
        "its plan's cycle ends at",
    ),
    lie("update accounts set head_row = head_row - 1", "update accounts set head_row = head_row + 1", "is missing"),
    // Grants against their lines.
    lie("update grants set used = used + 1 where kind = 3", "update grants set used = used - 1 where kind = 3", "used"),
    lie(
        "update grants set expires_at = expires_at + 1 where kind = 3",
        "update grants set expires_at = expires_at - 1 where kind = 3",
        "expires_at",
    ),
    lie(
        "update grants set effective_at = effective_at - 1 where kind = 3",
        "update grants set effective_at = effective_at + 1 where kind = 3",
        "effective_at",
    ),
    lie(
        "update grants set kind = 2 where kind = 3",
        "update grants set kind = 3 where purchase is not null",
        "a `courtesy` grant that pur_",
    ),
    lie("update grants set is_open = 0 where kind = 3", "update grants set is_open = 1 where kind = 3", "working set"),
    lie(
        "update grants set held = held - 1, used = used + 1 where kind = 1 and held > 0",
        "update grants set held = held + 1, used = used - 1 where kind = 1 and held > 0",
        "its row has",
    ),
    lie(
        "update grants set is_voided = 0 where is_voided = 1",
        "update grants set is_voided = 1 where kind = 2 and voided > 0",
        "void it",
    ),
    // Holds.
    lie(
        "update holds set draws = '[[1,1]]' where state = 0",
        "update holds set draws = '[[1,7000]]' where state = 0",
        "have different draws",
    ),
    lie(
        "update holds set state = 2, closed_at = expires_at where state = 0",
        "update holds set state = 0, closed_at = null where closed_at = expires_at",
        "due_at is",
    ),
    lie(
        "update holds set expires_at = expires_at + 1 where state = 0",
        "update holds set expires_at = expires_at - 1 where state = 0",
        "due_at is",
    ),
    lie(
        "update holds set credits = credits + 1 where state = 1",
        "update holds set credits = credits - 1 where state = 1",
        "its row has credits",
    ),
    lie(
        "update holds set draws = '[]' where state = 1",
        "update holds set draws = '[[1,5000]]' where state = 1",
        "have different draws",
    ),
    lie(
        "update holds set closed_at = closed_at + 1 where state = 2",
        "update holds set closed_at = closed_at - 1 where state = 2",
        "closed_at",
    ),
    lie(
        "update holds set closed_at = null where state = 1",
        "update holds set closed_at = created_at where state = 1",
        "closed_at",
    ),
    lie("update holds set created_at = created_at - 1", "update holds set created_at = created_at + 1", "created_at"),
    lie(
        "update usages set hold = null where hold is not null",
        "update usages set hold = (select id from holds where usage is not null) where id = (select usage from holds where usage is not null)",
        "usage",
    ),
    lie(
        "update holds set usage = null where usage is not null",
        "update holds set usage = (select id from usages where hold is not null) where state = 1",
        "usages with another hold",
    ),
    // Usages: their draws, their texts, their undoing.
    lie(
        "update usages set credits = credits + 1 where source = 'job one'",
        "update usages set credits = credits - 1 where source = 'job one'",
        "credits",
    ),
    lie(
        "update usages set lines = lines + 1 where source = 'job one'",
        "update usages set lines = lines - 1 where source = 'job one'",
        "lines",
    ),
    lie(
        "update usages set first_row = first_row + 1 where source = 'job one'",
        "update usages set first_row = first_row - 1 where source = 'job one'",
        "first entry",
    ),
    lie(
        "update usages set created_at = created_at + 1 where source = 'job one'",
        "update usages set created_at = created_at - 1 where source = 'job one'",
        "created_at",
    ),
    lie(
        "update usages set source = 'job two' where source = 'job one'",
        "update usages set source = 'job one' where source = 'job two'",
        "free text",
    ),
    lie(
        "update usages set source = 'mine' where source is null and salt is null and voided_at is null",
        "update usages set source = null where source = 'mine'",
        "free text",
    ),
    lie(
        "update usages set void_reason = 'other' where voided_at is not null",
        "update usages set void_reason = 'a mistake' where voided_at is not null",
        "free text",
    ),
    lie(
        "update usages set voided_at = voided_at + 1 where voided_at is not null",
        "update usages set voided_at = voided_at - 1 where voided_at is not null",
        "voided_at",
    ),
    lie(
        "update usages set voided_at = created_at where source = 'job one'",
        "update usages set voided_at = null where source = 'job one'",
        "voided usages",
    ),
    // Why credits were given and taken back.
    lie(
        "update grant_notes set reason = 'x' where kind = 'given'",
        "update grant_notes set reason = 'sorry' where kind = 'given'",
        "(given)",
    ),
    lie(
        "update grant_notes set reason = 'x' where kind = 'voided'",
        "update grant_notes set reason = 'oops' where kind = 'voided'",
        "(voided)",
    ),
    // Purchases.
    lie(
        "update purchases set state = 'open'",
        "update purchases set state = 'credited'",
        "top-ups whose purchase is not credited",
    ),
    lie(
        "update purchases set credits = credits + 1",
        "update purchases set credits = credits - 1",
        "credited purchases without exactly their grant",
    ),
    lie(
        "update purchases set credited_at = credited_at + 1",
        "update purchases set credited_at = credited_at - 1",
        "credited purchases without exactly their grant",
    ),
    lie(
        "update purchases set expires_at = expires_at + 1",
        "update purchases set expires_at = expires_at - 1",
        "with other dates than their grant",
    ),
    lie(
        "update purchase_events set kind = 'told' where kind = 'credited'",
        "update purchase_events set kind = 'credited' where kind = 'told'",
        "timeline",
    ),
    lie(
        "update grants set awaits_notice = 1 where kind = 1",
        "update grants set awaits_notice = 0",
        "it awaits a notice",
    ),
    // Plans that were in force.
    lie(
        "update plan_changes set plan = 'pro'",
        "update plan_changes set plan = 'starter'",
        "its last change of plan was",
    ),
    lie("update plan_changes set pauses_top_ups = 1", "update plan_changes set pauses_top_ups = 0", "paus"),
    // Idempotency keys and what they answer.
    lie(
        "update idempotency_keys set kind = 3 where kind = 1",
        "update idempotency_keys set kind = 1 where kind = 3",
        "one to one",
    ),
    lie(
        "update idempotency_keys set status = 200 where kind = 1",
        "update idempotency_keys set status = 201 where kind = 1",
        "one to one",
    ),
    lie(
        "update idempotency_keys set status = 402 where status = 201 and kind = 2",
        "update idempotency_keys set status = 201 where status = 402",
        "has no answer",
    ),
    lie(
        "update entry_marks set seq = seq + 1 where seq = 64",
        "update entry_marks set seq = seq - 1 where seq = 65",
        "",
    ),
];

/// Changes of entries, which the database refuses until its triggers are gone.
const ENTRY_LIES: &[Lie] = &[
    lie(
        "update entries set amount = amount + 1 where seq = 5",
        "update entries set amount = amount - 1 where seq = 5",
        "entry 5: balance_after",
    ),
    lie(
        "update entries set balance_after = balance_after + 1 where seq = 5",
        "update entries set balance_after = balance_after - 1 where seq = 5",
        "entry 5: balance_after",
    ),
    lie(
        "update entries set event_at = event_at - 1 where seq = 5",
        "update entries set event_at = event_at + 1 where seq = 5",
        "entry 5: ",
    ),
    lie(
        "update entries set created_at = created_at + 1 where seq = 5",
        "update entries set created_at = created_at - 1 where seq = 5",
        "entry 5: ",
    ),
    lie(
        "update entries set held_change = held_change - 1 where kind = 2 and seq = 5",
        "update entries set held_change = held_change + 1 where kind = 2 and seq = 5",
        "entry 5: its hash",
    ),
    lie(
        "update entries set grant_no = 2 where seq = 5",
        "update entries set grant_no = 1 where seq = 5",
        "entry 5: its hash",
    ),
    lie("update entries set seq = 1000 where seq = 5", "update entries set seq = 5 where seq = 1000", ""),
    lie(
        "update entries set prev_row = prev_row - 1 where seq = 7",
        "update entries set prev_row = prev_row + 1 where seq = 7",
        "",
    ),
    lie("update entries set hash = (select hash from accounts) where seq = 5", "", "entry 5: its hash"),
    lie("delete from entries where seq = 6", "", ""),
];

/// A customer with some of everything: 70 charges, holds in every state, gifts, voids, a top-up.
pub async fn a_full_life(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    for n in 0..70 {
        app.charge("acme", "1", &format!("many-{n}")).await.expect(201);
    }
    let usage =
        app.post("/v1/customers/acme/usage", "u1", r#"{"credits":2,"source":"job one"}"#).await.expect(201).json();
    assert_eq!(usage["source"], "job one");
    let hold = async |key: &str, credits: i64| {
        let body = json!({"credits": credits, "ttl_seconds": 3600}).to_string();
        app.post("/v1/customers/acme/holds", key, body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
    };
    hold("open", 7).await;
    let settled = hold("settled", 5).await;
    app.post(&format!("/v1/holds/{settled}/settle"), "settle", r#"{"credits":3}"#).await.expect(200);
    let released = hold("released", 4).await;
    app.post(&format!("/v1/holds/{released}/release"), "release", "{}").await.expect(200);
    let give = async |key: &str| {
        let at = (app.now() + chrono::TimeDelta::days(40)).to_rfc3339();
        let body = json!({"credits": 10, "expires_at": at, "reason": "sorry"}).to_string();
        app.post("/v1/customers/acme/grants", key, body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
    };
    let gift = give("gift").await;
    app.post(&format!("/v1/grants/{gift}/void"), "void-gift", r#"{"reason":"oops"}"#).await.expect(200);
    app.buy("acme", "p1200", "buy").await;
    // All that is left but 30 of the top-up, so that a usage draws on two grants; and it is undone.
    let all = app.available("acme").await.as_i64().unwrap() - 30;
    let undone = app.charge("acme", &all.to_string(), "undone").await.expect(201).json();
    let path = format!("/v1/usage/{}/void", undone["id"].as_str().unwrap());
    app.post(&path, "void", r#"{"reason":"a mistake"}"#).await.expect(200);
}

/// The result of `check` on the database now.
async fn verdict(app: &TestApp) -> Result<(), String> {
    check::check_all(&app.inner().store).await.unwrap().map(|_| ())
}

/// Tells a lie; what is wrong with how it was named.
async fn told(app: &TestApp, lie: &Lie) -> Option<String> {
    let rows = app.tamper(lie.tell, Vec::new()).await.unwrap_or_else(|e| panic!("{}: {e}", lie.tell));
    assert!(rows > 0, "no lie: {}", lie.tell);
    match verdict(app).await {
        Err(said) if said.contains(lie.says) && said.lines().count() == 1 => None,
        found => Some(format!("{}\n  {found:?}", lie.tell)),
    }
}

on_both!(each_lie_about_rows_is_named, |app| {
    a_full_life(app).await;
    verdict(app).await.unwrap();
    let mut missed = Vec::new();
    for lie in LIES {
        missed.extend(told(app, lie).await);
        app.tamper(lie.undo, Vec::new()).await.unwrap();
        assert_eq!(verdict(app).await, Ok(()), "after {}", lie.undo);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
});

/// Takes the triggers away that keep entries; the statements that bring them back.
pub async fn open_entries(app: &TestApp) -> &'static [&'static str] {
    let (without, with): (&[&str], &[&str]) = match app.home.database {
        Database::Sqlite => (&["drop trigger entries_keep", "drop trigger entries_stay"], &[]),
        Database::Postgres => {
            (&["alter table entries disable trigger user"], &["alter table entries enable trigger user"])
        }
    };
    for sql in without {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    with
}

on_both!(each_lie_about_entries_is_named, |app| {
    a_full_life(app).await;
    let with = open_entries(app).await;
    app.tamper("create table kept as select * from entries", Vec::new()).await.unwrap();
    let mut missed = Vec::new();
    for lie in ENTRY_LIES {
        missed.extend(told(app, lie).await);
        app.tamper("delete from entries", Vec::new()).await.unwrap();
        app.tamper("insert into entries select * from kept", Vec::new()).await.unwrap();
        assert_eq!(verdict(app).await, Ok(()), "after {}", lie.tell);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    for sql in with {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
});

/// Rows that are taken away, or that nobody asked for.
const ROWS: &[(&str, &str, &str)] = &[
    ("usages", "source = 'job one'", "it has entries but no row"),
    ("usages", "voided_at is not null", "it has entries but no row"),
    ("holds", "state = 1", "it has entries but no row"),
    ("holds", "state = 0", ""),
    ("grant_notes", "kind = 'given'", "the reason is missing (given)"),
    ("grant_notes", "kind = 'voided'", "the reason is missing (voided)"),
    ("plan_changes", "customer_no > 0", "its first plan"),
    ("purchase_events", "kind = 'credited'", "timeline"),
    ("purchases", "state = 'credited'", "top-ups whose purchase is not credited"),
    ("idempotency_keys", "kind = 1", "one to one"),
    ("accounts", "customer_no > 0", "has no account"),
];

on_both!(each_row_that_is_gone_is_named, |app| {
    a_full_life(app).await;
    for (table, rows, says) in ROWS {
        app.tamper(&format!("create table kept as select * from {table} where {rows}"), Vec::new()).await.unwrap();
        let gone = app.tamper(&format!("delete from {table} where {rows}"), Vec::new()).await.unwrap();
        assert!(gone > 0, "{table} {rows}");
        let said = verdict(app).await.expect_err(table);
        assert!(said.contains(says), "{table} {rows}: {said}");
        app.tamper(&format!("insert into {table} select * from kept"), Vec::new()).await.unwrap();
        app.tamper("drop table kept", Vec::new()).await.unwrap();
        assert_eq!(verdict(app).await, Ok(()), "{table} {rows}");
    }
});
