//! Incidents: list, one, what people do to them, and what hangs on them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use rootline_model::{LiveIncident, Severity, Stage};
use serde::Deserialize;

use super::{Asked, number, paging, written};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::server::Shared;
use crate::wire::v1;
use crate::words::{Action, IncidentQuery};

/// Characters of a note.
const NOTE_MAX: usize = 4000;

#[derive(Debug, Default, Deserialize)]
pub struct Filter {
    stage: Option<Stage>,
    severity: Option<Severity>,
    namespace: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn list(State(shared): State<Arc<Shared>>, Asked(filter): Asked<Filter>) -> Result<Response, Problem> {
    let query = IncidentQuery {
        stage: filter.stage,
        severity: filter.severity,
        namespace: filter.namespace.filter(|n| !n.is_empty()),
        text: filter.q.filter(|q| !q.is_empty()),
        paging: paging(filter.limit, filter.cursor)?,
    };
    let page = shared.backend.incidents(query).await?;
    let items: Vec<v1::Summary> =
        page.items.iter().map(|i| v1::Summary::of(i, shared.backend.maintenance(i))).collect();
    Ok(Json(v1::List { items, next: page.next }).into_response())
}

pub async fn one(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let incident = shared.backend.incident(number(&id)?).await?;
    let maintenance = shared.backend.maintenance(&incident);
    let tag = match &maintenance {
        // the window comes and goes without the incident changing
        Some(_) => format!("\"{}.m\"", incident.key()),
        None => tag(&incident),
    };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|list| {
        list.split(',').map(str::trim).any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag)
    });
    if known {
        return Ok((http::StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok(([(header::ETAG, tag)], Json(v1::Incident::of(incident, maintenance))).into_response())
}

fn tag(incident: &LiveIncident) -> String {
    format!("\"{}\"", incident.key())
}

pub async fn ack(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    act(&shared, &id, Action::Ack, caller).await
}

pub async fn unack(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    act(&shared, &id, Action::Unack, caller).await
}

pub async fn resolve(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    act(&shared, &id, Action::Resolve, caller).await
}

pub async fn note(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let note: v1::Note = written(&headers, body).await?;
    let text = note.text.trim();
    if text.is_empty() || text.chars().count() > NOTE_MAX {
        return Err(Problem::invalid(format!("a note has 1 to {NOTE_MAX} characters")));
    }
    act(&shared, &id, Action::Note(text.to_owned()), caller).await
}

async fn act(shared: &Shared, id: &str, action: Action, caller: Caller) -> Result<Response, Problem> {
    let incident = shared.backend.act(number(id)?, action, caller.name).await?;
    let maintenance = shared.backend.maintenance(&incident);
    Ok(([(header::ETAG, tag(&incident))], Json(v1::Incident::of(incident, maintenance))).into_response())
}

pub async fn charts(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let charts = shared.backend.charts(number(&id)?).await?;
    let items: Vec<v1::Chart> = charts.into_iter().map(v1::Chart::from).collect();
    Ok(Json(v1::List { items, next: None }).into_response())
}

/// The archive as it is made; an error on the way cuts the answer off, so that nobody takes half of it for all.
pub async fn record(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let recording = shared.backend.record(number(&id)?).await?;
    let name: String =
        recording.name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let named = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let mut response = Response::new(Body::from_stream(recording.bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, named);
    Ok(response)
}
