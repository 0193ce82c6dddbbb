//! A few instant queries to a Prometheus server: what fires, and which volumes are nearly full.

use rootline_model::{Gap, GapKind};
use rootline_objects::Signal;

use super::error::LiveError;
use super::list::percent;
use super::options::LiveOptions;
use super::session::Session;
use crate::gaps::gap;
use crate::prometheus;

/// Name in a recording, and what is asked. A comparison keeps the metric's name; only what is nearly full is sent.
const QUERIES: [(&str, &str); 4] = [
    ("volume-space-free", "kubelet_volume_stats_available_bytes < 0.15 * kubelet_volume_stats_capacity_bytes"),
    (
        "volume-space",
        "kubelet_volume_stats_capacity_bytes and (kubelet_volume_stats_available_bytes < 0.15 * kubelet_volume_stats_capacity_bytes)",
    ),
    ("volume-inodes-free", "kubelet_volume_stats_inodes_free < 0.15 * kubelet_volume_stats_inodes"),
    (
        "volume-inodes",
        "kubelet_volume_stats_inodes and (kubelet_volume_stats_inodes_free < 0.15 * kubelet_volume_stats_inodes)",
    ),
];

/// What Prometheus said, and its answers as they came, by name.
#[derive(Debug, Default)]
pub struct Metrics {
    pub signals: Vec<Signal>,
    pub answers: Vec<(&'static str, String)>,
}

/// Asks a Prometheus server. One that cannot be asked is a gap of the answer, not its end.
///
/// # Errors
/// An address that is none.
pub async fn read_prometheus(url: &str, options: &LiveOptions) -> Result<Metrics, LiveError> {
    let wrong = |detail: String| LiveError::Unreachable { server: url.to_owned(), detail };
    let address = url.trim_end_matches('/').parse().map_err(|e: http::uri::InvalidUri| wrong(e.to_string()))?;
    let session = Session::to(kube::Config::new(address), options)?;
    let mut metrics = Metrics::default();
    let alerts = ("alerts", "/api/v1/alerts".to_owned());
    let queries = QUERIES.iter().map(|(name, query)| (*name, format!("/api/v1/query?query={}", percent(query))));
    for (name, path) in std::iter::once(alerts).chain(queries) {
        match ask(&session, &path).await {
            Ok((signals, body)) => {
                metrics.signals.extend(signals);
                metrics.answers.push((name, body));
            }
            Err(detail) => {
                metrics.signals.push(Signal::Gap(missing(url, &detail)));
                break;
            }
        }
    }
    Ok(metrics)
}

async fn ask(session: &Session, path: &str) -> Result<(Vec<Signal>, String), String> {
    let answer = session.get(path, "application/json").await.map_err(|e| e.describe())?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    match prometheus::signals(&body) {
        Ok(signals) => Ok((signals, body)),
        Err(_) if !answer.status.is_success() => Err(answer.message()),
        Err(detail) => Err(detail),
    }
}

fn missing(url: &str, detail: &str) -> Gap {
    gap(GapKind::Absent, format!("metrics of {url}"), "gap.metrics", &[("detail", detail)])
}
