//! Routes on which other programs push.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use rootline_model::{Alert, LabelSet};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::intake::{Refusal, Why};
use crate::problem::{Problem, unreadable};
use crate::server::{Options, Shared};

/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(1);
/// Room is counted in these bytes.
const UNIT: usize = 1024;

/// An alert counts as resolved if nobody repeats it for so long and it did not say an end (Alertmanager's `resolve_timeout`).
const RESOLVE_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

/// What all receivers share: room for bodies.
pub struct Receivers {
    room: Arc<Semaphore>,
    room_units: u32,
}

impl Receivers {
    pub fn new(options: &Options) -> Receivers {
        let units = u32::try_from(options.pushed_bytes_max / UNIT).unwrap_or(u32::MAX).max(1);
        Receivers { room: Arc::new(Semaphore::new(units as usize)), room_units: units }
    }

    /// Room for a body of so many bytes, or, unknown, for the largest.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.room_units);
        let waited = tokio::time::timeout(PATIENCE, self.room.clone().acquire_many_owned(units)).await;
        match waited {
            Ok(Ok(room)) => Ok(room),
            _ => Err(Refusal::later(Why::Full, "too much is being pushed at once")),
        }
    }
}

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

pub async fn alerts(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    match accept(&shared, &headers, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => {
            shared.telemetry.refused("alerts", refusal.why);
            Problem::from(refusal).into_response()
        }
    }
}

async fn accept(shared: &Shared, headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    let limit = shared.options.body_max;
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    let _room = shared.receivers.room(declared.unwrap_or(limit).min(limit)).await?;
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|e| unreadable(&e, limit))?;
    let posted: Vec<Posted> =
        serde_json::from_slice(&bytes).map_err(|e| Refusal::malformed(format!("not a list of alerts: {e}")))?;
    let now = shared.intake.now();
    let alerts: Vec<Alert> = posted.into_iter().map(|p| alert(p, now)).collect();
    let count = alerts.len();
    shared.intake.alerts(alerts).await?;
    shared.telemetry.accepted("alerts", count, bytes.len());
    Ok(())
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
