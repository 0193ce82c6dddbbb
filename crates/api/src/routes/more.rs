//! Alerts, silences, events, changes and letters that were given up.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Asked, number, paging, written};
use crate::auth::Caller;
use crate::matcher::{Matcher, matches_all};
use crate::problem::Problem;
use crate::server::Shared;
use crate::wire::v1;
use crate::words::{ChangeQuery, EventQuery, Silence};

#[derive(Debug, Default, Deserialize)]
pub struct AlertFilter {
    /// `namespace="shop",severity=~"critical|error"`
    matchers: Option<String>,
    firing: Option<bool>,
    incident: Option<u64>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn alerts(State(shared): State<Arc<Shared>>, Asked(filter): Asked<AlertFilter>) -> Result<Response, Problem> {
    let matchers = match filter.matchers.as_deref() {
        None | Some("") => Vec::new(),
        Some(text) => Matcher::parse_list(text).map_err(Problem::invalid)?,
    };
    let paging = paging(filter.limit, filter.cursor)?;
    let after = match paging.after.as_deref() {
        None => None,
        Some(text) => {
            Some(u64::from_str_radix(text, 16).map_err(|_| Problem::invalid(format!("no such cursor: {text}")))?)
        }
    };
    let now = shared.backend.now();
    let mut alerts = shared.backend.alerts().await?;
    alerts.retain(|a| {
        matches_all(&matchers, a.labels())
            && filter.firing.is_none_or(|f| a.alert.is_firing(now) == f)
            && filter.incident.is_none_or(|i| a.incident == Some(i))
            && after.is_none_or(|after| a.alert.fingerprint().0 > after)
    });
    alerts.sort_by_cached_key(|a| a.alert.fingerprint());
    let more = alerts.len() > paging.limit;
    alerts.truncate(paging.limit);
    let items: Vec<v1::Alert> = alerts.into_iter().map(|a| v1::Alert::of(a, now)).collect();
    let next = items.last().filter(|_| more).map(|a| a.fingerprint.clone());
    Ok(Json(v1::List { items, next }).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub struct PairFilter {
    /// Pairs with this name, on either side.
    name: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Which names of alerts go together: what an alert without a place is folded by. The cursor is a place in the list.
pub async fn pairs(State(shared): State<Arc<Shared>>, Asked(filter): Asked<PairFilter>) -> Result<Response, Problem> {
    let paging = paging(filter.limit, filter.cursor)?;
    let from: usize = match paging.after.as_deref() {
        None => 0,
        Some(text) => text.parse().map_err(|_| Problem::invalid(format!("no such cursor: {text}")))?,
    };
    let mut pairs = shared.backend.pairs().await?;
    let name = filter.name.filter(|n| !n.is_empty());
    pairs.retain(|p| name.as_ref().is_none_or(|n| p.name == *n || p.beside == *n));
    let end = from.saturating_add(paging.limit);
    let next = (end < pairs.len()).then(|| end.to_string());
    let items: Vec<v1::Pair> = pairs.into_iter().skip(from).take(paging.limit).map(v1::Pair::from).collect();
    Ok(Json(v1::List { items, next }).into_response())
}

pub async fn silences(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let now = shared.backend.now();
    let mut silences = shared.backend.silences().await?;
    silences.sort_by(|a, b| (b.starts_at, &b.id).cmp(&(a.starts_at, &a.id)));
    let items: Vec<v1::Silence> = silences.into_iter().map(|s| v1::Silence::of(s, now)).collect();
    Ok(Json(v1::List { items, next: None }).into_response())
}

pub async fn silence(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let asked: v1::NewSilence = written(&headers, body).await?;
    let now = shared.backend.now();
    let matchers: Result<Vec<Matcher>, String> = asked.matchers.iter().map(|m| Matcher::parse(m)).collect();
    let silence = Silence {
        id: String::new(),
        matchers: matchers.map_err(Problem::invalid)?,
        starts_at: asked.starts_at.unwrap_or(now),
        ends_at: asked.ends_at,
        updated_at: now,
        created_by: caller.name,
        comment: asked.comment,
    };
    check(&silence, now)?;
    let id = shared.backend.silence_set(silence).await?;
    Ok((StatusCode::CREATED, Json(v1::Id { id })).into_response())
}

/// What Alertmanager refuses too: no matcher, all matchers matching the empty value, an end before the start or now.
pub fn check(silence: &Silence, now: Timestamp) -> Result<(), Problem> {
    if silence.matchers.is_empty() {
        return Err(Problem::invalid("at least one matcher is needed"));
    }
    if silence.matchers.iter().all(|m| m.is_match_value("")) {
        return Err(Problem::invalid("at least one matcher must not match the empty value"));
    }
    if silence.starts_at >= silence.ends_at {
        return Err(Problem::invalid("the start must be before the end"));
    }
    if silence.ends_at <= now {
        return Err(Problem::invalid("the end is in the past"));
    }
    Ok(())
}

pub async fn expire(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, Problem> {
    shared.backend.silence_expire(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Debug, Default, Deserialize)]
pub struct RowFilter {
    namespace: Option<String>,
    entity: Option<String>,
    reason: Option<String>,
    q: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn events(State(shared): State<Arc<Shared>>, Asked(filter): Asked<RowFilter>) -> Result<Response, Problem> {
    let query = EventQuery {
        namespace: filter.namespace,
        entity: filter.entity,
        reason: filter.reason,
        text: filter.q.filter(|q| !q.is_empty()),
        since: filter.since,
        until: filter.until,
        paging: paging(filter.limit, filter.cursor)?,
    };
    let page = shared.backend.events(query).await?;
    let items: Vec<v1::Event> = page.items.into_iter().map(v1::Event::from).collect();
    Ok(Json(v1::List { items, next: page.next }).into_response())
}

pub async fn changes(State(shared): State<Arc<Shared>>, Asked(filter): Asked<RowFilter>) -> Result<Response, Problem> {
    let query = ChangeQuery {
        namespace: filter.namespace,
        entity: filter.entity,
        since: filter.since,
        until: filter.until,
        paging: paging(filter.limit, filter.cursor)?,
    };
    let page = shared.backend.changes(query).await?;
    let items: Vec<v1::Change> = page.items.into_iter().map(v1::Change::from).collect();
    Ok(Json(v1::List { items, next: page.next }).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub struct Pages {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn dead_letters(State(shared): State<Arc<Shared>>, Asked(asked): Asked<Pages>) -> Result<Response, Problem> {
    let page = shared.backend.dead_letters(paging(asked.limit, asked.cursor)?).await?;
    let items: Vec<v1::DeadLetter> = page.items.into_iter().map(v1::DeadLetter::from).collect();
    Ok(Json(v1::List { items, next: page.next }).into_response())
}

pub async fn retry(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, Problem> {
    shared.backend.dead_letter_retry(number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
