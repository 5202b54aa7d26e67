//! The audit as a table.

use crate::usecases::operators::audit;
use crate::web::operator::table::{Cells, Table, code, text, when};
use leptos::prelude::*;

pub fn audit_table(lines: Vec<audit::AuditLine>) -> AnyView {
    let row = |line: audit::AuditLine| -> Cells {
        vec![
            when(line.at),
            text(line.action.map_or("?", audit::Action::words)),
            code(line.about),
            text(line.detail),
            text(line.reason),
            text(line.operator),
        ]
    };
    let rows = lines.into_iter().map(row).collect();
    view! { <Table caption="Audit" heads=&["When", "Action", "Subject", "Result", "Reason", "Operator"] rows empty="No actions yet." /> }
        .into_any()
}
