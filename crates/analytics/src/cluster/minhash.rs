//! MinHash signatures and banded look-up: approximate neighbours of sets. At the sizes measured the exact join of
//! [`super::set_join`] is faster and loses nothing; this is for sets that arrive one at a time and in numbers beyond it.

use std::collections::HashMap;

use crate::{Error, Result, Rng};

/// A MinHash (Broder 1997) with banded look-up (Indyk and Motwani 1998).
#[derive(Debug, Clone)]
pub struct MinHashLsh {
    /// Odd factor and summand of each hash function.
    functions: Vec<(u64, u64)>,
    rows: usize,
    buckets: Vec<HashMap<u64, Vec<u32>>>,
    signatures: Vec<Vec<u32>>,
}

impl MinHashLsh {
    /// `bands · rows` hash functions; two sets of Jaccard s meet with probability 1 − (1 − s^rows)^bands. Errors where either is 0.
    pub fn new(bands: usize, rows: usize, seed: u64) -> Result<Self> {
        Error::parameter(bands >= 1, "bands", bands as f64, "at least 1")?;
        Error::parameter(rows >= 1, "rows", rows as f64, "at least 1")?;
        let mut rng = Rng::new(seed);
        let functions = (0..bands * rows).map(|_| (rng.next_u64() | 1, rng.next_u64())).collect();
        Ok(Self { functions, rows, buckets: vec![HashMap::new(); bands], signatures: Vec::new() })
    }

    /// Adds a set; its place. O(tokens · functions). The empty set has a signature of its own.
    pub fn insert(&mut self, set: &[u32]) -> usize {
        let signature = self.signature(set);
        let place = self.signatures.len();
        for (band, bucket) in signature.chunks(self.rows).zip(&mut self.buckets) {
            bucket.entry(key(band)).or_default().push(place as u32);
        }
        self.signatures.push(signature);
        place
    }

    /// Sets that share a band with this one, and the estimated Jaccard where it is at least `threshold`; by place.
    #[must_use]
    pub fn query(&self, set: &[u32], threshold: f64) -> Vec<(usize, f64)> {
        let signature = self.signature(set);
        let mut near: Vec<u32> = signature
            .chunks(self.rows)
            .zip(&self.buckets)
            .filter_map(|(band, bucket)| bucket.get(&key(band)))
            .flatten()
            .copied()
            .collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter()
            .map(|p| (p as usize, likeness(&signature, &self.signatures[p as usize])))
            .filter(|(_, s)| *s >= threshold)
            .collect()
    }

    fn signature(&self, set: &[u32]) -> Vec<u32> {
        let mut least = vec![u32::MAX; self.functions.len()];
        for token in set {
            // spread first: multiply-shift alone keeps neighbouring tokens in order
            let x = (u64::from(*token) ^ 0x9e37_79b9).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let x = x ^ (x >> 31);
            for (low, (a, b)) in least.iter_mut().zip(&self.functions) {
                *low = (*low).min((a.wrapping_mul(x).wrapping_add(*b) >> 32) as u32);
            }
        }
        least
    }
}

fn likeness(a: &[u32], b: &[u32]) -> f64 {
    a.iter().zip(b).filter(|(x, y)| x == y).count() as f64 / a.len().max(1) as f64
}

fn key(band: &[u32]) -> u64 {
    band.iter().fold(0xcbf2_9ce4_8422_2325, |h, v| (h ^ u64::from(*v)).wrapping_mul(0x0100_0000_01b3).rotate_left(23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_sets_are_found_and_unlike_ones_are_not() {
        let mut lsh = MinHashLsh::new(32, 4, 1).unwrap();
        let set = |from: u32| (from..from + 40).collect::<Vec<u32>>();
        for i in 0..50 {
            assert_eq!(lsh.insert(&set(i * 1000)), i as usize);
        }
        let found = lsh.query(&set(7004), 0.5);
        assert_eq!(found.len(), 1);
        assert!(found[0].0 == 7 && (found[0].1 - 36.0 / 44.0).abs() < 0.15, "{found:?}");
        assert!(lsh.query(&[], 0.5).is_empty());
        assert!(MinHashLsh::new(0, 4, 1).is_err() && MinHashLsh::new(4, 0, 1).is_err());
    }
}
