//! Objects → relations, one function per subject.

use hashbrown::HashMap;
use rootline_model::{EntityRef, Kind, Relation};
use rootline_objects as o;

use crate::graph::Graph;
use crate::{World, calls};

/// Fills the graph of a world whose tables and owners stand.
pub(crate) fn draw(world: &World) -> Graph {
    let mut graph = Graph::default();
    for pod in &world.pods {
        pods(world, &mut graph, pod);
    }
    owners(world, &mut graph);
    services(world, &mut graph);
    routing(world, &mut graph);
    storage(world, &mut graph);
    policy(world, &mut graph);
    for node in &world.nodes {
        graph.intern(EntityRef::node(node.name()));
    }
    for site in &world.calls {
        if let Some(service) = &site.service {
            graph.link(site.caller.clone(), Relation::Calls, service.clone());
        }
    }
    for (caller, service) in calls::in_logs(world) {
        graph.link(caller, Relation::Calls, service);
    }
    graph
}

fn pods(world: &World, graph: &mut Graph, pod: &o::Pod) {
    let ns = pod.namespace();
    let me = EntityRef::pod(ns, pod.name());
    graph.intern(me.clone());
    if !pod.spec.node_name.is_empty() {
        graph.link(me.clone(), Relation::RunsOn, EntityRef::node(&pod.spec.node_name));
    }
    if let Some(owner) = pod.metadata.controller()
        && let Some(kind) = Kind::parse(&owner.kind).filter(|k| k.is_workload())
    {
        let direct = EntityRef::new(kind, ns, &owner.name);
        let top = world.workload_of(pod);
        graph.link(me.clone(), Relation::OwnedBy, direct.clone());
        if top != direct && top != me {
            graph.link(direct, Relation::OwnedBy, top);
        }
    }
    for used in used_by(ns, &pod.spec) {
        graph.link(me.clone(), used.0, used.1);
    }
}

/// What a pod spec refers to: claims, config maps, secrets, the service account, the priority class.
pub(crate) fn used_by(ns: &str, spec: &o::PodSpec) -> Vec<(Relation, EntityRef)> {
    let config = |kind, name: &str| (Relation::UsesConfig, EntityRef::new(kind, ns, name));
    let mut used = Vec::new();
    for volume in &spec.volumes {
        if let Some(claim) = &volume.persistent_volume_claim {
            used.push((Relation::Mounts, EntityRef::new(Kind::Pvc, ns, &claim.claim_name)));
        }
        if let Some(map) = &volume.config_map {
            used.push(config(Kind::ConfigMap, &map.name));
        }
        if let Some(secret) = &volume.secret {
            used.push(config(Kind::Secret, &secret.secret_name));
        }
        for source in volume.projected.iter().flat_map(|p| &p.sources) {
            used.extend(source.config_map.iter().map(|m| config(Kind::ConfigMap, &m.name)));
            used.extend(source.secret.iter().map(|s| config(Kind::Secret, &s.name)));
        }
    }
    for container in spec.init_containers.iter().chain(&spec.containers) {
        for from in container.env.iter().filter_map(|e| e.value_from.as_ref()) {
            used.extend(from.config_map_key_ref.iter().map(|k| config(Kind::ConfigMap, &k.name)));
            used.extend(from.secret_key_ref.iter().map(|k| config(Kind::Secret, &k.name)));
        }
        for from in &container.env_from {
            used.extend(from.config_map_ref.iter().map(|k| config(Kind::ConfigMap, &k.name)));
            used.extend(from.secret_ref.iter().map(|k| config(Kind::Secret, &k.name)));
        }
    }
    used.extend(spec.image_pull_secrets.iter().filter(|s| s.is_set()).map(|s| config(Kind::Secret, &s.name)));
    if !spec.service_account_name.is_empty() {
        used.push(config(Kind::ServiceAccount, &spec.service_account_name));
    }
    if !spec.priority_class_name.is_empty() {
        used.push((Relation::UsesConfig, EntityRef::wide(Kind::PriorityClass, &spec.priority_class_name)));
    }
    // every pod has the root CA map; it relates nothing
    used.retain(|(_, e)| !e.name.is_empty() && &*e.name != "kube-root-ca.crt");
    used
}

fn owners(world: &World, graph: &mut Graph) {
    for rs in &world.replica_sets {
        let me = EntityRef::new(Kind::ReplicaSet, rs.namespace(), rs.name());
        if let Some(parent) = world.parent_of(&me) {
            graph.link(me, Relation::OwnedBy, parent);
        }
    }
    for job in &world.jobs {
        let me = EntityRef::new(Kind::Job, job.namespace(), job.name());
        if let Some(parent) = world.parent_of(&me) {
            graph.link(me, Relation::OwnedBy, parent);
        }
    }
    for workload in world.workloads() {
        let ns = workload.metadata.namespace.clone();
        graph.intern(workload.entity.clone());
        // a workload whose pods could not be created still uses what its template names
        for (relation, target) in used_by(&ns, &workload.template.spec) {
            graph.link(workload.entity.clone(), relation, target);
        }
    }
}

fn services(world: &World, graph: &mut Graph) {
    for service in &world.services {
        let me = EntityRef::new(Kind::Service, service.namespace(), service.name());
        graph.intern(me.clone());
        for pod in world.selected_by(service) {
            graph.link(me.clone(), Relation::Selects, EntityRef::pod(pod.namespace(), pod.name()));
        }
        for slice in world.slices_of(service.namespace(), service.name()) {
            for target in slice.endpoints.iter().filter_map(|e| e.target_ref.as_ref()).filter(|t| t.kind == "Pod") {
                if world.pods.get(service.namespace(), &target.name).is_some() {
                    graph.link(me.clone(), Relation::Selects, EntityRef::pod(service.namespace(), &target.name));
                }
            }
        }
    }
}

fn routing(world: &World, graph: &mut Graph) {
    for ingress in &world.ingresses {
        let me = EntityRef::new(Kind::Ingress, ingress.namespace(), ingress.name());
        let paths =
            ingress.spec.rules.iter().filter_map(|r| r.http.as_ref()).flat_map(|h| &h.paths).map(|p| &p.backend);
        for service in paths.chain(&ingress.spec.default_backend).filter_map(|b| b.service.as_ref()) {
            graph.link(
                me.clone(),
                Relation::RoutesTo,
                EntityRef::new(Kind::Service, ingress.namespace(), &service.name),
            );
        }
    }
    for route in &world.routes {
        let me = EntityRef::new(Kind::Route, route.namespace(), route.name());
        for backend in route.spec.rules.iter().flat_map(|r| &r.backend_refs) {
            let ns = if backend.namespace.is_empty() { route.namespace() } else { &backend.namespace };
            graph.link(me.clone(), Relation::RoutesTo, EntityRef::new(Kind::Service, ns, &backend.name));
        }
        for parent in &route.spec.parent_refs {
            let ns = if parent.namespace.is_empty() { route.namespace() } else { &parent.namespace };
            graph.link(EntityRef::new(Kind::Gateway, ns, &parent.name), Relation::RoutesTo, me.clone());
        }
    }
}

fn storage(world: &World, graph: &mut Graph) {
    for claim in &world.claims {
        let me = EntityRef::new(Kind::Pvc, claim.namespace(), claim.name());
        graph.intern(me.clone());
        if !claim.spec.volume_name.is_empty() {
            graph.link(me.clone(), Relation::Mounts, EntityRef::wide(Kind::Pv, &claim.spec.volume_name));
        }
        if let Some(class) = claim.spec.storage_class_name.as_deref().filter(|c| !c.is_empty()) {
            graph.link(me, Relation::Mounts, EntityRef::wide(Kind::StorageClass, class));
        }
    }
    for volume in &world.volumes {
        let me = EntityRef::wide(Kind::Pv, volume.name());
        if !volume.spec.storage_class_name.is_empty() {
            graph.link(me, Relation::Mounts, EntityRef::wide(Kind::StorageClass, &volume.spec.storage_class_name));
        }
    }
}

fn policy(world: &World, graph: &mut Graph) {
    for hpa in &world.autoscalers {
        let target = &hpa.spec.scale_target_ref;
        if let Some(kind) = Kind::parse(&target.kind) {
            let me = EntityRef::new(Kind::Hpa, hpa.namespace(), hpa.name());
            graph.link(me, Relation::Scales, EntityRef::new(kind, hpa.namespace(), &target.name));
        }
    }
    let mut quotas: HashMap<&str, Vec<&o::Quota>> = HashMap::new();
    for quota in &world.quotas {
        quotas.entry(quota.namespace()).or_default().push(quota);
    }
    for workload in world.workloads() {
        for quota in quotas.get(workload.metadata.namespace.as_str()).into_iter().flatten() {
            let limit = EntityRef::new(Kind::Quota, quota.namespace(), quota.name());
            graph.link(workload.entity.clone(), Relation::LimitedBy, limit);
        }
    }
    for quota in &world.quotas {
        let me = EntityRef::new(Kind::Quota, quota.namespace(), quota.name());
        graph.link(EntityRef::wide(Kind::Namespace, quota.namespace()), Relation::LimitedBy, me);
    }
    for hook in &world.webhooks {
        let me = EntityRef::wide(Kind::Webhook, hook.name());
        for service in hook.webhooks.iter().filter_map(|w| w.client_config.service.as_ref()) {
            graph.link(
                me.clone(),
                Relation::ServedBy,
                EntityRef::new(Kind::Service, &service.namespace, &service.name),
            );
        }
    }
    for api in &world.api_services {
        if let Some(service) = &api.spec.service {
            let me = EntityRef::wide(Kind::ApiService, api.name());
            graph.link(me, Relation::ServedBy, EntityRef::new(Kind::Service, &service.namespace, &service.name));
        }
    }
    for policy in &world.network_policies {
        let me = EntityRef::new(Kind::NetworkPolicy, policy.namespace(), policy.name());
        graph.intern(me.clone());
        for pod in world.pods.iter().filter(|p| p.namespace() == policy.namespace()) {
            if policy.spec.pod_selector.matches(&pod.metadata.labels) {
                graph.link(EntityRef::pod(pod.namespace(), pod.name()), Relation::LimitedBy, me.clone());
            }
        }
    }
}
