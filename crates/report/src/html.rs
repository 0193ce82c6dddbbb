//! The answer as one self-contained page: no script, nothing loaded, light and dark, fit to print.

use std::fmt::Write;

use rootline_model::{Diagnosis, Knowledge, Lang, Severity, Verdict};

use crate::say::{Seen, quoted, word};
use crate::view::{Considered, Group, IncidentView, View};
use crate::{Options, picture};

const STYLE: &str = include_str!("page.css");

pub fn render(diagnosis: &Diagnosis, knowledge: &Knowledge, options: &Options) -> String {
    // A page has room: it holds what the terminal shows with -v.
    let view = View::of(diagnosis, knowledge, &Options { verbose: true, ..options.clone() });
    let (tag, title) = match view.lang {
        Lang::En => ("en", word(Lang::En, "title.report")),
        Lang::Zh => ("zh-CN", word(Lang::Zh, "title.report")),
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut out, &view, title);
    for (incident, source) in view.incidents.iter().zip(&diagnosis.incidents) {
        let drawn = picture::svg(view.lang, source, &incident.title);
        article(&mut out, view.lang, incident, drawn);
    }
    foot(&mut out, &view);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, view: &View, title: &str) {
    let mood = match view.worst {
        None => "fine",
        Some(severity) => class(severity),
    };
    let scope: Vec<String> = view.scope.iter().map(|s| format!("<span>{}</span>", escape(s))).collect();
    let _ = writeln!(
        out,
        "<header class=\"{mood}\">\n<p class=\"brand\">{title}</p>\n<h1>{}</h1>\n<p class=\"scope\">{}</p>",
        escape(&view.headline),
        scope.join(" · ")
    );
    if view.incidents.len() > 1 {
        out.push_str("<ol class=\"contents\">\n");
        for incident in &view.incidents {
            let _ = writeln!(
                out,
                "<li class=\"{}\"><a href=\"#i{n}\"><b>{n}</b> {}</a> <span>{}</span></li>",
                class(incident.severity),
                escape(&incident.title),
                escape(&incident.verdict),
                n = incident.number,
            );
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</header>\n");
}

fn article(out: &mut String, lang: Lang, incident: &IncidentView, picture: Option<String>) {
    let _ = writeln!(
        out,
        "<article id=\"i{n}\" class=\"{}\">\n<h2><span class=\"number\">{n}</span> {}</h2>",
        class(incident.severity),
        escape(&incident.title),
        n = incident.number,
    );
    let sure = match incident.sure {
        Verdict::Likely => "sure",
        Verdict::Possible => "unsure",
        Verdict::NoConfidentCause => "unknown",
    };
    let mut facts = vec![
        format!("<span class=\"badge {sure}\">{}</span>", escape(&incident.verdict)),
        format!("<span class=\"badge severity\">{}</span>", incident.severity_word),
    ];
    if !incident.entity.is_empty() {
        facts.push(format!("<code>{}</code>", escape(&incident.entity)));
    }
    facts.extend(incident.since.as_ref().map(|s| format!("<span class=\"quiet\">{}</span>", escape(s))));
    let _ = writeln!(out, "<p class=\"facts\">{}</p>", facts.join(" "));
    if let Some(affected) = &incident.affected {
        let _ =
            writeln!(out, "<p class=\"hurt\">{} <code>{}</code></p>", word(lang, "label.affected"), escape(affected));
    }
    if let Some(means) = &incident.means {
        let _ = writeln!(out, "<p>{}</p>", escape(means));
    }
    let (why, considered, follows) = if incident.named {
        ("label.why", "label.considered", "label.follows")
    } else {
        ("label.evidence", "label.candidates", "label.together")
    };
    next(out, lang, incident);
    evidence(out, lang, word(lang, why), &incident.why);
    if let Some(picture) = picture {
        let _ = writeln!(
            out,
            "<section>\n<h3>{}</h3>\n<figure>{picture}</figure>\n</section>",
            word(lang, "label.picture")
        );
    }
    groups(out, word(lang, follows), &incident.follows, incident.more_follows.as_deref());
    others(out, word(lang, considered), &incident.considered);
    score(out, lang, &incident.score);
    items(out, word(lang, "label.unseen"), &incident.unseen);
    out.push_str("</article>\n");
}

fn next(out: &mut String, lang: Lang, incident: &IncidentView) {
    if incident.fix.is_none() && incident.commands.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section class=\"next\">\n<h3>{}</h3>", word(lang, "label.next"));
    if let Some(fix) = &incident.fix {
        let _ = writeln!(out, "<p>{}</p>", escape(fix));
    }
    if !incident.commands.is_empty() {
        let _ = writeln!(out, "<pre>{}</pre>", escape(&incident.commands.join("\n")));
    }
    out.push_str("</section>\n");
}

fn evidence(out: &mut String, lang: Lang, title: &str, lines: &[Seen]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h3>{title}</h3>\n<dl>");
    for seen in lines {
        let mut facts = Vec::new();
        if !seen.text.is_empty() {
            facts.push(format!("<span>{}</span>", escape(&seen.text)));
        }
        facts.extend(seen.details.iter().map(|d| format!("<span class=\"quiet\">{}</span>", escape(d))));
        if !seen.object.is_empty() {
            facts.push(format!("<code>{}</code>", escape(&seen.object)));
        }
        let quote = if seen.quote.is_empty() {
            String::new()
        } else {
            format!("<blockquote>{}</blockquote>", escape(&quoted(lang, &seen.quote)))
        };
        let _ = writeln!(out, "<dt>{}</dt><dd>{}{quote}</dd>", seen.word, facts.join(" · "));
    }
    out.push_str("</dl>\n</section>\n");
}

fn groups(out: &mut String, title: &str, groups: &[Group], more: Option<&str>) {
    if groups.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h3>{title}</h3>\n<ul class=\"groups\">");
    for group in groups {
        let reason = if group.reason.is_empty() {
            String::new()
        } else {
            format!("<span class=\"quiet\"> · {}</span>", escape(&group.reason))
        };
        let _ = writeln!(
            out,
            "<li><b>{}×</b><div>{}{}<code>{}</code>{reason}</div></li>",
            group.count,
            escape(&group.title),
            if group.count == 1 { " · " } else { "<br>" },
            escape(&group.names)
        );
    }
    if let Some(more) = more {
        let _ = writeln!(out, "<li class=\"quiet\">{}</li>", escape(more));
    }
    out.push_str("</ul>\n</section>\n");
}

fn others(out: &mut String, title: &str, causes: &[Considered]) {
    if causes.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h3>{title}</h3>\n<ul class=\"groups\">");
    for cause in causes {
        let _ = writeln!(
            out,
            "<li><b>{}</b><div>{} · <code>{}</code><br><span class=\"quiet\">{}</span></div></li>",
            escape(&cause.percent),
            escape(&cause.title),
            escape(&cause.entity),
            escape(&cause.reason)
        );
    }
    out.push_str("</ul>\n</section>\n");
}

fn score(out: &mut String, lang: Lang, lines: &[(String, String)]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details>\n<summary>{}</summary>\n<table>", word(lang, "label.score"));
    for (nats, note) in lines {
        let _ = writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", escape(nats), escape(note));
    }
    out.push_str("</table>\n</details>\n");
}

fn items(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h3>{title}</h3>\n<ul>");
    for item in items {
        let _ = writeln!(out, "<li>{}</li>", escape(item));
    }
    out.push_str("</ul>\n</section>\n");
}

fn foot(out: &mut String, view: &View) {
    out.push_str("<footer>\n");
    let looked = if view.incidents.is_empty() { "label.looked" } else { "label.clean" };
    if !view.clean.is_empty() {
        let checks: Vec<String> = view.clean.iter().map(|c| format!("<span>{}</span>", escape(c))).collect();
        let _ = writeln!(
            out,
            "<section>\n<h3>{}</h3>\n<p class=\"checks\">{}</p>\n</section>",
            word(view.lang, looked),
            checks.join(" ")
        );
    }
    items(out, word(view.lang, "label.unseen"), &view.unseen);
    items(out, word(view.lang, "label.notes"), &view.notes);
    let _ = writeln!(out, "<p class=\"quiet\">{}</p>\n</footer>", word(view.lang, "footer.made"));
}

const fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Text for elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
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
