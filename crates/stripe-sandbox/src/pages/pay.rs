//! `/pay/{session}`: the page of a Checkout, where a buyer pays or saves a card.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::card_form::{METHODS, Mistakes, PayForm, TAX_ID, card_fields, card_list, read_card};
use super::confirm;
use super::html::{self, escape, redirect};
use crate::actions::checkout::{self, Attempt, Payment, success_url};
use crate::actions::{due, payments};
use crate::currencies::{self, TAX_PERCENT};
use crate::error::{ApiError, Result};
use crate::objects::{Card, id_of, items, number, text};
use crate::sandbox::Sandbox;

const MISSING: &str = "There is no such Checkout.";

/// The test cards and what becomes of a payment with each.
pub(super) const PAYS: [(&str, &str); 6] = [
    ("4242 4242 4242 4242", "is paid."),
    ("4000 0000 0000 0002", "is declined."),
    ("4000 0027 6000 3184", "is paid once you confirm."),
    ("4000 0000 0000 9995", "is declined for want of funds."),
    ("4000 0000 0000 0259", "is paid, then disputed."),
    ("4000 0000 0000 1976", "is paid, then asked about."),
];

/// The test cards and what becomes of each that is saved.
const SAVES: [(&str, &str); 7] = [
    ("4242 4242 4242 4242", "pays."),
    ("4000 0027 6000 3184", "asks you to confirm each payment."),
    ("4000 0000 0000 0341", "is declined later."),
    ("4000 0000 0000 9995", "is declined later for want of funds."),
    ("4000 0000 0000 9987", "is declined later as lost."),
    ("4000 0000 0000 0069", "is declined later as expired."),
    ("4000 0000 0000 0002", "cannot be saved."),
];

/// `GET /pay/{session}`
pub(crate) async fn show(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Response {
    let response = async {
        let session = session(&sandbox, &id).await?;
        Ok(match text(&session["status"]) {
            "open" => form(&sandbox, &session, StatusCode::OK, &Mistakes::default()),
            "complete" => redirect(&success_url(&session)?),
            _ => expired(&sandbox, &session),
        })
    };
    response.await.unwrap_or_else(|error: ApiError| html::failed(&sandbox, &error, MISSING))
}

/// `POST /pay/{session}`
pub(crate) async fn submit(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    Form(sent): Form<PayForm>,
) -> Response {
    let response = async {
        let session = session(&sandbox, &id).await?;
        let by_bank = ["bank", "refused"].contains(&sent.method.as_str());
        let payment = match read_card(&sent, sandbox.now()) {
            _ if !sent.confirm.is_empty() => Payment::Confirmed(sent.confirm == "yes"),
            _ if by_bank && payments::bank_method_of(&session).is_some() => {
                Payment::Bank { refuses: sent.method == "refused" }
            }
            Ok(card) => Payment::Card(card),
            Err(mistakes) if session["status"] == "open" => {
                return Ok(form(&sandbox, &session, StatusCode::UNPROCESSABLE_ENTITY, &mistakes));
            }
            // That the session is over matters more than a mistake in the form.
            Err(_) => Payment::Card(Card::GOOD),
        };
        let attempt = sandbox.change(async |tx| checkout::pay(tx, &id, payment, sent.tax_id.trim()).await);
        Ok(match attempt.await? {
            Attempt::Paid(url) => redirect(&url),
            Attempt::Asks => asked(&sandbox, &session),
            Attempt::Declined => {
                let declined = Mistakes { declined: true, ..Mistakes::default() };
                form(&sandbox, &session, StatusCode::PAYMENT_REQUIRED, &declined)
            }
            Attempt::Expired => expired(&sandbox, &session),
        })
    };
    response.await.unwrap_or_else(|error: ApiError| html::failed(&sandbox, &error, MISSING))
}

async fn session(sandbox: &Sandbox, id: &str) -> Result<Value> {
    let mut tx = sandbox.begin().await?;
    due::catch_up(&mut tx).await?;
    let session = tx.get("checkout.session", id).await;
    tx.commit().await?;
    session
}

fn form(sandbox: &Sandbox, session: &Value, status: StatusCode, mistakes: &Mistakes) -> Response {
    html::respond(status, text(&session["success_url"]), page(session, &sandbox.settings().shop_name, mistakes))
}

fn asked(sandbox: &Sandbox, session: &Value) -> Response {
    let shop = &sandbox.settings().shop_name;
    let words = if session["mode"] == "setup" {
        format!("May {shop} save this card and charge it later?")
    } else {
        format!("{} to {shop}.", currencies::format(number(&session["amount_total"]), text(&session["currency"])))
    };
    let page = confirm::page(&format!("/pay/{}", id_of(session)), &words, shop);
    html::respond(StatusCode::OK, text(&session["success_url"]), page)
}

fn expired(sandbox: &Sandbox, session: &Value) -> Response {
    let words = "This Checkout has expired. You were not charged.";
    let page = html::message(words, &sandbox.settings().shop_name, session["cancel_url"].as_str());
    html::respond(StatusCode::GONE, text(&session["success_url"]), page)
}

fn page(session: &Value, shop: &str, mistakes: &Mistakes) -> String {
    let saves = session["mode"] == "setup";
    let price = currencies::format(number(&session["amount_total"]), text(&session["currency"]));
    let (title, button, cards) = if saves {
        ("Save a card".to_owned(), "Save card".to_owned(), SAVES.as_slice())
    } else {
        (format!("Pay {price}"), format!("Pay {price}"), PAYS.as_slice())
    };
    let head = if saves {
        format!("<h1>Save a card</h1><p>{} may charge it later. Nothing is charged now.</p>", escape(shop))
    } else {
        head_of_sale(session, &price)
    };
    let declined = if mistakes.declined {
        "<p class=\"alert\" role=\"alert\">Your card was declined. Try another card.</p>"
    } else {
        ""
    };
    let method = payments::bank_method_of(session).filter(|_| !saves).map(|_| METHODS).unwrap_or_default();
    let tax_id = if session["tax_id_collection"]["enabled"] == true { TAX_ID } else { "" };
    let note = match text(&session["custom_text"]["submit"]["message"]) {
        "" => String::new(),
        text => format!("<p class=\"note\">{}</p>", linked(text)),
    };
    let main = format!(
        "{head}{declined}<form method=\"post\" action=\"/pay/{}\">{method}{}{tax_id}\
         <button type=\"submit\">{}</button></form>{note}{}{}",
        escape(id_of(session)),
        card_fields(mistakes, cards),
        escape(&button),
        card_list(cards),
        html::back(shop, session["cancel_url"].as_str()),
    );
    html::document(&title, shop, &main)
}

/// What is sold, its price and the tax in it.
fn head_of_sale(session: &Value, price: &str) -> String {
    let money = |minor: &Value| currencies::format(number(minor), text(&session["currency"]));
    let names: Vec<_> =
        items(&session["_sandbox"]["line_items"]).iter().map(|item| text(&item["description"])).collect();
    let tax = match &session["total_details"]["amount_tax"] {
        tax if number(tax) > 0 => {
            let (subtotal, tax) = (money(&session["amount_subtotal"]), money(tax));
            format!("<p>{} and {} tax ({TAX_PERCENT}%)</p>", escape(&subtotal), escape(&tax))
        }
        _ => String::new(),
    };
    format!(
        "<h1><span class=\"product\">{}</span> <span class=\"price\">{}</span></h1>{tax}",
        escape(&names.join(", ")),
        escape(price)
    )
}

/// `[Terms](https://…)` becomes a link, as at Stripe; all else is text.
fn linked(text: &str) -> String {
    let link = || {
        let (before, rest) = text.split_once('[')?;
        let (words, rest) = rest.split_once("](")?;
        let (url, after) = rest.split_once(')')?;
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        let anchor = format!("<a href=\"{}\">{}</a>", escape(url), escape(words));
        is_web.then(|| format!("{}{anchor}{}", escape(before), escape(after)))
    };
    link().unwrap_or_else(|| escape(text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Mistakes, page};

    fn session() -> Value {
        json!({
            "id": "cs_test_1", "amount_total": 900, "currency": "usd", "total_details": { "amount_tax": 0 },
            "custom_text": { "submit": { "message": "\"Non-refundable\"" } },
            "cancel_url": "http://shop.example/?a=1&b='",
            "_sandbox": { "line_items": [{ "description": "1,200 <credits>" }] },
        })
    }

    #[test]
    fn the_page_has_its_labels_its_button_and_its_way_back() {
        let page = page(&session(), "Gleaner", &Mistakes::default());
        for part in
            [">Card number</label>", ">Expiry</label>", ">CVC</label>", ">Pay $9.00</button>", ">Back to Gleaner</a>"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("role=\"alert\"") && !page.contains("<script") && !page.contains("style="));
    }

    #[test]
    fn a_card_is_saved_without_a_price() {
        let mut session = session();
        session["mode"] = "setup".into();
        let page = page(&session, "Gleaner", &Mistakes::default());
        assert!(page.contains(">Save card</button>") && page.contains("Nothing is charged now."));
        assert!(!page.contains("$9.00") && page.contains("4000 0000 0000 0341"));
    }

    #[test]
    fn text_of_requests_is_escaped() {
        let page = page(&session(), "Gleaner", &Mistakes::default());
        assert!(page.contains("1,200 &lt;credits&gt;") && page.contains("&quot;Non-refundable&quot;"));
        assert!(page.contains("href=\"http://shop.example/?a=1&amp;b=&#39;\""));
    }

    #[test]
    fn the_bank_the_tax_and_the_tax_id_show_where_they_apply() {
        let mut session = session();
        let plain = page(&session, "Gleaner", &Mistakes::default());
        assert!(!plain.contains("Bank transfer") && !plain.contains("Tax ID") && !plain.contains(" tax ("));
        session["amount_subtotal"] = 900.into();
        session["total_details"]["amount_tax"] = 180.into();
        session["allowed_payment_method_types"] = json!(["us_bank_account"]);
        session["tax_id_collection"] = json!({ "enabled": true });
        let full = page(&session, "Gleaner", &Mistakes::default());
        for part in ["Bank transfer (clears later)</label>", ">Tax ID (optional)</label>", "$9.00 and $1.80 tax (20%)"]
        {
            assert!(full.contains(part), "{part}");
        }
    }

    #[test]
    fn a_link_in_the_text_is_a_link_and_nothing_else_is() {
        let check = |text: &str, html: &str| assert_eq!(super::linked(text), html);
        check("Sold. [Terms](https://a.example/t?x&y)", "Sold. <a href=\"https://a.example/t?x&amp;y\">Terms</a>");
        check("[x](javascript:alert(1))", "[x](javascript:alert(1))");
        check("<b> [half](", "&lt;b&gt; [half](");
    }

    #[test]
    fn a_mistake_is_shown_at_its_field() {
        let page = page(&session(), "Gleaner", &Mistakes { cvc: Some("Too short."), ..Mistakes::default() });
        assert!(page.contains("aria-describedby=\"cvc_error\"") && page.contains("id=\"cvc_error\">Too short."));
        assert_eq!(page.matches("aria-invalid").count(), 1);
    }
}
