//! The closed list of error codes, with their statuses and titles. docs/api.md explains them.

use serde::Serialize;

macro_rules! codes {
    ($($code:ident $status:literal $title:literal,)*) => {
        /// The closed list of error codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "the titles say it; docs/api.md explains them")]
        pub enum Code {
            $($code,)*
        }

        impl Code {
            /// The whole list.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// Its title (RFC 9457).
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title,)*
                }
            }

            /// Its HTTP status.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)*
                }
            }
        }
    };
}

codes! {
    InvalidJson 400 "The body is not JSON",
    InvalidHeader 400 "A header is malformed",
    InvalidCursor 400 "The cursor is none of ours",
    InvalidValue 422 "A value is wrong",
    MissingField 422 "A field is missing",
    UnknownField 422 "A field is unknown",
    Unauthorized 401 "No or wrong key",
    InsufficientCredits 402 "Not enough credits",
    PlanCannotBuy 403 "The plan cannot buy top-ups",
    BuyingOff 403 "Buying is switched off",
    NotFound 404 "Not found",
    IdempotencyKeyMissing 400 "The Idempotency-Key header is missing",
    IdempotencyKeyReused 409 "The idempotency key is bound to another request",
    HoldSettled 409 "The hold was settled",
    HoldReleased 409 "The hold was released",
    HoldLapsed 409 "The hold has lapsed",
    AlreadyVoided 409 "It was voided before",
    GrantEnded 409 "The grant has ended",
    GrantNotCourtesy 409 "The grant is not a courtesy",
    LimitReached 409 "A limit is reached",
    PurchaseRefused 409 "Stripe refuses the purchase",
    PlanManagedBySubscription 409 "The subscription decides the plan",
    CustomerClosed 409 "The customer is closed",
    PayloadTooLarge 413 "The body is too large",
    UnsupportedMediaType 415 "The body is not application/json",
    RateLimited 429 "Too many requests",
    Overloaded 503 "Try again",
    StripeUnavailable 503 "Stripe cannot be reached",
    ClockBackwards 422 "The clock does not go backwards",
}
