//! TF-IDF: texts as sparse rows in which rare words weigh more.

use std::collections::HashMap;

use super::sparse::SparseRows;

/// Words and their weights, learnt from a set of texts.
#[derive(Debug, Clone, Default)]
pub struct TfIdf {
    /// Words in order of their columns: sorted.
    words: Vec<String>,
    idf: Vec<f64>,
    index: HashMap<String, u32>,
}

impl TfIdf {
    /// Learns from texts given as words: idf = ln((1 + n) / (1 + df)) + 1, as scikit-learn 1.9's `TfidfVectorizer` with its
    /// defaults; columns sorted by word as there. O(words).
    #[must_use]
    pub fn fit<T: AsRef<str>>(texts: &[Vec<T>]) -> Self {
        // document frequency and the last text that had the word
        let mut seen: HashMap<&str, (u32, usize)> = HashMap::new();
        for (i, text) in texts.iter().enumerate() {
            for word in text {
                let entry = seen.entry(word.as_ref()).or_insert((0, usize::MAX));
                if entry.1 != i {
                    *entry = (entry.0 + 1, i);
                }
            }
        }
        let mut words: Vec<(&str, u32)> = seen.into_iter().map(|(w, (df, _))| (w, df)).collect();
        words.sort_unstable();
        let n = texts.len() as f64;
        Self {
            idf: words.iter().map(|(_, df)| weight(n, *df)).collect(),
            index: words.iter().zip(0..).map(|((w, _), i)| ((*w).to_owned(), i)).collect(),
            words: words.into_iter().map(|(w, _)| w.to_owned()).collect(),
        }
    }

    /// [`TfIdf::fit`] and [`TfIdf::transform`] of the same texts in one pass: of each word of a text only a number is kept, so a
    /// hundred thousand alerts need tens of megabytes. O(words).
    pub fn fit_transform<T: AsRef<str>>(
        texts: impl IntoIterator<Item = impl IntoIterator<Item = T>>,
    ) -> (Self, SparseRows) {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let (mut frequency, mut last) = (Vec::new(), Vec::new());
        let (mut found, mut ends) = (Vec::new(), Vec::new());
        for (i, text) in (0_u32..).zip(texts) {
            for word in text {
                let word = word.as_ref();
                let number = match numbers.get(word) {
                    Some(known) => *known,
                    None => {
                        let next = frequency.len() as u32;
                        numbers.insert(word.to_owned(), next);
                        frequency.push(0_u32);
                        last.push(u32::MAX);
                        next
                    }
                };
                if last[number as usize] != i {
                    last[number as usize] = i;
                    frequency[number as usize] += 1;
                }
                found.push(number);
            }
            ends.push(found.len());
        }
        let mut words: Vec<(String, u32)> = numbers.into_iter().collect();
        words.sort_unstable();
        let mut columns = vec![0; words.len()];
        for ((_, number), column) in words.iter().zip(0_u32..) {
            columns[*number as usize] = column;
        }
        found.iter_mut().for_each(|number| *number = columns[*number as usize]);
        let n = ends.len() as f64;
        let model = Self {
            idf: words.iter().map(|(_, k)| weight(n, frequency[*k as usize])).collect(),
            index: words.iter().zip(0..).map(|((w, _), i)| (w.clone(), i)).collect(),
            words: words.into_iter().map(|(w, _)| w).collect(),
        };
        let mut rows = SparseRows::with_room(model.words.len(), found.len());
        let mut start = 0;
        for end in ends {
            model.add_row(&mut found[start..end], &mut rows);
            start = end;
        }
        rows.normalise();
        (model, rows)
    }

    /// A row of count · idf from columns in any order.
    fn add_row(&self, columns: &mut [u32], rows: &mut SparseRows) {
        columns.sort_unstable();
        let row: Vec<(u32, f64)> =
            columns.chunk_by(|a, b| a == b).map(|c| (c[0], c.len() as f64 * self.idf[c[0] as usize])).collect();
        rows.add(&row);
    }

    /// Rows of count · idf, scaled to length 1; unknown words are left out, a text without known words is a row of zeros. O(words).
    #[must_use]
    pub fn transform<T: AsRef<str>>(&self, texts: &[Vec<T>]) -> SparseRows {
        let mut rows = SparseRows::new(self.words.len());
        let mut columns: Vec<u32> = Vec::new();
        for text in texts {
            columns.clear();
            columns.extend(text.iter().filter_map(|w| self.index.get(w.as_ref())));
            self.add_row(&mut columns, &mut rows);
        }
        rows.normalise();
        rows
    }

    /// Words in order of their columns.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Weights in order of the columns.
    #[must_use]
    pub fn idf(&self) -> &[f64] {
        &self.idf
    }
}

/// idf of a word that `df` of `n` texts have.
fn weight(n: f64, df: u32) -> f64 {
    libm::log((1.0 + n) / (1.0 + f64::from(df))) + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input() {
        let none: Vec<Vec<&str>> = Vec::new();
        assert_eq!(TfIdf::fit(&none).transform(&none).rows(), 0);
        let texts = vec![vec![], vec!["a", "a"], vec!["a", "b"]];
        let model = TfIdf::fit(&texts);
        let rows = model.transform(&texts);
        assert_eq!((rows.rows(), rows.row(0).0.len(), rows.row(1)), (3, 0, (&[0][..], &[1.0][..])));
        assert_eq!(model.transform(&[vec!["unknown"]]).row(0).0.len(), 0);
        assert_eq!(model.words(), ["a", "b"]);
        let (at_once, same) = TfIdf::fit_transform(&texts);
        assert_eq!((at_once.words(), at_once.idf(), same), (model.words(), model.idf(), rows));
    }
}
