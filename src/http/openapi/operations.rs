//! The table of operations.

use crate::http::request::code::Code;

/// The key that an operation needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One of `OPERATOR_KEYS`.
    Operator,
    /// A customer's key.
    Customer,
    /// None.
    None,
}

/// The request body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// Nothing.
    None,
    /// JSON of this shape.
    Json(&'static str),
    /// An event of Stripe.
    Raw,
}

/// A row of the table.
pub struct Operation {
    /// `operationId`, the name in generated clients.
    pub id: &'static str,
    /// The tag, a chapter of the document.
    pub tag: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// One line of text.
    pub summary: &'static str,
    /// The key that it needs.
    pub key: Access,
    /// Needs an idempotency key.
    pub is_bound: bool,
    /// The request body.
    pub body: RequestBody,
    /// Query parameters.
    pub query: &'static [&'static str],
    /// Success statuses.
    pub statuses: &'static [u16],
    /// The shape of the answer; empty without a body.
    pub answer: &'static str,
    /// Error codes beside those that follow from the other fields.
    pub codes: &'static [Code],
}

impl Operation {
    /// Its error statuses and codes.
    pub fn errors(&self) -> Vec<(u16, Code)> {
        let mut codes = Vec::new();
        if self.key != Access::None {
            codes.extend([Code::Unauthorized, Code::RateLimited, Code::Overloaded]);
        }
        if self.key == Access::Operator {
            codes.push(Code::InsufficientScope);
        }
        if self.path.contains("{id}") && self.method != "PUT" {
            codes.push(Code::NotFound);
        }
        if self.is_bound {
            codes.extend([
                Code::IdempotencyKeyMissing,
                Code::InvalidHeader,
                Code::IdempotencyKeyReused,
                Code::CustomerClosed,
            ]);
        }
        if matches!(self.body, RequestBody::Json(_)) {
            codes.extend([Code::InvalidJson, Code::InvalidValue, Code::MissingField, Code::UnknownField]);
            codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
        }
        if self.query.contains(&"cursor") {
            codes.push(Code::InvalidCursor);
        }
        let mut out: Vec<(u16, Code)> = codes.iter().chain(self.codes).map(|code| (code.status(), *code)).collect();
        if !self.query.is_empty() {
            out.push((400, Code::InvalidValue));
        }
        out
    }
}

/// A GET with an operator's key.
const READ: Operation = Operation {
    id: "",
    tag: "",
    method: "GET",
    path: "",
    summary: "",
    key: Access::Operator,
    is_bound: false,
    body: RequestBody::None,
    query: &[],
    statuses: &[200],
    answer: "",
    codes: &[],
};
/// A POST with an operator's key and an idempotency key.
const WRITE: Operation = Operation { method: "POST", is_bound: true, statuses: &[201], ..READ };
const LIST: &[&str] = &["limit", "cursor"];

/// The tags, in the order of the operations.
pub const TAGS: &[(&str, &str)] = &[
    ("Catalogue", "What is for sale"),
    ("Customers", "Accounts of the SaaS, and their balances"),
    ("Charges", "Credits for work done"),
    ("Holds", "Credits set aside for a running job"),
    ("Courtesy credits", "Credits as a gift, and the list of all grants"),
    ("Purchases", "Packages bought through Checkout"),
    ("Ledger", "Every line of a customer's ledger"),
    ("Access", "Portal links, and customers' own API keys"),
    ("Customer API", "Called by a customer's own programs"),
    ("Stripe", "Called by Stripe"),
    ("Test clock", "With TEST_CLOCK=1 only"),
    ("Operations", "Health, metrics and this document"),
    ("Messages", "Sent by this server to HOOK_URL"),
];

/// All operations.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    Operation { id: "readCatalog", tag: "Catalogue", path: "/v1/catalog", summary: "Shop, plans and packages", answer: "Catalog", ..READ },
    Operation { id: "readCustomer", tag: "Customers", path: "/v1/customers/{id}", summary: "A customer", answer: "Customer", ..READ },
    Operation { id: "putCustomer", tag: "Customers", method: "PUT", path: "/v1/customers/{id}", summary: "Create a customer (201) or change it (200); absent fields stay", body: RequestBody::Json("PutCustomer"), statuses: &[200, 201], answer: "Customer", codes: &[Code::CustomerClosed, Code::PlanManagedBySubscription], ..READ },
    Operation { id: "closeCustomer", tag: "Customers", method: "DELETE", path: "/v1/customers/{id}", summary: "Close a customer for ever: blanks personal data, ends sessions and keys", statuses: &[204], ..READ },
    Operation { id: "readBalance", tag: "Customers", path: "/v1/customers/{id}/balance", summary: "The balance now", answer: "Balance", ..READ },
    Operation { id: "charge", tag: "Charges", path: "/v1/customers/{id}/usage", summary: "Charge credits, whole or not at all", body: RequestBody::Json("Charge"), answer: "Charged", codes: &[Code::InsufficientCredits], ..WRITE },
    Operation { id: "listUsage", tag: "Charges", path: "/v1/customers/{id}/usage", summary: "Charges, newest first", query: LIST, answer: "list of Usage", ..READ },
    Operation { id: "chargeMany", tag: "Charges", path: "/v1/usage", summary: "Up to 1,000 charges in order, each on its own", is_bound: false, body: RequestBody::Json("Batch"), statuses: &[200], answer: "BatchResults", ..WRITE },
    Operation { id: "voidUsage", tag: "Charges", path: "/v1/usage/{id}/void", summary: "Undo a charge: returns all of its credits to their grants", body: RequestBody::Json("Reason"), statuses: &[200], answer: "Charged", codes: &[Code::AlreadyVoided], ..WRITE },
    Operation { id: "openHold", tag: "Holds", path: "/v1/customers/{id}/holds", summary: "Set credits aside for a running job", body: RequestBody::Json("OpenHold"), answer: "OpenedHold", codes: &[Code::InsufficientCredits, Code::LimitReached], ..WRITE },
    Operation { id: "listHolds", tag: "Holds", path: "/v1/customers/{id}/holds", summary: "Holds, newest first", query: &["limit", "cursor", "state"], answer: "list of Hold", ..READ },
    Operation { id: "readHold", tag: "Holds", path: "/v1/holds/{id}", summary: "A hold", answer: "Hold", ..READ },
    Operation { id: "settleHold", tag: "Holds", path: "/v1/holds/{id}/settle", summary: "Charge the cost of the job and return the rest", body: RequestBody::Json("Settle"), statuses: &[200], answer: "SettledHold", codes: &[Code::InsufficientCredits, Code::HoldSettled, Code::HoldReleased, Code::HoldLapsed], ..WRITE },
    Operation { id: "releaseHold", tag: "Holds", path: "/v1/holds/{id}/release", summary: "Return all credits of a hold", body: RequestBody::Json("Nothing"), statuses: &[200], answer: "ReleasedHold", codes: &[Code::HoldSettled, Code::HoldReleased, Code::HoldLapsed], ..WRITE },
    Operation { id: "giveCredits", tag: "Courtesy credits", path: "/v1/customers/{id}/grants", summary: "Give courtesy credits", body: RequestBody::Json("Give"), answer: "Granted", codes: &[Code::LimitReached], ..WRITE },
    Operation { id: "listGrants", tag: "Courtesy credits", path: "/v1/customers/{id}/grants", summary: "All grants, newest first", query: LIST, answer: "list of Grant", ..READ },
    Operation { id: "voidGrant", tag: "Courtesy credits", path: "/v1/grants/{id}/void", summary: "Take back the rest of a courtesy grant", body: RequestBody::Json("Reason"), statuses: &[200], answer: "Granted", codes: &[Code::AlreadyVoided, Code::GrantEnded, Code::GrantNotCourtesy], ..WRITE },
    Operation { id: "startPurchase", tag: "Purchases", path: "/v1/customers/{id}/purchases", summary: "Begin a purchase; send the browser to its url", body: RequestBody::Json("StartPurchase"), answer: "StartedPurchase", codes: &[Code::PlanCannotBuy, Code::BuyingOff, Code::PurchaseRefused, Code::LimitReached, Code::StripeUnavailable], ..WRITE },
    Operation { id: "listPurchases", tag: "Purchases", path: "/v1/customers/{id}/purchases", summary: "Purchases, newest first", query: LIST, answer: "list of Purchase", ..READ },
    Operation { id: "readPurchase", tag: "Purchases", path: "/v1/purchases/{id}", summary: "A purchase, with its timeline", answer: "PurchaseWithTimeline", ..READ },
    Operation { id: "readAutoTopUp", tag: "Purchases", path: "/v1/customers/{id}/auto_top_up", summary: "The rule of automatic top-ups", answer: "AutoTopUp", ..READ },
    Operation { id: "endAutoTopUp", tag: "Purchases", method: "DELETE", path: "/v1/customers/{id}/auto_top_up", summary: "Switch automatic top-up off, in every state; only a person in a browser switches it on", statuses: &[204], ..READ },
    Operation { id: "listEntries", tag: "Ledger", path: "/v1/customers/{id}/entries", summary: "The ledger, ascending; format=csv for all of it as a file", query: &["limit", "cursor", "format"], answer: "list of Entry", ..READ },
    Operation { id: "makePortalLink", tag: "Access", path: "/v1/customers/{id}/portal_sessions", summary: "A link to the customer's pages: five minutes, one use", is_bound: false, body: RequestBody::Json("PortalSession"), answer: "PortalLink", codes: &[Code::CustomerClosed], ..WRITE },
    Operation { id: "makeApiKey", tag: "Access", path: "/v1/customers/{id}/api_keys", summary: "An API key of the customer, shown once", is_bound: false, body: RequestBody::Json("MakeKey"), answer: "MadeKey", codes: &[Code::CustomerClosed], ..WRITE },
    Operation { id: "readAccount", tag: "Customer API", path: "/api/account", summary: "Plan and credits of the current cycle", key: Access::Customer, answer: "Account", ..READ },
    Operation { id: "readUsageStats", tag: "Customer API", path: "/api/usage-stats", summary: "Usage by day or week (UTC), oldest first", key: Access::Customer, query: &["range"], answer: "UsageStats", ..READ },
    Operation { id: "receiveEvent", tag: "Stripe", path: "/webhooks/stripe", summary: "Stripe's events, signed", key: Access::None, is_bound: false, body: RequestBody::Raw, statuses: &[200], codes: &[Code::InvalidHeader, Code::NotFound, Code::PayloadTooLarge, Code::StripeUnavailable, Code::Overloaded], ..WRITE },
    Operation { id: "readClock", tag: "Test clock", path: "/test/clock", summary: "The time of the test clock; TEST_CLOCK=1 only", answer: "Clock", codes: &[Code::NotFound], ..READ },
    Operation { id: "moveClock", tag: "Test clock", path: "/test/clock", summary: "Move the test clock forwards", is_bound: false, body: RequestBody::Json("MoveClock"), statuses: &[200], answer: "Clock", codes: &[Code::NotFound, Code::ClockBackwards], ..WRITE },
    Operation { id: "health", tag: "Operations", path: "/healthz", summary: "The process runs", key: Access::None, answer: "text", ..READ },
    Operation { id: "ready", tag: "Operations", path: "/readyz", summary: "The database answers", key: Access::None, answer: "text", codes: &[Code::Overloaded], ..READ },
    Operation { id: "metrics", tag: "Operations", path: "/metrics", summary: "For Prometheus; METRICS_KEY opens it too", answer: "metrics", ..READ },
    Operation { id: "readOpenapi", tag: "Operations", path: "/openapi.json", summary: "This document", key: Access::None, answer: "openapi", ..READ },
    Operation { id: "readDocs", tag: "Operations", path: "/docs", summary: "This document as a page", key: Access::None, answer: "html", ..READ },
    Operation { id: "readDocsStyle", tag: "Operations", path: "/docs.css", summary: "The stylesheet of the page", key: Access::None, answer: "css", ..READ },
];
