//! The best monotone fit: isotonic regression by pooling adjacent violators.

use crate::{Error, Result};

/// Pools adjacent violators in place: the non-decreasing sequence nearest to `y` in weighted squares (Ayer et al. 1955).
/// Weights must be positive. O(n). Lengths must agree, else nothing beyond the shorter is touched.
pub fn pool(y: &mut [f64], weights: &[f64]) {
    // blocks of (mean, weight, length)
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(y.len());
    for (value, weight) in y.iter().zip(weights) {
        let mut block = (*value, *weight, 1);
        while let Some(last) = blocks.last().copied().filter(|last| last.0 >= block.0) {
            blocks.pop();
            let total = last.1 + block.1;
            let joined = if last.0 == block.0 { last.0 } else { (last.0 * last.1 + block.0 * block.1) / total };
            block = (joined, total, last.2 + block.2);
        }
        blocks.push(block);
    }
    let fitted = blocks.iter().flat_map(|(mean, _, length)| std::iter::repeat_n(*mean, *length));
    y.iter_mut().zip(fitted).for_each(|(y, f)| *y = f);
}

/// A monotone function through pooled points, linear between and constant outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Isotonic {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Isotonic {
    /// Fits y to x, rising or falling. Equal x are averaged first; points of weight 0 are left out. As scikit-learn 1.9
    /// `IsotonicRegression(out_of_bounds="clip")`, except that x nearer than 1e-15 stay apart. O(n log n).
    ///
    /// Errors where lengths differ, no point has weight, or a number is not finite or a weight negative.
    pub fn fit(x: &[f64], y: &[f64], weights: Option<&[f64]>, increasing: bool) -> Result<Self> {
        Error::same_length("points of a monotone fit", x.len(), y.len())?;
        Error::all_finite("x", x)?;
        Error::all_finite("y", y)?;
        if let Some(w) = weights {
            Error::same_length("weights of a monotone fit", x.len(), w.len())?;
            Error::all_finite("weights", w)?;
            let least = w.iter().copied().fold(0.0, f64::min);
            Error::parameter(least >= 0.0, "weight", least, "not negative")?;
        }
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let sign = if increasing { 1.0 } else { -1.0 };
        let mut order: Vec<usize> = (0..x.len()).filter(|i| weight(*i) > 0.0).collect();
        Error::at_least("points of a monotone fit", 1, order.len())?;
        order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
        let (mut xs, mut ys, mut ws) = (Vec::new(), Vec::new(), Vec::new());
        for same in order.chunk_by(|a, b| x[*a] == x[*b]) {
            let w: f64 = same.iter().map(|i| weight(*i)).sum();
            xs.push(x[same[0]]);
            ys.push(sign * same.iter().map(|i| y[*i] * (weight(*i) / w)).sum::<f64>());
            ws.push(w);
        }
        pool(&mut ys, &ws);
        ys.iter_mut().for_each(|v| *v *= sign);
        Ok(Self { x: xs, y: ys })
    }

    /// The function's value at `x`; NaN at NaN. O(log n).
    #[must_use]
    pub fn predict(&self, x: f64) -> f64 {
        let n = self.x.len();
        let after = self.x.partition_point(|v| *v <= x);
        if x.is_nan() {
            f64::NAN
        } else if after == 0 {
            self.y[0]
        } else if after == n {
            self.y[n - 1]
        } else {
            let (x0, x1, y0, y1) = (self.x[after - 1], self.x[after], self.y[after - 1], self.y[after]);
            if y0 == y1 { y0 } else { y0 + (x - x0) / (x1 - x0) * (y1 - y0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_fits() {
        assert!(Isotonic::fit(&[], &[], None, true).is_err());
        assert!(Isotonic::fit(&[1.0], &[f64::NAN], None, true).is_err());
        assert!(Isotonic::fit(&[1.0], &[1.0], Some(&[0.0]), true).is_err());
        assert!(Isotonic::fit(&[1.0], &[1.0], Some(&[-1.0]), true).is_err());
        let one = Isotonic::fit(&[1.0, 1.0], &[1.0, 3.0], None, false).unwrap();
        assert_eq!((one.predict(-9.0), one.predict(1.0), one.predict(9.0)), (2.0, 2.0, 2.0));
        assert!(one.predict(f64::NAN).is_nan());
        pool(&mut [], &[]);
    }
}
