//! The lexer's bytes, eight at a time: where a word ends and what is in it, without a branch per byte.

use super::lexer_words::{BACK, CLASS, JOIN, SLASH, WORD};

const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes from `at`, the first lowest; zeros after the end.
#[inline(always)]
pub(super) fn eight(line: &[u8], at: usize) -> u64 {
    if let Some(bytes) = line.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        return u64::from_le_bytes(*bytes);
    }
    let missing = (at + 8).saturating_sub(line.len()).min(8);
    match line.last_chunk::<8>() {
        // the same bytes from further left
        Some(bytes) if missing < 8 => u64::from_le_bytes(*bytes) >> (8 * missing),
        _ => line.get(at..).unwrap_or_default().iter().rev().fold(0, |x, b| x << 8 | u64::from(*b)),
    }
}

/// The first `len` of eight bytes.
#[inline(always)]
pub(super) fn first(eight: u64, len: usize) -> u64 {
    if len >= 8 { eight } else { eight & !(u64::MAX << (8 * len)) }
}

/// The code's bit of bytes that belong to words; the lower five bits are the classes.
const IN_WORD: u8 = 0x80;
/// The code's bit of bytes that join words other than the full stop.
pub(super) const ODD: u8 = 0x40;

/// A byte's code: its classes, the backslash being both a joint and a slash.
const CODE: [u8; 256] = {
    let mut t = [0u8; 256];
    let mut b = 0;
    while b < 256 {
        let class = CLASS[b];
        t[b] = if class & WORD != 0 {
            class | IN_WORD
        } else if class == BACK {
            JOIN | SLASH | ODD
        } else if class != JOIN {
            0
        } else if b == b'.' as usize {
            JOIN
        } else {
            JOIN | ODD
        };
        b += 1;
    }
    t
};

/// Codes of a line's bytes, and zeros after them.
pub(super) fn encode(line: &[u8], codes: &mut Vec<u8>) {
    codes.clear();
    codes.extend(line.iter().map(|b| CODE[usize::from(*b)]));
    codes.extend_from_slice(&[0; 16]);
}

/// Where the word ends that holds the byte at `at` (joints where a word or backslash follows belong to it), and all its codes.
#[inline(always)]
pub(super) fn run(codes: &[u8], mut at: usize) -> (usize, u8) {
    let mut all = 0;
    loop {
        let Some(bytes) = codes.get(at..).and_then(|rest| rest.first_chunk::<9>()) else { return (at, fold(all)) };
        let [b, rest @ ..] = *bytes;
        let next = u64::from_le_bytes(rest);
        let x = next << 8 | u64::from(b);
        // joint and slash are moved to where a word's bit is
        let stop = !(x | ((x << 2) & (next | (next << 4)))) & HIGH;
        if stop != 0 {
            // all bits below the stop's byte
            let before = (stop & stop.wrapping_neg()) >> 7;
            return (at + (stop.trailing_zeros() / 8) as usize, fold(all | (x & (before - 1))));
        }
        all |= x;
        at += 8;
    }
}

/// All bytes in one.
#[inline(always)]
fn fold(x: u64) -> u8 {
    let x = x | x >> 32;
    let x = x | x >> 16;
    (x | x >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_table_of_classes() {
        let mut rng = crate::Rng::new(3);
        let mut codes = Vec::new();
        for _ in 0..5000 {
            let bytes = b"a1/B_.-\\\xc3 :ab0";
            let line: Vec<u8> = (0..40).map(|_| bytes[rng.below(bytes.len())]).collect();
            encode(&line, &mut codes);
            for at in 0..line.len() {
                let class = |i: usize| line.get(i).map_or(0, |b| CLASS[usize::from(*b)]);
                let (mut end, mut flags) = (at, 0);
                while class(end) & WORD != 0 || (class(end) & (JOIN | BACK) != 0 && class(end + 1) & (WORD | BACK) != 0)
                {
                    flags |= CODE[usize::from(line[end])];
                    end += 1;
                }
                assert_eq!(run(&codes, at), (end, flags), "{line:?} {at}");
            }
        }
    }

    #[test]
    fn zeros_stand_after_the_end() {
        let line: Vec<u8> = (1..=11).collect();
        for len in 0..=line.len() {
            for at in 0..len + 12 {
                let mut bytes = [0; 8];
                for (to, from) in bytes.iter_mut().zip(line[..len].get(at..).unwrap_or_default()) {
                    *to = *from;
                }
                assert_eq!(eight(&line[..len], at), u64::from_le_bytes(bytes), "{len} {at}");
            }
        }
    }
}
