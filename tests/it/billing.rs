//! Billing: pending credits, usage rate, upgrade hint, advice, lists with an end.

use crate::app::{TestApp, on_both};
use chrono::TimeDelta;
use serde_json::json;
use stripe_sandbox::ApiFault;
use topup::usecases::access::links;
use topup::usecases::access::links::Spent;
use topup::usecases::purchases;
use topup::usecases::purchases::Fulfillment;
use topup::usecases::stripe_sync::inbox;
use topup::web::form_signature::FormSigner;

/// A person's browser.
struct Browser<'a> {
    app: &'a TestApp,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Signed in for a customer, by a portal link.
    async fn of(app: &'a TestApp, customer: &str, role: &str) -> Self {
        let path = format!("/v1/customers/{customer}/portal_sessions");
        let link = app.send(app.write("POST", &path, None, json!({"role": role}).to_string())).await.expect(201).json();
        let token = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let Spent::Session { token, .. } = links::spend_link(&app.inner(), &token, "a test").await.unwrap() else {
            panic!("a session")
        };
        Self { app, cookie: format!("session={token}") }
    }

    /// The text of a page, without tags.
    async fn reads(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.app.address);
        let page = self.app.send(self.app.http.get(url).header("cookie", &self.cookie)).await.expect(200).text;
        let main = page.split_once("<main").and_then(|(_, rest)| rest.split_once("</main>")).expect("a page").0;
        let text: String = main.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Sends one of the page's forms.
    async fn sends(&self, path: &str) -> u16 {
        let url = format!("http://{}{path}", self.app.address);
        let request = self.app.http.post(url).header("cookie", &self.cookie).header("sec-fetch-site", "same-origin");
        let request = request.header("content-type", "application/x-www-form-urlencoded").header("accept", "text/html");
        let (inner, token) = (self.app.inner(), self.cookie.split('=').nth(1).unwrap());
        let viewer = links::find_idle_viewer(&inner, token).await.unwrap().expect("a session");
        let signer = FormSigner::new(&inner.settings.form_secret);
        signer.draws_for(&viewer);
        self.app.send(request.body(format!("signature={}", signer.signature()))).await.status
    }
}

on_both!(a_payment_during_an_outage_of_stripe_is_shown_as_pending, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let browser = Browser::of(app, "acme", "owner").await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    assert!(browser.reads("/billing").await.contains("Not finished"));
    app.pay(&opened).await;
    let event = app.completed(&opened).await;
    app.sandbox.faults().set_api(ApiFault::Down);
    assert_eq!(app.deliver(&event).await.status, 503);
    let billing = browser.reads("/billing").await;
    assert!(
        billing.contains("Payment received. We're adding your credits. This usually takes less than a minute."),
        "{billing}"
    );
    assert!(billing.contains("Adding credits") && !billing.contains("Not finished"), "{billing}");
    let page = browser.reads(&format!("/purchases/{}", opened.id)).await;
    assert!(page.contains("Payment received. We're adding your credits.") && page.contains("Adding credits"), "{page}");
    app.sandbox.faults().set_api(ApiFault::None);
    app.advance_minutes(2).await;
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    let billing = browser.reads("/billing").await;
    assert!(billing.contains("Credited") && !billing.contains("We're adding"), "{billing}");
    assert_eq!(app.available("acme").await, 6200);
});

on_both!(lists_are_bounded_and_go_on_page_by_page, |app| {
    app.put_customer("acme", "starter").await;
    for n in 0..12 {
        app.buy("acme", "p1200", &format!("buy-{n}")).await;
    }
    let browser = Browser::of(app, "acme", "owner").await;
    let rows = |text: &str| (text.matches("1,2001,200").count(), text.matches("$9.00Credited").count());
    let billing = browser.reads("/billing").await;
    assert!(billing.contains("Show 2 more") && billing.contains("Show all 12 purchases"), "{billing}");
    assert_eq!(rows(&billing), (10, 5), "{billing}");
    let all = browser.reads("/billing?top_ups=all&purchases=all").await;
    assert_eq!(rows(&all), (12, 12), "{all}");
    // All of one and a part of the next are used; the used one is behind the link.
    app.charge("acme", "6300", "use").await.expect(201);
    let billing = browser.reads("/billing").await;
    assert!(billing.contains("In use since") && billing.contains("Show 2 more"), "{billing}");
    assert!(browser.reads("/billing?top_ups=all").await.contains("Used up"));
});

on_both!(billing_forecasts_the_end_of_a_top_up, |app| {
    app.put_customer("acme", "starter").await;
    let bought = app.buy("acme", "p1200", "buy-1").await;
    let expires = bought["expires_at"].as_str().unwrap().parse::<topup::domain::Instant>().unwrap();
    app.advance_to(expires - TimeDelta::days(6)).await;
    let browser = Browser::of(app, "acme", "owner").await;
    let billing = browser.reads("/billing").await;
    assert!(billing.contains("1,200 top-up credits expire in 6 days, on "), "{billing}");
    assert!(billing.contains("We use plan credits first, so at this pace all 1,200 will expire unused."), "{billing}");
    assert!(billing.contains("6 days left"), "{billing}");
    // A pace at which the plan, and then the top-up, is used up before its day.
    app.charge("acme", "5100", "use").await.expect(201);
    let billing = browser.reads("/billing").await;
    assert!(billing.contains("At this pace about 80 will be left."), "{billing}");
    assert!(billing.contains("About 80 likely to expire unused"), "{billing}");
});

on_both!(billing_advises_the_cheaper_way_before_paying, |app| {
    app.put_customer("acme", "builder").await;
    app.charge("acme", "20000", "use-1").await.expect(201);
    app.advance(json!({"advance_days": 6})).await.expect(200);
    let young = Browser::of(app, "acme", "owner").await.reads("/billing").await;
    assert!(!young.contains("this pace"), "less than a week of data: {young}");
    app.advance(json!({"advance_days": 2})).await.expect(200);
    let (owner, viewer) = (Browser::of(app, "acme", "owner").await, Browser::of(app, "acme", "viewer").await);
    let billing = owner.reads("/billing").await;
    assert!(billing.contains("At this pace, they run out around "), "{billing}");
    assert!(billing.contains("Pro is cheaper for you. You'll need about "), "{billing}");
    assert!(billing.contains("Pro instead of Builder: 3 × $170 = $510") && billing.contains("See Pro"), "{billing}");
    assert!(billing.contains("Hide until ") && !billing.contains("Fits you"), "{billing}");
    let seen = viewer.reads("/billing").await;
    assert!(seen.contains("Pro is cheaper for you.") && !seen.contains("Hide until "), "{seen}");
    // A pace that packages serve better, and one that needs nothing.
    app.advance(json!({"advance_days": 17})).await.expect(200);
    app.charge("acme", "4000", "use-2").await.expect(201);
    let billing = Browser::of(app, "acme", "owner").await.reads("/billing").await;
    assert!(
        billing.contains("Top-ups are your cheapest option. You'll need about ") && billing.contains("Fits you"),
        "{billing}"
    );
    app.advance(json!({"advance_days": 31})).await.expect(200);
    app.charge("acme", "10", "use-3").await.expect(201);
    let billing = Browser::of(app, "acme", "owner").await.reads("/billing").await;
    assert!(billing.contains("You have enough for about 3 months."), "{billing}");
    assert!(billing.contains("At this pace, they last until the reset"), "{billing}");
});

on_both!(advice_for_a_larger_plan_shows_its_sum_until_it_is_hidden_for_the_cycle, |app| {
    app.put_customer("acme", "builder").await;
    for cycle in 0..3 {
        if cycle > 0 {
            let reset = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().to_owned();
            app.advance(json!({"advance_to": reset})).await.expect(200);
        }
        app.buy("acme", "p50000", &format!("buy-{cycle}")).await;
        app.charge("acme", "74000", &format!("use-{cycle}")).await.expect(201);
    }
    let (owner, viewer) = (Browser::of(app, "acme", "owner").await, Browser::of(app, "acme", "viewer").await);
    let billing = owner.reads("/billing").await;
    let words = "Pro would have saved you $165 in the last 3 cycles: $675 in top-ups against $510.";
    assert!(billing.contains(words) && billing.contains("Hide until "), "{billing}");
    let seen = viewer.reads("/billing").await;
    assert!(seen.contains("Pro would have saved") && !seen.contains("Hide until"), "{seen}");
    assert_eq!(viewer.sends("/_fn/hide_advice").await, 303);
    assert!(owner.reads("/billing").await.contains("Pro would have saved"), "a viewer hides nothing");
    assert_eq!(owner.sends("/_fn/hide_advice").await, 303);
    assert!(!owner.reads("/billing").await.contains("Pro would have saved"));
    let reset = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().to_owned();
    app.advance(json!({"advance_to": reset})).await.expect(200);
    app.charge("acme", "27000", "use-3").await.expect(201);
    // Two purchases are left in the last three cycles: the sums say so, and no second line says another way.
    let billing = Browser::of(app, "acme", "owner").await.reads("/billing").await;
    assert!(billing.contains("Last 3 cycles: $450 in top-ups.") && !billing.contains("would have saved"), "{billing}");
});

on_both!(a_purchase_page_has_its_history_and_the_remaining_credits, |app| {
    app.put_customer("acme", "starter").await;
    let bought = app.buy("acme", "p1200", "buy-1").await;
    let path = format!("/purchases/{}", bought["id"].as_str().unwrap());
    let browser = Browser::of(app, "acme", "owner").await;
    app.charge("acme", "5200", "use").await.expect(201);
    let page = browser.reads(&path).await;
    for words in [
        "1,200 credits",
        "1,000 of 1,200 left · Expires ",
        "You chose 1,200 credits",
        "Checkout opened",
        "Payment received",
        "Credits added",
        "$9.00",
        "Invoice",
        "Ask support",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(browser.reads("/billing").await.contains("In use since"));
});

on_both!(a_closed_checkout_that_is_asked_about_late_costs_few_questions, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.advance_minutes(61).await;
    app.sandbox.catch_up().await.unwrap();
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    assert_eq!(app.purchase(&opened.id).await["state"], "expired");
    let before = app.stripe_calls();
    for _ in 0..(15 * 24) {
        let to = app.now() + TimeDelta::hours(1);
        // The clock alone: moving it by the API would run the sweep as well.
        app.tamper("update test_clock set now = $1 where id = 1", vec![to.into()]).await.unwrap();
        app.inner().clock.refresh(&app.inner().store).await.unwrap();
        purchases::sweep_purchases(&app.inner()).await.unwrap();
    }
    let asked = app.stripe_calls() - before;
    assert!((4..=12).contains(&asked), "{asked} questions in two weeks");
});
