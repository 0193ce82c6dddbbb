//! A card as plain text, Markdown and HTML mail.

use crate::card::{Body, Card};
use crate::chat::{address, numbered};
use crate::foreign::{quiet, unlinked};
use crate::html::escape;

/// Subject of a mail.
pub fn subject(card: &Card) -> String {
    format!("{} {}", card.mark(), card.title)
}

/// Lines for mail and terminals.
pub fn text(card: &Card) -> String {
    let mut out = format!("{}\n{}\n", quiet(&card.title), quiet(&card.status));
    for part in &card.parts {
        out.push('\n');
        match &part.body {
            Body::Text(line) => out.push_str(&format!("{}\n  {}\n", part.label, quiet(line))),
            Body::List(items) => {
                out.push_str(&format!("{}\n", part.label));
                for item in items {
                    out.push_str(&format!("  - {}\n", quiet(&item.text)));
                    if let Some(link) = &item.link {
                        out.push_str(&format!("    {link}\n"));
                    }
                }
            }
            Body::Commands(lines) => out.push_str(&lines.iter().map(|l| format!("  $ {l}\n")).collect::<String>()),
        }
    }
    if let Some(link) = &card.link {
        out.push_str(&format!("\n{}\n  {link}\n", card.link_text()));
    }
    out
}

/// GitHub's Markdown, for tickets and chats that read it.
pub fn markdown(card: &Card) -> String {
    // addresses that are not ours are no links, although GitHub makes one of every bare address
    let escape = |text: &str| crate::markdown::escape(&unlinked(&text.replace("://", ":\u{2060}//")));
    let mut out = format!("### {} {}\n\n{}\n\n", card.mark(), escape(&card.title), escape(&card.status));
    for part in &card.parts {
        match &part.body {
            Body::Text(line) => out.push_str(&format!("**{}** {}\n\n", escape(&part.label), escape(line))),
            Body::List(items) => {
                out.push_str(&format!("**{}**\n\n", escape(&part.label)));
                for item in items {
                    match (&item.link, numbered(item)) {
                        (Some(link), (name, rest)) if !name.is_empty() => {
                            out.push_str(&format!("- [{}]({}) {}\n", escape(name), address(link), escape(rest)));
                        }
                        _ => out.push_str(&format!("- {}\n", escape(&item.text))),
                    }
                }
                out.push('\n');
            }
            Body::Commands(lines) => out.push_str(&format!("{}\n", crate::markdown::fenced(lines))),
        }
    }
    if let Some(link) = &card.link {
        out.push_str(&format!("[{}]({})\n", card.link_text(), address(link)));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// A page that mail clients show: inline styles, no images, nothing fetched.
pub fn html(card: &Card) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\"><body style=\"font-family:sans-serif;line-height:1.5;max-width:44em\">\n\
         <h2 style=\"margin:0 0 .3em\">{} {}</h2>\n<p style=\"color:#555;margin:0 0 1em\">{}</p>\n",
        match card.lang {
            rootline_model::Lang::En => "en",
            rootline_model::Lang::Zh => "zh-CN",
        },
        card.mark(),
        safe(&card.title),
        safe(&card.status)
    );
    for part in &card.parts {
        out.push_str(&format!("<p style=\"margin:.6em 0 .2em\"><b>{}</b></p>\n", escape(&part.label)));
        match &part.body {
            Body::Text(line) => out.push_str(&format!("<p style=\"margin:0\">{}</p>\n", safe(line))),
            Body::List(items) => {
                out.push_str("<ul style=\"margin:0\">\n");
                for item in items {
                    match (&item.link, numbered(item)) {
                        (Some(link), (name, rest)) if !name.is_empty() => out.push_str(&format!(
                            "<li><a href=\"{}\">{}</a> {}</li>\n",
                            escape(link),
                            escape(name),
                            safe(rest)
                        )),
                        _ => out.push_str(&format!("<li>{}</li>\n", safe(&item.text))),
                    }
                }
                out.push_str("</ul>\n");
            }
            Body::Commands(lines) => out.push_str(&format!(
                "<pre style=\"background:#f4f4f4;padding:.6em;white-space:pre-wrap\">{}</pre>\n",
                escape(&lines.join("\n"))
            )),
        }
    }
    if let Some(link) = &card.link {
        out.push_str(&format!("<p><a href=\"{}\">{}</a></p>\n", escape(link), card.link_text()));
    }
    out.push_str("</body></html>\n");
    out
}

fn safe(text: &str) -> String {
    escape(&quiet(text))
}
