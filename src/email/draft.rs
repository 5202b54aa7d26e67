//! The content of an email, and its plain text. `layout` makes the HTML of it.

use crate::domain::Accent;
use crate::domain::catalog::Shop;
use std::fmt::Write as _;

#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The shop's name.
    pub shop: String,
    /// Its support address.
    pub support: String,
    pub look: Look,
    pub heading: String,
    /// Sentences under the heading; inboxes show them beside the subject.
    pub lines: Vec<String>,
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// The one next step: its words and its address.
    pub button: Option<(String, String)>,
    /// Other addresses, by their words.
    pub links: Vec<(&'static str, String)>,
    /// Sentences after them.
    pub notes: Vec<String>,
    /// Why the reader gets it, and whether it can be turned off.
    pub reason: String,
    /// The address that turns such emails off, by its words.
    pub stop: Option<(&'static str, String)>,
}

/// The shop's images and color.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub logo: Option<String>,
    pub icon: Option<String>,
    pub accent: Accent,
}

/// An email in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    pub html: String,
}

impl Draft {
    #[must_use]
    pub fn new(shop: &Shop, heading: impl Into<String>) -> Self {
        Self {
            shop: shop.name.clone(),
            support: shop.support_email.clone(),
            look: Look {
                logo: shop.logo_url.clone(),
                icon: shop.icon_url.clone(),
                accent: shop.accent.unwrap_or_default(),
            },
            heading: heading.into(),
            ..Self::default()
        }
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!("{}\n", self.heading);
        for line in &self.lines {
            let _ = write!(out, "\n{line}\n");
        }
        if !self.facts.is_empty() {
            out.push('\n');
        }
        for (name, value) in &self.facts {
            let _ = writeln!(out, "{name}: {value}");
        }
        if let Some((words, address)) = &self.button {
            let _ = write!(out, "\n{words}:\n{address}\n");
        }
        for (words, address) in &self.links {
            let _ = write!(out, "\n{words}:\n{address}\n");
        }
        for note in &self.notes {
            let _ = write!(out, "\n{note}\n");
        }
        let _ = write!(out, "\n-- \n{}\n", self.shop);
        if !self.reason.is_empty() {
            let _ = writeln!(out, "{}", self.reason);
        }
        if let Some((words, address)) = &self.stop {
            let _ = writeln!(out, "{words}:\n{address}");
        }
        let _ = writeln!(out, "Questions? {}", self.support);
        out
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
