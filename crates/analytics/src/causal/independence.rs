//! Tests of conditional independence: is x independent of y, given a set of others?
//!
//! All follow causal-learn 0.1.4.8 `cit.py`.

use crate::gram::{Columns, correlations, mean};
use crate::special::{chi2_sf, normal_cdf};
use crate::{Error, Matrix, Result};

/// A test of x ⫫ y | S over columns of one data set.
pub trait IndependenceTest {
    /// Count of variables.
    fn variables(&self) -> usize;

    /// The p-value of "independent"; large means no sign of dependence. NaN where the test cannot be made (a constant
    /// column, fewer rows than the test needs). `given` is sorted and holds neither `x` nor `y`.
    fn p_value(&mut self, x: usize, y: usize, given: &[usize]) -> f64;
}

/// Pearson correlations of all pairs of columns. O(rows · cols²/2). NaN for a constant column; NaN in the data spreads.
/// Numbers above 1e150 overflow to NaN.
#[must_use]
pub fn correlation_matrix(data: &Matrix) -> Matrix {
    correlations(&Columns::centred(data))
}

/// Below this share of its variance a variable counts as a linear function of those conditioned on: what is left is
/// rounding. Correlations are good to about 1e-16, so that a partial one is to 1e-3 here.
pub(super) const DETERMINED: f64 = 1e-13;

/// Correlation of x and y with the linear effect of `given` taken out, from a correlation matrix. O(|S|³).
/// NaN where a variable is constant; 0 where x or y is a linear function of the others, to 1e-13 of its variance; a member
/// of `given` that is a linear function of those before it adds nothing. Not clipped: rounding may give slightly more
/// than 1.
#[must_use]
pub fn partial_correlation(correlation: &Matrix, x: usize, y: usize, given: &[usize]) -> f64 {
    let order: Vec<usize> = given.iter().copied().chain([x, y]).collect();
    let k = order.len();
    let mut m: Vec<f64> = order.iter().flat_map(|i| order.iter().map(|j| correlation[(*i, *j)])).collect();
    for pivot in 0..k - 2 {
        let scale = m[pivot * k + pivot];
        if scale <= DETERMINED {
            continue;
        }
        for i in pivot + 1..k {
            let factor = m[i * k + pivot] / scale;
            for j in pivot + 1..k {
                m[i * k + j] -= factor * m[pivot * k + j];
            }
        }
    }
    let (vx, vy) = (m[(k - 2) * k + k - 2], m[k * k - 1]);
    if vx <= DETERMINED || vy <= DETERMINED {
        return 0.0;
    }
    m[(k - 2) * k + k - 1] / (vx * vy).sqrt()
}

/// Fisher's z test of a (partial) correlation over `rows` rows given `conditions` variables: p = 2(1 − Φ(z)),
/// z = √(rows − conditions − 3) · |atanh r|. |r| ≥ 1 counts as 1 − ε. 1 where the root is 0, NaN where it is not real
/// or r is NaN. As in causal-learn p is 0 for z above 8.3, because 1 − Φ is taken literally.
#[must_use]
pub fn fisher_z_p(r: f64, rows: usize, conditions: usize) -> f64 {
    let r = if r.abs() >= 1.0 { (1.0 - f64::EPSILON) * r.signum() } else { r };
    let freedom = rows as f64 - conditions as f64 - 3.0;
    let z = freedom.sqrt() * (0.5 * ((1.0 + r) / (1.0 - r)).ln()).abs();
    2.0 * (1.0 - normal_cdf(z))
}

/// Fisher-z for numbers that are jointly normal or near it: linear dependence only.
#[derive(Debug, Clone)]
pub struct FisherZ {
    correlation: Matrix,
    rows: usize,
}

impl FisherZ {
    /// [`Error::NotFinite`] where the data holds NaN or infinities.
    pub fn new(data: &Matrix) -> Result<Self> {
        Error::all_finite("data of the independence test", data.data())?;
        Ok(Self { correlation: correlation_matrix(data), rows: data.rows() })
    }

    /// From correlations that are known, over `rows` rows.
    pub fn from_correlation(correlation: Matrix, rows: usize) -> Result<Self> {
        Error::same_length("correlation matrix", correlation.rows(), correlation.cols())?;
        Ok(Self { correlation, rows })
    }

    /// The correlations.
    #[must_use]
    pub fn correlation(&self) -> &Matrix {
        &self.correlation
    }

    /// Count of rows behind the correlations.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl IndependenceTest for FisherZ {
    fn variables(&self) -> usize {
        self.correlation.cols()
    }

    fn p_value(&mut self, x: usize, y: usize, given: &[usize]) -> f64 {
        fisher_z_p(partial_correlation(&self.correlation, x, y, given), self.rows, given.len())
    }
}

/// Fisher-z over the rows that are complete in x, y and S (test-wise deletion): NaN is a missing value.
/// Unbiased where values are missing at random only.
#[derive(Debug, Clone)]
pub struct MissingFisherZ {
    columns: Columns,
}

impl MissingFisherZ {
    /// NaN is missing; an infinity is [`Error::NotFinite`].
    pub fn new(data: &Matrix) -> Result<Self> {
        match data.data().iter().position(|v| v.is_infinite()) {
            Some(index) => Err(Error::NotFinite { what: "data of the independence test", index }),
            None => Ok(Self { columns: Columns::of(data) }),
        }
    }
}

impl IndependenceTest for MissingFisherZ {
    fn variables(&self) -> usize {
        self.columns.cols
    }

    fn p_value(&mut self, x: usize, y: usize, given: &[usize]) -> f64 {
        let used: Vec<usize> = [x, y].into_iter().chain(given.iter().copied()).collect();
        let complete: Vec<usize> =
            (0..self.columns.rows).filter(|i| used.iter().all(|j| !self.columns.column(*j)[*i].is_nan())).collect();
        if complete.is_empty() {
            return f64::NAN;
        }
        let mut data = Vec::with_capacity(used.len() * complete.len());
        for j in &used {
            let column = self.columns.column(*j);
            let values: Vec<f64> = complete.iter().map(|i| column[*i]).collect();
            let mean = mean(&values);
            data.extend(values.iter().map(|v| v - mean));
        }
        let r = correlations(&Columns { rows: complete.len(), cols: used.len(), data });
        let rest: Vec<usize> = (2..used.len()).collect();
        fisher_z_p(partial_correlation(&r, 0, 1, &rest), complete.len(), given.len())
    }
}

/// Which statistic compares a table of counts with independence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableStatistic {
    /// Pearson's Σ (observed − expected)²/expected.
    ChiSquare,
    /// 2 Σ observed · ln(observed/expected).
    GSquare,
}

/// χ² or G² over tables of counts, for columns of few distinct values. One table per combination of values of S that
/// occurs; rows and columns of a table without counts take no degrees of freedom; p = 1 where none are left.
#[derive(Debug, Clone)]
pub struct TableTest {
    codes: Vec<Vec<u32>>,
    levels: Vec<usize>,
    statistic: TableStatistic,
}

impl TableTest {
    /// Codes the distinct values of each column in ascending order. NaN and infinities are [`Error::NotFinite`].
    pub fn new(data: &Matrix, statistic: TableStatistic) -> Result<Self> {
        Error::all_finite("data of the independence test", data.data())?;
        let columns = Columns::of(data);
        let mut codes = Vec::with_capacity(columns.cols);
        let mut levels = Vec::with_capacity(columns.cols);
        for j in 0..columns.cols {
            let mut values = columns.column(j).to_vec();
            values.sort_by(f64::total_cmp);
            values.dedup_by(|a, b| *a == *b);
            let code = |v: &f64| values.partition_point(|u| u < v) as u32;
            codes.push(columns.column(j).iter().map(code).collect());
            levels.push(values.len());
        }
        Ok(Self { codes, levels, statistic })
    }

    /// For each row the number of the combination of S in it, numbered in the order of the combinations.
    fn strata(&self, given: &[usize]) -> (Vec<usize>, usize) {
        let rows = self.codes.first().map_or(0, Vec::len);
        let mut stratum = vec![0_usize; rows];
        let mut count = 1;
        for s in given {
            let mut seen: Vec<u64> =
                stratum.iter().zip(&self.codes[*s]).map(|(a, b)| (*a as u64) << 32 | u64::from(*b)).collect();
            let keys = seen.clone();
            seen.sort_unstable();
            seen.dedup();
            count = seen.len();
            for (cell, key) in stratum.iter_mut().zip(keys) {
                *cell = seen.partition_point(|k| *k < key);
            }
        }
        (stratum, count)
    }

    /// The statistic and its degrees of freedom in one table of counts.
    fn compare(&self, table: &[f64], width: usize) -> (f64, f64) {
        let rows: Vec<f64> = table.chunks(width).map(|r| r.iter().sum()).collect();
        let columns: Vec<f64> = (0..width).map(|j| table.iter().skip(j).step_by(width).sum()).collect();
        let total: f64 = rows.iter().sum();
        let mut statistic = 0.0;
        for (i, row) in rows.iter().enumerate() {
            for (j, column) in columns.iter().enumerate() {
                let (observed, expected) = (table[i * width + j], row * column / total);
                if expected > 0.0 {
                    statistic += match self.statistic {
                        TableStatistic::ChiSquare => (observed - expected) * (observed - expected) / expected,
                        TableStatistic::GSquare if observed > 0.0 => 2.0 * observed * (observed / expected).ln(),
                        TableStatistic::GSquare => 0.0,
                    };
                }
            }
        }
        let used = |sums: &[f64]| sums.iter().filter(|s| **s > 0.0).count() as f64 - 1.0;
        (statistic, used(&rows) * used(&columns))
    }
}

impl IndependenceTest for TableTest {
    fn variables(&self) -> usize {
        self.codes.len()
    }

    fn p_value(&mut self, x: usize, y: usize, given: &[usize]) -> f64 {
        let (stratum, count) = self.strata(given);
        let (height, width) = (self.levels[x], self.levels[y]);
        let mut tables = vec![0.0; count * height * width];
        for ((s, i), j) in stratum.iter().zip(&self.codes[x]).zip(&self.codes[y]) {
            tables[(s * height + *i as usize) * width + *j as usize] += 1.0;
        }
        let (mut statistic, mut freedom) = (0.0, 0.0);
        if height > 0 && width > 0 {
            for table in tables.chunks(height * width) {
                let (part, degrees) = self.compare(table, width);
                statistic += part;
                freedom += degrees;
            }
        }
        if freedom == 0.0 { 1.0 } else { chi2_sf(statistic, freedom) }
    }
}

/// Columns that are constant, as positions. Non-finite columns are not constant.
pub(super) fn constant_columns(data: &Matrix) -> Vec<bool> {
    let mut constant = vec![data.rows() > 0; data.cols()];
    if let Some(first) = data.iter_rows().next() {
        for row in data.iter_rows() {
            for (flag, (value, start)) in constant.iter_mut().zip(row.iter().zip(first)) {
                *flag &= value == start;
            }
        }
    }
    constant
}

/// For each column the first column it is a copy of, itself where there is none: a copy has the same values, or a
/// correlation of ±1 to 1e-12 with it.
pub(super) fn duplicates(correlation: &Matrix) -> Vec<usize> {
    let p = correlation.cols();
    let mut first: Vec<usize> = (0..p).collect();
    for j in 1..p {
        if let Some(i) = (0..j).find(|i| first[*i] == *i && correlation[(*i, j)].abs() >= 1.0 - 1e-12) {
            first[j] = i;
        }
    }
    first
}

/// Whether two columns are equal, value for value.
pub(super) fn has_equal_columns(data: &Matrix, correlation: &Matrix) -> bool {
    let p = data.cols();
    (0..p).any(|j| (0..j).any(|i| correlation[(i, j)] >= 1.0 - 1e-12 && data.iter_rows().all(|row| row[i] == row[j])))
}
