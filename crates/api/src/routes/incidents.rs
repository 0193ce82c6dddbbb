//! Incidents: list, one, and what people do to them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use rootline_model::{LiveIncident, Severity, Stage};
use serde::Deserialize;

use crate::problem::Problem;
use crate::server::Shared;
use crate::wire::v1;
use crate::words::{IncidentQuery, Paging};

/// Items of a page where the caller does not say, and the most of one.
pub const PAGE: usize = 50;
pub const PAGE_MAX: usize = 500;

#[derive(Debug, Default, Deserialize)]
pub struct Filter {
    stage: Option<Stage>,
    severity: Option<Severity>,
    namespace: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub async fn list(
    State(shared): State<Arc<Shared>>,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(filter) = filter.map_err(|e| Problem::invalid(e.body_text()))?;
    let query = IncidentQuery {
        stage: filter.stage,
        severity: filter.severity,
        namespace: filter.namespace,
        text: filter.q.filter(|q| !q.is_empty()),
        paging: paging(filter.limit, filter.cursor)?,
    };
    let page = shared.backend.incidents(query).await?;
    let items: Vec<v1::Summary> = page.items.iter().map(v1::Summary::from).collect();
    Ok(Json(v1::List { items, next: page.next }).into_response())
}

pub async fn get(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let incident = shared.backend.incident(number(&id)?).await?;
    Ok(tagged(incident, &headers))
}

/// An incident with its version as ETag; 304 for who has it already.
pub fn tagged(incident: LiveIncident, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", incident.key());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|list| {
        list.split(',').any(|t| {
            let t = t.trim();
            t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag
        })
    });
    if known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([(header::ETAG, tag)], Json(v1::Incident::from(incident))).into_response()
}

pub fn number(id: &str) -> Result<u64, Problem> {
    id.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, format!("no such id: {id}; ids are numbers")))
}

pub fn paging(limit: Option<usize>, cursor: Option<String>) -> Result<Paging, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("limit is 1 to {PAGE_MAX}, not {limit}")));
    }
    Ok(Paging { limit, after: cursor.filter(|c| !c.is_empty()) })
}
