//! An HTTP response with its body.

use serde_json::Value;
use topup::web::flash::Flash;

/// Status, headers, body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// The header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The page that a redirect leads to. An outcome that it carries is written behind it, as a query would be:
    /// `/settings?outcome=invited`, without the place on the page.
    #[track_caller]
    pub fn way(&self) -> String {
        let mut way = self.header("location").unwrap_or_else(|| panic!("{self:?}")).to_owned();
        let Some(flash) = self.flash() else { return way };
        way.truncate(way.find('#').unwrap_or(way.len()));
        way.push_str(if way.contains('?') { "&outcome=" } else { "?outcome=" });
        way.push_str(flash.code());
        for name in ["purchase", "package", "act"] {
            way.extend(flash.value(name).map(|value| format!("&{name}={value}")));
        }
        way
    }

    /// The outcome that a redirect carries.
    pub fn flash(&self) -> Option<Flash> {
        let set = self.headers.get_all("set-cookie").iter().map(|header| header.to_str().unwrap());
        let value = set.filter_map(|header| header.strip_prefix("flash=")).find(|value| !value.starts_with(';'))?;
        Flash::decoded(value.split(';').next().unwrap())
    }

    /// Requires this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Requires a refusal as RFC 9457 has it, of this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let json = self.json();
        assert_eq!(json["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {}", self.text);
        }
        assert_eq!(matches!(status, 429 | 503), self.headers.contains_key("retry-after"), "{}", self.text);
        self
    }

    /// The code of a refusal; empty where it is none.
    pub fn code(&self) -> String {
        let json = serde_json::from_str::<Value>(&self.text).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str()).map(str::to_owned).collect()
    }
}
