//! How often an edge is found when the rows are drawn anew: belief in edges rather than one graph.

use super::lingam::{LingamOptions, direct_lingam};
use super::pc::{PcOptions, pc};
use crate::{Error, Matrix, Result, Rng};

/// Shares of resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeFrequencies {
    /// `(i, j)`: i → j was found.
    pub directed: Matrix,
    /// `(i, j)`: i and j were adjacent in any way.
    pub adjacent: Matrix,
    /// Resamples that gave a graph; the shares are of these.
    pub graphs: usize,
}

impl EdgeFrequencies {
    /// Belief in i → j against j → i, from −1 to 1.
    #[must_use]
    pub fn belief(&self, i: usize, j: usize) -> f64 {
        self.directed[(i, j)] - self.directed[(j, i)]
    }
}

/// PC on `rounds` resamples of the rows with replacement. Rounds that fail for too few distinct rows are left out.
/// Errors as [`pc`] on the data itself; [`Error::Parameter`] for 0 rounds.
pub fn bootstrap_pc(data: &Matrix, options: &PcOptions, rounds: usize, seed: u64) -> Result<EdgeFrequencies> {
    pc(data, options)?;
    frequencies(data, rounds, seed, |sample, found| {
        let Ok(result) = pc(sample, options) else { return false };
        for i in 0..data.cols() {
            for j in 0..data.cols() {
                found.directed[(i, j)] += f64::from(u8::from(result.graph.is_directed(i, j)));
                found.adjacent[(i, j)] += f64::from(u8::from(result.graph.adjacent(i, j)));
            }
        }
        true
    })
}

/// DirectLiNGAM on `rounds` resamples; an effect above `least` in absolute value is an edge. Errors as [`bootstrap_pc`].
pub fn bootstrap_lingam(
    data: &Matrix,
    options: &LingamOptions,
    least: f64,
    rounds: usize,
    seed: u64,
) -> Result<EdgeFrequencies> {
    direct_lingam(data, options)?;
    frequencies(data, rounds, seed, |sample, found| {
        let Ok(result) = direct_lingam(sample, options) else { return false };
        for cause in 0..data.cols() {
            for effect in 0..data.cols() {
                if result.effects[(effect, cause)].abs() > least {
                    found.directed[(cause, effect)] += 1.0;
                    found.adjacent[(cause, effect)] += 1.0;
                    found.adjacent[(effect, cause)] += 1.0;
                }
            }
        }
        true
    })
}

fn frequencies(
    data: &Matrix,
    rounds: usize,
    seed: u64,
    mut each: impl FnMut(&Matrix, &mut EdgeFrequencies) -> bool,
) -> Result<EdgeFrequencies> {
    Error::parameter(rounds > 0, "rounds", rounds as f64, "at least 1")?;
    let (n, p) = (data.rows(), data.cols());
    let mut found = EdgeFrequencies { directed: Matrix::zeros(p, p), adjacent: Matrix::zeros(p, p), graphs: 0 };
    let mut rng = Rng::new(seed);
    let mut sample = Matrix::zeros(n, p);
    for _ in 0..rounds {
        for i in 0..n {
            sample.row_mut(i).copy_from_slice(data.row(rng.below(n)));
        }
        found.graphs += usize::from(each(&sample, &mut found));
    }
    let scale = 1.0 / found.graphs.max(1) as f64;
    for shares in [&mut found.directed, &mut found.adjacent] {
        shares.data_mut().iter_mut().for_each(|v| *v *= scale);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_collider_is_found_most_times() {
        let mut rng = Rng::new(7);
        let rows: Vec<[f64; 3]> = (0..400)
            .map(|_| {
                let (a, b) = (rng.uniform(), rng.uniform());
                [a, b, a + b + 0.3 * rng.uniform()]
            })
            .collect();
        let data = Matrix::from_rows(&rows).unwrap();
        let by_pc = bootstrap_pc(&data, &PcOptions { alpha: 0.01, ..PcOptions::default() }, 50, 1).unwrap();
        assert!(by_pc.belief(0, 2) > 0.7 && by_pc.adjacent[(0, 1)] < 0.3 && by_pc.graphs == 50);
        let by_lingam = bootstrap_lingam(&data, &LingamOptions::default(), 0.1, 20, 1).unwrap();
        assert!(by_lingam.belief(1, 2) > 0.7);
        assert_eq!(by_pc, bootstrap_pc(&data, &PcOptions { alpha: 0.01, ..PcOptions::default() }, 50, 1).unwrap());
        assert!(bootstrap_pc(&data, &PcOptions::default(), 0, 1).is_err());
        assert!(bootstrap_pc(&Matrix::zeros(0, 2), &PcOptions::default(), 5, 1).is_err());
    }
}
