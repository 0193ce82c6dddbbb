//! Errors of forecasts: MASE, sMAPE, pinball, coverage.

use super::ratio;
use crate::{Error, Result};

/// MASE: mean absolute error over the mean absolute seasonal difference of the history (Hyndman and Koehler 2006). Where the
/// history never changes: NaN for a perfect forecast, else infinite; NaN for a history not longer than the season.
/// [`Error::Lengths`], [`Error::TooFew`] for no forecast, [`Error::Parameter`] for a season of 0. NaN anywhere gives NaN.
pub fn mase(history: &[f64], actual: &[f64], forecast: &[f64], season: usize) -> Result<f64> {
    check(actual, forecast)?;
    Error::parameter(season > 0, "season", season as f64, "at least 1")?;
    let differences = history.iter().zip(history.get(season..).unwrap_or(&[])).map(|(a, b)| (b - a).abs());
    let count = history.len().saturating_sub(season) as f64;
    let scale = differences.sum::<f64>() / count;
    let error = actual.iter().zip(forecast).map(|(y, f)| (y - f).abs()).sum::<f64>() / actual.len() as f64;
    Ok(error / scale)
}

/// sMAPE: 200 mean |y − f| / (|y| + |f|), 0 where both are 0; 0..=200. Errors as [`mase`].
pub fn smape(actual: &[f64], forecast: &[f64]) -> Result<f64> {
    check(actual, forecast)?;
    let each = actual.iter().zip(forecast).map(|(y, f)| ratio((y - f).abs(), y.abs() + f.abs()));
    Ok(200.0 * each.sum::<f64>() / actual.len() as f64)
}

/// Pinball loss of a forecast of the `q`-quantile: mean of max(q e, (q − 1) e), e = y − f. Errors as [`mase`].
pub fn pinball(actual: &[f64], forecast: &[f64], q: f64) -> Result<f64> {
    check(actual, forecast)?;
    Error::parameter((0.0..=1.0).contains(&q), "q", q, "0 to 1")?;
    let each = actual.iter().zip(forecast).map(|(y, f)| if y >= f { q * (y - f) } else { (q - 1.0) * (y - f) });
    Ok(each.sum::<f64>() / actual.len() as f64)
}

/// Share of low ≤ y ≤ high; a NaN is not covered. Errors as [`mase`].
pub fn coverage(actual: &[f64], low: &[f64], high: &[f64]) -> Result<f64> {
    check(actual, low)?;
    check(actual, high)?;
    let inside = actual.iter().zip(low.iter().zip(high)).filter(|(y, (l, h))| *l <= *y && *y <= *h).count();
    Ok(inside as f64 / actual.len() as f64)
}

fn check(actual: &[f64], forecast: &[f64]) -> Result<()> {
    Error::same_length("actual values and forecast", actual.len(), forecast.len())?;
    Error::at_least("forecast steps", 1, actual.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        assert!(mase(&[1.0, 2.0], &[], &[], 1).is_err() && mase(&[1.0, 2.0], &[1.0], &[1.0], 0).is_err());
        assert!(smape(&[1.0], &[1.0, 2.0]).is_err() && pinball(&[1.0], &[1.0], 1.5).is_err());
        assert!(mase(&[], &[1.0], &[2.0], 3).unwrap().is_nan());
        assert_eq!(coverage(&[f64::NAN, 1.0], &[0.0; 2], &[1.0; 2]), Ok(0.5));
    }
}
