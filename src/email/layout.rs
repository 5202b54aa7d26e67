//! The HTML of every email: one card on a plain ground, at most 480 px wide, in both themes.
//!
//! Email programs drop stylesheets, so the light theme is in the elements. The stylesheet in the head has the dark theme
//! only, for programs that know it; Outlook needs tables for width and ground.

use crate::domain::accent::{DARK, LIGHT, Shades};
use crate::email::{Draft, Rendered};
use std::fmt::Write as _;

const FONT: &str = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const TABLE: &str = "role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"";
/// Long names break, so that a phone of 320 px shows every line whole.
const BREAKS: &str = "overflow-wrap:anywhere;word-break:break-word";
const TEXT: &str = "#15161b";
const SOFT: &str = "#595e6c";
const LINE: &str = "#e4e5eb";

/// Blanks after the preview, so that inboxes don't fill it up with the heading.
const PREVIEW_END: &str = "&#847;&zwnj;&nbsp;";
const PREVIEW_ENDS: usize = 60;

impl Draft {
    #[must_use]
    pub fn render(&self) -> Rendered {
        Rendered { text: self.text(), html: html(self) }
    }
}

fn html(draft: &Draft) -> String {
    let mut out = head(draft);
    preview(&mut out, draft);
    let page = LIGHT.page();
    let _ = write!(
        out,
        "<table {TABLE} class=\"page\" style=\"background:{page}\"><tr><td align=\"center\" style=\"padding:24px 16px\">\n\
         <table {TABLE} style=\"max-width:480px;table-layout:fixed;{FONT};font-size:16px;line-height:24px\">\n\
         <tr><td class=\"text\" style=\"padding:0 4px 16px;color:{TEXT};font-weight:700;{BREAKS}\">{}</td></tr>\n\
         <tr><td class=\"card text\" style=\"padding:24px 20px;background:{};border:1px solid {LINE};border-radius:10px;\
         color:{TEXT};{BREAKS}\">\n",
        mark(draft),
        LIGHT.card(),
    );
    card(&mut out, draft);
    out.push_str("</td></tr>\n");
    footer(&mut out, draft);
    out.push_str("</table>\n</td></tr></table>\n</body>\n</html>\n");
    out
}

fn head(draft: &Draft) -> String {
    let Shades { accent, ink, .. } = draft.look.accent.dark;
    let (page, card) = (DARK.page(), DARK.card());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>{}</title>\n\
         <style>:root{{color-scheme:light dark;supported-color-schemes:light dark}}\n\
         @media (prefers-color-scheme:dark){{\n\
         .page{{background:{page}!important}}.card{{background:{card}!important}}\n\
         .card,.line{{border-color:#292b34!important}}.text{{color:#edeef2!important}}.soft{{color:#a3a7b5!important}}\n\
         .link{{color:{accent}!important}}.go{{background:{accent}!important;color:{ink}!important}}\n\
         }}</style>\n</head>\n<body class=\"page\" style=\"margin:0;padding:0;background:{}\">\n",
        escape(&draft.heading),
        LIGHT.page(),
    )
}

/// The text that inboxes show beside the subject.
fn preview(out: &mut String, draft: &Draft) {
    let _ = writeln!(
        out,
        "<div style=\"display:none;overflow:hidden;max-height:0;font-size:1px;line-height:1px;opacity:0\">{}{}</div>",
        escape(&draft.lines.join(" ")),
        PREVIEW_END.repeat(PREVIEW_ENDS),
    );
}

/// The shop's logo, or its icon and name.
fn mark(draft: &Draft) -> String {
    let name = escape(&draft.shop);
    if let Some(logo) = &draft.look.logo {
        let logo = escape(logo);
        return format!(
            "<img src=\"{logo}\" alt=\"{name}\" height=\"28\" style=\"display:block;height:28px;width:auto;\
             max-width:128px;border:0\">"
        );
    }
    match &draft.look.icon {
        None => name,
        Some(icon) => format!(
            "<img src=\"{}\" alt=\"\" width=\"20\" height=\"20\" style=\"vertical-align:-4px;border:0\">&nbsp; {name}",
            escape(icon)
        ),
    }
}

fn card(out: &mut String, draft: &Draft) {
    let heading = escape(&draft.heading);
    let _ = writeln!(out, "<h1 style=\"margin:0 0 12px;font-size:20px;line-height:26px\">{heading}</h1>");
    for line in &draft.lines {
        let _ = writeln!(out, "<p style=\"margin:0 0 12px\">{}</p>", escape(line));
    }
    facts(out, draft);
    let Shades { accent, ink, .. } = draft.look.accent.light;
    if let Some((words, address)) = &draft.button {
        let _ = writeln!(
            out,
            "<p style=\"margin:20px 0 4px\"><a class=\"go\" href=\"{}\" style=\"display:inline-block;padding:11px 20px;\
             background:{accent};color:{ink};border-radius:7px;font-weight:600;text-decoration:none\">{}</a></p>",
            escape(address),
            escape(words)
        );
    }
    let one = |(words, address): &(&str, String)| link(words, address, &format!("color:{accent}"), "link");
    let links: Vec<String> = draft.links.iter().map(one).collect();
    if !links.is_empty() {
        let links = links.join(" &nbsp; &nbsp; ");
        let _ = writeln!(out, "<p style=\"margin:14px 0 0;font-size:14px;line-height:20px\">{links}</p>");
    }
    for note in &draft.notes {
        let note = escape(note);
        let _ = writeln!(
            out,
            "<p class=\"soft\" style=\"margin:12px 0 0;font-size:14px;line-height:20px;color:{SOFT}\">{note}</p>"
        );
    }
}

fn facts(out: &mut String, draft: &Draft) {
    if draft.facts.is_empty() {
        return;
    }
    let cell = format!("padding:8px 0;border-top:1px solid {LINE};vertical-align:top;font-size:14px;line-height:20px");
    let _ = writeln!(
        out,
        "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" class=\"line\" \
         style=\"margin:16px 0;table-layout:fixed;border-bottom:1px solid {LINE}\">"
    );
    for (name, value) in &draft.facts {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\" align=\"left\" width=\"34%\" class=\"line soft\" style=\"{cell};padding-right:12px;\
             font-weight:400;text-align:left;color:{SOFT}\">{}</th>\
             <td class=\"line text\" style=\"{cell};color:{TEXT};{BREAKS}\">{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    out.push_str("</table>\n");
}

fn footer(out: &mut String, draft: &Draft) {
    let _ = writeln!(
        out,
        "<tr><td class=\"soft\" style=\"padding:16px 4px 0;color:{SOFT};font-size:13px;line-height:20px;{BREAKS}\">"
    );
    if !draft.reason.is_empty() {
        let _ = writeln!(out, "{}<br>", escape(&draft.reason));
    }
    if let Some((words, address)) = &draft.stop {
        let _ = writeln!(out, "{}<br>", link(words, address, "color:inherit", "soft"));
    }
    let support = link(&draft.support, &format!("mailto:{}", draft.support), "color:inherit", "soft");
    let _ = writeln!(out, "Questions? {support}\n</td></tr>");
}

fn link(words: &str, address: &str, style: &str, class: &str) -> String {
    let (words, address) = (escape(words), escape(address));
    format!("<a class=\"{class}\" href=\"{address}\" style=\"{style}\">{words}</a>")
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
