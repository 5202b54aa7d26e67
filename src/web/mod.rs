//! What a browser shows.
//!
//! `actions` are the typed server functions, `forms` their bodies. What is live is the same HTML, fetched again (`live`).
//!
//! *Not here:* what machines call (`http`), what the product does (`usecases`).

pub mod actions;
pub mod theme;
pub mod ui;

pub mod assets;
mod books;
pub mod components;
pub mod cookies;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(not(feature = "demo"))]
#[path = "demo_off.rs"]
pub mod demo;
pub mod document;
mod downloads;
pub mod form_signature;
mod forms;
pub mod guard;
mod invoice;
pub mod limits;
pub mod live;
pub mod pages;
mod readable;
pub mod request_context;
pub mod router;
#[cfg(feature = "demo")]
pub mod samples;
mod seal;
mod user_agent;
pub mod view;
