//! Confidence intervals by resampling.

use super::order::quantile_sorted;
use crate::{Error, Result, Rng};

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapParams {
    /// Resamples; 2,000 give the ends of a 95 % interval to about a tenth of its width.
    pub rounds: usize,
    /// Share of resamples within the interval.
    pub level: f64,
    /// Length of the blocks drawn: 1 for independent values; for a series about its memory, n^(1/3) if nothing is known.
    /// Blocks wrap around (circular block bootstrap, Politis and Romano 1992).
    pub block: usize,
    /// Equal seeds give equal intervals.
    pub seed: u64,
}

impl Default for BootstrapParams {
    fn default() -> Self {
        Self { rounds: 2000, level: 0.95, block: 1, seed: 1 }
    }
}

/// A bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Percentile interval (Efron 1979) of a statistic of `x`: its quantiles over resamples. Resamples on which the statistic is
/// NaN are left out; all NaN gives NaN ends. O(rounds · (n + statistic)). [`Error::TooFew`] for no values,
/// [`Error::Parameter`] for a block of 0, no rounds or a level outside (0, 1).
pub fn percentile_interval(x: &[f64], params: &BootstrapParams, statistic: impl Fn(&[f64]) -> f64) -> Result<Interval> {
    let mut sample = Vec::with_capacity(x.len());
    let draws = resampled(x.len(), params, |rows| {
        sample.clear();
        sample.extend(rows.iter().map(|i| x[*i]));
        statistic(&sample)
    })?;
    Ok(interval(draws, params.level))
}

/// The statistic of each resample of the rows 0..n, in the order drawn: for data that is no slice of numbers.
pub fn resampled(n: usize, params: &BootstrapParams, mut statistic: impl FnMut(&[usize]) -> f64) -> Result<Vec<f64>> {
    Error::at_least("values to resample", 1, n)?;
    Error::parameter(params.block > 0, "block", params.block as f64, "at least 1")?;
    Error::parameter(params.rounds > 0, "rounds", params.rounds as f64, "at least 1")?;
    Error::parameter(params.level > 0.0 && params.level < 1.0, "level", params.level, "between 0 and 1")?;
    let mut random = Rng::new(params.seed);
    let block = params.block.min(n);
    let mut rows = vec![0; n];
    let mut draws = Vec::with_capacity(params.rounds);
    for _ in 0..params.rounds {
        for part in rows.chunks_mut(block) {
            let start = random.below(n);
            for (k, row) in part.iter_mut().enumerate() {
                *row = (start + k) % n;
            }
        }
        draws.push(statistic(&rows));
    }
    Ok(draws)
}

fn interval(mut draws: Vec<f64>, level: f64) -> Interval {
    draws.retain(|v| !v.is_nan());
    draws.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Interval { low: quantile_sorted(&draws, tail), high: quantile_sorted(&draws, 1.0 - tail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::moments::mean;

    #[test]
    fn the_interval_of_a_mean_is_about_two_standard_errors_wide_either_side() {
        let mut r = Rng::new(9);
        let x: Vec<f64> = (0..400).map(|_| 5.0 + r.normal()).collect();
        let i = percentile_interval(&x, &BootstrapParams::default(), mean).unwrap();
        assert!(i.low < mean(&x) && mean(&x) < i.high);
        assert!(((i.high - i.low) / (4.0 * 1.96 / 2.0 / 20.0) - 1.0).abs() < 0.15, "{i:?}");
        assert_eq!(i, percentile_interval(&x, &BootstrapParams::default(), mean).unwrap());
    }

    #[test]
    fn blocks_widen_the_interval_of_a_series_that_remembers() {
        let mut r = Rng::new(10);
        let mut level = 0.0;
        let x: Vec<f64> = (0..1000)
            .map(|_| {
                level = 0.9 * level + r.normal();
                level
            })
            .collect();
        let width = |block| {
            let i = percentile_interval(&x, &BootstrapParams { block, ..Default::default() }, mean).unwrap();
            i.high - i.low
        };
        assert!(width(50) > 2.5 * width(1), "{} {}", width(50), width(1));
    }

    #[test]
    fn degenerate_input() {
        let d = BootstrapParams::default();
        assert!(percentile_interval(&[], &d, mean).is_err());
        assert!(percentile_interval(&[1.0], &BootstrapParams { block: 0, ..d }, mean).is_err());
        assert!(percentile_interval(&[1.0], &BootstrapParams { level: 1.0, ..d }, mean).is_err());
        assert_eq!(percentile_interval(&[2.0; 5], &d, mean).unwrap(), Interval { low: 2.0, high: 2.0 });
        assert!(percentile_interval(&[f64::NAN], &d, mean).unwrap().low.is_nan());
    }
}
