//! `PG_SYNCHRONOUS=required`: an answer is given once the standbys have it, whatever PostgreSQL says.
//!
//! The standby is `pg_receivewal`: it writes the server's log to its disk and says so.

use crate::app::Answer;
use crate::process::{Process, call, start, topup};
use crate::two_servers::Server;
use std::process::{Child, Command, Stdio};
use topup::store::{OpenError, Opening, Store};

/// The standby's process.
struct Receiver(Child);

impl Receiver {
    fn start(server: &Server) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
        let folder = std::path::Path::new(&server.url).file_name().unwrap().to_owned();
        let log = std::env::temp_dir().join(format!("topup-log-{}", std::process::id())).join(folder);
        std::fs::create_dir_all(&log).unwrap();
        let bash = format!(
            "set -e; source {script}; exec $(postgres_bin)/pg_receivewal -D {} --synchronous -d '{}?application_name=standby'",
            log.display(),
            server.url
        );
        let mut command = Command::new("bash");
        Self(command.args(["-c", &bash]).stdin(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn serve(url: &str, synchronous: &str) -> Process {
    let settings = [("DATABASE_URL", url), ("PG_SYNCHRONOUS", synchronous), ("WORKER", "off")];
    start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"))
}

async fn count(store: &Store, sql: &str) -> i64 {
    store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap()
}

async fn charge(base: &str, key: &str) -> Answer {
    call(base, "POST", "/v1/customers/acme/usage", key, r#"{"credits":1}"#.to_owned()).await.unwrap()
}

/// The answer, while each wait for the standby is canceled.
async fn canceled(store: &Store, answer: impl Future<Output = Answer>) -> Answer {
    let cancel = async {
        loop {
            let sql = "select count(pg_cancel_backend(pid)) as n from pg_stat_activity where wait_event = 'SyncRep'";
            count(store, sql).await;
        }
    };
    tokio::select! { answer = answer => answer, () = cancel => unreachable!() }
}

async fn set_synchronous(store: &Store, names: &str) {
    let mut db = store.read().await.unwrap();
    db.execute(format!("alter system set synchronous_standby_names = '{names}'"), Vec::new()).await.unwrap();
    db.execute("select pg_reload_conf()", Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_wait_for_the_standby_is_canceled_is_not_answered() {
    let server = Server::start().await;
    let operator = Store::open(&server.url).await.unwrap();
    let standby = Receiver::start(&server);
    while count(&operator, "select count(*) as n from pg_stat_replication where state = 'streaming'").await == 0 {
        tokio::task::yield_now().await;
    }
    set_synchronous(&operator, "standby").await;
    let (trusting, mut asking) = (serve(&server.url, "server"), serve(&server.url, "required"));
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&asking.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    let first = charge(&asking.base, "before").await.expect(201).json();
    let opening = Opening { is_synchronous: true, ..Opening::default() };
    let reader = Store::open_with(&server.url, opening).await.unwrap();
    reader.wait_for_standbys().await.unwrap();

    standby.signal("STOP");
    // PostgreSQL's word is taken for it: this answer is lost if the primary is.
    canceled(&operator, charge(&trusting.base, "believed")).await.expect(201);
    canceled(&operator, charge(&asking.base, "asked")).await.expect_problem(503, "overloaded");
    assert_eq!(count(&operator, "select count(*) as n from usages").await, 3, "the primary has it");
    // Nor is it answered by a replay, nor what others committed.
    for key in ["asked", "believed", "before"] {
        canceled(&operator, charge(&asking.base, key)).await.expect_problem(503, "overloaded");
    }
    assert!(reader.wait_for_standbys().await.is_err());
    let ready = call(&asking.base, "GET", "/readyz", "-", String::new()).await.unwrap();
    assert_eq!(ready.status, 503);

    standby.signal("CONT");
    reader.wait_for_standbys().await.unwrap();
    for key in ["asked", "believed", "before", "after"] {
        let answer = loop {
            let answer = charge(&asking.base, key).await;
            if answer.status == 201 {
                break answer.json();
            }
            answer.expect_problem(503, "overloaded");
        };
        assert!(key != "before" || answer == first);
    }
    assert_eq!(count(&operator, "select count(*) as n from usages").await, 4);
    assert_eq!(asking.terminate().await, Some(0));

    // With no standby to wait for nothing is answered, and a user who sees none is told so.
    set_synchronous(&operator, "").await;
    while count(&operator, "select cast(length(current_setting('synchronous_standby_names')) as bigint) as n").await > 0
    {
        tokio::task::yield_now().await;
    }
    assert!(reader.wait_for_standbys().await.is_err());
    reader.close().await;
    let mut db = operator.read().await.unwrap();
    db.execute("create role blind login password 'blind'", Vec::new()).await.unwrap();
    drop(db);
    let blind = format!("postgres://blind:blind@{}", server.url.split_once('@').unwrap().1);
    assert!(matches!(Store::open_with(&blind, opening).await, Err(OpenError::Standbys)));
    operator.close().await;
}

async fn set_read_only(store: &Store, to: &str) {
    let mut db = store.read().await.unwrap();
    db.execute(format!("alter system set default_transaction_read_only = {to}"), Vec::new()).await.unwrap();
    db.execute("select pg_reload_conf()", Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_servers_the_one_that_takes_writes_is_found_without_a_restart() {
    let servers = [Server::start().await, Server::start().await];
    let places = servers.each_ref().map(|server| server.url.split(['@', '/']).nth(3).unwrap());
    let mut operators = Vec::new();
    for (server, place) in servers.iter().zip(places) {
        let operator = Store::open(&server.url).await.unwrap();
        operator.migrate().await.unwrap();
        let mut db = operator.read().await.unwrap();
        db.execute("alter role topup password 'same'", Vec::new()).await.unwrap();
        drop(db);
        operator.close().await;
        operators.push(Store::open(&format!("postgres://topup:same@{place}/postgres")).await.unwrap());
    }
    set_read_only(&operators[0], "on").await;
    // Nobody listens at the first.
    let url = format!(
        "postgres://topup:same@127.0.0.1:9,{},{}/postgres?target_session_attrs=read-write",
        places[0], places[1]
    );
    let mut process = serve(&url, "server");
    for (round, writable) in [1, 0, 1].into_iter().enumerate() {
        set_read_only(&operators[1 - writable], "on").await;
        set_read_only(&operators[writable], "off").await;
        let before = count(&operators[writable], "select count(*) as n from customers").await;
        loop {
            let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
            let answer = call(&process.base, "PUT", &format!("/v1/customers/acme{round}"), "-", body).await.unwrap();
            if answer.status == 201 {
                break;
            }
            answer.expect_problem(503, "overloaded");
        }
        assert_eq!(count(&operators[writable], "select count(*) as n from customers").await, before + 1);
    }
    assert_eq!(process.terminate().await, Some(0));
    for operator in operators {
        operator.close().await;
    }
}
