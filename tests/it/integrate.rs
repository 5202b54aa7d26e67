//! docs/integrate.md: its programs, as they stand, against the real binary.

use crate::app::{Database, Home, OPERATOR_KEY};
use crate::process;
use serde_json::Value;
use std::process::{Command, Stdio};

const DOCUMENT: &str = include_str!("../../docs/integrate.md");

/// All blocks of a language, one behind the other.
fn program(language: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for line in DOCUMENT.lines() {
        match line.strip_prefix("```") {
            Some(after) => inside = !inside && after == language,
            None if inside => out = out + line + "\n",
            None => {}
        }
    }
    assert!(!out.is_empty(), "{language}");
    out
}

/// Runs a program of the document; what it printed.
fn run(base: &str, command: &[&str], program: &str) -> String {
    let (name, args) = command.split_first().unwrap();
    let mut command = Command::new(name);
    command
        .args(args)
        .arg(program)
        .env("TOPUP", base)
        .env("KEY", OPERATOR_KEY)
        .env("NO_PROXY", "*")
        .stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|e| panic!("{name}: {e}: scripts/need programs installs it"));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{name}: {err}\n{out}");
    out
}

async fn left(base: &str, customer: &str) -> Value {
    let path = format!("/v1/customers/{customer}/balance");
    process::call(base, "GET", &path, "-", String::new()).await.unwrap().expect(200).json()["available"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_programs_do_what_it_says() {
    let home = Home::make(Database::Sqlite).await;
    let server = process::start(process::topup(&["serve"], &[("DATABASE_URL", &home.url)])).unwrap();
    let base = server.base.clone();
    let node = run(&base, &["node", "--input-type=module", "--eval"], &program("js"));
    let python = run(&base, &["python3", "-c"], &program("python"));
    for (out, name) in [(&node, "node"), (&python, "python")] {
        let lines: Vec<&str> = out.lines().collect();
        let buy = format!("needed 99999, left 4647.5, buy at {base}/billing");
        assert_eq!(lines[..3], ["left: 4987.5", "given back: 160", buy.as_str()], "{name}");
        assert!(lines[3].starts_with(&format!("billing: {base}/sign-in/")), "{name}: {out}");
    }
    let curl = run(&base, &["bash", "-euo", "pipefail", "-c"], &program("sh"));
    for part in [
        r#""id":"curl-inc""#,
        r#""available":4987.5"#,
        r#""released":160"#,
        r#""code":"insufficient_credits""#,
        "/sign-in/",
    ] {
        assert!(curl.contains(part), "{part} in {curl}");
    }
    for customer in ["node-inc", "python-inc", "curl-inc"] {
        assert_eq!(left(&base, customer).await, 4647.5, "{customer}");
    }
    // Once more: the same keys charge nothing.
    run(&base, &["python3", "-c"], &program("python"));
    assert_eq!(left(&base, "python-inc").await, 4647.5);
    drop(server);
    home.remove().await;
}
