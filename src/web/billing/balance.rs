//! The balance card: available credits, the plan's bar, top-ups beside it and never inside.
//!
//! The bar is an inline SVG whose lengths are attributes: the CSP allows no inline style.

use crate::domain::forecast::RunsOut;
use crate::domain::{Credits, Instant, Kind, Money};
use crate::usecases::App;
use crate::usecases::insight::billing::Billing;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// The section's data.
#[derive(Clone, Debug)]
pub struct CustomerBalance {
    pub now: Instant,
    pub zone: Zone,
    /// The most that a charge could take now.
    pub available: Credits,
    /// The plan's name.
    pub plan: String,
    /// The plan's price a month.
    pub price: Money,
    /// Plan credits of this cycle.
    pub allowance: Credits,
    pub used: Credits,
    /// Plan credits that running jobs hold.
    pub held: Credits,
    pub left: Credits,
    /// The cycle's end.
    pub resets_at: Instant,
    /// The booked plan's name, and its start.
    pub next: Option<(String, Instant)>,
    /// Bonus credits left, each with its end, soonest first.
    pub bonus: Vec<(Credits, Instant)>,
    pub bonus_held: Credits,
    pub top_ups: TopUpSums,
    /// The end of the credits at the customer's usage rate, where it is known.
    pub runs_out: Option<RunsOut>,
}

/// All top-ups of a customer, in sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopUpSums {
    /// Can be used.
    pub left: Credits,
    /// Held by running jobs.
    pub held: Credits,
    /// Withheld while a bank reviews the payment.
    pub frozen: Credits,
    /// Waiting for a paid plan.
    pub paused: Credits,
    pub in_use_since: Option<Instant>,
}

/// The bar's two lengths, in thousandths of its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bar {
    used: i64,
    /// Right of the used part.
    held: i64,
}

impl CustomerBalance {
    #[must_use]
    pub fn new(app: &App, billing: &Billing, zone: Zone) -> Self {
        let (overview, balance) = (&billing.overview, &billing.overview.balance);
        let price = app.catalog.plan(&balance.plan_id).map_or(0, |plan| plan.amount);
        let next = balance.next_plan.as_ref().map(|plan| (plan_name(app, plan), balance.cycle.end));
        let bonus = balance.grants.iter().map(|line| &line.grant).filter(|grant| grant.kind == Kind::Courtesy);
        let bonus = bonus.map(|grant| (grant.remaining(), grant.expires_at));
        Self {
            now: balance.as_of,
            zone,
            available: balance.available,
            plan: plan_name(app, &balance.plan_id),
            price: Money::new(price, &app.catalog.shop.currency),
            allowance: balance.plan.allowance,
            used: balance.plan.used,
            held: balance.plan.held,
            left: balance.plan.remaining,
            resets_at: balance.cycle.end,
            next,
            bonus: bonus.filter(|(credits, _)| credits.is_positive()).collect(),
            bonus_held: balance.courtesy.held,
            top_ups: TopUpSums {
                left: balance.top_up.remaining - balance.top_up.paused,
                held: balance.top_up.held,
                frozen: balance.top_up.frozen,
                paused: balance.top_up.paused,
                in_use_since: overview.in_use_since,
            },
            runs_out: billing.forecast.as_ref().map(|forecast| forecast.runs_out),
        }
    }

    /// True if the next charge draws from top-ups.
    #[must_use]
    pub fn top_ups_in_use(&self) -> bool {
        self.left.is_zero() && self.bonus.is_empty() && self.top_ups.left.is_positive()
    }

    fn plan_change(&self) -> Option<Text> {
        let (plan, at) = self.next.as_ref()?;
        Some(Text::from(format!("Changes to {plan} on ")).time(self.zone.day(*at)).text(". Top-ups stay."))
    }

    fn lasts(&self) -> Option<Text> {
        let runs_out = self.runs_out.filter(|_| self.left.is_positive())?;
        Some(match runs_out.plan {
            Some(at) => Text::from("At your pace used up about ").time(self.zone.about(self.now, at)),
            None => "At your pace enough until the reset".into(),
        })
    }

    fn notes(&self) -> Vec<Text> {
        let mut notes = vec![self.use_note()];
        let top_ups = &self.top_ups;
        if let Some(at) = self.runs_out.and_then(|out| out.all).filter(|_| top_ups.left.is_positive()) {
            notes.push(Text::from("At your pace used up about ").time(self.zone.about(self.now, at)));
        }
        if top_ups.frozen.is_positive() {
            notes.push(Text::new().credits(top_ups.frozen).text(" frozen"));
        }
        if top_ups.paused.is_positive() {
            notes.push(Text::new().credits(top_ups.paused).text(format!(" paused on {}", self.plan)));
        }
        notes.extend(self.bonus_note());
        notes
    }

    fn use_note(&self) -> Text {
        let held = self.top_ups.held;
        let note = match (self.top_ups_in_use(), self.top_ups.in_use_since) {
            (true, Some(since)) => Text::from("In use since ").time(self.zone.short_day(since)),
            (true, None) => Text::from("In use"),
            (false, _) if self.bonus.iter().any(|(credits, _)| credits.is_positive()) => {
                Text::from("Used when plan and bonus credits reach 0")
            }
            (false, _) => Text::from("Used when plan credits reach 0"),
        };
        if held.is_positive() { note.text(" · ").credits(held).text(" held") } else { note }
    }

    fn bonus_note(&self) -> Option<Text> {
        let total: Credits = self.bonus.iter().map(|(credits, _)| *credits).sum();
        let (first, until) = *self.bonus.first()?;
        let note = Text::from("Bonus credits ").credits(total).text(", ");
        let note = if first == total { note } else { note.credits(first).text(" of them ") };
        let note = note.text("until ").time(self.zone.day(until));
        let held = self.bonus_held;
        Some(if held.is_positive() { note.text(" · ").credits(held).text(" held") } else { note })
    }

    /// The bar's lengths. A little use shows as a hair, and the bar is full only once nothing is left.
    fn bar(&self) -> Bar {
        let used = per_mille(self.used, self.allowance);
        let held = per_mille(self.held, self.allowance);
        let most = if self.left.is_positive() { 996 } else { 1_000 };
        let used = used.min(most);
        Bar { used, held: held.min(most - used) }
    }

    /// `40,999.375 used · 1,250 held by running jobs`
    fn usage(&self) -> Text {
        let used = Text::new().credits(self.used).text(" used");
        if self.held.is_positive() { used.text(" · ").credits(self.held).text(" held by running jobs") } else { used }
    }

    /// The bar for screen readers.
    fn spoken(&self) -> String {
        format!(
            "{}, {} left of {}",
            self.usage().to_string().replace(" · ", ", "),
            self.left.grouped(),
            self.allowance.grouped()
        )
    }
}

fn per_mille(part: Credits, whole: Credits) -> i64 {
    if !part.is_positive() || !whole.is_positive() {
        return 0;
    }
    let share = i128::from(part.0) * 1_000 / i128::from(whole.0);
    i64::try_from(share).unwrap_or(1_000).clamp(4, 1_000)
}

/// The name of a plan; its id where the catalogue has it no more.
#[must_use]
pub fn plan_name(app: &App, id: &str) -> String {
    app.catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone())
}

/// The region "Balance".
#[component]
pub fn BalanceCard(balance: CustomerBalance) -> impl IntoView {
    let notes = balance.notes().into_iter().map(|text| view! { <Note text /> }).collect_view();
    let (available, as_of, top_ups) = (balance.available, balance.zone.clock(balance.now), balance.top_ups.left);
    view! {
        <section class="card balance" aria-label="Balance" data-live="balance">
            <div>
                <h2 class="label">"Available now"</h2>
                <p class="total">
                    <Amount credits=available />
                </p>
                <p class="note">
                    "credits · " <When moment=as_of /> <span class="screen">" · " <a href="/billing">"Refresh"</a></span>
                </p>
            </div>
            <PlanPart balance />
            <div>
                <h2 class="label">"Top-up credits"</h2>
                <p class="figure top-up">
                    <Amount credits=top_ups />
                </p>
                {notes}
            </div>
        </section>
    }
}

#[component]
fn Note(text: Text) -> impl IntoView {
    view! { <p class="note">{text}</p> }
}

/// The plan's part: what is left, the bar, when it resets.
#[component]
fn PlanPart(balance: CustomerBalance) -> impl IntoView {
    let (bar, spoken) = (balance.bar(), balance.spoken());
    let change = balance.plan_change().map(|text| view! { <Note text /> });
    let lasts = balance.lasts().map(|text| view! { <Note text /> });
    let usage = balance.usage();
    let resets = balance.zone.day(balance.resets_at);
    view! {
        <div class="plan">
            <div class="ends">
                <h2 class="label">"Plan credits · " {balance.plan}</h2>
                <p class="label">
                    <Price money=balance.price />
                    " a month"
                </p>
            </div>
            <p class="figure">
                <Amount credits=balance.left />
                <small>" left of " <Amount credits=balance.allowance /></small>
            </p>
            <div
                class="bar"
                role="progressbar"
                aria-label="Plan credits"
                aria-valuemin="0"
                aria-valuemax=balance.allowance.to_string()
                aria-valuenow=balance.used.to_string()
                aria-valuetext=spoken
            >
                <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="used" width=bar.used height="1"></rect>
                    <rect class="held" x=bar.used width=bar.held height="1"></rect>
                </svg>
            </div>
            <div class="ends">
                <p class="note">{usage}</p>
                <p class="note">"Resets " <When moment=resets /></p>
            </div>
            {lasts}
            {change}
        </div>
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn acme() -> CustomerBalance {
        CustomerBalance {
            now: "2026-11-22T19:05:00Z".parse().expect("an instant"),
            zone: Zone::named("America/New_York"),
            available: Credits::whole(180),
            plan: "Starter".into(),
            price: Money::new(1_900, "usd"),
            allowance: Credits::whole(5_000),
            used: Credits::whole(4_820),
            held: Credits::ZERO,
            left: Credits::whole(180),
            resets_at: "2026-12-04T14:00:00Z".parse().expect("an instant"),
            next: None,
            bonus: vec![],
            bonus_held: Credits::ZERO,
            top_ups: TopUpSums::default(),
            runs_out: None,
        }
    }

    #[test]
    fn the_card_says_what_is_left_and_until_when() {
        let balance = acme();
        assert_eq!(balance.usage().to_string(), "4,820 used");
        assert_eq!(balance.spoken(), "4,820 used, 180 left of 5,000");
        assert_eq!(balance.bar(), Bar { used: 964, held: 0 });
        assert_eq!(balance.notes(), vec![Text::from("Used when plan credits reach 0")]);
        let html = Owner::new_root(None).with(|| view! { <BalanceCard balance /> }.to_html());
        assert!(html.contains(">14:05</time>"), "{html}");
        assert!(html.contains("Resets <time datetime=\"2026-12-04T14:00:00Z\">4 Dec 2026</time>"), "{html}");
    }

    #[test]
    fn held_credits_and_bonus_credits_are_named() {
        let mut balance = acme();
        balance.used = Credits(40_999_375);
        balance.held = Credits::whole(1_250);
        balance.allowance = Credits::whole(100_000);
        balance.left = Credits(57_750_625);
        let until = "2026-12-31T12:00:00Z".parse().expect("an instant");
        balance.bonus = vec![(Credits::whole(1_250), until)];
        assert_eq!(balance.usage().to_string(), "40,999.375 used · 1,250 held by running jobs");
        assert_eq!(balance.notes()[1].to_string(), "Bonus credits 1,250, until 31 Dec 2026");
        balance.bonus.push((Credits::whole(50), until));
        assert_eq!(balance.notes()[1].to_string(), "Bonus credits 1,300, 1,250 of them until 31 Dec 2026");
    }

    #[test]
    fn top_ups_in_use_say_since_when() {
        let mut balance = acme();
        balance.left = Credits::ZERO;
        balance.top_ups.left = Credits(53_172_500);
        balance.top_ups.held = Credits::whole(240);
        balance.top_ups.in_use_since = Some("2026-11-12T12:00:00Z".parse().expect("an instant"));
        assert_eq!(balance.notes()[0].to_string(), "In use since 12 Nov · 240 held");
    }

    #[test]
    fn how_long_credits_last_is_said_no_more_precisely_than_it_is_known() {
        let mut balance = acme();
        let at = |text: &str| Some(text.parse().expect("an instant"));
        balance.runs_out = Some(RunsOut::default());
        let lasts = |balance: &CustomerBalance| balance.lasts().map(|words| words.to_string());
        assert_eq!(lasts(&balance).as_deref(), Some("At your pace enough until the reset"));
        balance.runs_out = Some(RunsOut { plan: at("2026-11-29T03:00:00Z"), all: at("2027-03-04T12:00:00Z") });
        assert_eq!(lasts(&balance).as_deref(), Some("At your pace used up about 28 Nov"));
        assert_eq!(balance.notes().len(), 1, "there are none");
        balance.top_ups.left = Credits::whole(9_000);
        assert_eq!(balance.notes()[1].to_string(), "At your pace used up about Mar 2027");
        balance.left = Credits::ZERO;
        assert_eq!(lasts(&balance), None);
    }

    #[test]
    fn a_bar_is_full_only_when_nothing_is_left() {
        let bar = |used: i64, held: i64, left: i64| {
            let mut plan = acme();
            (plan.used, plan.held, plan.left) = (Credits(used), Credits(held), Credits(left));
            plan.allowance = Credits(used + held + left);
            plan.bar()
        };
        assert_eq!(bar(1, 0, 999_999), Bar { used: 4, held: 0 });
        assert_eq!(bar(999_999, 0, 1), Bar { used: 996, held: 0 });
        assert_eq!(bar(5, 0, 0), Bar { used: 1_000, held: 0 });
        assert_eq!(bar(900, 100, 0), Bar { used: 900, held: 100 });
        assert_eq!(bar(0, 0, 0), Bar { used: 0, held: 0 });
    }
}
