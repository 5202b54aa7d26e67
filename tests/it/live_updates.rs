//! Live updates: events to open pages, and the requests that follow.

use crate::app::{Browser, Database, TestApp, on_both};

/// The stream of whoever is signed in.
pub struct Stream(reqwest::Response);

impl Stream {
    pub async fn of(app: &TestApp, browser: &Browser<'_>) -> Self {
        let cookie = format!("session={}", browser.cookie("session").unwrap());
        let asked = app.http.get(format!("http://{}/live", app.address)).header("cookie", cookie);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        Self(answer)
    }

    /// The next number; none at the end.
    pub async fn next(&mut self) -> Option<i64> {
        loop {
            let chunk = self.0.chunk().await.unwrap()?;
            let text = String::from_utf8(chunk.to_vec()).unwrap();
            if let Some(number) = text.trim().strip_prefix("data: ") {
                return Some(number.parse().unwrap());
            }
        }
    }
}

async fn signed_in(app: &TestApp) -> Browser<'_> {
    app.put_customer("acme", "starter").await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser
}

on_both!(an_open_page_gets_events_of_its_own_customer, |app| {
    let browser = signed_in(app).await;
    app.put_customer("other", "starter").await;
    let mut stream = Stream::of(app, &browser).await;
    let first = stream.next().await.unwrap();
    app.charge("other", "5", "k-other").await.expect(201);
    app.charge("acme", "5", "k-acme").await.expect(201);
    assert_eq!(stream.next().await, Some(first + 1), "one entry, and none of the other's");
});

on_both!(the_streams_of_open_pages_end_with_the_process, |app| {
    let browser = signed_in(app).await;
    let mut stream = Stream::of(app, &browser).await;
    assert!(stream.next().await.is_some());
    app.stop().await;
    assert_eq!(stream.next().await, None);
    app.launch().await;
});

on_both!(an_anonymous_browser_gets_no_events, |app| {
    app.put_customer("acme", "starter").await;
    let browser = Browser::new(app);
    assert_eq!(browser.get("/live").await.expect(204).text, "");
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser.post("sign-out", &[]).await.expect(303);
    browser.get("/live").await.expect(204);
});

on_both!(the_script_is_small_and_one_with_its_address, |app| {
    let browser = signed_in(app).await;
    for page in ["/billing", "/usage", "/history"] {
        let html = browser.get(page).await.expect(200).text;
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        let (_, address) = html.split_once("<script type=\"module\" src=\"").unwrap();
        let script = browser.get(address.split('"').next().unwrap()).await.expect(200);
        assert!(script.text.len() <= 3_072, "{} bytes", script.text.len());
        assert_eq!(script.header("content-type").unwrap(), "text/javascript; charset=utf-8");
        assert_eq!(script.header("cache-control").unwrap(), "public, max-age=31536000, immutable");
    }
    // A version that is not this one is not kept under its name.
    let other = browser.get("/live.js?v=0123456789abcdef").await.expect(200);
    assert_eq!(other.header("cache-control").unwrap(), "no-cache");
    assert!(!Browser::new(app).get("/sign-in").await.expect(200).text.contains("<script"));
});

/// A request of the script does not prolong the session; one of a person does.
async fn lasts(app: &TestApp, header: &str) -> bool {
    let browser = signed_in(app).await;
    let cookie = format!("session={}", browser.cookie("session").unwrap());
    for _ in 0..3 {
        app.advance_minutes(20).await;
        let asked = app.http.get(format!("http://{}/billing", app.address)).header("topup-live", header);
        asked.header("cookie", &cookie).send().await.unwrap();
    }
    browser.get("/billing").await.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_page_keeps_no_session_alive() {
    for (header, alive) in [("1", false), ("", true)] {
        let app = TestApp::start_with(Database::Sqlite, |settings| settings.session_idle_minutes = 50).await;
        assert_eq!(lasts(&app, header).await, alive, "topup-live: {header}");
        app.check().await;
        app.stop().await;
        app.home.remove().await;
    }
}
