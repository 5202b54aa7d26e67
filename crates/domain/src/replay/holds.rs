//! The holds that lines open and close.
//!
//! The lines of a settle name the usage, not the hold. If credits return, the `released` lines after it name the hold.
//! If the hold was used whole, the lines only show that one hold with exactly these draws is gone. Such holds are
//! counted by their draws, and must be gone at their lapse.

use super::Broken;
use super::order::BurnKey;
use crate::entry::Cause;
use crate::hold::Hold;
use crate::id::{GrantId, HoldId};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// Held credits by grant, ordered by id.
pub(super) type Draws = Vec<(GrantId, i64)>;

/// The draws of a usage on a hold that no line has named yet.
pub(super) struct Settling {
    draws: Draws,
    seq: i64,
    pub event_at: Instant,
    pub created_at: Instant,
}

impl Settling {
    /// From the held changes of a usage's lines; `None` if it used no hold.
    pub fn from_changes(changes: Draws, seq: i64, event_at: Instant, created_at: Instant) -> Option<Self> {
        let draws = negated(changes.into_iter().filter(|(_, change)| *change != 0).collect());
        (!draws.is_empty()).then_some(Self { draws, seq, event_at, created_at })
    }

    pub fn broken(&self, reason: String) -> Broken {
        Broken { seq: Some(self.seq), grant: None, reason }
    }
}

struct OpenedHold {
    draws: Draws,
    expires_at: Instant,
}

/// Open holds with equal draws.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Alike {
    /// By lapse.
    members: BTreeSet<(Instant, HoldId)>,
    /// The number of them that were used whole.
    consumed: usize,
}

/// Every hold that may be open.
#[derive(Default)]
pub(super) struct HoldBook {
    opened: HashMap<HoldId, OpenedHold>,
    alike: HashMap<Draws, Alike>,
    lapses: BTreeSet<(Instant, HoldId)>,
}

impl HoldBook {
    /// Holds with equal draws, by these.
    pub fn state(&self) -> Vec<(Draws, Alike)> {
        let mut all: Vec<_> = self.alike.iter().map(|(draws, alike)| (draws.clone(), alike.clone())).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub fn of_state(state: Vec<(Draws, Alike)>) -> Self {
        let mut book = Self::default();
        for (draws, alike) in state {
            for (expires_at, id) in alike.members.iter().copied() {
                book.lapses.insert((expires_at, id));
                book.opened.insert(id, OpenedHold { draws: draws.clone(), expires_at });
            }
            book.alike.insert(draws, alike);
        }
        book
    }

    /// Opens the hold of `held` lines.
    pub fn open(&mut self, id: HoldId, mut draws: Draws, expires_at: Instant) -> Result<(), String> {
        draws.sort_unstable();
        if self.opened.contains_key(&id) {
            return Err(format!("{id} is opened twice"));
        }
        self.lapses.insert((expires_at, id));
        self.alike.entry(draws.clone()).or_default().members.insert((expires_at, id));
        self.opened.insert(id, OpenedHold { draws, expires_at });
        Ok(())
    }

    /// The lapse of a hold.
    pub fn lapse_of(&self, cause: Cause) -> Option<Instant> {
        let Cause::Hold(id) = cause else { return None };
        self.opened.get(&id).map(|hold| hold.expires_at)
    }

    /// Closes one hold that a settle has used whole.
    pub fn settle_whole(&mut self, settled: &Settling) -> Result<(), String> {
        let open = |alike: &&mut Alike| {
            alike.members.len() > alike.consumed
                && alike.members.last().is_some_and(|(lapse, _)| *lapse > settled.event_at)
        };
        let alike = self.alike.get_mut(&settled.draws).filter(open);
        let alike = alike.ok_or("takes from `held` what no open hold has drawn")?;
        alike.consumed += 1;
        if alike.consumed == alike.members.len() {
            for (lapse, id) in std::mem::take(&mut alike.members) {
                self.lapses.remove(&(lapse, id));
                self.opened.remove(&id);
            }
            self.alike.remove(&settled.draws);
        }
        Ok(())
    }

    /// Closes the hold of `released` lines: whole, or the rest of a settle right before them.
    pub fn give_back(
        &mut self,
        id: HoldId,
        changes: Draws,
        at: Instant,
        late: bool,
        settled: Option<Settling>,
        key: impl Fn(GrantId) -> Option<BurnKey>,
    ) -> Result<(), String> {
        let hold = self.opened.get(&id).ok_or_else(|| format!("{id} is not open"))?;
        let (draws, lapse, back) = (hold.draws.clone(), hold.expires_at, negated(changes));
        if at > lapse || (late && at != lapse) {
            return Err(format!("{id} lapses at {lapse}, not when it is returned"));
        }
        if back == draws {
            if let Some(settled) = settled {
                self.settle_whole(&settled)?;
            }
        } else {
            let settled = settled.ok_or_else(|| format!("a part of {id} comes back that no settle left"))?;
            if at == lapse {
                return Err(format!("{id} had lapsed when it was settled"));
            }
            let last = settled.draws.iter().filter_map(|(grant, _)| key(*grant)).max();
            let first = back.iter().filter_map(|(grant, _)| key(*grant)).min();
            if last.zip(first).is_some_and(|(last, first)| last > first) {
                return Err(format!("{id} was not consumed in burn order"));
            }
            if merged_draws(settled.draws, back) != draws {
                return Err(format!("what was taken and what came back is not what {id} has drawn"));
            }
        }
        self.close(id)
    }

    /// Takes out a named hold.
    fn close(&mut self, id: HoldId) -> Result<(), String> {
        let Some(hold) = self.opened.remove(&id) else { return Ok(()) };
        self.lapses.remove(&(hold.expires_at, id));
        let Some(alike) = self.alike.get_mut(&hold.draws) else { return Ok(()) };
        alike.members.remove(&(hold.expires_at, id));
        if alike.consumed > alike.members.len() {
            return Err(format!("{id} is closed, and as many holds of its draws were settled as there were"));
        }
        if alike.members.len() == alike.consumed {
            for (lapse, id) in std::mem::take(&mut alike.members) {
                self.lapses.remove(&(lapse, id));
                self.opened.remove(&id);
            }
            self.alike.remove(&hold.draws);
        }
        Ok(())
    }

    /// Checks that every hold with a lapse before `at` is gone; before a command also at `at`.
    pub fn none_overdue(&mut self, at: Instant, command: bool) -> Result<(), String> {
        while let Some((lapse, id)) = self.lapses.first().copied() {
            if lapse > at || (lapse == at && !command) {
                break;
            }
            // The hold must be one of those used whole.
            let alike = self.opened.get(&id).and_then(|hold| self.alike.get_mut(&hold.draws));
            let alike = alike.filter(|alike| alike.consumed > 0);
            alike.ok_or_else(|| format!("{id} was due to lapse at {lapse}, and did not"))?.consumed -= 1;
            self.close(id)?;
        }
        Ok(())
    }

    /// True if the stored open holds are those that the lines left open, all alive at `at`.
    pub fn agrees(mut self, rows: &[Hold], at: Instant) -> Result<(), String> {
        self.none_overdue(at, true)?;
        for row in rows {
            let mut draws: Draws = row.draws.iter().map(|draw| (draw.grant, draw.credits.0)).collect();
            draws.sort_unstable();
            let hold = self.opened.get(&row.id).ok_or_else(|| format!("{} is stored as open, and is not", row.id))?;
            if (&hold.draws, hold.expires_at) != (&draws, row.expires_at) {
                return Err(format!("{} is stored with other draws or another lapse", row.id));
            }
            self.close(row.id)?;
        }
        let left = self.alike.values().find(|alike| alike.members.len() > alike.consumed);
        match left.and_then(|alike| alike.members.first()) {
            Some((_, id)) => Err(format!("{id} is open, and is not stored as open")),
            None => Ok(()),
        }
    }
}

/// The draws that these changes of `held` return.
fn negated(changes: Draws) -> Draws {
    let mut draws: Draws = changes.into_iter().map(|(grant, change)| (grant, -change)).collect();
    draws.sort_unstable();
    draws
}

/// The sum of two lists of draws.
fn merged_draws(mut draws: Draws, more: Draws) -> Draws {
    for (grant, credits) in more {
        match draws.iter_mut().find(|(other, _)| *other == grant) {
            Some((_, sum)) => *sum = sum.saturating_add(credits),
            None => draws.push((grant, credits)),
        }
    }
    draws.sort_unstable();
    draws
}
