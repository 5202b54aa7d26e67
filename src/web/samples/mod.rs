//! Hand-made states of every page, for looking at: `/_gallery` in the demo, pictures, axe.
//!
//! Built from the same facts as the real pages, so that words and choices are the real ones.
//!
//! *Not here:* the demo's customers (`sandbox` seeds those through the engine).

mod billing;
mod customers;
mod history;
mod prospect;
mod purchase;
mod settings;
mod usage;

use crate::web::view::history::HistoryView;
use crate::web::view::usage::UsageView;
use crate::web::view::{BillingView, PurchaseView, SettingsView};

/// One state of one page.
pub enum Sample {
    /// `/billing`, and the customer's name.
    Billing(&'static str, Box<BillingView>),
    /// `/purchases/{id}`
    Purchase(Box<PurchaseView>),
    /// `/usage`, and the customer's name.
    Usage(&'static str, Box<UsageView>),
    /// `/history`, likewise.
    History(&'static str, Box<HistoryView>),
    /// `/settings`
    Settings(Box<SettingsView>),
}

/// Every state by name, in the gallery's order.
#[must_use]
pub fn all() -> Vec<(&'static str, Sample)> {
    let mut all = billing::all();
    all.extend(purchase::all());
    all.extend(usage::all());
    all.extend(history::all());
    all.extend(settings::all());
    all
}

#[cfg(test)]
mod tests;
