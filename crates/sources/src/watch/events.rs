//! Events as records that outlive the API server's hour, each repetition told once, and the shape in which EventRouter
//! forwards them.

use std::collections::{HashMap, VecDeque};

use rootline_model::{EntityRef, EventRecord, Kind, Timestamp};
use rootline_objects::Event;
use serde_json::{Value, json};

/// Events remembered for their repetitions; the oldest are forgotten first, and would be told once more.
const REMEMBERED: usize = 50_000;

/// What was already told: the same event comes through both APIs, again in every reading, and with a count that grows.
#[derive(Debug, Default)]
pub struct EventBook {
    told: HashMap<Box<str>, (u32, Timestamp)>,
    order: VecDeque<Box<str>>,
}

impl EventBook {
    /// Remembers what a store already holds, so that it is not told again after a start.
    pub fn remember(&mut self, record: &EventRecord) {
        self.note(&record.uid, record.count, record.last_at);
    }

    /// The record of an event if there is news in it; `fresh` is how many times it happened since it was told last.
    pub fn take(&mut self, event: &Event, now: Timestamp) -> Option<EventRecord> {
        let mut record = event_record(event, now);
        record.fresh = match self.told.get(record.uid.as_str()) {
            None => record.count,
            Some((count, last)) if *count == record.count && *last >= record.last_at => return None,
            // an event object that was made anew under the same uid, or a late copy of an earlier state
            Some((count, last)) if record.count < *count && record.last_at <= *last => return None,
            Some((count, _)) => record.count.saturating_sub(*count).max(1),
        };
        self.note(&record.uid, record.count, record.last_at);
        Some(record)
    }

    fn note(&mut self, uid: &str, count: u32, last: Timestamp) {
        if self.told.insert(uid.into(), (count, last)).is_some() {
            return;
        }
        self.order.push_back(uid.into());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
    }
}

/// One event as a record; `now` stands in where it has no time at all.
pub fn event_record(event: &Event, now: Timestamp) -> EventRecord {
    let about = &event.involved_object;
    let place = if about.namespace.is_empty() { "" } else { "/" };
    let identity = if event.metadata.uid.is_empty() {
        // pushed by others without one: what it is about, why, and who says so
        format!("{}|{}|{}|{}|{}", about.uid, about.name, event.reason, event.component(), event.message)
    } else {
        event.metadata.uid.clone()
    };
    EventRecord {
        uid: identity,
        namespace: event.metadata.namespace.clone(),
        name: event.metadata.name.clone(),
        entity: entity(event),
        about: format!("{} {}{place}{}", about.kind, about.namespace, about.name),
        about_uid: about.uid.clone(),
        warning: event.is_warning(),
        reason: event.reason.clone(),
        message: event.message.clone(),
        component: event.component().to_owned(),
        host: event.source.host.clone(),
        first_at: event.first_seen().0.unwrap_or(now),
        last_at: event.last_seen().0.unwrap_or(now),
        count: event.times(),
        fresh: event.times(),
    }
}

/// The thing it is about; a container where the field path names one: `spec.containers{app}`.
fn entity(event: &Event) -> Option<EntityRef> {
    let about = &event.involved_object;
    let kind = Kind::parse(&about.kind)?;
    let container = about.field_path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}'));
    Some(match (kind, container) {
        (Kind::Pod, Some(container)) => EntityRef::container(&about.namespace, &about.name, container),
        _ => EntityRef::new(kind, &about.namespace, &about.name),
    })
}

/// As EventRouter writes it to Kafka and Elasticsearch: `{"verb":"ADDED","event":{…core/v1 Event…}}`, `UPDATED` for a
/// repetition. Source: heptiolabs/eventrouter `sinks/eventdata.go`.
pub fn event_router(record: &EventRecord) -> Value {
    let (kind, rest) = record.about.split_once(' ').unwrap_or((record.about.as_str(), ""));
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    let container = record.entity.as_ref().and_then(|e| e.part.as_deref()).map(|c| format!("spec.containers{{{c}}}"));
    let seconds = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "verb": if record.fresh < record.count { "UPDATED" } else { "ADDED" },
        "event": {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": record.name,
                "namespace": record.namespace,
                "uid": record.uid,
                "creationTimestamp": seconds(record.first_at),
            },
            "involvedObject": {
                "kind": kind,
                "namespace": namespace,
                "name": name,
                "uid": record.about_uid,
                "fieldPath": container.unwrap_or_default(),
            },
            "reason": record.reason,
            "message": record.message,
            "source": { "component": record.component, "host": record.host },
            "firstTimestamp": seconds(record.first_at),
            "lastTimestamp": seconds(record.last_at),
            "count": record.count,
            "type": if record.warning { "Warning" } else { "Normal" },
            "eventTime": null,
            "reportingComponent": record.component,
            "reportingInstance": record.host,
        },
    })
}

/// The same of an event that grew from `was` times, the last of them at `was_last`; with `old_event`, as EventRouter has it
/// for an update. 0 times: it is new.
pub fn event_router_after(record: &EventRecord, was: u32, was_last: Timestamp) -> Value {
    let fresh = if was == 0 { record.count } else { record.count.saturating_sub(was) };
    let mut routed = event_router(&EventRecord { fresh, ..record.clone() });
    if was > 0 {
        let old = event_router(&EventRecord { count: was, last_at: was_last, fresh: was, ..record.clone() });
        routed["verb"] = json!("UPDATED");
        routed["old_event"] = old["event"].clone();
    }
    routed
}

#[cfg(test)]
mod tests {
    use rootline_objects::Object;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn event(json: &str) -> Event {
        match Object::from_json("Event", json) {
            Some(Ok(Object::Event(event))) => *event,
            other => panic!("{other:?}"),
        }
    }

    fn core(count: u32, last: &str) -> Event {
        event(&format!(
            r#"{{"metadata":{{"name":"cart-1.17","namespace":"shop","uid":"e1"}},"type":"Warning","reason":"BackOff","message":"Back-off",
            "involvedObject":{{"kind":"Pod","namespace":"shop","name":"cart-1","uid":"p1","fieldPath":"spec.containers{{app}}"}},
            "source":{{"component":"kubelet","host":"w1"}},"count":{count},"firstTimestamp":"2026-01-02T03:00:00Z","lastTimestamp":"{last}"}}"#
        ))
    }

    #[test]
    fn a_repetition_is_told_once_with_what_is_new_in_it() {
        let mut book = EventBook::default();
        let first = book.take(&core(3, "2026-01-02T03:04:05Z"), NOW).expect("new");
        assert_eq!((first.count, first.fresh, first.warning), (3, 3, true));
        assert_eq!(first.entity, Some(EntityRef::container("shop", "cart-1", "app")));
        assert_eq!(book.take(&core(3, "2026-01-02T03:04:05Z"), NOW), None, "a new reading of the same");
        assert_eq!(book.take(&core(5, "2026-01-02T03:05:05Z"), NOW).map(|r| r.fresh), Some(2));
        assert_eq!(book.take(&core(4, "2026-01-02T03:04:45Z"), NOW), None, "a late copy");
        let mut later = EventBook::default();
        later.remember(&first);
        assert_eq!(later.take(&core(4, "2026-01-02T03:04:45Z"), NOW).map(|r| r.fresh), Some(1));
    }

    #[test]
    fn both_apis_and_series_are_one_event() {
        let mut book = EventBook::default();
        let series = |n: u32| {
            event(&format!(
                r#"{{"metadata":{{"name":"x","namespace":"shop","uid":"e2"}},"type":"Warning","reason":"FailedScheduling","note":"0/3",
                "regarding":{{"kind":"Pod","namespace":"shop","name":"cart-1"}},"reportingController":"default-scheduler",
                "eventTime":"2026-01-02T03:00:00.123456Z","series":{{"count":{n},"lastObservedTime":"2026-01-02T03:0{n}:00.000000Z"}}}}"#
            ))
        };
        assert_eq!(book.take(&series(2), NOW).map(|r| (r.count, r.component)), Some((2, "default-scheduler".into())));
        let through_core = r#"{"metadata":{"name":"x","namespace":"shop","uid":"e2"},"type":"Warning","reason":"FailedScheduling","message":"0/3",
            "involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1"},"reportingComponent":"default-scheduler","count":null,
            "firstTimestamp":null,"lastTimestamp":null,"eventTime":"2026-01-02T03:00:00.123456Z","series":{"count":2,"lastObservedTime":"2026-01-02T03:02:00.000000Z"}}"#;
        assert_eq!(book.take(&event(through_core), NOW), None);
        assert_eq!(book.take(&series(4), NOW).map(|r| r.fresh), Some(2));
    }

    #[test]
    fn events_are_forwarded_in_the_shape_of_event_router() {
        let mut book = EventBook::default();
        let first = book.take(&core(1, "2026-01-02T03:00:00Z"), NOW).expect("new");
        let json = event_router(&first);
        assert_eq!(json["verb"], "ADDED");
        assert_eq!(json["event"]["involvedObject"]["name"], "cart-1");
        assert_eq!(json["event"]["involvedObject"]["fieldPath"], "spec.containers{app}");
        assert_eq!(json["event"]["source"]["host"], "w1");
        assert_eq!(json["event"]["lastTimestamp"], "2026-01-02T03:00:00Z");
        // read back by the same reader as the API server's own
        assert_eq!(event_record(&event(&json["event"].to_string()), NOW), first);
        let again = book.take(&core(2, "2026-01-02T03:01:00Z"), NOW).expect("repeated");
        assert_eq!(event_router(&again)["verb"], "UPDATED");
        assert_eq!(event_router_after(&first, 0, NOW), json);
        let grown = event_router_after(&again, first.count, first.last_at);
        assert_eq!((&grown["verb"], &grown["event"]["count"]), (&json!("UPDATED"), &json!(2)));
        assert_eq!(grown["old_event"], json["event"]);
    }
}
