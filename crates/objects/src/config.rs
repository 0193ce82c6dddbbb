//! Config maps, secrets, service accounts.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::meta::Meta;

lite! {
    /// `data` is there only where the source held it; a live cluster is read without it.
    ConfigMap { metadata: Meta, data: Option<BTreeMap<String, String>> }
    /// Never the values: only which keys there are, where the source tells.
    Secret {
        metadata: Meta,
        #[serde(rename = "type")]
        kind: String,
        #[serde(rename = "data")]
        keys: Option<Keys>,
    }
    ServiceAccount { metadata: Meta, image_pull_secrets: Vec<LocalRef>, secrets: Vec<LocalRef> }
    LocalRef { name: String }
}

named!(ConfigMap, Secret, ServiceAccount);

/// The keys of a map whose values are skipped while reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub Vec<String>);

/// Keys with empty values, as recordings hold them.
impl serde::Serialize for Keys {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|key| (key, "")))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Keys(BTreeMap::<String, IgnoredAny>::deserialize(deserializer)?.into_keys().collect()))
    }
}
