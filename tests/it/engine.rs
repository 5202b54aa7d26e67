//! The engine: failing jobs, a full queue, other writers, an orderly end.

use crate::app::{STUCK, TestApp, on_both};
use futures::future::join_all;
use serde_json::json;
use std::collections::HashSet;
use tokio::sync::oneshot;
use topup::domain::{Credits, UsageId};
use topup::ledger::{Charge, ChargeOutcome, Charged, Ledger, Unavailable};
use topup::store::Store;
use topup::store::segment_sizes::SegmentSizes;
use topup::usecases::{App, AppParts, InternalError, customers};

pub fn charge(customer: &str, key: &str, credits: i64) -> Charge {
    Charge {
        customer: customer.to_owned(),
        key: key.to_owned(),
        content: [7; 16],
        credits: Credits(credits * 1_000),
        operation: None,
        quantities: None,
        source: None,
        metadata: None,
    }
}

pub fn charged(outcome: Result<ChargeOutcome, Unavailable>) -> Charged {
    match outcome {
        Ok(ChargeOutcome::Charged(charged)) => charged,
        other => panic!("{other:?}"),
    }
}

/// Holds the engine inside a write transaction of the first customer, so that later writes are one batch; the sender
/// releases it.
pub async fn held(ledger: &Ledger) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (go, wait) = oneshot::channel::<()>();
    let (began, begun) = oneshot::channel();
    let ledger = ledger.clone();
    let job = tokio::spawn(async move {
        let held = ledger.customer_job(1, |_| {
            Box::pin(async move {
                began.send(()).unwrap();
                wait.await.unwrap();
                Ok::<_, InternalError>(())
            })
        });
        held.await.unwrap().unwrap();
    });
    begun.await.unwrap();
    (go, job)
}

/// A job that charges, changes a customer's row, and then fails.
async fn failing(
    ledger: &Ledger,
    customer: &'static str,
    how: &'static str,
) -> Result<Result<(), InternalError>, Unavailable> {
    ledger
        .job(move |tx| {
            Box::pin(async move {
                let no = tx.customer_no(customer).await?.unwrap();
                tx.db.execute("update customers set name = 'never' where no = $1", topup::args![no]).await?;
                let usage = UsageId(tx.clock.mint());
                tx.with_account(no, |account, at, _, changes| {
                    account.charge(usage, Credits(99_000), None, at, changes).unwrap()
                })
                .await?;
                if how == "flushed" {
                    tx.flush().await?;
                }
                if how == "refused by the database" {
                    tx.db.execute("insert into customers (no) values (null, 5)", Vec::new()).await?;
                }
                Err(InternalError::Broken("on purpose".to_owned()))
            })
        })
        .await
}

on_both!(a_failing_job_does_not_fail_its_neighbours, |app| {
    app.put_customer("acme", "starter").await;
    app.put_customer("larch", "builder").await;
    let ledger = app.inner().ledger.clone();
    for how in ["at once", "flushed", "refused by the database"] {
        let (go, job) = held(&ledger).await;
        let key = |n: u8| format!("{how}-{n}");
        let before = app.inner().clock.mint().to_string();
        let all = async {
            tokio::join!(
                ledger.charge(charge("acme", &key(1), 1)),
                failing(&ledger, "acme", how),
                ledger.charge(charge("acme", &key(2), 1)),
                failing(&ledger, "larch", how),
                ledger.charge(charge("larch", &key(3), 1)),
                ledger.charge(charge("acme", &key(4), 99_999)),
                ledger.charge(charge("acme", &key(5), 1)),
                async { go.send(()).unwrap() },
            )
        };
        let (one, failed, two, failed_too, three, refused, five, ()) = tokio::time::timeout(STUCK, all).await.unwrap();
        job.await.unwrap();
        assert!(failed.unwrap().is_err() && failed_too.unwrap().is_err(), "{how}");
        assert!(matches!(refused, Ok(ChargeOutcome::Insufficient { .. })), "{how} {before}");
        let left = [one, two, five].map(|outcome| charged(outcome).balance.available.0 / 1_000);
        assert_eq!((left[0] - left[1], left[1] - left[2]), (1, 1), "{how}");
        charged(three);
        app.check().await;
    }
    assert_eq!((app.available("acme").await, app.available("larch").await), (json!(4_991), json!(24_997)));
    assert_eq!(app.count("select count(*) as n from customers where name = 'never'").await, 0);
});

on_both!(memory_and_database_agree_after_a_job_that_was_rolled_back, |app| {
    app.put_customer("acme", "starter").await;
    let ledger = app.inner().ledger.clone();
    for (n, how) in ["at once", "flushed", "refused by the database", "flushed"].into_iter().enumerate() {
        let before = charged(ledger.charge(charge("acme", &format!("before-{n}"), 1)).await);
        assert!(failing(&ledger, "acme", how).await.unwrap().is_err());
        let after = charged(ledger.charge(charge("acme", &format!("after-{n}"), 1)).await);
        assert_eq!(before.balance.available.0 - after.balance.available.0, 1_000, "{how}");
        app.check().await;
    }
    assert_eq!(app.entries("acme").await.len(), 1 + 8);
    let figures = app.ledger("acme").await;
    drop(ledger);
    app.restart().await;
    assert_eq!(app.ledger("acme").await, figures);
});

on_both!(a_job_that_panics_takes_nothing_else_with_it, |app| {
    app.put_customer("acme", "starter").await;
    let ledger = app.inner().ledger.clone();
    let panics = ledger.job(|tx| {
        Box::pin(async move {
            let no = tx.customer_no("acme").await?.unwrap();
            let usage = UsageId(tx.clock.mint());
            tx.with_account(no, |account, at, _, changes| {
                account.charge(usage, Credits(99_000), None, at, changes).unwrap()
            })
            .await?;
            tx.flush().await?;
            assert!(no < 0, "on purpose");
            Ok::<_, InternalError>(())
        })
    });
    let outcome = tokio::time::timeout(STUCK, panics).await.expect("an answer");
    assert!(!matches!(outcome, Ok(Ok(()))));
    let after = charged(ledger.charge(charge("acme", "after", 1)).await);
    assert_eq!(after.balance.available, Credits(4_999_000));
});

on_both!(copies_of_one_charge_in_one_batch_are_one_usage, |app| {
    app.put_customer("acme", "starter").await;
    let ledger = app.inner().ledger.clone();
    let (go, job) = held(&ledger).await;
    let copies = join_all((0..64).map(|_| ledger.charge(charge("acme", "job-1", 7))));
    let other = Charge { content: [8; 16], ..charge("acme", "job-1", 7) };
    let (copies, other, ()) = tokio::join!(copies, ledger.charge(other), async { go.send(()).unwrap() });
    job.await.unwrap();
    let mut copies = copies.into_iter();
    let first = charged(copies.next().unwrap());
    for copy in copies {
        assert_eq!(copy, Ok(ChargeOutcome::Replayed(first.usage, first.balance)));
    }
    assert_eq!((other, app.available("acme").await), (Ok(ChargeOutcome::KeyReused), json!(4_993)));
});

on_both!(a_full_queue_refuses_at_once_and_loses_nothing, |app| {
    app.put_customer("acme", "starter").await;
    let ledger = app.inner().ledger.clone();
    let (go, job) = held(&ledger).await;
    let mut waiting = Vec::new();
    let overloaded = loop {
        // Most of them are nobody's: what is tested is the queue.
        let customer = if waiting.len() % 64 == 0 { "acme" } else { "nobody" };
        let mut asked = Box::pin(ledger.charge(charge(customer, &format!("job-{}", waiting.len()), 1)));
        match futures::poll!(&mut asked) {
            std::task::Poll::Pending => waiting.push((customer, asked)),
            std::task::Poll::Ready(answer) => break answer,
        }
        assert!(waiting.len() < 1_000_000, "the queue has no end");
    };
    assert!(matches!(overloaded, Err(Unavailable::Overloaded)), "{overloaded:?}");
    app.charge("acme", "1", "over-http").await.expect_problem(503, "overloaded");
    go.send(()).unwrap();
    job.await.unwrap();
    let mut acmes = 0;
    for (customer, asked) in waiting {
        let outcome = tokio::time::timeout(STUCK, asked).await.unwrap();
        if customer == "acme" {
            charged(outcome);
            acmes += 1;
        } else {
            assert!(matches!(outcome, Ok(ChargeOutcome::UnknownCustomer)), "{outcome:?}");
        }
    }
    // Refused was refused: the same key is free.
    let again = app.charge("acme", "1", "over-http").await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), app.available("acme").await), (None, json!(5_000 - acmes - 1)));
});

/// A second engine on the same database, as another process would have.
pub async fn second(app: &TestApp) -> (App, tokio::task::JoinHandle<()>) {
    second_with_segments(app, SegmentSizes::default()).await
}

/// Segments of so few keys that tests meet several.
pub const SMALL: SegmentSizes = SegmentSizes { rows: 16, index: 128, block: 4, step: 2 };

/// The same, whose segments of keys have other sizes.
pub async fn second_with_segments(app: &TestApp, sizes: SegmentSizes) -> (App, tokio::task::JoinHandle<()>) {
    let inner = app.inner();
    let store = Store::open(&app.home.url).await.unwrap();
    let (clock, catalog) = (inner.clock.clone(), inner.catalog.clone());
    let (ledger, engine) = Ledger::start_with_segments(store.clone(), clock, catalog, sizes);
    (App::new(AppParts { store, ledger, ..inner.parts() }), engine)
}

pub async fn end((inner, engine): (App, tokio::task::JoinHandle<()>)) {
    let store = inner.store.clone();
    drop(inner);
    engine.await.unwrap();
    store.close().await;
}

on_both!(writes_of_another_process_are_seen_by_the_next_write, |app| {
    app.put_customer_with_left("acme", 180).await;
    app.charge("acme", "1", "remembered").await.expect(201);
    let other = second(app).await;
    let put = customers::Put { plan: Some("builder".to_owned()), ..customers::Put::default() };
    customers::put_customer(&other.0, "acme", put).await.unwrap();
    // Had it been decided on what is remembered, it would be refused.
    let usage = app.charge("acme", "10000", "job-1").await.expect(201).json();
    assert_eq!(usage["balance"]["available"], 10_179);
    // And the other way round: the other remembers, this one writes, the other sees it.
    charged(other.0.ledger.charge(charge("acme", "job-2", 1)).await);
    app.charge("acme", "1", "job-3").await.expect(201);
    let seen = charged(other.0.ledger.charge(charge("acme", "job-4", 1)).await);
    assert_eq!(seen.balance.available, Credits(10_176_000));
    // A key that one bound the other knows.
    let body_hash_differs = other.0.ledger.charge(charge("acme", "job-1", 1)).await.unwrap();
    assert_eq!(body_hash_differs, ChargeOutcome::KeyReused);
    app.check().await;
    end(other).await;
});

on_both!(a_key_is_bound_for_ever_in_whichever_segment_it_lies, |app| {
    app.put_customer("acme", "starter").await;
    let hold = r#"{"credits":3,"ttl_seconds":600}"#;
    let held = app.post("/v1/customers/acme/holds", "hold-1", hold).await.expect(201);
    let mut other = second_with_segments(app, SMALL).await;
    let mut first = Vec::new();
    for n in 0..70 {
        if n == 40 {
            // A new process knows only what is stored.
            end(other).await;
            other = second_with_segments(app, SMALL).await;
        }
        first.push(charged(other.0.ledger.charge(charge("acme", &format!("job-{n}"), 1)).await));
    }
    assert_eq!(app.count("select count(*) as n from key_segments").await, 4);
    // On PostgreSQL a closed segment gets its filter when nobody can write into it any more, and a write asks for the next.
    for n in 0.. {
        if app.count("select count(*) as n from key_segments where length(bits) = 0").await == 0 {
            break;
        }
        let nobody = other.0.ledger.charge(charge("nobody", &format!("job-{n}"), 1)).await;
        assert_eq!(nobody, Ok(ChargeOutcome::UnknownCustomer));
        assert!(n < 100_000, "no filter was made");
    }
    for engine in [other.0.ledger.clone(), app.inner().ledger.clone()] {
        for (n, first) in first.iter().enumerate() {
            let again = engine.charge(charge("acme", &format!("job-{n}"), 1)).await;
            assert_eq!(again, Ok(ChargeOutcome::Replayed(first.usage, first.balance)), "{n}");
        }
    }
    let again = app.post("/v1/customers/acme/holds", "hold-1", hold).await.expect(201);
    assert_eq!((again.json(), again.header("idempotent-replayed")), (held.json(), Some("true")));
    app.charge("acme", "1", "hold-1").await.expect_problem(409, "idempotency_key_reused");
    assert_eq!(app.available("acme").await, 4_927);
    app.check().await;
    // The check sees a segment that hides a key, and one that is gone.
    app.tamper("create table kept as select * from key_segments", Vec::new()).await.unwrap();
    app.tamper(
        "update key_segments set bits = (select bits from key_segments where segment = 2) where segment = 1",
        Vec::new(),
    )
    .await
    .unwrap();
    let said = topup::usecases::upkeep::check::check_all(&other.0.store).await.unwrap().unwrap_err();
    assert!(said.contains("segment 1 of the idempotency keys hides one of its keys"), "{said}");
    app.tamper("delete from key_segments where segment = 1", Vec::new()).await.unwrap();
    let said = topup::usecases::upkeep::check::check_all(&other.0.store).await.unwrap().unwrap_err();
    assert!(said.contains("segment 1 of the idempotency keys is missing"), "{said}");
    for sql in ["delete from key_segments", "insert into key_segments select * from kept", "drop table kept"] {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    end(other).await;
});

on_both!(two_engines_at_once_neither_lose_nor_double, |app| {
    app.put_customer_with_left("acme", 150).await;
    let other = second_with_segments(app, SMALL).await;
    let keys: Vec<String> = (0..120).map(|n| format!("job-{n}")).collect();
    // Every key is asked of both: each is one usage, whoever was first. Wave by wave, so that each engine
    // comes back to what it remembers after the other has written.
    let ours = app.inner().ledger.clone();
    let mut outcomes = Vec::new();
    for wave in keys.chunks(8) {
        let (first, second) = tokio::join!(
            join_all(wave.iter().map(|key| ours.charge(charge("acme", key, 1)))),
            join_all(wave.iter().rev().map(|key| other.0.ledger.charge(charge("acme", key, 1)))),
        );
        outcomes.extend(first.into_iter().chain(second));
    }
    let mut usages = HashSet::new();
    let (mut fresh, mut replayed) = (0, 0);
    for outcome in outcomes {
        match outcome.unwrap() {
            ChargeOutcome::Charged(charged) => (fresh += 1, usages.insert(charged.usage.bytes())).1,
            ChargeOutcome::Replayed(usage, _) => (replayed += 1, usages.insert(usage.bytes())).1,
            other => panic!("{other:?}"),
        };
    }
    assert_eq!((fresh, replayed, usages.len()), (120, 120, 120));
    assert_eq!(app.available("acme").await, 30);
    app.check().await;
    end(other).await;
});

on_both!(queued_writes_are_committed_before_the_end, |app| {
    app.put_customer("acme", "starter").await;
    let ledger = app.inner().ledger.clone();
    let (go, job) = held(&ledger).await;
    let keys: Vec<String> = (0..100).map(|n| format!("job-{n}")).collect();
    let asked = join_all(
        keys.iter().map(|key| app.write("POST", "/v1/customers/acme/usage", Some(key), r#"{"credits":1}"#).send()),
    );
    drop(ledger);
    let (answers, ()) = tokio::join!(asked, async {
        go.send(()).unwrap();
        job.await.unwrap();
        app.stop().await;
        app.launch().await;
    });
    let taken = answers.into_iter().filter(|answer| answer.as_ref().is_ok_and(|a| a.status() == 201)).count();
    let written = app.entries_of("acme", "used").await.len();
    assert!(taken <= written, "{taken} were acknowledged, {written} are there");
    // The same key shows the outcome of each.
    for answer in join_all(keys.iter().map(|key| app.charge("acme", "1", key))).await {
        answer.expect(201);
    }
    assert_eq!(app.available("acme").await, 4_900);
});

// More lines than one statement takes, which name a grant that the same flush makes.
on_both!(a_batch_of_thousands_writes_the_new_cycles_grant_before_its_lines, |app| {
    app.put_customer("acme", "pro").await;
    let resets_at = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().parse().unwrap();
    let ledger = app.inner().ledger.clone();
    app.inner().clock.put(resets_at);
    let charges = (0..5_000).map(|n| charge("acme", &format!("k{n}"), 1)).collect();
    let outcomes = ledger.charge_many(charges).await.unwrap();
    drop(ledger);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, ChargeOutcome::Charged(_))));
    let balance = app.balance("acme").await;
    assert_eq!((&balance["plan"]["used"], &balance["plan"]["remaining"]), (&json!(5_000), &json!(95_000)));
});
