//! Events of both API groups, deduplicated and attached to what they speak of.

use rootline_model::{EntityRef, Kind, Timestamp};
use rootline_objects as o;

/// One event with its repetitions folded.
#[derive(Clone, Debug, PartialEq)]
pub struct EventView {
    pub entity: EntityRef,
    pub reason: String,
    pub message: String,
    pub warning: bool,
    pub count: u32,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub component: String,
}

/// The entity an event regards; the container where the field path names one.
pub(crate) fn entity_of(event: &o::Event) -> Option<EntityRef> {
    let about = &event.involved_object;
    let kind = Kind::parse(&about.kind)?;
    let namespaced = !matches!(
        kind,
        Kind::Node | Kind::Pv | Kind::StorageClass | Kind::Namespace | Kind::Webhook | Kind::ApiService
    );
    let namespace = match (namespaced, about.namespace.is_empty()) {
        (false, _) => "",
        (true, false) => &about.namespace,
        (true, true) => event.namespace(),
    };
    let container = about.field_path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}'));
    Some(match (kind, container) {
        (Kind::Pod, Some(container)) => EntityRef::container(namespace, &about.name, container),
        _ => EntityRef::new(kind, namespace, &about.name),
    })
}

/// Folds events that say the same about the same entity; sorted by time, then by content.
pub(crate) fn fold(raw: Vec<o::Event>) -> Vec<EventView> {
    let mut views: Vec<EventView> = raw
        .into_iter()
        .filter_map(|e| {
            Some(EventView {
                entity: entity_of(&e)?,
                warning: e.is_warning(),
                count: e.times(),
                first: e.first_seen().0,
                last: e.last_seen().0,
                component: e.component().to_owned(),
                reason: e.reason,
                message: e.message,
            })
        })
        .collect();
    let key = |e: &EventView| (e.entity.clone(), e.reason.clone(), e.message.clone());
    views.sort_by_cached_key(|e| (key(e), e.first, e.last));
    views.dedup_by(|b, a| {
        let same = a.entity == b.entity && a.reason == b.reason && a.message == b.message;
        if same {
            // one event read twice (both API groups) has equal times; two series of one event do not
            let twice = a.first == b.first && a.last == b.last;
            a.count = if twice { a.count.max(b.count) } else { a.count.saturating_add(b.count) };
            a.first = [a.first, b.first].into_iter().flatten().min();
            a.last = a.last.max(b.last);
            a.warning |= b.warning;
        }
        same
    });
    views.sort_by(|a, b| (a.last, &a.entity, &a.reason, &a.message).cmp(&(b.last, &b.entity, &b.reason, &b.message)));
    views
}
