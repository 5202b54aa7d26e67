//! History and Usage: every line once, the same figures everywhere, in plain words.

use crate::app::{Browser, TestApp, on_both};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The text of a page, without tags.
fn text_of(html: &str) -> String {
    let main = html.split_once("<main").and_then(|(_, rest)| rest.split_once("</main>")).expect("a page").0;
    let text: Vec<&str> = main.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
    text.join(" ").split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",")
}

async fn reads(browser: &Browser<'_>, path: &str) -> String {
    text_of(&browser.get(path).await.expect(200).text)
}

/// The lines of a file, by their head.
async fn file(browser: &Browser<'_>, path: &str) -> Vec<HashMap<String, String>> {
    let text = browser.get(path).await.expect(200).text.trim_start_matches('\u{feff}').to_owned();
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|line| line.unwrap()).collect()
}

async fn used(app: &TestApp, key: &str, body: Value) {
    app.post("/v1/customers/acme/usage", key, body.to_string()).await.expect(201);
}

on_both!(history_describes_every_entry_in_plain_words, |app| {
    app.put_customer_with_left("acme", 10).await;
    app.buy("acme", "p1200", "buy").await;
    used(app, "job", json!({"credits": 12.5, "operation": "scrape_page", "source": "crawler-7"})).await;
    let undone = app.post("/v1/customers/acme/usage", "oops", r#"{"credits":3,"operation":"crawl"}"#).await.expect(201);
    let id = undone.json()["id"].as_str().unwrap().to_owned();
    app.post(&format!("/v1/usage/{id}/void"), "undo", r#"{"reason":"twice"}"#).await.expect(200);
    app.post("/v1/customers/acme/holds", "hold", r#"{"credits":4,"ttl_seconds":600}"#).await.expect(201);
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "viewer").await;
    let history = reads(&browser, "/history").await;
    let top_up = "from the top-up of";
    for words in [
        "Scrape page 10 from plan, 2.5",
        "Crawl, undone 3 to the top-up of",
        "1,200 credits topped up until",
        "crawler-7",
    ] {
        assert!(history.contains(words), "no {words:?} in {history}");
    }
    assert!(history.contains("\u{2212}12.5") && history.contains("+1,200") && history.contains(top_up), "{history}");
    assert!(history.contains("Held for a running job 4 from the top-up"), "{history}");
    assert!(history.contains("Available now: 1,193.5 ."), "{history}");

    let only = async |query: &str| file(&browser, &format!("/history.csv?{query}")).await;
    assert_eq!(only("operation=scrape_page").await.len(), 1);
    assert_eq!(only("source=crawler-7&show=used").await[0]["credits"], "-12.5");
    assert_eq!(only("source=crawler-8").await.len(), 0);
    assert_eq!(only("show=held").await.len(), 1);
    let bad = reads(&browser, "/history?from=2026-02-30").await;
    assert!(bad.contains("From Enter a date, such as 2026-11-30."), "{bad}");
    assert!(!bad.contains("Crawl"), "a wrong day shows no lines: {bad}");
    assert_eq!(
        browser.get("/history.csv?from=2026-02-30").await.expect(303).header("location"),
        Some("/history?from=2026-02-30")
    );
    // A new line is counted, and not drawn, where the page's script asks.
    let last = app.entries("acme").await.len();
    let cookie = format!("session={}", browser.cookie("session").unwrap());
    let since = async |seen: usize| {
        let asked = app.http.get(format!("http://{}/history", app.address)).header("topup-live", seen.to_string());
        text_of(&asked.header("cookie", &cookie).send().await.unwrap().text().await.unwrap())
    };
    assert!(!since(last).await.contains("new line"));
    assert!(since(last - 1).await.contains("1 new line · Show"), "{}", since(last - 1).await);
    assert!(since(0).await.contains("new lines · Show"));
    // Another customer's eyes see nothing of it.
    app.put_customer("other", "starter").await;
    let other = Browser::new(app);
    other.arrive("other", "eve@other.example", "owner").await;
    let grant = app.get("/v1/customers/acme/grants").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    assert!(reads(&other, &format!("/history?top_up={grant}")).await.contains("No results."));
});

on_both!(every_line_is_on_one_page_of_the_history_and_in_the_file, |app| {
    app.put_customer("acme", "pro").await;
    app.buy("acme", "p1200", "buy").await;
    let charge = |n: i32| {
        json!({"customer": "acme", "idempotency_key": format!("k{n}"), "credits": 201,
               "operation": if n % 7 == 0 { "rare" } else { "often" }})
    };
    let charges: Vec<Value> = (0..503).map(charge).collect();
    app.post("/v1/usage", "many", json!({ "charges": charges }).to_string()).await.expect(200);
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let lines = file(&browser, "/history.csv").await;
    let entries = app.entries("acme").await;
    let thousandths = |text: &str| topup::domain::Credits::parse(text).unwrap().0;
    let told: i64 = lines.iter().map(|line| thousandths(&line["credits"])).sum();
    let booked: i64 = entries.iter().map(|entry| thousandths(&entry["amount"].to_string())).sum();
    assert_eq!(told, booked);
    assert_eq!(lines.len(), 2 + 503);
    // One of them took from plan and top-up: two lines of the ledger, one of the history.
    assert_eq!(entries.len(), lines.len() + 1);

    let (mut path, mut pages, mut rows) = ("/history?operation=often".to_owned(), 0, 0);
    loop {
        let html = browser.get(&path).await.expect(200).text;
        rows += html.matches("Often").count() - html.matches("label=\"Often\"").count();
        pages += 1;
        let older =
            html.split("href=\"/history?").skip(1).find(|rest| rest.split('<').next().unwrap().ends_with(">Older"));
        let Some(older) = older else { break };
        path = format!("/history?{}", older.split('"').next().unwrap().replace("&amp;", "&"));
    }
    assert_eq!((rows, pages), (431, 9));
});

on_both!(usage_says_the_same_as_the_api_and_the_ledger, |app| {
    app.put_customer_with_left("acme", 100).await;
    app.buy("acme", "p1200", "buy").await;
    used(app, "a", json!({"credits": 60.125, "operation": "scrape", "quantities": {"requests": 3, "latency_ms": 400}}))
        .await;
    app.advance_to(app.now() + TimeDelta::days(1)).await;
    used(app, "b", json!({"credits": 50, "operation": "crawl", "source": "nightly", "quantities": {"crawls": 1}}))
        .await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let page = reads(&browser, "/usage?range=7d").await;
    for words in ["Usage", "Requests", "Crawls", "Average latency", "400 ms", "Total", "nightly", "By operation"] {
        assert!(page.contains(words), "no {words:?} in {page}");
    }
    assert!(!page.contains("CAPTCHAs"), "a metric without data is drawn: {page}");
    let days = file(&browser, "/usage.csv?range=7d").await;
    assert_eq!(days.len(), 7);
    let (today, yesterday) = (&days[6], &days[5]);
    assert_eq!((today["credits"].as_str(), today["top_up"].as_str()), ("50", "10.125"));
    assert!(yesterday["credits"].ends_with("60.125"), "{yesterday:?}");
    assert_eq!(browser.get("/usage?range=ever&hide=credits,nonsense").await.status, 200);
    let day = |text: &str| text.to_owned();
    let (from, to) = (day(&yesterday["first_day"]), day(&today["first_day"]));
    let custom = file(&browser, &format!("/usage.csv?range=custom&from={from}&to={to}")).await;
    assert_eq!(custom, [yesterday.clone(), today.clone()]);
    let wrong = format!("/usage?range=custom&from={to}&to={from}");
    assert!(reads(&browser, &wrong).await.contains("The last day can't be before the first."));
    let csv = wrong.replace("/usage?", "/usage.csv?");
    assert_eq!(browser.get(&csv).await.expect(303).header("location"), Some(wrong.as_str()));
    assert_eq!(Browser::new(app).get("/usage.csv").await.status, 303);
});

on_both!(a_cycle_has_its_own_usage_and_lines, |app| {
    app.put_customer("acme", "starter").await;
    used(app, "a", json!({"credits": 7, "operation": "old"})).await;
    let reset = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().to_owned();
    let reset = reset.parse::<topup::domain::Instant>().unwrap();
    app.advance_to(reset - TimeDelta::minutes(1)).await;
    used(app, "b", json!({"credits": 5, "operation": "late"})).await;
    app.advance_to(reset).await;
    used(app, "c", json!({"credits": 3, "operation": "new"})).await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let credits = async |range: &str| -> Vec<String> {
        let days = file(&browser, &format!("/usage.csv?range={range}")).await;
        days.into_iter().map(|day| day["credits"].clone()).filter(|credits| credits != "0").collect()
    };
    assert_eq!(credits("cycle").await, ["3"]);
    assert_eq!(credits("last-cycle").await, ["7", "5"]);
    let this = reads(&browser, "/usage?range=cycle").await;
    assert!(this.contains("By operation") && this.contains("New") && !this.contains("Late"), "{this}");
    // Over a week of usage at the same pace: 12 credits in the last 30 days, and 3 now.
    assert!(this.contains("a day. At this pace, about"), "{this}");
    let operations = async |query: &str| -> Vec<String> {
        let lines = file(&browser, &format!("/history.csv?show=used&{query}")).await;
        lines.into_iter().map(|line| line["operation"].clone()).collect()
    };
    assert_eq!(operations("cycle=this").await, ["new"]);
    assert_eq!(operations("cycle=last").await, ["late", "old"]);
});

/// Five days of usage, some of it undone a day later, holds and a bonus between, two top-ups.
async fn eventful(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    app.buy("acme", "p1200", "first").await;
    app.buy("acme", "p5000", "second").await;
    let mut undo = None;
    for day in 0..5 {
        let charge = |n: i32| {
            let operation = if n % 40 == 0 && day % 2 == 0 { "rare" } else { "often" };
            json!({"customer": "acme", "idempotency_key": format!("{day}-{n}"), "credits": 13, "operation": operation,
                   "source": format!("crawler-{}", n % (day + 2))})
        };
        let charges: Vec<Value> = (0..150).map(charge).collect();
        app.post("/v1/usage", &day.to_string(), json!({ "charges": charges }).to_string()).await.expect(200);
        if let Some(id) = undo.take() {
            app.post(&format!("/v1/usage/{id}/void"), &format!("undo-{day}"), r#"{"reason":"twice"}"#)
                .await
                .expect(200);
        }
        let key = format!("once-{day}");
        let once = json!({"credits": 2.5, "operation": format!("only-{day}"), "source": "by hand"}).to_string();
        let once = app.post("/v1/customers/acme/usage", &key, once).await.expect(201);
        undo = once.json()["id"].as_str().map(str::to_owned);
        let hold = r#"{"credits":4,"ttl_seconds":600}"#;
        app.post("/v1/customers/acme/holds", &format!("hold-{day}"), hold).await.expect(201);
        app.advance_to(app.now() + TimeDelta::days(1)).await;
    }
}

on_both!(a_filter_finds_just_the_lines_that_are_in_the_whole_list, |app| {
    eventful(app).await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let all = file(&browser, "/history.csv").await;
    let entries = app.entries("acme").await;
    let touched = |grant: &str| -> Vec<i64> {
        let of = entries.iter().filter(|entry| entry["grant"] == grant).map(|entry| entry["seq"].as_i64().unwrap());
        of.collect()
    };
    let seq = |line: &HashMap<String, String>| line["seq"].parse::<i64>().unwrap();
    // A line is the entries from its own on up to the next line's.
    let after =
        |line: &HashMap<String, String>| all.iter().map(seq).filter(|n| *n > seq(line)).min().unwrap_or(i64::MAX);
    let same = async |query: &str, wanted: &dyn Fn(&HashMap<String, String>) -> bool| {
        let found: Vec<i64> = file(&browser, &format!("/history.csv?{query}")).await.iter().map(seq).collect();
        let meant: Vec<i64> = all.iter().filter(|line| wanted(line)).map(seq).collect();
        assert_eq!(found, meant, "{query}");
        meant.len()
    };
    for sort in ["used", "added", "expired", "held", "refunds"] {
        same(&format!("show={sort}"), &|line| line["sort"] == sort).await;
    }
    for operation in ["rare", "often", "only-0", "only-3", "never"] {
        let found = same(&format!("operation={operation}"), &|line| line["operation"] == operation).await;
        assert_eq!(found > 0, operation != "never", "{operation}");
        let both = format!("operation={operation}&source=crawler-1");
        same(&both, &|line| line["operation"] == operation && line["source"] == "crawler-1").await;
    }
    // Undone on another day than it was used on.
    assert_eq!(same("operation=only-3", &|line| line["operation"] == "only-3").await, 2);
    for source in ["crawler-0", "crawler-5", "by+hand", "nobody"] {
        same(&format!("source={source}"), &|line| line["source"] == source.replace('+', " ")).await;
    }
    for grant in app.all("/v1/customers/acme/grants", 50).await {
        let grant = grant["id"].as_str().unwrap();
        let seqs = touched(grant);
        let of = |line: &HashMap<String, String>| seqs.iter().any(|n| *n >= seq(line) && *n < after(line));
        assert!(same(&format!("top_up={grant}"), &of).await > 0);
    }
    let start = app.now() - TimeDelta::days(3);
    let day = start.format("%Y-%m-%d").to_string();
    let on_it = |line: &HashMap<String, String>| line["time"].starts_with(&day);
    assert!(same(&format!("from={day}&to={day}"), &on_it).await > 150);
    same(&format!("from={day}&to={day}&operation=rare"), &|line| on_it(line) && line["operation"] == "rare").await;
});

on_both!(a_database_of_the_version_before_is_brought_up_with_all_that_pages_ask_for, |app| {
    eventful(app).await;
    let columns =
        "select coalesce(sum(last_seq), 0) + (select coalesce(sum(top_ups_since), 0) from accounts) as n from grants";
    let before = app.count(&format!("select cast(n as bigint) as n from ({columns}) s")).await;
    assert!(before > 0);
    for sql in [
        "drop index entries_told",
        "alter table accounts drop column top_ups_since",
        "alter table grants drop column last_seq",
        "delete from _sqlx_migrations where version = 8",
    ] {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    app.restart().await;
    assert_eq!(app.count(&format!("select cast(n as bigint) as n from ({columns}) s")).await, before);
});
