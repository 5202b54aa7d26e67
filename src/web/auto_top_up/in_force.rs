//! What is agreed and since when, what was spent of the limit, the card, and the ways to change it or end it.

use crate::domain::{Credits, Money};
use crate::usecases::auto_top_up::Card;
use crate::web::auto_top_up::PAGE;
use crate::web::auto_top_up::agree::SwitchOffAutoTopUp;
use crate::web::auto_top_up::sentence;
use crate::web::ui::dates::{Moment, When};
use crate::web::ui::form::Form;
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The section's data.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The credits of one package; none if it is gone.
    pub credits: Option<Credits>,
    pub price: Money,
    pub threshold: Credits,
    pub cap: Money,
    /// Spent in the last 30 × 24 hours.
    pub spent: Money,
    pub card: Option<Card>,
    pub agreed_at: Option<Moment>,
    pub agreed_by: Option<String>,
    pub is_suspended: bool,
    pub may_manage: bool,
}

impl InForce {
    fn sentence(&self) -> Text {
        match self.credits {
            Some(credits) => sentence::summary(credits, self.price.clone(), self.threshold, self.cap.clone())
                .then(self.on_card())
                .text("."),
            None => "The package that was agreed is no longer for sale.".into(),
        }
    }

    fn on_card(&self) -> Text {
        self.card.as_ref().map(|card| Text::from(format!(", on {}", card_words(card)))).unwrap_or_default()
    }

    /// Thousandths of the bar.
    fn share(&self) -> i64 {
        let (spent, cap) = (i128::from(self.spent.minor.max(0)), i128::from(self.cap.minor.max(1)));
        i64::try_from((spent * 1_000 / cap).min(1_000)).unwrap_or(1_000)
    }

    fn spoken(&self) -> String {
        format!("{} of {} spent in the last 30 days", self.spent.short(), self.cap.short())
    }
}

/// `Visa ···· 4242`
#[must_use]
pub fn card_words(card: &Card) -> String {
    let mut letters = card.brand.chars();
    let brand: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    // It stays on one line.
    format!("{brand}\u{a0}····\u{a0}{}", card.last4)
}

/// `expires 12/2034`
fn expiry(card: &Card) -> String {
    format!("expires {:02}/{}", card.exp_month, card.exp_year)
}

/// The region "What is agreed".
#[component]
pub fn InForceCard(in_force: InForce) -> impl IntoView {
    let (sentence, share, spoken) = (in_force.sentence(), in_force.share(), in_force.spoken());
    let card =
        in_force.card.as_ref().map(|card| (card_words(card), format!(" {}", expiry(card)))).map(|(card, expiry)| {
            view! { <Fact name="Card">{card} <span class="note">{expiry}</span></Fact> }
        });
    let agreed = in_force.agreed_at.clone().map(|moment| {
        let by = in_force.agreed_by.clone().map(|by| format!(" by {by}"));
        view! { <Fact name="Agreed"><When moment />{by}</Fact> }
    });
    let actions = in_force.may_manage.then(|| view! { <Actions is_suspended=in_force.is_suspended /> });
    let (spent, cap) = (in_force.spent.clone(), in_force.cap.clone());
    view! {
        <section class="card in-force" aria-label="What is agreed">
            <p class="lede">{sentence}</p>
            <div class="ends">
                <p class="label">"Spent in the last 30 days"</p>
                <p class="label"><Price money=spent /> " of " <Price money=cap.clone() /></p>
            </div>
            <div
                class="bar"
                class:out=share == 1_000
                role="progressbar"
                aria-label="Spent in 30 days"
                aria-valuemin="0"
                aria-valuemax=cap.minor.to_string()
                aria-valuenow=in_force.spent.minor.clamp(0, cap.minor.max(0)).to_string()
                aria-valuetext=spoken
            >
                <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="used" width=share.to_string() height="1"></rect>
                </svg>
            </div>
            <dl class="facts">
                <Fact name="Credits fall below"><Amount credits=in_force.threshold /></Fact>
                <Fact name="Most in 30 days"><Price money=cap /></Fact>
                {card}
                {agreed}
            </dl>
            {actions}
        </section>
    }
    .into_any()
}

#[component]
fn Fact(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <div>
            <dt class="label">{name}</dt>
            <dd>{children()}</dd>
        </div>
    }
}

/// Switching off asks no question: switching on again is as easy.
#[component]
fn Actions(is_suspended: bool) -> impl IntoView {
    let change = (!is_suspended).then(|| {
        view! {
            <a class="button" href=format!("{PAGE}?change=1")>
                "Change"
            </a>
        }
    });
    view! {
        <div class="actions">
            {change}
            <Form action=SwitchOffAutoTopUp::PATH>
                <button class="button">"Switch off"</button>
            </Form>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force(spent: i64, cap: i64) -> InForce {
        let card =
            Card { brand: "visa".into(), last4: "4242".into(), exp_month: 3, exp_year: 2034, fingerprint: "f".into() };
        InForce {
            credits: Some(Credits::whole(1_200)),
            price: Money::new(900, "usd"),
            threshold: Credits::whole(500),
            cap: Money::new(cap, "usd"),
            spent: Money::new(spent, "usd"),
            card: Some(card),
            agreed_at: None,
            agreed_by: None,
            is_suspended: false,
            may_manage: true,
        }
    }

    #[test]
    fn the_agreement_is_one_sentence_with_its_card() {
        let want = "When you have fewer than 500 credits, we'll buy 1,200 for $9, at most $50 in any 30 days, on Visa\u{a0}····\u{a0}4242.";
        assert_eq!(in_force(0, 5_000).sentence().to_string(), want);
        let card = in_force(0, 5_000).card.expect("a card");
        assert_eq!(expiry(&card), "expires 03/2034");
    }

    #[test]
    fn the_bar_shows_what_was_spent_and_ends_at_the_limit() {
        let check = |spent, cap, want| assert_eq!(in_force(spent, cap).share(), want, "{spent} of {cap}");
        check(0, 5_000, 0);
        check(900, 5_000, 180);
        check(5_000, 5_000, 1_000);
        // A limit that was lowered later.
        check(5_000, 900, 1_000);
    }
}
