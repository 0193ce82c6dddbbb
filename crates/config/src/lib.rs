//! The user's own defaults: `rootline.yaml`.
//!
//! **Invariant:** every knob stands in the printed defaults; unknown keys and wrong values are errors that name the file,
//! the line, the column and what was expected.

mod error;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub use error::ConfigError;

/// The commented defaults, as `rootline check-config --print-defaults` prints them.
pub const DEFAULTS: &str = include_str!("defaults.yaml");

/// All of `rootline.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub lang: Language,
    pub rules: Rules,
    pub logs: Logs,
    pub limits: Limits,
    pub redaction: Redaction,
    pub prometheus: Prometheus,
}

/// Language of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Auto,
    En,
    Zh,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    pub dirs: Vec<String>,
}

/// Logs of a live cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    pub enabled: bool,
    pub lines: u32,
    pub containers: u32,
}

impl Default for Logs {
    fn default() -> Self {
        Logs { enabled: true, lines: 200, containers: 50 }
    }
}

/// How much a file may unpack to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub total_mib: u32,
    pub file_mib: u32,
    pub files: u32,
    pub text_mib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { total_mib: 4096, file_mib: 1024, files: 200_000, text_mib: 64 }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    pub patterns: Vec<Spanned<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    pub enabled: bool,
    pub url: Option<Spanned<String>>,
}

/// Reads a file's text. `file` is only for messages.
///
/// # Errors
/// Unknown keys, wrong types, values out of range: with line, column and what was expected.
pub fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let says_nothing =
        |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---";
    if text.lines().all(says_nothing) {
        return Ok(Config::default());
    }
    let config: Config = serde_saphyr::from_str(text).map_err(|e| ConfigError::from_yaml(file, &e))?;
    validate(file, &config)?;
    Ok(config)
}

fn validate(file: &str, config: &Config) -> Result<(), ConfigError> {
    for pattern in &config.redaction.patterns {
        if let Err(why) = regex::Regex::new(&pattern.value) {
            let why = why.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            return Err(ConfigError::at(file, pattern, format!("`{}` is no regular expression: {why}", pattern.value)));
        }
    }
    if let Some(url) = &config.prometheus.url {
        let fits = url.value.is_empty() || url.value.starts_with("http://") || url.value.starts_with("https://");
        if !fits {
            let detail = format!("`{}` is no address of a Prometheus, expected http://… or https://…", url.value);
            return Err(ConfigError::at(file, url, detail));
        }
    }
    let limits = &config.limits;
    for (key, value) in [
        ("limits.total_mib", limits.total_mib),
        ("limits.file_mib", limits.file_mib),
        ("limits.files", limits.files),
        ("limits.text_mib", limits.text_mib),
    ] {
        if value == 0 {
            return Err(ConfigError::whole(file, format!("{key} is 0, so nothing could be read; expected at least 1")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_defaults_are_the_defaults() {
        let mut printed = parse("defaults.yaml", DEFAULTS).expect("the defaults are valid");
        assert_eq!(printed.prometheus.url.take().map(|u| u.value), Some(String::new()));
        assert_eq!(printed, Config::default());
    }

    #[test]
    fn nothing_written_is_nothing_changed() {
        for text in ["", "\n# only a comment\n", "---\n", "\u{feff}", "lang: auto"] {
            assert_eq!(parse("rootline.yaml", text), Ok(Config::default()), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_counts() {
        let text =
            "lang: zh\nrules:\n  dirs: [ops/rules]\nlogs: {enabled: false}\nredaction: {patterns: ['card-\\d+']}\n";
        let config = parse("rootline.yaml", text).expect("valid");
        assert_eq!(
            (config.lang, config.rules.dirs, config.logs.enabled),
            (Language::Zh, vec!["ops/rules".to_owned()], false)
        );
        assert_eq!(config.redaction.patterns.first().map(|p| p.value.as_str()), Some("card-\\d+"));
    }

    fn check(text: &str, expect: &str) {
        let got = parse("rootline.yaml", text).map_or_else(|e| e.to_string(), |_| "accepted".to_owned());
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn slips_are_named_with_their_place() {
        check(
            "lang: en\nlangs: zh\n",
            "rootline.yaml:2:1: unknown key `langs`, expected one of lang, rules, logs, limits, redaction, prometheus; \
             did you mean `lang`?",
        );
        check(
            "rules:\n  dir: [a]\n",
            "rootline.yaml:2:3: unknown key `dir`, expected one of dirs; did you mean `dirs`?",
        );
        check("lang: de\n", "rootline.yaml:1:7: unknown value `de`, expected one of auto, en, zh");
        check("logs: {lines: many}\n", "rootline.yaml:1:15: expected a whole number");
        check("rules: [a]\n", "rootline.yaml:1:8: expected keys with values, such as `key: value`");
        check(
            "redaction:\n  patterns:\n  - 'a('\n",
            "rootline.yaml:3:5: `a(` is no regular expression: unclosed group",
        );
        check(
            "prometheus:\n  url: prom:9090\n",
            "rootline.yaml:2:8: `prom:9090` is no address of a Prometheus, expected http://… or https://…",
        );
        check(
            "limits: {files: 0}",
            "rootline.yaml:1:1: limits.files is 0, so nothing could be read; expected at least 1",
        );
        check("logs:\n  enabled: perhaps\n", "rootline.yaml:2:12: expected true or false");
        check("rules:\n  dirs: here\n", "rootline.yaml:2:9: expected a list, such as `[a, b]`");
        check("lang: en\nlang: zh\n", "rootline.yaml:2:1: duplicate mapping key: lang");
        check("lang: [", "rootline.yaml:1:7: expected a single word");
    }
}
