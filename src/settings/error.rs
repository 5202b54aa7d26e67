//! The error of a setting.

/// An invalid setting: one line that names it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct BadSetting {
    /// The setting, as the environment names it.
    pub name: &'static str,
    /// The error, which reads on after the name.
    pub reason: String,
}

/// An error of a setting.
///
/// # Errors
/// Always.
pub fn bad<T>(name: &'static str, reason: impl Into<String>) -> Result<T, BadSetting> {
    Err(BadSetting { name, reason: reason.into() })
}
