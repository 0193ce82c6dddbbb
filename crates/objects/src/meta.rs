//! Metadata, labels, selectors, conditions, references.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::unit::Time;

lite! {
    /// Object metadata. Managed fields and most annotations are left behind.
    Meta {
        name: String,
        namespace: String,
        uid: String,
        labels: Labels,
        annotations: Annotations,
        owner_references: Vec<OwnerRef>,
        creation_timestamp: Time,
        deletion_timestamp: Time,
        deletion_grace_period_seconds: Option<i64>,
        finalizers: Vec<String>,
        generation: Option<i64>,
    }
    OwnerRef {
        kind: String,
        name: String,
        uid: String,
        controller: Option<bool>,
    }
    /// A reference to any object, as events and scale targets carry it.
    ObjectRef {
        kind: String,
        namespace: String,
        name: String,
        uid: String,
        field_path: String,
    }
    LabelSelector {
        match_labels: Labels,
        match_expressions: Vec<Requirement>,
    }
    Requirement {
        key: String,
        operator: String,
        values: Vec<String>,
    }
    Condition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
        reason: String,
        message: String,
        last_transition_time: Time,
        last_heartbeat_time: Time,
    }
}

impl Condition {
    pub fn is(&self, kind: &str, status: &str) -> bool {
        self.kind == kind && self.status == status
    }
}

impl LabelSelector {
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Kubernetes semantics: all parts must hold; an empty selector matches everything.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.match_expressions.iter().all(|r| r.holds(labels))
    }
}

impl Requirement {
    /// `In, NotIn, Exists, DoesNotExist, Gt, Lt` as label selectors and node selector terms define them.
    pub fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let number = |s: &str| s.parse::<i64>().ok();
        let compare =
            |want: fn(i64, i64) -> bool| match (value.and_then(number), self.values.first().and_then(|v| number(v))) {
                (Some(have), Some(limit)) => want(have, limit),
                _ => false,
            };
        match self.operator.as_str() {
            "In" => value.is_some_and(|v| self.values.iter().any(|x| x == v)),
            "NotIn" => value.is_none_or(|v| self.values.iter().all(|x| x != v)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => compare(|have, limit| have > limit),
            "Lt" => compare(|have, limit| have < limit),
            _ => false,
        }
    }
}

/// Labels as a short sorted list: pods carry three to eight, and a tree map would cost ten times the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<(Arc<str>, Arc<str>)>);

impl Labels {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v)
    }

    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn set(&mut self, key: &str, value: &str) {
        match self.0.iter_mut().find(|(k, _)| &**k == key) {
            Some(slot) => slot.1 = value.into(),
            None => self.0.push((key.into(), value.into())),
        }
        self.0.sort();
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `a=1,b=2`, as kubectl writes it.
    pub fn to_line(&self) -> String {
        self.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut labels = Labels(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect());
        labels.0.sort();
        labels.0.dedup_by(|a, b| a.0 == b.0);
        labels
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(4).min(64));
                while let Some((key, value)) = map.next_entry::<Arc<str>, crate::unit::Scalar>()? {
                    pairs.push((key, value.0));
                }
                pairs.sort();
                Ok(Labels(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The few annotations that rules read; the rest (`last-applied-configuration` first of all) is skipped unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations(pub Labels);

const KEPT_ANNOTATIONS: [&str; 9] = [
    "deployment.kubernetes.io/revision",
    "kubernetes.io/config.mirror",
    "kubernetes.io/ingress.class",
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "kubectl.kubernetes.io/restartedAt",
    "kubernetes.io/change-cause",
    "node.alpha.kubernetes.io/ttl",
    "pod.kubernetes.io/exec-probe",
];

impl Annotations {
    /// True for the annotations that are read; the rest is left behind.
    pub fn keeps(key: &str) -> bool {
        KEPT_ANNOTATIONS.contains(&key)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }
}

impl serde::Serialize for Annotations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few;
        impl<'de> Visitor<'de> for Few {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut kept = Labels::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    if KEPT_ANNOTATIONS.contains(&&*key) {
                        let value = map.next_value::<crate::unit::Scalar>()?;
                        kept.set(&key, &value.0);
                    } else {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
                Ok(Annotations(kept))
            }
        }
        deserializer.deserialize_map(Few)
    }
}

impl Meta {
    /// The controlling owner, or the only one.
    pub fn controller(&self) -> Option<&OwnerRef> {
        self.owner_references.iter().find(|o| o.controller == Some(true)).or(self.owner_references.first())
    }
}
