//! Alertmanager's API version 2, as far as `amtool`, karma and Grafana read it, and silences to be written
//! (`api/v2/openapi.yaml` of Alertmanager 0.34).
//!
//! What is not Alertmanager's: a folded alert is `suppressed` and names its incident's core alert in `inhibitedBy`; a group is
//! an incident.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use rootline_model::LabelSet;

use super::{more, written};
use crate::matcher::{Matcher, anchored, matches_all};
use crate::problem::Problem;
use crate::server::Shared;
use crate::wire::am2;
use crate::words::AlertState;

/// Shown where an alert names no channel.
const OWN: &str = "rootline";
/// Shown as configuration, which is not in Alertmanager's form here.
const CONFIG: &str = "route:\n  receiver: rootline\nreceivers:\n- name: rootline\n";

/// Answers as Alertmanager gives them: errors are a JSON string.
type Answer = Result<Response, (StatusCode, Json<String>)>;

fn refused(problem: Problem) -> (StatusCode, Json<String>) {
    (problem.status(), Json(problem.detail().to_owned()))
}

fn wrong(text: impl Into<String>) -> (StatusCode, Json<String>) {
    (StatusCode::BAD_REQUEST, Json(text.into()))
}

/// `?filter=…&filter=…&active=false`
#[derive(Default)]
struct Asked(Vec<(String, String)>);

impl Asked {
    fn of(query: Option<String>) -> Asked {
        let pairs = query.unwrap_or_default();
        Asked(
            pairs
                .split('&')
                .filter(|p| !p.is_empty())
                .map(|p| p.split_once('=').unwrap_or((p, "")))
                .map(|(n, v)| (decoded(n), decoded(v)))
                .collect(),
        )
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let bracketed = format!("{name}[]");
        self.0.iter().filter(move |(n, _)| n == name || *n == bracketed).map(|(_, v)| v.as_str())
    }

    fn flag(&self, name: &str) -> Result<bool, (StatusCode, Json<String>)> {
        match self.all(name).last() {
            None | Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(wrong(format!("{name}: {other:?} is neither true nor false"))),
        }
    }

    fn matchers(&self, name: &str) -> Result<Vec<Matcher>, (StatusCode, Json<String>)> {
        let mut found = Vec::new();
        for text in self.all(name) {
            found.extend(Matcher::parse_list(text).map_err(wrong)?);
        }
        Ok(found)
    }
}

/// `%22a+b%22` → `"a b"`
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let digit = |c: u8| (c as char).to_digit(16);
        match (first, more) {
            (b'%', [a, b, after @ ..]) if digit(*a).is_some() && digit(*b).is_some() => {
                let value = digit(*a).unwrap_or(0) * 16 + digit(*b).unwrap_or(0);
                out.extend(u8::try_from(value));
                rest = after;
            }
            (b'+', _) => {
                out.push(b' ');
                rest = more;
            }
            (c, _) => {
                out.push(*c);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

pub async fn status(State(shared): State<Arc<Shared>>) -> Answer {
    let status = shared.backend.status().await.map_err(|e| refused(e.into()))?;
    Ok(Json(am2::Status::of(status, CONFIG)).into_response())
}

pub async fn receivers(State(shared): State<Arc<Shared>>) -> Answer {
    let alerts = shared.backend.alerts().await.map_err(|e| refused(e.into()))?;
    let names: BTreeSet<String> =
        alerts.into_iter().flat_map(|a| a.receivers).chain(std::iter::once(OWN.to_owned())).collect();
    Ok(Json(names.into_iter().map(|name| am2::Receiver { name }).collect::<Vec<_>>()).into_response())
}

/// Filters of `/alerts` and `/alerts/groups`; what is not asked away stays.
async fn found(shared: &Shared, asked: &Asked) -> Result<Vec<AlertState>, (StatusCode, Json<String>)> {
    let matchers = asked.matchers("filter")?;
    let of_receivers = asked.matchers("receiver_matchers")?;
    let receiver = asked.all("receiver").last().map(anchored).transpose().map_err(wrong)?;
    let (active, silenced, inhibited) = (asked.flag("active")?, asked.flag("silenced")?, asked.flag("inhibited")?);
    // Nothing is ever unprocessed or muted by time here.
    let (_, _) = (asked.flag("unprocessed")?, asked.flag("muted")?);
    let now = shared.backend.now();
    let mut alerts = shared.backend.alerts().await.map_err(|e| refused(e.into()))?;
    for alert in &mut alerts {
        if alert.receivers.is_empty() {
            alert.receivers.push(OWN.to_owned());
        }
    }
    alerts.retain(|a| {
        let muted = !a.silenced_by.is_empty() || !a.inhibited_by.is_empty();
        a.alert.is_firing(now)
            && (active || muted)
            && (silenced || a.silenced_by.is_empty())
            && (inhibited || a.inhibited_by.is_empty())
            && matches_all(&matchers, a.labels())
            && receiver.as_ref().is_none_or(|r| a.receivers.iter().any(|name| r.is_match(name)))
            && (of_receivers.is_empty()
                || a.receivers.iter().any(|name| of_receivers.iter().all(|m| m.is_match_value(name))))
    });
    alerts.sort_by_cached_key(|a| a.alert.fingerprint());
    Ok(alerts)
}

pub async fn alerts(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Answer {
    let now = shared.backend.now();
    let alerts = found(&shared, &Asked::of(query)).await?;
    Ok(Json(alerts.into_iter().map(|a| am2::Alert::of(a, now)).collect::<Vec<_>>()).into_response())
}

/// A group is an incident; alerts of no incident are grouped by name.
pub async fn groups(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Answer {
    let now = shared.backend.now();
    let mut groups: BTreeMap<(LabelSet, String), Vec<am2::Alert>> = BTreeMap::new();
    for alert in found(&shared, &Asked::of(query)).await? {
        let labels: LabelSet = match alert.incident {
            Some(id) => [("rootline_incident", id.to_string())].into_iter().collect(),
            None => [("alertname", alert.alert.name().to_owned())].into_iter().collect(),
        };
        for receiver in &alert.receivers {
            let group = groups.entry((labels.clone(), receiver.clone())).or_default();
            group.push(am2::Alert::of(alert.clone(), now));
        }
    }
    let groups: Vec<am2::Group> = groups
        .into_iter()
        .map(|((labels, receiver), alerts)| am2::Group {
            labels,
            route_labels: LabelSet::default(),
            receiver: am2::Receiver { name: receiver },
            alerts,
        })
        .collect();
    Ok(Json(groups).into_response())
}

/// Active first, those that end first before others; then pending, then expired.
pub async fn silences(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::of(query);
    let filters = asked.matchers("filter")?;
    let (active, pending, expired) = (asked.flag("active")?, asked.flag("pending")?, asked.flag("expired")?);
    let now = shared.backend.now();
    let mut silences = shared.backend.silences().await.map_err(|e| refused(e.into()))?;
    silences.retain(|s| {
        let wanted = match s.state(now) {
            "active" => active,
            "pending" => pending,
            _ => expired,
        };
        let labels: LabelSet = s.matchers.iter().map(|m| (m.name(), m.value())).collect();
        wanted && matches_all(&filters, &labels)
    });
    let rank = |state: &str| ["active", "pending", "expired"].iter().position(|s| *s == state);
    silences.sort_by(|a, b| {
        let (ra, rb) = (rank(a.state(now)), rank(b.state(now)));
        let ends = if ra == Some(2) { b.ends_at.cmp(&a.ends_at) } else { a.ends_at.cmp(&b.ends_at) };
        ra.cmp(&rb).then(ends).then_with(|| a.id.cmp(&b.id))
    });
    Ok(Json(silences.into_iter().map(|s| am2::Silence::of(s, now)).collect::<Vec<_>>()).into_response())
}

pub async fn silence(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let now = shared.backend.now();
    let silences = shared.backend.silences().await.map_err(|e| refused(e.into()))?;
    match silences.into_iter().find(|s| s.id == id) {
        Some(silence) => Ok(Json(am2::Silence::of(silence, now)).into_response()),
        None => Err((StatusCode::NOT_FOUND, Json(format!("silence {id} not found")))),
    }
}

pub async fn set(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Answer {
    let posted: am2::Posted = written(&headers, body).await.map_err(refused)?;
    let now = shared.backend.now();
    let silence = posted.silence(now).map_err(wrong)?;
    more::check(&silence, now).map_err(refused)?;
    let id = shared.backend.silence_set(silence).await.map_err(|e| refused(e.into()))?;
    Ok(Json(am2::Posed { silence_id: id }).into_response())
}

pub async fn expire(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    shared.backend.silence_expire(id).await.map_err(|e| refused(e.into()))?;
    Ok(StatusCode::OK.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let asked = Asked::of(Some("filter=a%3D%22x+y%22&filter[]=b%3d1&active=false&x=%zz".into()));
        assert_eq!(asked.all("filter").collect::<Vec<_>>(), ["a=\"x y\"", "b=1"]);
        assert_eq!(asked.flag("active").ok(), Some(false));
        assert_eq!(asked.flag("silenced").ok(), Some(true));
        assert_eq!(asked.all("x").collect::<Vec<_>>(), ["%zz"]);
    }
}
