//! Bands: fixed limits, k sigma, Tukey's fences, median absolute deviation, quantiles; and the Hampel filter, which is a
//! band that slides.
//!
//! All of them learn from the numbers given, in O(n log n) (k sigma: O(n)), leave NaN out and take infinities as numbers.
//! A constant sample has a band without width: every other value is outside it. [`Band::at_least`] is the counter, and
//! belongs into every product path (series that stand still are the most frequent cause of false alarms).

use super::Labels;
use super::order::{SortedWindow, deviation_sorted, median_sorted, sorted_numbers};
use crate::stats::order::{MAD_TO_DEVIATION, quantile_sorted};
use crate::{Error, Result};

/// Limits; what is strictly below `low` or strictly above `high` is outside. An infinite limit never is passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Lowest value that is inside.
    pub low: f64,
    /// Highest value that is inside.
    pub high: f64,
}

impl Band {
    /// Limits the user names; `None` is no limit. Errors on a NaN limit or `low > high`.
    pub fn fixed(low: Option<f64>, high: Option<f64>) -> Result<Self> {
        let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
        Error::parameter(low <= high, "low", low, "not above high")?;
        Ok(Self { low, high })
    }

    /// Mean ± `k` sample standard deviations. One outlier among n can be at most (n − 1)/√n deviations away, so k = 3
    /// finds nothing in fewer than 11 points. One point: no width. Errors where there is no number or k is negative.
    pub fn sigma(values: &[f64], k: f64) -> Result<Self> {
        Error::parameter(k >= 0.0, "k", k, "0 or more")?;
        let numbers: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        Error::at_least("numbers for a sigma band", 1, numbers.len())?;
        let n = numbers.len() as f64;
        // scaled, so that squares neither overflow nor vanish
        let scale = numbers.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let scale = if scale > 0.0 && scale.is_finite() { scale } else { 1.0 };
        let mean = numbers.iter().map(|v| v / scale).sum::<f64>() / n;
        let squares: f64 = numbers.iter().map(|v| (v / scale - mean).powi(2)).sum();
        let reach = k * (squares / (n - 1.0).max(1.0)).sqrt();
        Ok(Self { low: (mean - reach) * scale, high: (mean + reach) * scale })
    }

    /// Tukey's fences: `q25 − below · iqr` and `q75 + above · iqr` with linear quantiles; `None` leaves a side open.
    /// 1.5 marks 0.7 % of normal samples, 3 marks 2 in a million. Errors where there is no number.
    pub fn iqr(values: &[f64], below: Option<f64>, above: Option<f64>) -> Result<Self> {
        let sorted = sorted_numbers(values);
        Error::at_least("numbers for quartiles", 1, sorted.len())?;
        let (q1, q3) = (quantile_sorted(&sorted, 0.25), quantile_sorted(&sorted, 0.75));
        let iqr = q3 - q1;
        Ok(Self {
            low: below.map_or(f64::NEG_INFINITY, |c| q1 - iqr * c),
            high: above.map_or(f64::INFINITY, |c| q3 + iqr * c),
        })
    }

    /// Median ± `k` · 1.4826 · median absolute deviation: the k sigma band that up to half of the sample cannot move.
    /// Where more than half of the values are equal it has no width. Errors where there is no number or k is negative.
    pub fn mad(values: &[f64], k: f64) -> Result<Self> {
        Error::parameter(k >= 0.0, "k", k, "0 or more")?;
        let sorted = sorted_numbers(values);
        Error::at_least("numbers for a MAD band", 1, sorted.len())?;
        let centre = median_sorted(&sorted);
        let reach = k * MAD_TO_DEVIATION * deviation_sorted(&sorted, centre);
        Ok(Self { low: centre - reach, high: centre + reach })
    }

    /// Linear quantiles of the sample as limits; `None` leaves a side open. By construction it marks a fixed share of its
    /// own sample. Errors where there is no number or a share is outside [0, 1].
    pub fn quantile(values: &[f64], low: Option<f64>, high: Option<f64>) -> Result<Self> {
        for q in low.iter().chain(&high) {
            Error::parameter((0.0..=1.0).contains(q), "quantile", *q, "0 to 1")?;
        }
        let sorted = sorted_numbers(values);
        Error::at_least("numbers for quantiles", 1, sorted.len())?;
        Ok(Self {
            low: low.map_or(f64::NEG_INFINITY, |q| quantile_sorted(&sorted, q)),
            high: high.map_or(f64::INFINITY, |q| quantile_sorted(&sorted, q)),
        })
    }

    /// The same band with at least `reach` on each side of its middle: the band floor. An open side stays open.
    #[must_use]
    pub fn at_least(self, reach: f64) -> Self {
        if !self.low.is_finite() || !self.high.is_finite() {
            return self;
        }
        let middle = 0.5 * self.low + 0.5 * self.high;
        Self { low: self.low.min(middle - reach), high: self.high.max(middle + reach) }
    }

    /// Whether `x` is outside; NaN is not.
    #[must_use]
    pub fn is_outside(&self, x: f64) -> bool {
        x < self.low || x > self.high
    }

    /// How far outside: 0 inside, else the distance to the limit in half widths (in units of x where a side is open,
    /// infinite where the band has no width). NaN for NaN.
    #[must_use]
    pub fn excess(&self, x: f64) -> f64 {
        if x.is_nan() {
            return f64::NAN;
        }
        let beyond = if x > self.high {
            x - self.high
        } else if x < self.low {
            self.low - x
        } else {
            return 0.0;
        };
        let half = 0.5 * (self.high - self.low);
        if half.is_finite() { beyond / half } else { beyond }
    }

    /// Each value: outside or not, `None` for NaN.
    #[must_use]
    pub fn label(&self, values: &[f64]) -> Labels {
        values.iter().map(|v| if v.is_nan() { None } else { Some(self.is_outside(*v)) }).collect()
    }
}

/// Settings of [`hampel`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hampel {
    /// Neighbours on each side; 3 is MATLAB's default.
    pub half_window: usize,
    /// Allowed distance from the window's median in robust standard deviations; 3 is the usual one.
    pub k: f64,
    /// Least allowed distance, in units of the series, for windows that stand still. 0 is the textbook filter, which
    /// marks any change within a window of which more than half is constant.
    pub floor: f64,
}

impl Default for Hampel {
    fn default() -> Self {
        Self { half_window: 3, k: 3.0, floor: 0.0 }
    }
}

/// What [`hampel`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Filtered {
    /// Outlier or not, `None` for NaN.
    pub labels: Labels,
    /// The series with outliers replaced by their window's median; NaN stays NaN.
    pub values: Vec<f64>,
}

/// Hampel filter: a sample is an outlier where it is further than `k` · 1.4826 · MAD from the median of the window around
/// it (shortened at the ends, as MATLAB's `hampel` does). NaN takes no part in windows. O(n · window), memory O(window).
/// Looks ahead by `half_window`, so it is for batches. Errors on a negative or NaN `k` or `floor`.
pub fn hampel(values: &[f64], settings: &Hampel) -> Result<Filtered> {
    Error::parameter(settings.k >= 0.0, "k", settings.k, "0 or more")?;
    Error::parameter(settings.floor >= 0.0, "floor", settings.floor, "0 or more")?;
    let half = settings.half_window.min(values.len());
    let mut window = SortedWindow::default();
    values.iter().take(half).for_each(|v| window.insert(*v));
    let mut found = Filtered { labels: Vec::with_capacity(values.len()), values: Vec::with_capacity(values.len()) };
    for (i, x) in values.iter().enumerate() {
        if let Some(entering) = values.get(i + half) {
            window.insert(*entering);
        }
        if let Some(leaving) = (i > half).then(|| values[i - half - 1]) {
            window.remove(leaving);
        }
        let centre = median_sorted(window.sorted());
        let reach = settings.k * MAD_TO_DEVIATION * deviation_sorted(window.sorted(), centre);
        let outside = (x - centre).abs() > reach.max(settings.floor);
        found.labels.push(if x.is_nan() { None } else { Some(outside) });
        found.values.push(if outside { centre } else { *x });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_those_of_their_formulas() {
        let v = [1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN];
        let near = |b: Band, low: f64, high: f64| {
            assert!((b.low - low).abs() < 1e-12 && (b.high - high).abs() < 1e-12, "{b:?}");
        };
        near(Band::sigma(&v, 2.0).unwrap(), 3.0 - 10.0f64.sqrt(), 3.0 + 10.0f64.sqrt());
        near(Band::iqr(&v, Some(1.5), Some(3.0)).unwrap(), -1.0, 10.0);
        near(Band::mad(&v, 2.0).unwrap(), 3.0 - 2.0 * MAD_TO_DEVIATION, 3.0 + 2.0 * MAD_TO_DEVIATION);
        near(Band::quantile(&v, Some(0.1), Some(0.9)).unwrap(), 1.4, 4.6);
        assert_eq!(Band::fixed(None, Some(2.0)).unwrap().label(&[1.0, 3.0, f64::NAN]), [Some(false), Some(true), None]);
    }

    #[test]
    fn a_constant_sample_needs_the_floor() {
        let band = Band::mad(&[7.0; 9], 3.5).unwrap();
        assert!(band.is_outside(7.000_1) && !band.at_least(0.5).is_outside(7.000_1));
        assert_eq!(Band::iqr(&[1.0], None, Some(3.0)).unwrap().at_least(9.0).high, 1.0);
        assert_eq!(Band { low: 0.0, high: 2.0 }.excess(4.0), 2.0);
    }

    #[test]
    fn degenerate_samples_give_errors_or_bands() {
        for none in [&[][..], &[f64::NAN]] {
            assert!(Band::sigma(none, 3.0).is_err() && Band::iqr(none, None, None).is_err());
            assert!(Band::mad(none, 3.0).is_err() && Band::quantile(none, None, None).is_err());
        }
        assert!(Band::fixed(Some(2.0), Some(1.0)).is_err() && Band::quantile(&[1.0], Some(1.5), None).is_err());
        for scale in [1e-300, 1e300] {
            let v: Vec<f64> = [1.0, 2.0, 1.5, 1.2, 1.1].iter().map(|x| x * scale).collect();
            for band in [Band::sigma(&v, 1.0).unwrap(), Band::mad(&v, 3.0).unwrap()] {
                assert!(band.low.is_finite() && band.high.is_finite() && band.low < band.high);
            }
        }
        assert_eq!(Band::sigma(&[4.0], 3.0).unwrap(), Band { low: 4.0, high: 4.0 });
    }

    #[test]
    fn hampel_replaces_a_spike_and_keeps_a_step() {
        let mut y: Vec<f64> = (0..40).map(|i| f64::from(i % 3)).collect();
        y[20..].iter_mut().for_each(|v| *v += 50.0);
        y[7] = 90.0;
        let found = hampel(&y, &Hampel::default()).unwrap();
        let marked: Vec<usize> = (0..40).filter(|i| found.labels[*i] == Some(true)).collect();
        assert_eq!(marked, [7]);
        assert!(found.values[7] <= 2.0);
        let wide = Hampel { half_window: usize::MAX, ..Hampel::default() };
        assert_eq!(hampel(&[], &wide).unwrap().labels, []);
        assert_eq!(hampel(&[f64::NAN, 1.0], &wide).unwrap().labels, [None, Some(false)]);
        assert!(hampel(&y, &Hampel { k: f64::NAN, ..wide }).is_err());
    }
}
