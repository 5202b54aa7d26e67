//! Charges beside a flood of sign-ins from many addresses: by members and by operators, 5,000 POSTs a second.
//!
//! The flood costs this machine something by itself: sending, the kernel, the network. So charges are measured beside the
//! same POSTs at a server that answers 503 and does nothing else, too; what is lost against that is what Topup does.

use crate::load::{Ask, answer, connect};
use crate::ours::Server;
use crate::report::Table;
use crate::{CALLERS, CUSTOMERS, Plan};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const CONNECTIONS: usize = 50;
/// Of each connection: 100 POSTs a second, 5,000 in all.
const EVERY: Duration = Duration::from_millis(10);

pub async fn measure(plan: Plan, folder: &Path, table: &mut Table) {
    let url = format!("sqlite://{}", folder.join("flood.db").display());
    // Each POST names its address, as behind a proxy.
    let server = Server::serve_on(&url, &[("TRUSTED_PROXIES", "127.0.0.0/8")]);
    server.make_customers().await;
    let nothing = nothing().await;
    // Long enough for what may pass at once after a quiet time to have passed.
    let plan = Plan { round: plan.round.max(Duration::from_secs(1)) * 4, ..plan };
    for _ in 0..plan.rounds {
        let rate = server.charge_load(plan.round, CALLERS, CUSTOMERS).await.sample(1.0);
        table.add("charges, 256 connections, nothing beside", rate);
        let (rate, _) = beside(&server, nothing, plan).await;
        table.add("charges beside the same POSTs at a server of nothing", rate);
        let (rate, flood) = beside(&server, server.address, plan).await;
        table.add("charges beside 5,000 sign-ins a second", rate);
        table.add("sign-ins a second that were answered", flood.0);
        table.add("sign-ins a second that were let through", flood.1);
    }
}

/// Charges, while `at` is flooded; and a second: how many POSTs were answered, and how many let through.
async fn beside(server: &Server, at: SocketAddr, plan: Plan) -> (crate::report::Sample, (f64, f64)) {
    let (stop, all, through) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let flood: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (stop, all, through) = (Arc::clone(&stop), Arc::clone(&all), Arc::clone(&through));
            tokio::spawn(async move {
                let (mut stream, mut buffer) = (connect(at).await, Vec::new());
                let mut tick = tokio::time::interval(EVERY);
                while !stop.load(Ordering::Relaxed) {
                    tick.tick().await;
                    let (head, _) = answer(&mut stream, &mut buffer, at, &sign_in(connection)).await;
                    all.fetch_add(1, Ordering::Relaxed);
                    through.fetch_add(u64::from(&head[9..12] == "303"), Ordering::Relaxed);
                }
            })
        })
        .collect();
    let charged = server.charge_load(plan.round, CALLERS, CUSTOMERS).await.sample(1.0);
    stop.store(true, Ordering::Relaxed);
    let seconds = start.elapsed().as_secs_f64();
    for one in flood {
        one.await.unwrap();
    }
    let rate = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / seconds;
    (charged, (rate(&all), rate(&through)))
}

/// A sign-in of a stranger, each from another address: a member's, or an operator's.
fn sign_in(connection: usize) -> Ask {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let [_, a, b, c] = n.to_be_bytes();
    let (path, body) = match connection % 2 {
        0 => ("/_fn/request-link", format!("email=nobody{n}%40evil.example")),
        _ => ("/_fn/operator-sign-in", format!("email=nobody{n}%40evil.example&password=wrong+wrong+wrong&code=")),
    };
    let form =
        "content-type: application/x-www-form-urlencoded\r\naccept: text/html\r\nsec-fetch-site: same-origin\r\n";
    Ask {
        method: "POST",
        path: path.to_owned(),
        headers: format!("{form}x-forwarded-for: 10.{a}.{b}.{c}\r\n"),
        body,
        status: 0,
    }
}

/// Answers whatever is sent to it, a request at a time a connection.
async fn nothing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4_096];
                while stream.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
                    let busy = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
                    if stream.write_all(busy).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
