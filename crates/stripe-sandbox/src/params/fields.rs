//! The parameters of each endpoint: Stripe's, as far as the sandbox simulates them.
//!
//! The sandbox also refuses a parameter that Stripe has and it does not simulate: silence would let a shop believe
//! that the parameter was tried.

use super::schema::Kind::{Bool, Currency, Email, Integer, List, NotSimulated, Object, OneOf, Pairs, Text, WebUrl};
use super::schema::{Field, Kind, optional, required};

const LONG: Kind = Text(5000);
const ENABLED: Kind = Object(&[required("enabled", Bool)]);
const INSTANT: Kind = Integer(0, i64::MAX);

/// `POST /v1/customers`
pub(crate) const CUSTOMER: &[Field] = &[
    optional("address", Object(&[optional("city country line1 line2 postal_code state", LONG)])),
    optional("description", LONG),
    optional("email", Email),
    optional("invoice_settings", Object(&[required("default_payment_method", LONG)])),
    optional("metadata", Pairs),
    optional("name", Text(256)),
    optional("phone", Text(20)),
    optional("preferred_locales", List(&LONG)),
];

/// `POST /v1/checkout/sessions`
pub(crate) const SESSION: &[Field] = &[
    optional("allow_promotion_codes", Bool),
    optional("allowed_payment_method_types", List(&OneOf(METHODS))),
    optional("automatic_tax phone_number_collection", ENABLED),
    optional("billing_address_collection", OneOf("auto required")),
    optional("cancel_url", WebUrl),
    optional("client_reference_id", Text(200)),
    optional("currency", Currency),
    optional("custom_text", Object(&[optional("after_submit submit terms_of_service_acceptance", MESSAGE)])),
    optional("customer", LONG),
    optional("customer_creation", OneOf("always if_required")),
    optional("customer_email", Email),
    optional("customer_update", CUSTOMER_UPDATE),
    optional("expires_at", INSTANT),
    optional("invoice_creation", Object(INVOICE_CREATION)),
    required("line_items", List(&Object(LINE_ITEM))),
    optional("locale", OneOf(LOCALES)),
    optional("metadata", Pairs),
    required("mode", OneOf("payment setup subscription")),
    optional("payment_intent_data", Object(PAYMENT_INTENT_DATA)),
    optional("submit_type", OneOf("auto book donate pay subscribe")),
    required("success_url", WebUrl),
    optional("tax_id_collection", TAX_IDS),
    optional("ui_mode", OneOf("elements embedded_page hosted_page")),
    optional(NOT_SIMULATED, NotSimulated),
];

/// `POST /v1/checkout/sessions` with `mode=subscription`
pub(crate) const SUBSCRIPTION_SESSION: &[Field] = &[
    optional("automatic_tax", ENABLED),
    optional("cancel_url", WebUrl),
    optional("client_reference_id", Text(200)),
    required("customer", LONG),
    optional("customer_update", CUSTOMER_UPDATE),
    optional("expires_at", INSTANT),
    required("line_items", List(&Object(&[required("price", LONG), required("quantity", Integer(1, 1))]))),
    optional("metadata", Pairs),
    required("mode", OneOf("subscription")),
    optional("subscription_data", Object(&[optional("metadata", Pairs)])),
    required("success_url", WebUrl),
    optional("tax_id_collection", TAX_IDS),
];

/// `POST /v1/checkout/sessions` with `mode=setup`
pub(crate) const SETUP_SESSION: &[Field] = &[
    optional("allowed_payment_method_types", List(&OneOf("card"))),
    optional("billing_address_collection", OneOf("auto required")),
    optional("cancel_url", WebUrl),
    optional("client_reference_id", Text(200)),
    optional("currency", Currency),
    optional("custom_text", Object(&[optional("after_submit submit", MESSAGE)])),
    required("customer", LONG),
    optional("customer_update", CUSTOMER_UPDATE),
    optional("expires_at", INSTANT),
    optional("locale", OneOf(LOCALES)),
    optional("metadata", Pairs),
    required("mode", OneOf("setup")),
    optional("setup_intent_data", Object(&[optional("description", Text(1000)), optional("metadata", Pairs)])),
    required("success_url", WebUrl),
    optional("ui_mode", OneOf("hosted_page")),
];

const LINE_ITEM: &[Field] = &[
    optional("metadata", Pairs),
    required("price_data", Object(PRICE_DATA)),
    optional("quantity", Integer(1, 999_999)),
];

const PRICE_DATA: &[Field] = &[
    required("currency", Currency),
    required("product_data", Object(PRODUCT_DATA)),
    optional("tax_behavior", OneOf("exclusive inclusive unspecified")),
    required("unit_amount", Integer(0, 99_999_999)),
];

const PRODUCT_DATA: &[Field] = &[
    optional("description", Text(40_000)),
    optional("images", List(&WebUrl)),
    optional("metadata", Pairs),
    required("name", LONG),
    optional("tax_code", LONG),
    optional("unit_label", Text(12)),
];

const PAYMENT_INTENT_DATA: &[Field] = &[
    optional("description", Text(1000)),
    optional("metadata", Pairs),
    optional("receipt_email", Email),
    optional("statement_descriptor_suffix", Text(22)),
];

const INVOICE_CREATION: &[Field] =
    &[required("enabled", Bool), optional("invoice_data", Object(&[optional("metadata", Pairs)]))];

const MESSAGE: Kind = Object(&[required("message", Text(1200))]);

const CUSTOMER_UPDATE: Kind = Object(&[optional("address name", OneOf("auto never"))]);

const TAX_IDS: Kind = Object(&[required("enabled", Bool), optional("required", OneOf("if_supported never"))]);

/// `POST /v1/subscriptions/{id}`
pub(crate) const SUBSCRIPTION_CHANGE: &[Field] = &[
    optional("cancel_at_period_end", Bool),
    optional("items", List(&Object(&[optional("id", LONG), required("price", LONG)]))),
    optional("metadata", Pairs),
];

/// `POST /v1/billing_portal/sessions`
pub(crate) const PORTAL: &[Field] = &[required("customer", LONG), optional("return_url", WebUrl)];

/// `POST /v1/webhook_endpoints`
pub(crate) const ENDPOINT: &[Field] = &[
    optional("api_version description", LONG),
    optional("connect", Bool),
    required("enabled_events", List(&LONG)),
    optional("metadata", Pairs),
    required("url", WebUrl),
];

/// `POST /v1/webhook_endpoints/{id}`
pub(crate) const ENDPOINT_CHANGE: &[Field] = &[
    optional("description", LONG),
    optional("disabled", Bool),
    optional("enabled_events", List(&LONG)),
    optional("metadata", Pairs),
    optional("url", WebUrl),
];

/// `POST /v1/refunds`
pub(crate) const REFUND: &[Field] = &[
    optional("amount", Integer(1, 99_999_999)),
    optional("charge payment_intent", LONG),
    optional("metadata", Pairs),
    optional("reason", OneOf("duplicate fraudulent requested_by_customer")),
];

/// `POST /v1/disputes/{id}`
pub(crate) const EVIDENCE: &[Field] = &[
    optional("evidence", Object(&[optional("uncategorized_text", Text(20_000))])),
    optional("metadata", Pairs),
    optional("submit", Bool),
];

/// Every list.
pub(crate) const PAGE: &[Field] = &[optional("ending_before starting_after", LONG), optional("limit", Integer(1, 100))];

const CREATED: Field = optional("created", Object(&[optional("gt gte lt lte", INSTANT)]));

/// `GET /v1/checkout/sessions`
pub(crate) const SESSIONS: &[Field] =
    &[CREATED, optional("customer payment_intent", LONG), optional("status", OneOf("complete expired open"))];

/// `GET /v1/subscriptions`
pub(crate) const SUBSCRIPTIONS: &[Field] = &[CREATED, optional("customer status", LONG)];

/// `GET /v1/invoices`
pub(crate) const INVOICES: &[Field] = &[
    CREATED,
    optional("customer subscription", LONG),
    optional("status", OneOf("draft open paid uncollectible void")),
];

/// `POST /v1/invoices`
pub(crate) const INVOICE: &[Field] = &[
    optional("auto_advance", Bool),
    optional("automatic_tax", ENABLED),
    optional("collection_method", OneOf("charge_automatically")),
    optional("currency", Currency),
    required("customer", LONG),
    optional("default_payment_method", LONG),
    optional("description", Text(1500)),
    optional("footer", LONG),
    optional("metadata", Pairs),
    optional("payment_settings", Object(&[optional("payment_method_types", List(&OneOf("card")))])),
    optional("pending_invoice_items_behavior", OneOf("exclude include")),
    optional("statement_descriptor", Text(22)),
];

/// `POST /v1/invoices/{id}`
pub(crate) const INVOICE_CHANGE: &[Field] = &[
    optional("auto_advance", Bool),
    optional("automatic_tax", ENABLED),
    optional("default_payment_method", LONG),
    optional("description", Text(1500)),
    optional("footer", LONG),
    optional("metadata", Pairs),
];

/// `POST /v1/invoices/{id}/finalize`
pub(crate) const FINALIZE: &[Field] = &[optional("auto_advance", Bool)];

/// `POST /v1/invoices/{id}/pay`
pub(crate) const PAY: &[Field] = &[optional("off_session", Bool), optional("payment_method", LONG)];

/// `POST /v1/invoices/{id}/add_lines`
pub(crate) const LINES: &[Field] = &[
    optional("invoice_metadata", Pairs),
    required(
        "lines",
        List(&Object(&[
            optional("amount", AMOUNT),
            optional("description", LONG),
            optional("discountable", Bool),
            optional("metadata", Pairs),
            optional("price_data", Object(PRICE_DATA)),
            optional("quantity", Integer(0, 999_999)),
        ])),
    ),
];

/// `POST /v1/invoiceitems`
pub(crate) const INVOICE_ITEM: &[Field] = &[
    optional("amount", AMOUNT),
    optional("currency", Currency),
    required("customer", LONG),
    optional("description", LONG),
    optional("discountable", Bool),
    optional("invoice", LONG),
    optional("metadata", Pairs),
    optional("tax_behavior", OneOf("exclusive inclusive unspecified")),
    optional("tax_code", LONG),
];

const AMOUNT: Kind = Integer(-99_999_999, 99_999_999);

/// `GET /v1/invoiceitems`
pub(crate) const ITEMS: &[Field] = &[CREATED, optional("customer invoice", LONG)];

/// `GET /v1/invoice_payments`
pub(crate) const INVOICE_PAYMENTS: &[Field] = &[
    optional("invoice", LONG),
    optional("payment", Object(&[required("type", OneOf("payment_intent")), optional("payment_intent", LONG)])),
    optional("status", OneOf("canceled open paid")),
];

/// `GET /v1/payment_intents`
pub(crate) const OF_CUSTOMER: &[Field] = &[CREATED, optional("customer", LONG)];

/// `GET /v1/setup_intents`
pub(crate) const SETUP_INTENTS: &[Field] = &[CREATED, optional("customer payment_method", LONG)];

/// `GET /v1/payment_methods`
pub(crate) const PAYMENT_METHODS: &[Field] = &[optional("customer", LONG), optional("type", OneOf("card"))];

/// `GET /v1/refunds`, `GET /v1/disputes`
pub(crate) const OF_PAYMENT: &[Field] = &[CREATED, optional("charge payment_intent", LONG)];

/// `GET /v1/events`
pub(crate) const EVENTS: &[Field] =
    &[CREATED, optional("delivery_success", Bool), optional("type", LONG), optional("types", List(&LONG))];

const METHODS: &str = "acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact \
    billie bizum blik boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini \
    kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay \
    payto pix promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi \
    us_bank_account wechat_pay zip";

const LOCALES: &str = "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl \
    pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW";

const NOT_SIMULATED: &str = "adaptive_pricing after_expiration branding_settings consent_collection custom_fields \
    customer_account discounts excluded_payment_method_types integration_identifier managed_payments name_collection \
    optional_items origin_context payment_method_collection payment_method_configuration payment_method_data \
    payment_method_options permissions redirect_on_completion return_url saved_payment_method_options setup_intent_data \
    shipping_address_collection shipping_options subscription_data wallet_options";
