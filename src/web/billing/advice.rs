//! The one adviser, under "Buy a top-up": a verdict that looks ahead (R18), a second line that looks back (R17), and the
//! sums behind both.
//!
//! *Not here:* the comparisons and the verdict (`domain::advice`).

use crate::domain::advice::{Advice, Ahead, Basket, Choice, Upgrade, Verdict};
use crate::domain::forecast::about;
use crate::domain::{Catalog, Credits, Money};
use crate::usecases::InternalError;
use crate::usecases::credits::advice;
use crate::web::billing::way_out::packages;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::ui::dates::{Moment, When};
use crate::web::ui::form::Form;
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The section's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdviceWords {
    strong: Text,
    text: Text,
    /// The second line.
    back: Option<Text>,
    /// A line each.
    sums: Vec<Text>,
    /// The cheaper plan.
    plan: Option<PlanLink>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PlanLink {
    label: String,
    href: String,
    /// The next reset, for viewers who may hide the advice.
    hide_until: Option<Moment>,
}

/// A verdict, and the names that its words need.
pub struct Adviser<'a> {
    pub verdict: &'a Verdict,
    pub catalog: &'a Catalog,
    /// The id of the plan in force.
    pub plan: &'a str,
    /// Credits used on an average day.
    pub per_day: Option<Credits>,
    /// Top-up credits that count on both sides.
    pub top_ups: Credits,
    /// The page where plans are changed.
    pub upgrade: &'a str,
    /// The next reset, for viewers who may hide the advice.
    pub hide_until: Option<Moment>,
}

impl Adviser<'_> {
    /// The words; none where a sum overflows or a plan is gone.
    #[must_use]
    pub fn words(&self) -> Option<AdviceWords> {
        let verdict = self.verdict;
        let (strong, text) = match (&verdict.choice, &verdict.ahead, &verdict.back) {
            (Choice::Enough, Some(ahead), _) => (enough(ahead.months).into(), Text::new()),
            (Choice::TopUps, Some(ahead), _) => ("Top-ups are your cheapest option.".into(), self.top_ups(ahead)?),
            (Choice::Plan(plan), Some(ahead), _) => {
                (format!("{} is cheaper for you.", self.name(plan)).into(), self.larger_plan(ahead)?)
            }
            (_, None, Some(back)) => (self.looking_back(back), Text::new()),
            (_, None, None) => return None,
        };
        let back = verdict.agreeing_back().filter(|_| verdict.ahead.is_some());
        Some(AdviceWords {
            strong,
            text,
            back: back.map(|back| self.looking_back(back)),
            sums: self.sums(),
            plan: self.plan_link(),
        })
    }

    fn plan_link(&self) -> Option<PlanLink> {
        let Choice::Plan(plan) = &self.verdict.choice else { return None };
        let label = format!("See {}", self.name(plan));
        Some(PlanLink { label, href: self.upgrade.to_owned(), hide_until: self.hide_until.clone() })
    }

    /// `You'll need about 5,500 more credits over the next 3 months: $39 in top-ups, or $180 for Builder.`
    fn top_ups(&self, ahead: &Ahead) -> Option<Text> {
        let buy = ahead.buy.as_ref()?;
        let text = self.need(ahead).money(self.money(buy.amount)).text(" in top-ups");
        let text = match &ahead.upgrade {
            Some(upgrade) => text.text(", or ").then(self.plan_cost(upgrade)),
            None => text,
        };
        let text = text.text(".");
        let (first, count) = buy.packages.first()?;
        let is_mix = *count > 1 || buy.packages.len() > 1;
        if !is_mix {
            return Some(text);
        }
        let first = self.catalog.package(first)?.grants();
        let text = text.text(" The cheapest mix is ").then(packages(buy, self.catalog)).text("; start with ");
        Some(text.credits(first).text("."))
    }

    /// `You'll need about 140,000 more credits over the next 3 months: $510 for Pro, or $675 in top-ups.`
    fn larger_plan(&self, ahead: &Ahead) -> Option<Text> {
        let text = self.need(ahead).then(self.plan_cost(ahead.better()?));
        let text = match &ahead.buy {
            Some(buy) => text.text(", or ").money(self.money(buy.amount)).text(" in top-ups"),
            None => text,
        };
        Some(text.text("."))
    }

    fn need(&self, ahead: &Ahead) -> Text {
        let need = Text::from("You'll need about ").counted(about(ahead.missing), "more");
        need.text(format!(" over the next {}: ", months(ahead.months)))
    }

    /// `$180 for Builder`, with the top-ups that it would still need.
    fn plan_cost(&self, upgrade: &Upgrade) -> Text {
        let with = if upgrade.still.amount > 0 { " with top-ups" } else { "" };
        Text::new().money(self.money(upgrade.cost())).text(format!(" for {}{with}", self.name(&upgrade.plan)))
    }

    /// `Pro would have saved you $165 in the last 3 cycles: $675 in top-ups against $510.`
    fn looking_back(&self, back: &Advice) -> Text {
        let name = self.name(&back.plan);
        let cycles = if back.cycles == 1 { "cycle".to_owned() } else { format!("{} cycles", back.cycles) };
        let head = match back.saved() {
            saved @ 1.. => {
                let head = Text::from(format!("{name} would have saved you ")).money(self.money(saved));
                head.text(format!(" in the last {cycles}: "))
            }
            _ => Text::from(format!("Top-ups were cheaper in the last {cycles}: ")),
        };
        let sums = head.money(self.money(back.top_ups)).text(" in top-ups against ").money(self.money(back.more()));
        sums.text(if back.saved() > 0 { ".".to_owned() } else { format!(" for {name}.") })
    }

    fn sums(&self) -> Vec<Text> {
        let mut sums = Vec::new();
        if let Some(ahead) = self.verdict.ahead.as_ref().filter(|_| self.verdict.choice != Choice::Enough) {
            if let Some(per_day) = self.per_day {
                let text = Text::from("Your pace: about ").counted(about(per_day), "");
                sums.push(text.text(" a day over the last 30 days."));
            }
            if self.top_ups.is_positive() {
                let text = Text::from("Counted in both: the ").counted(self.top_ups, "top-up");
                sums.push(text.text(" that you have."));
            }
            sums.extend(ahead.buy.as_ref().map(|buy| self.basket("Top-ups: ", buy)));
            sums.extend(ahead.upgrade.as_ref().map(|upgrade| {
                self.instead(&upgrade.plan, ahead.months, upgrade.difference, upgrade.fees, upgrade.still.amount)
            }));
        }
        if let Some(back) = &self.verdict.back {
            let fees = back.difference.saturating_mul(back.cycles);
            let bought = Text::from(format!("Last {} cycles: ", back.cycles)).money(self.money(back.top_ups));
            let instead = self.instead(&back.plan, back.cycles, back.difference, fees, back.still);
            sums.push(bought.text(" in top-ups. ").then(instead));
        }
        sums
    }

    fn basket(&self, label: &str, basket: &Basket) -> Text {
        let text = Text::from(label).then(packages(basket, self.catalog)).text(" for ");
        text.money(self.money(basket.amount)).text(".")
    }

    /// `Builder instead of Starter: 3 × $60 = $180, and $9 of top-ups.`
    fn instead(&self, plan: &str, months: i64, difference: i64, fees: i64, still: i64) -> Text {
        let times = format!("{} instead of {}: {months}\u{a0}× ", self.name(plan), self.name(self.plan));
        let sum = Text::from(times).money(self.money(difference)).text(" = ").money(self.money(fees));
        match still {
            0 => sum.text("."),
            still => sum.text(", and ").money(self.money(still)).text(" of top-ups."),
        }
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, &self.catalog.shop.currency)
    }

    fn name<'a>(&'a self, plan: &'a str) -> &'a str {
        self.catalog.plan(plan).map_or(plan, |plan| plan.name.as_str())
    }
}

fn enough(count: i64) -> String {
    match count {
        1 => "You have enough for about a month.".to_owned(),
        count => format!("You have enough for about {}.", months(count)),
    }
}

fn months(count: i64) -> String {
    if count == 1 { "month".to_owned() } else { format!("{count} months") }
}

/// The advice in a quiet box, with at most one action beside hiding it.
#[component]
pub fn AdviceBox(advice: AdviceWords) -> impl IntoView {
    let back = advice.back.map(|back| view! { <p class="note">{back}</p> });
    let sums = (!advice.sums.is_empty()).then(|| {
        let lines = advice.sums.into_iter().map(|sum| view! { <li>{sum}</li> }).collect_view();
        view! {
            <details class="note">
                <summary>"How we worked this out"</summary>
                <ul>{lines}</ul>
            </details>
        }
    });
    let actions = advice.plan.map(|plan| {
        let hide = plan.hide_until.map(|until| {
            view! {
                <Form action=HideAdvice::PATH>
                    <button class="button quiet">"Hide until " <When moment=until /></button>
                </Form>
            }
        });
        view! {
            <div class="actions">
                <a class="button" href=plan.href>
                    {plan.label}
                </a>
                {hide}
            </div>
        }
    });
    view! {
        <aside class="notice advice" aria-label="Advice">
            <div>
                <p>
                    <strong>{advice.strong}</strong> " " {advice.text}
                </p>
                {back} {sums}
            </div>
            {actions}
        </aside>
    }
    .into_any()
}

/// Hides advice for a larger plan until the next reset, for viewers who may buy.
///
/// # Errors
/// The store failed; the cause is in the log.
#[server(name = HideAdvice, prefix = "/_fn", endpoint = "hide_advice")]
pub async fn hide_advice() -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let hidden = async {
        let Some(viewer) = request.viewer().await? else { return Ok::<_, InternalError>("/sign-in") };
        if viewer.role.may_buy() {
            advice::hide_advice(&request.app, viewer.customer_no).await?;
        }
        Ok("/billing")
    };
    let to = hidden.await.map_err(|fault| form_failed("hide advice", &fault))?;
    request.redirect(to);
    Ok(())
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
