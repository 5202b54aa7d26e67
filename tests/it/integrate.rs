//! docs/integrate.md and docs/hooks.md: their programs, as they stand, against the real binary.

use crate::app::{Database, Home, OPERATOR_KEY};
use crate::process;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

const DOCUMENT: &str = include_str!("../../docs/integrate.md");
const HOOKS: &str = include_str!("../../docs/hooks.md");

/// All blocks of a language, one behind the other.
fn program(document: &str, language: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for line in document.lines() {
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
    let node = run(&base, &["node", "--input-type=module", "--eval"], &program(DOCUMENT, "js"));
    let python = run(&base, &["python3", "-c"], &program(DOCUMENT, "python"));
    for (out, name) in [(&node, "node"), (&python, "python")] {
        let lines: Vec<&str> = out.lines().collect();
        let buy = format!("needed 99999, left 4647.5, buy at {base}/billing");
        assert_eq!(lines[..3], ["left: 4987.5", "given back: 160", buy.as_str()], "{name}");
        assert!(lines[3].starts_with(&format!("billing: {base}/sign-in/")), "{name}: {out}");
    }
    let curl = run(&base, &["bash", "-euo", "pipefail", "-c"], &program(DOCUMENT, "sh"));
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
    run(&base, &["python3", "-c"], &program(DOCUMENT, "python"));
    assert_eq!(left(&base, "python-inc").await, 4647.5);
    drop(server);
    home.remove().await;
}

/// A receiver of the document, and what it prints.
struct Receiver {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    url: String,
}

impl Receiver {
    fn start(command: &[&str], program: &str, secrets: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (name, args) = command.split_first().unwrap();
        let mut child = Command::new(name)
            .args(args)
            .arg(program)
            .env("PORT", port.to_string())
            .env("HOOK_SECRETS", secrets)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}: scripts/need programs installs it"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut receiver = Self { child, lines, url: format!("http://127.0.0.1:{port}/") };
        assert_eq!(receiver.line(), "listening");
        receiver
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Charges until little and then nothing is left, runs the jobs, and reads what the receiver printed.
async fn is_told(command: &[&str], program: &str) {
    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let home = Home::make(Database::Sqlite).await;
    // One secret is being rolled: the receiver knows the new one alone.
    let mut receiver = Receiver::start(command, program, SECRET);
    let both = format!("{OTHER},{SECRET}");
    let settings =
        [("DATABASE_URL", &*home.url), ("HOOK_URL", &receiver.url), ("HOOK_SECRETS", &both), ("WORKER", "off")];
    let server = process::start(process::topup(&["serve"], &settings)).unwrap();
    let ask = async |method: &str, path: &str, key: &str, body: &str| {
        process::call(&server.base, method, path, key, body.to_owned()).await.unwrap()
    };
    ask("PUT", "/v1/customers/acme", "-", r#"{"email":"ada@acme.example","plan":"starter"}"#).await.expect(201);
    for (n, credits) in ["4600", "400"].iter().enumerate() {
        let body = format!(r#"{{"credits":{credits}}}"#);
        ask("POST", "/v1/customers/acme/usage", &format!("job-{n}"), &body).await.expect(201);
        for job in ["news", "hooks"] {
            let output = process::topup(&["jobs", "run", job], &settings).output().unwrap();
            assert!(output.status.success(), "{job}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(receiver.line(), "acme: low, 400 left");
    assert!(receiver.line().starts_with("acme: pause until 20"));
    // What Topup did not sign is refused, and so is what it signed long ago.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for signature in ["v1,AAAA", ""] {
        let forged = http.post(&receiver.url).header("webhook-id", "msg_1").header("webhook-timestamp", "1");
        let forged = forged.header("webhook-signature", signature).body("{}").send().await.unwrap();
        assert_eq!(forged.status(), 401);
    }
    drop(server);
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_in_node_is_told() {
    is_told(&["node", "--input-type=module", "--eval"], &program(HOOKS, "js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_in_python_is_told() {
    is_told(&["python3", "-c"], &program(HOOKS, "python")).await;
}
