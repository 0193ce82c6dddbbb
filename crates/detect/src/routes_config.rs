//! Routing tables in config maps, ingresses and routes whose path is named after one service and whose target is another.
//!
//! *What it finds*: among routes that follow a pattern (`/orders` → orders, `/cart` → cart) the one that does not. *Why it
//! matters*: the gateway is healthy, the target is healthy, and users get the wrong answers. *Evidence used*: paths, route
//! ids and targets of proxy configuration, service names. *How to confirm by hand*: read the route. *What can fool it*:
//! paths that are not named after services; so the pattern must hold for the neighbours.

use rootline_model::{EntityRef, Evidence, Finding, Kind, Relation};
use rootline_world::World;

use crate::Detector;
use crate::resemblance::{akin, key_of};
use crate::route_table::{Entry, entries};
use crate::routes::ingress_backends;

pub(crate) struct RoutingTables;

/// So many routes must follow the pattern.
const NEIGHBOURS_MIN: usize = 2;

impl Detector for RoutingTables {
    fn name(&self) -> &'static str {
        "routing tables"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let mut looked_at = 0;
        for map in &world.config_maps {
            let object = EntityRef::new(Kind::ConfigMap, map.namespace(), map.name());
            let users = world.graph.sources(&object, Relation::UsesConfig);
            if users.is_empty() {
                continue;
            }
            let gateway = users.first().map_or_else(|| object.clone(), |u| world.top_of(u));
            for (key, text) in map.data.iter().flatten() {
                let table = entries(text);
                looked_at += table.len();
                judge(world, (&gateway, &object, &format!("key {key}")), &table, out);
            }
        }
        for ingress in &world.ingresses {
            let me = EntityRef::new(Kind::Ingress, ingress.namespace(), ingress.name());
            let table: Vec<Entry> = ingress_backends(ingress)
                .into_iter()
                .filter_map(|(path, b)| {
                    Some(Entry { labels: vec![path.split_once('/')?.1.to_owned()], target: b.name.clone() })
                })
                .collect();
            looked_at += table.len();
            judge(world, (&me, &me, "rules"), &table, out);
        }
        for route in &world.routes {
            let me = EntityRef::new(Kind::Route, route.namespace(), route.name());
            let table: Vec<Entry> = route
                .spec
                .rules
                .iter()
                .flat_map(|r| {
                    let labels: Vec<String> =
                        r.matches.iter().filter_map(|m| Some(m.path.as_ref()?.value.clone())).collect();
                    r.backend_refs.iter().map(move |b| Entry { labels: labels.clone(), target: b.name.clone() })
                })
                .collect();
            looked_at += table.len();
            judge(world, (&me, &me, "rules"), &table, out);
        }
        looked_at
    }
}

/// The keys of an entry: of each meaningful segment of its paths, and of its id.
fn keys(entry: &Entry) -> Vec<String> {
    entry
        .labels
        .iter()
        .flat_map(|l| l.split('/'))
        .filter(|s| !s.contains('*') && !s.contains('{'))
        .map(key_of)
        .filter(|k| k.len() >= 2)
        .collect()
}

fn judge(
    world: &World,
    (gateway, object, place): (&EntityRef, &EntityRef, &str),
    table: &[Entry],
    out: &mut Vec<Finding>,
) {
    let ns = &*object.namespace;
    let mut follow = 0;
    let mut odd: Vec<(&Entry, String)> = Vec::new();
    for entry in table {
        let target = key_of(&entry.target);
        let keys = keys(entry);
        if world.services.get(ns, &entry.target).is_none() || keys.is_empty() {
            continue;
        }
        if keys.iter().any(|k| akin(k, &target)) {
            follow += 1;
            continue;
        }
        let meant: Vec<&str> = world.services.names_in(ns).filter(|n| keys.contains(&key_of(n))).collect();
        if let [one] = meant.as_slice() {
            odd.push((entry, (*one).to_owned()));
        }
    }
    if follow < NEIGHBOURS_MIN || odd.len() * 2 > follow {
        return;
    }
    for (entry, meant) in odd {
        let path =
            entry.labels.iter().find(|l| l.starts_with('/')).or(entry.labels.first()).cloned().unwrap_or_default();
        out.push(
            Finding::new("route.misrouted", gateway.clone())
                .nats(2.5)
                .arg("place", place)
                .arg("object", object.to_string())
                .arg("object_name", format!("{}/{}", object.kind, object.name))
                .arg("path", path.clone())
                .arg("service", entry.target.clone())
                .arg("expected", meant.clone())
                .arg("neighbours", follow.to_string())
                .about(EntityRef::new(Kind::Service, ns, &meant))
                .about(EntityRef::new(Kind::Service, ns, &entry.target))
                .evidence(Evidence::Field {
                    object: object.clone(),
                    path: place.to_owned(),
                    value: format!("{path} → {}", entry.target),
                }),
        );
    }
}
