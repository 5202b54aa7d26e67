//! Reading and writing JSON, and ids.

use serde_json::{Value, json};

use crate::error::Result;

/// A new random id such as `cus_Nf3k…`.
pub(crate) fn new_id(prefix: &str, length: usize) -> Result<String> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut random = vec![0u8; length];
    getrandom::fill(&mut random)?;
    // The first letters are a little more frequent, which does no harm in an id.
    let letters = random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    Ok(prefix.chars().chain(letters).collect())
}

/// The `id` of an object.
pub(crate) fn id_of(object: &Value) -> &str {
    text(&object["id"])
}

/// A text, or an empty one.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A whole number, or 0.
pub(crate) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// The items of an array, or none.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `value`, or `otherwise` if it is null.
pub(crate) fn or(value: &Value, otherwise: Value) -> Value {
    if value.is_null() { otherwise } else { value.clone() }
}

/// Sets fields of an object.
pub(crate) fn merge(object: &mut Value, fields: Value) {
    if let Value::Object(fields) = fields {
        fields.into_iter().for_each(|(name, value)| object[name] = value);
    }
}

/// An object as answers show it.
pub(crate) fn public(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("_sandbox");
    }
    object
}

/// `GET` of a collection.
pub(crate) fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn an_answer_does_not_show_the_sandboxs_own_data() {
        let shown = super::public(json!({ "id": "cs_1", "_sandbox": { "line_items": [] } }));
        assert_eq!(shown, json!({ "id": "cs_1" }));
    }
}
