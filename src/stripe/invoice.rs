//! The links of an invoice.
//!
//! A request of our own that reads three fields: the library's invoice has some sixty, and a changed one would break the
//! link.

use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::stripe::order::InvoiceLinks;

/// `GET /v1/invoices/{id}`
pub(super) struct RetrieveInvoice {
    path: String,
}

impl RetrieveInvoice {
    /// `id` has been checked: it becomes a path.
    pub(super) fn new(id: &str) -> RetrieveInvoice {
        RetrieveInvoice { path: format!("/invoices/{id}") }
    }
}

impl StripeRequest for RetrieveInvoice {
    type Output = Invoice;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Get, self.path.clone())
    }
}

/// The fields that are read of an invoice.
#[derive(miniserde::Deserialize)]
pub(super) struct Invoice {
    hosted_invoice_url: Option<String>,
    invoice_pdf: Option<String>,
    number: Option<String>,
}

impl Invoice {
    pub(super) fn links(self) -> InvoiceLinks {
        InvoiceLinks { hosted_url: self.hosted_invoice_url, pdf: self.invoice_pdf, number: self.number }
    }
}
