//! The user's own defaults: `rootline.yaml`.
//!
//! **Invariant:** every knob stands in the printed defaults; unknown keys and wrong values are errors that name the file,
//! the line, the column and what was expected.

mod daemon;
mod error;
mod kafka;
mod maintenance;
mod messages;
mod pipes;
mod pull;
mod reload;
mod review;
mod tape;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

pub use daemon::{
    Alertmanager, Channel, ChannelKind, ChannelLang, Correlation, CorrelationMode, Daemon, Detection, Kubernetes,
    MinSeverity, Retention, Tls, Token, TokenRole,
};
pub use error::ConfigError;
pub use kafka::{Kafka, KafkaForward, KafkaRead, Sasl, SaslMechanism};
pub use maintenance::{Day, Maintenance, Schedule};
pub use messages::Messages;
pub use pipes::{ClickHouse, Forward, SearchTarget};
pub use pull::{
    ElasticsearchFrom, Kubelets, LineLevel, LogsFrom, LokiFrom, RemoteWrite, Scrape, ScrapeTarget, SeriesThreshold,
    named, nearest,
};
pub use reload::{differences, effective, is_live};
pub use review::{TokenReview, TokenReviewRole};
pub use tape::Tape;

/// A text with its place in the file.
pub type Text = Spanned<String>;

/// The commented defaults, as `rootline check-config --print-defaults` prints them.
pub const DEFAULTS: &str = include_str!("defaults.yaml");

/// All of `rootline.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub lang: Language,
    pub rules: Rules,
    pub logs: Logs,
    pub limits: Limits,
    pub redaction: Redaction,
    pub prometheus: Prometheus,
    pub daemon: Daemon,
    pub kubernetes: Kubernetes,
    pub alertmanager: Alertmanager,
    pub correlation: Correlation,
    pub detection: Detection,
    pub scrape: Scrape,
    pub logs_from: LogsFrom,
    pub remote_write: RemoteWrite,
    pub retention: Retention,
    pub forward: Forward,
    pub kafka: Kafka,
    /// Where people are told. None: only the API, the page and Alertmanager.
    pub notify: Vec<Channel>,
    pub messages: Messages,
    /// Times in which nobody is told of certain things.
    pub maintenance: Vec<Maintenance>,
}

/// Language of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Auto,
    En,
    Zh,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    pub dirs: Vec<String>,
}

/// Logs of a live cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    #[schemars(with = "Vec<String>")]
    pub patterns: Vec<Spanned<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    pub enabled: bool,
    #[schemars(with = "String")]
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
            let zh = format!("`{}` 不是正则表达式：{why}", pattern.value);
            let detail = format!("`{}` is no regular expression: {why}", pattern.value);
            return Err(ConfigError::at(file, pattern, detail).zh(zh));
        }
    }
    let addresses = [(&config.prometheus.url, "a Prometheus"), (&config.alertmanager.url, "an Alertmanager")];
    for (url, what) in addresses.into_iter().filter_map(|(url, what)| Some((url.as_ref()?, what))) {
        if !url.value.is_empty() && !has_scheme(&url.value, &["http", "https"]) {
            let detail = format!("`{}` is no address of {what}, expected http://… or https://…", url.value);
            let zh = format!("`{}` 不是有效地址，应为 http://… 或 https://…", url.value);
            return Err(ConfigError::at(file, url, detail).zh(zh));
        }
    }
    channels(file, config)?;
    pull::validate(file, config)?;
    pipes::validate(file, &config.forward)?;
    kafka::validate(file, &config.kafka)?;
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

/// Name of the channel that keeps Alertmanager's copies.
const RESERVED: &str = "alertmanager";

fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    url.split_once("://").is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty())
}

fn channels(file: &str, config: &Config) -> Result<(), ConfigError> {
    for (i, channel) in config.notify.iter().enumerate() {
        let (schemes, expected): (&[&str], _) = match channel.kind {
            ChannelKind::Email => (&["smtp", "smtps"], "smtp://host:port or smtps://host:port"),
            _ => (&["http", "https"], "http://… or https://…"),
        };
        // `${NAME}` is filled in later, from the environment
        if !channel.url.value.starts_with("${") && !has_scheme(&channel.url.value, schemes) {
            let detail = format!("channel `{}` has no address that fits its kind, expected {expected}", channel.name);
            let zh = format!("通道 `{}` 的地址与类型不符，应为 {expected}", channel.name);
            return Err(ConfigError::at(file, &channel.url, detail).zh(zh));
        }
        if channel.name == RESERVED {
            let detail = format!("no channel may be called `{RESERVED}`: that is where enriched alerts go");
            return Err(ConfigError::at(file, &channel.url, detail));
        }
        if channel.kind == ChannelKind::Slack && channel.channel.is_empty() != channel.secret.is_empty() {
            let detail =
                format!("channel `{}`: a bot of Slack needs `channel` and its token as `secret`", channel.name);
            return Err(ConfigError::at(file, &channel.url, detail));
        }
        if config.notify.iter().take(i).any(|other| other.name == channel.name) {
            let detail = format!("two channels are called `{}`; names tell them apart", channel.name);
            let zh = format!("有两个通道都叫 `{}`，名字不能重复", channel.name);
            return Err(ConfigError::at(file, &channel.url, detail).zh(zh));
        }
        if channel.kind == ChannelKind::Email && (channel.to.is_empty() || channel.from.is_empty()) {
            let detail = format!("channel `{}` sends mail, so it needs `from` and `to`", channel.name);
            let zh = format!("通道 `{}` 发送邮件，需要填写 `from` 和 `to`", channel.name);
            return Err(ConfigError::at(file, &channel.url, detail).zh(zh));
        }
    }
    let review = &config.daemon.token_review;
    if review.enabled && review.roles.is_empty() {
        let why = "daemon.token_review has no roles, so nobody could come in; expected at least one";
        return Err(ConfigError::whole(file, why.to_owned()));
    }
    for token in &config.daemon.tokens {
        if token.sha256.value.len() != 64 || !token.sha256.value.bytes().all(|b| b.is_ascii_hexdigit()) {
            let detail = format!("token `{}`: expected the 64 hexadecimal digits of a SHA-256", token.name);
            let zh = format!("令牌 `{}`：应为 SHA-256 的 64 位十六进制数字", token.name);
            return Err(ConfigError::at(file, &token.sha256, detail).zh(zh));
        }
    }
    Ok(())
}

/// JSON Schema of the configuration, for editors.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_defaults_are_the_defaults() {
        let mut printed = parse("defaults.yaml", DEFAULTS).expect("the defaults are valid");
        for url in [
            &mut printed.prometheus.url,
            &mut printed.alertmanager.url,
            &mut printed.logs_from.loki.url,
            &mut printed.logs_from.elasticsearch.url,
            &mut printed.remote_write.url,
        ] {
            assert_eq!(url.take().map(|u| u.value), Some(String::new()));
        }
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
    fn slips_are_said_in_chinese_too_and_what_is_not_stays_as_it_is() {
        for (text, expect) in [
            ("lnag: zh", "f:1:1: 没有 `lnag` 这个键，可用的键：lang, rules"),
            ("rules:\n  dir: [a]\n", "f:2:3: 没有 `dir` 这个键，可用的键：dirs；是不是要写 `dirs`？"),
            ("lang: de", "f:1:7: 没有 `de` 这个值，可选：auto, en, zh"),
            ("logs: {lines: many}", "f:1:15: 这里应为整数"),
            ("lang: en\nlang: zh\n", "f:2:1: 键重复: lang"),
            ("prometheus: {url: 'prom:9090'}", "f:1:19: `prom:9090` 不是有效地址，应为 http://… 或 https://…"),
            ("limits: {files: 0}", "f:1:1: limits.files is 0"),
        ] {
            let said = parse("f", text).expect_err(text).in_chinese();
            assert!(said.starts_with(expect), "{said}");
        }
    }

    #[test]
    fn slips_are_named_with_their_place() {
        check(
            "lang: en\nlangs: zh\n",
            "rootline.yaml:2:1: unknown key `langs`, expected one of lang, rules, logs, limits, redaction, prometheus, daemon, \
             kubernetes, alertmanager, correlation, detection, scrape, logs_from, remote_write, retention, forward, kafka, notify, messages, maintenance; did you mean `lang`?",
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
        check(
            "notify:\n- {name: ops, kind: slack, url: hooks}\n",
            "rootline.yaml:2:33: channel `ops` has no address that fits its kind, expected http://… or https://…",
        );
        check(
            "notify:\n- {name: ops, kind: pager, url: 'http://x'}\n",
            "rootline.yaml:2:21: unknown value `pager`, expected one of webhook, dingtalk, wecom, feishu, slack, email",
        );
        check(
            "daemon: {tokens: [{name: me, sha256: abc}]}",
            "rootline.yaml:1:38: token `me`: expected the 64 hexadecimal digits of a SHA-256",
        );
        check("logs:\n  enabled: perhaps\n", "rootline.yaml:2:12: expected true or false");
        check("rules:\n  dirs: here\n", "rootline.yaml:2:9: expected a list, such as `[a, b]`");
        check("lang: en\nlang: zh\n", "rootline.yaml:2:1: duplicate mapping key: lang");
        check("lang: [", "rootline.yaml:1:7: expected a single word");
    }
}
