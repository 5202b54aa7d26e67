//! Two processes that write to one PostgreSQL: with commits that take 5 ms, and beside one that is frozen.

use crate::load::{Ask, load};
use crate::ours::{Engine, Server, one};
use crate::report::Table;
use crate::{CALLERS, CUSTOMERS, Plan};
use std::time::Duration;

pub async fn measure(plan: Plan, table: &mut Table) {
    far(plan, table).await;
    frozen(plan, table).await;
}

/// Commits that wait 5 ms before the flush, as for a standby some way off; those that come meanwhile wait along.
async fn far(plan: Plan, table: &mut Table) {
    let url = crate::peers::database("far").await;
    crate::peers::set(&url, "commit_siblings = 0").await;
    crate::peers::set(&url, "commit_delay = 5000").await;
    let (first, second) = (Engine::on(&url).await, Engine::on(&url).await);
    for _ in 0..plan.rounds {
        let alone = first.charges(plan, CALLERS, CUSTOMERS).await;
        table.add("PostgreSQL, commits of 5 ms, one engine", alone);
        let half = CALLERS / 2;
        let (one, other) = tokio::join!(first.charges(plan, half, CUSTOMERS), second.charges(plan, half, CUSTOMERS));
        table.add("PostgreSQL, commits of 5 ms, two engines", one + other);
    }
}

/// Charges of half of the customers while the process that charges the other half has stopped amid its work.
async fn frozen(plan: Plan, table: &mut Table) {
    const CONNECTIONS: usize = 16;
    let half = CUSTOMERS / 2;
    let url = crate::peers::database("frozen").await;
    drop(Engine::on(&url).await);
    let (healthy, stopped) = (Server::serve_on(&url, &[]), Server::serve_on(&url, &[]));
    let others = move |connection: usize, n: usize| one(half + (connection + n * CONNECTIONS) % half);
    for _ in 0..plan.rounds {
        // It may answer late, or that it could not: only the others are timed.
        let its_own = move |connection: usize, n: usize| Ask { status: 0, ..one((connection + n * 64) % half) };
        let busy = tokio::spawn(load(stopped.address, 64, Duration::from_millis(600), its_own));
        tokio::time::sleep(Duration::from_millis(300)).await;
        stopped.signal("STOP");
        let beside = load(healthy.address, CONNECTIONS, plan.round, others).await.sample(1.0);
        stopped.signal("CONT");
        busy.await.unwrap();
        let alone = load(healthy.address, CONNECTIONS, plan.round, others).await.sample(1.0);
        table.add("HTTP on PostgreSQL, 16 connections, alone", alone);
        table.add("HTTP on PostgreSQL, 16 connections, beside a frozen process", beside);
    }
}
