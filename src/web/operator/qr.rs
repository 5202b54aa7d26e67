//! A QR code as an inline picture: no request, no script, and dark on light in either theme, as scanners want it.

use leptos::prelude::*;
use qrcodegen::{QrCode as Code, QrCodeEcc};

/// The quiet zone around it, in modules.
const QUIET: i32 = 4;

/// `text` as a QR code; nothing where it is too long for one.
#[component]
pub fn QrCode(text: String, label: &'static str) -> impl IntoView {
    let code = Code::encode_text(&text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let dark =
        (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let path: String = dark.map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET)).collect();
    Some(view! {
        <svg
            role="img"
            aria-label=label
            viewBox=format!("0 0 {side} {side}")
            width="220"
            height="220"
            shape-rendering="crispEdges"
        >
            <rect width=side height=side fill="#fff" />
            <path d=path fill="#000" />
        </svg>
    })
}
