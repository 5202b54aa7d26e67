//! What a browser shows.
//!
//! `actions` are the typed server functions, `forms` their bodies. What is live is the same HTML, fetched again (`live`).
//!
//! *Not here:* what machines call (`http`), what the product does (`usecases`).

pub mod actions;
pub mod theme;

mod api_key_seed;
pub mod assets;
pub mod billing;
pub mod components;
pub mod cookies;
mod csv_file;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(not(feature = "demo"))]
#[path = "demo_off.rs"]
pub mod demo;
pub mod document;
pub mod form_signature;
mod forms;
#[cfg(feature = "demo")]
mod gallery;
pub mod guard;
pub mod history;
pub mod limits;
pub mod live;
pub mod outcome;
pub mod pages;
pub mod purchase;
mod readable;
pub mod request_context;
pub mod router;
mod sales_csv;
mod seal;
pub mod ui;
pub mod usage;
mod user_agent;
pub mod view;
