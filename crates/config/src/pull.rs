//! What the daemon pulls by itself, what it writes back, and the thresholds of the catalogue's series.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::{Config, ConfigError, has_scheme};

/// Scraping without a Prometheus.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scrape {
    pub targets: Vec<ScrapeTarget>,
    pub kubelets: Kubelets,
    /// Seconds for one page.
    pub timeout_s: u32,
    /// MiB of one page, unpacked; what is larger is an error of that target.
    pub limit_mib: u32,
    /// Pages at the same time.
    pub at_once: u32,
}

impl Default for Scrape {
    fn default() -> Self {
        Scrape { targets: Vec::new(), kubelets: Kubelets::default(), timeout_s: 10, limit_mib: 64, at_once: 8 }
    }
}

/// One address that serves metrics: kube-state-metrics, a node-exporter.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScrapeTarget {
    /// Label `job` of its series.
    pub job: String,
    /// Whole address: `http://kube-state-metrics.kube-system:8080/metrics`.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// Label `instance`; empty: host and port of the address.
    #[serde(default)]
    pub instance: String,
    /// Name of the node that a node-exporter is about; empty: none.
    #[serde(default)]
    pub node: String,
    /// A label that the page and the target both have: the page's counts. As kube-state-metrics needs it.
    #[serde(default = "yes")]
    pub honor_labels: bool,
    /// Token; `${NAME}` takes it from the environment.
    #[serde(default)]
    pub bearer: String,
    /// PEM of the authorities to trust instead of the system's.
    #[serde(default)]
    pub ca_file: String,
    /// Takes any certificate.
    #[serde(default)]
    pub insecure_skip_verify: bool,
}

const fn yes() -> bool {
    true
}

/// Kubelets, through the API server's node proxy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kubelets {
    pub enabled: bool,
    pub paths: Vec<String>,
}

impl Default for Kubelets {
    fn default() -> Self {
        Kubelets { enabled: false, paths: ["/metrics/cadvisor", "/metrics"].map(str::to_owned).to_vec() }
    }
}

/// Log lines read by query.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogsFrom {
    pub loki: LokiFrom,
    pub elasticsearch: ElasticsearchFrom,
}

/// Which lines count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineLevel {
    Warn,
    /// And worse.
    Error,
}

/// A Loki that holds the logs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LokiFrom {
    #[schemars(with = "String")]
    pub url: Option<Spanned<String>>,
    /// Sent as `X-Scope-OrgID`.
    pub tenant: String,
    /// `${NAME}` takes it from the environment.
    pub bearer: String,
    pub namespace_label: String,
    pub pod_label: String,
    /// Empty: all.
    pub namespaces: Vec<String>,
    /// Regular expression on the pod's name; empty: all.
    pub pods: String,
    pub levels: Vec<LineLevel>,
    /// Seconds between two questions.
    pub every_s: u32,
    /// Seconds that each question looks back over what was read: lines come late.
    pub overlap_s: u32,
    /// Lines of one minute at most; what comes beyond waits, and after five minutes is passed over and counted.
    pub lines_a_minute: u32,
}

impl Default for LokiFrom {
    fn default() -> Self {
        LokiFrom {
            url: None,
            tenant: String::new(),
            bearer: String::new(),
            namespace_label: "namespace".to_owned(),
            pod_label: "pod".to_owned(),
            namespaces: Vec::new(),
            pods: String::new(),
            levels: vec![LineLevel::Error, LineLevel::Warn],
            every_s: 15,
            overlap_s: 30,
            lines_a_minute: 20_000,
        }
    }
}

/// An Elasticsearch or OpenSearch that holds the logs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticsearchFrom {
    #[schemars(with = "String")]
    pub url: Option<Spanned<String>>,
    pub user: String,
    /// `${NAME}` takes it from the environment.
    pub password: String,
    /// Sent as `Authorization: ApiKey …`; `${NAME}` takes it from the environment.
    pub api_key: String,
    /// Index, alias or pattern.
    pub index: String,
    pub time_field: String,
    /// A keyword field.
    pub namespace_field: String,
    /// A keyword field.
    pub pod_field: String,
    pub level_fields: Vec<String>,
    pub text_fields: Vec<String>,
    /// Empty: all.
    pub namespaces: Vec<String>,
    /// Begin of the pod's name; empty: all.
    pub pod_prefix: String,
    pub levels: Vec<LineLevel>,
    /// Seconds between two questions.
    pub every_s: u32,
    /// Seconds that each question looks back over what was read: lines come late.
    pub overlap_s: u32,
    /// Lines of one minute at most; what comes beyond waits, and after five minutes is passed over and counted.
    pub lines_a_minute: u32,
}

impl Default for ElasticsearchFrom {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        ElasticsearchFrom {
            url: None,
            user: String::new(),
            password: String::new(),
            api_key: String::new(),
            index: "logs-*".to_owned(),
            time_field: "@timestamp".to_owned(),
            namespace_field: "kubernetes.namespace_name.keyword".to_owned(),
            pod_field: "kubernetes.pod_name.keyword".to_owned(),
            level_fields: list(&["level", "log.level", "severity"]),
            text_fields: list(&["log", "message"]),
            namespaces: Vec::new(),
            pod_prefix: String::new(),
            levels: vec![LineLevel::Error, LineLevel::Warn],
            every_s: 15,
            overlap_s: 30,
            lines_a_minute: 20_000,
        }
    }
}

/// Derived series written back.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteWrite {
    #[schemars(with = "String")]
    pub url: Option<Spanned<String>>,
    /// `${NAME}` takes it from the environment.
    pub bearer: String,
    pub interval_s: u32,
}

impl Default for RemoteWrite {
    fn default() -> Self {
        RemoteWrite { url: None, bearer: String::new(), interval_s: 60 }
    }
}

/// One series of the catalogue as the user wants it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesThreshold {
    /// Id in the catalogue: `container_memory_share`.
    #[schemars(with = "String")]
    pub series: Spanned<String>,
    /// Which of the catalogue's thresholds, where the series has several: `series.volume_full`.
    #[serde(default)]
    pub code: String,
    /// Only in this namespace; empty: everywhere.
    #[serde(default)]
    pub namespace: String,
    /// `false` without `code` and `namespace`: the series is not watched at all; with one of them: that threshold is off.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Bad from here on, in the series' unit (shares from 0 to 1, seconds, bytes).
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Good again from here on; without it as far from the threshold as the catalogue has it, else 5 %.
    #[serde(default)]
    pub clear: Option<f64>,
    /// Seconds that it must be bad.
    #[serde(default)]
    pub for_s: Option<u32>,
}

/// An address that is there: an empty one counts as none.
pub fn named(url: Option<&Spanned<String>>) -> Option<&Spanned<String>> {
    url.filter(|u| !u.value.is_empty())
}

pub(crate) fn validate(file: &str, config: &Config) -> Result<(), ConfigError> {
    let urls = [
        (named(config.logs_from.loki.url.as_ref()), "a Loki"),
        (named(config.logs_from.elasticsearch.url.as_ref()), "an Elasticsearch"),
        (named(config.remote_write.url.as_ref()), "a remote write receiver"),
    ];
    let targets = config.scrape.targets.iter().map(|t| (Some(&t.url), "an exporter"));
    for (url, what) in urls.into_iter().chain(targets).filter_map(|(url, what)| Some((url?, what))) {
        if !has_scheme(&url.value, &["http", "https"]) {
            let detail = format!("`{}` is no address of {what}, expected http://… or https://…", url.value);
            return Err(ConfigError::at(file, url, detail));
        }
    }
    scrape(file, &config.scrape)?;
    for (key, value, least, most) in [
        ("detection.core_interval_s", config.detection.core_interval_s, 5, 60),
        ("detection.interval_s", config.detection.interval_s, config.detection.core_interval_s, 60),
        ("scrape.timeout_s", config.scrape.timeout_s, 1, 60),
        ("scrape.limit_mib", config.scrape.limit_mib, 1, 1024),
        ("scrape.at_once", config.scrape.at_once, 1, 256),
        ("logs_from.loki.every_s", config.logs_from.loki.every_s, 5, 300),
        ("logs_from.loki.overlap_s", config.logs_from.loki.overlap_s, 0, 120),
        ("logs_from.loki.lines_a_minute", config.logs_from.loki.lines_a_minute, 100, 1_000_000),
        ("logs_from.elasticsearch.every_s", config.logs_from.elasticsearch.every_s, 5, 300),
        ("logs_from.elasticsearch.overlap_s", config.logs_from.elasticsearch.overlap_s, 0, 120),
        ("logs_from.elasticsearch.lines_a_minute", config.logs_from.elasticsearch.lines_a_minute, 100, 1_000_000),
        ("remote_write.interval_s", config.remote_write.interval_s, 5, 300),
    ] {
        if !(least..=most).contains(&value) {
            return Err(ConfigError::whole(file, format!("{key} is {value}, expected {least} to {most}")));
        }
    }
    let levels = [
        ("logs_from.loki.levels", &config.logs_from.loki.levels),
        ("logs_from.elasticsearch.levels", &config.logs_from.elasticsearch.levels),
    ];
    match levels.iter().find(|(_, levels)| levels.is_empty()) {
        Some((key, _)) => Err(ConfigError::whole(file, format!("{key} is empty, expected error, or error and warn"))),
        None => Ok(()),
    }
}

fn scrape(file: &str, scrape: &Scrape) -> Result<(), ConfigError> {
    for (i, target) in scrape.targets.iter().enumerate() {
        if scrape.targets.iter().take(i).any(|other| other.url.value == target.url.value) {
            let detail = format!("`{}` would be scraped twice", target.url.value);
            return Err(ConfigError::at(file, &target.url, detail));
        }
        if target.job.is_empty() {
            return Err(ConfigError::at(file, &target.url, "the target has no `job`".to_owned()));
        }
    }
    let paths = &scrape.kubelets.paths;
    if let Some(path) = paths.iter().find(|p| !p.starts_with('/')) {
        let detail = format!("scrape.kubelets.paths: `{path}` is no path, expected one such as /metrics/cadvisor");
        return Err(ConfigError::whole(file, detail));
    }
    let has = |path: &str| paths.iter().any(|p| p == path);
    if has("/metrics/cadvisor") && has("/metrics/resource") {
        let detail = "scrape.kubelets.paths has /metrics/cadvisor and /metrics/resource: both tell memory and cpu of every \
                      container, which would count twice; expected one of them";
        return Err(ConfigError::whole(file, detail.to_owned()));
    }
    Ok(())
}

/// The word of a list that was probably meant: at most a third of its letters differ.
pub fn nearest<'a>(word: &str, all: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let best = all.into_iter().map(|known| (distance(word, known), known)).min_by_key(|(d, _)| *d)?;
    (best.0 * 3 <= word.chars().count().max(3)).then_some(best.1)
}

/// Letters to insert, drop or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let here = if x == *y { corner } else { 1 + corner.min(row[j]).min(row[j + 1]) };
            corner = std::mem::replace(&mut row[j + 1], here);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let got = crate::parse("r.yaml", text).map_or_else(|e| e.to_string(), |_| "accepted".to_owned());
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn slips_are_named_with_what_was_expected() {
        check(
            "scrape: {targets: [{job: a, url: 'a:80'}]}",
            "r.yaml:1:34: `a:80` is no address of an exporter, expected http://… or https://…",
        );
        let twice = "scrape:\n  targets:\n  - {job: a, url: 'http://a'}\n  - {job: b, url: 'http://a'}\n";
        check(twice, "r.yaml:4:19: `http://a` would be scraped twice");
        check(
            "scrape: {kubelets: {paths: [/metrics/cadvisor, /metrics/resource]}}",
            "r.yaml:1:1: scrape.kubelets.paths has /metrics/cadvisor and /metrics/resource: both tell memory and cpu of \
             every container, which would count twice; expected one of them",
        );
        check("detection: {core_interval_s: 1}", "r.yaml:1:1: detection.core_interval_s is 1, expected 5 to 60");
        check(
            "detection: {core_interval_s: 30, interval_s: 15}",
            "r.yaml:1:1: detection.interval_s is 15, expected 30 to 60",
        );
        check(
            "logs_from: {loki: {levels: []}}",
            "r.yaml:1:1: logs_from.loki.levels is empty, expected error, or error and warn",
        );
        check("logs_from: {loki: {levels: [info]}}", "r.yaml:1:29: unknown value `info`, expected one of warn, error");
        check("logs_from: {loki: {url: 'http://loki:3100', tenant: a}}", "accepted");
    }

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        let known = ["container_memory_share", "container_cpu_share", "pvc_share"];
        assert_eq!(nearest("container_memry_share", known), Some("container_memory_share"));
        assert_eq!(nearest("pvc-share", known), Some("pvc_share"));
        assert_eq!(nearest("latency", known), None);
    }
}
