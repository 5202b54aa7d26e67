//! Composition: builds the app from the settings, serves it, stops it; and the commands beside `serve`.

pub mod build;
pub mod commands;
#[cfg(feature = "demo")]
pub mod demo;
pub mod failure;
pub mod log_json;
pub mod serve;
mod signal;
