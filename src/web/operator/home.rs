//! `/operator`: figures, search, the newest purchases, customers that ran out, the newest lines of the audit.

use crate::domain::Catalog;
use crate::usecases::operators::audit::AuditLine;
use crate::usecases::operators::enrolment::FactorState;
use crate::usecases::operators::home::{DAYS, Home, RanOut};
use crate::usecases::operators::{audit, enrolment, home, search};
use crate::usecases::purchases::Purchase;
use crate::web::operator::audit_table::audit_table;
use crate::web::operator::page::{ROWS, before, older, operator_page, outcome_notice};
use crate::web::operator::purchase_table::purchase_table;
use crate::web::operator::search::{results, search_form};
use crate::web::operator::table::{Cells, Table, amount, customer_link, section, text, when};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;

/// `/operator`; with `q` the results of a search.
#[component]
pub fn HomePage() -> impl IntoView {
    operator_page(|request: RequestContext| async move {
        let asked = request.query("q").unwrap_or_default();
        let (title, below) = if !asked.trim().is_empty() {
            ("Search", results(search::search_customers(&request.app, &asked).await?))
        } else if request.query("payments").as_deref() == Some("failed") {
            ("Failed payments", failed_payments(home::failed_payments(&request.app).await?))
        } else {
            ("Home", overview(&request).await?)
        };
        let body = view! {
            <h1>{title}</h1>
            {outcome_notice(&request)}
            {second_factor(&request).await?}
            {search_form(asked)}
            {below}
        };
        Ok((title.to_owned(), body.into_any()))
    })
}

async fn overview(request: &RequestContext) -> Result<AnyView, PageError> {
    let found = home::load_home(&request.app).await?;
    let mut lines = audit::list_audit(&request.app, None, before(request, "audit"), ROWS + 1).await?;
    let more = older(&mut lines, "audit", |line| line.no);
    Ok(overview_of(found, lines, more, &request.app.catalog))
}

/// The figures and lists.
pub fn overview_of(found: Home, lines: Vec<AuditLine>, more: Option<AnyView>, catalog: &Catalog) -> AnyView {
    let plan = |id: &str| catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone());
    let cut = found.ran_out_cut.then(|| view! { <p class="after">"More customers ran out this week."</p> }.into_any());
    let figures = figures(&found);
    let ran_out = found.ran_out.into_iter().map(|one| ran_out_row(one, plan)).collect();
    let heads = &["Customer", "Plan", "Ran out", "#Balance now"];
    let ran_out = view! { <Table caption="Ran out this week" heads rows=ran_out empty="No customers ran out of credits this week." /> };
    view! {
        {figures}
        {section("purchases", "Latest purchases", purchase_table("Latest purchases", found.newest, "No purchases yet."), None)}
        {section("ran-out", "Ran out this week", ran_out, cut)}
        {section("audit", "Audit", audit_table(lines), more)}
    }
    .into_any()
}

fn ran_out_row(one: RanOut, plan: impl Fn(&str) -> String) -> Cells {
    vec![customer_link(&one.id, &one.name), text(plan(&one.plan)), when(one.at), amount(one.balance)]
}

fn figures(found: &Home) -> AnyView {
    let sold = match found.sold.as_slice() {
        [] => text("None"),
        sums => sums.iter().cloned().map(|money| view! { <Price money long=true /> " " }).collect_view().into_any(),
    };
    let bought = match found.purchases {
        1 => "1 purchase".to_owned(),
        count => format!("{count} purchases"),
    };
    let unused = match found.unused {
        Some(credits) => view! { <Amount credits /> }.into_any(),
        None => text("Still counting"),
    };
    let alarms = if found.open_alarms == 0 { "Nothing to do" } else { "Need a person" };
    view! {
        <section aria-label="Figures" class="tiles">
            {tile("/operator/sales", format!("Sold in {DAYS} days"), sold, bought)}
            {tile("/operator/sales", "Unused paid credits".to_owned(), unused, "In customers' top-ups".to_owned())}
            {tile("/operator/alarms", "Open alarms".to_owned(), count(found.open_alarms), alarms.to_owned())}
            {tile("/operator?payments=failed", "Failed payments".to_owned(), count(found.failed), format!("In {DAYS} days"))}
        </section>
    }
    .into_any()
}

fn count(n: i64) -> AnyView {
    view! { <data value=n>{n}</data> }.into_any()
}

/// Behind the tile "Failed payments".
fn failed_payments(found: Vec<Purchase>) -> AnyView {
    let about = format!("In the last {DAYS} days, newest first. Nobody was charged.");
    let is_cut = i64::try_from(found.len()).is_ok_and(|count| count >= home::FAILED_MAX);
    let cut = is_cut.then(|| {
        let words = format!("Only the newest {} are shown.", home::FAILED_MAX);
        view! { <p class="after">{words}</p> }.into_any()
    });
    view! {
        <p class="after">{about}</p>
        {section("purchases", "Payments", purchase_table("Failed payments", found, "No failed payments."), cut)}
    }
    .into_any()
}

fn tile(href: &'static str, label: String, figure: AnyView, note: String) -> AnyView {
    view! {
        <div class="card">
            <p class="label">
                <a href=href>{label}</a>
            </p>
            <p class="figure">{figure}</p>
            <p class="note">{note}</p>
        </div>
    }
    .into_any()
}

/// The link to the second factor, as a warning for an operator without one.
async fn second_factor(request: &RequestContext) -> Result<Option<AnyView>, PageError> {
    let Some(operator) = request.operator().await? else { return Ok(None) };
    Ok(match enrolment::factor_state(&request.app, &operator).await? {
        FactorState::NoPassword | FactorState::On { .. } => None,
        FactorState::Off => Some(
            view! {
                <div class="notice warn">
                    <p>
                        <strong>"Your account has no second factor."</strong>
                        " "
                        <a href="/operator/second-factor">"Set up a second factor"</a>
                    </p>
                </div>
            }
            .into_any(),
        ),
    })
}
