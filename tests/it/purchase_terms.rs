//! A purchase keeps the terms that were shown, after any change of the catalogue.

use crate::app::{Browser, Opened, TestApp, on_both};
use crate::operators::OperatorBrowser;
use serde_json::{Value, json};
use topup::web::flash::Flash;

/// The sample catalogue with some texts replaced; the shop starts again with it.
async fn sell(app: &TestApp, changes: &[(&str, &str)]) {
    let mut catalogue = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    for (from, to) in changes {
        assert!(catalogue.contains(from), "{from}");
        catalogue = catalogue.replace(from, to);
    }
    let path = app.home.folder.join("catalog.toml");
    std::fs::create_dir_all(&app.home.folder).unwrap();
    std::fs::write(&path, catalogue).unwrap();
    app.set(|settings| {
        settings.database.catalog = path;
        settings.worker = topup::settings::Switch::Off;
    });
    app.restart().await;
    app.sandbox.faults().set_webhooks(false);
}

const FEWER: (&str, &str) = ("credits = 1200\n", "credits = 1000\n");
const YEN: (&str, &str) = ("currency = \"usd\"", "currency = \"jpy\"");
const SHORTER: (&str, &str) = ("top_up_months = 12", "top_up_months = 6");
const DEARER: (&str, &str) = ("amount = 900", "amount = 1000");

async fn shop(app: &TestApp) -> Browser<'_> {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser
}

/// The fields of the Buy form of the smallest package.
async fn form(browser: &Browser<'_>) -> Vec<(&'static str, String)> {
    // All of one page: each page mints purchases of its own.
    let page = browser.get("/billing").await.expect(200).text;
    let field = |name: &'static str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name} in {page}"));
        (name, rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned())
    };
    ["purchase", "package", "credits", "price", "currency", "months", "mac"].map(field).into()
}

fn borrowed<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

on_both!(a_form_sells_its_own_terms_or_nothing, |app| {
    let browser = shop(app).await;
    let form = form(&browser).await;
    let calls = app.stripe_calls();
    for (change, words) in [
        (FEWER, "The offer has changed: 1,000 credits now cost $9."),
        (YEN, "The offer has changed: 1,200 credits now cost ¥900."),
        (SHORTER, "The offer has changed: 1,200 credits now cost $9."),
        (DEARER, "The offer has changed: 1,200 credits now cost $10."),
    ] {
        sell(app, &[change]).await;
        let to = browser.sent("buy", &borrowed(&form)).await;
        assert_eq!(to, "/billing?outcome=price_changed&package=p1200", "{change:?}");
        let page = browser.get(&to).await.expect(200).text;
        let read: String = page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
        assert!(read.contains(words) && read.contains("You weren't charged."), "{words}: {read}");
        assert_eq!((app.stripe_calls(), app.count("select count(*) as n from purchases").await), (calls, 0));
    }
    // Each part of it is under the seal.
    sell(app, &[]).await;
    for (name, other) in
        [("credits", "5000"), ("price", "1"), ("currency", "jpy"), ("months", "120"), ("package", "p5000")]
    {
        let mut forged = form.clone();
        forged.iter_mut().filter(|(field, _)| *field == name).for_each(|field| field.1 = other.to_owned());
        assert_eq!(browser.sent("buy", &borrowed(&forged)).await, "/billing?outcome=form_stale", "{name}");
    }
    assert!(browser.sent("buy", &borrowed(&form)).await.contains("/pay/"), "the offer is as it was shown again");
});

on_both!(a_purchase_is_credited_and_expires_as_it_was_sold, |app| {
    let browser = shop(app).await;
    let form = form(&browser).await;
    let url = browser.sent("buy", &borrowed(&form)).await;
    assert!(url.contains("/pay/"), "{url}");
    sell(app, &[FEWER, YEN, SHORTER]).await;
    // It is gone on with as it was sold.
    assert_eq!(browser.sent("buy", &borrowed(&form)).await, url);
    assert!(browser.get("/billing").await.expect(200).text.contains(&format!("value=\"{}\"", form[0].1)));
    let opened = Opened { id: form[0].1.clone(), session: url.rsplit('/').next().unwrap().to_owned() };
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let purchase = app.purchase(&opened.id).await;
    assert_eq!(
        (&purchase["credits"], &purchase["amount"], &purchase["currency"]),
        (&json!(1200), &json!(900), &json!("usd"))
    );
    let at = |name: &str| purchase[name].as_str().unwrap().parse::<topup::domain::Instant>().unwrap();
    assert_eq!(at("expires_at"), at("credited_at") + chrono::Months::new(12));
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], 1200);
});

on_both!(a_second_buy_button_sells_the_terms_beside_it, |app| {
    let browser = shop(app).await;
    let form = form(&browser).await;
    let url = browser.sent("buy", &borrowed(&form)).await;
    app.advance_minutes(61).await;
    app.sandbox.catch_up().await.unwrap();
    let opened = Opened { id: form[0].1.clone(), session: url.rsplit('/').next().unwrap().to_owned() };
    app.fulfill(&opened).await;
    let to = browser.sent("buy", &borrowed(&form)).await;
    assert_eq!(to, format!("/billing?outcome=checkout_expired&purchase={}&package=p1200", opened.id));
    let page = format!("/purchases/{}", opened.id);
    let flash = Flash::new("checkout_expired").with("package", "p1200");
    let told = flash.clone().with("purchase", opened.id.as_str());
    let again = async || {
        let billing = browser.get_with("/billing", told.clone()).await.expect(200).text;
        let own = browser.get(&page).await.expect(200).text;
        (billing.contains(">Buy again<"), own.contains(">Buy again<"))
    };
    assert_eq!(again().await, (true, true));
    // An outcome that names a package alone shows no terms: there is nothing to buy by it.
    assert!(!browser.get_with("/billing", flash).await.expect(200).text.contains(">Buy again<"));
    for change in [FEWER, YEN, SHORTER, DEARER] {
        sell(app, &[change]).await;
        assert_eq!(again().await, (false, false), "{change:?}");
    }
});

on_both!(an_old_purchase_keeps_its_currency_on_every_page_and_in_every_sum, |app| {
    let browser = shop(app).await;
    let id = app.buy("acme", "p1200", "buy-1").await["id"].as_str().unwrap().to_owned();
    let operator = OperatorBrowser::open(app).await;
    sell(app, &[YEN]).await;
    app.buy("acme", "p1200", "buy-2").await;
    let billing = browser.get("/billing").await.expect(200).text;
    assert!(billing.contains("$9.00") && billing.contains("¥900"), "{billing}");
    assert!(browser.get(&format!("/purchases/{id}")).await.expect(200).text.contains("$9.00"));
    for path in ["/operator/customers/acme", &format!("/operator?q={id}"), &format!("/operator/purchases/{id}")] {
        assert!(operator.page(path).await.contains("$9.00"), "{path}");
    }
    let sales = operator.page("/operator/sales").await;
    assert!(sales.contains("$9.00") && sales.contains("¥900") && !sales.contains("1,800"), "{sales}");
    let money = operator.page("/operator/money.csv").await;
    let sums = |currency: &str| money.lines().filter(|line| line.contains(&format!(",{currency},"))).count();
    assert_eq!((sums("usd"), sums("jpy")), (1, 1), "{money}");
});

on_both!(a_hint_adds_no_two_currencies, |app| {
    app.put_customer("acme", "builder").await;
    for cycle in 0..3 {
        if cycle > 0 {
            let reset = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().to_owned();
            app.advance(json!({"advance_to": reset})).await.expect(200);
        }
        app.buy("acme", "p50000", &format!("buy-{cycle}")).await;
        app.charge("acme", "74000", &format!("use-{cycle}")).await.expect(201);
    }
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let hint = async || browser.get("/billing").await.expect(200).text.contains("would have saved you");
    assert!(hint().await);
    sell(app, &[YEN]).await;
    assert!(!hint().await, "dollars are not compared with yen");
});

on_both!(a_plan_is_chosen_as_it_was_shown, |app| {
    use crate::subscriptions::{PRICES, catalogue};
    let path = app.home.folder.join("catalog.toml");
    std::fs::create_dir_all(&app.home.folder).unwrap();
    let sells = async |text: String| {
        std::fs::write(&path, text).unwrap();
        let path = path.clone();
        app.set(|settings| {
            settings.database.catalog = path;
            settings.worker = topup::settings::Switch::Off;
        });
        app.restart().await;
        app.sandbox.faults().set_webhooks(false);
    };
    sells(catalogue()).await;
    for (plan, price, amount) in PRICES {
        app.sandbox.add_price(price, plan, amount, "usd").await.unwrap();
    }
    app.put_customer("acme", "free").await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let page = browser.get("/plans").await.expect(200).text;
    let form = page.split("<form").find(|form| form.contains("\"plan:starter\"")).expect("a form");
    let field = |name: &'static str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\"")).unwrap();
        (name, rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned())
    };
    let form: Vec<_> = ["purchase", "package", "credits", "price", "currency", "months", "mac"].map(field).into();
    sells(catalogue().replacen("credits = 5000\n", "credits = 4000\n", 1)).await;
    let calls = app.stripe_calls();
    assert_eq!(browser.sent("choose_plan", &borrowed(&form)).await, "/plans");
    assert_eq!(app.stripe_calls(), calls);
    let plan: Value = app.balance("acme").await["plan"]["id"].clone();
    assert_eq!(plan, "free");
});
