//! The programs of docs/integrate.md and docs/hooks.md against the real binary.

use crate::app::{Database, Home, OPERATOR_KEY};
use crate::process;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

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

/// A proxy between a program and the server on its worst day.
struct Detour {
    base: String,
    /// Each job outlives its hold.
    lapses: bool,
    /// When each call of job 81 came, by its path.
    asked: Mutex<HashMap<String, Vec<i64>>>,
}

impl Detour {
    async fn start(base: &str, lapses: bool) -> (Arc<Self>, String) {
        let detour = Arc::new(Self { base: base.to_owned(), lapses, asked: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(pass).with_state(Arc::clone(&detour));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (detour, url)
    }

    /// The times at which job 81 of a customer was asked for.
    fn asked(&self, customer: &str) -> Vec<i64> {
        self.asked.lock().unwrap()[&format!("/v1/customers/{customer}/usage")].clone()
    }
}

async fn forward(base: &str, method: &str, path: &str, key: &str, body: String) -> Response {
    let answer = process::call(base, method, path, key, body).await.unwrap();
    (StatusCode::from_u16(answer.status).unwrap(), [(CONTENT_TYPE, "application/json")], answer.text).into_response()
}

/// Pages of a proxy, refusals that pass, an answer that is lost: none of them is the last word.
async fn pass(State(detour): State<Arc<Detour>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (path, method) = (parts.uri.path().to_owned(), parts.method.to_string());
    let header = |name: &str| parts.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    let (key, agent) = (header("idempotency-key"), header("user-agent"));
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let forward = || forward(&detour.base, &method, &path, &key, body.clone());
    if detour.lapses && path.ends_with("/settle") {
        let day = r#"{"advance_days":1}"#.to_owned();
        process::call(&detour.base, "POST", "/test/clock", "-", day).await.unwrap().expect(200);
    }
    if key != "job-81" {
        return forward().await;
    }
    let now = topup::clock::Clock::system().real().timestamp_millis();
    let n = {
        let mut asked = detour.asked.lock().unwrap();
        let times = asked.entry(path.clone()).or_default();
        times.push(now);
        times.len()
    };
    let page = |status: u16| (StatusCode::from_u16(status).unwrap(), Html("<h1>Bad gateway</h1>")).into_response();
    let wait = |status: u16, seconds: &'static str| {
        let text = r#"{"status":503,"code":"overloaded"}"#;
        (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, seconds)], text).into_response()
    };
    match n {
        1 => page(502),
        2 => wait(503, "2"),
        3 => {
            // Done, and the answer is lost.
            assert_eq!(forward().await.status(), 201);
            let cut = futures::stream::iter([Ok("{\"id\":"), Err(std::io::Error::other("cut off"))]);
            Body::from_stream(cut).into_response()
        }
        4 => wait(429, "1"),
        5 => page(504),
        // curl looks at the status alone.
        6 if !agent.starts_with("curl") => page(200),
        _ => forward().await,
    }
}

/// All three programs of the document, at once; what each printed.
async fn run_all(url: &str) -> [String; 3] {
    let programs: [(&[&str], &str); 3] = [
        (&["node", "--input-type=module", "--eval"], "js"),
        (&["python3", "-c"], "python"),
        (&["bash", "-euo", "pipefail", "-c"], "sh"),
    ];
    let runs = programs.map(|(command, language)| {
        let url = url.to_owned();
        tokio::task::spawn_blocking(move || run(&url, command, &program(DOCUMENT, language)))
    });
    let [node, python, curl] = runs;
    [node.await.unwrap(), python.await.unwrap(), curl.await.unwrap()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_programs_of_the_document_work() {
    let home = Home::make(Database::Sqlite).await;
    let server = process::start(process::topup(&["serve"], &[("DATABASE_URL", &home.url)])).unwrap();
    let base = server.base.clone();
    let (detour, url) = Detour::start(&base, false).await;
    let [node, python, curl] = run_all(&url).await;
    for (out, name) in [(&node, "node"), (&python, "python")] {
        let lines: Vec<&str> = out.lines().collect();
        let buy = format!("needed 99999, left 4647.5, buy at {base}/billing");
        assert_eq!(lines[..3], ["left: 4987.5", "given back: 160", buy.as_str()], "{name}");
        assert!(lines[3].starts_with(&format!("billing: {base}/sign-in/")), "{name}: {out}");
    }
    for part in [
        r#""id":"curl-inc""#,
        r#""available":4987.5"#,
        r#""released":160"#,
        r#""code":"insufficient_credits""#,
        "/sign-in/",
    ] {
        assert!(curl.contains(part), "{part} in {curl}");
    }
    assert!(!curl.contains("<h1>"), "what came with failed attempts is printed: {curl}");
    for (customer, attempts) in [("node-inc", 7), ("python-inc", 7), ("curl-inc", 6)] {
        assert_eq!(left(&base, customer).await, 4647.5, "{customer}");
        let asked = detour.asked(customer);
        assert_eq!(asked.len(), attempts, "{customer}");
        // Never sooner than Retry-After says.
        assert!(asked[2] - asked[1] >= 2_000 && asked[4] - asked[3] >= 1_000, "{customer}: {asked:?}");
    }
    // Once more: the same keys charge nothing.
    run(&base, &["python3", "-c"], &program(DOCUMENT, "python"));
    assert_eq!(left(&base, "python-inc").await, 4647.5);
    drop(server);
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_programs_charge_a_job_that_outlived_its_hold() {
    let home = Home::make(Database::Sqlite).await;
    let settings = [("DATABASE_URL", &*home.url), ("TEST_CLOCK", "1")];
    let server = process::start(process::topup(&["serve"], &settings)).unwrap();
    let (_detour, url) = Detour::start(&server.base, true).await;
    run_all(&url).await;
    for customer in ["node-inc", "python-inc", "curl-inc"] {
        assert_eq!(left(&server.base, customer).await, 4647.5, "{customer}");
        let path = format!("/v1/customers/{customer}/holds");
        let holds = process::call(&server.base, "GET", &path, "-", String::new()).await.unwrap().expect(200).json();
        assert_eq!(holds["data"][0]["state"], "lapsed", "{holds}");
    }
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
async fn gets_webhooks(command: &[&str], program: &str) {
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
    // Foreign and old signatures are refused.
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
async fn a_receiver_in_node_gets_webhooks() {
    gets_webhooks(&["node", "--input-type=module", "--eval"], &program(HOOKS, "js")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_in_python_gets_webhooks() {
    gets_webhooks(&["python3", "-c"], &program(HOOKS, "python")).await;
}
