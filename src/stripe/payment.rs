//! The history of a payment: its charge, refunds, disputes, and their events.
//!
//! Requests of our own that read few fields: the library's objects have some sixty, and a changed one would stop refunds
//! and disputes altogether.

use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use url::form_urlencoded;

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such};
use crate::stripe::error::StripeError;

/// Stripe's largest page.
const PAGE: u32 = 100;
/// The most pages of one list.
const PAGES_MAX: usize = 1_000;

/// The fields of a payment that refunds and disputes need.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct StripeCharge {
    /// `ch_…` or `py_…`
    pub id: String,
    /// The amount charged, in minor units.
    pub amount: i64,
    /// The amount refunded so far.
    pub amount_refunded: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// `cus_…`
    pub customer: Option<String>,
    /// `pi_…`
    pub payment_intent: Option<String>,
    pub paid: bool,
    metadata: Option<ChargeMetadata>,
}

#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
struct ChargeMetadata {
    purchase: Option<String>,
}

impl StripeCharge {
    /// Our purchase id: Stripe copies the payment's metadata to its charge.
    #[must_use]
    pub fn purchase(&self) -> Option<&str> {
        self.metadata.as_ref()?.purchase.as_deref()
    }
}

/// A refund or a dispute.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct RefundOrDispute {
    /// `re_…`, `pyr_…`, `dp_…`, `du_…`
    pub id: String,
    /// Stripe's status.
    pub status: Option<String>,
    /// In minor units.
    pub amount: i64,
    /// Its charge.
    pub charge: Option<String>,
    /// Its payment.
    pub payment_intent: Option<String>,
    /// Its creation, in seconds since 1970.
    pub created: i64,
    evidence_details: Option<EvidenceDetails>,
}

#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
struct EvidenceDetails {
    due_by: Option<i64>,
}

impl RefundOrDispute {
    /// The deadline for evidence in a dispute, in seconds since 1970.
    #[must_use]
    pub fn due_by(&self) -> Option<i64> {
        self.evidence_details.as_ref()?.due_by.filter(|due| *due > 0)
    }
}

/// A payment with its refunds and disputes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentHistory {
    /// The payment.
    pub charge: StripeCharge,
    /// Its refunds.
    pub refunds: Vec<RefundOrDispute>,
    /// Its disputes.
    pub disputes: Vec<RefundOrDispute>,
}

/// An event without its object.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct EventLine {
    /// `evt_…`
    pub id: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its creation, in seconds since 1970.
    pub created: i64,
    /// Real money moves.
    pub livemode: bool,
    data: EventData,
}

#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
struct EventData {
    object: EventObject,
}

#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
struct EventObject {
    id: Option<String>,
}

impl EventLine {
    /// The id of its object.
    #[must_use]
    pub fn object_id(&self) -> Option<&str> {
        self.data.object.id.as_deref()
    }
}

#[derive(miniserde::Deserialize)]
struct ListPage<T> {
    data: Vec<T>,
    has_more: bool,
}

#[derive(miniserde::Deserialize)]
struct Intent {
    latest_charge: Option<String>,
}

/// A GET request.
struct Get<T> {
    path: String,
    query: Vec<(&'static str, String)>,
    answer: std::marker::PhantomData<fn() -> T>,
}

impl<T> Get<T> {
    fn new(path: String, query: Vec<(&'static str, String)>) -> Self {
        Self { path, query, answer: std::marker::PhantomData }
    }
}

impl<T: miniserde::Deserialize> StripeRequest for Get<T> {
    type Output = T;

    fn build(&self) -> RequestBuilder {
        let mut builder = RequestBuilder::new(StripeMethod::Get, self.path.clone());
        if !self.query.is_empty() {
            // By hand, since a name may come more than once.
            builder.query = Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish());
        }
        builder
    }
}

/// The path of an object that leads to a payment, by its id's prefix.
fn path_of(id: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 6] = [
        ("ch_", "charges"),
        ("py_", "charges"),
        ("re_", "refunds"),
        ("pyr_", "refunds"),
        ("dp_", "disputes"),
        ("du_", "disputes"),
    ];
    KINDS.into_iter().find(|(prefix, _)| is_id(id, prefix)).map(|(_, path)| path)
}

impl Stripe {
    /// Fetches the history of the payment of a charge, a refund or a dispute.
    ///
    /// # Errors
    /// See [`StripeError`]; an id that leads to no payment is [`StripeError::Refused`] with status 404.
    pub async fn payment_history(&self, id: &str) -> Result<PaymentHistory, StripeError> {
        let asked = async {
            let path = path_of(id).ok_or_else(|| no_such("payment"))?;
            let charge = if path == "charges" {
                id.to_owned()
            } else {
                let part: RefundOrDispute = self.get(format!("/{path}/{id}"), Vec::new()).await?;
                match (part.charge, part.payment_intent) {
                    (Some(charge), _) => charge,
                    (None, Some(intent)) => self.charge_of(&intent).await?.ok_or_else(|| no_such("charge"))?,
                    (None, None) => return Err(no_such("charge")),
                }
            };
            self.all_of(&charge).await
        };
        tokio::time::timeout(self.deadline(), asked).await.unwrap_or_else(|_| Err(too_late()))
    }

    /// The history of a PaymentIntent, `pi_…`; none without a charge.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn payment_history_of_intent(&self, intent: &str) -> Result<Option<PaymentHistory>, StripeError> {
        let asked = async {
            match self.charge_of(intent).await? {
                Some(charge) => self.all_of(&charge).await.map(Some),
                None => Ok(None),
            }
        };
        tokio::time::timeout(self.deadline(), asked).await.unwrap_or_else(|_| Err(too_late()))
    }

    async fn charge_of(&self, intent: &str) -> Result<Option<String>, StripeError> {
        if !is_id(intent, "pi_") {
            return Err(no_such("payment_intent"));
        }
        let intent: Intent = self.get(format!("/payment_intents/{intent}"), Vec::new()).await?;
        Ok(intent.latest_charge)
    }

    async fn all_of(&self, charge: &str) -> Result<PaymentHistory, StripeError> {
        if path_of(charge) != Some("charges") {
            return Err(no_such("charge"));
        }
        let of = || vec![("charge", charge.to_owned())];
        let (charge, refunds, disputes) = futures::try_join!(
            self.get(format!("/charges/{charge}"), Vec::new()),
            self.list::<RefundOrDispute>("/refunds", of(), |part| &part.id),
            self.list::<RefundOrDispute>("/disputes", of(), |part| &part.id),
        )?;
        Ok(PaymentHistory { charge, refunds, disputes })
    }

    /// Refunds or disputes (`/refunds`, `/disputes`) that began at `since` or later, in seconds since 1970.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn parts_since(&self, what: &str, since: i64) -> Result<Vec<RefundOrDispute>, StripeError> {
        self.list(what, vec![("created[gte]", since.to_string())], |part: &RefundOrDispute| &part.id).await
    }

    /// The events of these kinds, of the last 30 days from `since` on, in seconds since 1970, newest first.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn events_since(&self, since: i64, kinds: &[&str]) -> Result<Vec<EventLine>, StripeError> {
        let mut query = vec![("created[gte]", since.to_string())];
        query.extend(kinds.iter().map(|kind| ("types[]", (*kind).to_owned())));
        self.list("/events", query, |event: &EventLine| &event.id).await
    }

    /// Fetches one object of a list, to test a right.
    pub(super) async fn peek(&self, path: &str) -> Result<(), StripeError> {
        #[derive(miniserde::Deserialize)]
        struct Any {}
        self.get::<Any>(path.to_owned(), vec![("limit", "1".to_owned())]).await.map(drop)
    }

    pub(super) async fn list<T: miniserde::Deserialize>(
        &self,
        path: &str,
        query: Vec<(&'static str, String)>,
        id: fn(&T) -> &String,
    ) -> Result<Vec<T>, StripeError> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut query = query.clone();
            query.push(("limit", PAGE.to_string()));
            if let Some(last) = all.last() {
                query.push(("starting_after", id(last).clone()));
            }
            let page: ListPage<T> = self.get(path.to_owned(), query).await?;
            let more = page.has_more && !page.data.is_empty();
            all.extend(page.data);
            if !more {
                return Ok(all);
            }
        }
        Err(StripeError::Malformed(format!("{path} has no end")))
    }

    pub(super) async fn get<T: miniserde::Deserialize>(
        &self,
        path: String,
        query: Vec<(&'static str, String)>,
    ) -> Result<T, StripeError> {
        let request = Get::<T>::new(path, query);
        retry(self.limits(), || request.customize().send(self.client())).await
    }
}

fn too_late() -> StripeError {
    StripeError::Unavailable("no answer in time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn only_an_id_of_a_payment_becomes_a_path() {
        assert_eq!(path_of("re_1"), Some("refunds"));
        assert_eq!(path_of("pyr_1"), Some("refunds"));
        assert_eq!(path_of("du_1"), Some("disputes"));
        assert_eq!(path_of("py_1"), Some("charges"));
        for id in ["", "re", "cs_1", "re_1/../x", "dp_1?x", "ch_ä"] {
            assert_eq!(path_of(id), None, "{id}");
        }
    }
}
