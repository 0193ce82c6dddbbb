//! Quantiles of a stream in fixed memory with a bounded relative error.

use crate::{Error, Result};

/// Bins for either sign. With 1 % error 1,024 bins reach over a factor of e^20 ≈ 5e8 between the largest and the smallest
/// value told apart; smaller ones collapse into the lowest bin.
const BINS: usize = 1024;

/// When weights have grown this far all are scaled back: far from overflow, rare enough to cost nothing.
const RESCALE: f64 = 1e100;

/// A quantile sketch with relative error `alpha`: an answer lies within ± `alpha` of a value of the asked rank.
///
/// DDSketch (Masson, Rim and Lee, VLDB 2019) with logarithmic bins of ratio (1 + α)/(1 − α), bounded by collapsing the
/// lowest bins; high quantiles keep their promise, low ones may lose it where values span more than 1,024 bins. With a
/// half-life old samples fade: a new one weighs more than the one before by 2^(1/half-life). Mergeable where α is equal
/// and nothing fades. About 16 KiB. O(1) a sample with one logarithm; a quantile reads all bins. NaN and infinities are
/// ignored; magnitudes below 1e-300 count as 0.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileSketch {
    log_gamma: f64,
    growth: f64,
    weight: f64,
    zero: f64,
    positive: Store,
    negative: Store,
    low: f64,
    high: f64,
}

impl QuantileSketch {
    /// `alpha` in (0, 1), usually 0.01; `half_life` in samples, or `None` to forget nothing.
    pub fn new(alpha: f64, half_life: Option<f64>) -> Result<Self> {
        Error::parameter(alpha > 0.0 && alpha < 1.0, "alpha", alpha, "between 0 and 1")?;
        let h = half_life.unwrap_or(f64::INFINITY);
        Error::parameter(h > 0.0, "half_life", h, "above 0")?;
        Ok(Self {
            log_gamma: ((1.0 + alpha) / (1.0 - alpha)).ln(),
            growth: (1.0 / h).exp2(),
            weight: 1.0,
            zero: 0.0,
            positive: Store::new(),
            negative: Store::new(),
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        })
    }

    /// Takes a sample.
    pub fn observe(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        (self.low, self.high) = (self.low.min(x), self.high.max(x));
        let weight = self.weight;
        if x.abs() < 1e-300 {
            self.zero += weight;
        } else {
            let bin = (libm::log(x.abs()) / self.log_gamma).ceil() as i32;
            if x > 0.0 { &mut self.positive } else { &mut self.negative }.add(bin, weight);
        }
        self.weight *= self.growth;
        if self.weight > RESCALE {
            self.rescale();
        }
    }

    /// Takes in what another sketch has seen. [`Error::Parameter`] where errors differ or either fades.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let alike = self.log_gamma == other.log_gamma && self.growth == 1.0 && other.growth == 1.0;
        Error::parameter(alike, "alpha", other.log_gamma, "equal in both sketches, without a half-life")?;
        self.zero += other.zero;
        for (mine, theirs) in [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)] {
            theirs.bins().for_each(|(bin, count)| mine.add(bin, count));
        }
        (self.low, self.high) = (self.low.min(other.low), self.high.max(other.high));
        Ok(())
    }

    /// Weight of all samples in units of the newest: their count where nothing fades.
    #[must_use]
    pub fn weight(&self) -> f64 {
        (self.zero + self.positive.total + self.negative.total) / (self.weight / self.growth)
    }

    /// The `q`-quantile; NaN before the first sample and for q outside 0..=1. Never outside the values seen.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        let total = self.zero + self.positive.total + self.negative.total;
        if total == 0.0 || !(0.0..=1.0).contains(&q) {
            return f64::NAN;
        }
        // rank q (n - 1) counted from 0, in weights
        let newest = self.weight / self.growth;
        let rank = q * (total - newest).max(0.0);
        let middle = |bin: i32| 2.0 * libm::exp(f64::from(bin) * self.log_gamma) / (libm::exp(self.log_gamma) + 1.0);
        let mut seen = 0.0;
        for (bin, count) in self.negative.bins().rev() {
            seen += count;
            if seen > rank {
                return (-middle(bin)).clamp(self.low, self.high);
            }
        }
        seen += self.zero;
        if seen > rank {
            return 0.0;
        }
        for (bin, count) in self.positive.bins() {
            seen += count;
            if seen > rank {
                return middle(bin).clamp(self.low, self.high);
            }
        }
        self.high
    }

    fn rescale(&mut self) {
        let factor = 1.0 / self.weight;
        self.zero *= factor;
        self.positive.scale(factor);
        self.negative.scale(factor);
        self.weight = 1.0;
    }
}

/// Counts of `BINS` neighbouring bins, the highest ones used.
#[derive(Debug, Clone, PartialEq)]
struct Store {
    counts: Vec<f64>,
    /// Bin of `counts[0]`.
    first: i32,
    total: f64,
}

impl Store {
    fn new() -> Self {
        Self { counts: vec![0.0; BINS], first: 0, total: 0.0 }
    }

    fn add(&mut self, bin: i32, weight: f64) {
        if self.total == 0.0 {
            // room on both sides of the first value
            self.first = bin - BINS as i32 / 2;
        }
        let last = self.first + BINS as i32 - 1;
        if bin > last {
            self.shift_up((bin - last) as usize);
        } else if bin < self.first {
            self.shift_down((self.first - bin) as usize);
        }
        self.counts[(bin - self.first).max(0) as usize] += weight;
        self.total += weight;
    }

    /// The lowest bins collapse into one to make room above.
    fn shift_up(&mut self, by: usize) {
        let gone = by.min(BINS);
        let collapsed: f64 = self.counts[..gone].iter().sum();
        self.counts.copy_within(gone.., 0);
        self.counts[BINS - gone..].fill(0.0);
        self.first += by as i32;
        self.counts[0] += collapsed;
    }

    /// Moves down as far as empty bins above allow.
    fn shift_down(&mut self, by: usize) {
        let free = self.counts.iter().rev().take_while(|c| **c == 0.0).count();
        let by = by.min(free);
        self.counts.copy_within(..BINS - by, by);
        self.counts[..by].fill(0.0);
        self.first -= by as i32;
    }

    fn bins(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> {
        self.counts.iter().enumerate().filter(|(_, c)| **c > 0.0).map(|(i, c)| (self.first + i as i32, *c))
    }

    fn scale(&mut self, factor: f64) {
        self.counts.iter_mut().for_each(|c| *c *= factor);
        self.total = self.counts.iter().sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rng, stats::order::quantile};

    #[test]
    fn answers_lie_within_the_promised_error() {
        let mut r = Rng::new(2);
        let x: Vec<f64> = (0..20_000).map(|i| (3.0 * r.normal()).exp() * if i % 5 == 0 { -1.0 } else { 1.0 }).collect();
        let mut s = QuantileSketch::new(0.01, None).unwrap();
        x.iter().for_each(|v| s.observe(*v));
        assert_eq!(s.weight(), 20_000.0);
        for q in [0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let (found, exact) = (s.quantile(q), quantile(&x, q));
            assert!((found - exact).abs() <= 0.012 * exact.abs(), "{q}: {found} {exact}");
        }
    }

    #[test]
    fn merged_parts_answer_as_the_whole() {
        let mut r = Rng::new(3);
        let x: Vec<f64> = (0..2000).map(|_| r.normal().exp()).collect();
        let fill = |part: &[f64]| {
            let mut s = QuantileSketch::new(0.02, None).unwrap();
            part.iter().for_each(|v| s.observe(*v));
            s
        };
        let (mut left, right, whole) = (fill(&x[..700]), fill(&x[700..]), fill(&x));
        left.merge(&right).unwrap();
        for q in [0.0, 0.2, 0.5, 0.99] {
            assert_eq!(left.quantile(q), whole.quantile(q));
        }
        assert!(left.merge(&QuantileSketch::new(0.01, None).unwrap()).is_err());
    }

    #[test]
    fn what_is_old_fades() {
        let mut s = QuantileSketch::new(0.01, Some(100.0)).unwrap();
        (0..5000).for_each(|_| s.observe(1.0));
        (0..300).for_each(|_| s.observe(50.0));
        assert!((s.quantile(0.5) / 50.0 - 1.0).abs() < 0.011, "{}", s.quantile(0.5));
        (0..50_000).for_each(|_| s.observe(-2.0));
        assert!((s.quantile(1.0) + 2.0).abs() < 0.03 || s.quantile(0.999) < 0.0, "{}", s.quantile(0.999));
        assert!(s.weight().is_finite());
    }

    #[test]
    fn wide_ranges_keep_the_high_quantiles() {
        let mut s = QuantileSketch::new(0.01, None).unwrap();
        for e in -300..300 {
            s.observe(10f64.powi(e));
        }
        assert!((s.quantile(1.0) / 1e299 - 1.0).abs() < 0.011);
        for v in [f64::NAN, f64::INFINITY, 0.0, -0.0, 1e-310, f64::MAX, f64::MIN] {
            s.observe(v);
        }
        assert!(s.quantile(0.5).is_finite() && s.quantile(1.0).is_finite());
        assert!(QuantileSketch::new(0.0, None).is_err() && QuantileSketch::new(0.1, Some(f64::NAN)).is_err());
        assert!(QuantileSketch::new(0.1, None).unwrap().quantile(0.5).is_nan());
    }
}
