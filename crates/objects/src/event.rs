//! Events of core/v1 and events.k8s.io/v1: the same objects under two spellings.

use crate::meta::{Meta, ObjectRef};
use crate::unit::Time;

lite! {
    Event {
        metadata: Meta,
        #[serde(rename = "type")]
        kind: String,
        reason: String,
        #[serde(alias = "note")]
        message: String,
        #[serde(alias = "regarding")]
        involved_object: ObjectRef,
        related: Option<ObjectRef>,
        #[serde(alias = "deprecatedCount")]
        count: Option<i64>,
        series: Option<EventSeries>,
        #[serde(alias = "deprecatedFirstTimestamp")]
        first_timestamp: Time,
        #[serde(alias = "deprecatedLastTimestamp")]
        last_timestamp: Time,
        event_time: Time,
        #[serde(alias = "reportingController")]
        reporting_component: String,
        #[serde(alias = "deprecatedSource")]
        source: EventSource,
    }
    EventSeries { count: i64, last_observed_time: Time }
    EventSource { component: String, host: String }
}

named!(Event);

impl Event {
    /// How often it was seen. Scheduler events leave `count` empty and use `series`.
    pub fn times(&self) -> u32 {
        let n = self.series.as_ref().map(|s| s.count).or(self.count).unwrap_or(1);
        u32::try_from(n.max(1)).unwrap_or(u32::MAX)
    }

    pub fn first_seen(&self) -> Time {
        [self.first_timestamp, self.event_time, self.metadata.creation_timestamp]
            .into_iter()
            .find(|t| t.0.is_some())
            .unwrap_or_default()
    }

    pub fn last_seen(&self) -> Time {
        let series = self.series.as_ref().map(|s| s.last_observed_time).unwrap_or_default();
        [series, self.last_timestamp, self.event_time, self.metadata.creation_timestamp]
            .into_iter()
            .find(|t| t.0.is_some())
            .unwrap_or_default()
    }

    pub fn is_warning(&self) -> bool {
        self.kind == "Warning"
    }

    pub fn component(&self) -> &str {
        if self.source.component.is_empty() { &self.reporting_component } else { &self.source.component }
    }
}
