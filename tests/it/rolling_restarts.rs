//! Restarts under load behind a balancer that follows `/readyz`: no request is cut off.

use crate::app::{Database, Home, OPERATOR_KEY, STUCK};
use crate::process::{Process, call, content, start, topup};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

type Servers = Arc<Mutex<Vec<String>>>;

/// Passes each connection to the first server that is ready.
async fn balance(listener: TcpListener, servers: Servers) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        tokio::spawn(pass(client, servers.lock().unwrap().clone()));
    }
}

async fn pass(mut client: TcpStream, servers: Vec<String>) {
    for base in servers {
        let ready = call(&base, "GET", "/readyz", "-", String::new()).await;
        if ready.is_ok_and(|answer| answer.status == 200)
            && let Ok(mut server) = TcpStream::connect(base.trim_start_matches("http://")).await
        {
            let _ended = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}

/// A caller that keeps its connection, and repeats nothing.
struct Caller {
    to: SocketAddr,
    kept: Option<BufReader<TcpStream>>,
}

impl Caller {
    async fn charge(&mut self, key: &str) -> std::io::Result<String> {
        let mut stream = match self.kept.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.to).await?),
        };
        let body = r#"{"credits":1}"#;
        let request = format!(
            "POST /v1/customers/acme/usage HTTP/1.1\r\nhost: topup\r\nx-api-key: {OPERATOR_KEY}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await?;
        if !head.contains("connection: close") {
            self.kept = Some(stream);
        }
        Ok(head.split(' ').nth(1).unwrap().to_owned())
    }
}

/// Charges that were answered.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    told: Notify,
    done: AtomicBool,
}

impl Load {
    async fn run(self: Arc<Self>, to: SocketAddr, name: usize) {
        let mut caller = Caller { to, kept: None };
        for n in 0.. {
            if self.done.load(Ordering::SeqCst) {
                return;
            }
            let answer = caller.charge(&format!("{name}-{n}")).await;
            assert_eq!(answer.as_deref().ok(), Some("201"), "caller {name}, charge {n}: {answer:?}");
            self.answered.fetch_add(1, Ordering::SeqCst);
            self.told.notify_waiters();
        }
    }

    async fn more(&self, more: usize) {
        let before = self.answered.load(Ordering::SeqCst);
        loop {
            let told = self.told.notified();
            if self.answered.load(Ordering::SeqCst) >= before + more {
                return;
            }
            told.await;
        }
    }
}

/// Starts a process beside the callers, who must go on meanwhile.
async fn serve(url: &str, delay: &'static str) -> Process {
    let url = url.to_owned();
    let started = tokio::task::spawn_blocking(move || {
        let settings = [("DATABASE_URL", url.as_str()), ("SHUTDOWN_DELAY_SECONDS", delay)];
        start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"))
    });
    started.await.unwrap()
}

async fn stop(mut process: Process) -> Option<i32> {
    tokio::task::spawn_blocking(move || process.stop()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_cuts_no_request_off() {
    let home = Home::make(Database::Postgres).await;
    let rounds = if std::env::var_os("TOPUP_PROVE").is_some() { 60 } else { 6 };
    // Without a delay, too: the balancer asks before each connection.
    let delay = |round: usize| if round.is_multiple_of(2) { "0" } else { "1" };
    let mut running = VecDeque::from([serve(&home.url, delay(0)).await, serve(&home.url, delay(1)).await]);
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&running[0].base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    let bases = |running: &VecDeque<Process>| running.iter().map(|one| one.base.clone()).collect();
    let servers: Servers = Arc::new(Mutex::new(bases(&running)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let balancer = tokio::spawn(balance(listener, Arc::clone(&servers)));
    let load = Arc::new(Load::default());
    let callers: Vec<_> = (0..8).map(|name| tokio::spawn(Arc::clone(&load).run(to, name))).collect();
    let restarts = async {
        for round in 0..rounds {
            load.more(50).await;
            running.push_back(serve(&home.url, delay(round)).await);
            *servers.lock().unwrap() = bases(&running);
            assert_eq!(stop(running.pop_front().unwrap()).await, Some(0));
            *servers.lock().unwrap() = bases(&running);
        }
        load.more(50).await;
        load.done.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await.unwrap();
        }
    };
    tokio::time::timeout(STUCK * u32::try_from(rounds).unwrap(), restarts).await.expect("an end of all restarts");
    let answered = load.answered.load(Ordering::SeqCst);
    println!("{rounds} restarts, {answered} charges, no error");
    balancer.abort();
    let balance = call(&running[0].base, "GET", "/v1/customers/acme/balance", "-", String::new()).await.unwrap().json();
    assert_eq!(balance["available"], 100_000 - answered, "{balance}");
    drop(running);
    content(&home, 1);
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_is_not_ready_and_still_serves() {
    let home = Home::make(Database::Sqlite).await;
    let process = serve(&home.url, "300").await;
    let ready = async || call(&process.base, "GET", "/readyz", "-", String::new()).await.unwrap();
    assert_eq!(ready().await.status, 200);
    process.signal("TERM");
    let stops = async {
        loop {
            let answer = ready().await;
            if answer.status == 503 {
                break answer;
            }
        }
    };
    let answer = tokio::time::timeout(STUCK, stops).await.expect("503");
    assert!(answer.text.contains("stopping"), "{}", answer.text);
    let catalog = call(&process.base, "GET", "/v1/catalog", "-", String::new()).await.unwrap().expect(200);
    assert_eq!(catalog.header("connection"), Some("close"));
    // A second signal ends the delay.
    assert_eq!(stop(process).await, Some(0));
}
