//! Slow, idle and endless clients are disconnected in time, while others are served.

use crate::app::{Database, STUCK, TestApp};
use futures::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use topup::app::serve::connections::ConnectionLimits;

/// Time-outs that a test can wait for.
const SHORT: ConnectionLimits = ConnectionLimits {
    head: Duration::from_millis(400),
    body: Duration::from_millis(400),
    write: Duration::from_millis(400),
    head_bytes: 16 * 1024,
    connections: 9_000,
};

async fn started(limits: ConnectionLimits) -> TestApp {
    let app =
        TestApp::start_limited(Database::Sqlite, |settings| settings.connections_per_address = 9_000, limits).await;
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
async fn thousands_of_idle_connections_are_closed_and_delay_nobody() {
    let idle = if std::env::var_os("TOPUP_PROVE").is_some() { 5_000 } else { 500 };
    let app = started(ConnectionLimits { head: Duration::from_secs(4), ..SHORT }).await;
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
async fn connections_beyond_the_limit_wait() {
    let app = started(ConnectionLimits { connections: 4, ..SHORT }).await;
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

/// Asks for much at once over a new connection.
async fn greedy(app: &TestApp, buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    buffer.map_or(Ok(()), |bytes| socket.set_recv_buffer_size(bytes)).unwrap();
    let mut stream = socket.connect(app.address).await.unwrap();
    let request = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(GREEDY);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// More answers than sockets can hold.
const GREEDY: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_loses_its_connection() {
    let app = started(ConnectionLimits { connections: 1, ..SHORT }).await;
    let asked = GREEDY * app.get("/openapi.json").await.expect(200).text.len();
    for n in 0..3 {
        // It has the only place, and never reads: whoever comes next is served only if it loses that.
        let mut deaf = greedy(&app, Some(4 * 1024)).await;
        let answer = tokio::time::timeout(STUCK, app.charge("acme", "1", &format!("k{n}"))).await.expect("its turn");
        answer.expect(201);
        let mut said = Vec::new();
        let _cut = tokio::time::timeout(STUCK, deaf.read_to_end(&mut said)).await.expect("an end");
        assert!(said.len() < asked, "{} of {asked}", said.len());
    }
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_slowly_gets_all_of_it() {
    let app = started(ConnectionLimits { write: Duration::from_secs(2), ..SHORT }).await;
    let whole = GREEDY * app.get("/openapi.json").await.expect(200).text.len();
    let mut stream = greedy(&app, None).await;
    let (mut read, mut chunk) = (0, vec![0; 64 * 1024]);
    // All of it takes longer than one step of it may.
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    while read < whole {
        tick.tick().await;
        let bytes = tokio::time::timeout(STUCK, stream.read(&mut chunk)).await.expect("more").expect("no reset");
        assert!(bytes > 0, "cut off after {read} of {whole} bytes");
        read += bytes;
    }
    ended(app).await;
}

/// A connection from this address that is kept; whether it was answered.
async fn kept(app: &TestApp, from: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(app.address).await.ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.ok()?;
    let mut head = [0; 12];
    let answered = stream.read_exact(&mut head).await.is_ok() && head == *b"HTTP/1.1 200";
    answered.then_some(stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_some_of_the_connections_and_never_all() {
    let limits = ConnectionLimits { head: STUCK, ..SHORT };
    let app = TestApp::start_limited(Database::Sqlite, |settings| settings.connections_per_address = 3, limits).await;
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..3 {
        open.push(kept(&app, "127.0.0.2").await.expect("a place"));
    }
    assert!(kept(&app, "127.0.0.2").await.is_none(), "a fourth is turned away");
    assert!(kept(&app, "127.0.0.3").await.is_some(), "another address has its own");
    let metrics = async || {
        let stream = reqwest::Client::builder().local_address("127.0.0.4".parse::<std::net::IpAddr>().unwrap());
        let get = stream.no_proxy().build().unwrap().get(format!("http://{}/metrics", app.address));
        app.send(get.header("x-api-key", crate::app::OPERATOR_KEY)).await.expect(200).text
    };
    assert!(metrics().await.contains("topup_refused_total{limit=\"connection\"} 1"));
    open.pop();
    let freed = async {
        while kept(&app, "127.0.0.2").await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(STUCK, freed).await.expect("its place is free again");
    drop(open);
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_has_as_many_connections_as_it_wants() {
    let app = TestApp::start_with(Database::Sqlite, |settings| {
        settings.connections_per_address = 2;
        settings.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    });
    let app = app.await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(kept(&app, "127.0.0.2").await.expect("a place"));
    }
    drop(open);
    app.stop().await;
    app.home.remove().await;
}
