//! What is not broken but will be: one replica behind an entrance, containers without requests. One note per namespace.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{EntityRef, Finding, Kind};
use rootline_world::World;

use crate::Detector;
use crate::traffic::{labels_of, names, routed_from, selects, service_ref};

pub(crate) struct Risks;

impl Detector for Risks {
    fn name(&self) -> &'static str {
        "single points and missing requests"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let entrances: Vec<_> =
            world.services.iter().filter(|s| !routed_from(world, &service_ref(s)).is_empty()).collect();
        let mut single: BTreeMap<String, BTreeSet<EntityRef>> = BTreeMap::new();
        let mut bare: BTreeMap<String, BTreeSet<EntityRef>> = BTreeMap::new();
        let mut looked_at = 0;
        for workload in world.workloads().filter(|w| w.desired > 0 && w.entity.kind != Kind::Job) {
            let ns = workload.metadata.namespace.clone();
            looked_at += 1;
            let behind =
                entrances.iter().any(|s| s.namespace() == ns && selects(&s.spec.selector, labels_of(&workload)));
            if workload.desired == 1 && workload.entity.kind == Kind::Deployment && behind {
                single.entry(ns.clone()).or_default().insert(workload.entity.clone());
            }
            let containers = &workload.template.spec.containers;
            let bare_all = !containers.is_empty()
                && containers.iter().all(|c| c.resources.requests.is_empty() && c.resources.limits.is_empty());
            if bare_all && ns != "kube-system" {
                bare.entry(ns).or_default().insert(workload.entity);
            }
        }
        for (code, found) in [("workload.single_replica", single), ("workload.no_requests", bare)] {
            for (ns, workloads) in found {
                out.push(
                    Finding::new(code, EntityRef::wide(Kind::Namespace, &ns))
                        .nats(0.5)
                        .arg("count", workloads.len().to_string())
                        .arg("workloads", names(&workloads)),
                );
            }
        }
        looked_at
    }
}
