//! Checkouts as Stripe lists them, for sales that the ledger may not have.

use crate::stripe::client::Stripe;
use crate::stripe::error::StripeError;
use crate::stripe::order::Sold;

/// A Checkout in a list.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct Sale {
    /// `cs_…`
    pub id: String,
    /// Our purchase id, if any.
    pub client_reference_id: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// Before discounts and tax, in minor units.
    pub amount_subtotal: Option<i64>,
    /// ISO 4217, lower case.
    pub currency: Option<String>,
    /// Its creation, in seconds since 1970.
    pub created: i64,
    /// Its expiry.
    pub expires_at: i64,
    status: Option<String>,
    payment_status: String,
    success_url: Option<String>,
    metadata: Option<SaleMetadata>,
}

#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
struct SaleMetadata {
    customer: Option<String>,
    package: Option<String>,
    credits: Option<String>,
    months: Option<String>,
}

impl Sale {
    /// True if it was paid, or nothing had to be paid.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.payment_status.as_str(), "paid" | "no_payment_required")
    }

    /// True if it is open or complete.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.is_paid() || self.status.as_deref() != Some("expired")
    }

    /// True if the buyer is done: it is paid, or about to be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.status.as_deref() == Some("complete")
    }

    /// True if its buyer returns to the pages of `site`: a Stripe account may serve several.
    #[must_use]
    pub fn leads_to(&self, site: &str) -> bool {
        let path = self.success_url.as_deref().and_then(|url| url.strip_prefix(site.trim_end_matches('/')));
        path.is_some_and(|path| path.starts_with("/purchases/"))
    }

    /// The sale, if the metadata have it.
    #[must_use]
    pub fn sold(&self) -> Option<Sold> {
        let SaleMetadata { customer, package, credits, months } = self.metadata.clone()?;
        Some(Sold { customer: customer?, package: package?, credits: credits?, months })
    }
}

impl Stripe {
    /// The Checkouts that were opened at `since` or later, in seconds since 1970, newest first.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn sales_since(&self, since: i64) -> Result<Vec<Sale>, StripeError> {
        self.list("/checkout/sessions", vec![("created[gte]", since.to_string())], |sale: &Sale| &sale.id).await
    }
}
