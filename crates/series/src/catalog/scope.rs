//! What a series is about: from labels to entities, and from a pod to the workload whose baseline it shares.

use std::sync::Arc;

use rootline_model::{EntityRef, Kind, LabelSet};

/// Which labels make one series, and what thing they name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// namespace, pod, container; the baseline is the workload's container.
    Container,
    /// namespace, pod; the baseline is the workload.
    Pod,
    Deployment,
    StatefulSet,
    DaemonSet,
    Hpa,
    Node,
    /// A node's block device.
    Device,
    /// A node's file system.
    Mount,
    /// A part of every node: `kubelet`.
    OnNode(&'static str),
    Pvc,
    /// One resource of one quota.
    Quota,
    /// A part of the control plane with instances: `etcd`. The baseline is the component.
    Component(&'static str),
    Webhook,
    /// A scrape job.
    Target,
    /// A Service behind ingress-nginx.
    Ingress,
    /// A Service of the mesh.
    Mesh,
}

/// One series' thing: the entity its findings are about, and the part of it that the entity does not name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    pub entity: EntityRef,
    /// Container of a workload, mount point or device of a node, resource of a quota; empty where there is none.
    pub part: Arc<str>,
}

impl Subject {
    fn new(entity: EntityRef, part: &str) -> Self {
        Subject { entity, part: part.into() }
    }
}

/// `node/w1 /var`, `deployment/shop/cart app`
impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.entity)?;
        if self.part.is_empty() { Ok(()) } else { write!(f, " {}", self.part) }
    }
}

impl Scope {
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Scope::Container => &["namespace", "pod", "container"],
            Scope::Pod => &["namespace", "pod"],
            Scope::Deployment => &["namespace", "deployment"],
            Scope::StatefulSet => &["namespace", "statefulset"],
            Scope::DaemonSet => &["namespace", "daemonset"],
            Scope::Hpa => &["namespace", "horizontalpodautoscaler"],
            Scope::Node | Scope::OnNode(_) => &["node", "instance"],
            Scope::Device => &["node", "instance", "device"],
            Scope::Mount => &["node", "instance", "mountpoint"],
            Scope::Pvc => &["namespace", "persistentvolumeclaim"],
            Scope::Quota => &["namespace", "resourcequota", "resource"],
            Scope::Component(_) => &["instance"],
            Scope::Webhook => &["name"],
            Scope::Target => &["job"],
            Scope::Ingress => &["exported_namespace", "exported_service", "namespace", "service"],
            Scope::Mesh => &["destination_service_namespace", "destination_service_name"],
        }
    }

    /// The thing that labels name; `None` where a label that must be there is not.
    pub fn subject(self, labels: &LabelSet) -> Option<Subject> {
        let must = |name: &str| labels.get(name);
        let named =
            |kind: Kind, label: &str| Some(Subject::new(EntityRef::new(kind, must("namespace")?, must(label)?), ""));
        Some(match self {
            Scope::Container => {
                let (namespace, pod, container) = (must("namespace")?, must("pod")?, must("container")?);
                Subject::new(EntityRef::container(namespace, pod, container), container)
            }
            Scope::Pod => named(Kind::Pod, "pod")?,
            Scope::Deployment => named(Kind::Deployment, "deployment")?,
            Scope::StatefulSet => named(Kind::StatefulSet, "statefulset")?,
            Scope::DaemonSet => named(Kind::DaemonSet, "daemonset")?,
            Scope::Hpa => named(Kind::Hpa, "horizontalpodautoscaler")?,
            Scope::Pvc => named(Kind::Pvc, "persistentvolumeclaim")?,
            Scope::Node => Subject::new(EntityRef::node(node(labels)?), ""),
            Scope::Device => Subject::new(EntityRef::node(node(labels)?), must("device")?),
            Scope::Mount => Subject::new(EntityRef::node(node(labels)?), must("mountpoint")?),
            Scope::OnNode(component) => Subject::new(EntityRef::component(node(labels)?, component), ""),
            Scope::Quota => {
                let quota = EntityRef::new(Kind::Quota, must("namespace")?, must("resourcequota")?);
                Subject::new(quota, must("resource")?)
            }
            Scope::Component(component) => {
                Subject::new(EntityRef::component("", component), host(labels.value("instance")))
            }
            Scope::Webhook => Subject::new(EntityRef::wide(Kind::Webhook, must("name")?), ""),
            Scope::Target => Subject::new(EntityRef::component("", must("job")?), ""),
            Scope::Ingress => {
                let namespace = must("exported_namespace").or_else(|| must("namespace"))?;
                let service = must("exported_service").or_else(|| must("service"))?;
                Subject::new(EntityRef::new(Kind::Service, namespace, service), "")
            }
            Scope::Mesh => {
                let namespace = must("destination_service_namespace")?;
                Subject::new(EntityRef::new(Kind::Service, namespace, must("destination_service_name")?), "")
            }
        })
    }

    /// The thing whose baseline a subject shares: the workload of a pod or container, the component of an instance;
    /// everything else has its own. `workload` is asked for (namespace, pod).
    pub fn baseline(self, subject: &Subject, workload: impl FnOnce(&str, &str) -> Option<EntityRef>) -> Subject {
        let entity = &subject.entity;
        match self {
            Scope::Container | Scope::Pod => {
                let owner = workload(&entity.namespace, &entity.name);
                Subject {
                    entity: owner.unwrap_or_else(|| workload_by_name(&entity.namespace, &entity.name)),
                    part: subject.part.clone(),
                }
            }
            Scope::Component(_) => Subject::new(entity.clone(), ""),
            _ => subject.clone(),
        }
    }

    /// True where several subjects share one baseline.
    pub const fn is_shared(self) -> bool {
        matches!(self, Scope::Container | Scope::Pod | Scope::Component(_))
    }
}

/// The node's name: the label `node`, else the host of `instance`.
fn node(labels: &LabelSet) -> Option<&str> {
    labels.get("node").or_else(|| labels.get("instance").map(host))
}

/// `10.0.0.1:9100` → `10.0.0.1`; `[fd00::1]:9100` → `fd00::1`.
fn host(instance: &str) -> &str {
    let host = match instance.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => instance,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The workload of a pod by its name alone, for when nobody says who owns it: `cart-5c689d88bb-x7f2k` is of the
/// Deployment `cart`, `db-2` of the StatefulSet `db`, `agent-x7f2k` of the DaemonSet `agent`, `backup-28991234-x7f2k` of
/// the CronJob `backup`. A bare pod is itself. Kubernetes writes suffixes in an alphabet without vowels and look-alikes
/// (apimachinery `util/rand`), so a word like `-server` is not taken for one.
pub fn workload_by_name(namespace: &str, pod: &str) -> EntityRef {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = |s: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&s.len()) && s.bytes().all(|b| ALPHABET.contains(&b))
    };
    let number = |s: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
    };
    let Some((start, last)) = pod.rsplit_once('-') else { return EntityRef::pod(namespace, pod) };
    if random(last, 5..=5) {
        return match start.rsplit_once('-') {
            // minutes since 1970 as the CronJob controller writes them, seconds in old versions
            Some((name, at)) if number(at, 8..=10) => EntityRef::new(Kind::CronJob, namespace, name),
            Some((name, hash)) if random(hash, 8..=10) => EntityRef::new(Kind::Deployment, namespace, name),
            _ => EntityRef::new(Kind::DaemonSet, namespace, start),
        };
    }
    if number(last, 1..=4) {
        return EntityRef::new(Kind::StatefulSet, namespace, start);
    }
    EntityRef::pod(namespace, pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> LabelSet {
        pairs.iter().copied().collect()
    }

    #[test]
    fn pods_find_their_workload_by_name_and_words_are_not_taken_for_hashes() {
        for (pod, workload) in [
            ("cart-5c689d88bb-x7f2k", "deployment/shop/cart"),
            ("db-0", "statefulset/shop/db"),
            ("log-agent-x7f2k", "daemonset/shop/log-agent"),
            ("backup-28991234-x7f2k", "cronjob/shop/backup"),
            ("metrics-server", "pod/shop/metrics-server"),
            ("web", "pod/shop/web"),
        ] {
            assert_eq!(workload_by_name("shop", pod).to_string(), workload);
        }
    }

    #[test]
    fn labels_name_things_as_exporters_write_them() {
        let node = Scope::Mount.subject(&labels(&[("instance", "10.0.0.1:9100"), ("mountpoint", "/var")]));
        assert_eq!(node.map(|s| s.to_string()).as_deref(), Some("node/10.0.0.1 /var"));
        let six = Scope::Node.subject(&labels(&[("instance", "[fd00::1]:9100")]));
        assert_eq!(six.map(|s| s.to_string()).as_deref(), Some("node/fd00::1"));
        let named = Scope::Node.subject(&labels(&[("instance", "10.9.9.9:8080"), ("node", "w1")]));
        assert_eq!(named.map(|s| s.to_string()).as_deref(), Some("node/w1"));
        assert_eq!(Scope::Pod.subject(&labels(&[("namespace", "shop")])), None);
    }

    #[test]
    fn pods_of_one_workload_share_a_baseline() {
        let one = Scope::Container
            .subject(&labels(&[("namespace", "shop"), ("pod", "cart-5c689d88bb-x7f2k"), ("container", "app")]))
            .expect("all labels are there");
        let other = Scope::Container
            .subject(&labels(&[("namespace", "shop"), ("pod", "cart-7d9f6c4b5d-2bqzm"), ("container", "app")]))
            .expect("all labels are there");
        let nobody = |_: &str, _: &str| None;
        assert_eq!(Scope::Container.baseline(&one, nobody), Scope::Container.baseline(&other, nobody));
        let told = Scope::Container.baseline(&one, |ns, _| Some(EntityRef::new(Kind::StatefulSet, ns, "cart")));
        assert_eq!(told.to_string(), "statefulset/shop/cart app");
    }
}
