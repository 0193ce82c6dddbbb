//! Rows of the store, and what the core learnt, as the API shows them.

use rootline_api::{AlertPair, ChangeRow, EventRow};
use rootline_engine::LearntPair;

pub fn event_row(event: rootline_store::KeptEvent) -> EventRow {
    EventRow {
        id: 0,
        at: event.last,
        cluster: event.cluster,
        entity: format!("{}/{}/{}", event.kind, event.namespace, event.name),
        namespace: event.namespace,
        kind: event.r#type,
        reason: event.reason,
        message: event.note,
        count: event.count,
        component: event.source,
    }
}

pub fn change_row(place: usize, change: rootline_store::Change) -> ChangeRow {
    ChangeRow {
        id: u64::try_from(place).unwrap_or(u64::MAX),
        at: change.at,
        namespace: change.entity.split('/').nth(1).unwrap_or_default().to_owned(),
        entity: change.entity,
        kind: change.what,
        before: change.from,
        after: change.to,
        ..ChangeRow::default()
    }
}

pub fn alert_pair(pair: LearntPair) -> AlertPair {
    let LearntPair { name, beside, together, groups, alone, beside_groups, lift, delay_s } = pair;
    AlertPair {
        name: name.to_string(),
        beside: beside.to_string(),
        together,
        incidents: groups,
        alone,
        beside_incidents: beside_groups,
        lift,
        delay_s,
    }
}
