//! The left matrix profile of a stream: how far is the newest stretch from the most similar one of the recent past.
//!
//! [`super::matrix_profile`]'s `left_distance`, one sample at a time over a bounded history (STOMPI, Yeh et al. 2016, with
//! centred products kept by lag). O(history) a sample: for the few series of an incident, not for a fleet.

use crate::{Error, Result};

/// State of one series: some 56 bytes for each sample of history.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftProfile {
    m: usize,
    /// Windows that are kept.
    kept: usize,
    x: Vec<f64>,
    windows: Vec<Window>,
    /// Centred product of the newest window with the one so many samples before; the first, lag 0, is unused.
    products: Vec<f64>,
    /// Runs of finite and of equal samples up to now.
    runs: (usize, usize),
    last: f64,
    renewed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    mean: f64,
    inverse: f64,
    extra: f64,
    drift: f64,
    swing: f64,
}

impl LeftProfile {
    /// Windows of `m` samples compared within the last `history` samples. Errors where `m` is below 3 or the history does
    /// not hold two windows outside the exclusion zone of ⌈m/4⌉.
    pub fn new(m: usize, history: usize) -> Result<Self> {
        Error::parameter(m >= 3, "m", m as f64, "3 or more")?;
        Error::at_least("samples of history", m.saturating_add(m.div_ceil(4) + 1), history)?;
        let kept = history - m + 1;
        let empty = (Vec::new(), Vec::new());
        Ok(Self { m, kept, x: empty.0, windows: vec![], products: empty.1, runs: (0, 0), last: f64::NAN, renewed: 0 })
    }

    /// Takes a sample; the distance of the window that it completes to the nearest earlier one, 0 to 2√m. `None` while there
    /// is no such window, or where the new one has a gap (NaN or an infinity). Numbers above 1e150 overflow and count as
    /// gaps do. O(history + m).
    pub fn push(&mut self, value: f64) -> Option<f64> {
        let finite = value.is_finite();
        self.runs.0 = if finite { self.runs.0 + 1 } else { 0 };
        self.runs.1 = if value == self.last { self.runs.1 + 1 } else { 1 };
        self.last = value;
        let filled = if finite { value } else { self.x.last().copied().unwrap_or(0.0) };
        self.x.push(filled);
        if self.x.len() < self.m {
            return None;
        }
        self.forget();
        self.add_window();
        self.update();
        self.nearest()
    }

    /// Drops what is older than the history once that is as much as the history itself.
    fn forget(&mut self) {
        if self.windows.len() >= 2 * self.kept {
            let old = self.windows.len() - self.kept;
            self.windows.drain(..old);
            self.x.drain(..old);
        }
    }

    fn add_window(&mut self) {
        let m = self.m;
        let start = self.windows.len();
        let window = &self.x[start..start + m];
        let mean = window.iter().sum::<f64>() / m as f64;
        let squares: f64 = window.iter().map(|v| (v - mean) * (v - mean)).sum();
        let constant = self.runs.1 >= m || squares == 0.0;
        let gap = self.runs.0 < m || !squares.is_finite();
        let (mut drift, mut swing) = (0.0, 0.0);
        if let Some(before) = self.windows.last() {
            let (enters, leaves) = (self.x[start + m - 1], self.x[start - 1]);
            drift = 0.5 * (enters - leaves);
            swing = (enters - mean) + (leaves - before.mean);
        }
        let inverse = if gap || constant { 0.0 } else { 1.0 / squares.sqrt() };
        let extra = match constant {
            _ if gap => f64::NEG_INFINITY,
            true => 0.5,
            false => 0.0,
        };
        self.windows.push(Window { mean, inverse, extra, drift, swing });
    }

    /// Products of the newest window by lag; one of them is summed afresh each time, so that rounding does not gather.
    fn update(&mut self) {
        let newest = self.windows.len() - 1;
        let own = self.windows[newest];
        let before = self.windows[..newest].iter().rev();
        for (p, w) in self.products.iter_mut().skip(1).zip(before) {
            *p += own.drift * w.swing + w.drift * own.swing;
        }
        if self.products.len() < self.kept.min(newest + 1) {
            self.products.push(self.product(self.products.len()));
        }
        self.renewed = (self.renewed + 1) % self.products.len();
        self.products[self.renewed] = self.product(self.renewed);
    }

    fn product(&self, lag: usize) -> f64 {
        let newest = self.windows.len() - 1;
        let (i, j) = (newest, newest - lag);
        let (p, q) = (self.windows[i].mean, self.windows[j].mean);
        let pairs = self.x[i..i + self.m].iter().zip(&self.x[j..j + self.m]);
        pairs.map(|(x, y)| (x - p) * (y - q)).sum()
    }

    fn nearest(&self) -> Option<f64> {
        let newest = self.windows.len() - 1;
        let own = self.windows[newest];
        let zone = self.m.div_ceil(4);
        let earlier = self.windows[..newest].iter().rev().zip(self.products.iter().skip(1)).skip(zone);
        let best = earlier.fold(f64::NEG_INFINITY, |best: f64, (w, p)| {
            let r = p * own.inverse * w.inverse + (own.extra + w.extra);
            if r > best { r } else { best }
        });
        let squared = 2.0 * self.m as f64 * (1.0 - best.min(1.0));
        best.is_finite().then(|| if squared < 1e-14 { 0.0 } else { squared.sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::outlier::matrix_profile::matrix_profile;

    fn series() -> Vec<f64> {
        let mut r = Rng::new(6);
        let mut y: Vec<f64> = (0..900).map(|i| 50.0 + 3.0 * (f64::from(i) * 0.3).sin() + r.normal()).collect();
        y[200..240].fill(7.0);
        y[333] = f64::NAN;
        y[500] = 400.0;
        y
    }

    #[test]
    fn a_stream_gives_the_left_profile_of_the_batch() {
        let (y, m) = (series(), 16);
        let batch = matrix_profile(&y, m).unwrap();
        let mut stream = LeftProfile::new(m, y.len()).unwrap();
        for (i, v) in y.iter().enumerate() {
            let found = stream.push(*v).unwrap_or(f64::INFINITY);
            let expected = (i + 1).checked_sub(m).map_or(f64::INFINITY, |start| batch.left_distance[start]);
            assert!(found == expected || (found - expected).abs() < 1e-5, "{i}: {found} {expected}");
        }
    }

    #[test]
    fn what_is_older_than_the_history_is_forgotten() {
        let (y, m, history) = (series(), 12, 100);
        let mut stream = LeftProfile::new(m, history).unwrap();
        for (i, v) in y.iter().enumerate() {
            let found = stream.push(*v).unwrap_or(f64::INFINITY);
            if i + 1 >= history {
                let batch = matrix_profile(&y[i + 1 - history..=i], m).unwrap();
                let expected = *batch.left_distance.last().unwrap();
                assert!(found == expected || (found - expected).abs() < 1e-5, "{i}: {found} {expected}");
            }
        }
        assert!(stream.x.len() <= 3 * history);
    }

    #[test]
    fn degenerate_streams_are_errors_or_finite() {
        assert!(LeftProfile::new(2, 50).is_err() && LeftProfile::new(20, 20).is_err());
        assert!(LeftProfile::new(usize::MAX, 20).is_err());
        let mut stream = LeftProfile::new(4, 10).unwrap();
        for v in [f64::NAN, f64::INFINITY, 1e300, -1e300, 0.0, 1.0, 1e-300, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0] {
            assert!(stream.push(v).is_none_or(f64::is_finite));
        }
        assert_eq!(stream.push(5.0), Some(0.0));
    }
}
