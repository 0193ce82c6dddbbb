//! Lines that fit: styled text wrapped by columns, in scripts with and without spaces.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a piece of text looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
    Cyan,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Red => "1;31",
            Tone::Yellow => "1;33",
            Tone::Green => "1;32",
            Tone::Cyan => "36",
        }
    }
}

pub type Span<'a> = (Tone, &'a str);

/// A page being written.
pub struct Page {
    width: usize,
    color: bool,
    out: String,
}

impl Page {
    pub fn new(width: usize, color: bool) -> Self {
        Page { width, color, out: String::new() }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A paragraph: `lead` in front of the first line, the following lines indented by `indent` columns.
    pub fn para(&mut self, lead: &[Span], indent: usize, text: &[Span]) {
        let lead_width: usize = lead.iter().map(|(_, t)| t.width()).sum();
        let chars: Vec<(char, Tone)> = text.iter().flat_map(|(tone, t)| t.chars().map(|c| (c, *tone))).collect();
        let room = |used: usize| self.width.saturating_sub(used).max(8);
        let lines = wrap(&chars, room(lead_width), room(indent));
        for (i, line) in lines.iter().enumerate() {
            if i == 0 {
                for (tone, text) in lead {
                    self.push(*tone, text);
                }
            } else {
                self.out.push_str(&" ".repeat(indent));
            }
            self.line(line);
        }
    }

    /// A line that must be copied as it is: never wrapped.
    pub fn verbatim(&mut self, lead: &[Span], text: Span) {
        for (tone, text) in lead.iter().chain([&text]) {
            self.push(*tone, text);
        }
        self.out.push('\n');
    }

    fn line(&mut self, chars: &[(char, Tone)]) {
        let chars = &chars[..chars.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1)];
        for run in chars.chunk_by(|a, b| a.1 == b.1) {
            let text: String = run.iter().map(|(c, _)| c).collect();
            let tone = run.first().map_or(Tone::Plain, |(_, tone)| *tone);
            self.push(tone, &text);
        }
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    fn push(&mut self, tone: Tone, text: &str) {
        let code = tone.code();
        if self.color && !code.is_empty() && !text.trim().is_empty() {
            let _ = write!(self.out, "\u{1b}[{code}m{text}\u{1b}[0m");
        } else {
            self.out.push_str(text);
        }
    }
}

/// Breaks text into lines of at most `first` and then `other` columns: at spaces, between wide characters, and inside a
/// word only where the word alone is longer than a line.
fn wrap(chars: &[(char, Tone)], first: usize, other: usize) -> Vec<&[(char, Tone)]> {
    let mut lines = Vec::new();
    let mut rest = trimmed(chars);
    loop {
        let room = if lines.is_empty() { first } else { other };
        let fitting = fits(rest, room);
        if fitting == rest.len() {
            lines.push(rest);
            return lines;
        }
        let cut = (1..=fitting).rev().find(|i| may_break(rest, *i)).filter(|i| !wastes(rest, *i, room));
        let cut = cut.or_else(|| (room / 2..=fitting).rev().find(|i| may_break_word(rest, *i)));
        let (line, after) = rest.split_at(cut.unwrap_or(fitting).max(1));
        lines.push(line);
        rest = trimmed(after);
        if rest.is_empty() {
            return lines;
        }
    }
}

/// How many characters fit into so many columns.
fn fits(chars: &[(char, Tone)], room: usize) -> usize {
    let mut used = 0;
    chars
        .iter()
        .take_while(|(c, _)| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .count()
}

fn trimmed(chars: &[(char, Tone)]) -> &[(char, Tone)] {
    let start = chars.iter().take_while(|(c, _)| *c == ' ').count();
    &chars[start..]
}

/// True if breaking at `i` leaves most of the line empty because a word longer than a line follows.
fn wastes(chars: &[(char, Tone)], i: usize, room: usize) -> bool {
    let used: usize = chars[..i].iter().map(|(c, _)| c.width().unwrap_or(0)).sum();
    let word = chars[i..].iter().skip_while(|(c, _)| *c == ' ').take_while(|(c, _)| *c != ' ').take(room + 1);
    used * 3 < room && word.map(|(c, _)| c.width().unwrap_or(0)).sum::<usize>() > room
}

fn wide(c: char) -> bool {
    c.width() == Some(2)
}

/// True if a line may end before character `i`.
fn may_break(chars: &[(char, Tone)], i: usize) -> bool {
    let (Some((before, _)), Some((after, _))) = (i.checked_sub(1).and_then(|j| chars.get(j)), chars.get(i)) else {
        return false;
    };
    // A lone dot between two facts stays with the fact before it.
    let next = chars.get(i + 1).map(|(c, _)| *c);
    if *after == ' ' {
        return next != Some('·') && !parts_unit(chars, i);
    }
    if *before == ' ' {
        return *after != '·' && !parts_unit(chars, i - 1);
    }
    (wide(*before) || wide(*after))
        && !"，。、；：！？）》」』”’·,.;:!?)]}…%-/_".contains(*after)
        && !"（《「『“‘([{".contains(*before)
}

/// True for the space inside `3 s`, `5 min` or `3 秒`: a number keeps its unit.
fn parts_unit(chars: &[(char, Tone)], space: usize) -> bool {
    const UNIT: usize = 3;
    let number = space.checked_sub(1).is_some_and(|j| chars[j].0.is_ascii_digit());
    let word: Vec<char> = chars[space + 1..].iter().map(|(c, _)| *c).take_while(|c| *c != ' ').take(UNIT + 1).collect();
    let unit = word.first().is_some_and(|c| wide(*c))
        || (!word.is_empty() && word.len() <= UNIT && word.iter().all(char::is_ascii_lowercase));
    number && unit
}

/// True if a long name may be cut before character `i`.
fn may_break_word(chars: &[(char, Tone)], i: usize) -> bool {
    i.checked_sub(1).and_then(|j| chars.get(j)).is_some_and(|(c, _)| "/-,=.:_;&?|".contains(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, width: usize, expect: &[&str]) {
        let mut page = Page::new(width, false);
        page.para(&[], 0, &[(Tone::Plain, text)]);
        let out = page.finish();
        assert_eq!(out.lines().collect::<Vec<_>>(), expect, "{text:?} at {width}");
    }

    #[test]
    fn lines_end_where_a_reader_expects() {
        check("the quick brown fox", 10, &["the quick", "brown fox"]);
        check("容器反复重启，退出码 137", 10, &["容器反复重", "启，退出码", "137"]);
        check("容器反复重启，端口", 12, &["容器反复重", "启，端口"]);
        check("pod/shop/cart-7f9c5d8b4-x2x4q", 16, &["pod/shop/cart-", "7f9c5d8b4-x2x4q"]);
        check("aaaaaaaaaaaaaaaaaaaa", 8, &["aaaaaaaa", "aaaaaaaa", "aaaa"]);
        check("", 10, &[""]);
        check("since noon, 3 s ago", 13, &["since noon,", "3 s ago"]);
        check("退出码 12 秒前", 10, &["退出码", "12 秒前"]);
        check("one · two three", 9, &["one · two", "three"]);
        check("one three · two", 9, &["one", "three ·", "two"]);
    }

    #[test]
    fn no_line_is_wider_than_told_and_no_letter_is_lost() {
        let text = "secret “cart-db” 不存在 (named by deployment/shop/cart) 。 aVeryLongWordWithoutAnyPlaceToBreakItAtAll ½ 👩‍👩‍👧 e\u{301}";
        for width in 8..60 {
            let mut page = Page::new(width, false);
            page.para(&[], 0, &[(Tone::Plain, text)]);
            let out = page.finish();
            assert!(out.lines().all(|line| line.width() <= width), "{width}: {out}");
            let letters = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&out), letters(text));
        }
    }

    #[test]
    fn colour_is_only_written_when_told() {
        let written = |color| {
            let mut page = Page::new(20, color);
            page.para(&[(Tone::Red, "✖ ")], 2, &[(Tone::Bold, "a"), (Tone::Plain, " b")]);
            page.finish()
        };
        assert_eq!(written(false), "✖ a b\n");
        assert_eq!(written(true), "\u{1b}[1;31m✖ \u{1b}[0m\u{1b}[1ma\u{1b}[0m b\n");
    }
}
