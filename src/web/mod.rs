//! The pages for browsers: a folder a page, a file a section with its words, its HTML and its form's server function; `ui`
//! has what pages share. Live parts are the same HTML, fetched again (`live`).
//!
//! *Not here:* the API for programs (`http`), the use-cases (`usecases`).

pub mod assets;
pub mod auto_top_up;
pub mod billing;
mod brand;
mod continue_page;
pub mod cookies;
mod csv_file;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(not(feature = "demo"))]
#[path = "demo_off.rs"]
pub mod demo;
pub mod document;
mod error_pages;
pub mod flash;
pub mod form_signature;
mod frame;
#[cfg(feature = "demo")]
mod gallery;
pub mod guard;
pub mod history;
pub mod limits;
pub mod live;
pub mod low_mark;
pub mod operator;
pub mod outcome;
pub mod own_path;
mod page;
pub mod pages;
mod plans;
pub mod purchase;
mod readable;
pub mod request_context;
pub mod return_to;
pub mod router;
pub mod server_functions;
pub mod settings;
pub mod sign_in;
pub mod theme;
mod theme_switch;
pub mod ui;
mod unsubscribe;
pub mod usage;
mod user_agent;
