//! MSTL: several seasons by repeated STL.

use super::stl::{Stl, stl};
use crate::{Error, Result};

/// `trend + sum of seasons + rest` is the series.
#[derive(Debug, Clone, PartialEq)]
pub struct MstlResult {
    /// The slow part.
    pub trend: Vec<f64>,
    /// Period and values of each season that was fitted, shortest first.
    pub seasons: Vec<(usize, Vec<f64>)>,
    /// What is left.
    pub rest: Vec<f64>,
}

/// Decomposition with several seasons (Bandara, Hyndman, Bergmeir 2021), equal to statsmodels 0.15.0 `MSTL` with its defaults: season
/// windows 11, 15, 19, … from the shortest period on, two rounds, other parameters from `base` (its `period` and `seasonal` are not
/// used). Periods that do not fit twice into the series are left out; where none fits, an error.
pub fn mstl(x: &[f64], periods: &[usize], base: &Stl) -> Result<MstlResult> {
    let n = x.len();
    let mut used: Vec<usize> = periods.to_vec();
    used.sort_unstable();
    used.dedup();
    // statsmodels keeps periods below n / 2
    used.retain(|p| *p < n.div_ceil(2));
    let least = periods.iter().copied().min().unwrap_or(2);
    if used.is_empty() {
        return Err(Error::TooFew {
            what: "values for MSTL",
            needed: least.saturating_mul(2).saturating_add(1),
            found: n,
        });
    }
    let rounds = if used.len() == 1 { 1 } else { 2 };
    let mut seasons: Vec<(usize, Vec<f64>)> = used.iter().map(|p| (*p, vec![0.0; n])).collect();
    let mut rest = x.to_vec();
    let mut trend = Vec::new();
    for _ in 0..rounds {
        for (k, (period, season)) in seasons.iter_mut().enumerate() {
            rest.iter_mut().zip(season.iter()).for_each(|(r, s)| *r += s);
            let part = stl(&rest, &Stl { period: *period, seasonal: 11 + 4 * k, ..base.clone() })?;
            *season = part.season;
            trend = part.trend;
            rest.iter_mut().zip(season.iter()).for_each(|(r, s)| *r -= s);
        }
    }
    rest.iter_mut().zip(&trend).for_each(|(r, t)| *r -= t);
    Ok(MstlResult { trend, seasons, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_short_is_told() {
        assert!(mstl(&[1.0; 30], &[24], &Stl::default()).is_err());
        assert!(mstl(&[1.0; 30], &[], &Stl::default()).is_err());
        assert_eq!(mstl(&[1.0; 60], &[24, 168], &Stl::default()).unwrap().seasons.len(), 1);
    }
}
