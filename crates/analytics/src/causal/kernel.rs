//! Kernel mutual information (Bach and Jordan, Kernel independent component analysis, JMLR 3, 2002), as in lingam 1.13.0.

use crate::Matrix;

/// Mutual information of two variables of about unit variance: half the logarithm of a ratio of determinants of
/// regularised Gaussian kernels. O(rows³) time, O(rows²) memory.
#[must_use]
pub(super) fn mutual_information(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len();
    // as in the reference
    let (kappa, sigma) = if n > 1000 { (2e-3, 0.5) } else { (2e-2, 1.0) };
    let (k1, k2) = (kernel(x, sigma), kernel(y, sigma));
    let (mut t1, mut t2) = (k1.clone(), k2.clone());
    for i in 0..n {
        t1[(i, i)] += n as f64 * kappa / 2.0;
        t2[(i, i)] += n as f64 * kappa / 2.0;
    }
    let (s1, s2, cross) = (square(&t1), square(&t2), product(&k1, &k2));
    let mut joint = Matrix::zeros(2 * n, 2 * n);
    for i in 0..n {
        joint.row_mut(i)[..n].copy_from_slice(s1.row(i));
        joint.row_mut(n + i)[n..].copy_from_slice(s2.row(i));
        for j in 0..n {
            joint[(i, n + j)] = cross[(i, j)];
            joint[(n + j, i)] = cross[(i, j)];
        }
    }
    -0.5 * (log_determinant(joint) - 2.0 * log_determinant(t1) - 2.0 * log_determinant(t2))
}

fn kernel(x: &[f64], sigma: f64) -> Matrix {
    let mut k = Matrix::zeros(x.len(), x.len());
    for (i, a) in x.iter().enumerate() {
        for (cell, b) in k.row_mut(i).iter_mut().zip(x) {
            *cell = (-(a - b) * (a - b) / (2.0 * sigma * sigma)).exp();
        }
    }
    k
}

fn square(m: &Matrix) -> Matrix {
    product(m, m)
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    // both are square and equally large
    a.multiply(b).unwrap_or_else(|_| Matrix::zeros(a.rows(), a.rows()))
}

/// ln |det| by elimination with partial pivoting; −∞ for a singular matrix.
fn log_determinant(mut m: Matrix) -> f64 {
    let n = m.rows();
    let mut total = 0.0;
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| m[(*i, k)].abs().total_cmp(&m[(*j, k)].abs())).unwrap_or(k);
        if pivot != k {
            let row = m.row(k).to_vec();
            let other = m.row(pivot).to_vec();
            m.row_mut(k).copy_from_slice(&other);
            m.row_mut(pivot).copy_from_slice(&row);
        }
        let top = m.row(k).to_vec();
        total += top[k].abs().ln();
        for i in k + 1..n {
            let factor = m[(i, k)] / top[k];
            if factor != 0.0 {
                m.row_mut(i)[k..].iter_mut().zip(&top[k..]).for_each(|(r, t)| *r -= factor * t);
            }
        }
    }
    total
}
