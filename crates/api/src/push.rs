//! Routes on which other programs push.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, LabelSet};
use serde::Deserialize;

use crate::intake::Refusal;
use crate::problem::{Problem, unreadable};
use crate::server::Shared;

/// An alert counts as resolved if nobody repeats it for so long and it did not say an end (Alertmanager's `resolve_timeout`).
const RESOLVE_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

/// Alert of `POST /api/v2/alerts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    labels: LabelSet,
    #[serde(default)]
    annotations: LabelSet,
    #[serde(default)]
    starts_at: Option<Timestamp>,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

pub async fn alerts(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    match accept(&shared, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

async fn accept(shared: &Shared, body: Body) -> Result<(), Refusal> {
    let limit = shared.options.body_max;
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|e| unreadable(&e, limit))?;
    let posted: Vec<Posted> =
        serde_json::from_slice(&bytes).map_err(|e| Refusal::malformed(format!("not a list of alerts: {e}")))?;
    let now = shared.intake.now();
    let alerts = posted.into_iter().map(|p| alert(p, now)).collect();
    shared.intake.alerts(alerts).await
}

fn alert(posted: Posted, now: Timestamp) -> Alert {
    let ends_at = posted.ends_at.filter(|t| *t > Timestamp::UNIX_EPOCH);
    let starts_at = posted.starts_at.or(ends_at).unwrap_or(now);
    Alert {
        labels: posted.labels,
        annotations: posted.annotations,
        starts_at,
        ends_at: Some(ends_at.unwrap_or_else(|| now.checked_add(RESOLVE_TIMEOUT).unwrap_or(now))),
        hold_s: None,
        generator_url: posted.generator_url,
    }
}
