//! `/invoice/{id}`: an invoice, which can be paid here while it is open.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::card_form::{Mistakes, PayForm, card_fields, card_list, read_card};
use super::confirm;
use super::html::{self, escape, escaped, redirect};
use super::pay::PAYS;
use crate::actions::invoice_payments::{self, Attempt};
use crate::currencies::{self, TAX_PERCENT};
use crate::error::{ApiError, Result};
use crate::objects::{id_of, items, number, text};
use crate::sandbox::Sandbox;

const MISSING: &str = "There is no such invoice.";

/// `GET /invoice/{id}`
pub(crate) async fn show(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Response {
    let response = async { Ok(respond(&sandbox, &find(&sandbox, &id).await?, StatusCode::OK, &Mistakes::default())) };
    response.await.unwrap_or_else(|error: ApiError| html::failed(&sandbox, &error, MISSING))
}

/// `POST /invoice/{id}`: a card, or the cardholder's answer to its bank.
pub(crate) async fn submit(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    Form(sent): Form<PayForm>,
) -> Response {
    let response = async {
        let invoice = find(&sandbox, &id).await?;
        let back = redirect(&format!("/invoice/{id}"));
        if invoice["status"] != "open" {
            return Ok(back);
        }
        let card = match read_card(&sent, sandbox.now()) {
            _ if !sent.confirm.is_empty() => None,
            Ok(card) => Some(card),
            Err(mistakes) => return Ok(respond(&sandbox, &invoice, StatusCode::UNPROCESSABLE_ENTITY, &mistakes)),
        };
        let attempt = sandbox.change(async |tx| {
            let invoice = tx.get("invoice", &id).await?;
            match card {
                Some(card) if invoice["status"] == "open" => {
                    invoice_payments::pay(tx, invoice, card, None, false).await
                }
                Some(_) => Ok(Attempt::Paid(invoice)),
                None if invoice["_sandbox"]["asked"].is_null() => Ok(Attempt::Paid(invoice)),
                None => invoice_payments::confirm(tx, invoice, sent.confirm == "yes").await,
            }
        });
        Ok(match attempt.await? {
            Attempt::Paid(_) | Attempt::Asks(_) => back,
            Attempt::Declined(_) => {
                let declined = Mistakes { declined: true, ..Mistakes::default() };
                respond(&sandbox, &find(&sandbox, &id).await?, StatusCode::PAYMENT_REQUIRED, &declined)
            }
        })
    };
    response.await.unwrap_or_else(|error: ApiError| html::failed(&sandbox, &error, MISSING))
}

/// An invoice that was finalized.
async fn find(sandbox: &Sandbox, id: &str) -> Result<Value> {
    let invoice = sandbox.begin().await?.get("invoice", id).await?;
    if invoice["status"] == "draft" { Err(ApiError::no_such("invoice", id)) } else { Ok(invoice) }
}

fn respond(sandbox: &Sandbox, invoice: &Value, status: StatusCode, mistakes: &Mistakes) -> Response {
    let shop = &sandbox.settings().shop_name;
    let asks = invoice["status"] == "open" && !invoice["_sandbox"]["asked"].is_null();
    let page = if asks {
        let words = format!("{} to {shop}.", currencies::format(number(&invoice["total"]), text(&invoice["currency"])));
        confirm::page(&format!("/invoice/{}", id_of(invoice)), &words, shop)
    } else {
        page(invoice, shop, mistakes)
    };
    html::respond(status, "", page)
}

fn page(invoice: &Value, shop: &str, mistakes: &Mistakes) -> String {
    let money = |minor: &Value| escape(&currencies::format(number(minor), text(&invoice["currency"])));
    let row =
        |label: &str, amount: &Value| format!("<tr><th scope=\"row\">{label}</th><td>{}</td></tr>", money(amount));
    let mut rows: String = items(&invoice["lines"]["data"])
        .iter()
        .map(|line| row(&escaped(&line["description"]), &line["amount"]))
        .collect();
    let tax = &invoice["_sandbox"]["tax"];
    if number(tax) > 0 {
        rows.push_str(&row(&format!("Tax, {TAX_PERCENT}%"), tax));
    }
    let tax_ids = items(&invoice["customer_tax_ids"]).iter();
    let tax_ids: String = tax_ids.map(|one| format!("<p>Tax ID {}</p>", escaped(&one["value"]))).collect();
    let at = |name: &str| {
        let seconds = number(&invoice["status_transitions"][name]);
        DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().format("%-d %b %Y").to_string()
    };
    let (state, total, payment) = match text(&invoice["status"]) {
        "open" => ("Waits for payment".to_owned(), "To pay", pay_form(invoice, &money(&invoice["total"]), mistakes)),
        "void" => (format!("Voided on {}. Nothing is to be paid.", at("voided_at")), "Total", String::new()),
        _ => (format!("Paid on {}", at("paid_at")), "Paid", String::new()),
    };
    let title = format!("Invoice {}", escaped(&invoice["number"]));
    let main = format!(
        "<h1>{title}</h1><p>{}<br>{}</p>{tax_ids}<p>{state}</p>\
         <table><tbody>{rows}<tr class=\"total\"><th scope=\"row\">{total}</th><td>{}</td></tr></tbody></table>{payment}\
         <p class=\"hint\">Made by the sandbox: no money moves.</p>",
        escaped(&invoice["customer_name"]),
        escaped(&invoice["customer_email"]),
        money(&invoice["total"]),
    );
    html::document(&title, shop, &main)
}

fn pay_form(invoice: &Value, price: &str, mistakes: &Mistakes) -> String {
    let declined = if mistakes.declined {
        "<p class=\"alert\" role=\"alert\">The payment did not go through. Try another card.</p>"
    } else {
        ""
    };
    format!(
        "{declined}<form method=\"post\" action=\"/invoice/{}\">{}<button type=\"submit\">Pay {price}</button></form>{}",
        escape(id_of(invoice)),
        card_fields(mistakes, &PAYS),
        card_list(&PAYS)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Mistakes, page};

    #[test]
    fn an_invoice_can_be_paid_while_it_is_open() {
        let check = |status: &str, words: &str, has_form: bool| {
            let invoice = json!({
                "id": "in_1", "status": status, "number": "A-0001", "total": 900, "currency": "usd",
                "status_transitions": { "paid_at": 1_795_000_000, "voided_at": 1_795_000_000 },
            });
            let page = page(&invoice, "Gleaner", &Mistakes::default());
            assert!(page.contains(words), "{page}");
            assert_eq!(page.contains(">Pay $9.00</button>"), has_form, "{status}");
        };
        check("open", "Waits for payment", true);
        check("paid", "Paid on 18 Nov 2026", false);
        check("void", "Voided on 18 Nov 2026", false);
    }
}
