//! JSON in: each field by its exact text, so that numbers are read exactly and every error names its field.
//!
//! A name given twice is refused as unparseable; absent and null are the same; what nobody asked for is
//! refused by name.

use crate::domain::{Credits, Instant, text, time};
use crate::http::canonical;
use crate::http::problem::{Code, FieldError, Problem};
use serde::de;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// The fields of an object that were not asked for yet, and what was wrong with the others.
pub struct Fields {
    rest: BTreeMap<String, Box<RawValue>>,
    errors: Vec<FieldError>,
}

/// An object whose names are all different, in their order.
pub(super) struct Object(pub(super) BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut out = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if out.contains_key(&name) {
                        return Err(de::Error::custom(format!("the name {name:?} is given twice")));
                    }
                    out.insert(name, value);
                }
                Ok(Object(out))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// How deep a body may be nested.
const DEPTH_MAX: usize = 32;

/// Finds a name that is given twice, at any depth. Numbers are not read: 1e400 is JSON, and somebody's wrong value.
fn different_names(raw: &RawValue, depth: usize) -> Result<(), Problem> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(Problem::new(Code::InvalidJson, format!("the body is nested deeper than {DEPTH_MAX}")));
    };
    let inner: Vec<Box<RawValue>> = match raw.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Object>(raw.get()).map(|object| object.0.into_values().collect()),
        Some(b'[') => serde_json::from_str(raw.get()),
        _ => return Ok(()),
    }
    .map_err(|e| bad_json(&e))?;
    inner.iter().try_for_each(|value| different_names(value, below))
}

fn bad_json(e: &serde_json::Error) -> Problem {
    Problem::new(Code::InvalidJson, format!("the body cannot be read: {e}"))
}

impl Fields {
    /// Reads an object.
    ///
    /// # Errors
    /// No JSON, or a name given twice: 400. JSON but no object: 422.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(|e| bad_json(&e))?;
        different_names(raw, DEPTH_MAX)?;
        Self::of(raw)
    }

    /// Reads an object whose parts are judged one by one: only its own names must differ.
    ///
    /// # Errors
    /// As [`Fields::parse`].
    pub fn parse_outer(bytes: &[u8]) -> Result<Self, Problem> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(|e| bad_json(&e))?;
        Self::of(raw)
    }

    fn of(raw: &RawValue) -> Result<Self, Problem> {
        if !raw.get().starts_with('{') {
            return Err(Problem::new(Code::InvalidValue, "the body must be a JSON object"));
        }
        let Object(rest) = serde_json::from_str(raw.get()).map_err(|e| bad_json(&e))?;
        Ok(Self { rest, errors: Vec::new() })
    }

    fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.rest.remove(name).filter(|raw| raw.get() != "null")
    }

    fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), code: Code::InvalidValue, detail: detail.into() });
    }

    fn missing(&mut self, name: &str) {
        self.errors.push(FieldError {
            field: name.to_owned(),
            code: Code::MissingField,
            detail: "is missing".to_owned(),
        });
    }

    /// Credits, more than 0 and at most 1,000,000,000, to a thousandth.
    pub fn credits(&mut self, name: &str) -> Credits {
        self.credits_from(Credits(1), name, "must be more than 0 and at most 1000000000")
    }

    /// Credits of which none is an answer too.
    pub fn credits_or_none(&mut self, name: &str) -> Credits {
        self.credits_from(Credits::ZERO, name, "must be from 0 to 1000000000")
    }

    fn credits_from(&mut self, least: Credits, name: &str, meant: &str) -> Credits {
        let Some(raw) = self.take(name) else {
            self.missing(name);
            return Credits::ZERO;
        };
        match Credits::parse(raw.get()) {
            Ok(credits) if credits >= least && credits <= Credits::MAX_REQUEST => return credits,
            Ok(_) => self.wrong(name, meant),
            Err(e) => self.wrong(name, format!("{e}; a JSON number is meant, to a thousandth")),
        }
        Credits::ZERO
    }

    /// Text that `good` accepts; `meant` says what would be right.
    pub fn text(&mut self, name: &str, meant: &str, good: impl FnOnce(&str) -> bool) -> Option<String> {
        let raw = self.take(name)?;
        match serde_json::from_str::<String>(raw.get()) {
            Ok(text) if !text.contains('\0') && good(&text) => Some(text),
            _ => {
                self.wrong(name, format!("must be {meant}"));
                None
            }
        }
    }

    /// One line of text that people read, of at most `max` characters.
    pub fn line(&mut self, name: &str, max: usize) -> Option<String> {
        let raw = self.take(name)?;
        // No text at all is as wrong as an empty one.
        let text = serde_json::from_str::<String>(raw.get()).unwrap_or_default();
        match text::line(&text, max) {
            Ok(()) => Some(text),
            Err(e) => {
                self.wrong(name, e.to_string());
                None
            }
        }
    }

    /// One line that must be there.
    pub fn required_line(&mut self, name: &str, max: usize) -> String {
        self.needs(name);
        self.line(name, max).unwrap_or_default()
    }

    /// Whether a field is there; says that it is missing where not.
    pub fn needs(&mut self, name: &str) -> bool {
        let there = self.rest.get(name).is_some_and(|raw| raw.get() != "null");
        if !there {
            self.rest.remove(name);
            self.missing(name);
        }
        there
    }

    /// Text that must be there.
    pub fn required(&mut self, name: &str, meant: &str, good: impl FnOnce(&str) -> bool) -> String {
        self.needs(name);
        self.text(name, meant, good).unwrap_or_default()
    }

    /// The text of a field for somebody else to judge; `None` where it is absent, empty where it is no text.
    pub fn any_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|raw| serde_json::from_str::<String>(raw.get()).unwrap_or_default())
    }

    /// A list of 1 to `max` values, each as it stands.
    pub fn list(&mut self, name: &str, max: usize) -> Vec<Box<RawValue>> {
        let raw = if self.needs(name) { self.take(name) } else { None };
        let Some(raw) = raw else { return Vec::new() };
        match serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()) {
            Ok(list) if (1..=max).contains(&list.len()) => return list,
            _ => self.wrong(name, format!("must be a list of 1 to {max}")),
        }
        Vec::new()
    }

    /// A whole number in a range.
    pub fn whole(&mut self, name: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let raw = self.take(name)?;
        let number = Credits::parse(raw.get()).ok().filter(|c| c.0 % 1_000 == 0).map(|c| c.0 / 1_000);
        match number.filter(|n| range.contains(n)) {
            Some(number) => Some(number),
            None => {
                self.wrong(name, format!("must be a whole number from {} to {}", range.start(), range.end()));
                None
            }
        }
    }

    /// An instant.
    pub fn instant(&mut self, name: &str) -> Option<Instant> {
        let raw = self.take(name)?;
        let parsed = serde_json::from_str::<String>(raw.get()).ok().and_then(|text| instant_of(&text));
        if parsed.is_none() {
            self.wrong(name, "must be an instant such as 2026-11-22T14:03:00Z, between 1970 and 9998");
        }
        parsed
    }

    /// An object of counts by known names; its canonical JSON.
    pub fn counts<'a>(&mut self, name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
        let raw = self.take(name)?;
        let Ok(mut inner) = Self::of(&raw) else {
            self.wrong(name, "must be an object of counts");
            return None;
        };
        let mut out = BTreeMap::new();
        for key in known {
            if let Some(count) = inner.whole(key, 0..=1_000_000_000_000) {
                out.insert(key, count);
            }
        }
        let unknown = inner.unknown();
        let unknown = unknown
            .into_iter()
            .map(|error| FieldError { detail: "is no [[metric]] of the catalogue".to_owned(), ..error });
        for error in inner.errors.into_iter().chain(unknown) {
            self.errors.push(FieldError { field: format!("{name}.{}", error.field), ..error });
        }
        serde_json::to_string(&out).ok()
    }

    /// Any object of at most `max` bytes, blanks not counted; its canonical JSON.
    pub fn object(&mut self, name: &str, max: usize) -> Option<String> {
        let raw = self.take(name)?;
        let text = raw.get().starts_with('{').then(|| canonical::text(&raw));
        match text {
            Some(Ok(text)) if text.len() <= max => Some(text),
            Some(Err(reason)) => {
                self.wrong(name, reason);
                None
            }
            _ => {
                self.wrong(name, format!("must be an object of at most {max} bytes"));
                None
            }
        }
    }

    /// Adds an error that only the whole shows.
    pub fn reject(&mut self, name: &str, detail: &str) {
        self.wrong(name, detail);
    }

    /// Whether a field was found to be wrong.
    pub fn is_wrong(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.field == name)
    }

    fn unknown(&self) -> Vec<FieldError> {
        let error = |name: &String| FieldError {
            field: name.chars().take(64).collect(),
            code: Code::UnknownField,
            detail: "is no field of this request".to_owned(),
        };
        self.rest.keys().map(error).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All that was wrong, unknown fields last.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown = self.unknown();
        self.errors.extend(unknown);
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

/// RFC 3339, cut to the millisecond, inside the years that the rules compute with.
pub fn instant_of(text: &str) -> Option<Instant> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&chrono::Utc);
    let at = time::to_millis(at);
    time::may_be_named(at).then_some(at)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
