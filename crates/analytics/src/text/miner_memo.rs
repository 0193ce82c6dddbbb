//! Lines that differ from an earlier one in digits only: what was found for that one holds for them without reading words.
//!
//! The lexer asks what a digit is in few places only: in identifiers that carry digits (`ssh2`) and after `0x`. It
//! reports those places; everywhere else a digit is a digit. So two lines with equal bytes but for digits, and equal bytes in
//! those places, have one signature and equal elements, and taking in the second changes nothing but the count.

use super::hash::{mix, mix_bytes};
use super::lexer_bytes::eight;

/// Kept lines: several times the distinct ones that a busy service prints, and small enough for a cache near the core.
const SLOTS: usize = 4096;
/// Most places with exact digits of a kept line.
const PLACES: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: u64,
    /// Hash of the bytes in `places`.
    exact: u64,
    signature: u64,
    entry: u32,
    places: [(u16, u16); PLACES],
}

const EMPTY: Slot = Slot { key: 0, exact: 0, signature: 0, entry: u32::MAX, places: [(0, 0); PLACES] };

#[derive(Debug, Clone, Default)]
pub(super) struct Memo {
    slots: Vec<Slot>,
}

/// Hash of a line with all digits equal.
#[inline]
pub(super) fn key(line: &[u8]) -> u64 {
    let (eights, rest) = line.as_chunks::<8>();
    let hash = eights.iter().fold(line.len() as u64, |hash, x| mix(hash, blind(u64::from_le_bytes(*x))));
    if rest.is_empty() { hash } else { mix(hash, blind(eight(line, line.len() - rest.len()))) }
}

/// Eight bytes with every digit a zero.
#[inline(always)]
fn blind(x: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = x & (0x7f * ONES);
    // highest bits of bytes from '0' on, less those beyond '9'
    let digits = (low + 0x50 * ONES) & !(low + 0x46 * ONES) & !x & (0x80 * ONES);
    x & !((digits >> 7) * 0x0f)
}

fn exact(line: &[u8], places: &[(u16, u16)]) -> u64 {
    places.iter().fold(0, |hash, (start, end)| {
        if start == end {
            hash
        } else {
            mix_bytes(hash, line.get(usize::from(*start)..usize::from(*end)).unwrap_or_default())
        }
    })
}

impl Memo {
    /// Entry and signature of an equal line.
    #[inline]
    pub fn find(&self, key: u64, line: &[u8]) -> Option<(u32, u64)> {
        let at = key as usize % SLOTS;
        [at, at ^ 1]
            .into_iter()
            .filter_map(|at| self.slots.get(at))
            .find(|s| s.key == key && s.entry != u32::MAX && s.exact == exact(line, &s.places))
            .map(|s| (s.entry, s.signature))
    }

    /// Keeps a line whose digits matter in these places only.
    pub fn keep(&mut self, key: u64, line: &[u8], exact_places: &[(usize, usize)], (entry, signature): (u32, u64)) {
        let mut places = [(0, 0); PLACES];
        // cut lines are not worth keeping
        if exact_places.len() > PLACES || line.len() > super::lexer::MAX_BYTES {
            return;
        }
        for (place, (start, end)) in places.iter_mut().zip(exact_places) {
            *place = (*start as u16, *end as u16);
        }
        if self.slots.is_empty() {
            self.slots = vec![EMPTY; SLOTS];
        }
        let at = key as usize % SLOTS;
        // the older of two goes
        self.slots[at ^ 1] = self.slots[at];
        self.slots[at] = Slot { key, exact: exact(line, &places), signature, entry, places };
    }

    /// Forgets all: entries have moved or are gone.
    pub fn clear(&mut self) {
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Miner;
    use super::*;

    #[test]
    fn digits_are_equal_and_nothing_else_is() {
        for b in 0..=255u8 {
            let line = [b'x', b, b'7', b'y', b'z', b, b, b'0', b, b'1'];
            let plain = line.map(|b| if b.is_ascii_digit() { b'0' } else { b });
            assert_eq!(key(&line), key(&plain));
            assert_eq!(key(&[b]) == key(b"5"), b.is_ascii_digit());
        }
    }

    #[test]
    fn a_miner_that_remembers_equals_one_that_cannot() {
        let lines: Vec<String> = (0..400)
            .map(|i| match i % 8 {
                0 => format!("ssh{} from 10.0.0.{i}", i % 3),
                1 => format!("pair 0x{}a/1x{}b and {}x7/2", i % 10, i % 10, i % 4),
                2 => format!("ipv{} route {i}", 4 + i % 4),
                3 => format!("disk sda{} wl{} c{} d{} e{}", i % 2, i % 3, i % 5, i % 7, i % 9),
                4 => format!("took {}.{} ms at node-{i}", i % 7, i),
                5 => format!("user=u{} id{}x=\"v{}\"", i % 6, i % 2, i % 3),
                6 => format!("a{}:b{}:c{}:d{i} port:{i}", i % 2, i % 3, i % 4),
                _ => format!("code{}=\"some text\" md{} sha{}", i % 3, 4 + i % 3, i % 2),
            })
            .collect();
        let mut remembers = Miner::default();
        let mut forgets = Miner::default();
        for line in lines.iter().chain(&lines) {
            forgets.memo.clear();
            assert_eq!(remembers.observe(line), forgets.observe(line), "{line}");
            assert_eq!(remembers.id_of(line), remembers.observe(line), "{line}");
            forgets.observe(line);
        }
        assert!(remembers == forgets);
    }
}
