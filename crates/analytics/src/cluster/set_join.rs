//! All pairs of sets with a Jaccard likeness of at least a threshold, exact: counting in bit slices or by the prefix filter.

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
/// is similar to none. Errors for a threshold out of range. Memory O(tokens + pairs); for the rest see [`jaccard_join_each`].
pub fn jaccard_join<S: AsRef<[u32]>>(sets: &[S], threshold: f64) -> Result<Vec<SimilarPair>> {
    let mut found = Vec::new();
    jaccard_join_each(sets, threshold, |pair| found.push(pair))?;
    found.sort_unstable_by_key(|p| (p.left, p.right));
    Ok(found)
}

/// As [`jaccard_join`], but hands each pair over once as it is found and stores none; the order is no particular one, though
/// the same in every run.
///
/// Equal sets are joined first. The others by rising length, by whichever of two exact ways is estimated to be cheaper:
///
/// - Many near-duplicates: common tokens of one set with 256 others at once, counted in bit slices by carry-save adders
///   (Harley and Seal's way of counting bits, in Warren, "Hacker's Delight", 5-2); a block of others is left as soon as too many of the
///   set's rarest tokens are in none of them. Time O(sets² · length / 256), memory O(tokens).
/// - Many sets with little in common: prefix filter (Chaudhuri et al., ICDE 2006) with length and position filters (PPJoin,
///   Xiao et al., WWW 2008): tokens from rarest to most frequent; two sets that are similar share one of their first
///   |s| − ⌈t·|s|⌉ + 1 tokens. Time O(candidates), memory O(tokens).
pub fn jaccard_join_each<S: AsRef<[u32]>>(
    sets: &[S],
    threshold: f64,
    mut found: impl FnMut(SimilarPair),
) -> Result<()> {
    Error::parameter(threshold > 0.0 && threshold <= 1.0, "threshold", threshold, "above 0 and at most 1")?;
    let ranked = Ranked::of(sets);
    let order = ranked.order();
    let (unique, groups): (Vec<&[u32]>, Vec<&[u32]>) =
        order.chunk_by(|a, b| ranked.set(*a) == ranked.set(*b)).map(|group| (ranked.set(group[0]), group)).unzip();
    let mut pair = |x: u32, y: u32, jaccard| {
        found(SimilarPair { left: x.min(y) as usize, right: x.max(y) as usize, jaccard });
    };
    for group in groups.iter().filter(|g| g.len() > 1) {
        for (i, &x) in group.iter().enumerate() {
            group[i + 1..].iter().for_each(|y| pair(x, *y, 1.0));
        }
    }
    let all = |a: usize, b: usize, jaccard| {
        for &x in groups[a] {
            groups[b].iter().for_each(|y| pair(x, *y, jaccard));
        }
    };
    if in_blocks(&unique, threshold, ranked.kinds) {
        join_blocks(&unique, threshold, ranked.kinds, all);
    } else {
        join_prefixes(&unique, threshold, ranked.kinds, all);
    }
    Ok(())
}

/// Sets as rising token ranks, rare tokens first, one after the other.
struct Ranked {
    tokens: Vec<u32>,
    /// Where each set begins, and the end.
    starts: Vec<usize>,
    /// Different tokens.
    kinds: usize,
}

impl Ranked {
    fn of<S: AsRef<[u32]>>(sets: &[S]) -> Self {
        let total: usize = sets.iter().map(|s| s.as_ref().len()).sum();
        let most = sets.iter().flat_map(AsRef::as_ref).max().map_or(0, |m| *m as usize);
        if most <= 4 * total + 1024 {
            return Self::dense(sets, most + 1, |token| token as usize);
        }
        let mut known: Vec<u32> = sets.iter().flat_map(AsRef::as_ref).copied().collect();
        known.sort_unstable();
        known.dedup();
        Self::dense(sets, known.len(), |token| known.binary_search(&token).unwrap_or(0))
    }

    /// `place` of each token, below `kinds`.
    fn dense<S: AsRef<[u32]>>(sets: &[S], kinds: usize, place: impl Fn(u32) -> usize) -> Self {
        // (sets that have it, one past the last of them)
        let mut seen = vec![(0u32, 0u32); kinds];
        let (mut places, mut starts) = (Vec::new(), vec![0]);
        for (set, i) in sets.iter().zip(1..) {
            for token in set.as_ref() {
                let at = place(*token);
                let (count, last) = &mut seen[at];
                if *last != i {
                    (*count, *last) = (*count + 1, i);
                    places.push(at as u32);
                }
            }
            starts.push(places.len());
        }
        let mut rarest: Vec<(u32, u32)> =
            seen.iter().zip(0..).filter(|((n, _), _)| *n > 0).map(|((n, _), at)| (*n, at)).collect();
        rarest.sort_unstable();
        // sets that have the token, by rank; then ranks dealt to the sets in rising order
        let mut ends = vec![0usize; kinds];
        let mut end = 0;
        for (count, at) in &rarest {
            ends[*at as usize] = end;
            end += *count as usize;
        }
        let mut holders = vec![0u32; places.len()];
        for (i, range) in (0..).zip(starts.windows(2)) {
            for at in &places[range[0]..range[1]] {
                let end = &mut ends[*at as usize];
                holders[*end] = i;
                *end += 1;
            }
        }
        let mut next = starts.clone();
        let mut tokens = places;
        let mut holders = holders.iter();
        for ((count, _), rank) in rarest.iter().zip(0..) {
            for i in holders.by_ref().take(*count as usize) {
                let at = &mut next[*i as usize];
                tokens[*at] = rank;
                *at += 1;
            }
        }
        Self { tokens, starts, kinds: rarest.len() }
    }

    fn set(&self, i: u32) -> &[u32] {
        &self.tokens[self.starts[i as usize]..self.starts[i as usize + 1]]
    }

    /// Non-empty sets by rising length; of one length those with the same frequent tokens are neighbours, equal ones side by side.
    fn order(&self) -> Vec<u32> {
        let mut keyed: Vec<(u64, u32)> = (0..(self.starts.len() - 1) as u32)
            .map(|i| {
                let set = self.set(i);
                let last = |k: usize| set.len().checked_sub(k).map_or(0, |at| u64::from(set[at]) & 0xff_ffff);
                // what does not fit is left to the comparison of the sets
                let key = match u16::try_from(set.len()) {
                    Ok(n) if n < u16::MAX => u64::from(n) << 48 | last(1) << 24 | last(2),
                    _ => u64::MAX,
                };
                (key, i)
            })
            .filter(|(_, i)| !self.set(*i).is_empty())
            .collect();
        keyed.sort_unstable_by(|(a, x), (b, y)| {
            let (s, t) = (self.set(*x), self.set(*y));
            a.cmp(b).then(s.len().cmp(&t.len())).then_with(|| s.iter().rev().cmp(t.iter().rev())).then(x.cmp(y))
        });
        keyed.into_iter().map(|(_, i)| i).collect()
    }
}

/// Fewest tokens of a set that is similar to one of `n`; rounded down a little, so that no pair at the threshold is lost to
/// rounding.
fn shortest(n: usize, threshold: f64) -> usize {
    ((threshold * n as f64 - 1e-9).ceil() as usize).clamp(1, n)
}

/// Least common tokens of sets of n and m tokens.
fn overlap(n: usize, m: usize, threshold: f64) -> usize {
    (threshold / (1.0 + threshold) * (n + m) as f64 - 1e-9).ceil() as usize
}

/// Whether blocks are the cheaper way. Their work is known but for early ends: look-ups of tokens per set and block; that
/// of prefixes at least a step per pair of sets that share a token of their prefixes.
fn in_blocks(sets: &[&[u32]], threshold: f64, kinds: usize) -> bool {
    let mut indexed = vec![0u32; kinds];
    let mut steps = 0.0;
    for set in sets {
        for token in &set[..set.len() - overlap(set.len(), set.len(), threshold).clamp(1, set.len()) + 1] {
            indexed[*token as usize] += 1;
        }
        for token in &set[..set.len() - shortest(set.len(), threshold) + 1] {
            steps += f64::from(indexed[*token as usize]);
        }
    }
    let tokens: usize = sets.iter().map(|s| s.len()).sum();
    // starting value: a step of prefixes takes a few times as long as one look-up
    let lookups = tokens as f64 * (sets.len() as f64 / (2 * LANES) as f64 + 1.0);
    lookups < 4.0 * steps
}

/// Words of a block's bit maps.
const WORDS: usize = 4;
/// Sets of a block.
const LANES: usize = 64 * WORDS;
/// A bit per set of a block.
type Bits = [u64; WORDS];
/// Bits of a count of common tokens.
const SLICES: usize = 32;

/// `sets` by rising length; hands over each similar pair once.
fn join_blocks(sets: &[&[u32]], threshold: f64, kinds: usize, mut found: impl FnMut(usize, usize, f64)) {
    let mut block = Block { local: vec![ABSENT; kinds], maps: vec![[0; WORDS]], sets: &[], chosen: Vec::new() };
    for (own, start) in sets.chunks(LANES).zip((0..).step_by(LANES)) {
        block.fill(own);
        let longest = own.last().map_or(0, |s| s.len());
        let (mut least, mut length) = ([0; WORDS], 0);
        for (set, before) in sets[start..].iter().zip(0..) {
            let n = set.len();
            if n != length {
                length = n;
                let shortest = shortest(n, threshold);
                if shortest > longest {
                    break;
                }
                for (least, sets) in least.iter_mut().zip(own.chunks(64)) {
                    *least = overlap(n, sets[0].len().max(shortest), threshold);
                }
            }
            if block.choose(set, least[0]) {
                block.pairs((set.len(), before), least, threshold, |lane, j| found(start + before, start + lane, j));
            }
        }
    }
}

/// Tokens that no set of the block has: place of the empty map.
const ABSENT: u32 = 0;

/// Which of some sets have which token.
struct Block<'a> {
    /// By token the place of its map.
    local: Vec<u32>,
    maps: Vec<Bits>,
    sets: &'a [&'a [u32]],
    /// Maps of one set's tokens.
    chosen: Vec<u32>,
}

impl<'a> Block<'a> {
    /// Takes these sets instead of those it has.
    fn fill(&mut self, sets: &'a [&'a [u32]]) {
        self.sets.iter().copied().flatten().for_each(|token| self.local[*token as usize] = ABSENT);
        self.maps.truncate(1);
        self.sets = sets;
        for (set, lane) in sets.iter().zip(0..) {
            for token in *set {
                let at = &mut self.local[*token as usize];
                if *at == ABSENT {
                    *at = self.maps.len() as u32;
                    self.maps.push([0; WORDS]);
                }
                self.maps[*at as usize][lane / 64] |= 1 << (lane % 64);
            }
        }
    }

    /// Chooses the maps of a set's tokens; whether `least` of them are there at all. The rarest come first: they soon tell
    /// that a set has too little in common with the block.
    #[inline]
    fn choose(&mut self, set: &[u32], least: usize) -> bool {
        let Some(mut spare) = set.len().checked_sub(least) else { return false };
        self.chosen.clear();
        for token in set {
            let at = self.local[*token as usize];
            if at != ABSENT {
                self.chosen.push(at);
            } else if spare == 0 {
                return false;
            } else {
                spare -= 1;
            }
        }
        true
    }

    /// Hands over lane and likeness of the first `before` sets that are similar to the one of `n` tokens that chose. `least`: by word,
    /// common tokens without which none is similar.
    #[inline]
    fn pairs(
        &mut self,
        (n, before): (usize, usize),
        least: [usize; WORDS],
        threshold: f64,
        mut found: impl FnMut(usize, f64),
    ) {
        let mut slices = [[0; WORDS]; SLICES];
        let used = count(&self.maps, &mut self.chosen, &mut slices);
        let slices = &slices[..used];
        for (w, sets) in self.sets.chunks(64).enumerate().take(before / 64 + 1) {
            let mut bits = at_least(slices, w, least[w]);
            if before < 64 * w + 64 {
                bits &= (1 << (before % 64)) - 1;
            }
            while bits != 0 {
                let lane = bits.trailing_zeros();
                bits &= bits - 1;
                let common = (0..).zip(slices).fold(0, |sum, (s, x)| sum | ((x[w] >> lane & 1) << s)) as usize;
                let jaccard = common as f64 / (n + sets[lane as usize].len() - common) as f64;
                if jaccard >= threshold {
                    found(64 * w + lane as usize, jaccard);
                }
            }
        }
    }
}

/// Full adder: `sum` becomes the sum's bit, the carry is returned.
#[inline(always)]
fn add(sum: &mut Bits, b: &Bits, c: &Bits) -> Bits {
    std::array::from_fn(|w| {
        let half = sum[w] ^ b[w];
        let carry = (sum[w] & b[w]) | (half & c[w]);
        sum[w] = half ^ c[w];
        carry
    })
}

/// Per lane the number of the chosen maps that have it, in bit slices; how many slices are used.
#[inline]
fn count(maps: &[Bits], chosen: &mut Vec<u32>, slices: &mut [Bits; SLICES]) -> usize {
    let used = (usize::BITS - chosen.len().leading_zeros()).max(3) as usize;
    chosen.resize(chosen.len().next_multiple_of(8), 0);
    let (mut ones, mut twos, mut fours) = ([0; WORDS], [0; WORDS], [0; WORDS]);
    for eight in chosen.as_chunks::<8>().0 {
        let x = eight.map(|at| &maps[at as usize]);
        let (a, b) = (add(&mut ones, x[0], x[1]), add(&mut ones, x[2], x[3]));
        let e = add(&mut twos, &a, &b);
        let (a, b) = (add(&mut ones, x[4], x[5]), add(&mut ones, x[6], x[7]));
        let f = add(&mut twos, &a, &b);
        let mut carry = add(&mut fours, &e, &f);
        for slice in &mut slices[3..used.max(3)] {
            let next = std::array::from_fn(|w| slice[w] & carry[w]);
            for (s, c) in slice.iter_mut().zip(&carry) {
                *s ^= c;
            }
            carry = next;
        }
    }
    (slices[0], slices[1], slices[2]) = (ones, twos, fours);
    used
}

/// Lanes of word `w` whose count is at least `least`.
#[inline]
fn at_least(slices: &[Bits], w: usize, least: usize) -> u64 {
    if least >> slices.len() != 0 {
        return 0;
    }
    let (mut above, mut equal) = (0, u64::MAX);
    for (s, slice) in slices.iter().enumerate().rev() {
        let bit = ((least >> s & 1) as u64).wrapping_neg();
        above |= equal & slice[w] & !bit;
        equal &= !(slice[w] ^ bit);
    }
    above | equal
}

/// `sets` by rising length; hands over each similar pair once.
fn join_prefixes(sets: &[&[u32]], threshold: f64, kinds: usize, mut found: impl FnMut(usize, usize, f64)) {
    // (set, position of the token in it)
    let mut lists: Vec<Vec<(u32, u32)>> = vec![Vec::new(); kinds];
    let mut met = vec![0u32; sets.len()];
    let mut touched: Vec<u32> = Vec::new();
    for (a, set) in sets.iter().enumerate() {
        let n = set.len();
        let shortest = shortest(n, threshold);
        let prefix = n - shortest + 1;
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
        // those that come later are as long at least: fewer tokens must be found
        let indexed = n - overlap(n, n, threshold).clamp(1, n) + 1;
        for (i, token) in (0..).zip(&set[..indexed]) {
            lists[*token as usize].push((a as u32, i));
        }
    }
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
        let sets: Vec<Vec<u32>> = (0..600)
            .map(|_| {
                let n = rng.below(12);
                (0..n).map(|_| rng.below(20) as u32).collect()
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
            let ranked = Ranked::of(&sets);
            let mut order = ranked.order();
            order.dedup_by_key(|i| ranked.set(*i));
            let unique: Vec<&[u32]> = order.iter().map(|i| ranked.set(*i)).collect();
            let (mut blocks, mut prefixes) = (Vec::new(), Vec::new());
            join_blocks(&unique, threshold, ranked.kinds, |a, b, j| blocks.push((a, b, j.to_bits())));
            join_prefixes(&unique, threshold, ranked.kinds, |a, b, j| prefixes.push((a, b, j.to_bits())));
            blocks.sort_unstable();
            prefixes.sort_unstable();
            assert_eq!(blocks, prefixes, "{threshold}");
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
