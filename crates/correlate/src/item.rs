//! What is correlated: an alert, a fact or an anomaly, with the things it is about and when it began.

use std::sync::Arc;

use rootline_model::{Alert, EntityRef, Fingerprint, Kind, LabelSet, Origin, Severity, Timestamp};

use crate::Topology;
use crate::subject::{AGENTS, Subject};

/// The least rank of a fact that the diagnosis gave a cause to.
pub const NAMED: u8 = 80;

/// One thing that is wrong. Its identity is `id`; sent again with the same id it is the same item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub id: Fingerprint,
    /// `alertname`, or a finding's code.
    pub name: Arc<str>,
    pub labels: LabelSet,
    /// The cluster it is about, by its label `cluster`; of a fact or an anomaly the own one. Empty if it is not known.
    pub cluster: Arc<str>,
    /// Words of a person for `text`; may be empty.
    pub text: Arc<str>,
    /// Most specific first; empty where the labels tell nothing.
    pub entities: Arc<[EntityRef]>,
    /// When it began, as well as it can be told.
    pub onset: Timestamp,
    /// When it fired.
    pub fired: Timestamp,
    pub ends: Option<Timestamp>,
    /// `None`: information, nobody's incident alone.
    pub severity: Option<Severity>,
    pub origin: Origin,
    /// How likely the thing it names is the cause rather than the effect, 0 to 100; 50 where nothing is known.
    pub rank: u8,
}

impl Item {
    /// From an alert, or from a fact or anomaly in an alert's clothes. Onset: firing time minus the rule's `for:`.
    pub fn from_alert(alert: &Alert, origin: Origin, topology: &Topology) -> Item {
        let name = alert.name();
        let entities = entities(&alert.labels, topology);
        let cluster = match alert.labels.get("cluster") {
            Some(named) => named.into(),
            None if origin == Origin::Alert => "".into(),
            None => topology.cluster().clone(),
        };
        let subject = Subject::of(name, entities.first());
        let words = ["summary", "description", "message"].map(|k| alert.annotations.value(k));
        let mut severity = alert.severity();
        if severity.is_none() && subject.acts() && alert.labels.value("severity") != "none" {
            severity = Some(Severity::Warning);
        }
        Item {
            id: alert.fingerprint(),
            name: name.into(),
            labels: alert.labels.clone(),
            cluster,
            text: words.into_iter().find(|w| !w.is_empty()).unwrap_or_default().into(),
            entities: entities.into(),
            onset: alert.onset(),
            fired: alert.starts_at,
            ends: alert.ends_at,
            severity,
            origin,
            rank: subject.rank(),
        }
    }

    /// What an alert is about, by a topology that knows more than the one it was made with. Of facts and anomalies it is
    /// known from whoever found them.
    pub(crate) fn relocate(&mut self, topology: &Topology) {
        if self.origin == Origin::Alert {
            let found = entities(&self.labels, topology);
            // whoever knew more than the labels tell knows it still
            if found.iter().any(|e| !self.entities.contains(e)) {
                self.rank = Subject::of(&self.name, found.first()).rank();
                self.entities = found.into();
            }
        }
    }

    /// True for a fact with a named cause.
    pub fn is_named(&self) -> bool {
        self.origin == Origin::Fact && self.rank >= NAMED
    }

    pub fn is_firing(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|end| end > now)
    }
}

/// Labels by which rules name a workload, with its kind. Of kube-state-metrics, and the short ones of other exporters.
const WORKLOADS: &[(&str, Kind)] = &[
    ("deployment", Kind::Deployment),
    ("statefulset", Kind::StatefulSet),
    ("daemonset", Kind::DaemonSet),
    ("job_name", Kind::Job),
    ("cronjob", Kind::CronJob),
    ("replicaset", Kind::ReplicaSet),
    ("horizontalpodautoscaler", Kind::Hpa),
    ("hpa", Kind::Hpa),
    ("poddisruptionbudget", Kind::Pdb),
    ("ingress", Kind::Ingress),
];

/// Scrape jobs and alert name beginnings of the parts that the whole cluster stands on.
const COMPONENTS: &[(&str, &[&str])] = &[
    ("dns", &["coredns", "kube-dns", "node-local-dns", "nodelocaldns"]),
    ("etcd", &["etcd", "kube-etcd"]),
    ("kube-apiserver", &["apiserver", "kube-apiserver", "kubeapi", "kubeclient", "kubeaggregatedapi"]),
    ("kube-controller-manager", &["kube-controller-manager", "kubecontrollermanager"]),
    ("kube-scheduler", &["kube-scheduler", "kubescheduler"]),
];

/// The part of the cluster a scrape job or an alert's name is about.
fn component(labels: &LabelSet, parts: &[(&'static str, &[&str])]) -> Option<&'static str> {
    let starts = |word: &str| {
        let begins = |name: &&str| {
            word.as_bytes().get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        parts.iter().find(|(_, names)| names.iter().any(begins)).map(|(part, _)| *part)
    };
    starts(labels.value("alertname")).or_else(|| {
        let whole = |word: &str| parts.iter().find(|(_, names)| names.contains(&word)).map(|(part, _)| *part);
        whole(labels.value("job")).or_else(|| whole(labels.value("component")))
    })
}

/// In the order of `logs-and-alerts`: volume claim, pod, node, workload, service, part of the cluster, namespace.
///
/// Of an alert whose numbers kube-state-metrics made, `instance`, `service`, `pod` of that exporter say nothing; its
/// own objects stand in the labels too, because it is scraped with `honor_labels`.
///
/// What is in another cluster has that one's name before its namespace (`node/east:/worker-1`), so that it is none of the
/// things here that are called the same.
fn entities(labels: &LabelSet, topology: &Topology) -> Vec<EntityRef> {
    match topology.other_cluster(labels) {
        None => named_by(labels, topology),
        Some(cluster) => {
            let mut there = named_by(labels, &Topology::new());
            for entity in &mut there {
                entity.namespace = format!("{cluster}:{}", entity.namespace).into();
            }
            there
        }
    }
}

fn named_by(labels: &LabelSet, topology: &Topology) -> Vec<EntityRef> {
    let namespace = labels.value("namespace");
    let job = labels.value("job");
    let second_hand = job.contains("kube-state-metrics");
    let mut found: Vec<EntityRef> = Vec::new();
    if let Some(claim) = labels.get("persistentvolumeclaim") {
        add(&mut found, EntityRef::new(Kind::Pvc, namespace, claim));
    }
    let pod = labels.get("pod").or_else(|| labels.get("pod_name")).or_else(|| labels.get("k8s_pod_name"));
    if let Some(pod) = pod.filter(|p| !(second_hand && p.contains("kube-state-metrics"))) {
        add(&mut found, EntityRef::pod(namespace, pod));
    }
    let node = labels.get("node").or_else(|| labels.get("nodename")).or_else(|| labels.get("kubernetes_node"));
    if let Some(node) = node {
        add(&mut found, topology.resolve(node).cloned().unwrap_or_else(|| EntityRef::node(node)));
    }
    if !second_hand && let Some(instance) = labels.get("instance") {
        if let Some(thing) = topology.resolve(instance) {
            add(&mut found, thing.clone());
        } else if matches!(job, "node-exporter" | "kubelet") {
            add(&mut found, EntityRef::node(instance.rsplit_once(':').map_or(instance, |(host, _)| host)));
        }
    }
    for (label, kind) in WORKLOADS {
        if let Some(name) = labels.get(label) {
            add(&mut found, EntityRef::new(*kind, namespace, name));
        }
    }
    if let (kind, Some(name)) = (labels.value("workload_type"), labels.get("workload")) {
        add(&mut found, EntityRef::new(Kind::parse(kind).unwrap_or(Kind::Deployment), namespace, name));
    }
    if found.is_empty()
        && let Some(agent) = component(labels, AGENTS)
    {
        // of no single node: some or all of them
        found.push(EntityRef::component("", agent));
    }
    if !second_hand && let Some(service) = labels.get("service").filter(|s| *s != job) {
        add(&mut found, EntityRef::new(Kind::Service, namespace, service));
    }
    if let Some(part) = component(labels, COMPONENTS) {
        add(&mut found, EntityRef::component("", part));
    }
    if found.is_empty() && !namespace.is_empty() {
        found.push(EntityRef::wide(Kind::Namespace, namespace));
    }
    found
}

fn add(found: &mut Vec<EntityRef>, entity: EntityRef) {
    if !found.contains(&entity) {
        found.push(entity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[(&str, &str)], expect: &[&str]) {
        let mut topology = Topology::new();
        topology.alias("10.0.0.7", &EntityRef::node("worker-1"));
        let alert = Alert { labels: labels.iter().copied().collect(), ..Alert::default() };
        let item = Item::from_alert(&alert, Origin::Alert, &topology);
        let found: Vec<String> = item.entities.iter().map(ToString::to_string).collect();
        assert_eq!(found, expect, "{labels:?}");
    }

    #[test]
    fn entities_are_read_from_labels_most_specific_first() {
        let ksm = ("job", "kube-state-metrics");
        check(
            &[
                ("alertname", "KubePodNotReady"),
                ("namespace", "shop"),
                ("pod", "cart-1"),
                ksm,
                ("instance", "10.1.1.1:8443"),
            ],
            &["pod/shop/cart-1"],
        );
        check(&[("alertname", "X"), ("instance", "10.0.0.7:9100"), ("job", "node-exporter")], &["node/worker-1"]);
        check(&[("alertname", "X"), ("instance", "w9:9100"), ("job", "node-exporter")], &["node/w9"]);
        check(
            &[
                ("alertname", "KubePersistentVolumeFillingUp"),
                ("namespace", "shop"),
                ("persistentvolumeclaim", "data-db-0"),
            ],
            &["pvc/shop/data-db-0"],
        );
        check(&[("alertname", "X"), ("namespace", "shop"), ("deployment", "cart"), ksm], &["deployment/shop/cart"]);
        check(&[("alertname", "X"), ("namespace", "shop"), ("service", "cart")], &["service/shop/cart"]);
        check(
            &[("alertname", "CoreDNSErrorsHigh"), ("namespace", "kube-system"), ("job", "kube-dns")],
            &["component/dns"],
        );
        check(&[("alertname", "X"), ("job", "etcd"), ("instance", "cp-0:2379")], &["component/etcd"]);
        check(&[("alertname", "X"), ("namespace", "shop")], &["namespace/shop"]);
        let target = [("alertname", "TargetDown"), ("job", "kubelet"), ("namespace", "kube-system")];
        check(&target, &["component/kubelet"]);
        check(&[("alertname", "KubeletDown")], &["component/kubelet"]);
        check(&[("alertname", "KubeletTooManyPods"), ("node", "w1")], &["node/w1"]);
        check(&[("alertname", "X"), ("severity", "critical")], &[]);
    }

    #[test]
    fn things_of_another_cluster_are_none_of_those_here() {
        let mut topology = Topology::new();
        topology.set_cluster("east");
        topology.alias("10.0.0.7", &EntityRef::node("worker-1"));
        let things = |cluster: &str, labels: &[(&str, &str)]| -> Vec<String> {
            let labels = labels.iter().copied().chain([("alertname", "X"), ("cluster", cluster)]).collect();
            let alert = Alert { labels, ..Alert::default() };
            let item = Item::from_alert(&alert, Origin::Alert, &topology);
            item.entities.iter().map(ToString::to_string).collect()
        };
        let pod = [("namespace", "shop"), ("pod", "cart-1"), ("instance", "10.0.0.7:9100")];
        assert_eq!(things("east", &pod), ["pod/shop/cart-1", "node/worker-1"]);
        assert_eq!(things("", &pod), ["pod/shop/cart-1", "node/worker-1"]);
        assert_eq!(things("west", &pod), ["pod/west:shop/cart-1"]);
        assert_eq!(things("west", &[("node", "worker-1")]), ["node/west:/worker-1"]);
    }

    #[test]
    fn an_alert_about_being_evicted_is_more_than_information() {
        let alert = |name, severity| Alert {
            labels: [("alertname", name), ("severity", severity), ("node", "w1")].into_iter().collect(),
            ..Alert::default()
        };
        let severity = |name, s| Item::from_alert(&alert(name, s), Origin::Alert, &Topology::new()).severity;
        assert_eq!(severity("KubeNodeEviction", "info"), Some(Severity::Warning));
        assert_eq!(severity("KubeletTooManyPods", "info"), None);
        assert_eq!(severity("Watchdog", "none"), None);
    }
}
