//! Errors that a person can act on without opening the manual.

use serde_saphyr::{Error, Spanned};

/// Where and why `rootline.yaml` could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {detail}")]
pub struct ConfigError {
    pub file: String,
    pub line: u64,
    pub column: u64,
    pub detail: String,
}

impl ConfigError {
    pub(crate) fn whole(file: &str, detail: String) -> Self {
        ConfigError { file: file.to_owned(), line: 1, column: 1, detail }
    }

    /// At a value of the file.
    pub fn at<T>(file: &str, place: &Spanned<T>, detail: String) -> Self {
        let (line, column) = (place.referenced.line(), place.referenced.column());
        ConfigError { file: file.to_owned(), line, column, detail }
    }

    pub(crate) fn from_yaml(file: &str, error: &Error) -> Self {
        let place = error.location();
        ConfigError {
            file: file.to_owned(),
            line: place.map_or(1, |l| l.line()),
            column: place.map_or(1, |l| l.column()),
            detail: detail(error),
        }
    }
}

fn detail(error: &Error) -> String {
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            let mut text = format!("unknown key `{field}`, expected one of {}", expected.join(", "));
            if let Some(near) = expected.iter().find(|e| e.starts_with(field.as_str()) || field.starts_with(*e)) {
                text.push_str(&format!("; did you mean `{near}`?"));
            }
            text
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown value `{variant}`, expected one of {}", expected.join(", "))
        }
        other => {
            // The first line is the message; below it the library draws the source.
            let text = other.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.strip_prefix("error: ").unwrap_or(first);
            let first = first.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(first, |(_, m)| m);
            // "… at line 1, column 3" would say the place twice.
            plainer(first.split(" at line ").next().unwrap_or(first))
        }
    }
}

/// The library's words for wrong types, in the words of the file.
fn plainer(text: &str) -> String {
    match text {
        _ if text.starts_with("duplicate mapping key") => text.split(", set ").next().unwrap_or(text).to_owned(),
        "expected mapping start" => "expected keys with values, such as `key: value`".to_owned(),
        "expected sequence start" => "expected a list, such as `[a, b]`".to_owned(),
        "externally tagged enum expected scalar or mapping" => "expected a single word".to_owned(),
        "expected string scalar" => "expected a text".to_owned(),
        _ if text.starts_with("invalid u32") => "expected a whole number".to_owned(),
        _ if text.starts_with("invalid boolean") || text.starts_with("invalid bool") => {
            "expected true or false".to_owned()
        }
        _ => text.to_owned(),
    }
}
