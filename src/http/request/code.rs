//! The closed list of error codes, with their statuses and titles. docs/api.md explains them.

use serde::Serialize;

macro_rules! codes {
    ($($code:ident $status:literal $title:literal,)*) => {
        /// The closed list of error codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum Code {
            $($code,)*
        }

        impl Code {
            /// The whole list.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// Its name in answers.
            pub fn name(self) -> &'static str {
                self.into()
            }

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
    InvalidJson 400 "Invalid JSON",
    InvalidHeader 400 "Invalid header",
    InvalidCursor 400 "Invalid cursor",
    InvalidValue 422 "Invalid value",
    MissingField 422 "Missing field",
    UnknownField 422 "Unknown field",
    Unauthorized 401 "Missing or invalid key",
    InsufficientScope 403 "The key's scope is too small",
    InsufficientCredits 402 "Not enough credits",
    PlanCannotBuy 403 "The plan can't buy top-ups",
    BuyingOff 403 "Buying is off",
    NotFound 404 "Not found",
    IdempotencyKeyMissing 400 "Missing Idempotency-Key header",
    IdempotencyKeyReused 409 "The idempotency key belongs to another request",
    HoldSettled 409 "The hold is settled",
    HoldReleased 409 "The hold is released",
    HoldLapsed 409 "The hold has lapsed",
    AlreadyVoided 409 "Already voided",
    GrantEnded 409 "The grant has ended",
    GrantNotCourtesy 409 "Not a courtesy grant",
    LimitReached 409 "Limit reached",
    PurchaseRefused 409 "Stripe refused the purchase",
    PlanManagedBySubscription 409 "A subscription controls the plan",
    CustomerClosed 409 "The customer is closed",
    PayloadTooLarge 413 "The body is too large",
    UnsupportedMediaType 415 "The body is not application/json",
    RateLimited 429 "Too many requests",
    Overloaded 503 "Overloaded",
    StripeUnavailable 503 "Stripe can't be reached",
    ClockBackwards 422 "The clock can't move backwards",
}
