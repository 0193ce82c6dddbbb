//! Routes that answer, one file per subject.

pub mod alertmanager;
pub mod incidents;
pub mod more;
pub mod own;

use axum::body::Body;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, unreadable};
use crate::words::Paging;

/// Items of a page where the caller does not say, and the most of one.
const PAGE: usize = 50;
const PAGE_MAX: usize = 500;
/// Bytes of a body that a person wrote.
const BODY_MAX: usize = 256 << 10;

/// The query, or a problem that names what is wrong with it.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(asked)| Asked(asked)).map_err(|e| Problem::invalid(e.body_text()))
    }
}

/// A small JSON body. Only as `application/json`, which no other site's page can send unasked.
async fn written<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let detail = format!("content type {kind:?}, want application/json");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let bytes = axum::body::to_bytes(body, BODY_MAX).await.map_err(|e| Problem::from(unreadable(&e, BODY_MAX)))?;
    serde_json::from_slice(&bytes).map_err(|e| Problem::invalid(format!("the body: {e}")))
}

fn number(id: &str) -> Result<u64, Problem> {
    id.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, format!("no such id: {id}; ids are numbers")))
}

fn paging(limit: Option<usize>, cursor: Option<String>) -> Result<Paging, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("limit is 1 to {PAGE_MAX}, not {limit}")));
    }
    Ok(Paging { limit, after: cursor.filter(|c| !c.is_empty()) })
}
