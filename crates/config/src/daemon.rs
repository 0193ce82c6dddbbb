//! What `rootline run` needs to know.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::pull::SeriesThreshold;
use crate::{Tape, TokenReview};

/// The daemon itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Daemon {
    /// Address and port of API, receivers and page. Addresses that others reach need `tokens`.
    pub listen: String,
    /// Folder of the store. A relative path starts at the working folder.
    pub data: String,
    /// Name of this cluster, as the API and the page show it and as the label `cluster` of what comes in has it. If it is set,
    /// alerts that name another cluster make incidents of their own, without causes, and other clusters' series and log lines are
    /// left out. Empty: everything is of this cluster.
    pub cluster: String,
    /// Seconds between two looks at everything.
    pub tick_s: u32,
    /// How people reach this daemon, for links in messages.
    pub external_url: String,
    pub tokens: Vec<Token>,
    pub token_review: TokenReview,
    pub tls: Tls,
    pub tape: Tape,
}

impl Default for Daemon {
    fn default() -> Self {
        Daemon {
            listen: "127.0.0.1:9099".to_owned(),
            data: "rootline-data".to_owned(),
            cluster: String::new(),
            tick_s: 15,
            external_url: String::new(),
            tokens: Vec::new(),
            token_review: TokenReview::default(),
            tls: Tls::default(),
            tape: Tape::default(),
        }
    }
}

/// Who may use the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub name: String,
    /// SHA-256 of the token in hexadecimal digits: `printf %s TOKEN | sha256sum`.
    #[schemars(with = "String")]
    pub sha256: Spanned<String>,
    #[serde(default)]
    pub role: TokenRole,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Reads.
    #[default]
    Viewer,
    /// Also acknowledges, silences, notes.
    Operator,
    /// Also retries dead letters and everything else.
    Admin,
    /// Only pushes: alerts, samples, logs, spans.
    Receiver,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificate chain in PEM; with `key` it turns TLS on. Both are read anew when they change.
    pub certificate: String,
    pub key: String,
}

/// The cluster that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    pub enabled: bool,
    /// Empty: as kubectl does, or the service account inside a pod.
    pub kubeconfig: String,
    pub context: String,
    /// Empty: all of them.
    pub namespace: String,
    /// Two or more replicas: only the holder of the lease works.
    pub leader_election: bool,
    pub lease_namespace: String,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Kubernetes {
            enabled: true,
            kubeconfig: String::new(),
            context: String::new(),
            namespace: String::new(),
            leader_election: false,
            lease_namespace: "rootline".to_owned(),
        }
    }
}

/// The Alertmanager that enriched alerts go on to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alertmanager {
    pub enabled: bool,
    #[schemars(with = "String")]
    pub url: Option<Spanned<String>>,
}

/// How alerts and facts are folded into incidents.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Correlation {
    pub mode: CorrelationMode,
    /// Seconds that a fact of the cluster's state must hold before it opens an incident.
    pub settle_s: u32,
}

impl Default for Correlation {
    fn default() -> Self {
        Correlation { mode: CorrelationMode::Full, settle_s: 20 }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CorrelationMode {
    /// Onset, topology, learnt pairs of alert names, splitting of two roots.
    #[default]
    Full,
    OnsetTopology,
    /// Alertmanager's grouping by namespace.
    Alertmanager,
    /// Alerts of one node within five minutes.
    NodeWindow,
    TimeGap,
    Jaccard,
    /// TF-IDF and DBSCAN on the alerts' texts.
    Text,
}

/// Detection on series and logs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    pub enabled: bool,
    /// Series kept at most; what comes beyond is counted and left out.
    pub series: u32,
    /// Seconds between two values of what matters most, polled or scraped.
    pub core_interval_s: u32,
    /// Seconds between two values of everything else.
    pub interval_s: u32,
    pub thresholds: Vec<SeriesThreshold>,
}

impl Default for Detection {
    fn default() -> Self {
        Detection { enabled: true, series: 200_000, core_interval_s: 15, interval_s: 60, thresholds: Vec::new() }
    }
}

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub events_days: u32,
    pub incidents_days: u32,
    pub series_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { events_days: 30, incidents_days: 365, series_days: 15 }
    }
}

/// One place that people are told at.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Unique; shown in metrics and dead letters.
    pub name: String,
    pub kind: ChannelKind,
    /// Address of the robot or receiver; for mail `smtp://host:port`, `smtps://host:port`.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// Signing secret of DingTalk, Feishu, the generic webhook; token of a Slack bot; password of mail. `${NAME}` takes it from the environment.
    #[serde(default)]
    pub secret: String,
    /// Mail: user, sender, receivers.
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub to: Vec<String>,
    /// DingTalk, Feishu: a word that the robot asks for; stands in each message.
    #[serde(default)]
    pub keyword: String,
    /// Slack with a bot's token as `secret` and `https://slack.com/api` as `url`: id of the channel to post in. One
    /// message per incident is then changed in place.
    #[serde(default)]
    pub channel: String,
    #[serde(default)]
    pub lang: ChannelLang,
    #[serde(default)]
    pub min_severity: MinSeverity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    Webhook,
    Dingtalk,
    Wecom,
    Feishu,
    Slack,
    Email,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelLang {
    #[default]
    En,
    Zh,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MinSeverity {
    #[default]
    Warning,
    Error,
    Critical,
}
