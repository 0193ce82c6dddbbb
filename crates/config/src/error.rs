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
    /// The same in Chinese; empty where it is not said in Chinese.
    pub zh: String,
}

impl ConfigError {
    /// About the file, or about something whose place is not known.
    pub fn whole(file: &str, detail: String) -> Self {
        ConfigError { file: file.to_owned(), line: 1, column: 1, detail, zh: String::new() }
    }

    /// About one value, at its place.
    pub fn at<T>(file: &str, place: &Spanned<T>, detail: String) -> Self {
        let (line, column) = (place.referenced.line(), place.referenced.column());
        ConfigError { file: file.to_owned(), line, column, detail, zh: String::new() }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self, zh: impl Into<String>) -> Self {
        ConfigError { zh: zh.into(), ..self }
    }

    /// The whole error in Chinese, as far as it is said so.
    pub fn in_chinese(&self) -> String {
        let detail = if self.zh.is_empty() { &self.detail } else { &self.zh };
        format!("{}:{}:{}: {detail}", self.file, self.line, self.column)
    }

    pub(crate) fn from_yaml(file: &str, error: &Error) -> Self {
        let place = error.location();
        let (detail, zh) = detail(error);
        ConfigError {
            file: file.to_owned(),
            line: place.map_or(1, |l| l.line()),
            column: place.map_or(1, |l| l.column()),
            detail,
            zh,
        }
    }
}

/// In English and in Chinese.
fn detail(error: &Error) -> (String, String) {
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            let all = expected.join(", ");
            let mut en = format!("unknown key `{field}`, expected one of {all}");
            let mut zh = format!("没有 `{field}` 这个键，可用的键：{all}");
            if let Some(near) = expected.iter().find(|e| e.starts_with(field.as_str()) || field.starts_with(*e)) {
                en.push_str(&format!("; did you mean `{near}`?"));
                zh.push_str(&format!("；是不是要写 `{near}`？"));
            }
            (en, zh)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let all = expected.join(", ");
            (
                format!("unknown value `{variant}`, expected one of {all}"),
                format!("没有 `{variant}` 这个值，可选：{all}"),
            )
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

/// The library's words for wrong types, in the words of the file: English, Chinese.
fn plainer(text: &str) -> (String, String) {
    let (en, zh) = match text {
        _ if text.starts_with("duplicate mapping key") => {
            let en = text.split(", set ").next().unwrap_or(text);
            return (en.to_owned(), en.replace("duplicate mapping key", "键重复"));
        }
        "expected mapping start" => {
            ("expected keys with values, such as `key: value`", "这里应为键值，例如 `key: value`")
        }
        "expected sequence start" => ("expected a list, such as `[a, b]`", "这里应为列表，例如 `[a, b]`"),
        "externally tagged enum expected scalar or mapping" => ("expected a single word", "这里应为单个词"),
        "expected string scalar" => ("expected a text", "这里应为文本"),
        _ if text.starts_with("invalid u32") => ("expected a whole number", "这里应为整数"),
        _ if text.starts_with("invalid boolean") || text.starts_with("invalid bool") => {
            ("expected true or false", "这里应为 true 或 false")
        }
        _ => return (text.to_owned(), String::new()),
    };
    (en.to_owned(), zh.to_owned())
}
