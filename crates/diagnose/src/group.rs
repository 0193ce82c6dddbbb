//! Roots → incidents: which roots are one problem to a person.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Kind};
use rootline_world::World;

use crate::candidate::Candidate;

/// Groups positions of roots. Two roots are one problem if they concern one workload, or if one rule names the same
/// shared thing for both (one missing Secret under three deployments).
pub(crate) fn group(world: &World, roots: &[&Candidate]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..roots.len()).collect();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (i, root) in roots.iter().enumerate() {
        let mut keys = vec![format!("on {}", world.top_of(&root.entity))];
        if let Some(shared) = root.about.iter().find(|e| is_shared(e)) {
            keys.push(format!("{} about {shared}", root.id));
        }
        for key in keys {
            match first.get(&key) {
                Some(&j) => join(&mut parent, i, j),
                None => {
                    first.insert(key, i);
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..roots.len() {
        groups.entry(find(&mut parent, i)).or_default().push(i);
    }
    groups.into_values().collect()
}

/// Things that several workloads can lack or suffer from together.
fn is_shared(entity: &EntityRef) -> bool {
    matches!(
        entity.kind,
        Kind::ConfigMap
            | Kind::Secret
            | Kind::ServiceAccount
            | Kind::StorageClass
            | Kind::Quota
            | Kind::LimitRange
            | Kind::Webhook
            | Kind::PriorityClass
            | Kind::Node
            | Kind::External
            | Kind::Pvc
            | Kind::Pv
    )
}

pub(crate) fn find(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

pub(crate) fn join(parent: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(parent, a), find(parent, b));
    // the smaller position stands for the group, so that the order of joining does not matter
    let (low, high) = (a.min(b), a.max(b));
    parent[high] = low;
}
