//! The shape all objects share: every field optional, null equal to absent, unknown fields skipped.

use serde::{Deserialize, Deserializer};

/// Defines structs that read from Kubernetes JSON: camelCase, every field optional, `null` the same as absent.
macro_rules! lite {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            $( $(#[$field_meta])* #[serde(deserialize_with = "crate::lite::or_default")] pub $field: $type, )*
        }
    )* };
}

/// Gives every object type its metadata.
macro_rules! named {
    ($($name:ident),* $(,)?) => { $(
        impl $name {
            pub fn name(&self) -> &str {
                &self.metadata.name
            }

            pub fn namespace(&self) -> &str {
                &self.metadata.namespace
            }
        }
    )* };
}

pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
