//! The rule of a customer, as it is stored.

use crate::args;
use crate::domain::auto_top_up::{Agreement, SuspendedReason};
use crate::domain::{Credits, Instant};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, corrupt};
use crate::usecases::InternalError;
use crate::usecases::agreements::consents::agreement_of;

/// Whether a rule may buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleState {
    On,
    /// Until a person agrees anew.
    Suspended(SuspendedReason),
    Off,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub customer_no: i64,
    pub state: RuleState,
    /// The consent in force, or the last one.
    pub consent: i64,
    /// What is in force: at most what was agreed to.
    pub agreed: Agreement,
    pub payment_method: String,
    pub fingerprint: String,
    /// The largest charge or hold that was refused since the last automatic purchase.
    pub needed: Option<Credits>,
    /// What one package cost with tax, last time.
    pub unit_total: Option<i64>,
    /// When Stripe could not compute the tax.
    pub tax_unknown_at: Option<Instant>,
    /// Until when it rests after Stripe has refused a purchase for another reason than the card.
    pub not_before: Option<Instant>,
    /// When people were told that the cap leaves no room.
    pub blocked_at: Option<Instant>,
}

fn rule_of(row: &Row) -> Result<Rule, DbError> {
    let state = match row.text("state")?.as_str() {
        "on" => RuleState::On,
        "off" => RuleState::Off,
        "suspended" => {
            let reason = row.opt_text("reason")?.and_then(|name| name.parse().ok());
            RuleState::Suspended(reason.ok_or_else(|| corrupt("the reason of a suspension"))?)
        }
        other => return Err(corrupt(format!("state {other:?} of a rule"))),
    };
    Ok(Rule {
        customer_no: row.int("customer_no")?,
        state,
        consent: row.int("consent")?,
        agreed: agreement_of(row)?,
        payment_method: row.text("payment_method")?,
        fingerprint: row.text("fingerprint")?,
        needed: row.opt_int("needed")?.map(Credits),
        unit_total: row.opt_int("unit_total")?,
        tax_unknown_at: row.opt_at("tax_unknown_at")?,
        not_before: row.opt_at("not_before")?,
        blocked_at: row.opt_at("blocked_at")?,
    })
}

/// The rule of a customer, if it ever had one.
pub(crate) async fn load_rule(db: &mut Connection, customer_no: i64) -> Result<Option<Rule>, DbError> {
    let row = db.fetch_optional("select * from auto_top_ups where customer_no = $1", args![customer_no]).await?;
    row.as_ref().map(rule_of).transpose()
}

/// Makes a look at a rule that is on due now.
pub(crate) async fn look_now(tx: &mut WriteTransaction, customer_no: i64) -> Result<(), InternalError> {
    // Its account first, as every write to the rule: the flush that marks it has the account, too. And the engine's
    // memory of the rule is old from now on.
    tx.evict_account(customer_no).await?;
    let sql = "update auto_top_ups set due_at = $1 where customer_no = $2 and state = 'on'";
    tx.db.execute(sql, args![tx.now(), customer_no]).await?;
    Ok(())
}
