//! The end of a replay: the stored rows equal the sums of the lines.

use super::{Broken, Head, Replay, Report};
use crate::account::Account;
use crate::amount::Credits;
use crate::grant::Grant;
use crate::hold::Hold;
use crate::id::GrantId;
use std::collections::HashMap;

fn broken_end(reason: impl Into<String>) -> Broken {
    Broken { seq: None, grant: None, reason: reason.into() }
}

impl Replay {
    /// Ends a replay without rows.
    ///
    /// # Errors
    /// The last operation, if it is broken.
    pub fn end(mut self) -> Result<Head, Broken> {
        self.end_operations()?;
        Ok(Head { seq: self.seq, hash: self.hash, balance: Credits(self.balance) })
    }

    pub(super) fn end_operations(&mut self) -> Result<(), Broken> {
        self.end_run()?;
        match self.settling.take() {
            Some(settled) => self.holds.settle_whole(&settled).map_err(|reason| settled.broken(reason)),
            None => Ok(()),
        }
    }

    /// Compares the sums with the stored rows: every grant of the customer, the open holds, the account (without its
    /// lists of grants and holds).
    ///
    /// # Errors
    /// The first row that differs.
    pub fn finish(mut self, grants: &[Grant], open_holds: &[Hold], account: &Account) -> Result<Report, Broken> {
        self.end_operations()?;
        self.account_agrees(account)?;
        self.grants_agree(grants)?;
        self.open
            .none_overdue(account.last_at, true)
            .map_err(|(grant, reason)| Broken { grant: Some(grant), ..broken_end(reason) })?;
        held_agrees(grants, open_holds)?;
        self.holds.agrees(open_holds, account.last_at).map_err(broken_end)?;
        Ok(Report {
            entries: self.seq,
            grants: grants.len(),
            open_holds: open_holds.len(),
            balance: Credits(self.balance),
            used: Credits(self.grants.values().fold(0, |sum: i64, figures| sum.saturating_add(figures.used))),
        })
    }

    fn account_agrees(&self, account: &Account) -> Result<(), Broken> {
        let sums = account.customer == self.customer && account.seq == self.seq && account.hash == self.hash;
        if !sums {
            return Err(broken_end(format!("the account is at entry {}, the lines end at {}", account.seq, self.seq)));
        }
        if account.balance.0 != self.balance {
            return Err(broken_end(format!(
                "the account has {}, the lines {}",
                account.balance,
                Credits(self.balance)
            )));
        }
        if self.created_at.is_some_and(|at| at > account.last_at) {
            return Err(broken_end("a line is booked after the account's last_at"));
        }
        if account.last_at < account.cycle.start || account.last_at >= account.cycle.end {
            return Err(broken_end("the account's cycle is not the one of its last_at"));
        }
        match self
            .plans
            .last()
            .filter(|last| last.plan != account.plan || last.pauses_top_ups != account.top_ups_paused)
        {
            Some(last) => Err(broken_end(format!(
                "the account is on {}, its last change of plan was to {}",
                account.plan, last.plan
            ))),
            None => Ok(()),
        }
    }

    fn grants_agree(&self, grants: &[Grant]) -> Result<(), Broken> {
        let mut sum: i128 = 0;
        for row in grants {
            let at = |reason| Broken { grant: Some(row.id), ..broken_end(reason) };
            let figures = self.grants.get(&row.id).ok_or_else(|| at("it has a row and no line".to_owned()))?;
            if let Some(reason) = figures.differs(row) {
                return Err(at(reason));
            }
            sum += figures.balance();
        }
        if grants.len() > self.grants.len() {
            return Err(broken_end("a grant has two rows"));
        }
        if grants.len() < self.grants.len() {
            let unknown = self.grants.keys().find(|id| !grants.iter().any(|row| row.id == **id));
            return Err(Broken { grant: unknown.copied(), ..broken_end("it has lines and no row") });
        }
        if sum != i128::from(self.balance) {
            return Err(broken_end("the grants do not add up to the balance"));
        }
        Ok(())
    }
}

/// Held credits of grants equal the draws of open holds.
fn held_agrees(grants: &[Grant], open_holds: &[Hold]) -> Result<(), Broken> {
    let mut drawn: HashMap<GrantId, i64> = HashMap::new();
    for draw in open_holds.iter().flat_map(|hold| &hold.draws) {
        let sum = drawn.entry(draw.grant).or_default();
        *sum = sum.saturating_add(draw.credits.0);
    }
    for row in grants {
        let held = drawn.remove(&row.id).unwrap_or_default();
        if held != row.held.0 {
            let reason = format!("{} of it are held, open holds have drawn {}", row.held, Credits(held));
            return Err(Broken { grant: Some(row.id), ..broken_end(reason) });
        }
    }
    match drawn.into_keys().next() {
        Some(grant) => Err(Broken { grant: Some(grant), ..broken_end("an open hold draws on it, and it has no row") }),
        None => Ok(()),
    }
}
