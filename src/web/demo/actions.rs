//! The bar's forms.

use crate::demo::actions;
use crate::demo::actions::{Leap, Used};
use crate::usecases::access::portal;
use crate::usecases::access::portal::{NewLink, Role, Spent, Viewer};
use crate::usecases::{InternalError, customers};
use crate::web::cookies::Cookie;
use crate::web::request_context::RequestContext;
use crate::web::theme::own_path;
use leptos::prelude::*;

/// How long a browser keeps the cookie.
const COOKIE_SECONDS: i64 = 14 * 24 * 60 * 60;

/// What the bar says after a click: a closed code in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Used,
    Short,
    BadAmount,
    Switched,
    Moved,
    NowhereToGo,
    PlanChanged,
    SignInFirst,
}

impl Said {
    const ALL: [Self; 8] = [
        Self::Used,
        Self::Short,
        Self::BadAmount,
        Self::Switched,
        Self::Moved,
        Self::NowhereToGo,
        Self::PlanChanged,
        Self::SignInFirst,
    ];

    const fn code(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Short => "short",
            Self::BadAmount => "bad_amount",
            Self::Switched => "switched",
            Self::Moved => "moved",
            Self::NowhereToGo => "nowhere",
            Self::PlanChanged => "plan",
            Self::SignInFirst => "sign_in",
        }
    }

    /// From the URL; anything else says nothing.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|said| said.code() == code)
    }

    /// Its words, and whether it is an error.
    pub const fn words(self) -> (&'static str, bool) {
        match self {
            Self::Used => ("Credits were used.", false),
            Self::Short => ("Refused: there are not so many credits.", true),
            Self::BadAmount => ("Enter an amount such as 380 or 12.5.", true),
            Self::Switched => ("Customer switched.", false),
            Self::Moved => ("The clock was moved.", false),
            Self::NowhereToGo => ("Nothing of the kind lies ahead.", true),
            Self::PlanChanged => ("The plan was changed.", false),
            Self::SignInFirst => ("Choose a customer first.", true),
        }
    }
}

/// Looks at the demo as somebody else: `who` is `customer/e-mail`.
#[server(name = DemoSwitch, prefix = "/_fn", endpoint = "demo-switch")]
pub async fn demo_switch(who: String) -> Result<(), ServerFnError> {
    run("/billing", async |request: &RequestContext| {
        let person =
            actions::people().into_iter().find(|person| format!("{}/{}", person.customer, person.email) == who);
        let Some(person) = person else { return Ok(Said::SignInFirst) };
        let known = customers::number(&request.app, person.customer).await?;
        let Some(customer_no) = known else { return Ok(Said::SignInFirst) };
        sign_in(request, customer_no, Some(person.email.to_owned()), person.role).await?;
        Ok(Said::Switched)
    })
    .await
}

/// Uses credits, as the SaaS's own backend would.
#[server(name = DemoUse, prefix = "/_fn", endpoint = "demo-use")]
pub async fn demo_use(credits: String, key: String, back: String) -> Result<(), ServerFnError> {
    run(&back, async |request: &RequestContext| {
        let Some(viewer) = request.viewer().await? else { return Ok(Said::SignInFirst) };
        Ok(match actions::use_credits(&request.app, &viewer.customer, &credits, &key).await? {
            Used::Done => Said::Used,
            Used::Short => Said::Short,
            Used::BadAmount => Said::BadAmount,
        })
    })
    .await
}

/// Moves the clock. Whoever is signed in stays so, however far it goes.
#[server(name = DemoMove, prefix = "/_fn", endpoint = "demo-move")]
pub async fn demo_move(to: String, back: String) -> Result<(), ServerFnError> {
    run(&back, async |request: &RequestContext| {
        let Some(viewer) = request.viewer().await? else { return Ok(Said::SignInFirst) };
        let Some(leap) = Leap::from_code(&to) else { return Ok(Said::NowhereToGo) };
        if !actions::leap(&request.app, &viewer.customer, leap).await? {
            return Ok(Said::NowhereToGo);
        }
        let Viewer { customer_no, email, role, .. } = viewer;
        sign_in(request, customer_no, email, role).await?;
        Ok(Said::Moved)
    })
    .await
}

/// Changes the plan, as the SaaS would by its `PUT`.
#[server(name = DemoPlan, prefix = "/_fn", endpoint = "demo-plan")]
pub async fn demo_plan(plan: String) -> Result<(), ServerFnError> {
    run("/billing", async |request: &RequestContext| {
        let Some(viewer) = request.viewer().await? else { return Ok(Said::SignInFirst) };
        if request.app.catalog.plan(&plan).is_none() {
            return Ok(Said::NowhereToGo);
        }
        let put = customers::Put { plan: Some(plan.clone()), ..customers::Put::default() };
        customers::put(&request.app, &viewer.customer, put).await?;
        Ok(Said::PlanChanged)
    })
    .await
}

/// Does what a form asks for and goes back to the path it came from, saying how it went.
async fn run(
    back: &str,
    act: impl AsyncFnOnce(&RequestContext) -> Result<Said, InternalError>,
) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    if !request.app.settings.demo {
        request.redirect("/sign-in");
        return Ok(());
    }
    match act(&request).await {
        Ok(Said::SignInFirst) => request.redirect("/sign-in?demo=sign_in"),
        Ok(said) => {
            let path = own_path(back);
            request.redirect(&format!("{}?demo={}", path.split('?').next().unwrap_or("/billing"), said.code()));
        }
        Err(fault) => {
            tracing::error!(error = %fault, "a form of the demo failed");
            return Err(ServerFnError::new("fault"));
        }
    }
    Ok(())
}

/// Opens a session by a portal link of its own, spent at once.
async fn sign_in(
    request: &RequestContext,
    customer_no: i64,
    email: Option<String>,
    role: Role,
) -> Result<(), InternalError> {
    let link = NewLink { customer_no, email, role: Some(role), path: "/billing".to_owned(), return_url: None };
    let link = portal::make_link(&request.app, link).await?;
    let token = link.url.rsplit('/').next().unwrap_or_default();
    if let Spent::Session { token, .. } = portal::spend_link(&request.app, token, &request.device()).await? {
        request.set_cookie(Cookie::Session, &token, COOKIE_SECONDS);
    }
    Ok(())
}
