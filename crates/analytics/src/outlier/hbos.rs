//! HBOS: outliers by histograms of each column, columns taken as independent.
//!
//! Goldstein and Dengel, KI 2012. Reference: PyOD 3.6.7 with static bins, whose scores are met to 1e-9; bins are numpy's.
//! The fastest of the table methods; blind to combinations of columns, coarse where a column has a long tail (most rows
//! share one bin).

use crate::{Error, Matrix, Result};

/// How many bins a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// The same count for each column; 2 or more.
    Fixed(usize),
    /// For each column the count of most penalised likelihood below √rows (Birgé and Rozenholc 2006): PyOD's "auto".
    Auto,
}

/// Settings of [`Hbos`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Count of bins; 10 in PyOD.
    pub bins: Bins,
    /// Added to each density, so that an empty bin does not score infinity; 0.1 in PyOD. Densities have the unit 1/x, so
    /// it weighs more on wide columns: scale columns alike where that matters.
    pub alpha: f64,
    /// Share of a bin's width by which a value may lie outside and still belong to the end bin; 0.5 in PyOD.
    pub tolerance: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { bins: Bins::Fixed(10), alpha: 0.1, tolerance: 0.5 }
    }
}

/// Fitted histograms.
#[derive(Debug, Clone, PartialEq)]
pub struct Hbos {
    columns: Vec<Histogram>,
    tolerance: f64,
    scores: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Histogram {
    edges: Vec<f64>,
    /// log2 of density + alpha, each bin.
    logs: Vec<f64>,
    least: f64,
}

impl Hbos {
    /// Fits rows × columns in O(rows · cols · log bins). Errors on an empty table, NaN, infinity, fewer than 2 bins, `alpha`
    /// or `tolerance` outside [0, 1], or a column whose range is too narrow for its bins. A constant column has one
    /// filled bin.
    pub fn fit(x: &Matrix, settings: &Settings) -> Result<Self> {
        Error::at_least("rows of a table", 1, x.rows())?;
        Error::at_least("columns of a table", 1, x.cols())?;
        Error::all_finite("table", x.data())?;
        Error::parameter((0.0..=1.0).contains(&settings.alpha), "alpha", settings.alpha, "0 to 1")?;
        Error::parameter((0.0..=1.0).contains(&settings.tolerance), "tolerance", settings.tolerance, "0 to 1")?;
        let columns: Result<Vec<Histogram>> = (0..x.cols()).map(|j| Histogram::fit(&x.column(j), settings)).collect();
        let mut fitted = Self { columns: columns?, tolerance: settings.tolerance, scores: Vec::new() };
        fitted.scores = fitted.score(x)?;
        Ok(fitted)
    }

    /// Scores of the fitted rows; more is more unusual. They can be negative.
    #[must_use]
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Scores of rows. Errors on other column counts, NaN or infinity.
    pub fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        Error::same_length("columns of rows to score and of fitted rows", x.cols(), self.columns.len())?;
        Error::all_finite("table", x.data())?;
        let mut sums = vec![0.0; x.rows()];
        for (j, column) in self.columns.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(x.iter_rows()) {
                *sum -= column.log_density(row[j], self.tolerance);
            }
        }
        Ok(sums)
    }
}

impl Histogram {
    fn fit(values: &[f64], settings: &Settings) -> Result<Self> {
        let bins = match settings.bins {
            Bins::Fixed(bins) => {
                Error::parameter((2..=1 << 20).contains(&bins), "bins", bins as f64, "2 to 1048576")?;
                bins
            }
            Bins::Auto => likeliest_bins(values)?,
        };
        let (counts, edges) = counts(values, bins)?;
        let n = values.len() as f64;
        let logs: Vec<f64> =
            counts.iter().zip(edges.windows(2)).map(|(c, e)| (c / (e[1] - e[0]) / n + settings.alpha).log2()).collect();
        let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self { edges, logs, least })
    }

    fn log_density(&self, x: f64, tolerance: f64) -> f64 {
        let (edges, bins) = (&self.edges, self.logs.len());
        // bins hold their right edge here, as in PyOD, though they were counted with the left one
        match edges.partition_point(|e| *e < x) {
            0 if edges[0] - x <= (edges[1] - edges[0]) * tolerance => self.logs[0],
            k if k == bins + 1 && x - edges[bins] <= (edges[bins] - edges[bins - 1]) * tolerance => self.logs[bins - 1],
            0 => self.least,
            k if k == bins + 1 => self.least,
            k => self.logs[k - 1],
        }
    }
}

/// numpy's `histogram`: equal widths, left edges belong to a bin, the last bin has both; a constant column is widened by
/// 0.5 to each side.
fn counts(values: &[f64], bins: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut first, mut last) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    if first == last {
        (first, last) = (first - 0.5, last + 0.5);
    }
    let step = (last - first) / bins as f64;
    let mut edges: Vec<f64> = (0..=bins).map(|i| i as f64 * step + first).collect();
    edges[bins] = last;
    let narrow = edges.windows(2).any(|e| e[0].is_nan() || e[0] >= e[1]) || !step.is_finite();
    Error::parameter(!narrow, "bins", bins as f64, "few enough for distinct edges within a column's range")?;
    let mut counts = vec![0.0; bins];
    for v in values {
        let mut k = (((v - first) / (last - first) * bins as f64) as usize).min(bins - 1);
        if *v < edges[k] {
            k = k.saturating_sub(1);
        } else if k + 1 < bins && *v >= edges[k + 1] {
            k += 1;
        }
        counts[k] += 1.0;
    }
    Ok((counts, edges))
}

fn likeliest_bins(values: &[f64]) -> Result<usize> {
    let n = values.len() as f64;
    let mut best = (f64::NEG_INFINITY, 1);
    for bins in 1..(n.sqrt() as usize).max(2) {
        let b = bins as f64;
        // PyOD takes the penalty once for each bin
        let penalty = b - 1.0 + b.ln().powf(2.5);
        let likelihood: f64 = counts(values, bins)?.0.iter().map(|c| c * (b * c / n + 1.0).ln() - penalty).sum();
        if likelihood > best.0 {
            best = (likelihood, bins);
        }
    }
    Ok(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bin_scores_more_and_degenerate_input_is_an_error() {
        let x = Matrix::new(11, 1, (0..11).map(|i| if i == 10 { 100.0 } else { f64::from(i) }).collect()).unwrap();
        let fitted = Hbos::fit(&x, &Settings::default()).unwrap();
        assert!(fitted.scores()[10] > fitted.scores()[0]);
        assert!(fitted.score(&Matrix::new(1, 1, vec![50.0]).unwrap()).unwrap()[0] > fitted.scores()[10]);
        let wide = Matrix::new(2, 1, vec![-f64::MAX, f64::MAX]).unwrap();
        assert!(Hbos::fit(&wide, &Settings::default()).is_err());
        let narrow = Matrix::new(2, 1, vec![1.0, 1.0 + f64::EPSILON]).unwrap();
        assert!(Hbos::fit(&narrow, &Settings::default()).is_err());
        assert!(Hbos::fit(&x, &Settings { bins: Bins::Fixed(1), ..Settings::default() }).is_err());
        assert!(Hbos::fit(&Matrix::zeros(0, 1), &Settings::default()).is_err());
        assert!(fitted.score(&Matrix::zeros(1, 2)).is_err());
    }

    /// PyOD 3.6.7, `get_optimal_n_bins`.
    #[test]
    fn automatic_bins_are_those_of_pyod() {
        let two_lumps: Vec<f64> = (0..200).map(|i| f64::from(i % 2) * 50.0 + f64::from(i) * 0.01).collect();
        assert_eq!(likeliest_bins(&two_lumps).unwrap(), 7);
        assert_eq!(likeliest_bins(&[1.0]).unwrap(), 1);
    }
}
