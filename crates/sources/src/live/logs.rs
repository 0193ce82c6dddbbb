//! Logs of the containers that turned out to be suspicious.

use futures::StreamExt;
use http::StatusCode;
use rootline_model::{Gap, GapKind};
use rootline_objects::{LogWanted, Signal};

use super::list::percent;
use super::session::Session;
use crate::container_log::{Whose, tail};
use crate::gaps::{Gaps, gap};

/// How much of each.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    pub tail_lines: usize,
    pub bytes: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        LogLimits { tail_lines: 400, bytes: 256 << 10 }
    }
}

/// Fetches logs in the order they are wanted. One that does not exist (the container has not started, there was no
/// previous run) is nothing; one that may not be read is a gap.
pub(crate) async fn read(
    session: &Session,
    wanted: &[LogWanted],
    limits: LogLimits,
    concurrency: usize,
) -> Vec<Signal> {
    // owned, so that the future may move between threads (a closure over references is not general enough)
    let each = wanted.iter().cloned().map(|w| one(session, w, limits));
    let mut fetched = futures::stream::iter(each).buffered(concurrency.max(1));
    let mut signals = Vec::new();
    let mut gaps = Gaps::default();
    while let Some(outcome) = fetched.next().await {
        match outcome {
            Ok(log) => signals.extend(log),
            Err(gap) => gaps.push(gap),
        }
    }
    signals.extend(gaps.into_signals());
    signals
}

async fn one(session: &Session, wanted: LogWanted, limits: LogLimits) -> Result<Option<Signal>, Gap> {
    let LogWanted { namespace, pod, container, previous } = &wanted;
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&previous={previous}&tailLines={}&limitBytes={}",
        percent(namespace),
        percent(pod),
        percent(container),
        limits.tail_lines,
        limits.bytes
    );
    let run = if *previous { "previous log" } else { "log" };
    let subject = format!("{run} of {namespace}/{pod}/{container}");
    let failed = |detail: &str| gap(GapKind::Unreadable, subject.as_str(), "gap.log", &[("detail", detail)]);
    let answer = session.get(&path, "*/*").await.map_err(|e| failed(&e.describe()))?;
    match answer.status {
        StatusCode::OK => {
            let text = String::from_utf8_lossy(&answer.body);
            let whose = Whose {
                namespace: namespace.clone(),
                pod: pod.clone(),
                container: container.clone(),
                previous: *previous,
            };
            Ok(tail(whose, &text).map(Signal::Log))
        }
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        StatusCode::FORBIDDEN => {
            let subject = format!("logs in {namespace}");
            Err(gap(GapKind::Forbidden, subject, "gap.forbidden", &[("detail", answer.message().as_str())]))
        }
        _ => Err(failed(&answer.message())),
    }
}
