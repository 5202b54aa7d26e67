//! The library package that cargo-leptos compiles to WebAssembly. No page loads it: every page is whole without script.
//!
//! An island would live here, if one earned its bytes.
