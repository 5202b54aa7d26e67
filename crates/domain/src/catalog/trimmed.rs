//! Texts of the catalogue, trimmed and without control characters.

use crate::accent::Accent;
use crate::color::Color;
use serde::de::{Deserialize, Deserializer, Error};

fn trimmed_line<E: Error>(text: &str) -> Result<String, E> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(E::custom(format!("the text {text:?} has a control character")));
    }
    Ok(text.to_owned())
}

pub(super) fn trimmed_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    trimmed_line(&String::deserialize(from)?)
}

pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(from)?.as_deref().map(trimmed_line).transpose()
}

/// A sentence, which may stand on several lines.
pub(super) fn sentence<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    trimmed_line(&String::deserialize(from)?.split_whitespace().collect::<Vec<_>>().join(" "))
}

pub(super) fn trimmed_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Vec::<String>::deserialize(from)?.iter().map(|text| trimmed_line(text)).collect()
}

pub(super) fn accent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Accent>, D::Error> {
    let Some(text) = optional(from)? else { return Ok(None) };
    let color = Color::parse(&text).ok_or_else(|| {
        D::Error::custom(format!("shop.accent {text:?} is no color; #rrggbb is meant, such as #2a4dd6"))
    })?;
    Ok(Some(Accent::from_color(color)))
}
