//! An order as Stripe's parameters, and Stripe's session as a state.
//!
//! Invariant: the parameters depend on the order alone, so that a repeat is the same request for the idempotency key.

use std::collections::HashMap;

use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionCustomText,
    CreateCheckoutSessionCustomerUpdate, CreateCheckoutSessionCustomerUpdateAddress as SaveAddress,
    CreateCheckoutSessionCustomerUpdateName as SaveName, CreateCheckoutSessionInvoiceCreation,
    CreateCheckoutSessionInvoiceCreationInvoiceData, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionLineItemsPriceDataTaxBehavior as TaxBehavior,
    CreateCheckoutSessionPaymentIntentData, CreateCheckoutSessionTaxIdCollection, CustomTextPositionParam, ProductData,
};
use stripe_checkout::{CheckoutSessionBillingAddressCollection, CheckoutSessionMode};

use crate::stripe::error::StripeError;
use crate::stripe::order::{CheckoutOrder, CheckoutState, CheckoutStatus};

/// The request for an order.
pub(super) fn session_request(order: &CheckoutOrder) -> CreateCheckoutSession {
    let purchase = HashMap::from([("purchase".to_owned(), order.purchase.clone())]);
    let mut told = purchase.clone();
    if let Some(sold) = order.sold.clone() {
        let parts = [("customer", sold.customer), ("package", sold.package), ("credits", sold.credits)];
        told.extend(parts.map(|(name, value)| (name.to_owned(), value)));
        told.extend(sold.months.map(|months| ("months".to_owned(), months)));
    }
    let mut payment = CreateCheckoutSessionPaymentIntentData::new();
    payment.metadata = Some(purchase.clone());
    let mut request = CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .customer(&order.stripe_customer)
        .client_reference_id(&order.purchase)
        .line_items([line_item(order)])
        .metadata(told)
        .payment_intent_data(payment)
        .success_url(&order.success_url)
        .cancel_url(&order.cancel_url)
        .expires_at(order.expires_at);
    if !order.payment_methods.is_empty() {
        let methods = order.payment_methods.iter().map(|method| infallible(method.parse()));
        request = request.allowed_payment_method_types(methods.collect::<Vec<_>>());
    }
    if !order.submit_text.is_empty() {
        let mut text = CreateCheckoutSessionCustomText::new();
        text.submit = Some(CustomTextPositionParam::new(&order.submit_text));
        request = request.custom_text(text);
    }
    if order.invoice {
        let mut data = CreateCheckoutSessionInvoiceCreationInvoiceData::new();
        data.metadata = Some(purchase);
        let mut invoice = CreateCheckoutSessionInvoiceCreation::new(true);
        invoice.invoice_data = Some(data);
        request = request.invoice_creation(invoice);
    }
    taxed(request, order)
}

/// Adds the tax id and automatic tax.
fn taxed(mut request: CreateCheckoutSession, order: &CheckoutOrder) -> CreateCheckoutSession {
    if order.tax_ids {
        request = request.tax_id_collection(CreateCheckoutSessionTaxIdCollection::new(true));
    }
    if order.automatic_tax {
        request = request
            .automatic_tax(CreateCheckoutSessionAutomaticTax::new(true))
            .billing_address_collection(CheckoutSessionBillingAddressCollection::Required);
    }
    if order.tax_ids || order.automatic_tax {
        // Both write what the buyer types into the customer, which Stripe does only where it is told to.
        let mut update = CreateCheckoutSessionCustomerUpdate::new();
        update.name = Some(SaveName::Auto);
        update.address = Some(SaveAddress::Auto);
        request = request.customer_update(update);
    }
    request
}

fn line_item(order: &CheckoutOrder) -> CreateCheckoutSessionLineItems {
    let price = CreateCheckoutSessionLineItemsPriceData {
        currency: infallible(order.currency.to_ascii_lowercase().parse()),
        product: None,
        product_data: Some(ProductData::new(&order.product_name)),
        recurring: None,
        // The price that was shown is before tax, whatever the account's default is.
        tax_behavior: order.automatic_tax.then_some(TaxBehavior::Exclusive),
        unit_amount: Some(order.amount),
        unit_amount_decimal: None,
    };
    let mut item = CreateCheckoutSessionLineItems::new();
    item.price_data = Some(price);
    item.quantity = Some(1);
    item
}

fn infallible<T>(parsed: Result<T, std::convert::Infallible>) -> T {
    match parsed {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The state of a Checkout Session of Stripe.
pub(super) fn state_of(session: stripe_checkout::CheckoutSession) -> Result<CheckoutState, StripeError> {
    use stripe_checkout::{CheckoutSessionPaymentStatus as Payment, CheckoutSessionStatus as Status};
    let status = match session.status {
        Some(Status::Open) => CheckoutStatus::Open,
        Some(Status::Complete) => CheckoutStatus::Complete,
        Some(Status::Expired) => CheckoutStatus::Expired,
        _ => return Err(StripeError::Malformed("a Checkout of unknown status".to_owned())),
    };
    let payment = session.payment_intent;
    let paid = matches!(session.payment_status, Payment::Paid | Payment::NoPaymentRequired);
    let stands = payment.as_ref().and_then(|payment| Some(payment.as_object()?.status.as_str()));
    let charge = payment.as_ref().and_then(|payment| payment.as_object()?.latest_charge.as_ref());
    Ok(CheckoutState {
        id: session.id.to_string(),
        status,
        paid,
        failed: status == CheckoutStatus::Complete && !paid && stands.is_some_and(is_failure),
        client_reference_id: session.client_reference_id,
        named: session.metadata.and_then(|metadata| metadata.get("purchase").cloned()),
        customer: session.customer.map(|customer| customer.id().to_string()),
        amount_subtotal: session.amount_subtotal,
        amount_total: session.amount_total,
        amount_tax: session.total_details.map(|details| details.amount_tax),
        currency: session.currency.map(|currency| currency.to_string()),
        charge: charge.map(|charge| charge.id().to_string()),
        payment_intent: payment.map(|payment| payment.id().to_string()),
        invoice_number: session.invoice.as_ref().and_then(|invoice| invoice.as_object()?.number.clone()),
        invoice: session.invoice.and_then(|invoice| Some(invoice.id().as_ref()?.to_string())),
        livemode: session.livemode,
        url: session.url,
    })
}

/// A payment that waits for another method was refused by the bank. (A pending one is `processing`, or `requires_action`
/// while the bank asks the buyer something.)
fn is_failure(payment_status: &str) -> bool {
    matches!(payment_status, "requires_payment_method" | "canceled")
}
