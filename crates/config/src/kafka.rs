//! Kafka: brokers, topics, and how to get in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ConfigError;

/// Kafka, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `host:port` of some brokers, with commas between. Empty: no Kafka.
    pub brokers: String,
    /// Readers are the groups `GROUP-alerts`, `GROUP-logs`, `GROUP-events`.
    pub group: String,
    pub read: KafkaRead,
    pub forward: KafkaForward,
    /// True: brokers are spoken to by TLS.
    pub tls: bool,
    /// PEM of the authorities to trust instead of the system's.
    pub ca_file: String,
    /// Certificate to show, and its key, where brokers ask for one. PEM.
    pub cert_file: String,
    pub key_file: String,
    pub sasl: Sasl,
    /// Settings of librdkafka, after ours. `${NAME}` takes a value from the environment.
    pub settings: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: String::new(),
            group: "rootline".to_owned(),
            read: KafkaRead::default(),
            forward: KafkaForward::default(),
            tls: false,
            ca_file: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
            sasl: Sasl::default(),
            settings: BTreeMap::new(),
        }
    }
}

/// Topics that are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaRead {
    /// Alertmanager's webhook, its API's list, or one alert a message.
    pub alerts: Vec<String>,
    /// OTLP JSON, or JSON documents one a line.
    pub logs: Vec<String>,
    /// Kubernetes events as EventRouter writes them, or as they are.
    pub events: Vec<String>,
}

/// Topics that are written. Empty: not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaForward {
    /// Kubernetes events as EventRouter writes them.
    pub events: String,
    /// Each version of each incident, under the incident's number.
    pub incidents: String,
}

/// Name and password for the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sasl {
    pub mechanism: SaslMechanism,
    pub username: String,
    /// Holds the password alone; an end of line is not part of it. It never stands in this file.
    pub password_file: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    #[default]
    #[serde(rename = "none")]
    None,
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    Scram256,
    #[serde(rename = "SCRAM-SHA-512")]
    Scram512,
}

/// Settings of librdkafka that are secrets.
const SECRETS: &[&str] = &["sasl.password", "ssl.key.password", "ssl.keystore.password"];

pub(crate) fn validate(file: &str, kafka: &Kafka) -> Result<(), ConfigError> {
    let read = || kafka.read.alerts.iter().chain(&kafka.read.logs).chain(&kafka.read.events);
    let wrote = [&kafka.forward.events, &kafka.forward.incidents];
    if let Some(both) = wrote.into_iter().find(|topic| !topic.is_empty() && read().any(|r| r == *topic)) {
        let detail = format!("kafka reads topic `{both}` and writes to it, so that everything would come back");
        return Err(ConfigError::whole(file, detail));
    }
    let used = read().chain(wrote).any(|topic| !topic.is_empty());
    if used && kafka.brokers.is_empty() {
        return Err(ConfigError::whole(file, "kafka has topics but no `brokers`, expected host:port".to_owned()));
    }
    if !kafka.brokers.is_empty() && kafka.group.is_empty() {
        return Err(ConfigError::whole(file, "kafka.group is empty, expected the name of a group".to_owned()));
    }
    access(kafka).map_err(|why| ConfigError::whole(file, why))
}

/// What of TLS and SASL does not fit together.
fn access(kafka: &Kafka) -> Result<(), String> {
    for name in SECRETS {
        if kafka.settings.get(*name).is_some_and(|value| !value.is_empty() && !value.contains("${")) {
            let instead = if *name == "sasl.password" { "kafka.sasl.password_file, or " } else { "" };
            return Err(format!(
                "kafka.settings holds `{name}` in plain text, expected {instead}`${{NAME}}` from the environment"
            ));
        }
    }
    let files = [("ca_file", &kafka.ca_file), ("cert_file", &kafka.cert_file), ("key_file", &kafka.key_file)];
    if let Some((key, _)) = files.iter().find(|(_, file)| !kafka.tls && !file.is_empty()) {
        return Err(format!("kafka.{key} is for TLS, which is off; expected `tls: true` beside it"));
    }
    if kafka.cert_file.is_empty() != kafka.key_file.is_empty() {
        return Err("kafka.cert_file and kafka.key_file belong together, expected both or none".to_owned());
    }
    let sasl = &kafka.sasl;
    let is_on = sasl.mechanism != SaslMechanism::None;
    match (is_on, sasl.username.is_empty(), sasl.password_file.is_empty()) {
        (true, true, _) => Err("kafka.sasl has a mechanism but no `username`".to_owned()),
        (true, _, true) => {
            Err("kafka.sasl has a mechanism but no `password_file`, expected a file with the password".to_owned())
        }
        (false, true, true) | (true, false, false) => Ok(()),
        (false, ..) => {
            Err("kafka.sasl has no `mechanism`, expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    fn check(text: &str, expect: &str) {
        let text = format!("kafka: {{brokers: 'a:9093', {text}}}");
        let got = parse("rootline.yaml", &text).map_or_else(|e| e.detail, |_| "accepted".to_owned());
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn slips_in_tls_and_sasl_are_named() {
        let sasl = "username: r, password_file: /run/secrets/kafka";
        check("tls: true", "accepted");
        check("tls: true, ca_file: ca.pem, cert_file: c.pem, key_file: k.pem", "accepted");
        check(&format!("tls: true, sasl: {{mechanism: SCRAM-SHA-512, {sasl}}}"), "accepted");
        check(&format!("sasl: {{mechanism: PLAIN, {sasl}}}"), "accepted");
        check("settings: {sasl.password: '${KAFKA_PASSWORD}'}", "accepted");
        check(
            "settings: {sasl.password: hunter2}",
            "kafka.settings holds `sasl.password` in plain text, expected kafka.sasl.password_file, or `${NAME}` from the environment",
        );
        check(
            "sasl: {mechanism: PLAIN, username: r, password: hunter2}",
            "unknown key `password`, expected one of mechanism, username, password_file; did you mean `password_file`?",
        );
        check("ca_file: ca.pem", "kafka.ca_file is for TLS, which is off; expected `tls: true` beside it");
        check(
            "tls: true, cert_file: c.pem",
            "kafka.cert_file and kafka.key_file belong together, expected both or none",
        );
        check(
            &format!("sasl: {{mechanism: GSSAPI, {sasl}}}"),
            "unknown value `GSSAPI`, expected one of none, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        );
        check(
            &format!("sasl: {{{sasl}}}"),
            "kafka.sasl has no `mechanism`, expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        );
        check(
            "sasl: {mechanism: PLAIN, username: r}",
            "kafka.sasl has a mechanism but no `password_file`, expected a file with the password",
        );
        check("sasl: {mechanism: PLAIN, password_file: f}", "kafka.sasl has a mechanism but no `username`");
    }
}
