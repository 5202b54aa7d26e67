//! The shapes of requests and answers. A field whose name ends in `?` is optional.

use crate::http::request::code::Code;
use serde_json::{Map, Value, json};

/// All shapes by name.
pub fn all() -> Value {
    let mut out = Map::new();
    for part in [requests(), ledger(), customers(), access(), problems(), messages(), lists()] {
        if let Value::Object(part) = part {
            out.extend(part);
        }
    }
    Value::Object(out)
}

/// Outgoing webhooks (docs/hooks.md).
fn messages() -> Value {
    let message =
        |kind: Value, data: Value| object(json!({"type": kind, "timestamp": instant(), "data": object(data)}));
    let credited = json!({"customer": string(), "purchase": id("pur"), "origin": origin(), "credits": credits(), "expires_at": instant(), "balance": reference("Summary")});
    let alarm = json!({"alarm": string(), "kind": string(), "subject": string(), "detail": string(), "due_at": nullable(instant()), "customer": nullable(string()), "url": string()});
    let crossed = json!({"customer": string(), "balance": reference("Summary"), "resets_at": instant(), "buy_url": nullable(string())});
    json!({
        "TopUpCredited": message(one_of(&["top_up.credited"]), credited),
        "CreditsLow": message(one_of(&["credits.low"]), crossed.clone()),
        "CreditsExhausted": message(one_of(&["credits.exhausted"]), crossed),
        "AutoTopUpSuspended": message(one_of(&["auto_top_up.suspended"]), json!({"customer": string(), "reason": one_of(&SUSPENDED), "url": string()})),
        "AutoTopUpBlocked": message(one_of(&["auto_top_up.blocked"]), json!({"customer": string(), "url": string()})),
        "AutoTopUpConfirmationRequired": message(one_of(&["auto_top_up.confirmation_required"]), json!({"customer": string(), "purchase": id("pur"), "url": string()})),
        "AlarmRaised": message(one_of(&["alarm.raised"]), alarm),
    })
}

/// A page of each list.
fn lists() -> Value {
    let page = |row: &str| object(json!({"data": array(reference(row)), "next": nullable(string())}));
    let rows = ["Usage", "Hold", "Grant", "Purchase", "Entry"];
    rows.into_iter().map(|row| (format!("{row}List"), page(row))).collect::<Map<_, _>>().into()
}

/// A shape by its name.
pub fn reference(shape: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{shape}")})
}

/// A parameter of the query.
pub fn parameter(name: &str) -> Value {
    match name {
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
        "state" => one_of(&["open", "settled", "released", "lapsed"]),
        "format" => one_of(&["json", "csv"]),
        "range" => one_of(&["7d", "30d", "weekly"]),
        _ => string(),
    }
}

/// An object with these fields, and perhaps more.
fn object(fields: Value) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    if let Value::Object(fields) = fields {
        for (name, shape) in fields {
            match name.strip_suffix('?') {
                Some(name) => properties.insert(name.to_owned(), shape),
                None => {
                    required.push(name.clone());
                    properties.insert(name, shape)
                }
            };
        }
    }
    json!({"type": "object", "properties": properties, "required": required})
}

/// A request body: unknown fields are errors.
fn request(fields: Value) -> Value {
    let mut out = object(fields);
    if let Some(out) = out.as_object_mut() {
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    out
}

fn string() -> Value {
    json!({"type": "string"})
}

fn text(max: u32) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": max})
}

fn boolean() -> Value {
    json!({"type": "boolean"})
}

fn whole() -> Value {
    json!({"type": "integer", "format": "int64"})
}

fn one_of(values: &[&str]) -> Value {
    json!({"type": "string", "enum": values})
}

/// This, or null.
fn nullable(mut shape: Value) -> Value {
    if !shape["type"].is_string() {
        return json!({"anyOf": [shape, {"type": "null"}]});
    }
    shape["type"] = json!([shape["type"], "null"]);
    shape
}

fn array(shape: Value) -> Value {
    json!({"type": "array", "items": shape})
}

fn described(mut shape: Value, about: &str) -> Value {
    shape["description"] = json!(about);
    shape
}

fn credits() -> Value {
    reference("Credits")
}

fn instant() -> Value {
    reference("Instant")
}

fn id(prefix: &str) -> Value {
    json!({"type": "string", "pattern": format!("^{prefix}_[0-9a-f]{{32}}$")})
}

fn origin() -> Value {
    one_of(&["person", "api", "automatic"])
}

/// Why a rule of automatic top-ups does nothing, until a person acts or by itself.
const SUSPENDED: [&str; 5] = ["declined", "authentication", "dispute", "refund", "review"];
const ASLEEP: [&str; 7] =
    ["plan_cannot_buy", "buying_off", "customer_closed", "nobody", "package_gone", "price_changed", "tax_unknown"];

fn auto_top_up() -> Value {
    let reasons = [ASLEEP.as_slice(), &SUSPENDED].concat().join(", ");
    let fields = json!({"state": one_of(&["off", "on", "asleep", "suspended"]), "reason": described(nullable(string()), &reasons), "package": nullable(string()),
        "threshold": nullable(credits()), "cap": nullable(whole()), "spent": nullable(whole()), "currency": nullable(string()),
        "card": nullable(reference("SavedCard")), "consented_at": nullable(instant()), "blocked": boolean()});
    described(
        object(fields),
        "The fields of a rule that is off are null. spent counts as the cap does: the last 30 x 24 hours",
    )
}

fn kind() -> Value {
    one_of(&["plan", "courtesy", "top_up"])
}

fn positive() -> Value {
    json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000_000})
}

fn operation() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9_.-]{1,32}$"})
}

fn requests() -> Value {
    let count = json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": 1_000_000_000_000_i64});
    let quantities = json!({"type": "object", "description": "Counts by the keys of the catalogue's [[metric]]s; any other key is 422 unknown_field", "additionalProperties": count});
    let charge = json!({"credits": positive(), "operation?": operation(), "quantities?": reference("Quantities"), "source?": text(64), "metadata?": {"type": "object", "additionalProperties": true}});
    let mut in_batch = charge.clone();
    in_batch["customer"] = reference("CustomerId");
    in_batch["idempotency_key"] = json!({"type": "string", "minLength": 1, "maxLength": 255});
    let mut settle = charge.clone();
    settle["credits"] = json!({"type": "number", "minimum": 0, "maximum": 1_000_000_000});
    json!({
        "Quantities": quantities,
        "Charge": request(charge),
        "BatchCharge": request(in_batch),
        "Batch": request(json!({"charges": {"type": "array", "minItems": 1, "maxItems": 1000, "items": reference("BatchCharge")}})),
        "Settle": request(settle),
        "OpenHold": request(json!({"credits": positive(), "ttl_seconds": {"type": "integer", "minimum": 1, "maximum": crate::domain::hold::TTL_SECONDS_MAX}, "operation?": operation(), "source?": text(64)})),
        "Reason": request(json!({"reason": text(200)})),
        "Nothing": request(json!({})),
        "Give": request(json!({"credits": positive(), "expires_at": instant(), "reason": text(200)})),
        "StartPurchase": request(json!({"package": string()})),
        "PutCustomer": request(json!({"email?": string(), "name?": text(200), "plan?": string(), "cycle_anchor?": instant(), "timezone?": string()})),
        "PortalSession": request(json!({"member_email?": string(), "role?": one_of(&["owner", "admin", "viewer"]), "path?": string(), "return_url?": string()})),
        "MakeKey": request(json!({"name": text(100)})),
        "MoveClock": request(json!({"advance_to?": instant(), "advance_days?": {"type": "integer", "minimum": 0}})),
    })
}

fn ledger() -> Value {
    let draw = object(json!({"grant": id("grt"), "kind": kind(), "credits": credits()}));
    let summary = object(
        json!({"available": credits(), "plan": credits(), "courtesy": credits(), "top_up": credits(), "held": credits()}),
    );
    let usage = json!({"id": id("use"), "customer": string(), "credits": credits(), "operation": nullable(string()), "draws": array(reference("Draw")), "source": nullable(string()), "created_at": instant(), "voided_at?": instant()});
    let mut charged = usage.clone();
    charged["balance"] = reference("Summary");
    let hold_state = one_of(&["open", "settled", "released", "lapsed"]);
    let grant = json!({"id": id("grt"), "kind": kind(), "amount": credits(), "remaining": credits(), "held": credits(), "frozen": credits(),
        "state": one_of(&["active", "pending", "frozen", "paused", "exhausted", "expired", "voided"]), "effective_at": instant(), "expires_at": instant()});
    let (mut listed, mut granted) = (grant.clone(), grant);
    listed["purchase"] = nullable(id("pur"));
    granted["reason"] = nullable(string());
    granted["balance"] = reference("Summary");
    json!({
        "Credits": {"type": "number", "description": "Exact to a thousandth"},
        "Instant": {"type": "string", "format": "date-time"},
        "Draw": draw,
        "Summary": summary,
        "Usage": object(usage),
        "Charged": object(charged),
        "BatchResults": object(json!({"results": array(reference("BatchResult"))})),
        "BatchResult": described(
            object(json!({"status": whole(), "usage?": reference("Charged"), "replayed?": boolean(), "error?": reference("Problem")})),
            "A usage with 201, an error with any other status",
        ),
        "Hold": object(json!({"id": id("hld"), "customer": string(), "credits": credits(), "draws": array(reference("Draw")), "state": hold_state, "created_at": instant(), "expires_at": instant(), "usage?": id("use")})),
        "OpenedHold": object(json!({"id": id("hld"), "customer": string(), "credits": credits(), "draws": array(reference("Draw")), "state": one_of(&["open"]), "expires_at": instant(), "balance": reference("Summary")})),
        "SettledHold": object(json!({"id": id("hld"), "state": one_of(&["settled"]), "credits": credits(), "released": credits(), "draws": array(reference("Draw")), "usage": nullable(id("use")), "balance": reference("Summary")})),
        "ReleasedHold": object(json!({"id": id("hld"), "state": one_of(&["released"]), "balance": reference("Summary")})),
        "Grant": object(listed),
        "Granted": object(granted),
        "Entry": object(json!({"id": id("ent"), "seq": {"type": "integer", "minimum": 1},
            "kind": one_of(&["granted", "used", "expired", "refunded", "disputed", "restored", "voided", "held", "released", "frozen", "thawed", "extended"]),
            "grant": id("grt"), "amount": credits(), "balance_after": credits(), "held_change": credits(), "frozen_change": credits(), "event_at": instant(), "created_at": instant(),
            "ref": string(), "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "expires_at?": instant(), "note?": string(), "customer": reference("CustomerId")})),
    })
}

fn customers() -> Value {
    let next = nullable(reference("NextPlan"));
    let purchase = json!({"id": id("pur"), "package": string(), "credits": credits(), "amount": whole(), "currency": string(), "origin": origin(), "quantity": {"type": "integer", "minimum": 1},
        "state": one_of(&["created", "open", "processing", "credited", "expired", "failed", "review"]), "refunded_amount": whole(), "dispute": nullable(string()), "shortfall": credits(),
        "created_at": instant(), "credited_at": nullable(instant()), "expires_at": nullable(instant()), "grant": nullable(id("grt"))});
    let mut with_timeline = purchase.clone();
    with_timeline["timeline"] = array(object(json!({"what": string(), "at": instant()})));
    json!({
        "NextPlan": object(json!({"id": string(), "at": instant()})),
        "CustomerId": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        "Catalog": object(json!({
            "shop": object(json!({"name": string(), "currency": string()})),
            "plans": array(object(json!({"id": string(), "name": string(), "amount": whole(), "credits": whole(), "top_ups": boolean()}))),
            "packages": array(object(json!({"id": string(), "credits": whole(), "amount": whole()}))),
        })),
        "Customer": object(json!({"id": reference("CustomerId"), "email": string(), "name": string(), "plan": object(json!({"id": string(), "name": string(), "next": next})),
            "subscription?": object(json!({"id": string(), "status": string(), "grace_until": nullable(instant()), "ends_at": nullable(instant())})),
            "cycle": object(json!({"start": instant(), "end": instant()})), "timezone": string(), "created_at": instant(), "closed_at?": instant()})),
        "Balance": object(json!({"as_of": instant(), "available": credits(), "held": credits(),
            "plan": object(json!({"id": string(), "name": string(), "allowance": credits(), "used": credits(), "held": credits(), "remaining": credits(), "resets_at": instant(), "next": next})),
            "courtesy": object(json!({"remaining": credits(), "held": credits()})),
            "top_up": object(json!({"remaining": credits(), "held": credits(), "frozen": credits(), "paused": credits(), "next_expiry": nullable(object(json!({"at": instant(), "credits": credits()})))})),
            "grants": array(reference("Grant"))})),
        "StartedPurchase": object(json!({"id": id("pur"), "url": nullable(string()), "state": string(), "package": string(), "credits": credits(), "amount": whole(), "currency": string()})),
        "Purchase": object(purchase),
        "AutoTopUp": auto_top_up(),
        "SavedCard": object(json!({"brand": string(), "last4": string(), "exp_month": whole(), "exp_year": whole()})),
        "PurchaseWithTimeline": object(with_timeline),
    })
}

fn access() -> Value {
    let data = |shape: Value| object(json!({"status": one_of(&["ok"]), "data": shape}));
    json!({
        "PortalLink": object(json!({"url": string(), "expires_at": instant()})),
        "MadeKey": object(json!({"id": id("key"), "key": {"type": "string", "pattern": "^tk_[0-9a-f]{64}$"}})),
        "Clock": object(json!({"now": instant()})),
        "Account": data(object(json!({
            "plan": object(json!({"name": string()})),
            "credits": object(json!({"limit": credits(), "used": credits(), "remaining": credits(), "billingCycleStart": instant()})),
            "subscription": object(json!({"status": nullable(string())})),
        }))),
        "UsageStats": data(array(object(json!({"label": string(), "date": {"type": "string", "format": "date"}, "requests": whole(), "crawls": whole(), "tokens": whole(),
            "captchas": whole(), "latency": {"type": "number", "description": "Milliseconds on average; 0 without data"}, "credits": credits()})))),
    })
}

fn problems() -> Value {
    let code = || reference("Code");
    let problem = json!({"type": {"type": "string", "format": "uri"}, "title": string(), "status": whole(), "code": code(), "detail": string(), "request_id?": string(), "errors?": array(reference("FieldError"))});
    let (mut general, mut shortage) = (problem.clone(), problem);
    for name in ["needed", "available", "plan", "courtesy", "top_up", "held"] {
        shortage[name] = credits();
        general[format!("{name}?")] = credits();
    }
    shortage["resets_at"] = instant();
    general["resets_at?"] = instant();
    shortage["buy_url"] = nullable(string());
    general["buy_url?"] = nullable(string());
    json!({
        "Code": {"type": "string", "enum": Code::ALL},
        "FieldError": object(json!({"field": string(), "code": code(), "detail": string()})),
        "Problem": described(object(general), "The error (RFC 9457); `needed` and the fields after it with insufficient_credits only"),
        "Shortage": object(shortage),
        "CustomerError": object(json!({"status": one_of(&["error"]), "message": string(), "code?": code()})),
    })
}
