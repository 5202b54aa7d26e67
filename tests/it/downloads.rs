//! Cached and saved files: lifetime, ETag, rights.

use crate::app::{Browser, Database, Home, on_both};
use crate::process::{start, topup};
use topup::time_zone::Zone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_kept_for_ever_only_under_the_version_that_is_served() {
    let home = Home::make(Database::Sqlite).await;
    check_files(&[("DATABASE_URL", &*home.url)]).await;
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_files_is_served_in_the_place_of_those_in_the_binary() {
    let home = Home::make(Database::Sqlite).await;
    let site = home.folder.join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    std::fs::write(site.join("pkg/topup.css"), "body { margin: 0 }").unwrap();
    std::fs::write(site.join("favicon.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    let css = check_files(&[("DATABASE_URL", &*home.url), ("SITE_ROOT", site.to_str().unwrap())]).await;
    assert_eq!(css, "body { margin: 0 }");
    home.remove().await;
}

/// Checks what is said of both files, and returns the stylesheet.
async fn check_files(settings: &[(&str, &str)]) -> String {
    let server = start(topup(&["serve"], settings)).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str, known: Option<&str>| {
        let mut request = http.get(format!("{}{path}", server.base));
        if let Some(known) = known {
            request = request.header("if-none-match", known);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), header("cache-control").unwrap_or_default(), header("etag"))
    };
    let page = http.get(format!("{}/sign-in", server.base)).send().await.unwrap().text().await.unwrap();
    for (file, media_type) in [("/favicon.svg", "image/svg+xml"), ("/pkg/topup.css", "text/css")] {
        let (_, rest) = page.split_once(&format!("href=\"{file}?v=")).unwrap_or_else(|| panic!("{file} in {page}"));
        let version = rest.split('"').next().unwrap();
        let answer = http.get(format!("{}{file}", server.base)).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], media_type);
        let forever = "public, max-age=31536000, immutable".to_owned();
        for (query, kept) in [
            (format!("?v={version}"), forever),
            (String::new(), "no-cache".to_owned()),
            // Of another release that serves beside this one.
            ("?v=0123456789abcdef".to_owned(), "no-cache".to_owned()),
        ] {
            let path = format!("{file}{query}");
            let (status, said, tag) = get(&path, None).await;
            assert_eq!((status, &said), (200, &kept), "{path}");
            // A 304 keeps the cached answer.
            let (status, said, _) = get(&path, tag.as_deref()).await;
            assert_eq!((status, &said), (304, &kept), "{path}");
        }
    }
    // The folder need not have it.
    let script = http.get(format!("{}/buttons.js", server.base)).send().await.unwrap();
    assert_eq!(
        (script.status().as_u16(), &script.headers()["content-type"]),
        (200, &"text/javascript".parse().unwrap())
    );
    let missing = get("/pkg/nothing.css?v=1", None).await;
    assert_eq!((missing.0, &*missing.1), (404, "no-store"));
    http.get(format!("{}/pkg/topup.css", server.base)).send().await.unwrap().text().await.unwrap()
}

on_both!(a_spreadsheet_is_for_signed_in_members_only, |app| {
    app.put_customer_with_left("acme", 10).await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let cookie = format!("session={}", browser.cookie("session").unwrap());
    for (page, file) in [("/history", "history.csv"), ("/usage", "usage.csv")] {
        let html = browser.get(page).await.expect(200).text;
        let link = html.split("<a ").find(|link| link.contains(file)).unwrap_or_else(|| panic!("{file} in {html}"));
        let link = link.split('>').next().unwrap();
        assert!(!link.contains("download"), "would save the sign-in page as {file}: {link}");
        let url = format!("http://{}/{file}", app.address);
        let answer = app.http.get(url).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
        assert_eq!(answer.headers()["content-disposition"], format!("attachment; filename=\"{file}\""));
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.starts_with(b"\xef\xbb\xbf"), "{file} has no mark of UTF-8");
        assert!(!bytes[3..].windows(3).any(|three| three == b"\xef\xbb\xbf"), "{file} has a second mark");
    }
    browser.post("sign-out", &[]).await.expect(303);
    for (file, to) in [
        ("/history.csv", "/sign-in?to=%2Fhistory"),
        ("/usage.csv", "/sign-in?to=%2Fusage"),
        ("/operator/sales.csv", "/operator/sign-in?to=%2Foperator%2Fsales"),
        ("/operator/money.csv", "/operator/sign-in?to=%2Foperator%2Fsales"),
    ] {
        let answer = browser.get(file).await.expect(303);
        assert_eq!(answer.header("location"), Some(to), "{file}");
        assert_eq!(answer.header("content-disposition"), None, "{file}");
    }
});

/// The instants of all lines of a history page, and the words that they are read in.
fn dates(html: &str) -> Vec<(String, String)> {
    let table = html.split_once("<tbody").unwrap().1.split_once("</tbody>").unwrap().0;
    let cells = table.split("<td role=\"cell\" class=\"at\"").skip(1);
    let read = |cell: &str| {
        let (_, rest) = cell.split_once("<time datetime=\"").unwrap();
        let (machine, rest) = rest.split_once('"').unwrap();
        let text = rest.split_once('>').unwrap().1.split('<').next().unwrap();
        (machine.to_owned(), text.to_owned())
    };
    cells.map(read).collect()
}

on_both!(each_date_of_the_history_is_named_by_the_zone_of_its_own_season, |app| {
    let body = |zone: &str| serde_json::json!({"email": "ada@acme.example", "plan": "starter", "timezone": zone});
    for (customer, zone) in [("acme", "Europe/Berlin"), ("samba", "America/Sao_Paulo")] {
        let put = app.request("PUT", &format!("/v1/customers/{customer}")).header("content-type", "application/json");
        app.send(put.body(body(zone).to_string())).await.expect(201);
    }
    // Neither summer nor winter lasts so long.
    for n in 0..4 {
        app.charge("acme", "1", &format!("k{n}")).await.expect(201);
        app.advance_to(app.now() + chrono::TimeDelta::days(90)).await;
    }
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "viewer").await;
    let html = browser.get("/history").await.expect(200).text;
    let found = dates(&html);
    assert!(html.contains(">Time<"), "{html}");
    for season in [" CET", " CEST"] {
        assert!(found.iter().any(|(_, text)| text.ends_with(season)), "{season} in {found:?}");
    }
    let berlin = Zone::named("Europe/Berlin");
    for (machine, text) in &found {
        assert_eq!(*text, berlin.full(machine.parse().unwrap()));
    }
    let until = html.split("until ").skip(1).map(|rest| rest.split_once("</time>").unwrap().0);
    assert!(until.clone().count() > 0 && until.clone().all(|text| text.ends_with("CET") || text.ends_with("CEST")));

    // Where all dates share a zone the heading names it; one without letters by its distance from UTC.
    let browser = Browser::new(app);
    browser.arrive("samba", "ada@acme.example", "viewer").await;
    let html = browser.get("/history").await.expect(200).text;
    assert!(html.contains("Time (UTC\u{2212}3)"), "{html}");
    assert!(dates(&html).iter().all(|(_, text)| !text.contains("UTC") && !text.contains("-03")), "{html}");
});
