//! From one entity to related ones, by the words of the rule language.

use rootline_model::{EntityRef, Kind, Relation};
use rootline_world::World;

use crate::rule::Place;

/// Entities at a place, seen from one. `about` are the entities the finding names. `Place::Any` is for the caller.
pub(crate) fn at(world: &World, entity: &EntityRef, about: &[EntityRef], place: Place) -> Vec<EntityRef> {
    let pods = || pods_of(world, entity);
    let used = |relation: Relation, kinds: &[Kind]| {
        let mut all = world.graph.targets(entity, relation);
        for pod in pods() {
            all.extend(world.graph.targets(&pod, relation));
        }
        all.retain(|e| kinds.contains(&e.kind));
        unique(all)
    };
    match place {
        Place::Itself => vec![entity.clone()],
        Place::Pod => vec![entity.whole()],
        Place::Workload => vec![workload(world, entity)],
        Place::Pods => pods(),
        Place::Siblings => pods_of(world, &workload(world, entity)),
        Place::Node => nodes(world, entity),
        Place::Namespace => vec![EntityRef::wide(Kind::Namespace, &entity.namespace)],
        Place::Service => services(world, entity),
        Place::Callers => {
            let services = if entity.kind == Kind::Service { vec![entity.clone()] } else { services(world, entity) };
            unique(services.iter().flat_map(|s| world.graph.sources(s, Relation::Calls)).collect())
        }
        Place::Callees => world.graph.targets(&workload(world, entity), Relation::Calls),
        Place::Claim => used(Relation::Mounts, &[Kind::Pvc]),
        Place::Volume | Place::StorageClass => {
            let claims =
                if entity.kind == Kind::Pvc { vec![entity.clone()] } else { used(Relation::Mounts, &[Kind::Pvc]) };
            let want = if place == Place::Volume { Kind::Pv } else { Kind::StorageClass };
            let targets = claims.iter().flat_map(|c| world.graph.targets(c, Relation::Mounts));
            unique(targets.filter(|e| e.kind == want).collect())
        }
        Place::Config => used(Relation::UsesConfig, &[Kind::ConfigMap, Kind::Secret, Kind::ServiceAccount]),
        Place::Quota => world.graph.targets(&workload(world, entity), Relation::LimitedBy),
        Place::About(kind) => about.iter().find(|e| kind.is_none_or(|k| e.kind == k)).cloned().into_iter().collect(),
        Place::Any => Vec::new(),
    }
}

fn workload(world: &World, entity: &EntityRef) -> EntityRef {
    world.top_of(entity)
}

fn pods_of(world: &World, entity: &EntityRef) -> Vec<EntityRef> {
    match entity.kind {
        Kind::Pod => vec![entity.clone()],
        Kind::Container => vec![entity.whole()],
        Kind::Service => world.graph.targets(entity, Relation::Selects),
        Kind::Node | Kind::Component => world.graph.sources(&entity.whole(), Relation::RunsOn),
        _ => world.pods_of(entity).map(|p| EntityRef::pod(p.namespace(), p.name())).collect(),
    }
}

fn nodes(world: &World, entity: &EntityRef) -> Vec<EntityRef> {
    match entity.kind {
        Kind::Node => vec![entity.clone()],
        Kind::Component => vec![entity.whole()],
        _ => unique(pods_of(world, entity).iter().flat_map(|p| world.graph.targets(p, Relation::RunsOn)).collect()),
    }
}

fn services(world: &World, entity: &EntityRef) -> Vec<EntityRef> {
    match entity.kind {
        Kind::Ingress | Kind::Route => world.graph.targets(entity, Relation::RoutesTo),
        Kind::Webhook | Kind::ApiService => world.graph.targets(entity, Relation::ServedBy),
        _ => unique(pods_of(world, entity).iter().flat_map(|p| world.graph.sources(p, Relation::Selects)).collect()),
    }
}

fn unique(mut all: Vec<EntityRef>) -> Vec<EntityRef> {
    all.sort();
    all.dedup();
    all
}
