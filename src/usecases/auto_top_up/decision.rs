//! What is to be done for a rule now: its facts from the database, and the domain's decision.

use crate::args;
use crate::domain::auto_top_up::{
    Agreement, AsleepReason, CAP_WINDOW, Circumstances, Decision, Present, SpentPurchase, decide,
};
use crate::domain::{Account, Catalog, Instant, PurchaseId, Summary};
use crate::store::db::{Connection, DbError};
use crate::usecases::agreements::Rule;
use chrono::TimeDelta;

/// How long what Stripe could not compute is left alone.
const TAX_AGAIN_HOURS: i64 = 24;

/// The facts beside rule and account.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub is_closed: bool,
    pub has_manager: bool,
    /// Automatic purchases of the window that were paid or can still be paid, oldest first, without the one that is
    /// asked about.
    pub purchases: Vec<SpentPurchase>,
    /// An automatic purchase is under way, other than the one that is asked about.
    pub in_progress: bool,
}

/// Reads the facts of a customer; `about` is a purchase that is to be left out.
pub(super) async fn load_facts(
    db: &mut Connection,
    customer_no: i64,
    about: Option<PurchaseId>,
    now: Instant,
) -> Result<Facts, DbError> {
    let sql = "select c.closed_at, (select count(*) from members m where m.customer_no = c.no and m.removed_at is null
          and m.role in ('owner', 'admin')) as managers from customers c where c.no = $1";
    let row = db.fetch_optional(sql, args![customer_no]).await?;
    let (is_closed, has_manager) = match row {
        Some(row) => (row.opt_int("closed_at")?.is_some(), row.int("managers")? > 0),
        None => (true, false),
    };
    let sql = "select id, created_at, coalesce(amount_total, amount) as total, state from purchases
        where customer_no = $1 and origin = 'automatic' and state not in ('expired', 'failed')
          and (created_at > $2 or state in ('created', 'open', 'processing')) order by created_at, id";
    let rows = db.fetch_all(sql, args![customer_no, now - CAP_WINDOW]).await?;
    let (mut purchases, mut in_progress) = (Vec::with_capacity(rows.len()), false);
    for row in &rows {
        if about.is_some_and(|about| row.uuid("id").is_ok_and(|id| id == about.0)) {
            continue;
        }
        in_progress |= matches!(row.text("state")?.as_str(), "created" | "open" | "processing");
        purchases.push(SpentPurchase { created_at: row.at("created_at")?, total: row.int("total")? });
    }
    Ok(Facts { is_closed, has_manager, purchases, in_progress })
}

impl Facts {
    /// Why nothing is done, if it is so.
    pub fn asleep(&self, agreed: &Agreement, plan: &str, catalog: &Catalog, buying_on: bool) -> Option<AsleepReason> {
        agreed.asleep(&self.circumstances(agreed, plan, catalog, buying_on))
    }

    fn circumstances<'a>(
        &self,
        agreed: &Agreement,
        plan: &str,
        catalog: &'a Catalog,
        buying_on: bool,
    ) -> Circumstances<'a> {
        Circumstances {
            is_closed: self.is_closed,
            buying_on,
            plan_may_buy: catalog.may_buy(plan),
            has_manager: self.has_manager,
            package: catalog.package(&agreed.package),
            currency: &catalog.shop.currency,
            unit_total: None,
            tax_known: true,
            packages_max: catalog.rules.auto_top_up_max_packages,
        }
    }

    /// The decision for a rule that is on.
    pub fn decide(
        &self,
        rule: &Rule,
        (account, at): (&Account, Instant),
        catalog: &Catalog,
        buying_on: bool,
    ) -> Decision {
        let around = Circumstances {
            unit_total: rule.unit_total,
            tax_known: rule.tax_unknown_at.is_none_or(|since| at - since >= TimeDelta::hours(TAX_AGAIN_HOURS)),
            ..self.circumstances(&rule.agreed, &account.plan, catalog, buying_on)
        };
        let present = Present {
            now: at,
            available: Summary::of(account, at).available,
            refused: rule.needed,
            in_progress: self.in_progress,
            purchases: &self.purchases,
        };
        decide(&rule.agreed, &around, &present)
    }

    /// When the oldest purchase leaves the window.
    pub fn next_room(&self) -> Option<Instant> {
        self.purchases.first().map(|oldest| oldest.created_at + CAP_WINDOW)
    }
}

/// True if the cap leaves room for one package.
pub(super) fn has_room(rule: &Rule, spent: i64, catalog: &Catalog) -> bool {
    let price = catalog.package(&rule.agreed.package).map_or(rule.agreed.price, |package| package.amount);
    spent.saturating_add(rule.unit_total.unwrap_or(0).max(price)) <= rule.agreed.cap
}
