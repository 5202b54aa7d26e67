//! "Upgrade" with plans sold at Stripe: a Checkout that starts a subscription, or the portal.

use crate::app::{Browser, TestApp, on_both};
use crate::subscriptions;
use serde_json::json;
use stripe_sandbox::ApiFault;

/// A shop whose plans are sold at Stripe, with `acme` on Free, and a browser of its owner's.
async fn shop(app: &TestApp) -> Browser<'_> {
    subscriptions::shop(app).await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser
}

/// The fields of the form that chooses a plan, as `/plans` draws it.
async fn form_of(browser: &Browser<'_>, plan: &str) -> Vec<(String, String)> {
    let page = browser.get("/plans").await.expect(200).text;
    let forms = page.split("<form").filter(|form| form.contains(&format!("\"plan:{plan}\"")));
    let form = forms.last().unwrap_or_else(|| panic!("no form for {plan} in {page}"));
    let value = |name: &str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\"")).unwrap();
        rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    ["purchase", "package", "credits", "price", "currency", "months", "mac"]
        .map(|name| (name.to_owned(), value(name)))
        .into()
}

fn borrowed(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn plan(app: &TestApp) -> serde_json::Value {
    app.balance("acme").await["plan"]["id"].clone()
}

fn path_of(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

on_both!(an_upgrade_is_a_checkout_and_the_plan_is_there_on_the_way_back, |app| {
    let browser = shop(app).await;
    let billing = browser.get("/billing").await.expect(200).text;
    assert!(billing.contains("href=\"/plans\""), "{billing}");
    let form = form_of(&browser, "starter").await;
    let checkout = browser.sent("choose_plan", &borrowed(&form)).await;
    assert!(checkout.contains("/pay/cs_test_"), "{checkout}");
    assert_eq!(browser.sent("choose_plan", &borrowed(&form)).await, checkout, "the same form, the same Checkout");
    assert_eq!(plan(app).await, "free");
    let back = app.sandbox.pay(checkout.rsplit('/').next().unwrap()).await.unwrap();
    assert_eq!(browser.get(&path_of(&back)).await.expect(303).way(), "/plans?outcome=upgraded");
    let page = browser.get("/plans").await.expect(200).text;
    assert!(page.contains("You're on Starter.") && page.contains("Your credits are ready."), "{page}");
    assert!(!browser.get("/plans").await.text.contains("Your credits are ready."), "it is said once");
    assert_eq!(plan(app).await, "starter");
    // Events of the Checkout itself are accepted and change nothing more.
    for event in app.sandbox.deliveries_of(checkout.rsplit('/').next().unwrap()).await.unwrap() {
        app.deliver(&event).await.expect(200);
    }
    assert_eq!(app.entries("acme").await.len(), 2);
    // From now on it is changed in the portal, whatever form is sent.
    assert!(page.contains("Change or cancel") && !page.contains("Upgrade to"), "{page}");
    let portal = browser.sent("plan_portal", &[]).await;
    assert!(portal.contains("/portal/bps_"), "{portal}");
    assert!(browser.sent("choose_plan", &borrowed(&form)).await.contains("/portal/bps_"));
    let shown = app.send(app.http.get(&portal)).await.expect(200).text;
    let subscription = shown.split("name=\"subscription\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let chosen = [("subscription", subscription), ("to", "price_builder")];
    app.send(app.http.post(&portal).form(&chosen)).await.expect(303);
    for event in app.sandbox.deliveries_of(subscription).await.unwrap() {
        app.deliver(&event).await.expect(200);
    }
    assert_eq!(plan(app).await, "builder");
});

on_both!(a_checkout_whose_way_back_was_lost_is_not_opened_twice, |app| {
    let browser = shop(app).await;
    let form = form_of(&browser, "starter").await;
    let checkout = browser.sent("choose_plan", &borrowed(&form)).await;
    app.sandbox.pay(checkout.rsplit('/').next().unwrap()).await.unwrap();
    // Neither the browser nor a webhook has told; another form is drawn and sent.
    let again = form_of(&browser, "pro").await;
    let portal = browser.sent("choose_plan", &borrowed(&again)).await;
    assert!(portal.contains("/portal/bps_"), "{portal}");
    assert_eq!(plan(app).await, "starter");
});

on_both!(only_who_may_buy_changes_the_plan_and_only_by_a_form_of_theirs, |app| {
    let browser = shop(app).await;
    let form = form_of(&browser, "starter").await;
    let viewer = Browser::new(app);
    viewer.arrive("acme", "vera@acme.example", "viewer").await;
    let page = viewer.get("/plans").await.expect(200).text;
    assert!(page.contains("Ask an owner or admin") && !page.contains("action=\"/_fn/choose_plan"));
    assert_eq!(viewer.sent("choose_plan", &borrowed(&form)).await, "/billing?outcome=viewer_cannot_buy");
    assert_eq!(viewer.sent("plan_portal", &[]).await, "/billing?outcome=viewer_cannot_buy");
    let stranger = Browser::new(app);
    assert_eq!(stranger.sent("choose_plan", &borrowed(&form)).await, "/sign-in?outcome=signed_out");
    assert_eq!(stranger.get("/plans").await.expect(303).header("location"), Some("/sign-in?to=%2Fplans"));
    let mut forged = form.clone();
    forged[1].1 = "plan:pro".to_owned();
    assert_eq!(browser.sent("choose_plan", &borrowed(&forged)).await, "/billing?outcome=form_stale");
    assert_eq!(browser.sent("plan_portal", &[]).await, "/plans", "there is no subscription");
    // A Checkout of somebody else's is not looked at.
    app.put_customer("beta", "free").await;
    let other = Browser::new(app);
    other.arrive("beta", "bob@beta.example", "owner").await;
    let theirs = other.sent("choose_plan", &borrowed(&form_of(&other, "pro").await)).await;
    let back = app.sandbox.pay(theirs.rsplit('/').next().unwrap()).await.unwrap();
    let page = browser.get(&path_of(&back)).await.expect(200).text;
    assert!(page.contains("Your plan is changing."), "{page}");
    assert_eq!((plan(app).await, app.balance("beta").await["plan"]["id"].clone()), (json!("free"), json!("free")));
});

on_both!(stripe_away_is_a_sentence_and_nothing_is_bought, |app| {
    let browser = shop(app).await;
    let form = form_of(&browser, "starter").await;
    app.sandbox.faults().set_api(ApiFault::Status(500));
    assert_eq!(browser.sent("choose_plan", &borrowed(&form)).await, "/billing?outcome=stripe_unavailable");
    app.sandbox.faults().set_api(ApiFault::None);
    assert!(browser.sent("choose_plan", &borrowed(&form)).await.contains("/pay/cs_test_"));
});

on_both!(an_unpaid_plan_says_until_when_it_is_kept, |app| {
    let browser = shop(app).await;
    let id = app.sandbox.subscribe("acme", "price_starter").await.unwrap();
    app.sandbox.fail_invoice(&id).await.unwrap();
    for event in app.sandbox.deliveries_of(&id).await.unwrap() {
        app.deliver(&event).await.expect(200);
    }
    let billing = browser.get("/billing").await.expect(200).text;
    assert!(billing.contains("The payment for Starter failed."), "{billing}");
});

on_both!(where_plans_are_not_sold_at_stripe_there_is_no_page_of_them, |app| {
    app.put_customer("acme", "free").await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser.get("/plans").await.expect(404);
    assert_eq!(browser.sent("plan_portal", &[]).await, "/billing?outcome=buying_off");
});
