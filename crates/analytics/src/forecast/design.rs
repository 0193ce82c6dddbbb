//! Columns and normal equations of Prophet's model: seasons as sines and cosines, changes of slope as hinges.

use std::f64::consts::PI;

use super::prophet::Seasonality;
use crate::Matrix;
use crate::gram::{Columns, gram_of_rows};

/// Rows for which one sine and cosine are computed afresh; where steps are even, the others follow by the angles between,
/// which are the same in every block.
const FRESH: usize = 32;

/// Sine and cosine columns of each seasonality, `2 · order` of them.
pub(super) fn seasonal_columns(times: &[f64], seasonalities: &[Seasonality]) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for s in seasonalities.iter().filter(|s| s.order > 0) {
        let (sin, cos) = turning(times, s.period_s);
        let (mut a, mut b) = (sin.clone(), cos.clone());
        for k in 1..=s.order {
            columns.push(a.clone());
            columns.push(b.clone());
            if k < s.order {
                for (((a, b), sin), cos) in a.iter_mut().zip(&mut b).zip(&sin).zip(&cos) {
                    (*a, *b) = (*a * cos + *b * sin, *b * cos - *a * sin);
                }
            }
        }
    }
    columns
}

/// Sine and cosine of the phase at each time.
fn turning(times: &[f64], period_s: f64) -> (Vec<f64>, Vec<f64>) {
    let phase = |t: f64| {
        let turns = t / period_s;
        libm::sincos(2.0 * PI * (turns - turns.floor()))
    };
    let (mut sin, mut cos) = (Vec::with_capacity(times.len()), Vec::with_capacity(times.len()));
    let (mut step, mut turns) = (f64::NAN, [(0.0, 1.0); FRESH]);
    for block in times.chunks(FRESH) {
        let ahead = block.get(1).map_or(0.0, |second| second - block[0]);
        if block.windows(2).any(|w| w[1] - w[0] != ahead) {
            for t in block {
                let (a, b) = phase(*t);
                sin.push(a);
                cos.push(b);
            }
            continue;
        }
        if ahead != step {
            (step, turns) = (ahead, std::array::from_fn(|k| phase(k as f64 * ahead)));
        }
        let (a, b) = phase(block[0]);
        sin.extend(turns[..block.len()].iter().map(|(s, c)| a * c + b * s));
        cos.extend(turns[..block.len()].iter().map(|(s, c)| b * c - a * s));
    }
    (sin, cos)
}

/// Sums of products of all pairs of: time, one, the other columns, hinges.
///
/// Hinges are not multiplied out: from the sums of x and of t·x over the rows between changes follow those of (t − place)·x
/// over all rows after a change. O(n · columns²/2).
pub(super) fn gram(columns: &[Vec<f64>], changes: &[(f64, usize)]) -> Matrix {
    let n = columns[0].len();
    let p = columns.len() + 1;
    let mut data = Vec::with_capacity(n * p);
    data.extend_from_slice(&columns[0]);
    data.resize(2 * n, 1.0);
    columns[1..].iter().for_each(|c| data.extend_from_slice(c));
    let all = Columns { rows: n, cols: p, data };

    let mut g = Matrix::zeros(p + changes.len(), p + changes.len());
    let mut total = Matrix::zeros(p, p);
    let mut end = n;
    for (k, (place, row)) in changes.iter().enumerate().rev() {
        add(&mut total, &gram_of_rows(&all, *row..end));
        end = *row;
        // rows of `total` from this change on: 0 is time, 1 is one
        for j in 0..p {
            g[(p + k, j)] = total[(0, j)] - place * total[(1, j)];
        }
        // the later of two hinges bounds both
        for (j, (earlier, _)) in changes.iter().enumerate().take(k + 1) {
            g[(p + k, p + j)] = total[(0, 0)] - (place + earlier) * total[(0, 1)] + place * earlier * total[(1, 1)];
        }
    }
    add(&mut total, &gram_of_rows(&all, 0..end));
    for i in 0..p {
        g.row_mut(i)[..p].copy_from_slice(total.row(i));
    }
    for i in p..g.rows() {
        for j in 0..i {
            g[(j, i)] = g[(i, j)];
        }
    }
    g
}

fn add(total: &mut Matrix, part: &Matrix) {
    total.data_mut().iter_mut().zip(part.data()).for_each(|(t, p)| *t += p);
}
