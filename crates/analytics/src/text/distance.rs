//! How far apart two texts are.

/// Fewest insertions, deletions and replacements of characters (Levenshtein 1966). O(n·m) time, O(min) memory.
#[must_use]
pub fn levenshtein(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut row: Vec<usize> = (0..=short.len()).collect();
    for (i, x) in long.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in short.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[short.len()]
}

/// As [`levenshtein`], the exchange of two neighbours being one step, no part edited twice ("optimal string alignment",
/// Damerau 1964; not a metric: the triangle inequality does not hold). O(n·m) time, three rows of memory.
#[must_use]
pub fn damerau(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 0..a.len() {
        row[0] = i + 1;
        for j in 0..b.len() {
            let mut best = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

/// Likeness in [0, 1] by shared characters at near places (Jaro 1989): two empty texts are 1, one empty is 0.
#[must_use]
pub fn jaro(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; b.len()];
    let mut mine = Vec::new();
    for (i, x) in a.iter().enumerate() {
        let near = i.saturating_sub(window)..(i + window + 1).min(b.len());
        if let Some(j) = near.into_iter().find(|j| !taken[*j] && b[*j] == *x) {
            taken[j] = true;
            mine.push(*x);
        }
    }
    if mine.is_empty() {
        return 0.0;
    }
    let theirs = b.iter().zip(&taken).filter(|(_, t)| **t).map(|(c, _)| c);
    let swapped = mine.iter().zip(theirs).filter(|(x, y)| x != y).count() as f64 / 2.0;
    let m = mine.len() as f64;
    (m / a.len() as f64 + m / b.len() as f64 + (m - swapped) / m) / 3.0
}

/// [`jaro`], raised for a common beginning of up to four characters by a tenth each (Winkler 1990), whatever the likeness.
#[must_use]
pub fn jaro_winkler(a: &str, b: &str) -> f64 {
    let common = a.chars().zip(b.chars()).take(4).take_while(|(x, y)| x == y).count() as f64;
    let j = jaro(a, b);
    j + common * 0.1 * (1.0 - j)
}

/// |A ∩ B| / |A ∪ B| of two sorted lists without repetition; two empty ones are 0, as two texts without words tell nothing. O(n + m).
#[must_use]
pub fn jaccard<T: Ord>(a: &[T], b: &[T]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
        }
    }
    let all = a.len() + b.len() - common;
    if all == 0 { 0.0 } else { common as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances_of_the_textbooks() {
        for (a, b, l, d) in [
            ("kitten", "sitting", 3, 3),
            ("ab", "ba", 2, 1),
            ("ca", "abc", 3, 3),
            ("", "abc", 3, 3),
            ("", "", 0, 0),
            ("节点未就绪", "节点就绪", 1, 1),
        ] {
            assert_eq!((levenshtein(a, b), damerau(a, b)), (l, d), "{a} {b}");
            assert_eq!((levenshtein(b, a), damerau(b, a)), (l, d), "{b} {a}");
        }
    }

    #[test]
    fn jaro_of_the_papers() {
        for (a, b, j, w) in [
            ("MARTHA", "MARHTA", 0.9444, 0.9611),
            ("DIXON", "DICKSONX", 0.7667, 0.8133),
            ("DWAYNE", "DUANE", 0.8222, 0.84),
            ("", "", 1.0, 1.0),
            ("", "a", 0.0, 0.0),
        ] {
            assert!(
                (jaro(a, b) - j).abs() < 1e-4 && (jaro_winkler(a, b) - w).abs() < 1e-4,
                "{a} {b} {} {}",
                jaro(a, b),
                jaro_winkler(a, b)
            );
        }
    }

    #[test]
    fn jaccard_of_sorted_lists() {
        assert_eq!(jaccard(&[1, 2, 3], &[2, 3, 4]), 0.5);
        assert_eq!((jaccard::<u8>(&[], &[]), jaccard(&[1], &[])), (0.0, 0.0));
    }
}
