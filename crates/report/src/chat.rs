//! A card in the shapes of chats.
//!
//! - DingTalk: `actionCard` with one button where there is a page, else `markdown` (Open Platform, custom robot).
//! - WeCom: `markdown`, at most 4,096 bytes of UTF-8, else errcode 40058 (Developer Center, group robot).
//! - Feishu: interactive card; foreign text stands in `plain_text`, which is never read as markup.
//! - Slack: Block Kit; foreign text stands in `rich_text`, whose text elements are never read as markup.

use rootline_model::Severity;
use serde_json::{Value, json};

use crate::card::{Body, Card, Item, State};
use crate::foreign::{robot_command, robot_markdown, slack as slack_escaped};
use crate::say::word;

/// Bytes of WeCom's `markdown.content`.
const WECOM_BYTES: usize = 4_096;
/// Characters of Slack's `header` block.
const SLACK_HEADER: usize = 150;
/// Bytes of DingTalk's text; the documents name 20,000 characters for the whole message.
const DINGTALK_BYTES: usize = 16_000;

/// Body of DingTalk's `robot/send`.
pub fn dingtalk(card: &Card) -> Value {
    let title = format!("{} {}", card.mark(), robot_markdown(&card.title));
    let mut text = format!("### {title}\n\n{}\n\n", robot_markdown(&card.status));
    for part in &card.parts {
        match &part.body {
            Body::Text(line) => {
                text.push_str(&format!("**{}** {}\n\n", robot_markdown(&part.label), robot_markdown(line)));
            }
            Body::List(items) => {
                text.push_str(&format!("**{}**\n\n", robot_markdown(&part.label)));
                text.push_str(&items.iter().map(robot_item).collect::<String>());
                text.push('\n');
            }
            // quotes: the clients show no code
            Body::Commands(lines) => {
                text.push_str(&lines.iter().map(|l| format!("> {}\n\n", robot_command(l))).collect::<String>());
            }
        }
    }
    let text = cut(text.trim_end(), DINGTALK_BYTES, "…");
    match &card.link {
        Some(link) => json!({
            "msgtype": "actionCard",
            "actionCard": { "title": title, "text": text, "singleTitle": card.link_text(), "singleURL": link },
        }),
        None => json!({
            "msgtype": "markdown",
            "markdown": { "title": title, "text": text },
            "at": { "isAtAll": false },
        }),
    }
}

/// Body of WeCom's `webhook/send`.
pub fn wecom(card: &Card) -> Value {
    let color = match card.state {
        State::Resolved => "info",
        _ if card.severity == Severity::Warning => "comment",
        _ => "warning",
    };
    let mut text = format!(
        "**<font color=\"{color}\">{}</font>**\n{}\n",
        robot_markdown(&card.title),
        robot_markdown(&card.status)
    );
    for part in &card.parts {
        match &part.body {
            Body::Text(line) => {
                text.push_str(&format!("**{}** {}\n", robot_markdown(&part.label), robot_markdown(line)));
            }
            Body::List(items) => {
                text.push_str(&format!("**{}**\n", robot_markdown(&part.label)));
                text.push_str(&items.iter().map(robot_item).collect::<String>());
            }
            Body::Commands(lines) => {
                // one with a backtick would end its own code
                let lines = lines.iter().map(|l| robot_command(l).replace('`', "ˋ"));
                text.push_str(&lines.map(|l| format!("`{l}`\n")).collect::<String>());
            }
        }
    }
    let link = card.link.as_ref().map(|link| format!("[{}]({})", card.link_text(), address(link)));
    let link = link.filter(|link| link.len() < WECOM_BYTES / 2).unwrap_or_default();
    let shortened = match link.as_str() {
        "" => format!("…\n{}", word(card.lang, "card.cut")),
        link => format!("…\n{} {link}", word(card.lang, "card.cut")),
    };
    let whole = format!("{text}{link}");
    let content = cut(whole.trim_end(), WECOM_BYTES, &shortened);
    json!({ "msgtype": "markdown", "markdown": { "content": content } })
}

/// Feishu's card alone; the sink adds the envelope and its signature.
pub fn feishu(card: &Card) -> Value {
    let template = match (card.state, card.severity) {
        (State::Resolved, _) => "green",
        (_, Severity::Critical) => "red",
        (_, Severity::Error) => "orange",
        (_, Severity::Warning) => "yellow",
    };
    let plain = |text: &str| json!({ "tag": "div", "text": { "tag": "plain_text", "content": text } });
    let bold = |text: &str| json!({ "tag": "div", "text": { "tag": "lark_md", "content": format!("**{text}**") } });
    let mut elements = vec![plain(&card.status)];
    for part in &card.parts {
        elements.push(bold(&part.label));
        match &part.body {
            Body::Text(line) => elements.push(plain(line)),
            Body::Commands(lines) => elements.push(plain(&lines.join("\n"))),
            Body::List(items) if items.iter().any(|i| i.link.is_some()) => {
                for item in items {
                    let (name, rest) = numbered(item);
                    if let (Some(link), false) = (&item.link, name.is_empty()) {
                        let content = format!("[{name}]({})", address(link));
                        elements.push(json!({ "tag": "div", "text": { "tag": "lark_md", "content": content } }));
                    }
                    elements.push(plain(rest));
                }
            }
            Body::List(items) => {
                let lines: Vec<String> = items.iter().map(|item| format!("• {}", item.text)).collect();
                elements.push(plain(&lines.join("\n")));
            }
        }
    }
    if let Some(link) = &card.link {
        elements.push(json!({
            "tag": "action",
            "actions": [{
                "tag": "button",
                "text": { "tag": "plain_text", "content": card.link_text() },
                "type": "primary",
                "url": link,
            }],
        }));
    }
    json!({
        "config": { "wide_screen_mode": true },
        "header": {
            "template": template,
            "title": { "tag": "plain_text", "content": format!("{} {}", card.mark(), card.title) },
        },
        "elements": elements,
    })
}

/// Body of Slack's incoming webhook, also of `chat.postMessage` once a channel is added.
pub fn slack(card: &Card) -> Value {
    let title = format!("{} {}", card.mark(), card.title);
    let plain = |text: &str| json!({ "type": "text", "text": text });
    let bold = |text: &str| json!({ "type": "text", "text": text, "style": { "bold": true } });
    let section = |elements: Vec<Value>| json!({ "type": "rich_text_section", "elements": elements });
    let mut rich = vec![section(vec![plain(&format!("{}\n", card.status))])];
    for part in &card.parts {
        match &part.body {
            Body::Text(line) => {
                rich.push(section(vec![bold(&part.label), plain(&format!("  {line}\n"))]));
            }
            Body::List(items) => {
                rich.push(section(vec![bold(&part.label)]));
                let items: Vec<Value> = items.iter().map(|item| section(slack_item(item))).collect();
                rich.push(json!({ "type": "rich_text_list", "style": "bullet", "elements": items }));
            }
            Body::Commands(lines) => rich.push(json!({
                "type": "rich_text_preformatted",
                "elements": [plain(&lines.join("\n"))],
            })),
        }
    }
    let mut blocks = vec![
        json!({ "type": "header", "text": { "type": "plain_text", "text": characters(&title, SLACK_HEADER), "emoji": true } }),
        json!({ "type": "rich_text", "elements": rich }),
    ];
    if let Some(link) = &card.link {
        blocks.push(json!({
            "type": "actions",
            "elements": [{
                "type": "button",
                "text": { "type": "plain_text", "text": card.link_text() },
                "url": link,
                "action_id": "open",
            }],
        }));
    }
    json!({ "text": slack_escaped(&title), "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

fn slack_item(item: &Item) -> Vec<Value> {
    let (name, rest) = numbered(item);
    match &item.link {
        Some(link) if !name.is_empty() => vec![
            json!({ "type": "link", "url": link, "text": name }),
            json!({ "type": "text", "text": format!(" {rest}") }),
        ],
        _ => vec![json!({ "type": "text", "text": item.text })],
    }
}

fn robot_item(item: &Item) -> String {
    let (name, rest) = numbered(item);
    match &item.link {
        Some(link) if !name.is_empty() => {
            format!("- [{}]({}) {}\n", robot_markdown(name), address(link), robot_markdown(rest))
        }
        _ => format!("- {}\n", robot_markdown(&item.text)),
    }
}

/// `#17` and what comes after it.
pub fn numbered(item: &Item) -> (&str, &str) {
    match item.text.split_once(" · ") {
        Some((name, rest)) if item.link.is_some() && name.starts_with('#') => (name, rest),
        _ => ("", &item.text),
    }
}

/// Our own address inside Markdown: a bracket would end it early.
pub fn address(link: &str) -> String {
    link.replace('(', "%28").replace(')', "%29").replace(' ', "%20").replace('<', "%3C").replace('>', "%3E")
}

/// At most `bytes` long. What is cut is cut after a whole line where one ends near, never inside a character, and `tail`
/// says so.
fn cut(text: &str, bytes: usize, tail: &str) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let room = bytes.saturating_sub(tail.len());
    let kept = &text[..text.floor_char_boundary(room)];
    let line_end = kept.rfind('\n').filter(|end| kept.len() - end < 400);
    let mut kept = kept[..line_end.unwrap_or(kept.len())].to_owned();
    // code that lost its end would take the tail in
    let last_line = kept.rfind('\n').map_or(0, |i| i + 1);
    if kept[last_line..].matches('`').count() % 2 == 1 {
        kept.truncate(last_line.saturating_sub(1));
    }
    format!("{kept}{tail}")
}

fn characters(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
