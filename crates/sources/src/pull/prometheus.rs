//! Prometheus' HTTP API, as VictoriaMetrics, Thanos and Mimir serve it too.
//!
//! Source: Prometheus, "HTTP API"; `web/api/v1/api.go`.

mod rules;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rootline_model::{Alert, LabelSet, SeriesBatch};
use serde::{Deserialize, Serialize};

use super::{Answered, Client, PullError, Server};
use crate::prometheus::{ActiveAlert, Answer, Data, Number, Sample, moment};

pub use rules::{ActiveSince, Rule, RuleBook};

/// A Prometheus server.
#[derive(Clone, Debug)]
pub struct Prometheus {
    client: Client,
}

/// Series of an answer, and what the server warned of (partial data of a Thanos, for one).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub series: Vec<SeriesBatch>,
    pub warnings: Vec<String>,
}

/// What is known of a metric's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// `counter`, `gauge`, `histogram`, `summary`, `unknown`.
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub help: String,
    #[serde(default)]
    pub unit: String,
}

impl Prometheus {
    /// # Errors
    /// [`PullError::Settings`] for an address, header or certificate that is none.
    pub fn new(server: Server) -> Result<Self, PullError> {
        Client::new(server).map(|client| Prometheus { client })
    }

    /// The version of the server: it is there and speaks this API.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn version(&self) -> Result<String, PullError> {
        #[derive(Deserialize)]
        struct Build {
            version: String,
        }
        self.get("/api/v1/status/buildinfo", &[("", ""); 0], owned::<Build>).await.map(|b| b.version)
    }

    /// An expression at a moment (the server's now without one): one point a series. A scalar is a series without labels.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn query(&self, expression: &str, at: Option<Timestamp>) -> Result<Found, PullError> {
        let mut form = vec![("query", expression.to_owned()), ("timeout", self.timeout())];
        form.extend(at.map(|t| ("time", t.to_string())));
        self.ask("/api/v1/query", &form).await
    }

    /// An expression over a span of time with a step in seconds.
    ///
    /// # Errors
    /// See [`PullError`]; Prometheus refuses more than 11,000 points a series.
    pub async fn query_range(
        &self,
        expression: &str,
        (start, end): (Timestamp, Timestamp),
        step_s: u32,
    ) -> Result<Found, PullError> {
        let form = [
            ("query", expression.to_owned()),
            ("start", start.to_string()),
            ("end", end.to_string()),
            ("step", step_s.to_string()),
            ("timeout", self.timeout()),
        ];
        self.ask("/api/v1/query_range", &form).await
    }

    /// The alerting rules, with what each has active now.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn rules(&self) -> Result<RuleBook, PullError> {
        self.get("/api/v1/rules", &[("type", "alert")], rules::read).await
    }

    /// Alerts that fire. `starts_at` is when the condition began (`activeAt`): this answer does not tell the rule's `for:`.
    /// [`RuleBook::firing`] knows both.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn alerts(&self) -> Result<Vec<Alert>, PullError> {
        self.get("/api/v1/alerts", &[("", ""); 0], |answer| {
            let data: Data<'_> = parse(answer)?;
            let alerts = data.alerts.ok_or("no alerts in the answer")?;
            Ok(alerts.into_iter().filter(|a| a.state == "firing").filter_map(|a| firing(a, None)).collect())
        })
        .await
    }

    /// Metric name → what its targets say about it.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn metadata(&self) -> Result<BTreeMap<String, Vec<Metadata>>, PullError> {
        self.get("/api/v1/metadata", &[("limit_per_metric", "1")], owned).await
    }

    /// The server gives up when we do.
    fn timeout(&self) -> String {
        format!("{}ms", self.client.server.timeout.as_millis())
    }

    /// By POST, since expressions are longer than addresses may be; by GET where a proxy allows no other.
    async fn ask(&self, path: &str, form: &[(&str, String)]) -> Result<Found, PullError> {
        let mut answered = self.client.post_form(path, &form).await?;
        if matches!(answered.status.as_u16(), 403 | 405) {
            answered = self.client.get(path, &form).await?;
        }
        self.read(path, &answered, found)
    }

    async fn get<T>(
        &self,
        path: &str,
        query: &(impl Serialize + ?Sized),
        read: impl FnOnce(&Answer<'_>) -> Result<T, String>,
    ) -> Result<T, PullError> {
        let answered = self.client.get(path, &query).await?;
        self.read(path, &answered, read)
    }

    /// Errors come in the same envelope as answers, with a status of their own.
    fn read<T>(
        &self,
        path: &str,
        answered: &Answered,
        read: impl FnOnce(&Answer<'_>) -> Result<T, String>,
    ) -> Result<T, PullError> {
        let answer: Answer<'_> = match serde_json::from_slice(&answered.body) {
            Ok(answer) => answer,
            Err(_) if !answered.status.is_success() => return Err(self.client.status(path, answered)),
            Err(e) => return Err(self.client.malformed(path, format!("not an answer of Prometheus: {e}"))),
        };
        match answer.status.as_str() {
            "success" => read(&answer).map_err(|e| self.client.malformed(path, e)),
            "error" => {
                let (kind, message) = (answer.error_type, answer.error);
                Err(PullError::Refused { what: self.client.what(path), kind, message })
            }
            _ if !answered.status.is_success() => Err(self.client.status(path, answered)),
            other => Err(self.client.malformed(path, format!("status {other:?}"))),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(answer: &Answer<'a>) -> Result<T, String> {
    let data = answer.data.ok_or("no data in the answer")?;
    serde_json::from_str(data.get()).map_err(|e| e.to_string())
}

fn owned<T: serde::de::DeserializeOwned>(answer: &Answer<'_>) -> Result<T, String> {
    parse(answer)
}

fn found(answer: &Answer<'_>) -> Result<Found, String> {
    let data: Data<'_> = parse(answer)?;
    let result = data.result.ok_or("no result in the answer")?.get();
    let series = match data.result_type.as_deref() {
        Some("vector" | "matrix") => {
            let samples: Vec<Sample> = serde_json::from_str(result).map_err(|e| e.to_string())?;
            samples.into_iter().map(batch).filter(|b| !b.points.is_empty()).collect()
        }
        Some("scalar") => {
            let point: (f64, Number) = serde_json::from_str(result).map_err(|e| e.to_string())?;
            vec![SeriesBatch { labels: LabelSet::default(), points: point_of(point).into_iter().collect() }]
        }
        kind => return Err(format!("a result of type {}", kind.unwrap_or("none"))),
    };
    Ok(Found { series, warnings: answer.warnings.clone() })
}

fn batch(sample: Sample) -> SeriesBatch {
    let points = sample.value.into_iter().chain(sample.values).filter_map(point_of).collect();
    SeriesBatch { labels: sample.metric.into(), points }
}

fn point_of((at, value): (f64, Number)) -> Option<(i64, f64)> {
    Some((moment(at)?.as_millisecond(), value.0))
}

/// `None` without the moment at which it became active.
fn firing(alert: ActiveAlert, hold_s: Option<u32>) -> Option<Alert> {
    let active: Timestamp = alert.active_at.as_deref()?.parse().ok()?;
    let hold = jiff::SignedDuration::from_secs(i64::from(hold_s.unwrap_or(0)));
    Some(Alert {
        labels: alert.labels.into(),
        annotations: alert.annotations.into(),
        starts_at: active.checked_add(hold).unwrap_or(active),
        ends_at: None,
        hold_s,
        generator_url: String::new(),
    })
}
