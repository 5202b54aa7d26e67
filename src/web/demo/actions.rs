//! The bar's forms.

use crate::demo::actions;
use crate::demo::actions::{Leap, Used};
use crate::usecases::access::links;
use crate::usecases::access::links::{NewLink, Role, Spent, Viewer};
use crate::usecases::{InternalError, customers};
use crate::web::cookies::Cookie;
use crate::web::own_path::own_path;
use crate::web::request_context::RequestContext;
use leptos::prelude::*;
use strum::{EnumString, IntoStaticStr};

const COOKIE_SECONDS: i64 = 14 * 24 * 60 * 60;

/// The outcome of a form of the bar; its code stands in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DemoOutcome {
    Used,
    Short,
    BadAmount,
    Switched,
    Moved,
    #[strum(serialize = "nowhere")]
    NowhereToGo,
    #[strum(serialize = "plan")]
    PlanChanged,
    #[strum(serialize = "sign_in")]
    SignInFirst,
}

impl DemoOutcome {
    /// The sentence, and whether it is an error.
    pub const fn words(self) -> (&'static str, bool) {
        match self {
            Self::Used => ("Credits used: plan credits first, then top-ups.", false),
            Self::Short => ("Refused: not enough credits. Your API call would get a 402.", true),
            Self::BadAmount => ("Enter an amount such as 380 or 12.5.", true),
            Self::Switched => ("Customer switched.", false),
            Self::Moved => ("The clock has moved.", false),
            Self::NowhereToGo => ("There's nothing like that ahead.", true),
            Self::PlanChanged => ("Plan changed.", false),
            Self::SignInFirst => ("Choose a customer first.", true),
        }
    }
}

/// Signs in as another person: `who` is `customer/email`.
#[server(name = DemoSwitch, prefix = "/_fn", endpoint = "demo-switch")]
pub async fn demo_switch(who: String) -> Result<(), ServerFnError> {
    run("/billing", async |request: &RequestContext| {
        let person =
            actions::people().into_iter().find(|person| format!("{}/{}", person.customer, person.email) == who);
        let Some(person) = person else { return Ok(DemoOutcome::SignInFirst) };
        let known = customers::customer_number(&request.app, person.customer).await?;
        let Some(customer_no) = known else { return Ok(DemoOutcome::SignInFirst) };
        sign_in(request, customer_no, Some(person.email.to_owned()), person.role).await?;
        Ok(DemoOutcome::Switched)
    })
    .await
}

/// Uses credits, as the SaaS's own backend would.
#[server(name = DemoUse, prefix = "/_fn", endpoint = "demo-use")]
pub async fn demo_use(credits: String, key: String, back: String) -> Result<(), ServerFnError> {
    run(&back, async |request: &RequestContext| {
        let Some(viewer) = request.viewer().await? else { return Ok(DemoOutcome::SignInFirst) };
        Ok(match actions::use_credits(&request.app, &viewer.customer, &credits, &key).await? {
            Used::Done => DemoOutcome::Used,
            Used::Short => DemoOutcome::Short,
            Used::BadAmount => DemoOutcome::BadAmount,
        })
    })
    .await
}

/// Moves the clock. The viewer stays signed in, however far it goes.
#[server(name = DemoMove, prefix = "/_fn", endpoint = "demo-move")]
pub async fn demo_move(to: String, back: String) -> Result<(), ServerFnError> {
    run(&back, async |request: &RequestContext| {
        let Some(viewer) = request.viewer().await? else { return Ok(DemoOutcome::SignInFirst) };
        let Some(leap) = Leap::from_code(&to) else { return Ok(DemoOutcome::NowhereToGo) };
        if !actions::leap(&request.app, &viewer.customer, leap).await? {
            return Ok(DemoOutcome::NowhereToGo);
        }
        let Viewer { customer_no, email, role, .. } = viewer;
        sign_in(request, customer_no, email, role).await?;
        Ok(DemoOutcome::Moved)
    })
    .await
}

/// Changes the plan, as the SaaS would by its `PUT`.
#[server(name = DemoPlan, prefix = "/_fn", endpoint = "demo-plan")]
pub async fn demo_plan(plan: String) -> Result<(), ServerFnError> {
    run("/billing", async |request: &RequestContext| {
        let Some(viewer) = request.viewer().await? else { return Ok(DemoOutcome::SignInFirst) };
        if request.app.catalog.plan(&plan).is_none() {
            return Ok(DemoOutcome::NowhereToGo);
        }
        let put = customers::Put { plan: Some(plan.clone()), ..customers::Put::default() };
        customers::put_customer(&request.app, &viewer.customer, put).await?;
        Ok(DemoOutcome::PlanChanged)
    })
    .await
}

/// Runs a form's action and redirects back with its outcome.
async fn run(
    back: &str,
    act: impl AsyncFnOnce(&RequestContext) -> Result<DemoOutcome, InternalError>,
) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    if !request.app.settings.demo {
        request.redirect("/sign-in");
        return Ok(());
    }
    match act(&request).await {
        Ok(DemoOutcome::SignInFirst) => request.redirect("/sign-in?demo=sign_in"),
        Ok(outcome) => {
            request.redirect(&with_outcome(&own_path(back), outcome));
        }
        Err(fault) => {
            tracing::error!(error = %fault, "a form of the demo failed");
            return Err(ServerFnError::new("fault"));
        }
    }
    Ok(())
}

/// The page with this outcome, in place of the outcomes of forms before.
fn with_outcome(page: &str, outcome: DemoOutcome) -> String {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "" | "demo" | "outcome" | "act")
    });
    let code: &str = outcome.into();
    let query: Vec<String> = kept.map(str::to_owned).chain([format!("demo={code}")]).collect();
    format!("{path}?{}", query.join("&"))
}

/// Opens a session by a new portal link, spent at once.
async fn sign_in(
    request: &RequestContext,
    customer_no: i64,
    email: Option<String>,
    role: Role,
) -> Result<(), InternalError> {
    let link = NewLink { customer_no, email, role: Some(role), path: "/billing".to_owned(), return_url: None };
    let link = links::create_portal_link(&request.app, link).await?;
    let token = link.url.rsplit('/').next().unwrap_or_default();
    if let Spent::Session { token, .. } = links::spend_link(&request.app, token, &request.device()).await? {
        request.set_cookie(Cookie::Session, &token, COOKIE_SECONDS);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DemoOutcome, with_outcome};

    #[test]
    fn a_page_has_one_outcome_and_keeps_its_filter() {
        let check = |page, want| assert_eq!(with_outcome(page, DemoOutcome::Used), want);
        check("/billing", "/billing?demo=used");
        check("/usage?range=7d&demo=short", "/usage?range=7d&demo=used");
        check("/operator?outcome=done&act=give&q=acme", "/operator?q=acme&demo=used");
    }
}
