//! Small dense linear algebra: Cholesky, least squares by Householder reflections, symmetric eigenvalues.
//!
//! For sizes of tens to a few hundreds, as the methods here need. No pivoting libraries, so that results do not depend on
//! a build's BLAS.

use crate::{Error, Matrix, Result};

/// Lower Cholesky factor L with `a = L Lᵀ` of a symmetric positive definite matrix (its lower half is read). O(n³/3).
/// [`Error::Singular`] where a pivot is not positive.
pub fn cholesky(a: &Matrix) -> Result<Matrix> {
    Error::same_length("cholesky", a.rows(), a.cols())?;
    let n = a.rows();
    let mut l = Matrix::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = l.row(i)[..j].iter().zip(&l.row(j)[..j]).map(|(x, y)| x * y).sum();
            let rest = a[(i, j)] - dot;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return Err(Error::Singular { what: "cholesky" });
                }
                l[(i, i)] = rest.sqrt();
            } else {
                l[(i, j)] = rest / l[(j, j)];
            }
        }
    }
    Ok(l)
}

/// Solves `L Lᵀ x = b` in place, given the factor of [`cholesky`].
pub fn cholesky_solve(l: &Matrix, b: &mut [f64]) {
    let n = l.rows();
    for i in 0..n {
        let dot: f64 = l.row(i)[..i].iter().zip(&b[..i]).map(|(x, y)| x * y).sum();
        b[i] = (b[i] - dot) / l[(i, i)];
    }
    for i in (0..n).rev() {
        b[i] /= l[(i, i)];
        let value = b[i];
        for (k, x) in l.row(i)[..i].iter().zip(b.iter_mut()) {
            *x -= k * value;
        }
    }
}

/// Solves the symmetric positive definite system `a x = b`.
pub fn solve_spd(a: &Matrix, b: &[f64]) -> Result<Vec<f64>> {
    Error::same_length("linear system", a.rows(), b.len())?;
    let l = cholesky(a)?;
    let mut x = b.to_vec();
    cholesky_solve(&l, &mut x);
    Ok(x)
}

/// Inverse of a symmetric positive definite matrix.
pub fn inverse_spd(a: &Matrix) -> Result<Matrix> {
    let l = cholesky(a)?;
    let n = a.rows();
    let mut inverse = Matrix::zeros(n, n);
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        cholesky_solve(&l, &mut unit);
        inverse.row_mut(j).copy_from_slice(&unit);
    }
    Ok(inverse)
}

/// Least squares: the x that minimises ‖a x − b‖, by Householder QR without pivoting. O(rows · cols²).
/// [`Error::Singular`] where columns are collinear to 1e-13 of the largest.
pub fn least_squares(a: &Matrix, b: &[f64]) -> Result<Vec<f64>> {
    Error::same_length("least squares", a.rows(), b.len())?;
    Error::at_least("rows of least squares", a.cols(), a.rows())?;
    let (n, p) = (a.rows(), a.cols());
    // by columns: reflections walk down a column
    let mut columns: Vec<Vec<f64>> = (0..p).map(|j| a.column(j)).collect();
    let mut rhs = b.to_vec();
    let scale = columns.iter().map(|c| norm(c)).fold(0.0, f64::max);
    let mut diagonal = vec![0.0; p];
    for j in 0..p {
        let (done, rest) = columns.split_at_mut(j + 1);
        let v = &mut done[j][j..];
        let length = norm(v);
        if length.is_nan() || length <= 1e-13 * scale {
            return Err(Error::Singular { what: "least squares" });
        }
        let alpha = if v[0] > 0.0 { -length } else { length };
        v[0] -= alpha;
        diagonal[j] = alpha;
        let vv = dot(v, v);
        for other in rest.iter_mut().map(|c| &mut c[j..]).chain(std::iter::once(&mut rhs[j..])) {
            let factor = 2.0 * dot(v, other) / vv;
            other.iter_mut().zip(v.iter()).for_each(|(o, x)| *o -= factor * x);
        }
    }
    debug_assert!(n >= p);
    let mut x = vec![0.0; p];
    for i in (0..p).rev() {
        let known: f64 = (i + 1..p).map(|j| columns[j][i] * x[j]).sum();
        x[i] = (rhs[i] - known) / diagonal[i];
    }
    Ok(x)
}

/// Solves `a x = b` for any square matrix, by Gaussian elimination with partial pivoting.
pub fn solve(a: &Matrix, b: &[f64]) -> Result<Vec<f64>> {
    Error::same_length("linear system", a.rows(), a.cols())?;
    Error::same_length("linear system", a.rows(), b.len())?;
    let n = a.rows();
    let mut m: Vec<Vec<f64>> = a.iter_rows().map(<[f64]>::to_vec).collect();
    let mut x = b.to_vec();
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| m[*i][k].abs().total_cmp(&m[*j][k].abs())).unwrap_or(k);
        if m[pivot][k].is_nan() || m[pivot][k] == 0.0 {
            return Err(Error::Singular { what: "linear system" });
        }
        m.swap(k, pivot);
        x.swap(k, pivot);
        let (above, below) = m.split_at_mut(k + 1);
        let top = &above[k];
        let (known, unknown) = x.split_at_mut(k + 1);
        for (row, value) in below.iter_mut().zip(unknown) {
            let factor = row[k] / top[k];
            row[k..].iter_mut().zip(&top[k..]).for_each(|(r, t)| *r -= factor * t);
            *value -= factor * known[k];
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| m[i][j] * x[j]).sum();
        x[i] = (x[i] - known) / m[i][i];
    }
    Ok(x)
}

/// Eigenvalues (largest first) and the matching unit eigenvectors (as rows) of a symmetric matrix: cyclic Jacobi
/// (Golub and Van Loan §8.5). O(n³) a sweep, at most 60 sweeps.
pub fn symmetric_eigen(a: &Matrix) -> Result<(Vec<f64>, Matrix)> {
    Error::same_length("eigenvalues", a.rows(), a.cols())?;
    Error::all_finite("eigenvalues", a.data())?;
    let n = a.rows();
    let mut m = a.clone();
    let mut v = Matrix::identity(n);
    let total: f64 = m.data().iter().map(|x| x * x).sum();
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|ij| m[ij] * m[ij]).sum();
        if off <= 1e-30 * total {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut m, &mut v, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| m[(*j, *j)].total_cmp(&m[(*i, *i)]));
    let values = order.iter().map(|i| m[(*i, *i)]).collect();
    let vectors: Vec<&[f64]> = order.iter().map(|i| v.row(*i)).collect();
    Ok((values, Matrix::from_rows(&vectors)?))
}

/// One Jacobi rotation that makes `m[p][q]` zero; `v` holds eigenvectors as rows.
fn rotate(m: &mut Matrix, v: &mut Matrix, p: usize, q: usize) {
    let apq = m[(p, q)];
    if apq == 0.0 {
        return;
    }
    let theta = (m[(q, q)] - m[(p, p)]) / (2.0 * apq);
    let t = if theta.is_infinite() { 0.0 } else { theta.signum() / (theta.abs() + theta.hypot(1.0)) };
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    let n = m.rows();
    for k in 0..n {
        let (kp, kq) = (m[(k, p)], m[(k, q)]);
        m[(k, p)] = c * kp - s * kq;
        m[(k, q)] = s * kp + c * kq;
    }
    for k in 0..n {
        let (pk, qk) = (m[(p, k)], m[(q, k)]);
        m[(p, k)] = c * pk - s * qk;
        m[(q, k)] = s * pk + c * qk;
        let (vp, vq) = (v[(p, k)], v[(q, k)]);
        v[(p, k)] = c * vp - s * vq;
        v[(q, k)] = s * vp + c * vq;
    }
}

/// Σ xᵢ yᵢ, in four lanes so that the compiler vectorises it; the order of sums is fixed, so the result is too.
#[must_use]
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (xs, ys) = (x.chunks_exact(4), y.chunks_exact(4));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in xs.zip(ys) {
        for k in 0..4 {
            lanes[k] += a[k] * b[k];
        }
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest
}

/// Euclidean length.
#[must_use]
pub fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
        let mut r = Rng::new(seed);
        Matrix::new(rows, cols, (0..rows * cols).map(|_| r.normal()).collect()).unwrap()
    }

    #[test]
    fn systems_are_solved() {
        let a = random(8, 5, 1);
        let truth = [1.0, -2.0, 0.5, 3.0, 0.0];
        let b: Vec<f64> = a.iter_rows().map(|row| dot(row, &truth)).collect();
        let near = |x: &[f64]| assert!(x.iter().zip(truth).all(|(x, t)| (x - t).abs() < 1e-10), "{x:?}");
        near(&least_squares(&a, &b).unwrap());
        let gram = a.transpose().multiply(&a).unwrap();
        let right: Vec<f64> = gram.iter_rows().map(|row| dot(row, &truth)).collect();
        near(&solve_spd(&gram, &right).unwrap());
        near(&solve(&gram, &right).unwrap());
        let unit = gram.multiply(&inverse_spd(&gram).unwrap()).unwrap();
        assert!(unit.data().iter().zip(Matrix::identity(5).data()).all(|(x, y)| (x - y).abs() < 1e-9));
    }

    #[test]
    fn a_collinear_system_is_an_error() {
        let mut a = random(8, 3, 2);
        for i in 0..8 {
            a[(i, 2)] = 2.0 * a[(i, 0)];
        }
        assert!(matches!(least_squares(&a, &[0.0; 8]), Err(Error::Singular { .. })));
        assert!(matches!(cholesky(&Matrix::zeros(2, 2)), Err(Error::Singular { .. })));
        assert!(matches!(solve(&Matrix::zeros(2, 2), &[0.0; 2]), Err(Error::Singular { .. })));
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let a = random(9, 6, 3);
        let gram = a.transpose().multiply(&a).unwrap();
        let (values, vectors) = symmetric_eigen(&gram).unwrap();
        assert!(values.windows(2).all(|w| w[0] >= w[1]));
        for (value, vector) in values.iter().zip(vectors.iter_rows()) {
            for i in 0..6 {
                assert!((dot(gram.row(i), vector) - value * vector[i]).abs() < 1e-9);
            }
        }
    }
}
