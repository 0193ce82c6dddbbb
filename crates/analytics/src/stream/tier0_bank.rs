//! Tier-0 operators of very many series, by number.
#![allow(clippy::needless_range_loop, reason = "one index over many arrays is what vectorises")]

use super::lanes::{WIDE, any, mask};
use super::tile::Tile;
use super::{Sight, Tier0, WeekProfile};

/// Tiles of a chunk: just under 64 KiB, which allocators hand out without loss. Alone, a tile of 6.4 KiB would cost 7.
const CHUNK: usize = 10;

/// Very many [`Tier0`] operators by number: 408 bytes and about a third of the time each, and the same bits.
///
/// A sample may be missing (NaN): that series stays as it is. Grows by [`Tier0Bank::push`]; O(1) a sample, no allocation in
/// a sweep.
#[derive(Debug, Clone, Default)]
pub struct Tier0Bank {
    chunks: Vec<Vec<Tile>>,
    len: usize,
}

impl Tier0Bank {
    /// Bytes of one operator.
    pub const BYTES: usize = size_of::<Tile>() / WIDE;

    /// Operators held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing held yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an operator that has seen nothing; its number is the length before.
    pub fn push(&mut self) {
        if self.len.is_multiple_of(CHUNK * WIDE) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if self.len.is_multiple_of(WIDE)
            && let Some(chunk) = self.chunks.last_mut()
        {
            chunk.push(Tile::new());
        }
        self.len += 1;
    }

    /// A copy of one operator.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Tier0> {
        let tile = self.chunks.get(index / WIDE / CHUNK)?.get(index / WIDE % CHUNK)?;
        (index < self.len).then(|| tile.get(index % WIDE))
    }

    /// Puts an operator in the place of one held; a number beyond the length does nothing.
    pub fn set(&mut self, index: usize, one: &Tier0) {
        let chunk = self.chunks.get_mut(index / WIDE / CHUNK).filter(|_| index < self.len);
        if let Some(tile) = chunk.and_then(|c| c.get_mut(index / WIDE % CHUNK)) {
            tile.set(index % WIDE, one);
        }
    }

    /// One sample for each operator at one moment (seconds since the epoch): `value` gives it by number, NaN where none
    /// came; `each` is told number and sight of every sample whose score is above 0.
    pub fn sweep(&mut self, time_s: i64, value: impl Fn(usize) -> f64, each: impl FnMut(usize, Sight)) {
        pulp::Arch::new().dispatch(Sweep { bank: self, time_s, value, each });
    }
}

/// [`Tier0Bank::sweep`] as the dispatcher wants it: always inlined, so that it is compiled for wide vectors.
struct Sweep<'a, V, E> {
    bank: &'a mut Tier0Bank,
    time_s: i64,
    value: V,
    each: E,
}

impl<V: Fn(usize) -> f64, E: FnMut(usize, Sight)> pulp::NullaryFnOnce for Sweep<'_, V, E> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let hour = WeekProfile::hour(self.time_s);
        let len = self.bank.len;
        for (number, tile) in self.bank.chunks.iter_mut().flatten().enumerate() {
            let first = number * WIDE;
            let here = (len - first).min(WIDE);
            let (mut values, mut there) = ([f64::NAN; WIDE], [0; WIDE]);
            for k in 0..here {
                values[k] = (self.value)(first + k);
            }
            for k in 0..WIDE {
                there[k] = mask(values[k].is_finite());
            }
            if !any(&there) {
                continue;
            }
            let said = tile.observe(hour, &values, &there);
            let mut passed = [0; WIDE];
            for k in 0..WIDE {
                passed[k] = said.score[k].to_bits();
            }
            if any(&passed) {
                for k in (0..WIDE).filter(|k| said.score[*k] > 0.0) {
                    let sight = Sight { score: said.score[k], surprise: said.surprise[k], part: said.largest(k) };
                    (self.each)(first + k, sight);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_series_takes_408_bytes() {
        assert_eq!(Tier0Bank::BYTES, 408);
    }

    #[test]
    fn a_bank_says_and_holds_the_same_bits_as_single_operators_with_gaps_and_wild_values() {
        let mut r = Rng::new(11);
        let n = 37;
        let mut single = vec![Tier0::default(); n];
        let mut bank = Tier0Bank::default();
        (0..n).for_each(|_| bank.push());
        let mut said = 0;
        for i in 0..3000_i64 {
            let values: Vec<f64> = (0..n)
                .map(|k| match k {
                    // some are absent, half of the time or always
                    _ if k % 5 == 4 && r.uniform() < 0.5 => f64::NAN,
                    11 => f64::NAN,
                    12 => 7.0,
                    13 => r.normal() * 1e30,
                    14 => [1e300, -1e300, f64::INFINITY, 1e-300][i as usize % 4],
                    _ if r.uniform() < 0.002 => 500.0,
                    _ => 50.0 + (i as f64 / 40.0).sin() + r.normal() * (k + 1) as f64,
                })
                .collect();
            let mut sights = vec![Sight::NOTHING; n];
            bank.sweep(i * 300, |k| values[k], |k, sight| sights[k] = sight);
            for (k, operator) in single.iter_mut().enumerate() {
                let sight = operator.observe(i * 300, values[k]);
                assert_eq!(sights[k].score, sight.score, "series {k}, sample {i}");
                if sight.score > 0.0 {
                    assert_eq!(sights[k], sight, "series {k}, sample {i}");
                    said += 1;
                }
            }
        }
        assert!(said > 20, "{said}");
        for (k, operator) in single.iter().enumerate() {
            assert_eq!(bank.get(k).as_ref(), Some(operator), "series {k}");
        }
        let copy = bank.get(3).unwrap();
        bank.set(5, &copy);
        assert_eq!(bank.get(5), Some(copy));
        assert_eq!(bank.get(n), None);
    }

    #[test]
    fn numbers_hold_over_chunks_and_a_half_filled_tile_at_the_end() {
        let n = 2 * CHUNK * WIDE + 5;
        let mut bank = Tier0Bank::default();
        (0..n).for_each(|_| bank.push());
        bank.sweep(0, |k| k as f64, |_, _| {});
        for k in 0..n {
            let mut one = Tier0::default();
            one.observe(0, k as f64);
            assert_eq!(bank.get(k), Some(one), "series {k}");
        }
        assert_eq!((bank.len(), bank.get(n)), (n, None));
        bank.set(n, &Tier0::default());
        bank.push();
        assert_eq!(bank.get(n), Some(Tier0::default()));
    }
}
