//! Billing and History of a customer with a thousand entries, and Billing's cards and tables made by Next.js, in turns. Ours
//! looks up a session and asks the database; Next.js has constants in memory.

use crate::load::{Ask, connect, load};
use crate::ours::Server;
use crate::report::Table;
use crate::{Plan, pages};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CONNECTIONS: usize = 16;

pub async fn measure(plan: Plan, folder: &Path, table: &mut Table) {
    let url = format!("sqlite://{}", folder.join("renders.db").display());
    pages::seed(&url, pages::FEW).await;
    let server = Server::serve_on(&url, &pages::STRIPE);
    let (mut stream, mut buffer) = (connect(server.address).await, Vec::new());
    let cookie = pages::sign_in(&mut stream, &mut buffer, &server, "few").await;
    let next = Next::start(table).await;
    for _ in 0..plan.rounds {
        for (name, path) in [("Billing", "/billing"), ("History, 50 lines,", "/history")] {
            let cookie = cookie.clone();
            let ours = load(server.address, CONNECTIONS, plan.round, move |_, _| pages::get(path, &cookie));
            table.add(&format!("{name} on SQLite, 16 connections"), ours.await.sample(1.0));
        }
        if let Some(next) = &next {
            table.add("Next.js, 16 connections", next.load(plan).await);
        }
    }
}

/// `next start` of what scripts/bench has built.
struct Next {
    child: Child,
    address: SocketAddr,
}

impl Next {
    async fn start(table: &mut Table) -> Option<Self> {
        let Some(app) = std::env::var_os("BENCH_NEXT") else {
            table.fact("Next.js", "not measured: scripts/bench could not build it".to_owned());
            return None;
        };
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("node");
        command.args(["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p"]);
        command.arg(address.port().to_string()).current_dir(app).env("NEXT_TELEMETRY_DISABLED", "1");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let next = Self { child, address };
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The first request compiles; it is not counted.
        next.load(Plan { round: Duration::from_secs(2), rounds: 1, behind: 0 }).await;
        Some(next)
    }

    async fn load(&self, plan: Plan) -> crate::report::Sample {
        let ask = |_, _| Ask {
            method: "GET",
            path: "/billing".to_owned(),
            headers: "accept: text/html\r\n".to_owned(),
            body: String::new(),
            status: 200,
        };
        load(self.address, CONNECTIONS, plan.round, ask).await.sample(1.0)
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}
