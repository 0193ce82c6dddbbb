//! The domain's words as rows of the store.

use jiff::Timestamp;
use rootline_engine::{SeriesChange, SeriesChangeKind};
use rootline_model::{Change, ChangeKind, EventRecord, Fingerprint, LiveIncident, Origin};
use rootline_objects::Object;
use rootline_store::{Deed, KeptEvent};
use serde_json::Value;

use crate::input::Act;

/// Which incident each alert belongs to.
pub fn memberships(incident: &LiveIncident) -> Vec<(Fingerprint, Option<u64>)> {
    let alerts = incident.members.iter().filter(|m| m.origin == Origin::Alert);
    alerts.map(|m| (m.alert.fingerprint(), Some(incident.id))).collect()
}

pub fn event(event: &EventRecord) -> KeptEvent {
    let (kind, name) = match &event.entity {
        Some(entity) => (entity.kind.word().to_owned(), entity.name.to_string()),
        None => event.about.split_once(' ').map_or_else(
            || (String::new(), event.about.clone()),
            |(kind, name)| (kind.to_lowercase(), name.rsplit('/').next().unwrap_or(name).to_owned()),
        ),
    };
    KeptEvent {
        uid: event.uid.clone(),
        cluster: String::new(),
        namespace: event.namespace.clone(),
        kind,
        name,
        object: event.about_uid.clone(),
        reason: event.reason.clone(),
        r#type: if event.warning { "Warning" } else { "Normal" }.to_owned(),
        source: event.component.clone(),
        note: event.message.clone(),
        count: event.count,
        first: event.first_at,
        last: event.last_at,
        event: event.name.clone(),
        about: event.about.clone(),
        container: event.entity.as_ref().and_then(|e| e.part.as_deref()).unwrap_or_default().to_owned(),
        host: event.host.clone(),
    }
}

pub fn change(change: &Change) -> rootline_store::Change {
    rootline_store::Change {
        at: change.at,
        entity: change.entity.to_string(),
        what: change.what.code().to_owned(),
        from: change.from.clone(),
        to: change.to.clone(),
        actor: String::new(),
    }
}

/// What a change means for what is usual; most changes mean nothing.
pub fn series_change(change: &Change) -> Option<SeriesChange> {
    let kind = match change.what {
        ChangeKind::Restart => SeriesChangeKind::Restart,
        ChangeKind::Scale | ChangeKind::AutoscalerScaled => SeriesChangeKind::Scale,
        ChangeKind::Deleted => SeriesChangeKind::Gone,
        what if what.code().starts_with("rollout") => SeriesChangeKind::Rollout,
        _ => return None,
    };
    Some(SeriesChange { at: change.at, entity: change.entity.clone(), kind })
}

/// An event that was pushed.
pub fn pushed(object: &Object, now: Timestamp) -> Option<EventRecord> {
    match object {
        Object::Event(event) => Some(rootline_sources::watch::event_record(event, now)),
        _ => None,
    }
}

/// For the audit log.
pub fn deed(at: Timestamp, by: &str, act: &Act, incident: u64) -> Deed {
    let (action, detail) = match act {
        Act::Ack => ("incident.ack", Value::Null),
        Act::Unack => ("incident.unack", Value::Null),
        Act::Note(text) => ("incident.note", Value::from(text.as_str())),
        Act::Resolve => ("incident.resolve", Value::Null),
    };
    Deed { at, actor: by.to_owned(), action: action.to_owned(), object: format!("incident/{incident}"), detail }
}
