//! The engine: jobs, rollbacks, and writers beside it.

use crate::app::TestApp;
use futures::future::join_all;
use topup::domain::{Credits, GrantId};
use topup::ledger::Ledger;
use topup::store::Store;
use topup::usecases::{Fault, check};

on_both!(a_failing_job_is_undone_and_its_neighbours_stand, another_writer_is_noticed, the_check_names_what_is_broken,);

async fn a_failing_job_is_undone_and_its_neighbours_stand(app: TestApp) {
    app.customer("c", "starter").await;
    let failing = (0..20).map(|_| async {
        let done = app.services.ledger.job::<(), Fault, _>(|turn| {
            Box::pin(async move {
                let no = turn.customer_no("c").await?.unwrap();
                let (grant, at) = (GrantId(turn.clock.mint()), turn.now() + chrono::TimeDelta::days(9));
                turn.act(no, |account, now, _, changes| {
                    account.grant_courtesy(grant, Credits::whole(50), at, None, now, changes).unwrap();
                })
                .await?;
                turn.flush().await?;
                turn.link.run("update customers set name = 'changed'", Vec::new()).await?;
                Err(Fault::Broken("on purpose".to_owned()))
            })
        });
        assert!(matches!(done.await, Ok(Err(Fault::Broken(_)))));
    });
    let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    let charges = keys.iter().map(|key| async { assert_eq!(app.charge("c", "1", key).await.status, 201) });
    futures::future::join(join_all(failing), join_all(charges)).await;
    assert_eq!(app.balance("c").await["available"], 4960);
    assert_eq!(app.get("/v1/customers/c").await.json()["name"], "c");
    app.check().await;
}

async fn another_writer_is_noticed(app: TestApp) {
    app.customer("c", "starter").await;
    let store = Store::open(&app.url).await.unwrap();
    let (other, engine) = Ledger::start(store.clone(), app.services.clock.clone(), app.services.catalog.clone());
    for round in 0..10 {
        assert_eq!(app.charge("c", "1", &format!("here{round}")).await.status, 201);
        let charge = topup::ledger::Charge {
            customer: "c".to_owned(),
            key: format!("there{round}"),
            content: [1; 16],
            credits: Credits::whole(1),
            operation: None,
            quantities: None,
            source: None,
            metadata: None,
        };
        assert!(matches!(other.charge(charge).await.unwrap(), topup::ledger::Outcome::Charged(_)));
    }
    assert_eq!(app.balance("c").await["available"], 4980);
    app.check().await;
    drop(other);
    engine.await.unwrap();
    store.close().await;
}

async fn the_check_names_what_is_broken(app: TestApp) {
    app.customer("c", "starter").await;
    app.charge("c", "10", "k").await;
    let job = app.services.ledger.job::<(), Fault, _>(|turn| {
        Box::pin(async move {
            turn.link.run("update grants set used = used - 1000", Vec::new()).await?;
            Ok(())
        })
    });
    job.await.unwrap().unwrap();
    let broken = check::run(&app.services.store).await.unwrap().unwrap_err();
    assert!(broken.contains("customer c") && broken.contains("grt_") && broken.contains("used"), "{broken}");
}
