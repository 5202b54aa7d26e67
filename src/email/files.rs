//! Emails as files: `00000012-receipt.eml`, written atomically.

use crate::email::letter::{Letter, Sent};
use std::path::Path;

/// Writes an email. A second write of the same row replaces the first.
pub async fn write(folder: &Path, letter: &Letter, bytes: &[u8]) -> Sent {
    let kind: String = letter.kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let name = format!("{:08}-{kind}.eml", letter.no);
    let part = folder.join(format!(".{name}.{}", std::process::id()));
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&part, bytes).await?;
        tokio::fs::rename(&part, folder.join(name)).await
    };
    match written.await {
        Ok(()) => Sent::Accepted,
        Err(e) => Sent::Deferred(format!("the email's file can't be written: {}", e.kind())),
    }
}
