//! The upgrade hint (R17): whether the top-ups bought or the next plan would have been cheaper, with the sum.
//!
//! *Not here:* the comparison itself (`domain::advice`).

use crate::domain::Money;
use crate::domain::advice::Advice;
use crate::usecases::InternalError;
use crate::usecases::insight::advice;
use crate::web::request_context::RequestContext;
use crate::web::request_context::form_failed;
use crate::web::ui::dates::{Moment, When};
use crate::web::ui::form::Form;
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The section's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    strong: Text,
    /// The sum.
    text: Text,
    /// Nothing where top-ups were the cheaper way: one quiet line.
    actions: Option<Actions>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Actions {
    /// The link to the plan: its label and its address.
    link: (String, String),
    /// The next reset, for viewers who may hide the hint.
    hide_until: Option<Moment>,
}

/// The names and places that the hint mentions.
#[derive(Clone, Copy, Debug)]
pub struct Plans<'a> {
    /// The plan in force.
    pub plan: &'a str,
    /// The next plan up.
    pub better: &'a str,
    pub currency: &'a str,
    /// The page where plans are changed.
    pub upgrade: &'a str,
}

impl Hint {
    /// The hint. There is none where a sum overflows.
    #[must_use]
    pub fn new(advice: &Advice, plans: Plans<'_>, hide_until: Option<Moment>) -> Option<Self> {
        let Plans { plan, better, currency, upgrade } = plans;
        let money = |minor| Money::new(minor, currency);
        let fees = advice.difference.checked_mul(advice.cycles)?;
        let more = fees.checked_add(advice.still)?;
        let saved = advice.top_ups.checked_sub(more)?;
        let bought = Text::from("Top-ups bought: ").money(money(advice.top_ups));
        let instead = format!(". {better} instead of {plan}: {}\u{a0}× ", advice.cycles);
        let sum = bought.text(instead).money(money(advice.difference)).text(" = ").money(money(fees));
        let text = match advice.still {
            0 => sum.text("."),
            still => sum.text(", and ").money(money(still)).text(" of top-ups."),
        };
        if saved <= 0 {
            let strong = format!("Top-ups were the cheaper way over your last {} cycles.", advice.cycles);
            return Some(Self { strong: strong.into(), text, actions: None });
        }
        let strong = Text::from(format!("{better} would have been ")).money(money(saved));
        let strong = strong.text(format!(" cheaper over your last {} cycles.", advice.cycles));
        let link = (format!("See {better}"), upgrade.to_owned());
        Some(Self { strong, text, actions: Some(Actions { link, hide_until }) })
    }
}

/// The upgrade hint, or one quiet line where there is nothing to do.
#[component]
pub fn UpgradeHint(hint: Hint) -> impl IntoView {
    let Some(actions) = hint.actions else {
        return view! {
            <p class="after hint">
                {hint.strong} " " {hint.text}
            </p>
        }
        .into_any();
    };
    let (label, href) = actions.link;
    let hide = actions.hide_until.map(|until| {
        view! {
            <Form action=HideHint::PATH>
                <button class="button quiet">"Hide until " <When moment=until /></button>
            </Form>
        }
    });
    view! {
        <aside class="notice info" aria-label="Upgrade">
            <p>
                <strong>{hint.strong}</strong> " " {hint.text}
            </p>
            <div class="actions">
                <a class="button" href=href>
                    {label}
                </a>
                {hide}
            </div>
        </aside>
    }
    .into_any()
}

/// Hides the upgrade hint until the next reset, for viewers who may buy.
///
/// # Errors
/// The store failed; the cause is in the log.
#[server(name = HideHint, prefix = "/_fn", endpoint = "hide_hint")]
pub async fn hide_hint() -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let hidden = async {
        let Some(viewer) = request.viewer().await? else { return Ok::<_, InternalError>("/sign-in") };
        if viewer.role.may_buy() {
            advice::hide_advice(&request.app, viewer.customer_no).await?;
        }
        Ok("/billing")
    };
    let to = hidden.await.map_err(|fault| form_failed("hide hint", &fault))?;
    request.redirect(to);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ui::dates::Zone;

    #[test]
    fn the_hint_shows_its_sum() {
        let plans = Plans { plan: "Builder", better: "Pro", currency: "usd", upgrade: "/plans" };
        let hide_until = Some(Zone::UTC.short_day("2026-12-04T00:00:00Z".parse().expect("an instant")));
        let advice = Advice { plan: "pro".into(), cycles: 3, top_ups: 67_500, difference: 17_000, still: 0 };
        let hint = Hint::new(&advice, plans, hide_until.clone()).expect("a hint");
        assert_eq!(hint.strong.to_string(), "Pro would have been $165 cheaper over your last 3 cycles.");
        assert_eq!(hint.text.to_string(), "Top-ups bought: $675. Pro instead of Builder: 3\u{a0}× $170 = $510.");
        assert!(hint.actions.is_some());
        let cheaper = Advice { top_ups: 51_000, still: 900, ..advice };
        let hint = Hint::new(&cheaper, plans, hide_until).expect("a line");
        assert_eq!(hint.strong.to_string(), "Top-ups were the cheaper way over your last 3 cycles.");
        let sum = "Top-ups bought: $510. Pro instead of Builder: 3\u{a0}× $170 = $510, and $9 of top-ups.";
        assert_eq!((hint.text.to_string().as_str(), hint.actions), (sum, None));
    }
}
