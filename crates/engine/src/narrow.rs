//! Narrowing the answer to what hurts. Everything is still looked at: the cause of a pain in `shop` may be a node.

use rootline_model::{Diagnosis, EntityRef, Incident, Kind};
use rootline_world::World;

use crate::Target;

/// Keeps the incidents that touch the target, and numbers them anew.
pub(crate) fn to(world: &World, mut diagnosis: Diagnosis, target: &Target) -> Diagnosis {
    if target.namespace.is_none() && target.entities.is_empty() {
        return diagnosis;
    }
    let all = diagnosis.incidents.len();
    diagnosis.incidents.retain(|i| touches(world, i, target));
    diagnosis.scope.elsewhere = all - diagnosis.incidents.len();
    for (number, incident) in (1..).zip(&mut diagnosis.incidents) {
        incident.number = number;
    }
    diagnosis.notes.retain(|n| target.namespace.as_deref().is_none_or(|ns| &*n.entity.namespace == ns));
    diagnosis
}

fn touches(world: &World, incident: &Incident, target: &Target) -> bool {
    let causes = incident.causes.iter().map(|c| &c.entity);
    let findings = incident.folded.iter().map(|f| &f.finding.entity);
    let mut all = causes.chain(findings).chain(&incident.affected);
    let in_namespace = |e: &EntityRef| target.namespace.as_deref().is_none_or(|ns| &*e.namespace == ns);
    if target.entities.is_empty() {
        return all.any(in_namespace);
    }
    all.any(|e| {
        let top = world.top_of(e);
        target.entities.iter().any(|t| {
            // a namespace means all that is in it
            let inside = t.kind == Kind::Namespace && e.namespace == t.name;
            let same = |x: &EntityRef| {
                x.kind == t.kind && x.name == t.name && (t.namespace.is_empty() || x.namespace == t.namespace)
            };
            inside || same(e) || same(&top) || same(&e.whole())
        })
    })
}
