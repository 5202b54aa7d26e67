//! The hosted pay page: plain HTML, no script, nothing inline.
//!
//! Everything that came from a request is escaped. A card number is never put back into the form.

use crate::money::Money;

/// The page's one stylesheet, served beside it.
pub(super) const STYLE: &str = include_str!("pay.css");

/// What the page is about.
pub(super) struct View {
    pub shop: String,
    pub product: String,
    pub price: Money,
    /// The text at the pay button; may be empty.
    pub submit_text: String,
    pub cancel_url: Option<String>,
    pub pay_url: String,
    /// Price and tax, where tax comes on top.
    pub tax: Option<(Money, Money)>,
    /// Whether a bank may pay, which clears later.
    pub bank: bool,
    /// Whether a business may give its tax id.
    pub tax_id: bool,
}

/// What is wrong with the form as it was sent, by field; `card` may also be the bank's no.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mistakes {
    pub declined: bool,
    pub card: Option<&'static str>,
    pub expiry: Option<&'static str>,
    pub cvc: Option<&'static str>,
}

/// The form.
pub(super) fn pay(view: &View, mistakes: &Mistakes) -> String {
    let price = escape(&view.price.long());
    let declined = if mistakes.declined {
        "<p class=\"alert\" role=\"alert\">Your card was declined. Try another card.</p>"
    } else {
        ""
    };
    let method = if view.bank { METHODS } else { "" };
    let tax_id = if view.tax_id { TAX_ID } else { "" };
    let fields = [
        field("card_number", "Card number", "cc-number", "4242 4242 4242 4242", mistakes.card),
        format!(
            "<div class=\"pair\">{}{}</div>",
            field("expiry", "Expiry", "cc-exp", "MM / YY", mistakes.expiry),
            field("cvc", "CVC", "cc-csc", "123", mistakes.cvc)
        ),
    ];
    let note = match view.submit_text.as_str() {
        "" => String::new(),
        text => format!("<p class=\"note\">{}</p>", linked(text)),
    };
    let main = format!(
        "<h1><span class=\"product\">{}</span> <span class=\"price\">{price}</span></h1>{}{declined}\
         <form method=\"post\" action=\"{}\">{method}<div class=\"card\">{}</div>{tax_id}\
         <button type=\"submit\">Pay {price}</button></form>{note}\
         <p class=\"hint\"><span>4242 4242 4242 4242 is paid.</span> \
         <span>4000 0000 0000 0002 is declined,</span> <span>4000 0000 0000 0259 paid and disputed,</span> \
         <span>4000 0000 0000 1976 paid and asked about.</span> Any later expiry, any CVC. No money moves.</p>{}",
        escape(&view.product),
        view.tax.as_ref().map(sum).unwrap_or_default(),
        escape(&view.pay_url),
        fields.concat(),
        back(view),
    );
    document(&format!("Pay {}", view.price.long()), &view.shop, &main)
}

/// The card's fields fold away by the stylesheet where the bank is chosen.
const METHODS: &str = "<fieldset class=\"methods\"><legend>Payment method</legend>\
     <label><input type=\"radio\" name=\"method\" value=\"card\" checked> Card</label>\
     <label><input type=\"radio\" name=\"method\" value=\"bank\" id=\"bank\"> Bank transfer (clears later)</label>\
     <label><input type=\"radio\" name=\"method\" value=\"refused\" id=\"refused\"> Bank transfer (refused later)</label>\
     </fieldset>";
const TAX_ID: &str = "<div class=\"field\"><label for=\"tax_id\">Tax ID (optional)</label>\
     <input id=\"tax_id\" name=\"tax_id\" type=\"text\" autocomplete=\"off\" maxlength=\"40\"></div>";

fn sum((price, tax): &(Money, Money)) -> String {
    format!("<p>{} and {} tax ({}%)</p>", escape(&price.long()), escape(&tax.long()), super::lines::TAX_PERCENT)
}

/// `[Terms](https://…)` becomes a link, as at Stripe; all else is text.
fn linked(text: &str) -> String {
    let link = || {
        let (before, rest) = text.split_once('[')?;
        let (words, rest) = rest.split_once("](")?;
        let (url, after) = rest.split_once(')')?;
        let web = url.starts_with("https://") || url.starts_with("http://");
        let anchor = format!("<a href=\"{}\">{}</a>", escape(url), escape(words));
        web.then(|| format!("{}{anchor}{}", escape(before), escape(after)))
    };
    link().unwrap_or_else(|| escape(text))
}

/// A page that says one thing. `view` is absent where nothing is known.
pub(super) fn message(view: Option<&View>, shop: &str, text: &str) -> String {
    let main = format!("<h1>{}</h1>{}", escape(text), view.map(back).unwrap_or_default());
    document(text, shop, &main)
}

fn field(name: &str, label: &str, autocomplete: &str, example: &str, mistake: Option<&str>) -> String {
    let (attributes, words) = match mistake {
        Some(text) => (
            format!(" aria-invalid=\"true\" aria-describedby=\"{name}_error\""),
            format!("<p class=\"mistake\" id=\"{name}_error\">{}</p>", escape(text)),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "<div class=\"field\"><label for=\"{name}\">{label}</label>\
         <input id=\"{name}\" name=\"{name}\" type=\"text\" inputmode=\"numeric\" autocomplete=\"{autocomplete}\" \
         placeholder=\"{example}\" maxlength=\"40\"{attributes}>{words}</div>"
    )
}

fn back(view: &View) -> String {
    match &view.cancel_url {
        Some(url) => format!("<p><a href=\"{}\">Back to {}</a></p>", escape(url), escape(&view.shop)),
        None => String::new(),
    }
}

pub(super) fn document(title: &str, shop: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{} · {}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"/pay.css\"></head><body>\
         <header><strong>{}</strong> <span class=\"badge\">Sandbox</span></header><main>{main}</main></body></html>",
        escape(title),
        escape(shop),
        escape(shop),
    )
}

pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Mistakes, View, message, pay};
    use crate::money::Money;

    fn view() -> View {
        View {
            shop: "Gleaner".into(),
            product: "1,200 <credits>".into(),
            price: Money::new(900, "usd"),
            submit_text: "\"Non-refundable\"".into(),
            cancel_url: Some("http://shop.example/?a=1&b='".into()),
            pay_url: "/pay/cs_test_1".into(),
            tax: None,
            bank: false,
            tax_id: false,
        }
    }

    #[test]
    fn the_page_has_its_labels_its_button_and_its_way_back() {
        let page = pay(&view(), &Mistakes::default());
        for part in
            [">Card number</label>", ">Expiry</label>", ">CVC</label>", ">Pay $9.00</button>", ">Back to Gleaner</a>"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("role=\"alert\"") && !page.contains("<script") && !page.contains("style="));
    }

    #[test]
    fn what_came_from_outside_is_escaped() {
        let page = pay(&view(), &Mistakes::default());
        assert!(page.contains("1,200 &lt;credits&gt;") && page.contains("&quot;Non-refundable&quot;"));
        assert!(page.contains("href=\"http://shop.example/?a=1&amp;b=&#39;\""));
    }

    #[test]
    fn the_bank_the_tax_and_the_tax_id_show_where_they_apply() {
        let plain = pay(&view(), &Mistakes::default());
        assert!(!plain.contains("Bank transfer") && !plain.contains("Tax ID") && !plain.contains(" tax ("));
        let tax = Some((Money::new(900, "usd"), Money::new(180, "usd")));
        let full = pay(&View { tax, bank: true, tax_id: true, ..view() }, &Mistakes::default());
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
    fn a_mistake_is_said_at_its_field() {
        let page = pay(&view(), &Mistakes { cvc: Some("Too short."), ..Mistakes::default() });
        assert!(page.contains("aria-describedby=\"cvc_error\"") && page.contains("id=\"cvc_error\">Too short."));
        assert_eq!(page.matches("aria-invalid").count(), 1);
    }

    #[test]
    fn a_message_leads_back_where_there_is_a_way() {
        assert!(message(Some(&view()), "Gleaner", "It is over.").contains("Back to Gleaner"));
        assert!(!message(None, "Gleaner", "It is over.").contains("Back to"));
    }
}
