//! What is known of causal paths, and which variables may come next in a causal order.
//!
//! lingam 1.13.0 `DirectLiNGAM._search_candidate`, `_extract_partial_orders`.

use crate::{Error, Matrix, Result};

/// Knowledge of directed paths between variables.
#[derive(Debug, Clone, PartialEq)]
pub struct PathKnowledge {
    /// Square; `(i, j)`: 0 no path from j to i, 1 a path from j to i, negative unknown. The diagonal is not read.
    pub paths: Matrix,
    /// Soft: knowledge chooses candidates only where it is complete for the variables left. Hard: it is a partial order.
    pub soft: bool,
}

impl PathKnowledge {
    pub(super) fn check(&self, variables: usize) -> Result<()> {
        Error::same_length("path knowledge", self.paths.rows(), variables)?;
        Error::same_length("path knowledge", self.paths.cols(), variables)
    }

    /// Pairs (first, second) of the partial order. [`Error::Parameter`] where paths go both ways.
    pub(super) fn orders(&self) -> Result<Vec<(usize, usize)>> {
        let p = self.paths.rows();
        let mut orders = Vec::new();
        for i in 0..p {
            for j in (0..p).filter(|j| *j != i) {
                let (here, back) = (self.paths[(i, j)], self.paths[(j, i)]);
                Error::parameter(!(here == 1.0 && back == 1.0), "paths", here, "not a path both ways")?;
                if here == 1.0 {
                    orders.push((j, i));
                }
                // no path either way says nothing of the order
                if here == 0.0 && back != 0.0 {
                    orders.push((i, j));
                }
            }
        }
        orders.sort_unstable();
        orders.dedup();
        Ok(orders)
    }

    /// Whether all of `others` are known to have no path to `i`. True for none.
    fn none_reach(&self, i: usize, others: &[usize]) -> bool {
        others.iter().all(|j| *j == i || self.paths[(i, *j)] == 0.0)
    }

    /// Soft mode: candidates, and variables that are known to be no effect of them.
    pub(super) fn candidates(&self, left: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let mut first: Vec<usize> = left.iter().copied().filter(|j| self.none_reach(*j, left)).collect();
        if first.is_empty() {
            let is_effect = |j: usize| left.iter().any(|k| *k != j && self.paths[(j, *k)] == 1.0);
            let is_sink = |i: usize| left.iter().all(|k| *k == i || self.paths[(*k, i)] == 0.0);
            first = left.iter().copied().filter(|j| !is_effect(*j) && !is_sink(*j)).collect();
        }
        let apart = left.iter().copied().filter(|i| !first.contains(i) && self.none_reach(*i, &first)).collect();
        (first, apart)
    }
}
