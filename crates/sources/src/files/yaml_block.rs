//! The YAML that programs print, read in one pass over its lines: block maps and lists, plain, quoted and literal scalars.
//!
//! Kubernetes tools write hardly anything else, and a general parser takes eight times the instructions. Whatever is
//! outside this form (anchors, tags, flow collections, folded scalars, comments behind quoted values, tabs, complex keys) or
//! doubtful in it is left to the general parser: `None`, never a guess. Debug builds read every document both ways and compare.

use std::fmt::Write;

/// Deeper documents are the general parser's to refuse.
const MAX_DEPTH: usize = 60;
/// Maps with more keys are left to the general parser: duplicates are looked for by comparing all.
const MAX_KEYS: usize = 200;
/// YAML's own limit for a key that is not marked as one.
const MAX_KEY: usize = 1000;

/// JSON text of a document, if it is of the plain block form. `scalar` resolves a scalar whose type is not obvious.
pub(super) fn to_json(text: &str, scalar: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    if !printable(text) {
        return None;
    }
    let lines = text.split_inclusive('\n').map(Line::new).collect();
    let mut reader = Reader { lines, at: 0, out: String::with_capacity(text.len()), scalar, depth: 0 };
    let first = reader.line()?;
    reader.block(first.indent)?;
    reader.line().is_none().then_some(reader.out)
}

/// No characters that YAML forbids or takes for line breaks; `\r` and tabs are left to the general parser too.
fn printable(text: &str) -> bool {
    let plain = |b: &u8| (b' '..0x7f).contains(b) || *b == b'\n';
    if text.as_bytes().chunks(64).all(|c| c.iter().fold(true, |all, b| all & plain(b))) {
        return true;
    }
    let odd = |c: char| match c {
        '\n' => false,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    };
    !text.chars().any(odd)
}

/// One line: what is left of it when the reader has gone into it.
#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    /// Without blanks on both sides.
    text: &'t str,
    /// As it was, with its line break.
    raw: &'t str,
}

impl<'t> Line<'t> {
    fn new(raw: &'t str) -> Self {
        let text = raw.trim_start_matches(' ');
        Line { indent: raw.len() - text.len(), text: text.trim_end_matches(['\n', ' ']), raw }
    }

    fn is_item(&self) -> bool {
        self.text == "-" || self.text.starts_with("- ")
    }
}

struct Reader<'t, 's> {
    lines: Vec<Line<'t>>,
    at: usize,
    out: String,
    scalar: &'s dyn Fn(&str) -> Option<String>,
    depth: usize,
}

impl<'t> Reader<'t, '_> {
    /// The next line that is neither blank nor a comment.
    fn line(&mut self) -> Option<Line<'t>> {
        while let Some(line) = self.lines.get(self.at) {
            if !line.text.is_empty() && !line.text.starts_with('#') {
                return Some(*line);
            }
            self.at += 1;
        }
        None
    }

    /// What is left of the line after its first `by` bytes stands in its place.
    fn go_into(&mut self, line: Line<'t>, by: usize) -> Option<()> {
        let rest = line.text.get(by..)?;
        let text = rest.trim_start_matches(' ');
        *self.lines.get_mut(self.at)? =
            Line { indent: line.indent + by + (rest.len() - text.len()), text, raw: line.raw };
        Some(())
    }

    fn block(&mut self, indent: usize) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let line = self.line()?;
        if line.is_item() {
            self.list(indent)?
        } else {
            self.map(indent)?
        }
        self.depth -= 1;
        // a line that is deeper than this block and belongs to none of its values
        self.line().is_none_or(|next| next.indent <= indent).then_some(())
    }

    fn list(&mut self, indent: usize) -> Option<()> {
        self.out.push('[');
        let mut first = true;
        while let Some(line) = self.line().filter(|l| l.indent == indent && l.is_item()) {
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            if line.text == "-" {
                self.at += 1;
                match self.line().filter(|next| next.indent > indent) {
                    Some(next) => self.block(next.indent)?,
                    None => self.out.push_str("null"),
                }
                continue;
            }
            self.go_into(line, 1)?;
            let item = self.line().filter(|l| l.indent > indent)?;
            if item.is_item() || key(item.text).is_some() {
                self.block(item.indent)?;
            } else {
                self.value(item.text, indent)?;
            }
        }
        self.out.push(']');
        Some(())
    }

    fn map(&mut self, indent: usize) -> Option<()> {
        self.out.push('{');
        let mut keys: Vec<&'t str> = Vec::new();
        while let Some(line) = self.line().filter(|l| l.indent == indent && !l.is_item()) {
            let (name, value) = key(line.text)?;
            if keys.len() >= MAX_KEYS || keys.contains(&name) {
                return None;
            }
            if !keys.is_empty() {
                self.out.push(',');
            }
            keys.push(name);
            self.push_text(name);
            self.out.push(':');
            if !value.is_empty() && !value.starts_with('#') {
                self.value(value, indent)?;
                continue;
            }
            self.at += 1;
            match self.line() {
                Some(next) if next.indent > indent || (next.indent == indent && next.is_item()) => {
                    self.block(next.indent)?;
                }
                _ => self.out.push_str("null"),
            }
        }
        self.out.push('}');
        Some(())
    }

    /// A value that begins on this line, inside a block of this indent.
    fn value(&mut self, text: &'t str, indent: usize) -> Option<()> {
        self.at += 1;
        let comment = if text.starts_with(['"', '\'']) { None } else { text.find(" #") };
        let Some(at) = comment else { return self.value_alone(text, indent) };
        let text = text.get(..at)?.trim_end_matches(' ');
        if !text.starts_with('|') {
            // nothing goes on after a comment
            self.ends_here(indent)?;
        }
        self.value_alone(text, indent)
    }

    fn value_alone(&mut self, text: &'t str, indent: usize) -> Option<()> {
        match text {
            "[]" | "{}" => {
                self.out.push_str(text);
                self.ends_here(indent)
            }
            "|" | "|-" | "|+" => self.literal(text.get(1..).unwrap_or_default(), indent),
            _ if text.starts_with('"') => {
                self.double_quoted(text)?;
                self.ends_here(indent)
            }
            _ if text.starts_with('\'') => self.single_quoted(text, indent),
            _ => self.plain(text, indent),
        }
    }

    /// No deeper line follows: it would go on with a value that is complete.
    fn ends_here(&mut self, indent: usize) -> Option<()> {
        self.line().is_none_or(|next| next.indent <= indent).then_some(())
    }

    /// Of one line, with escapes that JSON has too: it is JSON then.
    fn double_quoted(&mut self, text: &str) -> Option<()> {
        let inner = text.get(1..)?.strip_suffix('"')?;
        let mut bytes = inner.bytes();
        while let Some(b) = bytes.next() {
            match b {
                b'"' => return None,
                b'\\' if !bytes.next().is_some_and(|e| br#"\"nrt"#.contains(&e)) => return None,
                _ => {}
            }
        }
        self.out.push_str(text);
        Some(())
    }

    /// Lines are joined by a blank, as YAML folds them; an empty line among them is left to the general parser.
    fn single_quoted(&mut self, text: &str, indent: usize) -> Option<()> {
        let mut whole = String::new();
        let mut part = text.get(1..)?;
        loop {
            // a closing quote is one that is not doubled
            let mut end = None;
            let mut from = 0;
            while let Some(found) = part.get(from..)?.find('\'') {
                let at = from + found;
                if part.get(at + 1..)?.starts_with('\'') {
                    from = at + 2;
                } else {
                    end = Some(at);
                    break;
                }
            }
            if let Some(end) = end {
                if end + 1 != part.len() {
                    return None;
                }
                whole.push_str(part.get(..end)?);
                break;
            }
            whole.push_str(part);
            whole.push(' ');
            let next = self.lines.get(self.at).filter(|l| l.indent > indent && !l.text.is_empty())?;
            self.at += 1;
            part = next.text;
        }
        self.push_text(&whole.replace("''", "'"));
        self.ends_here(indent)
    }

    fn plain(&mut self, text: &'t str, indent: usize) -> Option<()> {
        if text.starts_with(|c: char| "&*!|>%@`,#?:[]{}\"'".contains(c)) || text == "-" || text.starts_with("- ") {
            return None;
        }
        if !stays_plain(text) {
            return None;
        }
        let goes_on = |line: &Line<'_>| line.text.is_empty() || line.indent > indent;
        if !self.lines.get(self.at).is_some_and(goes_on) {
            return self.resolved(text);
        }
        let mut whole = text.to_owned();
        while let Some(next) = self.lines.get(self.at).filter(|l| l.indent > indent && !l.text.is_empty()) {
            if !stays_plain(next.text) || next.text.starts_with('#') {
                return None;
            }
            whole.push(' ');
            whole.push_str(next.text);
            self.at += 1;
        }
        self.resolved(&whole)?;
        // after an empty line the scalar may go on; then it is the general parser's
        self.ends_here(indent)
    }

    /// A plain scalar as a text, a number, a truth value or nothing.
    fn resolved(&mut self, text: &str) -> Option<()> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole_number = digits.len() < 18 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if (whole_number && !digits.starts_with('0')) || text == "0" || matches!(text, "true" | "false" | "null") {
            self.out.push_str(text);
        } else if is_surely_text(text) {
            self.push_text(text);
        } else if text.starts_with("---") || text.starts_with("...") {
            return None; // alone they would be marks of documents
        } else {
            self.out.push_str(&(self.scalar)(text)?);
        }
        Some(())
    }

    /// The lines below, as they are. `keep` is what is done with the line breaks at its end.
    fn literal(&mut self, keep: &str, indent: usize) -> Option<()> {
        let first = self.lines.get(self.at..)?.iter().find(|l| !l.text.is_empty())?;
        let margin = first.indent;
        if margin <= indent {
            return None;
        }
        let mut whole = String::new();
        while let Some(line) = self.lines.get(self.at) {
            let blank = line.text.is_empty();
            if !blank && line.indent <= indent {
                break;
            }
            // blanks on an empty line would belong to the text
            let deeper = line.raw.trim_end_matches('\n').len() > margin;
            if (blank && deeper) || (!blank && line.indent < margin) || !line.raw.ends_with('\n') {
                return None;
            }
            whole.push_str(if blank { "\n" } else { line.raw.get(margin..)? });
            self.at += 1;
        }
        let body = whole.trim_end_matches('\n').len();
        match keep {
            "-" => whole.truncate(body),
            "+" => {}
            _ => whole.truncate(body + 1),
        }
        self.push_text(&whole);
        Some(())
    }

    fn push_text(&mut self, text: &str) {
        push_json_text(&mut self.out, text);
    }
}

/// A text as a JSON string.
pub(super) fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, b) in text.bytes().enumerate() {
        if b >= b' ' && b != b'"' && b != b'\\' {
            continue;
        }
        out.push_str(text.get(from..at).unwrap_or_default());
        from = at + 1;
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            other => {
                // writing to a String cannot fail
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out.push('"');
}

/// `key: value` or `key:`, if the line is one and its key is a plain word or a simple quoted one.
fn key(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = match text.as_bytes().first()? {
        b'"' => text.get(1..)?.split_once('"').filter(|(name, _)| !name.contains('\\'))?,
        b'\'' => text.get(1..)?.split_once('\'')?,
        b if b.is_ascii_alphanumeric() || b"/_.".contains(b) => {
            let end = key_end(text)?;
            let name = text.get(..end)?.trim_end_matches(' ');
            if name.eq_ignore_ascii_case("null") || name.starts_with("...") || name.contains(" #") {
                return None;
            }
            (name, text.get(end..)?)
        }
        _ => return None,
    };
    let value = rest.strip_prefix(':')?;
    (name.len() <= MAX_KEY && (value.is_empty() || value.starts_with(' ')))
        .then(|| (name, value.trim_start_matches(' ')))
}

/// The colon that ends a plain key: the first that a blank or the end of the line follows.
fn key_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b':', bytes).find(|at| matches!(bytes.get(at + 1), None | Some(b' ')))
}

/// Neither a key nor a comment begins in it.
fn stays_plain(text: &str) -> bool {
    key_end(text).is_none() && !text.contains(" #")
}

/// A text for every resolver: no number, truth value or nothing begins like it.
fn is_surely_text(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    if first.is_ascii_digit() {
        // no form of a number has these letters or two points
        let foreign = |b: u8| b.is_ascii_alphabetic() && !b"xXoObBeEaAcCdDfFiInN".contains(&b);
        return text.bytes().any(|b| foreign(b) || b == b'/') || text.matches('.').nth(1).is_some();
    }
    if let Some(option) = text.strip_prefix('-') {
        // an option of a command; `-.5`, `-inf` and `---` are not told apart here
        let option = option.strip_prefix('-').unwrap_or(option);
        return option.starts_with(|c: char| c.is_ascii_alphabetic() && !"iInN".contains(c));
    }
    let starts = first.is_ascii_alphabetic() || "/_($<^;\\".contains(first) || !first.is_ascii();
    let word = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];
    starts && !(text.len() <= 8 && word.iter().any(|w| text.eq_ignore_ascii_case(w)))
}
