//! What terminals, browsers and ticket systems add to a text, taken off again.

use std::borrow::Cow;

/// Takes off colour codes, carriage returns, byte order marks, hard blanks, quote marks and a common indentation.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    // one pass over the bytes decides: nearly all texts are clean
    let odd = |b: &u8| matches!(b, 0x1b | b'\r' | 0x08 | 0xc2 | 0xe2 | 0xef);
    // by blocks without an early end, which the compiler turns into wide instructions
    if text.as_bytes().chunks(64).any(|block| block.iter().fold(false, |any, b| any | odd(b))) {
        out = Cow::Owned(plain(text));
    }
    if let Some(unquoted) = unquoted(&out) {
        out = Cow::Owned(unquoted);
    }
    if let Some(dedented) = dedented(&out) {
        out = Cow::Owned(dedented);
    }
    out
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        // printable ASCII is most of it and stays
        let same = rest.bytes().position(|b| !matches!(b, b' '..0x7f | b'\n' | b'\t')).unwrap_or(rest.len());
        let (unchanged, odd) = rest.split_at(same);
        out.push_str(unchanged);
        let mut chars = odd.chars();
        let Some(c) = chars.next() else { return out };
        rest = chars.as_str();
        match c {
            '\u{1b}' => rest = after_escape(rest),
            '\r' => {
                // a line end of old systems, or the carriage return before a line feed
                if !rest.is_empty() && !rest.starts_with('\n') {
                    out.push('\n');
                }
            }
            '\u{feff}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{8}' => {}
            '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{2002}' | '\u{2003}' => out.push(' '),
            other => out.push(other),
        }
    }
}

/// What follows a terminal's control sequence: `ESC [ … letter`, `ESC ] … BEL`, or two characters.
fn after_escape(text: &str) -> &str {
    let ends: fn(char) -> bool = match text.as_bytes().first() {
        Some(b'[') => |c| c.is_ascii_alphabetic() || c == '~' || c == '@',
        Some(b']') => |c| c == '\u{7}',
        Some(_) => |_| true,
        None => return text,
    };
    let from = usize::from(text.starts_with('['));
    let tail = text.get(from..).unwrap_or_default();
    match tail.find(|c| c == '\n' || ends(c)) {
        // a sequence that a line cuts off ends before the line does
        Some(at) if tail[at..].starts_with('\n') && !ends('\n') => &tail[at..],
        Some(at) => tail[at..].char_indices().nth(1).map_or("", |(next, _)| &tail[at + next..]),
        None => "",
    }
}

/// `> ` before nearly every line is a mail's or a ticket's quote mark.
fn unquoted(text: &str) -> Option<String> {
    let first = text.lines().find(|l| !l.trim().is_empty())?;
    if !first.trim_start().starts_with('>') {
        return None;
    }
    let lines = text.lines().filter(|l| !l.trim().is_empty());
    let (mut quoted, mut all) = (0usize, 0usize);
    for line in lines {
        all += 1;
        quoted += usize::from(line.trim_start().starts_with('>'));
    }
    if quoted * 10 < all * 8 {
        return None;
    }
    let strip = |line: &str| {
        let inner = line.trim_start();
        let inner = inner.strip_prefix("> ").or_else(|| inner.strip_prefix('>')).unwrap_or(line);
        inner.to_owned() + "\n"
    };
    Some(text.lines().map(strip).collect())
}

/// Takes off what all lines are indented by.
fn dedented(text: &str) -> Option<String> {
    let blank = |l: &&str| !l.trim().is_empty();
    let indent = |l: &str| l.len() - l.trim_start_matches([' ', '\t']).len();
    let first = text.lines().find(blank)?;
    if indent(first) == 0 {
        return None;
    }
    let common = text.lines().filter(blank).map(indent).min().unwrap_or(0);
    (common > 0).then(|| text.lines().map(|l| l.get(common..).unwrap_or("").to_owned() + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_terminals_and_tickets_are_taken_off() {
        for (text, want) in [
            ("\u{1b}[31mNAME\u{1b}[0m  READY\r\n", "NAME  READY\n"),
            ("> NAME  READY\n>\n> cart  1/1\n", "NAME  READY\n\ncart  1/1\n"),
            ("    NAME\n      x\n", "NAME\n  x\n"),
            ("\u{feff}NAME\u{a0}\u{a0}READY", "NAME  READY"),
            ("NAME\ncart\n", "NAME\ncart\n"),
            ("\u{1b}[", ""),
            ("\u{1b}", ""),
        ] {
            assert_eq!(clean(text), want, "{text:?}");
        }
    }
}
