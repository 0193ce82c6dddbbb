//! Union–find and connected components.

/// Disjoint sets of 0..n with path halving and union by size (Tarjan and van Leeuwen 1984): practically O(1) a step.
#[derive(Debug, Clone)]
pub struct UnionFind {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl UnionFind {
    /// `n` sets of one member; n up to 2³² − 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { parent: (0..n).map(|i| i as u32).collect(), size: vec![1; n] }
    }

    /// The set's representative; `x` itself where it is outside 0..n.
    pub fn find(&mut self, x: usize) -> usize {
        if x >= self.parent.len() {
            return x;
        }
        let mut x = x as u32;
        while self.parent[x as usize] != x {
            let grand = self.parent[self.parent[x as usize] as usize];
            self.parent[x as usize] = grand;
            x = grand;
        }
        x as usize
    }

    /// Joins two sets; whether they were apart. Members outside 0..n are left alone.
    pub fn union(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b || a >= self.parent.len() || b >= self.parent.len() {
            return false;
        }
        let (big, small) = if self.size[a] >= self.size[b] { (a, b) } else { (b, a) };
        self.parent[small] = big as u32;
        self.size[big] += self.size[small];
        true
    }

    /// Members of the set of `x`.
    pub fn size(&mut self, x: usize) -> usize {
        let root = self.find(x);
        self.size.get(root).map_or(0, |s| *s as usize)
    }

    /// A label for each member, numbered by first appearance.
    pub fn labels(&mut self) -> Vec<i32> {
        let n = self.parent.len();
        let (mut of, mut next) = (vec![-1; n], 0);
        (0..n)
            .map(|i| {
                let root = self.find(i);
                if of[root] < 0 {
                    of[root] = next;
                    next += 1;
                }
                of[root]
            })
            .collect()
    }
}

/// Labels of the connected components of an undirected graph on 0..n, numbered by first appearance. Edges outside 0..n are
/// ignored, loops and repeated edges do no harm. Practically O(n + edges).
#[must_use]
pub fn connected_components(n: usize, edges: &[(usize, usize)]) -> Vec<i32> {
    let mut sets = UnionFind::new(n);
    for &(a, b) in edges {
        sets.union(a, b);
    }
    sets.labels()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_numbered_by_first_appearance() {
        assert_eq!(connected_components(6, &[(4, 1), (1, 5), (2, 2), (3, 0), (9, 0)]), [0, 1, 2, 0, 1, 1]);
        assert!(connected_components(0, &[(0, 1)]).is_empty());
        let mut sets = UnionFind::new(3);
        assert!(sets.union(0, 2) && !sets.union(2, 0) && !sets.union(0, 7));
        assert_eq!((sets.size(2), sets.size(1), sets.size(9)), (2, 1, 0));
    }
}
