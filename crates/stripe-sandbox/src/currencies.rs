//! The currencies that Stripe charges in, and the amounts that it takes of each.

use super::error::ApiError;

/// Stripe's currencies.
pub const ALL: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn \
    bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl hrk \
    htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mro \
    mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek \
    sgd shp sle sll sos srd std stn svc szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof \
    xpf yer zar zmw";

/// The least that Stripe charges where it is not 50, in minor units.
const MINIMUMS: &str = "aed 200 bgn 100 czk 1500 dkk 250 gbp 30 hkd 400 huf 17500 mxn 1000 myr 200 nok 300 pln 200 ron 200 \
    sek 300 thb 1000";

/// Whether Stripe knows a currency.
#[must_use]
pub fn is_known(code: &str) -> bool {
    ALL.split(' ').any(|known| known == code)
}

/// The least that can be charged, in minor units.
#[must_use]
pub fn minimum(currency: &str) -> i64 {
    let mut words = MINIMUMS.split(' ');
    while let (Some(known), Some(least)) = (words.next(), words.next()) {
        if known == currency {
            return least.parse().unwrap_or(50);
        }
    }
    50
}

/// What every amount must be a multiple of: three-decimal currencies end in 0, and two that have no decimals any more
/// are still written with two.
#[must_use]
pub fn step(currency: &str) -> i64 {
    match currency {
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        "isk" | "ugx" => 100,
        _ => 1,
    }
}

/// Refuses an amount that is between two steps.
pub(super) fn check_step(amount: i64, currency: &str, param: &str) -> Result<(), ApiError> {
    let step = step(currency);
    if amount % step == 0 {
        return Ok(());
    }
    let message = format!("Invalid amount: amounts in {currency} must be a multiple of {step} in the smallest unit.");
    Err(ApiError::invalid(message).code("parameter_invalid_integer").param(param))
}
