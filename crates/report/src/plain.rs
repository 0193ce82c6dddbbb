//! Foreign text made harmless: log lines and messages may hold terminal codes, line breaks and direction marks.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line without control characters, escape sequences and marks that turn the reading direction: what a cluster says
/// must not be able to repaint the reader's terminal.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                // A control sequence ends with its first letter or sign from `@` to `~`.
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            c if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if c.is_control() || turns(c) => {}
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Marks that reorder or hide text around them.
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// At most `columns` wide, the cut marked by `…`.
pub fn shorten(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// At most `columns` wide with the middle left out: an error message ends with what matters.
pub fn shorten_middle(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let tail_columns = columns / 2;
    let mut used = 0;
    let tail_start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| {
            used += c.width().unwrap_or(0);
            used <= tail_columns
        })
        .last()
        .map_or(text.len(), |(i, _)| i);
    format!("{} {}", shorten(text, columns.saturating_sub(tail_columns + 1)), text[tail_start..].trim_start())
}

/// `1,204`
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A probability as a person reads it: `94%`; never a false 0 or 100.
pub fn percent(probability: f64) -> String {
    let hundred = probability * 100.0;
    if hundred >= 99.5 {
        ">99%".to_owned()
    } else if hundred < 0.5 {
        "<1%".to_owned()
    } else {
        format!("{hundred:.0}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_repaint_a_terminal() {
        for (text, expect) in [
            ("\u{1b}[31mERROR\u{1b}[0m boom", "ERROR boom"),
            ("a\r\n\tb  c ", "a b c"),
            ("x\u{1b}]0;title\u{7}y", "x]0;titley"),
            ("abc\u{202e}def", "abcdef"),
            ("\u{1b}[", ""),
            ("端口被占用\n", "端口被占用"),
        ] {
            assert_eq!(line(text), expect, "{text:?}");
        }
    }

    #[test]
    fn cuts_count_columns_not_bytes() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("端口被占用", 6), "端口…");
        assert_eq!(shorten("abc", 0), "…");
        assert_eq!(shorten_middle("dial tcp 10.0.0.1:5432: connection refused", 24), "dial tcp 1… tion refused");
        assert_eq!(shorten_middle("端口被占用端口被占用", 10), "端… 占用");
        assert_eq!(shorten_middle("abc", 0), "… ");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1204), "1,204");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(percent(0.999), ">99%");
        assert_eq!(percent(0.942), "94%");
        assert_eq!(percent(0.001), "<1%");
    }
}
