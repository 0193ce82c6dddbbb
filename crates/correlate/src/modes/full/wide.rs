//! Troubles that are wider than the topology tells: what everything depends on, a zone, many unrelated things at once.

use super::places::{Located, Places, Zone};
use crate::subject::Class;
use crate::{GroupId, Topology, WideRow};

/// What makes a group wide.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Name lookups fail: requests of anybody, and programs that do not start without them.
    Dns,
    /// Controllers and kubelets work through the API server, the API server through etcd.
    ControlPlane,
    /// Several services without a relation at one moment: something that all of them use, not known yet.
    Burst,
    Zone(Zone),
}

impl Kind {
    /// A word for a store.
    fn word(&self, places: &Places) -> String {
        match self {
            Kind::Dns => "dns".to_owned(),
            Kind::ControlPlane => "control-plane".to_owned(),
            Kind::Burst => "burst".to_owned(),
            Kind::Zone(zone) => format!("zone:{}", places.zone_name(*zone)),
        }
    }

    fn of(word: &str, places: &mut Places) -> Option<Kind> {
        match word {
            "dns" => Some(Kind::Dns),
            "control-plane" => Some(Kind::ControlPlane),
            "burst" => Some(Kind::Burst),
            _ => word.strip_prefix("zone:").map(|zone| Kind::Zone(places.zone_named(zone))),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wide {
    pub kind: Kind,
    /// Seconds.
    pub onset: f64,
}

impl Wide {
    pub fn row(&self, group: GroupId, places: &Places) -> WideRow {
        WideRow { group, kind: self.kind.word(places), onset: self.onset }
    }

    /// What a row tells; `None` if it cannot be meant so.
    pub fn of(row: &WideRow, places: &mut Places) -> Option<Wide> {
        Some(Wide { kind: Kind::of(&row.kind, places)?, onset: Some(row.onset).filter(|o| o.is_finite())? })
    }
}

/// A wide group takes nothing that began later than this.
pub(super) const WIDE_S: f64 = 450.0;
/// Nor earlier than this before it.
pub(super) const WIDE_BEFORE_S: f64 = 200.0;

/// How well a wide group explains an item; 0: not at all.
pub(super) fn explains(wide: &Wide, item: &Located, places: &mut Places, topology: &Topology) -> f64 {
    let lag = item.onset - wide.onset;
    let within = |low: f64, high: f64| low <= lag && lag <= high;
    match (&wide.kind, item.class) {
        (Kind::Dns | Kind::Burst, Class::Request) if within(-70.0, 100.0) => 0.6 - (lag - 15.0).abs() / 2000.0,
        // a container that cannot resolve names ends, and after some restarts counts as crashing
        (Kind::Dns | Kind::Burst, Class::Crash | Class::Pod) if within(30.0, 210.0) => 0.42,
        (Kind::Dns | Kind::Burst, Class::Dns) if within(-90.0, 60.0) => 0.9,
        (Kind::ControlPlane, Class::ControlPlane) if within(-200.0, 320.0) => 0.95,
        (Kind::ControlPlane, Class::Kubelet | Class::Node) if within(-60.0, 320.0) => 0.6,
        (Kind::ControlPlane, Class::Rollout) if within(-60.0, 420.0) => 0.5,
        (Kind::Zone(zone), Class::NodeDown | Class::Node)
            if within(-70.0, 80.0) && in_zone(item, *zone, places, topology) =>
        {
            0.92
        }
        (Kind::Zone(zone), Class::NotReady | Class::Pod)
            if within(-30.0, 150.0) && in_zone(item, *zone, places, topology) =>
        {
            0.8
        }
        (Kind::Zone(zone), Class::Replicas | Class::Request) if within(-30.0, 150.0) => {
            let Some(unit) = item.unit else { return 0.0 };
            if places.unit(unit, topology).zones.contains(zone) { 0.3 } else { 0.0 }
        }
        _ => 0.0,
    }
}

fn in_zone(item: &Located, zone: Zone, places: &mut Places, topology: &Topology) -> bool {
    item.node.and_then(|n| places.zone(n, topology)) == Some(zone)
}
