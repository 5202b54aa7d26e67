use super::*;
use crate::domain::color::Color;

fn draft() -> Draft {
    Draft {
        shop: "Gleaner".into(),
        support: "help@gleaner.example".into(),
        look: Look::default(),
        heading: "1,200 credits added".into(),
        lines: vec!["For <b>Ada & Co</b>.".into(), "Used after your plan credits.".into()],
        facts: vec![("Price", "$9.00".into()), ("For", "Ada & Co".into())],
        button: Some(("View invoice".into(), "https://pay.example/invoice?a=1&b=2".into())),
        links: vec![("Terms", "https://gleaner.example/terms".into())],
        notes: vec!["Non-refundable.".into()],
        reason: "Receipts go to every owner and admin of Ada & Co.".into(),
        stop: Some(("Turn off low-balance emails", "https://pay.example/mails/1-a".into())),
    }
}

/// The words that a reader of the HTML sees, without the preview, and the addresses of its links.
fn read(html: &str) -> (Vec<String>, Vec<String>) {
    let body = html.split_once("<table").expect("a table").1;
    let (mut words, mut addresses) = (String::new(), Vec::new());
    for piece in format!("<table{body}").split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag");
        if let Some((_, rest)) = tag.split_once("href=\"") {
            addresses.push(plain(rest.split_once('"').expect("an end").0));
        }
        words.push(' ');
        words.push_str(&plain(text));
    }
    (sorted(words.split_whitespace()), addresses)
}

fn plain(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&nbsp;", " ");
    named.replace("&#39;", "'").replace("&amp;", "&")
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<String> = words.map(|word| word.trim_end_matches(':').to_owned()).collect();
    words.sort();
    words
}

#[test]
fn both_forms_say_the_same() {
    let Rendered { text, html } = draft().render();
    let (words, addresses) = read(&html);
    let is_address = |word: &&str| word.starts_with("https://") || *word == "--";
    assert_eq!(sorted(text.split_whitespace().filter(|word| !is_address(word))), words);
    for address in addresses {
        assert!(text.contains(address.trim_start_matches("mailto:")), "{address}");
    }
    assert!(text.contains("View invoice:\nhttps://pay.example/invoice?a=1&b=2\n"), "{text}");
}

#[test]
fn names_are_no_markup_and_without_a_look_nothing_is_loaded_from_elsewhere() {
    let html = draft().render().html;
    assert!(html.contains("For &lt;b&gt;Ada &amp; Co&lt;/b&gt;."));
    assert!(html.contains("href=\"https://pay.example/invoice?a=1&amp;b=2\""));
    assert!(!html.contains("<img") && !html.contains("url(") && !html.contains("<link") && !html.contains("<script"));
}

#[test]
fn the_first_words_are_the_preview() {
    let html = draft().render().html;
    let preview = html.split_once("<div").expect("a preview").1.split_once("</div>").expect("an end").0;
    assert!(preview.contains(">For &lt;b&gt;Ada &amp; Co&lt;/b&gt;. Used after your plan credits."), "{preview}");
}

#[test]
fn the_shop_has_its_logo_and_its_color_in_both_themes() {
    let accent = Accent::from_color(Color::rgb(0x0f, 0x76, 0x6e));
    let look =
        Look { logo: Some("https://cdn.example/l.png?a&b".into()), icon: Some("https://cdn.example/i".into()), accent };
    let html = Draft { look, ..draft() }.render().html;
    assert!(html.contains("<img src=\"https://cdn.example/l.png?a&amp;b\" alt=\"Gleaner\""), "{html}");
    assert!(!html.contains("cdn.example/i\""), "the logo alone");
    assert!(html.contains("background:#0f766e;color:#ffffff"), "{html}");
    assert!(html.contains(&format!(".go{{background:{}!important", accent.dark.accent)), "{html}");
    let icon = Look { icon: Some("https://cdn.example/i".into()), ..Look::default() };
    assert!(Draft { look: icon, ..draft() }.render().html.contains("alt=\"\" width=\"20\""));
}
