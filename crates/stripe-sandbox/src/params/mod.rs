//! Parameters of requests: read from a form, and checked against the fields of each endpoint.

pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod schema;
