//! Data out of the daemon: Elasticsearch, ClickHouse.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::{ConfigError, has_scheme};

/// Where data is forwarded to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Forward {
    /// Events of Kubernetes go to each of them.
    pub elasticsearch: Vec<SearchTarget>,
    pub clickhouse: ClickHouse,
}

/// One Elasticsearch or OpenSearch.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchTarget {
    /// Unique. How far it is is kept under this name: another name begins anew.
    pub name: String,
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// Index or data stream; `%Y.%m.%d` becomes the event's day in UTC.
    #[serde(default = "events_index")]
    pub index: String,
    /// `${NAME}` takes these three from the environment.
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub password: String,
    /// Instead of user and password.
    #[serde(default)]
    pub api_key: String,
}

fn events_index() -> String {
    "kubernetes-events".to_owned()
}

/// A ClickHouse that holds a copy of series, events, logs and incidents.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClickHouse {
    pub enabled: bool,
    /// Of its HTTP interface.
    pub url: String,
    pub database: String,
    pub user: String,
    /// `${NAME}` takes it from the environment.
    pub password: String,
    /// Also the log lines that are pushed.
    pub logs: bool,
}

impl Default for ClickHouse {
    fn default() -> Self {
        ClickHouse {
            enabled: false,
            url: String::new(),
            database: "rootline".to_owned(),
            user: "default".to_owned(),
            password: String::new(),
            logs: true,
        }
    }
}

pub(crate) fn validate(file: &str, forward: &Forward) -> Result<(), ConfigError> {
    for (i, target) in forward.elasticsearch.iter().enumerate() {
        let (name, url) = (&target.name, &target.url);
        if !url.value.starts_with("${") && !has_scheme(&url.value, &["http", "https"]) {
            let detail = format!("`{}` is no address of an Elasticsearch, expected http://… or https://…", url.value);
            return Err(ConfigError::at(file, url, detail));
        }
        if name.is_empty() || forward.elasticsearch.iter().take(i).any(|other| other.name == *name) {
            let detail = format!("`{name}` names this Elasticsearch and another, or is empty; names tell them apart");
            return Err(ConfigError::at(file, url, detail));
        }
        if target.index.is_empty() {
            let detail = format!("`index` of `{name}` is empty, expected the name of an index");
            return Err(ConfigError::at(file, url, detail));
        }
    }
    let house = &forward.clickhouse;
    if house.enabled && !house.url.starts_with("${") && !has_scheme(&house.url, &["http", "https"]) {
        let detail = format!("forward.clickhouse.url `{}` is no address, expected http://… or https://…", house.url);
        return Err(ConfigError::whole(file, detail));
    }
    if house.database.is_empty() || !house.database.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        let detail = format!(
            "forward.clickhouse.database `{}` is no name of a database, expected letters, digits and _",
            house.database
        );
        return Err(ConfigError::whole(file, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::parse;

    fn check(text: &str, expect: &str) {
        let got = parse("rootline.yaml", text).map_or_else(|e| e.to_string(), |_| "accepted".to_owned());
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn slips_in_pipes_are_named() {
        check("kafka: {brokers: 'a:9092', read: {alerts: [a, b]}, forward: {incidents: i}}", "accepted");
        check("forward: {elasticsearch: [{name: s, url: 'http://s:9200'}]}", "accepted");
        check(
            "forward:\n  elasticsearch:\n  - {name: s, url: 's:9200'}",
            "rootline.yaml:3:20: `s:9200` is no address of an Elasticsearch, expected http://… or https://…",
        );
        check(
            "forward: {elasticsearch: [{name: s, url: 'http://a'}, {name: s, url: 'http://b'}]}",
            "rootline.yaml:1:70: `s` names this Elasticsearch and another, or is empty; names tell them apart",
        );
        check(
            "forward: {clickhouse: {enabled: true}}",
            "rootline.yaml:1:1: forward.clickhouse.url `` is no address, expected http://… or https://…",
        );
        check(
            "forward: {clickhouse: {database: 'a;b'}}",
            "rootline.yaml:1:1: forward.clickhouse.database `a;b` is no name of a database, expected letters, digits and _",
        );
        check(
            "kafka: {read: {alerts: [a]}}",
            "rootline.yaml:1:1: kafka has topics but no `brokers`, expected host:port",
        );
        check(
            "kafka: {brokers: 'a:1', read: {events: [e]}, forward: {events: e}}",
            "rootline.yaml:1:1: kafka reads topic `e` and writes to it, so that everything would come back",
        );
    }
}
