//! Alerts that others send: as to an Alertmanager (`POST /api/v2/alerts`) or as to a webhook receiver (version 4).
//!
//! Source: Alertmanager 0.34 `api/v2/api.go` (`postAlertsHandler`), `types.Alert.Validate`, `notify/webhook`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, LabelSet};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Limits, Refused, Reply, Request, Taken, json_body};

/// Errors told of one request.
const ERRORS_TOLD: usize = 10;

/// Annotations are prose: they may be this many times longer than label values, and are cut rather than refused.
const ANNOTATION_FACTOR: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    starts_at: Option<Timestamp>,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
    /// Only in a webhook.
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    #[serde(borrow)]
    alerts: Vec<&'a RawValue>,
    #[serde(default)]
    truncated_alerts: u64,
}

/// Alerts of `POST /api/v2/alerts`: a JSON array. A missing `startsAt` is `endsAt` or else `now`; a missing `endsAt` is
/// `now` plus `resolve_timeout`; labels without a value are none. What is valid is taken even if others are not; then the
/// answer is 400 with the errors, as Alertmanager does.
///
/// # Errors
/// 400 for what is no array, 413, 415.
pub fn posted(
    request: &Request<'_>,
    limits: &Limits,
    now: Timestamp,
    resolve_timeout: SignedDuration,
) -> Result<Taken<Vec<Alert>>, Refused> {
    let body = json_body(request, limits)?;
    let all: Vec<&RawValue> =
        serde_json::from_slice(&body).map_err(|e| Refused::malformed(format!("not an array of alerts: {e}")))?;
    let timeout = now.checked_add(resolve_timeout).unwrap_or(Timestamp::MAX);
    read(&all, limits, |alert, posted| {
        let ends_at = given(posted.ends_at);
        alert.starts_at = given(posted.starts_at).or(ends_at).unwrap_or(now);
        alert.ends_at = Some(ends_at.unwrap_or(timeout));
    })
}

/// Alerts of a webhook of Alertmanager (version 4) and of those who speak the same (Grafana). A firing alert has no end.
///
/// # Errors
/// 400 for what has no `alerts`, 413, 415.
pub fn webhook(request: &Request<'_>, limits: &Limits, now: Timestamp) -> Result<Taken<Vec<Alert>>, Refused> {
    let body = json_body(request, limits)?;
    let message: Webhook<'_> =
        serde_json::from_slice(&body).map_err(|e| Refused::malformed(format!("not a webhook of version 4: {e}")))?;
    let mut taken = read(&message.alerts, limits, |alert, posted| {
        let ends_at = given(posted.ends_at);
        let resolved = match posted.status.as_deref() {
            Some(status) => status == "resolved",
            None => ends_at.is_some_and(|end| end <= now),
        };
        alert.starts_at = given(posted.starts_at).or(ends_at).unwrap_or(now);
        alert.ends_at = resolved.then(|| ends_at.unwrap_or(now));
    })?;
    taken.note("truncated_by_sender", message.truncated_alerts);
    Ok(taken)
}

/// Go's zero time stands for "none".
fn given(at: Option<Timestamp>) -> Option<Timestamp> {
    const YEAR_2_S: i64 = -62_104_060_800;
    at.filter(|t| t.as_second() > YEAR_2_S)
}

fn read(
    all: &[&RawValue],
    limits: &Limits,
    set_times: impl Fn(&mut Alert, &Posted),
) -> Result<Taken<Vec<Alert>>, Refused> {
    if all.len() > limits.alerts {
        return Err(Refused::too_large(format!("{} alerts in one request, at most {}", all.len(), limits.alerts)));
    }
    let mut taken = Taken { data: Vec::with_capacity(all.len()), reply: Reply::empty(200), ..Taken::default() };
    let mut errors = Vec::new();
    for (i, raw) in all.iter().enumerate() {
        match one(raw, limits, &set_times) {
            Ok(alert) => taken.data.push(alert),
            Err(reason) => errors.push(format!("alert {i}: {reason}")),
        }
    }
    if !errors.is_empty() {
        taken.note("invalid_alert", errors.len() as u64);
        let more = errors.len().saturating_sub(ERRORS_TOLD);
        errors.truncate(ERRORS_TOLD);
        errors.extend((more > 0).then(|| format!("and {more} more")));
        taken.reply = Reply::json(400, &serde_json::Value::String(errors.join("; ")));
    }
    Ok(taken)
}

fn one(raw: &RawValue, limits: &Limits, set_times: &impl Fn(&mut Alert, &Posted)) -> Result<Alert, String> {
    let mut posted: Posted = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
    let labels = LabelSet::from(posted.labels.take().unwrap_or_default());
    check_labels(&labels, limits)?;
    let most = limits.label_value_bytes.saturating_mul(ANNOTATION_FACTOR);
    let annotations = posted.annotations.take().unwrap_or_default();
    let mut alert = Alert {
        labels,
        annotations: annotations.iter().take(limits.labels).map(|(n, v)| (n.as_str(), cut(v, most))).collect(),
        generator_url: cut(posted.generator_url.as_deref().unwrap_or_default(), limits.label_value_bytes).to_owned(),
        ..Alert::default()
    };
    set_times(&mut alert, &posted);
    match alert.ends_at {
        Some(end) if end < alert.starts_at => Err("start time must be before end time".to_owned()),
        _ => Ok(alert),
    }
}

fn check_labels(labels: &LabelSet, limits: &Limits) -> Result<(), String> {
    if labels.is_empty() {
        return Err("at least one label pair required".to_owned());
    }
    if labels.len() > limits.labels {
        return Err(format!("{} labels, at most {}", labels.len(), limits.labels));
    }
    for (name, value) in labels.iter() {
        if name.is_empty() {
            return Err("a label without a name".to_owned());
        }
        if name.len() > limits.label_name_bytes || value.len() > limits.label_value_bytes {
            return Err(format!("label {:?} is too long", cut(name, 64)));
        }
    }
    Ok(())
}

/// At most that many bytes, ending between two characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
