//! The shape all objects share: every field optional, null equal to absent, unknown fields skipped.

use serde::{Deserialize, Deserializer};

/// Defines structs that read from Kubernetes JSON: camelCase, every field optional, `null` the same as absent. They are
/// written the same way, without what is not set.
macro_rules! lite {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(
                    deserialize_with = "crate::lite::or_default",
                    skip_serializing_if = "crate::lite::is_default"
                )]
                pub $field: $type,
            )*
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

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
