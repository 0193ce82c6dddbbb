//! Words of the model as columns: JSON, milliseconds, 64 bits as a signed number.

use jiff::Timestamp;
use rootline_model::Fingerprint;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// Since 1970, rounded towards it.
pub(crate) fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A number that no clock shows becomes the nearest one that a clock does.
pub(crate) fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

pub(crate) fn key_of(fingerprint: Fingerprint) -> i64 {
    fingerprint.0.cast_signed()
}

pub(crate) fn to_json(what: &str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Record { what: what.to_owned(), source })
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Record { what: what.to_owned(), source })
}
