//! Bodies are read exactly.

use super::*;

fn credits(body: &str) -> Result<i64, u16> {
    let mut fields = Fields::parse(body.as_bytes()).map_err(|_| 400_u16)?;
    let credits = fields.credits("credits");
    fields.finish().map(|()| credits.0).map_err(|_| 422)
}

#[test]
fn credits_are_read_exactly_and_everything_else_is_refused() {
    for (body, want) in [
        (r#"{"credits":12.5}"#, Ok(12_500)),
        (r#"{"credits":1.25e1}"#, Ok(12_500)),
        (r#"{"credits":1000000000}"#, Ok(1_000_000_000_000)),
        (r#"{"credits":1000000000.001}"#, Err(422)),
        (r#"{"credits":-5}"#, Err(422)),
        (r#"{"credits":0}"#, Err(422)),
        (r#"{"credits":0.0001}"#, Err(422)),
        (r#"{"credits":1e400}"#, Err(422)),
        (r#"{"credits":9223372036854775808}"#, Err(422)),
        (r#"{"credits":"12"}"#, Err(422)),
        (r#"{"credits":null}"#, Err(422)),
        (r#"{"credits":1,"extra":1}"#, Err(422)),
        (r#"{"credits":NaN}"#, Err(400)),
        (r#"{"credits":１２}"#, Err(400)),
        (r#"{"credits":1,"credits":2}"#, Err(400)),
        (r#"{"credits":1,"metadata":{"a":1,"a":1}}"#, Err(400)),
        ("", Err(400)),
    ] {
        assert_eq!(credits(body), want, "{body}");
    }
}

#[test]
fn an_instant_is_cut_to_the_millisecond_and_must_be_in_range() {
    let at = instant_of("2026-11-22T14:03:00.1239+01:00").expect("an instant");
    assert_eq!(at.to_rfc3339(), "2026-11-22T13:03:00.123+00:00");
    assert!(instant_of("10000-01-01T00:00:00Z").is_none());
    assert!(instant_of("2026-11-22").is_none());
}
