//! All pairs of sets with a Jaccard likeness of at least a threshold, exact, by the prefix filter.

use crate::{Error, Result};

/// A pair of similar sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarPair {
    /// Place of the first set; below `right`.
    pub left: usize,
    /// Place of the second set.
    pub right: usize,
    /// |A ∩ B| / |A ∪ B|.
    pub jaccard: f64,
}

/// All pairs with Jaccard ≥ `threshold` in (0, 1], sorted by (left, right). Tokens are any numbers; repeated ones count once. An empty set
/// is similar to none. Errors for a threshold out of range.
///
/// Prefix filter (Chaudhuri et al., ICDE 2006) with length and position filters (PPJoin, Xiao et al., WWW 2008): tokens from rarest
/// to most frequent; two sets that are similar share one of their first |s| − ⌈t·|s|⌉ + 1 tokens. Equal sets are joined first.
/// Time O(candidates), memory O(tokens + pairs).
pub fn jaccard_join<S: AsRef<[u32]>>(sets: &[S], threshold: f64) -> Result<Vec<SimilarPair>> {
    Error::parameter(threshold > 0.0 && threshold <= 1.0, "threshold", threshold, "above 0 and at most 1")?;
    let ranked = rarest_first(sets);
    let (unique, groups) = distinct(&ranked);
    let mut found = Vec::new();
    for group in &groups {
        pairs_between(group, None, 1.0, &mut found);
    }
    join(&unique, threshold, |a, b, jaccard| pairs_between(&groups[a], Some(&groups[b]), jaccard, &mut found));
    found.sort_unstable_by_key(|p| (p.left, p.right));
    Ok(found)
}

fn pairs_between(a: &[u32], b: Option<&[u32]>, jaccard: f64, found: &mut Vec<SimilarPair>) {
    for (i, &x) in a.iter().enumerate() {
        for &y in b.unwrap_or(&a[i + 1..]) {
            found.push(SimilarPair { left: x.min(y) as usize, right: x.max(y) as usize, jaccard });
        }
    }
}

/// Sets as sorted token ranks, rare tokens first.
fn rarest_first<S: AsRef<[u32]>>(sets: &[S]) -> Vec<Vec<u32>> {
    let mut clean: Vec<Vec<u32>> = sets
        .iter()
        .map(|s| {
            let mut s = s.as_ref().to_vec();
            s.sort_unstable();
            s.dedup();
            s
        })
        .collect();
    let mut all: Vec<u32> = clean.iter().flatten().copied().collect();
    all.sort_unstable();
    let mut counted: Vec<(u32, u32)> = all.chunk_by(|a, b| a == b).map(|c| (c.len() as u32, c[0])).collect();
    counted.sort_unstable();
    let mut rank: Vec<(u32, u32)> = counted.iter().zip(0..).map(|((_, token), r)| (*token, r)).collect();
    rank.sort_unstable();
    for token in clean.iter_mut().flatten() {
        if let Ok(i) = rank.binary_search_by_key(token, |(t, _)| *t) {
            *token = rank[i].1;
        }
    }
    clean.iter_mut().for_each(|s| s.sort_unstable());
    clean
}

/// Distinct non-empty sets by rising length, and which inputs each of them is.
fn distinct(sets: &[Vec<u32>]) -> (Vec<&[u32]>, Vec<Vec<u32>>) {
    let mut order: Vec<u32> = (0..sets.len() as u32).filter(|i| !sets[*i as usize].is_empty()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&sets[*a as usize], &sets[*b as usize]);
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    });
    let chunks = order.chunk_by(|a, b| sets[*a as usize] == sets[*b as usize]);
    chunks.map(|c| (sets[c[0] as usize].as_slice(), c.to_vec())).unzip()
}

/// `sets` by rising length; hands over each similar pair once.
fn join(sets: &[&[u32]], threshold: f64, mut found: impl FnMut(usize, usize, f64)) {
    let tokens = sets.iter().filter_map(|s| s.last()).max().map_or(0, |m| *m as usize + 1);
    // (set, position of the token in it)
    let mut lists: Vec<Vec<(u32, u32)>> = vec![Vec::new(); tokens];
    let mut met = vec![0u32; sets.len()];
    let mut touched: Vec<u32> = Vec::new();
    for (a, set) in sets.iter().enumerate() {
        let n = set.len();
        // rounded down a little, so that no pair at the threshold is lost to rounding
        let shortest = (threshold * n as f64 - 1e-9).ceil() as usize;
        let prefix = n - shortest.clamp(1, n) + 1;
        for (i, token) in set[..prefix].iter().enumerate() {
            for &(b, j) in &lists[*token as usize] {
                let m = sets[b as usize].len();
                if m < shortest || met[b as usize] == u32::MAX {
                    continue;
                }
                let known = met[b as usize] + 1;
                let least = overlap(n, m, threshold);
                let possible = known as usize + (n - i - 1).min(m - j as usize - 1);
                if met[b as usize] == 0 {
                    touched.push(b);
                }
                met[b as usize] = if possible < least { u32::MAX } else { known };
            }
        }
        for b in touched.drain(..) {
            if std::mem::take(&mut met[b as usize]) == u32::MAX {
                continue;
            }
            let other = sets[b as usize];
            let common = common(set, other, overlap(n, other.len(), threshold));
            let jaccard = common as f64 / (n + other.len() - common) as f64;
            if jaccard >= threshold {
                found(a, b as usize, jaccard);
            }
        }
        for (i, token) in (0..).zip(&set[..prefix]) {
            lists[*token as usize].push((a as u32, i));
        }
    }
}

/// Least common tokens of sets of n and m tokens.
fn overlap(n: usize, m: usize, threshold: f64) -> usize {
    (threshold / (1.0 + threshold) * (n + m) as f64 - 1e-9).ceil() as usize
}

/// Common members of two sorted sets; gives up (with fewer) once `least` is out of reach.
fn common(a: &[u32], b: &[u32], least: usize) -> usize {
    let (mut i, mut j, mut sum) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        if sum + (a.len() - i).min(b.len() - j) < least {
            return sum;
        }
        let (x, y) = (a[i], b[j]);
        sum += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_trying_every_pair() {
        let mut rng = crate::Rng::new(2);
        let sets: Vec<Vec<u32>> = (0..150)
            .map(|_| {
                let n = rng.below(9);
                (0..n).map(|_| rng.below(14) as u32).collect()
            })
            .collect();
        for threshold in [0.1, 1.0 / 3.0, 0.5, 0.6, 0.8, 1.0] {
            let mut plain = Vec::new();
            for left in 0..sets.len() {
                for right in left + 1..sets.len() {
                    let a: std::collections::BTreeSet<_> = sets[left].iter().collect();
                    let b: std::collections::BTreeSet<_> = sets[right].iter().collect();
                    let (both, any) = (a.intersection(&b).count(), a.union(&b).count());
                    if any > 0 && both as f64 / any as f64 >= threshold {
                        plain.push(SimilarPair { left, right, jaccard: both as f64 / any as f64 });
                    }
                }
            }
            assert_eq!(jaccard_join(&sets, threshold).unwrap(), plain, "{threshold}");
        }
    }

    #[test]
    fn degenerate_input() {
        assert!(jaccard_join::<Vec<u32>>(&[], 0.5).unwrap().is_empty());
        assert!(jaccard_join(&[vec![], vec![]], 0.5).unwrap().is_empty());
        assert_eq!(jaccard_join(&[vec![u32::MAX, 0, 0], vec![0, u32::MAX]], 1.0).unwrap().len(), 1);
        assert!(jaccard_join(&[vec![1]], 0.0).is_err() && jaccard_join(&[vec![1]], f64::NAN).is_err());
    }
}
