//! Kubernetes quantities: `100m`, `1.5`, `64Mi`, `1e3`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::unit::Scalar;

/// A quantity with its text as written. Source: apimachinery `pkg/api/resource`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantity {
    text: Arc<str>,
    value: f64,
}

impl Quantity {
    /// Reads a quantity; `None` if it is none.
    pub fn parse(text: &str) -> Option<Quantity> {
        let trimmed = text.trim();
        let number_end = trimmed
            .char_indices()
            .find(|&(i, c)| !(c.is_ascii_digit() || c == '.' || (i == 0 && (c == '-' || c == '+'))))
            .map_or(trimmed.len(), |(i, _)| i);
        let (number, suffix) = trimmed.split_at(number_end);
        let number: f64 = number.parse().ok()?;
        let factor = match suffix {
            "" => 1.0,
            "n" => 1e-9,
            "u" => 1e-6,
            "m" => 1e-3,
            "k" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "T" => 1e12,
            "P" => 1e15,
            "E" => 1e18,
            "Ki" => 1024.0,
            "Mi" => 1024.0f64.powi(2),
            "Gi" => 1024.0f64.powi(3),
            "Ti" => 1024.0f64.powi(4),
            "Pi" => 1024.0f64.powi(5),
            "Ei" => 1024.0f64.powi(6),
            _ => {
                let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
                10f64.powi(exponent)
            }
        };
        let value = number * factor;
        value.is_finite().then(|| Quantity { text: trimmed.into(), value })
    }

    /// In the base unit: cores, bytes, pieces.
    pub fn value(&self) -> f64 {
        self.value
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?;
        Ok(Quantity::parse(&text.0).unwrap_or(Quantity { text: text.0, value: 0.0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_kubernetes_reads_them() {
        for (text, value) in [
            ("100m", 0.1),
            ("2", 2.0),
            ("1.5", 1.5),
            ("64Mi", 67_108_864.0),
            ("1e3", 1000.0),
            ("12E", 12e18),
            ("12E2", 1200.0),
            ("5k", 5000.0),
            ("-1", -1.0),
        ] {
            let got = Quantity::parse(text).map(|q| q.value());
            assert!(got.is_some_and(|v| (v - value).abs() <= value.abs() * 1e-12), "{text}: {got:?}");
        }
        for text in ["", "abc", "1Zi", "--1", "1e999"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
