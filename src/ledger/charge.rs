//! Charges: the hot path. Bound keys, the domain's decision, the answer.

use crate::clock::Clock;
use crate::domain::entry::note_hash;
use crate::domain::{Credits, Draw, Instant, Refusal, Summary, UsageId};
use crate::ledger::write_transaction::WriteTransaction;
use crate::store::account_locks::Busy;
use crate::store::daily_usage::day_number;
use crate::store::db::DbError;
use crate::store::entries::NewUsageColumns;
use crate::store::idempotency_keys;
use crate::store::idempotency_keys::{BoundAnswer, KeyBinding, KeyHash};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A charge as it was asked for; its values are good.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The SaaS's id of the customer.
    pub customer: String,
    /// The idempotency key.
    pub key: String,
    /// Hash of method, path and body (R4).
    pub content: [u8; 16],
    /// How much.
    pub credits: Credits,
    /// The operation.
    pub operation: Option<String>,
    /// JSON of counts.
    pub quantities: Option<String>,
    /// The SaaS's own name of who did it.
    pub source: Option<String>,
    /// JSON of the SaaS's own.
    pub metadata: Option<String>,
}

/// A charge that was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The usage.
    pub usage: UsageId,
    /// The draws from its grants.
    pub draws: Vec<Draw>,
    /// When.
    pub at: Instant,
    /// The balance right after it.
    pub balance: Summary,
}

/// The outcome of a charge. All but `Charged` changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// Booked.
    Charged(Charged),
    /// The key was bound to the same content: the usage, and the balance that was answered.
    Replayed(UsageId, Summary),
    /// The key is bound to something else.
    KeyReused,
    /// No such customer.
    UnknownCustomer,
    /// The customer is closed.
    Closed,
    /// Nothing was asked for; callers check this, and the ledger has no line of nothing.
    Nothing,
    /// Not enough; with the balance, and when the cycle ends.
    Insufficient {
        balance: Summary,
        /// When plan credits reset.
        resets_at: Instant,
        /// True if the plan may buy top-ups.
        may_buy: bool,
    },
}

impl ChargeOutcome {
    /// Its name in the metrics: where it is a refusal, its code in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Charged(_) => "charged",
            Self::Replayed(..) => "replayed",
            Self::KeyReused => "idempotency_key_reused",
            Self::UnknownCustomer => "not_found",
            Self::Closed => "customer_closed",
            Self::Nothing => "invalid_value",
            Self::Insufficient { .. } => "insufficient_credits",
        }
    }
}

impl WriteTransaction {
    /// Charges inside a job.
    ///
    /// # Errors
    /// The database fails. A refusal is a [`ChargeOutcome`].
    pub async fn charge(&mut self, charge: &Charge) -> Result<ChargeOutcome, DbError> {
        if let Some(no) = self.customer_no(&charge.customer).await? {
            self.lock(&[no], Busy::Wait).await?;
        }
        let mut outcomes = self.charge_all(&[charge]).await?;
        outcomes.pop().ok_or_else(|| crate::store::db::corrupt("a charge without an outcome"))
    }

    /// Decides charges in their order, whose accounts the transaction has.
    pub(super) async fn charge_all(&mut self, charges: &[&Charge]) -> Result<Vec<ChargeOutcome>, DbError> {
        let hashes: Vec<KeyHash> =
            charges.iter().map(|c| idempotency_keys::idempotency_key_hash(&c.customer, &c.key)).collect();
        let stored = self.cache.keys.find(&mut self.db, &hashes).await?;
        self.load_accounts(charges.iter().map(|c| c.customer.as_str())).await?;
        self.name_days(charges).await?;
        let mut out = Vec::with_capacity(charges.len());
        for (charge, key) in charges.iter().zip(hashes) {
            out.push(self.charge_one(charge, key, &stored).await?);
        }
        Ok(out)
    }

    /// Begins the day's names of all customers that these charges name something for.
    async fn name_days(&mut self, charges: &[&Charge]) -> Result<(), DbError> {
        let now = self.now();
        let mut missing: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for charge in charges.iter().filter(|charge| charge.source.is_some() || charge.operation.is_some()) {
            let Some(no) = self.cache.by_id.get(&charge.customer) else { continue };
            let Some(open) = self.cache.accounts.get(no) else { continue };
            let day = day_number(now.max(open.loaded.account.last_at));
            if open.names.as_ref().is_none_or(|names| names.day != day) {
                missing.entry(day).or_default().insert(*no);
            }
        }
        for (day, customers) in missing {
            self.count_names(day, &customers.into_iter().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// `stored` is what the database had bound to the charges' keys.
    async fn charge_one(
        &mut self,
        charge: &Charge,
        key: KeyHash,
        stored: &HashMap<KeyHash, KeyBinding>,
    ) -> Result<ChargeOutcome, DbError> {
        let Some(no) = self.cache.by_id.get(&charge.customer).copied() else {
            return Ok(ChargeOutcome::UnknownCustomer);
        };
        if let Some(binding) = self.bindings.get(&key).or_else(|| stored.get(&key)) {
            return Ok(replayed_charge(binding, charge.content));
        }
        if self.is_closed(no).await? {
            return Ok(ChargeOutcome::Closed);
        }
        if !charge.credits.is_positive() {
            return Ok(ChargeOutcome::Nothing);
        }
        let usage = UsageId(self.clock.mint());
        let (note, salt) = free_text(&self.clock, charge.source.as_deref(), charge.metadata.as_deref());
        let (credits, catalog) = (charge.credits, self.catalog.clone());
        let (drawn, at) =
            self.with_account(no, |account, at, _, changes| account.charge(usage, credits, note, at, changes)).await?;
        let open = self.cached_account(no).await?;
        let account = &open.loaded.account;
        let balance = Summary::of(account, at);
        let draws = match drawn {
            Ok(draws) => draws,
            Err(Refusal::Insufficient { .. } | _) => {
                let (resets_at, may_buy) = (account.cycle.end, catalog.may_buy(&account.plan));
                self.note_refused(no, credits).await?;
                return Ok(ChargeOutcome::Insufficient { balance, resets_at, may_buy });
            }
        };
        let first_seq = account.seq - i64::try_from(draws.len()).unwrap_or(0) + 1;
        let columns = usage_columns(charge, salt, at);
        self.add_usage(no, usage.bytes(), &draws, first_seq, columns).await?;
        let binding =
            KeyBinding { content: charge.content, status: 201, answer: BoundAnswer::Usage(pack(usage, &balance)) };
        self.bind_key(key, binding);
        Ok(ChargeOutcome::Charged(Charged { usage, draws, at, balance }))
    }
}

/// How free text enters the chain, and the salt to keep beside it: none where there is no text.
#[must_use]
pub fn free_text(clock: &Clock, source: Option<&str>, metadata: Option<&str>) -> (Option<[u8; 32]>, Option<[u8; 16]>) {
    if source.is_none() && metadata.is_none() {
        return (None, None);
    }
    let salt = *clock.mint().as_bytes();
    (Some(note_hash(&salt, &usage_note(source, metadata))), Some(salt))
}

/// The free text of a usage as it enters the chain.
#[must_use]
pub fn usage_note(source: Option<&str>, metadata: Option<&str>) -> String {
    format!("{}\n{}", source.unwrap_or_default(), metadata.unwrap_or_default())
}

fn usage_columns(charge: &Charge, salt: Option<[u8; 16]>, at: Instant) -> NewUsageColumns {
    NewUsageColumns {
        credits: charge.credits.0,
        operation: charge.operation.clone(),
        quantities: charge.quantities.clone(),
        source: charge.source.clone(),
        metadata: charge.metadata.clone(),
        salt,
        created_at: at.timestamp_millis(),
        hold: None,
    }
}

fn replayed_charge(binding: &KeyBinding, content: [u8; 16]) -> ChargeOutcome {
    let unpacked = match &binding.answer {
        BoundAnswer::Usage(bytes) if binding.content == content => unpack(bytes),
        _ => None,
    };
    unpacked.map_or(ChargeOutcome::KeyReused, |(usage, balance)| ChargeOutcome::Replayed(usage, balance))
}

/// A usage's id and the five numbers, as small as they are.
fn pack(usage: UsageId, balance: &Summary) -> Vec<u8> {
    let mut out = usage.bytes().to_vec();
    for number in [balance.available, balance.plan, balance.courtesy, balance.top_up, balance.held] {
        let mut rest = number.0.unsigned_abs();
        while rest >= 0x80 {
            out.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }
    out
}

fn unpack(bytes: &[u8]) -> Option<(UsageId, Summary)> {
    let (id, mut rest) = bytes.split_at_checked(16)?;
    let mut number = || -> Option<Credits> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, tail) = rest.split_first()?;
            rest = tail;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return i64::try_from(value).ok().map(Credits);
            }
        }
        None
    };
    let balance =
        Summary { available: number()?, plan: number()?, courtesy: number()?, top_up: number()?, held: number()? };
    Some((UsageId::from_bytes(id)?, balance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_answer_unpacks_to_the_same_numbers() {
        let balance = Summary {
            available: Credits(1_180_000),
            plan: Credits(180_000),
            courtesy: Credits::ZERO,
            top_up: Credits(i64::MAX),
            held: Credits(1),
        };
        let usage = UsageId(uuid::Uuid::from_u128(7));
        assert_eq!(unpack(&pack(usage, &balance)), Some((usage, balance)));
        assert_eq!(unpack(&pack(usage, &balance)[..18]), None);
    }
}
