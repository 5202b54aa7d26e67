//! JSON objects whose names all differ: a name given twice is an error.

use crate::http::request::code::Code;
use crate::http::request::problem::Problem;
use serde::de;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// A JSON object whose names all differ, sorted by name.
pub struct JsonObject(pub BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = JsonObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
                let mut out = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if out.contains_key(&name) {
                        return Err(de::Error::custom(format!("duplicate name {name:?}")));
                    }
                    out.insert(name, value);
                }
                Ok(JsonObject(out))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// The deepest nesting of a body.
const DEPTH_MAX: usize = 32;

/// Rejects a name that is given twice, at any depth.
///
/// # Errors
/// 400.
pub fn check_names(raw: &RawValue) -> Result<(), Problem> {
    check_names_to(raw, DEPTH_MAX)
}

/// Numbers are not parsed: 1e400 is valid JSON, and a wrong value of its field.
fn check_names_to(raw: &RawValue, depth: usize) -> Result<(), Problem> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(Problem::new(Code::InvalidJson, format!("The body is nested deeper than {DEPTH_MAX} levels")));
    };
    let inner: Vec<Box<RawValue>> = match raw.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<JsonObject>(raw.get()).map(|object| object.0.into_values().collect()),
        Some(b'[') => serde_json::from_str(raw.get()),
        _ => return Ok(()),
    }
    .map_err(|e| invalid_json(&e))?;
    inner.iter().try_for_each(|value| check_names_to(value, below))
}

/// 400.
pub fn invalid_json(e: &serde_json::Error) -> Problem {
    Problem::new(Code::InvalidJson, format!("The body is not valid JSON: {e}"))
}
