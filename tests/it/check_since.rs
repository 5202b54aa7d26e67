//! `topup check --since LAST`: it finds false rows among what is new, and false figures anywhere; a check that is not good
//! leaves things as they were.

use crate::app::{TestApp, on_both};
use crate::process::topup as command;
use crate::tampering::{LIES, a_full_life, open_entries};
use topup::usecases::upkeep::check::Extent;

async fn since(app: &TestApp) -> Result<(), String> {
    app.check_and_keep(Extent::SinceLast).await.map(drop)
}

/// The lies that it does not see; with no head of the customer, all that it has is new.
async fn unseen(app: &TestApp, without_heads: bool) -> Vec<&'static str> {
    let mut unseen = Vec::new();
    for lie in LIES {
        app.tamper(lie.tell, Vec::new()).await.unwrap();
        let heads = heads(app).await;
        if since(app).await.is_ok() {
            unseen.push(lie.tell);
            if without_heads {
                app.tamper("delete from check_heads", Vec::new()).await.unwrap();
            }
        } else {
            assert_eq!(heads, self::heads(app).await, "{}", lie.tell);
        }
        app.tamper(lie.undo, Vec::new()).await.unwrap();
    }
    unseen
}

/// The heads that count, and how many do not.
async fn heads(app: &TestApp) -> (i64, i64, i64) {
    let good = "from check_heads h join checks c on c.no = h.run where c.good_at is not null";
    (
        app.count(&format!("select count(*) as n {good}")).await,
        app.count(&format!("select cast(coalesce(sum(h.seq), 0) as bigint) as n {good}")).await,
        app.count("select count(*) as n from check_heads").await,
    )
}

/// A row that no line speaks of.
const ALONE: &[&str] = &["update usages set voided_at = created_at where source = 'job one'"];

/// What has not changed since the head, and no figure says.
const OLD: &[&str] = &[
    "update holds set credits = credits + 1 where state = 1",
    "update holds set draws = '[]' where state = 1",
    "update holds set closed_at = closed_at + 1 where state = 2",
    "update holds set closed_at = null where state = 1",
    "update holds set created_at = created_at - 1",
    "update usages set hold = null where hold is not null",
    "update holds set usage = null where usage is not null",
    "update usages set credits = credits + 1 where source = 'job one'",
    "update usages set lines = lines + 1 where source = 'job one'",
    "update usages set first_row = first_row + 1 where source = 'job one'",
    "update usages set created_at = created_at + 1 where source = 'job one'",
    "update usages set source = 'job two' where source = 'job one'",
    "update usages set source = 'mine' where source is null and salt is null and voided_at is null",
    "update usages set void_reason = 'other' where voided_at is not null",
    "update usages set voided_at = voided_at + 1 where voided_at is not null",
    "update usages set voided_at = created_at where source = 'job one'",
    "update grant_notes set reason = 'x' where kind = 'given'",
    "update grant_notes set reason = 'x' where kind = 'voided'",
    "update entry_marks set seq = seq + 1 where seq = 64",
];

on_both!(lies_about_what_is_new_and_about_figures_are_found, |app| {
    // Of a database without customers: all that follows is new.
    app.check_and_keep(Extent::Whole).await.unwrap();
    a_full_life(app).await;
    let missed = unseen(app, true).await;
    assert_eq!(missed, ALONE, "of what is new");
    app.check_since().await;
    let before = heads(app).await;
    assert_eq!((before.0, before.2), (1, 1));
    assert_eq!(unseen(app, false).await, OLD, "of what is old");
    assert_eq!(heads(app).await, before);
});

on_both!(it_goes_on_from_line_to_line, |app| {
    assert_eq!(app.check_since().await.since, None, "nothing to go on from");
    a_full_life(app).await;
    let whole = app.check().await;
    let first = app.check_since().await;
    assert_eq!((first.entries, first.grants), (whole.entries, whole.grants));
    let same = app.check_since().await;
    assert_eq!((same.entries, same.grants, same.open_holds), (0, whole.grants, whole.open_holds));
    // A usage of before is undone, a hold of before is settled; then a day and a cycle end.
    let usage = app.charge("acme", "3", "again").await.expect(201).json()["id"].as_str().unwrap().to_owned();
    app.check_since().await;
    app.post(&format!("/v1/usage/{usage}/void"), "void-2", r#"{"reason":"late"}"#).await.expect(200);
    assert_eq!(app.check_since().await.entries, 1);
    for days in [1, 3, 40] {
        app.advance_minutes(days * 1_440).await;
        app.charge("acme", "1", &format!("day-{days}")).await.expect(201);
        assert!(app.check_since().await.entries > 0);
    }
    let (all, heads) = (app.check().await.entries, heads(app).await);
    assert_eq!(heads, (1, all, 1), "older heads are gone");
});

on_both!(a_check_that_ended_has_moved_nothing, |app| {
    a_full_life(app).await;
    app.check_since().await;
    let before = heads(app).await;
    app.charge("acme", "1", "after").await.expect(201);
    // As it is left by a SIGKILL: written, and not good.
    let ended = "insert into checks (no, began_at, segment) select max(no) + 1, 0, 0 from checks";
    let heads_of_it = "insert into check_heads (customer_no, run, seq, hash, state, digest)
        select customer_no, (select max(no) from checks), seq + 1, hash, state, digest from check_heads";
    for sql in [ended, heads_of_it] {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    assert_eq!(heads(app).await, (before.0, before.1, 2));
    assert_eq!(app.check_since().await.entries, 1);
    assert_eq!(heads(app).await, (1, before.1 + 1, 1));
});

on_both!(a_changed_head_is_found, |app| {
    a_full_life(app).await;
    app.check_since().await;
    // What it knows.
    app.tamper("update check_heads set state = replace(state, '0', '1')", Vec::new()).await.unwrap();
    let said = since(app).await.expect_err("another state");
    assert!(said.contains("run `topup check`"), "{said}");
    app.check_and_keep(Extent::Whole).await.expect("it makes it anew");
    app.check_since().await;
    // The line that it ended with, in any column; an older one it does not see.
    let with = open_entries(app).await;
    app.tamper("create table kept as select * from entries", Vec::new()).await.unwrap();
    let head = "where seq = (select max(seq) from check_heads)";
    for (what, wheres, is_seen) in [
        ("amount = amount + 1", head, true),
        ("balance_after = balance_after + 1", head, true),
        ("created_at = created_at + 1", head, true),
        ("hash = (select hash from kept where seq = 1)", head, true),
        ("amount = amount + 1", "where seq = 5", false),
    ] {
        app.tamper(&format!("update entries set {what} {wheres}"), Vec::new()).await.unwrap();
        assert_eq!(since(app).await.is_err(), is_seen, "{what} {wheres}");
        app.check_and_keep(Extent::Whole).await.expect_err(what);
        app.tamper("delete from entries", Vec::new()).await.unwrap();
        app.tamper("insert into entries select * from kept", Vec::new()).await.unwrap();
    }
    for sql in with {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    // Its place.
    app.tamper("update check_heads set seq = seq + 1", Vec::new()).await.unwrap();
    since(app).await.expect_err("another place");
    app.check_and_keep(Extent::Whole).await.expect("it makes it anew");
});

on_both!(the_command_says_what_it_saw, |app| {
    app.put_customer("acme", "pro").await;
    let run = |words: &[&str]| {
        let output = command(words, &[("DATABASE_URL", &app.home.url)]).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = run(&["check", "--since", "LAST"]);
    assert!(first.starts_with("ok: 1 customers, 1 grants, 1 entries, ") && first.contains("everything was replayed"));
    app.charge("acme", "1", "job").await.expect(201);
    let next = run(&["check", "--since", "last"]);
    assert!(next.starts_with("ok: 1 customers, 1 grants, 1 new entries, "), "{next}");
    assert!(next.contains("since the good check of 20") && next.contains("\nnot seen: "), "{next}");
    assert!(run(&["check"]).starts_with("ok: 1 customers, 1 grants, 2 entries, "));
});
