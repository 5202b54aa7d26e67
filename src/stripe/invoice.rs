//! One request of our own: the three fields of an invoice that a link is made of.
//!
//! The library's own invoice has some sixty fields, and one that changes its shape would take the link
//! away. These three are all that is read.

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

/// What is read of an invoice.
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
