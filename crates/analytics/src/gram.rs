//! Products of all pairs of columns, in blocks that stay in the nearest cache.

use crate::Matrix;

/// Columns, one after the other; each mean-free where [`Columns::centred`] made it.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<f64>,
}

impl Columns {
    /// The columns of a matrix.
    pub fn of(matrix: &Matrix) -> Self {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let mut data = vec![0.0; rows * cols];
        // eight columns at a time: each read of a row brings a cache line of them
        for first in (0..cols).step_by(8) {
            let width = (cols - first).min(8);
            for (i, row) in matrix.iter_rows().enumerate() {
                for (k, value) in row[first..first + width].iter().enumerate() {
                    data[(first + k) * rows + i] = *value;
                }
            }
        }
        Self { rows, cols, data }
    }

    /// The columns less their means.
    pub fn centred(matrix: &Matrix) -> Self {
        let mut columns = Self::of(matrix);
        for j in 0..columns.cols {
            let column = columns.column_mut(j);
            let mean = mean(column);
            column.iter_mut().for_each(|v| *v -= mean);
        }
        columns
    }

    pub fn column(&self, j: usize) -> &[f64] {
        &self.data[j * self.rows..(j + 1) * self.rows]
    }

    pub fn column_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.data[j * self.rows..(j + 1) * self.rows]
    }
}

/// Mean by four lanes of sums in a fixed order.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().sum();
    for c in chunks {
        for k in 0..4 {
            lanes[k] += c[k];
        }
    }
    ((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest) / values.len() as f64
}

/// Rows a block: two panels of four columns take 32 KiB, the size of a first-level cache.
const BLOCK: usize = 512;

/// Sums of products of all pairs of columns. O(rows · cols²/2).
pub(crate) fn gram(columns: &Columns) -> Matrix {
    gram_of_rows(columns, 0..columns.rows)
}

/// The same over some of the rows.
pub(crate) fn gram_of_rows(columns: &Columns, rows: std::ops::Range<usize>) -> Matrix {
    let (n, p) = (rows.len(), columns.cols);
    let mut product = Matrix::zeros(p, p);
    if n == 0 {
        return product;
    }
    let panels = p.div_ceil(4);
    let mut packed: Vec<Vec<[f64; 4]>> = vec![vec![[0.0; 4]; BLOCK.min(n)]; panels];
    let mut sums = vec![[[0.0; 4]; 4]; panels * panels];
    for start in rows.clone().step_by(BLOCK) {
        let height = BLOCK.min(rows.end - start);
        for j in 0..p {
            let source = &columns.column(j)[start..start + height];
            for (cell, value) in packed[j / 4].iter_mut().zip(source) {
                cell[j % 4] = *value;
            }
        }
        // the widest vectors of the processor; no fused operations, so the bits are the same with any
        pulp::Arch::new().dispatch(Tiles { packed: &packed, height, sums: &mut sums });
    }
    for i in 0..p {
        for j in i..p {
            let value = sums[(i / 4) * panels + j / 4][i % 4][j % 4];
            product[(i, j)] = value;
            product[(j, i)] = value;
        }
    }
    product
}

/// One block of rows, panel by panel; a struct, because a closure need not be inlined into the code for wide vectors.
struct Tiles<'a> {
    packed: &'a [Vec<[f64; 4]>],
    height: usize,
    sums: &'a mut [[[f64; 4]; 4]],
}

impl pulp::NullaryFnOnce for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let panels = self.packed.len();
        for a in 0..panels {
            for b in a..panels {
                let block = tile(&self.packed[a][..self.height], &self.packed[b][..self.height]);
                for (sum, part) in self.sums[a * panels + b].iter_mut().flatten().zip(block.iter().flatten()) {
                    *sum += part;
                }
            }
        }
    }
}

/// Four columns against four: sixteen sums that stay in registers.
#[inline(always)]
fn tile(a: &[[f64; 4]], b: &[[f64; 4]]) -> [[f64; 4]; 4] {
    let mut sums = [[0.0; 4]; 4];
    for (x, y) in a.iter().zip(b) {
        for i in 0..4 {
            for j in 0..4 {
                sums[i][j] += x[i] * y[j];
            }
        }
    }
    sums
}

/// Correlations of centred columns; NaN with a constant column.
pub(crate) fn correlations(centred: &Columns) -> Matrix {
    let mut r = gram(centred);
    let p = centred.cols;
    let scale: Vec<f64> = (0..p)
        .map(|j| {
            let sum = r[(j, j)];
            if sum > 0.0 { 1.0 / sum.sqrt() } else { f64::NAN }
        })
        .collect();
    for i in 0..p {
        for j in 0..p {
            r[(i, j)] = (r[(i, j)] * scale[i] * scale[j]).clamp(-1.0, 1.0);
        }
        if !scale[i].is_nan() {
            r[(i, i)] = 1.0;
        }
    }
    r
}
