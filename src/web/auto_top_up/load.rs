//! What the page is made of: the rule as it stands, and the way back from Stripe's page.

use crate::domain::auto_top_up::AsleepReason;
use crate::domain::catalog::Tax;
use crate::domain::{Money, Package};
use crate::usecases::access::links::Viewer;
use crate::usecases::auto_top_up::{self, AutoState, AutoTopUp, CompletedConsent};
use crate::usecases::insight::billing;
use crate::usecases::insight::billing::Billing;
use crate::usecases::purchases::Purchase;
use crate::web::auto_top_up::agree::Agreeing;
use crate::web::auto_top_up::choice::Choice;
use crate::web::auto_top_up::in_force::InForce;
use crate::web::auto_top_up::notices::Situation;
use crate::web::auto_top_up::outcome::AutoOutcome;
use crate::web::auto_top_up::outlook::{Outlook, Present};
use crate::web::auto_top_up::sentence::Parties;
use crate::web::auto_top_up::terms::{SentTerms, Terms};
use crate::web::auto_top_up::{AutoTopUpBody, Choosing, PAGE, Sections, lists, sentence, signed_form};
use crate::web::billing::may_buy::MayBuy;
use crate::web::billing::reader::Reader;
use crate::web::billing::wanted::upgrade_page;
use crate::web::flash::Flash;
use crate::web::page::Page;
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::Zone;
use crate::web::ui::notice::{Notice, NoticeAction};
use leptos::prelude::*;

pub(super) async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    if let Some(session) = request.query("session_id") {
        return come_back(&request, viewer, &session).await;
    }
    let sections = load_sections(&request, &viewer, None).await?;
    Ok(Page::new("Automatic top-up", Some(viewer), view! { <AutoTopUpBody sections /> }))
}

/// The way back from Stripe's page. The outcome is said once: it leaves the address, unless Stripe cannot be asked.
async fn come_back(request: &RequestContext, viewer: Viewer, session: &str) -> Result<Page, PageError> {
    let outcome = match auto_top_up::complete_consent(&request.app, &viewer, session).await? {
        CompletedConsent::On | CompletedConsent::AlreadyOn => AutoOutcome::SwitchedOn,
        CompletedConsent::NotFinished => AutoOutcome::NotFinished,
        CompletedConsent::PriceChanged => AutoOutcome::PriceChanged,
        CompletedConsent::CardRefused => AutoOutcome::CardRefused,
        CompletedConsent::NotACard => AutoOutcome::NotACard,
        CompletedConsent::NotAllowed => AutoOutcome::NotAllowed,
        CompletedConsent::Asleep(_) => AutoOutcome::NotNow,
        CompletedConsent::StripeUnavailable => {
            let notice = AutoOutcome::StripeUnavailable.notice();
            let notice = notice.with(NoticeAction::main_link("Check again", request.here()));
            let sections = load_sections(request, &viewer, Some(notice)).await?;
            return Ok(Page::new("Automatic top-up", Some(viewer), view! { <AutoTopUpBody sections /> }));
        }
    };
    request.redirect_with(PAGE, Flash::new(outcome.code()));
    Err(PageError::Redirected)
}

async fn load_sections(
    request: &RequestContext,
    viewer: &Viewer,
    outcome: Option<Notice>,
) -> Result<Sections, PageError> {
    let app = &request.app;
    let customer = (viewer.customer_no, viewer.customer.as_str());
    let billing = billing::load_billing(app, customer, |_| 0..0, |_| (0, 0)).await?.ok_or(PageError::SignIn)?;
    let rule = auto_top_up::find_auto_top_up(app, viewer.customer_no).await?;
    let would_sleep = match rule.state {
        AutoState::Off | AutoState::Suspended(_) => auto_top_up::would_sleep(app, viewer.customer_no).await?,
        _ => None,
    };
    let flash = request.take_flash().and_then(|flash| AutoOutcome::from_code(flash.code()));
    let loaded = Loaded { request, viewer, billing: &billing, rule: &rule, zone: Zone::named(&viewer.timezone) };
    let unticked = flash == Some(AutoOutcome::Unticked);
    let shown = flash.filter(|outcome| *outcome != AutoOutcome::Unticked);
    Ok(Sections {
        state: rule.state,
        outcome: outcome.or_else(|| shown.map(AutoOutcome::notice)),
        notice: loaded.notice(would_sleep),
        in_force: loaded.in_force(),
        choosing: loaded.choosing(unticked, would_sleep),
        may_manage: viewer.role.may_manage(),
        bought: auto_top_up::automatic_purchases(app, viewer.customer_no, lists::SHOWN).await?,
        consents: auto_top_up::list_consents(app, viewer.customer_no).await?,
        zone: loaded.zone,
    })
}

/// What the sections are made of.
struct Loaded<'a> {
    request: &'a RequestContext,
    viewer: &'a Viewer,
    billing: &'a Billing,
    rule: &'a AutoTopUp,
    zone: Zone,
}

impl Loaded<'_> {
    fn currency(&self) -> &str {
        &self.request.app.catalog.shop.currency
    }

    fn notice(&self, would_sleep: Option<AsleepReason>) -> Option<Notice> {
        let rule = self.rule;
        let currency = rule.agreed.as_ref().map_or_else(|| self.currency(), |agreed| agreed.currency.as_str());
        let buying = rule.in_progress.as_ref();
        let situation = Situation {
            // Before anything is agreed (again), it is said why it could not work.
            state: would_sleep.map_or(rule.state, AutoState::Asleep),
            is_agreed: rule.agreed.is_some(),
            blocked: rule.blocked,
            cap: Money::new(rule.agreed.as_ref().map_or(0, |agreed| agreed.cap), currency),
            buying: buying.map(|purchase| (purchase.credits, price_of(purchase))),
            confirm_url: rule.confirm_url.clone(),
            retry_at: rule.retry_at.map(|at| self.zone.sentence(at)),
            upgrade: upgrade_page(&self.request.app, self.viewer),
            may_manage: self.viewer.role.may_manage(),
        };
        situation.notice()
    }

    fn in_force(&self) -> Option<InForce> {
        let (rule, catalog) = (self.rule, &self.request.app.catalog);
        let agreed = rule.agreed.as_ref()?;
        let money = |minor| Money::new(minor, &agreed.currency);
        Some(InForce {
            credits: catalog.package(&agreed.package).map(Package::grants),
            price: money(agreed.price),
            threshold: agreed.threshold,
            cap: money(agreed.cap),
            spent: money(rule.spent),
            card: rule.card.clone(),
            agreed_at: rule.consent.as_ref().map(|consent| self.zone.minute(consent.at)),
            agreed_by: rule.consent.as_ref().and_then(|consent| consent.by.clone()),
            is_suspended: matches!(rule.state, AutoState::Suspended(_)),
            may_manage: self.viewer.role.may_manage(),
        })
    }

    /// The form, while the rule is off or stopped, or where it is to change.
    fn choosing(&self, unticked: bool, would_sleep: Option<AsleepReason>) -> Option<Choosing> {
        let is_off = matches!(self.rule.state, AutoState::Off | AutoState::Suspended(_));
        let changes = self.request.query("change").is_some();
        if !self.viewer.role.may_manage() || would_sleep.is_some() || !(is_off || changes) {
            return None;
        }
        let catalog = &self.request.app.catalog;
        let reader = self.reader();
        let (fit, present) = (reader.fit().map(|fit| fit.package), self.present());
        let monthly = |package: &Package| present.monthly(package);
        let first = fit.or_else(|| catalog.packages.iter().min_by_key(|package| package.credits));
        let suggested = Terms::default_of(catalog, fit, self.billing.low_mark, first.and_then(monthly))?;
        let agreed = self.rule.agreed.as_ref().and_then(|agreed| Terms::of_agreement(catalog, agreed));
        let sent = SentTerms::read(catalog, agreed.as_ref().unwrap_or(&suggested), |name| self.request.query(name));
        let mut packages = catalog.packages.clone();
        packages.sort_by_key(|package| package.credits);
        let choice =
            Choice { sent: sent.clone(), packages, currency: self.currency().to_owned(), changes: changes && !is_off };
        let rest = sent.terms.map(|terms| {
            let outlook = Outlook::new(catalog, &present, &terms, reader.advice());
            (outlook, self.agreeing(terms, unticked))
        });
        Some(Choosing { choice, rest })
    }

    /// Terms that ask for no more than is agreed are saved; all others need a consent.
    fn agreeing(&self, terms: Terms, unticked: bool) -> Agreeing {
        let agreed =
            self.rule.agreed.as_ref().filter(|_| matches!(self.rule.state, AutoState::On | AutoState::Asleep(_)));
        let asked = terms.agreement();
        if agreed.is_some_and(|agreed| agreed.covers(&asked) && *agreed != asked) {
            return Agreeing::Lower(terms);
        }
        let shop = &self.request.app.catalog.shop;
        let parties =
            Parties { shop: shop.name.clone(), customer: self.viewer.name.clone(), plus_tax: shop.tax == Tax::Stripe };
        let text = sentence::consent(&parties, &terms);
        let form = signed_form::sign(&self.request.app, self.viewer, asked, text.to_string());
        Agreeing::Consent { text, form, unticked }
    }

    fn present(&self) -> Present<'_> {
        let (app, balance) = (&self.request.app, &self.billing.overview.balance);
        Present {
            available: balance.available,
            allowance: app.catalog.allowance(&balance.plan_id),
            per_day: self.billing.forecast.as_ref().map(|forecast| forecast.per_day()),
            packages_max: app.catalog.rules.auto_top_up_max_packages,
            plan: &balance.plan_id,
        }
    }

    fn reader(&self) -> Reader<'_> {
        let app = &self.request.app;
        Reader {
            app,
            viewer: self.viewer,
            billing: self.billing,
            zone: self.zone,
            may_buy: MayBuy::new(app, self.viewer, &self.billing.overview),
            upgrade: upgrade_page(app, self.viewer),
        }
    }
}

fn price_of(purchase: &Purchase) -> Money {
    Money::new(purchase.amount_total.unwrap_or(purchase.amount), &purchase.currency)
}
