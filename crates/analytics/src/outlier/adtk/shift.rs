//! Two windows side by side: a change of value (PersistAD), level (LevelShiftAD) or spread (VolatilityShiftAD).

use super::{Detection, Mode, Side, decide, limit};
use crate::outlier::order::{SortedWindow, median_sorted};
use crate::{Error, Result};

/// What a window is reduced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Mean.
    Mean,
    /// Median.
    Median,
    /// Sample standard deviation; undefined for one number.
    Deviation,
    /// 75 % quantile − 25 % quantile.
    InterQuartile,
    /// 90 % quantile − 10 % quantile.
    InterDecile,
}

/// A comparison of the window before a sample with the one that starts at it; the distances beyond
/// `q75 + c · iqr` of the training distances are outliers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Samples in the window before and in the window from the sample on.
    pub windows: (usize, usize),
    /// Finite numbers a window needs; `None`: all of it. Windows are cut at the ends of the series.
    pub least: (Option<usize>, Option<usize>),
    /// What is compared.
    pub aggregate: Aggregate,
    /// Whether the distance is relative to the window before. Guarded: to no less than the band floor.
    pub relative: bool,
    /// Inter-quartile ranges allowed.
    pub c: f64,
    /// Direction that counts.
    pub side: Side,
    /// Whether to answer as ADTK. Guarded: band floor and pause; quartiles are robust as they are, so nothing is pulled in.
    pub mode: Mode,
}

/// A shift detector with its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedShift {
    settings: Shift,
    floor: f64,
    limit: f64,
}

impl Shift {
    /// PersistAD: a sample against the median of the `window` before it; c = 3. ADTK's default window is 1.
    #[must_use]
    pub fn persist(window: usize) -> Self {
        Self { windows: (window, 1), c: 3.0, ..Self::level(1) }
    }

    /// LevelShiftAD: medians of two windows; c = 6.
    #[must_use]
    pub fn level(window: usize) -> Self {
        Self {
            windows: (window, window),
            least: (None, None),
            aggregate: Aggregate::Median,
            relative: false,
            c: 6.0,
            side: Side::Both,
            mode: Mode::default(),
        }
    }

    /// VolatilityShiftAD: standard deviations of two windows, relative to the first; c = 6.
    #[must_use]
    pub fn volatility(window: usize) -> Self {
        Self { aggregate: Aggregate::Deviation, relative: true, ..Self::level(window) }
    }

    /// Learns the limit. O(n · window), median and quantiles O(n · log window) compares. NaN and infinities are gaps. Errors
    /// where no two windows are complete, a window is 0, or `c` is negative.
    pub fn fit(&self, train: &[f64]) -> Result<FittedShift> {
        self.mode.check(self.c)?;
        let shortest = self.windows.0.min(self.windows.1);
        Error::parameter(shortest > 0, "window", 0.0, "1 or more")?;
        let floor = self.mode.floor(train);
        let (_, distance) = self.compare(train, floor);
        // a relative distance has its floor in the divisor
        let least = if self.relative { 0.0 } else { floor };
        Ok(FittedShift { settings: *self, floor, limit: limit(&distance, self.c, least)? })
    }

    /// Fits and tests the same series.
    pub fn fit_detect(&self, series: &[f64]) -> Result<Detection> {
        Ok(self.fit(series)?.detect(series))
    }

    fn compare(&self, series: &[f64], floor: f64) -> (Vec<f64>, Vec<f64>) {
        let n = series.len();
        let before = self.trailing(series.iter().copied(), n, (self.windows.0, self.least.0));
        let after = self.trailing(series.iter().rev().copied(), n, (self.windows.1, self.least.1));
        let (mut signed, mut distance) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for i in 0..n {
            let left = if i == 0 { f64::NAN } else { before[i - 1] };
            let difference = after[n - 1 - i] - left;
            signed.push(difference);
            let by = match self.relative {
                true if floor > 0.0 && left < floor => floor,
                true => left,
                false => 1.0,
            };
            distance.push(difference.abs() / by);
        }
        (signed, distance)
    }

    /// The aggregate of the window that ends at each sample.
    fn trailing(&self, series: impl Iterator<Item = f64>, n: usize, window: (usize, Option<usize>)) -> Vec<f64> {
        let (width, least) = (window.0.min(n.max(1)), window.1.unwrap_or(window.0).max(1));
        let series: Vec<f64> = series.map(|v| if v.is_finite() { v } else { f64::NAN }).collect();
        let sorts = !matches!(self.aggregate, Aggregate::Mean | Aggregate::Deviation);
        let mut ordered = SortedWindow::default();
        let mut numbers = 0;
        let mut out = Vec::with_capacity(n);
        for (i, v) in series.iter().enumerate() {
            numbers += usize::from(!v.is_nan());
            let start = (i + 1).saturating_sub(width);
            let leaving = if start > 0 { series[start - 1] } else { f64::NAN };
            numbers -= usize::from(!leaving.is_nan());
            if sorts {
                ordered.remove(leaving);
                ordered.insert(*v);
            }
            out.push(match self.aggregate {
                _ if numbers < least => f64::NAN,
                Aggregate::Median => median_sorted(ordered.sorted()),
                Aggregate::InterQuartile => spread(ordered.sorted(), 0.25, 0.75),
                Aggregate::InterDecile => spread(ordered.sorted(), 0.1, 0.9),
                Aggregate::Mean => mean(&series[start..=i], numbers),
                Aggregate::Deviation => deviation(&series[start..=i], numbers),
            });
        }
        out
    }
}

impl FittedShift {
    /// Tests a series of the same step; its first windows are incomplete and undecided.
    #[must_use]
    pub fn detect(&self, series: &[f64]) -> Detection {
        let (signed, distance) = self.settings.compare(series, self.floor);
        decide(signed, distance, self.limit, (self.settings.side, self.settings.mode))
    }
}

/// Distance of two quantiles with the interpolation of pandas' rolling quantile.
fn spread(sorted: &[f64], low: f64, high: f64) -> f64 {
    let quantile = |q: f64| {
        let at = q * (sorted.len() as f64 - 1.0);
        let below = at as usize;
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
    };
    if sorted.is_empty() { f64::NAN } else { quantile(high) - quantile(low) }
}

fn mean(window: &[f64], numbers: usize) -> f64 {
    window.iter().filter(|v| !v.is_nan()).sum::<f64>() / numbers as f64
}

fn deviation(window: &[f64], numbers: usize) -> f64 {
    if numbers < 2 {
        return f64::NAN;
    }
    let mean = mean(window, numbers);
    let present = window.iter().filter(|v| !v.is_nan());
    // equal values have no spread, whatever rounding makes of their mean
    if present.clone().all(|v| Some(v) == present.clone().next()) {
        return 0.0;
    }
    (present.map(|v| (v - mean) * (v - mean)).sum::<f64>() / (numbers - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_silence_a_series_that_stands_still() {
        let mut y = vec![100.0; 200];
        y[50] = 100.01;
        y[120..].iter_mut().for_each(|v| *v = 160.0);
        let alarms = |mode| {
            let found = Shift { mode, ..Shift::persist(1) }.fit_detect(&y).unwrap();
            (0..200).filter(|i| found.labels[*i] == Some(true)).collect::<Vec<_>>()
        };
        assert_eq!(alarms(Mode::Compat), [50, 51, 120]);
        assert_eq!(alarms(Mode::default()), [120]);
        let quiet = Shift::volatility(5).fit_detect(&y).unwrap();
        assert_eq!(quiet.labels[60], Some(false));
    }

    #[test]
    fn degenerate_windows_are_errors() {
        assert!(Shift::level(0).fit(&[1.0; 9]).is_err() && Shift::level(5).fit(&[1.0; 9]).is_err());
        assert!(Shift::level(usize::MAX).fit(&[1.0; 9]).is_err() && Shift::persist(1).fit(&[]).is_err());
        assert!(Shift { c: f64::NAN, ..Shift::level(2) }.fit(&[1.0; 9]).is_err());
        assert_eq!(Shift::level(2).fit(&[1.0; 9]).unwrap().detect(&[]).labels, []);
    }
}
