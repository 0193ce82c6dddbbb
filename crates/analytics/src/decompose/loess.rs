//! Local regression on an even grid, as STL uses it.

/// Weighted local fits of `y` (values at 1, 2, … n) with a window of `width` values and degree 0 or 1.
pub(super) struct Loess {
    pub width: usize,
    pub degree: usize,
    pub jump: usize,
}

impl Loess {
    /// Smoothed values at 1 … n into `out`. `weights` are robustness weights, empty for none. A window whose weights are all zero
    /// gives the value itself.
    pub fn smooth(&self, y: &[f64], weights: &[f64], out: &mut [f64]) {
        let n = y.len();
        if n < 2 {
            out.copy_from_slice(y);
            return;
        }
        let jump = self.jump.max(1).min(n - 1);
        let kernel =
            if weights.is_empty() && self.width % 2 == 1 && self.width < n { self.kernel() } else { Vec::new() };
        let half = self.width / 2;
        let mut i = 0;
        while i < n {
            out[i] = if !kernel.is_empty() && i >= half && i + half < n {
                // inside, all windows weigh alike and the slope has no say at the middle of a symmetric window
                crate::linalg::dot(&kernel, &y[i - half..=i + half])
            } else {
                self.at(y, weights, (i + 1) as f64).unwrap_or(y[i])
            };
            i += jump;
        }
        if jump > 1 {
            self.fill(y, weights, jump, out);
        }
    }

    /// Lines between the places that were computed, and the last one computed too.
    fn fill(&self, y: &[f64], weights: &[f64], jump: usize, out: &mut [f64]) {
        let n = y.len();
        let last = (n - 1) / jump * jump;
        let mut knots: Vec<usize> = (0..n).step_by(jump).collect();
        if last != n - 1 {
            out[n - 1] = self.at(y, weights, n as f64).unwrap_or(y[n - 1]);
            knots.push(n - 1);
        }
        for pair in knots.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let slope = (out[b] - out[a]) / (b - a) as f64;
            for i in a + 1..b {
                out[i] = out[a] + slope * (i - a) as f64;
            }
        }
    }

    /// The fit at place `x` (1-based, may lie outside 1 … n); `None` where all weights are zero.
    pub fn at(&self, y: &[f64], robust: &[f64], x: f64) -> Option<f64> {
        let n = y.len();
        let (left, right) = self.window(n, x);
        let mut reach = (x - left as f64).max(right as f64 - x);
        if self.width > n {
            reach += ((self.width - n) / 2) as f64;
        }
        let (far, near) = (0.999 * reach, 0.001 * reach);
        let weight = |j: usize| {
            let r = (j as f64 - x).abs();
            if r > far {
                return 0.0;
            }
            let w = if r > near {
                let q = r / reach;
                let c = 1.0 - q * q * q;
                c * c * c
            } else {
                1.0
            };
            if robust.is_empty() { w } else { w * robust[j - 1] }
        };
        let (mut sum, mut first, mut second, mut value, mut cross) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for j in left..=right {
            let w = weight(j);
            let d = j as f64 - x;
            sum += w;
            first += w * d;
            second += w * d * d;
            value += w * y[j - 1];
            cross += w * d * y[j - 1];
        }
        if sum <= 0.0 {
            return None;
        }
        let (mean, centre) = (value / sum, first / sum);
        if self.degree == 0 {
            return Some(mean);
        }
        let spread = second / sum - centre * centre;
        let range = n as f64 - 1.0;
        // as in the Fortran: no slope where the points stand too close together
        if spread.max(0.0).sqrt() > 0.001 * range {
            Some(mean - centre * (cross / sum - centre * mean) / spread)
        } else {
            Some(mean)
        }
    }

    /// First and last place (1-based) of the window for `x`.
    fn window(&self, n: usize, x: f64) -> (usize, usize) {
        if self.width >= n {
            return (1, n);
        }
        let half = self.width.div_ceil(2);
        let place = x.max(1.0).min(n as f64) as usize;
        let left = (place + 1).saturating_sub(half).max(1).min(n - self.width + 1);
        (left, left + self.width - 1)
    }

    fn kernel(&self) -> Vec<f64> {
        let half = (self.width / 2) as f64;
        let mut k: Vec<f64> = (0..self.width)
            .map(|j| {
                let r = (j as f64 - half).abs();
                let q = r / half.max(1.0);
                let c = 1.0 - q * q * q;
                if r > 0.999 * half {
                    if r == 0.0 { 1.0 } else { 0.0 }
                } else if r > 0.001 * half {
                    c * c * c
                } else {
                    1.0
                }
            })
            .collect();
        let sum: f64 = k.iter().sum();
        k.iter_mut().for_each(|v| *v /= sum);
        k
    }
}
