//! The error of a command, and its exit code.

use crate::settings::error::BadSetting;
use crate::store::OpenError;
use crate::usecases::InternalError;

/// The error of a command.
#[derive(Debug)]
pub enum Failure {
    /// A setting is missing, empty or malformed: exit code 2.
    Setting(String),
    /// Anything else: exit code 1.
    Failed(String),
}

impl Failure {
    /// The line that the command prints.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Setting(line) | Self::Failed(line) => line,
        }
    }
}

impl From<BadSetting> for Failure {
    fn from(bad: BadSetting) -> Self {
        Self::Setting(bad.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(e: OpenError) -> Self {
        if e.is_setting() { Self::Setting(e.to_string()) } else { Self::Failed(e.to_string()) }
    }
}

impl From<InternalError> for Failure {
    fn from(error: InternalError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Self::Failed(e.to_string())
    }
}
