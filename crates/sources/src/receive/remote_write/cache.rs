//! Label sets of series by their label bytes.

use std::collections::HashMap;

use rootline_model::LabelSet;

use super::super::proto::{Fields, Malformed, Value};
use super::Limits;

/// A bounded cache: label bytes as remote write 1.0 encodes them → label set.
///
/// Two generations: when the young one is full it becomes the old one, and the old one is forgotten. What is in use moves
/// back into the young one, so that series which have ended go away by themselves.
#[derive(Debug)]
pub struct SeriesCache {
    young: HashMap<Box<[u8]>, LabelSet>,
    old: HashMap<Box<[u8]>, LabelSet>,
    young_bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl Default for SeriesCache {
    /// 100,000 series a generation. Full of labels as long as cAdvisor's (some 400 bytes) that is 40 MB of keys and twice as
    /// much of label sets, which are shared with whoever keeps them. A sender with more series than one generation holds is
    /// read at about a quarter of the speed.
    fn default() -> Self {
        SeriesCache::new(100_000, 48 << 20)
    }
}

impl SeriesCache {
    /// With at most so many series and so many bytes of keys in each of its two generations. 0 keeps nothing.
    pub fn new(series: usize, key_bytes: usize) -> Self {
        SeriesCache { young: HashMap::new(), old: HashMap::new(), young_bytes: 0, most: series, most_bytes: key_bytes }
    }

    /// Series known now.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The label set of label bytes: repeated field 1, a `Label { name = 1, value = 2 }`.
    ///
    /// # Errors
    /// In words what is wrong with the labels.
    #[inline]
    pub(super) fn labels(&mut self, key: &[u8], limits: &Limits) -> Result<LabelSet, String> {
        if let Some(labels) = self.young.get(key) {
            return Ok(labels.clone());
        }
        let (key, labels) = match self.old.remove_entry(key) {
            Some(found) => found,
            None => (key.into(), read(key, limits)?),
        };
        if self.young.len() >= self.most || self.young_bytes + key.len() > self.most_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.most > 0 && key.len() <= self.most_bytes {
            self.young_bytes += key.len();
            self.young.insert(key, labels.clone());
        }
        Ok(labels)
    }
}

fn read(key: &[u8], limits: &Limits) -> Result<LabelSet, String> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    let mut fields = Fields::new(key);
    while let Some((_, value)) = fields.field().map_err(|e| e.to_string())? {
        let Value::Bytes(bytes) = value else { return Err(Malformed.to_string()) };
        let (name, value) = pair(bytes)?;
        if name.is_empty() {
            return Err("a label without a name".to_owned());
        }
        if name.len() > limits.label_name_bytes {
            return Err(format!("a label name of {} bytes, at most {}", name.len(), limits.label_name_bytes));
        }
        if value.len() > limits.label_value_bytes {
            return Err(format!("{} bytes in label {name:?}, at most {}", value.len(), limits.label_value_bytes));
        }
        match all.last() {
            Some((before, _)) if *before == name => return Err(format!("label {name:?} comes twice")),
            Some((before, _)) if *before > name => return Err(format!("label {name:?} is not sorted")),
            _ => all.push((name, value)),
        }
        if all.len() > limits.labels {
            return Err(format!("more than {} labels", limits.labels));
        }
    }
    if all.iter().all(|(name, value)| *name != "__name__" || value.is_empty()) {
        return Err("a series without a name".to_owned());
    }
    Ok(all.into_iter().collect())
}

fn pair(bytes: &[u8]) -> Result<(&str, &str), String> {
    let (mut name, mut value) = (&b""[..], &b""[..]);
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.field().map_err(|e| e.to_string())? {
        match (number, field) {
            (1, Value::Bytes(b)) => name = b,
            (2, Value::Bytes(b)) => value = b,
            _ => {}
        }
    }
    let text = |b| std::str::from_utf8(b).map_err(|_| "a label that is not UTF-8".to_owned());
    Ok((text(name)?, text(value)?))
}
