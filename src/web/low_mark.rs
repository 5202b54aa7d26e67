//! Setting the low mark: the forms of Billing and of Settings do the same.

use crate::domain::Credits;
use crate::usecases::access::links::Viewer;
use crate::usecases::notify::emails::unsubscribe;
use crate::usecases::{App, InternalError, customers};

/// The highest low mark (R1).
const LOW_MARK_MAX: Credits = Credits::whole(1_000_000_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowMarkChange {
    Set,
    /// No number of credits within the limits.
    Bad,
    NotAllowed,
}

/// Sets the low mark as it was typed. Empty, or the default itself, is a tenth of the plan, also of a later one.
pub async fn set_low_mark(app: &App, viewer: &Viewer, typed: &str) -> Result<LowMarkChange, InternalError> {
    let Some(to) = parse(typed) else { return Ok(LowMarkChange::Bad) };
    let default = default_mark(app, viewer).await?;
    let to = to.filter(|to| *to != default);
    let changed = unsubscribe::choose_low_balance(app, viewer, to).await?;
    Ok(if changed { LowMarkChange::Set } else { LowMarkChange::NotAllowed })
}

/// A tenth of the plan.
pub async fn default_mark(app: &App, viewer: &Viewer) -> Result<Credits, InternalError> {
    let customer = customers::find_customer(app, &viewer.customer).await?;
    let plan = customer.and_then(|customer| app.catalog.plan(&customer.plan));
    Ok(plan.map_or(Credits::ZERO, |plan| Credits(plan.allowance().0 / 10)))
}

/// A mark from its text; `None` if it is no number of credits within the limits.
fn parse(typed: &str) -> Option<Option<Credits>> {
    if typed.trim().is_empty() {
        return Some(None);
    }
    let mark = Credits::parse_typed(typed).ok()?;
    (mark.is_positive() && mark <= LOW_MARK_MAX).then_some(Some(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_number_of_credits_or_nothing() {
        assert_eq!(parse(" 1,500 "), Some(Some(Credits::whole(1_500))));
        assert_eq!(parse("4000.5"), Some(Some(Credits(4_000_500))));
        assert_eq!(parse(""), Some(None));
        assert_eq!(parse("0"), None);
        assert_eq!(parse("many"), None);
        assert_eq!(parse("1,5"), None);
        assert_eq!(parse("1000000001"), None);
    }
}
