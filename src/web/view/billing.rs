//! The Billing page, whole.

use super::balance::BalanceView;
use super::hint::HintView;
use super::notices::Notice;
use super::offers::OffersView;
use super::purchases::PurchasesView;
use super::top_ups::TopUpsView;

/// Everything that `/billing` shows, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingView {
    /// How a form came back.
    pub outcome: Option<Notice>,
    /// The balance card.
    pub balance: BalanceView,
    /// The one notice.
    pub notice: Option<Notice>,
    /// The upgrade hint.
    pub hint: Option<HintView>,
    /// What can be bought.
    pub offers: OffersView,
    /// What was bought and is left.
    pub top_ups: TopUpsView,
    /// What was paid.
    pub purchases: PurchasesView,
}
