//! The binary: exit codes, and SIGKILL at random moments.

use crate::app::{OPERATOR, folder};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_topup");

fn command(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("DATABASE_URL", format!("sqlite://{}", folder.join("p.db").display()));
    command.env("OPERATOR_KEYS", OPERATOR).env("LISTEN", "127.0.0.1:0").env("CATALOG", "catalog.toml");
    command
}

/// Exit code and what was said.
fn ends(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_wrong_setting_ends_with_code_2_and_its_name() {
    let folder = folder();
    let table: [(&str, &[(&str, &str)]); 12] = [
        ("OPERATOR_KEYS", &[("OPERATOR_KEYS", "short")]),
        ("OPERATOR_KEYS", &[("OPERATOR_KEYS", "")]),
        ("DATABASE_URL", &[("DATABASE_URL", "mysql://x")]),
        ("CATALOG", &[("CATALOG", "no/such/file.toml")]),
        ("PUBLIC_URL", &[("PUBLIC_URL", "http://billing.example.com")]),
        ("LISTEN", &[("TEST_CLOCK", "1"), ("LISTEN", "0.0.0.0:0")]),
        ("STRIPE_SECRET_KEY", &[("STRIPE_WEBHOOK_SECRETS", "whsec_123456789")]),
        ("STRIPE_WEBHOOK_SECRETS", &[("STRIPE_SECRET_KEY", "sk_test_123456789")]),
        ("STRIPE_WEBHOOK_SECRETS", &[("STRIPE_SECRET_KEY", "sk_test_123456789"), ("STRIPE_WEBHOOK_SECRETS", "")]),
        (
            "STRIPE_SECRET_KEY",
            &[
                ("STRIPE_SECRET_KEY", "sk_live_123456789"),
                ("STRIPE_WEBHOOK_SECRETS", "whsec_123456789"),
                ("TEST_CLOCK", "1"),
            ],
        ),
        (
            "STRIPE_SECRET_KEY",
            &[
                ("STRIPE_SECRET_KEY", "rk_live_123456789"),
                ("STRIPE_WEBHOOK_SECRETS", "whsec_123456789"),
                ("STRIPE_API_BASE", "http://127.0.0.1:1/"),
            ],
        ),
        ("TEST_CLOCK", &[("TEST_CLOCK", "yes")]),
    ];
    for (name, settings) in table {
        let (code, said) = ends(command(&folder).arg("serve").envs(settings.iter().copied()));
        assert_eq!(code, Some(2), "{settings:?}: {said}");
        assert!(said.lines().any(|line| line.starts_with(name)), "{settings:?}: {said}");
    }
    let catalog = folder.join("bad.toml");
    let text = std::fs::read_to_string("catalog.toml").unwrap().replace("credits = 20000", "credits = 6000");
    std::fs::write(&catalog, text).unwrap();
    let (code, said) = ends(command(&folder).arg("serve").env("CATALOG", &catalog));
    assert_eq!(code, Some(2));
    assert!(said.contains("bad.toml") && said.contains("line ") && said.contains("dearer"), "{said}");
}

struct Serving {
    child: Child,
    url: String,
}

fn serve(folder: &Path) -> Serving {
    let mut child = command(folder).arg("serve").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").expect("the first line is the address").to_owned();
    Serving { child, url }
}

#[test]
fn a_second_serve_on_one_file_ends_with_code_2() {
    let folder = folder();
    let mut first = serve(&folder);
    let (code, said) = ends(command(&folder).arg("serve"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("DATABASE_URL"), "{said}");
    assert!(command(&folder).arg("check").status().unwrap().success(), "check runs beside serve");
    first.child.kill().unwrap();
    first.child.wait().unwrap();
}

/// What callers were told by the time that the process died.
async fn charge_until_killed(url: String, round: usize, serving: &mut Child, after: usize) -> Vec<String> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let tasks: Vec<_> = (0..8)
        .map(|caller| {
            let (url, sender) = (url.clone(), sender.clone());
            tokio::spawn(async move {
                let http = reqwest::Client::builder().no_proxy().build().unwrap();
                for n in 0..10_000 {
                    let key = format!("r{round}-c{caller}-n{n}");
                    let sent = http
                        .post(format!("{url}/v1/customers/c/usage"))
                        .header("x-api-key", OPERATOR)
                        .header("idempotency-key", &key)
                        .header("content-type", "application/json")
                        .body("{\"credits\":0.001}")
                        .send()
                        .await;
                    match sent {
                        Ok(answer) if answer.status() == 201 => drop(sender.send(key)),
                        _ => return,
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut told = Vec::new();
    while let Some(key) = receiver.recv().await {
        told.push(key);
        if told.len() == after {
            serving.kill().unwrap();
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    serving.wait().unwrap();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_there_after_it_and_nothing_else() {
    let folder = folder();
    let mut told: HashSet<String> = HashSet::new();
    for (round, after) in [1, 37, 160, 400].into_iter().enumerate() {
        let mut serving = serve(&folder);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let put = http
            .put(format!("{}/v1/customers/c", serving.url))
            .header("x-api-key", OPERATOR)
            .header("content-type", "application/json")
            .body(r#"{"email":"c@it.example","plan":"pro"}"#);
        assert!(put.send().await.unwrap().status().is_success());
        told.extend(charge_until_killed(serving.url.clone(), round, &mut serving.child, after).await);
        let (code, said) = ends(command(&folder).arg("check"));
        assert_eq!(code, Some(0), "{said}");
    }
    // Every acknowledged key is bound: a repeat is a replay. Eight callers may each have had one more in flight.
    let store = topup::store::Store::open(&format!("sqlite://{}", folder.join("p.db").display())).await.unwrap();
    let mut link = store.read().await.unwrap();
    for key in &told {
        let hash = topup::store::keys::hash("c", key);
        let found = topup::store::keys::find(&mut link, &[hash]).await.unwrap();
        assert!(found.contains_key(&hash), "{key} was acknowledged and is not there");
    }
    let row = link.one("select count(*) as n from usages", Vec::new()).await.unwrap().unwrap();
    let booked = usize::try_from(row.int("n").unwrap()).unwrap();
    assert!(booked >= told.len() && booked <= told.len() + 4 * 8, "{booked} booked, {} acknowledged", told.len());
}
