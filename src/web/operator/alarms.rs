//! `/operator/alarms`: open alarms, pending events, acknowledged alarms.

use crate::usecases::alarms;
use crate::usecases::alarms::Alarm;
use crate::usecases::operators::search::{self, WaitingEvent};
use crate::web::operator::action_form::ActForm;
use crate::web::operator::actions::Act;
use crate::web::operator::page::{key, operator_page, outcome_notice};
use crate::web::operator::table::{Cells, Table, badge, code, deadline, section, text, when};
use crate::web::request_context::RequestContext;
use crate::web::ui::badge::{Badge, Tone};
use leptos::prelude::*;

const BACK: &str = "/operator/alarms";
/// The column of open alarms that acknowledged ones have not.
const DEADLINE: usize = 4;
/// Acknowledged alarms that are shown.
const SEEN_MAX: usize = 100;

/// `/operator/alarms`
#[component]
pub fn AlarmsPage() -> impl IntoView {
    operator_page(|request: RequestContext| async move {
        let (mut seen, open): (Vec<Alarm>, Vec<Alarm>) =
            alarms::all_alarms(&request.app.store).await?.into_iter().partition(|alarm| alarm.acknowledged.is_some());
        seen.reverse();
        seen.truncate(SEEN_MAX);
        let events = search::waiting_events(&request.app).await?;
        let body = view! {
            <h1>"Alarms"</h1>
            {outcome_notice(&request)}
            {lists(&request, open, events, seen)}
        };
        Ok(("Alarms".to_owned(), body.into_any()))
    })
}

/// The page's lists.
pub fn lists(request: &RequestContext, open: Vec<Alarm>, events: Vec<WaitingEvent>, seen: Vec<Alarm>) -> AnyView {
    let rows = open.into_iter().map(|alarm| open_row(request, alarm)).collect();
    let heads = &["Since", "Alarm", "Subject", "Details", "Answer by (UTC)", "#Times", "Actions"];
    let open = view! { <Table caption="Open alarms" heads rows empty="No open alarms." /> };
    let rows = events.into_iter().map(|event| event_row(request, event)).collect();
    let heads = &["Received", "Event", "Type", "Object", "#Attempts", "Last error", "Actions"];
    let events = view! { <Table caption="Pending events" heads rows empty="None pending." /> };
    let rows = seen.into_iter().map(seen_row).collect();
    let heads = &["Since", "Alarm", "Subject", "Details", "#Times", "Acknowledged"];
    let seen = view! { <Table caption="Acknowledged" heads rows empty="No acknowledged alarms." /> };
    view! {
        {section("open", "Open", open, None)}
        {section("events", "Pending events", events, None)}
        {section("seen", "Acknowledged", seen, None)}
    }
    .into_any()
}

fn cells(alarm: &Alarm) -> Cells {
    let about = match alarm.subject.starts_with("pur_") {
        true => {
            let id = alarm.subject.clone();
            view! { <a href=format!("/operator/purchases/{id}")>{code(id.clone())}</a> }.into_any()
        }
        false => code(alarm.subject.clone()),
    };
    vec![
        when(alarm.raised_at),
        view! { {badge(Badge::new(Tone::Warn, alarms::title(&alarm.kind).to_owned()))} " " <code>{alarm.kind.clone()}</code> }.into_any(),
        about,
        text(alarm.detail.clone()),
        text(alarm.times.to_string()),
    ]
}

fn open_row(request: &RequestContext, alarm: Alarm) -> Cells {
    let mut cells = cells(&alarm);
    let now = request.app.clock.now();
    cells.insert(DEADLINE, alarm.due_at.map(|due| deadline(due, now)).into_any());
    let name = format!("{} {}", alarm.kind, alarm.subject);
    cells.push(
        view! { <ActForm act=Act::Acknowledge about=alarm.no.to_string() name key=key(request) back=BACK title="Acknowledge" button="Acknowledge" /> }
        .into_any(),
    );
    cells
}

fn seen_row(alarm: Alarm) -> Cells {
    let mut cells = cells(&alarm);
    cells.push(match alarm.acknowledged {
        Some((by, at)) if by == alarms::ENDED => view! { {when(at)} ", automatically" }.into_any(),
        Some((by, at)) => view! { {when(at)} " by " {by} }.into_any(),
        None => ().into_any(),
    });
    cells
}

fn event_row(request: &RequestContext, event: WaitingEvent) -> Cells {
    let act = view! { <ActForm act=Act::RetryEvent about=event.id.clone() name=event.id.clone() key=key(request) back=BACK title="Retry" button="Retry now" /> };
    vec![
        when(event.received_at),
        code(event.id),
        text(event.kind),
        code(event.object_id),
        text(event.attempts.to_string()),
        text(event.last_error.unwrap_or_default()),
        act.into_any(),
    ]
}
