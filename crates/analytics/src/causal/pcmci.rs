//! PCMCI: which series drives which after which delay, with what else drives both taken out.
//!
//! J. Runge et al., Detecting and quantifying causal associations in large nonlinear time series datasets, Science Advances
//! 5 (2019), with linear partial correlation (ParCorr) as tigramite does it: selection of parents with one condition set a
//! size, then momentary conditional independence, over the rows that have 2 · tau_max rows before them.

use super::independence::partial_correlation;
use crate::gram::{Columns, correlations};
use crate::special::student_t_sf;
use crate::{Error, Matrix, Result};

/// How PCMCI works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PcmciOptions {
    /// The longest delay, in rows.
    pub tau_max: usize,
    /// Parents are dropped where p is above this; 0.05 as in tigramite's examples.
    pub pc_alpha: f64,
}

impl Default for PcmciOptions {
    fn default() -> Self {
        Self { tau_max: 3, pc_alpha: 0.05 }
    }
}

/// What PCMCI found, indexed by delay 0, 1, …: `(i, j)` is i driving j after that delay. At delay 0 both directions are the
/// same and no direction is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Pcmci {
    /// Partial correlations.
    pub values: Vec<Matrix>,
    /// Their p-values; 1 for a series with itself at delay 0.
    pub p_values: Vec<Matrix>,
}

/// PCMCI over the columns of `data`, rows evenly spaced in time. O(rows · (cols · tau_max)²) for the correlations, then
/// O(cols² · tau_max · parents³).
///
/// Errors: [`Error::NotFinite`]; [`Error::Parameter`] for pc_alpha outside (0, 1) or tau_max 0; [`Error::TooFew`] unless
/// 2 · tau_max + 4 rows are there. A test without degrees of freedom or with a constant series has value 0 and p 1. Cannot
/// see hidden common causes or non-linear effects.
pub fn pcmci(data: &Matrix, options: &PcmciOptions) -> Result<Pcmci> {
    let tau_max = options.tau_max;
    Error::parameter(tau_max > 0, "tau_max", tau_max as f64, "at least 1")?;
    let alpha = options.pc_alpha;
    Error::parameter(alpha > 0.0 && alpha < 1.0, "pc_alpha", alpha, "between 0 and 1")?;
    Error::at_least("rows of PCMCI", tau_max.saturating_mul(2).saturating_add(4), data.rows())?;
    Error::all_finite("data of PCMCI", data.data())?;
    let lagged = Lagged::new(data, tau_max);
    let p = data.cols();
    let parents: Vec<Vec<Node>> = (0..p).map(|j| lagged.parents(j, options)).collect();
    let mut values = vec![Matrix::zeros(p, p); tau_max + 1];
    let mut p_values = vec![Matrix::zeros(p, p); tau_max + 1];
    for j in 0..p {
        for i in 0..p {
            for tau in 0..=tau_max {
                let (value, p_value) = if tau == 0 && i == j {
                    (0.0, 1.0)
                } else {
                    let mut given: Vec<Node> = parents[j].iter().copied().filter(|n| *n != (i, tau)).collect();
                    for (k, lag) in &parents[i] {
                        if !given.contains(&(*k, lag + tau)) {
                            given.push((*k, lag + tau));
                        }
                    }
                    lagged.test((i, tau), (j, 0), &given)
                };
                values[tau][(i, j)] = value;
                p_values[tau][(i, j)] = p_value;
            }
        }
    }
    Ok(Pcmci { values, p_values })
}

/// A series and its delay.
type Node = (usize, usize);

/// Correlations of all series at all delays up to 2 · tau_max, over the same rows.
struct Lagged {
    series: usize,
    rows: usize,
    tau_max: usize,
    correlation: Matrix,
}

impl Lagged {
    fn new(data: &Matrix, tau_max: usize) -> Self {
        let (series, rows) = (data.cols(), data.rows() - 2 * tau_max);
        let columns = Columns::of(data);
        let mut shifted = Vec::with_capacity(series * (2 * tau_max + 1) * rows);
        for lag in 0..=2 * tau_max {
            for j in 0..series {
                let part = &columns.column(j)[2 * tau_max - lag..][..rows];
                let mean = crate::gram::mean(part);
                shifted.extend(part.iter().map(|v| v - mean));
            }
        }
        let cols = series * (2 * tau_max + 1);
        Self { series, rows, tau_max, correlation: correlations(&Columns { rows, cols, data: shifted }) }
    }

    fn test(&self, x: Node, y: Node, given: &[Node]) -> (f64, f64) {
        let at = |(j, lag): Node| lag * self.series + j;
        let given: Vec<usize> = given.iter().map(|n| at(*n)).collect();
        let r = partial_correlation(&self.correlation, at(x), at(y), &given);
        if r.is_nan() || self.rows <= given.len() + 2 {
            return (0.0, 1.0);
        }
        let r = r.clamp(-1.0, 1.0);
        let freedom = (self.rows - given.len() - 2) as f64;
        let t = r.abs() * (freedom / (1.0 - r * r)).sqrt();
        (r, if t.is_finite() { 2.0 * student_t_sf(t, freedom) } else { 0.0 })
    }

    /// Parents of series `j`, strongest first: each level conditions on the strongest others.
    fn parents(&self, j: usize, options: &PcmciOptions) -> Vec<Node> {
        let all = (0..self.series).flat_map(|i| (1..=self.tau_max).map(move |tau| (i, tau)));
        // the least |value| so far
        let mut parents: Vec<(Node, f64)> = all.map(|n| (n, f64::INFINITY)).collect();
        let mut size = 0;
        while parents.len() > size {
            let nodes: Vec<Node> = parents.iter().map(|p| p.0).collect();
            let mut kept = Vec::with_capacity(parents.len());
            for (node, least) in parents {
                let given: Vec<Node> = nodes.iter().copied().filter(|n| *n != node).take(size).collect();
                let (value, p) = self.test(node, (j, 0), &given);
                if p <= options.pc_alpha {
                    kept.push((node, least.min(value.abs())));
                }
            }
            kept.sort_by(|a, b| b.1.total_cmp(&a.1));
            parents = kept;
            size += 1;
        }
        parents.into_iter().map(|p| p.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_series_are_tame() {
        let mut data = Matrix::zeros(12, 2);
        (0..12).for_each(|t| data[(t, 0)] = (t * t % 7) as f64);
        let found = pcmci(&data, &PcmciOptions::default()).unwrap();
        assert!(found.p_values.iter().flat_map(|m| m.data()).all(|p| (0.0..=1.0).contains(p)));
        assert!(found.p_values.iter().all(|m| m[(0, 1)] == 1.0 && m[(1, 0)] == 1.0));
        assert!(matches!(pcmci(&Matrix::zeros(9, 1), &PcmciOptions::default()), Err(Error::TooFew { .. })));
        let none = PcmciOptions { tau_max: 0, ..PcmciOptions::default() };
        assert!(matches!(pcmci(&data, &none), Err(Error::Parameter { .. })));
    }
}
