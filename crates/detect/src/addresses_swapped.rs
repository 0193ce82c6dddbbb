//! Settings whose name speaks of one service and whose value of another.
//!
//! *What it finds*: `ORDERS_ADDR=cart:80` where the other settings of the same object name the service they are called
//! after. *Why it matters*: the wrong service answers, often with confusing errors. *Evidence used*: names of settings,
//! services. *How to confirm by hand*: read the setting. *What can fool it*: a gateway or proxy that stands in for many
//! services; so the odd one out is told by the majority of its neighbours.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Finding, Kind};
use rootline_world::{CallSite, World};

use crate::Detector;
use crate::addresses::sites_per_place;
use crate::complaints;
use crate::resemblance::{akin, key_of};
use crate::services::with_complaints;
use crate::traffic::{site_evidence, written};

pub(crate) struct SwappedAddresses;

/// So many neighbours must follow the pattern.
const NEIGHBOURS_MIN: usize = 2;

impl Detector for SwappedAddresses {
    fn name(&self) -> &'static str {
        "names of address settings"
    }

    fn detect(&self, world: &World, out: &mut Vec<Finding>) -> usize {
        let count = sites_per_place(world);
        let mut groups: BTreeMap<(&EntityRef, &EntityRef), Vec<&CallSite>> = BTreeMap::new();
        for site in &world.calls {
            let single = count.get(&(&site.caller, &site.object, site.place.as_str())) == Some(&1);
            let named = site.place.starts_with("env ") || site.place.starts_with("key ");
            if single && named && site.service.is_some() {
                groups.entry((&site.caller, &site.object)).or_default().push(site);
            }
        }
        let looked_at = groups.values().map(Vec::len).sum();
        for sites in groups.values() {
            odd_ones(world, sites, out);
        }
        looked_at
    }
}

fn odd_ones(world: &World, sites: &[&CallSite], out: &mut Vec<Finding>) {
    let mut follow = 0;
    let mut odd = Vec::new();
    for site in sites {
        let Some(service) = &site.service else { continue };
        let key = key_of(site.place.split_once(' ').map_or("", |(_, name)| name));
        if key.len() < 2 {
            continue;
        }
        let target = key_of(&service.name);
        if akin(&key, &target) {
            follow += 1;
        } else if let Some(meant) = service_of_key(world, &service.namespace, &key) {
            odd.push((*site, service, meant));
        }
    }
    // the pattern must be the rule and the odd ones the exception
    if follow < NEIGHBOURS_MIN || odd.len() * 2 > follow {
        return;
    }
    for (site, service, meant) in odd {
        let complaints: Vec<_> =
            complaints::about_host(world, &service.namespace, &service.name, site.address.port.map(i64::from))
                .into_iter()
                .filter(|c| c.by.as_ref() == Some(&site.caller))
                .collect();
        let port_of = |e: &EntityRef| {
            site.address.port.is_none_or(|p| {
                world
                    .services
                    .get(&e.namespace, &e.name)
                    .is_some_and(|s| s.spec.ports.iter().any(|sp| sp.port == i64::from(p)))
            })
        };
        // the port still is that of the service the setting is called after: only the host was changed
        let telling = port_of(&meant) && !port_of(service);
        let nats = 2.0 + if telling { 1.0 } else { 0.0 } + if complaints.is_empty() { 0.0 } else { 1.0 };
        let finding = Finding::new("config.address_swapped", site.caller.clone())
            .nats(nats)
            .arg("place", site.place.clone())
            .arg("address", written(site))
            .arg("service", &*service.name)
            .arg("expected", &*meant.name)
            .arg("neighbours", follow.to_string())
            .about(service.clone())
            .about(meant)
            .evidence(site_evidence(site));
        out.push(with_complaints(finding, &complaints, &[], &[]));
    }
}

/// The one service of a namespace that a key is the name of.
fn service_of_key(world: &World, namespace: &str, key: &str) -> Option<EntityRef> {
    let mut found = world.services.names_in(namespace).filter(|n| key_of(n) == *key);
    match (found.next(), found.next()) {
        (Some(one), None) => Some(EntityRef::new(Kind::Service, namespace, one)),
        _ => None,
    }
}
