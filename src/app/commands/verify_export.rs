//! `topup verify-export`: a customer's entries, verified without a database.

use crate::app::failure::Failure;
use crate::settings::values;
use crate::usecases::credits::export;
use clap::Args;
use clap::builder::PathBufValueParser;
use std::path::PathBuf;

/// The arguments of `verify-export`.
#[derive(Args, Clone, Debug)]
pub struct ExportSettings {
    /// The downloaded file: all of `/v1/customers/{id}/entries`, as CSV or page after page
    #[arg(value_parser = values::text_of(PathBufValueParser::new()))]
    pub file: PathBuf,
    /// The customer's id in the API
    #[arg(long, value_name = "ID", value_parser = values::word())]
    pub customer: Option<String>,
    /// The hash of the last entry, noted elsewhere: proves that no entry is missing at the end
    #[arg(long, value_name = "HASH", value_parser = values::word())]
    pub head: Option<String>,
}

/// `topup verify-export FILE [--customer ID] [--head HASH]`.
///
/// # Errors
/// [`Failure`]: the first broken line, or another end than `--head`.
pub fn run(settings: &ExportSettings) -> Result<(), Failure> {
    let ExportSettings { file, customer, head } = settings;
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| Failure::Setting(format!("FILE: {name}: {e}")))?;
    if let Some(head) = head
        && (head.len() != 64 || hex::decode(head).is_err())
    {
        return Err(Failure::Setting("--head: must be the hash of an entry, 64 hexadecimal digits".to_owned()));
    }
    let found = export::verify_export(&text).map_err(|reason| Failure::Failed(format!("{name}: {reason}")))?;
    let whose = found.customer.as_deref().unwrap_or("nobody");
    if customer.as_ref().is_some_and(|customer| customer != whose) {
        return Err(Failure::Failed(format!("{name}: has entries of {whose}, not of --customer")));
    }
    let found = found.head;
    let hash = hex::encode(found.hash);
    if head.as_ref().is_some_and(|head| !head.eq_ignore_ascii_case(&hash)) {
        let reason = format!("{name}: ends at entry {} with {hash}, not with --head", found.seq);
        return Err(Failure::Failed(reason));
    }
    println!("ok: {} entries of {whose}, balance {}, head {hash}", found.seq, found.balance);
    Ok(())
}
