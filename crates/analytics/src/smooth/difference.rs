//! Differencing and its inverse.

use crate::{Error, Result};

/// `x[i] - x[i - lag]`, `order` times over; the result is `lag * order` shorter.
///
/// Lag 1 removes a level, lag = season removes a season; order 2 removes a slope. NaN spreads to the differences that touch it.
/// Errors where `lag` is 0 or nothing would be left to difference; order 0 is a copy.
pub fn difference(x: &[f64], lag: usize, order: usize) -> Result<Vec<f64>> {
    Error::parameter(lag > 0, "lag", lag as f64, "at least 1")?;
    Error::at_least("values to difference", lag.saturating_mul(order), x.len())?;
    let mut d = x.to_vec();
    for _ in 0..order {
        d = d.iter().skip(lag).zip(&d).map(|(now, before)| now - before).collect();
    }
    Ok(d)
}

/// Continues `history` so that its differences (as by [`difference`] with the same `lag` and `order`) are `d`: what turns a
/// forecast of differences into one of values. `history` needs `lag * order` values; only its end is used. O(len · order).
pub fn undifference(d: &[f64], history: &[f64], lag: usize, order: usize) -> Result<Vec<f64>> {
    Error::parameter(lag > 0, "lag", lag as f64, "at least 1")?;
    Error::at_least("history to continue", lag.saturating_mul(order), history.len())?;
    let tail = &history[history.len() - lag * order..];
    let mut values = d.to_vec();
    // the last values of each lower order, highest first
    for k in (0..order).rev() {
        let before = difference(tail, lag, k)?;
        let before = &before[before.len() - lag..];
        for i in 0..values.len() {
            values[i] += if i < lag { before[i] } else { values[i - lag] };
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_continues_the_series() {
        let x: Vec<f64> = (0..40).map(|i| f64::from(i * i) + f64::from(i % 7)).collect();
        for (lag, order) in [(1, 1), (1, 2), (7, 1), (7, 2), (1, 0)] {
            let d = difference(&x, lag, order).unwrap();
            assert_eq!(d.len(), 40 - lag * order);
            let back = undifference(&d[d.len() - 10..], &x[..30], lag, order).unwrap();
            assert!(back.iter().zip(&x[30..]).all(|(a, b)| (a - b).abs() < 1e-9), "{lag} {order} {back:?}");
        }
        assert_eq!(difference(&[1.0, 4.0, 9.0], 1, 2).unwrap(), vec![2.0]);
    }

    #[test]
    fn wrong_input_is_told() {
        assert!(difference(&[1.0], 0, 1).is_err() && difference(&[1.0], 2, 1).is_err());
        assert!(undifference(&[1.0], &[], 1, 1).is_err());
        assert!(difference(&[], 1, 0).unwrap().is_empty());
        assert!(difference(&[1.0; 3], usize::MAX, 2).is_err());
    }
}
