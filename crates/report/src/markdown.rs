//! The answer for tickets and chats.

use rootline_model::Severity;

use crate::Options;
use crate::say::word;
use crate::view::{IncidentView, View};

pub fn render(view: &View, _options: &Options) -> String {
    let mut out = format!("# {}\n\n**{}**\n\n", escape(word(view.lang, "title.report")), escape(&view.headline));
    out.push_str(&format!("{}\n\n", escape(&view.scope.join(" · "))));
    for incident in &view.incidents {
        one(&mut out, view, incident);
    }
    let looked = if view.incidents.is_empty() { "label.looked" } else { "label.clean" };
    if !view.clean.is_empty() {
        out.push_str(&format!("**{}** {}\n\n", word(view.lang, looked), escape(&view.clean.join(" · "))));
    }
    bullets(&mut out, word(view.lang, "label.unseen"), &view.unseen);
    bullets(&mut out, word(view.lang, "label.notes"), &view.notes);
    format!("{}\n", out.trim_end())
}

fn one(out: &mut String, view: &View, incident: &IncidentView) {
    let say = |key| word(view.lang, key);
    let mark = match incident.severity {
        Severity::Critical | Severity::Error => "❌",
        Severity::Warning => "⚠️",
    };
    out.push_str(&format!("## {mark} {}. {}\n\n", incident.number, escape(&incident.title)));
    let mut facts = vec![format!("**{}**", escape(&incident.verdict)), incident.severity_word.to_owned()];
    if !incident.entity.is_empty() {
        facts.insert(0, code(&incident.entity));
    }
    facts.extend(incident.since.clone());
    out.push_str(&format!("{}\n\n", facts.join(" · ")));
    if let Some(affected) = &incident.affected {
        out.push_str(&format!("{} {}\n\n", say("label.affected"), escape(affected)));
    }
    if let Some(means) = &incident.means {
        out.push_str(&format!("{}\n\n", escape(means)));
    }
    let why: Vec<String> = incident.why.iter().map(seen).chain(incident.more_why.iter().map(|m| escape(m))).collect();
    let score: Vec<String> =
        incident.score.iter().map(|(nats, note)| format!("{} {}", code(nats), escape(note))).collect();
    let considered: Vec<String> = incident.considered.iter().map(considered).collect();
    let follows: Vec<String> =
        incident.follows.iter().map(group).chain(incident.more_follows.iter().map(|m| escape(m))).collect();
    let sections = if incident.named {
        [("label.why", why), ("label.score", score), ("label.considered", considered), ("label.follows", follows)]
    } else {
        [("label.together", follows), ("label.evidence", why), ("label.candidates", considered), ("label.score", score)]
    };
    for (key, items) in sections {
        list(out, say(key), &items);
    }
    next(out, view, incident);
    bullets(out, say("label.unseen"), &incident.unseen);
}

fn seen(seen: &crate::say::Seen) -> String {
    let mut facts = vec![escape(&seen.text)];
    facts.extend(seen.details.iter().map(|d| escape(d)));
    facts.push(if seen.object.is_empty() { String::new() } else { code(&seen.object) });
    facts.retain(|f| !f.is_empty());
    let quote = if seen.quote.is_empty() { String::new() } else { format!("\n  > {}", escape(&seen.quote)) };
    format!("*{}* {}{quote}", seen.word, facts.join(" · "))
}

fn considered(cause: &crate::view::Considered) -> String {
    let reason = if cause.reason.is_empty() { String::new() } else { format!(": {}", escape(&cause.reason)) };
    format!("{} {} · {}{reason}", escape(&cause.percent), escape(&cause.title), code(&cause.entity))
}

fn group(group: &crate::view::Group) -> String {
    let mut facts = vec![escape(&group.title), escape(&group.names), escape(&group.reason)];
    facts.retain(|f| !f.is_empty());
    format!("{}× {}", group.count, facts.join(" · "))
}

fn next(out: &mut String, view: &View, incident: &IncidentView) {
    if incident.fix.is_none() && incident.commands.is_empty() {
        return;
    }
    out.push_str(&format!("**{}**\n\n", word(view.lang, "label.next")));
    if let Some(fix) = &incident.fix {
        out.push_str(&format!("{}\n\n", escape(fix)));
    }
    if !incident.commands.is_empty() {
        out.push_str(&fenced(&incident.commands));
        out.push('\n');
    }
}

/// Commands as a block of code. A fence longer than any run of backticks inside cannot be closed by what it holds.
pub fn fenced(commands: &[String]) -> String {
    let fence = "`".repeat(commands.iter().map(|c| longest_run(c)).max().unwrap_or(0).max(2) + 1);
    format!("{fence}sh\n{}\n{fence}\n", commands.join("\n"))
}

/// A list of finished Markdown items.
fn list(out: &mut String, title: &str, items: &[String]) {
    if !items.is_empty() {
        out.push_str(&format!("**{title}**\n\n"));
        for item in items {
            out.push_str(&format!("- {item}\n"));
        }
        out.push('\n');
    }
}

/// A list of plain texts.
fn bullets(out: &mut String, title: &str, items: &[String]) {
    list(out, title, &items.iter().map(|i| escape(i)).collect::<Vec<_>>());
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Inline code that may hold backticks.
fn code(text: &str) -> String {
    match longest_run(text) {
        0 => format!("`{text}`"),
        run => {
            let fence = "`".repeat(run + 1);
            format!("{fence} {text} {fence}")
        }
    }
}

/// Plain text: nothing in it is markup, a mention or a link.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A zero-width joiner keeps chats from calling people by a name in a log.
            '@' => out.push_str("@\u{2060}"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(escape("a_b* <script> [x](y) @all"), "a\\_b\\* &lt;script&gt; \\[x\\](y) @\u{2060}all");
        assert_eq!(code("pod/a"), "`pod/a`");
        assert_eq!(code("a``b"), "``` a``b ```");
    }
}
