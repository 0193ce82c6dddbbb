//! Moving averages.

use crate::{Error, Result};

/// Mean of the last `window` values up to each place; at the start of those there are.
///
/// NaN and infinities count as missing; a window without a value gives NaN. O(n) with compensated sums, so a huge value
/// that has left the window leaves at most its rounding behind. As pandas 2.3.3 `rolling(window, min_periods=1).mean()`.
/// Errors where `window` is 0. Empty input gives empty output.
pub fn moving_average(x: &[f64], window: usize) -> Result<Vec<f64>> {
    Error::parameter(window > 0, "window", window as f64, "at least 1")?;
    Ok(rolling(x, window - 1, 0))
}

/// Mean of the `window` values around each place (an even window reaches one further back); at both ends of those there are.
///
/// Missing values and errors as in [`moving_average`]; as pandas' `rolling(window, min_periods=1, center=True).mean()`.
pub fn centred_average(x: &[f64], window: usize) -> Result<Vec<f64>> {
    Error::parameter(window > 0, "window", window as f64, "at least 1")?;
    Ok(rolling(x, window / 2, (window - 1) / 2))
}

/// Mean over `i - back ..= i + ahead`.
fn rolling(x: &[f64], back: usize, ahead: usize) -> Vec<f64> {
    let n = x.len();
    let mut sum = Compensated::default();
    let mut count = 0usize;
    let mut next = 0;
    let mut first = 0;
    (0..n)
        .map(|i| {
            while next < n && next <= i + ahead {
                if x[next].is_finite() {
                    sum.add(x[next]);
                    count += 1;
                }
                next += 1;
            }
            while first + back < i {
                if x[first].is_finite() {
                    sum.add(-x[first]);
                    count -= 1;
                }
                if count == 0 {
                    sum = Compensated::default();
                }
                first += 1;
            }
            if count == 0 { f64::NAN } else { sum.value() / count as f64 }
        })
        .collect()
}

/// Neumaier's sum.
#[derive(Default)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, v: f64) {
        let total = self.sum + v;
        self.lost += if self.sum.abs() >= v.abs() { (self.sum - total) + v } else { (v - total) + self.sum };
        self.sum = total;
    }

    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_value_leaves_nothing_behind() {
        let mut x = vec![1.0; 50];
        x[10] = 1e17;
        let y = moving_average(&x, 4).unwrap();
        assert!(y[20..].iter().all(|v| (v - 1.0).abs() < 1e-12), "{y:?}");
    }

    #[test]
    fn gaps_and_ends() {
        assert!(moving_average(&[], 3).unwrap().is_empty());
        assert!(moving_average(&[1.0], 0).is_err());
        let y = moving_average(&[f64::NAN, f64::INFINITY, 3.0, 5.0], 2).unwrap();
        assert!(y[0].is_nan() && y[1].is_nan() && y[2] == 3.0 && y[3] == 4.0);
        assert_eq!(centred_average(&[1.0, 2.0, 6.0], 3).unwrap(), vec![1.5, 3.0, 4.0]);
    }
}
