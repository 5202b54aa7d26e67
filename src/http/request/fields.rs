//! The fields of a JSON body. Each is read from its exact text, so that numbers stay exact, and every error names its
//! field. Absent and null are the same. A field that the request does not have is an error.

use crate::domain::{Credits, Instant, text, time};
use crate::http::request::canonical;
use crate::http::request::code::Code;
use crate::http::request::object::{JsonObject, check_names, invalid_json};
use crate::http::request::problem::{FieldError, Problem};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The fields of an object that were not read yet, and the errors of the others.
pub struct Fields {
    rest: BTreeMap<String, Box<RawValue>>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Parses an object.
    ///
    /// # Errors
    /// 400: not JSON, or a name is given twice. 422: not an object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(|e| invalid_json(&e))?;
        check_names(raw)?;
        Self::from_raw(raw)
    }

    /// Parses an object whose inner values are parsed one by one later: only its own names must differ.
    ///
    /// # Errors
    /// As [`Fields::parse`].
    pub fn parse_outer(bytes: &[u8]) -> Result<Self, Problem> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(|e| invalid_json(&e))?;
        Self::from_raw(raw)
    }

    fn from_raw(raw: &RawValue) -> Result<Self, Problem> {
        if !raw.get().starts_with('{') {
            return Err(Problem::new(Code::InvalidValue, "The body must be a JSON object"));
        }
        let JsonObject(rest) = serde_json::from_str(raw.get()).map_err(|e| invalid_json(&e))?;
        Ok(Self { rest, errors: Vec::new() })
    }

    fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.rest.remove(name).filter(|raw| raw.get() != "null")
    }

    /// Adds an error of a value.
    pub fn add_invalid(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), code: Code::InvalidValue, detail: detail.into() });
    }

    fn add_missing(&mut self, name: &str) {
        self.errors.push(FieldError {
            field: name.to_owned(),
            code: Code::MissingField,
            detail: "is missing".to_owned(),
        });
    }

    /// Credits from 0.001 to 1,000,000,000.
    pub fn credits(&mut self, name: &str) -> Credits {
        self.credits_from(Credits(1), name, "must be more than 0 and at most 1,000,000,000")
    }

    /// Credits, 0 included.
    pub fn credits_or_zero(&mut self, name: &str) -> Credits {
        self.credits_from(Credits::ZERO, name, "must be from 0 to 1,000,000,000")
    }

    fn credits_from(&mut self, min: Credits, name: &str, expected: &str) -> Credits {
        let Some(raw) = self.take(name) else {
            self.add_missing(name);
            return Credits::ZERO;
        };
        match Credits::parse(raw.get()) {
            Ok(credits) if credits >= min && credits <= Credits::MAX_REQUEST => return credits,
            Ok(_) => self.add_invalid(name, expected),
            Err(e) => self.add_invalid(name, format!("{e}; must be a JSON number with at most three decimals")),
        }
        Credits::ZERO
    }

    /// Text that `is_valid` accepts; `expected` says which values are right.
    pub fn text(&mut self, name: &str, expected: &str, is_valid: impl FnOnce(&str) -> bool) -> Option<String> {
        let raw = self.take(name)?;
        match serde_json::from_str::<String>(raw.get()) {
            Ok(text) if !text.contains('\0') && is_valid(&text) => Some(text),
            _ => {
                self.add_invalid(name, format!("must be {expected}"));
                None
            }
        }
    }

    /// One line of text of at most `max` characters.
    pub fn line(&mut self, name: &str, max: usize) -> Option<String> {
        let raw = self.take(name)?;
        // A value that is not text fails like an empty text.
        let text = serde_json::from_str::<String>(raw.get()).unwrap_or_default();
        match text::check_line(&text, max) {
            Ok(()) => Some(text),
            Err(e) => {
                self.add_invalid(name, e.to_string());
                None
            }
        }
    }

    /// One line of text; required.
    pub fn required_line(&mut self, name: &str, max: usize) -> String {
        self.require(name);
        self.line(name, max).unwrap_or_default()
    }

    /// Adds an error if a required field is missing; false then.
    pub fn require(&mut self, name: &str) -> bool {
        let there = self.rest.get(name).is_some_and(|raw| raw.get() != "null");
        if !there {
            self.rest.remove(name);
            self.add_missing(name);
        }
        there
    }

    /// Text that `is_valid` accepts; required.
    pub fn required(&mut self, name: &str, expected: &str, is_valid: impl FnOnce(&str) -> bool) -> String {
        self.require(name);
        self.text(name, expected, is_valid).unwrap_or_default()
    }

    /// Any text. `None` if it is absent, empty if it is not text.
    pub fn any_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|raw| serde_json::from_str::<String>(raw.get()).unwrap_or_default())
    }

    /// A list of 1 to `max` values, not parsed.
    pub fn list(&mut self, name: &str, max: usize) -> Vec<Box<RawValue>> {
        let raw = if self.require(name) { self.take(name) } else { None };
        let Some(raw) = raw else { return Vec::new() };
        match serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()) {
            Ok(list) if (1..=max).contains(&list.len()) => return list,
            _ => self.add_invalid(name, format!("must be a list of 1 to {max} items")),
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
                self.add_invalid(name, format!("must be a whole number from {} to {}", range.start(), range.end()));
                None
            }
        }
    }

    pub fn instant(&mut self, name: &str) -> Option<Instant> {
        let raw = self.take(name)?;
        let parsed = serde_json::from_str::<String>(raw.get()).ok().and_then(|text| parse_instant(&text));
        if parsed.is_none() {
            self.add_invalid(name, "must be an instant such as 2026-11-22T14:03:00Z, between 1970 and 9998");
        }
        parsed
    }

    /// An object of counts by these names; its canonical JSON.
    pub fn counts<'a>(&mut self, name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
        let raw = self.take(name)?;
        let Ok(mut inner) = Self::from_raw(&raw) else {
            self.add_invalid(name, "must be an object of counts");
            return None;
        };
        let mut out = BTreeMap::new();
        for key in names {
            if let Some(count) = inner.whole(key, 0..=1_000_000_000_000) {
                out.insert(key, count);
            }
        }
        let unknown = inner.unknown();
        let unknown = unknown
            .into_iter()
            .map(|error| FieldError { detail: "is not a [[metric]] of the catalogue".to_owned(), ..error });
        for error in inner.errors.into_iter().chain(unknown) {
            self.errors.push(FieldError { field: format!("{name}.{}", error.field), ..error });
        }
        serde_json::to_string(&out).ok()
    }

    /// Any object of at most `max` bytes without blanks; its canonical JSON.
    pub fn object(&mut self, name: &str, max: usize) -> Option<String> {
        let raw = self.take(name)?;
        let text = raw.get().starts_with('{').then(|| canonical::text(&raw));
        match text {
            Some(Ok(text)) if text.len() <= max => Some(text),
            Some(Err(reason)) => {
                self.add_invalid(name, reason);
                None
            }
            _ => {
                self.add_invalid(name, format!("must be an object of at most {max} bytes"));
                None
            }
        }
    }

    pub fn has_error(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.field == name)
    }

    fn unknown(&self) -> Vec<FieldError> {
        let error = |name: &String| FieldError {
            field: name.chars().take(64).collect(),
            code: Code::UnknownField,
            detail: "is unknown".to_owned(),
        };
        self.rest.keys().map(error).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All errors, unknown fields last.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown = self.unknown();
        self.errors.extend(unknown);
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

/// Parses RFC 3339, cut to the millisecond, inside the years that the rules compute with.
pub fn parse_instant(text: &str) -> Option<Instant> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&chrono::Utc);
    let at = time::to_millis(at);
    time::may_be_named(at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(body: &str) -> Result<i64, u16> {
        let mut fields = Fields::parse(body.as_bytes()).map_err(|_| 400_u16)?;
        let credits = fields.credits("credits");
        fields.finish().map(|()| credits.0).map_err(|_| 422)
    }

    #[test]
    fn credits_are_read_exactly_and_everything_else_is_refused() {
        for (body, want) in [
            (r#"{"credits":12.5}"#, Ok(12_500)),
            (r#"{"credits":1.25e1}"#, Ok(12_500)),
            (r#"{"credits":1000000000}"#, Ok(1_000_000_000_000)),
            (r#"{"credits":1000000000.001}"#, Err(422)),
            (r#"{"credits":-5}"#, Err(422)),
            (r#"{"credits":0}"#, Err(422)),
            (r#"{"credits":0.0001}"#, Err(422)),
            (r#"{"credits":1e400}"#, Err(422)),
            (r#"{"credits":9223372036854775808}"#, Err(422)),
            (r#"{"credits":"12"}"#, Err(422)),
            (r#"{"credits":null}"#, Err(422)),
            (r#"{"credits":1,"extra":1}"#, Err(422)),
            (r#"{"credits":NaN}"#, Err(400)),
            (r#"{"credits":１２}"#, Err(400)),
            (r#"{"credits":1,"credits":2}"#, Err(400)),
            (r#"{"credits":1,"metadata":{"a":1,"a":1}}"#, Err(400)),
            ("", Err(400)),
        ] {
            assert_eq!(credits(body), want, "{body}");
        }
    }

    #[test]
    fn an_instant_is_cut_to_the_millisecond_and_must_be_in_range() {
        let at = parse_instant("2026-11-22T14:03:00.1239+01:00").expect("an instant");
        assert_eq!(at.to_rfc3339(), "2026-11-22T13:03:00.123+00:00");
        assert!(parse_instant("10000-01-01T00:00:00Z").is_none());
        assert!(parse_instant("2026-11-22").is_none());
    }
}
