//! Sales as Stripe lists them: what each Checkout says of itself, read where the ledger may know nothing of it.

use crate::stripe::client::Stripe;
use crate::stripe::error::StripeError;
use crate::stripe::order::Sold;

/// A Checkout in a list.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct Sale {
    /// `cs_…`
    pub id: String,
    /// Our purchase id, where it is one of ours.
    pub client_reference_id: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// Before discounts and tax, in minor units.
    pub amount_subtotal: Option<i64>,
    /// ISO 4217, lower case.
    pub currency: Option<String>,
    /// When it was opened, in seconds since 1970.
    pub created: i64,
    /// Until when it can be paid.
    pub expires_at: i64,
    status: Option<String>,
    payment_status: String,
    success_url: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
struct Metadata {
    customer: Option<String>,
    package: Option<String>,
    credits: Option<String>,
    months: Option<String>,
}

impl Sale {
    /// Whether its money came, or none was needed.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.payment_status.as_str(), "paid" | "no_payment_required")
    }

    /// Whether it can still come to something, or has.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.is_paid() || self.status.as_deref() != Some("expired")
    }

    /// Whether the buyer is through, paid or about to be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.status.as_deref() == Some("complete")
    }

    /// Whether its buyer comes back to the pages of `site`: a Stripe account may serve several.
    #[must_use]
    pub fn leads_to(&self, site: &str) -> bool {
        let path = self.success_url.as_deref().and_then(|url| url.strip_prefix(site.trim_end_matches('/')));
        path.is_some_and(|path| path.starts_with("/purchases/"))
    }

    /// What was sold; absent where its metadata do not say.
    #[must_use]
    pub fn sold(&self) -> Option<Sold> {
        let Metadata { customer, package, credits, months } = self.metadata.clone()?;
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
