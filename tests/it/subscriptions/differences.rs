//! `topup reconcile` and `topup check` of subscriptions.

use super::*;

async fn differences(app: &TestApp) -> Vec<(String, String)> {
    let found = reconcile::compare_with_stripe(&app.inner(), app.now() - TimeDelta::days(30)).await.unwrap();
    let mut kinds: Vec<_> = found.iter().map(|one| (one.kind.to_owned(), one.subject.to_string())).collect();
    kinds.sort();
    kinds
}

on_both!(planted_differences_of_subscriptions_are_found_and_mended, |app| {
    let followed = subscribed(app).await;
    assert_eq!(differences(app).await, []);
    let repaired = async || {
        let found = reconcile::compare_with_stripe(&app.inner(), app.now() - TimeDelta::days(30)).await.unwrap();
        reconcile::repair_differences(&app.inner(), &found).await.unwrap();
        assert_eq!(differences(app).await, []);
    };
    // Unknown here; another price; another status; an end; a plan that does not follow.
    app.put_customer("beta", "free").await;
    let unseen = app.sandbox.subscribe("beta", "price_pro").await.unwrap();
    assert_eq!(differences(app).await, [("subscription".to_owned(), unseen.clone())]);
    repaired().await;
    assert_eq!(app.balance("beta").await["plan"]["id"], "pro");
    let is = |kind: &str| vec![(kind.to_owned(), followed.clone())];
    app.sandbox.change_price(&followed, "price_builder").await.unwrap();
    assert_eq!(differences(app).await, is("subscription"));
    repaired().await;
    app.sandbox.set_cancel_at_period_end(&followed, true).await.unwrap();
    assert_eq!(differences(app).await, is("subscription"));
    repaired().await;
    assert_eq!(stands(app).await, json!(["builder", "free", 25000, "active"]));
    app.sandbox.set_cancel_at_period_end(&followed, false).await.unwrap();
    repaired().await;
    app.tamper("delete from controlling_subscriptions where customer_no = 1", Vec::new()).await.unwrap();
    app.restart().await;
    assert_eq!(differences(app).await, is("plan"));
    repaired().await;
    app.sandbox.fail_invoice(&followed).await.unwrap();
    assert_eq!(differences(app).await, is("subscription"));
    repaired().await;
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "past_due"]));
    app.tamper("update subscriptions set id = 'sub_none' where customer_no = 2", Vec::new()).await.unwrap_err();
});

on_both!(the_check_finds_false_subscription_rows, |app| {
    let id = subscribed(app).await;
    app.sandbox.fail_invoice(&id).await.unwrap();
    deliver(app, &id).await;
    let lies = [
        (
            "update subscriptions set status = 'canceled'",
            "update subscriptions set status = 'past_due'",
            "an ended subscription",
        ),
        ("update subscriptions set plan = null", "update subscriptions set plan = 'starter'", "an ended subscription"),
        (
            "update subscriptions set status = 'active'",
            "update subscriptions set status = 'past_due'",
            "graces without an unpaid subscription",
        ),
        (
            "update controlling_subscriptions set grace_until = grace_until + 1",
            "update controlling_subscriptions set grace_until = grace_until - 1",
            "the next due entry",
        ),
    ];
    for (tell, undo, says) in lies {
        app.tamper(tell, Vec::new()).await.unwrap();
        let broken = check::check_all(&app.inner().store).await.unwrap().expect_err(tell);
        assert!(broken.contains(says), "{tell}: {broken}");
        app.tamper(undo, Vec::new()).await.unwrap();
    }
    app.advance(json!({"advance_days": 10})).await.expect(200);
    let lie = "update grants set is_voided = 0 where kind = 1 and is_voided = 1";
    app.tamper(lie, Vec::new()).await.unwrap();
    assert!(check::check_all(&app.inner().store).await.unwrap().is_err());
    app.tamper("update grants set is_voided = 1 where kind = 1 and voided > 0", Vec::new()).await.unwrap();
});
