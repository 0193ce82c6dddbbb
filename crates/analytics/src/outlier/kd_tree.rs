//! A k-d tree for exact nearest neighbours in few dimensions (Friedman, Bentley and Finkel 1977).

use super::neighbours::Nearest;
use crate::Matrix;

/// Rows in a leaf: below it a scan is faster than another branch.
const LEAF: usize = 16;

/// Splits at medians of the widest side, so that its depth is log2(rows / leaf) whatever the data; rows lie in leaf order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KdTree {
    points: Vec<f64>,
    rows: Vec<u32>,
    dims: usize,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    Leaf { start: u32, end: u32 },
    Split { dim: u32, at: f64, right: u32 },
}

/// One query: the point, and the distance to the current cell along each side.
struct Walk<'a> {
    point: &'a [f64],
    offsets: Vec<f64>,
}

impl KdTree {
    pub(super) fn new(x: &Matrix) -> Self {
        let mut rows: Vec<u32> = (0..x.rows() as u32).collect();
        let mut nodes = Vec::with_capacity(4 * x.rows() / LEAF + 1);
        build(x, &mut rows, 0, &mut nodes);
        let points = rows.iter().flat_map(|r| x.row(*r as usize).iter().copied()).collect();
        Self { points, rows, dims: x.cols(), nodes }
    }

    /// Nearest rows to `point` into `found`.
    pub(super) fn search(&self, point: &[f64], found: &mut Nearest) {
        let mut walk = Walk { point, offsets: vec![0.0; self.dims] };
        self.visit(0, 0.0, &mut walk, found);
    }

    fn visit(&self, node: usize, cell: f64, walk: &mut Walk, found: &mut Nearest) {
        match self.nodes[node] {
            Node::Leaf { start, end } => {
                let (start, end) = (start as usize, end as usize);
                let points = self.points[start * self.dims..end * self.dims].chunks_exact(self.dims);
                for (p, row) in points.zip(&self.rows[start..end]) {
                    let d: f64 = p.iter().zip(walk.point).map(|(a, b)| (a - b) * (a - b)).sum();
                    found.offer(d, *row as usize);
                }
            }
            Node::Split { dim, at, right } => {
                let dim = dim as usize;
                let gap = walk.point[dim] - at;
                let (near, far) = if gap <= 0.0 { (node + 1, right as usize) } else { (right as usize, node + 1) };
                self.visit(near, cell, walk, found);
                let old = walk.offsets[dim];
                let beyond = cell - old * old + gap * gap;
                // a hair of slack for the rounding of `beyond`
                if beyond * (1.0 - 1e-12) < found.worst() {
                    walk.offsets[dim] = gap;
                    self.visit(far, beyond, walk, found);
                    walk.offsets[dim] = old;
                }
            }
        }
    }
}

fn build(x: &Matrix, rows: &mut [u32], start: usize, nodes: &mut Vec<Node>) {
    let side = if rows.len() > LEAF { widest(x, rows) } else { None };
    let Some(dim) = side else {
        nodes.push(Node::Leaf { start: start as u32, end: (start + rows.len()) as u32 });
        return;
    };
    let middle = rows.len() / 2;
    let key = |r: &u32| x[(*r as usize, dim)];
    let (_, pivot, _) = rows.select_nth_unstable_by(middle, |a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
    let at = key(pivot);
    let own = nodes.len();
    nodes.push(Node::Split { dim: dim as u32, at, right: 0 });
    let (left, right) = rows.split_at_mut(middle);
    build(x, left, start, nodes);
    let next = nodes.len() as u32;
    build(x, right, start + middle, nodes);
    nodes[own] = Node::Split { dim: dim as u32, at, right: next };
}

/// The column of largest range; `None` where all rows are equal, which become one leaf.
fn widest(x: &Matrix, rows: &[u32]) -> Option<usize> {
    let mut best = (0.0, None);
    for dim in 0..x.cols() {
        let (low, high) = rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), r| {
            let v = x[(*r as usize, dim)];
            (f64::min(low, v), f64::max(high, v))
        });
        if high - low > best.0 {
            best = (high - low, Some(dim));
        }
    }
    best.1
}
