//! Slow, idle and endless callers are let go in time, while others are served.

use crate::app::{Database, STUCK, TestApp};
use futures::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use topup::app::connections::Limits;

/// Time-outs that a test can wait for.
const SHORT: Limits = Limits {
    head: Duration::from_millis(400),
    body: Duration::from_millis(400),
    head_bytes: 16 * 1024,
    connections: 9_000,
};

async fn started(limits: Limits) -> TestApp {
    let app = TestApp::start_limited(Database::Sqlite, |_| {}, limits).await;
    app.put_customer("acme", "starter").await;
    app
}

/// Sends the first part, then a byte now and then; what the server has said when it has had enough.
async fn drip(app: &TestApp, first: &str, byte: u8) -> String {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let dripping = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            if writer.write_all(&[byte]).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut said = Vec::new();
    tokio::select! {
        _ended = reader.read_to_end(&mut said) => {}
        () = dripping => {}
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Charges one by one until `done`; every one must be served. How many they were.
async fn charges(app: &TestApp, done: &AtomicBool) -> usize {
    let mut count = 0;
    while !done.load(Ordering::SeqCst) || count == 0 {
        app.charge("acme", "0.001", &format!("beside-{count}")).await.expect(201);
        count += 1;
    }
    count
}

/// Both until the callers are all let go.
async fn while_others_are_served<T>(app: &TestApp, callers: impl Future<Output = T>) -> T {
    let done = AtomicBool::new(false);
    let callers = async {
        let said = callers.await;
        done.store(true, Ordering::SeqCst);
        said
    };
    let both = async { tokio::join!(callers, charges(app, &done)) };
    let (said, served) = tokio::time::timeout(STUCK, both).await.expect("an end of all slow callers");
    assert!(served > 0);
    said
}

async fn ended(app: TestApp) {
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_never_ends_is_cut_off() {
    let app = started(SHORT).await;
    let head = "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ";
    let said = while_others_are_served(&app, join_all((0..200).map(|_| drip(&app, head, b'a')))).await;
    assert!(said.iter().all(|said| !said.contains(" 200 ")), "{said:?}");
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_ends_is_refused() {
    let app = started(SHORT).await;
    let head = format!(
        "POST /v1/customers/acme/usage HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\nidempotency-key: slow\r\n\
         content-type: application/json\r\ncontent-length: 100000\r\n\r\n{{\"credits\": ",
        crate::app::OPERATOR_KEY
    );
    let said = while_others_are_served(&app, join_all((0..100).map(|_| drip(&app, &head, b'1')))).await;
    assert!(said.iter().all(|said| said.starts_with("HTTP/1.1 400 ") && said.contains("ended early")), "{said:?}");
    assert_eq!(app.count("select count(*) as n from usages where credits > 1").await, 0);
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_connections_are_closed_and_keep_nobody_waiting() {
    let idle = if std::env::var_os("TOPUP_PROVE").is_some() { 5_000 } else { 500 };
    let app = started(Limits { head: Duration::from_secs(4), ..SHORT }).await;
    let connect = async |n: usize| {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        if n.is_multiple_of(2) {
            // Idle after a request, as a kept connection is.
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        }
        (n, stream)
    };
    let callers = async {
        let mut open = Vec::with_capacity(idle);
        // In waves that the listener's backlog can hold: what it drops believes for long that it is connected.
        for wave in (0..idle).collect::<Vec<_>>().chunks(64) {
            open.extend(join_all(wave.iter().map(|n| connect(*n))).await);
        }
        let ended = open.into_iter().map(async |(n, mut stream)| {
            let mut said = Vec::new();
            let _reset = stream.read_to_end(&mut said).await;
            n % 2 == 1 || said.starts_with(b"HTTP/1.1 200 ")
        });
        join_all(ended).await
    };
    let answered = while_others_are_served(&app, callers).await;
    assert!(answered.into_iter().all(|answered| answered));
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_there_is_room_for_wait_their_turn() {
    let app = started(Limits { connections: 4, ..SHORT }).await;
    let idle: Vec<TcpStream> = join_all((0..8).map(async |_| TcpStream::connect(app.address).await.unwrap())).await;
    // All places are taken; the idle ones lose theirs one after the other.
    let answer = tokio::time::timeout(STUCK, app.charge("acme", "1", "k")).await.expect("its turn");
    answer.expect(201);
    drop(idle);
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_bodies_that_are_too_large_are_refused() {
    let app = started(SHORT).await;
    let large = async |_| {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "a".repeat(40_000));
        // It may be refused before all is sent.
        let _cut = stream.write_all(head.as_bytes()).await;
        let mut said = Vec::new();
        let _cut = stream.read_to_end(&mut said).await;
        String::from_utf8_lossy(&said).into_owned()
    };
    let said = while_others_are_served(&app, join_all((0..50).map(large))).await;
    assert!(said.iter().all(|said| said.is_empty() || said.starts_with("HTTP/1.1 431 ")), "{said:?}");
    assert!(said.iter().any(|said| !said.is_empty()), "{said:?}");

    let endless = async {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let head = format!(
            "POST /v1/customers/acme/usage HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\nidempotency-key: large\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
            crate::app::OPERATOR_KEY
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1024 * 1024], b"\r\n"].concat();
        // Until the server has had enough of it.
        let sending = async { while writer.write_all(&chunk).await.is_ok() {} };
        let mut said = [0; 12];
        let (_cut, ()) = tokio::join!(reader.read_exact(&mut said), sending);
        said
    };
    let said = tokio::time::timeout(STUCK, endless).await.expect("an end of an endless body");
    assert!(said == *b"HTTP/1.1 413" || said == [0; 12], "{said:?}");
    ended(app).await;
}
