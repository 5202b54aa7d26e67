//! Invoices by the API: created as a draft, filled, finalized, paid with a saved card, or voided.

use serde_json::{Value, json};

use super::call::Call;
use super::customers;
use crate::actions::{invoice_payments, saved_cards};
use crate::currencies;
use crate::error::{ApiError, Result};
use crate::objects::{self, Card, id_of, items, merge, text};
use crate::params::fields;
use crate::store::Transaction;

const KIND: &str = "invoice";

/// `POST /v1/invoices`
pub(super) async fn create(call: &mut Call) -> Result<Value> {
    let mut given = call.check(fields::INVOICE)?;
    let customer = customers::named(&mut call.tx, text(&given["customer"])).await?;
    check_settings(call, &given, &given["customer"]).await?;
    if given["currency"].is_null() {
        given["currency"] = objects::or(&customer["currency"], "usd".into());
    }
    let mut invoice = objects::draft_invoice(&given, &customer, call.tx.now)?;
    if given["pending_invoice_items_behavior"] == "include" {
        for mut item in call.tx.all("invoiceitem").await?.into_iter().rev() {
            if item["customer"] == given["customer"] && item["invoice"].is_null() {
                item["invoice"] = invoice["id"].clone();
                objects::add_line(&mut invoice, &line_of_item(&item), call.tx.now)?;
                call.tx.save(&[&item]).await?;
            }
        }
    }
    let id = id_of(&invoice).to_owned();
    call.tx.insert(&invoice, Some(&id)).await?;
    call.name_request();
    call.tx.emit(&id, &[("invoice.created", &invoice)]).await?;
    Ok(invoice)
}

async fn check_settings(call: &mut Call, given: &Value, customer: &Value) -> Result<()> {
    if given["auto_advance"] == true {
        let message = "The sandbox simulates invoices with auto_advance=false only.";
        return Err(ApiError::invalid(message).param("auto_advance"));
    }
    let method = text(&given["default_payment_method"]);
    if !method.is_empty() {
        saved_cards::of_customer(&mut call.tx, method, customer, "default_payment_method").await?;
    }
    Ok(())
}

/// `POST /v1/invoices/{id}`: changes a draft.
pub(super) async fn update(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::INVOICE_CHANGE)?;
    let mut invoice = draft(call, id).await?;
    check_settings(call, &given, &invoice["customer"]).await?;
    for name in ["default_payment_method", "description", "footer", "metadata"] {
        if !given[name].is_null() {
            invoice[name] = given[name].clone();
        }
    }
    if let Some(enabled) = given["automatic_tax"]["enabled"].as_bool() {
        merge(&mut invoice["automatic_tax"], json!({ "enabled": enabled, "status": null }));
    }
    let customer = customers::named(&mut call.tx, text(&invoice["customer"])).await?;
    invoice["customer_address"] = customer["address"].clone();
    objects::set_totals(&mut invoice);
    call.tx.save(&[&invoice]).await?;
    Ok(invoice)
}

async fn draft(call: &mut Call, id: &str) -> Result<Value> {
    let invoice = call.tx.get(KIND, id).await?;
    if invoice["status"] == "draft" {
        return Ok(invoice);
    }
    let message = "This invoice is no longer editable";
    Err(ApiError::invalid(message).code("invoice_not_editable"))
}

/// `DELETE /v1/invoices/{id}`: deletes a draft.
pub(super) async fn delete(call: &mut Call, id: &str) -> Result<Value> {
    call.check(&[])?;
    draft(call, id).await?;
    let deleted = json!({ "id": id, "object": KIND, "deleted": true });
    call.tx.delete(id).await?;
    Ok(deleted)
}

/// `POST /v1/invoices/{id}/add_lines`
pub(super) async fn add_lines(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::LINES)?;
    let mut invoice = draft(call, id).await?;
    for line in items(&given["lines"]) {
        let line = priced(line, &invoice["currency"])?;
        objects::add_line(&mut invoice, &line, call.tx.now)?;
    }
    call.tx.save(&[&invoice]).await?;
    Ok(invoice)
}

/// `POST /v1/invoiceitems`: a line of the draft that it names, or one that waits for an invoice.
pub(super) async fn create_item(call: &mut Call) -> Result<Value> {
    let given = call.check(fields::INVOICE_ITEM)?;
    customers::named(&mut call.tx, text(&given["customer"])).await?;
    let invoice = match given["invoice"].as_str() {
        Some(id) => Some(draft(call, id).await?),
        None => None,
    };
    let currency = invoice.as_ref().map_or(Value::Null, |invoice| invoice["currency"].clone());
    let item = objects::invoice_item(&priced(&given, &currency)?, call.tx.now)?;
    let subject = id_of(invoice.as_ref().unwrap_or(&item)).to_owned();
    call.tx.insert(&item, Some(&subject)).await?;
    if let Some(mut invoice) = invoice {
        if invoice["customer"] != item["customer"] {
            let message = "The invoice belongs to another customer than the invoice item.";
            return Err(ApiError::invalid(message).param("invoice"));
        }
        objects::add_line(&mut invoice, &line_of_item(&item), call.tx.now)?;
        call.tx.save(&[&invoice]).await?;
    }
    Ok(item)
}

fn line_of_item(item: &Value) -> Value {
    let mut line = item.clone();
    let details =
        json!({ "invoice_item": item["id"], "proration": false, "proration_details": null, "subscription": null });
    line["parent"] = json!({
        "type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": null,
    });
    line
}

/// The line with its whole `amount` and its currency, which must be that of the invoice.
fn priced(given: &Value, currency: &Value) -> Result<Value> {
    let (mut line, price) = (given.clone(), &given["price_data"]);
    let quantity = given["quantity"].as_i64();
    let unit = price["unit_amount"].as_i64();
    let amount = match (given["amount"].as_i64(), unit) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: amount, price_data.";
            return Err(ApiError::invalid(message).param("amount"));
        }
        (Some(_), None) if quantity.is_some() => {
            let message = "You may only specify one of these parameters: amount, quantity.";
            return Err(ApiError::invalid(message).param("quantity"));
        }
        (Some(amount), None) => amount,
        (None, Some(unit)) => unit.saturating_mul(quantity.unwrap_or(1)),
        (None, None) => return Err(ApiError::missing("amount")),
    };
    let own = [&given["currency"], &price["currency"]].into_iter().find(|own| !own.is_null());
    let of_line = own.unwrap_or(currency);
    if of_line.is_null() {
        return Err(ApiError::missing("currency"));
    }
    if !currency.is_null() && of_line != currency {
        let message = format!("The currency of the line must be that of the invoice ({}).", text(currency));
        return Err(ApiError::invalid(message).param("currency"));
    }
    currencies::check_step(amount, text(of_line), "amount")?;
    let name = &price["product_data"]["name"];
    let description = objects::or(&given["description"], name.clone());
    merge(&mut line, json!({ "amount": amount, "currency": of_line, "description": description }));
    Ok(line)
}

/// `POST /v1/invoices/{id}/finalize`
pub(super) async fn finalize(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::FINALIZE)?;
    if given["auto_advance"] == true {
        let message = "The sandbox simulates invoices with auto_advance=false only.";
        return Err(ApiError::invalid(message).param("auto_advance"));
    }
    let invoice = call.tx.get(KIND, id).await?;
    call.name_request();
    invoice_payments::finalize(&mut call.tx, invoice).await
}

/// `POST /v1/invoices/{id}/pay`: a decline is stored, and so is its answer.
pub(super) async fn pay(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::PAY)?;
    let mut invoice = call.tx.get(KIND, id).await?;
    call.name_request();
    if invoice["status"] == "draft" {
        invoice = invoice_payments::finalize(&mut call.tx, invoice).await?;
    }
    match text(&invoice["status"]) {
        "open" => {}
        "paid" => return Err(ApiError::invalid("Invoice is already paid")),
        status => {
            let message = format!("This invoice can no longer be paid. Its status is {status}.");
            return Err(ApiError::invalid(message));
        }
    }
    let method = method_of(call, &given, &invoice).await?;
    let card = Card::of_method(&method).ok_or_else(|| ApiError::internal("a saved card is no test card"))?;
    match invoice_payments::pay(&mut call.tx, invoice, card, Some(&method), false).await? {
        invoice_payments::Attempt::Paid(invoice) => Ok(invoice),
        invoice_payments::Attempt::Asks(error) | invoice_payments::Attempt::Declined(error) => {
            call.declined = Some(error);
            Ok(Value::Null)
        }
    }
}

/// The card to charge: the request's, the invoice's or the customer's own.
async fn method_of(call: &mut Call, given: &Value, invoice: &Value) -> Result<Value> {
    let customer = customers::named(&mut call.tx, text(&invoice["customer"])).await?;
    let of_customer = &customer["invoice_settings"]["default_payment_method"];
    let named = [&given["payment_method"], &invoice["default_payment_method"], of_customer];
    let Some(id) = named.into_iter().find_map(Value::as_str) else {
        let message = "There is no `default_payment_method` set on this Customer or Invoice. Please set a \
                       `default_payment_method` on this Customer or Invoice, or pass in a `payment_method` to this \
                       request.";
        return Err(ApiError::invalid(message).code("resource_missing"));
    };
    let method = call.tx.get_by_param("payment_method", id, "payment_method").await?;
    if method["customer"] == invoice["customer"] {
        return Ok(method);
    }
    let message = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, \
                   shared with a connected account without Customer attachment, or was detached from a Customer. It may \
                   not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.";
    Err(ApiError::invalid(message).code("payment_method_unexpected_state").param("payment_method"))
}

/// `POST /v1/invoices/{id}/void`
pub(super) async fn void(call: &mut Call, id: &str) -> Result<Value> {
    call.check(&[])?;
    let invoice = call.tx.get(KIND, id).await?;
    call.name_request();
    invoice_payments::void(&mut call.tx, invoice).await
}

/// `GET /v1/invoices/{id}/lines`
pub(super) async fn lines(call: &mut Call, id: &str) -> Result<Value> {
    // The first page has all: an invoice has few.
    call.check(fields::PAGE)?;
    Ok(call.tx.get(KIND, id).await?["lines"].clone())
}

/// True if an InvoicePayment is of the PaymentIntent that the filter names.
pub(super) fn is_of_payment(payment: &Value, given: &Value) -> bool {
    let wanted = &given["payment"]["payment_intent"];
    wanted.is_null() || *wanted == payment["payment"]["payment_intent"]
}

/// The payments of an invoice, which are answered on request only.
pub(super) async fn payments(tx: &mut Transaction, invoice: &str) -> Result<Value> {
    let mut all = tx.all_of(invoice).await?;
    all.retain(|object| object["object"] == "invoice_payment");
    let all = all.into_iter().map(objects::public).collect();
    Ok(objects::list(&format!("/v1/invoice_payments?invoice={invoice}"), all, false))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::priced;

    fn check(given: Value, expected: Option<(i64, &str)>) {
        let line = priced(&given, &json!("usd")).ok();
        let line = line.as_ref().map(|line| (line["amount"].as_i64().unwrap(), line["description"].as_str().unwrap()));
        assert_eq!(line, expected, "{given}");
    }

    #[test]
    fn a_line_has_one_amount_in_the_invoices_currency() {
        check(json!({ "amount": 900, "description": "x" }), Some((900, "x")));
        check(json!({ "amount": 900, "currency": "eur", "description": "x" }), None);
        check(json!({ "amount": 900, "quantity": 2, "description": "x" }), None);
        let price = json!({ "currency": "usd", "unit_amount": 900, "product_data": { "name": "x" } });
        check(json!({ "price_data": price, "quantity": 2 }), Some((1800, "x")));
        check(json!({ "price_data": price, "amount": 900 }), None);
        check(json!({ "description": "x" }), None);
    }
}
