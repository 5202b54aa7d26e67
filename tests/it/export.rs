//! `verify-export` proves a customer's export without the database, and finds every change.

use crate::app::{TestApp, on_both};
use crate::process::topup;
use crate::tampering::a_full_life;
use topup::usecases::credits::export::verify_export;

/// The whole export as CSV, and as the pages of the API one after another.
async fn exports(app: &TestApp, limit: usize) -> [String; 2] {
    let path = "/v1/customers/acme/entries";
    let csv = app.get(&format!("{path}?format=csv")).await.expect(200).text;
    let (mut pages, mut cursor) = (String::new(), String::new());
    loop {
        let page = app.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200);
        pages.push_str(&page.text);
        match page.json()["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return [csv, pages],
        }
    }
}

/// Seven lines of five kinds.
async fn a_short_life(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    let body = r#"{"credits":1.5,"source":"job one"}"#;
    app.post("/v1/customers/acme/usage", "u1", body).await.expect(201);
    let hold = app.post("/v1/customers/acme/holds", "h", r#"{"credits":7,"ttl_seconds":60}"#).await.expect(201).json();
    let settle = format!("/v1/holds/{}/settle", hold["id"].as_str().unwrap());
    app.post(&settle, "s", r#"{"credits":0.001}"#).await.expect(200);
    app.buy("acme", "p1200", "buy").await;
}

on_both!(an_export_is_verified_by_the_command, |app| {
    a_full_life(app).await;
    let entries = app.entries("acme").await;
    let last = entries.last().unwrap();
    let (seq, head) = (last["seq"].as_i64().unwrap(), last["hash"].as_str().unwrap());
    let whole = format!("ok: {seq} entries of acme, balance {}, head {head}\n", last["balance_after"]);
    for (name, text) in ["a.csv", "a.json"].into_iter().zip(exports(app, 30).await) {
        let file = app.home.folder.join(name);
        let path = file.display().to_string();
        let run = |words: &[&str]| {
            let output = topup(&[&["verify-export", &path], words].concat(), &[]).output().unwrap();
            let said = [output.stdout, output.stderr].map(|out| String::from_utf8(out).unwrap());
            (output.status.code().unwrap(), said)
        };
        std::fs::write(&file, &text).unwrap();
        let good = (0, [whole.clone(), String::new()]);
        assert_eq!(run(&[]), good);
        assert_eq!(run(&["--customer", "acme"]), good);
        // A program that kept the file may have set the mark of UTF-8 at its head.
        std::fs::write(&file, format!("\u{feff}{text}")).unwrap();
        assert_eq!(run(&[]), good);
        std::fs::write(&file, &text).unwrap();
        assert_eq!(run(&["--customer", "acme", "--head", head]), good);
        let (code, [_, said]) = run(&["--customer", "larch"]);
        assert!(code == 1 && said.contains("has entries of acme, not of --customer"), "{said}");
        let (code, [_, said]) = run(&["--customer", "acme", "--head", &"0".repeat(64)]);
        assert!(code == 1 && said.contains("not with --head"), "{said}");
        assert_eq!(run(&["--customer", "acme", "--head", "abc"]).0, 2);
        std::fs::remove_file(&file).unwrap();
        let (code, [_, said]) = run(&["--customer", "acme"]);
        assert!(code == 2 && said.starts_with("FILE: ") && said.lines().count() == 1, "{said}");
    }
});

on_both!(no_byte_of_an_export_can_be_another, |app| {
    a_short_life(app).await;
    for good in exports(app, 200).await {
        assert_eq!(verify_export(&good).unwrap().head.seq, 6);
        for place in 0..good.len() {
            for bit in [0x01, 0x02, 0x20] {
                let mut bytes = good.clone().into_bytes();
                bytes[place] ^= bit;
                // Bytes that are not UTF-8 are refused before.
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let Err(said) = verify_export(&text) else { panic!("byte {place} of {good} as {text}") };
                assert!(said.contains("line"), "{said}");
            }
        }
    }
});

on_both!(no_line_of_an_export_can_be_missing_doubled_or_moved, |app| {
    a_short_life(app).await;
    let [csv, json] = exports(app, 200).await;
    let whole = verify_export(&csv).unwrap();
    assert_eq!(whole.customer.as_deref(), Some("acme"));
    assert_eq!(verify_export(&json), Ok(whole.clone()));
    let lines: Vec<&str> = csv.lines().collect();
    let written = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for place in 1..lines.len() {
        let mut without = lines.clone();
        without.remove(place);
        let said = verify_export(&written(&without));
        if place == lines.len() - 1 {
            // Only the hash that was noted elsewhere tells that there was more.
            assert!(said.is_ok_and(|found| found != whole));
        } else {
            let said = said.unwrap_err();
            assert!(said.starts_with(&format!("line {}: entry {}: follows", place + 1, place + 1)), "{said}");
        }
        let mut twice = lines.clone();
        twice.insert(place, lines[place]);
        let said = verify_export(&written(&twice)).unwrap_err();
        assert!(said.starts_with(&format!("line {}: entry {place}: follows", place + 2)), "{said}");
        if place > 1 {
            let mut moved = lines.clone();
            moved.swap(place, place - 1);
            let said = verify_export(&written(&moved)).unwrap_err();
            assert!(said.starts_with(&format!("line {place}: entry {place}: follows")), "{said}");
        }
    }
    for (bad, reason) in [
        (csv.trim_end().to_owned(), "cut off"),
        (String::new(), "line 1: not the columns"),
        (csv.replace("id,seq", "seq,id"), "line 1: not the columns"),
        (csv.replace(",acme", ",larch"), "line 2: entry 1: its hash does not follow"),
        (csv.replacen(",acme", ",larch", 1), "line 2: entry 1: its hash does not follow"),
        (json.replacen(",\"customer\":\"acme\"", "", 1), "`customer` is \"\", which no entry has"),
        (format!("{csv}\n"), "line 8: 1 columns"),
        (csv.replace('\n', "\r\n"), "line 1: not the columns"),
        (json.replace("\"next\":null", "\"next\":\"Nw\""), "the list is incomplete"),
        (format!("{json}{json}"), "after the last page"),
        (json.replacen("\"seq\":1,", "\"seq\":1,\"seq\":1,", 1), "given twice"),
        (json.replacen("\"seq\":1,", "\"seq\":1,\"more\":\"1\",", 1), "`more` is unknown"),
    ] {
        let said = verify_export(&bad).expect_err(reason);
        assert!(said.contains(reason), "{reason}: {said}");
    }
});
