//! Sparse rows: what TF-IDF writes and sparse clustering reads.

use crate::{Error, Result};

/// Compressed sparse rows: for each row its columns in rising order and their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseRows {
    /// Row `i` is `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
    width: usize,
}

impl SparseRows {
    /// No rows yet, `width` columns.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { starts: vec![0], columns: Vec::new(), values: Vec::new(), width }
    }

    /// As [`SparseRows::new`], with room for so many entries.
    pub(crate) fn with_room(width: usize, entries: usize) -> Self {
        let (columns, values) = (Vec::with_capacity(entries), Vec::with_capacity(entries));
        Self { starts: vec![0], columns, values, width }
    }

    /// Adds a row of (column, value). Errors where columns do not rise strictly or are outside the width, or a value is not finite.
    pub fn push(&mut self, row: &[(u32, f64)]) -> Result<()> {
        let rising = row.windows(2).all(|w| w[0].0 < w[1].0) && row.last().is_none_or(|l| (l.0 as usize) < self.width);
        if !rising {
            return Err(Error::Format {
                what: "sparse row",
                detail: "columns must rise and be below the width".to_owned(),
            });
        }
        if let Some(index) = row.iter().position(|(_, v)| !v.is_finite()) {
            return Err(Error::NotFinite { what: "sparse row", index });
        }
        self.add(row);
        Ok(())
    }

    /// Adds a row known to be right.
    pub(crate) fn add(&mut self, row: &[(u32, f64)]) {
        self.columns.extend(row.iter().map(|(c, _)| *c));
        self.values.extend(row.iter().map(|(_, v)| *v));
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.starts.push(self.columns.len());
    }

    /// Count of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Count of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Columns and values of row `i`; empty where there is none.
    #[must_use]
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        match (self.starts.get(i), self.starts.get(i + 1)) {
            (Some(&a), Some(&b)) => (&self.columns[a..b], &self.values[a..b]),
            _ => (&[], &[]),
        }
    }

    /// All rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u32], &[f64])> {
        (0..self.rows()).map(|i| self.row(i))
    }

    /// Scales each row to length 1; a row of zeros stays.
    pub fn normalise(&mut self) {
        for i in 0..self.rows() {
            to_length_one(&mut self.values[self.starts[i]..self.starts[i + 1]]);
        }
    }
}

/// Scales a row to length 1; zeros stay.
pub(crate) fn to_length_one(values: &mut [f64]) {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest > 0.0 {
        // scaled first, so that squares neither overflow nor vanish
        values.iter_mut().for_each(|v| *v /= largest);
        let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        values.iter_mut().for_each(|v| *v /= length);
    }
}

/// Dot product of two sparse rows; O(entries of both).
#[must_use]
pub fn dot(a: (&[u32], &[f64]), b: (&[u32], &[f64])) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.0.len() && j < b.0.len() {
        match a.0[i].cmp(&b.0[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a.1[i] * b.1[j];
                i += 1;
                j += 1;
            }
        }
    }
    sum
}
