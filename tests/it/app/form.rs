//! The forms of a page, parsed from its HTML.

use super::Answer;

/// A form, filled in as it was drawn.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    /// GET: the fields go into the address.
    pub is_get: bool,
    pub fields: Vec<Field>,
}

/// A field of a form.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub value: String,
    /// A person types or chooses it.
    pub is_typed: bool,
}

impl Form {
    /// Fills a field in.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|field| field.name == name);
        field.unwrap_or_else(|| panic!("no field {name}")).value = value.to_owned();
        self
    }

    /// Its fields as a browser sends them.
    pub fn encoded(&self) -> String {
        let pairs = self.fields.iter().map(|field| (&field.name, &field.value));
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

/// All forms of a page, in its order.
pub fn forms(page: &Answer) -> Vec<Form> {
    page.text.split("<form").skip(1).map(|rest| form(rest.split("</form>").next().unwrap())).collect()
}

fn form(html: &str) -> Form {
    let (head, body) = html.split_once('>').unwrap();
    let mut fields = Vec::new();
    for tag in body.split('<') {
        let (tag, inner) = tag.split_once('>').unwrap_or((tag, ""));
        let is_field = ["input", "select", "textarea", "button"].iter().any(|name| tag.starts_with(name));
        if is_field && let Some(name) = attribute(tag, "name") {
            let is_typed = !tag.starts_with("button") && attribute(tag, "type").as_deref() != Some("hidden");
            let value = attribute(tag, "value").unwrap_or_default();
            // Of several buttons the first is pressed.
            if fields.iter().all(|field: &Field| field.name != name) {
                fields.push(Field { name, value, is_typed });
            }
        } else if tag.starts_with("option") {
            let value = attribute(tag, "value").unwrap_or_else(|| unescaped(inner));
            if let Some(select) = fields.last_mut().filter(|field| field.value.is_empty()) {
                select.value = value;
            }
        }
    }
    let is_get = attribute(head, "method").is_none_or(|method| method == "get");
    Form { action: attribute(head, "action").unwrap_or_default(), is_get, fields }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split('"').next()?))
}

/// Decodes the character references that pages use.
fn unescaped(text: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#x2F;", "/")];
    let text = known.iter().fold(text.to_owned(), |text, (code, means)| text.replace(code, means));
    text.replace("&amp;", "&")
}
