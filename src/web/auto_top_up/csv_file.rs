//! `/auto-top-up.csv`: every consent for a spreadsheet, newest first.

use crate::domain::Money;
use crate::usecases::auto_top_up::{self, Consent, LowerLimits};
use crate::usecases::{App, InternalError};
use crate::web::auto_top_up::PAGE;
use crate::web::csv_file::{MARK, failed, file, safe, viewer};
use crate::web::ui::money;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::SecondsFormat;

const FIELDS: [&str; 17] = [
    "agreed_at",
    "agreed_by",
    "text",
    "text_sha256",
    "package",
    "price",
    "currency",
    "threshold",
    "cap",
    "card_brand",
    "card_last4",
    "card_expires",
    "card_fingerprint",
    "lowered",
    "ended_at",
    "ended_by",
    "ended_because",
];

/// The file of the signed-in customer.
pub async fn consents_csv(State(app): State<App>, headers: HeaderMap) -> Response {
    let viewer = match viewer(&app, &headers, PAGE).await {
        Ok(viewer) => viewer,
        Err(elsewhere) => return elsewhere,
    };
    let written = async {
        let consents = auto_top_up::list_consents(&app, viewer.customer_no).await?;
        written(&consents)
    };
    match written.await {
        Ok(bytes) => file("auto-top-up.csv", Body::from([MARK.as_bytes(), &bytes].concat())),
        Err(fault) => failed(&app, &fault),
    }
}

fn written(consents: &[Consent]) -> Result<Vec<u8>, InternalError> {
    let broken = |e: &dyn std::fmt::Display| InternalError::Broken(e.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(FIELDS).map_err(|e| broken(&e))?;
    for consent in consents {
        writer.write_record(record(consent)).map_err(|e| broken(&e))?;
    }
    writer.into_inner().map_err(|e| broken(&e))
}

fn record(consent: &Consent) -> [String; 17] {
    let Consent { agreed, card, ended, .. } = consent;
    let exact = |minor| money::machine(&Money::new(minor, &agreed.currency));
    let lowered =
        |lower: &LowerLimits, at: String| format!("{at} threshold {} cap {}", lower.threshold, exact(lower.cap));
    let at = |at: &crate::domain::Instant| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    [
        at(&consent.at),
        safe(consent.by.as_deref()),
        safe(Some(&consent.text)),
        consent.text_hash.clone(),
        safe(Some(&agreed.package)),
        exact(agreed.price),
        agreed.currency.to_uppercase(),
        agreed.threshold.to_string(),
        exact(agreed.cap),
        safe(Some(&card.brand)),
        card.last4.clone(),
        format!("{:04}-{:02}", card.exp_year, card.exp_month),
        safe(Some(&card.fingerprint)),
        consent.lowered.iter().map(|lower| lowered(lower, at(&lower.at))).collect::<Vec<_>>().join("; "),
        ended.as_ref().map(|ending| at(&ending.at)).unwrap_or_default(),
        // An operator's address is not for customers.
        safe(ended.as_ref().filter(|ending| ending.why == "member").and_then(|ending| ending.by.as_deref())),
        ended.as_ref().map(|ending| ending.why.clone()).unwrap_or_default(),
    ]
}
