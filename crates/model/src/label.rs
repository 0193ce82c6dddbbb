//! Labels of alerts, series and log streams: names with values, sorted by name, each name once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Up to so many labels going through all is faster than a binary search.
const FEW: usize = 24;

/// A label set. Labels with an empty value do not exist, as everywhere in Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "std::collections::BTreeMap<String, String>", into = "std::collections::BTreeMap<String, String>")]
pub struct LabelSet(Arc<[(Box<str>, Box<str>)]>);

impl LabelSet {
    pub fn get(&self, name: &str) -> Option<&str> {
        if self.0.len() > FEW {
            return self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|i| &*self.0[i].1);
        }
        // of a few names most differ in length already
        self.0.iter().find(|(n, _)| **n == *name).map(|(_, value)| &**value)
    }

    /// The value, or nothing at all for a label that is not there.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// In the order of names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same set with one label set anew; an empty value takes it away.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> LabelSet {
        self.iter().filter(|(n, _)| *n != name).chain([(name, value)]).collect()
    }

    /// The same set without some names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> LabelSet {
        self.iter().filter(|(n, _)| !names.contains(n)).collect()
    }

    /// FNV-1a over `name 0xFF value 0xFF`, as `prometheus/common` (model/signature.go) and so Alertmanager compute it.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain(&[0xFF]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for (name, value) in self.iter() {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        Fingerprint(hash)
    }
}

impl Hash for LabelSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint().0.hash(state);
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for LabelSet {
    /// Of a name that comes twice the last value counts.
    fn from_iter<T: IntoIterator<Item = (N, V)>>(labels: T) -> Self {
        let mut all: Vec<(Box<str>, Box<str>)> = labels.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        all.reverse();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|later, kept| later.0 == kept.0);
        all.retain(|(_, value)| !value.is_empty());
        LabelSet(all.into())
    }
}

impl From<std::collections::BTreeMap<String, String>> for LabelSet {
    fn from(labels: std::collections::BTreeMap<String, String>) -> Self {
        labels.into_iter().collect()
    }
}

impl From<LabelSet> for std::collections::BTreeMap<String, String> {
    fn from(labels: LabelSet) -> Self {
        labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }
}

/// `{alertname="X", pod="cart-1"}`
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

/// Identity of a label set, printed as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_set_is_sorted_unique_and_without_empty_values() {
        let set: LabelSet = [("b", "2"), ("a", "1"), ("b", "3"), ("c", "")].into_iter().collect();
        assert_eq!(set.to_string(), r#"{a="1", b="3"}"#);
        assert_eq!((set.get("b"), set.get("c"), set.value("zz")), (Some("3"), None, ""));
        assert_eq!(set.with("a", "").with("d", "4").to_string(), r#"{b="3", d="4"}"#);
        let many: LabelSet = (0..3 * FEW).map(|n| (format!("name_{n}"), n.to_string())).collect();
        assert_eq!((many.get("name_7"), many.get("name_70"), many.get("name_72")), (Some("7"), Some("70"), None));
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        // model/signature.go: the empty set is the offset basis
        assert_eq!(LabelSet::default().fingerprint().to_string(), "cbf29ce484222325");
        let set: LabelSet = [("name", "garland, briggs"), ("fear", "love is not enough")].into_iter().collect();
        // value of TestLabelsToSignature / TestMetricToFingerprint
        assert_eq!(set.fingerprint().0, 5_799_056_148_416_392_346);
    }
}
