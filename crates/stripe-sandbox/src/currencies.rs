//! The currencies that Stripe charges in, its limits for each, and amounts as the pages show them.

use crate::error::{ApiError, Result};

/// Stripe's currencies.
pub const ALL: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn \
    bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl hrk \
    htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mro \
    mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek \
    sgd shp sle sll sos srd std stn svc szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof \
    xpf yer zar zmw";

/// The smallest charge where it is not 50, in minor units.
const MINIMUMS: &str = "aed 200 bgn 100 czk 1500 dkk 250 gbp 30 hkd 400 huf 17500 mxn 1000 myr 200 nok 300 pln 200 ron 200 \
    sek 300 thb 1000";

/// The sandbox's automatic tax, in percent, on top of the price.
pub(crate) const TAX_PERCENT: i64 = 20;

/// True if Stripe has this currency, written in lower case.
#[must_use]
pub fn is_known(code: &str) -> bool {
    ALL.split(' ').any(|known| known == code)
}

/// The smallest charge, in minor units.
#[must_use]
pub fn minimum(currency: &str) -> i64 {
    let mut words = MINIMUMS.split(' ').skip_while(|word| *word != currency);
    words.nth(1).and_then(|least| least.parse().ok()).unwrap_or(50)
}

/// Every amount is a multiple of this, in minor units: currencies with three decimals end in 0, and two currencies
/// without decimals are still written with two.
#[must_use]
pub fn step(currency: &str) -> i64 {
    match currency {
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        "isk" | "ugx" => 100,
        _ => 1,
    }
}

/// Refuses an amount that is not a multiple of the currency's step.
pub(crate) fn check_step(amount: i64, currency: &str, param: &str) -> Result<()> {
    let step = step(currency);
    if amount % step == 0 {
        return Ok(());
    }
    let message = format!("Invalid amount: amounts in {currency} must be a multiple of {step} in the smallest unit.");
    Err(ApiError::invalid(message).code("parameter_invalid_integer").param(param))
}

/// The tax on an amount. Half a step of the currency is rounded up.
pub(crate) fn tax_of(amount: i64, currency: &str) -> i64 {
    let step = step(currency);
    amount.saturating_mul(TAX_PERCENT).saturating_add(50 * step) / (100 * step) * step
}

fn decimals(currency: &str) -> usize {
    match currency {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv" | "xaf"
        | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    }
}

/// An amount in minor units with its decimals: `$1,200.00`.
pub(crate) fn format(minor: i64, currency: &str) -> String {
    let places = decimals(currency);
    let digits = format!("{:0width$}", minor.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let point = if places > 0 { "." } else { "" };
    let unit = match currency {
        "usd" => "$".to_owned(),
        "eur" => "€".to_owned(),
        "gbp" => "£".to_owned(),
        "jpy" => "¥".to_owned(),
        other => format!("{} ", other.to_uppercase()),
    };
    format!("{}{unit}{}{point}{rest}", if minor < 0 { "-" } else { "" }, groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::{format, minimum, tax_of};

    #[test]
    fn tax_is_a_flat_rate_to_the_nearest_unit() {
        for (amount, tax) in [(900, 180), (1, 0), (2, 0), (3, 1), (10_500, 2_100), (0, 0)] {
            assert_eq!(tax_of(amount, "usd"), tax, "{amount}");
        }
        assert_eq!((tax_of(5_010, "kwd"), tax_of(900, "isk"), tax_of(5_020, "kwd")), (1_000, 200, 1_000));
    }

    #[test]
    fn the_smallest_charge_is_fifty_unless_stripe_says_otherwise() {
        assert_eq!((minimum("usd"), minimum("aed"), minimum("huf"), minimum("thb")), (50, 200, 17_500, 1_000));
    }

    #[test]
    fn amounts_print_as_their_currency_counts() {
        assert_eq!(format(900, "usd"), "$9.00");
        assert_eq!(format(123_456_789, "eur"), "€1,234,567.89");
        assert_eq!(format(1_200, "jpy"), "¥1,200");
        assert_eq!(format(-5, "chf"), "-CHF 0.05");
        assert_eq!(format(0, "usd"), "$0.00");
        assert_eq!(format(i64::MIN, "usd"), "-$92,233,720,368,547,758.08");
        assert_eq!(format(5_120, "kwd"), "KWD 5.120");
        assert_eq!(format(500, "ugx"), "UGX 5.00");
    }
}
