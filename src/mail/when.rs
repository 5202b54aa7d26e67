//! Instants as a mail says them: in the customer's zone, which is always named.

use crate::domain::Instant;
use chrono_tz::{OffsetName, Tz};

/// `28 Nov 2026, 14:03 CET`; a zone without letters is named by its offset (`UTC+4`). Names of zones are checked
/// when they are stored: an unknown one reads as UTC.
#[must_use]
pub fn full(at: Instant, zone: &str) -> String {
    let local = at.with_timezone(&zone.parse().unwrap_or(Tz::UTC));
    let name = match local.offset().abbreviation() {
        Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => name.to_owned(),
        _ => format!(
            "UTC{}",
            local.format("%:z").to_string().replace(":00", "").replacen("+0", "+", 1).replacen("-0", "-", 1)
        ),
    };
    format!("{} {name}", local.format("%-d %b %Y, %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_its_zone() {
        let check = |zone: &str, want: &str| {
            assert_eq!(full("2026-11-28T13:03:00Z".parse().expect("an instant"), zone), want, "{zone}");
        };
        check("Europe/Berlin", "28 Nov 2026, 14:03 CET");
        check("no such zone", "28 Nov 2026, 13:03 UTC");
        check("Asia/Dubai", "28 Nov 2026, 17:03 UTC+4");
        check("Asia/Kathmandu", "28 Nov 2026, 18:48 UTC+5:45");
        check("America/Sao_Paulo", "28 Nov 2026, 10:03 UTC-3");
    }
}
