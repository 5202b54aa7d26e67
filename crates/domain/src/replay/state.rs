//! What a replay knows after a line, so that a later replay can go on from there.

use super::figures::GrantFigures;
use super::holds::{Alike, Draws, HoldBook};
use super::order::DueOrder;
use super::{Broken, Head, Replay};
use crate::account::PlanChange;
use crate::amount::Credits;
use crate::entry::Hash;
use crate::grant::Grant;
use crate::id::GrantId;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A replay between two operations.
#[derive(Clone, Serialize, Deserialize)]
pub struct ReplayState {
    seq: i64,
    hash: Hash,
    balance: i64,
    event_at: Option<Instant>,
    created_at: Option<Instant>,
    plan_until: Option<(Instant, GrantId)>,
    grants: BTreeMap<GrantId, GrantFigures>,
    due: DueOrder,
    holds: Vec<(Draws, Alike)>,
}

impl ReplayState {
    /// The last line.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash, balance: Credits(self.balance) }
    }
}

impl Replay {
    /// The state after the lines so far, which end with an operation's last.
    ///
    /// # Errors
    /// That operation, if it is broken.
    pub fn state(&mut self) -> Result<ReplayState, Broken> {
        self.end_operations()?;
        Ok(ReplayState {
            seq: self.seq,
            hash: self.hash,
            balance: self.balance,
            event_at: self.event_at,
            created_at: self.created_at,
            plan_until: self.plan_until,
            grants: self.grants.iter().map(|(id, figures)| (*id, figures.clone())).collect(),
            due: self.due.clone(),
            holds: self.holds.state(),
        })
    }

    /// Goes on from a state, with the facts of [`Replay::with_terms`].
    ///
    /// # Errors
    /// A grant whose kind is another now.
    pub fn resume(customer: &str, state: ReplayState, grants: &[Grant], plans: &[PlanChange]) -> Result<Self, Broken> {
        let mut replay = Self {
            seq: state.seq,
            hash: state.hash,
            balance: state.balance,
            event_at: state.event_at,
            created_at: state.created_at,
            plan_until: state.plan_until,
            grants: state.grants.into_iter().collect(),
            due: state.due,
            holds: HoldBook::of_state(state.holds),
            ..Self::new(customer).with_terms(grants, plans)
        };
        for (id, figures) in &replay.grants {
            let kind = replay.kind_of(*id);
            if kind.is_some() && kind != figures.kind {
                let reason = "its row has another kind than at the last check".to_owned();
                return Err(Broken { seq: None, grant: Some(*id), reason });
            }
            replay.open.moved(None, figures.place(*id).as_ref());
        }
        Ok(replay)
    }

    /// The last line of a grant; 0 before its first.
    #[must_use]
    pub fn last_seq_of(&self, grant: GrantId) -> i64 {
        self.grants.get(&grant).map_or(0, |figures| figures.last_seq)
    }
}
