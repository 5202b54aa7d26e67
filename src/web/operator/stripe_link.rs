//! Links to Stripe's Dashboard, in the mode of the key.

use crate::usecases::App;
use leptos::prelude::*;

/// A page of the Dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripePage {
    Customer,
    Payment,
    Subscription,
    Dispute,
}

impl StripePage {
    const fn path(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Payment => "payments",
            Self::Subscription => "subscriptions",
            Self::Dispute => "disputes",
        }
    }

    /// The address of an object; none for what is no id of Stripe's.
    fn url(self, live: bool, id: &str) -> Option<String> {
        let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let mode = if live { "" } else { "test/" };
        is_id.then(|| format!("https://dashboard.stripe.com/{mode}{}/{id}", self.path()))
    }
}

/// "Open in Stripe"; nothing without Stripe or without an id.
pub fn open_in_stripe(app: &App, page: StripePage, id: Option<&str>) -> Option<AnyView> {
    let url = page.url(app.stripe.as_ref()?.livemode(), id?)?;
    let what = format!(" ({})", page.path().trim_end_matches('s'));
    Some(
        view! {
            <a href=url rel="noreferrer">
                "Open in Stripe"
                <span class="sr-only">{what}</span>
            </a>
        }
        .into_any(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_object_in_the_keys_mode() {
        let check = |page: StripePage, live, id, want: Option<&str>| assert_eq!(page.url(live, id).as_deref(), want);
        check(StripePage::Customer, true, "cus_1", Some("https://dashboard.stripe.com/customers/cus_1"));
        check(StripePage::Payment, false, "pi_1", Some("https://dashboard.stripe.com/test/payments/pi_1"));
        check(StripePage::Dispute, false, "du_1", Some("https://dashboard.stripe.com/test/disputes/du_1"));
        check(StripePage::Subscription, true, "sub_1", Some("https://dashboard.stripe.com/subscriptions/sub_1"));
        for odd in ["", "../x", "cus 1", "cus_1?x", "cus_é"] {
            check(StripePage::Customer, true, odd, None);
        }
    }
}
