//! What a rollout changes: pod templates, field by field.

use std::collections::BTreeSet;

use rootline_model::ChangeKind;
use rootline_objects::{Container, Handler, Object, PodSpec, Probe, Template, Volume};

use super::Found;

const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Changes of a template; one `rollout` and one more for each field.
pub(super) fn diff(found: &mut Found, generations: (String, String), old: &Template, new: &Template) {
    let restarted = |t: &Template| t.metadata.annotations.get(RESTARTED_AT).map(str::to_owned);
    if old.spec == new.spec {
        if restarted(old) != restarted(new) {
            found.add(ChangeKind::Restart, "", "", restarted(new).unwrap_or_default());
        }
        return;
    }
    found.add(ChangeKind::Rollout, "", generations.0, generations.1);
    containers(found, &old.spec.init_containers, &new.spec.init_containers);
    containers(found, &old.spec.containers, &new.spec.containers);
    volumes(found, &old.spec.volumes, &new.spec.volumes);
    placement(found, &old.spec, &new.spec);
    others(found, &old.spec, &new.spec);
}

/// `app:2, sidecar:1` of what has a template.
pub(super) fn images(object: &Object) -> String {
    let spec = match object {
        Object::Deployment(o) => &o.spec.template.spec,
        Object::StatefulSet(o) => &o.spec.template.spec,
        Object::DaemonSet(o) => &o.spec.template.spec,
        Object::Job(o) => &o.spec.template.spec,
        Object::CronJob(o) => &o.spec.job_template.spec.template.spec,
        _ => return String::new(),
    };
    spec.containers.iter().map(|c| c.image.as_str()).collect::<Vec<_>>().join(", ")
}

fn containers(found: &mut Found, old: &[Container], new: &[Container]) {
    for container in new {
        match old.iter().find(|c| c.name == container.name) {
            Some(before) => between(found, before, container),
            None => found.add(ChangeKind::RolloutOther, format!("container {}", container.name), "", &container.image),
        }
    }
    for container in old.iter().filter(|o| new.iter().all(|n| n.name != o.name)) {
        found.add(ChangeKind::RolloutOther, format!("container {}", container.name), &container.image, "");
    }
}

fn between(found: &mut Found, old: &Container, new: &Container) {
    let name = &new.name;
    found.value(ChangeKind::RolloutImage, name, &old.image, &new.image);
    if old.command != new.command || old.args != new.args {
        found.add(ChangeKind::RolloutCommand, name, "", "");
    }
    environment(found, old, new);
    resources(found, old, new);
    for (what, a, b) in [
        ("livenessProbe", &old.liveness_probe, &new.liveness_probe),
        ("readinessProbe", &old.readiness_probe, &new.readiness_probe),
        ("startupProbe", &old.startup_probe, &new.startup_probe),
    ] {
        if a != b {
            let text = |p: &Option<Box<Probe>>| p.as_deref().map(probe).unwrap_or_default();
            found.add(ChangeKind::RolloutProbe, format!("{what} of {name}"), text(a), text(b));
        }
    }
    if old.ports != new.ports {
        let ports = |c: &Container| c.ports.iter().map(|p| p.container_port.to_string()).collect::<Vec<_>>().join(", ");
        found.add(ChangeKind::RolloutOther, format!("ports of {name}"), ports(old), ports(new));
    }
    let rest = [
        ("volume mounts", old.volume_mounts != new.volume_mounts),
        ("lifecycle hooks", old.lifecycle != new.lifecycle),
        ("security context", old.security_context != new.security_context),
        ("image pull policy", old.image_pull_policy != new.image_pull_policy),
    ];
    for (what, _) in rest.into_iter().filter(|(_, differs)| *differs) {
        found.add(ChangeKind::RolloutOther, format!("{what} of {name}"), "", "");
    }
}

/// Names only: a value may be a secret.
fn environment(found: &mut Found, old: &Container, new: &Container) {
    let names: BTreeSet<&str> = old.env.iter().chain(&new.env).map(|v| v.name.as_str()).collect();
    for name in names {
        let of = |c: &Container| c.env.iter().find(|v| v.name == name).cloned();
        if of(old) != of(new) {
            found.add(ChangeKind::RolloutEnv, format!("{}/{name}", new.name), "", "");
        }
    }
    if old.env_from != new.env_from {
        found.add(ChangeKind::RolloutEnv, format!("{}/envFrom", new.name), "", "");
    }
}

fn resources(found: &mut Found, old: &Container, new: &Container) {
    for (what, a, b) in [
        ("requests", &old.resources.requests, &new.resources.requests),
        ("limits", &old.resources.limits, &new.resources.limits),
    ] {
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let text = |m: &std::collections::BTreeMap<String, rootline_objects::Quantity>| {
                m.get(key).map_or_else(|| "none".to_owned(), ToString::to_string)
            };
            found.value(ChangeKind::RolloutResources, &format!("{what}.{key} of {}", new.name), &text(a), &text(b));
        }
    }
}

/// `http /healthz:8080 every 10 s, 3 failures`
fn probe(probe: &Probe) -> String {
    let action = Handler {
        http_get: probe.http_get.clone(),
        tcp_socket: probe.tcp_socket.clone(),
        grpc: probe.grpc.clone(),
        exec: probe.exec.clone(),
    };
    let mut text = match &action {
        Handler { http_get: Some(h), .. } => format!("http {}:{}", h.path, h.port),
        Handler { tcp_socket: Some(t), .. } => format!("tcp {}", t.port),
        Handler { grpc: Some(g), .. } => format!("grpc {}", g.port),
        Handler { exec: Some(e), .. } => format!("exec {}", e.command.join(" ")),
        _ => String::new(),
    };
    for (value, words) in [
        (probe.initial_delay_seconds, "s delay"),
        (probe.period_seconds, "s period"),
        (probe.timeout_seconds, "s timeout"),
        (probe.failure_threshold, "failures"),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(", {value} {words}"));
        }
    }
    text
}

fn volumes(found: &mut Found, old: &[Volume], new: &[Volume]) {
    let names: BTreeSet<&str> = old.iter().chain(new).map(|v| v.name.as_str()).collect();
    for name in names {
        let of = |all: &[Volume]| all.iter().find(|v| v.name == name).cloned();
        if of(old) != of(new) {
            found.add(ChangeKind::RolloutVolume, name, "", "");
        }
    }
}

fn placement(found: &mut Found, old: &PodSpec, new: &PodSpec) {
    let parts = [
        ("nodeSelector", old.node_selector != new.node_selector),
        ("affinity", old.affinity != new.affinity),
        ("tolerations", old.tolerations != new.tolerations),
        ("topologySpreadConstraints", old.topology_spread_constraints != new.topology_spread_constraints),
        ("schedulerName", old.scheduler_name != new.scheduler_name),
        ("nodeName", old.node_name != new.node_name),
    ];
    for (part, _) in parts.into_iter().filter(|(_, differs)| *differs) {
        found.add(ChangeKind::RolloutPlacement, part, "", "");
    }
}

fn others(found: &mut Found, old: &PodSpec, new: &PodSpec) {
    for (part, a, b) in [
        ("serviceAccountName", &old.service_account_name, &new.service_account_name),
        ("priorityClassName", &old.priority_class_name, &new.priority_class_name),
        ("dnsPolicy", &old.dns_policy, &new.dns_policy),
        ("restartPolicy", &old.restart_policy, &new.restart_policy),
    ] {
        found.value(ChangeKind::RolloutOther, part, a, b);
    }
    let grace = |s: &PodSpec| s.termination_grace_period_seconds.map(|g| g.to_string()).unwrap_or_default();
    found.value(ChangeKind::RolloutOther, "terminationGracePeriodSeconds", &grace(old), &grace(new));
    let rest = [
        ("hostNetwork", old.host_network != new.host_network),
        ("dnsConfig", old.dns_config != new.dns_config),
        ("hostAliases", old.host_aliases != new.host_aliases),
        ("imagePullSecrets", old.image_pull_secrets != new.image_pull_secrets),
        ("securityContext", old.security_context != new.security_context),
    ];
    for (part, _) in rest.into_iter().filter(|(_, differs)| *differs) {
        found.add(ChangeKind::RolloutOther, part, "", "");
    }
}
