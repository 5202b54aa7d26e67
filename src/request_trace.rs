//! The ids of a request: `X-Request-Id`, and W3C's `traceparent`. They stand in the log, in answers, in errors and in the
//! webhooks that the request causes.

use axum::http::{HeaderMap, HeaderValue};
use std::future::Future;

/// The headers, in answers and in webhooks.
pub const REQUEST_ID: &str = "x-request-id";
pub const TRACEPARENT: &str = "traceparent";

/// The longest request id of a caller.
const ID_MAX: usize = 128;

tokio::task_local! {
    static CURRENT: RequestTrace;
}

/// The ids of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTrace {
    /// The caller's, or a new one.
    pub request_id: String,
    /// The caller's, or a new one: 32 hexadecimal digits.
    pub trace_id: String,
    /// Ours: 16 hexadecimal digits.
    span_id: String,
    /// Two hexadecimal digits.
    flags: String,
}

impl RequestTrace {
    /// The ids in the headers of a request. Unreadable ones are replaced.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let request_id = text(REQUEST_ID).filter(|id| is_sane(id));
        let (trace_id, flags) = text(TRACEPARENT).and_then(parse).unzip();
        Self {
            request_id: request_id.map_or_else(random::<16>, str::to_owned),
            trace_id: trace_id.map_or_else(random::<16>, str::to_owned),
            span_id: random::<8>(),
            flags: flags.unwrap_or("01").to_owned(),
        }
    }

    /// As the header carries it on.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.trace_id, self.span_id, self.flags)
    }

    /// Runs the work of the request, in which [`current`] gives these ids.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// The ids of the request that this task works for; none in a job.
#[must_use]
pub fn current() -> Option<RequestTrace> {
    CURRENT.try_with(Clone::clone).ok()
}

/// A `traceparent` of the same trace with a span of its own; a new trace without one.
#[must_use]
pub fn child_of(traceparent: Option<&str>) -> String {
    let (trace_id, flags) = traceparent.and_then(parse).unzip();
    let trace_id = trace_id.map_or_else(random::<16>, str::to_owned);
    format!("00-{trace_id}-{}-{}", random::<8>(), flags.unwrap_or("01"))
}

/// True for an id that may stand in a log line and in a header.
fn is_sane(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/+=@-".contains(&b);
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(plain)
}

/// Trace id and flags (W3C Trace Context, section 3.2.2). A later version may have more parts.
fn parse(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(5, '-');
    let (version, trace_id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    let good = is_hex(version, 2) && version != "ff" && is_hex(trace_id, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    let ends = version != "00" || parts.next().is_none();
    (good && ends && !is_zero(trace_id) && !is_zero(parent)).then_some((trace_id, flags))
}

fn random<const BYTES: usize>() -> String {
    let mut bytes = [0_u8; BYTES];
    // Without random bytes all requests share one id; they are still answered.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [1; BYTES];
    }
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(headers: &[(&'static str, &str)]) -> RequestTrace {
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        });
        RequestTrace::of(&pairs.collect())
    }

    #[test]
    fn good_ids_are_taken_and_others_replaced() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-00");
        let taken = of(&[(REQUEST_ID, "req_7/a:b"), (TRACEPARENT, &parent)]);
        assert_eq!((taken.request_id.as_str(), taken.trace_id.as_str()), ("req_7/a:b", TRACE));
        let ours = taken.traceparent();
        assert!(ours.starts_with(&format!("00-{TRACE}-")) && ours.ends_with("-00") && ours != parent, "{ours}");
        for wrong in ["", "a b", "a\"b", "a{b}", &"x".repeat(129)] {
            let made = of(&[(REQUEST_ID, wrong)]).request_id;
            assert!(made.len() == 32 && made != wrong, "{wrong:?}: {made}");
        }
        assert_ne!(of(&[]).request_id, of(&[]).request_id);
    }

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let good = |text: &str, want: bool| assert_eq!(parse(text).is_some(), want, "{text}");
        good(&format!("00-{TRACE}-00f067aa0ba902b7-01"), true);
        good(&format!("cc-{TRACE}-00f067aa0ba902b7-01-later"), true);
        good(&format!("00-{TRACE}-00f067aa0ba902b7-01-more"), false);
        good(&format!("ff-{TRACE}-00f067aa0ba902b7-01"), false);
        good(&format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()), false);
        good(&format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false);
        good(&format!("00-{TRACE}-0000000000000000-01"), false);
        good(&format!("00-{TRACE}-00f067aa0ba902b7"), false);
        good("", false);
    }

    #[tokio::test]
    async fn the_work_of_a_request_knows_its_ids() {
        let trace = of(&[(REQUEST_ID, "one")]);
        assert_eq!(trace.clone().scope(async { current() }).await, Some(trace));
        assert_eq!(current(), None);
        let child = child_of(Some(&format!("00-{TRACE}-00f067aa0ba902b7-01")));
        assert!(child.starts_with(&format!("00-{TRACE}-")) && parse(&child).is_some());
        assert!(parse(&child_of(None)).is_some() && parse(&child_of(Some("nonsense"))).is_some());
    }
}
