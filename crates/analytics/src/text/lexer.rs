//! The typed byte lexer of log lines: what of a line is surely a value, what may be one, what is wording.
//!
//! One pass over the bytes, no allocation, no regular expressions. A line is words and the gaps between them; a word is
//! wording (hashed as it stands) or an *element* of a run of values. Rules, each for a shape that log lines have in general:
//!
//! | shape | rule |
//! |---|---|
//! | number, version, IPv4, `host:port`, size, duration | a word with a digit is an element |
//! | identifier with a digit (`ssh2`, `Slf4j`) | *soft*: an element that counts as wording while only one value was seen |
//! | `/path`, `a/b/c`, `\reg\key`, `C:\x`, URL | element; one slash without a digit (`and/or`) is wording |
//! | MAC and IPv6 addresses | hexadecimal groups with three or more colons |
//! | user@host | element |
//! | `true`, `false`, `null` | element |
//! | the name in `for user NAME`, `user=NAME` | element |
//! | unit, time zone, `AM` after a number; month, weekday beside one | part of the run |
//! | values with only blanks and light punctuation between | one run, whatever their number |

use super::lexer_bytes::{ODD, eight, encode, first, run};
use super::lexer_words::{
    BACK, CLASS, Calendar, DIGIT, Hints, JOIN, LOWER, MAX_VALUE, OTHER, SLASH, SPACE, UPPER, USERS, WORD, addressed,
    calendar, examine, introduces, light, literal, numeral, source_file, superuser, technical, telling, unit,
};

/// What kind of value an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number or dotted numbers: its inner shape never matters.
    Number,
    /// A value that stands as a whole: path, URL, address, account name.
    Whole,
    /// Words and numbers joined: `core.17`, `node-3`.
    Mixed,
    /// As `Mixed`, but wording unless seen to vary.
    Soft,
    /// The value of `key=value`: as `Soft`, without pieces.
    Value,
    /// A unit, zone, month or weekday beside a number.
    Unit,
}

/// An element, classified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub kind: Kind,
    /// For the joined kinds a hash of the joints and of the pieces without digits.
    pub shape: u64,
    /// It begins a run.
    pub first: bool,
}

/// Receives a line's parts in order. `gap` is what stands between the previous part and this one.
pub(super) trait Sink {
    /// Wording; `head` are its first eight bytes, the first lowest, zeros after its end.
    fn word(&mut self, gap: &[u8], word: &[u8], head: u64);
    /// An element of a run of values.
    fn element(&mut self, gap: &[u8], element: &[u8], value: Value);
    /// The digits from `start` to `end` matter, not only that they are digits.
    fn exact(&mut self, _start: usize, _end: usize) {}
    /// What stands after the last part; `cut` where the line was longer than is read.
    fn end(&mut self, gap: &[u8], cut: bool);
}

/// Most elements and words of a line that are read; the rest is one value.
pub(super) const MAX_PARTS: usize = 200;
/// Most bytes of a line that are read; the rest is one value.
pub(super) const MAX_BYTES: usize = 4096;

struct Scan<'a, S> {
    line: &'a [u8],
    codes: &'a [u8],
    sink: &'a mut S,
    /// Beginning and end of the last part.
    from: usize,
    last: usize,
    /// The last part was an element.
    open: bool,
    /// A bracket was opened inside the run.
    bracket: bool,
    /// How likely the next word is an account's name: 1 after a word that may stand before `user`, 2 after `user` itself.
    name: u8,
    parts: usize,
}

/// Reads a line into `sink`; `codes` is room for work.
#[inline]
pub(super) fn scan<S: Sink>(line: &[u8], codes: &mut Vec<u8>, sink: &mut S) {
    let cut = line.len() > MAX_BYTES;
    let line = &line[..line.len().min(MAX_BYTES)];
    encode(line, codes);
    let mut scan = Scan { line, codes, sink, from: 0, last: 0, open: false, bracket: false, name: 0, parts: 0 };
    let mut i = 0;
    while i < line.len() {
        let class = CLASS[usize::from(line[i])];
        if class & WORD == 0 && (class == SPACE || !scan.sign(i)) {
            i += 1;
            continue;
        }
        i = scan.part(i);
        if scan.parts >= MAX_PARTS {
            scan.sink.end(&[], true);
            return;
        }
    }
    let gap = scan.gap(line.len());
    scan.sink.end(gap, cut);
}

impl<'a, S: Sink> Scan<'a, S> {
    /// A sign or "about, less than" belongs to its number, a leading dot or backslash to its path, where nothing
    /// word-like stands before it.
    fn sign(&self, i: usize) -> bool {
        let next = self.byte(i + 1);
        let begins = match self.line[i] {
            b'-' | b'+' | b'<' | b'>' | b'~' if next.is_ascii_digit() => true,
            b'.' => next == b'/' || (next == b'.' && self.byte(i + 2) == b'/'),
            b'~' => next == b'/',
            b'\\' => CLASS[usize::from(next)] & (WORD | BACK) != 0 || next == b'?',
            _ => false,
        };
        begins && (i == 0 || matches!(self.line[i - 1], b' ' | b'=' | b':' | b'(' | b'[' | b',' | b'\'' | b'"'))
    }

    fn gap(&mut self, start: usize) -> &'a [u8] {
        let mut gap = &self.line[self.last..start];
        if self.bracket && gap.first() == Some(&b')') {
            gap = &gap[1..];
        }
        gap
    }

    /// Reads the word that begins at `start`; its end.
    #[inline(always)]
    fn part(&mut self, start: usize) -> usize {
        let line = self.line;
        if start >= self.last + 2
            && matches!(line[self.last], b'=' | b'"')
            && let Some(end) = self.quoted()
        {
            return end;
        }
        let (mut flags, mut odd) = (0, false);
        let mut i = start;
        if CLASS[usize::from(line[i])] & WORD == 0 {
            // a sign, or the dots before a path
            odd = true;
            while i + 1 < line.len() && CLASS[usize::from(line[i])] & WORD == 0 {
                flags |= self.codes[i];
                i += 1;
            }
        }
        let (end, codes) = run(self.codes, i);
        (i, flags) = (end, flags | codes);
        odd |= codes & ODD != 0;
        self.parts += 1;
        if flags & (DIGIT | SLASH) == 0 {
            self.letters(start, i, flags, odd)
        } else if flags & (LOWER | UPPER | SLASH | OTHER) == 0 {
            self.numeric(start, i, odd)
        } else {
            self.mixed(start, i, flags)
        }
    }

    /// Reads the quoted value of `key="value"` or `"key":"value"` as a whole, where the key is not one whose value is
    /// wording; numbers and the like are read as everywhere.
    #[inline(never)]
    fn quoted(&mut self) -> Option<usize> {
        let rest = &self.line[self.last..];
        let opening = [&b"=\""[..], b"='", b"\":\""].into_iter().find(|o| rest.starts_with(o))?;
        let start = self.last + opening.len();
        let inside = &rest[opening.len()..rest.len().min(opening.len() + MAX_VALUE)];
        let len = inside.iter().position(|b| Some(b) == opening.last())?;
        let inside = &inside[..len];
        let (digit, blank) = (inside.iter().any(u8::is_ascii_digit), inside.contains(&b' '));
        if self.open || (digit && !blank) || inside.contains(&b'/') || telling(&self.line[self.from..self.last]) {
            return None;
        }
        if self.line[self.from..self.last].contains(&b'\\') || inside.last() == Some(&b'\\') {
            return None;
        }
        self.parts += 1;
        Some(self.put(
            start,
            start + len,
            if digit || inside.eq_ignore_ascii_case(b"null") { Kind::Whole } else { Kind::Value },
        ))
    }

    fn byte(&self, i: usize) -> u8 {
        self.line.get(i).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn put_word(&mut self, start: usize, end: usize) -> usize {
        let gap = self.gap(start);
        self.sink.word(gap, &self.line[start..end], first(eight(self.line, start), end - start));
        (self.from, self.last, self.open, self.bracket) = (start, end, false, false);
        end
    }

    #[inline]
    fn put(&mut self, start: usize, end: usize, kind: Kind) -> usize {
        self.put_shaped(start, end, kind, 0)
    }

    /// Whether a bracket holds a number and its unit only: detail of the number before it, as in `1190 bytes (1.2 KB)`.
    fn quantity(&self, start: usize) -> bool {
        let rest = &self.line[start..self.line.len().min(start + 16)];
        rest.first().is_some_and(u8::is_ascii_digit)
            && rest.iter().position(|b| *b == b')').is_some_and(|e| {
                let number = rest[..e].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
                let tail = rest[number..e].trim_ascii_start();
                tail.is_empty() || tail == b"%" || unit(tail)
            })
    }

    #[inline(always)]
    fn put_shaped(&mut self, start: usize, end: usize, kind: Kind, shape: u64) -> usize {
        let gap = self.gap(start);
        let mut first = true;
        if self.open {
            let opens = gap == b" (" && self.quantity(start);
            first = !(light(gap) || opens);
            self.bracket = opens || (self.bracket && !first);
        }
        self.sink.element(gap, &self.line[start..end], Value { kind, shape, first });
        (self.from, self.last, self.open, self.name) = (start, end, true, 0);
        end
    }

    /// A word without digits and slashes.
    #[inline]
    fn letters(&mut self, start: usize, end: usize, flags: u8, odd: bool) -> usize {
        let word = &self.line[start..end];
        let hints = Hints::of(word);
        if (self.name != 0 || (hints.superuser() && superuser(word))) && self.account(start, end) {
            return self.put(start, end, Kind::Whole);
        }
        let next = self.byte(end);
        if (odd || (next == b':' && addressed(self.byte(end + 1))))
            && let Some(end) = self.address(start, end, flags)
        {
            return self.put(start, end, Kind::Whole);
        }
        if start == self.last + 1
            && self.line[self.last] == b'='
            && !self.open
            && !matches!(next, b'=' | b'(' | b':' | b'.' | b'<' | b'[' | b'{')
            && !literal(word)
            && !telling(&self.line[self.from..self.last])
        {
            return self.put(start, end, Kind::Value);
        }
        if word.len() <= 9 && flags & JOIN == 0 {
            if hints.literal() && literal(word) {
                return self.put(start, end, Kind::Whole);
            }
            if self.open && hints.unit() && unit(word) && matches!(&self.line[self.last..start], b" " | b"") {
                return self.put(start, end, Kind::Unit);
            }
            if hints.date() && self.date(word, start, end) {
                return self.put(start, end, Kind::Unit);
            }
        }
        let announced = self.name == 1 || matches!(next, b'=' | b':') || self.byte(end + 1) == b'\'';
        self.name = if !hints.name() {
            0
        } else if announced && USERS.contains(&word) {
            2
        } else {
            u8::from(introduces(word))
        };
        self.put_word(start, end)
    }

    /// Whether the word is a name that the text announces: `for user NAME`, `user=NAME`.
    fn account(&mut self, start: usize, end: usize) -> bool {
        let gap = &self.line[self.last..start];
        if self.name != 2 {
            let word = &self.line[start..end];
            return superuser(word)
                && (self.name == 1 || matches!((gap.last(), self.byte(end)), (Some(b'('), b')') | (Some(b'='), _)));
        }
        // `for user authentication methods` goes on with wording; a name is followed by a mark or one of a few words
        let after = &self.line[end..];
        let goes_on = after.is_empty()
            || after.first() != Some(&b' ')
            || [&b" from "[..], b" by ", b" on ", b" at ", b" via ", b" in ", b" [", b" (", b" with ", b" to "]
                .iter()
                .any(|w| after.starts_with(w));
        match gap {
            b"=" | b"='" | b"=\"" => true,
            b" " | b" '" | b" \"" | b": " => goes_on,
            _ => false,
        }
    }

    /// URL, host:port, drive path, user@host or a colon address that starts with this word; its end.
    #[inline(never)]
    fn address(&self, start: usize, end: usize, flags: u8) -> Option<usize> {
        let word = &self.line[start..end];
        if self.byte(end) == b':' {
            let rest = &self.line[end + 1..];
            if rest.starts_with(b"//") {
                return Some(self.until(end + 3));
            }
            if word.len() == 1 && rest.first() == Some(&b'\\') {
                return Some(self.until(end + 1));
            }
            if word.len() <= 4
                && word.iter().all(u8::is_ascii_hexdigit)
                && let Some(e) = self.colons(start)
            {
                return Some(e);
            }
            let dots = word.iter().filter(|b| **b == b'.').count();
            let host = match dots {
                0 => flags & (DIGIT | JOIN) == DIGIT | JOIN && flags & UPPER == 0 && word.contains(&b'-'),
                1 => flags & UPPER == 0 && !source_file(word),
                _ => flags & UPPER == 0 || flags & DIGIT != 0,
            };
            if host {
                let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                let after = rest.get(digits).copied().unwrap_or(0);
                if (2..=5).contains(&digits) && after != b':' && CLASS[usize::from(after)] & (LOWER | UPPER) == 0 {
                    return Some(end + 1 + digits);
                }
            }
        }
        if flags & JOIN != 0 && flags & DIGIT == 0 {
            let at = word.iter().position(|b| *b == b'@')?;
            if at > 0 && word[at + 1..].contains(&b'.') {
                return Some(end);
            }
        }
        None
    }

    /// End of an address in hexadecimal groups with three colons or more, from `start`.
    fn colons(&self, start: usize) -> Option<usize> {
        let (mut colons, mut digits, mut group, mut i) = (0, 0, 0, start);
        while let Some(&b) = self.line.get(i) {
            if b == b':' {
                if !self.line.get(i + 1).is_some_and(|n| n.is_ascii_hexdigit() || *n == b':') {
                    break;
                }
                colons += 1;
                group = 0;
            } else if b.is_ascii_hexdigit() {
                digits += usize::from(b.is_ascii_digit());
                group += 1;
                if group > 4 {
                    return None;
                }
            } else {
                break;
            }
            i += 1;
        }
        (colons >= 3 && digits > 0 && CLASS[usize::from(self.byte(i))] & WORD == 0).then_some(i)
    }

    /// End of a URL or path: a blank, quote, closing bracket or comma ends it, and a full stop before one.
    fn until(&self, from: usize) -> usize {
        let ends = |b: u8| {
            matches!(
                b,
                b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'>' | b'<' | b')' | b']' | b'}' | b',' | b';' | b'|'
            )
        };
        let mut i = from.min(self.line.len());
        while i < self.line.len() && !ends(self.line[i]) {
            i += 1;
        }
        while i > from && matches!(self.line[i - 1], b'.' | b':') {
            i -= 1;
        }
        i
    }

    /// Whether a month's or weekday's name stands in a date: beside a number, or a weekday before a month.
    fn date(&self, word: &[u8], start: usize, end: usize) -> bool {
        let Some(name) = calendar(word) else { return false };
        let mut next = end;
        while matches!(self.byte(next), b' ' | b',' | b'-' | b'/') {
            next += 1;
        }
        let digit = self.byte(next).is_ascii_digit();
        let joined = self.open && light(&self.line[self.last..start]);
        let month_next = self.line.get(next..next + 3).is_some_and(|w| calendar(w) == Some(Calendar::Month))
            && CLASS[usize::from(self.byte(next + 3))] & WORD == 0;
        next > end && (digit || (name == Calendar::Weekday && month_next)) || joined
    }

    /// Digits with joints only.
    #[inline]
    fn numeric(&mut self, start: usize, end: usize, odd: bool) -> usize {
        if self.byte(end) == b':' && !odd {
            let joints = self.line[start..end].iter().filter(|b| **b == b'.').count();
            if joints == 3 {
                // an address takes its port along, whatever follows
                let digits = self.line[end + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                let end = if digits > 0 { end + 1 + digits } else { end };
                return self.put(start, end, Kind::Number);
            }
            if joints == 0
                && end - start <= 4
                && let Some(e) = self.colons(start)
            {
                // hours, minutes and seconds with a fraction or a year do not look like an address
                if self.line[start..e].iter().any(u8::is_ascii_alphabetic) || e - start >= 15 {
                    return self.put(start, e, Kind::Whole);
                }
            }
        }
        if !odd {
            return self.put(start, end, Kind::Number);
        }
        let (shape, _) = examine(&self.line[start..end]);
        self.put_shaped(start, end, Kind::Mixed, shape)
    }

    /// Letters with digits or slashes.
    #[inline]
    fn mixed(&mut self, start: usize, end: usize, flags: u8) -> usize {
        if self.byte(end) == b':'
            && addressed(self.byte(end + 1))
            && let Some(e) = self.address(start, end, flags)
        {
            return self.put(start, e, Kind::Whole);
        }
        let word = &self.line[start..end];
        if flags & SLASH == 0 {
            let (shape, soft) = examine(word);
            if soft {
                self.sink.exact(start, end);
            }
            let kind = if !soft {
                Kind::Mixed
            } else if technical(word) {
                return self.put_word(start, end);
            } else {
                Kind::Soft
            };
            return self.put_shaped(start, end, kind, shape);
        }
        let slashes = word.iter().filter(|b| matches!(b, b'/' | b'\\')).count();
        let rooted = matches!(word[0], b'/' | b'\\' | b'.' | b'~') && word.len() > 1;
        if !(flags & DIGIT != 0 || slashes >= 2 || rooted) {
            self.name = 0;
            return self.put_word(start, end);
        }
        if !rooted && word.contains(&b'x') {
            // `0x` is asked for
            self.sink.exact(start, end);
        }
        // dates and pairs of numbers are not paths
        if !rooted && word.split(|b| matches!(b, b'/' | b'@')).all(numeral) {
            let (shape, _) = examine(word);
            return self.put_shaped(start, end, Kind::Mixed, shape);
        }
        let e = if rooted || word.iter().filter(|b| **b == b'.').count() >= 3 { self.port(end) } else { end };
        self.put(start, e, Kind::Whole)
    }

    /// `:port` after an address, where one follows.
    fn port(&self, end: usize) -> usize {
        if self.byte(end) != b':' {
            return end;
        }
        let digits = self.line[end + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let after = self.byte(end + 1 + digits);
        if digits > 0 && after != b':' && CLASS[usize::from(after)] & WORD == 0 { end + 1 + digits } else { end }
    }
}
