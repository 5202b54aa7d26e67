//! The customer in the path, and fields that several requests have.

use crate::domain::Catalog;
use crate::email;
use crate::http::request::fields::Fields;
use crate::http::request::problem::Problem;
use crate::usecases::{App, customers};

/// The longest `reason`, in characters.
const REASON_MAX: usize = 200;
/// The longest `source`, in characters.
const SOURCE_MAX: usize = 64;
/// The largest `metadata`, in bytes.
const METADATA_MAX: usize = 2_048;

/// Clients and proxies rewrite a path that ends in `.` or `..`, so neither is an id.
pub fn is_customer_id(id: &str) -> bool {
    !matches!(id, "." | "..")
        && (1..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// The number of the customer in the path.
///
/// # Errors
/// 404.
pub async fn customer_no(app: &App, id: &str) -> Result<i64, Problem> {
    if !is_customer_id(id) {
        return Err(Problem::not_found("customer"));
    }
    customers::customer_number(app, id).await?.ok_or_else(|| Problem::not_found("customer"))
}

/// The email address in a field, with its domain in ASCII.
pub fn email(fields: &mut Fields, name: &str) -> Option<String> {
    let expected = "an email address, with ASCII before the @";
    let text = fields.text(name, expected, |text| text.trim() == text && email::spelled(text).is_some())?;
    email::spelled(&text)
}

/// The reason of a courtesy grant or a void.
pub fn reason(fields: &mut Fields) -> String {
    fields.required_line("reason", REASON_MAX)
}

/// The operation that a usage or a hold paid for, such as `scrape`.
pub fn operation(fields: &mut Fields) -> Option<String> {
    fields.text("operation", "1 to 32 characters of a–z 0–9 _ . -", |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
    })
}

/// Counts by the catalogue's metrics, as JSON. A metric of an older catalogue is an unknown field.
pub fn quantities(catalog: &Catalog, fields: &mut Fields) -> Option<String> {
    fields.counts("quantities", catalog.metrics.iter().map(|metric| metric.key.as_str()))
}

/// The person or program behind a usage, in the SaaS's own words.
pub fn source(fields: &mut Fields) -> Option<String> {
    fields.line("source", SOURCE_MAX)
}

/// The SaaS's own data, as JSON.
pub fn metadata(fields: &mut Fields) -> Option<String> {
    fields.object("metadata", METADATA_MAX)
}
