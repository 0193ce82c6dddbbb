//! The indented text of `describe` as a tree: an entry, and the deeper lines under it.

use rootline_objects::{LabelSelector, Labels, Requirement};

/// One line, with its indentation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub indent: usize,
    /// Without white space at its ends.
    pub text: &'a str,
    /// As it stood: tables are cut by column.
    pub raw: &'a str,
}

/// `Key:  value` with what stands under it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'t, 'a> {
    pub key: &'a str,
    pub value: &'a str,
    pub line: Line<'a>,
    pub body: &'t [Line<'a>],
}

/// How far a termination message may reach; the kubelet cuts it at 4096 bytes.
const MESSAGE_LINES: usize = 300;

/// Cuts a text into its lines; blank ones are left out.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut out: Vec<Line<'_>> = Vec::with_capacity(text.len() / 40 + 1);
    for raw in text.split('\n') {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let trimmed = raw.trim_ascii_start();
        let text_part = trimmed.trim_ascii_end();
        if !text_part.is_empty() {
            out.push(Line { indent: raw.len() - trimmed.len(), text: text_part, raw });
        }
    }
    fold_messages(text, out)
}

/// A container's last words may hold line breaks, and their later lines begin at the left edge. They are folded into the
/// line that says `Message:`, up to the `Exit Code:` that always follows.
fn fold_messages<'a>(text: &'a str, lines: Vec<Line<'a>>) -> Vec<Line<'a>> {
    let begins = |l: &Line<'_>| l.indent > 0 && l.text.starts_with("Message:");
    if !lines.iter().any(begins) {
        return lines;
    }
    let mut out = Vec::with_capacity(lines.len());
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        at += 1;
        if begins(&line) {
            let window = &lines[at..(at + MESSAGE_LINES).min(lines.len())];
            let end = window.iter().position(|l| l.indent == line.indent && l.text.starts_with("Exit Code:"));
            if let Some(count) = end.filter(|&n| n > 0) {
                let last = window[count - 1].text;
                let from = line.text.as_ptr() as usize - text.as_ptr() as usize;
                let to = last.as_ptr() as usize - text.as_ptr() as usize + last.len();
                if let Some(whole) = text.get(from..to) {
                    out.push(Line { text: whole, ..line });
                    at += count;
                    continue;
                }
            }
        }
        out.push(line);
    }
    out
}

/// The entries of the first line's level, in order.
pub(super) fn entries<'t, 'a>(lines: &'t [Line<'a>]) -> impl Iterator<Item = Entry<'t, 'a>> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let (line, after) = rest.split_first()?;
        let depth = after.iter().position(|l| l.indent <= line.indent).unwrap_or(after.len());
        let (body, next) = after.split_at(depth);
        rest = next;
        let (key, value) = key_value(line.text);
        Some(Entry { key, value, line: *line, body })
    })
}

/// Cuts at the first colon that a blank or the end follows. A line without one is all key.
pub(super) fn key_value(text: &str) -> (&str, &str) {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b':', &text.as_bytes()[from..]) {
        let at = from + found;
        let after = &text[at + 1..];
        if after.is_empty() || after.starts_with([' ', '\t']) {
            return (text[..at].trim_ascii_end(), after.trim_ascii());
        }
        from = at + 1;
    }
    (text, "")
}

/// `<none>`, `<unset>`, `<nil>` and their like are nothing.
pub(super) fn given(text: &str) -> &str {
    match text {
        "<none>" | "<unset>" | "<unknown>" | "<nil>" | "<default>" | "<no value>" => "",
        other => other,
    }
}

impl<'t, 'a> Entry<'t, 'a> {
    /// The value and the lines that continue it; none for `<none>`.
    pub fn values(&self) -> impl Iterator<Item = &'a str> + use<'t, 'a> {
        std::iter::once(given(self.value)).chain(self.body.iter().map(|l| l.text)).filter(|v| !v.is_empty())
    }

    /// The value as text, `""` for `<none>`.
    pub fn text(&self) -> String {
        given(self.value).to_owned()
    }

    /// The value with the lines that continue it.
    pub fn long_text(&self) -> String {
        let mut out = given(self.value).to_owned();
        for line in self.body {
            out.push('\n');
            out.push_str(line.text);
        }
        out
    }

    pub fn number(&self) -> Option<i64> {
        let digits = self.value.split_ascii_whitespace().next()?;
        digits.strip_suffix(['s', '%']).unwrap_or(digits).parse().ok()
    }

    /// `a=1` per line.
    pub fn labels(&self) -> Labels {
        self.values().filter_map(|v| v.split_once('=')).collect()
    }

    pub fn children(&self) -> impl Iterator<Item = Entry<'t, 'a>> + use<'t, 'a> {
        entries(self.body)
    }
}

/// `a=1,b=2` as `get` prints labels.
pub(super) fn label_line(text: &str) -> Labels {
    given(text).split(',').filter_map(|pair| pair.trim().split_once('=')).collect()
}

/// A selector as apimachinery prints it: `app=cart,tier in (a,b),zone notin (c),!old,new,n>3`.
pub(super) fn selector(text: &str) -> LabelSelector {
    let mut out = LabelSelector::default();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for part in outer_commas(given(text)) {
        let part = part.trim();
        if let Some((key, operator, values)) = set_based(part) {
            let values = values.trim_matches(['(', ')']).split(',').map(|v| v.trim().to_owned()).collect();
            out.match_expressions.push(Requirement { key: key.to_owned(), operator: operator.to_owned(), values });
        } else if let Some((key, value)) = part.split_once("!=") {
            out.match_expressions.push(requirement(key, "NotIn", Some(value)));
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            pairs.push((key.trim(), value.trim()));
        } else if let Some(key) = part.strip_prefix('!') {
            out.match_expressions.push(requirement(key, "DoesNotExist", None));
        } else if !part.is_empty() && !part.contains(' ') {
            out.match_expressions.push(requirement(part, "Exists", None));
        }
    }
    out.match_labels = pairs.into_iter().collect();
    out
}

fn requirement(key: &str, operator: &str, value: Option<&str>) -> Requirement {
    Requirement {
        key: key.trim().to_owned(),
        operator: operator.to_owned(),
        values: value.into_iter().map(|v| v.trim().to_owned()).collect(),
    }
}

fn set_based(part: &str) -> Option<(&str, &'static str, &str)> {
    if let Some((key, values)) = part.split_once(" in ") {
        return Some((key, "In", values));
    }
    part.split_once(" notin ").map(|(key, values)| (key, "NotIn", values))
}

/// Splits at commas that no parenthesis encloses.
fn outer_commas(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0usize;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_hold_their_deeper_lines() {
        let text = "Name:   cart\nLabels: app=cart\n        tier=web\nPorts:\n  http: 80\n";
        let lines = lines(text);
        let seen: Vec<(&str, &str, usize)> = entries(&lines).map(|e| (e.key, e.value, e.body.len())).collect();
        assert_eq!(seen, [("Name", "cart", 0), ("Labels", "app=cart", 1), ("Ports", "", 1)]);
        assert!(entries(&lines).any(|e| e.labels().get("tier") == Some("web")));
    }

    #[test]
    fn last_words_with_line_breaks_stay_one_message() {
        let text = "  app:\n    Last State:  Terminated\n      Message:   panic: nil map\n\ngoroutine 1 [running]:\nmain.main()\n      Exit Code: 2\n    Ready: False\n";
        let lines = lines(text);
        let app = entries(&lines).next().expect("one container");
        let state = app.children().next().expect("a state");
        let message = state.children().find(|e| e.key == "Message").map(|e| e.value);
        assert_eq!(message, Some("panic: nil map\n\ngoroutine 1 [running]:\nmain.main()"));
        assert!(state.children().any(|e| e.key == "Exit Code" && e.value == "2"));
    }

    #[test]
    fn selectors_of_both_kinds_are_read() {
        let s = selector("app=cart,tier in (a,b),!old,zone notin (c),fast");
        assert_eq!(s.match_labels.to_line(), "app=cart");
        let shown: Vec<String> =
            s.match_expressions.iter().map(|r| format!("{} {} {:?}", r.key, r.operator, r.values)).collect();
        assert_eq!(shown, ["tier In [\"a\", \"b\"]", "old DoesNotExist []", "zone NotIn [\"c\"]", "fast Exists []"]);
        assert!(selector("<none>").is_empty());
    }
}
