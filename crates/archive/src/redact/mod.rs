//! Takes secrets out of what is recorded, and nothing else: a recording that hides the host and port of a database is
//! useless, one that shows its password cannot be sent to anybody.
//!
//! Three doors: `object` for a Kubernetes object as JSON, `text` for logs and pasted text, `names_secret` for the name
//! of a variable or key.

use std::borrow::Cow;

use regex::Regex;
use serde_json::Value;

mod name;
mod object;
mod text;

pub use name::names_secret;
pub use object::object;
pub use text::{Style, text};

/// What stands where a secret stood.
pub const REDACTED: &str = "REDACTED";

/// Takes out what any of the patterns matches.
pub fn text_matches<'t>(text: &'t str, patterns: &[Regex]) -> Cow<'t, str> {
    let mut out = Cow::Borrowed(text);
    for pattern in patterns {
        if pattern.is_match(&out) {
            out = Cow::Owned(pattern.replace_all(&out, REDACTED).into_owned());
        }
    }
    out
}

/// The same in every string of a value; the names of fields stay.
pub fn matches(value: &mut Value, patterns: &[Regex]) {
    match value {
        Value::String(content) => {
            if let Cow::Owned(clean) = text_matches(content, patterns) {
                *content = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| matches(v, patterns)),
        Value::Object(fields) => fields.values_mut().for_each(|v| matches(v, patterns)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
