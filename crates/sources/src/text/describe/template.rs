//! Pods and pod templates have one text in common: containers, volumes, scheduling.

use jiff::Timestamp;
use rootline_objects::{
    Container, ContainerPort, ContainerState, ContainerStatus, EnvFrom, EnvVar, KeyRef, PodSpec, Quantity, Running,
    Terminated, Toleration, TopologySpread, ValueFrom, VolumeMount, Waiting,
};

use super::super::time::moment;
use super::super::tree::{Entry, Line, entries, given, selector};
use super::{probe, volume};

/// Containers with what runs of them, in the order of the text.
pub(super) struct Containers {
    pub specs: Vec<Container>,
    pub statuses: Vec<ContainerStatus>,
}

/// Reads the entries of a pod or a template that belong to the pod's specification. False for any other entry.
pub(super) fn read_spec(spec: &mut PodSpec, entry: &Entry<'_, '_>) -> bool {
    match entry.key {
        "Service Account" => spec.service_account_name = entry.text(),
        "Priority Class Name" => spec.priority_class_name = entry.text(),
        "Volumes" => spec.volumes = entry.children().map(|v| volume::read(&v)).collect(),
        "Node-Selectors" => spec.node_selector = entry.labels(),
        "Tolerations" => spec.tolerations = entry.values().filter_map(toleration).collect(),
        "Topology Spread Constraints" => spec.topology_spread_constraints = entry.values().filter_map(spread).collect(),
        _ => return false,
    }
    true
}

/// A `Pod Template:` section: the template and its labels.
pub(super) fn template(body: &[Line<'_>]) -> rootline_objects::Template {
    let mut out = rootline_objects::Template::default();
    for entry in entries(body) {
        match entry.key {
            "Labels" => out.metadata.labels = entry.labels(),
            "Annotations" => super::annotations(&mut out.metadata, &entry),
            "Init Containers" => out.spec.init_containers = containers(entry.body).specs,
            "Containers" => out.spec.containers = containers(entry.body).specs,
            _ => {
                read_spec(&mut out.spec, &entry);
            }
        }
    }
    out
}

pub(super) fn containers(body: &[Line<'_>]) -> Containers {
    let mut out = Containers { specs: Vec::new(), statuses: Vec::new() };
    for entry in entries(body) {
        if entry.value.is_empty() && !entry.body.is_empty() {
            let (spec, status) = container(&entry);
            out.specs.push(spec);
            out.statuses.extend(status);
        }
    }
    out
}

fn container(entry: &Entry<'_, '_>) -> (Container, Option<ContainerStatus>) {
    let mut spec = Container { name: entry.key.to_owned(), ..Container::default() };
    let mut status = ContainerStatus { name: spec.name.clone(), ..ContainerStatus::default() };
    let mut has_status = false;
    for e in entry.children() {
        match e.key {
            "Image" => spec.image = e.text(),
            "Port" | "Ports" => spec.ports = ports(e.value),
            "Host Port" | "Host Ports" => host_ports(&mut spec.ports, e.value),
            "Command" => spec.command = e.values().map(str::to_owned).collect(),
            "Args" => spec.args = e.values().map(str::to_owned).collect(),
            "State" => {
                status.state = state(&e);
                has_status = true;
            }
            "Last State" => status.last_state = state(&e),
            "Ready" => {
                status.ready = e.value == "True";
                has_status = true;
            }
            "Restart Count" => status.restart_count = e.number().unwrap_or_default(),
            "Limits" => spec.resources.limits = quantities(&e),
            "Requests" => spec.resources.requests = quantities(&e),
            "Liveness" => spec.liveness_probe = probe::read(e.value).map(Box::new),
            "Readiness" => spec.readiness_probe = probe::read(e.value).map(Box::new),
            "Startup" => spec.startup_probe = probe::read(e.value).map(Box::new),
            "Environment Variables from" => spec.env_from = e.values().filter_map(env_from).collect(),
            "Environment" => spec.env = e.children().map(|v| env(&v)).collect(),
            "Mounts" => spec.volume_mounts = e.values().filter_map(mount).collect(),
            _ => {}
        }
    }
    status.image.clone_from(&spec.image);
    (spec, has_status.then_some(status))
}

/// `9555/TCP`, or `80/TCP (http), 443/TCP (https)`.
fn ports(text: &str) -> Vec<ContainerPort> {
    given(text).split(", ").filter_map(port).collect()
}

fn port(text: &str) -> Option<ContainerPort> {
    let (number, rest) = text.trim().split_once('/')?;
    let (protocol, name) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(ContainerPort {
        container_port: number.parse().ok()?,
        protocol: protocol.to_owned(),
        name: name.trim_matches(['(', ')', ' ']).to_owned(),
        ..ContainerPort::default()
    })
}

fn host_ports(ports: &mut [ContainerPort], text: &str) {
    for (port, host) in ports.iter_mut().zip(given(text).split(", ").filter_map(port)) {
        port.host_port = host.container_port;
    }
}

fn state(entry: &Entry<'_, '_>) -> ContainerState {
    let find = |key: &str| entry.children().find(|e| e.key == key);
    let text = |key: &str| find(key).map(|e| e.text()).unwrap_or_default();
    let time = |key: &str| find(key).map(|e| moment(e.value)).unwrap_or_default();
    // Go's zero time stands for a container that never started
    let started = |t: rootline_objects::Time| rootline_objects::Time(t.0.filter(|t| *t > Timestamp::UNIX_EPOCH));
    let mut out = ContainerState::default();
    match entry.value {
        "Running" => out.running = Some(Running { started_at: time("Started") }),
        "Waiting" => out.waiting = Some(Waiting { reason: text("Reason"), message: text("Message") }),
        "Terminated" => {
            out.terminated = Some(Terminated {
                reason: text("Reason"),
                message: find("Message").map(|e| e.long_text()).unwrap_or_default(),
                exit_code: find("Exit Code").and_then(|e| e.value.parse().ok()).unwrap_or_default(),
                signal: find("Signal").and_then(|e| e.value.parse().ok()),
                started_at: started(time("Started")),
                finished_at: started(time("Finished")),
            });
        }
        _ => {}
    }
    out
}

pub(super) fn quantities(entry: &Entry<'_, '_>) -> std::collections::BTreeMap<String, Quantity> {
    entry.children().filter_map(|e| Some((e.key.to_owned(), Quantity::parse(e.value)?))).collect()
}

/// `NAME:  value`, `<set to the key 'k' in secret 's'>  Optional: false`, `10.0.0.4 (v1:status.podIP)`.
fn env(entry: &Entry<'_, '_>) -> EnvVar {
    let mut out = EnvVar { name: entry.key.to_owned(), ..EnvVar::default() };
    let value = entry.value;
    if let Some(rest) = value.strip_prefix("<set to the key '") {
        let optional = value.ends_with("Optional: true").then_some(true);
        if let Some((key, rest)) = rest.split_once("' in secret '") {
            let secret = key_ref(key, rest, optional);
            out.value_from = Some(Box::new(ValueFrom { secret_key_ref: Some(secret), ..ValueFrom::default() }));
            return out;
        }
        if let Some((key, rest)) = rest.split_once("' of config map '") {
            let map = key_ref(key, rest, optional);
            out.value_from = Some(Box::new(ValueFrom { config_map_key_ref: Some(map), ..ValueFrom::default() }));
            return out;
        }
    }
    let field = ["(v1:", "(limits.", "(requests."].iter().find_map(|f| value.rfind(f)).filter(|_| value.ends_with(')'));
    match field.and_then(|at| value.get(..at)) {
        Some(resolved) => {
            out.value = resolved.trim_end().to_owned();
            out.value_from = Some(Box::default());
        }
        // an environment value `<none>` would be the text itself
        None if entry.body.is_empty() => out.value = value.to_owned(),
        None => out.value = entry.long_text(),
    }
    out
}

fn key_ref(key: &str, rest: &str, optional: Option<bool>) -> KeyRef {
    let name = rest.split('\'').next().unwrap_or_default();
    KeyRef { name: name.to_owned(), key: key.to_owned(), optional }
}

/// `shop-settings  ConfigMap  Optional: false`, `shop-keys  Secret with prefix 'DB_'  Optional: true`.
fn env_from(text: &str) -> Option<EnvFrom> {
    let (name, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    let optional = rest.ends_with("Optional: true").then_some(true);
    let reference = Some(KeyRef { name: name.to_owned(), key: String::new(), optional });
    let prefix = rest.split('\'').nth(1).unwrap_or_default().to_owned();
    if rest.starts_with("ConfigMap") {
        Some(EnvFrom { prefix, config_map_ref: reference, secret_ref: None })
    } else {
        rest.starts_with("Secret").then_some(EnvFrom { prefix, config_map_ref: None, secret_ref: reference })
    }
}

/// `/etc/app from settings (ro,path="app.yaml")`.
fn mount(text: &str) -> Option<VolumeMount> {
    let (path, rest) = text.split_once(" from ")?;
    let (name, flags) = rest.split_once(" (").unwrap_or((rest, ""));
    let sub_path = flags.split_once("path=\"").map(|(_, p)| p.trim_end_matches([')', '"'])).unwrap_or_default();
    Some(VolumeMount {
        name: name.trim().to_owned(),
        mount_path: path.trim().to_owned(),
        sub_path: sub_path.to_owned(),
        read_only: flags.starts_with("ro").then_some(true),
    })
}

/// `key=value:NoSchedule`, `key:NoExecute op=Exists for 300s`, `op=Exists`.
fn toleration(text: &str) -> Option<Toleration> {
    let mut out = Toleration { operator: "Equal".to_owned(), ..Toleration::default() };
    let mut words = text.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if word == "op=Exists" {
            out.operator = "Exists".to_owned();
        } else if word == "for" {
            out.toleration_seconds = words.next()?.trim_end_matches('s').parse().ok();
        } else {
            let (pair, effect) = word.rsplit_once(':').unwrap_or((word, ""));
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            out.key = key.to_owned();
            out.value = value.to_owned();
            out.effect = effect.to_owned();
        }
    }
    Some(out)
}

/// `kubernetes.io/hostname:DoNotSchedule when max skew 1 is exceeded for selector app=cart`.
fn spread(text: &str) -> Option<TopologySpread> {
    let (head, rest) = text.split_once(" when max skew ")?;
    let (topology_key, when) = head.rsplit_once(':')?;
    let (skew, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(TopologySpread {
        max_skew: skew.parse().ok()?,
        topology_key: topology_key.to_owned(),
        when_unsatisfiable: when.to_owned(),
        label_selector: tail.split_once("for selector ").map(|(_, s)| selector(s)),
    })
}
