//! The content of an email, as plain text and HTML.
//!
//! The HTML is one column that fits 320 px, in light and dark, and loads nothing.

use std::fmt::Write as _;

/// The content of an email.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The shop's name.
    pub shop: String,
    /// Its support address.
    pub support: String,
    /// The first line.
    pub heading: String,
    /// Sentences under it.
    pub lines: Vec<String>,
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// The button: text and URL.
    pub button: Option<(String, String)>,
    /// Sentences at the end.
    pub notes: Vec<String>,
}

/// An email in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;background:#f6f7f8;color:#1a1d21;\
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\
main{max-width:30rem;margin:0 auto;padding:24px 16px;overflow-wrap:anywhere}\
.card{background:#fff;border:1px solid #dfe3e6;border-radius:12px;padding:24px 20px}\
h1{font-size:20px;line-height:1.3;margin:0 0 12px}p{margin:0 0 12px}\
dl{margin:16px 0;border-top:1px solid #dfe3e6}dt{color:#5b6670;font-size:14px;padding-top:8px}dd{margin:0;\
padding-bottom:8px;border-bottom:1px solid #dfe3e6}\
.go{display:inline-block;background:#1a1d21;color:#fff;border-radius:8px;padding:12px 20px;text-decoration:none;\
font-weight:600}.small{color:#5b6670;font-size:14px;margin:12px 0 0}a{color:inherit}\
@media (prefers-color-scheme:dark){body{background:#121416;color:#e8eaec}.card{background:#1b1e21;border-color:#34393e}\
dl,dd{border-color:#34393e}dt,.small{color:#a5adb5}.go{background:#e8eaec;color:#121416}}";

impl Draft {
    /// Renders both forms.
    #[must_use]
    pub fn render(&self) -> Rendered {
        Rendered { text: self.text(), html: self.html() }
    }

    fn text(&self) -> String {
        let mut out = format!("{}\n", self.heading);
        for line in &self.lines {
            let _ = write!(out, "\n{line}\n");
        }
        if !self.facts.is_empty() {
            out.push('\n');
        }
        for (name, value) in &self.facts {
            let _ = writeln!(out, "{name}: {value}");
        }
        if let Some((words, address)) = &self.button {
            let _ = write!(out, "\n{words}:\n{address}\n");
        }
        for note in &self.notes {
            let _ = write!(out, "\n{note}\n");
        }
        let _ = write!(out, "\n-- \n{}\nQuestions? {}\n", self.shop, self.support);
        out
    }

    fn html(&self) -> String {
        let mut out = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{0}</title>\n<style>{STYLE}</style></head>\n\
             <body><main><p><strong>{1}</strong></p>\n<div class=\"card\"><h1>{0}</h1>\n",
            escape(&self.heading),
            escape(&self.shop)
        );
        for line in &self.lines {
            let _ = writeln!(out, "<p>{}</p>", escape(line));
        }
        if !self.facts.is_empty() {
            out.push_str("<dl>\n");
            for (name, value) in &self.facts {
                let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
            }
            out.push_str("</dl>\n");
        }
        if let Some((words, address)) = &self.button {
            let _ = writeln!(out, "<p><a class=\"go\" href=\"{}\">{}</a></p>", escape(address), escape(words));
        }
        out.push_str("</div>\n");
        for note in &self.notes {
            let words: Vec<String> = note.split(' ').map(linked).collect();
            let _ = writeln!(out, "<p class=\"small\">{}</p>", words.join(" "));
        }
        let support = escape(&self.support);
        let _ = writeln!(out, "<p class=\"small\">Questions? <a href=\"mailto:{support}\">{support}</a></p>");
        out.push_str("</main></body></html>\n");
        out
    }
}

/// A word; a URL becomes a link.
fn linked(word: &str) -> String {
    let text = escape(word);
    if word.starts_with("https://") || word.starts_with("http://") {
        format!("<a href=\"{text}\">{text}</a>")
    } else {
        text
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            shop: "Gleaner".into(),
            support: "help@gleaner.example".into(),
            heading: "1,200 credits added".into(),
            lines: vec!["For <b>Ada & Co</b>.".into()],
            facts: vec![("Price", "$9.00".into())],
            button: Some(("Open Billing".into(), "https://pay.example/billing?a=1&b=2".into())),
            notes: vec!["Non-refundable.".into()],
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let Rendered { text, html } = draft().render();
        for want in ["1,200 credits added", "Price", "$9.00", "Open Billing", "Non-refundable.", "help@gleaner.example"]
        {
            assert!(text.contains(want) && html.contains(want), "{want}");
        }
        assert!(text.contains("https://pay.example/billing?a=1&b=2\n"));
    }

    #[test]
    fn names_are_no_markup_and_nothing_is_loaded_from_elsewhere() {
        let html = draft().render().html;
        assert!(html.contains("For &lt;b&gt;Ada &amp; Co&lt;/b&gt;."));
        assert!(html.contains("href=\"https://pay.example/billing?a=1&amp;b=2\""));
        assert!(!html.contains("<img") && !html.contains("url(") && !html.contains("<link"));
    }
}
