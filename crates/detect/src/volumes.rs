//! Volumes in themselves: failed resizes, failed and left-over volumes, filling ones, classes that compete.
//!
//! **What it finds** resizes that do not come through, volumes the controller gave up, several default classes, volumes
//! that fill up.
//! **Why it matters** each of them stops the next pod, or the running one once the space ends.
//! **Evidence used** claims' conditions and events, volumes' phases, default-class annotations, usage series and alerts.
//! **How to confirm by hand** `kubectl describe pvc`, `kubectl get pv,sc`, `df -h` in the pod.
//! **What can fool it** a released volume with reclaim policy Retain is kept on purpose.
//! **Source** failure-modes rows 129, 132–134, 136.

use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::Detector;
use crate::claims::claim_ref;
use crate::create_state::{clip, event_evidence};

/// Share of space left: kubernetes-mixin warns below 15 % and calls below 3 %.
const LOW: f64 = 0.15;
const OUT: f64 = 0.03;

pub(crate) struct Volumes;

impl Detector for Volumes {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        for claim in &world.claims {
            out.extend(resize(world, claim));
        }
        for volume in &world.volumes {
            out.extend(left_over(volume));
        }
        let defaults: Vec<&o::StorageClass> = world.storage_classes.iter().filter(|c| c.is_default()).collect();
        if let [first, _, ..] = defaults[..] {
            let names: Vec<&str> = defaults.iter().map(|c| c.name()).collect();
            let finding =
                Finding::new("volume.default_classes_several", EntityRef::wide(Kind::StorageClass, first.name()));
            out.push(finding.nats(1.0).arg("classes", names.join(", ")));
        }
        usage(world, out);
        world.claims.len() + world.volumes.len() + world.storage_classes.len()
    }
}

fn resize(world: &World, claim: &o::Pvc) -> Option<Finding> {
    let wants = claim.spec.resources.requests.get("storage")?;
    let has = claim.status.capacity.get("storage")?;
    // a resize that came through leaves its old failures behind as events only
    if has.value() >= wants.value() {
        return None;
    }
    let failed = ["VolumeResizeFailed", "FileSystemResizeFailed", "ExternalExpanding"];
    let events = world.events_of(&claim_ref(claim));
    let event = events.rev().find(|e| e.warning && failed.contains(&e.reason.as_str()));
    let condition = claim
        .status
        .conditions
        .iter()
        .find(|c| c.status == "True" && matches!(c.kind.as_str(), "ControllerResizeError" | "NodeResizeError"));
    let waits = claim.status.conditions.iter().find(|c| c.is("FileSystemResizePending", "True"));
    let class = claim.spec.storage_class_name.as_deref().and_then(|c| world.storage_classes.get("", c));
    let refused = class.is_some_and(|c| c.allow_volume_expansion == Some(false));
    let message = event.map(|e| e.message.as_str()).or(condition.map(|c| c.message.as_str()));
    let mut finding = Finding::new("volume.resize_failed", claim_ref(claim))
        .nats(if message.is_some() { 3.5 } else { 2.0 })
        .since(event.and_then(|e| e.first).or(condition.and_then(|c| c.last_transition_time.0)))
        .arg("claim", claim.name())
        .arg("wants", wants.as_str())
        .arg("has", has.as_str())
        .arg("message", clip(message.unwrap_or_default(), 400));
    finding.evidence.extend(event.map(event_evidence));
    match (message, refused, waits) {
        (Some(_), _, _) | (None, true, _) => Some(finding),
        // only the restart of the pod is missing
        (None, false, Some(_)) => {
            finding.code = rootline_model::Code::known("volume.resize_pending");
            Some(finding.nats(1.0))
        }
        _ => None,
    }
}

fn left_over(volume: &o::Pv) -> Option<Finding> {
    let code = match volume.status.phase.as_str() {
        "Failed" => "volume.reclaim_failed",
        "Released" => "volume.left_over",
        _ => return None,
    };
    let me = EntityRef::wide(Kind::Pv, volume.name());
    let holder = volume.spec.claim_ref.as_ref().map(|r| format!("{}/{}", r.namespace, r.name)).unwrap_or_default();
    let field = Evidence::Field { object: me.clone(), path: "status.phase".into(), value: volume.status.phase.clone() };
    let finding = Finding::new(code, me).nats(1.0).arg("volume", volume.name()).arg("holder", holder).evidence(field);
    Some(finding.arg("message", clip(&volume.status.message, 300)))
}

/// Space and inodes by the kubelet's volume statistics.
fn usage(world: &World, out: &mut Vec<Finding>) {
    let pairs = [
        ("kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes", "space"),
        ("kubelet_volume_stats_inodes_free", "kubelet_volume_stats_inodes", "inodes"),
    ];
    for (free_name, all_name, what) in pairs {
        for series in world.series.iter().filter(|s| s.name == free_name) {
            let claim = series.labels.get("persistentvolumeclaim").unwrap_or_default();
            let ns = series.labels.get("namespace").unwrap_or_default();
            let whole = world.series.iter().find(|s| {
                s.name == all_name
                    && s.labels.get("persistentvolumeclaim") == Some(claim)
                    && s.labels.get("namespace") == Some(ns)
            });
            let last = |s: &o::Series| s.points.last().map(|p| p.1);
            let (Some(free), Some(whole)) = (last(series), whole.and_then(last)) else { continue };
            if claim.is_empty() || whole <= 0.0 || !(0.0..LOW).contains(&(free / whole)) {
                continue;
            }
            let code = if free / whole < OUT { "volume.full" } else { "volume.filling" };
            let value = format!("{:.1} %", 100.0 * free / whole);
            out.push(
                Finding::new(code, EntityRef::new(Kind::Pvc, ns, claim))
                    .nats(3.0)
                    .arg("claim", claim)
                    .arg("what", what)
                    .arg("left", value.clone())
                    .evidence(Evidence::Sample { query: format!("{free_name} / {all_name}"), value }),
            );
        }
    }
}
