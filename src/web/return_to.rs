//! The page that a sign-in leads to: where the person was going. It travels in the query of `/sign-in`, in the form, and
//! in the link by email.
//!
//! Invariant: it is one of these pages. Anyone may write it, so nothing else is followed: no other site, no form, no
//! sign-out.

use crate::domain::PurchaseId;
use crate::web::own_path::own_path;

/// The query's and the field's name.
pub const FIELD: &str = "to";
/// The longest, in bytes.
const BYTES_MAX: usize = 512;
const PAGES: [&str; 5] = ["/billing", "/usage", "/history", "/settings", "/plans"];
const OPERATOR_PAGES: [&str; 5] =
    ["/operator", "/operator/account", "/operator/alarms", "/operator/sales", "/operator/second-factor"];

/// A customer's page, with its query; `None` for anything else.
#[must_use]
pub fn page(to: &str) -> Option<&str> {
    let path = path_of(to)?;
    let is_purchase = path.strip_prefix("/purchases/").is_some_and(|rest| {
        let id = rest.strip_suffix("/invoice").unwrap_or(rest);
        PurchaseId::parse(id).is_some()
    });
    (PAGES.contains(&path) || is_purchase).then_some(to)
}

/// The same for an operator's page.
#[must_use]
pub fn operator_page(to: &str) -> Option<&str> {
    let path = path_of(to)?;
    let thing = ["/operator/customers/", "/operator/purchases/"].iter().find_map(|start| path.strip_prefix(start));
    let is_thing = thing.is_some_and(|id| !id.is_empty() && !id.contains(['/', '.']));
    (OPERATOR_PAGES.contains(&path) || is_thing).then_some(to)
}

fn path_of(to: &str) -> Option<&str> {
    let is_plain = to.len() <= BYTES_MAX && own_path(to) == to && !to.contains('#');
    is_plain.then(|| to.split('?').next().unwrap_or_default())
}

/// The sign-in page that leads back to a customer's page afterwards. Billing is where a sign-in leads anyway.
#[must_use]
pub fn sign_in(here: &str) -> String {
    with("/sign-in", page(here).filter(|page| *page != "/billing"))
}

/// The same for operators.
#[must_use]
pub fn operator_sign_in(here: &str) -> String {
    with("/operator/sign-in", operator_page(here).filter(|page| *page != "/operator"))
}

/// An address of ours with the page to go to.
#[must_use]
pub fn with(address: &str, to: Option<&str>) -> String {
    match to {
        Some(to) => {
            let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
            format!("{address}?{FIELD}={to}")
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURCHASE: &str = "/purchases/pur_0198c2b2d4b87c6f9f1d3a5e7b9d1f3a";

    #[test]
    fn a_sign_in_leads_to_a_page_of_ours_and_nowhere_else() {
        for good in ["/billing", "/history?kind=used&source=nightly", "/settings", "/plans?wanted=p1200", PURCHASE] {
            assert_eq!(page(good), Some(good));
        }
        let invoice = format!("{PURCHASE}/invoice");
        assert_eq!(page(&invoice), Some(invoice.as_str()));
        let long = format!("/history?source={}", "a".repeat(512));
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "/%2Fevil.example",
            "/%5Cevil.example",
            "https://evil.example/billing",
            "/billing/..//evil.example",
            "/billing#x",
            "/billing ",
            "/billing\r\nset-cookie: a=b",
            "/sign-out",
            "/sign-in",
            "/sign-in?to=/sign-in",
            "/_fn/sign-out",
            "/mails/1-a",
            "/operator",
            "/purchases/",
            "/purchases/../sign-out",
            "/purchases/no-id",
            &long,
        ] {
            assert_eq!(page(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_operators_sign_in_leads_to_an_operators_page() {
        for good in ["/operator?q=acme", "/operator/alarms", "/operator/customers/acme:1", "/operator/sales"] {
            assert_eq!(operator_page(good), Some(good));
        }
        for bad in ["/billing", "/operator/sign-in", "/operator/customers/", "/operator/customers/../sign-in", "//x"] {
            assert_eq!(operator_page(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_way_is_part_of_the_address() {
        assert_eq!(sign_in("/billing"), "/sign-in");
        assert_eq!(sign_in("/settings"), "/sign-in?to=%2Fsettings");
        assert_eq!(sign_in("/history?kind=used"), "/sign-in?to=%2Fhistory%3Fkind%3Dused");
        assert_eq!(sign_in("//evil.example"), "/sign-in");
        assert_eq!(operator_sign_in("/operator/alarms"), "/operator/sign-in?to=%2Foperator%2Falarms");
    }
}
