//! ICA-LiNGAM: the causal order from an independent component analysis.
//!
//! S. Shimizu et al., A linear non-Gaussian acyclic model for causal discovery, JMLR 7 (2006); FastICA by A. Hyvärinen
//! (1999). Semantics of lingam 1.13.0 over scikit-learn 1.9.1 (`FastICA`: parallel, logcosh, whitening to unit variance).

use super::fastexp::tanh;
use super::lingam::{Lingam, effects};
use crate::gram::{Columns, gram};
use crate::linalg::{dot, symmetric_eigen};
use crate::{Error, Matrix, Result, Rng};

/// How the components are searched.
#[derive(Debug, Clone, PartialEq)]
pub struct IcaOptions {
    /// First guess of the unmixing matrix (of whitened data); from the seed where absent.
    pub start: Option<Matrix>,
    /// Seed of the first guess.
    pub seed: u64,
    /// Iterations at most; 1000 as in lingam. The last iterate counts where they do not suffice.
    pub max_iterations: usize,
    /// The largest change of a direction at which the search ends; 1e-4 as in scikit-learn.
    pub tolerance: f64,
}

impl Default for IcaOptions {
    fn default() -> Self {
        Self { start: None, seed: 0, max_iterations: 1000, tolerance: 1e-4 }
    }
}

/// ICA-LiNGAM over the columns of `data`. O(iterations · rows · cols²) and O(cols³) for the assignment; the order is cut
/// from the smallest coefficients up, at worst O(cols⁴).
///
/// Errors: [`Error::TooFew`] unless rows exceed columns by 1; [`Error::NotFinite`] for NaN and infinities;
/// [`Error::Singular`] for constant or collinear columns. Depends on the start: it may end in a local optimum, which
/// DirectLiNGAM cannot.
pub fn ica_lingam(data: &Matrix, options: &IcaOptions) -> Result<Lingam> {
    let p = data.cols();
    if p == 0 {
        return Ok(Lingam { order: Vec::new(), effects: Matrix::zeros(0, 0) });
    }
    let unmixing = fast_ica(data, options)?;
    let mut cost = Matrix::zeros(p, p);
    for (c, w) in cost.data_mut().iter_mut().zip(unmixing.data()) {
        // a coefficient of 0 cannot stand on the diagonal
        *c = (1.0 / w.abs()).min(1e300);
    }
    let mut influence = Matrix::zeros(p, p);
    for (component, variable) in assignment(&cost).into_iter().enumerate() {
        let row = unmixing.row(component);
        for j in 0..p {
            influence[(variable, j)] = if j == variable { 0.0 } else { -row[j] / row[variable] };
        }
    }
    let order = order_of(&influence);
    let effects = effects(data, &order, None)?;
    Ok(Lingam { order, effects })
}

/// Rows that unmix centred data into independent components of unit variance.
pub fn fast_ica(data: &Matrix, options: &IcaOptions) -> Result<Matrix> {
    let (n, p) = (data.rows(), data.cols());
    Error::at_least("rows of ICA", p + 1, n)?;
    Error::all_finite("data of ICA", data.data())?;
    let mut columns = Columns::centred(data);
    let (values, vectors) = symmetric_eigen(&gram(&columns))?;
    let mut whitening = Matrix::zeros(p, p);
    for (k, value) in values.iter().enumerate() {
        if value.is_nan() || *value <= 1e-13 * values[0] {
            return Err(Error::Singular { what: "covariance of ICA" });
        }
        // scikit-learn fixes the sign by the first variable; singular values are roots of these
        let sign = if vectors[(k, 0)] < 0.0 { -1.0 } else { 1.0 };
        for j in 0..p {
            whitening[(k, j)] = sign * vectors[(k, j)] / value.sqrt();
        }
    }
    columns.data = transform(&whitening, &columns, (n as f64).sqrt());
    let start = match &options.start {
        Some(start) => {
            Error::same_length("start of ICA", start.rows(), p)?;
            Error::same_length("start of ICA", start.cols(), p)?;
            Error::all_finite("start of ICA", start.data())?;
            start.clone()
        }
        None => {
            let mut rng = Rng::new(options.seed);
            Matrix::new(p, p, (0..p * p).map(|_| rng.normal()).collect())?
        }
    };
    let rotation = rotate(&columns, &start, options)?;
    // whitened data has variance 1, its rotation too: what is left is rounding
    let mut unmixing = rotation.multiply(&whitening)?;
    unmixing.data_mut().iter_mut().for_each(|w| *w *= (n as f64).sqrt());
    Ok(unmixing)
}

/// Rows of `m` times the columns, scaled; one column a row of `m`.
fn transform(m: &Matrix, columns: &Columns, scale: f64) -> Vec<f64> {
    let mut data = vec![0.0; columns.rows * m.rows()];
    for (target, row) in data.chunks_mut(columns.rows.max(1)).zip(m.iter_rows()) {
        for (j, w) in row.iter().enumerate() {
            target.iter_mut().zip(columns.column(j)).for_each(|(t, x)| *t += scale * w * x);
        }
    }
    data
}

/// Parallel FastICA: all directions move at once and are made orthogonal again.
fn rotate(white: &Columns, start: &Matrix, options: &IcaOptions) -> Result<Matrix> {
    let (n, p) = (white.rows as f64, white.cols);
    let mut w = decorrelate(start)?;
    for _ in 0..options.max_iterations {
        let mut moved = Matrix::zeros(p, p);
        let mut projected = transform(&w, white, 1.0);
        for (i, g) in projected.chunks_mut(white.rows).enumerate() {
            g.iter_mut().for_each(|v| *v = tanh(*v));
            let slope = 1.0 - dot(g, g) / n;
            for j in 0..p {
                moved[(i, j)] = dot(g, white.column(j)) / n - slope * w[(i, j)];
            }
        }
        let moved = decorrelate(&moved)?;
        let change = |i: usize| (dot(moved.row(i), w.row(i)).abs() - 1.0).abs();
        let largest = (0..p).map(change).fold(0.0, f64::max);
        w = moved;
        if largest < options.tolerance {
            break;
        }
    }
    Ok(w)
}

/// (W Wᵀ)^(−1/2) W.
fn decorrelate(w: &Matrix) -> Result<Matrix> {
    let (values, vectors) = symmetric_eigen(&w.multiply(&w.transpose())?)?;
    let mut scaled = vectors.clone();
    for (k, value) in values.iter().enumerate() {
        let scale = 1.0 / value.max(f64::MIN_POSITIVE).sqrt();
        scaled.row_mut(k).iter_mut().for_each(|v| *v *= scale);
    }
    vectors.transpose().multiply(&scaled)?.multiply(w)
}

/// The column of each row in an assignment of least total cost: shortest augmenting paths (Jonker and Volgenant), O(n³).
fn assignment(cost: &Matrix) -> Vec<usize> {
    let n = cost.rows();
    let (mut row_price, mut col_price) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    // index n stands for "none"
    let mut row_of = vec![n; n + 1];
    for row in 0..n {
        row_of[n] = row;
        let (mut least, mut from, mut done) = (vec![f64::INFINITY; n], vec![n; n], vec![false; n + 1]);
        let mut col = n;
        loop {
            done[col] = true;
            let here = row_of[col];
            let (mut delta, mut next) = (f64::INFINITY, n);
            for j in (0..n).filter(|j| !done[*j]) {
                let reduced = cost[(here, j)] - row_price[here] - col_price[j];
                if reduced < least[j] {
                    (least[j], from[j]) = (reduced, col);
                }
                if least[j] < delta || next == n {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..=n {
                if done[j] {
                    row_price[row_of[j]] += delta;
                    col_price[j] -= delta;
                } else {
                    least[j] -= delta;
                }
            }
            col = next;
            if row_of[col] == n {
                break;
            }
        }
        while col != n {
            row_of[col] = row_of[from[col]];
            col = from[col];
        }
    }
    let mut columns = vec![0; n];
    (0..n).for_each(|j| columns[row_of[j]] = j);
    columns
}

/// Sets the smallest coefficients to zero until the rest is a directed graph without cycles; its order.
fn order_of(influence: &Matrix) -> Vec<usize> {
    let p = influence.rows();
    let mut cells: Vec<usize> = (0..p * p).collect();
    cells.sort_by(|a, b| influence.data()[*a].abs().total_cmp(&influence.data()[*b].abs()));
    let mut present = vec![true; p * p];
    let first = p * (p + 1) / 2;
    cells[..first].iter().for_each(|c| present[*c] = false);
    for cell in &cells[first..] {
        if let Some(order) = topological(&present, p) {
            return order;
        }
        present[*cell] = false;
    }
    (0..p).collect()
}

fn topological(present: &[bool], p: usize) -> Option<Vec<usize>> {
    let mut left: Vec<usize> = (0..p).collect();
    let mut order = Vec::with_capacity(p);
    while !left.is_empty() {
        let place = left.iter().position(|i| left.iter().all(|j| !present[i * p + j]))?;
        order.push(left.remove(place));
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_assignment_is_found() {
        let cost = Matrix::from_rows(&[[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]]).unwrap();
        assert_eq!(assignment(&cost), [1, 0, 2]);
        let mut rng = Rng::new(3);
        let cost = Matrix::new(5, 5, (0..25).map(|_| rng.uniform()).collect()).unwrap();
        let total = |columns: &[usize]| columns.iter().enumerate().map(|(i, j)| cost[(i, *j)]).sum::<f64>();
        let found = total(&assignment(&cost));
        for _ in 0..2000 {
            let mut other: Vec<usize> = (0..5).collect();
            rng.shuffle(&mut other);
            assert!(found <= total(&other) + 1e-12);
        }
    }
}
