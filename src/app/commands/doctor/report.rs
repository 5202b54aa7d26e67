//! The report of `doctor`: a line for each finding.

use std::fmt::Display;

/// One line of the report: its subject and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// All is well.
    Good(&'static str, String),
    /// Good to know.
    Note(&'static str, String),
    /// Must be repaired.
    Wrong(&'static str, String),
}

/// Prints the findings and counts the errors.
#[derive(Default)]
pub struct DoctorReport {
    /// The number of errors.
    pub wrong: usize,
}

impl DoctorReport {
    /// Prints a finding.
    pub fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Good(subject, text) => self.good(subject, text),
            Finding::Note(subject, text) => self.note(subject, text),
            Finding::Wrong(subject, text) => self.wrong(subject, text),
        }
    }

    /// All is well.
    pub fn good(&mut self, subject: &str, text: impl Display) {
        println!("ok     {subject}: {text}");
    }

    /// Good to know.
    pub fn note(&mut self, subject: &str, text: impl Display) {
        println!("note   {subject}: {text}");
    }

    /// Must be repaired.
    pub fn wrong(&mut self, subject: &str, text: impl Display) {
        self.wrong += 1;
        println!("wrong  {subject}: {text}");
    }
}
