//! A customer's entries as they leave the house, and what proves them afterwards without a database.
//!
//! One rendering for the API's JSON, its CSV and the verifier: a field is good only if it is, letter for letter, what
//! would be written for the entry that was read from it.

use crate::domain::replay::{Head, Replay};
use crate::domain::time::to_millis;
use crate::domain::{Cause, Credits, Entry, EntryKind, GrantId, HoldId, Instant, PurchaseId, UsageId};
use crate::time_zone::rfc3339;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The fields of an entry, in the order of the CSV's columns.
pub const FIELDS: [&str; 15] = [
    "id",
    "seq",
    "kind",
    "grant",
    "amount",
    "balance_after",
    "held_change",
    "frozen_change",
    "event_at",
    "created_at",
    "ref",
    "hash",
    "expires_at",
    "note",
    "customer",
];

/// The fields of an entry, in the order of [`FIELDS`]; empty ones for null.
type ExportRow = [String; 15];

/// The fields of a customer's entry.
#[must_use]
pub fn export_fields(e: &Entry, customer: &str) -> ExportRow {
    [
        e.id().to_string(),
        e.seq.to_string(),
        e.kind.name().to_owned(),
        e.grant.to_string(),
        e.amount.to_string(),
        e.balance_after.to_string(),
        e.held_change.to_string(),
        e.frozen_change.to_string(),
        rfc3339(e.event_at),
        rfc3339(e.created_at),
        e.cause.to_string(),
        hex::encode(e.hash),
        e.expires_at.map(rfc3339).unwrap_or_default(),
        e.note.map(hex::encode).unwrap_or_default(),
        customer.to_owned(),
    ]
}

fn export_field<'a>(text: &'a ExportRow, name: &str) -> &'a str {
    let place = FIELDS.iter().position(|field| *field == name).unwrap_or_default();
    &text[place]
}

/// Reads an entry of this customer back; refuses what was not written just so.
fn parse_entry(text: &ExportRow, customer: &str) -> Result<Entry, String> {
    let field = |name: &str| export_field(text, name);
    let bad = |name: &str| format!("`{name}` is {:?}, which no entry has", field(name));
    let credits = |name: &str| Credits::parse(field(name)).map_err(|_| bad(name));
    let instant = |name: &str| field(name).parse::<Instant>().map(to_millis).map_err(|_| bad(name));
    let hash = |name: &str| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(field(name), &mut bytes).map(|()| bytes).map_err(|_| bad(name))
    };
    if customer.is_empty() {
        return Err(bad("customer"));
    }
    let entry = Entry {
        seq: field("seq").parse().map_err(|_| bad("seq"))?,
        kind: EntryKind::from_name(field("kind")).ok_or_else(|| bad("kind"))?,
        grant: GrantId::parse(field("grant")).ok_or_else(|| bad("grant"))?,
        amount: credits("amount")?,
        balance_after: credits("balance_after")?,
        held_change: credits("held_change")?,
        frozen_change: credits("frozen_change")?,
        expires_at: (!field("expires_at").is_empty()).then(|| instant("expires_at")).transpose()?,
        event_at: instant("event_at")?,
        created_at: instant("created_at")?,
        cause: parse_cause(field("ref")).ok_or_else(|| bad("ref"))?,
        note: (!field("note").is_empty()).then(|| hash("note")).transpose()?,
        hash: hash("hash")?,
    };
    match export_fields(&entry, customer).iter().zip(text).zip(FIELDS).find(|((written, read), _)| written != read) {
        Some(((written, read), name)) => Err(format!("`{name}` is {read:?} where {written:?} would have been written")),
        None => Ok(entry),
    }
}

fn parse_cause(text: &str) -> Option<Cause> {
    GrantId::parse(text)
        .map(Cause::Grant)
        .or_else(|| UsageId::parse(text).map(Cause::Usage))
        .or_else(|| HoldId::parse(text).map(Cause::Hold))
        .or_else(|| PurchaseId::parse(text).map(Cause::Purchase))
}

/// The result of a verified export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedExport {
    /// The customer; empty without entries.
    pub customer: Option<String>,
    /// Their end.
    pub head: Head,
}

/// Verifies an export, CSV or JSON: every line of one customer from the first on.
///
/// # Errors
/// The first line that is not as it was written, or does not follow from the one before it; in words that name it.
pub fn verify_export(text: &str) -> Result<VerifiedExport, String> {
    // The mark of UTF-8, which a program that kept the file may have set at its head.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found: Option<(String, Replay)> = None;
    let mut take = |place: String, line: &ExportRow| {
        let (customer, replay) = found.get_or_insert_with(|| {
            let customer = export_field(line, "customer").to_owned();
            let replay = Replay::new(&customer);
            (customer, replay)
        });
        let entry = parse_entry(line, customer).map_err(|reason| format!("{place}: {reason}"))?;
        replay.push(&entry).map_err(|broken| format!("{place}: {broken}"))
    };
    if text.trim_start().starts_with(['{', '[']) {
        read_json(text, &mut take)?
    } else {
        read_csv(text, &mut take)?
    }
    let (customer, replay) = found.map_or_else(|| (None, Replay::new("")), |(customer, it)| (Some(customer), it));
    let head = replay.end().map_err(|broken| broken.to_string())?;
    Ok(VerifiedExport { customer, head })
}

type Take<'a> = dyn FnMut(String, &ExportRow) -> Result<(), String> + 'a;

fn read_csv(text: &str, take: &mut Take<'_>) -> Result<(), String> {
    let mut lines = text.split('\n').enumerate().map(|(n, line)| (n + 1, line));
    if lines.next().map(|(_, head)| head) != Some(FIELDS.join(",").as_str()) {
        return Err(format!("line 1: not the columns of an export of entries: {}", FIELDS.join(",")));
    }
    while let Some((number, line)) = lines.next() {
        if line.is_empty() && lines.next().is_none() {
            return Ok(());
        }
        let fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        let fields = ExportRow::try_from(fields).map_err(|all| format!("line {number}: {} columns", all.len()))?;
        take(format!("line {number}"), &fields)?;
    }
    Err("the last line is cut off".to_owned())
}

/// A page of the API's list.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportPage<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    next: Option<String>,
}

/// Pages one after another as the API gives them, or one list of all entries.
fn read_json(text: &str, take: &mut Take<'_>) -> Result<(), String> {
    let broken = |e: serde_json::Error| format!("line {} column {}: no JSON of an export: {e}", e.line(), e.column());
    let mut number = 0;
    let mut more = None;
    for part in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let part = part.map_err(broken)?.get();
        if number > 0 && more.is_none() {
            return Err(format!("there is more after the last page, which ends with line {number}"));
        }
        let rows = if part.starts_with('[') {
            serde_json::from_str(part).map_err(broken)?
        } else {
            let page: ExportPage<'_> = serde_json::from_str(part).map_err(broken)?;
            more = page.next;
            page.data
        };
        for row in rows {
            number += 1;
            let fields = read_object(row.get()).map_err(|reason| format!("line {number} of the list: {reason}"))?;
            take(format!("line {number} of the list"), &fields)?;
        }
    }
    more.map_or(Ok(()), |next| {
        Err(format!("the list is incomplete: the page after line {number} (cursor {next}) is missing"))
    })
}

/// The fields of an entry's JSON, as they are written there.
fn read_object(text: &str) -> Result<ExportRow, String> {
    let pairs: Pairs<'_> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut found = BTreeMap::new();
    for (name, raw) in pairs.0 {
        let is_number = matches!(name.as_str(), "seq" | "amount" | "balance_after" | "held_change" | "frozen_change");
        let value =
            if is_number { raw.get().to_owned() } else { quoted(raw.get()).ok_or(format!("`{name}` is {raw}"))? };
        if !FIELDS.contains(&name.as_str()) || value.is_empty() || found.insert(name.clone(), value).is_some() {
            return Err(format!("`{name}` is unknown, empty or given twice"));
        }
    }
    Ok(FIELDS.map(|name| found.remove(name).unwrap_or_default()))
}

/// The text between plain quotation marks.
fn quoted(raw: &str) -> Option<String> {
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains(['\\', '"'])).then(|| text.to_owned())
}

/// An object's members in their order, none left out.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an entry")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::with_capacity(FIELDS.len());
                while let Some(pair) = map.next_entry::<String, &RawValue>()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(All)
    }
}
