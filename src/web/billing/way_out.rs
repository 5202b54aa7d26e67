//! The way out for a customer who runs short of credits: the package that fits, a larger plan, or a person to ask.

use crate::domain::advice::Basket;
use crate::domain::{Catalog, Credits, Money};
use crate::web::billing::may_buy::MayBuy;
use crate::web::ui::buy_form::BuyForm;
use crate::web::ui::notice::{Notice, NoticeAction};
use crate::web::ui::text::Text;

/// The way out. A button of a notice leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// A package, and the whole mix that it is the first part of.
    Buy { credits: Credits, price: Money, form: BuyForm, mix: Option<Text> },
    /// A page with larger plans: the button's label, and its address.
    Plan { label: String, href: String },
    /// Owners and admins can buy.
    Ask,
    /// Nothing is for sale.
    Wait,
}

impl WayOut {
    /// `plan` is the button to a larger plan, where that is advised or needed.
    #[must_use]
    pub fn new(may_buy: &MayBuy, plan: Option<(String, String)>, buy: Option<Self>) -> Self {
        let plan = plan.map(|(label, href)| Self::Plan { label, href });
        match may_buy {
            MayBuy::Viewer => Self::Ask,
            MayBuy::Off => Self::Wait,
            MayBuy::PlanCannot { .. } => plan.unwrap_or(Self::Wait),
            MayBuy::Yes => plan.or(buy).unwrap_or(Self::Wait),
        }
    }

    /// The notice with the way out as its button, or in words.
    #[must_use]
    pub fn add_to(&self, mut notice: Notice) -> Notice {
        match self {
            Self::Buy { credits, price, form, mix } => {
                let label = Text::from("Buy ").credits(*credits).text(" for ").money(price.clone());
                if let Some(mix) = mix {
                    notice.text = notice.text.then(first_part(mix.clone()));
                }
                notice.with(NoticeAction::buy(label, form.clone()))
            }
            Self::Plan { label, href } => notice.with(NoticeAction::main_link(label, href)),
            Self::Ask | Self::Wait => notice,
        }
    }
}

/// ` First part of the cheapest mix: 50,000 and 1,200 credits.`
fn first_part(mix: Text) -> Text {
    Text::from(" First part of the cheapest mix: ").then(mix).text(".")
}

/// `2 × 50,000 and 1,200 credits`
#[must_use]
pub fn packages(basket: &Basket, catalog: &Catalog) -> Text {
    let mut words = Text::new();
    let last = basket.packages.len().saturating_sub(1);
    for (n, (id, count)) in basket.packages.iter().enumerate() {
        words = match n {
            0 => words,
            n if n == last => words.text(" and "),
            _ => words.text(", "),
        };
        if *count > 1 {
            words = words.text(format!("{count}\u{a0}× "));
        }
        words = words.credits(catalog.package(id).map_or(Credits::ZERO, |package| package.grants()));
    }
    let is_one = basket.packages.len() == 1 && basket.credits == Credits::whole(1);
    words.text(if is_one { " credit" } else { " credits" })
}
