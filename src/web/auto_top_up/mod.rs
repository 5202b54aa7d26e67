//! `/auto-top-up`: what would be agreed, or what is in force (R20). One file a section.
//!
//! Choosing is a GET form; agreeing is a signed form with an unticked box, and leads to Stripe's page, where a card is saved.
//! The way back is never believed: Stripe is asked.

pub mod agree;
pub mod choice;
pub mod csv_file;
pub mod in_force;
pub mod lists;
mod load;
pub mod notices;
mod outcome;
pub mod outlook;
pub mod sentence;
mod signed_form;
pub mod terms;

pub use agree::{AgreeToAutoTopUp, LowerAutoTopUp, SwitchOffAutoTopUp};
pub use csv_file::consents_csv;
pub use outcome::AutoOutcome;
pub use signed_form::AgreeForm;

use crate::usecases::auto_top_up::{AutoState, Consent};
use crate::usecases::purchases::Purchase;
use crate::web::auto_top_up::agree::{Agree, Agreeing};
use crate::web::auto_top_up::choice::{Choice, ChoiceForm};
use crate::web::auto_top_up::in_force::{InForce, InForceCard};
use crate::web::auto_top_up::lists::{Agreed, Bought};
use crate::web::auto_top_up::load::load;
use crate::web::auto_top_up::outlook::{Outlook, WhatToExpect};
use crate::web::page::page;
use crate::web::ui::auto_top_up_badge::auto_top_up_badge;
use crate::web::ui::badge::BadgeText;
use crate::web::ui::dates::Zone;
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The page's path.
pub const PAGE: &str = "/auto-top-up";
/// The paths of this page's forms.
pub const FORM_PATHS: [&str; 3] = [AgreeToAutoTopUp::PATH, LowerAutoTopUp::PATH, SwitchOffAutoTopUp::PATH];

/// The sections of the page, in its order.
pub struct Sections {
    pub state: AutoState,
    /// The outcome of a form.
    pub outcome: Option<Notice>,
    pub notice: Option<Notice>,
    pub in_force: Option<InForce>,
    /// For those who may manage, where there is something to choose.
    pub choosing: Option<Choosing>,
    pub may_manage: bool,
    pub bought: Vec<Purchase>,
    pub consents: Vec<Consent>,
    pub zone: Zone,
}

/// The sections that lead to a consent.
pub struct Choosing {
    pub choice: Choice,
    /// None where a field of the choice is wrong.
    pub rest: Option<(Outlook, Agreeing)>,
}

/// `/auto-top-up`
#[component]
pub fn AutoTopUpPage() -> impl IntoView {
    page(load)
}

/// Everything between header and footer.
#[component]
pub fn AutoTopUpBody(sections: Sections) -> impl IntoView {
    let Sections { state, outcome, notice, in_force, choosing, may_manage, bought, consents, zone } = sections;
    let is_on = in_force.is_some();
    let lede = (!is_on).then(|| {
        view! {
            <p class="lede">
                "Never run out: we buy a top-up when your credits run low, and charge a saved card. It's off until someone \
                switches it on here, it keeps to your limit, and it's off again with one click."
            </p>
        }
    });
    let ask = (!may_manage && !is_on).then(|| {
        view! { <p class="card empty">"You have view-only access. Ask an owner or admin to switch it on."</p> }
    });
    let has_history = is_on || !bought.is_empty();
    view! {
        <p class="crumb">
            <a href="/billing">"Billing"</a>
        </p>
        <h1>"Automatic top-up " <BadgeText badge=auto_top_up_badge(state) /></h1>
        {outcome.map(|notice| view! { <NoticeBox notice /> })}
        {notice.map(|notice| view! { <NoticeBox notice /> })}
        {lede}
        {in_force.map(|in_force| view! { <InForceCard in_force /> })}
        {ask}
        {choosing.map(choosing_html)}
        {has_history.then(|| view! { <Bought purchases=bought zone /> })}
        <Agreed consents zone />
    }
    .into_any()
}

fn choosing_html(choosing: Choosing) -> AnyView {
    let rest = choosing.rest.map(|(outlook, agreeing)| view! { <WhatToExpect outlook /> <Agree agreeing /> });
    view! {
        <section aria-labelledby="choose">
            <h2 id="choose">"What to buy, and when"</h2>
            <ChoiceForm choice=choosing.choice />
        </section>
        {rest}
    }
    .into_any()
}
