//! The pieces of the tier-0 operator for use alone, in `f64`.

/// Exponentially weighted mean and variance whose updates are winsorised, so that an outlier does not teach.
///
/// The gain is 1/n until that falls below `gain` (a plain mean at first). After `warm_up` samples an update is cut at four
/// standard deviations. O(1); NaN and infinities are ignored and give 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Ewma {
    gain: f64,
    warm_up: u32,
    n: u32,
    mean: f64,
    variance: f64,
    low: f64,
    high: f64,
}

impl Ewma {
    /// `gain` in (0, 1]; a half-life of h samples is a gain of 1 − 2^(−1/h).
    #[must_use]
    pub fn new(gain: f64, warm_up: u32) -> Self {
        Self { gain, warm_up, n: 0, mean: 0.0, variance: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }

    /// The mean; 0 before the first sample.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation, at least a thousandth of the range seen: constant stretches would give none.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt().max((self.high - self.low).max(0.0) * 1e-3)
    }

    /// Takes a sample; returns its signed distance from the mean before it in standard deviations, 0 while warming up.
    pub fn observe(&mut self, x: f64) -> f64 {
        if !x.is_finite() {
            return 0.0;
        }
        self.n = self.n.saturating_add(1);
        self.low = self.low.min(x);
        self.high = self.high.max(x);
        if self.n == 1 {
            self.mean = x;
            return 0.0;
        }
        let deviation = self.deviation();
        let mut d = x - self.mean;
        let warm = self.n > self.warm_up;
        let z = if warm && deviation > 0.0 { d / deviation } else { 0.0 };
        if warm {
            d = d.clamp(-4.0 * deviation, 4.0 * deviation);
        }
        let g = self.gain.max(1.0 / f64::from(self.n));
        self.mean += g * d;
        self.variance = (1.0 - g) * (self.variance + g * d * d);
        z
    }
}

/// Quartiles in two numbers (Ma, Muthukrishnan and Sandler, "Frugal streaming", 2013, with steps that follow the IQR).
///
/// Each sample moves a quartile by a tenth (the first 500 samples) or a hundredth of the IQR, up with weight p and down with
/// 1 − p. Rough: about a tenth of the IQR off. NaN and infinities are ignored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrugalQuartiles {
    n: u32,
    quartiles: [f64; 3],
    low: f64,
    high: f64,
}

impl FrugalQuartiles {
    /// First quartile, median, third quartile; zeros before the first sample.
    #[must_use]
    pub fn quartiles(&self) -> [f64; 3] {
        self.quartiles
    }

    /// Takes a sample; returns how far it lies outside the box of the quartiles before it, in IQRs (0 inside).
    pub fn observe(&mut self, x: f64) -> f64 {
        if !x.is_finite() {
            return 0.0;
        }
        self.n = self.n.saturating_add(1);
        if self.n == 1 {
            (self.quartiles, self.low, self.high) = ([x; 3], x, x);
            return 0.0;
        }
        (self.low, self.high) = (self.low.min(x), self.high.max(x));
        let [q1, _, q3] = self.quartiles;
        let iqr = (q3 - q1).max(1e-3 * (self.high - self.low));
        if iqr <= 0.0 {
            return 0.0;
        }
        let outside = (q1 - x).max(x - q3).max(0.0) / iqr;
        let step = 2.0 * iqr * if self.n < 500 { 0.1 } else { 0.01 };
        for (q, p) in self.quartiles.iter_mut().zip([0.25, 0.5, 0.75]) {
            *q += if x > *q { step * p } else { -step * (1.0 - p) };
        }
        self.quartiles.sort_by(f64::total_cmp);
        outside
    }
}

/// Two-sided CUSUM of standardised samples (Page 1954): sums what exceeds `drift`, never below 0, at most `cap`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cusum {
    drift: f64,
    cap: f64,
    up: f64,
    down: f64,
}

impl Cusum {
    /// `drift` in standard deviations: half of the smallest shift worth seeing (.5 sees 1 σ best).
    #[must_use]
    pub fn new(drift: f64, cap: f64) -> Self {
        Self { drift, cap, up: 0.0, down: 0.0 }
    }

    /// Takes a standardised sample; returns (sum upwards, sum downwards). NaN is ignored.
    pub fn observe(&mut self, z: f64) -> (f64, f64) {
        if !z.is_nan() {
            self.up = (self.up + z - self.drift).clamp(0.0, self.cap);
            self.down = (self.down - z - self.drift).clamp(0.0, self.cap);
        }
        (self.up, self.down)
    }
}

/// A series' own decaying record: how far a value exceeds everything lately seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    decay: f64,
    floor: f64,
    record: f64,
}

impl Record {
    /// The record halves every `half_life` samples and never falls below `floor`.
    #[must_use]
    pub fn new(half_life: f64, floor: f64) -> Self {
        Self { decay: 0.5_f64.powf(1.0 / half_life), floor, record: floor }
    }

    /// max(z / record − 1, 0), then the record takes z in. NaN gives 0.
    pub fn observe(&mut self, z: f64) -> f64 {
        if z.is_nan() {
            return 0.0;
        }
        let excess = (z / self.record - 1.0).max(0.0);
        self.record = (self.record * self.decay).max(z).max(self.floor);
        excess
    }
}

/// Lets a score through only if it exceeds all within the last `length` samples: one alarm an incident, not a burst.
///
/// In O(1): the largest score is held until a larger one comes or it is older than `length`.
#[derive(Debug, Clone, PartialEq)]
pub struct Refractory {
    length: u32,
    held: f64,
    age: u32,
}

impl Refractory {
    /// Holds for `length` samples.
    #[must_use]
    pub fn new(length: u32) -> Self {
        Self { length, held: 0.0, age: u32::MAX }
    }

    /// The score, or 0 while a larger one is held.
    pub fn observe(&mut self, score: f64) -> f64 {
        self.age = self.age.saturating_add(1);
        let over = self.age > self.length;
        let passed = if score > 0.0 && (over || score > self.held) { score } else { 0.0 };
        if over || score >= self.held {
            (self.held, self.age) = (score, 0);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn an_outlier_is_seen_and_does_not_teach() {
        let mut e = Ewma::new(0.01, 50);
        let mut r = Rng::new(1);
        for _ in 0..2000 {
            e.observe(10.0 + r.normal());
        }
        assert!(e.observe(30.0) > 15.0);
        assert!((e.mean() - 10.0).abs() < 0.5 && (e.deviation() - 1.0).abs() < 0.2);
        assert_eq!(e.observe(f64::NAN), 0.0);
    }

    #[test]
    fn frugal_quartiles_are_near_the_true_ones() {
        let mut f = FrugalQuartiles::default();
        let mut r = Rng::new(2);
        for _ in 0..20_000 {
            f.observe(100.0 + 5.0 * r.normal());
        }
        let [q1, q2, q3] = f.quartiles();
        assert!((q1 - 96.63).abs() < 0.8 && (q2 - 100.0).abs() < 0.8 && (q3 - 103.37).abs() < 0.8, "{q1} {q2} {q3}");
        let mut constant = FrugalQuartiles::default();
        assert!((0..100).all(|_| constant.observe(3.0) == 0.0));
    }

    #[test]
    fn cusum_sees_a_shift_that_single_samples_do_not_show() {
        let mut c = Cusum::new(0.5, 50.0);
        let mut r = Rng::new(3);
        let calm = (0..500).map(|_| c.observe(r.normal()).0).fold(0.0, f64::max);
        let shifted = (0..50).map(|_| c.observe(r.normal() + 1.5).0).fold(0.0, f64::max);
        assert!(shifted > 2.0 * calm, "{calm} {shifted}");
    }

    #[test]
    fn a_burst_is_one_alarm() {
        let mut q = Refractory::new(100);
        let passed: Vec<f64> = [0.0, 5.0, 4.0, 6.0, 1.0].iter().map(|s| q.observe(*s)).collect();
        assert_eq!(passed, [0.0, 5.0, 0.0, 6.0, 0.0]);
        let mut record = Record::new(100.0, 3.0);
        assert_eq!([record.observe(2.0), record.observe(6.0), record.observe(6.0)], [0.0, 1.0, 0.0]);
    }
}
