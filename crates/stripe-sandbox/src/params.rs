//! The parameters of each endpoint: Stripe's, as far as the sandbox simulates them.
//!
//! A parameter that Stripe has and the sandbox has not is refused too, in other words: silence would let
//! a shop believe that it was tried.

use super::error::ApiError;
use super::form::Branch;
use super::schema::{Field, Kind, optional, required};

const LONG: Kind = Kind::Text(5000);

/// `expand[]`, which every call takes.
pub(super) const EXPAND: Field = optional("expand", Kind::List(&LONG));

/// `GET` of one object, and `POST …/expire`.
pub(super) const ONE: &[Field] = &[EXPAND];

/// `POST /v1/customers`
pub(super) const CUSTOMER: &[Field] = &[
    optional("address", Kind::Object(ADDRESS)),
    optional("description", LONG),
    optional("email", Kind::Email),
    EXPAND,
    optional("metadata", Kind::Pairs),
    optional("name", Kind::Text(256)),
    optional("phone", Kind::Text(20)),
    optional("preferred_locales", Kind::List(&LONG)),
];

const ADDRESS: &[Field] = &[
    optional("city", LONG),
    optional("country", LONG),
    optional("line1", LONG),
    optional("line2", LONG),
    optional("postal_code", LONG),
    optional("state", LONG),
];

/// `POST /v1/checkout/sessions`
pub(super) const SESSION: &[Field] = &[
    optional("allow_promotion_codes", Kind::Bool),
    optional("allowed_payment_method_types", Kind::List(&Kind::OneOf(METHODS))),
    optional("automatic_tax", Kind::Object(&[required("enabled", Kind::Bool)])),
    optional("billing_address_collection", Kind::OneOf(&["auto", "required"])),
    optional("cancel_url", Kind::Address),
    optional("client_reference_id", Kind::Text(200)),
    optional("currency", Kind::Currency),
    optional("custom_text", Kind::Object(CUSTOM_TEXT)),
    optional("customer", LONG),
    optional("customer_creation", Kind::OneOf(&["always", "if_required"])),
    optional("customer_email", Kind::Email),
    optional("customer_update", Kind::Object(CUSTOMER_UPDATE)),
    EXPAND,
    optional("expires_at", Kind::Integer(0, i64::MAX)),
    optional("invoice_creation", Kind::Object(INVOICE_CREATION)),
    required("line_items", Kind::List(&Kind::Object(LINE_ITEM))),
    optional("locale", Kind::OneOf(LOCALES)),
    optional("metadata", Kind::Pairs),
    required("mode", Kind::OneOf(&["payment", "setup", "subscription"])),
    optional("payment_intent_data", Kind::Object(PAYMENT_INTENT_DATA)),
    optional("phone_number_collection", Kind::Object(&[required("enabled", Kind::Bool)])),
    optional("submit_type", Kind::OneOf(&["auto", "book", "donate", "pay", "subscribe"])),
    required("success_url", Kind::Address),
    optional("tax_id_collection", Kind::Object(TAX_IDS)),
    optional("ui_mode", Kind::OneOf(&["elements", "embedded_page", "hosted_page"])),
];

/// `POST /v1/checkout/sessions` with `mode=subscription`
pub(super) const SUBSCRIPTION_SESSION: &[Field] = &[
    optional("automatic_tax", Kind::Object(&[required("enabled", Kind::Bool)])),
    optional("cancel_url", Kind::Address),
    optional("client_reference_id", Kind::Text(200)),
    required("customer", LONG),
    optional("customer_update", Kind::Object(CUSTOMER_UPDATE)),
    EXPAND,
    optional("expires_at", Kind::Integer(0, i64::MAX)),
    required("line_items", Kind::List(&Kind::Object(PRICED_ITEM))),
    optional("metadata", Kind::Pairs),
    required("mode", Kind::OneOf(&["subscription"])),
    optional("subscription_data", Kind::Object(&[optional("metadata", Kind::Pairs)])),
    required("success_url", Kind::Address),
    optional("tax_id_collection", Kind::Object(TAX_IDS)),
];

const PRICED_ITEM: &[Field] = &[required("price", LONG), required("quantity", Kind::Integer(1, 1))];

/// `GET /v1/subscriptions`
pub(super) const SUBSCRIPTIONS: &[Field] = &[
    optional("created", Kind::Object(RANGE)),
    optional("customer", LONG),
    optional("ending_before", LONG),
    EXPAND,
    optional("limit", Kind::Integer(1, 100)),
    optional("starting_after", LONG),
    optional("status", LONG),
];

/// `POST /v1/subscriptions/{id}`
pub(super) const SUBSCRIPTION_CHANGE: &[Field] = &[
    optional("cancel_at_period_end", Kind::Bool),
    EXPAND,
    optional("items", Kind::List(&Kind::Object(&[optional("id", LONG), required("price", LONG)]))),
    optional("metadata", Kind::Pairs),
];

/// `GET /v1/invoices`
pub(super) const INVOICES: &[Field] = &[
    optional("customer", LONG),
    optional("ending_before", LONG),
    EXPAND,
    optional("limit", Kind::Integer(1, 100)),
    optional("starting_after", LONG),
    optional("status", Kind::OneOf(&["draft", "open", "paid", "uncollectible", "void"])),
    optional("subscription", LONG),
];

/// `POST /v1/billing_portal/sessions`
pub(super) const PORTAL: &[Field] = &[required("customer", LONG), EXPAND, optional("return_url", Kind::Address)];

const LINE_ITEM: &[Field] = &[
    optional("metadata", Kind::Pairs),
    required("price_data", Kind::Object(PRICE_DATA)),
    optional("quantity", Kind::Integer(1, 999_999)),
];

const PRICE_DATA: &[Field] = &[
    required("currency", Kind::Currency),
    required("product_data", Kind::Object(PRODUCT_DATA)),
    optional("tax_behavior", Kind::OneOf(&["exclusive", "inclusive", "unspecified"])),
    required("unit_amount", Kind::Integer(0, 99_999_999)),
];

const PRODUCT_DATA: &[Field] = &[
    optional("description", Kind::Text(40_000)),
    optional("images", Kind::List(&Kind::Address)),
    optional("metadata", Kind::Pairs),
    required("name", LONG),
    optional("tax_code", LONG),
    optional("unit_label", Kind::Text(12)),
];

const PAYMENT_INTENT_DATA: &[Field] = &[
    optional("description", Kind::Text(1000)),
    optional("metadata", Kind::Pairs),
    optional("receipt_email", Kind::Email),
    optional("statement_descriptor_suffix", Kind::Text(22)),
];

const INVOICE_CREATION: &[Field] =
    &[required("enabled", Kind::Bool), optional("invoice_data", Kind::Object(&[optional("metadata", Kind::Pairs)]))];

const CUSTOM_TEXT: &[Field] = &[
    optional("after_submit", Kind::Object(MESSAGE)),
    optional("submit", Kind::Object(MESSAGE)),
    optional("terms_of_service_acceptance", Kind::Object(MESSAGE)),
];

const MESSAGE: &[Field] = &[required("message", Kind::Text(1200))];

const CUSTOMER_UPDATE: &[Field] =
    &[optional("address", Kind::OneOf(&["auto", "never"])), optional("name", Kind::OneOf(&["auto", "never"]))];

const TAX_IDS: &[Field] =
    &[required("enabled", Kind::Bool), optional("required", Kind::OneOf(&["if_supported", "never"]))];

/// `GET /v1/checkout/sessions`
pub(super) const SESSIONS: &[Field] = &[
    optional("created", Kind::Object(RANGE)),
    optional("customer", LONG),
    optional("ending_before", LONG),
    EXPAND,
    optional("limit", Kind::Integer(1, 100)),
    optional("payment_intent", LONG),
    optional("starting_after", LONG),
    optional("status", Kind::OneOf(&["complete", "expired", "open"])),
];

/// `GET` of a list that takes no filter here.
pub(super) const PLAIN: &[Field] = &[
    optional("ending_before", LONG),
    EXPAND,
    optional("limit", Kind::Integer(1, 100)),
    optional("starting_after", LONG),
];

/// `POST /v1/webhook_endpoints`
pub(super) const ENDPOINT: &[Field] = &[
    optional("api_version", LONG),
    optional("connect", Kind::Bool),
    optional("description", LONG),
    required("enabled_events", Kind::List(&LONG)),
    EXPAND,
    optional("metadata", Kind::Pairs),
    required("url", Kind::Address),
];

/// `POST /v1/webhook_endpoints/{id}`
pub(super) const ENDPOINT_CHANGE: &[Field] = &[
    optional("description", LONG),
    optional("disabled", Kind::Bool),
    optional("enabled_events", Kind::List(&LONG)),
    EXPAND,
    optional("metadata", Kind::Pairs),
    optional("url", Kind::Address),
];

/// `GET /v1/events`
pub(super) const EVENTS: &[Field] = &[
    optional("created", Kind::Object(RANGE)),
    optional("delivery_success", Kind::Bool),
    optional("ending_before", LONG),
    EXPAND,
    optional("limit", Kind::Integer(1, 100)),
    optional("starting_after", LONG),
    optional("type", LONG),
    optional("types", Kind::List(&LONG)),
];

/// `POST /v1/refunds`
pub(super) const REFUND: &[Field] = &[
    optional("amount", Kind::Integer(1, 99_999_999)),
    optional("charge", LONG),
    EXPAND,
    optional("metadata", Kind::Pairs),
    optional("payment_intent", LONG),
    optional("reason", Kind::OneOf(&["duplicate", "fraudulent", "requested_by_customer"])),
];

/// `POST /v1/disputes/{id}`
pub(super) const EVIDENCE: &[Field] = &[
    optional("evidence", Kind::Object(TEXTS)),
    EXPAND,
    optional("metadata", Kind::Pairs),
    optional("submit", Kind::Bool),
];

/// Of what Stripe takes as evidence, what a test needs.
const TEXTS: &[Field] = &[optional("uncategorized_text", Kind::Text(20_000))];

/// `GET /v1/refunds`, `GET /v1/disputes`
pub(super) const PARTS: &[Field] = &[
    optional("charge", LONG),
    optional("created", Kind::Object(RANGE)),
    optional("ending_before", LONG),
    EXPAND,
    optional("limit", Kind::Integer(1, 100)),
    optional("payment_intent", LONG),
    optional("starting_after", LONG),
];

const RANGE: &[Field] = &[
    optional("gt", Kind::Integer(0, i64::MAX)),
    optional("gte", Kind::Integer(0, i64::MAX)),
    optional("lt", Kind::Integer(0, i64::MAX)),
    optional("lte", Kind::Integer(0, i64::MAX)),
];

const METHODS: &[&str] = &[
    "acss_debit",
    "affirm",
    "afterpay_clearpay",
    "alipay",
    "alma",
    "amazon_pay",
    "au_becs_debit",
    "bacs_debit",
    "bancontact",
    "billie",
    "bizum",
    "blik",
    "boleto",
    "card",
    "cashapp",
    "crypto",
    "customer_balance",
    "eps",
    "fpx",
    "giropay",
    "grabpay",
    "ideal",
    "kakao_pay",
    "klarna",
    "konbini",
    "kr_card",
    "link",
    "mb_way",
    "mobilepay",
    "multibanco",
    "naver_pay",
    "nz_bank_account",
    "oxxo",
    "p24",
    "pay_by_bank",
    "payco",
    "paynow",
    "paypal",
    "paypay",
    "payto",
    "pix",
    "promptpay",
    "revolut_pay",
    "samsung_pay",
    "satispay",
    "scalapay",
    "sepa_debit",
    "sequra",
    "sofort",
    "sunbit",
    "swish",
    "twint",
    "upi",
    "us_bank_account",
    "wechat_pay",
    "zip",
];

const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv",
    "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// What Stripe takes for a Checkout and the sandbox does not act out.
const NOT_SIMULATED: &[&str] = &[
    "adaptive_pricing",
    "after_expiration",
    "branding_settings",
    "consent_collection",
    "custom_fields",
    "customer_account",
    "discounts",
    "excluded_payment_method_types",
    "integration_identifier",
    "managed_payments",
    "name_collection",
    "optional_items",
    "origin_context",
    "payment_method_collection",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "permissions",
    "redirect_on_completion",
    "return_url",
    "saved_payment_method_options",
    "setup_intent_data",
    "shipping_address_collection",
    "shipping_options",
    "subscription_data",
    "wallet_options",
];

/// Refuses a Checkout's parameter that is Stripe's and not the sandbox's.
pub(super) fn refuse_unsimulated(given: &Branch) -> Result<(), ApiError> {
    match given.keys().find(|name| NOT_SIMULATED.contains(&name.as_str())) {
        Some(name) => Err(ApiError::invalid(format!("Stripe knows '{name}'; the sandbox does not simulate it."))
            .code("parameter_unknown")
            .param(name)),
        None => Ok(()),
    }
}
