//! The code under test as the engine uses it: an account, a simulated store, the lines so far.

use crate::history::History;
use std::collections::HashMap;
use topup_domain::account::PlanChange;
use topup_domain::time::from_millis;
use topup_domain::{Account, Catalog, Changes, Entry, Grant, GrantId, Hold, HoldId};

/// Plans of both catalogues: whole credits, and whether they may buy. The second has other numbers.
const PLANS: [[(i64, bool); 4]; 2] =
    [[(0, false), (2, true), (5, true), (5, false)], [(1, false), (4, false), (3, true), (8, true)]];

pub const CUSTOMER: &str = "acme";

/// The plans of a catalogue: allowance in whole credits, and whether they may buy.
pub fn plans(history: &History, catalog: usize) -> Vec<(i64, bool)> {
    let scale = if history.quantum == 1 { 0 } else { 1 };
    PLANS[catalog].iter().map(|(credits, buys)| (credits * scale, *buys)).collect()
}

pub fn pauses(history: &History, catalog: usize) -> bool {
    history.pauses == (catalog == 0)
}

/// The catalogue has `require_notice`.
pub fn notices(history: &History, catalog: usize) -> bool {
    history.notices && catalog == 0
}

pub fn catalog(history: &History, which: usize) -> Catalog {
    let lapsed = if pauses(history, which) { "paused" } else { "usable" };
    let mut text = format!(
        "[shop]\nname = \"S\"\nsupport_email = \"s@s.example\"\nhome_url = \"https://s.example\"\n\
         terms_url = \"https://s.example/t\"\ncurrency = \"usd\"\n[rules]\nlapsed_top_ups = \"{lapsed}\"\n\
         require_notice = {}\n",
        notices(history, which)
    );
    for (i, (credits, buys)) in plans(history, which).into_iter().enumerate() {
        text.push_str(&format!(
            "[[plan]]\nid = \"plan{i}\"\nname = \"P\"\namount = 0\ncredits = {credits}\ntop_ups = {buys}\n"
        ));
    }
    Catalog::parse(&text).expect("a good catalogue")
}

#[derive(Clone)]
pub struct World {
    pub account: Account,
    pub catalogs: [Catalog; 2],
    pub catalog: usize,
    pub entries: Vec<Entry>,
    pub rows: HashMap<GrantId, Grant>,
    pub open_holds: HashMap<HoldId, Hold>,
    pub plans: Vec<PlanChange>,
}

impl World {
    pub fn open(history: &History) -> Self {
        let catalogs = [catalog(history, 0), catalog(history, 1)];
        let plan = format!("plan{}", history.plan);
        let (anchor, now) = (from_millis(history.anchor), from_millis(history.start));
        let (account, changes) =
            Account::open(CUSTOMER, &plan, anchor, now, &catalogs[history.catalog]).expect("a calendar");
        let mut world = Self {
            account,
            catalogs,
            catalog: history.catalog,
            entries: Vec::new(),
            rows: HashMap::new(),
            open_holds: HashMap::new(),
            plans: Vec::new(),
        };
        world.write(changes);
        world
    }

    /// Catches the account up to an instant, and returns the one to use.
    pub fn pass(&mut self, now: i64) -> i64 {
        let at = self.act(|account, catalog, changes| account.catch_up(from_millis(now), catalog, changes));
        at.timestamp_millis()
    }

    /// Runs a command and writes its changes.
    pub fn act<T>(&mut self, command: impl FnOnce(&mut Account, &Catalog, &mut Changes) -> T) -> T {
        let mut changes = Changes::default();
        let out = command(&mut self.account, &self.catalogs[self.catalog], &mut changes);
        self.write(changes);
        out
    }

    /// Writes only the rows that `changes` names, as the engine does.
    fn write(&mut self, changes: Changes) {
        for id in &changes.new_grants {
            assert!(!self.rows.contains_key(id), "a grant is new once");
            assert!(changes.touched.contains(id), "a new grant is touched");
        }
        for id in &changes.touched {
            let grant = self.account.grant(*id).expect("a touched grant is in the account");
            assert!(changes.new_grants.contains(id) || self.rows.contains_key(id), "a grant is new before it moves");
            self.rows.insert(*id, grant.clone());
        }
        for hold in changes.new_holds {
            assert!(self.open_holds.insert(hold.id, hold).is_none(), "a hold is new once");
        }
        for (id, ..) in &changes.closed_holds {
            self.open_holds.remove(id).expect("a closed hold was open");
        }
        self.plans.extend(changes.plan_changes);
        self.entries.extend(changes.entries);
        for grant in self.account.forget_closed() {
            assert_eq!(self.rows.get(&grant.id), Some(&grant), "what is forgotten is written");
        }
    }

    /// Loads grants that were put away.
    pub fn adopt(&mut self, ids: &[GrantId]) {
        for id in ids {
            self.account.restore_closed_grant(self.rows[id].clone());
        }
    }

    pub fn grant_rows(&self) -> Vec<Grant> {
        self.rows.values().cloned().collect()
    }

    pub fn hold_rows(&self) -> Vec<Hold> {
        self.open_holds.values().cloned().collect()
    }
}
