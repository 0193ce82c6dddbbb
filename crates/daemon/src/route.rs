//! Which channels are told of an incident.

use std::sync::Arc;

use jiff::Timestamp;
use rootline_model::{LiveIncident, Severity};
use rootline_store::NewMessage;
use serde_json::Value;
use tokio::sync::Notify;

/// Channel that keeps Alertmanager's copies up to date.
pub const BACKFILL: &str = "alertmanager";

/// One channel that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub channel: String,
    pub min_severity: Severity,
}

#[derive(Clone, Debug, Default)]
pub struct Routes {
    pub channels: Vec<Route>,
    pub backfill: bool,
    /// Channels that get every version of every incident, such as a topic.
    pub streams: Vec<String>,
    /// One for each courier: there is something to send.
    pub couriers: Vec<Arc<Notify>>,
}

impl Routes {
    /// One message for each channel that wants to know of incidents this bad.
    pub fn messages(&self, now: Timestamp, incident: &LiveIncident) -> Vec<NewMessage> {
        let wanted = self.channels.iter().filter(|c| incident.severity >= c.min_severity);
        wanted.map(|c| message(now, &c.channel, incident)).collect()
    }

    pub fn wake(&self) {
        self.couriers.iter().for_each(|c| c.notify_one());
    }

    pub fn streams(&self, now: Timestamp, incident: &LiveIncident) -> Vec<NewMessage> {
        self.streams.iter().map(|channel| message(now, channel, incident)).collect()
    }

    pub fn backfill(&self, now: Timestamp, incident: &LiveIncident) -> Option<NewMessage> {
        self.backfill.then(|| message(now, BACKFILL, incident))
    }
}

fn message(now: Timestamp, channel: &str, incident: &LiveIncident) -> NewMessage {
    NewMessage {
        key: format!("{}/{channel}", incident.key()),
        channel: channel.to_owned(),
        incident: Some(incident.id),
        version: incident.version,
        body: serde_json::to_value(incident).unwrap_or(Value::Null),
        due: now,
    }
}
