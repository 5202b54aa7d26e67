//! The product as one: real processes and applications in process, over HTTP, on SQLite and PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod aftermath;
mod app;
mod backup;
mod batches;
mod billing;
mod charges;
mod check_steps;
mod checkout;
mod clock;
mod clock_guard;
mod commands;
mod crediting;
mod customer_api;
mod customers;
mod day_names;
#[cfg(target_os = "linux")]
mod delivery;
mod disk;
mod doctor;
mod engine;
mod export;
#[cfg(target_os = "linux")]
mod flush;
mod fuzz;
mod history;
mod hooks;
mod integrate;
mod kill;
mod ledger_api;
mod lies;
mod limits;
mod lists;
mod live;
mod model;
mod notices;
mod openapi;
mod operators;
mod orders;
mod outages;
mod people;
mod plans;
mod poolers;
mod posts;
mod process;
mod proxy;
mod purchases;
mod read_only;
mod reconcile;
mod refusals;
mod reminders;
mod sandbox;
mod schema;
mod servers;
mod settings;
mod sign_in;
mod silence;
mod slow;
mod soak;
mod subscriptions;
mod together;
mod upgrade;
mod worker;
mod year;
mod zones;
