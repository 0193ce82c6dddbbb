//! The simplest forecasts: what every other must beat.

use crate::{Error, Result};

/// The last value, repeated. Needs one value; NaN is passed on.
pub fn last_value(x: &[f64], horizon: usize) -> Result<Vec<f64>> {
    Error::at_least("values to forecast from", 1, x.len())?;
    Ok(vec![x[x.len() - 1]; horizon])
}

/// The mean, repeated. Needs one value; NaN is passed on.
pub fn mean_value(x: &[f64], horizon: usize) -> Result<Vec<f64>> {
    Error::at_least("values to forecast from", 1, x.len())?;
    Ok(vec![x.iter().sum::<f64>() / x.len() as f64; horizon])
}

/// The line through the first and the last value, continued. Needs two values; NaN there is passed on.
pub fn drift(x: &[f64], horizon: usize) -> Result<Vec<f64>> {
    Error::at_least("values to forecast from", 2, x.len())?;
    let last = x[x.len() - 1];
    let slope = (last - x[0]) / (x.len() - 1) as f64;
    Ok((1..=horizon).map(|h| last + slope * h as f64).collect())
}

/// The last `period` values, repeated: the seasonal naive. Needs one period; NaN is passed on. On the M4 hourly series MASE 1.193.
pub fn seasonal_naive(x: &[f64], period: usize, horizon: usize) -> Result<Vec<f64>> {
    Error::parameter(period >= 1, "period", period as f64, "at least 1")?;
    Error::at_least("values to forecast from", period, x.len())?;
    Ok(x[x.len() - period..].iter().copied().cycle().take(horizon).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_do_what_they_say() {
        let x = [1.0, 2.0, 4.0, 4.0];
        assert_eq!(last_value(&x, 2).unwrap(), vec![4.0, 4.0]);
        assert_eq!(mean_value(&x, 1).unwrap(), vec![2.75]);
        assert_eq!(drift(&x, 2).unwrap(), vec![5.0, 6.0]);
        assert_eq!(seasonal_naive(&x, 3, 4).unwrap(), vec![2.0, 4.0, 4.0, 2.0]);
        assert!(last_value(&[], 1).is_err() && mean_value(&[], 1).is_err() && drift(&[1.0], 1).is_err());
        assert!(seasonal_naive(&x, 5, 1).is_err() && seasonal_naive(&x, 0, 1).is_err());
    }
}
