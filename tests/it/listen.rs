//! `LISTEN`: each form is served, printed and linked as a URL that works.

use crate::app::{Database, Home};
use crate::process::{call, start, topup};
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_address_is_one_that_leads_there() {
    for listen in ["127.0.0.1:0", "localhost:0", "[::1]:0"] {
        let home = Home::make(Database::Sqlite).await;
        let started = start(topup(&["serve"], &[("DATABASE_URL", &home.url), ("LISTEN", listen)]));
        // On a machine without IPv6 nothing can be bound there, and the setting is named.
        if listen.starts_with('[') && TcpListener::bind(listen).is_err() {
            let said = String::from_utf8(started.err().unwrap().stderr).unwrap();
            assert!(said.contains("LISTEN"), "{said}");
            home.remove().await;
            continue;
        }
        let server = started.unwrap_or_else(|output| panic!("{listen}: {output:?}"));
        let base = server.base.clone();
        let host = listen.trim_end_matches("localhost:0").trim_end_matches(":0");
        assert!(base.starts_with(&format!("http://{}:", if host.is_empty() { "127.0.0.1" } else { host })), "{base}");
        let put = r#"{"email":"ada@acme.example","plan":"starter"}"#;
        call(&base, "PUT", "/v1/customers/acme", "-", put.to_owned()).await.unwrap().expect(201);
        let path = "/v1/customers/acme/portal_sessions";
        let link = call(&base, "POST", path, "-", "{}".to_owned()).await.unwrap().expect(201).json();
        assert!(link["url"].as_str().unwrap().starts_with(&format!("{base}/sign-in/")), "{link}");
        let document = call(&base, "GET", "/openapi.json", "-", String::new()).await.unwrap().json();
        assert_eq!(document["servers"][0]["url"], base);
        drop(server);
        home.remove().await;
    }
}

#[test]
fn an_address_that_cannot_be_read_is_refused_with_examples() {
    for listen in ["3000", "::1:3000", "localhost", "[::1]", "127.0.0.1:99999"] {
        let output = topup(&["serve"], &[("LISTEN", listen)]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{listen}: {said}");
        assert!(said.to_uppercase().contains("LISTEN") && said.contains("[::1]:3000"), "{listen}: {said}");
    }
}
