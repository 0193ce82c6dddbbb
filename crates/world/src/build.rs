//! Signals in, world out.

use hashbrown::HashMap;
use rootline_model::{EntityRef, Kind, Timestamp};
use rootline_objects::{self as o, Object, Signal};

use crate::table::Table;
use crate::{World, calls, declared, edges, events};

/// Collects signals until the world is built.
#[derive(Debug, Default)]
pub struct WorldBuilder {
    world: World,
    objects: Vec<Object>,
    hints: Vec<o::CallHint>,
    logs: Vec<o::LogTail>,
    clock: Option<Timestamp>,
}

impl WorldBuilder {
    pub fn add(&mut self, signal: Signal) {
        match signal {
            Signal::Object(object) => self.objects.push(object),
            Signal::Declared(object) => self.world.declared.push(object),
            Signal::Listed { kind, namespace } => {
                self.world.listed.insert((kind, namespace));
            }
            Signal::Log(tail) => self.logs.push(tail),
            Signal::Alert(alert) => self.world.alerts.push(alert),
            Signal::Component(status) => self.world.components.push(status),
            Signal::Reach(reach) => self.world.reaches.push(reach),
            Signal::Call(hint) => self.hints.push(hint),
            Signal::Series(series) => self.world.series.push(series),
            Signal::Clock(now) => self.clock = self.clock.max(Some(now)),
            Signal::Version(version) => self.world.version = Some(version),
            Signal::Gap(gap) => self.world.gaps.push(gap),
        }
    }

    pub fn build(self) -> World {
        let WorldBuilder { mut world, objects, hints, logs, clock } = self;
        let raw_events = fill_tables(&mut world, objects);
        declared::fill(&mut world);
        world.events = events::fold(raw_events);
        world.now = clock.unwrap_or_else(|| latest(&world));
        world.gaps.sort_by(|a, b| (a.kind, &a.subject).cmp(&(b.kind, &b.subject)));
        world.gaps.dedup();
        index(&mut world);
        shelve(&mut world, logs);
        world.calls = calls::read(&world, &hints);
        world.graph = edges::draw(&world);
        world
    }
}

/// Sorts objects into their tables; events are handed back.
#[allow(clippy::too_many_lines, reason = "a flat table of kinds")]
fn fill_tables(world: &mut World, objects: Vec<Object>) -> Vec<o::Event> {
    let mut raw_events = Vec::new();
    macro_rules! tables {
        ($($variant:ident => $field:ident),* $(,)?) => {{
            $( let mut $field = Vec::new(); )*
            let mut webhooks = Vec::new();
            for object in objects {
                match object {
                    $( Object::$variant(x) => $field.push(*x), )*
                    Object::ValidatingWebhook(x) | Object::MutatingWebhook(x) => webhooks.push(*x),
                    Object::Event(e) => raw_events.push(*e),
                }
            }
            $( world.$field = Table::new($field, |x| (x.namespace(), x.name())); )*
            world.webhooks = Table::new(webhooks, |x| (x.namespace(), x.name()));
        }};
    }
    tables! {
        Pod => pods, Node => nodes, Namespace => namespaces, Deployment => deployments, ReplicaSet => replica_sets,
        StatefulSet => stateful_sets, DaemonSet => daemon_sets, Job => jobs, CronJob => cron_jobs, Service => services,
        EndpointSlice => endpoint_slices, Ingress => ingresses, IngressClass => ingress_classes, Gateway => gateways,
        Route => routes, NetworkPolicy => network_policies, Pvc => claims, Pv => volumes,
        StorageClass => storage_classes, VolumeAttachment => attachments, CsiNode => csi_nodes,
        ConfigMap => config_maps, Secret => secrets, ServiceAccount => service_accounts, Quota => quotas,
        LimitRange => limit_ranges, Hpa => autoscalers, Pdb => budgets, PriorityClass => priority_classes,
        ApiService => api_services, Crd => crds, Lease => leases, Csr => csrs,
    }
    raw_events
}

/// Puts log tails under their pods. A log told by workload (`kubectl logs deploy/cart`) goes to the pod of that workload
/// that is worst off.
fn shelve(world: &mut World, logs: Vec<o::LogTail>) {
    for mut tail in logs {
        if world.pods.get(&tail.namespace, &tail.pod).is_none() {
            let name = tail.pod.rsplit('/').next().unwrap_or(&tail.pod);
            let pod = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::ReplicaSet, Kind::Job]
                .into_iter()
                .flat_map(|kind| world.pods_of(&EntityRef::new(kind, &tail.namespace, name)))
                .min_by_key(|p| (p.is_ready(), p.is_finished(), p.name()))
                .map(|p| p.name().to_owned());
            tail.pod = pod.unwrap_or(tail.pod);
        }
        world.logs.entry((tail.namespace.clone(), tail.pod.clone())).or_default().push(tail);
    }
    for tails in world.logs.values_mut() {
        tails.sort_by(|a, b| (&a.container, a.previous, &a.lines).cmp(&(&b.container, b.previous, &b.lines)));
        tails.dedup();
    }
}

/// The latest moment that the cluster itself wrote down.
fn latest(world: &World) -> Timestamp {
    let events = world.events.iter().filter_map(|e| e.last);
    let beats = world.nodes.iter().flat_map(|n| &n.status.conditions).filter_map(|c| c.last_heartbeat_time.0);
    let leases = world.leases.iter().filter_map(|l| l.spec.renew_time.0);
    let pods = world.pods.iter().flat_map(|p| &p.status.conditions).filter_map(|c| c.last_transition_time.0);
    let births = world.pods.iter().filter_map(|p| p.metadata.creation_timestamp.0);
    events.chain(beats).chain(leases).chain(pods).chain(births).max().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn index(world: &mut World) {
    let mut events_of: HashMap<EntityRef, Vec<u32>> = HashMap::new();
    for (i, event) in (0u32..).zip(&world.events) {
        events_of.entry(event.entity.clone()).or_default().push(i);
        if event.entity.kind == Kind::Container {
            events_of.entry(event.entity.whole()).or_default().push(i);
        }
    }
    let mut owners = HashMap::new();
    let mut pods_of: HashMap<EntityRef, Vec<u32>> = HashMap::new();
    for (i, pod) in (0u32..).zip(&world.pods) {
        let top = world.top_controller(pod);
        if let Some(owner) = pod.metadata.controller()
            && let Some(kind) = Kind::parse(&owner.kind)
        {
            let direct = EntityRef::new(kind, pod.namespace(), &owner.name);
            if direct != top {
                pods_of.entry(direct).or_default().push(i);
            }
        }
        pods_of.entry(top.clone()).or_default().push(i);
        owners.insert((pod.namespace().to_owned(), pod.name().to_owned()), top);
    }
    let mut slices_of: HashMap<(String, String), Vec<u32>> = HashMap::new();
    for (i, slice) in (0u32..).zip(&world.endpoint_slices) {
        if let Some(service) = slice.service() {
            slices_of.entry((slice.namespace().to_owned(), service.to_owned())).or_default().push(i);
        }
    }
    world.selected = select(world);
    world.events_of = events_of;
    world.owners = owners;
    world.pods_of = pods_of;
    world.slices_of = slices_of;
}

/// Pods per service. Pods are first grouped by one label of the selector, so that the cost is that of the matches.
fn select(world: &World) -> HashMap<(String, String), Vec<u32>> {
    let mut by_label: HashMap<(&str, &str, &str), Vec<u32>> = HashMap::new();
    for (i, pod) in (0u32..).zip(&world.pods) {
        for (key, value) in pod.metadata.labels.iter() {
            by_label.entry((pod.namespace(), key, value)).or_default().push(i);
        }
    }
    let mut selected = HashMap::new();
    for service in &world.services {
        let selector = &service.spec.selector;
        let smallest = selector
            .iter()
            .map(|(k, v)| by_label.get(&(service.namespace(), k, v)).map_or(&[][..], Vec::as_slice))
            .min_by_key(|pods| pods.len());
        let pods: Vec<u32> = smallest
            .into_iter()
            .flatten()
            .copied()
            .filter(|&i| {
                let labels = &world.pods.at(i as usize).metadata.labels;
                selector.iter().all(|(k, v)| labels.get(k) == Some(v))
            })
            .collect();
        selected.insert((service.namespace().to_owned(), service.name().to_owned()), pods);
    }
    selected
}
