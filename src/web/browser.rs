//! The browser's entry: makes the page's islands live. `/billing` and its kin load none of this.

/// Called by the module's loader.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
