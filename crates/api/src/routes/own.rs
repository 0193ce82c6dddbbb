//! The daemon about itself: status, health, numbers, news, and the description of the API.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;
use crate::server::Shared;
use crate::wire::v1;

/// The description that is in the documents too; a test holds it equal to the routes.
pub const OPENAPI: &str = include_str!("../../../../docs/reference/openapi.json");

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn status(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let status = shared.backend.status().await?;
    Ok(Json(v1::Status::of(status, shared.backend.now(), shared.door.is_on())).into_response())
}

/// Reads the configuration again.
pub async fn reload(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let done = shared.backend.reload().await?;
    Ok(Json(v1::Reloaded::from(done)).into_response())
}

pub async fn stream(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.feed.listen(&headers, shared.stop.clone())
}

pub async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

pub async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let (gauges, now, listeners) = (shared.backend.gauges(), shared.backend.now(), shared.feed.listeners());
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if accept.contains("application/openmetrics-text") {
        return ([(header::CONTENT_TYPE, OPEN_METRICS)], shared.telemetry.open_metrics(&gauges, now, listeners))
            .into_response();
    }
    ([(header::CONTENT_TYPE, TEXT)], shared.telemetry.text(&gauges, now, listeners)).into_response()
}

pub async fn healthy() -> &'static str {
    "OK"
}

pub async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let stopping = *shared.stop.borrow();
    match shared.backend.status().await {
        Ok(status) if status.ready && !stopping => "OK".into_response(),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response(),
        Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, fault.to_string()).into_response(),
    }
}
