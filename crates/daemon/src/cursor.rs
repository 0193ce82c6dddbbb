//! How far logs were read by query: where to go on, and which lines of the part that is read again are known.
//!
//! Lines come late to where logs are kept, so each question looks back over what was read before. Of equal lines at one
//! moment, as many count as the answer with the most of them has.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use rootline_sources::intake::Line;
use rootline_sources::pull::Pulled;

/// Further behind than this, lines are passed over: counted all at once, they would look like a flood of errors.
const BEHIND_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Known lines that are kept over a restart.
const KEPT_MAX: usize = 20_000;
/// First byte of a cursor; another one is another version.
const VERSION: u8 = 1;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Everything before it was read.
    pub at: Timestamp,
    overlap: SignedDuration,
    /// Nanoseconds and hash of a line, how often it was there.
    seen: BTreeMap<(i64, u64), u32>,
}

impl Cursor {
    /// Nothing was read yet; what comes from now on is.
    pub fn new(now: Timestamp, overlap: SignedDuration) -> Cursor {
        Cursor { at: now, overlap, seen: BTreeMap::new() }
    }

    /// From [`Cursor::bytes`]; `None`: other bytes or another version.
    pub fn resume(bytes: &[u8], overlap: SignedDuration) -> Option<Cursor> {
        let (version, rest) = bytes.split_first()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (rows, left) = rest.as_chunks::<20>();
        if *version != VERSION || !left.is_empty() {
            return None;
        }
        let at = Timestamp::from_millisecond(i64::from_le_bytes(*at)).ok()?;
        let mut seen = BTreeMap::new();
        for row in rows {
            let (ns, rest) = row.split_first_chunk::<8>()?;
            let (hash, count) = rest.split_first_chunk::<8>()?;
            let count = u32::from_le_bytes(*count.first_chunk()?);
            seen.insert((i64::from_le_bytes(*ns), u64::from_le_bytes(*hash)), count);
        }
        Some(Cursor { at, overlap, seen })
    }

    /// For the store: 9 bytes and 20 more a known line, the newest of them.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.at.as_millisecond().to_le_bytes());
        let surplus = self.seen.len().saturating_sub(KEPT_MAX);
        for ((ns, hash), count) in self.seen.iter().skip(surplus) {
            out.extend(ns.to_le_bytes());
            out.extend(hash.to_le_bytes());
            out.extend(count.to_le_bytes());
        }
        out
    }

    /// Lines that may come again.
    pub fn known(&self) -> usize {
        self.seen.values().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).sum()
    }

    /// Gives up what is too far behind; how much that is.
    pub fn catch_up(&mut self, now: Timestamp) -> SignedDuration {
        let oldest = now.checked_sub(BEHIND_MAX).unwrap_or(now);
        // a clock that was set back must not make it wait
        let skipped = oldest.duration_since(self.at).max(SignedDuration::ZERO);
        self.at = self.at.clamp(oldest, now.max(oldest));
        skipped
    }

    /// What to ask for.
    pub fn span(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        (self.at.checked_sub(self.overlap).unwrap_or(self.at), now)
    }

    /// Lines that were not there before; the cursor goes on.
    pub fn take(&mut self, pulled: Pulled) -> Vec<Line> {
        let mut counts: BTreeMap<(i64, u64), u32> = BTreeMap::new();
        let mut fresh = Vec::new();
        for line in pulled.lines {
            let key = key(&line);
            let count = counts.entry(key).or_default();
            *count += 1;
            let known = self.seen.entry(key).or_default();
            if *count > *known {
                *known = *count;
                fresh.push(line);
            }
        }
        self.at = self.at.max(pulled.until.unwrap_or(self.at));
        let oldest = i64::try_from(self.span(self.at).0.as_nanosecond()).unwrap_or(i64::MIN);
        self.seen.retain(|(ns, _), _| *ns >= oldest);
        fresh
    }
}

fn key(line: &Line) -> (i64, u64) {
    let mut hasher = DefaultHasher::new();
    line.of.labels.hash(&mut hasher);
    line.text.hash(&mut hasher);
    let ns = line.at.and_then(|at| i64::try_from(at.as_nanosecond()).ok()).unwrap_or_default();
    (ns, hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_sources::intake::StreamLabels;

    const OVERLAP: SignedDuration = SignedDuration::from_secs(30);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("small")
    }

    fn line(second: i64, text: &str) -> Line {
        let of = StreamLabels::of([("namespace", "shop"), ("pod", "cart-1")]);
        Line { of, at: Some(at(second)), text: text.to_owned() }
    }

    fn pulled(until: i64, lines: &[Line]) -> Pulled {
        Pulled { lines: lines.to_vec(), until: Some(at(until)), complete: true }
    }

    #[test]
    fn late_lines_are_found_and_none_counts_twice_not_even_after_a_restart() {
        let mut cursor = Cursor::new(at(1000), OVERLAP);
        assert_eq!(cursor.span(at(1015)), (at(970), at(1015)));
        let first = [line(1005, "ERROR a"), line(1010, "ERROR a"), line(1010, "ERROR a")];
        assert_eq!(cursor.take(pulled(1015, &first)).len(), 3, "equal lines of one moment are several");
        let late = line(1007, "ERROR late");
        let second = [&first[..], std::slice::from_ref(&late)].concat();
        assert_eq!(cursor.take(pulled(1030, &second)), [late]);
        let mut again = Cursor::resume(&cursor.bytes(), OVERLAP).expect("own bytes");
        assert_eq!(again, cursor);
        let third = [line(1010, "ERROR a"), line(1010, "ERROR a"), line(1031, "ERROR b")];
        assert_eq!(again.take(pulled(1045, &third)), [line(1031, "ERROR b")]);
        assert_eq!(again.known(), 1, "what cannot come again is forgotten");
    }

    #[test]
    fn a_long_stop_is_passed_over_and_told() {
        let mut cursor = Cursor::new(at(0), OVERLAP);
        assert_eq!(cursor.catch_up(at(200)), SignedDuration::ZERO);
        assert_eq!(cursor.at, at(0));
        assert_eq!(cursor.catch_up(at(1000)), SignedDuration::from_secs(700));
        assert_eq!(cursor.span(at(1000)), (at(670), at(1000)));
        cursor.catch_up(at(500));
        assert_eq!(cursor.at, at(500), "the clock was set back");
    }

    #[test]
    fn other_bytes_are_no_cursor() {
        let bytes = Cursor::new(at(5), OVERLAP).bytes();
        assert!(Cursor::resume(&bytes[..4], OVERLAP).is_none() && Cursor::resume(&[], OVERLAP).is_none());
        let mut other = bytes;
        other[0] = 9;
        assert!(Cursor::resume(&other, OVERLAP).is_none());
    }
}
