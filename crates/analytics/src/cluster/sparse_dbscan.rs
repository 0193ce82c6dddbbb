//! DBSCAN on sparse rows with the cosine distance, exact, through an inverted index.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::dbscan::{DbscanConfig, Density};
use crate::Result;
use crate::text::sparse::{SparseRows, dot, to_length_one};

/// DBSCAN with cosine distance 1 − cos, labels as scikit-learn 1.9's `DBSCAN(metric="cosine")` (a pair whose distance is within
/// the last bits of `eps` may fall on either side, since sums are taken in another order).
///
/// Equal rows are joined with their multiplicity. Each row puts into the index only its rarest columns, until the length of
/// the rest is below 1 − eps: two rows that meet in no indexed column cannot be that similar (Bayardo et al., WWW 2007,
/// Anastasiu and Karypis 2014). Candidates are pruned by the same bound, then computed exactly, and pairs that can no longer
/// change a label (both core, same cluster) are not computed. Time O(candidates), memory O(entries + `min_samples` a row).
///
/// A row of zeros has distance 1 to every row, as scikit-learn has it; at `eps` ≥ 1 every pair is tried. Errors for parameters out of range;
/// [`SparseRows`] holds finite numbers only.
pub fn sparse_cosine_dbscan(rows: &SparseRows, config: DbscanConfig) -> Result<Vec<i32>> {
    config.check()?;
    let (unique, of) = distinct(rows);
    let mut weight = vec![0; unique.rows()];
    for u in &of {
        weight[*u as usize] += 1;
    }
    let mut density = Density::new(&weight, config.min_samples);
    let least = 1.0 - config.eps;
    if least <= SLACK {
        all_pairs(&unique, config.eps, &mut density);
    } else {
        Join::new(&unique, least).run(config.eps, &mut density);
    }
    // unique rows are in order of first appearance, so that clusters are numbered alike
    let labels = density.labels();
    Ok(of.iter().map(|u| labels[*u as usize]).collect())
}

/// More than rounding can add to a dot product of rows of length 1.
const SLACK: f64 = 1e-9;

/// Rows of length 1 without repetition, and which of them each row is. Rows of zeros stay apart: they are not like each other.
fn distinct(rows: &SparseRows) -> (SparseRows, Vec<u32>) {
    let mut unique = SparseRows::new(rows.width());
    // by a hash of the row; rows that share one are compared
    let mut seen: HashMap<u64, Vec<u32>> = HashMap::new();
    let mut of = Vec::with_capacity(rows.rows());
    let (mut row, mut scaled) = (Vec::new(), Vec::new());
    for (columns, values) in rows.iter() {
        scaled.clear();
        scaled.extend_from_slice(values);
        to_length_one(&mut scaled);
        row.clear();
        row.extend(columns.iter().zip(&scaled).filter(|(_, v)| **v != 0.0).map(|(c, v)| (*c, *v)));
        let next = unique.rows() as u32;
        if row.is_empty() {
            unique.add(&row);
            of.push(next);
            continue;
        }
        let mut hasher = DefaultHasher::new();
        row.iter().for_each(|(c, v)| (c, v.to_bits()).hash(&mut hasher));
        let same = seen.entry(hasher.finish()).or_default();
        let equal = |u: &&u32| {
            let (columns, values) = unique.row(**u as usize);
            columns.len() == row.len() && row.iter().zip(columns).zip(values).all(|((r, c), v)| r.0 == *c && r.1 == *v)
        };
        if let Some(known) = same.iter().find(equal) {
            of.push(*known);
        } else {
            unique.add(&row);
            same.push(next);
            of.push(next);
        }
    }
    (unique, of)
}

fn all_pairs(rows: &SparseRows, eps: f64, density: &mut Density) {
    for a in 0..rows.rows() {
        for b in a + 1..rows.rows() {
            if !density.settled(a, b) && 1.0 - dot(rows.row(a), rows.row(b)) <= eps {
                density.neighbours(a, b);
            }
        }
    }
}

/// Rows with columns renamed from rarest to most frequent.
struct Join {
    rows: SparseRows,
    least: f64,
    /// For each row how many entries are indexed, and the length of the rest.
    indexed: Vec<(u32, f64)>,
}

impl Join {
    fn new(unique: &SparseRows, least: f64) -> Self {
        let mut frequency = vec![0u32; unique.width()];
        for (columns, _) in unique.iter() {
            columns.iter().for_each(|c| frequency[*c as usize] += 1);
        }
        let mut order: Vec<u32> = (0..unique.width() as u32).collect();
        order.sort_by_key(|c| frequency[*c as usize]);
        let mut name = vec![0u32; unique.width()];
        for (new, old) in (0..).zip(&order) {
            name[*old as usize] = new;
        }
        let mut rows = SparseRows::new(unique.width());
        let mut indexed = Vec::with_capacity(unique.rows());
        let mut row = Vec::new();
        for (columns, values) in unique.iter() {
            row.clear();
            row.extend(columns.iter().zip(values).map(|(c, v)| (name[*c as usize], *v)));
            row.sort_unstable_by_key(|(c, _)| *c);
            rows.add(&row);
            let (mut rest, mut keep) = (0.0_f64, row.len());
            while keep > 0 {
                let more = rest + row[keep - 1].1 * row[keep - 1].1;
                if more.sqrt() >= least - SLACK {
                    break;
                }
                (rest, keep) = (more, keep - 1);
            }
            indexed.push((keep as u32, rest.sqrt()));
        }
        Self { rows, least, indexed }
    }

    fn run(&self, eps: f64, density: &mut Density) {
        let n = self.rows.rows();
        let mut lists: Vec<Vec<(u32, f64)>> = vec![Vec::new(); self.rows.width()];
        let mut sums = vec![0.0; n];
        let mut touched: Vec<u32> = Vec::new();
        // the row at hand, spread over all columns
        let mut dense = vec![0.0; self.rows.width()];
        for a in 0..n {
            let (columns, values) = self.rows.row(a);
            for (c, v) in columns.iter().zip(values) {
                dense[*c as usize] = *v;
                for (b, w) in &lists[*c as usize] {
                    let sum = &mut sums[*b as usize];
                    if *sum == 0.0 {
                        touched.push(*b);
                    }
                    *sum += v * w;
                }
            }
            for b in touched.drain(..) {
                let b = b as usize;
                let met = std::mem::take(&mut sums[b]);
                let (keep, rest) = self.indexed[b];
                // what the unindexed rest can add is at most its length
                if met + rest < self.least - SLACK || density.settled(a, b) {
                    continue;
                }
                let (cb, vb) = self.rows.row(b);
                let keep = keep as usize;
                let more: f64 = cb[keep..].iter().zip(&vb[keep..]).map(|(c, v)| v * dense[*c as usize]).sum();
                if 1.0 - (met + more) <= eps {
                    density.neighbours(a, b);
                }
            }
            let keep = self.indexed[a].0 as usize;
            for c in columns {
                dense[*c as usize] = 0.0;
            }
            for (c, v) in columns.iter().zip(values).take(keep) {
                lists[*c as usize].push((a as u32, *v));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(all: &[&[(u32, f64)]]) -> SparseRows {
        let mut rows = SparseRows::new(8);
        all.iter().for_each(|r| rows.push(r).unwrap());
        rows
    }

    #[test]
    fn pruning_changes_nothing() {
        let mut rng = crate::Rng::new(5);
        for eps in [0.0, 0.2, 0.5, 0.8, 1.0, 1.5] {
            for min_samples in [1, 2, 4] {
                let mut all = SparseRows::new(12);
                for _ in 0..120 {
                    let mut columns = rng.sample(12, 4);
                    columns.sort_unstable();
                    let row: Vec<(u32, f64)> = columns.iter().map(|c| (*c as u32, (rng.below(3)) as f64)).collect();
                    all.push(&row).unwrap();
                }
                let config = DbscanConfig { eps, min_samples };
                let found = sparse_cosine_dbscan(&all, config).unwrap();
                let (unique, of) = distinct(&all);
                let mut weight = vec![0; unique.rows()];
                of.iter().for_each(|u| weight[*u as usize] += 1);
                let mut plain = Density::new(&weight, min_samples);
                all_pairs(&unique, eps, &mut plain);
                let labels = plain.labels();
                assert_eq!(found, of.iter().map(|u| labels[*u as usize]).collect::<Vec<_>>(), "{eps} {min_samples}");
            }
        }
    }

    #[test]
    fn degenerate_input() {
        let config = DbscanConfig { eps: 0.5, min_samples: 2 };
        assert!(sparse_cosine_dbscan(&rows(&[]), config).unwrap().is_empty());
        assert_eq!(sparse_cosine_dbscan(&rows(&[&[(0, 1.0)]]), config).unwrap(), [-1]);
        assert_eq!(sparse_cosine_dbscan(&rows(&[&[], &[], &[(1, 0.0)]]), config).unwrap(), [-1, -1, -1]);
        assert_eq!(
            sparse_cosine_dbscan(&rows(&[&[(0, 1e300)], &[(0, 1e-300)], &[(1, 1.0)]]), config).unwrap(),
            [0, 0, -1]
        );
        assert!(sparse_cosine_dbscan(&rows(&[]), DbscanConfig { eps: f64::NAN, ..config }).is_err());
    }
}
