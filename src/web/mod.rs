//! What a browser shows.
//!
//! `actions` are the typed server functions and compile on both sides; everything else renders on
//! the server. What is live is that same HTML, fetched again (`live`).
//!
//! *Not here:* what machines call (`http`), what the product does (`usecases`).

pub mod actions;
#[cfg(feature = "hydrate")]
pub mod browser;
pub mod theme;

#[cfg(feature = "ssr")]
pub mod assets;
#[cfg(feature = "ssr")]
mod books;
#[cfg(feature = "ssr")]
pub mod components;
#[cfg(feature = "ssr")]
pub mod cookies;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(all(feature = "ssr", not(feature = "demo")))]
#[path = "demo_off.rs"]
pub mod demo;
#[cfg(feature = "ssr")]
mod device;
#[cfg(feature = "ssr")]
mod downloads;
#[cfg(feature = "ssr")]
pub mod form_signature;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
pub mod guard;
#[cfg(feature = "ssr")]
mod invoice;
#[cfg(feature = "ssr")]
pub mod limits;
#[cfg(feature = "ssr")]
pub mod live;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
mod readable;
#[cfg(feature = "ssr")]
pub mod router;
#[cfg(feature = "demo")]
pub mod samples;
#[cfg(feature = "ssr")]
mod seal;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod view;
#[cfg(feature = "ssr")]
pub mod visit;
