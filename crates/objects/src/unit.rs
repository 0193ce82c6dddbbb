//! Small units: time, port reference, scalar.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// A moment that may be missing. Anything that is not RFC 3339 reads as missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Option<Timestamp>);

impl Time {
    pub fn parse(text: &str) -> Time {
        Time(text.parse().ok())
    }
}

impl From<Timestamp> for Time {
    fn from(t: Timestamp) -> Self {
        Time(Some(t))
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(at) => serializer.collect_str(&at),
            None => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?;
        Ok(Time::parse(&text.0))
    }
}

/// A port by number or by name; Kubernetes calls it IntOrString.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef {
    Number(i64),
    Name(String),
}

impl Default for PortRef {
    fn default() -> Self {
        PortRef::Number(0)
    }
}

impl PortRef {
    pub fn parse(text: &str) -> PortRef {
        text.parse().map_or_else(|_| PortRef::Name(text.to_owned()), PortRef::Number)
    }

    /// True for the absent value (0 or empty).
    pub fn is_unset(&self) -> bool {
        match self {
            PortRef::Number(n) => *n == 0,
            PortRef::Name(n) => n.is_empty(),
        }
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortRef::Number(n) => write!(f, "{n}"),
            PortRef::Name(n) => f.write_str(n),
        }
    }
}

impl serde::Serialize for PortRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PortRef::Number(n) => serializer.serialize_i64(*n),
            PortRef::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for PortRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?;
        Ok(PortRef::parse(&text.0))
    }
}

/// A string, number or boolean read as its text. Objects written by hand or by YAML tools mix them up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scalar(pub Arc<str>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, number or boolean")
            }

            fn visit_str<E>(self, v: &str) -> Result<Scalar, E> {
                Ok(Scalar(v.into()))
            }

            fn visit_bool<E>(self, v: bool) -> Result<Scalar, E> {
                Ok(Scalar(if v { "true" } else { "false" }.into()))
            }

            fn visit_i64<E>(self, v: i64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string().into()))
            }

            fn visit_u64<E>(self, v: u64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string().into()))
            }

            fn visit_f64<E>(self, v: f64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string().into()))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::default())
            }

            fn visit_none<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::default())
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_times_are_read_leniently() {
        assert_eq!(serde_json::from_str::<PortRef>("8080").ok(), Some(PortRef::Number(8080)));
        assert_eq!(serde_json::from_str::<PortRef>("\"http\"").ok(), Some(PortRef::Name("http".into())));
        assert_eq!(serde_json::from_str::<PortRef>("\"8080\"").ok(), Some(PortRef::Number(8080)));
        assert_eq!(serde_json::from_str::<Time>("\"yesterday\"").ok(), Some(Time(None)));
        assert!(serde_json::from_str::<Time>("\"2026-01-02T03:04:05Z\"").ok().is_some_and(|t| t.0.is_some()));
        assert!(serde_json::from_str::<Time>("\"2026-01-02T03:04:05.123456Z\"").ok().is_some_and(|t| t.0.is_some()));
    }
}
