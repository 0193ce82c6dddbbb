//! Answers of Prometheus' HTTP API as JSON: the envelope, alerts, rules, vectors and matrices.
//!
//! `pull` asks for them; files and recordings hold them.
//!
//! Source: Prometheus, "HTTP API", `GET /api/v1/{query,query_range,alerts,rules,metadata}`.

use std::collections::BTreeMap;

use rootline_model::Timestamp;
use rootline_objects::{Alert, Labels, Series, Signal};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The envelope.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer<'a> {
    pub status: String,
    #[serde(default)]
    pub error_type: String,
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub warnings: Vec<String>,
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Data<'a> {
    pub alerts: Option<Vec<ActiveAlert>>,
    pub result_type: Option<String>,
    #[serde(borrow)]
    pub result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActiveAlert {
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub state: String,
    /// When the condition began, not when the alert fired.
    #[serde(default)]
    pub active_at: Option<String>,
}

/// One series of a vector (`value`) or of a matrix (`values`). Native histograms have neither.
#[derive(Deserialize)]
pub(crate) struct Sample {
    #[serde(default)]
    pub metric: BTreeMap<String, String>,
    #[serde(default)]
    pub value: Option<(f64, Number)>,
    #[serde(default)]
    pub values: Vec<(f64, Number)>,
}

/// A float that JSON cannot hold, written as a string: `"NaN"`, `"+Inf"`, `"1e+06"`.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Number;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number as a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Text)
    }
}

/// True for a document that is such an answer: Kubernetes objects have no `status` that is a word beside `data`.
pub(crate) fn is_answer(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Outline {
        status: String,
        data: serde::de::IgnoredAny,
    }
    serde_json::from_str::<Outline>(text).is_ok_and(|o| {
        let Outline { status, data: serde::de::IgnoredAny } = o;
        status == "success"
    })
}

/// Signals of an answer.
///
/// # Errors
/// In words: the server's own error, or what is not as the API promises.
pub(crate) fn signals(text: &str) -> Result<Vec<Signal>, String> {
    let answer: Answer<'_> = serde_json::from_str(text).map_err(|e| format!("not an answer of Prometheus: {e}"))?;
    if answer.status != "success" {
        return Err(if answer.error.is_empty() { answer.status } else { answer.error });
    }
    let data: Data<'_> = match answer.data {
        Some(data) => serde_json::from_str(data.get()).map_err(|e| format!("not an answer of Prometheus: {e}"))?,
        None => Data::default(),
    };
    if let Some(alerts) = data.alerts {
        return Ok(alerts.into_iter().filter(|a| a.state == "firing").map(alert).collect());
    }
    match (data.result_type.as_deref(), data.result) {
        (Some("vector" | "matrix"), Some(result)) => {
            let samples: Vec<Sample> = serde_json::from_str(result.get()).map_err(|e| e.to_string())?;
            Ok(samples.into_iter().filter_map(series).map(Signal::Series).collect())
        }
        (kind, _) => Err(format!("a result of type {}", kind.unwrap_or("none"))),
    }
}

fn alert(alert: ActiveAlert) -> Signal {
    let text = ["summary", "description", "message"]
        .iter()
        .filter_map(|key| alert.annotations.get(*key))
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n");
    let label = |key: &str| alert.labels.get(key).cloned().unwrap_or_default();
    Signal::Alert(Alert {
        name: label("alertname"),
        labels: alert.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
        text,
        since: alert.active_at.as_deref().and_then(|t| t.parse().ok()),
    })
}

/// `None` for a metric without a name or without a finite value: an expression gives none.
fn series(sample: Sample) -> Option<Series> {
    let name = sample.metric.get("__name__")?.clone();
    let labels: Labels =
        sample.metric.iter().filter(|(k, _)| *k != "__name__").map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let points: Vec<(Timestamp, f64)> = sample
        .value
        .into_iter()
        .chain(sample.values)
        .filter_map(|(at, value)| Some((moment(at)?, Some(value.0).filter(|v| v.is_finite())?)))
        .collect();
    (!points.is_empty()).then_some(Series { name, labels, points })
}

#[allow(clippy::cast_possible_truncation, reason = "Timestamp refuses what is out of range")]
pub(crate) fn moment(seconds: f64) -> Option<Timestamp> {
    seconds.is_finite().then(|| Timestamp::from_millisecond((seconds * 1e3).round() as i64).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firing_alerts_are_alerts_and_pending_ones_nothing() {
        let text = r#"{"status":"success","data":{"alerts":[
            {"labels":{"alertname":"etcdNoLeader","severity":"critical"},"annotations":{"summary":"no leader"},"state":"firing",
             "activeAt":"2026-06-01T11:58:00.5Z","value":"1e+00"},
            {"labels":{"alertname":"Watchdog"},"state":"pending"}]}}"#;
        let found = signals(text).expect("an answer");
        let [Signal::Alert(alert)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((alert.name.as_str(), alert.text.as_str()), ("etcdNoLeader", "no leader"));
        assert_eq!(alert.since.map(|t| t.to_string()).as_deref(), Some("2026-06-01T11:58:00.5Z"));
        assert!(is_answer(text));
    }

    #[test]
    fn vectors_are_series_and_what_is_no_number_is_left_out() {
        let text = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"kubelet_volume_stats_available_bytes","namespace":"shop","persistentvolumeclaim":"db"},"value":[1780315200.25,"12"]},
            {"metric":{"__name__":"kubelet_volume_stats_available_bytes","namespace":"shop"},"value":[1780315200,"NaN"]},
            {"metric":{},"value":[1780315200,"1"]}]}}"#;
        let found = signals(text).expect("an answer");
        let [Signal::Series(series)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(series.labels.get("persistentvolumeclaim"), Some("db"));
        assert_eq!(series.points.first().map(|p| p.1), Some(12.0));
    }

    #[test]
    fn errors_are_told_in_the_servers_words() {
        for (text, want) in [
            (r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#, "query timed out"),
            (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#, "a result of type scalar"),
            ("<html>", "not an answer of Prometheus: expected value at line 1 column 1"),
        ] {
            assert_eq!(signals(text).expect_err("refused"), want);
        }
        assert!(!is_answer(r#"{"kind":"Pod","status":{"phase":"Running"},"data":1}"#));
    }
}
