//! The lexer's bytes and words: which byte is what, and the few words whose kind is known.

use super::hash::{mix, mix_bytes};

/// Classes of a byte.
pub(super) const DIGIT: u8 = 1;
pub(super) const LOWER: u8 = 2;
pub(super) const UPPER: u8 = 4;
pub(super) const SLASH: u8 = 8;
/// Belongs to words without being any of the above: underscore, bytes of other scripts.
pub(super) const OTHER: u8 = 16;
/// Joins two words into one where a word follows: full stop, hyphen, `@` and the like.
pub(super) const JOIN: u8 = 32;
pub(super) const SPACE: u8 = 64;
/// The backslash: joins like a full stop, makes a path like a slash; before a quote it is an escape.
pub(super) const BACK: u8 = 128;
pub(super) const WORD: u8 = DIGIT | LOWER | UPPER | SLASH | OTHER;

pub(super) const CLASS: [u8; 256] = {
    let mut t = [0u8; 256];
    let mut b = 0;
    while b < 256 {
        t[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'/' => SLASH,
            b'\\' => BACK,
            b'_' | 128..=255 => OTHER,
            b'.' | b'-' | b'@' | b'#' | b'$' | b'%' | b'&' | b'+' | b'~' => JOIN,
            b' ' | b'\t' | b'\r' | b'\n' | 11 | 12 => SPACE,
            _ => 0,
        };
        b += 1;
    }
    t
};

/// Bytes a run of values may continue across.
pub(super) fn light(gap: &[u8]) -> bool {
    match gap {
        [b' ' | b':' | b','] | [b',', b' '] => true,
        _ => {
            gap.len() <= 4
                && gap.iter().all(|b| {
                    matches!(
                        b,
                        b' ' | b','
                            | b':'
                            | b'.'
                            | b'-'
                            | b'/'
                            | b'|'
                            | b'&'
                            | b'='
                            | b'<'
                            | b'>'
                            | b'+'
                            | b'#'
                            | b'%'
                            | b'~'
                            | b'*'
                    )
                })
        }
    }
}

const LITERALS: &[&[u8]] = &[b"true", b"false", b"null", b"True", b"False", b"TRUE", b"FALSE", b"NULL"];
const SUPERUSERS: &[&[u8]] = &[b"root", b"admin", b"guest", b"administrator", b"Administrator"];
const INTRODUCING: &[&[u8]] =
    &[b"for", b"invalid", b"by", b"of", b"as", b"unknown", b"illegal", b"Invalid", b"Illegal"];
const UNITS: &[&[u8]] = &[
    b"B", b"KB", b"MB", b"GB", b"TB", b"PB", b"kB", b"KiB", b"MiB", b"GiB", b"TiB", b"K", b"M", b"G", b"ns", b"us",
    b"ms", b"s", b"sec", b"secs", b"msec", b"msecs", b"min", b"mins", b"h", b"hr", b"hrs", b"byte", b"bytes",
    b"second", b"seconds", b"minute", b"minutes", b"hour", b"hours", b"day", b"days", b"AM", b"PM", b"am", b"pm",
    b"UTC", b"GMT", b"PST", b"PDT", b"EST", b"EDT", b"CST", b"CET", b"CEST",
];
const MONTHS: &[&[u8]] = &[
    b"Jan",
    b"Feb",
    b"Mar",
    b"Apr",
    b"May",
    b"Jun",
    b"Jul",
    b"Aug",
    b"Sep",
    b"Oct",
    b"Nov",
    b"Dec",
    b"January",
    b"February",
    b"March",
    b"April",
    b"June",
    b"July",
    b"August",
    b"September",
    b"October",
    b"November",
    b"December",
];
const WEEKDAYS: &[&[u8]] = &[
    b"Mon",
    b"Tue",
    b"Wed",
    b"Thu",
    b"Fri",
    b"Sat",
    b"Sun",
    b"Monday",
    b"Tuesday",
    b"Wednesday",
    b"Thursday",
    b"Friday",
    b"Saturday",
    b"Sunday",
];
/// The word for an account.
pub(super) const USERS: &[&[u8]] = &[b"user", b"User", b"username", b"ruser"];

/// Which lists may hold a word: told by its length and first byte, so that most words need no comparison.
#[derive(Clone, Copy)]
pub(super) struct Hints(u8);

impl Hints {
    const LISTS: [&'static [&'static [u8]]; 7] = [LITERALS, SUPERUSERS, INTRODUCING, UNITS, MONTHS, WEEKDAYS, USERS];
    const TABLE: [u8; 2048] = {
        let mut table = [0; 2048];
        let mut list = 0;
        while list < Self::LISTS.len() {
            let mut i = 0;
            while i < Self::LISTS[list].len() {
                table[Self::place(Self::LISTS[list][i])] |= 1 << list;
                i += 1;
            }
            list += 1;
        }
        table
    };

    /// Of seven bits of the first byte and the length, up to fifteen.
    const fn place(word: &[u8]) -> usize {
        let (Some(first), len) = (word.first(), word.len()) else { return 0 };
        (*first as usize & 0x7f) << 4 | if len < 15 { len } else { 15 }
    }

    #[inline(always)]
    pub fn of(word: &[u8]) -> Self {
        Self(Self::TABLE[Self::place(word) & 2047])
    }

    /// `true` and the like.
    pub fn literal(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn superuser(self) -> bool {
        self.0 & 2 != 0
    }

    /// A word before an account's name.
    pub fn name(self) -> bool {
        self.0 & 0x44 != 0
    }

    pub fn unit(self) -> bool {
        self.0 & 8 != 0
    }

    /// A month or weekday.
    pub fn date(self) -> bool {
        self.0 & 0x30 != 0
    }
}

/// Longest quoted value that is read as a whole; longer ones are texts.
pub(super) const MAX_VALUE: usize = 64;

/// Keys whose value says what happened rather than to what: it is wording.
pub(super) fn telling(key: &[u8]) -> bool {
    [
        &b"msg"[..],
        b"message",
        b"event",
        b"level",
        b"lvl",
        b"severity",
        b"status",
        b"state",
        b"reason",
        b"method",
        b"op",
        b"operation",
        b"action",
        b"type",
        b"kind",
        b"result",
        b"err",
        b"error",
        b"cause",
        b"phase",
        b"code",
        b"log",
        b"text",
        b"detail",
        b"output",
    ]
    .iter()
    .any(|k| key.eq_ignore_ascii_case(k))
}

/// Whether a byte after a colon can go on with an address.
pub(super) fn addressed(b: u8) -> bool {
    b.is_ascii_hexdigit() || matches!(b, b'/' | b'\\' | b':')
}

/// Words of truth and absence: values in every language's printing.
pub(super) fn literal(word: &[u8]) -> bool {
    LITERALS.contains(&word)
}

/// Accounts that systems come with.
pub(super) fn superuser(word: &[u8]) -> bool {
    SUPERUSERS.contains(&word)
}

/// Words that stand before `user` where a name follows it.
pub(super) fn introduces(word: &[u8]) -> bool {
    INTRODUCING.contains(&word)
}

/// Whether a name with one dot ends as source files do: `name.go:17` is a place in a program, `example.org:17` a host and port.
pub(super) fn source_file(word: &[u8]) -> bool {
    let suffix = word.rsplit(|b| *b == b'.').next().unwrap_or_default();
    matches!(
        suffix,
        b"go"
            | b"c"
            | b"h"
            | b"cc"
            | b"cpp"
            | b"cxx"
            | b"hpp"
            | b"m"
            | b"mm"
            | b"rs"
            | b"py"
            | b"java"
            | b"kt"
            | b"scala"
            | b"js"
            | b"ts"
            | b"rb"
            | b"cs"
            | b"php"
            | b"pl"
            | b"lua"
            | b"ex"
            | b"erl"
            | b"swift"
            | b"sh"
            | b"log"
            | b"conf"
            | b"yaml"
            | b"yml"
            | b"json"
            | b"xml"
    )
}

/// Units of size and time, zones and halves of the day, as they follow a number.
pub(super) fn unit(word: &[u8]) -> bool {
    UNITS.contains(&word)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Calendar {
    Month,
    Weekday,
}

pub(super) fn calendar(word: &[u8]) -> Option<Calendar> {
    if MONTHS.contains(&word) { Some(Calendar::Month) } else { WEEKDAYS.contains(&word).then_some(Calendar::Weekday) }
}

/// A decimal or `0x` hexadecimal number.
pub(super) fn numeral(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"0x").unwrap_or(word);
    !digits.is_empty()
        && (digits.iter().all(u8::is_ascii_digit)
            || (digits.len() < word.len() && digits.iter().all(u8::is_ascii_hexdigit)))
}

/// Names of protocols and formats that carry a digit: wording, though two of them may stand in one place.
pub(super) fn technical(word: &[u8]) -> bool {
    [
        &b"ipv4"[..],
        b"ipv6",
        b"ip4",
        b"ip6",
        b"sha1",
        b"md5",
        b"utf8",
        b"x86",
        b"http2",
        b"oauth2",
        b"ssh2",
        b"socks4",
        b"socks5",
        b"base64",
    ]
    .iter()
    .any(|t| word.eq_ignore_ascii_case(t))
}

/// The shape of a joined word: a hash of its joints and its pieces without digits; and whether it is an identifier that
/// carries a digit as part of its name, not a value: each piece with a digit begins with a letter, has no more than two
/// digits, and does not end in an underscore and digits.
#[inline]
pub(super) fn examine(word: &[u8]) -> (u64, bool) {
    let (mut shape, mut soft, mut from) = (7, true, 0);
    while from < word.len() {
        let rest = &word[from..];
        let (mut digits, mut len) = (0u32, 0);
        for b in rest {
            let class = CLASS[usize::from(*b)];
            if class & (JOIN | SLASH) != 0 {
                break;
            }
            digits += u32::from(class & DIGIT);
            len += 1;
        }
        let piece = &rest[..len];
        if digits == 0 {
            shape = mix_bytes(shape, piece);
        } else {
            shape = mix(shape, 9);
            soft = soft && digits <= 2 && named(piece);
        }
        if let Some(joint) = rest.get(len) {
            shape = mix(shape, u64::from(*joint));
        }
        from += len + 1;
    }
    (shape, soft)
}

fn named(piece: &[u8]) -> bool {
    let tail = piece.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let counted = tail > 0 && piece.len() > tail && piece[piece.len() - tail - 1] == b'_';
    piece[0].is_ascii_alphabetic() && !counted
}

/// Pieces of a joined word: `(piece, has a digit)` and the joints between, in order.
pub(super) fn pieces(word: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let joint = matches!(CLASS[usize::from(*first)], JOIN | SLASH);
        let end = if joint {
            1
        } else {
            rest.iter().position(|b| matches!(CLASS[usize::from(*b)], JOIN | SLASH)).unwrap_or(rest.len())
        };
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some((piece, piece.iter().any(u8::is_ascii_digit)))
    })
}

/// Whether a byte is a blank.
pub(super) fn blank(b: u8) -> bool {
    CLASS[usize::from(b)] == SPACE
}

/// Whether a word is the name of a month or weekday.
pub(super) fn is_date(word: &[u8]) -> bool {
    calendar(word).is_some()
}
