//! Exact quantiles and extremes of the last w samples.

use std::collections::VecDeque;

use super::order::quantile_sorted;

/// Exact quantiles of the last `capacity` samples.
///
/// A ring and a sorted copy: O(log w) to find and a move of at most w values a sample, which below some thousands is
/// faster than any tree. 16 bytes per sample of capacity. NaN is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct SlidingQuantile {
    capacity: usize,
    ring: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl SlidingQuantile {
    /// Of the last `capacity` samples (at least 1). All memory is taken here.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { capacity, ring: VecDeque::with_capacity(capacity), sorted: Vec::with_capacity(capacity) }
    }

    /// Takes a sample; the oldest leaves once the window is full.
    pub fn observe(&mut self, x: f64) {
        if x.is_nan() {
            return;
        }
        if self.ring.len() < self.capacity {
            let at = self.sorted.partition_point(|v| v.total_cmp(&x).is_lt());
            self.sorted.insert(at, x);
        } else if let Some(old) = self.ring.pop_front() {
            let from = self.sorted.partition_point(|v| v.total_cmp(&old).is_lt());
            let to = self.sorted.partition_point(|v| v.total_cmp(&x).is_lt());
            // what lies between moves by one; nothing else does
            if from < to {
                self.sorted.copy_within(from + 1..to, from);
                self.sorted[to - 1] = x;
            } else {
                self.sorted.copy_within(to..from, to + 1);
                self.sorted[to] = x;
            }
        }
        self.ring.push_back(x);
    }

    /// Samples held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Nothing held yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The `q`-quantile, as [`crate::stats::order::quantile`]; O(1).
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        quantile_sorted(&self.sorted, q)
    }
}

/// Smallest and largest of the last `capacity` samples: two monotonic queues, O(1) a sample on average and never more than
/// O(capacity); 32 bytes per sample of capacity, taken at the start. NaN ages the window but is no extreme.
#[derive(Debug, Clone, PartialEq)]
pub struct SlidingExtremes {
    capacity: usize,
    now: u64,
    low: VecDeque<(u64, f64)>,
    high: VecDeque<(u64, f64)>,
}

impl SlidingExtremes {
    /// Of the last `capacity` samples (at least 1).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { capacity, now: 0, low: VecDeque::with_capacity(capacity), high: VecDeque::with_capacity(capacity) }
    }

    /// Takes a sample.
    pub fn observe(&mut self, x: f64) {
        let (now, capacity) = (self.now, self.capacity as u64);
        self.now += 1;
        push(&mut self.low, now, capacity, x, |old| old >= x);
        push(&mut self.high, now, capacity, x, |old| old <= x);
    }

    /// The smallest; NaN where the window holds no number.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.low.front().map_or(f64::NAN, |e| e.1)
    }

    /// The largest; NaN where the window holds no number.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.high.front().map_or(f64::NAN, |e| e.1)
    }
}

fn push(queue: &mut VecDeque<(u64, f64)>, now: u64, capacity: u64, x: f64, beaten: impl Fn(f64) -> bool) {
    if queue.front().is_some_and(|(at, _)| now - at >= capacity) {
        queue.pop_front();
    }
    if x.is_nan() {
        return;
    }
    while queue.back().is_some_and(|e| beaten(e.1)) {
        queue.pop_back();
    }
    queue.push_back((now, x));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rng, stats::order::quantile};

    #[test]
    fn both_windows_agree_with_the_slice() {
        let mut r = Rng::new(11);
        let x: Vec<f64> = (0..500).map(|_| (r.normal() * 4.0).round()).collect();
        for w in [1, 2, 7, 50] {
            let (mut q, mut e) = (SlidingQuantile::new(w), SlidingExtremes::new(w));
            for i in 0..x.len() {
                q.observe(x[i]);
                e.observe(x[i]);
                let last = &x[(i + 1).saturating_sub(w)..=i];
                for p in [0.0, 0.3, 0.5, 0.95, 1.0] {
                    assert_eq!(q.quantile(p), quantile(last, p), "w {w} i {i} p {p}");
                }
                assert_eq!((e.min(), e.max()), (quantile(last, 0.0), quantile(last, 1.0)), "w {w} i {i}");
            }
        }
    }

    #[test]
    fn nan_is_no_sample_of_quantiles_and_leaves_extremes_in_time() {
        let mut q = SlidingQuantile::new(0);
        assert!(q.quantile(0.5).is_nan() && q.is_empty());
        q.observe(f64::NAN);
        assert_eq!(q.len(), 0);
        let mut e = SlidingExtremes::new(2);
        assert!(e.max().is_nan());
        e.observe(5.0);
        e.observe(f64::NAN);
        assert_eq!(e.max(), 5.0);
        e.observe(f64::NAN);
        assert!(e.max().is_nan() && e.min().is_nan());
    }
}
