//! The scopes that open a route of the operator API: one list, for the check and for the document.

use crate::usecases::app::Scope;

/// The requests that the scope `charge` opens.
const CHARGE: [&str; 8] = [
    "/v1/usage",
    "/v1/usage/{id}/void",
    "/v1/customers/{id}/usage",
    "/v1/customers/{id}/holds",
    "/v1/customers/{id}/balance",
    "/v1/holds/{id}",
    "/v1/holds/{id}/settle",
    "/v1/holds/{id}/release",
];

/// True if a key of this scope opens the route, which is a pattern.
pub fn opens(scope: Scope, method: &str, route: &str) -> bool {
    match scope {
        Scope::Admin => true,
        Scope::Read => matches!(method, "GET" | "HEAD"),
        Scope::Charge => CHARGE.contains(&route),
    }
}

/// The scopes that open the route.
pub fn scopes_of(method: &str, route: &str) -> Vec<&'static str> {
    let all = [Scope::Charge, Scope::Read, Scope::Admin].into_iter();
    all.filter(|scope| opens(*scope, method, route)).map(Scope::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_opened_by_the_scopes_that_need_it() {
        let check = |method, route, want: &[&str]| assert_eq!(scopes_of(method, route), want, "{method} {route}");
        check("POST", "/v1/usage", &["charge", "admin"]);
        check("GET", "/v1/customers/{id}/balance", &["charge", "read", "admin"]);
        check("GET", "/v1/customers/{id}/entries", &["read", "admin"]);
        check("PUT", "/v1/customers/{id}", &["admin"]);
        check("POST", "/v1/customers/{id}/grants", &["admin"]);
        check("DELETE", "/v1/customers/{id}", &["admin"]);
        check("GET", "/metrics", &["read", "admin"]);
    }
}
