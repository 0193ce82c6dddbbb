//! The usual value of each phase of a cycle, such as each hour of the week.

use crate::stats::order::median_in_place;
use crate::{Error, Result};

/// Median and spread per phase, robust against incidents in the history.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseProfile {
    usual: Vec<f64>,
    spread: Vec<f64>,
    overall: f64,
}

impl PhaseProfile {
    /// Learns from `x`, whose first value has phase `start` of `phases` (168 for hours of a week of hourly values).
    ///
    /// Values that are not finite are left out. A phase with `k` values has `k² / (k² + 1)` of its own median, the rest from that of the
    /// same phase of the day (`phases / 7` apart, where that divides evenly), so that a week seen once does not rule. The spread is
    /// 1.4826 · MAD of the residuals, the phase's own and that of all phases mixed `k` to 1, never below 1e-3 of the range: a
    /// constant stretch must not make every later value an anomaly. Errors where `phases` is 0 or no value is finite. O(n log n).
    pub fn fit(x: &[f64], phases: usize, start: usize) -> Result<Self> {
        Error::parameter(phases > 0, "phases", phases as f64, "at least 1")?;
        let finite: Vec<f64> = x.iter().copied().filter(|v| v.is_finite()).collect();
        Error::at_least("finite values of a profile", 1, finite.len())?;
        let start = start % phases;
        let (low, high) = finite.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let overall = median_in_place(&mut finite.clone());
        let mut by_phase: Vec<Vec<f64>> = vec![Vec::new(); phases];
        for (i, v) in x.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            by_phase[(start + i) % phases].push(*v);
        }
        let day = if phases.is_multiple_of(7) { phases / 7 } else { phases };
        let daily: Vec<f64> = (0..day)
            .map(|h| {
                let mut all: Vec<f64> = by_phase[h..].iter().step_by(day).flatten().copied().collect();
                if all.is_empty() { overall } else { median_in_place(&mut all) }
            })
            .collect();
        let usual: Vec<f64> = (0..phases)
            .map(|p| {
                let k = by_phase[p].len() as f64;
                let own = if k > 0.0 { median_in_place(&mut by_phase[p].clone()) } else { 0.0 };
                (k * k * own + daily[p % day]) / (k * k + 1.0)
            })
            .collect();
        let mut residuals: Vec<f64> = by_phase
            .iter()
            .enumerate()
            .flat_map(|(p, v)| v.iter().map(move |x| (p, x)))
            .map(|(p, x)| (x - usual[p]).abs())
            .collect();
        let global = 1.4826 * median_in_place(&mut residuals);
        let floor = 1e-3 * (high - low);
        let spread = (0..phases)
            .map(|p| {
                let mut r: Vec<f64> = by_phase[p].iter().map(|x| (x - usual[p]).abs()).collect();
                let k = r.len() as f64;
                let own = if r.is_empty() { 0.0 } else { 1.4826 * median_in_place(&mut r) };
                ((k * own + global) / (k + 1.0)).max(floor)
            })
            .collect();
        Ok(Self { usual, spread, overall })
    }

    /// Count of phases.
    #[must_use]
    pub fn phases(&self) -> usize {
        self.usual.len()
    }

    /// The usual value of a phase (taken modulo the count).
    #[must_use]
    pub fn usual(&self, phase: usize) -> f64 {
        self.usual[phase % self.usual.len()]
    }

    /// The usual spread of a phase, in standard deviations of a normal distribution. 0 only if all values were equal.
    #[must_use]
    pub fn spread(&self, phase: usize) -> f64 {
        self.spread[phase % self.spread.len()]
    }

    /// Deviation of `value` from the usual in spreads: 0 where it is usual, infinite where there is no spread and it is not.
    #[must_use]
    pub fn deviation(&self, phase: usize, value: f64) -> f64 {
        let error = value - self.usual(phase);
        if error == 0.0 { 0.0 } else { error / self.spread(phase) }
    }

    /// Median of all values.
    #[must_use]
    pub fn overall(&self) -> f64 {
        self.overall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_in_the_history_does_not_become_usual() {
        let mut x: Vec<f64> = (0..168 * 6)
            .map(|i| if i % 168 < 120 { 10.0 + (i % 24) as f64 } else { 2.0 } + 0.1 * ((i * 7) % 5) as f64)
            .collect();
        x[200..212].fill(500.0);
        let p = PhaseProfile::fit(&x, 168, 0).unwrap();
        assert!((p.usual(32) - 18.0).abs() < 1.5, "{}", p.usual(32));
        assert!(p.usual(140) < 5.0);
        assert!(p.deviation(140, 30.0) > 4.0 && p.deviation(32, p.usual(32)) == 0.0);
    }

    #[test]
    fn degenerate_input() {
        assert!(PhaseProfile::fit(&[], 24, 0).is_err() && PhaseProfile::fit(&[f64::NAN], 24, 0).is_err());
        assert!(PhaseProfile::fit(&[1.0], 0, 0).is_err());
        let one = PhaseProfile::fit(&[3.0, f64::NAN], 168, 500).unwrap();
        assert_eq!((one.usual(7), one.spread(7), one.deviation(7, 3.0), one.phases()), (3.0, 0.0, 0.0, 168));
        let gap = PhaseProfile::fit(&[1e300, -1e300, f64::INFINITY, 5.0], 2, 1).unwrap();
        assert!(gap.usual(0).is_finite() && gap.usual(1).is_finite());
    }
}
