//! Checkouts and the invoices of automatic purchases as Stripe lists them, for sales that the ledger may not have.

use crate::stripe::client::Stripe;
use crate::stripe::error::StripeError;
use crate::stripe::order::Sold;

/// A Checkout, or the invoice of an automatic purchase, in a list.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct Sale {
    /// `cs_…`, or `in_…` of an automatic one.
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
    quantity: Option<String>,
    /// Of an invoice: our purchase id, and the pages that it belongs to.
    purchase: Option<String>,
    site: Option<String>,
}

/// An invoice in a list.
#[derive(miniserde::Deserialize)]
struct ListedInvoice {
    id: String,
    customer: Option<String>,
    subtotal: Option<i64>,
    currency: Option<String>,
    created: i64,
    status: Option<String>,
    metadata: Option<SaleMetadata>,
}

/// How long after its creation an invoice can be paid at the most: a person has a day to confirm.
const INVOICE_OPEN_SECONDS: i64 = 86_400;

impl From<ListedInvoice> for Sale {
    fn from(invoice: ListedInvoice) -> Self {
        let status = match invoice.status.as_deref() {
            Some("paid") => "complete",
            Some("draft" | "open") => "open",
            _ => "expired",
        };
        let paid = if status == "complete" { "paid" } else { "unpaid" };
        Self {
            id: invoice.id,
            client_reference_id: invoice.metadata.as_ref().and_then(|data| data.purchase.clone()),
            customer: invoice.customer,
            amount_subtotal: invoice.subtotal,
            currency: invoice.currency,
            created: invoice.created,
            expires_at: invoice.created.saturating_add(INVOICE_OPEN_SECONDS),
            status: Some(status.to_owned()),
            payment_status: paid.to_owned(),
            success_url: None,
            metadata: invoice.metadata,
        }
    }
}

impl Sale {
    fn is_of_purchase(&self) -> bool {
        self.metadata.as_ref().is_some_and(|data| data.purchase.is_some() && data.quantity.is_some())
    }

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

    /// True if it is an automatic purchase.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.id.starts_with("in_")
    }

    /// True if its buyer returns to the pages of `site`, or its invoice names them: a Stripe account may serve several.
    #[must_use]
    pub fn leads_to(&self, site: &str) -> bool {
        if self.is_automatic() {
            let named = self.metadata.as_ref().and_then(|data| data.site.as_deref());
            return named == Some(site.trim_end_matches('/'));
        }
        let path = self.success_url.as_deref().and_then(|url| url.strip_prefix(site.trim_end_matches('/')));
        path.is_some_and(|path| path.starts_with("/purchases/"))
    }

    /// The sale, if the metadata have it.
    #[must_use]
    pub fn sold(&self) -> Option<Sold> {
        let SaleMetadata { customer, package, credits, months, quantity, .. } = self.metadata.clone()?;
        Some(Sold { customer: customer?, package: package?, credits: credits?, months, quantity })
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

    /// The invoices of automatic purchases that were made at `since` or later, newest first.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn automatic_sales_since(&self, since: i64) -> Result<Vec<Sale>, StripeError> {
        let range = vec![("created[gte]", since.to_string())];
        let all = self.list("/invoices", range, |invoice: &ListedInvoice| &invoice.id).await?;
        Ok(all.into_iter().map(Sale::from).filter(Sale::is_of_purchase).collect())
    }
}
