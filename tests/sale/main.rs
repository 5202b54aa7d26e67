//! One binary of integration tests: the real application over real HTTP, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[macro_use]
mod app;
mod api;
mod database;
mod ledger;
mod process;
mod sale;
mod time;
