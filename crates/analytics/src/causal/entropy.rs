//! Hyvärinen's approximation of entropy, the measure of pairwise LiNGAM.
//!
//! A. Hyvärinen and S. M. Smith, Pairwise likelihood ratios for estimation of non-Gaussian structural equation models,
//! JMLR 14 (2013); constants as in lingam 1.13.0.

use super::fastexp::exp;

/// 79.047, 7.4129 and 0.37457: constants of the approximation (Hyvärinen 1998, New approximations of differential
/// entropy).
const K1: f64 = 79.047;
const K2: f64 = 7.4129;
const GAMMA: f64 = 0.374_57;

/// Sums run in this many lanes, so that the order of additions is the same at every vector width.
const LANES: usize = 8;

/// Elements whose factors 1 + e^{−2|u|} ≤ 2 are multiplied before one logarithm is taken: 2^960 is still a number.
const PRODUCT: usize = 960;

/// Entropy of a variable of mean 0 and variance 1 from the two means of the approximation.
fn approximate(n: f64, log_cosh: f64, gauss: f64) -> f64 {
    let constant = (1.0 + (2.0 * std::f64::consts::PI).ln()) / 2.0;
    let (a, b) = (log_cosh / n - GAMMA, gauss / n);
    constant - K1 * a * a - K2 * b * b
}

/// Entropy of `u`, which must have mean 0 and variance 1; largest for a normal variable. NaN for no elements.
#[must_use]
pub fn max_entropy(u: &[f64]) -> f64 {
    let mut sums = Sums::default();
    for chunk in u.chunks(PRODUCT) {
        single(chunk, &mut sums);
    }
    approximate(u.len() as f64, sums.log_cosh, sums.gauss)
}

#[derive(Default)]
struct Sums {
    log_cosh: f64,
    gauss: f64,
}

/// What one chunk adds up.
struct Chunk {
    absolute: [f64; LANES],
    product: [f64; LANES],
    gauss: [f64; LANES],
}

impl Chunk {
    const NEW: Self = Self { absolute: [0.0; LANES], product: [1.0; LANES], gauss: [0.0; LANES] };

    #[inline(always)]
    fn add(&mut self, lane: usize, u: f64) {
        let a = u.abs();
        self.absolute[lane] += a;
        self.product[lane] *= 1.0 + exp(-2.0 * a);
        self.gauss[lane] += u * exp(-0.5 * u * u);
    }

    /// log cosh u = |u| + ln(1 + e^{−2|u|}) − ln 2, over `n` elements.
    #[inline(always)]
    fn into_sums(self, n: usize, sums: &mut Sums) {
        let (mut absolute, mut product, mut gauss) = (0.0, 1.0, 0.0);
        for k in 0..LANES {
            absolute += self.absolute[k];
            product *= self.product[k];
            gauss += self.gauss[k];
        }
        sums.log_cosh += absolute + f64::ln(product) - n as f64 * std::f64::consts::LN_2;
        sums.gauss += gauss;
    }
}

#[inline(always)]
fn single(u: &[f64], sums: &mut Sums) {
    let mut chunk = Chunk::NEW;
    let blocks = u.chunks_exact(LANES);
    for (k, value) in blocks.remainder().iter().enumerate() {
        chunk.add(k, *value);
    }
    for block in blocks {
        for (k, value) in block.iter().enumerate() {
            chunk.add(k, *value);
        }
    }
    chunk.into_sums(u.len(), sums);
}

/// Entropies of the residuals of standardised x on y and of y on x, both scaled to variance 1, given their correlation.
pub(super) fn residual_entropies(arch: pulp::Arch, x: &[f64], y: &[f64], rho: f64) -> (f64, f64) {
    let scale = 1.0 / (1.0 - rho * rho).sqrt();
    let (of_x, of_y) = arch.dispatch(Residuals { x, y, own: scale, other: rho * scale });
    let n = x.len() as f64;
    (approximate(n, of_x.log_cosh, of_x.gauss), approximate(n, of_y.log_cosh, of_y.gauss))
}

struct Residuals<'a> {
    x: &'a [f64],
    y: &'a [f64],
    own: f64,
    other: f64,
}

impl pulp::NullaryFnOnce for Residuals<'_> {
    type Output = (Sums, Sums);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let (mut of_x, mut of_y) = (Sums::default(), Sums::default());
        for (a, b) in self.x.chunks(PRODUCT).zip(self.y.chunks(PRODUCT)) {
            residual(a, b, (self.own, self.other), &mut of_x);
            residual(b, a, (self.own, self.other), &mut of_y);
        }
        (of_x, of_y)
    }
}

#[inline(always)]
fn residual(x: &[f64], y: &[f64], (own, other): (f64, f64), sums: &mut Sums) {
    let mut chunk = Chunk::NEW;
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    for (k, (a, b)) in xs.remainder().iter().zip(ys.remainder()).enumerate() {
        chunk.add(k, own * a - other * b);
    }
    for (a, b) in xs.zip(ys) {
        for k in 0..LANES {
            chunk.add(k, own * a[k] - other * b[k]);
        }
    }
    chunk.into_sums(x.len(), sums);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn every_vector_width_gives_the_same_bits() {
        let mut rng = Rng::new(4);
        let (x, y): (Vec<f64>, Vec<f64>) = (0..2003).map(|_| (3.0 * rng.normal(), rng.normal())).unzip();
        let wide = residual_entropies(pulp::Arch::new(), &x, &y, 0.3);
        assert_eq!(wide, residual_entropies(pulp::Arch::Scalar, &x, &y, 0.3));
        assert!(wide.0.is_finite() && max_entropy(&[]).is_nan());
    }
}
