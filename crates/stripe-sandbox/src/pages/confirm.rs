//! The page of the card's bank, which asks the cardholder (3-D Secure).

use super::html::{self, escape};

/// `action` is the page's own path; `words` say what is to be confirmed.
pub(super) fn page(action: &str, words: &str, shop: &str) -> String {
    let main = format!(
        "<h1>Your bank asks you to confirm</h1><p>{}</p>\
         <form method=\"post\" action=\"{}\"><button type=\"submit\" name=\"confirm\" value=\"yes\">Confirm</button>\
         <button type=\"submit\" name=\"confirm\" value=\"no\" class=\"quiet\">Refuse</button></form>\
         <p class=\"hint\">The sandbox stands in for the bank. No money moves.</p>",
        escape(words),
        escape(action),
    );
    html::document("Confirm with your bank", shop, &main)
}
