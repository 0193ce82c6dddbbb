//! The answer on a terminal.
//!
//! One column of marks and numbers on the left, everything else indented under its incident; commands are never wrapped,
//! so that they can be copied.

use rootline_model::{Lang, Severity};
use unicode_width::UnicodeWidthStr;

use crate::layout::{Page, Span, Tone};
use crate::say::{Seen, quoted, word};
use crate::view::{Considered, Group, IncidentView, View};
use crate::{Options, plain};

/// Columns before the text of an incident and before the items of its sections.
const BODY: usize = 5;
const ITEM: usize = BODY + 2;
/// Narrower than this, evidence is not set in columns.
const NARROW: usize = 64;
/// Columns of a quote shown without `-v`.
const QUOTE: usize = 240;

pub fn render(view: &View, options: &Options) -> String {
    let width = options.width.clamp(24, 120);
    let mut paper = Paper { page: Page::new(width, options.color), lang: view.lang, width, verbose: options.verbose };
    paper.head(view);
    for incident in &view.incidents {
        paper.page.blank();
        paper.incident(incident);
    }
    paper.page.blank();
    paper.foot(view);
    let out = paper.page.finish();
    format!("{}\n", out.trim_end_matches('\n'))
}

struct Paper {
    page: Page,
    lang: Lang,
    width: usize,
    verbose: bool,
}

impl Paper {
    fn head(&mut self, view: &View) {
        let (mark, tone) = match view.worst {
            None if view.scope.len() < 2 => ("? ", Tone::Yellow),
            None => ("✔ ", Tone::Green),
            Some(_) => ("", Tone::Plain),
        };
        self.page.para(&[(tone, mark)], 0, &[(Tone::Bold, &view.headline)]);
        self.page.para(&[], 0, &[(Tone::Dim, &view.scope.join(" · "))]);
    }

    fn incident(&mut self, incident: &IncidentView) {
        let (mark, tone) = mark(incident.severity);
        let number = format!("{mark} {:<w$}", incident.number, w = BODY - 2);
        self.page.para(&[(tone, &number)], BODY, &[(Tone::Bold, &incident.title)]);
        let lead = " ".repeat(BODY);
        let sure = if incident.named { Tone::Bold } else { Tone::Yellow };
        let mut facts: Vec<Span> = vec![(sure, &incident.verdict), (tone, incident.severity_word)];
        if !incident.entity.is_empty() {
            facts.insert(0, (Tone::Cyan, &incident.entity));
        }
        if let Some(since) = &incident.since {
            facts.push((Tone::Dim, since));
        }
        self.page.para(&[(Tone::Plain, &lead)], BODY, &dotted(&facts));
        if let Some(affected) = &incident.affected {
            let label = format!("{lead}{} ", word(self.lang, "label.affected"));
            self.page.para(&[(Tone::Dim, &label)], BODY, &[(Tone::Plain, affected)]);
        }
        self.prose("label.means", incident.means.as_deref());
        if incident.named {
            self.why("label.why", incident);
            self.score(&incident.score);
            self.considered("label.considered", &incident.considered);
            self.follows("label.follows", incident);
        } else {
            self.follows("label.together", incident);
            self.why("label.evidence", incident);
            self.considered("label.candidates", &incident.considered);
            self.score(&incident.score);
        }
        self.next(incident);
        self.section("label.unseen", &incident.unseen);
    }

    fn heading(&mut self, key: &'static str) {
        self.page.blank();
        let lead = " ".repeat(BODY);
        self.page.para(&[(Tone::Plain, &lead)], BODY, &[(Tone::Bold, word(self.lang, key))]);
    }

    fn item(&mut self, text: &[Span]) {
        let lead = " ".repeat(ITEM);
        self.page.para(&[(Tone::Plain, &lead)], ITEM, text);
    }

    fn prose(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.heading(key);
            self.item(&[(Tone::Plain, text)]);
        }
    }

    fn section(&mut self, key: &'static str, items: &[String]) {
        if !items.is_empty() {
            self.heading(key);
            for item in items {
                self.item(&[(Tone::Plain, item)]);
            }
        }
    }

    fn why(&mut self, key: &'static str, incident: &IncidentView) {
        if incident.why.is_empty() {
            return;
        }
        self.heading(key);
        let column = incident.why.iter().map(|s| s.word.width()).max().unwrap_or(0) + 2;
        for seen in &incident.why {
            self.seen(seen, column);
        }
        if let Some(more) = &incident.more_why {
            self.item(&[(Tone::Dim, more)]);
        }
    }

    /// The sort of evidence in a column of its own, then what was seen; quoted words on their own line.
    fn seen(&mut self, seen: &Seen, column: usize) {
        let (lead, indent) = if self.width < NARROW {
            (format!("{}{} ", " ".repeat(ITEM), seen.word), ITEM + 2)
        } else {
            let gap = column.saturating_sub(seen.word.width());
            (format!("{}{}{}", " ".repeat(ITEM), seen.word, " ".repeat(gap)), ITEM + column)
        };
        let mut parts: Vec<Span> = vec![(Tone::Plain, &seen.text)];
        parts.extend(seen.details.iter().map(|d| (Tone::Plain, d.as_str())));
        parts.push((Tone::Cyan, &seen.object));
        parts.retain(|(_, t)| !t.is_empty());
        self.page.para(&[(Tone::Dim, &lead)], indent, &dotted(&parts));
        if !seen.quote.is_empty() {
            let most = if self.verbose { usize::MAX } else { QUOTE };
            let lead = " ".repeat(indent);
            let quote = quoted(self.lang, &plain::shorten_middle(&seen.quote, most));
            self.page.para(&[(Tone::Plain, &lead)], indent, &[(Tone::Plain, &quote)]);
        }
    }

    fn score(&mut self, lines: &[(String, String)]) {
        if lines.is_empty() {
            return;
        }
        self.heading("label.score");
        for (nats, note) in lines {
            let lead = format!("{}{nats:>6}  ", " ".repeat(ITEM));
            self.page.para(&[(Tone::Dim, &lead)], ITEM + 8, &[(Tone::Plain, note)]);
        }
    }

    fn considered(&mut self, key: &'static str, causes: &[Considered]) {
        if causes.is_empty() {
            return;
        }
        self.heading(key);
        for cause in causes {
            let lead = format!("{}{:>4}  ", " ".repeat(ITEM), cause.percent);
            let indent = ITEM + 6;
            let text = dotted(&[(Tone::Plain, &cause.title), (Tone::Cyan, &cause.entity)]);
            self.page.para(&[(Tone::Dim, &lead)], indent, &text);
            if !cause.reason.is_empty() {
                let lead = " ".repeat(indent);
                self.page.para(&[(Tone::Plain, &lead)], indent, &[(Tone::Dim, &cause.reason)]);
            }
        }
    }

    fn follows(&mut self, key: &'static str, incident: &IncidentView) {
        if incident.follows.is_empty() {
            return;
        }
        self.heading(key);
        for group in &incident.follows {
            self.group(group);
        }
        if let Some(more) = &incident.more_follows {
            self.item(&[(Tone::Dim, more)]);
        }
    }

    fn group(&mut self, group: &Group) {
        let count = format!("{}{:>3}×  ", " ".repeat(ITEM), plain::thousands(group.count));
        let indent = count.width();
        let mut facts: Vec<Span> =
            vec![(Tone::Plain, &group.title), (Tone::Cyan, &group.names), (Tone::Dim, &group.reason)];
        if group.count == 1 {
            self.page.para(&[(Tone::Dim, &count)], indent, &dotted(&facts));
            return;
        }
        let title = facts.remove(0);
        self.page.para(&[(Tone::Dim, &count)], indent, &[title]);
        let lead = " ".repeat(indent);
        self.page.para(&[(Tone::Plain, &lead)], indent, &dotted(&facts));
    }

    fn next(&mut self, incident: &IncidentView) {
        if incident.fix.is_none() && incident.commands.is_empty() {
            return;
        }
        self.heading("label.next");
        if let Some(fix) = &incident.fix {
            self.item(&[(Tone::Plain, fix)]);
        }
        let lead = " ".repeat(ITEM);
        for command in &incident.commands {
            self.page.verbatim(&[(Tone::Plain, &lead), (Tone::Dim, "$ ")], (Tone::Cyan, command));
        }
        if let Some(code) = &incident.code {
            self.page
                .verbatim(&[(Tone::Plain, &lead), (Tone::Dim, "$ ")], (Tone::Dim, &format!("rootline explain {code}")));
        }
    }

    fn foot(&mut self, view: &View) {
        let clean = if view.incidents.is_empty() { "label.looked" } else { "label.clean" };
        let clean_line: Vec<String> = [view.clean.join(" · ")].into_iter().filter(|l| !l.is_empty()).collect();
        let parts = [
            (clean, Tone::Dim, &clean_line),
            ("label.unseen", Tone::Yellow, &view.unseen),
            ("label.notes", Tone::Dim, &view.notes),
        ];
        let used = parts.iter().filter(|(_, _, lines)| !lines.is_empty());
        let column = used.clone().map(|(key, _, _)| word(self.lang, key).width()).max().unwrap_or(0) + 2;
        for (key, tone, lines) in used {
            let label = word(self.lang, key);
            for (i, line) in lines.iter().enumerate() {
                let (text, pad) = if i == 0 { (label, column - label.width()) } else { ("", column) };
                let (lead, indent) = if self.width < NARROW {
                    (if i == 0 { format!("{text}: ") } else { "  ".to_owned() }, 2)
                } else {
                    (format!("{text}{}", " ".repeat(pad)), column)
                };
                self.page.para(&[(*tone, &lead)], indent, &[(Tone::Dim, line)]);
            }
        }
    }
}

const fn mark(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Critical | Severity::Error => ("✖", Tone::Red),
        Severity::Warning => ("▲", Tone::Yellow),
    }
}

/// Facts with a quiet dot between them.
fn dotted<'a>(facts: &[Span<'a>]) -> Vec<Span<'a>> {
    let mut out: Vec<Span> = Vec::with_capacity(facts.len() * 2);
    for fact in facts.iter().filter(|(_, t)| !t.is_empty()) {
        if !out.is_empty() {
            out.push((Tone::Dim, " · "));
        }
        out.push(*fact);
    }
    out
}
