//! Reading fields of Stripe's JSON objects.

use miniserde::json::{Object, Value};

pub fn json_text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    match object.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

pub fn json_number(object: &Object, name: &str) -> Option<i64> {
    match object.get(name) {
        Some(Value::Number(number)) => number.to_string().parse().ok(),
        _ => None,
    }
}

pub fn inner<'a>(object: &'a Object, name: &str) -> Option<&'a Object> {
    match object.get(name) {
        Some(Value::Object(inner)) => Some(inner),
        _ => None,
    }
}

/// An id, or the id of the expanded object in its place.
pub fn id_in(object: &Object, name: &str) -> Option<String> {
    match object.get(name) {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Object(inner)) => json_text(inner, "id").map(str::to_owned),
        _ => None,
    }
}

/// The SaaS's id of the customer, in `metadata[customer]`.
pub fn customer_metadata(object: &Object) -> Option<String> {
    inner(object, "metadata").and_then(|metadata| json_text(metadata, "customer")).map(str::to_owned)
}
